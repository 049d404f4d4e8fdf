# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""One hop of the way from a client to the application, and what was found out about it."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable

# What a hop does to the connection: it lets it through, stops it, lets some through; it could not be read; there was
# nothing to ask, because of another hop.
OK, BROKEN, PARTIAL, UNKNOWN, SKIPPED = "ok", "broken", "partial", "unknown", "skipped"

Hop = dict  # hop, verdict, code, direction, resources, evidence, fix


def hop(
    name: str,
    verdict: str,
    evidence: str,
    code: str | None = None,
    fix: str | None = None,
    resources: Iterable[str] = (),
    direction: str = "ingress",
) -> Hop:
    """The shape that the reachability module returns too.

    A code names the kind of fault for programs; those that AWS does not have begin with `x-`. The fix is one command or
    one variable. The resources are the ids, files or programs that the evidence names. The evidence may quote programs,
    logs and pages, so all texts are made printable.
    """
    found = {
        "hop": name,
        "verdict": verdict,
        "code": code,
        "direction": direction,
        "resources": list(resources),
        "evidence": evidence,
        "fix": fix,
    }
    return printable(found)


def sentence(text: str) -> str:
    """One line that ends with a full stop, from what a program or the kernel said."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else line + "."
