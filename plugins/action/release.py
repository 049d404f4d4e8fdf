# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's part of the module release: reads the application, and sends it if the machine lacks it."""

from __future__ import annotations

import json
import os
import tempfile

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, releases
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _run
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import module_failure
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.source import source_of

NOT_SHOWN = "(its content is not shown)\n"
FEWER = ". In the webserver role, webserver_keep_releases is this number"
USERINFO_CHANGES = "(the user name or password in a URL changes; it is not shown)\n"


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        if args.get("state", "present") != "present":
            return self._ask(args, task_vars)
        options = {name: args.pop(name, None) for name in ("content", "src")}
        if [*options.values(), args.get("name")].count(None) != 2:
            raise AnsibleActionFail("set exactly one of src, content and name")
        if args.get("name") is not None:
            args.pop("venv", None)
            return self._ask(args, task_vars)
        with source_of({**args, **options}) as source:
            return self._bring(source, args, task_vars)

    def _bring(self, source, args, task_vars):
        args.pop("environment", None)
        args.update(name=source.name, _environment=json.dumps(source.environment))
        shows = (
            {**args, "_digests": {entry.path: entry.digest for entry in source.deployed}} if self._task.diff else args
        )
        result = self._ask(shows, task_vars)
        unchanged = set(result.pop("unchanged", []))
        differing, variables = result.pop("differing", {}), result.pop("differing_variables", {})
        if self._task.diff:
            shared = [path.rstrip("/") for path in args.get("shared") or []]
            result["diff"] = [
                {"prepared": f"{path} -> {args['shared_in']}/{path}\n"}
                if path in shared
                else _difference(source.folder, path, text)
                for path, text in differing.items()
            ]
            result["diff"] += [
                {"prepared": f"environment variable {name}: {what}\n"} for name, what in variables.items()
            ]
        if result.get("failed") or result["present"]:
            return result
        result["left_out"] = application.left_out(source.folder, source.exclude)
        if self._task.check_mode:
            return result
        sent = self._ask({**args, "_archive": self._send(source, unchanged)}, task_vars)
        return {**result, **sent}

    def _ask(self, args, task_vars):
        if args.get("lock"):
            args = {**args, "_run": _run.this_run()}
        return _run.locked(lambda given: self._execute(given, task_vars), args)

    def _execute(self, args, task_vars):
        result = self._execute_module(module_name="flasklaunch.ec2.release", module_args=args, task_vars=task_vars)
        if result.get("failed"):
            result["msg"] = module_failure.reason(result) + (FEWER if result.get("no_room") else "")
        return result

    def _send(self, source, unchanged):
        """Return the path of the archive on the managed node, in the temporary folder that Ansible removes.

        The archive has no files whose digests are in `unchanged`: the machine copies them from the served release.
        """
        remote = self._connection._shell.join_path(self._make_tmp_path(), "application.tar.gz")
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as archive:
            try:
                application.write_archive(source.folder, source.entries, archive, unchanged)
                is_same = all(
                    application.entry(os.path.join(source.folder, sent.path), sent.path) == sent
                    for sent in source.entries
                    if sent.digest not in unchanged
                )
            except (FileNotFoundError, application.Unfit):
                is_same = False
            except OSError as error:
                raise AnsibleActionFail(f"src: {error}") from error
            if not is_same:  # the release's name is that of the former content
                raise AnsibleActionFail(f"src: {source.folder} changed while it was read. Run this again.")
            archive.flush()
            self._transfer_file(archive.name, remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return remote


def _difference(folder, path, before):
    if application.is_secret(path):
        return {"prepared": f"{path} {NOT_SHOWN}"}
    after = _text(os.path.join(folder, path))
    if after is None:
        return {"prepared": f"{path} {NOT_SHOWN}"}
    before, after = before or "", without_userinfo(after)
    if before == after:  # both texts are without user names and passwords; only files that differ come here
        return {"prepared": f"{path} {USERINFO_CHANGES}"}
    return {"before_header": path, "before": before, "after_header": path, "after": after}


def _text(path):
    """Return the text of a file, as releases.differing() does on the machine: None if it is not text, or very long."""
    if os.path.islink(path):
        return f"-> {os.readlink(path)}"
    try:
        if os.path.getsize(path) > releases.LONGEST_TEXT:
            return None
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        return None
