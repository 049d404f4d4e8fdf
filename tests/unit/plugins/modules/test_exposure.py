# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against a local EC2 API; module_utils/_aws/test_exposure.py tests the judgement itself."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.modules import exposure
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import (
    KEYS,
    REGION,
    counted,
    without_aws,
)


@pytest.fixture
def run(capsys):
    return lambda **arguments: outcome(exposure.main, capsys, arguments)


@pytest.fixture
def audiences(site, run):
    """Runs the module for the ports of the site's instance."""

    def audiences(*listeners, **fields):
        machine = dict({"name": "web", "instance_id": site.instance, "listeners": list(listeners)}, **fields)
        result = run(**dict(site.options, machines=[machine]))
        assert result["changed"] is False
        return [each["audience"] for each in result["exposure"]]

    return audiences


FLASK, SSH, DATABASE = {"port": 5000}, {"port": 22}, {"port": 5432, "address": "127.0.0.1"}


def test_who_can_reach_what(audiences, site, public_access):
    site.open(site.group, 22, IpRanges=[{"CidrIp": "203.0.113.0/24"}])
    site.open(site.group, 9100, UserIdGroupPairs=[{"GroupId": site.group}])
    metrics, other = {"port": 9100}, {"port": 8080}
    assert audiences(FLASK, SSH, metrics, other, DATABASE) == ["everybody", "part", "vpc", "nobody", "nobody"]
    public_access["InternetGatewayBlockMode"] = "block-ingress"
    assert audiences(FLASK, SSH, metrics, other, DATABASE) == ["vpc", "nobody", "vpc", "nobody", "nobody"]


def test_a_dual_stack_socket_has_two_audiences(run, site, public_access):
    listener = {"port": 5000, "address": "::", "family": "any"}
    machine = {"name": "web", "instance_id": site.instance, "listeners": [listener]}
    found = run(**dict(site.options, machines=[machine]))["exposure"]
    assert [(each["family"], each["audience"]) for each in found] == [("ipv4", "everybody"), ("ipv6", "nobody")]


def test_a_machine_by_its_private_address(audiences, site, public_access):
    described = site.ec2.describe_network_interfaces(NetworkInterfaceIds=[site.interface])["NetworkInterfaces"][0]
    assert audiences(FLASK, instance_id=None, private_address=described["PrivateIpAddress"]) == ["everybody"]


def test_an_unsupported_call_makes_it_unknown(audiences):
    """moto has no VPC Block Public Access."""
    assert audiences(FLASK, SSH, DATABASE) == ["unknown", "nobody", "nobody"]


def test_machines_that_ec2_does_not_know(audiences, public_access):
    assert audiences(FLASK, DATABASE, instance_id="i-0123456789abcdef0") == ["unknown", "nobody"]
    assert audiences(FLASK, DATABASE, instance_id=None) == ["unknown", "nobody"]


def test_loopback_needs_neither_credentials_nor_aws(run, monkeypatch):
    without_aws(monkeypatch)
    machine = {"name": "web", "instance_id": "i-1", "listeners": [DATABASE]}
    result = run(machines=[machine], region=REGION, endpoint_url="http://127.0.0.1:1")
    assert [each["audience"] for each in result["exposure"]] == ["nobody"]


def test_many_machines_in_few_calls(run, site, public_access, monkeypatch):
    site.add_instance(30)
    reservations = site.ec2.describe_instances()["Reservations"]
    ids = [each["InstanceId"] for reservation in reservations for each in reservation["Instances"]]
    calls = counted(monkeypatch)
    machines = [{"name": id_, "instance_id": id_, "listeners": [FLASK, SSH]} for id_ in ids]
    found = run(**dict(site.options, machines=machines))["exposure"]
    assert len(found) == 2 * len(ids) == 62
    assert len(calls) == 6
    assert all(each.startswith("Describe") for each in calls)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"listeners": []}, "name"),
        ({"name": "web", "listeners": [{}]}, "port"),
        ({"name": "web", "listeners": [{"port": 70000}]}, "machines: web: port: 70000 is not within 1 to 65535"),
        ({"name": "web", "listeners": [{"port": 1, "address": "x"}]}, "machines: web: address: x is not an IP address"),
    ],
)
def test_invalid_options_are_refused(run, monkeypatch, machine, words):
    without_aws(monkeypatch)
    result = run(machines=[machine], region=REGION, **KEYS)
    assert result["failed"]
    assert words in result["msg"]
