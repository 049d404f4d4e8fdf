# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import deploy_lock

ANN = {"who": "ann@laptop", "place": "laptop", "pid": 812, "started": "51220"}
BOB = {"who": "bob@ci", "place": "ci", "pid": 812, "started": "51220"}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "releases").mkdir()
    return str(tmp_path)


def record(**changes):
    return {"run": ANN, "since": 1.0, "renewed": 1000.0, "boot": "a", **changes}


@pytest.mark.parametrize(
    ("boot", "uptime", "gone", "alive"),
    [
        ("a", 1000.0, None, True),
        ("a", 1000.0 + deploy_lock.LEASE - 1, None, True),
        ("a", 1000.0 + deploy_lock.LEASE, None, False),
        ("b", 1000.0, None, False),
        ("a", 999.0, None, False),
        ("a", 1000.0, ANN, False),
        ("a", 1000.0, BOB, True),
        ("a", 1000.0, {**ANN, "started": "51221"}, True),
    ],
    ids=[
        "just now",
        "before the lease ends",
        "lease over",
        "other boot",
        "before it was made",
        "gone",
        "another is gone",
        "another process of that number is gone",
    ],
)
def test_how_long_a_record_counts(boot, uptime, gone, alive):
    assert deploy_lock.is_alive(record(), deploy_lock.Moment(boot, uptime), gone) is alive


def test_another_run_gets_user_time_and_advice(path):
    deploy_lock.take(path, ANN)
    with pytest.raises(deploy_lock.Held) as held:
        deploy_lock.take(path, BOB)
    assert held.value.run == ANN
    said = str(held.value)
    assert said.startswith("ann@laptop (process 812) has been deploying to this machine since 20")
    assert f"if you remove {path}/releases/.lock on the machine" in said
    assert os.listdir(os.path.join(path, "releases")) == [".lock"]


def test_lock_is_renewed_and_given_back_by_its_run_alone(path, monkeypatch):
    deploy_lock.take(path, ANN)
    since = deploy_lock.read(path)["since"]
    later = deploy_lock.Moment(deploy_lock.now().boot, deploy_lock.now().uptime + deploy_lock.LEASE - 1)
    monkeypatch.setattr(deploy_lock, "now", lambda: later)
    deploy_lock.take(path, ANN)
    assert deploy_lock.read(path) == {"run": ANN, "since": since, "renewed": later.uptime, "boot": later.boot}
    deploy_lock.give_back(path, BOB)
    assert deploy_lock.check(path, ANN)["run"] == ANN
    deploy_lock.give_back(path, ANN)
    deploy_lock.give_back(path, ANN)
    assert deploy_lock.check(path, BOB) is None


def test_run_that_has_ended_is_followed_by_the_next(path):
    deploy_lock.take(path, ANN)
    assert deploy_lock.check(path, BOB, gone=ANN) is None
    assert os.listdir(os.path.join(path, "releases")) == []
    deploy_lock.take(path, BOB)
    assert deploy_lock.check(path, BOB)["run"] == BOB


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", json.dumps(record(run={})), json.dumps(record(run=None)), json.dumps(record(since=None))],
)
def test_an_invalid_record_blocks_no_run(path, text):
    with open(os.path.join(path, "releases", ".lock"), "w") as file:
        file.write(text)
    assert deploy_lock.read(path) is None
    deploy_lock.take(path, BOB)
    assert deploy_lock.read(path)["run"] == BOB
