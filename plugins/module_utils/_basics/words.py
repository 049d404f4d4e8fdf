# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Fixed sets of words: the verdicts and states that code compares and that results contain."""

from __future__ import annotations

import enum


class Word(str, enum.Enum):
    """A member of a fixed set. It equals its text, has the hash of its text, and f-strings show its text.

    Results contain the text itself, `.value`: ansible-core 2.19 and newer templates only the types that it knows.
    """

    def __str__(self) -> str:
        # Without this, f-strings show `Verdict.OK` since Python 3.12.
        return str(self.value)


class Verdict(Word):
    """What a hop does to the connection."""

    OK = "ok"  # passes it on
    BROKEN = "broken"  # stops it
    PARTIAL = "partial"  # passes it on for some clients only
    UNKNOWN = "unknown"  # could not be read
    SKIPPED = "skipped"  # not checked, because of another hop


class Reach(Word):
    """What all hops together do to the connection."""

    REACHABLE = "reachable"
    PARTIAL = "partial"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Tcp(Word):
    """How an attempt to open a TCP connection ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    NO_ROUTE = "no_route"
    NO_NETWORK = "no_network"  # the client has no network for that address
    FORBIDDEN = "forbidden"  # by the client's own firewall


class Audience(Word):
    """Who can reach a listening port."""

    NOBODY = "nobody"
    VPC = "vpc"
    PART = "part"  # of the Internet
    EVERYBODY = "everybody"
    UNKNOWN = "unknown"
