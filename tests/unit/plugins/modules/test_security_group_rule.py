# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against a local EC2 API; which rules match is tested in module_utils/test__security_group.py."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.modules import security_group_rule
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import counted


@pytest.fixture
def run(site, capsys):
    return lambda **arguments: outcome(security_group_rule.main, capsys, dict(site.options, **arguments))


@pytest.fixture
def close(run, site):
    """Takes port 5000 for everybody out of the site's group."""
    return lambda **arguments: run(**{"group_ids": [site.group], "port": 5000, "cidrs": ["0.0.0.0/0"], **arguments})


@pytest.fixture
def ports(site):
    """The ports that a group admits, with the sources."""

    def ports(group=site.group):
        (described,) = site.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        permissions = described["IpPermissions"]
        return sorted((each["FromPort"], each["IpRanges"][0]["CidrIp"]) for each in permissions)

    return ports


def test_rule_is_taken_out_once_and_others_stay(close, site, ports):
    site.open(site.group, 22)
    result = close()
    assert (result["failed"], result["changed"]) == (False, True)
    assert [rule["group_id"] for rule in result["rules"]] == [site.group]
    assert (result["diff"]["before"], result["diff"]["after"]) == (result["rules"], [])
    assert ports() == [(22, "0.0.0.0/0")]
    again = close()
    assert (again["failed"], again["changed"], again["rules"]) == (False, False, [])


def test_rules_of_several_groups_go_each_from_its_own(close, site, ports):
    other = site.add_group("other", 5000)
    result = close(group_ids=[site.group, other])
    assert sorted(rule["group_id"] for rule in result["rules"]) == sorted([site.group, other])
    assert (ports(), ports(other)) == ([], [])


@pytest.mark.parametrize("different", [{"protocol": "udp"}, {"port": 5001}, {"cidrs": ["203.0.113.0/24"]}])
def test_what_is_not_quite_the_rule_stays(close, ports, different):
    assert not close(**different)["changed"]
    assert ports() == [(5000, "0.0.0.0/0")]


def test_check_mode_takes_out_nothing(close, ports, monkeypatch):
    calls = counted(monkeypatch)
    result = close(_ansible_check_mode=True)
    assert (result["changed"], len(result["rules"])) == (True, 1)
    assert ports() == [(5000, "0.0.0.0/0")]
    assert all(name.startswith("Describe") for name in calls)


def test_group_that_is_not_there_is_a_failure(close):
    result = close(group_ids=["sg-0123456789abcdef0"])
    assert result["failed"]
    assert result["msg"].startswith("Could not take the rule out of sg-0123456789abcdef0: ")
    assert result["error"]["code"] == "InvalidGroup.NotFound"
