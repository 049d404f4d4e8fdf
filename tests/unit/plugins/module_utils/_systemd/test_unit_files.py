# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import unit_files

# `systemctl show --property=… sshd.service dbus.socket nosuch.service` of systemd 252.
SHOWN = """\
Result=success
MainPID=812
ExecMainExitTimestampMonotonic=1293000000
ExecMainStartTimestampMonotonic=1293208435
Id=sshd.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/sshd.service
UnitFileState=enabled
ActiveEnterTimestampMonotonic=1293232414
NeedDaemonReload=no

Id=dbus.socket
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/dbus.socket
UnitFileState=static
ActiveEnterTimestampMonotonic=1289104877
NeedDaemonReload=yes

MainPID=0
ExecMainStartTimestampMonotonic=0
Id=nosuch.service
LoadState=not-found
ActiveState=inactive
SubState=dead
FragmentPath=
UnitFileState=
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
"""
NOW, UPTIME = 1_700_002_000.0, 2000.0


@pytest.fixture
def units():
    return unit_files.parse(SHOWN, NOW, UPTIME)


def test_running_service(units):
    sshd = units["sshd.service"]
    assert (sshd.state, sshd.active, sshd.enabled, sshd.main_pid) == ("active (running)", True, True, 812)
    assert sshd.started == pytest.approx(1_700_001_293.208435, abs=1e-4)
    assert sshd.file == "/lib/systemd/system/sshd.service"


def test_socket_counts_from_when_it_became_active_and_has_no_process(units):
    dbus = units["dbus.socket"]
    assert (dbus.enabled, dbus.main_pid, dbus.needs_reload) == (False, None, True)
    assert dbus.started == pytest.approx(1_700_001_289.104877, abs=1e-4)


def test_unit_that_is_not_there(units):
    unit = units["nosuch.service"]
    assert (unit.state, unit.active, unit.enabled, unit.main_pid, unit.started) == (
        "not there",
        False,
        False,
        None,
        None,
    )
    assert unit.file == ""
    assert unit.runs_with_older(["/"]) == []


@pytest.mark.parametrize(("state", "active"), [("activating", True), ("reloading", True), ("deactivating", False)])
def test_unit_that_is_being_started_counts_as_active(state, active):
    shown = f"Id=x.service\nLoadState=loaded\nActiveState={state}\nSubState=a=b\n"
    unit = unit_files.parse(shown, NOW, UPTIME)["x.service"]
    assert (unit.active, unit.state, unit.started, unit.file) == (active, f"{state} (a=b)", None, "")


@pytest.fixture
def running(tmp_path):
    """A unit that was started at second 1000, and a file and a link that were changed before."""
    for name in ("unit", "read"):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (500, 500))
    (tmp_path / "current").symlink_to("read")
    os.utime(tmp_path / "current", (500, 500), follow_symlinks=False)
    return unit_files.Status("active (running)", True, True, 812, 1000.0, False, str(tmp_path / "unit"))


def test_unit_that_runs_with_the_present_files(running, tmp_path):
    assert running.runs_with_older([str(tmp_path / "read"), str(tmp_path / "current")]) == []
    os.utime(tmp_path / "read", (1000, 1000))
    assert running.runs_with_older([str(tmp_path / "read")]) == []
    assert running._replace(active=False).runs_with_older([str(tmp_path)]) == []
    assert running._replace(started=None).runs_with_older([str(tmp_path)]) == []


@pytest.mark.parametrize("name", ["unit", "read", "current"])
def test_unit_that_was_started_before_a_file_changed(running, tmp_path, name):
    os.utime(tmp_path / name, (2000, 2000), follow_symlinks=False)
    assert running.runs_with_older([str(tmp_path / "read"), str(tmp_path / "current")]) == [str(tmp_path / name)]


@pytest.mark.parametrize("started", [9000, 100], ids=["set forward", "set back"])
def test_clock_that_is_set_neither_restarts_again_and_again_nor_hides_a_change(running, tmp_path, started):
    """The times of the file and of the start no longer show which came first."""
    read = str(tmp_path / "read")
    outdated, note = running._replace(start=1).compare([read], {})
    assert outdated == []
    later = running._replace(start=1, started=started)
    assert later.compare([read], note) == ([], note)
    (tmp_path / "read").write_text("changed")
    os.utime(read, (1500, 1500))
    changed, seen = later.compare([read], note)
    assert changed == [read]
    assert later.compare([read], seen)[0] == [read], "until it is restarted"
    restarted, after = later._replace(start=2).compare([read], seen)
    assert restarted == []
    assert later._replace(start=2, started=1).compare([read], after)[0] == []


def test_unit_that_was_stopped_reads_its_files_at_the_next_start(running, tmp_path):
    read = str(tmp_path / "read")
    os.utime(read, (2000, 2000))  # changed while the clock was ahead
    stopped, note = running._replace(active=False, start=None).compare([read], {})
    assert stopped == []
    assert running._replace(start=2).compare([read], note)[0] == []
    os.utime(read, (3000, 3000))
    assert running._replace(start=2).compare([read], note)[0] == [read], "changed, nobody knows when but by the clock"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"read": 1, "seen": {}}'])
