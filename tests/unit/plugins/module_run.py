# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules in the process of the tests."""

from __future__ import annotations

import json
import unittest.mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.ansible_release import __version__
from ansible.module_utils.common import warnings

CORE = tuple(int(number) for number in __version__.split(".")[:2])

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core 2.17

    def patch_module_args(arguments):
        return unittest.mock.patch.object(
            basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        )


def outcome(main, capsys, arguments):
    """Return the result of a module's main() with these arguments, and whether it failed. It never has a traceback."""
    warnings._global_warnings.clear()  # from earlier runs
    with patch_module_args(arguments), pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    result = json.loads(captured.out.strip().splitlines()[-1])
    result.pop("deprecations", None)  # since 2.20 they name the place, for the maintainers
    if CORE < (2, 19):
        result.pop("exception", None)  # from amazon.aws; only ansible-playbook -vvv shows it
    assert "Traceback" not in json.dumps(result) + captured.err
    result["failed"] = bool(end.value.code)
    return result
