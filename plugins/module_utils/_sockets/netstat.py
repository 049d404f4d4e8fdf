# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Rows as netstat prints them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses

COLUMNS = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "


def render(rows: Iterable[Mapping[str, Any]], every_state: bool = False) -> list[str]:
    """Return the lines that `netstat -nl`, or with `every_state` `netstat -na`, prints under LC_ALL=C.

    The format is that of net-tools' netstat.c, with its trailing blanks. Addresses are never cut, as with -W.
    """
    which = "servers and established" if every_state else "only servers"
    return [f"Active Internet connections ({which})", COLUMNS] + [line(row) for row in rows]


def line(row: Mapping[str, Any]) -> str:
    """Return the line of one row."""
    # netstat prints ::ffff:127.0.0.1 as 127.0.0.1, in tcp6 rows too.
    local = addresses.unmapped(f"{row['local_address']}:{row['local_port']}")
    foreign = addresses.unmapped(row["foreign_address"])
    return (
        f"{row['proto']:<4}  {row['recv_q']:>6} {row['send_q']:>6} {local:<23} {foreign:<23} {row['state'] or '':<11}"
    )
