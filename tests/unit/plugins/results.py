# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types that modules and filters may return."""

from __future__ import annotations

import collections

PLAIN = (str, int, float, bool, type(None))


def plain(value):
    """The value, if it has only the types of JSON. Members of enums and named tuples are refused: ansible-core 2.19 and
    newer do not template them.
    """
    kind = type(value)  # isinstance() would admit the subclasses
    if kind in (dict, collections.OrderedDict):  # the latter is what _asdict() returns in Python 3.7
        for key, each in value.items():
            plain(key), plain(each)
    elif kind is list:
        for each in value:
            plain(each)
    else:
        assert kind in PLAIN, f"{value!r} is not a plain value"
    return value
