# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.flasklaunch.ec2.plugins.action import site as action

BOB = {"who": "bob@desk", "place": "desk", "pid": 3, "started": "51220"}


class Here(action.ActionModule):
    """Answers for the machine, and keeps what it is asked."""

    def __init__(self, *answers):
        task = SimpleNamespace(args={"path": "/opt/web"}, check_mode=False, diff=False, async_val=0)
        super().__init__(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)), None, None, None, None)
        self.answers, self.asked = list(answers), []

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "flasklaunch.ec2.site"
        self.asked.append(module_args)
        return self.answers.pop(0)


def test_the_control_node_says_which_run_it_is():
    here = Here({"changed": True})
    assert here.run() == {"changed": True}
    assert here.asked[0]["_run"] == action._run.this_run()


@pytest.mark.parametrize("has_ended", [True, False])
def test_a_run_that_has_ended_is_not_waited_for(monkeypatch, has_ended):
    monkeypatch.setattr(action._run, "has_ended", lambda run: run == BOB and has_ended)
    here = Here({"failed": True, "msg": "bob deploys", "held_by": BOB}, {"changed": True})
    assert here.run().get("changed", False) == has_ended
    assert [asked.get("_gone") for asked in here.asked] == [None, BOB][: 1 + has_ended]
