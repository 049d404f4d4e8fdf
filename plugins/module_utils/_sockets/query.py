# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which rows are asked for."""

from __future__ import annotations

from typing import NamedTuple

Row = dict  # see listeners.py


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
