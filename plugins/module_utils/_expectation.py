# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which rows are asked for, and whether what is expected of them holds."""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._addresses import WILDCARDS, endpoint

Row = dict  # see _listeners

WHY_UNKNOWN = {
    "permission_denied": ["which this user may not read"],
    "other_pid_namespace": ["perhaps of another container"],
    "no_process": ["perhaps the kernel itself"],
    "not_requested": [],
}


def listens(row: Row) -> bool:
    return row["state"] in ("LISTEN", None)  # TCP, UDP


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

    def of_protocol(self, row: Row) -> bool:
        return row["proto"].rstrip("6") in self.protocols

    def at_port(self, row: Row) -> bool:
        return self.port in (None, row["local_port"])

    def at_address(self, row: Row) -> bool:
        return self.address in (None, row["local_address"])

    def of_unit(self, row: Row) -> bool:
        return self.unit in (None, row["unit"]) or any(self.unit == each["unit"] for each in row["processes"])

    def selects(self, row: Row) -> bool:
        """All but the family, for which there are two answers: in_family and serves_family."""
        return self.of_protocol(row) and self.at_port(row) and self.at_address(row) and self.of_unit(row)

    def blocked_by(self, row: Row) -> bool:
        """Whether a server that binds there would find the address in use: a wildcard is in everybody's way."""
        clash = self.address is None or self.address in WILDCARDS or row["local_address"] in WILDCARDS
        mapped = row["local_address"] == f"::ffff:{self.address}"
        return (clash or mapped or self.at_address(row)) and self.serves_family(row)


class Unmet(NamedTuple):
    message: str
    rows: list[Row]  # what is there instead


def unmet(expect: str | None, query: Query, rows: Iterable[Row]) -> Unmet | None:
    """None if the expectation holds, for each protocol of the query."""
    listeners = [row for row in rows if listens(row) and query.at_port(row)]
    judge = {"listening": _no_listener, "free": _not_free, None: lambda *_arguments: None}[expect]
    queries = [query._replace(protocols=(protocol,)) for protocol in query.protocols]
    verdicts = (judge(each, [row for row in listeners if each.of_protocol(row)]) for each in queries)
    return next(filter(None, verdicts), None)


def _no_listener(query: Query, listeners: list[Row]) -> Unmet | None:
    if any(query.selects(row) and query.serves_family(row) for row in listeners):
        return None
    of_whom = f" of {query.unit}" if query.unit else ""
    # Without a port, the other listeners of the machine explain nothing: only those of the unit may.
    near = listeners if query.port else [row for row in listeners if query.unit and query.of_unit(row)]
    if not near:
        instead = "it has none" if query.unit and not query.port else "nothing listens there"
    elif query.port and not any(query.of_unit(row) for row in near):
        instead = f"it is held by {_all(near)}"
    else:
        instead = f"there is only {_all(near)}"
    return Unmet(f"{_where(query)}: expected a listener{of_whom}, but {instead}", near)


def _not_free(query: Query, listeners: list[Row]) -> Unmet | None:
    blockers = [row for row in listeners if query.blocked_by(row) and query.of_unit(row)]
    if not blockers:
        return None
    return Unmet(f"{_where(query)}: expected to be free, but it is held by {_all(blockers)}", blockers)


def _where(query: Query) -> str:
    if query.address and query.port:
        place = endpoint(query.address, query.port)
    elif query.port:
        place = f"port {query.port}"
    else:
        place = f"address {query.address}" if query.address else "any port"
    return f"{place}/{query.protocols[0]}"


def _all(rows: Iterable[Row]) -> str:
    return ", ".join(dict.fromkeys(_held(row) for row in rows))


def _held(row: Row) -> str:
    """For example: nginx (pid 812, unit nginx.service) on 0.0.0.0:5000."""
    unit = [f"unit {row['unit']}"] if row["unit"] else []
    if row["pid"]:
        details = [f"pid {row['pid']}"] + unit
    else:
        details = unit + [f"user {row['user'] or row['uid']}"] + WHY_UNKNOWN[row["owner_unknown_reason"]]
    if row["family"] == "ipv6":
        details.append({True: "serves IPv4 too", False: "IPv6 only", None: "may serve IPv4"}[row["ipv4_reachable"]])
    where = endpoint(row["local_address"], row["local_port"])
    return f"{row['name'] or 'a process'} ({', '.join(details)}) on {where}"
