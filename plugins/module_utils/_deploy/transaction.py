# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What a deploy does on the machine when the release is there: try, serve and prove it, or put back the former one.

`carry_out` needs no control node: see job.py. Until the release has passed the gate, nothing that is served is touched.
After it, either the release is served and proven, or the former one is served again.
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
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files

SECONDS_BETWEEN_LOOKS = 0.2
LONGEST_ANSWER = 2000  # bytes of the page that are read
UNIT_SUFFIXES = (".service", ".socket", ".timer")

SERVED = "served"  # the release is served, and the page was read
REFUSED = "refused"  # the release did not pass the gate: nothing that is served was touched
PUT_BACK = "put back"  # the release was not served, and the former state is served again
NOT_PUT_BACK = "not put back"  # neither is

File = Mapping[str, Any]  # path, content (None: no such file), and optional mode, uid and folder_mode, all numbers


class Failed(Exception):
    """A step that failed. The message is a clause for people."""


class Order(NamedTuple):
    """What one deploy is to do. It is JSON between the module and the job."""

    path: str  # the folder of the releases
    release: str
    unit: str  # the service that serves
    units: Mapping[str, list[str]]  # the units to run, in the order of their start, with the paths that each reads
    files: list[File]  # to write or remove before the release is served
    gate_unit: str  # a oneshot service that fails if the release is not fit; empty if there is no gate
    gate_files: list[File]  # to write before the gate
    secrets: list[File]  # to write before the gate, or to remove after the proof
    url: str  # the page, as the machine itself asks for it: http://ADDRESS:PORT/PATH
    host: str  # the header Host of that question
    seconds: int  # how long the server may take to listen, and then to answer
    deployed: bool = True  # False for a rollback: the release keeps its place in the order
    is_new: bool = True  # whether this deploy has brought the release, so that it goes if it fails
    keep: int = 5  # how many releases stay
    run: Mapping[str, Any] = {}  # who deploys: see deploy_lock.py

    @property
    def address(self) -> tuple[str, int]:
        host, _colon, port = self.url[len("http://") :].partition("/")[0].rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def page(self) -> str:
        return "/" + self.url[len("http://") :].partition("/")[2]


class Changes:
    """Files that were written, so that they can be put back."""

    def __init__(self) -> None:
        self.former: list[File] = []

    @property
    def paths(self) -> list[str]:
        return [file["path"] for file in self.former]

    def write(self, files: Iterable[File]) -> None:
        for file in files:
            if is_as(file):
                continue
            self.former.append({**file, "content": unit_files.text(file["path"])})
            write(file)

    def undo(self) -> None:
        """Write what was there. Can be called again if it fails."""
        while self.former:
            write(self.former[-1])
            self.former.pop()


def is_as(file: File) -> bool:
    return unit_files.is_as(file["path"], file["content"], *_attributes(file))


def write(file: File) -> None:
    """Write a file, or remove it. A unit whose file goes is stopped while systemd still knows it."""
    name = os.path.basename(file["path"])
    if file["content"] is None and name.endswith(UNIT_SUFFIXES) and "@." not in name:  # a template never runs
        manager.disable([name])
        unit_files.remove_note(name)
    unit_files.write(file["path"], file["content"], *_attributes(file))


def _attributes(file: File) -> tuple[int, int, int | None]:
    return file.get("mode", 0o644), file.get("uid", 0), file.get("folder_mode")


# Decisions, without a look at the machine.


def outdated(seen: Mapping[str, manager.Seen], written: Iterable[str]) -> list[str]:
    """Return the active units that run with older files than there are now, in the order of their start.

    A unit in a loop of crashes may have started after its file was written, but before systemd has read it.
    """
    names = {os.path.basename(path) for path in written}
    return [name for name, each in seen.items() if each.unit.active and (each.outdated_by or name in names)]


def to_restart(seen: Mapping[str, manager.Seen], written: Iterable[str], service: str) -> list[str]:
    """Return the units to restart. A restart of the service's socket restarts the service too, which requires it."""
    names = outdated(seen, written)
    socket = os.path.splitext(service)[0] + ".socket"
    return [name for name in names if name != service or socket not in names]


def to_start(seen: Mapping[str, manager.Seen]) -> list[str]:
    return [name for name, each in seen.items() if not (each.unit.active and each.unit.enabled)]


def to_put_back(former: Iterable[File], service: str) -> list[str]:
    """Return the units to restart with the former files: sockets first, so that the service gets them."""
    names = [os.path.basename(file["path"]) for file in former if file["content"] is not None]
    return [name for name in names if name.endswith(".socket")] + [service]


