# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What a path in the cgroup tree says of a process: its systemd unit, and the container it runs in."""

from __future__ import annotations

import os
import re
from typing import Iterable, NamedTuple

UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
# docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope, docker/ID, kubepods/…/ID, system.slice:docker:ID
CONTAINER_ID = re.compile(r"(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$")


class Place(NamedTuple):
    unit: str | None = None  # of the system manager
    user_unit: str | None = None  # of a user's own manager, below user@UID.service
    container: str | None = None


def own_path(cgroup_file: str) -> str:
    """The path that names the unit, from the text of /proc/PID/cgroup: lines of `id:controllers:path`.

    On cgroup v1 and hybrid hosts systemd keeps its units in the hierarchy name=systemd, on v2 there is only `0::`.
    A container engine without systemd uses the other hierarchies, so that any of them is better than none.
    """
    paths = {}
    for line in cgroup_file.splitlines():
        _id, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path not in ("", "/"):
            paths[controllers] = path
    return paths.get("name=systemd") or paths.get("") or next(iter(paths.values()), "/")


def root_of(first_process: str) -> str:
    """The path below which this machine or container has its cgroups, from the path of its pid 1.

    Without a cgroup namespace the paths inside a container begin with that of the container itself.
    """
    tail = "/init.scope"
    return first_process[: -len(tail)] if first_process.endswith(tail) else first_process.rstrip("/")


def place(path: str, root: str = "") -> Place:
    """The unit is the first component below the slices, as in systemd's cg_path_get_unit()."""
    if root and (path + "/").startswith(root + "/"):
        path = path[len(root) :]
    # A process outlives its unit as `… (deleted)`; systemd escapes a name that looks like a cgroup file with `_`.
    names = [name[1:] if name.startswith("_") else name for name in path.replace(" (deleted)", "").split("/")]
    units = [name for name in names if name.endswith(UNIT_SUFFIXES)]
    containers = [match.group(1) for match in map(CONTAINER_ID.search, names) if match]
    unit = units[0] if units else None
    in_user_manager = unit is not None and unit.startswith("user@") and len(units) > 1
    return Place(unit, units[1] if in_user_manager else None, containers[-1] if containers else None)


def paths_of(ids: Iterable[int], mounts: str = "/proc/self/mounts") -> dict[int, str]:
    """The paths of cgroup ids, which are the inode numbers of the directories of cgroup v2. Needs no privilege."""
    wanted, paths = set(ids), {}
    top = _cgroup2_mount(mounts) if wanted else None
    for directory, _below, _files in os.walk(top) if top else ():
        try:
            number = os.stat(directory).st_ino
        except FileNotFoundError:
            continue  # its unit has ended
        if number in wanted:
            paths[number] = directory[len(top) :] or "/"
    return paths


def _cgroup2_mount(mounts: str) -> str | None:
    with open(mounts) as lines:
        fields = [line.split() for line in lines]
    return next((field[1] for field in fields if field[2] == "cgroup2"), None)
