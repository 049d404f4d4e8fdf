# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which rows are asked for, and whether what is expected of them holds."""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._addresses import WILDCARDS, endpoint

Row = dict  # see _listeners


class Query(NamedTuple):
    family: str = "ipv4"  # ipv4, ipv6, any
    protocols: tuple[str, ...] = ("tcp",)
    port: int | None = None
    address: str | None = None
    unit: str | None = None

    def in_family(self, row: Row) -> bool:
        return self.family in ("any", row["family"])

    def serves_family(self, row: Row) -> bool:
        """Also the IPv6 sockets that IPv4 clients reach. Where that is unknown the socket counts: it is there."""
        return self.in_family(row) or (self.family == "ipv4" and row["ipv4_reachable"] is not False)

    def at_port(self, row: Row) -> bool:
        return self.port in (None, row["local_port"])

    def at_address(self, row: Row) -> bool:
        return self.address in (None, row["local_address"])

    def of_unit(self, row: Row) -> bool:
        return self.unit in (None, row["unit"]) or any(self.unit == each["unit"] for each in row["processes"])

    def selects(self, row: Row) -> bool:
        return self.at_port(row) and self.at_address(row) and self.of_unit(row)

    def blocked_by(self, row: Row) -> bool:
        """Whether a server that binds here would find the address in use: a wildcard is in everybody's way."""
        clash = self.address is None or self.address in WILDCARDS or row["local_address"] in WILDCARDS
        mapped = row["local_address"] == "::ffff:%s" % self.address
        return (clash or mapped or self.at_address(row)) and self.serves_family(row)


class Unmet(NamedTuple):
    message: str
    rows: list[Row]  # what is there instead


def unmet(expect: str | None, query: Query, rows: Iterable[Row]) -> Unmet | None:
    """None if the expectation holds, for each protocol of the query."""
    listeners = [row for row in rows if row["foreign_address"].endswith(":*") and query.at_port(row)]
    judge = {"listening": _no_listener, "free": _not_free, None: lambda *_args: None}[expect]
    for protocol in query.protocols:
        verdict = judge(query, protocol, [row for row in listeners if row["proto"].rstrip("6") == protocol])
        if verdict:
            return verdict
    return None


def _no_listener(query: Query, protocol: str, listeners: list[Row]) -> Unmet | None:
    if any(query.selects(row) and query.serves_family(row) for row in listeners):
        return None
    of_whom = " of %s" % query.unit if query.unit else ""
    # Without a port, the other listeners of the machine explain nothing: only those of the unit may.
    near = listeners if query.port else [row for row in listeners if query.unit and query.of_unit(row)]
    if not near:
        instead = "nothing listens there" if query.port or query.address else "it has none"
    elif query.port and not any(query.of_unit(row) for row in near):
        instead = "it is held by %s" % _all(near)
    else:
        instead = "there is only %s" % _all(near)
    return Unmet("%s: expected a listener%s, but %s" % (_where(query, protocol), of_whom, instead), near)


def _not_free(query: Query, protocol: str, listeners: list[Row]) -> Unmet | None:
    blockers = [row for row in listeners if query.blocked_by(row) and query.of_unit(row)]
    if not blockers:
        return None
    return Unmet("%s: expected to be free, but it is held by %s" % (_where(query, protocol), _all(blockers)), blockers)


def _where(query: Query, protocol: str) -> str:
    if query.address and query.port:
        place = endpoint(query.address, query.port)
    elif query.port:
        place = "port %d" % query.port
    else:
        place = "address %s" % query.address if query.address else "any port"
    return "%s/%s" % (place, protocol)


def _all(rows: Iterable[Row]) -> str:
    return ", ".join(dict.fromkeys(_held(row) for row in rows))


def _held(row: Row) -> str:
    """For example: nginx (pid 812, unit nginx.service) on 0.0.0.0:5000."""
    if row["pid"]:
        details = ["pid %d" % row["pid"]] + (["unit %s" % row["unit"]] if row["unit"] else [])
    else:
        details = ["unit %s" % row["unit"]] if row["unit"] else []
        details += ["user %s" % row["user"], "owner unknown: %s" % row["owner_unknown_reason"]]
    if row["family"] == "ipv6":
        details.append({True: "serves IPv4 too", False: "IPv6 only", None: "may serve IPv4"}[row["ipv4_reachable"]])
    where = endpoint(row["local_address"], row["local_port"])
    return "%s (%s) on %s" % (row["name"] or "a process", ", ".join(details), where)
