# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the security_group role: select rules, and make the message for each host."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "security_group_leaders": Lazy("plugin_utils._reports.security_group", "leaders"),
            "security_group_not_found": Lazy("plugin_utils._reports.security_group", "not_found"),
            "security_group_not_done": Lazy("plugin_utils._reports.security_group", "not_done"),
            "security_group_closable": Lazy("plugin_utils._reports.security_group", "closable"),
            "security_group_opened": Lazy("plugin_utils._reports.security_group", "how_opened"),
            "security_group_settled": Lazy("plugin_utils._reports.security_group", "is_settled"),
            "security_group_closed": Lazy("plugin_utils._reports.security_group", "how_closed"),
        }
