# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import http.server
import itertools
import os
import socket
import threading
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import releases, transaction
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, one_shot, unit_files

SERVICE, SOCKET, TIMER = "web.service", "web.socket", "web-health.timer"
UNITS = (SOCKET, SERVICE, TIMER)


def seen(active=True, enabled=True, outdated_by=(), needs_reload=False, main_pid=812, start=1):
    unit = unit_files.Status("active (running)", active, enabled, main_pid, 1.0, needs_reload, "", start)
    return manager.Seen(unit, list(outdated_by))


STATES = list(itertools.product((True, False), repeat=4))  # active, enabled, outdated, written


@pytest.mark.parametrize("states", list(itertools.product(STATES, repeat=2)))
def test_what_is_restarted_and_started(states):
    """For a socket and its service, in every combination of their states."""
    units = {
        name: seen(active, enabled, ["/a"] if outdated else [])
        for name, (active, enabled, outdated, _written) in zip((SOCKET, SERVICE), states)
    }
    written = [f"/etc/systemd/system/{name}" for name, state in zip(units, states) if state[3]]
    old = {
        name: active and (outdated or is_written)
        for name, (active, _enabled, outdated, is_written) in zip(units, states)
    }
    restarted = transaction.to_restart(units, written, SERVICE)
    assert (SOCKET in restarted) == old[SOCKET]
    assert (SERVICE in restarted) == (old[SERVICE] and not old[SOCKET]), "the socket's restart restarts the service"
    assert transaction.to_start(units) == [
        name for name, (active, enabled, *_more) in zip(units, states) if not (active and enabled)
    ]


def test_sockets_are_put_back_first():
    former = [{"path": f"/etc/{name}", "content": "x"} for name in (SERVICE, TIMER, SOCKET)]
    assert transaction.to_put_back(former, SERVICE) == [SOCKET, SERVICE]
    assert transaction.to_put_back([{"path": f"/etc/{SOCKET}", "content": None}], SERVICE) == [SERVICE]


READS = {SOCKET: [], SERVICE: ["/opt/web/current", "/opt/web/gunicorn.conf.py"], TIMER: []}


@pytest.mark.parametrize(
    ("states", "changed", "wanted"),
    [
        ({}, ["/opt/web/current"], True),
        ({}, ["/opt/web/gunicorn.conf.py"], True),
        ({}, [f"/etc/systemd/system/{SERVICE}"], True),
        ({SERVICE: seen(outdated_by=["/opt/web/gunicorn.conf.py"])}, [], True),
        # The service is not restarted.
        ({}, [], False),
        ({}, [f"/etc/systemd/system/{TIMER}", "/opt/web/health.py"], False),
        # Nothing is served now.
        ({SERVICE: seen(active=False, main_pid=None)}, ["/opt/web/current"], False),
        ({SERVICE: seen(active=True, main_pid=None)}, ["/opt/web/current"], False),
        # The socket closes, does not exist, or does not listen.
        ({}, ["/opt/web/current", f"/etc/systemd/system/{SOCKET}"], False),
        ({SOCKET: seen(outdated_by=[f"/etc/systemd/system/{SOCKET}"])}, ["/opt/web/current"], False),
        ({SOCKET: None}, ["/opt/web/current"], False),
        ({SOCKET: seen(active=False)}, ["/opt/web/current"], False),
    ],
)
def test_when_a_second_server_is_used(states, changed, wanted):
    units = {name: unit for name in UNITS for unit in [states.get(name, seen())] if name not in states or states[name]}
    assert transaction.overlaps(units, READS, changed, SERVICE) == wanted


@pytest.mark.parametrize(
    ("available", "used", "wanted"), [(300, 200, True), (299, 200, False), (300, 201, False), (10**9, None, False)]
)
def test_a_second_server_must_find_memory(available, used, wanted):
    assert transaction.has_room(available, used, spare=100) == wanted


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        (seen(), seen(), True),
        (seen(), seen(start=2), False),
        (seen(), seen(active=False), False),
        (seen(active=False), seen(active=False), False),
        (None, seen(), False),
        (seen(), None, False),
    ],
)
def test_which_server_was_not_touched(before, now, wanted):
    states = [{} if unit is None else {SERVICE: unit} for unit in (before, now)]
    assert transaction.is_untouched(*states, SERVICE) == wanted


