# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run with tags is refused. It would leave out steps and succeed."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run

ROOT = pathlib.Path(__file__).parents[3]


@pytest.mark.parametrize("option", ["--tags", "--skip-tags"])
@pytest.mark.parametrize("playbook", sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml")))
def test_tags_are_refused(tmp_path, playbook, option):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("webservers: {hosts: {unreachable.invalid: }}", encoding="utf-8")
    command = ["ansible-playbook", f"playbooks/{playbook}.yml", "-i", str(inventory), option, "webserver"]
    status, printed = run(*command, cwd=ROOT)
    assert status == 2, printed
    assert "this playbook has no tags" in " ".join(printed.split())
