# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""IP addresses: which clients can reach a socket that is bound to one, and how the collection spells them."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from functools import lru_cache
from typing import Any, Union

FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
WILDCARDS = ("0.0.0.0", "::")

# A list of our own, because ipaddress.is_private and is_global differ between Python 3.7 and 3.13.
SCOPES = [
    (ipaddress.ip_network(network), scope)
    for scope, networks in [
        ("loopback", ["127.0.0.0/8", "::1/128"]),
        ("link-local", ["169.254.0.0/16", "fe80::/10"]),
        ("private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]),
        ("multicast", ["224.0.0.0/4", "ff00::/8"]),
    ]
    for network in networks
]


def is_within(network: Network, other: Network) -> bool:
    """Return whether `other` contains all addresses of `network`. False if the two are of different families."""
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)


@lru_cache(maxsize=None)
def scope(address: str, interface: str | None = None) -> str:
    """Return from where clients can reach the address: any, loopback, link-local, private, multicast or public."""
    if interface == "lo":
        return "loopback"
    parsed = ipaddress.ip_address(address)
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_unspecified:
        return "any"
    return next((name for network, name in SCOPES if parsed in network), "public")


def private_network(address: str) -> str | None:
    """The private range, such as 10.0.0.0/8, that contains the address; None if it is not private."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return next((str(network) for network, name in SCOPES if name == "private" and parsed in network), None)


def family_of(address: str) -> str:
    """Return ipv4 or ipv6 for an address or a CIDR block."""
    return "ipv6" if ":" in address else "ipv4"


def normalised(address: str) -> str:
    """Return the address as the system spells it (inet_ntop(3)). Raises ValueError if it is not an IP address."""
    family = FAMILIES[family_of(address)]
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, address))
    except (OSError, ValueError):
        raise ValueError(f"address: {address} is not an IP address") from None


def valid(reported: Any) -> list[str]:
    """Return the valid IP addresses of a list, normalised; empty if it is not a list. A machine may report anything."""
    found = []
    for address in reported if isinstance(reported, (list, tuple)) else ():
        with contextlib.suppress(ValueError):
            found.append(normalised(str(address)))
    return found


def is_mapped(address: str) -> bool:
    """Whether an IPv6 socket is bound to an IPv4 address (::ffff:127.0.0.1), so that it serves only IPv4 clients."""
    return address.startswith("::ffff:") and "." in address


def unmapped(address: str) -> str:
    """Return the IPv4 address in an IPv4-mapped IPv6 address; any other address as it is."""
    return address[len("::ffff:") :] if is_mapped(address) else address


def is_wildcard(address: str) -> bool:
    """Whether a socket bound to it serves all addresses of the machine; true for `::ffff:0.0.0.0` too."""
    return unmapped(address) in WILDCARDS


def endpoint(address: str, port: int) -> str:
    """Return address and port as in a URL: 192.0.2.1:80, [2001:db8::1]:80."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
