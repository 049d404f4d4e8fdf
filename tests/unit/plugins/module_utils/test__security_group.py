"""Which group lets clients in, and what is missing there; dicts as amazon.aws's info modules return them."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._security_group import (
    admits,
    choose_groups,
    cidr_errors,
    matching_rules,
    missing_rules,
    rules_of,
    sources_beside,
)


def interface(id_="eni-1", address="10.0.0.5", groups=(("sg-web", "web"),), instance="i-1", index=0, vpc="vpc-1"):
    return {
        "id": id_,
        "vpc_id": vpc,
        "private_ip_addresses": [{"private_ip_address": address, "primary": True}],
        "groups": [{"group_id": group_id, "group_name": name} for group_id, name in groups],
        "attachment": {"instance_id": instance, "device_index": index, "status": "attached"},
    }


def wish(host="web1", instance_id="", address="10.0.0.5", group_id="", port=5000, cidrs=("0.0.0.0/0",)):
    return {
        "host": host,
        "instance_id": instance_id,
        "address": address,
        "group_id": group_id,
        "port": port,
        "cidrs": list(cidrs),
    }


def permission(first=5000, last=5000, cidrs=("0.0.0.0/0",), protocol="tcp", cidrs_v6=()):
    return {
        "ip_protocol": protocol,
        **({} if protocol == "-1" else {"from_port": first, "to_port": last}),
        "ip_ranges": [{"cidr_ip": cidr} for cidr in cidrs],
        "ipv6_ranges": [{"cidr_ipv6": cidr} for cidr in cidrs_v6],
        "prefix_list_ids": [],
        "user_id_group_pairs": [],
    }


def group(id_="sg-web", permissions=(), name="web"):
    return {
        "group_id": id_,
        "group_name": name,
        "description": "The web servers",
        "vpc_id": "vpc-1",
        "ip_permissions": list(permissions),
    }


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "203.0.113.7/32", "203.0.113.0/24", "::/0", "2001:db8::/32"])
def test_good_cidrs(cidr):
    assert cidr_errors([cidr]) == []


@pytest.mark.parametrize(
    "cidr, error",
    [
        (
            "203.0.113.7/24",
            "203.0.113.7/24 has host bits set. For that one address write 203.0.113.7/32, for the whole block"
            " 203.0.113.0/24",
        ),
        ("0.0.0.0", "0.0.0.0 has no prefix length. For everybody write 0.0.0.0/0"),
        ("203.0.113.7", "203.0.113.7 has no prefix length. For that one address write 203.0.113.7/32"),
        (
            "2001:db8::1/64",
            "2001:db8::1/64 has host bits set. For that one address write 2001:db8::1/128, for the whole block"
            " 2001:db8::/64",
        ),
        ("everybody/0", "'everybody/0' does not appear to be an IPv4 or IPv6 network"),
        ("1.2.3.4/33", "'1.2.3.4/33' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_bad_cidrs_are_named_with_what_to_write(cidr, error):
    assert cidr_errors(["0.0.0.0/0", cidr]) == [error]


@pytest.mark.parametrize(
    ("asked", "beside"),
    [
        (["0.0.0.0/0"], ["::/0"]),
        (["0.0.0.0/0", "::/0"], []),
        (["198.51.100.0/24"], ["0.0.0.0/0", "203.0.113.0/24", "::/0"]),
        (["203.0.113.0/25"], ["0.0.0.0/0", "203.0.113.0/24", "::/0"]),
    ],
)
def test_who_else_gets_in(asked, beside):
    """By any attached group and any rule that has the port among its own."""
    everybody = {"ip_ranges": [{"cidr_ip": "0.0.0.0/0"}], "ipv6_ranges": [{"cidr_ipv6": "::/0"}]}
    office = {"ip_ranges": [{"cidr_ip": "203.0.113.0/24"}], "ipv6_ranges": []}
    elsewhere = {"ip_ranges": [{"cidr_ip": "192.0.2.0/24"}], "ipv6_ranges": []}
    groups = [
        {"group_id": "sg-1", "ip_permissions": [{"ip_protocol": "tcp", "from_port": 0, "to_port": 6000, **everybody}]},
        {"group_id": "sg-2", "ip_permissions": [{"ip_protocol": "-1", **office}]},
        {"group_id": "sg-3", "ip_permissions": [{"ip_protocol": "-1", **elsewhere}]},
    ]
    choice = {"group_ids": ["sg-1", "sg-2"], "port": 5000, "cidrs": asked}
    assert sources_beside(choice, groups) == beside


def test_interface_is_found_by_address():
    choice = choose_groups([wish()], [interface("eni-2", "10.0.0.6"), interface()])["web1"]
    assert (choice["interface_id"], choice["group_id"], choice["error"]) == ("eni-1", "sg-web", "")


def test_interface_is_found_by_instance_and_is_the_first_one():
    interfaces = [interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1), interface()]
    assert choose_groups([wish(instance_id="i-1", address="")], interfaces)["web1"]["interface_id"] == "eni-1"


def test_machine_that_tells_nothing():
    error = choose_groups([wish(instance_id="", address="")], [interface(address="")])["web1"]["error"]
    assert error.startswith("The machine tells neither its instance id nor a private address")


def test_port_as_text():
    """So it comes out of templates before ansible-core 2.19."""
    choices = choose_groups([wish(port="5000")], [interface()])
    assert missing_rules(choices, [group(permissions=[permission()])]) == []
    (rule,) = missing_rules(choices, [group()])
    assert rule["port"] == 5000


def test_unattached_interface_is_nobody_s():
    spare = {**interface(address="10.0.0.9"), "attachment": None}
    assert "no network interface of instance i-1" in choose_groups([wish(instance_id="i-1")], [spare])["web1"]["error"]


def test_address_in_two_vpcs_is_refused():
    error = choose_groups([wish()], [interface(), interface("eni-2", vpc="vpc-2")])["web1"]["error"]
    assert "several network interfaces (eni-1 in vpc-1, eni-2 in vpc-2)" in error


@pytest.mark.parametrize(
    "groups, asked, chosen",
    [
        ([("sg-d", "default"), ("sg-web", "web")], "", "sg-web"),
        ([("sg-a", "a"), ("sg-b", "b")], "", "sg-a"),
        ([("sg-a", "a"), ("sg-b", "b")], "sg-b", "sg-b"),
        ([("sg-d", "default")], "", "sg-d"),
        ([("sg-d", "default"), ("sg-web", "web")], "sg-d", "sg-d"),
    ],
)
def test_which_of_several_groups(groups, asked, chosen):
    assert choose_groups([wish(group_id=asked)], [interface(groups=groups)])["web1"]["group_id"] == chosen


def test_group_that_is_not_attached_is_refused():
    error = choose_groups([wish(group_id="sg-other")], [interface()])["web1"]["error"]
    assert "sg-other is not attached to eni-1" in error
    assert "Attached: sg-web (web)" in error


@pytest.mark.parametrize(
    "permissions, admitted",
    [
        ([permission()], True),
        ([permission(0, 65535)], True),
        ([permission(protocol="-1")], True),
        ([permission(cidrs=["0.0.0.0/1", "128.0.0.0/1"])], True),
        ([permission(cidrs=["0.0.0.0/1"]), permission(cidrs=["128.0.0.0/1"])], True),
        ([], False),
        ([permission(5001, 5010)], False),
        ([permission(4000, 4999)], False),
        ([permission(protocol="udp")], False),
        ([permission(cidrs=["0.0.0.0/1"])], False),
        ([permission(cidrs=["10.0.0.0/8"])], False),
        ([permission(cidrs=[], cidrs_v6=["::/0"])], False),
    ],
)
def test_what_admits_the_internet(permissions, admitted):
    assert admits(permissions, 5000, "0.0.0.0/0") is admitted


def test_ipv6_apart_from_ipv4():
    assert admits([permission(cidrs=[], cidrs_v6=["::/0"])], 5000, "2001:db8::/32")
    assert not admits([permission()], 5000, "2001:db8::/32")


def test_hosts_that_share_a_group_need_one_rule():
    choices = choose_groups(
        [wish(), wish("web2", address="10.0.0.6", cidrs=["0.0.0.0/0", "::/0"])],
        [interface(), interface("eni-2", "10.0.0.6", instance="i-2")],
    )
    assert missing_rules(choices, [group()]) == [
        {
            "group_id": "sg-web",
            "group_name": "web",
            "port": 5000,
            "cidrs": ["0.0.0.0/0", "::/0"],
            "description": "The web servers",
            "vpc_id": "vpc-1",
        }
    ]


def test_port_that_another_attached_group_admits_is_not_missing():
    choices = choose_groups([wish()], [interface(groups=[("sg-web", "web"), ("sg-wide", "wide")])])
    assert missing_rules(choices, [group(), group("sg-wide", [permission(0, 65535)])]) == []


def test_hosts_without_an_interface_ask_for_nothing():
    choices = choose_groups([wish(address="10.9.9.9")], [interface()])
    assert missing_rules(choices, []) == []
    assert rules_of(choices) == []


def aws_rule(id_="sgr-1", egress=False, protocol="tcp", first=5000, last=5000, **source):
    return {
        "SecurityGroupRuleId": id_,
        "GroupId": "sg-web",
        "IsEgress": egress,
        "IpProtocol": protocol,
        "FromPort": first,
        "ToPort": last,
        **(source or {"CidrIpv4": "0.0.0.0/0", "Description": "whatever it is called"}),
    }


@pytest.mark.parametrize(
    "rule",
    [
        aws_rule(egress=True),
        aws_rule(protocol="udp"),
        aws_rule(first=4999),
        aws_rule(last=5001),
        aws_rule(CidrIpv4="0.0.0.0/1"),
        aws_rule(CidrIpv6="::/0"),
        aws_rule(PrefixListId="pl-1"),
        aws_rule(ReferencedGroupInfo={"GroupId": "sg-web"}),
        aws_rule(protocol="-1", first=-1, last=-1),
    ],
)
def test_rules_that_are_others(rule):
    assert matching_rules([rule], "tcp", 5000, ["0.0.0.0/0"]) == []


def test_rule_is_known_without_its_description():
    assert matching_rules([aws_rule()], "tcp", 5000, ["0.0.0.0/0"]) == [
        {"group_id": "sg-web", "rule_id": "sgr-1", "cidr": "0.0.0.0/0", "description": "whatever it is called"}
    ]


def test_ipv6_rule_in_another_spelling():
    assert len(matching_rules([aws_rule(CidrIpv6="0:0::/0")], "tcp", 5000, ["::/0"])) == 1
