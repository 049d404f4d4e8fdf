# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the exposure role: make one report of all ports of all machines."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "exposure_asked_for": Lazy("plugin_utils._reports.entrance", "asked_for"),
            "exposure_asked_by": Lazy("plugin_utils._reports.exposure_report", "asked_by"),
            "exposure_questions": Lazy("plugin_utils._reports.exposure_report", "questions"),
            "exposure_report": Lazy("plugin_utils._reports.exposure_report", "report"),
            "exposure_lines": Lazy("plugin_utils._reports.exposure_report", "lines"),
            "exposure_sections": Lazy("plugin_utils._reports.exposure_report", "sections"),
            "exposure_holder": Lazy("plugin_utils._reports.exposure_report", "holder"),
        }
