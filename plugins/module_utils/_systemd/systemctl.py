# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The properties of systemd units, as `systemctl show` prints them."""

from __future__ import annotations

import re
from typing import Iterable, Mapping, NamedTuple

# systemd does not print the properties that it does not know: version 219 has no NRestarts, for example.
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
    "ExecMainExitTimestampMonotonic",
    "ExecStart",
    "FragmentPath",
    "NeedDaemonReload",
    "NRestarts",
    "ActiveEnterTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
)
# How many seconds after its start a service is taken to run, by whether it listens. A service of Type=simple is active
# as soon as it is forked, and an application may fail only after a long import.
SETTLED = {True: 3, False: 60}


class Unit(NamedTuple):
    """A unit and its properties, as texts by name."""

    name: str
    properties: Mapping[str, str]

    def says(self, name: str) -> str:
        """Return a property; empty if systemd does not know it."""
        return self.properties.get(name, "")

    @property
    def exists(self) -> bool:
        return self.says("LoadState") not in ("", "not-found")

    @property
    def state(self) -> str:
        """The state as `systemctl status` prints it, for example: active (running)."""
        return f"{self.says('ActiveState')} ({self.says('SubState')})"

    @property
    def active(self) -> bool:
        return self.says("ActiveState") in ("active", "reloading")

    def runs(self, now: float, listens: bool) -> bool:
        """Return whether it is active, and not just restarted by systemd after a failure (then it may fail again)."""
        age = self.age("ActiveEnter", now)
        return self.active and not (self.was_restarted and age is not None and age < SETTLED[listens])

    @property
    def was_restarted(self) -> bool:
        return self.says("NRestarts") not in ("", "0")

    @property
    def never_started(self) -> bool:
        """Whether the unit certainly was not started since the machine booted.

        systemd forgets a stopped unit, with the times when it ran, if no other unit refers to it. It keeps an enabled
        unit.
        """
        started = any(self.moment(event) for event in ("InactiveEnter", "InactiveExit"))
        return self.says("UnitFileState") == "enabled" and not started

    @property
    def program(self) -> str:
        """The path of the program in ExecStart; empty if there is none."""
        found = re.search(r"path=([^ ;]+)", self.says("ExecStart"))
        return found.group(1) if found else ""

    def moment(self, event: str) -> int | None:
        """Return when an event (ActiveEnter, ExecMainStart …) last happened; None if it never did.

        The unit is microseconds of the monotonic clock.
        """
        moment = self.says(event + "TimestampMonotonic")
        return int(moment) or None if moment.isdigit() else None

    def age(self, event: str, now: float) -> float | None:
        """Return the seconds since the event last happened; None if it never did.

        `now` is in seconds of the monotonic clock.
        """
        moment = self.moment(event)
        return None if moment is None else now - moment / 1e6


def show_command(units: Iterable[str]) -> list[str]:
    """Return the command whose output parse() reads."""
    return ["systemctl", "show", "--property=" + ",".join(PROPERTIES), "--", *units]


def parse(shown: str) -> dict[str, Unit]:
    """Return units by name, from the output of that command: blocks of `Property=value`, with an empty line between."""
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in re.split(r"\n\s*\n", shown)
    ]
    return {block["Id"]: Unit(block["Id"], block) for block in blocks if block.get("Id")}
