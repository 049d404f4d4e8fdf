# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The versions of Flask, gunicorn and their dependencies that the collection installs: files/constraints.txt.

uv writes that file. A pin is one requirement, with its hashes and the names of the packages that need it:

    packaging==24.0 ; python_full_version < '3.8' \\
        --hash=sha256:2ddf...
        # via gunicorn

Managed nodes may have no library that evaluates markers, so this file evaluates the kind that uv writes.
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple

SERVER = "gunicorn"
CLAUSE = re.compile(r"python_full_version (<|>=|==) '(\d+)\.(\d+)(\.\*)?'")


class Pin(NamedTuple):
    """A requirement with an exact version."""

    requirement: str  # such as flask==3.1.3
    marker: str  # empty if the pin is for every Python
    hashes: list[str]  # such as sha256:2ddf...; none for a version that the user chose
    needed_by: list[str]

    @property
    def name(self) -> str:
        return self.requirement.partition("==")[0]


def parse(constraints: str) -> list[Pin]:
    """Return the pins in the text of a constraints file."""
    pins: list[Pin] = []
    for line in constraints.splitlines():
        words = line.rstrip("\\").split()
        if line[:1] in ("", "#"):  # a comment on a pin is indented
            continue
        if not line[0].isspace():
            requirement, _semicolon, marker = line.rstrip("\\").partition(";")
            pins.append(Pin(requirement.strip(), marker.strip(), [], []))
        elif words[0] == "#":
            pins[-1].needed_by.extend(word for word in words[1:] if word != "via")
        else:
            pins[-1].hashes.extend(word[len("--hash=") :] for word in words)
    return pins


def chosen(constraints: str, python: str, flask_version: str = "", has_requirements: bool = False) -> list[Pin]:
    """Return the pins for a Python such as `3.9`. Raises ValueError for a marker that cannot be evaluated here.

    `flask_version` replaces the pin of Flask. Werkzeug then gets the same major version: Flask's own metadata allows a
    Werkzeug that it cannot import (Flask 2.2 with Werkzeug 3), and since 2.0 their major versions are the same. An
    application with requirements gets gunicorn, which serves it, and what gunicorn needs.
    """
    pins = [pin for pin in parse(constraints) if _holds(pin.marker, python)]
    if has_requirements:
        return _needed(pins, SERVER)
    if not flask_version:
        return pins
    kept = [pin for pin in pins if pin.name not in ("flask", "werkzeug")]
    others = f"flask=={flask_version}", f"werkzeug=={flask_version.split('.')[0]}.*"
    return kept + [Pin(requirement, "", [], []) for requirement in others]


def _needed(pins: Iterable[Pin], name: str) -> list[Pin]:
    """Return the pin of a package and the pins that it needs, directly or indirectly."""
    names, found = {name}, {name}
    while found:
        found = {pin.name for pin in pins if not names.isdisjoint(pin.needed_by)} - names
        names |= found
    return [pin for pin in pins if pin.name in names]


def _holds(marker: str, python: str) -> bool:
    version = tuple(map(int, python.split(".")))
    return all(_is_met(clause.strip(), version) for clause in marker.split(" and ") if clause)


def _is_met(clause: str, version: tuple[int, ...]) -> bool:
    found = CLAUSE.fullmatch(clause)
    # `== '3.8'` would match only Python 3.8.0.
    if not found or (found.group(1) == "==") != bool(found.group(4)):
        raise ValueError(f"a pin has a marker that this cannot evaluate: {clause}")
    operator, other = found.group(1), (int(found.group(2)), int(found.group(3)))
    return version < other if operator == "<" else version >= other if operator == ">=" else version == other


def as_requirements(pins: Iterable[Pin], hashes: bool) -> str:
    """Return the text of a requirements file with these pins."""
    return "".join(
        " ".join([pin.requirement, *(f"--hash={each}" for each in pin.hashes if hashes)]) + "\n" for pin in pins
    )
