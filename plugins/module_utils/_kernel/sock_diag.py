# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The socket tables from sock_diag, the kernel interface that ss uses. They are exact with any number of connections.

The structures are those of include/uapi/linux/inet_diag.h.
"""

from __future__ import annotations

import socket
import struct
from typing import Iterable, Iterator

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import FAMILIES
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink, sockets

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
FAMILY_NAMES = {number: name for name, number in FAMILIES.items()}

REQUEST = "=BBBxI48x"  # inet_diag_req_v2: family, protocol, extensions, states; any address
ANSWER = "BBxx2s2s16s16sI8xIIIII"  # inet_diag_msg
ANSWER_SIZE = 72
SKV6ONLY, CGROUP_ID = 11, 21  # attributes INET_DIAG_*

ATTEMPTS = 3


def read(protocol: str, family: str, every_state: bool) -> list[sockets.Socket]:
    """Return the table of the caller's network namespace. Raises Unusable if it cannot be read completely."""
    question = request(protocol, family, every_state)
    for _attempt in range(ATTEMPTS):
        try:
            return list(parse(netlink.ask(NETLINK_SOCK_DIAG, question), protocol))
        except netlink.Interrupted:
            continue
    raise netlink.Unusable(f"interrupted {ATTEMPTS} times")


def request(protocol: str, family: str, every_state: bool) -> bytes:
    """Return the request for a table: of the listeners, or with `every_state` of all sockets."""
    states = sum(1 << state for state in (sockets.TCP_STATES if every_state else [sockets.LISTENING[protocol]]))
    body = struct.pack(REQUEST, FAMILIES[family], PROTOCOLS[protocol], 0, states)
    return netlink.request(SOCK_DIAG_BY_FAMILY, netlink.DUMP, body)


def parse(messages: Iterable[tuple[int, bytes]], protocol: str, order: str = "=") -> Iterator[sockets.Socket]:
    """Yield the sockets, from type and payload of each message. Raises Unusable."""
    for kind, payload in messages:
        if kind != SOCK_DIAG_BY_FAMILY:
            raise netlink.Unusable(f"sock_diag answered with a message of type {kind}")
        yield parse_message(payload, protocol, order)


def parse_message(payload: bytes, protocol: str, order: str = "=") -> sockets.Socket:
    """Read one inet_diag_msg with its attributes. Raises Unusable."""
    try:
        fields = struct.unpack_from(order + ANSWER, payload)
    except struct.error:
        raise netlink.Unusable(f"a sock_diag message of {len(payload)} bytes is cut") from None
    family, state, local_port, foreign_port, local, foreign, interface, _timer, recv_q, send_q, uid, inode = fields
    if family not in FAMILY_NAMES or state not in sockets.TCP_STATES:
        raise netlink.Unusable(f"sock_diag answered for the address family {family} and the state {state}")
    size = 4 if family == socket.AF_INET else 16
    attributes = netlink.attributes(payload[ANSWER_SIZE:], order)
    v6only, cgroup_id = attributes.get(SKV6ONLY, b""), attributes.get(CGROUP_ID, b"")
    listener = protocol == "tcp" and state == sockets.LISTEN
    return sockets.Socket(
        protocol=protocol,
        family=FAMILY_NAMES[family],
        state=state,
        local_address=socket.inet_ntop(family, local[:size]),
        local_port=int.from_bytes(local_port, "big"),
        foreign_address=socket.inet_ntop(family, foreign[:size]),
        foreign_port=int.from_bytes(foreign_port, "big"),
        recv_q=recv_q,
        # For a listener, the kernel puts the backlog into the field of the send queue (tcp_diag_get_info).
        send_q=0 if listener else send_q,
        uid=uid,
        inode=inode,
        backlog=send_q if listener else None,
        interface=interface_name(interface) if interface else None,
        v6only=v6only != b"\0" if v6only else None,
        cgroup_id=struct.unpack(order + "Q", cgroup_id)[0] if len(cgroup_id) == 8 else None,
    )


def interface_name(index: int) -> str:
    """Return the name of an interface; for example if7 if it was removed."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"if{index}"  # a socket may still be bound to it
