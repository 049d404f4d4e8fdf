# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest


@pytest.fixture
def run_module(capsys):
    """Runs a module in this process and returns what it prints."""
    # Ansible is not on every Python that tests of module_utils run on.
    from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome

    return lambda module, **arguments: outcome(module.main, capsys, arguments)
