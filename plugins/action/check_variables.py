# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the variables of roles of this collection.

This is an action plugin because that is faster than an assert with a lookup: Ansible evaluates such a lookup twice, and
imports its code again in each process.
"""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._variable_errors import VariableErrors
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._variables import ROLES


class ActionModule(ActionBase):
    _requires_connection = False
    _VALID_ARGS = frozenset(["roles", "application"])

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        roles = self._task.args.get("roles", [])
        unknown = [role for role in roles if role not in ROLES]
        if unknown:
            raise AnsibleActionFail(f"roles: there is no role {unknown[0]}. The roles are {', '.join(ROLES)}.")
        reads_application = boolean(self._task.args.get("application", False))
        errors = VariableErrors(self._loader, self._templar, reads_application)
        wrong = [sentence for role in roles for sentence in errors.of(role, task_vars or {})]
        result.update(changed=False, **({"failed": True, "msg": "\n".join(wrong)} if wrong else {}))
        return result
