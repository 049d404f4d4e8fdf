# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles print no control characters, although each answer of the machine has some."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import UNPRINTABLE
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import machine
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run_tasks
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, tasks_of_roles, variables_of

ESCAPED = re.compile(r"\\(e|x[019]|u00[019]|u20[0-6]|u061)", re.IGNORECASE)
EVIL = "\x1b]0;owned\x07\u202egpj.exe\u2066\u200e\u061c\x9b31m evil"
ROW = {"local_address": EVIL, "local_port": 5000, "unit": EVIL, "name": EVIL, "pid": 7, "processes": []}
TABLE = {"netstat": [EVIL, EVIL, EVIL], "listening_ports": [ROW], "dual_stack_listeners": []}
UNIT = {"state": EVIL, "since": EVIL, "main_pid": EVIL, "active": False, "enabled": True, "outdated_by": [EVIL]}
UNITS = {"units": {"webserver.service": UNIT, EVIL: {**UNIT, "active": True}}, "written": [EVIL]}
RELEASES = [{"name": EVIL, "deployed": EVIL}]
FAILED = {"msg": EVIL + "\n" + EVIL, "stderr": EVIL, "stdout": EVIL, "rc": 1}
JOURNAL = {"stdout": f"{EVIL}\nError: {EVIL}", "stdout_lines": [EVIL, f"Error: {EVIL}"]}
MACHINE = "".join(
    f"webserver: {name} {EVIL.replace(' ', '')}\n" for name in ("systemd", "MemAvailable", "unit", "site", "folder")
)
# The results of tasks, and the few variables in messages that come from elsewhere.
KNOWN = {
    "__webserver_table": TABLE,
    "__webserver_compared": {"before": TABLE},
    "__webserver_after": TABLE,
    "__webserver_units": UNITS,
    "__webserver_journal": JOURNAL,
    "__webserver_releases": {"releases": RELEASES, "current": EVIL, "former": EVIL},
    "__webserver_release": {"name": "4f1c", "current": EVIL, "present": True},
    "__webserver_local_answer": {"status": -1, "msg": EVIL, "content": EVIL},
    "__webserver_notes": {
        "webserver": {"answer": {"status": -1, "content": EVIL}, "units": UNITS["units"], "netstat": []},
    },
    "__webserver_answer": {"status": -1, "msg": EVIL, "content": EVIL},
    "__webserver_deploy": {
        "outcome": "not put back",
        "former": EVIL,
        "release": EVIL,
        "reason": EVIL,
        "gate": EVIL,
        "not_put_back": EVIL,
        "interrupted": {"outcome": "served", "release": EVIL, "former": EVIL, "reason": EVIL, "run": {"who": EVIL}},
    },
    "__webserver_failure": FAILED,
    "__webserver_git": FAILED,
    "__webserver_machine": {"stdout": MACHINE},
    "__webserver_facts": machine.facts(MACHINE),
    "webserver_url": "http://203.0.113.10:5000/",
    "webserver_app_src": "https://git.example/shop.git",
    "webserver_app_version": "v1",
    "ansible_failed_result": FAILED,
    "__flask_environment": {**FAILED, "python": "3.9"},
    "__flask_reach": {"stdout": f"flask: cannot reach: {EVIL}"},
    "__flask_first_stop": {"variable": "flask_pip_proxy", "host": "proxy.example", "port": 3128},
    "__python3_bootstrap": {
        "rc": 1,
        "stdout": EVIL,
        "stdout_lines": [f"python3: failed: {EVIL}"],
        "stderr_lines": [EVIL],
    },
    "__diagnosis_machine": {"private_addresses": [EVIL, "10.0.1.20", EVIL], "hops": []},
}
ROLES_OF_MACHINES = ("python3", "flask", "webserver", "diagnosis")
PRINTERS = ("ansible.builtin.debug", "ansible.builtin.fail", "ansible.builtin.assert")


def printing():
    """Return each task of the roles that prints, with its loop, so that all run regardless of their conditions."""
    for role in ROLES_OF_MACHINES:
        for path, task in tasks_of_roles(role):
            name = f"{role} {path.name} {task.get('name')}"
            kept = {key: value for key, value in task.items() if key in (*PRINTERS, "vars")}
            if "ansible.builtin.assert" in task:
                kept["ansible.builtin.assert"] = {**task["ansible.builtin.assert"], "that": "false"}
            if set(kept) & set(PRINTERS):
                yield {**kept, "name": name, "ignore_errors": True}
            if isinstance(task.get("loop"), str):
                loop = {"loop": task["loop"], "loop_control": task.get("loop_control", {})}
                yield {**loop, "name": f"{name} (loop)", "ansible.builtin.debug": {}, "ignore_errors": True}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """The output of each of the tasks, by its name."""
    known = {"role_path": str(ROLES / "webserver"), **variables_of(*ROLES_OF_MACHINES), **KNOWN}
    tasks = list(printing())
    _status, text = run_tasks(tmp_path_factory.mktemp("play"), tasks, known)
    parts = re.split(r"(?m)^TASK \[(.*)\] \**\n", text)
    assert parts[1::2] == [task["name"] for task in tasks], text
    return dict(zip(parts[1::2], parts[2::2]))


def test_texts_of_a_machine_do_not_control_a_terminal(printed):
    # YAML and JSON escape such characters as \\e, \\x9B or \\u202E.
    working = {name for name, text in printed.items() if UNPRINTABLE.search(text) or ESCAPED.search(text)}
    assert working == set(), "\n".join(printed[name] for name in working)


def test_the_rest_of_the_text_is_printed(printed):
    quoting = [name for name, text in printed.items() if "evil" in text]
    assert len(quoting) > 15, quoting


def test_no_role_has_its_own_list_of_control_characters():
    for path in sorted(ROLES.glob("*/*/*.yml")):
        assert not re.search(r"\\x(0|1|7f|9f)", path.read_text(encoding="utf-8")), path
