# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the diagnosis role: make one chain of hops from three views, and show it."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "diagnose": Lazy("plugin_utils._reports.diagnosis", "diagnose"),
            "diagnosis_advice": Lazy("plugin_utils._reports.diagnosis", "advice"),
            "diagnosis_lines": Lazy("plugin_utils._reports.diagnosis", "lines"),
            "diagnosis_found_privately": Lazy("plugin_utils._reports.entrance", "found_privately"),
            "diagnosis_groups": Lazy("plugin_utils._reports.diagnosis", "groups"),
            "diagnosis_questions": Lazy("plugin_utils._reports.entrance", "questions"),
            "report_places": Lazy("plugin_utils._reports.report_files", "report_places"),
            "unwritable": Lazy("plugin_utils._reports.report_files", "unwritable"),
            "public_addresses": Lazy("plugin_utils._reports.diagnosis", "public_addresses"),
        }
