# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import deploy_lock, job, releases, transaction
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager

ANN = {"who": "ann@laptop", "place": "laptop", "pid": 812, "started": "51220"}
SERVED = {"state": transaction.SERVED, "release": "new"}


@pytest.fixture
def order(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "FOLDER", str(tmp_path / "run"))
    (tmp_path / "releases").mkdir()
    return transaction.Order(
        path=str(tmp_path),
        release="new",
        unit="web.service",
        units={},
        files=[],
        gate_unit="",
        gate_files=[],
        secrets=[{"path": "/etc/web/KEY", "content": "hunter2"}],
        url="http://127.0.0.1:5000/",
        host="localhost",
        seconds=5,
        run=ANN,
    )


@pytest.fixture
def calls(monkeypatch):
    """The commands that systemd gets. It runs the job at once, in this process."""
    calls = []

    def call(*command):
        calls.append(command)
        if command[0] == "systemd-run":
            job.main(command[-1])
        if "reset-failed" in command:
            raise manager.Failed("Unit web-deploy.service not loaded.")
        return "ActiveState=inactive\n"

    monkeypatch.setattr(manager, "call", call)
    return calls


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_deploy_runs_as_a_unit_of_its_own(order, calls, monkeypatch):
    seen = []

    def carry_out(given):
        seen.append(given)
        assert deploy_lock.read(order.path)["run"] == ANN, "the job has the lock"
        with pytest.raises(BlockingIOError), deploy_lock._job_file(order.path):
            pass
        return dict(SERVED)

    monkeypatch.setattr(transaction, "carry_out", carry_out)
    deploy_lock.take(order.path, ANN)
    unit = job.start(order)
    assert unit == "web-deploy.service"
    assert "--unit=web-deploy.service" in calls[-1]
    assert seen == [order]
    outcome = job.wait(order, unit)
    assert (outcome["state"], outcome["run"]) == (transaction.SERVED, ANN)
    assert deploy_lock.read(order.path) is None, "the job gives it back"
    folder = job.folder_of(order.unit)
    assert os.listdir(folder) == [job.OUTCOME], "the secrets are gone"
    assert (mode(folder), mode(os.path.join(folder, job.OUTCOME))) == (0o700, 0o600)
    assert job.read_outcome(order.unit) == outcome


def test_the_outcome_of_an_earlier_deploy_is_not_taken_for_this_one(order, calls, monkeypatch):
    deploy_lock.take(order.path, ANN)
    monkeypatch.setattr(transaction, "carry_out", lambda order: dict(SERVED))
    unit = job.start(order)
    monkeypatch.setattr(job, "main", lambda folder: None)
    job.start(order)
    with pytest.raises(job.Interrupted, match="web-deploy.service ended without an outcome"):
        job.wait(order, unit)


def test_a_job_that_is_still_at_work_is_waited_for(order, calls, monkeypatch):
    states = ["active", "deactivating", "inactive"]
    monkeypatch.setattr(manager, "call", lambda *command: f"ActiveState={states.pop(0)}\n")
    monkeypatch.setattr(job, "SECONDS_BETWEEN_LOOKS", 0)
    with pytest.raises(job.Interrupted):
        job.wait(order, "web-deploy.service")
    assert states == []


def test_an_error_in_the_job_is_an_outcome_too(order, calls, monkeypatch):
    def carry_out(order):
        raise RuntimeError("no more ideas")

    monkeypatch.setattr(transaction, "carry_out", carry_out)
    deploy_lock.take(order.path, ANN)
    with pytest.raises(RuntimeError):
        job.start(order)
    outcome = job.read_outcome(order.unit)
    assert (outcome["state"], "no more ideas" in outcome["reason"]) == (transaction.NOT_PUT_BACK, True)
    assert deploy_lock.read(order.path) is None


def test_a_job_whose_run_has_lost_the_lock_does_nothing(order, tmp_path):
    """The whole program, as systemd runs it. Another run has deployed between the order and the job's start."""
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / job.ORDER).write_text(transaction.to_json(order))
    code = job._code(str(folder))
    done = subprocess.run([sys.executable, "-c", job.PROGRAM, code, str(folder)], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    outcome = json.loads((folder / job.OUTCOME).read_text())
    assert outcome["state"] == transaction.REFUSED
    assert outcome["reason"] == "the run that began this deploy was killed, and another run has deployed since"


def test_the_code_is_copied_from_the_module_s_zip_file(tmp_path, monkeypatch):
    (tmp_path / "payload.zip").write_bytes(b"PK")
    monkeypatch.setattr(job, "__spec__", SimpleNamespace(loader=SimpleNamespace(archive=str(tmp_path / "payload.zip"))))
    copy = job._code(str(tmp_path))
    assert copy == str(tmp_path / job.CODE)
    assert (tmp_path / job.CODE).read_bytes() == b"PK"


def test_another_run_waits_for_a_job_whose_own_run_has_ended(order):
    deploy_lock.take(order.path, ANN)
    bob = {**ANN, "who": "bob@desk", "pid": 3}
    with deploy_lock.job(order.path, ANN):
        with releases.alone(order.path), pytest.raises(deploy_lock.AtWork) as refused:
            deploy_lock.check(order.path, bob, gone=ANN)
        assert "ann@laptop (process 812) began a deploy at 20" in str(refused.value)
        assert refused.value.run == ANN
    assert deploy_lock.check(order.path, bob) is None


def test_a_run_that_has_ended_is_followed_when_its_job_has_ended(order):
    deploy_lock.wait_for_job(order.path, ANN)
    deploy_lock.take(order.path, ANN)
    deploy_lock.wait_for_job(order.path, ANN)  # no job has ever run
    ended = []

    def wait():
        deploy_lock.wait_for_job(order.path, ANN)
        ended.append(deploy_lock.read(order.path))

    waiting = threading.Thread(target=wait)
    with deploy_lock.job(order.path, ANN):
        deploy_lock.wait_for_job(order.path, None)  # its run may still be alive
        waiting.start()
        waiting.join(0.3)
        assert ended == []
    waiting.join(5)
    assert ended == [None], "the job has given the lock back"
