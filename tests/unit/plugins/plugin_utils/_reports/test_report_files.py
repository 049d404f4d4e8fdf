# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.report_files import report_places, unwritable


def test_a_file_in_a_folder_that_can_be_written_to(tmp_path, monkeypatch):
    assert unwritable(str(tmp_path / "report.json")) == ""
    (tmp_path / "report.json").write_text("the former one")
    assert unwritable(str(tmp_path / "report.json")) == ""
    monkeypatch.chdir(tmp_path)
    assert unwritable("report.json") == ""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert unwritable("~/report.json") == ""


def test_why_a_file_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    assert unwritable(str(tmp_path / "no" / "report.json")) == f"There is no folder {tmp_path / 'no'}."
    assert unwritable(str(tmp_path / "file" / "report.json")) == f"There is no folder {tmp_path / 'file'}."
    assert unwritable(str(tmp_path)) == f"{tmp_path} is a folder."
    # Tests may run as root, which may write everywhere.
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert unwritable(str(tmp_path / "report.json")) == f"The folder {tmp_path} cannot be written to."


@pytest.fixture
def page(tmp_path):
    return str(tmp_path / "report.html")


def test_a_report_says_where_it_is(page, monkeypatch, tmp_path):
    assert report_places([["diagnosis_html", page, {"dest": page}]]) == [f"Written: {page}"]
    monkeypatch.chdir(tmp_path)
    assert report_places([["diagnosis_html", "report.html", {"dest": "report.html"}]]) == [f"Written: {page}"]


def test_a_report_that_is_not_wanted_has_no_line():
    assert report_places([["diagnosis_html", "", {"skipped": True}]]) == []


def test_a_report_that_was_not_written_says_why_and_what_to_do(page, tmp_path):
    full = {"dest": page, "msg": "No space left on device", "failed": False}
    advice = 'Name another file in diagnosis_html, or write no file: -e diagnosis_html=""'
    assert report_places([["diagnosis_html", page, full]]) == [
        f"Not written: {page}. No space left on device. {advice}"
    ]
    expected = f"Not written: {page}. Ansible could not write it. {advice}"
    assert report_places([["diagnosis_html", page, {"failed": False}]]) == [expected]
    path = str(tmp_path / "no" / "report.html")
    expected = f"Not written: {path}. There is no folder {tmp_path / 'no'}. {advice}"
    assert report_places([["diagnosis_html", path, {"skipped": True}]]) == [expected]
