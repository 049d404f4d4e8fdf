# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against a local EC2 API; what it decides is tested in module_utils/test__security_group.py."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group_look import look
from ansible_collections.flasklaunch.ec2.plugins.modules import security_group_rule_info
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import counted

EVERYBODY = "0.0.0.0/0"


def host(name="web1", **asked):
    return {"host": name, "port": 80, "cidrs": [EVERYBODY], **asked}


@pytest.fixture
def run(site, capsys):
    return lambda *hosts, **arguments: outcome(
        security_group_rule_info.main, capsys, dict(site.options, hosts=list(hosts), **arguments)
    )


def private_address(site, interface):
    (found,) = site.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    return found["PrivateIpAddress"]


def test_hosts_by_id_and_by_address_share_one_rule(run, site, monkeypatch):
    other, interface = site.add_instance()
    calls = counted(monkeypatch)
    result = run(host(instance_id=site.instance), host("web2", address=private_address(site, interface)))
    assert not result["failed"] and not result["changed"]
    found = {name: (choice["error"], choice["interface_id"]) for name, choice in result["hosts"].items()}
    assert found == {"web1": ("", site.interface), "web2": ("", interface)}
    (rule,) = result["rules"]
    assert (rule["group_id"], rule["port"], rule["cidrs"], rule["plain"]) == (site.group, 80, [EVERYBODY], True)
    assert result["hosts"]["web1"]["sharing"] == 1
    assert len(calls) == 5


def test_port_that_is_open_asks_for_nothing_more(run, site, monkeypatch):
    calls = counted(monkeypatch)
    result = run(host(instance_id=site.instance, port=5000))
    assert (result["rules"], result["hosts"]["web1"]["lacking"]) == ([], [])
    assert len(calls) == 2


def test_port_that_a_prefix_list_opens_needs_no_rule(run, site, monkeypatch):
    entries = [{"Cidr": "203.0.113.0/24"}, {"Cidr": "198.51.100.0/24"}]
    made = site.ec2.create_managed_prefix_list(
        PrefixListName="office", MaxEntries=2, AddressFamily="IPv4", Entries=entries
    )
    list_id = made["PrefixList"]["PrefixListId"]
    opened = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": list_id}]}
    site.ec2.authorize_security_group_ingress(GroupId=site.group, IpPermissions=[opened])
    calls = counted(monkeypatch)
    result = run(host(instance_id=site.instance, cidrs=["203.0.113.7/32", "192.0.2.0/24"]))
    assert result["hosts"]["web1"]["lacking"] == ["192.0.2.0/24"]
    assert len([each for each in calls if "GetManagedPrefixListEntries" in str(each)]) == 1


def test_name_that_is_a_pattern_does_not_lead_to_the_group(run, site):
    star = site.add_group("web*")
    site.add_group("web-database")
    site.ec2.modify_network_interface_attribute(NetworkInterfaceId=site.interface, Groups=[star])
    (rule,) = run(host(instance_id=site.instance))["rules"]
    assert (rule["group_id"], rule["plain"]) == (star, False)


def test_public_address_on_the_second_interface(run, site):
    """Its group is the one to open, and it may be named."""
    instance, first = site.add_instance()
    group = site.add_group("second")
    second = site.ec2.create_network_interface(SubnetId=site.subnet, Groups=[group])["NetworkInterface"]
    second = second["NetworkInterfaceId"]
    site.ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    assert run(host(instance_id=instance))["hosts"]["web1"]["interface_id"] == first
    held = site.ec2.allocate_address(Domain="vpc")
    site.ec2.associate_address(AllocationId=held["AllocationId"], NetworkInterfaceId=second)
    for asked in ({}, {"group_id": group}, {"address": private_address(site, first), "instance_id": ""}):
        result = run(host(**{"instance_id": instance, **asked}))
        assert result["hosts"]["web1"]["error"] == ""
        assert [rule["group_id"] for rule in result["rules"]] == [group]


