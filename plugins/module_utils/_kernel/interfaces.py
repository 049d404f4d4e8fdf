# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""The machine's own addresses, and the interfaces that have them, from the kernel (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import FAMILIES, family_of
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.local_addresses import NETLINK_ROUTE
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.netlink import Unusable
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.sock_diag import interface_name

RTM_GETADDR = 22
IFADDRMSG, IFADDRMSG_SIZE = "BBBBI", 8  # family, prefix length, flags, scope, interface
IFA_ADDRESS, IFA_LOCAL = 1, 2
RT_SCOPE_UNIVERSE = 0
SIZES = {socket.AF_INET: 4, socket.AF_INET6: 16}

# Addresses for documentation (RFC 5737, RFC 3849): they belong to nobody, and no packet is sent to them.
SOMEBODY = {"ipv4": "192.0.2.1", "ipv6": "2001:db8::1"}


class Address(NamedTuple):
    """An address of the machine, and the name of the interface that has it."""

    address: str
    interface: str


def parse(messages: Iterable[tuple[int, bytes]], order: str = "=") -> list[Address]:
    """Return the addresses with global scope, from type and payload of each message. Raises Unusable.

    Loopback and link-local addresses have another scope.
    """
    found = []
    for _kind, payload in messages:
        if len(payload) < IFADDRMSG_SIZE:
            raise Unusable("a message with an address is cut")
        family, _length, _flags, scope, index = struct.unpack_from(order + IFADDRMSG, payload)
        attributes = netlink.attributes(payload[IFADDRMSG_SIZE:], order)
        # On a point-to-point interface, IFA_ADDRESS is the address of the other end.
        packed = attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS, b""))
        if scope == RT_SCOPE_UNIVERSE and len(packed) == SIZES.get(family):
            found.append(Address(socket.inet_ntop(family, packed), interface_name(index)))
    return found


def read() -> list[Address]:
    """Return the machine's addresses with global scope. Raises Unusable."""
    body = struct.pack("=" + IFADDRMSG, socket.AF_UNSPEC, 0, 0, 0, 0)
    return parse(netlink.ask(NETLINK_ROUTE, netlink.request(RTM_GETADDR, netlink.DUMP, body)))


def outward(family: str) -> str | None:
    """Return the source address of the machine's packets to the Internet: that of its primary interface.

    None if it has no route. No packet is sent.
    """
    try:
        with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as anybody:
            anybody.connect((SOMEBODY[family], 9))
            return anybody.getsockname()[0]
    except OSError:
        return None


def delivered_to(family: str, wanted: Iterable[str], known: Iterable[Address], primary: str | None) -> dict[str, str]:
    """Return the addresses to which EC2 delivers, with the names of their interfaces ("" if unknown).

    These are the wanted addresses of the family; if none is wanted, the primary one; if there is no primary one,
    because the machine has no route out, all that are known: clients may still reach these.
    """
    interfaces = {each.address: each.interface for each in known if family_of(each.address) == family}
    wanted = [address for address in wanted if family_of(address) == family]
    if not wanted and primary:
        wanted = [primary]
    return {address: interfaces.get(address, "") for address in wanted or interfaces}
