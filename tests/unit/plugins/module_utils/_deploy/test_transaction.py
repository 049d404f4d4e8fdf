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
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files

SERVICE, SOCKET, TIMER = "web.service", "web.socket", "web-health.timer"
UNITS = (SOCKET, SERVICE, TIMER)


def seen(active=True, enabled=True, outdated_by=(), needs_reload=False):
    unit = unit_files.Status("active (running)", active, enabled, 812, 1.0, needs_reload, "", 1)
    return manager.Seen(unit, list(outdated_by))


STATES = list(itertools.product((True, False), repeat=4))  # active, enabled, outdated, written


@pytest.mark.parametrize("states", list(itertools.product(STATES, repeat=2)))
def test_what_is_restarted_and_started(states):
    """Of a socket and its service, in every combination of what is known of them."""
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


def test_what_is_put_back_begins_with_the_sockets():
    former = [{"path": f"/etc/{name}", "content": "x"} for name in (SERVICE, TIMER, SOCKET)]
    assert transaction.to_put_back(former, SERVICE) == [SOCKET, SERVICE]
    assert transaction.to_put_back([{"path": f"/etc/{SOCKET}", "content": None}], SERVICE) == [SERVICE]


class Machine:
    """A systemd that notes its orders, and can refuse one of them."""

    def __init__(self, folder):
        self.folder, self.orders, self.refuses, self.states = folder, [], {}, {}

    def order(self, verb, unit=""):
        self.orders.append(f"{verb} {unit}".strip())
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
        monkeypatch.setattr(manager, verb, lambda unit="", verb=verb: machine.order(verb, unit))
    monkeypatch.setattr(manager, "look", machine.look)
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


def test_what_is_served_is_on_the_disk(machine, monkeypatch):
    """The files of the release before the link to it, and all before the deploy is said to have ended."""
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


def test_a_former_release_that_does_not_come_back_is_said(machine):
    machine.refuses["prove"] = ["new", "old"]
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["not_put_back"]) == (transaction.NOT_PUT_BACK, "GET / answered 500")


def test_a_first_release_has_nothing_to_go_back_to(machine):
    os.unlink(machine.folder / "current")
    machine.refuses["prove"] = ["new"]
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["former"]) == (transaction.PUT_BACK, None)
    assert releases.current(str(machine.folder)) == "new", "a person can look at it"


@pytest.mark.parametrize("changes", [{}, {"secrets": []}])
def test_a_changed_file_is_tried_before_what_is_served_gets_it(machine, changes):
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
    """Answers with the status in the path, and the header Host."""

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
def test_an_answer_that_drips_is_no_proof(machine, head):
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


def test_what_cannot_be_removed_is_said_of_a_release_that_is_served(machine, monkeypatch):
    def prune(path, keep, before):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(releases, "prune", prune)
    outcome = transaction.carry_out(order_for(machine))
    assert (outcome["state"], outcome["removed"]) == (transaction.SERVED, [])
    assert "Read-only file system" in outcome["not_removed"]


def test_nobody_who_answers_is_no_proof(machine):
    with pytest.raises(transaction.Failed, match="got no answer: .*refused"):
        transaction.ask(order_for(machine, url="http://127.0.0.1:1/"))
