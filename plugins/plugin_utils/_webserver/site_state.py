# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What the webserver role reports about a site: its releases, which unit holds its port, its last errors.

Runs on the control node.
"""

from __future__ import annotations

import datetime
import json
import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable

ERROR = re.compile(r"ERROR|CRITICAL|Failed|Error:")
# systemd's lines about a restart, the second one that of systemd 219, and about why a process ended.
RESTART = re.compile(r"Scheduled restart job|holdoff time over, scheduling restart")
ENDED = re.compile(r"Main process exited|main process exited|Failed with result")
LOOP = 3  # so many restarts without a pause are a loop of crashes
PAUSE = 60  # seconds without a restart after which there is no loop any more
# gunicorn 23 logs as an error that it ends its own workers.
NO_ERROR = "was sent SIGTERM!"


def release_list(releases: Iterable[Mapping[str, Any]]) -> str:
    """Return `4f1c52a0b7d9 (deployed 2026-11-23T05:47:28Z), …` for what release_info lists, or `none`."""
    shown = [f"{release['name']} (deployed {release['deployed'] or 'never'})" for release in releases]
    return printable(", ".join(shown)) or "none"


def is_held_by(listeners: Iterable[Mapping[str, Any]], units: list[str]) -> bool:
    """Tell whether one of the units holds one of the sockets, which are as listening_ports returns them."""
    return any(listener["unit"] in units for listener in listeners)


def other_ports(listeners: Iterable[Mapping[str, Any]], unit: str, port: int) -> list[int]:
    """Return the ports except `port` on which the unit listens, in their order, each once."""
    ports = [listener["local_port"] for listener in listeners if listener["unit"] == unit]
    return [each for each in dict.fromkeys(ports) if each != int(port)]


def not_deployed(left_out: Mapping[str, str], exclude: Iterable[str]) -> str:
    """Return the notice that names the files that are left out, and how to deploy them.

    `left_out` has the pattern that excludes each file; `exclude` are all patterns, whose order counts.
    """
    others = [pattern for pattern in dict.fromkeys(exclude) if pattern not in left_out.values()]
    return printable(
        f"Not deployed: {', '.join(left_out)}. By default the role leaves out a developer's own secrets and data. If"
        " the application needs one of these files on the machine, set webserver_app_exclude without the file's"
        f" pattern: {json.dumps(others)}"
    )


def errors(lines: Iterable[str]) -> list[str]:
    """Return the lines of a unit's journal that report an error, in their order."""
    return [line for line in lines if ERROR.search(line) and NO_ERROR not in line]


def crash_loop(lines: Iterable[str]) -> str:
    """Return since when a unit ends again and again, and why; empty if it does not.

    The first line is the time now. The others are the unit's journal, the newest first, as `journalctl --output
    short-iso` prints it.
    """
    now, *journal = list(lines) or [""]
    moments = [_moment(line) for line in journal if RESTART.search(line)]
    loop: list[datetime.datetime] = []
    for moment in moments:
        later = loop[-1] if loop else _moment(now)
        if moment is None or later is None or (later - moment).total_seconds() > PAUSE:
            break
        loop.append(moment)
    if len(loop) < LOOP:
        return ""
    ends = [line for line in journal if ENDED.search(line)]
    whys = [line for line in errors(journal) if " systemd[1]: " not in line] or ends
    why = whys[0].partition(": ")[2].rstrip(".") if whys else "its journal does not say why"
    return f"restarted {len(loop)} times since {loop[-1].isoformat()}: {why}"


def _moment(line: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(line.split(" ")[0], "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
