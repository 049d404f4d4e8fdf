# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup that checks a role's variables, with templates among their values."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flasklaunch.ec2.plugins.lookup.variable_errors import LookupModule

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 every text is trusted

    def trust_as_template(text):
        return text


def errors(*roles, **variables):
    variables = {
        name: trust_as_template(value) if isinstance(value, str) else value for name, value in variables.items()
    }
    loader = DataLoader()
    return LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables)).run(roles, variables)


def test_values_are_those_that_templates_have():
    assert errors("webserver", webserver_port="{{ other + 8000 }}", other=80) == []
    assert errors("webserver", webserver_port="{{ other * 8000 }}", other=80) == [
        "webserver_port: 640000 is not a TCP port from 1 to 65535. Example: webserver_port: 8080"
    ]


def test_variables_of_several_roles_are_checked():
    assert [
        said.split(":")[0] for said in errors("webserver", "python3", webserver_threads=0, python3_packages=[])
    ] == [
        "webserver_threads",
        "python3_packages",
    ]


def test_the_variable_of_another_role_is_named_when_the_default_is_taken_from_it():
    said = errors("diagnosis", diagnosis_port="{{ webserver_port }}", webserver_port="http")
    assert said == ["webserver_port: http is not a TCP port from 1 to 65535. Example: webserver_port: 8080"]


def test_a_value_with_a_variable_that_does_not_exist_is_refused():
    url = "http://{{ address_of_nobody }}/"
    (said,) = errors("diagnosis", diagnosis_url="{{ webserver_url | default('http://x/') }}", webserver_url=url)
    assert said.startswith("webserver_url: its value cannot be computed: ")
    assert "address_of_nobody" in said


def test_a_variable_of_a_role_that_a_value_needs_is_to_be_set():
    url = "http://203.0.113.10:{{ webserver_port }}/"
    (said,) = errors("diagnosis", diagnosis_url="{{ webserver_url | default('http://x/') }}", webserver_url=url)
    assert said.startswith("webserver_url: its value cannot be computed: ")
    assert "'webserver_port' is undefined" in said
    assert said.endswith(" Set webserver_port too, because only the webserver role has its default.")


def test_a_misspelt_name_is_refused():
    (said,) = errors("webserver", webserver_prot=80)
    assert said.startswith("webserver_prot: there is no such variable. Write webserver_port")


def test_an_unknown_role_is_an_error():
    with pytest.raises(AnsibleError, match="There is no role nginx"):
        errors("nginx")
