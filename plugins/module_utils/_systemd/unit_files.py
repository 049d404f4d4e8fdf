# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Writes the files of a service, and reports whether its units run with the files as they are now."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import stat
import time
from typing import Any, Iterable, List, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl

NOTES = "/run/flasklaunch/units"  # a boot empties /run
Stamp = List[int]  # of a file: its time of change in ns since 1970, its inode number, and its size in bytes
AS_IT_IS: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


def text(path: str) -> str | None:
    """Return the content of a file; None if there is no such file."""
    try:
        with open(path, **AS_IT_IS) as file:
            return file.read()
    except FileNotFoundError:
        return None


def uid_of(user: str, check_mode: bool = False) -> int:
    """Return the uid of a user. Raises KeyError if there is no such user.

    In check mode, returns -1 instead: an earlier task may be about to make the user, who then has no files yet.
    """
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        if check_mode:
            return -1
        raise


def write(path: str, content: str | None, mode: int = 0o644, owner: int = 0, folder_mode: int | None = None) -> None:
    """Replace a file in one step, or remove it if the content is None. Makes the folder that it is in."""
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
    # Only root can read the file until it has its final owner and mode.
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", **AS_IT_IS) as file:
        file.write(content)
        os.fchown(file.fileno(), owner, -1)
        os.fchmod(file.fileno(), mode)
    os.replace(new, path)


def is_as(path: str, content: str | None, mode: int = 0o644, owner: int = 0, folder_mode: int | None = None) -> bool:
    """Return whether a file has this content, mode and owner; or, if the content is None, whether there is no file."""
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
    result: str = ""  # of the last run of a service: success, or how it failed, such as exit-code
    restarts: int = 0  # how often systemd has started it again by itself; 0 before systemd 235, which does not count
    startup: float = 0  # how many seconds it took from its start to the state active
    ended: float | None = None  # when that run ended, in seconds since 1970; None: it did not run since the boot

    def shown(self, outdated_by: list[str]) -> dict[str, Any]:
        """Return the unit as modules return it, with times in ISO 8601."""
        return dict(
            state=self.state,
            active=self.active,
            enabled=self.enabled,
            main_pid=self.main_pid,
            since=times.iso_8601(self.started) if self.active and self.started else None,
            outdated_by=outdated_by,
            result=self.result,
            ended=None if self.ended is None else times.iso_8601(self.ended),
        )

    def compare(self, paths: Iterable[str], note: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Return which of the paths and the unit's own file changed after the process read them, and a note.

        A link is compared without its target. A folder has changed if a file was added or removed. Pass the note to
        the next call, because the clock may be set between a change and the next start. It has the `start` of the
        process, the stamps of the files that it has `read`, and the stamps that this call has `seen`.
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
        """Return the paths as compare() does, but without a note: by the clock only."""
        return self.compare(paths, {})[0]


def _stamp(path: str) -> Stamp | None:
    """Return a stamp, which differs after each change of the file; None if there is no such file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return [status.st_mtime_ns, status.st_ino, status.st_size]


def read_note(unit: str) -> dict[str, Any]:
    """Return the note that write_note() wrote since the boot; empty if there is none or it is invalid."""
    try:
        with open(os.path.join(NOTES, unit + ".json"), encoding="utf-8") as file:
            note = json.load(file)
        return note if isinstance(note["read"], dict) and isinstance(note["seen"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_note(unit: str, note: Mapping[str, Any]) -> None:
    """Write the note of a unit."""
    os.makedirs(NOTES, mode=0o700, exist_ok=True)
    write(os.path.join(NOTES, unit + ".json"), json.dumps(note), 0o600, os.getuid())


def remove_note(unit: str) -> None:
    """Remove the note of a unit, and the folders of notes if they are empty."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(NOTES, unit + ".json"))
        os.removedirs(NOTES)


def parse(shown: str, now: float, uptime: float) -> dict[str, Status]:
    """Return units by name, from the output of systemctl.show_command().

    `now` is the time in seconds since 1970, and `uptime` the same moment in seconds of the monotonic clock.
    """
    return {name: _status(unit, now - uptime) for name, unit in systemctl.parse(shown).items()}


def _status(unit: systemctl.Unit, booted: float) -> Status:
    # A service reads its files when its process starts. It may become active much later.
    start = unit.moment("ExecMainStart" if unit.name.endswith(".service") else "ActiveEnter")
    end = unit.moment("ExecMainExit")
    return Status(
        state=unit.state if unit.exists else "not there",
        active=unit.active or unit.says("ActiveState") == "activating",
        enabled=unit.says("UnitFileState") == "enabled",
        main_pid=int(unit.says("MainPID") or 0) or None,
        started=None if start is None else booted + start / 1e6,
        needs_reload=unit.says("NeedDaemonReload") == "yes",
        file=unit.says("FragmentPath"),
        start=start,
        result=unit.says("Result"),
        restarts=int(unit.says("NRestarts") or 0),
        startup=max(0, (unit.moment("ActiveEnter") or 0) - (start or 0)) / 1e6,
        ended=None if end is None else booted + end / 1e6,
    )


def clocks() -> tuple[float, float]:
    """Return the time now, in seconds since 1970 and in seconds of the monotonic clock."""
    return time.time(), time.monotonic()
