# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Runs a service of the type oneshot once, and returns what its processes printed."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files

FOLDER = "/run/systemd/system"
MOST_LINES = 10000
SIGNALLED = ("2", "3")  # CLD_KILLED and CLD_DUMPED in waitid(2)
SUCCESS = "success"


class Ended(NamedTuple):
    """A service that has ended."""

    rc: int  # as in a shell: 128 and the number of the signal if one ended it
    lines: list[str]
    reason: str  # systemd's word, such as `timeout`; empty after a success


def run(unit: str, content: str) -> Ended:
    """Run a unit that has its own name and wait until it has ended. Raises manager.Failed if it cannot be started."""
    path = os.path.join(FOLDER, unit)
    unit_files.write(path, content)
    try:
        manager.reload()
        with contextlib.suppress(manager.Failed):  # systemd's own words about it do not help: see the result
            manager.call("systemctl", "start", unit)
        names = "--property=Result,ExecMainCode,ExecMainStatus,LoadState"
        shown = dict(line.partition("=")[::2] for line in manager.call("systemctl", "show", names, unit).splitlines())
        if shown.get("LoadState") != "loaded":
            raise manager.Failed(f"systemd cannot read the unit: {shown.get('LoadState')}")
        return ended(shown, output(unit))
    finally:
        unit_files.write(path, None)
        with contextlib.suppress(manager.Failed):
            manager.reload()
        with contextlib.suppress(manager.Failed):  # it has not failed
            manager.call("systemctl", "reset-failed", unit)


def ended(shown: dict[str, str], printed: str) -> Ended:
    """Return how a service has ended. `shown` has its properties, as systemctl prints them."""
    status, reason = int(shown.get("ExecMainStatus") or 0), shown.get("Result", "")
    rc = 128 + status if shown.get("ExecMainCode") in SIGNALLED else status
    is_good = reason == SUCCESS
    return Ended(rc or (0 if is_good else 1), printed.splitlines()[-MOST_LINES:], "" if is_good else reason)


def output(unit: str, since: float = 0) -> str:
    """Return what the processes of a unit printed since a time, in seconds since 1970."""
    with contextlib.suppress(manager.Failed):  # systemd before 228 does not have it
        manager.call("journalctl", "--sync")
    of_unit = (f"_SYSTEMD_UNIT={unit}", "--boot", f"--since=@{since:.6f}")
    return manager.call("journalctl", *of_unit, "--output", "cat", "--no-pager")
