# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against a local EC2 API; module_utils/_aws/test_security_group.py tests its decisions."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group_look import look
from ansible_collections.flasklaunch.ec2.plugins.modules import security_group_rule_info
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import counted

EVERYBODY = "0.0.0.0/0"


def host(name="web1", **asked):
    return {"host": name, "ports": [80], "cidrs": [EVERYBODY], **asked}


@pytest.fixture
def run(site, capsys):
    return lambda *hosts, **arguments: outcome(
        security_group_rule_info.main, capsys, dict(site.options, hosts=list(hosts), **arguments)
    )


def access(result, key):
    """Return one key of the first host's `access` for each port."""
    return [each[key] for each in result["hosts"]["web1"]["access"]]


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
    assert (rule["group_id"], rule["port"], rule["cidrs"]) == (site.group, 80, [EVERYBODY])
    assert result["hosts"]["web1"]["sharing"] == 1
    assert len(calls) == 4


def test_open_port_needs_no_rule(run, site, monkeypatch):
    calls = counted(monkeypatch)
    result = run(host(instance_id=site.instance, ports=[5000]))
    assert (result["rules"], access(result, "lacking")) == ([], [[]])
    assert len(calls) == 2


def test_several_ports_are_one_question(run, site, monkeypatch):
    """Ports of one host and of two that share a group; a port that is given twice counts once."""
    other, _interface = site.add_instance()
    calls = counted(monkeypatch)
    result = run(host(instance_id=site.instance, ports=["5000", 80, 443, "80"]), host("web2", instance_id=other))
    assert access(result, "lacking") == [[], [EVERYBODY], [EVERYBODY]]
    assert [(rule["group_id"], rule["port"]) for rule in result["rules"]] == [(site.group, 80), (site.group, 443)]
    assert len(calls) == 3, calls


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
    assert access(result, "lacking") == [["192.0.2.0/24"]]
    assert len([each for each in calls if "GetManagedPrefixListEntries" in str(each)]) == 1


def test_name_that_is_a_pattern_finds_no_other_group(run, site):
    star = site.add_group("web*")
    site.add_group("web-database")
    site.ec2.modify_network_interface_attribute(NetworkInterfaceId=site.interface, Groups=[star])
    (rule,) = run(host(instance_id=site.instance))["rules"]
    assert rule["group_id"] == star


def test_public_address_on_the_second_interface(run, site):
    """The group of this interface is the one to change, and the host may name it."""
    instance, first = site.add_instance()
    group = site.add_group("second")
    # moto could otherwise give it an address that an instance has.
    asked = {"SubnetId": site.subnet, "Groups": [group], "PrivateIpAddress": "10.0.1.100"}
    second = site.ec2.create_network_interface(**asked)["NetworkInterface"]["NetworkInterfaceId"]
    site.ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    assert run(host(instance_id=instance))["hosts"]["web1"]["interface_id"] == first
    held = site.ec2.allocate_address(Domain="vpc")
    site.ec2.associate_address(AllocationId=held["AllocationId"], NetworkInterfaceId=second)
    for asked in ({}, {"group_id": group}, {"address": private_address(site, first), "instance_id": ""}):
        result = run(host(**{"instance_id": instance, **asked}))
        assert result["hosts"]["web1"]["error"] == ""
        assert [rule["group_id"] for rule in result["rules"]] == [group]


def test_which_other_machines_need_the_rule(run, site):
    other, interface = site.add_instance()
    needs = [{"interface_id": interface, "instance_id": other, "name": ""}]
    asked = host(instance_id=site.instance, ports=[5000, 80])
    result = run(asked, state="absent")
    assert (access(result, "there"), access(result, "needed_by")) == ([[EVERYBODY], []], [needs, []])
    assert [(rule["port"], rule["needed_by"]) for rule in result["rules"]] == [(5000, needs)]
    result = run(asked, state="absent", play=[{"instance_id": other}])
    assert [rule["needed_by"] for rule in result["rules"]] == [[]]
    site.ec2.terminate_instances(InstanceIds=[other])
    assert [rule["needed_by"] for rule in run(asked, state="absent")["rules"]] == [[]]


def test_only_rules_of_a_former_port_with_the_own_description_are_found(run, site):
    def admit(first, last, cidr, description):
        source = {"CidrIp": cidr, "Description": description}
        rule = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "IpRanges": [source]}
        site.ec2.authorize_security_group_ingress(GroupId=site.group, IpPermissions=[rule])

    admit(8080, 8080, "10.0.0.0/8", "Ours")
    admit(8080, 8080, "198.51.100.0/24", "Flask Server")
    admit(8000, 8100, EVERYBODY, "Flask Server")
    former = host(instance_id=site.instance, ports=[8080, 8081], description="Flask Server")
    result = run(former, state="former")
    assert access(result, "there") == [["198.51.100.0/24"], []]
    assert [(rule["port"], rule["cidrs"]) for rule in result["rules"]] == [(8080, ["198.51.100.0/24"])]
    assert access(run({**former, "description": "Another"}, state="former"), "there") == [[], []]


def test_a_host_of_the_run_that_serves_a_former_port_needs_its_rule(run, site):
    """It is not the host whose port was moved."""
    other, interface = site.add_instance()
    needs = [{"interface_id": interface, "instance_id": other, "name": ""}]
    (found,) = site.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [site.group]}])[
        "SecurityGroupRules"
    ][:1]
    former = host(instance_id=site.instance, ports=[5000], description=found.get("Description", ""))

    def needed(*play):
        (rule,) = run(former, state="former", play=list(play))["rules"]
        return rule["needed_by"]

    moved = {"instance_id": site.instance, "ports": [80]}
    assert needed(moved) == needs
    assert needed(moved, {"instance_id": other, "ports": [80]}) == []
    assert needed(moved, {"instance_id": other, "ports": [80, "5000"]}) == needs
    assert needed({"instance_id": site.instance, "ports": [5000]}, {"instance_id": other}) != []


@pytest.mark.parametrize("denied", ["describe_network_interfaces", "describe_security_groups"])
def test_refusal_has_the_message_region_and_account(run, site, monkeypatch, denied):
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


@pytest.mark.parametrize("state", ["present", "absent", "former"])
def test_no_filter_has_more_than_200_values(state):
    """500 hosts, half of them by address, each with its own group."""
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
    source = {"CidrIp": EVERYBODY, "Description": "Flask Server"}
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [source]}
    rules_there = [] if state == "present" else [rule]
    groups = [
        {"GroupId": f"sg-{number}", "GroupName": f"group{number}", "Description": "", "IpPermissions": rules_there}
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
