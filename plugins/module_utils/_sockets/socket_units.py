# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Finds the systemd unit of a socket if the process that holds it does not belong to that unit.

Either no such process is known, or systemd holds the socket for a service that is not yet started. The kernel knows
the cgroup in which a socket was made, and the .socket units on disk name the service that answers.
"""

from __future__ import annotations

import contextlib
import glob
import os
from typing import Iterable, Iterator, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import sockets
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import cgroups, owners

Row = dict  # see listeners.py

# systemd.unit(5), in descending priority.
DIRECTORIES = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
PROTOCOLS = {"ListenStream": "tcp", "ListenDatagram": "udp"}


class SocketUnit(NamedTuple):
    """A .socket unit file."""

    name: str
    listens: frozenset[tuple[str, str]]  # (protocol, the text after ListenStream=)
    answered_by: str  # the service; with Accept=yes, which starts a service per connection, the socket unit itself


def name(nameless: list[tuple[Row, sockets.Socket]]) -> None:
    """Fill in the units of the rows, as far as they can be found. None if unknown."""
    # The cgroup of a socket is that of the process that made it: if systemd did, often that of the .socket unit.
    paths = paths_of({found.cgroup_id for _row, found in nameless if found.cgroup_id})
    made_by = {number: cgroups.place(path, owners.cgroup_roots().get("", "")).unit for number, path in paths.items()}
    socket_units = None
    for row, found in nameless:
        unit = made_by.get(found.cgroup_id or 0) or ("init.scope" if row["pid"] else None)
        if unit and unit.endswith(("init.scope", ".socket")):
            socket_units = read() if socket_units is None else socket_units
            unit = answering(socket_units, unit, *found.bound)
        row["unit"] = unit


def paths_of(ids: Iterable[int], mounts: str = "/proc/self/mounts") -> dict[int, str]:
    """Return paths by cgroup id: the inode number of a directory of cgroup v2. Needs no privilege."""
    wanted = set(ids)
    paths: dict[int, str] = {}
    top = _cgroup2_mount(mounts) if wanted else None
    if top is None:
        return paths
    for directory, _below, _files in os.walk(top):
        try:
            number = os.stat(directory).st_ino
        except FileNotFoundError:
            continue  # its unit has ended
        if number in wanted:
            paths[number] = directory[len(top) :] or "/"
    return paths


def _cgroup2_mount(mounts: str) -> str | None:
    with open(mounts, errors="replace") as lines:
        fields = [line.split() for line in lines]
    return next((field[1] for field in fields if field[2] == "cgroup2"), None)


def parse(name: str, lines: Iterable[str]) -> SocketUnit:
    """Read the lines of a unit file followed by its drop-ins. An empty ListenX= removes the values before it."""
    settings, listens = {}, []
    for line in lines:
        key, _equals, value = (part.strip() for part in line.partition("="))
        if key in PROTOCOLS and value:
            listens.append((PROTOCOLS[key], value))
        elif key.startswith("Listen") and not value:
            listens = []
        else:
            settings[key] = value
    accept = settings.get("Accept", "no").lower() in ("yes", "true", "on", "1", "y", "t")
    service = settings.get("Service") or name[: -len(".socket")] + ".service"
    return SocketUnit(name, frozenset(listens), name if accept else service)


def read(directories: Iterable[str] = DIRECTORIES) -> list[SocketUnit]:
    """Read all .socket units with their drop-ins. A file in an earlier directory hides its namesakes in later ones."""
    files: dict[str, str] = {}
    drop_ins: dict[str, dict[str, str]] = {}
    for directory in directories:
        for path in glob.glob(os.path.join(directory, "*.socket")):
            files.setdefault(os.path.basename(path), path)
        for path in glob.glob(os.path.join(directory, "*.socket.d", "*.conf")):
            unit = os.path.basename(os.path.dirname(path))[: -len(".d")]
            drop_ins.setdefault(unit, {}).setdefault(os.path.basename(path), path)
    return [parse(unit, _lines([path] + _by_name(drop_ins.get(unit, {})))) for unit, path in sorted(files.items())]


def answering(units: Iterable[SocketUnit], holder: str, protocol: str, address: str, port: int) -> str:
    """Return the unit that answers at this address, if `holder` is a .socket unit or systemd itself (init.scope).

    Returns the holder if no unit on disk matches, or if several do.
    """
    if holder.endswith(".socket"):
        found = {unit.answered_by for unit in units if unit.name == holder}
    else:
        spellings = {f"{address}:{port}", f"[{address}]:{port}"}
        if address in addresses.WILDCARDS:
            spellings.add(str(port))
        wanted = {(protocol, spelling) for spelling in spellings}
        found = {unit.answered_by for unit in units if unit.listens & wanted}
    return found.pop() if len(found) == 1 else holder


def _by_name(paths: dict[str, str]) -> list[str]:
    return [paths[name] for name in sorted(paths)]


def _lines(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        with contextlib.suppress(OSError), open(path, errors="replace") as lines:
            yield from lines
