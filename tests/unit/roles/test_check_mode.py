# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that only reads runs in check mode too. Otherwise later tasks have nothing to print."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import tasks_of_roles

# These modules do nothing in check mode.
SKIPPED = {"ansible.builtin.uri", "ansible.builtin.command", "ansible.builtin.shell"}


def asking():
    """Return each task that only reads, with one of these modules."""
    for path, task in tasks_of_roles():
        if "ansible.builtin.uri" in task or (SKIPPED & set(task) and task.get("changed_when") is False):
            yield pytest.param(task, id=f"{path.parts[-3]}: {task['name']}")


@pytest.mark.parametrize("task", list(asking()))
def test_queries_run_in_check_mode(task):
    assert task.get("check_mode") is False
