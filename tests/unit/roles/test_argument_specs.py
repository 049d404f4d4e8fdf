"""What a role's argument_specs say of its defaults is what defaults/main.yml does."""

from __future__ import annotations

import pathlib

import pytest
import yaml

ROLES = sorted((pathlib.Path(__file__).parents[3] / "roles").iterdir())


def load(path):
    return yaml.safe_load(path.read_text())


def can_be_specified(default, kind):
    """Not a template of what is no text: tools that read the specification take it for a wrong number or dictionary."""
    return not (kind in ("bool", "dict", "int") and isinstance(default, str))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_argument_specs_equal_defaults(role):
    specified = load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = load(role / "defaults" / "main.yml")
    assert specified.keys() == defaults.keys()
    for name, option in specified.items():
        if can_be_specified(defaults[name], option["type"]):
            assert option["default"] == defaults[name], name
        else:
            assert "default" not in option, name
            assert "By default" in str(option["description"]), name


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_bear_the_role_s_name(role):
    for file in (role / "defaults" / "main.yml", role / "vars" / "main.yml"):
        for name in load(file):
            assert name.lstrip("_").startswith(role.name + "_"), f"{name} in {file}"
