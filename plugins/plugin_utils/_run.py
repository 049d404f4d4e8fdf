# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifies this run of ansible-playbook, and finds out whether another run on this control node has ended."""

from __future__ import annotations

import contextlib
import getpass
import multiprocessing
import os
import socket
import subprocess
from typing import Any, Callable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.deploy_lock import boot_id


def this_run() -> dict[str, Any]:
    """Return this run as module_utils/_deploy/deploy_lock.py describes a run."""
    parent = multiprocessing.parent_process()  # a task runs in a process of its own
    pid = (parent and parent.pid) or os.getpid()
    return {"who": f"{_user()}@{socket.gethostname()}", "place": _place(), "pid": pid, "started": started(pid)}


def has_ended(run: Mapping[str, Any]) -> bool:
    """Return whether a run has ended. False for a run on another control node, whose processes are unknown here."""
    if run.get("place") != _place():
        return False
    start = started(run["pid"])
    return start is None or start != run.get("started")


def locked(execute: Callable[[dict[str, Any]], dict[str, Any]], args: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a module that needs the lock of a site.

    `execute` runs the module with its arguments. If a run of this control node has the lock, and has ended without
    giving it back, the module runs again and takes the lock over: only the control node knows that a run has ended.
    """
    result = execute(args)
    holder = result.get("held_by")
    return execute({**args, "_gone": holder}) if holder and has_ended(holder) else result


def started(pid: int) -> str | None:
    """Return the start of a process, as a text that differs for each process; None if it has ended."""
    if os.path.isdir("/proc/self"):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return None
        state, ticks = fields[0], fields[19]
        return None if state in "ZX" else ticks
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    state, _blank, moment = shown.strip().partition(" ")
    return moment.strip() or None if not state.startswith("Z") else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return str(os.getuid())


def _place() -> str:
    """Return host, boot and process namespace: containers on one host, or with one name, may have the same pids."""
    namespace = ""
    with contextlib.suppress(OSError):  # not Linux
        namespace = os.readlink("/proc/self/ns/pid")
    return " ".join(filter(None, [socket.gethostname(), boot_id(), namespace]))
