# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Reads what a role's script machine.sh prints about a machine. Runs on the control node."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable


def facts(role: str, said: str, lists: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts by name, as printable texts, from lines such as `webserver: systemd 252`.

    `lists` has the names of the facts that a machine may have several of, and the names of these lists in the result. A
    fact without a value is missing.
    """
    found = re.findall(rf"^{role}: (\S+) (\S.*?)\r?$", printable(said), re.MULTILINE)
    single = {name: value for name, value in found if name not in lists}
    return {**single, **{plural: [value for name, value in found if name == one] for one, plural in lists.items()}}
