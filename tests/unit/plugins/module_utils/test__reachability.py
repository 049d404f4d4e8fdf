# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole judgement, hop by hop; see reachability_world for the good world and reachability_scenarios for the bad."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._reachability import HOPS, asked
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils.reachability_scenarios import (
    FAULTS_OF_BALANCER,
    FAULTS_OF_INSTANCE,
    INSTANCE,
    LOAD_BALANCER,
    SCENARIOS,
    assigned_by_ec2,
    named,
    no_public_address,
    own_acls,
    state,
    then,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils.reachability_world import (
    TO_BALANCER,
    TO_INSTANCE,
    denied,
    interface,
    matches,
    outcome,
    said,
)

OF_TARGETS = (
    "target_group",
    "target_health",
    "lb_security_group_egress",
    "target_nacl_ingress",
    "security_group",
    "target_nacl_egress",
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
def test_one_thing_at_a_time(scenario):
    answer = outcome(scenario.spoil, scenario.wanted, **scenario.question)
    assert matches(answer, scenario.expected), said(answer)
    told = [f"{each['evidence']} {each['fix']}" for each in answer["hops"] if each["hop"] in scenario.expected]
    assert all(words in told[0] for words in scenario.says), told[0]


@pytest.mark.parametrize("scenarios", [INSTANCE, LOAD_BALANCER], ids=["instance", "load balancer"])
def test_every_hop_is_broken_by_something_that_breaks_no_earlier_one(scenarios):
    """So that the first broken hop is the one that was broken."""
    first = {outcome(each.spoil, each.wanted, **each.question)["first_broken_hop"] for each in scenarios}
    of_kind = {each["hop"] for each in outcome(wanted=scenarios[0].wanted)["hops"]}
    assert first == {*of_kind, None}


# A gateway that is not attached spoils the routes to it too.
ALSO = {"internet_gateway": ["route"]}
KINDS = [(TO_INSTANCE, FAULTS_OF_INSTANCE), (TO_BALANCER, FAULTS_OF_BALANCER)]
PAIRS = [
    (wanted, faults, one, other)
    for wanted, faults in KINDS
    for one, other in itertools.combinations(faults, 2)
    # Without a listener or targets nothing behind them is looked at.
    if not (one in ("lb_listener", "target_group") and other in OF_TARGETS)
]


@pytest.mark.parametrize(("wanted", "faults"), KINDS, ids=["instance", "load balancer"])
def test_one_fault_breaks_its_hop_alone(wanted, faults):
    for hop, fault in faults.items():
        assert outcome(then(own_acls, fault), wanted)["broken_hops"] == [hop, *ALSO.get(hop, [])]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[2]} and {pair[3]}")
def test_two_faults_are_both_named_in_the_order_of_the_way(pair):
    wanted, faults, one, other = pair
    answer = outcome(then(own_acls, faults[one], faults[other]), wanted)
    assert answer["verdict"] == "unreachable"
    assert answer["broken_hops"] == sorted({one, other, *ALSO.get(one, []), *ALSO.get(other, [])}, key=HOPS.index)
    assert answer["first_broken_hop"] == answer["broken_hops"][0] == min(one, other, key=HOPS.index)


EGRESS = {"lb_security_group_egress", "target_nacl_egress", "nacl_egress", "route"}
UNDIRECTED = {"target_exists", "instance_state", "block_public_access", "lb_state", "lb_scheme"}
UNDIRECTED |= {"target_group", "target_health"}


@pytest.mark.parametrize(
    ("spoil", "wanted", "question"),
    [
        (None, TO_INSTANCE, {}),
        (None, TO_INSTANCE, {"family": "ipv6"}),
        (no_public_address, TO_INSTANCE, {}),
        (None, TO_BALANCER, {}),
    ],
)
def test_hops_say_which_way_the_packet_goes(spoil, wanted, question):
    for each in outcome(spoil, wanted, **question)["hops"]:
        way = "egress" if each["hop"] in EGRESS else None if each["hop"] in UNDIRECTED else "ingress"
        assert (each["hop"], each["direction"]) == (each["hop"], way)


def test_a_stopped_instance_is_not_blamed_for_the_address_it_gave_back():
    answer = outcome(then(state("stopped"), no_public_address))
    assert said(answer)["public_address"] == "skipped"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
def test_the_answer_is_one_with_its_hops(scenario):
    answer = outcome(scenario.spoil, scenario.wanted, **scenario.question)
    verdicts = [each["verdict"] for each in answer["hops"]]
    broken, partial = "broken" in verdicts, "partial" in verdicts
    unsure = "unknown" in verdicts
    names = [each["hop"] for each in answer["hops"]]
    assert names == sorted(names, key=HOPS.index)
    assert answer["verdict"] == (
        "unreachable" if broken else "unknown" if unsure else "partial" if partial else "reachable"
    )
    stopping = [each["hop"] for each in answer["hops"] if each["verdict"] in ("broken", "partial")]
    assert answer["broken_hops"] == stopping
    for each in answer["hops"]:
        assert each["evidence"]
        stops = each["verdict"] in ("broken", "partial")
        assert bool(each["fix"]) == stops, each
        assert bool(each["code"]) == stops or each["verdict"] == "unknown", each
        assert each["resources"] or not stops or each["hop"] == "target_exists", each
    if answer["first_broken_hop"]:
        assert {each["hop"]: each for each in answer["hops"]}[answer["first_broken_hop"]]["fix"] in answer["summary"]


def test_D23_an_address_that_will_change_is_noted():
    notes = outcome(assigned_by_ec2)["notes"]
    assert len(notes) == 1
    assert "198.51.100.20 is no Elastic IP" in notes[0]
    assert outcome()["notes"] == []
    assert outcome(assigned_by_ec2, family="ipv6")["notes"] == []


def test_D24_the_answer_says_where_the_site_is():
    answer = outcome()
    assert answer["target"]["public_address"] == "198.51.100.20"
    assert answer["target"]["elastic_ip"] is True
    assert answer["summary"] == "tcp/5000 of i-web can be reached from 0.0.0.0/0."
    assert outcome(family="ipv6")["target"]["public_address"] == "2600:1f18:1:101::10"
    assert outcome(wanted=TO_BALANCER)["target"]["dns_name"] == "web-1.us-east-1.elb.amazonaws.com"


def found_by(address, interfaces=None, instances=None, addresses=()):
    def spoil(world):
        own = dict(world.interface, Attachment={"DeviceIndex": 0, "InstanceId": "i-web"})
        world["NetworkInterfaces"][address] = [own] if interfaces is None else interfaces
        world["Instances"][address] = world["Instances"]["i-web"] if instances is None else instances
        world["Addresses"][address] = list(addresses)

    return outcome(spoil, TO_INSTANCE._replace(instance_id=None, address=address))


def test_a_public_address_is_judged_by_its_interface():
    answer = found_by("198.51.100.20")
    assert answer["verdict"] == "reachable"
    assert answer["target"]["instance_id"] == "i-web"


def test_D22_of_a_private_address_the_public_one_is_named():
    answer = found_by("10.0.1.10")
    assert said(answer)["public_address"] == "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    hop = next(each for each in answer["hops"] if each["hop"] == "public_address")
    assert hop["fix"] == "Use 198.51.100.20 instead of 10.0.1.10."
    assert answer["broken_hops"] == ["public_address"]


def test_an_address_that_moved_away_is_explained():
    answer = found_by("198.51.100.99", [], [])
    assert said(answer)["target_exists"] == "broken UNKNOWN_RESOURCE"
    assert "changes when the instance is stopped" in answer["summary"]
    assert {each["verdict"] for each in answer["hops"][1:]} == {"skipped"}


def test_an_elastic_ip_that_leads_nowhere_is_explained():
    held = {"PublicIp": "198.51.100.99", "AllocationId": "eipalloc-1"}
    answer = found_by("198.51.100.99", [], [], [held])
    assert said(answer)["target_exists"] == "broken x-EIP_IS_NOT_ASSOCIATED"
    assert "--allocation-id eipalloc-1" in answer["summary"]


def interface_of(**changes):
    return [interface(**changes)]


def test_an_interface_without_an_instance():
    answer = found_by("198.51.100.20", interface_of(Attachment=None))
    assert said(answer)["instance_state"] == "broken BAD_STATE_ATTACHMENT"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Description": "ELB app/web/0123"}, "Ask with load_balancer_arn"),
        ({"InterfaceType": "nat_gateway"}, "a NAT gateway"),
    ],
)
def test_an_interface_of_a_service_is_not_followed(changes, words):
    attachment = {"DeviceIndex": 0, "InstanceOwnerId": "amazon"}
    answer = found_by("198.51.100.20", interface_of(Attachment=attachment, **changes))
    assert answer["verdict"] == "unknown"
    assert words in answer["summary"]


