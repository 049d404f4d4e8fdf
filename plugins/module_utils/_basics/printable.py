# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Makes texts from machines, programs and servers safe for a terminal and a page. Only this file defines how."""

from __future__ import annotations

import re
from typing import Any

# Control characters control a terminal, or end a line.
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
# Direction marks reorder a line, and tags and similar characters hide text in it (UTR #36).
_HIDING = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_SURROGATES = "\ud800-\udfff"  # UTF-8 cannot represent them
CONTROL = re.compile(f"[{_CONTROL}]")
UNPRINTABLE = re.compile(f"[{_CONTROL}{_HIDING}{_SURROGATES}](?<![\t\n])")
# The words that the uri module puts before the cause, and the full stop after it.
AROUND_CAUSE = re.compile(r"^Status code was -?[0-9]+ and not \[[0-9, ]*\]: |\.$")
# The words that the uri module and Python's urllib put around the system's error message.
OF_URLLIB = re.compile(r"^Request failed: <[a-z]+ error (?:\[Errno -?[0-9]+\] )?(.*)>$")


def printable(value: Any) -> Any:
    """The value without unprintable characters: a text, or lists and dictionaries that contain texts."""
    if isinstance(value, str):
        return UNPRINTABLE.sub("", value)
    if isinstance(value, dict):
        return {printable(key): printable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(each) for each in value]
    return value


def printable_line(text: str) -> str:
    """The text as one printable line: one blank replaces each run of blanks and line ends."""
    return printable(" ".join(text.split()))


def cause(message: Any) -> str:
    """Return the first line of a failed task's message, without full stop and Python's words, for use in a sentence."""
    lines = str(message).strip().splitlines()
    return OF_URLLIB.sub(r"\1", AROUND_CAUSE.sub("", printable_line(lines[0]))) if lines else ""


def shortened(text: str, longest: int, mark: str = "…") -> str:
    """Return a text of at most `longest` characters, which ends with `mark` if it was longer."""
    return text if len(text) <= longest else text[: longest - len(mark)] + mark
