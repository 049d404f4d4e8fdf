# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task failed, in words for people."""

from __future__ import annotations

from typing import Any, Mapping

KILLED = (137, -9)  # as a shell and as Python tell of signal 9, which the kernel sends if memory runs out


def reason(result: Mapping[str, Any]) -> str:
    """Return the message of a failed task's result; for a killed module Ansible has none that a person understands."""
    if result.get("rc") in KILLED:
        return (
            "A process of this task was killed on the machine, most often because its memory ran out ('journalctl -k'"
            " on the machine shows that). Stop what else runs there, add swap, or take a larger instance. Then run"
            " this again."
        )
    return str(result.get("msg", ""))
