"""Which group allows clients, and which rules are missing there, from records as EC2 returns them."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import group_rules
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    admits,
    attached_groups,
    choose_groups,
    cidr_errors,
    describe_rules,
    exact_sources,
    matching_rules,
    needed_by,
    others_than,
    rule_lines,
    rules_of,
    rules_to_add,
    users,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    permission as ingress,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import Snapshot
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.security_group_records import (
    LISTS,
    choice,
    group,
    interface,
    looked,
    of_list,
    permission,
    wish,
)


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
        ("everybody", "'everybody' does not appear to be an IPv4 or IPv6 address"),
        ("everybody/0", "'everybody/0' does not appear to be an IPv4 or IPv6 network"),
        ("1.2.3.4/33", "'1.2.3.4/33' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_bad_cidrs_are_named_with_a_correction(cidr, error):
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
def test_other_sources_that_are_admitted(asked, beside):
    """By any attached group, and any rule whose ports include this one."""
    groups = [
        group("sg-1", [permission(0, 6000, cidrs_v6=["::/0"])]),
        group("sg-2", [permission(protocol="-1", cidrs=["203.0.113.0/24"])]),
        group("sg-3", [permission(protocol="-1", cidrs=["192.0.2.0/24"])]),
    ]
    own = interface(groups=[("sg-1", "one"), ("sg-2", "two")])
    (found,) = looked([wish(cidrs=asked)], [own], groups)["web1"]["access"]
    assert found["beside"] == beside


def test_interface_is_found_by_address():
    chosen = choose_groups([wish()], [interface("eni-2", "10.0.0.6", instance="i-2"), interface()])["web1"]
    assert (chosen["interface_id"], chosen["group_id"], chosen["error"]) == ("eni-1", "sg-web", "")


@pytest.mark.parametrize("asked", [{"instance_id": "i-1", "address": ""}, {"address": "10.0.0.5"}])
@pytest.mark.parametrize(
    ("public", "chosen"),
    [((), "eni-1"), (("eni-1",), "eni-1"), (("eni-2",), "eni-2"), (("eni-1", "eni-2"), "eni-1")],
)
def test_the_public_one_of_several_interfaces_is_chosen(asked, public, chosen):
    """Also if the machine sends by another interface, or if another one is its first."""
    interfaces = [
        interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1, public="203.0.113.2" if "eni-2" in public else ""),
        interface(public="203.0.113.1" if "eni-1" in public else ""),
    ]
    found = choose_groups([wish(**asked)], interfaces)["web1"]
    assert (found["error"], found["interface_id"]) == ("", chosen)


def test_the_private_interface_that_the_machine_uses_is_chosen():
    interfaces = [interface(), interface("eni-2", "10.0.1.5", index=1)]
    found = choose_groups([wish(instance_id="i-1", address="10.0.1.5")], interfaces)["web1"]
    assert found["interface_id"] == "eni-2"


def test_group_of_the_second_interface_may_be_named():
    interfaces = [interface(), interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1)]
    found = choose_groups([wish(instance_id="i-1", group_id="sg-b")], interfaces)["web1"]
    assert (found["error"], found["interface_id"], found["group_id"]) == ("", "eni-2", "sg-b")


def test_machine_without_id_and_address():
    error = choose_groups([wish(instance_id="", address="")], [interface(address="")])["web1"]["error"]
    assert error.startswith("The machine reports neither its instance id nor an unambiguous private address")


def test_unattached_interface_is_ignored():
    spare = {**interface(address="10.0.0.9"), "Attachment": None}
    assert "no network interface of instance i-1" in choose_groups([wish(instance_id="i-1")], [spare])["web1"]["error"]


def test_unknown_machine_is_named_with_the_region_and_account_that_were_asked():
    place = Place("eu-west-1", lambda: "123456789012")
    error = choose_groups([wish(instance_id="i-9")], [], place)["web1"]["error"]
    assert error == "EC2 knows no network interface of instance i-9 in region eu-west-1 of account 123456789012"


def test_unattached_interface_may_have_the_address():
    """The address may belong to an interface in the VPC without an instance."""
    found = choose_groups(
        [wish()], [{**interface("eni-9", "10.0.0.9"), "Attachment": None}, {**interface(), "Attachment": None}]
    )
    assert found["web1"]["interface_id"] == "eni-1"


def test_address_in_two_vpcs_is_refused():
    error = choose_groups([wish()], [interface(), interface("eni-2", vpc="vpc-2", instance="i-2")])["web1"]["error"]
    assert "several network interfaces (eni-1 in vpc-1, eni-2 in vpc-2)" in error


def test_interface_without_groups_is_refused():
    assert (
        "eni-1 of instance i-1 has no security group"
        in choose_groups([wish(instance_id="i-1")], [interface(groups=())])["web1"]["error"]
    )


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
    interfaces = [interface(), interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1)]
    error = choose_groups([wish(group_id="sg-other")], interfaces)["web1"]["error"]
    assert "sg-other is not attached to eni-1 or eni-2 of the private address 10.0.0.5" in error
    assert "Attached groups: to eni-1: sg-web (web); to eni-2: sg-b (b)" in error


def test_group_that_was_deleted_a_moment_ago_is_an_error_of_its_host_alone():
    interfaces = [interface(groups=[("sg-gone", "web")]), interface("eni-2", "10.0.0.6", instance="i-2")]
    choices = looked([wish(), wish("web2", address="10.0.0.6")], interfaces, [group()])
    assert "sg-gone is attached to eni-1, but also that sg-gone does not exist" in choices["web1"]["error"]
    assert (choices["web2"]["error"], [rule["group_id"] for rule in rules_of(choices, "lacking")]) == (
        "",
        ["sg-web"],
    )
    assert [rule["group_id"] for rule in rules_of(choices, "lacking")] == ["sg-web"]


def test_which_groups_are_read():
    interfaces = [interface(), interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1, public="203.0.113.2")]
    choices = choose_groups([wish(group_id="sg-web"), wish("web2", address="10.9.9.9")], interfaces)
    assert attached_groups(choices) == ["sg-web", "sg-b"]


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
        ([of_list("pl-all")], True),
        ([of_list("pl-office")], False),
        ([of_list("pl-all", 5001)], False),
        ([of_list("pl-hidden")], False),
        ([of_list("pl-hidden"), permission()], True),
        ([{**permission(cidrs=[]), "UserIdGroupPairs": [{"GroupId": "sg-other"}]}], False),
    ],
)
def test_which_rules_admit_the_internet(permissions, admitted):
    assert are_admitted(permissions, "0.0.0.0/0") is admitted


def are_admitted(permissions, cidr):
    return admits(group_rules([group(permissions=permissions)]), 5000, cidr, Snapshot(LISTS))


def test_ipv6_apart_from_ipv4():
    assert are_admitted([permission(cidrs=[], cidrs_v6=["::/0"])], "2001:db8::/32")
    assert not are_admitted([permission()], "2001:db8::/32")


def test_hosts_that_share_a_group_need_one_rule():
    choices = looked(
        [wish(), wish("web2", address="10.0.0.6", cidrs=["0.0.0.0/0", "::/0"])],
        [interface(), interface("eni-2", "10.0.0.6", instance="i-2")],
        [group()],
    )
    assert rules_of(choices, "lacking") == [
        {
            "group_id": "sg-web",
            "group_name": "web",
            "port": 5000,
            "cidrs": ["0.0.0.0/0", "::/0"],
            "rule_description": "Flask Server",
        }
    ]


def test_ports_of_a_host_are_rules_of_their_own():
    """Only the missing sources of each port are opened: IPv6 for the first, all for the second, none for the third."""
    permissions = [permission(), permission(443, 443, cidrs_v6=["::/0"])]
    groups = [group(permissions=permissions)]
    everybody = ["0.0.0.0/0", "::/0"]
    choices = looked([wish(ports=[5000, 80, 443], cidrs=everybody)], [interface()], groups)
    assert [(rule["port"], rule["cidrs"]) for rule in rules_of(choices, "lacking")] == [
        (5000, ["::/0"]),
        (80, everybody),
    ]
    there = describe_rules(choices, groups)
    assert [(rule["port"], rule["cidrs"]) for rule in rules_of(there, "there")] == [
        (5000, ["0.0.0.0/0"]),
        (443, everybody),
    ]


def test_port_that_another_attached_group_admits_is_not_missing():
    interfaces = [interface(groups=[("sg-web", "web"), ("sg-wide", "wide")])]
    groups = [group(), group("sg-wide", [permission(0, 65535)])]
    assert rules_of(looked([wish()], interfaces, groups), "lacking") == []


def test_hosts_without_an_interface_ask_for_nothing():
    choices = looked([wish(address="10.9.9.9")], [interface()], [])
    assert rules_of(choices, "lacking") == []
    assert rules_of(describe_rules(choices, []), "there") == []


def test_rule_of_another_host_s_port_is_not_stale():
    rules = [permission(port, port, description="Flask Server") for port in (5000, 8080)]
    interfaces = [interface(), interface("eni-2", "10.0.0.6", instance="i-2")]
    choices = looked([wish(), wish("web2", address="10.0.0.6", ports=[8080])], interfaces, [group(permissions=rules)])
    assert [choices[host]["stale"] for host in ("web1", "web2")] == [[], []]
    assert choice(rules, ports=[5000, 8080])["stale"] == [], "and neither is that of another site of the host"


def test_which_machines_need_a_rule():
    own, second = interface(), interface("eni-2", "10.0.1.5", index=1)
    by_address, foreign = interface("eni-3", "10.0.0.7", instance="i-3"), interface("eni-4", "10.0.0.8", instance="i-4")
    balancer = {**interface("eni-5", "10.0.0.9"), "Attachment": {"InstanceOwnerId": "amazon-elb"}}
    spare = {**interface("eni-6", "10.0.0.10"), "Attachment": None}
    everybody = [own, second, by_address, foreign, balancer]
    play = [{"instance_id": "i-1", "address": ""}, {"instance_id": "", "address": "10.0.0.7"}]
    assert others_than([*everybody, spare], play) == [foreign, balancer]
    assert others_than([own, second, by_address], play) == []
    assert others_than([balancer], [{"instance_id": "", "address": ""}]) == [balancer]
    assert others_than(everybody, play, play[:1]) == [own, second, foreign, balancer]
    instance = {"InstanceId": "i-4", "State": {"Name": "stopped"}, "Tags": [{"Key": "Name", "Value": "db"}]}
    assert needed_by([balancer, foreign], [instance]) == [
        {"interface_id": "eni-4", "instance_id": "i-4", "name": "db"},
        {"interface_id": "eni-5", "instance_id": "", "name": ""},
    ]
    assert needed_by([foreign], [{**instance, "State": {"Name": "terminated"}}]) == []
    assert {id_: len(found) for id_, found in users(everybody + [own]).items()} == {"sg-web": 5}


@pytest.mark.parametrize(
    ("there", "sources"),
    [
        (permission(), ["0.0.0.0/0"]),
        (permission(cidrs=[], cidrs_v6=["0:0::/0"]), ["::/0"]),
        (permission(cidrs=["10.0.0.0/8"]), []),
        (permission(0, 65535), []),
        (permission(protocol="udp"), []),
        (permission(protocol="-1"), []),
    ],
)
def test_whether_a_group_has_exactly_this_rule(there, sources):
    assert exact_sources([there], 5000, ["0.0.0.0/0", "::/0"]) == sources


def test_rules_to_add_are_those_that_are_not_there_under_any_description():
    there = [{"group_id": "sg-1", "cidr": "::/0", "description": "Ours"}]
    assert rules_to_add(there, ["sg-1", "sg-2"], ["0:0::/0", "::/0", "10.0.0.0/8"]) == [
        ("sg-1", "10.0.0.0/8"),
        ("sg-2", "::/0"),
        ("sg-2", "10.0.0.0/8"),
    ]


def test_permission_as_ec2_takes_it():
    ports = {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000}
    assert ingress("tcp", 5000, "::/0", "Flask") == {
        **ports,
        "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "Flask"}],
    }
    assert ingress("tcp", 5000, "10.0.0.0/8", "") == {**ports, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def test_rules_in_a_diff():
    rules = [
        {"group_id": "sg-1", "cidr": cidr, "description": text} for cidr, text in [("::/0", ""), ("10.0.0.0/8", "Us")]
    ]
    assert rule_lines(rules, "tcp", 80) == "sg-1: tcp/80 from ::/0\nsg-1: tcp/80 from 10.0.0.0/8, Us\n"
    assert rule_lines([], "tcp", 80) == ""


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
def test_other_rules_do_not_match(rule):
    assert matching_rules([rule], "tcp", 5000, ["0.0.0.0/0"]) == []


def test_rule_is_known_without_its_description():
    assert matching_rules([aws_rule()], "tcp", 5000, ["0.0.0.0/0"]) == [
        {"group_id": "sg-web", "rule_id": "sgr-1", "cidr": "0.0.0.0/0", "description": "whatever it is called"}
    ]


def test_ipv6_rule_in_another_spelling():
    assert len(matching_rules([aws_rule(CidrIpv6="0:0::/0")], "tcp", 5000, ["::/0"])) == 1
