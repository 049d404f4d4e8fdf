# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What `systemctl show` prints."""

from __future__ import annotations

import re


def units(shown: str) -> dict[str, dict[str, str]]:
    """The properties of each unit by its name: they are blocks of `Property=value`, with an empty line between them."""
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in re.split(r"\n\s*\n", shown)
    ]
    return {block["Id"]: block for block in blocks if block.get("Id")}
