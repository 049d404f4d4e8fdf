# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that uses one filter loads the files of all filters, so these must cost nothing until they are called."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from ansible_collections.flasklaunch.ec2.plugins.filter import diagnosis
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import diagnosis as _diagnosis

FILTERS = "ansible_collections.flasklaunch.ec2.plugins.filter"
PLUGINS = pathlib.Path(__file__).parents[4] / "plugins"
LOAD = """
import importlib, sys
importlib.import_module({name!r}).FilterModule().filters()
late = "packaging.", "ansible_collections.flasklaunch.ec2.plugins.module_utils."
print(*(module for module in sys.modules if module.startswith(late)))
"""


@pytest.mark.parametrize("name", sorted(path.stem for path in (PLUGINS / "filter").glob("*.py")))
def test_a_file_of_filters_imports_nothing_until_one_is_called(name):
    load = [sys.executable, "-c", LOAD.format(name=f"{FILTERS}.{name}")]
    assert subprocess.run(load, capture_output=True, text=True, check=True).stdout == "\n"


def test_a_filter_is_the_function_that_it_names():
    lines = diagnosis.FilterModule().filters()["diagnosis_lines"]
    assert lines.__wrapped__ is _diagnosis.lines
