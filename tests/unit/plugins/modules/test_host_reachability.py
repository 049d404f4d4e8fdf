# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest
import yaml
from ansible_collections.flasklaunch.ec2.plugins.modules import endpoint_probe, host_reachability


def test_a_connection_is_followed_through_the_machine(network, bind, run_module):
    bind("127.0.0.1", 5000)
    result = run_module(host_reachability, port=5000, unit="webserver", private_addresses=["10.0.1.20"])
    hops = {each["hop"]: each for each in result["hops"]}
    assert (result["failed"], result["changed"]) == (False, False)
    assert list(hops) == ["host_firewall", "listener", "bound_address", "accept_queue", "unit", "selinux"]
    assert "than webserver.service" in hops["listener"]["evidence"]
    keys = {"hop", "verdict", "code", "direction", "resources", "evidence", "fix"}
    assert all(set(each) == keys for each in result["hops"])


def test_programs_are_run_in_the_c_locale_and_missing_ones_are_no_error(network, run_module, monkeypatch, tmp_path):
    fake = tmp_path / "systemctl"
    fake.write_text('#!/bin/sh\necho "Id=webserver.service"; [ $LC_ALL = C ] && echo LoadState=not-found\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    hops = {each["hop"]: each for each in run_module(host_reachability, port=5000)["hops"]}
    assert hops["unit"]["code"] == "x-UNIT_NOT_FOUND"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "missing required arguments: port"),
        ({"port": 0}, "port: 0 is not a port number from 1 to 65535"),
        ({"port": 65536}, "port: 65536 is not a port number from 1 to 65535"),
        ({"port": 80, "entrance": 0}, "entrance: 0 is not a port number from 1 to 65535"),
        ({"port": 80, "client": "localhost"}, "client: localhost is not an IP address"),
        ({"port": 80, "family": "ipx"}, "value of family must be one of: ipv4, ipv6"),
        ({"port": 80, "private_addresses": ["localhost"]}, "private_addresses: localhost is not an IP address"),
        ({"port": 80, "source": "10.0.0.1/8"}, "source: 10.0.0.1/8 has host bits set"),
        ({"port": 80, "source": "anywhere"}, "source: 'anywhere' does not appear to be"),
    ],
)
def test_bad_input_is_refused_by_name(run_module, arguments, named):
    result = run_module(host_reachability, **arguments)
    assert result["failed"]
    assert named in result["msg"]


def test_another_system_is_refused(run_module, monkeypatch):
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert "freebsd14" in run_module(host_reachability, port=80)["msg"]


def test_socket_tables_that_cannot_be_read_are_a_failure(run_module, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(13, "Permission denied", "/proc/net/tcp")

    monkeypatch.setattr(host_reachability, "look", refuse)
    result = run_module(host_reachability, port=80)
    assert result["failed"]
    assert result["msg"].startswith("The kernel's socket tables cannot be read: [Errno 13] Permission denied")


def test_a_page_that_cannot_be_reached_is_no_failure(run_module, bind):
    closed = bind()
    port = closed.getsockname()[1]
    closed.close()
    result = run_module(endpoint_probe, url=f"http://127.0.0.1:{port}/")
    assert (result["failed"], result["changed"], result["saw"]["tcp"]) == (False, False, "refused")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "missing required arguments: url"),
        ({"url": "example.com"}, "url: example.com does not begin with http:// or https://"),
        ({"url": "http://a/", "timeout": 0}, "timeout: 0 is not a number of seconds"),
    ],
)
def test_bad_input_of_the_probe_is_refused_by_name(run_module, arguments, named):
    result = run_module(endpoint_probe, **arguments)
    assert result["failed"]
    assert named in result["msg"]


@pytest.mark.parametrize("module", [host_reachability, endpoint_probe])
def test_documentation_is_that_of_the_arguments(module):
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    spec = module.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        assert documented[name].get("default") == option.get("default")
        assert documented[name].get("choices") == option.get("choices")
        assert documented[name]["type"] == option.get("type", "str")
        assert documented[name].get("required", False) == option.get("required", False)


def test_documentation_is_that_of_the_result(network, run_module):
    result = run_module(host_reachability, port=5000)
    documented = yaml.safe_load(host_reachability.RETURN)
    assert set(documented) == set(result) - {"changed", "failed", "invocation", "warnings"}
    assert set(documented["hops"]["contains"]) == set(result["hops"][0])
    result = run_module(endpoint_probe, url="http://127.0.0.1:1/")
    documented = yaml.safe_load(endpoint_probe.RETURN)
    assert set(documented) == set(result) - {"changed", "failed", "invocation", "warnings"}
    assert set(documented["saw"]["contains"]) == set(result["saw"])


@pytest.mark.parametrize("module", [host_reachability, endpoint_probe])
def test_examples_name_only_what_there_is(module):
    (plugin,) = {name for name in ("host_reachability", "endpoint_probe") if module.__name__.endswith(name)}
    for task in yaml.safe_load(module.EXAMPLES):
        for options in (options for name, options in task.items() if name == f"flasklaunch.ec2.{plugin}"):
            assert set(options) <= set(module.argument_spec())