# The steps.


def pending(order: Order) -> bool:
    """Whether there is anything to do. Changes nothing."""
    seen = manager.look(order.units, notes=False)
    return (
        releases.current(order.path) != order.release
        or not all(map(is_as, [*order.secrets, *order.files]))
        or any(each.unit.needs_reload for each in seen.values())
        or bool(outdated(seen, []) or to_start(seen))
        or len(seen) < len(order.units)
    )


def carry_out(order: Order) -> dict[str, Any]:
    """Do it. Returns the outcome: its `state`, and what a person wants to know of it.

    `reason` is why the release is not served, `started` the units that were started or restarted, `removed` the
    releases that were too many, `not_removed` why one of them or a former secret is still there, `answer` the page's
    status and first characters, and `gate` what the gate printed if it failed.
    """
    former = releases.current(order.path)
    secrets, gate_files, files = Changes(), Changes(), Changes()
    outcome: dict[str, Any] = dict(release=order.release, former=former, started=[], removed=[], reason="", gate="")
    try:
        # The release is also tried if only a file changes: a wrong value in it must not reach what is served.
        is_tried = former != order.release or not all(map(is_as, [*order.secrets, *order.files]))
        secrets.write(file for file in order.secrets if file["content"] is not None)
        if order.gate_unit and is_tried:
            gate_files.write(order.gate_files)
            pass_gate(order.gate_unit, bool(gate_files.former))
    except (Failed, manager.Failed, releases.Refused, OSError) as error:
        outcome.update(state=REFUSED, reason=str(error), gate=getattr(error, "words", ""))
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
        outcome["started"] = run(order, files.paths + gate_files.paths)
        outcome["answer"] = prove(order)
    except (Failed, manager.Failed, releases.Refused, OSError) as error:
        outcome.update(state=PUT_BACK, reason=str(error))
        try:
            put_back(order, former, [secrets, gate_files, files])
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
    os.sync()  # a power cut takes back nothing that is said to be served
    return {**outcome, "state": SERVED}


class GateFailed(Failed):
    def __init__(self, reason: str, words: str):
        super().__init__(reason)
        self.words = words


def pass_gate(unit: str, is_written: bool) -> None:
    """Try the release. Starts anew, also if an interrupted run has left the gate waiting for a release that hangs."""
    if is_written:
        manager.reload()
    try:
        manager.restart(unit)
    except manager.Failed as error:
        raise GateFailed(str(error), manager.journal(unit)) from error


def run(order: Order, written: list[str]) -> list[str]:
    """Restart what runs with older files, and start what does not run. Returns the names of these units."""
    seen = manager.look(order.units)
    if written or any(each.unit.needs_reload for each in seen.values()):
        manager.reload()
        seen = manager.look(order.units)
    restarts, starts = to_restart(seen, written, order.unit), to_start(seen)
    for name in restarts:
        manager.restart(name)
    for name in starts:
        manager.start_now_and_at_boot(name)
    return restarts + [name for name in starts if name not in restarts]


def prove(order: Order) -> dict[str, Any]:
    """Wait until the unit listens, then read the page. Active is not enough: another process may hold the port."""
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


def ask(order: Order) -> dict[str, Any]:
    """Read the page. Returns its status and its first characters. Raises Failed."""
    connection = http.client.HTTPConnection(*order.address)
    try:
        with times.within(order.seconds):
            connection.request("GET", order.page, headers={"Host": order.host, "User-Agent": "flasklaunch.ec2"})
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
    """Remove the release that failed. One that was there before stays."""
    if order.is_new and releases.current(order.path) != order.release:
        with releases.alone(order.path):
            releases.remove(order.path, order.release)


def put_back(order: Order, former: str | None, changes: Iterable[Changes]) -> None:
    """Serve again what was served before. On a new machine, there is nothing to go back to."""
    if former is None:
        return
    with releases.alone(order.path):
        releases.switch(order.path, former, deployed=False)
    units = to_put_back([file for each in changes for file in each.former], order.unit)
    for each in changes:
        each.undo()
    manager.reload()
    manager.stop(order.unit)  # nothing of it may hold the port when the former socket opens it
    for unit in units:
        manager.restart(unit)
    wait_until_it_listens(order)  # the former port may be another one
    withdraw(order)


def from_json(text: str) -> Order:
    return Order(**json.loads(text))


def to_json(order: Order) -> str:
    return json.dumps(order._asdict())
