# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webserver role's questions that Jinja cannot answer well: a site's state, and why a release is refused."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The names that Ansible looks for; each function says what it does."""

    def filters(self) -> dict:
        return {
            "release_list": Lazy("plugin_utils._webserver.site_state", "release_list"),
            "is_held_by": Lazy("plugin_utils._webserver.site_state", "is_held_by"),
            "not_deployed": Lazy("plugin_utils._webserver.site_state", "not_deployed"),
            "other_ports": Lazy("plugin_utils._webserver.site_state", "other_ports"),
            "crash_loop": Lazy("plugin_utils._webserver.site_state", "crash_loop"),
            "journal_errors": Lazy("plugin_utils._webserver.site_state", "errors"),
            "deploy_refusal": Lazy("plugin_utils._webserver.deploy_failure", "refusal"),
            "deploy_undone": Lazy("plugin_utils._webserver.deploy_failure", "undone"),
            "interrupted": Lazy("plugin_utils._webserver.deploy_failure", "interrupted"),
            "not_taken": Lazy("plugin_utils._webserver.deploy_failure", "not_taken"),
            "unit_words": Lazy("plugin_utils._webserver.deploy_failure", "last_words"),
            "health_url": Lazy("plugin_utils._webserver.health_url", "health_url"),
        }
