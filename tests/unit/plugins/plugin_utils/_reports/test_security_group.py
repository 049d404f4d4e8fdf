# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the security_group role about the rules of a host, and for which hosts it acts."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    describe_rules,
    rules_of,
    with_needs,
)
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.security_group import (
    closable,
    how_closed,
    how_opened,
    is_settled,
    leaders,
    not_done,
    not_found,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.security_group_records import (
    choice,
    group,
    interface,
    looked,
    permission,
    wish,
)


def other(number=4):
    return {"interface_id": f"eni-{number}", "instance_id": f"i-{number}", "name": "db"}


def former(permissions, needed_by=(), **asked):
    """Return the choice for a host that served port 5000 before."""
    found = {"web1": choice(permissions, **asked)}
    found = describe_rules(found, [group(permissions=permissions)], is_former=True)
    return {**with_needs(found, {("sg-web", 5000): list(needed_by)})["web1"], "sharing": 2}


OWN = permission(description="Flask Server", cidrs=["198.51.100.0/24"], cidrs_v6=["::/0"])


def test_another_public_address_without_the_port_is_named():
    interfaces = [
        interface(public="203.0.113.1"),
        interface("eni-2", "10.0.1.5", [("sg-b", "b")], index=1, public="203.0.113.2"),
    ]
    shut = choice([permission()], interfaces, [group("sg-b")], instance_id="i-1")
    (said,) = how_opened(shut, False)
    assert "203.0.113.2, on eni-2, where the port is not open" in said
    assert "set security_group_id: sg-b" in said
    open_ = choice([permission()], interfaces, [group("sg-b", [permission()])], instance_id="i-1")
    assert how_opened(open_, False) == ["eni-1, tcp/5000 from 0.0.0.0/0: already admitted by sg-web."]


def test_rule_that_stays_after_the_port_was_moved_is_named_with_the_command():
    before = [
        permission(),
        permission(8080, 8080, ["0.0.0.0/0"], description="Flask Server"),
        permission(8081, 8081, ["10.0.0.0/8"], cidrs_v6=["::/0"], description="Flask Server"),
        permission(22, 22, description="SSH"),
        permission(6000, 6010, description="Flask Server"),
        permission(53, 53, protocol="udp", description="Flask Server"),
    ]
    _own, first, second = how_opened(choice(before), False)
    assert first.startswith("The rule for tcp/8080 from 0.0.0.0/0 stays in sg-web.")
    assert first.endswith("ansible-playbook playbooks/close_port.yml -i INVENTORY -e security_group_port=8080")
    assert second.endswith("-e security_group_port=8081 -e security_group_cidrs=10.0.0.0/8,::/0")


def test_text_for_a_port_that_is_open():
    admitted = ["eni-1, tcp/5000 from 0.0.0.0/0: already admitted by sg-web."]
    assert how_opened(choice([permission()]), False) == admitted
    (said,) = how_opened(choice([permission()], cidrs=["198.51.100.0/24"]), False)
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
def test_text_for_a_port_that_was_opened(check_mode, how, sharing, others):
    said = how_opened({**choice([permission(80, 80)], ports=[5000, 80]), "sharing": sharing}, check_mode)
    assert said == [
        f"eni-1, tcp/5000 from 0.0.0.0/0: {how} in sg-web (web){others}.",
        "eni-1, tcp/80 from 0.0.0.0/0: already admitted by sg-web.",
    ]


def test_rule_is_removed_with_the_last_machine_that_needs_it():
    lonely, shared = {"port": 5000, "needed_by": []}, {"port": 8080, "needed_by": [other()]}
    assert closable([lonely, shared], "keep") == [lonely]
    assert closable([lonely, shared], "close") == [lonely, shared]


def test_texts_for_a_rule_that_is_removed_or_stays():
    groups = [group(permissions=[permission()])]
    choices = looked([wish(ports=[5000, 80])], [interface()], groups)

    def said(shared, others=(4,), check_mode=False, which=0):
        needs = {("sg-web", 5000): [other(number) for number in others]}
        found = with_needs(describe_rules(choices, groups), needs)
        return how_closed({**found["web1"], "sharing": 7}, shared, check_mode)[which]

    assert said("keep").startswith("sg-web (web), tcp/5000 from 0.0.0.0/0: this rule stays")
    assert "i-4 (db). To close the port for them too: ansible-playbook playbooks/close_port.yml" in said("keep")
    assert "i-5 (db) and 2 more" in said("keep", others=range(1, 8))
    assert "removed, also for 7 other network interfaces with this group." in said("close")
    assert ": removed, " in said("keep", others=())
    assert ": would be removed, " in said("keep", others=(), check_mode=True)
    nothing = "sg-web (web), tcp/80 from 0.0.0.0/0: there is no such rule. Wider rules are not changed."
    assert said("keep", which=1) == nothing


@pytest.mark.parametrize(
    "permissions",
    [
        [],
        [permission()],
        [permission(description="")],
        [permission(4999, 5000, description="Flask Server")],
        [permission(0, 65535, description="Flask Server")],
        [permission(protocol="udp", description="Flask Server")],
        [permission(protocol="-1", description="Flask Server")],
        [permission(8080, 8080, description="Flask Server")],
    ],
)
def test_other_rules_are_not_those_of_a_former_port(permissions):
    found = former(permissions, needed_by=[other()])
    assert rules_of({"web1": found}, "there") == []
    assert how_closed(found, "keep", False, True) == [
        "sg-web (web), the former port tcp/5000: there is no rule with the description Flask Server."
    ]


def test_own_rules_of_a_former_port_are_closed_for_all_sources():
    found = former([permission(), OWN], cidrs=["203.0.113.0/24"])
    (rule,) = rules_of({"web1": found}, "there")
    assert (rule["port"], rule["cidrs"]) == (5000, ["198.51.100.0/24", "::/0"])
    what = "sg-web (web), the former port tcp/5000 from 198.51.100.0/24, ::/0: "
    shared = ", also for 2 other network interfaces with this group."
    assert how_closed(found, "keep", False, True) == [f"{what}removed{shared}"]
    assert how_closed(found, "keep", True, True) == [f"{what}would be removed{shared}"]


def test_rule_of_a_former_port_that_another_machine_needs_stays_and_is_noted_on():
    found = former([OWN], needed_by=[other()])
    (said,) = how_closed(found, "keep", False, True)
    assert "this rule stays, because this group is also attached to machines that may still serve this port:" in said
    assert "i-4 (db). To close the port for them too: " in said
    assert said.endswith("-e security_group_port=5000 -e security_group_cidrs=198.51.100.0/24,::/0")
    assert (is_settled(found, "keep"), is_settled(found, "close")) == (False, True)
    assert is_settled(former([OWN]), "keep") and is_settled(former([]), "keep")


@pytest.mark.parametrize(("closing", "stays"), [([], [5000, 8080]), (["5000"], [8080]), ([5000, 8080], [])])
def test_rule_that_is_closed_is_not_reported_as_staying(closing, stays):
    before = [permission(port, port, description="Flask Server") for port in (80, 5000, 8080)]
    said = how_opened(choice(before, ports=[80]), False, closing)
    assert [line.split()[3] for line in said[1:]] == [f"tcp/{port}" for port in stays]


@pytest.mark.parametrize(("known", "stays"), [([], [5000, 8080]), (["5000"], [8080]), ([5000, 8080], [])])
def test_own_rules_that_stay_are_reported_if_a_port_is_closed(known, stays):
    """Those of known ports are not reported, and none is reported again for the former ports."""
    before = [permission(port, port, description="Flask Server") for port in (80, 5000, 8080)]
    found = with_needs(describe_rules({"web1": choice(before, ports=[80])}, [group(permissions=before)]), {})["web1"]
    found["sharing"] = 0
    said = how_closed(found, "keep", False, known=known)
    assert [line.split()[3] for line in said[1:]] == [f"tcp/{port}" for port in stays]
    assert len(how_closed(found, "keep", False, True)) == 1


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
    wrong = {"error": "sg-1 is not attached to eni-1.", "group_id": "sg-1"}
    assert not_found({"hosts": {"web1": wrong}}, "web1", True).startswith("security_group_id: sg-1 is not attached to")


def test_why_a_rule_could_not_be_changed():
    def result(group_id, port=5000, **more):
        return {"item": {"group_id": group_id, "port": port}, **more}

    quota = "AWS refused: The maximum number of rules per security group has been reached."
    acts = {"results": [result("sg-other", msg="no"), result("sg-web", 80, msg="no"), result("sg-web", msg=quota)]}
    found = choice()
    assert not_done(found, acts) == f"tcp/5000: {quota}"
    assert not_done(choice(ports=[80, 5000]), acts) == f"tcp/80: no. tcp/5000: {quota}"
    assert not_done(found, {"results": [result("sg-web", rules=[])]}) == ""
    assert not_done(found, {"skipped": True}) == ""
    gone = {"results": [result("sg-web", msg="no", error={"code": "InvalidGroup.NotFound"})]}
    assert not_done(found, gone) == "tcp/5000: no."
    closing = describe_rules({"web1": found}, [group()])["web1"]
    assert not_done(closing, gone) == "", "with the group the rule is gone"
