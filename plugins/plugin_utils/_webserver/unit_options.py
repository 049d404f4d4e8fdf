# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Options of a unit that the machine's systemd does not know, as the webserver role's script machine.sh reports them.

Runs on the control node.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Mapping

# From templates/machine.sh.j2 of the webserver role: the lines of its unit before the first option, and its output.
LINES_BEFORE_OPTIONS = 3
SYSTEMD_SAID = re.compile(r"^webserver-options: (\d+)[\]:]+ (.*?)\s*$", re.MULTILINE)
SYSTEMD_KNOWS = re.compile(r"^webserver-directives: (.*)$", re.MULTILINE)


def errors(options: Mapping[str, Any], said: str) -> list[str]:
    """Return a sentence for each option of a unit whose name or value systemd on the machine does not know.

    `said` is the output of templates/machine.sh.j2. Own code because systemd itself only writes a warning to the
    journal. A deprecated option works, so it is not an error.
    """
    known = " ".join(SYSTEMD_KNOWS.findall(said)).split()
    names = list(options)
    sentences = []
    for line, message in SYSTEMD_SAID.findall(said):
        name = names[int(line) - LINES_BEFORE_OPTIONS - 1]
        if message.startswith("Unknown"):
            meant = [each for each in known if each.lower() == name.lower()] or difflib.get_close_matches(
                name, known, n=1
            )
            advice = f"Write {meant[0]}" if meant else "Remove it"
            sentences.append(
                f"webserver_unit_options: systemd on this machine does not know {name} in [Service]. {advice}."
            )
        elif "ignoring" in message:
            sentences.append(f"webserver_unit_options: systemd would ignore {name}. It reports: {message}.")
    return sentences