class Machine:
    """A systemd that records its commands, and can refuse one of them. A restart always ends the former process."""

    def __init__(self, folder):
        self.folder, self.orders, self.refuses, self.states = folder, [], {}, {}
        self.available = 1 << 40
        self.dying = []  # units that end soon after a start with the new release

    def order(self, verb, *units):
        if verb in ("restart", "stop") and not units:
            return
        self.orders.append(" ".join([verb, *units]))
        for unit in units if verb in ("restart", "stop") else ():
            former = self.states.get(unit, seen())
            ends = unit in self.dying and releases.current(str(self.folder)) == "new"
            started = former.unit._replace(start=(former.unit.start or 0) + 1, main_pid=None if ends else 812)
            self.states[unit] = former._replace(unit=started)
        if verb.startswith("start"):
            self.states[units[0]] = seen()
        words = self.refuses.get(self.orders[-1])
        if words and words[0]:
            raise manager.Failed(words.pop(0))
        if words:
            words.pop(0)

    def look(self, reads, notes=True):
        return {name: self.states.get(name, seen()) for name in reads}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    for verb in ("restart", "stop", "start_now_and_at_boot", "disable", "reload"):
        monkeypatch.setattr(manager, verb, lambda *units, verb=verb: machine.order(verb, *units))
    monkeypatch.setattr(manager, "look", machine.look)
    monkeypatch.setattr(manager, "memory_used", lambda unit: 300 << 20)
    monkeypatch.setattr(manager, "memory_available", lambda: machine.available)
    monkeypatch.setattr(manager, "journal", lambda unit: f"{unit} says why")
    proofs = machine.proofs = []

    def prove(order):
        proofs.append(releases.current(order.path))
        if releases.current(order.path) in machine.refuses.get("prove", []):
            raise transaction.Failed("GET / answered 500")
        return {"status": 200, "content": "Hello"}

    monkeypatch.setattr(transaction, "prove", prove)
    monkeypatch.setattr(transaction, "wait_until_it_listens", prove)
    for name in ("releases", "environments", "etc"):
        (tmp_path / name).mkdir()
    for name in ("old", "new"):
        (tmp_path / "releases" / name).mkdir()
        (tmp_path / "releases" / name / "venv").symlink_to(tmp_path / "environments" / name)
    releases.switch(str(tmp_path), "old")
    for name, content in (("web.service", "old unit"), ("gunicorn.conf.py", "old config"), ("secret", "old secret")):
        (tmp_path / "etc" / name).write_text(content)
    return machine


def order_for(machine, **changes):
    etc, uid = str(machine.folder / "etc"), os.getuid()

    def file(name, content, **more):
        return {"path": f"{etc}/{name}", "content": content, "uid": uid, **more}

    return transaction.Order(
        **{
            "path": str(machine.folder),
            "release": "new",
            "unit": SERVICE,
            "units": {SERVICE: [f"{machine.folder}/current"]},
            "files": [file("web.service", "new unit"), file("gunicorn.conf.py", "new config")],
            "gate_unit": "web-gate@new.service",
            "gate_files": [file("gunicorn.conf.py", "new config"), file("web-gate@.service", "gate")],
            "secrets": [file("secret", "new secret", mode=0o600), file("gone", None)],
            "url": "http://127.0.0.1:5000/",
            "host": "localhost",
            "seconds": 5,
            **changes,
        }
    )


def contents(machine):
    return {path.name: path.read_text() for path in sorted((machine.folder / "etc").iterdir())}


OLD = {"web.service": "old unit", "gunicorn.conf.py": "old config", "secret": "old secret"}
NEW = {"web.service": "new unit", "gunicorn.conf.py": "new config", "secret": "new secret", "web-gate@.service": "gate"}


