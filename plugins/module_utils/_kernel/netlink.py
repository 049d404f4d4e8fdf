# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Netlink, the kernel's protocol for questions about the network: messages, attributes, one exchange (netlink(7)).

The parameter `order` is the byte order of the kernel that answers, in the notation of struct.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Iterable, Iterator

REQUEST, MULTI, DUMP_INTR, DUMP = 0x1, 0x2, 0x10, 0x300  # NLM_F_*
ERROR, DONE = 2, 3  # NLMSG_*
HEADER, ATTRIBUTE = "IHHII", "HH"  # struct nlmsghdr, struct nlattr
HEADER_SIZE, ATTRIBUTE_SIZE = 16, 4
BUFFER = 1 << 16  # The kernel fills at most 32 KiB for a dump.
SECONDS = 5  # The kernel answers at once or not at all.


class Unusable(Exception):
    """The kernel refuses the question, or its answer is cut or malformed."""


class Refused(Unusable):
    """The kernel answers with an errno."""

    def __init__(self, code: int) -> None:
        super().__init__(os.strerror(code))
        self.code = code


class Interrupted(Unusable):
    """The table changed while the kernel was sending it: ask again."""


def request(kind: int, flags: int, body: bytes) -> bytes:
    """Return a netlink message of one request."""
    return struct.pack("=" + HEADER, HEADER_SIZE + len(body), kind, REQUEST | flags, 0, 0) + body


def answers(datagrams: Iterable[bytes], order: str = "=") -> Iterator[tuple[int, bytes]]:
    """Yield type and payload of the messages of one answer, which may come in many datagrams. Raises Unusable.

    The answer is complete if the iterator ends without an error.
    """
    for datagram in datagrams:
        for kind, flags, payload in split(datagram, order):
            if flags & DUMP_INTR:
                raise Interrupted("the table changed while the kernel was dumping it")
            if kind in (ERROR, DONE):
                # Both may carry an errno: DONE does if the dump failed half-way.
                if len(payload) < 4:
                    raise Unusable("a netlink result is cut")
                code = struct.unpack_from(order + "i", payload)[0]
                if code:
                    raise Refused(-code)
                return
            yield kind, payload
            if not flags & MULTI:
                return
    raise Unusable("the kernel's answer has no end")


def split(datagram: bytes, order: str = "=") -> Iterator[tuple[int, int, bytes]]:
    """Yield type, flags and payload of each message. Raises Unusable."""
    start = 0
    while start < len(datagram):
        try:
            size, kind, flags, _sequence, _port = struct.unpack_from(order + HEADER, datagram, start)
        except struct.error:
            raise Unusable("a netlink header is cut") from None
        if not HEADER_SIZE <= size <= len(datagram) - start:
            raise Unusable(f"a netlink message of {size} bytes is cut")
        yield kind, flags, datagram[start + HEADER_SIZE : start + size]
        start += _aligned(size)


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to a multiple of four bytes."""
    return struct.pack("=" + ATTRIBUTE, ATTRIBUTE_SIZE + len(value), kind) + value + b"\0" * (-len(value) % 4)


def attributes(payload: bytes, order: str = "=") -> dict[int, bytes]:
    """Return values by type of the attributes that follow the fixed part of a message. Raises Unusable."""
    found, start = {}, 0
    while start + ATTRIBUTE_SIZE <= len(payload):
        size, kind = struct.unpack_from(order + ATTRIBUTE, payload, start)
        if not ATTRIBUTE_SIZE <= size <= len(payload) - start:
            raise Unusable(f"a netlink attribute of {size} bytes is cut")
        found[kind] = payload[start + ATTRIBUTE_SIZE : start + size]
        start += _aligned(size)
    return found


def ask(protocol: int, question: bytes) -> list[tuple[int, bytes]]:
    """Return type and payload of all messages of the answer. Raises Unusable, also if netlink itself is forbidden."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as channel:
            channel.settimeout(SECONDS)
            channel.sendto(question, (0, 0))
            return list(answers(_receive(channel)))
    except OSError as error:
        raise Unusable(str(error)) from error


def _receive(channel: socket.socket) -> Iterator[bytes]:
    while True:
        datagram, _ancillary, flags, _sender = channel.recvmsg(BUFFER)
        if flags & socket.MSG_TRUNC:
            raise Unusable(f"a netlink datagram is longer than {BUFFER} bytes")
        yield datagram


def _aligned(size: int) -> int:
    return size + 3 & ~3
