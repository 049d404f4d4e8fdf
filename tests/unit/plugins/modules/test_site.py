# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import os
import pathlib
import pwd
import shutil
from types import SimpleNamespace

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import (
    deploy_lock,
    job,
    leftovers,
    releases,
    transaction,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files
from ansible_collections.flasklaunch.ec2.plugins.modules import site

ANN = {"who": "ann@laptop", "place": "laptop", "pid": 812, "started": "51220"}
BOB = {**ANN, "who": "bob@desk", "pid": 3}
USER = pwd.getpwuid(os.getuid()).pw_name
SERVED = {"state": transaction.SERVED, "release": "new", "former": "old", "started": ["web.service"], "reason": ""}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with nothing to do, unless a test changes that. It carries out the order."""
    machine = SimpleNamespace(folder=tmp_path, pending=False, answers=True, orders=[], outcome=dict(SERVED))
    vars(machine).update(whole=True, sound=True, asked=[])
    (tmp_path / "releases" / "new").mkdir(parents=True)
    monkeypatch.setattr(job, "FOLDER", str(tmp_path / "run"))

    def ask(order):
        if not machine.answers:
            raise transaction.Failed("GET / got no answer: timed out")
        return {"status": 200, "content": "Hello"}

    unit = unit_files.Status("active (running)", True, True, 812, 1.0, False, "", 1)
    monkeypatch.setattr(manager, "look", lambda reads, notes=True: {name: manager.Seen(unit, []) for name in reads})
    monkeypatch.setattr(transaction, "pending", lambda order: machine.pending)
    monkeypatch.setattr(releases, "is_whole", lambda *brought: machine.asked.append(brought) or machine.whole)
    monkeypatch.setattr(releases, "is_sound", lambda venv: machine.sound)
    monkeypatch.setattr(leftovers, "remove", lambda: None)
    monkeypatch.setattr(transaction, "ask", ask)
    monkeypatch.setattr(job, "start", lambda order: machine.orders.append(order) or "web-deploy.service")
    monkeypatch.setattr(job, "wait", lambda order, unit: dict(machine.outcome))
    return machine


@pytest.fixture
def run(run_module, machine):
    given = dict(path=str(machine.folder), release="new", unit="web.service", url="http://127.0.0.1:5000/", _run=ANN)
    return lambda **arguments: run_module(site, **{**given, "units": [{"name": "web.service"}], **arguments})


def test_site_that_is_served_as_it_should_be_is_left_alone(run, machine):
    result = run()
    assert (result["changed"], result["outcome"], result["answer"]["status"]) == (False, "served", 200)
    assert result["units"]["web.service"]["state"] == "active (running)"
    assert machine.orders == []


@pytest.mark.parametrize(("pending", "answers"), [(True, True), (True, False), (False, False)])
def test_deploy_holds_the_lock(run, machine, pending, answers):
    machine.pending, machine.answers = pending, answers
    file = {"path": str(machine.folder / "web.service"), "content": "[Unit]\n"}
    result = run(files=[file], gate_unit="gate@new.service", timeout=7, host="shop.example")
    (order,) = machine.orders
    assert result["changed"]
    assert (result["outcome"], result["former"], result["started"]) == ("served", "old", ["web.service"])
    assert (order.release, order.gate_unit, order.seconds, order.host) == ("new", "gate@new.service", 7, "shop.example")
    assert deploy_lock.read(str(machine.folder))["run"] == ANN
    assert [(each["before"], each["after"]) for each in result["diff"]] == [("none\n", "new\n"), ("", "[Unit]\n")]


def test_a_former_release_that_could_not_be_removed_is_a_warning(run, machine):
    machine.pending = True
    machine.outcome["not_removed"] = "[Errno 30] Read-only file system"
    result = run()
    assert (result["outcome"], result["failed"]) == ("served", False)
    assert "Read-only file system" in str(result["warnings"])


def test_check_mode_says_what_would_be_done(run, machine):
    machine.pending = True
    there = machine.folder / "web.service"
    there.write_text("one\ntwo\n")
    result = run(files=[{"path": str(there)}], _ansible_check_mode=True)
    assert result["changed"]
    assert result["diff"][1]["before"] == "(2 lines)\n"
    assert machine.orders == []
    assert deploy_lock.read(str(machine.folder)) is None


def test_secrets_are_files_that_no_result_shows(run, machine):
    machine.pending = True
    secrets = [
        {"path": "/etc/web/KEY", "content": "hunter2", "mode": "0400", "owner": USER, "folder_mode": "0700"},
        {"path": "/etc/web/GONE", "content": None, "owner": USER},
    ]
    encoded = base64.b64encode(json.dumps(secrets).encode()).decode()
    result = run(secrets="secrets_of_web", _secrets=encoded)
    uid = os.getuid()
    assert machine.orders[0].secrets == [
        {"path": "/etc/web/KEY", "content": "hunter2", "mode": 0o400, "uid": uid, "folder_mode": 0o700},
        {"path": "/etc/web/GONE", "content": None, "mode": 0o600, "uid": uid, "folder_mode": None},
    ]
    shown = json.dumps(result)
    assert "hunter2" not in shown
    assert encoded not in shown


def test_another_run_that_deploys_is_named(run, machine):
    machine.pending = True
    deploy_lock.take(str(machine.folder), BOB)
    refused = run()
    assert refused["failed"]
    assert refused["held_by"] == BOB
    assert "bob@desk (process 3) has been deploying" in refused["msg"]
    assert run(_gone=BOB)["changed"], "its process has ended"


def test_the_outcome_of_an_interrupted_deploy_is_reported_until_it_is_removed(run, machine):
    folder = job.folder_of("web.service")
    os.makedirs(folder)
    with open(os.path.join(folder, job.OUTCOME), "w", encoding="utf-8") as file:
        json.dump({"state": transaction.PUT_BACK, "release": "bad", "run": BOB}, file)
    for _again in range(2):
        result = run()
        reported = result["interrupted"]
        assert (reported["outcome"], reported["release"], reported["run"]) == ("put back", "bad", BOB)
    shutil.rmtree(result["noted_in"])
    assert run()["interrupted"] == {}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (manager.Failed("systemctl: no bus"), "systemctl: no bus"),
        (job.Interrupted("it ended"), "it ended"),
        (OSError(28, "No space left on device"), "files: [Errno 28] No space left on device"),
    ],
)
def test_failures_are_sentences(run, machine, monkeypatch, error, said):
    machine.pending = True

    def start(order):
        raise error

    monkeypatch.setattr(job, "start", start)
    assert run()["msg"] == said


COMPARED = {
    "state": "compared",
    "application": {"venv": "/venv", "user": USER},
    "_environment": json.dumps({"FLASK_APP": "shop:app"}),
}


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_is_served_as_it_should_be_does_not_differ(run, machine, check_mode):
    result = run(**COMPARED, _ansible_check_mode=check_mode)
    assert (result["changed"], result["differs"], result["answer"]["status"]) == (False, False, 200)
    assert result["units"]["web.service"]["active"]
    assert result["netstat"][0].startswith("Active Internet connections")
    group = pwd.getpwnam(USER).pw_gid
    assert machine.asked == [(str(machine.folder), "new", "/venv", {"FLASK_APP": "shop:app"}, group)]


def be_interrupted(machine):
    folder = pathlib.Path(job.folder_of("web.service"))
    folder.mkdir(parents=True)
    (folder / job.OUTCOME).write_text(json.dumps(SERVED))


DIFFERENCES = {
    "a file or a unit is to be changed": lambda machine: vars(machine).update(pending=True),
    "the page has no good answer": lambda machine: vars(machine).update(answers=False),
    "a file of the release was changed": lambda machine: vars(machine).update(whole=False),
    "a file of the environment was changed": lambda machine: vars(machine).update(sound=False),
    "another run deploys": lambda machine: deploy_lock.take(str(machine.folder), BOB),
    "nobody knows yet how a deploy ended": be_interrupted,
}


@pytest.mark.parametrize("differ", DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_what_a_deploy_would_change_or_report_differs(run, machine, differ):
    differ(machine)
    result = run(**COMPARED)
    assert (result["failed"], result["changed"], result["differs"]) == (False, False, True)
    assert {"netstat", "listening_ports"} <= result["before"].keys()
    assert machine.orders == []


def test_a_user_that_is_still_to_be_made_differs(run, machine):
    secrets = [{"path": "/etc/web/KEY", "content": "hunter2", "owner": "nobody-of-that-name"}]
    encoded = base64.b64encode(json.dumps(secrets).encode()).decode()
    application = {"venv": "/venv", "user": "nobody-of-that-name"}
    assert run(**{**COMPARED, "application": application, "_secrets": encoded})["differs"]
