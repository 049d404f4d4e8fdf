# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the relative links of Markdown files: the file and the heading that an anchor names must exist.

links.py FILE...    prints each broken link, and fails if there is one
"""

from __future__ import annotations

import pathlib
import re
import sys

CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:")


def anchor_of(heading):
    """Return the anchor of a heading on GitHub and in MyST: lower case, no punctuation, and hyphens for blanks."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def anchors(text):
    return {anchor_of(heading) for heading in HEADING.findall(re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))}


def links(text):
    return [link for link in LINK.findall(CODE.sub("", text)) if not ELSEWHERE.match(link)]


def broken(page):
    """Yield each broken link of a file, with the reason."""
    text = page.read_text(encoding="utf-8")
    for link in links(text):
        path, _hash, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{page}: {link}: there is no such file"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{page}: {link}: there is no such heading"


def main(pages):
    return [fault for page in pages for fault in broken(pathlib.Path(page))]


if __name__ == "__main__":
    sys.exit("\n".join(main(sys.argv[1:])) or None)
