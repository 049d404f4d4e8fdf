# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one host evaluates for all hosts is evaluated by one host alone."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, read

ROLE = ROLES / "security_group"
ALL_HOSTS = {"ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all"}
FOR_ONE_HOST = "__security_group_is_leader"


def names(value):
    return set(re.findall(r"\b[a-z_]\w*\b", value if isinstance(value, str) else repr(value)))


def lists_over_all_hosts(variables):
    """ALL_HOSTS and the names of variables that are made from them, however indirectly."""
    found = set(ALL_HOSTS)
    while True:
        more = {name for name, value in variables.items() if names(value) & found} - found
        if not more:
            return found
        found |= more


def tasks(entries, inherited=()):
    """Each task with all the conditions that hold for it, those of its blocks too."""
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
    """The test above knows them."""
    variables = read(ROLE / "vars" / "main.yml")
    assert lists_over_all_hosts(variables) - ALL_HOSTS == {"__security_group_wishes", "__security_group_play"}
    assert lists_over_all_hosts({"a": "{{ b | list }}", "b": ["{{ ansible_play_batch }}"], "c": "d"}) - ALL_HOSTS == {
        "a",
        "b",
    }
