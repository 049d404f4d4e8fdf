# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import calendar
import os
import pwd
import re
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import unit_files as _unit_files
from ansible_collections.flasklaunch.ec2.plugins.modules import unit_files

USER = pwd.getpwuid(os.getuid()).pw_name
# It records its arguments, and whether the unit's file exists at that time. `shown` is its answer.
SYSTEMCTL = """#!/bin/sh
cd {folder}
echo "$@" | sed 's/ --property=[^ ]*//' >> asked
[ "$1" != disable ] || ls etc >> there
[ ! -e failing ] || {{ echo "Failed to connect to bus" >&2; exit 1; }}
[ "$1" != daemon-reload ] || sed -i s/NeedDaemonReload=yes/NeedDaemonReload=no/ shown
[ "$1" != show ] || cat shown
"""
SHOWN = """Id=web.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
Result=success
MainPID=812
NeedDaemonReload={reload}
FragmentPath={folder}/etc/web.service
ExecMainStartTimestampMonotonic={started}
"""
UNITS = [{"name": "web.service"}]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a systemctl, and a folder etc for files."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "asked").touch()
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(folder=tmp_path))
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(_unit_files, "NOTES", str(tmp_path / "notes"))
    return tmp_path


@pytest.fixture
def asked(folder):
    """Returns the arguments that systemctl got since the last call."""

    def asked():
        said = (folder / "asked").read_text(encoding="utf-8").splitlines()
        (folder / "asked").write_text("")
        return said

    return asked


@pytest.fixture
def running(folder):
    """Makes web.service a unit that started this many seconds after the boot."""

    def running(seconds, reload="no"):
        (folder / "shown").write_text(SHOWN.format(folder=folder, started=int(seconds * 1e6), reload=reload))

    running(1000)
    return running


@pytest.fixture
def run(run_module, folder):
    """Runs the module with files by their names in etc."""

    def run(contents=(), units=(), **options):
        files = [dict(path=f"{folder}/etc/{name}", content=text, owner=USER) for name, text in dict(contents).items()]
        return run_module(unit_files, files=files, units=list(units), **options)

    return run


def test_files_are_written_once_and_systemd_reads_them(run, folder, asked):
    first = run({"web.service": "[Unit]\n", "web.env": "A=1\n"})
    paths = [f"{folder}/etc/web.service", f"{folder}/etc/web.env"]
    assert (first["changed"], first["written"]) == (True, paths)
    assert [each["content"] for each in first["former"]] == [None, None]
    assert (folder / "etc" / "web.service").read_text(encoding="utf-8") == "[Unit]\n"
    assert asked() == ["daemon-reload"]
    again = run({"web.service": "[Unit]\n", "web.env": "A=1\n"})
    assert (again["changed"], again["written"], again["former"], again["diff"]) == (False, [], [], [])
    assert asked() == []


def test_former_files_are_returned_and_can_be_restored(run, run_module, folder):
    (folder / "etc" / "web.env").write_text("A=1\n")
    result = run({"web.env": "A=2\n"})
    assert [(each["before"], each["after"]) for each in result["diff"]] == [("A=1\n", "A=2\n")]
    run_module(unit_files, files=result["former"])
    assert (folder / "etc" / "web.env").read_text(encoding="utf-8") == "A=1\n"


def test_other_mode_is_a_change(run_module, folder):
    file = {"path": f"{folder}/etc/web.env", "content": "A=1\n", "owner": USER}
    assert run_module(unit_files, files=[file])["changed"]
    assert run_module(unit_files, files=[dict(file, mode="0600")])["changed"]
    assert os.stat(file["path"]).st_mode & 0o777 == 0o600


def test_files_that_a_command_refuses_are_put_back(run, folder, asked):
    (folder / "etc" / "web.conf").write_text("good\n")
    (folder / "test").write_text(
        f"#!/bin/sh\ngrep -q good {folder}/etc/web.conf || {{ echo bad line 1 >&2; exit 1; }}\n"
    )
    (folder / "test").chmod(0o755)
    command = {"validate": [str(folder / "test")]}
    refused = run({"web.conf": "wrong\n", "web.service": "[Unit]\n"}, **command)
    assert refused["failed"]
    assert refused["msg"] == f"files: {folder}/test refuses them, so the former ones are back: bad line 1"
    assert (folder / "etc" / "web.conf").read_text(encoding="utf-8") == "good\n"
    assert os.listdir(folder / "etc") == ["web.conf"]
    assert "daemon-reload" not in asked()
    assert run({"web.conf": "also good\n"}, **command)["changed"]


def test_the_command_does_not_run_if_nothing_is_written(run, folder):
    (folder / "etc" / "web.conf").write_text("good\n")
    assert not run({"web.conf": "good\n"}, validate=["false"])["changed"]
    assert run({"web.conf": "new\n"}, validate=["false"], _ansible_check_mode=True)["changed"]
    assert "it ended with the status 1" in run({"web.conf": "new\n"}, validate=["false"])["msg"]


def test_check_mode_writes_nothing_and_asks_only(run, folder, asked, running):
    running(1000, reload="yes")
    result = run({"web.service": "[Unit]\n"}, UNITS, _ansible_check_mode=True)
    assert (result["changed"], result["diff"][0]["after"]) == (True, "[Unit]\n")
    assert os.listdir(folder / "etc") == []
    assert asked() == ["show -- web.service"]


