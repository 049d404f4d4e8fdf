# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The security_group role's questions that Jinja cannot answer: address arithmetic, and the message for each host."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The names that Ansible looks for; each function says what it does."""

    def filters(self) -> dict:
        return {
            "security_group_noted": Lazy("module_utils._aws.security_group", "noted"),
            "security_group_leaders": Lazy("module_utils._aws.security_group", "leaders"),
            "security_group_not_found": Lazy("module_utils._aws.security_group", "not_found"),
            "security_group_not_done": Lazy("module_utils._aws.security_group", "not_done"),
            "security_group_closable": Lazy("module_utils._aws.security_group", "closable"),
            "security_group_opened": Lazy("module_utils._aws.security_group", "how_opened"),
            "security_group_closed": Lazy("module_utils._aws.security_group", "how_closed"),
        }
