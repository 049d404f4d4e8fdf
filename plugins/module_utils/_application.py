# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""An application as it lies on the control node: its files, the name that they give a release, and their archive."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import tarfile
from typing import IO, Iterable, Mapping, NamedTuple

NAME_LENGTH = 12
PERMISSIONS = {True: 0o755, False: 0o644}  # executable, not; what else the control node has says nothing


class Entry(NamedTuple):
    """A file or a symbolic link; folders are there because of what is in them."""

    path: str  # relative to the application, with slashes
    executable: bool
    digest: str  # SHA-256 of the content, of a link of `-> target`


def read(folder: str, exclude: Iterable[str] = ()) -> list[Entry]:
    """What there is below a folder, sorted. `exclude` has shell patterns for names of files and folders.

    Raises OSError for what cannot be read, ValueError for what is neither file nor folder nor link, or has no files.
    """
    exclude = list(exclude)
    entries = []
    for parent, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        folders[:] = sorted(name for name in folders if name not in links and not _matches(name, exclude))
        for name in files + links:
            if not _matches(name, exclude):
                path = os.path.join(parent, name)
                entries.append(entry(path, os.path.relpath(path, folder)))
    if not entries:
        raise ValueError(f"{folder} has no files in it")
    return sorted(entries)


def _raise(error: OSError) -> None:
    raise error


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def entry(path: str, relative: str) -> Entry:
    """Raises OSError for what cannot be read, ValueError for what is neither file nor link."""
    if os.path.islink(path):
        return Entry(relative, False, hashlib.sha256(f"-> {os.readlink(path)}".encode()).hexdigest())
    if not os.path.isfile(path):
        raise ValueError(f"{path} is neither a file nor a folder")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return Entry(relative, os.access(path, os.X_OK), digest.hexdigest())


def release_name(entries: Iterable[Entry], venv: str, environment: Mapping[str, str]) -> str:
    """The same for the same content, virtual environment and environment variables, on whatever control node."""
    text = "\n".join(
        [venv, *map(repr, sorted(environment.items()))]
        + [f"{entry.digest} {entry.executable:d} {entry.path}" for entry in entries]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]


def write_archive(folder: str, entries: Iterable[Entry], stream: IO[bytes]) -> None:
    """Writes the entries as a compressed tar, without what only the control node knows: owners, times, umask."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        member.mode = PERMISSIONS[bool(member.mode & 0o100)]
        return member

    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for entry in entries:
            archive.add(os.path.join(folder, entry.path), entry.path, recursive=False, filter=anonymous)
