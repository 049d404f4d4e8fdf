# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import local_addresses, netlink


@pytest.mark.parametrize(
    ("address", "interface", "scope"),
    [
        ("0.0.0.0", None, "any"),
        ("::", None, "any"),
        ("0.0.0.0", "eth0", "any"),
        ("0.0.0.0", "lo", "loopback"),
        ("127.0.0.1", None, "loopback"),
        ("127.0.0.2", None, "loopback"),
        ("127.0.0.53", "lo", "loopback"),
        ("::1", None, "loopback"),
        ("::ffff:0.0.0.0", None, "any"),
        ("::ffff:0.0.0.0", "lo", "loopback"),
        ("::ffff:127.0.0.1", None, "loopback"),
        ("::ffff:10.0.0.1", None, "private"),
        ("10.0.0.1", None, "private"),
        ("172.31.255.255", None, "private"),
        ("172.32.0.1", None, "public"),
        ("192.168.1.1", None, "private"),
        ("100.64.0.1", None, "private"),
        ("fd12::1", None, "private"),
        ("169.254.169.254", None, "link-local"),
        ("fe80::1", "eth0", "link-local"),
        ("224.0.0.251", None, "multicast"),
        ("ff02::fb", "eth0", "multicast"),
        ("203.0.113.5", None, "public"),
        ("2600:1f18::1", None, "public"),
    ],
)
def test_L7_L8_L10_scope(address, interface, scope):
    assert addresses.scope(address, interface) == scope


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::FFFF:7f00:1", "::ffff:127.0.0.1"),
        ("0:0:0:0:0:0:0:0", "::"),
    ],
)
def test_normalised(written, printed):
    assert addresses.normalised(written) == printed


@pytest.mark.parametrize(
    "written", ["", "localhost", "127.1", "256.0.0.1", "1.2.3.4:80", "::1%lo", "[::1]", "::/0", "\0"]
)
def test_invalid_addresses(written):
    with pytest.raises(ValueError, match="^address: .* is not an IP address$"):
        addresses.normalised(written)


def test_endpoint():
    assert addresses.endpoint("127.0.0.1", 80) == "127.0.0.1:80"
    assert addresses.endpoint("::", 80) == "[::]:80"


@pytest.mark.parametrize(
    ("address", "interface", "local"),
    [
        ("127.0.0.1", None, True),
        ("127.9.9.9", None, True),
        ("::1", None, True),
        ("203.0.113.5", None, False),
        ("2001:db8::1", None, False),
        ("fe80::dead", "lo", False),
        ("fe80::dead", "no such interface", None),
    ],
)
def test_L9_whether_an_address_is_one_of_this_machine(network, address, interface, local):
    assert local_addresses.is_local(address, interface) is local


@pytest.mark.parametrize(
    ("outcome", "local"),
    [
        (netlink.Refused(errno.ENETUNREACH), False),
        (netlink.Refused(errno.EPERM), None),
        (netlink.Unusable("forbidden"), None),
        (OSError("out of files"), None),
    ],
)
def test_L3_if_netlink_is_refused_it_is_unknown(monkeypatch, outcome, local):
    def ask(_protocol, _question):
        raise outcome

    monkeypatch.setattr(netlink, "ask", ask)
    assert local_addresses.is_local("203.0.113.5") is local


@pytest.mark.parametrize(("kind", "local"), [(1, False), (2, True), (3, True), (5, True), (6, False)])
def test_L9_a_route_that_leads_elsewhere(monkeypatch, kind, local):
    answer = (24, bytes([2, 32, 0, 0, 255, 2, 0, kind]) + bytes(4))
    monkeypatch.setattr(netlink, "ask", lambda _protocol, _question: [answer])
    assert local_addresses.is_local("203.0.113.5") is local


def test_an_empty_answer_is_no_answer(monkeypatch):
    monkeypatch.setattr(netlink, "ask", lambda _protocol, _question: [])
    assert local_addresses.is_local("203.0.113.5") is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("172.31.0.1", "172.16.0.0/12"),
        ("100.64.0.1", "100.64.0.0/10"),
        ("fd12::1", "fc00::/7"),
        ("203.0.113.5", None),
        ("127.0.0.1", None),
        ("fe80::1%eth0", None),
    ],
)
def test_private_ranges(address, network):
    assert addresses.private_network(address) == network
