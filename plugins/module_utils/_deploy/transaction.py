# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The steps of a deploy after the release is unpacked: try, serve and check it, or put back the former one.

carry_out() needs no control node: see job.py. Until the release has passed the gate, nothing that is served is touched.
After that, either the new release is served and its page was read, or the former release is served again.

A restart of the service ends the former server, which may take long, because it finishes the requests that it has
begun. Clients do not wait for that: a helper unit (`Order.next_unit`) serves the release on the same socket from before
the restart until after it. If the helper does not start, the release has not passed the gate.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import releases
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import report
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, one_shot, unit_files

SECONDS_BETWEEN_LOOKS = 0.2
HEALTH_CHECK = "webserver-health"  # the application answers to this User-Agent during maintenance: gunicorn.conf.py.j2
SECONDS_TO_STAY = 3  # how long a process must run after it has imported the application
LONGEST_ANSWER = 2000  # bytes of the page that are read
UNIT_SUFFIXES = (".service", ".socket", ".timer")

SERVED = "served"  # the release is served, and the page was read
REFUSED = "refused"  # the release did not pass the gate: nothing that is served was touched
PUT_BACK = "put back"  # the release was not served, and the former state is served again
NOT_PUT_BACK = "not put back"  # neither of the two is served for certain

File = Mapping[str, Any]  # path, content (None: no such file), and optional mode, uid and folder_mode, all numbers


class Failed(Exception):
    """A step that failed. The message is a clause for people."""


class Order(NamedTuple):
    """One deploy. The module passes it to the job as JSON."""

    path: str  # the folder of the releases
    release: str
    unit: str  # the service that serves
    units: Mapping[str, list[str]]  # the units to run, in the order of their start, with the paths that each reads
    files: list[File]  # to write or remove before the release is served
    gate_unit: str  # a oneshot service that fails if the release is not fit; empty if there is no gate
    gate_files: list[File]  # to write before the gate, with the file of the next unit
    secrets: list[File]  # to write before the gate, or to remove after the proof
    url: str  # the page, as the machine itself requests it: http://ADDRESS:PORT/PATH
    host: str  # the header Host of that request
    seconds: int  # how long the server may take to listen, and then to answer
    deployed: bool = True  # False for a rollback: the release keeps its place in the order
    is_new: bool = True  # whether this deploy unpacked the release, so that it is removed if the deploy fails
    keep: int = 5  # how many releases stay
    next_unit: str = ""  # a service that serves the release while the unit is restarted; empty if there is none
    before_unit: str = ""  # a oneshot service to run before the gate, such as a migration; empty if there is none
    spare_memory: int = 0  # MiB that must remain available beside the next unit
    run: Mapping[str, Any] = {}  # who deploys: see deploy_lock.py

    @property
    def address(self) -> tuple[str, int]:
        host, _colon, port = self.url[len("http://") :].partition("/")[0].rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def processes(self) -> list[str]:
        """The services that run beside the unit."""
        return [name for name in self.units if name.endswith(".service") and name != self.unit]

    @property
    def last_units(self) -> list[str]:
        """The processes, and the timers that start commands of the release: they start when the page is served."""
        return [name for name in self.units if "@" in name]

    @property
    def page(self) -> str:
        return "/" + self.url[len("http://") :].partition("/")[2]


class Changes:
    """Files that were written, with their former content, so that they can be put back."""

    def __init__(self) -> None:
        self.former: list[File] = []

    @property
    def paths(self) -> list[str]:
        return [file["path"] for file in self.former]

    def write(self, files: Iterable[File]) -> None:
        changed = [file for file in files if not is_as(file)]
        stop_removed(changed)
        for file in changed:
            self.former.append({**file, "content": unit_files.text(file["path"])})
            write(file)

    def undo(self) -> None:
        """Write the former content. Can be called again if it fails."""
        stop_removed(self.former)
        while self.former:
            write(self.former[-1])
            self.former.pop()


