# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exposure role's questions that Jinja cannot answer: all ports of all machines as one report."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils import _exposure_report


class FilterModule:
    """The names that Ansible looks for; each function says what it does."""

    def filters(self) -> dict:
        return {
            "exposure_expected_errors": _exposure_report.expected_errors,
            "exposure_questions": _exposure_report.questions,
            "exposure_report": _exposure_report.report,
            "exposure_lines": _exposure_report.lines,
            "exposure_sections": _exposure_report.sections,
            "exposure_holder": _exposure_report.holder,
        }