def test_an_invalid_note_counts_as_no_note(tmp_path, monkeypatch, text):
    monkeypatch.setattr(unit_files, "NOTES", str(tmp_path / "notes"))
    assert unit_files.read_note("web.service") == {}
    note = {"start": 1, "read": {"/a": None}, "seen": {"/a": [1, 2, 3]}}
    unit_files.write_note("web.service", note)
    assert unit_files.read_note("web.service") == note
    (tmp_path / "notes" / "web.service.json").write_text(text)
    assert unit_files.read_note("web.service") == {}


def test_link_is_compared_without_its_target(running, tmp_path):
    os.utime(tmp_path / "read", (2000, 2000))
    assert running.runs_with_older([str(tmp_path / "current")]) == []


def test_file_is_replaced_with_its_mode_and_owner(tmp_path):
    path = str(tmp_path / "deep" / "unit")
    before = os.umask(0)
    unit_files.write(path, "x\n", 0o600, os.getuid())
    os.umask(before)
    assert os.stat(tmp_path / "deep").st_mode & 0o777 == 0o755, "whatever the umask"
    assert unit_files.is_as(path, "x\n", 0o600, os.getuid())
    inode = os.stat(path).st_ino
    unit_files.write(path, "y\n", 0o640, os.getuid())
    assert unit_files.is_as(path, "y\n", 0o640, os.getuid())
    assert os.stat(path).st_ino != inode, "replaced, not written over"
    assert os.listdir(tmp_path / "deep") == ["unit"]


@pytest.mark.parametrize("wanted", [("y", 0o644, 0), ("x", 0o600, 0), ("x", 0o644, 65534), (None, 0o644, 0)])
def test_content_mode_and_owner_are_compared(tmp_path, wanted):
    (tmp_path / "unit").write_text("x")
    (tmp_path / "unit").chmod(0o644)
    assert not unit_files.is_as(str(tmp_path / "unit"), *wanted)


def test_own_file_that_was_removed_does_not_count(running, tmp_path):
    """systemd reports it by NeedDaemonReload."""
    (tmp_path / "unit").unlink()
    assert running.runs_with_older([]) == []


def test_folder_of_secrets_is_closed_also_if_it_was_open(tmp_path):
    path, wanted = str(tmp_path / "secrets" / "key"), ("x", 0o600, os.getuid())
    unit_files.write(path, *wanted)
    assert unit_files.is_as(path, *wanted)
    assert not unit_files.is_as(path, *wanted, 0o700)
    unit_files.write(path, *wanted, 0o700)
    assert os.stat(tmp_path / "secrets").st_mode & 0o777 == 0o700
    assert unit_files.is_as(path, *wanted, 0o700)


def test_only_root_can_read_a_file_before_it_has_its_owner(tmp_path, monkeypatch):
    modes = []
    monkeypatch.setattr(os, "fchown", lambda file, uid, gid: modes.append((os.fstat(file).st_mode & 0o777, uid, gid)))
    unit_files.write(str(tmp_path / "secret"), "x", 0o640, 812)
    assert modes == [(0o600, 812, -1)]


def test_by_default_a_file_belongs_to_root_and_all_can_read_it(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fchown", lambda file, uid, gid: owners.append(uid))
    owners = []
    unit_files.write(str(tmp_path / "unit"), "x")
    assert (owners, os.stat(tmp_path / "unit").st_mode & 0o777) == ([0], 0o644)


def test_removing_is_done_once(tmp_path):
    path = str(tmp_path / "unit")
    unit_files.write(path, "x", owner=os.getuid())
    unit_files.write(path, None)
    unit_files.write(path, None)
    assert unit_files.is_as(path, None)


def test_bytes_that_are_not_text_stay_unchanged(tmp_path):
    (tmp_path / "unit").write_bytes(b"\xff\r\n")
    text = unit_files.text(str(tmp_path / "unit"))
    unit_files.write(str(tmp_path / "copy"), text, owner=os.getuid())
    assert (tmp_path / "copy").read_bytes() == b"\xff\r\n"


def test_name_of_a_unit_is_no_option_of_systemctl():
    assert unit_files.show_command(["--help"])[-2:] == ["--", "--help"]


def test_the_last_run_of_a_service_and_the_time_that_its_start_took():
    found = unit_files.parse(SHOWN, now=10_000.0, uptime=2000.0)
    sshd, socket = found["sshd.service"], found["dbus.socket"]
    assert (sshd.restarts, socket.restarts) == (0, 0), "systemd does not say it"
    assert (sshd.result, sshd.ended, sshd.startup) == ("success", 9293.0, 0.023979)
    assert (socket.result, socket.ended, socket.startup) == ("", None, 0)
    shown = sshd.shown(["/etc/ssh"])
    assert (shown["result"], shown["ended"], shown["outdated_by"]) == ("success", "1970-01-01T02:34:53Z", ["/etc/ssh"])