def test_a_release_is_tried_then_served(machine):
    (machine.folder / "etc" / "gone").write_text("a secret that is no more")
    machine.states[SERVICE] = seen(outdated_by=["current"])
    outcome = transaction.carry_out(order_for(machine))
    assert outcome["state"] == transaction.SERVED
    assert (outcome["former"], outcome["started"], outcome["answer"]["status"]) == ("old", [SERVICE], 200)
    assert machine.orders == ["reload", "restart web-gate@new.service", "reload", f"restart {SERVICE}"]
    assert releases.current(str(machine.folder)) == "new"
    assert contents(machine) == NEW


NEXT = "web-next@new.service"
WITH_NEXT = {"next_unit": NEXT, "spare_memory": 96}
ALL_STEPS = [
    "reload",
    "restart web-gate@new.service",
    f"restart {NEXT}",
    "reload",
    f"restart {SERVICE}",
    f"stop {NEXT}",
    "prove",
]


@pytest.fixture
def web(machine, monkeypatch):
    """A machine whose service and socket are active. Its steps include the proofs."""
    prove = transaction.prove
    monkeypatch.setattr(transaction, "prove", lambda order: machine.orders.append("prove") or prove(order))
    machine.states[SERVICE] = seen(outdated_by=["current"])
    machine.order_with = lambda **changes: order_for(
        machine, **{"units": {SOCKET: [], SERVICE: [f"{machine.folder}/current"]}, **WITH_NEXT, **changes}
    )
    return machine


def test_the_next_server_begins_before_the_former_one_ends(web):
    outcome = transaction.carry_out(web.order_with())
    assert (outcome["state"], outcome["started"]) == (transaction.SERVED, [SERVICE])
    assert web.orders == ALL_STEPS


@pytest.mark.parametrize(
    "changes",
    [{}, {"gate_unit": ""}, {"release": "old", "is_new": False}],
    ids=["a release", "without a gate", "a file"],
)
def test_the_former_server_is_not_stopped_before_the_next_one_has_started(web, changes):
    transaction.carry_out(web.order_with(**changes))
    begun, restarted, ended = map(web.orders.index, (f"restart {NEXT}", f"restart {SERVICE}", f"stop {NEXT}"))
    assert begun < restarted < ended


def test_units_that_run_with_older_files_are_restarted_beside_a_second_server(web):
    """Without a change there is no trial, but the file of the second server may be missing."""
    transaction.carry_out(web.order_with(release="old", files=[], secrets=[], is_new=False))
    assert web.orders == [step for step in ALL_STEPS if "gate" not in step]


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        ({"next_unit": ""}, SERVICE),
        ({"units": {SERVICE: []}}, SERVICE),
        ({"spare_memory": 1 << 30}, SERVICE),
        ({"files": SOCKET}, SOCKET),
    ],
    ids=["not wanted", "no socket", "little memory", "another socket"],
)
def test_without_a_second_server_the_former_one_is_only_restarted(web, changes, restarted):
    if changes.get("files") == SOCKET:
        changes = {"files": [{"path": str(web.folder / "etc" / SOCKET), "content": "new", "uid": os.getuid()}]}
    outcome = transaction.carry_out(web.order_with(**changes))
    assert (outcome["state"], outcome["started"]) == (transaction.SERVED, [restarted])
    assert not [step for step in web.orders if NEXT in step]


BEFORE = "web-before@new.service"


def test_a_release_is_prepared_before_it_is_tried(web, monkeypatch):
    monkeypatch.setattr(one_shot, "output", lambda unit, since: f"{unit} said since {time.time() - since:.0f}")
    outcome = transaction.carry_out(web.order_with(before_unit=BEFORE))
    assert web.orders == [ALL_STEPS[0], f"restart {BEFORE}", *ALL_STEPS[1:]]
    assert (outcome["state"], outcome["prepared"]) == (transaction.SERVED, f"{BEFORE} said since 0")


