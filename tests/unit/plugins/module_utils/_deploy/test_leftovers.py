# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import tempfile
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import leftovers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with the remains of a module that was killed an hour ago, and with unrelated files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(leftovers, "_python_starts", lambda: [time.time() - 600])
    for name in ("ansible_flasklaunch.ec2.release_payload_x1_y", "ansible_theirs", "my_payload_x", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "ansible_file_payload_abc").write_text("no folder")
    (tmp_path / "ansible_link_payload_abc").symlink_to("elsewhere")
    for name in os.listdir(tmp_path):
        os.utime(tmp_path / name, (time.time() - 3600,) * 2, follow_symlinks=False)
    return tmp_path


def test_only_the_remains_of_killed_modules_are_removed(folder):
    there = set(os.listdir(folder))
    (folder / "ansible_flasklaunch.ec2.release_payload_x1_y" / "payload.zip").write_text("")
    os.utime(folder / "ansible_flasklaunch.ec2.release_payload_x1_y", (0, 0))
    gone = ["ansible_flasklaunch.ec2.release_payload_x1_y"]
    assert leftovers.remove() == gone
    assert set(os.listdir(folder)) == there - set(gone)
    assert leftovers.remove() == []


def test_what_a_running_module_reads_stays(folder, monkeypatch):
    monkeypatch.setattr(leftovers, "_python_starts", lambda: [time.time() - 3605])
    assert leftovers.remove() == []


def test_folder_of_a_module_that_ends_meanwhile(folder, monkeypatch):
    monkeypatch.setattr(os, "listdir", lambda path: ["ansible_ping_payload_gone"])
    assert leftovers.remove() == []


def test_own_folder_stays(folder, monkeypatch):
    own = folder / "ansible_flasklaunch.ec2.release_payload_x1_y" / "payload.zip" / "leftovers.py"
    monkeypatch.setattr(leftovers, "__file__", str(own))
    assert leftovers.remove() == []


@pytest.mark.parametrize(
    ("start", "used"), [(1000.0, True), (1000.5, True), (950.0, True), (1002.0, False), (900.0, False)]
)
def test_folder_is_used_by_a_process_that_may_have_made_it(start, used):
    assert leftovers.is_used(1000.0, [1.0, start]) is used


def test_this_python_is_among_those_that_run():
    assert any(abs(time.time() - start) < 24 * 3600 for start in leftovers._python_starts())
