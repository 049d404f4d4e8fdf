# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for text from a machine, used before it is printed."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "printable": Lazy("module_utils._basics.printable", "printable"),
            "cause": Lazy("module_utils._basics.printable", "cause"),
            "addresses": Lazy("module_utils._basics.addresses", "valid"),
        }