def test_a_release_that_cannot_be_prepared_is_not_tried(web, monkeypatch):
    monkeypatch.setattr(one_shot, "output", lambda unit, since: f"{unit} says why")
    web.refuses[f"restart {BEFORE}"] = ["it failed"]
    outcome = transaction.carry_out(web.order_with(before_unit=BEFORE))
    assert (outcome["state"], outcome["trial"], outcome["gate"]) == (transaction.REFUSED, BEFORE, f"{BEFORE} says why")
    assert web.orders == [ALL_STEPS[0], f"restart {BEFORE}"]
    assert contents(web) == OLD


def test_nothing_is_prepared_if_only_a_file_changes(web):
    transaction.carry_out(web.order_with(before_unit=BEFORE, release="old", is_new=False))
    assert f"restart {BEFORE}" not in web.orders


@pytest.mark.parametrize("step", ALL_STEPS)
def test_if_any_step_fails_the_former_release_is_served(web, step):
    """Before the restart, the former server is not stopped. After it, no server of the new release goes on."""
    web.refuses[step] = ["it failed"] if step != "reload" else ["", "it failed"]
    if step == "prove":
        web.refuses["prove"] = ["new"]
    outcome = transaction.carry_out(web.order_with())
    trials = ALL_STEPS[1:3]
    assert outcome["state"] == (transaction.REFUSED if step in trials else transaction.PUT_BACK)
    assert outcome.get("gate") == (f"{step.split()[1]} says why" if step in trials else "")
    assert outcome.get("trial") == (step.split()[1] if step in trials else "")
    assert releases.current(str(web.folder)) == "old"
    assert os.listdir(web.folder / "releases") == ["old"]
    assert contents(web) == OLD
    done = ALL_STEPS[: ALL_STEPS.index(step) + 1] if step != "reload" else ALL_STEPS[:4]
    undone = {
        "reload": ["reload", f"stop {NEXT}"],
        f"restart {SERVICE}": ["reload", f"stop {NEXT} {SERVICE}", f"restart {SERVICE}"],
    }
    after = [] if step in trials else undone.get(step, undone[f"restart {SERVICE}"])
    assert web.orders == done + after
    restarted = f"restart {SERVICE}" in done
    assert (web.states[SERVICE].unit.start == 1) == (not restarted), "the former server goes on unless it was restarted"


WORKERS = ["web-worker@1.service", "web-worker@2.service"]
NIGHTLY = "web-timer@nightly.timer"


@pytest.fixture
def shop(web):
    """A site with two workers and a timer, which run with older files."""
    for name in WORKERS:
        web.states[name] = seen(outdated_by=["current"])
    reads = [f"{web.folder}/current"]
    web.units = {SOCKET: [], SERVICE: reads, **dict.fromkeys(WORKERS, reads), NIGHTLY: []}
    return web


def test_processes_are_restarted_at_once_when_the_page_is_served(shop):
    outcome = transaction.carry_out(shop.order_with(units=shop.units))
    assert (outcome["state"], outcome["started"]) == (transaction.SERVED, [SERVICE, *WORKERS])
    assert shop.orders == [*ALL_STEPS, f"restart {' '.join(WORKERS)}"]


def test_a_process_that_ends_soon_brings_the_former_release_back(shop):
    """One process is new. One that did not run before is not started with the former release."""
    new, stopped = WORKERS[0], "web-mailer@1.service"
    shop.dying = [WORKERS[1]]
    shop.states[stopped] = seen(active=False, main_pid=None)
    shop.states[new] = seen(active=False, main_pid=None)
    etc = shop.folder / "etc"
    files = [{"path": f"{etc}/{new}", "content": "unit", "uid": os.getuid()}]
    outcome = transaction.carry_out(shop.order_with(units={**shop.units, stopped: []}, files=files))
    assert outcome["state"] == transaction.PUT_BACK
    assert outcome["reason"] == f"{WORKERS[1]} ended soon after its start"
    assert (outcome["trial"], outcome["gate"]) == (WORKERS[1], f"{WORKERS[1]} says why")
    back = shop.orders.index(f"disable {new}")
    assert shop.orders[back:] == [
        f"disable {new}",
        "reload",
        f"stop {NEXT} {SERVICE}",
        f"restart {SERVICE}",
        f"restart {WORKERS[1]}",
    ]
    assert releases.current(str(shop.folder)) == "old"
    assert not (etc / new).exists()


