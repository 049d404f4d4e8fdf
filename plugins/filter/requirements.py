# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters about an application's requirements."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "application_errors": Lazy("plugin_utils._webserver.requirements", "application_errors"),
            "application_of": Lazy("plugin_utils._webserver.requirements", "application_of"),
            "environment_name": Lazy("plugin_utils._webserver.requirements", "environment_name"),
            "procfile": Lazy("plugin_utils._webserver.procfile", "processes"),
            "procfile_explained": Lazy("plugin_utils._webserver.procfile", "explained"),
            "requirements_file": Lazy("plugin_utils._webserver.requirements", "requirements_file"),
            "requirements_text": Lazy("plugin_utils._webserver.requirements", "requirements_text"),
            "why_pip_failed": Lazy("plugin_utils._webserver.pip_output", "why_pip_failed"),
        }
