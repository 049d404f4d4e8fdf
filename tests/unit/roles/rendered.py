"""The webserver role's templates, rendered without a machine."""

from __future__ import annotations

import pathlib

import jinja2
import yaml
from ansible.plugins.filter.core import FilterModule as Filters
from ansible.plugins.test import core as tests_of_ansible
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._sandbox import sandbox
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.site_values import systemd_argument

ROLE = pathlib.Path(__file__).parents[3] / "roles" / "webserver"


def render(template, systemd, **variables):
    """Render a template as Ansible does: with the role's variables, and an error for undefined ones."""
    return _environment().get_template(template + ".j2").render(_given(systemd, **variables))


def evaluate(name, systemd, **variables):
    """Return the value of a variable of the role that is one expression."""
    role = _vars()
    expression = role[name].strip().removeprefix("{{").removesuffix("}}")
    given = {"__webserver_systemd_with_next": role["__webserver_systemd_with_next"], **_given(systemd, **variables)}
    return _environment().compile_expression(expression)(given)


def _vars():
    return yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))


def _environment():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters.update(Filters().filters())
    environment.filters["flasklaunch.ec2.systemd_argument"] = systemd_argument
    environment.filters["flasklaunch.ec2.sandbox"] = sandbox
    environment.tests.update(tests_of_ansible.TestModule().tests())
    return environment


def _given(systemd, **variables):
    return {
        **yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8")),
        "webserver_dir": "/opt/webserver",
        "webserver_user": "webserver",
        "__webserver_unit": "webserver.service",
        "__webserver_socket": "webserver.socket",
        "ansible_managed": "Ansible managed",
        "__webserver_systemd": str(systemd),
        "__webserver_has_socket": True,
        "__webserver_has_credentials": systemd >= 247,
        "__webserver_needs_capability": False,
        "__webserver_state": "webserver",
        "__webserver_state_dir": "/var/lib/webserver",
        "__webserver_credentials_dir": "/etc/webserver/credentials",
        "__webserver_facts": {"MemTotal": "1000"},
        "__webserver_secrets_as_env": [],
        "__webserver_before_switch": "flask db upgrade",
        "__webserver_line": {"of": "webserver_command", "text": "flask routes"},
        "process": {"name": "worker", "number": 1, "command": "exec rq worker", "is_main": True},
        "timer": {"name": "nightly", "command": "flask cleanup", "calendar": "daily"},
        "__webserver_python": "/usr/bin/python3",
        "__webserver_protect_home": "yes",
        "__webserver_host_in_url": "0.0.0.0",
        "__webserver_own_address": "127.0.0.1",
        "__webserver_is_any_address": True,
        "__webserver_is_loopback": False,
        "__webserver_backlog": 2048,
        "__webserver_health_timeout": 10,
        "__webserver_has_https": False,
        "__webserver_hops": variables.get("webserver_proxy_hops", 0),
        **variables,
    }
