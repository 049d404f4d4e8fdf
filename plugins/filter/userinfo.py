# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that removes the user names and passwords of URLs."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {"without_userinfo": Lazy("module_utils._basics.userinfo", "without_userinfo")}
