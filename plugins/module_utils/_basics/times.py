# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Moments as modules return them, ISO 8601 in UTC, such as 2026-11-23T05:47:28Z, and limits of time."""

from __future__ import annotations

import calendar
import contextlib
import signal
import time
from typing import Iterator

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def iso_8601(seconds: float) -> str:
    """Of seconds since 1970; what is less than one is left out."""
    return time.strftime(FORMAT, time.gmtime(seconds))


def seconds(moment: str) -> int:
    """Since 1970."""
    return calendar.timegm(time.strptime(moment, FORMAT))


@contextlib.contextmanager
def within(limit: float) -> Iterator[None]:
    """Raise TimeoutError after `limit` seconds. A socket's own time-out starts again with each byte.

    Only for the main thread, as it uses SIGALRM.
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
