# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's part of the release module: it reads the application and sends it if the machine lacks it."""

from __future__ import annotations

import json
import os
import tempfile

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, releases
from ansible_collections.flasklaunch.ec2.plugins.modules.release import EXCLUDE
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _run
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import module_failure

NOT_SHOWN = "(its content is not shown)\n"
USERINFO_CHANGES = "(the user name or password in a URL changes; it is not shown)\n"


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        if args.get("state", "present") != "present":
            return self._ask(args, task_vars)
        content, src = args.pop("content", None), args.pop("src", None)
        if [content, src, args.get("name")].count(None) != 2:
            raise AnsibleActionFail("set exactly one of src, content and name")
        if args.get("name") is not None:
            args.pop("venv", None)
            return self._ask(args, task_vars)
        for name in ("venv", "user"):
            if not args.get(name):
                raise AnsibleActionFail(f"set {name}: src and content need it")
        for name, value in (("content", content), ("environment", args.get("environment"))):
            if not isinstance(value or {}, dict):
                raise AnsibleActionFail(f"{name}: {value} is no dictionary")
        with tempfile.TemporaryDirectory() as written:
            folder = _write(content, written) if src is None else os.path.expanduser(src)
            return self._bring(folder, args, task_vars)

    def _bring(self, folder, args, task_vars):
        exclude = args.get("exclude", EXCLUDE)
        entries = _read(folder, exclude)
        environment = {name: str(value) for name, value in (args.pop("environment", None) or {}).items()}
        args["_environment"] = json.dumps(environment)
        args["name"] = application.release_name(entries, args["venv"], environment, args["user"])
        shows = {**args, "_digests": {entry.path: entry.digest for entry in entries}} if self._task.diff else args
        result = self._ask(shows, task_vars)
        differing, variables = result.pop("differing", {}), result.pop("differing_variables", {})
        if self._task.diff:
            result["diff"] = [_difference(folder, path, text) for path, text in differing.items()]
            result["diff"] += [
                {"prepared": f"environment variable {name}: {what}\n"} for name, what in variables.items()
            ]
        if result.get("failed") or result["present"]:
            return result
        result["left_out"] = application.left_out(folder, exclude)
        if self._task.check_mode:
            return result
        sent = self._ask({**args, "_archive": self._send(folder, entries, exclude)}, task_vars)
        return {**result, **sent}

    def _ask(self, args, task_vars):
        if args.get("lock"):
            args = {**args, "_run": _run.this_run()}
        result = self._execute(args, task_vars)
        holder = result.get("held_by")
        if holder and _run.has_ended(holder):  # only the control node of that run can tell
            result = self._execute({**args, "_gone": holder}, task_vars)
        return result

    def _execute(self, args, task_vars):
        result = self._execute_module(module_name="flasklaunch.ec2.release", module_args=args, task_vars=task_vars)
        if result.get("failed"):
            result["msg"] = module_failure.reason(result)
        return result

    def _send(self, folder, entries, exclude):
        """Returns the path of the archive on the managed node, in Ansible's own folder there, which it removes."""
        remote = self._connection._shell.join_path(self._make_tmp_path(), "application.tar.gz")
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as archive:
            try:
                application.write_archive(folder, entries, archive)
                sent = _read(folder, exclude)
            except FileNotFoundError:
                sent = None
            except OSError as error:
                raise AnsibleActionFail(f"src: {error}") from error
            if sent != entries:  # they would go by the name of others
                raise AnsibleActionFail(f"src: {folder} changed while it was read. Run this again.")
            archive.flush()
            self._transfer_file(archive.name, remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return remote


def _read(folder, exclude):
    try:
        return application.read(folder, exclude)
    except application.Unfit as error:
        raise AnsibleActionFail(
            f"src: {error}. Replace it with a file, or leave it out: add its name to exclude. The webserver role calls"
            " this option webserver_app_exclude."
        ) from None  # ansible-core 2.19 and newer print the cause too, which the message has already
    except (OSError, ValueError) as error:
        raise AnsibleActionFail(f"src: {error}") from error


def _write(content, folder):
    for path, text in content.items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return folder


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
    """As the managed node tells what was there before: None for what is no text, or very long."""
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
