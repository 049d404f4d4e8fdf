# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What the webserver role reports about a site: its releases, which unit holds its port, its last errors.

Runs on the control node.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable

ERROR = re.compile(r"ERROR|CRITICAL|Failed|Error:")
# gunicorn 23 logs as an error that it ends its own workers.
NO_ERROR = "was sent SIGTERM!"


def release_list(releases: Iterable[Mapping[str, Any]]) -> str:
    """Return `4f1c52a0b7d9 (deployed 2026-11-23T05:47:28Z), …` for what release_info lists, or `none`."""
    shown = [f"{release['name']} (deployed {release['deployed'] or 'never'})" for release in releases]
    return printable(", ".join(shown)) or "none"


def is_held_by(listeners: Iterable[Mapping[str, Any]], units: list[str]) -> bool:
    """Tell whether one of the units holds one of the sockets, which are as listening_ports returns them."""
    return any(listener["unit"] in units for listener in listeners)


def errors(lines: Iterable[str]) -> list[str]:
    """Return the lines of a unit's journal that report an error, in their order."""
    return [line for line in lines if ERROR.search(line) and NO_ERROR not in line]
