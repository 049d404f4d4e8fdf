# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, one_shot
from ansible_collections.flasklaunch.ec2.plugins.modules import release_command

GIVEN = {"unit": "shop-command", "content": "[Service]\n"}


def test_a_command_has_a_unit_of_its_own(run_module, monkeypatch):
    asked = []
    ended = one_shot.Ended(3, ["no such table"], "exit-code")
    monkeypatch.setattr(one_shot, "run", lambda unit, content: asked.append((unit, content)) or ended)
    result = run_module(release_command, **GIVEN)
    assert (result["changed"], result["rc"], result["reason"]) == (True, 3, "exit-code")
    assert result["stdout_lines"] == ["no such table"]
    assert asked == [(f"shop-command-{os.getpid()}.service", "[Service]\n")]


def test_a_command_that_cannot_be_started_is_reported(run_module, monkeypatch):
    def run(unit, content):
        raise manager.Failed("systemctl: No such file or directory")

    monkeypatch.setattr(one_shot, "run", run)
    result = run_module(release_command, **GIVEN)
    assert result["msg"] == "the command could not be started: systemctl: No such file or directory"


def test_check_mode_runs_no_command(run_module, monkeypatch):
    monkeypatch.setattr(one_shot, "run", lambda unit, content: None)
    assert run_module(release_command, _ansible_check_mode=True, **GIVEN)["skipped"]
