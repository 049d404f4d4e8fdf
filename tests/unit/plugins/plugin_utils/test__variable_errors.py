# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a role's variables, with templates among their values."""

from __future__ import annotations

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._variable_errors import VariableErrors
from ansible_collections.flasklaunch.ec2.tests.certificates import Authority

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19, every text is trusted

    def trust_as_template(text):
        return text


def errors(*roles, application=False, **variables):
    variables = {
        name: trust_as_template(value) if isinstance(value, str) else value for name, value in variables.items()
    }
    loader = DataLoader()
    checked = VariableErrors(loader, Templar(loader=loader, variables=variables), application)
    return [sentence for role in roles for sentence in checked.of(role, variables)]


def test_templates_are_evaluated():
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


def test_a_variable_of_another_role_that_a_value_needs_is_named():
    url = "http://203.0.113.10:{{ webserver_port }}/{{ flask_version }}"
    (said,) = errors("diagnosis", diagnosis_url="{{ webserver_url | default('http://x/') }}", webserver_url=url)
    assert said.startswith("webserver_url: its value cannot be computed: ")
    assert "'flask_version' is undefined" in said, "webserver_port has the webserver role's default"
    assert said.endswith(" Set flask_version too, because only the flask role has its default.")


def test_a_misspelt_name_is_refused():
    (said,) = errors("webserver", webserver_prot=80)
    assert said.startswith("webserver_prot: there is no such variable. Write webserver_port")


APP = {"webserver_app": "shop:app", "webserver_app_exclude": ["*.pyc"], "webserver_app_version": ""}


def test_the_application_is_read_on_request(tmp_path):
    app = {**APP, "webserver_app_src": str(tmp_path)}
    assert errors("webserver", **app) == []
    (said,) = errors("webserver", application=True, **app)
    assert said.startswith(f"webserver_app: shop:app needs the file shop.py in {tmp_path}, which does not exist.")
    (tmp_path / "shop.py").write_text("app = None\n")
    assert errors("webserver", application=True, **app) == []


def test_a_repository_is_not_read_and_neither_is_an_application_with_wrong_variables():
    app = {**APP, "webserver_app_src": "/nonexistent"}
    assert errors("webserver", application=True, **{**app, "webserver_app_version": "main"}) == []
    (said,) = errors("webserver", application=True, webserver_port=0, **app)
    assert said.startswith("webserver_port: 0 is not a TCP port")
    assert errors("webserver", application=True, **{**APP, "webserver_app_src": ""}) == []


def test_the_site_of_an_error_in_an_application_is_named():
    listed = [{"webserver_name": "shop", "webserver_app_src": "/nonexistent"}, {"webserver_name": "blog"}]
    sites = [{**APP, "webserver_port": 5000 + number, **site} for number, site in enumerate(listed)]
    (said,) = errors("webserver", application=True, webserver_sites=sites, webserver_app_src="")
    assert said.startswith("Site shop: webserver_app_src: /nonexistent is not a folder on the control node.")


def test_https_needs_a_certificate_also_if_the_role_is_not_in_the_play():
    assert errors("https") == []
    assert errors("https", https_enabled=False, https_names=["shop.test"]) == []
    (said,) = errors("https", https_enabled=True, https_names=["shop.test"])
    assert said.startswith("https_certificate_src: https_enabled needs a certificate of your own.")
    (said,) = errors("https", https_enable=True)
    assert (
        said
        == "https_enable: there is no such variable. Write https_enabled, or give a variable of your own another name."
    )


def test_the_certificate_of_each_site_is_checked(tmp_path):
    key, chain = Authority("CA").sign("shop.test")
    (tmp_path / "shop.pem").write_text(chain, encoding="utf-8")
    of_shop = {"https_certificate_src": f"{tmp_path}/shop.pem", "https_certificate_key": key}
    shop = {"webserver_name": "shop", "webserver_port": 5001, "https_names": ["shop.test"], **of_shop}
    blog = {"webserver_name": "blog", "webserver_port": 5002, "https_names": ["blog.test"], **of_shop}
    assert errors("https", https_enabled=True, webserver_sites=[shop]) == []
    assert errors("https", https_enabled=True, webserver_sites=[shop, blog]) == [
        f"Site blog: https_names: the certificate in {tmp_path}/shop.pem is not for blog.test. It is for shop.test."
    ]
    assert errors("https", https_enabled=True, webserver_sites=[shop, {**shop, "webserver_name": "blog"}]) == [
        "https_names: the sites shop and blog both have shop.test. Only one site can answer at a name."
    ]
    (said,) = errors("https", https_enabled=True, webserver_sites=[{**shop, "https_redirect": False}])
    assert "https_redirect, which is not a variable of a site" in said
    assert key not in said
