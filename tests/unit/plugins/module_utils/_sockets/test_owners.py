# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import socket
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import owners as _owners
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.owners import Process


@pytest.fixture(autouse=True)
def fresh():
    _owners.boot_time.cache_clear()
    _owners.cgroup_roots.cache_clear()


def pids(owners, inode):
    return [owner.pid for owner in owners.processes.get(inode, [])]


def test_all_fields_of_a_process(fake_proc):
    ticks = 100 * os.sysconf("SC_CLK_TCK")
    fake_proc.process(812, [7], b"gunicorn", b"/venv/bin/gunicorn\0-b\0:5000\0", uid=0, ticks=ticks)
    owners = _owners.find([7], fake_proc.path)
    assert owners.complete
    assert owners.processes == {
        7: [
            Process(
                pid=812,
                name="gunicorn",
                cmdline="/venv/bin/gunicorn -b :5000",
                exe="/usr/bin/python3.9",
                exe_deleted=False,
                uid=0,
                user="root",
                started="2026-11-23T05:42:28Z",
                unit="webserver.service",
                user_unit=None,
                container=None,
            )
        ]
    }


def test_L14_one_socket_of_four_processes_and_twice_in_one_of_them(fake_proc):
    for pid in (812, 814, 813):
        fake_proc.process(pid, [7])
    fake_proc.process(1000, [7, 8, 7])
    owners = _owners.find([7, 8, 9], fake_proc.path)
    assert pids(owners, 7) == [812, 813, 814, 1000]
    assert pids(owners, 8) == [1000]
    assert pids(owners, 9) == []


def test_L22_each_process_is_searched_once_and_read_only_if_it_holds_a_socket(fake_proc, monkeypatch):
    fake_proc.process(812, range(1, 500))
    fake_proc.process(900, [3000])
    opened = []
    really = os.open

    def count(path, *arguments, **keywords):
        opened.append(str(path))
        return really(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", count)
    _owners.find(range(1, 500), fake_proc.path)
    assert opened.count("fd") == 2
    assert [opened.count(name) for name in ("status", "cmdline")] == [1, 1]
    assert opened.count("stat") == 2  # of the process, and of /proc for the boot time


def test_without_inodes_nothing_is_read():
    assert _owners.find([0], "/does/not/exist") == ({}, True)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"nginx", "nginx"),
        (b'a",pid=1,fd=9', 'a",pid=1,fd=9'),
        (b"two  blanks", "two  blanks"),
        (b"tab\there", "tab\\x09here"),
        (b"back\\slash\n", "back\\\\slash\\x0a"),
        (b"\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        (b"caf\xc3\xa9", "caf\u00e9"),
        (b"cut\xc3", "cut\\xc3"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\xe2\x80\xaeesrever", "\\xe2\\x80\\xaeesrever"),
        (b"a) S 1 (b", "a) S 1 (b"),
        (b"", ""),
    ],
)
def test_L12_a_name_is_escaped(fake_proc, raw, shown):
    fake_proc.process(812, [7], name=raw, cmdline=raw + b"\0")
    (owner,) = _owners.find([7], fake_proc.path).processes[7]
    assert (owner.pid, owner.name) == (812, shown)
    assert json.loads(json.dumps(owner._asdict()))["name"] == shown
    assert owner.started == "2026-11-23T05:40:48Z"


def test_L12_escapes_are_unambiguous():
    assert _owners.printable(b"\\x0a") != _owners.printable(b"\n")


def test_L13_a_process_may_write_over_its_command_line(fake_proc):
    title = b"nginx: master process /usr/sbin/nginx -g daemon off;" + b"\0" * 40
    fake_proc.process(812, [7], name=b"nginx", cmdline=title)
    (owner,) = _owners.find([7], fake_proc.path).processes[7]
    assert (owner.pid, owner.cmdline) == (812, "nginx: master process /usr/sbin/nginx -g daemon off;")


def test_a_command_line_is_read_only_so_far(fake_proc):
    fake_proc.process(812, [7], cmdline=b"x" * 100000)
    assert len(_owners.find([7], fake_proc.path).processes[7][0].cmdline) == 4096


def test_L20_a_program_that_was_replaced(fake_proc):
    fake_proc.process(812, [7], exe="/usr/bin/python3.9 (deleted)")
    (owner,) = _owners.find([7], fake_proc.path).processes[7]
    assert (owner.exe, owner.exe_deleted) == ("/usr/bin/python3.9", True)


def test_a_program_that_may_not_be_read(fake_proc):
    (fake_proc.process(812, [7]) / "exe").unlink()
    (owner,) = _owners.find([7], fake_proc.path).processes[7]
    assert (owner.exe, owner.exe_deleted) == (None, None)


