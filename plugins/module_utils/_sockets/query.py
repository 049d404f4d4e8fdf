# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Selects the rows that a task asks for."""

from __future__ import annotations

from typing import NamedTuple

Row = dict  # see listeners.py


def listens(row: Row) -> bool:
    """Return whether the socket of a row is a listener, not a connection."""
    return row["state"] in ("LISTEN", None)  # TCP, UDP


class Query(NamedTuple):
    """What a task asks for. None stands for any."""

    family: str = "ipv4"  # ipv4, ipv6, any
    protocols: tuple[str, ...] = ("tcp",)
    port: int | None = None
    address: str | None = None
    unit: str | None = None

    def in_family(self, row: Row) -> bool:
        return self.family in ("any", row["family"])

    def serves_family(self, row: Row) -> bool:
        """Return whether clients of the family can reach it. An IPv6 socket that may serve IPv4 clients counts too."""
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
        """Return whether all but the family match: for the family, choose between in_family() and serves_family()."""
        return self.of_protocol(row) and self.at_port(row) and self.at_address(row) and self.of_unit(row)
