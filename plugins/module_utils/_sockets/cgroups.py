# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Finds a process's systemd unit and container from its path in the cgroup tree."""

from __future__ import annotations

import itertools
import re
from typing import Iterable, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable

UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
# docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope, docker/ID, kubepods/…/ID, system.slice:docker:ID
CONTAINER_ID = re.compile(r"(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$")


class Place(NamedTuple):
    """Where a process belongs. A container is given by its id of 64 hexadecimal digits."""

    unit: str | None = None  # of the system manager
    user_unit: str | None = None  # of a user's own manager, below user@UID.service
    container: str | None = None


def paths_in(cgroup_file: str) -> dict[str, str]:
    """Return the paths by controllers, from the text of /proc/PID/cgroup: lines of `id:controllers:path`.

    The hierarchies in which systemd keeps its units come first: name=systemd on cgroup v1 and hybrid hosts, and "",
    which is cgroup v2. The id of a container may be in the path of any hierarchy.
    """
    fields = [line.split(":", 2) for line in cgroup_file.splitlines()]
    paths = {field[1]: field[2] for field in fields if len(field) == 3}
    order = sorted(paths, key=lambda controllers: (controllers != "name=systemd", controllers != ""))
    return {controllers: paths[controllers] for controllers in order}


def roots_in(cgroup_file_of_pid_1: str) -> dict[str, str]:
    """Return, by controllers, the path below which this machine or container has its cgroups.

    In a container without a cgroup namespace, all paths begin with the path of the container itself.
    """
    return {controllers: _without_tail(path) for controllers, path in paths_in(cgroup_file_of_pid_1).items()}


def _without_tail(path: str) -> str:
    tail = "/init.scope"
    return path[: -len(tail)] if path.endswith(tail) else path.rstrip("/")


def place_of_process(cgroup_file: str, roots: Mapping[str, str]) -> Place:
    """Return the place from the text of /proc/PID/cgroup and the result of roots_in()."""
    places = [place(path, roots.get(controllers, "")) for controllers, path in paths_in(cgroup_file).items()]
    return max(places, key=lambda each: (each.unit is not None, each.container is not None), default=Place())


def place(path: str, root: str = "") -> Place:
    """Return the place that a path in one hierarchy stands for. `root` is removed from its beginning."""
    if root and (path + "/").startswith(root + "/"):
        path = path[len(root) :]
    # If a process outlives its unit, the path ends with ` (deleted)`. systemd puts `_` before a name that could be the
    # name of a cgroup file. Below their own service manager, users may give cgroups any name: make it printable.
    path = printable(path.replace(" (deleted)", ""))
    names = [name[1:] if name.startswith("_") else name for name in path.split("/") if name]
    unit, below = _unit_in(names)
    user_unit, _below = _unit_in(below) if unit and unit.startswith("user@") else (None, [])
    containers = [match.group(1) for match in map(CONTAINER_ID.search, names) if match]
    return Place(unit, user_unit, containers[-1] if containers else None)


def _unit_in(names: Iterable[str]) -> tuple[str | None, list[str]]:
    """Return the unit, and the names below it. It is the first name after the slices (systemd's cg_path_get_unit())."""
    below = list(itertools.dropwhile(lambda name: name.endswith(".slice"), names))
    return (below[0], below[1:]) if below and below[0].endswith(UNIT_SUFFIXES) else (None, [])
