# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Orders to systemd. Each function raises Failed if systemd refuses, with what systemctl printed."""

from __future__ import annotations

import subprocess
from typing import Iterable, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl, unit_files

JOURNAL_LINES = 200


class Failed(Exception):
    """An order that systemd did not carry out. The message is for people."""


class Seen(NamedTuple):
    """A unit, and which of the files that it reads have changed since it was started."""

    unit: unit_files.Status
    outdated_by: list[str]


def call(*arguments: str) -> str:
    """Run a command and return what it prints."""
    try:
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise Failed(f"{arguments[0]}: {error.strerror}") from error
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip() or f"it ended with {done.returncode}"
        raise Failed(f"{' '.join(arguments[:3])}: {words}")
    return done.stdout.decode(errors="replace")


def restart(unit: str) -> None:
    call("systemctl", "restart", unit)


def stop(unit: str) -> None:
    call("systemctl", "stop", unit)


def start_now_and_at_boot(unit: str) -> None:
    call("systemctl", "enable", "--now", unit)


def disable(units: Iterable[str]) -> None:
    """Stop the units, and do not start them at the next boot."""
    call("systemctl", "disable", "--now", "--", *units)


def reload() -> None:
    """Have systemd read its unit files again."""
    call("systemctl", "daemon-reload")


def journal(unit: str) -> str:
    """Return the last lines that the unit wrote since the boot."""
    return call("journalctl", "--unit", unit, "--boot", "--lines", str(JOURNAL_LINES), "--output", "cat", "--no-pager")


def look(reads: Mapping[str, Iterable[str]], notes: bool = True) -> dict[str, Seen]:
    """Ask for all units at once. `reads` has the paths that each unit reads at its start.

    With `notes`, it notes what was seen, because the clock may be set between a change and the next start: see
    unit_files.Unit.compare.
    """
    if not reads:
        return {}
    seen = {}
    for name, unit in unit_files.parse(call(*systemctl.show_command(reads)), *unit_files.clocks()).items():
        noted = unit_files.read_note(name)
        outdated, note = unit.compare(reads[name], noted)
        if notes and note != noted:
            unit_files.write_note(name, note)
        seen[name] = Seen(unit, outdated)
    return seen