def test_a_timer_that_was_removed_in_vain_runs_again(shop):
    etc = shop.folder / "etc"
    contents = {NIGHTLY: "[Timer]\n[Install]\n", "web-timer@nightly.service": "[Service]\n"}
    for name, content in contents.items():
        (etc / name).write_text(content)
    shop.refuses["prove"] = ["new"]
    files = [{"path": f"{etc}/{name}", "content": None, "uid": os.getuid()} for name in contents]
    transaction.carry_out(shop.order_with(files=files))
    assert {name: (etc / name).read_text() for name in contents} == contents
    started = [order for order in shop.orders if order.startswith("start_now_and_at_boot")]
    assert started == [f"start_now_and_at_boot {NIGHTLY}"], "the job itself is only for the timer to start"


@pytest.mark.parametrize(
    ("before", "now", "restored"),
    [
        (seen(), seen(start=2), True),
        (seen(), seen(active=False, start=None), True),
        (seen(), seen(outdated_by=["/opt/web/current"]), False),  # it was not touched, as the server
        (seen(active=False), seen(start=2), False),
    ],
)
def test_which_processes_are_restored(before, now, restored):
    names = WORKERS[:1]
    assert transaction.to_restore({names[0]: before}, {names[0]: now}, names) == (names if restored else [])


@pytest.mark.parametrize(
    ("now", "has_ended"),
    [
        (seen(), False),
        (seen(main_pid=None), True),  # systemd waits before it starts it again
        (seen(start=2), True),  # systemd has started it again
        (seen(active=False, main_pid=None), True),
    ],
)
def test_which_processes_have_ended(now, has_ended):
    assert transaction.ended({SERVICE: seen()}, {SERVICE: now}) == ([SERVICE] if has_ended else [])


@pytest.mark.parametrize(
    ("worker", "loops"),
    [
        ({}, False),
        ({"main_pid": None}, True),
        ({"restarts": 4, "start": 100_000_000}, True),
        ({"restarts": 4, "start": 98_000_000}, False),
        ({"start": 100_000_000}, False),  # the machine was just started
    ],
)
def test_a_deploy_has_something_to_do_if_a_process_is_in_a_crash_loop(machine, monkeypatch, worker, loops):
    monkeypatch.setattr(time, "monotonic", lambda: 102.0)
    machine.states[WORKERS[0]] = seen()._replace(unit=seen().unit._replace(**worker))
    order = order_for(machine, release="old", files=[], secrets=[], units=dict.fromkeys([SERVICE, WORKERS[0]], []))
    assert transaction.pending(order) == loops


def test_a_rollback_goes_on_without_a_process(shop):
    """The former release may have no such process."""
    shop.dying = [WORKERS[1]]
    outcome = transaction.carry_out(shop.order_with(units=shop.units, deployed=False))
    assert (outcome["state"], outcome["trial"]) == (transaction.SERVED, WORKERS[1])
    assert releases.current(str(shop.folder)) == "new"


def test_a_timer_starts_when_the_page_is_served(shop):
    shop.states[NIGHTLY] = seen(active=False, main_pid=None)
    transaction.carry_out(shop.order_with(units=shop.units))
    steps = [*ALL_STEPS, f"restart {' '.join(WORKERS)}", f"start_now_and_at_boot {NIGHTLY}"]
    assert shop.orders == steps


def test_a_process_must_run_for_a_while(machine, monkeypatch):
    uptimes = iter([101.0, 104.4, 104.5])
    looks = []
    monkeypatch.setattr(time, "monotonic", lambda: looks.append(1) or next(uptimes))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    server = seen()
    machine.states[SERVICE] = server._replace(unit=server.unit._replace(startup=1.5))
    machine.states.update({WORKERS[0]: seen(start=100_000_000), WORKERS[1]: seen(start=1)})
    transaction.wait_until_they_stay(order_for(machine, units=dict.fromkeys([SERVICE, *WORKERS], [])))
    assert len(looks) == 3


