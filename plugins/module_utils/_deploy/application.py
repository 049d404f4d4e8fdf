# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""An application on the control node: its files, the name of a release that consists of them, and their archive."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import os
import stat
import tarfile
from typing import IO, Collection, Iterable, Iterator, Mapping, NamedTuple

NAME_LENGTH = 12
# Files that a developer keeps beside the code for local use: secrets and test data.
PRIVATE = [".env", ".env.*", "instance", "*.sqlite", "*.sqlite3", "*.db", "*.sqlite-*", "*.sqlite3-*", "*.db-*"]
# Files that usually hold secrets. Their content is never shown.
SECRET = [
    ".env*",
    ".git",
    "*.pem",
    "*.key",
    "*secret*",
    "*password*",
    "*credential*",
    "*.p12",
    ".netrc",
    ".pypirc",
    "pip.conf",
]
# The default names of files and folders that are no part of an application.
EXCLUDE = [
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    "*.py[co]",
    ".venv",
    "venv",
    ".tox",
    ".pytest_cache",
    ".DS_Store",
    *PRIVATE,
    "!.env.example",
]
SPECIAL = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
LIST = "flasklaunch.list"  # the member of an archive with the files that are on the machine already
PERMISSIONS = {True: 0o755, False: 0o644}  # executable or not; the other bits on the control node do not count


class Entry(NamedTuple):
    """A file or a symbolic link. Folders have no entries: they exist because of the files in them."""

    path: str  # relative to the application, with slashes
    executable: bool
    digest: str  # SHA-256 of the content; for a link, of the text `-> target`


def read(folder: str, exclude: Iterable[str] = ()) -> list[Entry]:
    """Return the files and links below a folder, sorted. `exclude` has shell patterns for names of files and folders.

    A pattern that begins with `!` includes what an earlier pattern excludes. Raises OSError for a file or folder that
    cannot be read, Unfit for a file that cannot be deployed, and ValueError if there are no files.
    """
    entries = []
    for relative in paths(folder, exclude):
        path = os.path.join(folder, relative)
        _refuse_link_out(path, folder)
        entries.append(entry(path, relative))
    if not entries:
        raise ValueError(f"{folder} has no files in it")
    return sorted(entries)


def paths(folder: str, exclude: Iterable[str] = ()) -> list[str]:
    """Return the relative paths of read(), without reading the files. Raises OSError for an unreadable folder."""
    return [relative for relative, pattern in _walk(folder, list(exclude)) if pattern is None]


def left_out(folder: str, exclude: Iterable[str]) -> dict[str, str]:
    """Return the excluded files and folders that the application may need, each with the pattern that excludes it.

    Only patterns in PRIVATE count: no application needs a `__pycache__`.
    """
    found = _walk(folder, list(exclude))
    return {relative: pattern for relative, pattern in sorted(found) if pattern in PRIVATE}


def _walk(folder: str, exclude: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the relative paths of files, links and excluded folders, each with the pattern that excludes it or None."""
    for parent, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        excluding = {name: _excluding(name, exclude) for name in folders + files}
        for name in files + links + [name for name in folders if name not in links and excluding[name]]:
            yield os.path.relpath(os.path.join(parent, name), folder), excluding[name]
        folders[:] = sorted(name for name in folders if name not in links and not excluding[name])


def _raise(error: OSError) -> None:
    raise error


def _excluding(name: str, patterns: Iterable[str]) -> str | None:
    """Return the pattern that excludes a name; None if no pattern does."""
    found = None
    for pattern in patterns:
        if fnmatch.fnmatchcase(name, pattern):
            found = pattern
        elif found and pattern.startswith("!") and fnmatch.fnmatchcase(name, pattern[1:]):
            found = None
    return found


def is_secret(path: str) -> bool:
    """Return whether the name of a file, or of a folder that contains it, suggests that it contains secrets."""
    return any(fnmatch.fnmatchcase(part.lower(), pattern) for part in path.split("/") for pattern in SECRET)


class Unfit(ValueError):
    """A file that cannot be deployed. The user can exclude it."""


def _refuse_link_out(path: str, folder: str) -> None:
    if not os.path.islink(path):
        return
    target, inside = os.readlink(path), os.path.join(os.path.realpath(folder), "")
    if os.path.isabs(target) or not os.path.join(os.path.realpath(path), "").startswith(inside):
        raise Unfit(f"{path} is a link to {target}, which is outside the folder, so the release would not contain it")


def entry(path: str, relative: str) -> Entry:
    """Return the entry of a file or link. Raises OSError if it cannot be read, and Unfit if it is neither of them."""
    if os.path.islink(path):
        return link(relative, os.readlink(path))
    if not os.path.isfile(path):
        kind = SPECIAL.get(stat.S_IFMT(os.stat(path).st_mode), "neither a file nor a folder")
        raise Unfit(f"{path} is {kind}, which a release cannot hold")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return Entry(relative, os.access(path, os.X_OK), digest.hexdigest())


def link(relative: str, target: str) -> Entry:
    """Return the entry of a symbolic link."""
    return Entry(relative, False, hashlib.sha256(f"-> {target}".encode()).hexdigest())


def release_name(entries: Iterable[Entry], venv: str, environment: Mapping[str, str], user: str) -> str:
    """Return a name that depends on content, virtual environment, variables and user only, not on the control node."""
    text = "\n".join(
        [venv, user, *map(repr, sorted(environment.items()))]
        + [f"{entry.digest} {entry.executable:d} {entry.path}" for entry in entries]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]


def write_archive(folder: str, entries: Iterable[Entry], stream: IO[bytes], there: Collection[str] = ()) -> None:
    """Write the entries as a compressed tar, without the control node's owners, times and umask.

    `there` has the digests of files that the machine has already. The tar has only a list of these: see contents().
    """
    known: list[Entry] = []
    # Level 9, tarfile's default, takes much longer and saves little. Python 3.7 has another default format.
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6, format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            path = os.path.join(folder, entry.path)
            member = tarfile.TarInfo(entry.path)
            member.mode = PERMISSIONS[entry.executable]
            if os.path.islink(path):
                member.type, member.linkname = tarfile.SYMTYPE, os.readlink(path)
                archive.addfile(member)
            elif entry.digest in there:
                known.append(entry)
            else:
                with open(path, "rb") as file:
                    member.size = os.fstat(file.fileno()).st_size
                    archive.addfile(member, file)
        if known:
            content = json.dumps(known).encode()
            member = tarfile.TarInfo(LIST)
            member.size, member.pax_headers = len(content), {LIST: "1"}
            archive.addfile(member, io.BytesIO(content))


def contents(archive: tarfile.TarFile) -> tuple[list[tarfile.TarInfo], list[Entry]]:
    """Return the members of an archive to unpack, and the files that it only lists.

    The list is a member with a header, which a file of the application with the same name does not have.
    """
    members = archive.getmembers()
    if not members or LIST not in members[-1].pax_headers:
        return members, []
    content = archive.extractfile(members[-1])
    return members[:-1], [Entry(*each) for each in json.load(content)] if content else []
