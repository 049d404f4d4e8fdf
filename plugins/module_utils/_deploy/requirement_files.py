# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Reads pip's requirement files: https://pip.pypa.io/en/stable/reference/requirements-file-format/."""

from __future__ import annotations

import codecs
import os
import re
import shlex
from typing import Iterator, NamedTuple

PROJECT = "pyproject.toml"
LATER = "-r", "-c", "-e", "-f"
LONG = {"--requirement": "-r", "--constraint": "-c", "--editable": "-e", "--find-links": "-f"}
ARCHIVES = (
    ".whl",
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
)
COMMENT = re.compile(r"(^|\s+)#.*$")
CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
URL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
FILE_URL = re.compile(r"^file:(?://(?:localhost)?(?=/))?", re.IGNORECASE)
NAME = re.compile(r"^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
DIRECT = re.compile(rf"{NAME.pattern}\s*(?:\[[^\]]*\])?\s*@\s*(.+)")


class Names(NamedTuple):
    """What a line of a requirement file names."""

    # `-r`, `-c` or `-f` for an option's value; `path` for a project or archive; `url`; `name` for a distribution
    kind: str
    value: str


def names(line: str) -> Iterator[Names]:
    """Yield the files, URLs and distributions that a logical line names."""
    requirement, options = _split(line)
    if requirement:
        yield from _of_requirement(requirement)
    for option, value in options:
        if option == "-e":
            yield _of_url(value) if URL.match(value) else _of_path(value)
        else:
            yield Names(option, value)


def _of_requirement(text: str) -> Iterator[Names]:
    direct = DIRECT.match(text)
    if direct or URL.match(text):
        yield _of_url(re.split(r"\s+;|;\s+", direct.group(1) if direct else text)[0])
        return
    path = _without_extras(text.split(";")[0].strip())
    found = NAME.match(text)
    if os.sep in path or path.startswith(".") or path.lower().endswith(ARCHIVES):
        yield _of_path(path)
    elif found:
        yield Names("name", found.group())


def _of_url(url: str) -> Names:
    return _of_path(local_path(url.split("#")[0].strip())) if FILE_URL.match(url) else Names("url", url)


def _of_path(text: str) -> Names:
    return Names("path", _without_extras(text.split(";")[0].strip()))


def local_path(text: str) -> str:
    """Return a path, or the path of a `file:` URL."""
    return FILE_URL.sub("", text)


def is_remote(text: str) -> bool:
    """Return whether a text is a URL that does not name a local file."""
    return URL.match(text) is not None and not FILE_URL.match(text)


def arguments(path: str) -> list[str]:
    """Return pip's arguments for a requirement file, or for the project that a pyproject.toml describes."""
    return [os.path.dirname(path)] if os.path.basename(path) == PROJECT else ["--requirement", path]


class Closure(NamedTuple):
    """The local files that pip reads for a requirement file. All paths are absolute."""

    files: list[str]  # the requirement and constraint files that pip reads, each once
    paths: list[str]  # projects and archives that pip installs, and folders in which it looks for archives


def closure(path: str, text: str = "") -> Closure:
    """Return what pip reads for a requirement file if it runs in the file's folder.

    With `text`, pip reads this text instead of the file. It includes no other file.
    Files that are missing or that cannot be decoded are left out: pip reports them.
    """
    found = Closure([], [])
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.basename(path) == PROJECT and not text:
        return Closure([os.path.abspath(path)], [directory])
    waiting = [os.path.abspath(path)]
    while waiting:
        file = waiting.pop(0)
        if file in found.files or not os.path.isfile(file):
            continue
        found.files.append(file)
        with open(file, "rb") as stream:
            content = text.encode() or stream.read()
        try:
            lines = list(logical_lines(decoded(content)))
        except (UnicodeDecodeError, LookupError):
            continue
        beside = os.path.dirname(file)
        for kind, value in (each for _number, line in lines for each in names(line)):
            if kind in ("name", "url") or is_remote(value):
                continue
            here = os.path.normpath(os.path.join(beside, local_path(value)))
            if kind in ("-r", "-c"):
                waiting.append(here)
            elif kind == "-f" and os.path.exists(here):
                found.paths.append(here)
            else:
                found.paths.append(os.path.normpath(os.path.join(directory, local_path(value))))
    return found


def decoded(content: bytes) -> str:
    """Decode a requirement file as pip does: by its byte order mark, by its coding comment, or as UTF-8.

    Raises UnicodeDecodeError, and LookupError for an encoding that does not exist.
    """
    for mark, encoding in BOMS.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n")[:2]:
        coding = CODING.search(line)
        if line.startswith(b"#") and coding:
            return content.decode(coding.group(1).decode())
    return content.decode("utf-8")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each logical line: without comments, and joined with the next after a backslash."""
    first = 0
    parts: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        first = first if parts else number
        is_comment = COMMENT.match(line) is not None
        parts.append(f" {line}" if is_comment else line.rstrip("\\") if line.endswith("\\") else line)
        if line.endswith("\\") and not is_comment:
            continue
        whole = COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if whole:
            yield first, whole


def _split(line: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the requirement in a line, and the options that name something, with their values."""
    words = line.split(" ")
    count = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    try:
        options = shlex.split(" ".join(words[count:]))
    except ValueError:  # pip reports what is wrong with the line
        options = []
    return " ".join(words[:count]).strip(), list(_named(iter(options)))


def _named(words: Iterator[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            # pip's parser accepts abbreviations: `--req` means `--requirement`.
            option = next((short for long, short in LONG.items() if long.startswith(name) and len(name) > 2), "")
        else:
            option, equals, value = word[:2], word[2:], word[2:]
        if option in LATER:
            yield option, value if equals else next(words, "")


def _without_extras(path: str) -> str:
    return re.sub(r"^(.+)\[[^\]]+\]$", r"\1", path).strip()
