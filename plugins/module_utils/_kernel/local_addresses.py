# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Whether an address belongs to this machine, by the kernel's route lookup: the one that it does for each packet."""

from __future__ import annotations

import errno
import socket
import struct

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink

NETLINK_ROUTE = 0
RTM_GETROUTE = 26
RTMSG = "=8BI"  # family, dst_len, src_len, tos, table, protocol, scope, type; flags
TYPE_OFFSET = 7
RTA_DST, RTA_OIF = 1, 4
DELIVERED_HERE = (2, 3, 5)  # RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST


def is_local(address: str, interface: str | None = None) -> bool | None:
    """Return whether the kernel delivers packets for the address to this machine; None if this is unknown.

    A socket may be bound to an address that is not local: with IP_FREEBIND, or if the address was removed later.
    """
    family = addresses.FAMILIES[addresses.family_of(address)]
    packed = socket.inet_pton(family, address)
    attributes = netlink.attribute(RTA_DST, packed)
    try:
        if interface and address.startswith("fe80:"):
            attributes += netlink.attribute(RTA_OIF, struct.pack("=I", socket.if_nametoindex(interface)))
        body = struct.pack(RTMSG, family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0) + attributes
        ((_kind, route),) = netlink.ask(NETLINK_ROUTE, netlink.request(RTM_GETROUTE, 0, body))
        return route[TYPE_OFFSET] in DELIVERED_HERE
    except netlink.Refused as refusal:
        return False if refusal.code in (errno.ENETUNREACH, errno.EHOSTUNREACH) else None
    except (netlink.Unusable, OSError, ValueError, IndexError):
        return None
