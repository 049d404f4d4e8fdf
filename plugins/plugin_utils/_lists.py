# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of users, which may be texts, because `-e` on a command line passes a text; and lists over hosts."""

from __future__ import annotations

from typing import Any, Mapping


def as_list(value: Any) -> list:
    """Return a list unchanged, and a text or a number split at commas. An empty text is an empty list."""
    if value == "":
        return []
    return [item.strip() for item in str(value).split(",")] if isinstance(value, (str, int)) else list(value)


def values_of_hosts(
    hosts: list[str], hostvars: Mapping[str, Mapping[str, Any]], name: str, play: str | None = None
) -> list[dict[str, Any]]:
    """Return the value of the variable `name` of each host that has it, without empty values.

    `play` leaves out what an earlier play of the run has noted.
    """
    values = [hostvars[host][name] for host in hosts if name in hostvars[host] and hostvars[host][name]]
    return [value for value in values if play is None or value["play"] == play]
