# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import diagnosis
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.module_failure import module_failure, reason

# Results from a machine without Python.
BARE = {
    "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"},
    "module_stderr": "",
    "module_stdout": "/bin/sh: 1: /usr/bin/python3: not found\r\n",
    "msg": "The module interpreter '/usr/bin/python3' was not found.",
    "rc": 127,
}
SAID = "There is no Python at /usr/bin/python3 on this machine, and Ansible needs it there. site.yml installs python3."


@pytest.mark.parametrize(
    "result",
    [
        BARE,
        {**BARE, "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error"},
        {
            **BARE,
            "msg": "",
            "module_stdout": "",
            "module_stderr": "bash: line 1: /usr/bin/python3: No such file or directory",
        },
    ],
)
def test_a_machine_without_python(result):
    assert module_failure(result).startswith(SAID)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"msg": "Failed to connect to the host via ssh:\n timed out"},
            "Failed to connect to the host via ssh: timed out.",
        ),
        ({"rc": 127, "msg": "", "stderr": "journalctl: no"}, "journalctl: no."),
        ({"rc": 1, "msg": "/opt/x: not found"}, "/opt/x: not found."),
        ({"msg": "\x1b[2J\u202eno"}, "[2Jno."),
        ({}, "It could not be asked."),
    ],
)
def test_any_other_failure_is_quoted(result, said):
    assert module_failure(result) == said


@pytest.mark.parametrize("rc", [137, -9])
def test_a_module_that_was_killed(rc):
    result = {"rc": rc, "msg": "MODULE FAILURE"}
    assert reason(result).startswith("A process of this task was killed on the machine, most often because its memory")
    assert module_failure(result) == reason(result)


@pytest.mark.parametrize(
    ("result", "said"), [({"rc": 1, "msg": "no\nroom"}, "no\nroom"), ({"msg": None}, ""), ({}, "")]
)
def test_the_reason_is_the_message(result, said):
    assert reason(result) == said


def test_a_diagnosis_names_a_machine_without_python():
    found = diagnosis.diagnose("http://203.0.113.10:5000/", machine=BARE)
    assert {each["evidence"] for each in found["hops"] if each["hop"] == "listener"} == {module_failure(BARE)}
