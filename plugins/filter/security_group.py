# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The security_group role's questions that Jinja cannot answer: address arithmetic, and one answer for many hosts."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


class FilterModule:
    """The names that Ansible looks for; each function says what it does."""

    def filters(self) -> dict:
        return {
            "choose_groups": Lazy("_security_group", "choose_groups"),
            "missing_rules": Lazy("_security_group", "missing_rules"),
            "rules_of": Lazy("_security_group", "rules_of"),
            "sources_beside": Lazy("_security_group", "sources_beside"),
        }