def test_L12_users_may_name_cgroups_below_their_manager(fake_proc):
    directory = fake_proc.process(812, [7])
    (directory / "cgroup").write_bytes(b"0::/user.slice/user-7.slice/user@7.service/app.slice/\xff\\x2d.service\n")
    (owner,) = _owners.find([7], fake_proc.path).processes[7]
    assert (owner.unit, owner.user_unit) == ("user@7.service", "\\xff\\x2d.service")
    json.dumps(owner._asdict()).encode()


def test_a_kernel_without_cgroups_has_no_units(fake_proc):
    (fake_proc.process(812, [7]) / "cgroup").unlink()
    (owner,) = _owners.find([7], fake_proc.path).processes[7]
    assert (owner.pid, owner.unit) == (812, None)


@pytest.mark.parametrize("gone", ["fd", "stat", "status"])
def test_L19_a_process_may_exit_at_any_moment(fake_proc, monkeypatch, gone):
    fake_proc.process(812, [7])
    fake_proc.process(813, [7])
    really = os.open

    def exited(path, flags, *arguments, dir_fd=None):
        if path == gone and dir_fd is not None and os.readlink(f"/proc/self/fd/{dir_fd}").endswith("/812"):
            raise ProcessLookupError(3, "No such process")
        return really(path, flags, *arguments, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", exited)
    owners = _owners.find([7], fake_proc.path)
    assert (pids(owners, 7), owners.complete) == ([813], True)


def test_L19_a_process_that_is_exiting_is_skipped(fake_proc):
    """cgroup v1 no longer shows its unit, and a holder without a unit would count as another program."""
    fake_proc.process(812, [7], cgroup="9:name=systemd:/\n", flags=0x400104)
    fake_proc.process(813, [7])
    owners = _owners.find([7], fake_proc.path)
    assert (pids(owners, 7), owners.complete) == ([813], True)


def test_L19_a_descriptor_may_be_closed_meanwhile(fake_proc, monkeypatch):
    fake_proc.process(812, [7, 8])
    really = os.readlink

    def closed(path, **keywords):
        if path == "0":
            raise FileNotFoundError(path)
        return really(path, **keywords)

    monkeypatch.setattr(os, "readlink", closed)
    owners = _owners.find([7, 8], fake_proc.path)
    assert (pids(owners, 7), pids(owners, 8)) == ([], [812])


def test_L17_unreadable_processes_are_reported(fake_proc, monkeypatch):
    fake_proc.process(812, [7])
    fake_proc.process(813, [8])
    really = os.open

    def refused(path, *arguments, dir_fd=None):
        if path == "fd" and os.readlink(f"/proc/self/fd/{dir_fd}").endswith("/812"):
            raise PermissionError(13, "Permission denied")
        return really(path, *arguments, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refused)
    owners = _owners.find([7, 8], fake_proc.path)
    assert (pids(owners, 7), pids(owners, 8), owners.complete) == ([], [813], False)


def test_a_user_without_a_name():
    assert _owners.user_name(4000000000) is None


def test_own_process_holds_its_socket(bind):
    inode = os.fstat(bind().fileno()).st_ino
    (owner,) = _owners.find([inode]).processes[inode]
    assert owner.pid == os.getpid()
    assert owner.uid == os.geteuid()
    assert owner.exe == os.readlink("/proc/self/exe")
    assert 0 <= time.time() - times.seconds(owner.started) < 24 * 3600


def test_L14_forked_processes_hold_it_together(bind):
    inode = os.fstat(bind().fileno()).st_ino
    stay, leave = socket.socketpair()
    children = []
    for _time in range(3):
        pid = os.fork()
        if pid == 0:
            stay.close()
            leave.recv(1)
            os._exit(0)
        children.append(pid)
    leave.close()
    try:
        assert sorted(pids(_owners.find([inode]), inode)) == sorted([os.getpid()] + children)
    finally:
        stay.close()
        for pid in children:
            os.waitpid(pid, 0)


def test_L12_a_live_process_with_a_hostile_name(bind):
    inode = os.fstat(bind().fileno()).st_ino
    with open("/proc/self/comm", "rb") as name:
        own = name.read().rstrip(b"\n")
    try:
        with open("/proc/self/comm", "wb") as name:
            name.write(b'a",pid=1,fd=9\n')
        (owner,) = _owners.find([inode]).processes[inode]
        assert (owner.pid, owner.name) == (os.getpid(), 'a",pid=1,fd=9\\x0a')
    finally:
        with open("/proc/self/comm", "wb") as name:
            name.write(own)
