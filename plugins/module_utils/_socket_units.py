# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which systemd service answers on a socket that systemd itself listens on, from the .socket units on disk."""

from __future__ import annotations

import contextlib
import glob
import os
from typing import Iterable, Iterator, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils import _addresses

# systemd.unit(5), the strongest first.
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
    name: str
    listens: frozenset[tuple[str, str]]  # (protocol, what is written after ListenStream=)
    answered_by: str  # the service, or with Accept=yes, where each connection has its own, the socket unit itself


def parse(name: str, lines: Iterable[str]) -> SocketUnit:
    """Reads a unit file with its drop-ins behind it. An empty ListenX= forgets what was said before."""
    settings, listens = {}, []
    for line in lines:
        key, _, value = (part.strip() for part in line.partition("="))
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
    """The unit that answers there in the place of the holder, which is a socket unit or systemd itself.

    That is the holder if no unit on disk says more, or if several do.
    """
    if holder.endswith(".socket"):
        found = {unit.answered_by for unit in units if unit.name == holder}
    else:
        spellings = {f"{address}:{port}", f"[{address}]:{port}"}
        if address in _addresses.WILDCARDS:
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