def is_as(file: File) -> bool:
    """Return whether a file has this content, mode and owner."""
    return unit_files.is_as(file["path"], file["content"], *_attributes(file))


def stop_removed(files: Iterable[File]) -> None:
    """Stop the units whose files are to be removed, at the same time, while systemd still knows them."""
    gone = [os.path.basename(file["path"]) for file in files if file["content"] is None]
    names = [name for name in gone if name.endswith(UNIT_SUFFIXES) and "@." not in name]  # a template never runs
    if names:
        manager.disable(*names)
    for name in names:
        unit_files.remove_note(name)


def write(file: File) -> None:
    """Write a file, or remove it."""
    unit_files.write(file["path"], file["content"], *_attributes(file))


def _attributes(file: File) -> tuple[int, int, int | None]:
    return file.get("mode", 0o644), file.get("uid", 0), file.get("folder_mode")


# Decisions. These functions do not look at the machine.


def socket_of(service: str) -> str:
    """Return the name of a service's socket unit."""
    return os.path.splitext(service)[0] + ".socket"


def outdated(seen: Mapping[str, manager.Seen], written: Iterable[str]) -> list[str]:
    """Return the active units that run with older files than the present ones, in the order of their start.

    A unit whose own file is in `written` counts too: if it crashes again and again, it may have started after the file
    was written, but before systemd read it.
    """
    names = {os.path.basename(path) for path in written}
    return [name for name, each in seen.items() if each.unit.active and (each.outdated_by or name in names)]


def to_restart(seen: Mapping[str, manager.Seen], written: Iterable[str], service: str) -> list[str]:
    """Return the units to restart. If the service's socket is among them, the service is not: it restarts with it."""
    names = outdated(seen, written)
    return [name for name in names if name != service or socket_of(service) not in names]


def foreseen(
    seen: Mapping[str, manager.Seen], units: Mapping[str, list[str]], changed: Iterable[str]
) -> dict[str, manager.Seen]:
    """Return the units as they will be after these paths have changed. `units` has the paths that each unit reads."""
    paths = set(changed)
    return {
        name: each._replace(outdated_by=each.outdated_by + [path for path in units[name] if path in paths])
        for name, each in seen.items()
    }


def overlaps(
    seen: Mapping[str, manager.Seen], units: Mapping[str, list[str]], changed: list[str], service: str
) -> bool:
    """Return whether a second server can take the requests while the service is restarted.

    It can if the service runs and will be restarted, and its socket stays open. If the socket changed too, the second
    server would hold the former one.
    """
    socket = seen.get(socket_of(service))
    return (
        service in to_restart(foreseen(seen, units, changed), changed, service)
        and seen[service].unit.main_pid is not None
        and socket is not None
        and socket.unit.active
    )


def has_room(available: int, used: int | None, spare: int) -> bool:
    """Return whether there is memory for a second server: as much as the first one uses, and `spare`. All in bytes.

    `used` is None if it is not known.
    """
    return used is not None and available >= used + spare


def is_untouched(before: Mapping[str, manager.Seen], now: Mapping[str, manager.Seen], service: str) -> bool:
    """Return whether the service still runs with the process that it had before."""
    old, new = before.get(service), now.get(service)
    return bool(old and new and old.unit.active and new.unit.active and old.unit.start == new.unit.start)


def to_start(seen: Mapping[str, manager.Seen]) -> list[str]:
    """Return the units that do not run, or are not enabled."""
    return [name for name, each in seen.items() if not (each.unit.active and each.unit.enabled)]


def to_restore(
    before: Mapping[str, manager.Seen], now: Mapping[str, manager.Seen], processes: Iterable[str]
) -> list[str]:
    """Return the processes that ran before, and that this deploy has restarted or stopped."""
    return [name for name in processes if before[name].unit.active and before[name].unit.start != now[name].unit.start]


