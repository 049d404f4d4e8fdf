# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the webserver role: the state of a site, and why a release was refused."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "release_list": Lazy("plugin_utils._webserver.site_state", "release_list"),
            "in_maintenance": Lazy("plugin_utils._webserver.site_state", "in_maintenance"),
            "report_lines": Lazy("plugin_utils._webserver.site_state", "report_lines"),
            "is_held_by": Lazy("plugin_utils._webserver.site_state", "is_held_by"),
            "is_held_by_user": Lazy("plugin_utils._webserver.site_state", "is_held_by_user"),
            "not_deployed": Lazy("plugin_utils._webserver.site_state", "not_deployed"),
            "listeners_at": Lazy("plugin_utils._webserver.site_state", "listeners_at"),
            "needs_capability": Lazy("plugin_utils._webserver.machine", "needs_capability"),
            "former_ports": Lazy("plugin_utils._webserver.machine", "former_ports"),
            "endpoint_of_unit": Lazy("plugin_utils._webserver.machine", "endpoint_of_unit"),
            "page_elsewhere": Lazy("plugin_utils._webserver.machine", "page_elsewhere"),
            "site_stays": Lazy("plugin_utils._webserver.machine", "stays"),
            "other_ports": Lazy("plugin_utils._webserver.site_state", "other_ports"),
            "crash_loop": Lazy("plugin_utils._webserver.site_state", "crash_loop"),
            "last_errors": Lazy("plugin_utils._webserver.site_state", "last_errors"),
            "deploy_refusal": Lazy("plugin_utils._webserver.deploy_failure", "refusal"),
            "deploy_undone": Lazy("plugin_utils._webserver.deploy_failure", "undone"),
            "interrupted": Lazy("plugin_utils._webserver.deploy_failure", "interrupted"),
            "not_taken": Lazy("plugin_utils._webserver.deploy_failure", "not_taken"),
            "unit_words": Lazy("plugin_utils._webserver.deploy_failure", "explained"),
            "worker_count": Lazy("plugin_utils._webserver.site_values", "worker_count"),
            "sandbox": Lazy("plugin_utils._sandbox", "sandbox"),
            "secret_files": Lazy("plugin_utils._webserver.site_values", "secret_files"),
            "prepared": Lazy("plugin_utils._webserver.deploy_failure", "prepared"),
            "first_in_turn": Lazy("plugin_utils._webserver.site_values", "first_in_turn"),
            "command_failure": Lazy("plugin_utils._webserver.site_values", "command_failure"),
            "systemd_argument": Lazy("plugin_utils._webserver.site_values", "systemd_argument"),
            "process_units": Lazy("plugin_utils._webserver.processes", "units"),
            "process_files": Lazy("plugin_utils._webserver.processes", "files"),
            "processes_to_run": Lazy("plugin_utils._webserver.processes", "to_run"),
            "processes_ended": Lazy("plugin_utils._webserver.processes", "ended"),
            "processes_shown": Lazy("plugin_utils._webserver.processes", "shown"),
            "processes_explained": Lazy("plugin_utils._webserver.processes", "explained"),
            "health_url": Lazy("plugin_utils._webserver.health_url", "health_url"),
        }
