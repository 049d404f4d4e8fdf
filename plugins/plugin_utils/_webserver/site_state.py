# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Texts and values that the webserver role reports about a site: its releases, its port, its last errors.

Runs on the control node.
"""

from __future__ import annotations

import datetime
import json
import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import cause, printable, shortened
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import processes, read_only

ERROR = re.compile(r"ERROR|CRITICAL|Failed|Error:")
# systemd's lines about a restart (the second one is systemd 219's), and about the end of a process.
RESTART = re.compile(
    r"(\S+\.service):? (?:Service |)(?:Scheduled restart job|hold-?off time over, scheduling restart)", re.I
)
ENDED = re.compile(r"Main process exited|main process exited|Failed with result")
INSTANCE = re.compile(r" \S+@\S+(?:\[\d+\]|\.service): ")
LONGEST_SHOWN = 200  # characters of a page
SHOWN = 3  # errors
LOOP = 3  # this many restarts without a pause are a crash loop
PAUSE = 60  # seconds without a restart that end a crash loop
# gunicorn 23 logs an error when it ends its own workers.
NO_ERROR = "was sent SIGTERM!"


def release_list(releases: Iterable[Mapping[str, Any]]) -> str:
    """Return `4f1c52a0b7d9 (deployed 2026-11-23T05:47:28Z), …` for the releases of release_info, or `none`."""
    shown = [f"{release['name']} (deployed {release['deployed'] or 'never'})" for release in releases]
    return printable(", ".join(shown)) or "none"


def report_lines(seen: Mapping[str, Any], unit: str, url: str, asked: str, answer: Mapping[str, Any]) -> list[str]:
    """Return what answers where: the unit, the page on the machine, and the page as the control node gets it.

    `seen` has the `units` and the `answer` of the machine, from the module site. `url` is the page on the machine.
    `asked` is the URL that the control node requested, without its user name and password, or "". `answer` is what it
    got: the result of the lookup page, whose `status` is -1 without an answer.
    """
    state, answered = seen["units"][unit], seen["answer"]
    content = _first_words(answered.get("content") or "")
    if not asked:
        outside = "not asked, as webserver_url is empty"
    elif answer["status"] < 0:
        outside = f"GET {asked} got no answer: {cause(answer['msg'])}"
    else:
        page = _first_words(answer.get("content") or answer["msg"])
        outside = f"GET {asked} answers {answer['status']}{' (maintenance)' if in_maintenance(answer) else ''}, {page}"
    units = seen["units"]
    beside = {name: units[name] for name in units if processes.is_process(name, units)}
    return [
        f"{unit} is {state['state']}, process {state['main_pid']}",
        *(f"{name} is {each['state']}, process {each['main_pid']}" for name, each in beside.items()),
        f"from the machine itself: GET {url} answers {answered['status']}, {content}",
        f"from the control node: {outside}",
    ]


def in_maintenance(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer, the result of the lookup page or of page_info, is that of playbooks/maintenance.yml."""
    return answer["status"] == 503 and "Maintenance" in answer["msg"]


def _first_words(page: str) -> str:
    return shortened(page.strip(), LONGEST_SHOWN, "...")


def is_held_by(listeners: Iterable[Mapping[str, Any]], units: list[str]) -> bool:
    """Return whether one of the units holds one of the sockets, which are rows of listening_ports."""
    return any(listener["unit"] in units for listener in listeners)


def is_held_by_user(listeners: Iterable[Mapping[str, Any]], user: str) -> bool:
    """Return whether a process of the user holds one of the sockets, which are rows of listening_ports."""
    return any(process["user"] == user for listener in listeners for process in listener["processes"])


def other_ports(listeners: Iterable[Mapping[str, Any]], unit: str, port: int) -> list[int]:
    """Return the ports except `port` on which the unit listens, in their order, each once."""
    ports = [listener["local_port"] for listener in listeners if listener["unit"] == unit]
    return [each for each in dict.fromkeys(ports) if each != int(port)]


def listeners_at(listening: Mapping[str, Any], port: int | str) -> list[dict[str, Any]]:
    """Return the sockets that listen on a port. `listening` is the result of the module listening_ports.

    If the module was asked for IPv4, the IPv6 sockets that also serve IPv4 are in a list of their own.
    """
    sockets = [*listening["listening_ports"], *listening.get("dual_stack_listeners", [])]
    return [each for each in sockets if each["local_port"] == int(port)]


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


def last_errors(lines: Iterable[str]) -> str:
    """Return the last errors in a unit's journal and what to do, or `none`. The newest line is the first one."""
    found = errors(lines)
    return " ".join(filter(None, ["; ".join(reversed(found[:SHOWN])), read_only.advice("\n".join(found))])) or "none"


def crash_loop(lines: Iterable[str]) -> str:
    """Return since when a unit is in a crash loop, and why; empty if none is.

    The first line is the time now. The others are the journal of the site's units, the newest first, from `journalctl
    --output short-iso`.
    """
    now, *journal = list(lines) or [""]
    units = dict.fromkeys(found[1] for line in journal for found in [RESTART.search(line)] if found)
    return next(filter(None, (_loop_of(unit, now, journal) for unit in units)), "")


def _loop_of(unit: str, now: str, journal: list[str]) -> str:
    restarts = [_moment(line) for line in journal for found in [RESTART.search(line)] if found and found[1] == unit]
    loop: list[datetime.datetime] = []
    for moment in restarts:
        later = loop[-1] if loop else _moment(now)
        if moment is None or later is None or (later - moment).total_seconds() > PAUSE:
            break
        loop.append(moment)
    if len(loop) < LOOP:
        return ""
    own = [line for line in journal if _is_of(unit, line)]
    whys = [line for line in errors(own) if " systemd[1]: " not in line] or [line for line in own if ENDED.search(line)]
    why = whys[0].partition(": ")[2].rstrip(".") if whys else "its journal does not say why"
    of_process = f"{unit} " if "@" in unit else ""
    return f"{of_process}restarted {len(loop)} times since {loop[-1].isoformat()}: {why}"


def _is_of(unit: str, line: str) -> bool:
    """Return whether a line of the journal is of a unit. Only processes and timers have their name as identifier."""
    if "@" in unit:
        return f" {unit[: -len('.service')]}[" in line or f" {unit}: " in line
    return not INSTANCE.search(line)


def _moment(line: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(line.split(" ")[0], "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
