# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Units as `systemctl show` describes them."""

from __future__ import annotations

import re
from typing import Iterable, Mapping, NamedTuple

# systemd leaves out the properties that it does not know: 219 has neither NRestarts nor InvocationID.
PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "MainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainPID",
    "ExecMainStartTimestampMonotonic",
    "ExecStart",
    "FragmentPath",
    "NeedDaemonReload",
    "NRestarts",
    "ActiveEnterTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
)
# A service that cannot run ends within this many seconds, by whether it listens: Type=simple is active as soon as it is
# forked, and an application may take long to import before it fails.
SETTLED = {True: 3, False: 60}


class Unit(NamedTuple):
    """A unit, with the properties of `systemctl show` as their texts."""

    name: str
    properties: Mapping[str, str]

    def says(self, name: str) -> str:
        """A property; empty if systemd does not know it."""
        return self.properties.get(name, "")

    @property
    def exists(self) -> bool:
        return self.says("LoadState") not in ("", "not-found")

    @property
    def state(self) -> str:
        """As `systemctl status` prints it: active (running)."""
        return f"{self.says('ActiveState')} ({self.says('SubState')})"

    @property
    def active(self) -> bool:
        return self.says("ActiveState") in ("active", "reloading")

    def runs(self, now: float, listens: bool) -> bool:
        """Whether it is active, and not just started once more after it ended again and again."""
        age = self.age("ActiveEnter", now)
        return self.active and not (self.was_restarted and age is not None and age < SETTLED[listens])

    @property
    def was_restarted(self) -> bool:
        return self.says("NRestarts") not in ("", "0")

    @property
    def never_started(self) -> bool:
        """Whether it is known that the unit was not started since the machine booted.

        systemd forgets a stopped unit, and when it ran, if no other unit refers to it. It remembers an enabled unit.
        """
        started = any(self.moment(event) for event in ("InactiveEnter", "InactiveExit"))
        return self.says("UnitFileState") == "enabled" and not started

    @property
    def program(self) -> str:
        """The path of what it runs."""
        found = re.search(r"path=([^ ;]+)", self.says("ExecStart"))
        return found.group(1) if found else ""

    def moment(self, event: str) -> int | None:
        """When it last did that, in microseconds of the monotonic clock; None if it never did."""
        moment = self.says(event + "TimestampMonotonic")
        return int(moment) or None if moment.isdigit() else None

    def age(self, event: str, now: float) -> float | None:
        """Seconds since it last did that; None if it never did. `now` is in seconds of the monotonic clock."""
        moment = self.moment(event)
        return None if moment is None else now - moment / 1e6


def show_command(units: Iterable[str]) -> list[str]:
    return ["systemctl", "show", "--property=" + ",".join(PROPERTIES), "--", *units]


def parse(shown: str) -> dict[str, Unit]:
    """Units by name, from what that command prints: blocks of `Property=value`, with an empty line between them."""
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in re.split(r"\n\s*\n", shown)
    ]
    return {block["Id"]: Unit(block["Id"], block) for block in blocks if block.get("Id")}
