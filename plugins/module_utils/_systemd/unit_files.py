# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""A service's files, written whole, and whether its units run with them as they are now."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from typing import Any, Iterable, List, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl

NOTES = "/run/flasklaunch/units"  # a boot empties /run
Stamp = List[int]  # of a file: its time of change in ns since 1970, its inode number, and its size in bytes
AS_IT_IS: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


def text(path: str) -> str | None:
    """The content of a file, None if it is not there."""
    try:
        with open(path, **AS_IT_IS) as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path: str, content: str | None, mode: int = 0o644, owner: int = 0, folder_mode: int | None = None) -> None:
    """Replaces a file in one step, or removes it if the content is None. Makes the folder that it is in."""
    if content is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    if folder_mode is not None:
        os.chmod(folder, folder_mode)
    new = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    # Nobody can read it before it is whose it is to be.
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", **AS_IT_IS) as file:
        file.write(content)
        os.fchown(file.fileno(), owner, -1)
        os.fchmod(file.fileno(), mode)
    os.replace(new, path)


def is_as(path: str, content: str | None, mode: int = 0o644, owner: int = 0, folder_mode: int | None = None) -> bool:
    """Whether a file is there with this content, mode and owner, or is not there if the content is None."""
    if content is None or text(path) != content:
        return text(path) == content
    status = os.stat(path)
    folder = stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode)
    return (stat.S_IMODE(status.st_mode), status.st_uid, folder) == (
        mode,
        owner,
        folder if folder_mode is None else folder_mode,
    )


show_command = systemctl.show_command


class Status(NamedTuple):
    """A unit as the module returns it, and what its comparison with files needs."""

    state: str  # as systemctl status prints it: active (running); "not there" if there is no such unit
    active: bool  # or being started
    enabled: bool
    main_pid: int | None
    started: float | None  # seconds since 1970; None: not running
    needs_reload: bool
    file: str
    start: int | None = None  # microseconds from the boot to this start; None: not running

    def compare(self, paths: Iterable[str], note: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Those of the paths, and of the unit's own file, that changed since the running process has read them.

        A link is compared without its target. A folder has changed if a file was added or removed. Also returns a note
        for the next call, as the clock may have been set between a change and the start: the `start` of the process,
        the stamps of the files that it has `read`, and the stamps that were `seen` at this call.
        """
        seen = {path: _stamp(path) for path in [self.file, *paths] if path}
        if not self.active or self.started is None:
            return [], {"start": None, "read": {}, "seen": seen}
        was_read, was_seen = note.get("read", {}), note.get("seen", {})
        read: dict[str, Stamp | None] = {}
        for path, stamp in seen.items():
            if note.get("start") == self.start and path in was_read:
                read[path] = was_read[path]
            elif note and note.get("start") != self.start and was_seen.get(path) == stamp:
                read[path] = stamp  # the process started after this stamp was seen
            else:
                read[path] = stamp if stamp is None or stamp[0] / 1e9 <= self.started else None
        outdated = [path for path, stamp in seen.items() if stamp is not None and read[path] != stamp]
        return outdated, {"start": self.start, "read": read, "seen": seen}

    def runs_with_older(self, paths: Iterable[str]) -> list[str]:
        """Like compare(), but by the clock only."""
        return self.compare(paths, {})[0]


def _stamp(path: str) -> Stamp | None:
    """A stamp, which differs after each change; None if there is no such file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return [status.st_mtime_ns, status.st_ino, status.st_size]


def read_note(unit: str) -> dict[str, Any]:
    """The note that write_note() wrote since the boot; empty if there is none or it is invalid."""
    try:
        with open(os.path.join(NOTES, unit + ".json"), encoding="utf-8") as file:
            note = json.load(file)
        return note if isinstance(note["read"], dict) and isinstance(note["seen"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_note(unit: str, note: Mapping[str, Any]) -> None:
    os.makedirs(NOTES, mode=0o700, exist_ok=True)
    write(os.path.join(NOTES, unit + ".json"), json.dumps(note), 0o600, os.getuid())


def remove_note(unit: str) -> None:
    """Removes the note of a unit, and the folders of notes if they are empty."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(NOTES, unit + ".json"))
        os.removedirs(NOTES)


def parse(shown: str, now: float, uptime: float) -> dict[str, Status]:
    """Units by name, from the output of `show_command`.

    `now` is the time in seconds since 1970. `uptime` is the time of the monotonic clock, which systemd uses.
    """
    return {name: _status(unit, now - uptime) for name, unit in systemctl.parse(shown).items()}


def _status(unit: systemctl.Unit, booted: float) -> Status:
    # What a service has read is what its process has read, which may be ready much later.
    start = unit.moment("ExecMainStart" if unit.name.endswith(".service") else "ActiveEnter")
    return Status(
        state=unit.state if unit.exists else "not there",
        active=unit.active or unit.says("ActiveState") == "activating",
        enabled=unit.says("UnitFileState") == "enabled",
        main_pid=int(unit.says("MainPID") or 0) or None,
        started=None if start is None else booted + start / 1e6,
        needs_reload=unit.says("NeedDaemonReload") == "yes",
        file=unit.says("FragmentPath"),
        start=start,
    )


def clocks() -> tuple[float, float]:
    """The time now, in seconds since 1970 and by the monotonic clock."""
    return time.time(), time.monotonic()
