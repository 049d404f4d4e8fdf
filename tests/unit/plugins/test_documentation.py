# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of modules and filters in ansible-doc is complete, and its examples are true."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

COLLECTION = "flasklaunch.ec2."
PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"
FILTERS = {
    COLLECTION + name: function
    for path in sorted((PLUGINS / "filter").glob("*.py"))
    for name, function in importlib.import_module(f"ansible_collections.{COLLECTION}plugins.filter.{path.stem}")
    .FilterModule()
    .filters()
    .items()
}
RESULT = re.compile(r"^- name: (.+)\n(?:(?!- name: ).*\n)*? +# => (.+)$", re.MULTILINE)


def documented(kind, names):
    """Return the documentation of plugins. Fails if one has none."""
    told = subprocess.run(["ansible-doc", "-t", kind, "--json", *names], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


# Read here, because ansible-test forks a process for each test, and each would read it again.
MODULE_DOCS = documented("module", sorted(COLLECTION + path.stem for path in (PLUGINS / "modules").glob("*.py")))
FILTER_DOCS = documented("filter", FILTERS)


def uses(found):
    """Yield each use of our modules in an example, also in plays and blocks, as its name and its arguments."""
    if isinstance(found, list):
        for each in found:
            yield from uses(each)
    elif isinstance(found, dict):
        for key, value in found.items():
            if key.startswith(COLLECTION):
                yield key, value or {}
            else:
                yield from uses(value)


def required(options):
    return {name for name, option in options.items() if option.get("required")}


def faults(arguments, options, where=""):
    """Yield what is wrong with the arguments of an example, also in suboptions."""
    wrong = [f"{where}{name} is no option" for name in arguments if name not in options]
    wrong += [
        f"{where}{name} is lacking" for name in options if options[name].get("required") and name not in arguments
    ]
    for name, value in arguments.items():
        suboptions = options.get(name, {}).get("suboptions")
        if suboptions and not isinstance(value, str):  # a template
            for each in value if isinstance(value, list) else [value]:
                wrong += faults(each, suboptions, f"{where}{name}.")
    return wrong


@pytest.mark.parametrize("name", MODULE_DOCS)
def test_examples_of_a_module_name_its_options(name):
    used = list(uses(yaml.safe_load(MODULE_DOCS[name]["examples"])))
    assert name in [module for module, _arguments in used]
    for module, arguments in used:
        assert faults(arguments, MODULE_DOCS[module]["doc"]["options"]) == [], module


def test_wrong_arguments_are_found():
    options = {"path": {"required": True}, "files": {"suboptions": {"mode": {}}}}
    assert faults({"files": [{"mod": 1}]}, options) == ["path is lacking", "files.mod is no option"]
    assert faults({"path": "/", "files": "{{ files }}"}, options) == []
    assert list(uses([{"hosts": "all", "tasks": [{"block": [{"flasklaunch.ec2.x": {"a": 1}}]}]}])) == [
        ("flasklaunch.ec2.x", {"a": 1})
    ]


def incomplete(returned, where=""):
    for name, value in returned.items():
        lacking = {"description", "type", "returned"} - set(value)
        if not {"sample", "contains"} & set(value):
            lacking.add("sample")
        if value.get("type") == "list" and "elements" not in value:
            lacking.add("elements")
        yield from (f"{where}{name}: {each}" for each in sorted(lacking))
        yield from incomplete(value.get("contains", {}), f"{where}{name}.")


@pytest.mark.parametrize("name", MODULE_DOCS)
def test_documentation_of_a_module_is_complete(name):
    assert list(incomplete(MODULE_DOCS[name]["return"])) == []
    assert {"check_mode", "diff_mode", "platform"} <= set(MODULE_DOCS[name]["doc"]["attributes"])


@pytest.mark.parametrize("name", FILTERS)
def test_documented_options_of_a_filter_are_its_parameters(name):
    doc = FILTER_DOCS[name]["doc"]
    _input, *parameters = inspect.signature(FILTERS[name]).parameters.values()
    assert doc.get("positional", "").split(", ") == ([each.name for each in parameters] or [""])
    assert {option: fields.get("required", False) for option, fields in doc["options"].items()} == {
        "_input": True,
        **{each.name: each.default is each.empty for each in parameters},
    }
    assert {"description", "type", "sample"} <= set(FILTER_DOCS[name]["return"]["_value"])


def test_examples_of_filters_run_and_give_what_they_say(tmp_path):
    plays = [
        {
            "name": name,
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": yaml.safe_load(FILTER_DOCS[name]["examples"]),
        }
        for name in FILTERS
    ]
    (tmp_path / "examples.yml").write_text(yaml.safe_dump(plays))
    # Without an inventory, localhost uses the Python that runs Ansible.
    ran = subprocess.run(
        ["ansible-playbook", "examples.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = {
        (play["play"]["name"], task["task"]["name"]): task["hosts"]["localhost"].get("msg")
        for play in json.loads(ran.stdout)["plays"]
        for task in play["tasks"]
    }
    said = {
        (name, task): json.loads(result)
        for name in FILTERS
        for task, result in RESULT.findall(FILTER_DOCS[name]["examples"])
    }
    assert said and said == {key: told[key] for key in said}
