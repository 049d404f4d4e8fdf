# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Files and folders of an application that outlive its releases.

In each release they are links into one folder on the managed node. The first release that brings such a file or folder
fills it. The folder belongs to the application's user, who could put a link to any place into it. So this user copies,
and not root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application

# $1 is what the release brings, $2 its place, and $3 is "file" or "folder": what is made if the release brings nothing.
# A file is not made: the application does that, through the link.
FILL = """
[ -e "$2" ] || [ -L "$2" ] && exit
mkdir -p "${2%/*}" || exit
if [ -e "$1" ]; then
  rm -rf "$2.partial" && cp -R "$1" "$2.partial" && chmod -R u+rwX "$2.partial" && mv "$2.partial" "$2"
elif [ "$3" = folder ]; then
  mkdir "$2"
fi
"""


class Failed(Exception):
    """A file or folder that could not be shared. The message is for people."""


class Shared(NamedTuple):
    """What outlives the releases of an application."""

    paths: list[str]  # relative to the application; a folder may end with a slash
    folder: str  # where they are kept
    user: str  # who owns them


def put_links(app: str, shared: Shared) -> None:
    """Replace the shared files and folders of an unpacked application by links, and fill them if they are new.

    The user must be able to read the application. Raises Failed.
    """
    owner = pwd.getpwnam(shared.user)
    try:
        os.mkdir(shared.folder, 0o700)
        os.chown(shared.folder, owner.pw_uid, owner.pw_gid)
    except FileExistsError:
        pass
    for path in shared.paths:
        name = path.rstrip("/")
        here, kept = os.path.join(app, name), os.path.join(shared.folder, name)
        kind = "file" if is_file(path) else "folder"
        done = subprocess.run(
            ["/bin/sh", "-c", FILL, "sh", here, kept, kind],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: _become(owner),
            cwd="/",
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
            raise Failed(f"{kept} could not be filled with {name} of the release: {said[-1]}")
        if os.path.isdir(here):
            shutil.rmtree(here)
        elif os.path.lexists(here):
            os.unlink(here)
        os.makedirs(os.path.dirname(here), 0o755, exist_ok=True)
        os.symlink(kept, here)


def is_file(path: str) -> bool:
    """Return whether a path that no release brings is a file: its name has an ending, such as `.db`, and no slash."""
    return bool(os.path.splitext(path)[1])


def _become(owner: pwd.struct_passwd) -> None:
    os.umask(0o077)
    if os.geteuid() == 0:
        os.initgroups(owner.pw_name, owner.pw_gid)
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)


def with_links(entries: Iterable[application.Entry], paths: Iterable[str], folder: str) -> list[application.Entry]:
    """Return the entries of a release, in which the shared paths are links into the folder."""
    names = [path.rstrip("/") for path in paths]
    own = [entry for entry in entries if not any(is_below(entry.path, name) for name in names)]
    return sorted(own + [application.link(name, os.path.join(folder, name)) for name in names])


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is the same as another or below it. Both are relative, with slashes."""
    return path == folder or path.startswith(folder + "/")
