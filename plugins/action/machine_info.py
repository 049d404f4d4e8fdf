# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a machine by a script in plain sh, and returns what the webserver role needs to know of it.

This is an action plugin because the machine may have no Python, and because one task is faster than the three of
ansible.builtin.raw, set_fact and assert.
"""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import machine


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(["script", "site", "purpose"])

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        site = {**self._task.args["site"], "has_socket": boolean(self._task.args["site"]["has_socket"])}
        # As ansible.builtin.raw does: the login shell of the user runs the script.
        said = self._low_level_execute_command(self._task.args["script"], executable=False)["stdout"]
        result.update(machine.seen(said, site, self._task.args.get("purpose", "look")), changed=False)
        return result
