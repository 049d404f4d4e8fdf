# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Commands to systemd. If one fails, each function raises Failed with what the command printed."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Iterable, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl, unit_files

JOURNAL_LINES = 200
MEMINFO = "/proc/meminfo"
NOT_SET = 2**64 - 1  # systemd before 231 prints this number


class Failed(Exception):
    """A command that failed. The message is for people."""


class Seen(NamedTuple):
    """A unit, and those of the files that it reads which changed after it was started."""

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


def restart(*units: str) -> None:
    """Restart units at the same time, and wait until they have started. Without units, does nothing."""
    if units:
        call("systemctl", "restart", *units)


def stop(*units: str) -> None:
    """Stop units at the same time, and wait until they have ended. Without units, does nothing."""
    if units:
        call("systemctl", "stop", *units)


def start_now_and_at_boot(unit: str) -> None:
    """Enable a unit and start it."""
    call("systemctl", "enable", "--now", unit)


def disable(*units: str) -> None:
    """Stop the units, and do not start them at the next boot."""
    call("systemctl", "disable", "--now", "--", *units)
    with contextlib.suppress(Failed):  # a unit that failed when it was stopped stays known, even without its file
        call("systemctl", "reset-failed", "--", *units)


def reload() -> None:
    """Have systemd read its unit files again."""
    call("systemctl", "daemon-reload")


def memory_used(unit: str) -> int | None:
    """Return how many bytes of memory the unit's processes and its files in the cache take. None: not known."""
    value = call("systemctl", "show", "--property=MemoryCurrent", "--", unit).strip().partition("=")[2]
    return int(value) if value.isdigit() and int(value) != NOT_SET else None


def memory_available() -> int:
    """Return how many bytes new processes can have without swapping; 0 if the kernel is older than 3.14 (unknown)."""
    with open(MEMINFO, encoding="ascii") as file:
        return next((int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:")), 0)


def journal(unit: str) -> str:
    """Return the last 200 lines that the unit wrote since the boot."""
    return call("journalctl", "--unit", unit, "--boot", "--lines", str(JOURNAL_LINES), "--output", "cat", "--no-pager")


def look(reads: Mapping[str, Iterable[str]], notes: bool = True) -> dict[str, Seen]:
    """Ask systemd for all units at once. `reads` has, by unit, the paths that it reads at its start.

    With `notes`, writes down the files' stamps, because the clock may be set between a change and the next start: see
    unit_files.Status.compare().
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
