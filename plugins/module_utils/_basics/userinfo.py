# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Removes the user names and passwords of URLs from texts that people see."""

from __future__ import annotations

import re

# RFC 3986: userinfo begins after `//` and ends at the last `@` before the path. People also write a `/`, `?` or `#`
# into a password without encoding it. Such a URL is invalid; then everything up to the last `@` of the word is removed.
USERINFO = re.compile(
    r"""
    :// (?:
        [^\s/?#]* @
      | [^\s/?#@:\[]* : (?! \d+ (?: [/?#\s] | $ ) ) \S* @
    )
    """,
    re.VERBOSE,
)


def without_userinfo(text: str) -> str:
    """The text without the user names and passwords of the URLs in it: `https://me:secret@host/` is `https://host/`."""
    return USERINFO.sub("://", text)