def test_who_else_needs_the_rule(run, site):
    other, interface = site.add_instance()
    needs = [{"interface_id": interface, "instance_id": other, "name": ""}]
    asked = host(instance_id=site.instance, port=5000)
    result = run(asked, state="absent")
    assert (result["hosts"]["web1"]["there"], result["hosts"]["web1"]["needed_by"]) == (True, needs)
    assert [rule["needed_by"] for rule in result["rules"]] == [needs]
    result = run(asked, state="absent", play=[{"instance_id": other}])
    assert [rule["needed_by"] for rule in result["rules"]] == [[]]
    site.ec2.terminate_instances(InstanceIds=[other])
    assert [rule["needed_by"] for rule in run(asked, state="absent")["rules"]] == [[]]


@pytest.mark.parametrize("denied", ["describe_network_interfaces", "describe_security_groups"])
def test_refusal_has_the_words_of_aws_and_says_where(run, site, monkeypatch, denied):
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses import EC2Response

    def refuse(_self):
        message = (
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/web is not"
            " authorized to perform: ec2:DescribeThings with an explicit deny in a service control policy"
        )
        raise EC2ClientError("UnauthorizedOperation", message)

    monkeypatch.setattr(EC2Response, denied, refuse)
    result = run(host(instance_id=site.instance))
    assert result["failed"]
    for words in ("us-east-1", "123456789012", "explicit deny in a service control policy", "(UnauthorizedOperation)"):
        assert words in result["msg"]
    assert not result["msg"].startswith("Not known")


def test_unknown_instance_is_an_error_of_its_host_alone(run, site):
    result = run(host(instance_id=site.instance), host("web2", instance_id="i-0123456789abcdef0"))
    assert not result["failed"]
    assert result["hosts"]["web1"]["error"] == ""
    assert "EC2 knows no network interface of instance i-0123456789abcdef0" in result["hosts"]["web2"]["error"]
    assert len(result["rules"]) == 1


@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_filter_has_more_than_200_values(state):
    """500 hosts, half of them by address, each with a group of its own."""
    asked = []
    interfaces = [
        {
            "NetworkInterfaceId": f"eni-{number}",
            "VpcId": "vpc-1",
            "PrivateIpAddresses": [{"PrivateIpAddress": f"10.0.{number // 250}.{number % 250}"}],
            "Groups": [{"GroupId": f"sg-{number}", "GroupName": f"group{number}"}],
            "Attachment": {"InstanceId": f"i-{number}", "DeviceIndex": 0},
        }
        for number in range(500)
    ]
    groups = [
        {"GroupId": f"sg-{number}", "GroupName": f"group{number}", "Description": "", "IpPermissions": []}
        for number in range(500)
    ]
    values_of = {
        "attachment.instance-id": lambda each: {each["Attachment"]["InstanceId"]},
        "addresses.private-ip-address": lambda each: {each["PrivateIpAddresses"][0]["PrivateIpAddress"]},
        "group-id": lambda each: {each["Groups"][0]["GroupId"]} if "Groups" in each else {each["GroupId"]},
        "group-name": lambda each: {each["GroupName"]},
        "vpc-id": lambda each: {"vpc-1"},
    }

    def describe(service, operation, answer, Filters):
        asked.extend(len(each["Values"]) for each in Filters)
        records = {"NetworkInterfaces": interfaces, "SecurityGroups": groups, "Reservations": []}[answer]
        for each in Filters:
            records = [record for record in records if values_of[each["Name"]](record) & set(each["Values"])]
        return records

    wishes = [
        {
            **host(f"web{number}", group_id="", description="Flask Server"),
            "instance_id": f"i-{number}" if number % 2 else "",
            "address": f"10.0.{number // 250}.{number % 250}",
        }
        for number in range(500)
    ]
    hosts, rules = look(describe, wishes, [], state)
    assert [choice["interface_id"] for choice in hosts.values()] == [f"eni-{number}" for number in range(500)]
    assert len(rules) == 500
    assert max(asked) == 200
