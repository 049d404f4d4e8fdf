# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest


@pytest.fixture
def run_module(capsys):
    """Runs a module in this process and returns its result."""
    # Some Pythons on which the tests of module_utils run have no Ansible.
    from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome

    return lambda module, **arguments: outcome(module.main, capsys, arguments)