def ended(first: Mapping[str, manager.Seen], now: Mapping[str, manager.Seen]) -> list[str]:
    """Return the processes that do not run now, or that were started again since the first look."""
    return [
        name
        for name, each in now.items()
        if each.unit.main_pid is None or not each.unit.active or each.unit.start != first[name].unit.start
    ]


def in_crash_loop(seen: Mapping[str, manager.Seen], seconds: float, uptime: float) -> list[str]:
    """Return the processes that are down, or that systemd has started again less than these seconds ago."""
    return [
        name
        for name, each in seen.items()
        if each.unit.main_pid is None or (each.unit.restarts and uptime - (each.unit.start or 0) / 1e6 < seconds)
    ]


def have_stayed(seen: Mapping[str, manager.Seen], seconds: float, uptime: float) -> bool:
    """Return whether all processes have run for these seconds. `uptime` is seconds of the monotonic clock."""
    return all(uptime - (each.unit.start or 0) / 1e6 >= seconds for each in seen.values())


def removed_units(files: Iterable[File], former: Iterable[File]) -> list[str]:
    """Return the units whose files were removed, and that ran by themselves: those with a section [Install].

    `former` are the written files with their former content.
    """
    gone = {file["path"] for file in files if file["content"] is None}
    return [
        os.path.basename(file["path"])
        for file in former
        if file["path"] in gone and file["path"].endswith(UNIT_SUFFIXES) and "[Install]" in (file["content"] or "")
    ]


def to_put_back(former: Iterable[File], service: str) -> list[str]:
    """Return the units to restart with the former files: the sockets first, because the service uses them."""
    names = [os.path.basename(file["path"]) for file in former if file["content"] is not None]
    return [name for name in names if name.endswith(".socket")] + [service]


# The steps.


def pending(order: Order) -> bool:
    """Return whether the deploy has anything to do. Changes nothing."""
    seen = manager.look(order.units, notes=False)
    return (
        releases.current(order.path) != order.release
        or not all(map(is_as, [*order.secrets, *order.files]))
        or any(each.unit.needs_reload for each in seen.values())
        or bool(outdated(seen, []) or to_start(seen))
        or len(seen) < len(order.units)
        or bool(in_crash_loop({name: seen[name] for name in order.processes}, SECONDS_TO_STAY, time.monotonic()))
    )


def carry_out(order: Order) -> dict[str, Any]:
    """Carry out the deploy. Returns the outcome, a dict.

    `state` is one of the constants above, and `reason` says why the release is not served. `release` and `former` are
    names of releases. `started` are the units that were started or restarted, `removed` the superfluous releases, and
    `not_removed` says why one of them or a former secret is still there. `answer` has the page's `status` and
    `content`, its first characters. `trial` is the unit that failed before the switch, and `gate` what it printed.
    `prepared` is what the unit before the gate printed. `not_put_back` says why the former release is not served.
    """
    former = releases.current(order.path)
    secrets, gate_files, files = Changes(), Changes(), Changes()
    outcome: dict[str, Any] = dict(
        release=order.release, former=former, started=[], removed=[], reason="", trial="", gate="", prepared=""
    )
    try:
        before = manager.look(order.units, notes=False)
        # The release is also tried if only a file changes: a wrong value in it must not reach what is served.
        changed = [file["path"] for file in [*order.secrets, *order.files] if not is_as(file)]
        changed += [os.path.join(order.path, "current")] if former != order.release else []
        trials = [order.before_unit] if order.before_unit and former != order.release else []
        trials += [order.gate_unit] if order.gate_unit and changed else []
        helper = order.next_unit if needs_helper(order, before, changed) else ""
        secrets.write(file for file in order.secrets if file["content"] is not None)
        trials += [helper] if helper else []
        if trials:
            gate_files.write(order.gate_files)
            if gate_files.former:
                manager.reload()
        for unit in trials:
            if unit == order.before_unit:
                outcome["prepared"] = prepare(unit)
            else:
                pass_trial(unit)
    except (Failed, manager.Failed, releases.Refused, OSError) as error:
        outcome.update(state=REFUSED, reason=str(error), **of_unit(error))
        secrets.undo()
        gate_files.undo()
        withdraw(order)
        return outcome
    try:
        # After a power cut, no link may lead to a release or an environment that is not on the disk yet.
        os.sync()
        with releases.alone(order.path):
            releases.switch(order.path, order.release, order.deployed)
        files.write(order.files)
        written = files.paths + gate_files.paths
        reload(order, written)
        outcome["started"] = run(order, written, [name for name in order.units if name not in order.last_units])
        if helper:
            manager.stop(helper)  # the unit itself must answer the request in prove()
        outcome["answer"] = prove(order)
        outcome["started"] += run(order, written, order.last_units)
        outcome.update(check_processes(order))
    except (Failed, manager.Failed, releases.Refused, OSError) as error:
        outcome.update(state=PUT_BACK, reason=str(error), **of_unit(error))
        try:
            put_back(order, former, [secrets, gate_files, files], before, helper)
        except (Failed, manager.Failed, releases.Refused, OSError) as worse:
            outcome.update(state=NOT_PUT_BACK, not_put_back=str(worse))
        return outcome
    try:
        # Not earlier: the former release could not start again without these secrets.
        Changes().write(file for file in order.secrets if file["content"] is None)
        with releases.alone(order.path):
            outcome["removed"] = releases.prune(order.path, order.keep, former)
    except OSError as error:
        outcome["not_removed"] = str(error)
    os.sync()  # a power cut must not undo what is reported as served
    return {**outcome, "state": SERVED}


