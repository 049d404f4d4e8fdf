# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The record that both readers of the kernel's socket tables yield, and the words for it."""

from __future__ import annotations

import socket
from typing import NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import FAMILIES

# include/net/tcp_states.h, in netstat's spelling. A UDP socket is CLOSE until it is connected.
TCP_STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}
SYN_RECV, TIME_WAIT, CLOSE, LISTEN = 3, 6, 7, 10

# The state in which a socket waits for clients.
LISTENING = {"tcp": LISTEN, "udp": CLOSE}


class Socket(NamedTuple):
    """One TCP or UDP socket. Only netlink knows the fields that have a default."""

    protocol: str  # tcp, udp
    family: str  # ipv4, ipv6
    state: int  # a key of TCP_STATES
    local_address: str
    local_port: int
    foreign_address: str
    foreign_port: int
    recv_q: int  # bytes; for a listener, how many connections wait for accept()
    send_q: int  # bytes; for a listener 0, as in /proc
    uid: int
    inode: int  # 0: no process can hold it (TIME_WAIT, not yet accepted)
    backlog: int | None = None  # how many may wait for accept()
    interface: str | None = None  # SO_BINDTODEVICE, or the zone of a link-local address
    v6only: bool | None = None
    cgroup_id: int | None = None  # cgroup v2 of the process that created it

    @property
    def listening(self) -> bool:
        """Whether it waits for clients."""
        return self.state == LISTENING[self.protocol]

    @property
    def proto(self) -> str:
        """The protocol as netstat names it: tcp, tcp6, udp or udp6."""
        return self.protocol + ("6" if self.family == "ipv6" else "")

    @property
    def bound(self) -> tuple[str, str, int]:
        """Protocol, local address and local port."""
        return self.protocol, self.local_address, self.local_port

    @property
    def identity(self) -> tuple:
        """A key that differs for any two sockets. With SO_REUSEPORT, only the inode differs."""
        ends = (self.local_address, self.local_port, self.foreign_address, self.foreign_port)
        return (self.protocol, self.family, self.inode) + ends

    def order(self) -> tuple:
        """Return a sort key: tcp, tcp6, udp, udp6 as in netstat, then address and port as numbers, not texts."""
        packed = socket.inet_pton(FAMILIES[self.family], self.local_address)
        return (self.proto, packed, self.local_port, self.foreign_address, self.foreign_port, self.inode)
