# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists keep their order: in webserver_app_exclude, a pattern that begins with `!` must follow those that it limits."""

from __future__ import annotations

import re

from ansible_collections.flasklaunch.ec2.tests.unit.commands import run_tasks
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, variables_of

# These filters make sets of the lists, and the order of a set differs from run to run.
WITHOUT_ORDER = re.compile(r"\| *(?:union|difference|symmetric_difference)\(")


def test_no_filter_loses_the_order():
    files = [*ROLES.glob("*/*/*.yml"), *ROLES.glob("*/templates/*.j2"), *ROLES.parent.glob("playbooks/*.yml")]
    assert [str(path) for path in files if WITHOUT_ORDER.search(path.read_text(encoding="utf-8"))] == []


def test_patterns_keep_their_order(tmp_path):
    patterns = [".env.*", "!.env.example", "venv", "*.sqlite", "a", "b", "c", "d"]
    variables = {**variables_of("webserver"), "webserver_app_exclude": patterns}
    shown = [{"ansible.builtin.debug": {"msg": "{{ __webserver_app_exclude | join(' ') }}"}}]
    status, printed = run_tasks(tmp_path, shown, variables)
    assert status == 0, printed
    assert " ".join([*patterns, ".git"]) in printed
