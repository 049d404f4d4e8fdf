"""The defaults in a role's argument_specs are those in defaults/main.yml."""

from __future__ import annotations

import json

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run, run_tasks
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, read

FOLDERS = sorted(ROLES.iterdir())


def can_be_specified(default, option):
    """Return whether the specification can have the default: no template is allowed for a number or a dictionary."""
    values = default if option["type"] == "list" else [default]
    kind = option.get("elements", option["type"])
    return kind not in ("bool", "dict", "int") or not any(isinstance(value, str) for value in values)


@pytest.mark.parametrize("role", FOLDERS, ids=lambda role: role.name)
def test_argument_specs_equal_defaults(role):
    specified = read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(role / "defaults" / "main.yml")
    assert specified.keys() == defaults.keys()
    for name, option in specified.items():
        if can_be_specified(defaults[name], option):
            assert option["default"] == defaults[name], name
        else:
            assert "default" not in option, name
            assert "By default" in str(option["description"]), name


@pytest.mark.parametrize("role", FOLDERS, ids=lambda role: role.name)
def test_variables_bear_the_role_s_name(role):
    for file in (role / "defaults" / "main.yml", role / "vars" / "main.yml"):
        for name in read(file):
            assert name.lstrip("_").startswith(role.name + "_"), f"{name} in {file}"


@pytest.mark.parametrize("entry_point", ["check", "status"])
def test_a_value_of_a_wrong_type_is_refused_with_our_message(tmp_path, entry_point):
    role = {"name": "flasklaunch.ec2.webserver", "tasks_from": entry_point}
    wrong = {"webserver_unit_options": ["a"], "webserver_app_exclude": None, "webserver_workers": "many"}
    status, text = run_tasks(tmp_path, [{"ansible.builtin.import_role": role}], wrong)
    assert status != 0
    assert "<class" not in text
    for name in wrong:
        assert f"{name}: " in text
    assert "It must be a dictionary" in " ".join(text.split())


@pytest.mark.parametrize(
    ("playbook", "wrong"),
    [
        ("site", {"python3_packages": {"a": "b"}}),
        ("site", {"security_group_manage": "maybe"}),
        ("close_port", {"security_group_cidrs": {"a": "b"}}),
        ("teardown", {"security_group_manage": "maybe"}),
        ("diagnose", {"diagnosis_timeout": "soon"}),
        ("exposure", {"exposure_ask_aws": "maybe"}),
    ],
)
def test_a_playbook_refuses_it_with_our_message(tmp_path, playbook, wrong):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"webservers": {"hosts": {"unreachable.invalid": wrong}}}), encoding="utf-8")
    command = ["ansible-playbook", f"playbooks/{playbook}.yml", "-i", str(inventory)]
    status, text = run(*command, cwd=ROLES.parent)
    assert status == 2, text
    assert "argument_spec" not in text
    assert f"{next(iter(wrong))}: " in text
