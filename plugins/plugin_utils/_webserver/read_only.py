# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What to do if an application tries to write to a place that its unit does not let it write to.

Runs on the control node.
"""

from __future__ import annotations

import os
import re

REFUSED = re.compile(
    r"Read-only file system|unable to open database file|attempt to write a readonly database"
    r"|\[Errno 13\] Permission denied: '(?!/(home|root|proc|dev)/)"
)
# The path in the error, if it is in the application's own folder, which the role makes read-only. A relative path
# is, because the application is started in this folder.
IN_RELEASE = re.compile(
    r"(?:Read-only file system|Permission denied): "
    r"'(?:[^'\n]*/(?:releases/[^/\n]+|current)/app/|(?:\./)?(?!\.?\.?/))([^'\n]+)'"
)


def advice(words: str) -> str:
    """Return what to do, or "" if nothing in the words is such an error. `words` are lines of an application."""
    if not REFUSED.search(words):
        return ""
    inside = IN_RELEASE.search(words)
    path = to_share(inside[1]) if inside else "instance"
    where = f"{path} in its own folder" if inside else "its own folder"
    return (
        f"The application tried to write to {where}, but it may write to its state folder only. Set webserver_shared:"
        f" [{path}]{'' if inside else ', or with the path that it writes to'}, and the path becomes a link into the"
        " state folder. Or let the application write to the folder whose path is in the environment variable"
        ' STATE_DIRECTORY, as with Flask(__name__, instance_path=os.environ["STATE_DIRECTORY"]).'
    )


def to_share(path: str) -> str:
    """Return the path to share: for a file in a folder, that folder. A database needs other files beside it."""
    folder, name = os.path.split(path.rstrip("/"))
    return folder if folder and os.path.splitext(name)[1] else path.rstrip("/")
