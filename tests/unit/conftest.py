# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures that the tests share: a network namespace, sockets of every kind, and a /proc made of plain files."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink

FREEBIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


@pytest.fixture
def network():
    """Move the test into an empty network namespace with a loopback interface."""
    if os.geteuid() != 0:
        pytest.skip("only root may make a network namespace")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        try:
            _bring_up("lo")
            yield
        finally:
            assert libc.setns(before, CLONE_NEWNET) == 0
    finally:
        os.close(before)


def _bring_up(interface):
    import fcntl

    with socket.socket() as any_socket:
        request = struct.pack("16sH14x", interface.encode(), 0)
        _name, flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", interface.encode(), flags | IFF_UP))


@pytest.fixture
def bind():
    """Binds sockets, and closes them after the test. TCP sockets listen."""
    opened = []

    def bind(address="127.0.0.1", port=0, protocol="tcp", backlog=8, v6only=None, device=None, reuse=False, free=False):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        bound = socket.socket(family, kind)
        opened.append(bound)
        if v6only is not None:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        if device:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        if reuse:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if free:
            bound.setsockopt(*FREEBIND[family], 1)
        bound.bind((address, port))
        if protocol == "tcp":
            bound.listen(backlog)
        return bound

    yield bind
    for each in opened:
        each.close()


@pytest.fixture
def time_zone(monkeypatch):
    """Sets the time zone of this process until the end of the test."""
    with monkeypatch.context() as patch:

        def time_zone(name):
            patch.setenv("TZ", name)
            time.tzset()

        yield time_zone
    time.tzset()


@pytest.fixture
def netstat():
    """Runs the real netstat. The order of its rows is undefined."""

    def netstat(flags):
        environment = {"LC_ALL": "C", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin:/bin:/usr/bin"}
        try:
            text = subprocess.run(["netstat", flags], env=environment, stdout=subprocess.PIPE, check=True).stdout
        except FileNotFoundError:
            pytest.skip("netstat is not installed")
        lines = text.decode().split("\n")[:-1]
        return lines[:2] + sorted(lines[2:])

    return netstat


@pytest.fixture
def nft():
    """Loads rules with the real nft, in the network namespace of the test."""

    def nft(rules):
        try:
            done = subprocess.run(
                ["nft", "-f", "-"], input=rules.replace("; add", "\nadd").encode(), stderr=subprocess.PIPE, check=False
            )
        except FileNotFoundError:
            pytest.skip("nft is not installed")
        assert done.returncode == 0, done.stderr.decode()

    return nft


@pytest.fixture
def forbid_netlink(monkeypatch):
    """Forbids netlink, as a seccomp filter does."""

    def refuse(_protocol, _question):
        raise netlink.Unusable("Operation not permitted")

    return lambda: monkeypatch.setattr(netlink, "ask", refuse)


class FakeProc:
    """A /proc in a folder of the test."""

    def __init__(self, path):
        self.path = str(path)
        (path / "stat").write_text("cpu  1 2 3\nbtime 1795412448\nprocesses 9\n")
        self._root = path

    def process(
        self,
        pid,
        inodes=(),
        name=b"python3",
        cmdline=b"/usr/bin/python3\0-m\0http.server\0",
        exe="/usr/bin/python3.9",
        uid=0,
        ticks=0,
        cgroup="0::/system.slice/webserver.service\n",
        flags=0x400100,
    ):
        directory = self._root / str(pid)
        (directory / "fd").mkdir(parents=True)
        for number, inode in enumerate(inodes):
            os.symlink(f"socket:[{inode}]", str(directory / "fd" / str(number)))
        os.symlink("/dev/null", str(directory / "fd" / "9999"))
        os.symlink(exe, str(directory / "exe"))
        fields = b" S 1 812 812 0 -1 %d 1 0 0 0 0 0 0 0 20 0 1 0 %d 0 0" % (flags, ticks)
        (directory / "stat").write_bytes(b"%d (%s)" % (pid, name) + fields)
        (directory / "status").write_text(f"Name:\twhatever\nUid:\t1\t{uid}\t1\t1\n")
        (directory / "cmdline").write_bytes(cmdline)
        (directory / "cgroup").write_text(cgroup)
        return directory


@pytest.fixture
def fake_proc(tmp_path):
    return FakeProc(tmp_path)
