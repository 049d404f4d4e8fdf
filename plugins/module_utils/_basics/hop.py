# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""One hop of the path from a client to the application, and what was found out about it."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict

OK, BROKEN, PARTIAL = Verdict.OK, Verdict.BROKEN, Verdict.PARTIAL
UNKNOWN, SKIPPED = Verdict.UNKNOWN, Verdict.SKIPPED


class Hop(NamedTuple):
    """What a hop does to the connection, and why. A path maps the names of its hops to these, in the packet's order.

    The code names the kind of fault for programs: an explanation code of AWS's VPC Reachability Analyzer, or, for what
    AWS has no code for, a code that begins with `x-`. The fix is one command or one instruction. The resources are the
    ids, files or programs that the evidence names.
    """

    verdict: Verdict
    evidence: str
    code: str | None = None
    fix: str | None = None
    resources: tuple[str, ...] = ()
    passage: Any = None  # a Passage of _aws/packet_filters.py: which clients get through, if that was calculated

    def published(self, name: str, direction: str | None = "ingress") -> dict[str, Any]:
        """The hop as modules return it: plain JSON, with texts that are printable whatever program or page they quote.

        The direction is that of the packet which the hop meets: ingress, egress, or None if it meets no packet.
        """
        return printable(
            {
                "hop": name,
                "verdict": self.verdict.value,
                "code": self.code,
                "direction": direction,
                "resources": list(self.resources),
                "evidence": self.evidence,
                "fix": self.fix,
            }
        )


def published(path: Mapping[str, Hop]) -> list[dict[str, Any]]:
    """All hops of a path as modules return them."""
    return [hop.published(name) for name, hop in path.items()]


def sentence(text: str) -> str:
    """One line that ends with a full stop, from what a program or the kernel said."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else line + "."
