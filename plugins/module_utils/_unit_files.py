# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""A service's files, written whole, and whether its units run with them as they are now."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import Iterable, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils import _systemctl

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "NeedDaemonReload",
    "FragmentPath",
    "ActiveEnterTimestampMonotonic",
    "ExecMainStartTimestampMonotonic",
)
STARTED_PROPERTY = {".service": "ExecMainStartTimestampMonotonic"}  # of a service its process counts, not readiness
AS_IT_IS = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


def text(path: str) -> str | None:
    """The content of a file, None if it is not there."""
    try:
        with open(path, **AS_IT_IS) as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path: str, content: str | None, mode: int = 0o644, owner: int = 0) -> None:
    """Replaces a file in one step, or removes it where the content is None. Makes the folder that it is in."""
    if content is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    new = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    # Nobody can read it before it is whose it is to be.
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", **AS_IT_IS) as file:
        file.write(content)
        os.fchown(file.fileno(), owner, -1)
        os.fchmod(file.fileno(), mode)
    os.replace(new, path)


def is_as(path: str, content: str | None, mode: int = 0o644, owner: int = 0) -> bool:
    """Whether a file is there with this content, mode and owner, or is not where the content is None."""
    if content is None or text(path) != content:
        return text(path) == content
    status = os.stat(path)
    return (stat.S_IMODE(status.st_mode), status.st_uid) == (mode, owner)


class Unit(NamedTuple):
    """What systemd knows of a unit."""

    state: str  # as systemctl status says it: active (running); "not there" where there is no such unit
    active: bool
    enabled: bool
    main_pid: int | None
    started: float | None  # seconds since 1970; None: not running
    needs_reload: bool
    file: str

    def runs_with_older(self, paths: Iterable[str]) -> list[str]:
        """Those of the paths, and of the unit's own file, that are newer than the running process.

        A link counts by itself, not by what it leads to; a folder is newer when a file was put in or taken out.
        """
        if not self.active or self.started is None:
            return []
        return [path for path in [self.file, *paths] if path and _changed(path) > self.started]


def _changed(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0


def parse(shown: str, now: float, uptime: float) -> dict[str, Unit]:
    """Reads `systemctl show` of several units.

    `now` is the time in seconds since 1970 and `uptime` the monotonic clock's, in which systemd tells its times.
    """
    return {name: _unit(values, now - uptime) for name, values in _systemctl.units(shown).items()}


def _unit(values: Mapping[str, str], booted: float) -> Unit:
    since = STARTED_PROPERTY.get(os.path.splitext(values["Id"])[1], "ActiveEnterTimestampMonotonic")
    microseconds = int(values.get(since) or 0)
    state = f"{values.get('ActiveState')} ({values.get('SubState')})"
    return Unit(
        state="not there" if values.get("LoadState") == "not-found" else state,
        main_pid=int(values.get("MainPID") or 0) or None,
        active=values.get("ActiveState") in ("active", "activating", "reloading"),
        enabled=values.get("UnitFileState") == "enabled",
        started=booted + microseconds / 1e6 if microseconds else None,
        needs_reload=values.get("NeedDaemonReload") == "yes",
        file=values.get("FragmentPath", ""),
    )


def show_command(units: Iterable[str]) -> list[str]:
    return ["systemctl", "show", "--property=" + ",".join(PROPERTIES), *units]


def clocks() -> tuple[float, float]:
    """The time now, in seconds since 1970 and by the monotonic clock."""
    return time.time(), time.monotonic()