def needs_helper(order: Order, seen: Mapping[str, manager.Seen], changed: list[str]) -> bool:
    """Return whether the next unit is to serve while the unit restarts. `changed` are the paths that will change."""
    if not order.next_unit or not overlaps(seen, order.units, changed, order.unit):
        return False
    return has_room(manager.memory_available(), manager.memory_used(order.unit), order.spare_memory << 20)


class UnitFailed(Failed):
    """A trial or a process that failed. `words` is what the unit printed."""

    def __init__(self, reason: str, unit: str, words: str):
        super().__init__(reason)
        self.unit, self.words = unit, words


def of_unit(error: Exception) -> dict[str, str]:
    """Return the part of the outcome about the unit that failed."""
    return dict(trial=error.unit, gate=error.words) if isinstance(error, UnitFailed) else {}


def pass_trial(unit: str) -> None:
    """Start a unit that fails if the release is not fit. Raises UnitFailed with what it printed.

    Restarts the unit if it is active: an interrupted run may have left it waiting for a release that hangs.
    """
    try:
        manager.restart(unit)
    except manager.Failed as error:
        raise UnitFailed(str(error), unit, manager.journal(unit)) from error


def prepare(unit: str) -> str:
    """Start a unit that prepares the switch to the release, and return what it prints. Raises UnitFailed."""
    began = time.time()
    try:
        manager.restart(unit)
    except manager.Failed as error:
        raise UnitFailed(str(error), unit, one_shot.output(unit, began)) from error
    return one_shot.output(unit, began)


def reload(order: Order, written: list[str]) -> None:
    """Have systemd read the files of the units again if one of them has changed."""
    seen = manager.look(order.units)  # it notes the files as they are before the units start with them
    if written or any(each.unit.needs_reload for each in seen.values()):
        manager.reload()


def run(order: Order, written: list[str], names: Iterable[str]) -> list[str]:
    """Restart those of the units that run with older files, and start those that do not run. Returns their names."""
    seen = manager.look({name: order.units[name] for name in names})
    restarts, starts = to_restart(seen, written, order.unit), to_start(seen)
    for name in restarts:
        if name not in order.processes:
            manager.restart(name)
    manager.restart(*(name for name in restarts if name in order.processes))
    for name in starts:
        manager.start_now_and_at_boot(name)
    return restarts + [name for name in starts if name not in restarts]


