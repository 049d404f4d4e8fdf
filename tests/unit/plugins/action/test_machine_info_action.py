# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugin_utils/_webserver/test_machine.py tests, as the result of a task on a machine without Python."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flasklaunch.ec2.plugins.action.machine_info import ActionModule

SITE = {"unit": "shop.service", "folder": "/opt/shop", "python": "/usr/bin/python3", "host": "0.0.0.0", "port": 80}
SAID = "webserver: uid 0\nwebserver: systemd 219\nwebserver: python 3.7\n"


class Connection:
    """A machine with nothing but sh."""

    transport = "ssh"
    become = None
    allow_executable = True
    _shell = SimpleNamespace(tmpdir=None)

    def exec_command(self, cmd, in_data=None, sudoable=True):
        done = subprocess.run(["sh", "-c", cmd], capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def ask():
    def run(script, has_socket, **args):
        loader = DataLoader()
        args = {"script": script, "site": {**SITE, "has_socket": has_socket, "unit_options": {}}, **args}
        task = SimpleNamespace(args=args, check_mode=True, diff=False, async_val=0)
        action = ActionModule(task, Connection(), None, loader, Templar(loader=loader, variables={}), None)
        action._get_remote_user = lambda: "root"
        action.get_become_option = lambda _name: "root"
        return action.run(task_vars={})

    return run


def test_a_machine_is_asked_in_check_mode_too_and_changed_never(ask):
    result = ask(f"printf '{SAID}'; exit 3", True)
    lists = dict.fromkeys(["credentials", "addresses", "processes", "no_calendars"], [])
    assert result["facts"] == {"uid": "0", "systemd": "219", "python": "3.7", **lists}
    assert (result["stdout"], result["changed"], result["has_python"], result["is_of_another"]) == (
        SAID,
        False,
        True,
        False,
    )


@pytest.mark.parametrize(("has_socket", "words"), [("False", "webserver_port: 80 is below 1024"), ("True", None)])
def test_the_reasons_are_those_of_the_purpose(ask, has_socket, words):
    """Before ansible-core 2.19, an option is text."""
    assert "failed" not in ask(f"printf '{SAID}'", has_socket)
    result = ask(f"printf '{SAID}'", has_socket, purpose="serve")
    assert result.get("failed", False) == bool(words)
    assert (words or "") in result.get("msg", "")
