# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which systemd service answers on a socket that systemd itself listens on, from the .socket units on disk."""

from __future__ import annotations

import glob
import os
from typing import Iterable, NamedTuple

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
    files, lines = {}, {}
    for directory in directories:
        for path in glob.glob(os.path.join(directory, "*.socket")):
            files.setdefault(os.path.basename(path), path)
    for name, path in files.items():
        drop_ins = {}
        for directory in directories:
            for drop_in in glob.glob(os.path.join(directory, name + ".d", "*.conf")):
                drop_ins.setdefault(os.path.basename(drop_in), drop_in)
        lines[name] = [line for each in [path] + [drop_ins[key] for key in sorted(drop_ins)] for line in _lines(each)]
    return [parse(name, lines[name]) for name in sorted(lines)]


def answering_for(units: Iterable[SocketUnit], name: str) -> str:
    """The unit that answers for a socket unit."""
    return next((unit.answered_by for unit in units if unit.name == name), name)


def answering_at(units: Iterable[SocketUnit], protocol: str, address: str, port: int) -> str | None:
    """The unit that answers there; None if no unit on disk says so, or several do."""
    spellings = {(protocol, text) for text in (f"{address}:{port}", f"[{address}]:{port}")}
    if address in ("::", "0.0.0.0"):
        spellings.add((protocol, str(port)))
    found = {unit.answered_by for unit in units if unit.listens & spellings}
    return found.pop() if len(found) == 1 else None


def _lines(path: str) -> list[str]:
    try:
        with open(path, errors="replace") as handle:
            return handle.read().splitlines()
    except OSError:
        return []
