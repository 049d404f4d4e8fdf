# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The socket tables in /proc/net, which every kernel and every container has."""

from __future__ import annotations

import struct
from socket import inet_ntop
from typing import Callable, Iterable, Iterator

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import FAMILIES
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import sockets


def read(protocol: str, family: str, every_state: bool, warn: Callable[[str], None]) -> list[sockets.Socket]:
    """Return the table of the caller's network namespace. It is empty for ipv6 if the kernel has no IPv6.

    `protocol` is tcp or udp; `family` is ipv4 or ipv6. `warn` is called for each line that is skipped.
    """
    path = f"/proc/net/{protocol}{'6' if family == 'ipv6' else ''}"
    try:
        with open(path) as lines:
            return list(parse(lines, protocol, family, every_state, lambda text: warn(f"{path}: {text}")))
    except FileNotFoundError:
        if family == "ipv6":
            return []
        raise


def parse(
    lines: Iterable[str],
    protocol: str,
    family: str,
    every_state: bool,
    warn: Callable[[str], None],
    order: str = "=",
) -> Iterator[sockets.Socket]:
    """Yield the listeners, or with `every_state` all sockets. A line that is not a socket is skipped with a warning.

    `order` is the byte order of the machine that printed the table, in the notation of struct.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            continue  # the headings
        try:
            found = parse_line(line, protocol, family, order)
        except ValueError as error:
            warn(f"line {number} skipped: {error}")
            continue
        if every_state or found.listening:
            yield found
        elif protocol == "tcp" and found.state not in (sockets.LISTEN, sockets.SYN_RECV):
            # The kernel prints the listeners first (before 4.4, with SYN_RECV sockets between them). The rest are
            # connections, perhaps a million of them.
            return


def parse_line(line: str, protocol: str, family: str, order: str = "=") -> sockets.Socket:
    """Read `sl local remote st tx:rx tr:when retrnsmt uid timeout inode …` (tcp4_seq_show in net/ipv4/tcp_ipv4.c).

    `order` is as in parse(). Raises ValueError if the line is not a row of the table.
    """
    try:
        _sl, local, remote, state, queues, _timer, _retransmits, uid, _timeout, inode = line.split()[:10]
        local_address, local_port = _endpoint(local, family, order)
        foreign_address, foreign_port = _endpoint(remote, family, order)
        send_q, recv_q = (int(queue, 16) for queue in queues.split(":"))
        if int(state, 16) not in sockets.TCP_STATES:
            raise ValueError(state)
        return sockets.Socket(
            protocol,
            family,
            int(state, 16),
            local_address,
            local_port,
            foreign_address,
            foreign_port,
            recv_q,
            send_q,
            int(uid),
            int(inode),
        )
    except (ValueError, struct.error):
        raise ValueError(f"{line.strip()!r} is not a row of a socket table") from None


def _endpoint(text: str, family: str, order: str) -> tuple[str, int]:
    """An address is printed as 32-bit words in the byte order of the machine, the port as a plain number."""
    words, port = text.split(":")
    if len(words) != {"ipv4": 8, "ipv6": 32}[family] or len(port) != 4:
        raise ValueError(text)
    packed = b"".join(struct.pack(order + "I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))
    return inet_ntop(FAMILIES[family], packed), int(port, 16)
