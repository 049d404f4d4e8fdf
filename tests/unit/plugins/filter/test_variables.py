"""Which names of variables are taken for a slip, and which for somebody's own."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible_collections.flasklaunch.ec2.plugins.filter.variables import misspelt, texts

ROLES = pathlib.Path(__file__).parents[4] / "roles"
SPECS = {path.parents[1].name: path.read_text() for path in ROLES.glob("*/meta/argument_specs.yml")}


@pytest.mark.parametrize(
    ("role", "name", "meant"),
    [
        ("security_group", "security_group_cidr", "security_group_cidrs"),
        ("security_group", "security_group_mange", "security_group_manage"),
        ("webserver", "webserver_prot", "webserver_port"),
        ("webserver", "webserver_massage", "webserver_message"),
        ("webserver", "webserver_app_source", "webserver_app_src"),
        ("webserver", "webserver_secret", "webserver_secrets"),
        ("flask", "flask_verison", "flask_version"),
        ("diagnosis", "diagnosis_expect", "diagnosis_expected"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(role, name, meant):
    said = f"{name}: there is no such variable. Write {meant}, or call one of your own otherwise."
    assert misspelt([name], SPECS[role]) == [said]


class Unsafe(str):
    """A text as ansible-core before 2.19 has it from lookups: of a class of its own."""


def test_texts_of_lookups_are_read_too():
    assert len(misspelt([Unsafe("webserver_prot")], Unsafe(SPECS["webserver"]))) == 1


@pytest.mark.parametrize("name", ["webserver_team", "webserver_cluster_name", "webserver_ssh_key", "webserver_domain"])
def test_somebodys_own_variables_are_left_alone(name):
    assert misspelt([name], SPECS["webserver"]) == []


@pytest.mark.parametrize("role", SPECS)
def test_no_variable_of_a_role_is_taken_for_another(role):
    """Of any entry point: site.yml has variables for all of them at once."""
    entry_points = yaml.safe_load(SPECS[role])["argument_specs"].values()
    known = sorted({option for entry_point in entry_points for option in entry_point.get("options", {})})
    assert known
    assert misspelt(known, SPECS[role]) == []


def test_a_text_that_a_template_has_read_as_json_is_a_text_again():
    read = {"account": {"type": "service_account", "ok": True}, "list": ["a", None], "word": "swordfish", "n": 7}
    assert texts(read) == {
        "account": '{"type": "service_account", "ok": true}',
        "list": '["a", null]',
        "word": "swordfish",
        "n": 7,
    }
