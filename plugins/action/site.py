# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control node's part of the module: application, templates, secrets, and which run of ansible-playbook this is."""

from __future__ import annotations

import base64
import json

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _run
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import module_failure
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.source import source_of


class Variables(dict):
    """Variables that are not copied: the lookup of a template copies all of a host's variables, but only reads them."""

    def __deepcopy__(self, memo):
        return dict(self)


def _described(application):
    """Return the release of the application, as an option of the module."""
    with source_of(application) as source:
        made_for = {name: application[name] for name in ("venv", "user")}
        return {"release": source.name, "application": made_for, "_environment": json.dumps(source.environment)}


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        variables = Variables(task_vars or {})
        args = {**self._task.args, "_run": _run.this_run()}
        if args.get("application"):
            args.update(_described(args["application"]))
        for name in ("files", "gate_files"):
            if name in args:
                args[name] = [self._with_content(file, variables) for file in args[name]]
        if args.get("secrets"):
            secrets = self._look_up("vars", args["secrets"], variables)
            # The module keeps this text out of logs and results. Separate secrets would be masked in all results.
            args["_secrets"] = base64.b64encode(json.dumps(secrets).encode()).decode()
        return _run.locked(lambda given: self._execute(given, task_vars), args)

    def _with_content(self, file, variables):
        if not file.get("template"):
            return file
        more = {"template_vars": file["vars"]} if file.get("vars") else {}
        content = self._look_up("template", file["template"], variables, **more)
        return {**{name: file[name] for name in ("path", "mode") if name in file}, "content": content}

    def _look_up(self, plugin, term, variables, **options):
        lookup = lookup_loader.get(f"ansible.builtin.{plugin}", loader=self._loader, templar=self._templar)
        return lookup.run([term], variables=variables, **options)[0]

    def _execute(self, args, task_vars):
        result = self._execute_module(module_name="flasklaunch.ec2.site", module_args=args, task_vars=task_vars)
        if result.get("failed"):
            result["msg"] = module_failure.reason(result)
        return result
