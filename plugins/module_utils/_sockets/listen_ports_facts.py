# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The same facts as community.general.listen_ports_facts, for playbooks that were written for that module."""

from __future__ import annotations

import time
from typing import Any, Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times

Row = dict  # see listeners.py


def facts(rows: Iterable[Row], every_state: bool) -> dict[str, list[dict[str, Any]]]:
    """Return the facts tcp_listen and udp_listen, with one entry for a socket as in that module's netstat backend.

    Its ss backend has one entry for each process of a socket. An unknown pid is None and never 0, because `kill 0`
    ends the process group of the caller.
    """
    listen: dict[str, list[dict[str, Any]]] = {"tcp_listen": [], "udp_listen": []}
    for row in rows:
        entry = _entry(row, every_state)
        entries = listen[f"{entry['protocol']}_listen"]
        if entry not in entries:
            entries.append(entry)
    return listen


def _entry(row: Row, every_state: bool) -> dict[str, Any]:
    holder = next((each for each in row["processes"] if each["pid"] == row["pid"]), None)
    entry = {
        "address": row["local_address"],
        "port": row["local_port"],
        "protocol": row["proto"].rstrip("6"),
        "pid": row["pid"],
        "name": row["name"] or "",
        # The format of `ps -o lstart`.
        "stime": time.asctime(time.localtime(times.seconds(holder["started"]))) if holder else "",
        "user": (holder or row)["user"] or "",
    }
    if every_state:
        entry.update(state=row["state"] or "", foreign_address=row["foreign_address"])
    return entry