def prove(order: Order) -> dict[str, Any]:
    """Wait until the unit listens, then read the page. A unit may be active while another process holds the port."""
    wait_until_it_listens(order, order.address[1])
    return ask(order)


def wait_until_it_listens(order: Order, port: int | None = None) -> None:
    """Wait until the unit listens on a port, or on any. Raises Failed."""
    query = Query("any", ("tcp",), port, None, order.unit)
    deadline = time.monotonic() + order.seconds
    while True:
        _result, unmet = report.look(query, lambda warning: None, expect="listening")
        if unmet is None:
            return
        if time.monotonic() >= deadline:
            raise Failed(f"{unmet} (waited {order.seconds} s)")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def check_processes(order: Order) -> dict[str, str]:
    """Wait until the processes run. Returns the part of the outcome about one that does not, or raises UnitFailed.

    A rollback goes on without it: a release that has no such process must not bring a broken release back.
    """
    try:
        wait_until_they_stay(order)
    except UnitFailed as error:
        if order.deployed:
            raise
        return of_unit(error)
    return {}


def wait_until_they_stay(order: Order) -> None:
    """Wait until each process has run for some seconds. Raises UnitFailed if one ends before.

    A process first imports the application, which takes about as long as the server needed to start.
    """
    if not order.processes:
        return
    first = manager.look({name: [] for name in [order.unit, *order.processes]}, notes=False)
    seconds = SECONDS_TO_STAY + first.pop(order.unit).unit.startup
    seen = first
    while True:
        for name in ended(first, seen):
            raise UnitFailed(f"{name} ended soon after its start", name, manager.journal(name))
        if have_stayed(seen, seconds, time.monotonic()):
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)
        seen = manager.look({name: [] for name in order.processes}, notes=False)


def ask(order: Order) -> dict[str, Any]:
    """Read the page, also during maintenance. Returns its status and its first characters. Raises Failed."""
    connection = http.client.HTTPConnection(*order.address)
    try:
        with times.within(order.seconds):
            connection.request("GET", order.page, headers={"Host": order.host, "User-Agent": HEALTH_CHECK})
            answer = connection.getresponse()
            body = answer.read(LONGEST_ANSWER)
    except TimeoutError as error:
        raise Failed(f"GET {order.url} was not answered within {order.seconds} seconds") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"GET {order.url} got no answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 400:
        raise Failed(f"GET {order.url} answered {answer.status} {answer.reason}")
    return dict(status=answer.status, content=body.decode(errors="replace"))


def withdraw(order: Order) -> None:
    """Remove the release that failed, unless it existed before this deploy."""
    if order.is_new and releases.current(order.path) != order.release:
        with releases.alone(order.path):
            releases.remove(order.path, order.release)


def put_back(
    order: Order, former: str | None, changes: Iterable[Changes], before: Mapping[str, manager.Seen], helper: str
) -> None:
    """Serve the former release again. Does nothing on a new machine, which has no former release.

    `before` are the units as they were before the deploy. If the former server still runs, it is not restarted.
    """
    if former is None:
        return
    with releases.alone(order.path):
        releases.switch(order.path, former, deployed=False)
    written = [file for each in changes for file in each.former]
    units, removed = to_put_back(written, order.unit), removed_units(order.files, written)
    for each in changes:
        each.undo()
    manager.reload()
    if is_untouched(before, manager.look(order.units, notes=False), order.unit):
        units, stops = [], [helper]
    else:
        stops = [helper, order.unit]
    manager.stop(*filter(None, stops))  # none of their processes may hold the port when the former socket opens it
    for unit in units:
        manager.restart(unit)
    wait_until_it_listens(order)  # on any port, because the former port may differ
    manager.restart(*to_restore(before, manager.look(order.units, notes=False), order.processes))
    for unit in removed:
        manager.start_now_and_at_boot(unit)
    withdraw(order)


def from_json(text: str) -> Order:
    """Read an order."""
    return Order(**json.loads(text))


def to_json(order: Order) -> str:
    """Write an order."""
    return json.dumps(order._asdict())
