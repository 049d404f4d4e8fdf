# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which processes hold a socket, and what there is to say of a process. Everything comes from /proc."""

from __future__ import annotations

import os
import pwd
import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils import _cgroups

PROC = "/proc"
# A process may write what it likes, and as much as it likes, over its command line.
CMDLINE_LIMIT = 4096
DELETED = " (deleted)"
UNPRINTABLE = re.compile(r"\\|[^ -~]")


class Process(NamedTuple):
    pid: int
    name: str
    cmdline: str
    exe: str | None
    exe_deleted: bool | None
    uid: int
    user: str | None
    started: str
    unit: str | None
    user_unit: str | None
    container: str | None


class Holders(NamedTuple):
    pids: dict[int, list[int]]  # by inode; an inode that no process holds is missing
    complete: bool  # False: there are processes whose descriptors may not be read


def printable(raw: bytes) -> str:
    r"""Text from bytes that anybody on the machine may have chosen: one line, no control character, no ambiguity.

    What cannot be shown is escaped as in lsof (\n, \x1b), and so is the backslash itself.
    """
    return UNPRINTABLE.sub(_escape, raw.decode("utf-8", "surrogateescape"))


def _escape(match) -> str:
    character = match.group()
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    return "".join("\\x%02x" % byte for byte in character.encode("utf-8", "surrogateescape"))


def holders(inodes: Iterable[int], proc: str = PROC) -> Holders:
    """Looks through the descriptors of every process once. Processes and descriptors may vanish meanwhile."""
    wanted = {"socket:[%d]" % inode: inode for inode in inodes if inode}
    pids: dict[int, list[int]] = {}
    complete = True
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdigit()) if wanted else ():
        try:
            held = _links("%s/%d/fd" % (proc, pid)) & wanted.keys()
        except PermissionError:
            complete = False
        except OSError:
            pass  # it has exited
        else:
            for link in held:
                pids.setdefault(wanted[link], []).append(pid)
    return Holders(pids, complete)


def _links(directory: str) -> set[str]:
    """What the descriptors point at. Names are looked up in the open directory: half the cost of whole paths."""
    links = set()
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in os.listdir(handle):
            try:
                links.add(os.readlink(name, dir_fd=handle))
            except FileNotFoundError:
                pass  # closed since
    finally:
        os.close(handle)
    return links


def describe(pid: int, proc: str = PROC) -> Process | None:
    """All that /proc says of a process; None when it has exited."""
    here = "%s/%d/" % (proc, pid)
    try:
        # The name may hold blanks and brackets: it ends at the last one (proc_pid_stat(5)).
        head, _, tail = _read(here + "stat").rpartition(b")")
        uid = int(re.search(rb"^Uid:\s+\d+\s+(\d+)", _read(here + "status"), re.MULTILINE).group(1))
        cmdline = _read(here + "cmdline", CMDLINE_LIMIT)
        place = _cgroups.place(_cgroups.own_path(os.fsdecode(_read(here + "cgroup"))), _cgroup_root(proc))
        started = boot_time(proc) + int(tail.split()[19]) // os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError):
        return None
    exe = _exe(here)
    return Process(
        pid=pid,
        name=printable(head.partition(b"(")[2]),
        cmdline=printable(cmdline.strip(b"\0").replace(b"\0", b" ")),
        exe=exe and printable(os.fsencode(exe[: -len(DELETED)] if exe.endswith(DELETED) else exe)),
        exe_deleted=exe and exe.endswith(DELETED),
        uid=uid,
        user=user_name(uid),
        started=datetime.fromtimestamp(started, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        unit=place.unit,
        user_unit=place.user_unit,
        container=place.container,
    )


@lru_cache(maxsize=None)
def user_name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


@lru_cache(maxsize=None)
def boot_time(proc: str = PROC) -> int:
    """Seconds since 1970."""
    return int(re.search(rb"^btime (\d+)", _read(proc + "/stat"), re.MULTILINE).group(1))


@lru_cache(maxsize=None)
def _cgroup_root(proc: str) -> str:
    try:
        return _cgroups.root_of(_cgroups.own_path(os.fsdecode(_read(proc + "/1/cgroup"))))
    except OSError:
        return ""


def _exe(here: str) -> str | None:
    try:
        return os.readlink(here + "exe")
    except OSError:
        return None  # of another user, or a kernel thread


def _read(path: str, limit: int = -1) -> bytes:
    with open(path, "rb") as handle:
        return handle.read(limit)
