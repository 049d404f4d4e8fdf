# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Reads a page within a time limit."""

from __future__ import annotations

import urllib.error
from typing import Any, Callable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times

LONGEST = 2000  # bytes of the page that are returned
NO_ANSWER = -1


class Page(NamedTuple):
    """The answer to one request."""

    status: int  # NO_ANSWER if there is none
    content: str  # the first characters of the page
    msg: str  # why there is no good answer; empty for a status below 400


def read(opener: Callable[..., Any], url: str, host: str, seconds: float) -> Page:
    """Send one GET. `host` is the header Host, or empty for that of the URL. `seconds` is for the whole answer.

    `opener` is called with the URL, `headers` and `timeout`. Like urllib's openers, it returns an answer, or raises
    HTTPError with it. It must not follow redirects, because they could lead to a page that only the reader can read.
    """
    headers = {"User-Agent": "flasklaunch.ec2", **({"Host": host} if host else {})}
    try:
        with times.within(seconds):
            answer = _answer(opener, url, headers, seconds)
            content = answer.read(LONGEST).decode(errors="replace")
    except Exception as error:  # openers pass on the errors of many libraries
        return Page(NO_ANSWER, "", _reason(error, seconds))
    status = int(answer.code)
    return Page(status, content, "" if status < 400 else f"HTTP status {status}: {answer.reason}")


def _answer(opener: Callable[..., Any], url: str, headers: dict[str, str], seconds: float) -> Any:
    try:
        return opener(url, headers=headers, timeout=seconds)
    except urllib.error.HTTPError as answer:  # any status except 200 to 299
        return answer


def _reason(error: Exception, seconds: float) -> str:
    """Return a part of a sentence. urllib wraps the cause in an error of its own."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"the answer took longer than {seconds:g} seconds"
    return str(getattr(cause, "strerror", None) or cause).rstrip(".") or type(cause).__name__
