# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that make sentences for people from the result of a failed task."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy

OF_TASKS = ("module_failure", "reason")
OF_PROGRAMS = ("git_failure", "last_words", "python_failure", "reported")


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            **{name: Lazy("plugin_utils._reports.module_failure", name) for name in OF_TASKS},
            **{name: Lazy("plugin_utils._failure", name) for name in OF_PROGRAMS},
        }
