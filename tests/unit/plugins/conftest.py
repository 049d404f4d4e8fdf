# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest


@pytest.fixture
def run_module(capsys):
    """Runs a module in this process and returns what it prints."""
    from ansible.module_utils.testing import patch_module_args  # not on every Python that tests of module_utils run on

    def run_module(module, **arguments):
        with patch_module_args(arguments), pytest.raises(SystemExit) as end:
            module.main()
        return {**json.loads(capsys.readouterr().out), "failed": bool(end.value.code)}

    return run_module
