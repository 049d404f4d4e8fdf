# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Finds the processes that hold a socket, and describes them. Everything comes from /proc (proc(5))."""

from __future__ import annotations

import os
import pwd
import re
from functools import lru_cache
from typing import Container, Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import cgroups

PROC = "/proc"
DELETED = " (deleted)"
# Bytes. A process may overwrite its command line with any text of any length.
CMDLINE_LIMIT = 4096
DOUBTFUL = re.compile(r"\\|[^ -~]")
PF_EXITING = 0x4  # include/linux/sched.h


class Process(NamedTuple):
    """A process as `processes` in RETURN of plugins/modules/listening_ports.py describes it."""

    pid: int
    name: str
    cmdline: str
    exe: str | None
    exe_deleted: bool | None
    uid: int
    user: str | None
    started: str  # ISO 8601, UTC
    unit: str | None
    user_unit: str | None
    container: str | None

    @property
    def is_systemd(self) -> bool:
        """Whether this is the system manager, which holds the sockets of its .socket units, or a fork of it.

        Such a fork starts a service, and holds the sockets too until it moves to the cgroup of the service.
        """
        return (self.pid == 1 and self.name == "systemd") or self.unit == "init.scope"


class Owners(NamedTuple):
    """The processes that hold sockets."""

    processes: dict[int, list[Process]]  # by inode; without the inodes that no process holds
    complete: bool  # False: the descriptors of some processes may not be read


def find(inodes: Iterable[int], proc: str = PROC) -> Owners:
    """Read the descriptors of every process once. Processes and descriptors may vanish meanwhile."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes if inode}
    owners = Owners({}, True)
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdigit()) if wanted else ():
        try:
            # An open directory stays that of this process, even if another process gets the pid.
            with _Directory(f"{proc}/{pid}") as process:
                held = _held(process, wanted)
                if not held:
                    continue
                description = _describe(process, pid, proc)
        except PermissionError:
            owners = owners._replace(complete=False)
        except OSError:
            continue  # it has exited
        else:
            for link in held:
                owners.processes.setdefault(wanted[link], []).append(description)
    return owners


def _held(process: _Directory, wanted: Container[str]) -> set[str]:
    """Return the wanted links among those of the descriptors. Names in an open directory cost half as much as paths."""
    held = set()
    with process.directory("fd") as descriptors:
        for name in os.listdir(descriptors.handle):
            try:
                link = os.readlink(name, dir_fd=descriptors.handle)
            except FileNotFoundError:
                continue  # closed since
            if link in wanted:
                held.add(link)
    return held


def _describe(process: _Directory, pid: int, proc: str) -> Process:
    """Describe a process. Raises OSError if it has exited, or is exiting."""
    exe = process.link("exe")
    deleted = None if exe is None else exe.endswith(DELETED)
    cmdline = process.read("cmdline", CMDLINE_LIMIT)
    place = cgroups.place_of_process(process.cgroup(), cgroup_roots(proc))
    uid = _number(rb"^Uid:\s+\d+\s+(\d+)", process.read("status"))
    # The name may contain blanks and brackets: it ends at the last bracket (proc_pid_stat(5)).
    head, _parenthesis, tail = process.read("stat").rpartition(b")")
    fields = tail.split()
    # For a process that is exiting, cgroup v1 shows the path / (proc_cgroup_show in kernel/cgroup/cgroup.c).
    if int(fields[6]) & PF_EXITING:
        raise ProcessLookupError(pid)
    started = boot_time(proc) + int(fields[19]) // os.sysconf("SC_CLK_TCK")
    return Process(
        pid=pid,
        name=printable(head.partition(b"(")[2]),
        cmdline=printable(cmdline.strip(b"\0").replace(b"\0", b" ")),
        exe=exe and printable(os.fsencode(exe[: -len(DELETED)] if deleted else exe)),
        exe_deleted=deleted,
        uid=uid,
        user=user_name(uid),
        started=times.iso_8601(started),
        unit=place.unit,
        user_unit=place.user_unit,
        container=place.container,
    )


def _number(pattern: bytes, text: bytes) -> int:
    """Return the number in the line that matches. Raises ValueError if no line does."""
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no line matches {pattern!r}")
    return int(found.group(1))


def printable(raw: bytes) -> str:
    r"""Return bytes that any user of the machine may have chosen as an unambiguous line without control characters.

    Characters that cannot be shown are escaped byte by byte (\x0a, \x1b), and a backslash is doubled.
    """
    return DOUBTFUL.sub(_escaped, raw.decode("utf-8", "surrogateescape"))


def _escaped(match: re.Match) -> str:
    character = match.group()
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


@lru_cache(maxsize=None)
def user_name(uid: int) -> str | None:
    """Return the name of a user; None if the machine does not know the uid."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


@lru_cache(maxsize=None)
def boot_time(proc: str = PROC) -> int:
    """Return when the machine booted, in seconds since 1970."""
    with _Directory(proc) as directory:
        return _number(rb"^btime (\d+)", directory.read("stat"))


@lru_cache(maxsize=None)
def cgroup_roots(proc: str = PROC) -> dict[str, str]:
    """Return cgroups.roots_in() for process 1; empty if it cannot be read."""
    try:
        with _Directory(proc + "/1") as first:
            return cgroups.roots_in(first.cgroup())
    except OSError:
        return {}


class _Directory:
    """An open directory below /proc, whose files are read by their names."""

    def __init__(self, path: str, parent: int | None = None) -> None:
        self.handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)

    def __enter__(self) -> _Directory:
        return self

    def __exit__(self, *_details: object) -> None:
        os.close(self.handle)

    def directory(self, name: str) -> _Directory:
        return _Directory(name, self.handle)

    def read(self, name: str, limit: int = -1) -> bytes:
        with open(os.open(name, os.O_RDONLY, dir_fd=self.handle), "rb") as lines:
            return lines.read(limit)

    def cgroup(self) -> str:
        try:
            return self.read("cgroup").decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            return ""  # a kernel without cgroups

    def link(self, name: str) -> str | None:
        try:
            return os.readlink(name, dir_fd=self.handle)
        except OSError:
            return None  # the process belongs to another user
