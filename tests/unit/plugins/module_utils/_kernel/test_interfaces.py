# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import base_chains, interfaces, netlink
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.interfaces import Address
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.netlink import Unusable


def address_message(family, scope, *attributes):
    body = struct.pack("=BBBBI", family, 24, 0, scope, 1)
    return (20, body + b"".join(netlink.attribute(kind, value) for kind, value in attributes))


def test_addresses_are_read_from_the_kernel_s_messages():
    own, peer = bytes([10, 0, 1, 20]), bytes([10, 0, 1, 21])
    messages = [
        address_message(2, 0, (1, peer), (2, own)),
        address_message(2, 254, (1, bytes([127, 0, 0, 1]))),
        address_message(10, 0, (1, b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\x05")),
        address_message(10, 253, (1, b"\xfe\x80" + b"\0" * 14)),
        address_message(2, 0),
    ]
    assert [each.address for each in interfaces.parse(messages)] == ["10.0.1.20", "2001:db8::5"]
    with pytest.raises(Unusable):
        interfaces.parse([(20, b"\2")])


def test_this_machine_s_own_addresses(network):
    assert interfaces.read() == []  # only loopback addresses
    assert interfaces.outward("ipv4") is None


def test_the_source_address_of_packets_to_the_internet(network):
    for command in ("address add 10.0.1.20/32 dev lo", "address add 10.0.2.20/32 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    subprocess.run(["ip", "route", "add", "default", "dev", "lo", "src", "10.0.2.20"], check=True)
    assert interfaces.outward("ipv4") == "10.0.2.20"
    assert interfaces.outward("ipv6") is None


@pytest.mark.parametrize(
    ("wanted", "primary", "expected"),
    [
        ([], "10.0.1.20", {"10.0.1.20": "eth0"}),
        (["10.0.2.20", "2001:db8::5"], "10.0.1.20", {"10.0.2.20": "eth1"}),
        (["10.9.9.9"], "10.0.1.20", {"10.9.9.9": ""}),
        ([], None, {"10.0.1.20": "eth0", "10.0.2.20": "eth1"}),
    ],
)
def test_addresses_to_which_ec2_delivers(wanted, primary, expected):
    known = [Address("10.0.1.20", "eth0"), Address("10.0.2.20", "eth1"), Address("2001:db8::5", "eth0")]
    assert interfaces.delivered_to("ipv4", wanted, known, primary) == expected


def chain_message(family, hook, nested=0x8000, table=b"filter\0"):
    attributes = netlink.attribute(1, table) + netlink.attribute(3, b"input\0")
    if hook is not None:
        hooks = netlink.attribute(1, struct.pack("!I", hook)) + netlink.attribute(2, struct.pack("!i", 0))
        attributes += netlink.attribute(4 | nested, hooks)
    return (2563, struct.pack("=BBxx", family, 0) + attributes)


@pytest.mark.parametrize(
    ("family", "hook", "found"),
    [
        (1, 1, [("inet", "filter", "input")]),
        (2, 0, [("ip", "filter", "input")]),
        (10, 1, [("ip6", "filter", "input")]),
        (5, 0, [("netdev", "filter", "input")]),
        (1, 2, []),  # forward
        (1, 3, []),  # output
        (1, None, []),  # no base chain
        (7, 1, []),  # bridge
    ],
)
def test_the_chains_of_incoming_packets(family, hook, found):
    assert base_chains.parse([chain_message(family, hook)]) == found
    assert base_chains.parse([chain_message(family, hook, nested=0)]) == found


@pytest.mark.parametrize(("table", "name"), [(b"INDEX\0", "INDEX"), (b"caf\xe9\0", "caf\ufffd"), (b"\0", "")])
def test_any_name_of_a_table_is_read(table, name):
    assert base_chains.parse([chain_message(1, 1, table=table)]) == [("inet", name, "input")]


def test_chains_without_names_and_messages_without_attributes():
    hook = netlink.attribute(4, netlink.attribute(1, struct.pack("!I", 1)))
    assert base_chains.parse([(2563, b"\1\0\0\0" + hook), (2563, b"\1\0\0\0")]) == [("inet", "", "")]


def test_cut_messages_are_refused():
    with pytest.raises(Unusable, match="a message with a chain is cut"):
        base_chains.parse([(2563, b"\1")])


@pytest.mark.parametrize("order", ["<", ">"])
def test_chains_in_either_byte_order(order):
    def attribute(kind, value):
        return struct.pack(order + "HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)

    hook = attribute(4, attribute(1, struct.pack("!I", 1)))
    message = b"\2\0\0\0" + attribute(1, b"filter\0") + attribute(3, b"input\0") + hook
    assert base_chains.parse([(2563, message)], order) == [("ip", "filter", "input")]


def test_a_kernel_without_nf_tables_has_no_chains(monkeypatch):
    def refuse(code):
        def ask(_protocol, _question):
            raise netlink.Refused(code)

        return ask

    monkeypatch.setattr(netlink, "ask", refuse(22))
    assert base_chains.read() == []
    monkeypatch.setattr(netlink, "ask", refuse(1))
    with pytest.raises(Unusable):
        base_chains.read()


def test_a_kernel_without_netfilter_has_no_chains(monkeypatch):
    """Such a kernel has no such socket."""

    def refuse(*_arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(socket, "socket", refuse)
    code = errno.EPROTONOSUPPORT
    assert base_chains.read() == []
    code = errno.EMFILE
    with pytest.raises(Unusable, match="Too many open files"):
        base_chains.read()


def test_the_real_kernel_s_chains(network, nft):
    assert base_chains.read() == []
    nft("add table inet t; add chain inet t c { type filter hook input priority 0; }; add chain inet t plain")
    assert base_chains.read() == [("inet", "t", "c")]