def test_an_instance_that_may_not_be_read_is_not_taken_for_running():
    answer = found_by("198.51.100.20", instances=denied("ec2:DescribeInstances"))
    assert said(answer)["instance_state"] == "unknown"
    assert "ec2:DescribeInstances" in answer["summary"]


def test_an_address_of_two_vpcs_is_not_guessed():
    two = interface_of() + interface_of(id_="eni-2", VpcId="vpc-2")
    answer = found_by("10.0.1.10", two)
    assert answer["verdict"] == "unknown"
    assert "eni-2 of vpc-2" in answer["summary"]


GIVEN = {
    "instance_id": None,
    "address": None,
    "load_balancer_arn": None,
    "port": 5000,
    "protocol": "tcp",
    "source": None,
    "family": None,
}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 0}, "port: 0 is not within 1 to 65535"),
        ({"port": 65536}, "port: 65536"),
        ({"address": "example.org"}, "address: 'example.org'"),
        ({"source": "203.0.113.7/24"}, "source: 203.0.113.7/24 has host bits set. For that one address write"),
        ({"source": "203.0.113.7"}, "source: 203.0.113.7 has no prefix length"),
        ({"source": "203.0.113.0/24", "family": "ipv6"}, "family is ipv6, source is ipv4"),
        ({"address": "2600::1", "source": "203.0.113.0/24"}, "address is ipv6, source is ipv4"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.")):
        asked(dict(GIVEN, **options))


@pytest.mark.parametrize(
    ("options", "family"),
    [
        ({}, "ipv4"),
        ({"family": "ipv6"}, "ipv6"),
        ({"address": "2600::1"}, "ipv6"),
        ({"address": "203.0.113.9"}, "ipv4"),
        ({"source": "::/0"}, "ipv6"),
    ],
)
def test_the_family_is_that_of_what_is_given(options, family):
    assert asked(dict(GIVEN, **options))[0].family == family


def test_an_ipv6_address_is_known_in_any_spelling():
    assert asked(dict(GIVEN, address="2600:0:0::0001"))[1].address == "2600::1"
