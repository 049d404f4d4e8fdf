# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which folders of private code may import which. docs/architecture.md says where each of them runs."""

from __future__ import annotations

import ast
import pathlib
import sys

import graphlib
import pytest

PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"
UTILS = PLUGINS / "module_utils"
OURS = "ansible_collections.flasklaunch.ec2.plugins."
ON_THE_CONTROL_NODE = "_aws"


def imports(path):
    """Return the full names that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def folders():
    return sorted(path for path in UTILS.iterdir() if path.name.startswith("_") and path.is_dir())


def needs():
    """Return the folders from which each folder imports."""
    found = {}
    for folder in folders():
        names = [
            name for path in folder.glob("*.py") for name in imports(path) if name.startswith(OURS + "module_utils.")
        ]
        found[folder.name] = {name[len(OURS) :].split(".")[1] for name in names} - {folder.name}
    return found


def test_all_private_code_is_in_a_folder():
    assert [path.name for path in UTILS.glob("*.py")] == []
    assert len(folders()) > 5


def test_folders_do_not_import_each_other_in_a_circle():
    order = list(graphlib.TopologicalSorter(needs()).static_order())
    assert order[0] == "_basics"


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_the_logic_does_not_import_ansible_or_control_node_code(folder):
    names = {name for path in folder.glob("*.py") for name in imports(path)}
    ours = {name for name in names if name.startswith(OURS)}
    assert {name for name in ours if not name.startswith(OURS + "module_utils.")} == set()
    if folder.name != ON_THE_CONTROL_NODE:
        assert {name for name in ours if f".{ON_THE_CONTROL_NODE}." in name} == set()
        assert {name.split(".")[0] for name in names - ours} <= sys.stdlib_module_names
