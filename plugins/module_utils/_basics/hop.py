# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""One hop of the path from a client to the application, and what is known of it."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict

OK, BROKEN, PARTIAL = Verdict.OK, Verdict.BROKEN, Verdict.PARTIAL
UNKNOWN, SKIPPED = Verdict.UNKNOWN, Verdict.SKIPPED


class Hop(NamedTuple):
    """What a hop does to the connection, and why. A path is a dict of hops by name, in the order of the packet.

    `code` names the kind of fault for programs: an explanation code of AWS's VPC Reachability Analyzer, or a code that
    begins with `x-` if AWS has none for this fault. `fix` is one command or one instruction. `resources` are the ids,
    files or programs that the evidence names.
    """

    verdict: Verdict
    evidence: str
    code: str | None = None
    fix: str | None = None
    resources: tuple[str, ...] = ()
    passage: Any = None  # a Passage of _aws/packet_filters.py: which clients get through, if that was calculated

    def published(self, name: str, direction: str | None = "ingress") -> dict[str, Any]:
        """Return the hop as modules return it: plain JSON with printable texts, even if they quote a program or page.

        `direction` is that of the packet that passes this hop: ingress, egress, or None if no packet passes it.
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
    """Return the output of a program or the kernel as one line that ends with a full stop."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else line + "."
