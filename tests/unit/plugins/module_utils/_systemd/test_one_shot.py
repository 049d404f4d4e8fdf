# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, one_shot, unit_files

# It records its arguments, and whether the unit's file exists. It fails to start a unit if there is a file `failing`.
SYSTEMCTL = """#!/bin/sh
cd {folder}
echo "$1 $(ls etc)" >> asked
[ "$1" != start ] || [ ! -e failing ]
[ "$1" != show ] || cat shown
"""
JOURNALCTL = """#!/bin/sh
[ "$1" = --sync ] && exit 1
[ "$1" = _SYSTEMD_UNIT=web.service ] && printf 'one\\ntwo\\n'
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a systemctl and a journalctl, and a folder etc for the unit."""
    (tmp_path / "etc").mkdir()
    for name, text in {"systemctl": SYSTEMCTL.format(folder=tmp_path), "journalctl": JOURNALCTL}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(one_shot, "FOLDER", str(tmp_path / "etc"))
    write = unit_files.write
    monkeypatch.setattr(unit_files, "write", lambda path, content: write(path, content, owner=os.getuid()))
    return tmp_path


def test_the_unit_is_there_only_while_it_runs(folder):
    (folder / "shown").write_text("Result=success\nExecMainCode=0\nExecMainStatus=0\nLoadState=loaded\n")
    assert one_shot.run("web.service", "[Service]\n") == (0, ["one", "two"], "")
    assert (folder / "asked").read_text().splitlines() == [
        "daemon-reload web.service",
        "start web.service",
        "show web.service",
        "daemon-reload ",
        "reset-failed ",
    ]


def test_a_unit_that_systemd_cannot_read_is_an_error(folder):
    (folder / "shown").write_text("Result=success\nLoadState=error\n")
    with pytest.raises(manager.Failed, match="systemd cannot read the unit: error"):
        one_shot.run("web.service", "nonsense")
    assert os.listdir(folder / "etc") == []


def test_a_command_that_fails_is_no_error(folder):
    (folder / "failing").touch()
    (folder / "shown").write_text("Result=exit-code\nExecMainCode=1\nExecMainStatus=3\nLoadState=loaded\n")
    assert one_shot.run("web.service", "[Service]\n") == (3, ["one", "two"], "exit-code")


@pytest.mark.parametrize(
    ("shown", "rc", "reason"),
    [
        ({"Result": "success", "ExecMainCode": "1", "ExecMainStatus": "0"}, 0, ""),
        ({"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "2"}, 2, "exit-code"),
        ({"Result": "signal", "ExecMainCode": "2", "ExecMainStatus": "9"}, 137, "signal"),
        ({"Result": "core-dump", "ExecMainCode": "3", "ExecMainStatus": "11"}, 139, "core-dump"),
        ({"Result": "timeout", "ExecMainCode": "2", "ExecMainStatus": "15"}, 143, "timeout"),
        ({"Result": "resources"}, 1, "resources"),
    ],
)
def test_status_is_that_of_a_shell(shown, rc, reason):
    assert one_shot.ended(shown, "said\n") == (rc, ["said"], reason)


def test_of_many_lines_the_last_ones_stay():
    lines = one_shot.ended({"Result": "success"}, "x\n" * 20000 + "last\n").lines
    assert (len(lines), lines[-1]) == (one_shot.MOST_LINES, "last")
