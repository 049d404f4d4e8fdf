# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against a local EC2 API; module_utils/_aws/test_security_group.py tests which rules match."""

from __future__ import annotations

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.flasklaunch.ec2.plugins.modules import security_group_rule
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import counted

EVERYBODY = "0.0.0.0/0"


@pytest.fixture
def run(site, capsys):
    return lambda **arguments: outcome(security_group_rule.main, capsys, dict(site.options, **arguments))


@pytest.fixture
def close(run, site):
    """Removes the rule for port 5000 from everybody from the site's group."""
    return lambda **arguments: run(**{"group_ids": [site.group], "port": 5000, "cidrs": [EVERYBODY], **arguments})


@pytest.fixture
def open_(run, site):
    """Adds a rule for port 80 from everybody to the site's group."""
    asked = {"group_ids": [site.group], "port": 80, "cidrs": [EVERYBODY], "description": "Flask", "state": "present"}
    return lambda **arguments: run(**{**asked, **arguments})


@pytest.fixture
def rules(site):
    """Reads the ports that a group admits, with the sources and their descriptions."""

    def rules(group=site.group):
        (described,) = site.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return sorted(
            (each["FromPort"], source.get("CidrIp") or source["CidrIpv6"], source.get("Description", ""))
            for each in described["IpPermissions"]
            for source in each["IpRanges"] + each["Ipv6Ranges"]
        )

    return rules


@pytest.fixture
def before(monkeypatch):
    """`before(operation, act)` calls `act` once, just before the module calls this operation."""
    hooks = {}
    make = AnsibleAWSModule.client

    def client(self, *args, **keywords):
        made = make(self, *args, **keywords)
        for operation in list(hooks):
            made.meta.events.register(
                f"before-call.ec2.{operation}", lambda name=operation, **_: hooks.pop(name, int)()
            )
        return made

    monkeypatch.setattr(AnsibleAWSModule, "client", client)
    return hooks.__setitem__


def test_rule_is_removed_once_and_others_stay(close, site, rules):
    site.open(site.group, 22)
    result = close()
    assert (result["failed"], result["changed"]) == (False, True)
    assert [rule["group_id"] for rule in result["rules"]] == [site.group]
    assert result["diff"] == {"before": f"{site.group}: tcp/5000 from 0.0.0.0/0\n", "after": ""}
    assert rules() == [(22, EVERYBODY, "")]
    again = close()
    assert (again["failed"], again["changed"], again["rules"]) == (False, False, [])
    assert again["diff"] == {"before": "", "after": ""}


def test_rules_of_several_groups_go_each_from_its_own(close, site, rules):
    other = site.add_group("other", 5000)
    result = close(group_ids=[site.group, other])
    assert sorted(rule["group_id"] for rule in result["rules"]) == sorted([site.group, other])
    assert (rules(), rules(other)) == ([], [])


@pytest.mark.parametrize("different", [{"protocol": "udp"}, {"port": 5001}, {"cidrs": ["203.0.113.0/24"]}])
def test_similar_rules_stay(close, rules, different):
    assert not close(**different)["changed"]
    assert rules() == [(5000, EVERYBODY, "")]


def test_check_mode_removes_nothing(close, rules, monkeypatch):
    calls = counted(monkeypatch)
    result = close(_ansible_check_mode=True)
    assert (result["changed"], len(result["rules"])) == (True, 1)
    assert rules() == [(5000, EVERYBODY, "")]
    assert all(name.startswith("Describe") for name in calls)


@pytest.mark.parametrize(("state", "what"), [("absent", "remove the rule from"), ("present", "add the rule to")])
def test_unknown_group_is_a_failure(close, state, what):
    result = close(group_ids=["sg-0123456789abcdef0"], state=state)
    assert result["failed"]
    assert result["msg"].startswith(f"Could not {what} sg-0123456789abcdef0: ")
    assert result["error"]["code"] == "InvalidGroup.NotFound"


def test_rule_that_somebody_else_removes_at_the_same_moment(close, site, rules, before):
    before("RevokeSecurityGroupIngress", site.close)
    result = close()
    assert (result["failed"], result["changed"], result["rules"]) == (False, False, [])
    assert rules() == []


