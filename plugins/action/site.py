# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control node's part of the module: only it knows which run this is, and whether another of its runs has ended."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _run
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import module_failure


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        args = {**self._task.args, "_run": _run.this_run()}
        result = self._execute(args, task_vars)
        holder = result.get("held_by")
        if holder and _run.has_ended(holder):
            result = self._execute({**args, "_gone": holder}, task_vars)
        return result

    def _execute(self, args, task_vars):
        result = self._execute_module(module_name="flasklaunch.ec2.site", module_args=args, task_vars=task_vars)
        if result.get("failed"):
            result["msg"] = module_failure.reason(result)
        return result
