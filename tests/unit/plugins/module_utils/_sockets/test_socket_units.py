# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import socket_units
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.socket_units import SocketUnit

SSH = """\
# Debian 12
[Unit]
Description=OpenBSD Secure Shell server socket
Before=sockets.target ssh.service
ConditionPathExists=!/etc/ssh/sshd_not_to_be_run

[Socket]
ListenStream=22
Accept=no
FreeBind=yes

[Install]
WantedBy=sockets.target
"""


def unit(name, text):
    return socket_units.parse(name, text.splitlines())


@pytest.mark.parametrize(
    ("text", "listens", "answered_by"),
    [
        (SSH, {("tcp", "22")}, "ssh.service"),
        *[
            (SSH.replace("Accept=no", f"Accept={yes}"), {("tcp", "22")}, "ssh.socket")
            for yes in ("yes", "True", "ON", "1", "y", "t")
        ],
        ("ListenStream=/run/a=b\n", {("tcp", "/run/a=b")}, "ssh.service"),
        (SSH + "Service=other.service\n", {("tcp", "22")}, "other.service"),
        (SSH + "ListenStream=\nListenStream=0.0.0.0:2222\n", {("tcp", "0.0.0.0:2222")}, "ssh.service"),
        ("ListenDatagram = [::1]:53\nListenStream=/run/x\n", {("udp", "[::1]:53"), ("tcp", "/run/x")}, "ssh.service"),
        ("", set(), "ssh.service"),
    ],
)
def test_L21_a_socket_unit_is_read(text, listens, answered_by):
    assert unit("ssh.socket", text) == SocketUnit("ssh.socket", frozenset(listens), answered_by)


@pytest.mark.parametrize(
    ("protocol", "address", "port", "service"),
    [
        ("tcp", "::", 22, "ssh.service"),
        ("tcp", "0.0.0.0", 22, "ssh.service"),
        ("tcp", "127.0.0.1", 22, "init.scope"),
        ("udp", "::", 22, "init.scope"),
        ("tcp", "127.0.0.1", 631, "cups.service"),
        ("tcp", "::1", 631, "cups.service"),
        ("tcp", "0.0.0.0", 631, "init.scope"),
        ("tcp", "0.0.0.0", 9090, "init.scope"),
    ],
)
def test_L21_which_service_answers(protocol, address, port, service):
    units = [
        unit("ssh.socket", SSH),
        unit("cups.socket", "ListenStream=127.0.0.1:631\nListenStream=[::1]:631\n"),
        unit("one.socket", "ListenStream=9090\n"),
        unit("two.socket", "ListenStream=9090\n"),
    ]
    assert socket_units.answering(units, "init.scope", protocol, address, port) == service


def test_L21_a_socket_unit_is_known_by_its_name():
    where = ("tcp", "127.0.0.1", 1)
    assert socket_units.answering([unit("ssh.socket", SSH)], "ssh.socket", *where) == "ssh.service"
    assert socket_units.answering([unit("cups.socket", SSH)], "ssh.socket", *where) == "ssh.socket"


def test_the_first_directory_wins_and_drop_ins_add_up(tmp_path):
    etc, run, usr = (tmp_path / name for name in ("etc", "run", "usr"))
    for directory in (etc, run / "ssh.socket.d", usr / "ssh.socket.d"):
        directory.mkdir(parents=True)
    (usr / "ssh.socket").write_text(SSH)
    (usr / "masked.socket").write_text("ListenStream=1\n")
    (etc / "masked.socket").symlink_to("/dev/null")
    (etc / "lost.socket").symlink_to("/does/not/exist")
    (run / "ssh.socket.d" / "addresses.conf").write_text("[Socket]\nListenStream=\nListenStream=0.0.0.0:2222\n")
    (usr / "ssh.socket.d" / "addresses.conf").write_text("[Socket]\nListenStream=7\n")
    (usr / "ssh.socket.d" / "name.conf").write_bytes(b"[Socket]\n# \xff\nService=openssh.service\n")
    units = {each.name: each for each in socket_units.read([str(each) for each in (etc, run, usr)])}
    assert units["ssh.socket"] == SocketUnit("ssh.socket", frozenset([("tcp", "0.0.0.0:2222")]), "openssh.service")
    assert units["masked.socket"].listens == units["lost.socket"].listens == frozenset()


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "cgroup" / "system.slice" / "webserver.service").mkdir(parents=True)
    mounts = tmp_path / "mounts"
    mounts.write_bytes(b"/dev/sda /mnt/\xff ext4 rw 0 0\ncgroup2 %s/cgroup cgroup2 rw 0 0\n" % bytes(tmp_path))
    return str(mounts), str(tmp_path / "cgroup" / "system.slice" / "webserver.service")


def test_the_id_of_a_cgroup_is_the_inode_of_its_directory(tree):
    mounts, directory = tree
    number = os.stat(directory).st_ino
    assert socket_units.paths_of({number, 1}, mounts) == {number: "/system.slice/webserver.service"}
    top = directory[: -len("/system.slice/webserver.service")]
    assert socket_units.paths_of([os.stat(top).st_ino], mounts) == {os.stat(top).st_ino: "/"}
    assert socket_units.paths_of([], "/nonexistent") == {}


def test_L19_a_cgroup_may_vanish_while_the_tree_is_walked(tree, monkeypatch):
    mounts, directory = tree
    number = os.stat(directory).st_ino

    def gone(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "stat", gone)
    assert socket_units.paths_of({number}, mounts) == {}


@pytest.mark.parametrize("mounts", ["", "proc /proc proc rw 0 0\n"])
def test_without_cgroup_v2_ids_have_no_paths(tmp_path, mounts):
    (tmp_path / "mounts").write_text(mounts)
    assert socket_units.paths_of([7], str(tmp_path / "mounts")) == {}
