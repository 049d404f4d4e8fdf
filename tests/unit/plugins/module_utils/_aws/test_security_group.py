"""Which group lets clients in, and what is missing there; records as EC2 returns them."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import group_rules
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    admits,
    attached_groups,
    choose_groups,
    cidr_errors,
    closable,
    describe_access,
    describe_rules,
    has_rule,
    how_closed,
    how_opened,
    is_plain,
    leaders,
    matching_rules,
    missing_rules,
    needed_by,
    not_done,
    not_found,
    noted,
    others_than,
    refuse_unknown,
    rule_lines,
    rules_of,
    rules_to_add,
    users,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    permission as ingress,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead, Snapshot


def interface(
    id_="eni-1", address="10.0.0.5", groups=(("sg-web", "web"),), instance="i-1", index=0, vpc="vpc-1", public=""
):
    return {
        "NetworkInterfaceId": id_,
        "VpcId": vpc,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Groups": [{"GroupId": group_id, "GroupName": name} for group_id, name in groups],
        "Attachment": {"InstanceId": instance, "DeviceIndex": index, "Status": "attached"},
        **({"Association": {"PublicIp": public}} if public else {}),
    }


def wish(host="web1", instance_id="", address="10.0.0.5", group_id="", port=5000, cidrs=("0.0.0.0/0",)):
    return {
        "host": host,
        "instance_id": instance_id,
        "address": address,
        "group_id": group_id,
        "port": port,
        "cidrs": list(cidrs),
        "description": "Flask Server",
    }


def permission(first=5000, last=5000, cidrs=("0.0.0.0/0",), protocol="tcp", cidrs_v6=(), description="whatever"):
    return {
        "IpProtocol": protocol,
        **({} if protocol == "-1" else {"FromPort": first, "ToPort": last}),
        "IpRanges": [{"CidrIp": cidr, "Description": description} for cidr in cidrs],
        "Ipv6Ranges": [{"CidrIpv6": cidr, "Description": description} for cidr in cidrs_v6],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }


def group(id_="sg-web", permissions=(), name="web"):
    return {
        "GroupId": id_,
        "GroupName": name,
        "Description": "The web servers",
        "VpcId": "vpc-1",
        "IpPermissions": list(permissions),
    }


# The entries of a prefix list that admits the whole Internet, and of one that may not be read.
LISTS = {
    ("Entries", "pl-all"): [{"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}],
    ("Entries", "pl-office"): [{"Cidr": "203.0.113.0/24"}],
    ("Entries", "pl-hidden"): NotRead("AWS refused ec2:GetManagedPrefixListEntries."),
}


def of_list(list_id, port=5000):
    return {**permission(port, port, cidrs=[]), "PrefixListIds": [{"PrefixListId": list_id}]}


def looked(wishes, interfaces, groups):
    """The choices as the module makes them."""
    return describe_access(refuse_unknown(choose_groups(wishes, interfaces), groups), groups, Snapshot(LISTS))


def choice(permissions=(), interfaces=None, groups=(), **asked):
    """What is found for one host whose own group has these rules."""
    groups = [group(permissions=permissions), *groups]
    return looked([wish(**asked)], interfaces or [interface()], groups)["web1"]


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
    groups = [
        group("sg-1", [permission(0, 6000, cidrs_v6=["::/0"])]),
        group("sg-2", [permission(protocol="-1", cidrs=["203.0.113.0/24"])]),
        group("sg-3", [permission(protocol="-1", cidrs=["192.0.2.0/24"])]),
    ]
    own = interface(groups=[("sg-1", "one"), ("sg-2", "two")])
    assert looked([wish(cidrs=asked)], [own], groups)["web1"]["beside"] == beside


def test_interface_is_found_by_address():
    chosen = choose_groups([wish()], [interface("eni-2", "10.0.0.6", instance="i-2"), interface()])["web1"]
    assert (chosen["interface_id"], chosen["group_id"], chosen["error"]) == ("eni-1", "sg-web", "")


@pytest.mark.parametrize("asked", [{"instance_id": "i-1", "address": ""}, {"address": "10.0.0.5"}])
@pytest.mark.parametrize(
    ("public", "chosen"),
    [((), "eni-1"), (("eni-1",), "eni-1"), (("eni-2",), "eni-2"), (("eni-1", "eni-2"), "eni-1")],
)
def test_the_public_one_of_several_interfaces_is_chosen(asked, public, chosen):
    """Whichever the machine uses for what it sends, and whichever is its first."""
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


def test_another_public_address_without_the_port_is_named():
    interfaces = [
        interface(public="203.0.113.1"),
        interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1, public="203.0.113.2"),
    ]
    shut = choice([permission()], interfaces, [group("sg-b")], instance_id="i-1")
    assert "203.0.113.2, on eni-2, where the port is not open" in how_opened(shut, False)
    assert "set security_group_id: sg-b" in how_opened(shut, False)
    open_ = choice([permission()], interfaces, [group("sg-b", [permission()])], instance_id="i-1")
    assert "203.0.113.2" not in how_opened(open_, False)


def test_machine_that_tells_nothing():
    error = choose_groups([wish(instance_id="", address="")], [interface(address="")])["web1"]["error"]
    assert error.startswith("The machine tells neither its instance id nor a private address")


def test_unattached_interface_is_nobody_s():
    spare = {**interface(address="10.0.0.9"), "Attachment": None}
    assert "no network interface of instance i-1" in choose_groups([wish(instance_id="i-1")], [spare])["web1"]["error"]


def test_unknown_machine_is_named_with_the_region_and_account_that_were_asked():
    place = Place("eu-west-1", lambda: "123456789012")
    error = choose_groups([wish(instance_id="i-9")], [], place)["web1"]["error"]
    assert error == "EC2 knows no network interface of instance i-9 in region eu-west-1 of account 123456789012"


def test_unattached_interface_may_have_the_address():
    """Of a machine that is no instance but has an interface in the VPC; there may be many."""
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
    assert (choices["web2"]["error"], [rule["group_id"] for rule in missing_rules(choices, [group()])]) == (
        "",
        ["sg-web"],
    )
    assert [rule["group_id"] for rule in rules_of(choices)] == ["sg-web"]


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
def test_what_admits_the_internet(permissions, admitted):
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
    assert missing_rules(choices, [group()]) == [
        {
            "group_id": "sg-web",
            "group_name": "web",
            "vpc_id": "vpc-1",
            "port": 5000,
            "cidrs": ["0.0.0.0/0", "::/0"],
            "rule_description": "Flask Server",
            "description": "The web servers",
        }
    ]


def test_port_that_another_attached_group_admits_is_not_missing():
    interfaces = [interface(groups=[("sg-web", "web"), ("sg-wide", "wide")])]
    groups = [group(), group("sg-wide", [permission(0, 65535)])]
    assert missing_rules(looked([wish()], interfaces, groups), groups) == []


def test_hosts_without_an_interface_ask_for_nothing():
    choices = looked([wish(address="10.9.9.9")], [interface()], [])
    assert missing_rules(choices, []) == []
    assert rules_of(choices) == []


@pytest.mark.parametrize(
    ("name", "namesakes", "plain"),
    [
        ("web", ["sg-web"], True),
        ("web*", ["sg-web"], False),
        ("web?", ["sg-web"], False),
        ("we\\b", ["sg-web"], False),
        ("web", ["sg-web", "sg-other"], False),  # in a shared VPC
        ("web", ["sg-other"], False),
        ("web", [], False),
    ],
)
def test_when_a_name_leads_to_one_group(name, namesakes, plain):
    rule = {"group_id": "sg-web", "group_name": name}
    assert is_plain(rule, [group(id_) for id_ in namesakes]) is plain


def test_rule_that_stays_after_the_port_was_moved_is_named_with_the_command():
    before = [
        permission(),
        permission(8080, 8080, ["0.0.0.0/0"], description="Flask Server"),
        permission(8081, 8081, ["10.0.0.0/8"], cidrs_v6=["::/0"], description="Flask Server"),
        permission(22, 22, description="SSH"),
        permission(6000, 6010, description="Flask Server"),
        permission(53, 53, protocol="udp", description="Flask Server"),
    ]
    said = how_opened(choice(before), False)
    assert "The rule for tcp/8080 from 0.0.0.0/0 stays in sg-web." in said
    assert "ansible-playbook playbooks/close_port.yml -i INVENTORY -e security_group_port=8080" in said
    assert "-e security_group_port=8081 -e security_group_cidrs=10.0.0.0/8,::/0" in said
    assert all(f"tcp/{port}" not in said for port in (22, 6000, 53))


def test_rule_of_another_host_s_port_is_not_stale():
    rules = [permission(port, port, description="Flask Server") for port in (5000, 8080)]
    interfaces = [interface(), interface("eni-2", "10.0.0.6", instance="i-2")]
    choices = looked([wish(), wish("web2", address="10.0.0.6", port=8080)], interfaces, [group(permissions=rules)])
    assert [choices[host]["stale"] for host in ("web1", "web2")] == [[], []]


def test_what_is_said_of_a_port_that_is_open():
    assert how_opened(choice([permission()]), False) == "eni-1, tcp/5000 from 0.0.0.0/0: already admitted by sg-web."
    said = how_opened(choice([permission()], cidrs=["198.51.100.0/24"]), False)
    assert "Existing rules also admit 0.0.0.0/0." in said
    assert said.endswith("-e security_group_port=5000 -e security_group_cidrs=0.0.0.0/0")


@pytest.mark.parametrize(("check_mode", "how"), [(True, "would be opened"), (False, "opened now")])
@pytest.mark.parametrize(
    ("sharing", "others"),
    [
        (0, ""),
        (1, ", also for 1 other network interface with this group"),
        (3, ", also for 3 other network interfaces with this group"),
    ],
)
def test_what_is_said_of_a_port_that_was_opened(check_mode, how, sharing, others):
    said = how_opened({**choice(), "sharing": sharing}, check_mode)
    assert said == f"eni-1, tcp/5000 from 0.0.0.0/0: {how} in sg-web (web){others}."


def test_who_needs_a_rule():
    own, second = interface(), interface("eni-2", "10.0.1.5", index=1)
    by_address, foreign = interface("eni-3", "10.0.0.7", instance="i-3"), interface("eni-4", "10.0.0.8", instance="i-4")
    balancer = {**interface("eni-5", "10.0.0.9"), "Attachment": {"InstanceOwnerId": "amazon-elb"}}
    spare = {**interface("eni-6", "10.0.0.10"), "Attachment": None}
    everybody = [own, second, by_address, foreign, balancer]
    play = [{"instance_id": "i-1", "address": ""}, {"instance_id": "", "address": "10.0.0.7"}]
    assert others_than([*everybody, spare], play) == [foreign, balancer]
    assert others_than([own, second, by_address], play) == []
    assert others_than([balancer], [{"instance_id": "", "address": ""}]) == [balancer]
    instance = {"InstanceId": "i-4", "State": {"Name": "stopped"}, "Tags": [{"Key": "Name", "Value": "db"}]}
    assert needed_by([balancer, foreign], [instance]) == [
        {"interface_id": "eni-4", "instance_id": "i-4", "name": "db"},
        {"interface_id": "eni-5", "instance_id": "", "name": ""},
    ]
    assert needed_by([foreign], [{**instance, "State": {"Name": "terminated"}}]) == []
    assert {id_: len(found) for id_, found in users(everybody + [own]).items()} == {"sg-web": 5}


def other(number=4):
    return {"interface_id": f"eni-{number}", "instance_id": f"i-{number}", "name": "db"}


def test_rule_goes_with_the_last_machine_that_needs_it():
    lonely, shared = {"port": 5000, "needed_by": []}, {"port": 8080, "needed_by": [other()]}
    assert closable([lonely, shared], "keep") == [lonely]
    assert closable([lonely, shared], "close") == [lonely, shared]


def test_what_is_said_of_a_rule_at_its_end():
    groups = [group(permissions=[permission()])]
    choices = looked([wish(), wish("web2", port=80)], [interface()], groups)

    def said(shared, host="web1", others=(4,), check_mode=False):
        found = describe_rules(choices, groups, {"sg-web": [other(number) for number in others]})
        return how_closed({**found[host], "sharing": 7}, shared, check_mode)

    assert said("keep").startswith("sg-web (web), tcp/5000 from 0.0.0.0/0: this rule stays")
    assert "i-4 (db). To close the port for them too: ansible-playbook playbooks/close_port.yml" in said("keep")
    assert "i-5 (db) and 2 more" in said("keep", others=range(1, 8))
    assert "removed, also for 7 other network interfaces with this group." in said("close")
    assert ": removed, " in said("keep", others=())
    assert ": would be removed, " in said("keep", others=(), check_mode=True)
    assert said("keep", "web2").endswith("tcp/80 from 0.0.0.0/0: there is no such rule. Wider rules are not changed.")


@pytest.mark.parametrize(
    ("there", "is_it"),
    [
        (permission(), True),
        (permission(cidrs=[], cidrs_v6=["0:0::/0"]), True),
        (permission(cidrs=["10.0.0.0/8"]), False),
        (permission(0, 65535), False),
        (permission(protocol="udp"), False),
        (permission(protocol="-1"), False),
    ],
)
def test_whether_a_group_has_exactly_this_rule(there, is_it):
    assert has_rule([there], 5000, ["0.0.0.0/0", "::/0"]) is is_it


def test_first_host_of_each_account_leads():
    wishes = [{"account": account, "host": f"web{number}"} for number, account in enumerate("abab")]
    assert leaders(wishes) == {"a": "web0", "b": "web1"}


def test_why_no_group_was_found():
    refused = {
        "failed": False,
        "msg": "AWS refused ec2:DescribeNetworkInterfaces in region eu-west-1: No. (AuthFailure).",
    }
    said = not_found(refused, "web1", True)
    assert said.startswith(refused["msg"] + " The security group of web1 could not be looked up.")
    assert "security_group_aws" in said and "security_group_manage: false" in said
    advice = "Set ansible_python_interpreter in the inventory. With -e it applies to the control node too"
    assert advice in not_found(refused, "web1", False)
    assert not_found({"hosts": {"web1": {"error": ""}}}, "web1", True) == ""
    assert not_found({"hosts": {"web1": {"error": "EC2 knows none"}}}, "web1", True).startswith("EC2 knows none. Check")


def test_why_a_rule_could_not_be_changed():
    def result(group_id, port=5000, **more):
        return {"item": {"group_id": group_id, "port": port}, **more}

    quota = "AWS refused: The maximum number of rules per security group has been reached."
    acts = {"results": [result("sg-other", msg="no"), result("sg-web", 80, msg="no"), result("sg-web", msg=quota)]}
    found = choice()
    assert not_done(found, acts) == f"tcp/5000: {quota}"
    assert not_done(found, {"results": [result("sg-web", rules=[])]}) == ""
    assert not_done(found, {"skipped": True}) == ""
    gone = {"results": [result("sg-web", msg="no", error={"code": "InvalidGroup.NotFound"})]}
    assert not_done(found, gone) == "tcp/5000: no."
    assert not_done({**found, "there": True}, gone) == "", "with the group the rule is gone"


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
def test_rules_that_are_others(rule):
    assert matching_rules([rule], "tcp", 5000, ["0.0.0.0/0"]) == []


def test_rule_is_known_without_its_description():
    assert matching_rules([aws_rule()], "tcp", 5000, ["0.0.0.0/0"]) == [
        {"group_id": "sg-web", "rule_id": "sgr-1", "cidr": "0.0.0.0/0", "description": "whatever it is called"}
    ]


def test_ipv6_rule_in_another_spelling():
    assert len(matching_rules([aws_rule(CidrIpv6="0:0::/0")], "tcp", 5000, ["::/0"])) == 1


def test_noted():
    hostvars = {"web1": {"wish": {"port": 5000}}, "web2": {"wish": {}}, "web3": {}, "web4": {"wish": {"port": 80}}}
    assert noted(["web4", "web3", "web2", "web1"], hostvars, "wish") == [{"port": 80}, {"port": 5000}]
    assert noted([], hostvars, "wish") == []
