# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Only one host evaluates the lists over all hosts."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, read

ROLE = ROLES / "security_group"
ALL_HOSTS = {"ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all"}
FOR_ONE_HOST = "__security_group_is_leader"


def names(value):
    return set(re.findall(r"\b[a-z_]\w*\b", value if isinstance(value, str) else repr(value)))


def lists_over_all_hosts(variables):
    """Return ALL_HOSTS and the names of variables that are made from them, directly or indirectly."""
    found = set(ALL_HOSTS)
    while True:
        more = {name for name, value in variables.items() if names(value) & found} - found
        if not more:
            return found
        found |= more


def tasks(entries, inherited=()):
    """Yield each task with all its conditions, also those of its blocks."""
    for entry in entries:
        when = entry.get("when", [])
        conditions = [*inherited, *([when] if isinstance(when, str) else when)]
        if "block" in entry:
            yield from tasks(entry["block"], conditions)
        else:
            yield entry, conditions


@pytest.mark.parametrize("path", sorted((ROLE / "tasks").glob("*.yml")), ids=lambda path: path.stem)
def test_only_one_host_evaluates_a_list_over_all_hosts(path):
    variables = read(ROLE / "vars" / "main.yml")
    costly = lists_over_all_hosts(variables)
    for task, conditions in tasks(read(path)):
        if not task.get("run_once") and FOR_ONE_HOST not in conditions:
            assert not names(task) & costly, task["name"]


def test_which_lists_are_over_all_hosts():
    """The test above finds them."""
    variables = read(ROLE / "vars" / "main.yml")
    assert lists_over_all_hosts(variables) - ALL_HOSTS == {"__security_group_wishes", "__security_group_play"}
    assert lists_over_all_hosts({"a": "{{ b | list }}", "b": ["{{ ansible_play_batch }}"], "c": "d"}) - ALL_HOSTS == {
        "a",
        "b",
    }


SITES = [{"webserver_name": "shop", "webserver_port": 5001}, {"webserver_name": "blog", "webserver_port": 5002}]


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ({}, "5000"),
        ({"security_group_port": 5000, "webserver_sites": SITES}, "5000"),
        ({"security_group_port": 5009, "webserver_sites": SITES}, "5009"),
        ({"webserver_sites": SITES}, "5001, 5002"),
        ({"security_group_ports": [80], "security_group_port": 5009, "webserver_sites": SITES}, "80"),
    ],
)
def test_a_port_that_is_named_is_the_only_one(tmp_path, given, ports):
    """Otherwise, the command that closes one port would close the ports of all sites."""
    role = {"name": "flasklaunch.ec2.security_group", "tasks_from": "converge"}
    playbook = tmp_path / "play.json"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": role}]}
    playbook.write_text(json.dumps([play]))
    variables = json.dumps({**given, "security_group_manage": False})
    status, text = run("ansible-playbook", "-i", "localhost,", "-c", "local", str(playbook), "-e", variables)
    assert status == 0, text
    assert f"TCP ports: {ports}." in " ".join(text.split())
