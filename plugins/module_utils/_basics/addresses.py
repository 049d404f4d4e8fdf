# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What an address that a socket is bound to means for those who want to connect to it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from functools import lru_cache
from typing import Any, Union

FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
WILDCARDS = ("0.0.0.0", "::")

# Spelled out, since ipaddress.is_private and is_global changed their minds between Python 3.7 and 3.13.
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
    """Whether all addresses of a network belong to the other one. Networks of two families have none in common."""
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)


@lru_cache(maxsize=None)
def scope(address: str, interface: str | None = None) -> str:
    """Where clients can be: any, loopback, link-local, private, multicast or public."""
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
    """Of an address or a CIDR block."""
    return "ipv6" if ":" in address else "ipv4"


def normalised(address: str) -> str:
    """The spelling that the tables are printed in. Raises ValueError for what is no address."""
    family = FAMILIES[family_of(address)]
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, address))
    except (OSError, ValueError):
        raise ValueError(f"address: {address} is no IP address") from None


def valid(reported: Any) -> list[str]:
    """The valid IP addresses, normalised, of what should be a list of addresses. A machine may report anything."""
    found = []
    for address in reported if isinstance(reported, (list, tuple)) else ():
        with contextlib.suppress(ValueError):
            found.append(normalised(str(address)))
    return found


def is_mapped(address: str) -> bool:
    """Whether an IPv6 socket is bound to an IPv4 address (::ffff:127.0.0.1), so that it serves only IPv4 clients."""
    return address.startswith("::ffff:") and "." in address


def unmapped(address: str) -> str:
    return address[len("::ffff:") :] if is_mapped(address) else address


def is_wildcard(address: str) -> bool:
    """Whether a socket bound to it serves all addresses of the machine; true for `::ffff:0.0.0.0` too."""
    return unmapped(address) in WILDCARDS


def endpoint(address: str, port: int) -> str:
    """As one writes it in a URL."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