def test_a_systemd_that_cannot_be_asked_is_a_refusal(web, monkeypatch):
    def look(units, notes=True):
        raise manager.Failed("systemctl: no bus")

    monkeypatch.setattr(manager, "look", look)
    outcome = transaction.carry_out(web.order_with())
    assert (outcome["state"], outcome["reason"], web.orders) == (transaction.REFUSED, "systemctl: no bus", [])
    assert contents(web) == OLD


def test_files_that_cannot_be_written_leave_the_former_server_running(web):
    (web.folder / "etc" / "nowhere").symlink_to("not/there")
    blocked = {"path": f"{web.folder}/etc/nowhere/file", "content": "x", "uid": os.getuid()}
    outcome = transaction.carry_out(web.order_with(files=[blocked]))
    (web.folder / "etc" / "nowhere").unlink()
    assert outcome["state"] == transaction.PUT_BACK
    assert web.orders[-2:] == ["reload", f"stop {NEXT}"]
    assert f"restart {SERVICE}" not in web.orders
    assert (releases.current(str(web.folder)), contents(web)) == ("old", OLD)


def test_files_are_on_the_disk_before_they_are_served(machine, monkeypatch):
    """The files of the release before the link to it, and all files before the deploy is reported as done."""
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append((releases.current(str(machine.folder)), contents(machine))))
    transaction.carry_out(order_for(machine))
    first, *_more, last = synced
    assert first[0] == "old"
    assert last == ("new", NEW)


def test_a_release_that_does_not_pass_touches_nothing(machine):
    machine.refuses["restart web-gate@new.service"] = ["it ended with 1"]
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["gate"]) == (transaction.REFUSED, "web-gate@new.service says why")
    assert f"restart {SERVICE}" not in machine.orders
    assert machine.proofs == []
    assert contents(machine) == OLD
    assert os.listdir(machine.folder / "releases") == ["old"]
    assert releases.current(str(machine.folder)) == "old"


def test_a_release_that_was_there_before_stays(machine):
    machine.refuses["restart web-gate@new.service"] = ["it ended with 1"]
    transaction.carry_out(order_for(machine, is_new=False))
    assert sorted(os.listdir(machine.folder / "releases")) == ["new", "old"]


@pytest.mark.parametrize(
    ("refused", "words"),
    [("prove", ["new"]), (f"restart {SERVICE}", ["it ended with 1"]), (f"start_now_and_at_boot {SERVICE}", ["no"])],
)
def test_a_release_that_cannot_be_served_is_undone(machine, refused, words):
    machine.refuses[refused] = words
    machine.states[SERVICE] = seen(active=not refused.startswith("start"), outdated_by=["current"])
    outcome = transaction.carry_out(order_for(machine))
    assert outcome["state"] == transaction.PUT_BACK
    assert outcome["reason"]
    assert machine.proofs[-1] == "old", "whether it is served again is asked too"
    assert releases.current(str(machine.folder)) == "old"
    assert contents(machine) == OLD
    assert machine.orders[-3:] == ["reload", f"stop {SERVICE}", f"restart {SERVICE}"]
    assert os.listdir(machine.folder / "releases") == ["old"]


def test_a_former_release_that_does_not_start_again_is_reported(machine):
    machine.refuses["prove"] = ["new", "old"]
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["not_put_back"]) == (transaction.NOT_PUT_BACK, "GET / answered 500")


def test_a_first_release_has_no_former_one(machine):
    os.unlink(machine.folder / "current")
    machine.refuses["prove"] = ["new"]
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["former"]) == (transaction.PUT_BACK, None)
    assert releases.current(str(machine.folder)) == "new", "a person can look at it"


