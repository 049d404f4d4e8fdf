# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import getpass
import multiprocessing
import os
import subprocess
import sys

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _run


def test_a_task_s_own_process_belongs_to_the_run():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=lambda: queue.put(_run.this_run()))
    worker.start()
    run = queue.get(timeout=60)
    worker.join()
    assert run["pid"] == os.getpid()
    assert run["started"] == _run.started(os.getpid())
    assert not _run.has_ended(run)


@pytest.fixture
def other():
    """Another process, described as a run of this control node."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("system", ["Linux", "others"])
def test_run_has_ended_when_its_process_has(other, system, monkeypatch):
    if system == "others":
        monkeypatch.setattr(_run.os.path, "isdir", lambda path: False)
    run = {**_run.this_run(), "pid": other.pid, "started": _run.started(other.pid)}
    assert run["started"]
    assert not _run.has_ended(run)
    assert _run.has_ended({**run, "started": "another one of that number"})
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert _run.has_ended(run), "nobody has waited for it yet"
    other.wait()
    assert _run.has_ended(run)


def test_run_that_was_killed_before_its_last_task_began_has_ended(other):
    """That task continues in its own process, and takes the lock for a process that has ended."""
    other.kill()
    other.wait()
    assert _run.has_ended({**_run.this_run(), "pid": other.pid, "started": None})


def test_whether_runs_of_other_control_nodes_have_ended_is_unknown():
    assert not _run.has_ended({**_run.this_run(), "place": "elsewhere", "started": "another"})


def test_user_without_a_name(monkeypatch):
    def getuser():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", getuser)
    assert _run.this_run()["who"].startswith(f"{os.getuid()}@")
