# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Splits the ids and values in describe calls of EC2 into lists of the length that AWS accepts."""

from __future__ import annotations

from typing import Iterable

MOST_IDS = 1000  # in one call
MOST_VALUES = 200  # in one filter


def chunks(values: Iterable[str], size: int = MOST_VALUES) -> list[list[str]]:
    """Split the distinct values into lists of at most `size` values."""
    distinct = list(dict.fromkeys(values))
    return [distinct[at : at + size] for at in range(0, len(distinct), size)]
