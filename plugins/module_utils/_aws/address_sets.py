# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Sets of addresses and of ports, to calculate which clients get through instead of trying samples."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Iterable, Iterator

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import SCOPES, family_of


class Intervals:
    """A set of integers, kept as sorted pairs of first and last that neither overlap nor touch."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()):
        merged: list[tuple[int, int]] = []
        for first, last in sorted(pairs):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self.pairs = tuple(merged)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Intervals({list(self.pairs)})"

    def __or__(self, other: Intervals) -> Intervals:
        return Intervals(self.pairs + other.pairs)

    def __and__(self, other: Intervals) -> Intervals:
        return _of_pairs(_overlaps(self.pairs, other.pairs))

    def __sub__(self, other: Intervals) -> Intervals:
        return _of_pairs(_left_over(self.pairs, other.pairs))

    def __le__(self, other: Intervals) -> bool:
        return not self - other

    def size(self) -> int:
        return sum(last - first + 1 for first, last in self.pairs)


def _of_pairs(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """Return the set of pairs that are sorted and neither overlap nor touch."""
    made = Intervals()
    made.pairs = tuple(pairs)
    return made


def _overlaps(ours: tuple, theirs: tuple) -> Iterator[tuple[int, int]]:
    mine = other = 0
    while mine < len(ours) and other < len(theirs):
        first = max(ours[mine][0], theirs[other][0])
        last = min(ours[mine][1], theirs[other][1])
        if first <= last:
            yield first, last
        if ours[mine][1] < theirs[other][1]:
            mine += 1
        else:
            other += 1


def _left_over(ours: tuple, theirs: tuple) -> Iterator[tuple[int, int]]:
    other = 0
    for first, last in ours:
        while other < len(theirs) and theirs[other][1] < first:
            other += 1
        at = other
        while at < len(theirs) and theirs[at][0] <= last:
            if first < theirs[at][0]:
                yield first, theirs[at][0] - 1
            first = theirs[at][1] + 1
            at += 1
        if first <= last:
            yield first, last


def addresses(cidrs: Iterable[str], family: str) -> Intervals:
    """Return the addresses of those blocks that belong to the family. Ignores blocks of the other family.

    A block may have host bits set, and a single address needs no prefix length. Raises ValueError for any other text.
    """
    return Intervals(_ends(cidr) for cidr in cidrs if family_of(cidr) == family)


@lru_cache(maxsize=None)
def _ends(cidr: str) -> tuple[int, int]:
    network = ipaddress.ip_network(cidr, strict=False)
    return int(network.network_address), int(network.broadcast_address)


def cidrs(space: Intervals, family: str) -> list[str]:
    """Return the smallest list of blocks that make up the set."""
    kind = ipaddress.IPv6Address if family == "ipv6" else ipaddress.IPv4Address
    return [
        str(network)
        for first, last in space.pairs
        for network in ipaddress.summarize_address_range(kind(first), kind(last))
    ]


FAMILY_NAMES = {"ipv4": "IPv4", "ipv6": "IPv6"}  # for people
EVERYTHING = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}

# Clients on the Internet have public unicast addresses; in IPv6, these are from the one block that IANA allocates.
_NOT_PUBLIC = [*(str(network) for network, _scope in SCOPES), "0.0.0.0/8", "240.0.0.0/4"]
INTERNET = {
    "ipv4": addresses([EVERYTHING["ipv4"]], "ipv4") - addresses(_NOT_PUBLIC, "ipv4"),
    "ipv6": addresses(["2000::/3"], "ipv6"),
}


def named(space: Intervals, family: str, most: int = 3) -> str:
    """Return a short text for a set of addresses: "203.0.113.0/24 and 198.51.100.7/32"."""
    if INTERNET[family] <= space:
        return EVERYTHING[family]
    blocks = cidrs(space, family)
    if len(blocks) > most:
        return ", ".join(blocks[:most]) + f" and {len(blocks) - most} more blocks"
    return " and ".join(filter(None, [", ".join(blocks[:-1]), *blocks[-1:]])) or "nobody"


def ports_named(ports: Intervals) -> str:
    """Return a text for a set of ports: "5000, 8000-8010"."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports.pairs) or "none"
