# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import copy
import json
from types import SimpleNamespace

import pytest
from ansible_collections.flasklaunch.ec2.plugins.action import site as action
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application

BOB = {"who": "bob@desk", "place": "desk", "pid": 3, "started": "51220"}


class Here(action.ActionModule):
    """Answers for the machine, and keeps the arguments that it gets."""

    def __init__(self, *answers):
        task = SimpleNamespace(args={"path": "/opt/web"}, check_mode=False, diff=False, async_val=0)
        super().__init__(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)), None, None, None, None)
        self.answers, self.asked = list(answers), []

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "flasklaunch.ec2.site"
        self.asked.append(module_args)
        return self.answers.pop(0)


class Lookup:
    """Replaces a lookup plugin. It copies all variables as ansible.builtin.template does."""

    def __init__(self, name, **given):
        self.name = name

    def run(self, terms, variables, template_vars=None):
        if self.name == "ansible.builtin.vars":
            return [variables[term] for term in terms]
        assert self.name == "ansible.builtin.template"
        copied = copy.deepcopy(variables)
        assert copied == variables
        return [f"{term} on {(template_vars or copied)['port']}\n" for term in terms]


class NotCopied:
    def __deepcopy__(self, memo):
        raise AssertionError("all variables are copied for each template")


@pytest.fixture
def lookups(monkeypatch):
    monkeypatch.setattr(action.lookup_loader, "get", Lookup)


def test_templates_become_contents_without_copies_of_the_variables(lookups):
    here = Here({"changed": True})
    gone, given = {"path": "/etc/gone"}, {"path": "/etc/given", "content": "text"}
    here._task.args["files"] = [{"path": "/etc/web", "template": "web.j2"}, gone, given]
    here._task.args["gate_files"] = [{"path": "/etc/gate", "template": "gate.j2"}]
    more = {"path": "/etc/more", "template": "web.j2", "vars": {"port": 80}}
    here._task.args["files"].append(more)
    here.run(task_vars={"port": 5000, "large": NotCopied()})
    assert here.asked[0]["files"] == [
        {"path": "/etc/web", "content": "web.j2 on 5000\n"},
        gone,
        given,
        {"path": "/etc/more", "content": "web.j2 on 80\n"},
    ]
    assert here.asked[0]["gate_files"] == [{"path": "/etc/gate", "content": "gate.j2 on 5000\n"}]


def test_secrets_are_passed_to_the_module_only(lookups):
    here = Here({"changed": True})
    here._task.args["secrets"] = "secrets_of_web"
    here.run(task_vars={"secrets_of_web": [{"path": "/etc/web/KEY", "content": "hunter2"}]})
    sent = json.loads(base64.b64decode(here.asked[0]["_secrets"]))
    assert sent == [{"path": "/etc/web/KEY", "content": "hunter2"}]
    assert "hunter2" not in str(here._task.args)


def test_the_control_node_identifies_the_run():
    here = Here({"changed": True})
    assert here.run() == {"changed": True}
    assert here.asked[0]["_run"] == action._run.this_run()


@pytest.mark.parametrize("has_ended", [True, False])
def test_a_run_that_has_ended_is_not_waited_for(monkeypatch, has_ended):
    monkeypatch.setattr(action._run, "has_ended", lambda run: run == BOB and has_ended)
    here = Here({"failed": True, "msg": "bob deploys", "held_by": BOB}, {"changed": True})
    assert here.run().get("changed", False) == has_ended
    assert [asked.get("_gone") for asked in here.asked] == [None, BOB][: 1 + has_ended]


def test_shared_files_are_part_of_the_name(tmp_path):
    (tmp_path / "shop.py").write_text("app = None\n")
    given = {"src": str(tmp_path), "venv": "/venv", "user": "web", "shared_in": "/var/lib/shop"}
    names = []
    for shared in ([], ["instance"], ["instance/"], ["instance", "uploads"]):
        here = Here({"changed": False})
        here._task.args["application"] = {**given, "shared": shared}
        here.run()
        names += [each["release"] for each in here.asked]
    assert names[1] == names[2]
    assert len(set(names)) == 3


def test_the_application_becomes_the_name_of_its_release(tmp_path):
    (tmp_path / "shop.py").write_text("app = None\n")
    (tmp_path / "shop.pyc").write_text("")
    given = {"src": str(tmp_path), "exclude": ["*.pyc"], "venv": "/venv", "user": "web", "environment": {"PORT": 1}}
    here = Here({"changed": False})
    here._task.args["application"] = given
    here.run()
    (asked,) = here.asked
    entries = application.read(str(tmp_path), ["*.pyc"])
    assert asked["release"] == application.release_name(entries, "/venv", {"PORT": "1"}, "web")
    assert asked["application"] == {"venv": "/venv", "user": "web"}
    assert json.loads(asked["_environment"]) == {"PORT": "1"}