@pytest.mark.parametrize("changes", [{}, {"secrets": []}])
def test_a_changed_file_is_tried_before_it_is_served(machine, changes):
    machine.refuses["restart web-gate@new.service"] = ["it ended with 1"]
    outcome = transaction.carry_out(order_for(machine, release="old", is_new=False, **changes))
    assert outcome["state"] == transaction.REFUSED
    assert contents(machine) == OLD


def test_a_unit_that_is_only_stopped_is_started_without_a_trial(machine):
    machine.states[SERVICE] = seen(active=False)
    order = order_for(machine, release="old", files=[], secrets=[], is_new=False)
    assert transaction.pending(order)
    assert transaction.carry_out(order)["started"] == [SERVICE]
    assert machine.orders == [f"start_now_and_at_boot {SERVICE}"]


def test_a_failed_write_is_undone(machine):
    blocked = {"path": f"{machine.folder}/etc/web.service/below/a/file", "content": "x", "uid": os.getuid()}
    outcome = transaction.carry_out(order_for(machine, gate_files=[blocked], files=[]))
    assert outcome["state"] == transaction.REFUSED
    assert "Not a directory" in outcome["reason"]
    assert contents(machine) == OLD


@pytest.mark.parametrize(
    ("changes", "state", "is_pending"),
    [
        ({}, {}, False),
        ({"release": "new"}, {}, True),
        ({"files": [{"path": "/etc/hostname", "content": "another name"}]}, {}, True),
        ({}, {"active": False}, True),
        ({}, {"enabled": False}, True),
        ({}, {"outdated_by": ["current"]}, True),
        ({}, {"needs_reload": True}, True),
    ],
)
def test_when_there_is_something_to_do(machine, changes, state, is_pending):
    machine.states[SERVICE] = seen(**state)
    served = {"release": "old", "files": [], "secrets": []}
    assert transaction.pending(order_for(machine, **{**served, **changes})) == is_pending
    assert machine.orders == []


def test_an_order_survives_json(machine):
    order = order_for(machine, secrets=[], run={"who": "ann@laptop"})
    assert transaction.from_json(transaction.to_json(order)) == order


@pytest.mark.parametrize(
    ("url", "address", "page"),
    [
        ("http://127.0.0.1:5000/", ("127.0.0.1", 5000), "/"),
        ("http://[::1]:80/a/b?c=d", ("::1", 80), "/a/b?c=d"),
    ],
)
def test_where_the_page_is_asked_for(machine, url, address, page):
    order = order_for(machine, url=url)
    assert (order.address, order.page) == (address, page)


class Page(http.server.BaseHTTPRequestHandler):
    """Answers with the status in the path, and with the header Host."""

    def do_GET(self):
        body = self.headers["Host"].encode() * 1000
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def port():
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [200, 302, 399])
def test_a_page_is_read(machine, port, status):
    answer = transaction.ask(order_for(machine, url=f"http://127.0.0.1:{port}/{status}", host="shop.example"))
    assert answer["status"] == status
    assert answer["content"].startswith("shop.example")
    assert len(answer["content"]) == transaction.LONGEST_ANSWER


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_error_is_no_proof(machine, port, status):
    with pytest.raises(transaction.Failed, match=f"answered {status}"):
        transaction.ask(order_for(machine, url=f"http://127.0.0.1:{port}/{status}"))


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
def test_an_answer_that_arrives_too_slowly_is_no_proof(machine, head):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def drip():
            connection, _client = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(head)
                for _byte in range(50):
                    connection.sendall(b"x")
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        began = time.monotonic()
        with pytest.raises(transaction.Failed, match="was not answered within 1 seconds"):
            transaction.ask(order_for(machine, url=url, seconds=1))
        assert time.monotonic() - began < 4


def test_a_failed_removal_is_reported_with_a_served_release(machine, monkeypatch):
    def prune(path, keep, before):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(releases, "prune", prune)
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["removed"]) == (transaction.SERVED, [])
    assert "Read-only file system" in outcome["not_removed"]


def test_a_closed_port_is_no_proof(machine):
    with pytest.raises(transaction.Failed, match="got no answer: .*refused"):
        transaction.ask(order_for(machine, url="http://127.0.0.1:1/"))
