# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Removes the files that Ansible's modules leave in the temporary folder if the kernel kills them (out of memory)."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
from typing import Iterable, Iterator

PAYLOAD = re.compile(r"ansible_[\w.]+_payload_\w+")  # the names of the folders of Ansible's module wrapper
SECONDS_TO_START = 60  # a module makes its folder within this time after its start, even if memory is short


def remove() -> list[str]:
    """Remove the folders of modules that no longer run, and return their names."""
    folder = tempfile.gettempdir()
    removed = []
    for name in sorted(filter(PAYLOAD.fullmatch, os.listdir(folder))):
        path = os.path.join(folder, name)
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue  # its module has ended meanwhile
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if is_ours and not __file__.startswith(path) and not is_used(status.st_mtime, _python_starts()):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(name)
    return removed


def is_used(made: float, starts: Iterable[float]) -> bool:
    """Return whether a process that started at one of these times may have made a folder at the time `made`."""
    return any(-1 <= made - start <= SECONDS_TO_START for start in starts)


def _python_starts() -> Iterator[float]:
    """Yield the start of each Python process of this user, in seconds since 1970."""
    booted = time.time() - time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == os.geteuid():
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    name, _parenthesis, fields = file.read().rpartition(")")
                if "python" in name:
                    yield booted + int(fields.split()[19]) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue  # it has ended
