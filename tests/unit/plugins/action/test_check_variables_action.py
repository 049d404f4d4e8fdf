# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugin_utils/test__variable_errors.py tests, as the result of a task."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flasklaunch.ec2.plugins.action.check_variables import ActionModule


@pytest.fixture
def check():
    def run(variables, **args):
        loader = DataLoader()
        task = SimpleNamespace(args=args, check_mode=True, diff=False, async_val=0)
        templar = Templar(loader=loader, variables=variables)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        return ActionModule(task, connection, None, loader, templar, None).run(task_vars=variables)

    return run


def test_right_variables_change_nothing(check):
    result = check({"webserver_port": 8080}, roles=["webserver"])
    assert (result.get("failed", False), result["changed"]) == (False, False)


def test_each_wrong_variable_is_a_line(check):
    result = check({"webserver_port": 0, "webserver_threads": 0}, roles=["webserver"])
    assert result["failed"]
    assert [line.partition(":")[0] for line in result["msg"].splitlines()] == ["webserver_port", "webserver_threads"]


def test_the_variables_of_several_roles_are_checked(check):
    result = check({"webserver_port": 0, "python3_packages": []}, roles=["webserver", "python3"])
    assert [line.partition(":")[0] for line in result["msg"].splitlines()] == ["webserver_port", "python3_packages"]


def test_the_application_is_read_on_request(check):
    application = {"webserver_app": "shop:app", "webserver_app_src": "/nonexistent", "webserver_app_exclude": ""}
    assert not check(application, roles=["webserver"]).get("failed")
    assert "/nonexistent is not a folder" in check(application, roles=["webserver"], application="true")["msg"]


def test_unknown_role_is_refused(check):
    with pytest.raises(AnsibleActionFail, match="roles: there is no role nginx. The roles are "):
        check({}, roles=["webserver", "nginx"])
