# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Asks the kernel whether it has any nftables chains for incoming packets. Many machines do not have the program `nft`.

The numbers are those of include/uapi/linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.netlink import Unusable

NETLINK_NETFILTER = 12
NFNL_SUBSYS_NFTABLES = 10
NFT_MSG_GETCHAIN = 4
NFGENMSG, NFGENMSG_SIZE = "BBxx", 4  # family, version
CHAIN_TABLE, CHAIN_NAME, CHAIN_HOOK = 1, 3, 4  # NFTA_CHAIN_*
HOOK_NUMBER = 1  # NFTA_HOOK_HOOKNUM
NESTED = 0x7FFF  # without NLA_F_NESTED
FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 10: "ip6"}  # NFPROTO_*; arp and bridge do not filter these packets
INCOMING = (0, 1)  # NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN; in the family netdev, 0 is ingress
# The errors of a kernel without nf_tables or without netfilter.
NOT_THERE = (errno.EINVAL, errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)


class BaseChain(NamedTuple):
    """A chain that the kernel itself sends packets through."""

    family: str  # inet, ip, ip6, netdev
    table: str
    name: str


def parse(messages: Iterable[tuple[int, bytes]], order: str = "=") -> list[BaseChain]:
    """Return the base chains for incoming packets, from type and payload of each message. Raises Unusable."""
    found = []
    for _kind, payload in messages:
        if len(payload) < NFGENMSG_SIZE:
            raise Unusable("a message with a chain is cut")
        family, _version = struct.unpack_from(order + NFGENMSG, payload)
        attributes = _plain(netlink.attributes(payload[NFGENMSG_SIZE:], order))
        hook = _plain(netlink.attributes(attributes.get(CHAIN_HOOK, b""), order)).get(HOOK_NUMBER, b"")
        if family in FAMILIES and len(hook) == 4 and struct.unpack("!I", hook)[0] in INCOMING:
            names = (
                attributes.get(key, b"").rstrip(b"\0").decode("utf-8", "replace") for key in (CHAIN_TABLE, CHAIN_NAME)
            )
            found.append(BaseChain(FAMILIES[family], *names))
    return found


def _plain(attributes: dict[int, bytes]) -> dict[int, bytes]:
    return {kind & NESTED: value for kind, value in attributes.items()}


def read() -> list[BaseChain]:
    """Return the base chains for incoming packets. Raises Unusable, for example if the user is not root."""
    body = struct.pack("=" + NFGENMSG, socket.AF_UNSPEC, 0)
    question = netlink.request(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, netlink.DUMP, body)
    try:
        return parse(netlink.ask(NETLINK_NETFILTER, question))
    except Unusable as error:
        code = getattr(error, "code", None) or getattr(error.__cause__, "errno", None)
        if code in NOT_THERE:
            return []
        raise
