# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sets, compared with AWS's documented rules for one packet, for each packet of a small universe."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import Intervals, addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import (
    admitted,
    decisions,
    group_rules,
    passage,
    routed,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import (
    acl,
    entry,
    group,
    permission,
    route,
    table,
)

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

settings.register_profile("patient", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

UNIVERSE = [f"10.0.0.{number}" for number in range(8)]
ASKED = addresses(["10.0.0.0/29"], "ipv4")
PORTS = range(10, 16)
BLOCKS = some.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/29", "10.0.0.0/30", "10.0.0.4/30", "10.0.0.2/31", "10.0.0.6/31", "10.0.0.5/32", "::/0"]
)
PROTOCOLS = some.sampled_from(["-1", "6", "tcp", "17"])
RANGES = some.tuples(some.sampled_from(PORTS), some.integers(0, 3)).map(lambda each: (each[0], each[0] + each[1]))
ENTRIES = some.lists(
    some.builds(
        lambda number, action, block, protocol, ports, egress: entry(number, action, block, protocol, *ports, egress),
        some.integers(1, 200),
        some.sampled_from(["allow", "deny"]),
        BLOCKS,
        PROTOCOLS,
        RANGES,
        some.booleans(),
    ),
    max_size=8,
    unique_by=lambda each: (each["RuleNumber"], each["Egress"]),
)


def holds(space, address):
    return bool(space & addresses([address], "ipv4"))


def inside(address, block):
    network = ipaddress.ip_network(block)
    return network.version == 4 and ipaddress.ip_address(address) in network


def acl_lets_through(entries, address, port, egress):
    """By the page "Network ACL rules": ascending numbers, the first that matches decides, deny at the end."""
    for each in sorted(entries, key=lambda one: one["RuleNumber"]):
        block = each.get("CidrBlock", "::/0")
        any_port = each["Protocol"] == "-1"
        if (
            each["Egress"] == egress
            and each["Protocol"] in ("-1", "6", "tcp")
            and inside(address, block)
            and (any_port or each["PortRange"]["From"] <= port <= each["PortRange"]["To"])
        ):
            return each["RuleAction"] == "allow"
    return False


@given(ENTRIES, some.booleans())
def test_an_acl_is_what_it_does_to_each_packet(entries, egress):
    made = decisions(acl("acl-1", [], entries), egress, "tcp", "ipv4", ASKED, Intervals([(PORTS[0], PORTS[-1])]))
    through = passage(made, ASKED)
    for address in UNIVERSE:
        each_port = [acl_lets_through(entries, address, port, egress) for port in PORTS]
        assert holds(through.whole, address) == all(each_port)
        assert holds(through.some, address) == any(each_port)
        for port, lets in zip(PORTS, each_port):
            decided = [d for d in made if holds(d.addresses, address) and d.ports & Intervals([(port, port)])]
            assert [each.allows for each in decided] == [lets]


RULES = some.lists(
    some.builds(
        lambda ports, blocks, protocol, lists: permission(*ports, cidrs=blocks, protocol=protocol, lists=lists),
        RANGES,
        some.lists(BLOCKS, max_size=2),
        PROTOCOLS,
        some.lists(some.sampled_from(["pl-1", "pl-2"]), max_size=1),
    ),
    max_size=5,
)
LISTS = {"pl-1": ["10.0.0.0/31", "10.0.0.7/32"], "pl-2": ["10.0.0.3/32", "::/0"]}


def from_lists(source):
    return addresses(LISTS[source], "ipv4")


@given(some.lists(RULES, max_size=3), some.sampled_from(PORTS))
def test_groups_admit_the_clients_of_each_rule(permissions, port):
    rules = group_rules([group(f"sg-{number}", "x", each) for number, each in enumerate(permissions)])
    through, deciding = admitted(rules, "tcp", port, "ipv4", ASKED, from_lists)
    for address in UNIVERSE:
        lets = any(
            (
                each["IpProtocol"] == "-1"
                or each["IpProtocol"] in ("6", "tcp")
                and each["FromPort"] <= port <= each["ToPort"]
            )
            and any(
                inside(address, block)
                for block in [one["CidrIp"] for one in each["IpRanges"]]
                + [block for one in each["PrefixListIds"] for block in LISTS[one["PrefixListId"]]]
            )
            for of_group in permissions
            for each in of_group
        )
        assert holds(through.whole, address) == holds(through.some, address) == lets
    by_themselves, _rules = admitted(deciding, "tcp", port, "ipv4", ASKED, from_lists)
    assert by_themselves == through


@given(some.lists(RULES, max_size=2), some.sampled_from(PORTS))
def test_an_unread_list_never_makes_the_verdict_better(permissions, port):
    rules = group_rules([group(f"sg-{number}", "x", each) for number, each in enumerate(permissions)])

    def unread(source):
        raise NotRead(source)

    truth, _rules = admitted(rules, "tcp", port, "ipv4", ASKED, from_lists)
    try:
        through, _rules = admitted(rules, "tcp", port, "ipv4", ASKED, unread)
    except NotRead:
        return
    assert through.verdict == truth.verdict
    assert through.whole <= truth.whole


ROUTES = some.lists(
    some.builds(
        lambda block, hop, origin: route(block, GatewayId=hop, Origin=origin),
        some.one_of(BLOCKS, some.sampled_from(["pl-1", "pl-2"])),
        some.uuids().map(str),
        some.sampled_from(["CreateRoute", "EnableVgwRoutePropagation"]),
    ),
    max_size=6,
    unique_by=lambda each: str({**each, "GatewayId": ""}),
)


def chosen(routes, address):
    """By the page "Route priority": the longest prefix; static before prefix list before propagated."""
    choices = []
    for each in routes:
        list_id = each.get("DestinationPrefixListId")
        blocks = LISTS[list_id] if list_id else [each.get("DestinationCidrBlock", "::/0")]
        rank = 2 if each["Origin"] == "EnableVgwRoutePropagation" else 1 if list_id else 0
        choices += [(-ipaddress.ip_network(b).prefixlen, rank, each["GatewayId"]) for b in blocks if inside(address, b)]
    return min(choices)[:2] if choices else None


@given(ROUTES)
def test_a_packet_takes_the_route_of_highest_priority(routes):
    taken = routed(table("rtb-1", routes=routes, local=[]), "ipv4", ASKED, LISTS.__getitem__)
    for address in UNIVERSE:
        own = [each for each, space in taken if holds(space, address)]
        assert len(own) == 1
        wanted = chosen(routes, address)
        if wanted is None:
            assert own == [None]
        else:
            assert chosen(own, address) == wanted


@given(ENTRIES, some.lists(RULES, max_size=2), ROUTES)
def test_nothing_is_lost_or_counted_twice(entries, permissions, routes):
    made = decisions(acl("acl-1", [], entries), False, "tcp", "ipv4", ASKED, Intervals([(12, 12)]))
    assert sum(each.addresses.size() for each in made) == ASKED.size()
    taken = routed(table("rtb-1", routes=routes, local=[]), "ipv4", ASKED, LISTS.__getitem__)
    assert sum(space.size() for _route, space in taken) == ASKED.size()
    through, _rules = admitted(
        group_rules([group("sg", "x", each) for each in permissions]), "tcp", 12, "ipv4", ASKED, from_lists
    )
    assert through.whole <= through.some <= ASKED
    assert {through.verdict} <= {"ok", "partial", "broken"}
