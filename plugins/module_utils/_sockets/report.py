# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The result of the module listening_ports, from one look at the machine."""

from __future__ import annotations

import os
from typing import Any, Callable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import listeners, netstat
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query, listens


def look(
    query: Query,
    warn: Callable[[str], None],
    expect: str | None = None,
    processes: bool = True,
    every_state: bool = False,
    facts: bool = False,
) -> tuple[dict[str, Any], str | None]:
    """Return the module's result, and a message if the expectation does not hold.

    `facts` adds those of listen_ports_facts. Raises OSError if the kernel's tables cannot be read.
    """
    table = listeners.read_table(("tcp", "udp") if facts else query.protocols, every_state, warn)
    sockets = table.sockets if facts else [found for found in table.sockets if query.port in (None, found.local_port)]
    rows = listeners.rows(sockets, processes or query.unit is not None)

    selected = [row for row in rows if query.selects(row)]
    listed = [row for row in selected if query.in_family(row)]
    failure = None
    if expect:
        from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import expectation

        unmet = expectation.unmet(expect, query, rows)
        failure, listed = unmet or (None, listed)
    result = {
        "changed": False,
        "netstat": netstat.render(listed, every_state),
        "listening_ports": listed,
        "source": table.source,
        "incomplete": any(row["owner_unknown_reason"] == "permission_denied" for row in (rows if facts else listed)),
        "network_namespace": os.readlink("/proc/self/ns/net"),
    }
    if result["incomplete"]:
        remedy = "use become" if os.geteuid() else "root has no CAP_SYS_PTRACE here"
        warn(f"Not every owner of a socket can be read: {remedy}.")
    if query.family == "ipv4":
        others = [row for row in selected if query.serves_family(row) and not query.in_family(row)]
        others = [row for row in others if listens(row)]
        result["dual_stack_listeners"] = others
        if expect == "listening" and not failure and not listed and all(row["dual_stack"] is None for row in others):
            warn("Whether the listener serves IPv4 clients is unknown, since the kernel refuses sock_diag.")
    if facts:
        from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import listen_ports_facts

        result["ansible_facts"] = listen_ports_facts.facts(rows, every_state)
    return result, failure