def test_rule_is_added_once_and_others_stay(open_, site, rules):
    result = open_(cidrs=[EVERYBODY, "::/0"])
    assert (result["failed"], result["changed"]) == (False, True)
    assert all(rule["rule_id"].startswith("sgr-") for rule in result["rules"])
    assert [rule["cidr"] for rule in result["rules"]] == [EVERYBODY, "::/0"]
    lines = [f"{site.group}: tcp/80 from {cidr}, Flask\n" for cidr in (EVERYBODY, "::/0")]
    assert result["diff"] == {"before": "", "after": "".join(lines)}
    assert rules() == [(80, EVERYBODY, "Flask"), (80, "::/0", "Flask"), (5000, EVERYBODY, "")]
    again = open_(cidrs=[EVERYBODY, "0:0::/0"])
    assert (again["failed"], again["changed"], again["rules"]) == (False, False, [])


def test_rule_that_is_there_keeps_its_description(open_, site, rules):
    site.open(site.group, 80, IpRanges=[{"CidrIp": EVERYBODY, "Description": "Somebody else's"}])
    result = open_(cidrs=[EVERYBODY, "198.51.100.0/24"])
    assert [rule["cidr"] for rule in result["rules"]] == ["198.51.100.0/24"]
    assert (80, EVERYBODY, "Somebody else's") in rules()


def test_rule_that_somebody_else_adds_at_the_same_moment(open_, site, rules, before):
    theirs = [{"CidrIp": EVERYBODY, "Description": "Somebody else's"}]
    before("AuthorizeSecurityGroupIngress", lambda: site.open(site.group, 80, IpRanges=theirs))
    result = open_()
    assert (result["failed"], result["changed"], result["rules"]) == (False, False, [])
    assert rules() == [(80, EVERYBODY, "Somebody else's"), (5000, EVERYBODY, "")]


def test_rule_is_added_to_the_group_with_this_id_and_to_no_namesake(open_, site, rules):
    star, database = site.add_group("web*"), site.add_group("web-database")
    assert open_(group_ids=[star])["changed"]
    assert (rules(star), rules(database)) == ([(80, EVERYBODY, "Flask")], [])


def test_check_mode_adds_nothing(open_, rules, monkeypatch):
    calls = counted(monkeypatch)
    result = open_(_ansible_check_mode=True)
    assert (result["changed"], [rule["rule_id"] for rule in result["rules"]]) == (True, [""])
    assert result["diff"]["after"].endswith("tcp/80 from 0.0.0.0/0, Flask\n")
    assert rules() == [(5000, EVERYBODY, "")]
    assert all(name.startswith("Describe") for name in calls)


def test_rule_that_is_gone_when_it_is_read_back_is_a_failure(open_, site, before, monkeypatch):
    monkeypatch.setattr(security_group_rule.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(security_group_rule.Rules, "add", lambda _self, _rule: True)
    result = open_()
    assert result["failed"]
    assert f"still does not list it: 0.0.0.0/0 in {site.group}" in result["msg"]


def test_a_full_group_is_reported_with_the_message_of_aws(open_, site, monkeypatch):
    from moto.ec2 import exceptions
    from moto.ec2.models import security_groups

    def refuse(*_args, **_keywords):
        raise exceptions.RulesPerSecurityGroupLimitExceededError

    monkeypatch.setattr(security_groups.SecurityGroupBackend, "authorize_security_group_ingress", refuse)
    result = open_()
    assert result["failed"]
    assert result["error"]["code"] == "RulesPerSecurityGroupLimitExceeded"
    assert "The maximum number of rules per security group has been reached" in result["msg"]


def test_more_groups_than_a_filter_takes(close, monkeypatch):
    asked = []
    monkeypatch.setattr(security_group_rule, "_describe", lambda _client, ids: asked.append(len(ids)) or [])
    assert not close(group_ids=[f"sg-{number}" for number in range(201)])["failed"]
    assert asked == [200, 1]


def test_cidr_with_host_bits_is_refused(open_):
    result = open_(cidrs=["203.0.113.7/24"])
    assert result["failed"]
    assert result["msg"].startswith(
        "cidrs: 203.0.113.7/24 has host bits set. For that one address write 203.0.113.7/32"
    )