def test_unit_is_stopped_before_its_file_goes(run, folder, asked):
    for name in ("web.service", "web.socket", "web@.service", "web.env"):
        (folder / "etc" / name).write_text("x")
    gone = ["web.service", "web.socket", "web@.service", "web.env", "never.timer"]
    result = run(dict.fromkeys(gone))
    assert [os.path.basename(path) for path in result["written"]] == gone[:-1]
    assert asked() == ["disable --now -- web.service web.socket", "daemon-reload"]
    assert "web.service" in (folder / "there").read_text(encoding="utf-8"), "systemd must still know it"
    assert os.listdir(folder / "etc") == []
    assert [each["after"] for each in result["diff"]] == [""] * 4
    assert all(re.fullmatch(r"\([0-9]+ lines\)\n", each["before"]) for each in result["diff"])


def test_files_that_are_no_units_stop_nothing(run, folder, asked):
    (folder / "etc" / "web.env").write_text("x")
    assert run({"web.env": None})["changed"]
    assert asked() == ["daemon-reload"]


def test_units_are_reported(run, running):
    unit = run(units=UNITS)["units"]["web.service"]
    since = unit.pop("since")
    ran = dict(result="success", ended=None)
    assert unit == dict(state="active (running)", active=True, enabled=True, main_pid=812, outdated_by=[], **ran)
    told = calendar.timegm(time.strptime(since, "%Y-%m-%dT%H:%M:%SZ"))
    assert told == pytest.approx(time.time() - time.monotonic() + 1000, abs=2)


def test_unit_that_does_not_run_has_no_time(run, running):
    running(0)
    assert run(units=UNITS)["units"]["web.service"]["since"] is None


def test_unit_that_runs_with_older_files_is_a_change(run, folder, running):
    read = folder / "etc" / "web.env"
    read.write_text("")
    units = [{"name": "web.service", "reads": [str(read)]}]
    running(time.monotonic() - 100)
    result = run(units=units)
    assert (result["changed"], result["written"]) == (True, [])
    assert result["units"]["web.service"]["outdated_by"] == [str(read)]
    running(time.monotonic() + 100)
    assert not run(units=units)["changed"]


def test_change_is_seen_although_the_clock_is_set(run, folder, running):
    read = folder / "etc" / "web.env"
    read.write_text("A=1")
    units = [{"name": "web.service", "reads": [str(read)]}]
    running(time.monotonic() + 100)
    assert not run(units=units)["changed"]
    read.write_text("A=2")
    os.utime(read, (1000, 1000))
    assert not run(units=UNITS, _ansible_check_mode=True)["changed"]
    assert run(units=units)["units"]["web.service"]["outdated_by"] == [str(read)]
    os.utime(read, (1 << 40, 1 << 40))
    assert run(units=units)["changed"]
    running(time.monotonic() + 200)
    assert not run(units=units)["changed"]


def test_unit_that_goes_leaves_no_note(run, folder, running):
    (folder / "etc" / "web.service").write_text("x")
    run(units=[{"name": "web.service", "reads": ["/"]}])
    assert os.listdir(folder / "notes") == ["web.service.json"]
    run({"web.service": None})
    assert not (folder / "notes").exists()


def test_report_and_check_mode_write_no_note(run, folder, running):
    run(units=UNITS)
    run(units=[{"name": "web.service", "reads": ["/"]}], _ansible_check_mode=True)
    assert not (folder / "notes").exists()


def test_pending_reload_is_done_and_is_no_change(run, asked, running):
    running(1000, reload="yes")
    assert not run(units=UNITS)["changed"]
    assert asked() == ["show -- web.service", "daemon-reload", "show -- web.service"]
    assert not run(units=UNITS)["changed"]
    assert asked() == ["show -- web.service"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"owner": "no-such-user"}, 'files: "getpwnam(): name not found: '),
        ({"mode": "rw"}, "files: invalid literal for int() with base 8: 'rw'"),
        ({"path": "/dev/null/web.env"}, "files: [Errno 20]"),
    ],
)
def test_impossible_files_are_refused(run_module, folder, file, message):
    (folder / "etc" / "web.env").write_text("x")
    file = {"path": f"{folder}/etc/web.env", "content": "x", "owner": USER, **file}
    result = run_module(unit_files, files=[file])
    assert result["failed"]
    assert result["msg"].startswith(message)


def test_check_mode_where_the_user_is_yet_to_be_made(run_module, folder):
    (folder / "etc" / "web.env").write_text("x")
    file = {"path": f"{folder}/etc/web.env", "content": "x", "owner": "no-such-user"}
    result = run_module(unit_files, files=[file], _ansible_check_mode=True)
    assert (result["changed"], result["written"]) == (True, [file["path"]])


@pytest.mark.parametrize("arguments", [{"units": UNITS}, {"contents": {"web.env": "A=1\n"}}])
def test_systemd_that_does_not_answer_is_a_failure(run, folder, arguments):
    (folder / "failing").touch()
    result = run(**arguments)
    assert result["failed"]
    assert "Failed to connect to bus" in result["msg"]
