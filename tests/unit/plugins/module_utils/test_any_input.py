# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For any input, a parser yields a record or raises its documented error."""

from __future__ import annotations

import re
import socket
import struct

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink, proc_net, sock_diag
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import cgroups, owners, socket_units

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

# A slow example on a busy machine is not a failure.
settings.register_profile("patient", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ORDERS = some.sampled_from("<>")
PORTS = some.integers(0, 65535)
NUMBERS = some.integers(0, 2**32 - 1)
ADDRESSES = some.one_of(some.binary(min_size=4, max_size=4), some.binary(min_size=16, max_size=16))
FAMILIES = {4: ("ipv4", socket.AF_INET), 16: ("ipv6", socket.AF_INET6)}
# Input that is similar to real input, so that it gets past the first check.
MESSAGES = some.binary(min_size=68, max_size=200).map(lambda tail: bytes([socket.AF_INET, 10, 0, 0]) + tail)
PARTS = ["system.slice", "web.service", "user@7.service", "app.service", "run.scope", "docker-" + "a" * 64 + ".scope"]
PATHS = some.lists(some.sampled_from(PARTS), min_size=1, max_size=4).map("/".join)
CGROUPS = PATHS.map("0::/{}\n".format)
LINES = some.lists(some.text("0123456789abcdefABCDEF:_-+x \n", max_size=40), max_size=12).map(" ".join)


def printed(packed, order):
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack(order + "I", packed))


@given(some.one_of(some.text(), LINES), some.sampled_from(["ipv4", "ipv6"]))
def test_L31_any_line_of_proc(line, family):
    try:
        found = proc_net.parse_line(line, "tcp", family)
    except ValueError:
        return
    assert 0 <= found.local_port <= 65535


@given(ADDRESSES, PORTS, NUMBERS, NUMBERS, NUMBERS, ORDERS)
def test_L25_a_line_of_proc_says_what_was_printed(packed, port, recv_q, uid, inode, order):
    name, family = FAMILIES[len(packed)]
    nobody = "0" * 2 * len(packed)
    line = f" 7: {printed(packed, order)}:{port:04X} {nobody}:0000 0A 00000000:{recv_q:08X} 00:0 0 {uid} 0 {inode} 1 x"
    found = proc_net.parse_line(line, "tcp", name, order)
    assert found.local_address == socket.inet_ntop(family, packed)
    assert (found.local_port, found.recv_q, found.uid, found.inode) == (port, recv_q, uid, inode)


@given(some.lists(some.binary(max_size=200), max_size=4), ORDERS)
def test_any_datagrams_of_netlink(datagrams, order):
    try:
        messages = list(netlink.answers(datagrams, order))
    except netlink.Unusable:
        return
    assert sum(len(payload) for _kind, payload in messages) <= sum(map(len, datagrams))


@given(some.one_of(some.binary(max_size=200), MESSAGES), ORDERS)
def test_any_message_of_sock_diag(payload, order):
    try:
        found = sock_diag.parse_message(payload, "tcp", order)
    except netlink.Unusable:
        return
    socket.inet_pton(FAMILIES[4 if found.family == "ipv4" else 16][1], found.local_address)
    assert 0 <= found.local_port <= 65535


@given(ADDRESSES, PORTS, NUMBERS, NUMBERS, some.binary(max_size=60), ORDERS)
def test_a_message_of_sock_diag_says_what_was_packed(packed, port, backlog, inode, tail, order):
    name, family = FAMILIES[len(packed)]
    payload = struct.pack("4B", family, 10, 0, 0) + struct.pack("!HH", port, 0) + packed.ljust(32, b"\0")
    payload += struct.pack(order + "I8x5I", 0, 0, 3, backlog, 0, inode) + tail
    try:
        found = sock_diag.parse_message(payload, "tcp", order)
    except netlink.Unusable:
        assert tail
        return
    assert (found.family, found.local_address) == (name, socket.inet_ntop(family, packed))
    assert (found.local_port, found.recv_q, found.backlog, found.inode) == (port, 3, backlog, inode)


@given(some.one_of(some.text(), CGROUPS), some.one_of(some.text(), CGROUPS))
def test_any_cgroup(text, first_process):
    place = cgroups.place_of_process(text, cgroups.roots_in(first_process))
    assert all(name is None or (name in text and "/" not in name) for name in place)


@given(some.binary())
def test_L12_any_name_is_shown_on_one_line_and_without_loss(raw):
    shown = owners.printable(raw)
    assert shown.isprintable()
    unescaped = re.sub(
        rb"\\(\\|x(..))",
        lambda match: b"\\" if match.group(1) == b"\\" else bytes([int(match.group(2), 16)]),
        shown.encode(),
    )
    assert unescaped == raw


@given(some.lists(some.text()))
def test_any_socket_unit(lines):
    unit = socket_units.parse("any.socket", lines)
    assert unit.name == "any.socket"
    assert unit.answered_by in {"any.service", "any.socket"} or any(unit.answered_by in line for line in lines)
    assert all(any(value in line for line in lines) for _protocol, value in unit.listens)


@given(some.text())
def test_any_address(text):
    try:
        assert addresses.normalised(addresses.normalised(text)) == addresses.normalised(text)
    except ValueError as error:
        assert str(error).endswith("is not an IP address")
