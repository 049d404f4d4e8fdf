# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Checks the option `expect` of listening_ports: whether a listener is there, or a port is free."""

from __future__ import annotations

from typing import Iterable, List, Tuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query, listens

Row = dict  # see listeners.py

WHY_UNKNOWN = {
    "permission_denied": ["which this user may not read"],
    "other_pid_namespace": ["perhaps of another container"],
    "no_process": ["perhaps the kernel itself"],
    "not_requested": [],
}


Unmet = Tuple[str, List[Row]]  # a message, and the rows that are there instead


def unmet(expect: str, query: Query, rows: Iterable[Row]) -> Unmet | None:
    """Return None if the expectation (listening, free) holds for each protocol of the query."""
    listeners = [row for row in rows if listens(row) and query.at_port(row)]
    judge = {"listening": _no_listener, "free": _not_free}[expect]
    queries = [query._replace(protocols=(protocol,)) for protocol in query.protocols]
    verdicts = (judge(each, [row for row in listeners if each.of_protocol(row)]) for each in queries)
    return next(filter(None, verdicts), None)


def _no_listener(query: Query, listeners: list[Row]) -> Unmet | None:
    if any(query.selects(row) and query.serves_family(row) for row in listeners):
        return None
    of_whom = f" of {query.unit}" if query.unit else ""
    # If no port is asked for, only the listeners of the unit explain the failure, not all those of the machine.
    near = listeners if query.port else [row for row in listeners if query.unit and query.of_unit(row)]
    if not near:
        instead = "it has none" if query.unit and not query.port else "nothing listens there"
    elif query.port and not any(query.of_unit(row) for row in near):
        instead = f"it is held by {_all(near)}"
    else:
        instead = f"there is only {_all(near)}"
    return f"{_where(query)}: expected a listener{of_whom}, but {instead}", near


def _not_free(query: Query, listeners: list[Row]) -> Unmet | None:
    blockers = [row for row in listeners if _blocks(query, row) and query.of_unit(row)]
    if not blockers:
        return None
    return f"{_where(query)}: expected to be free, but it is held by {_all(blockers)}", blockers


def _blocks(query: Query, row: Row) -> bool:
    """Return whether this row makes bind(2) fail with EADDRINUSE. A wildcard address conflicts with all addresses."""
    wildcard = query.address in addresses.WILDCARDS or addresses.is_wildcard(row["local_address"])
    mapped = row["local_address"] == f"::ffff:{query.address}"
    return (wildcard or mapped or query.at_address(row)) and query.serves_family(row)


def _where(query: Query) -> str:
    if query.address and query.port:
        place = addresses.endpoint(query.address, query.port)
    elif query.port:
        place = f"port {query.port}"
    else:
        place = f"address {query.address}" if query.address else "any port"
    return f"{place}/{query.protocols[0]}"


def _all(rows: Iterable[Row]) -> str:
    return ", ".join(dict.fromkeys(_held(row) for row in rows))


def _held(row: Row) -> str:
    """Describe a row, for example: nginx (pid 812, unit nginx.service) on 0.0.0.0:5000."""
    unit = [f"unit {row['unit']}"] if row["unit"] else []
    if row["pid"]:
        details = [f"pid {row['pid']}"] + unit
    else:
        details = unit + [f"user {row['user'] or row['uid']}"] + WHY_UNKNOWN[row["owner_unknown_reason"]]
    if row["family"] == "ipv6":
        details.append({True: "serves IPv4 too", False: "IPv6 only", None: "may serve IPv4"}[row["ipv4_reachable"]])
    where = addresses.endpoint(row["local_address"], row["local_port"])
    return f"{row['name'] or 'a process'} ({', '.join(details)}) on {where}"
