# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that may be written as a text with commas, since `-e` on a command line gives a text."""

from __future__ import annotations

from typing import Any


def as_list(value: Any) -> list:
    """Return a list unchanged, and a text or a number split at commas. An empty text is an empty list."""
    if value == "":
        return []
    return [item.strip() for item in str(value).split(",")] if isinstance(value, (str, int)) else list(value)
