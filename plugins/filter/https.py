# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the https role: the machine, and the sites behind nginx."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "https_addresses": Lazy("plugin_utils._https.machine", "addresses"),
            "https_curves": Lazy("plugin_utils._https.machine", "curves"),
            "https_facts": Lazy("plugin_utils._https.machine", "facts"),
            "https_former_pems": Lazy("plugin_utils._https.sites", "former_pems"),
            "https_not_served": Lazy("plugin_utils._https.machine", "not_served"),
            "https_pems": Lazy("plugin_utils._https.sites", "pems"),
            "https_problems": Lazy("plugin_utils._https.machine", "problems"),
            "https_refusals": Lazy("plugin_utils._https.machine", "refusals"),
            "https_sites": Lazy("plugin_utils._https.sites", "served"),
            "https_status": Lazy("plugin_utils._https.machine", "status"),
            "https_url": Lazy("plugin_utils._https.sites", "url"),
        }
