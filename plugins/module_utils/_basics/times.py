# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Times as modules return them (ISO 8601 in UTC, such as 2026-11-23T05:47:28Z), and time limits."""

from __future__ import annotations

import calendar
import contextlib
import signal
import time
from typing import Iterator

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def iso_8601(seconds: float) -> str:
    """Return the text for a time in seconds since 1970. Fractions of a second are cut off."""
    return time.strftime(FORMAT, time.gmtime(seconds))


def seconds(moment: str) -> int:
    """Return the seconds since 1970 of such a text. Raises ValueError if it has another format."""
    return calendar.timegm(time.strptime(moment, FORMAT))


@contextlib.contextmanager
def within(limit: float) -> Iterator[None]:
    """Raise TimeoutError after `limit` seconds in the block. A socket's own time-out starts again with each byte.

    Works only in the main thread, because it uses SIGALRM.
    """

    def ring(_signal: int, _frame: object) -> None:
        raise TimeoutError("timed out")

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
