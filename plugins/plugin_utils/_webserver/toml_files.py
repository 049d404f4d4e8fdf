# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What pylock.toml and pyproject.toml name, as the text of a requirements file. Runs on the control node.

pip reads lock files from version 26.1 on, and the Pythons of most machines bring an older one. No pip installs only the
dependencies of a pyproject.toml. The format of lock files: https://packaging.python.org/specifications/pylock-toml/.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any, Iterator

try:
    import tomllib
except ImportError:  # Python 3.10
    HAS_TOMLLIB = False
else:
    HAS_TOMLLIB = True

NAME = re.compile(r"pylock\.(?:[^./]+\.)?toml")
VERSION = re.compile(r"1\.\d+")
# A condition that only markers in lock files have: whether an extra or a dependency group is chosen.
CHOICE = re.compile(r"""(["'])(?P<name>[^"']*)\1\s+(?P<inverse>not\s+)?in\s+(?P<kind>extras|dependency_groups)""")
HASHES = "sha256", "sha384", "sha512"  # https://pip.pypa.io/en/stable/topics/secure-installs/
ALWAYS, NEVER = "python_version >= '3'", "python_version < '3'"


def is_lock_file(path: str) -> bool:
    """Return whether the name of a file is that of a lock file which this module reads."""
    return NAME.fullmatch(posixpath.basename(path)) is not None


def of_lock_file(text: str) -> str:
    """Return the text of a requirements file that installs what a lock file names.

    Its paths are relative to the folder of the lock file. Of the dependency groups, it has the default ones, and it has
    no extras. Raises ValueError with the rest of a sentence about the file.
    """
    if not HAS_TOMLLIB:
        raise ValueError("can be read if Ansible runs with Python 3.11 or newer, not with 3.10")
    try:
        lock = tomllib.loads(text)
        version, packages = str(lock["lock-version"]), lock["packages"]
        if not VERSION.fullmatch(version):
            raise ValueError(f"has the lock version {version}, and only 1.0 can be read")
        lines = [line for package in packages for line in _lines(package, lock.get("default-groups", []))]
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from error
    except KeyError as error:
        raise ValueError(f"is not a valid lock file: it has no {error.args[0]}") from error
    except (AttributeError, TypeError) as error:
        raise ValueError(f"is not a valid lock file: {error}") from error
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _lines(package: dict[str, Any], groups: list[str]) -> Iterator[str]:
    name = package["name"]
    marker = CHOICE.sub(lambda found: _constant(found, groups), package.get("marker", ""))
    condition = f" ; {marker}" if marker else ""
    if "vcs" in package:
        vcs = package["vcs"]
        if "url" not in vcs:
            raise ValueError(f"names {name} by the path of a repository. pip needs its URL")
        yield f"{name} @ {vcs['type']}+{vcs['url']}@{vcs['commit-id']}{_subdirectory(vcs)}{condition}"
    elif "directory" in package:
        directory = package["directory"]
        yield _beside(posixpath.join(directory["path"], directory.get("subdirectory", "")).rstrip("/")) + condition
    elif "archive" in package:
        archive = package["archive"]
        source = f"{name} @ {archive['url']}{_subdirectory(archive)}" if "url" in archive else _beside(archive["path"])
        yield source + condition + _hashes(name, [archive])
    else:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        for file in files:
            if "path" in file:
                yield f"--find-links {_beside(posixpath.dirname(file['path']))}"
        yield f"{name}=={package['version']}{condition}{_hashes(name, files)}"


def _constant(found: re.Match[str], groups: list[str]) -> str:
    is_chosen = found["kind"] == "dependency_groups" and found["name"] in groups
    return ALWAYS if is_chosen != bool(found["inverse"]) else NEVER


def _beside(path: str) -> str:
    return path if os.path.isabs(path) or path == "." else f"./{posixpath.normpath(path)}"


def _subdirectory(source: dict[str, Any]) -> str:
    return f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""


def _hashes(name: str, files: list[dict[str, Any]]) -> str:
    hashes = [each for file in files for each in file["hashes"].items()]
    found = {f" --hash={kind}:{value}" for kind, value in hashes if kind in HASHES}
    if not found:
        raise ValueError(f"has no hash of {name} that pip accepts: {', '.join(HASHES)}")
    return "".join(sorted(found))


def of_project(text: str) -> str:
    """Return the text of a requirements file with the dependencies of a pyproject.toml; "" if it names none."""
    if not HAS_TOMLLIB:
        return ""
    try:
        found = tomllib.loads(text).get("project", {}).get("dependencies", [])
        return "".join(f"{' '.join(line.split())}\n" for line in found)
    except (AttributeError, TypeError, tomllib.TOMLDecodeError):  # pip reports it
        return ""
