# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole judgement of each hop. reachability_world has the good world, and reachability_scenarios the faults."""

from __future__ import annotations

import ast
import itertools
import pathlib
import re

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Question, some_of
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import HOPS, Wanted, asked
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws import reachability_said
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_scenarios import (
    FAULTS_OF_BALANCER,
    FAULTS_OF_INSTANCE,
    IN,
    INSTANCE,
    LOAD_BALANCER,
    LOW,
    NET,
    OUT,
    SCENARIOS,
    acl,
    assigned_by_ec2,
    by,
    denies,
    found,
    named,
    no_public_address,
    nothing,
    nothing_there,
    own_acls,
    routes,
    rules,
    secondary_first,
    state,
    then,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import (
    BALANCER,
    IPV6_ADDRESS,
    PRIVATE,
    PUBLIC,
    TO_BALANCER,
    TO_INSTANCE,
    entry,
    matches,
    outcome,
    permission,
    route,
    said,
)


def without_region(fix):
    """Return a fix without the region in its commands."""
    return fix.replace(" --region us-east-1", "") if fix else fix


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
    told = [
        f"{each['evidence']} {without_region(each['fix'])}"
        for each in answer["hops"]
        if each["hop"] in scenario.expected
    ]
    assert all(words in told[0] for words in scenario.says), told[0]


@pytest.mark.parametrize("scenarios", [INSTANCE, LOAD_BALANCER], ids=["instance", "load balancer"])
def test_every_hop_can_be_the_first_broken_one(scenarios):
    """Otherwise the first broken hop would not be the cause."""
    first = {outcome(each.spoil, each.wanted, **each.question)["first_broken_hop"] for each in scenarios}
    of_kind = {each["hop"] for each in outcome(wanted=scenarios[0].wanted)["hops"]}
    assert first == {*of_kind, None}


# If a gateway is not attached, the routes to it are broken too.
ALSO = {"internet_gateway": ["route"]}
KINDS = [(TO_INSTANCE, FAULTS_OF_INSTANCE), (TO_BALANCER, FAULTS_OF_BALANCER)]
PAIRS = [
    (wanted, faults, one, other)
    for wanted, faults in KINDS
    for one, other in itertools.combinations(faults, 2)
    # Without a listener or targets, nothing behind them is checked.
    if not (one in ("lb_listener", "target_group") and other in OF_TARGETS)
]


@pytest.mark.parametrize(("wanted", "faults"), KINDS, ids=["instance", "load balancer"])
def test_one_fault_breaks_only_its_hop(wanted, faults):
    for hop, fault in faults.items():
        assert outcome(then(own_acls, fault), wanted)["broken_hops"] == [hop, *ALSO.get(hop, [])]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[2]} and {pair[3]}")
def test_two_faults_are_both_named_in_the_order_of_the_path(pair):
    wanted, faults, one, other = pair
    answer = outcome(then(own_acls, faults[one], faults[other]), wanted)
    assert answer["verdict"] == "unreachable"
    assert answer["broken_hops"] == sorted({one, other, *ALSO.get(one, []), *ALSO.get(other, [])}, key=HOPS.index)
    assert answer["first_broken_hop"] == answer["broken_hops"][0] == min(one, other, key=HOPS.index)


@pytest.mark.parametrize(("wanted", "faults"), KINDS, ids=["instance", "load balancer"])
def test_hops_have_the_direction_of_the_packet(wanted, faults):
    of_no_packet = {"target_exists", "instance_state", "lb_state", "target_group", "target_health"}
    of_answers = {"lb_security_group_egress", "target_nacl_egress", "nacl_egress", "route"}
    for each in outcome(wanted=wanted)["hops"]:
        way = None if each["hop"] in of_no_packet else "egress" if each["hop"] in of_answers else "ingress"
        assert (each["hop"], each["direction"]) == (each["hop"], way)


def test_a_stopped_instance_is_the_fault_not_its_missing_address():
    answer = outcome(then(state("stopped"), no_public_address))
    assert said(answer)["public_address"] == "skipped"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
def test_the_answer_agrees_with_its_hops(scenario):
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
        assert each["evidence"].endswith("."), each
        stops = each["verdict"] in ("broken", "partial")
        assert bool(each["fix"]) == stops, each
        assert bool(each["code"]) == stops or each["verdict"] == "unknown", each
        assert each["resources"] or not stops or each["hop"] == "target_exists", each
    if answer["first_broken_hop"]:
        assert {each["hop"]: each for each in answer["hops"]}[answer["first_broken_hop"]]["fix"] in answer["summary"]


def test_every_command_in_a_fix_names_its_region():
    fixes = {each["fix"] for one in SCENARIOS for each in outcome(one.spoil, one.wanted, **one.question)["hops"]}
    commands = [
        command for fix in fixes if fix for command in re.findall(r"\baws \w+ (?:wait )?[\w-]+ .{18}", fix + " " * 18)
    ]
    assert len(commands) > 50
    assert [each for each in commands if not each.endswith("--region us-east-1")] == []
    assert outcome(routes())["summary"].count("--region us-east-1") == 1


def test_a_missing_target_is_reported_with_region_and_account():
    for wanted in (TO_INSTANCE, TO_BALANCER, by(PUBLIC)):
        answer = outcome(nothing_there, wanted)
        assert "in region us-east-1 of account 123456789012." in answer["hops"][0]["evidence"]


PUBLISHED = pathlib.Path(__file__).parents[3] / "captured" / "reachability_analyzer_codes.txt"
PLUGINS = pathlib.Path(__file__).parents[5] / "plugins"
A_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
PROTOCOLS = {"TCP_UDP", "TCP_QUIC"}


def codes_in_source():
    """Return all texts in the judgement that look like a code."""
    for path in (PLUGINS / "module_utils" / "_aws").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and A_CODE.fullmatch(node.value):
                yield node.value


def test_every_code_without_x_is_one_that_aws_publishes():
    published = set(PUBLISHED.read_text(encoding="utf-8").split())
    used = set(codes_in_source()) - PROTOCOLS
    used |= {each["code"] for one in SCENARIOS for each in outcome(one.spoil, one.wanted, **one.question)["hops"]}
    ours = {code for code in used if code and not code.startswith("x-")}
    assert len(ours) > 15
    assert ours - published == set()
    samples = A_CODE.findall(
        (PLUGINS / "modules" / "reachability.py").read_text(encoding="utf-8").split('RETURN = r"""')[1]
    )
    assert set(samples) - published == set()


def test_all_texts_were_reviewed():
    """The texts of all scenarios are exactly those in reachability_said.txt."""
    assert reachability_said.said() == reachability_said.FILE.read_text(encoding="utf-8").splitlines()


def test_D23_an_address_that_will_change_is_noted():
    notes = outcome(assigned_by_ec2)["notes"]
    assert len(notes) == 1
    assert "198.51.100.20 is not an Elastic IP" in notes[0]
    assert outcome()["notes"] == []
    assert outcome(assigned_by_ec2, family="ipv6")["notes"] == []


def test_a_hop_that_stops_all_comes_before_one_that_stops_some():
    answer = outcome(then(acl(IN, entry(50, "deny", LOW), OUT), routes()))
    assert answer["broken_hops"] == ["nacl_ingress", "route"]
    assert said(answer)["nacl_ingress"].startswith("partial")
    assert answer["first_broken_hop"] == "route"


@pytest.mark.parametrize(
    ("spoil", "words", "end"),
    [
        (
            routes(),
            "cannot be reached from 0.0.0.0/0: With rtb-public",
            "there is no route for them. To fix it: aws ec2",
        ),
        (
            rules(permission(5000, cidrs=[NET])),
            "can be reached by some, not by all, from 0.0.0.0/0: eni-web",
            " To fix",
        ),
        (
            denies("SecurityGroups"),
            "may be reached or not from 0.0.0.0/0: Not known: AWS refused",
            "SecurityGroups (UnauthorizedOperation).",
        ),
    ],
)
def test_the_answer_in_a_sentence(spoil, words, end):
    summary = outcome(spoil)["summary"]
    assert summary.startswith(f"tcp/5000 of i-web {words}")
    assert end in summary
    assert "None" not in summary


def test_D24_the_answer_says_where_the_site_is():
    answer = outcome()
    assert answer["target"]["public_address"] == "198.51.100.20"
    assert answer["target"]["elastic_ip"] is True
    assert answer["summary"] == "tcp/5000 of i-web can be reached from 0.0.0.0/0."
    assert outcome(family="ipv6")["target"]["public_address"] == "2600:1f18:1:101::10"
    assert outcome(wanted=TO_BALANCER)["target"] == {
        "instance_id": None,
        "interface_id": None,
        "subnet_id": None,
        "vpc_id": "vpc-1",
        "private_address": None,
        "public_address": None,
        "elastic_ip": None,
        "load_balancer_arn": BALANCER,
        "dns_name": "web-1.us-east-1.elb.amazonaws.com",
    }


@pytest.mark.parametrize(
    ("asked_by", "given", "family", "public", "private", "elastic"),
    [
        (PUBLIC, nothing, "ipv4", PUBLIC, PRIVATE, True),
        (PUBLIC, assigned_by_ec2, "ipv4", PUBLIC, PRIVATE, False),
        ("198.51.100.30", secondary_first, "ipv4", "198.51.100.30", PRIVATE, False),
        (IPV6_ADDRESS, nothing, "ipv6", IPV6_ADDRESS, PRIVATE, None),
    ],
)
def test_D24_what_an_address_belongs_to_is_described(asked_by, given, family, public, private, elastic):
    assert outcome(then(given, found(asked_by)), by(asked_by), family=family)["target"] == {
        "instance_id": "i-web",
        "interface_id": "eni-web",
        "subnet_id": "subnet-a",
        "vpc_id": "vpc-1",
        "private_address": private,
        "public_address": public,
        "elastic_ip": elastic,
        "load_balancer_arn": None,
        "dns_name": None,
    }


def test_only_some_of_many_sentences_are_shown():
    assert some_of(["One.", "Two.", "Three."]) == "One. Two. Three."
    assert some_of(["One.", "Two.", "Three.", "Four."]) == "One. Two. Three. And 1 more like these."


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
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.")):
        asked(dict(GIVEN, **options))


@pytest.mark.parametrize("wanted", [TO_INSTANCE, Wanted(address="203.0.113.9"), TO_BALANCER])
def test_what_the_options_ask(wanted):
    options = {"protocol": "udp", "port": 53, "source": "198.51.100.0/24", **wanted._asdict()}
    assert asked(dict(GIVEN, **options)) == (Question("udp", 53, "ipv4", "198.51.100.0/24"), wanted)


@pytest.mark.parametrize("port", [1, 65535])
def test_every_port_may_be_asked_for(port):
    assert asked(dict(GIVEN, port=port))[0].port == port


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


ELSEWHERE = {"source": "172.31.0.0/24"}
NOT_LOOKED_INTO = "leads to another network, where nothing was checked."
WITH_WHAT = " # with what leads there, such as --transit-gateway-id or --vpc-peering-connection-id"


def at_route(spoil, **question):
    """Return verdict, code, resources, evidence and fix of the hop route, whose table is rtb-public."""
    hop = next(each for each in outcome(spoil, **question)["hops"] if each["hop"] == "route")
    assert hop["direction"] == "egress"
    hop["fix"] = without_region(hop["fix"])
    return [hop[key] for key in ("verdict", "code", "resources", "evidence", "fix")]


@pytest.mark.parametrize(
    ("spoil", "question", "gateways", "ways"),
    [
        (None, {}, ["igw-1"], "0.0.0.0/0 via igw-1"),
        (routes(route("pl-all", GatewayId="igw-1")), {}, ["igw-1"], "pl-all via igw-1"),
        (
            routes(route("203.0.113.0/24", GatewayId="igw-1"), route("0.0.0.0/0", GatewayId="igw-1")),
            {},
            ["igw-1"],
            "203.0.113.0/24 via igw-1, 0.0.0.0/0 via igw-1",
        ),
        (None, {"source": "10.0.2.0/24"}, [], "10.0.0.0/16 via local"),
    ],
)
def test_a_route_that_answers_take_is_named(spoil, question, gateways, ways):
    evidence = f"rtb-public (associated with subnet-a) sends answers to {ways}."
    assert at_route(spoil, **question) == ["ok", None, ["rtb-public", *gateways, "subnet-a"], evidence, None]


@pytest.mark.parametrize("hop", ["pcx-1", "tgw-1", "vgw-1", "lgw-1", "arn:aws:networkmanager::1:core-network/x"])
def test_another_network_is_unknown(hop):
    by = routes(route("172.31.0.0/16", VpcPeeringConnectionId=hop), route("0.0.0.0/0", GatewayId="igw-1"))
    evidence = (
        "With rtb-public (associated with subnet-a), it is not known whether answers reach the client:"
        f" 172.31.0.0/16 via {hop} {NOT_LOOKED_INTO}"
    )
    assert at_route(by, **ELSEWHERE) == ["unknown", None, ["rtb-public", hop, "subnet-a"], evidence, None]


@pytest.mark.parametrize("hop", ["vpce-1", "cagw-1"])
def test_a_firewall_is_unknown(hop):
    evidence = (
        "With rtb-public (associated with subnet-a), it is not known whether answers reach the client:"
        f" 0.0.0.0/0 via {hop}: what is behind it, such as a firewall, was not checked."
    )
    by = routes(route("0.0.0.0/0", CarrierGatewayId=hop))
    assert at_route(by) == ["unknown", None, ["rtb-public", hop, "subnet-a"], evidence, None]


@pytest.mark.parametrize(
    ("spoil", "verdict", "code", "hops", "evidence", "fix"),
    [
        (
            routes(),
            "broken",
            "NO_ROUTE_TO_DESTINATION",
            [],
            "there is no route for them.",
            "create-route --route-table-id rtb-public --destination-cidr-block 0.0.0.0/0 --gateway-id igw-1",
        ),
        (
            routes(route("0.0.0.0/0", NatGatewayId="nat-1")),
            "broken",
            "NO_ROUTE_TO_DESTINATION",
            ["nat-1"],
            "0.0.0.0/0 via nat-1: a NAT gateway is for connections from inside, and answers that leave through it are"
            " lost.",
            "replace-route --route-table-id rtb-public --destination-cidr-block 0.0.0.0/0 --gateway-id igw-1",
        ),
        (
            routes(
                route("203.0.113.0/24", NatGatewayId="nat-1"),
                route("198.51.0.0/16", GatewayId="vgw-1"),
                route("198.51.0.0/17", GatewayId="igw-1"),
                route("0.0.0.0/0", GatewayId="igw-1"),
            ),
            "partial",
            "MORE_SPECIFIC_ROUTE",
            ["nat-1", "igw-1", "vgw-1"],
            "203.0.113.0/24 via nat-1: a NAT gateway is for connections from inside, and answers that leave through it"
            " are lost. to 198.51.128.0/17, 198.51.0.0/16 via vgw-1: answers do not leave by the path that the"
            " client came in by.",
            "delete-route --route-table-id rtb-public --destination-cidr-block 203.0.113.0/24",
        ),
        (
            routes(route("0.0.0.0/1", GatewayId="igw-1")),
            "partial",
            "NO_ROUTE_TO_DESTINATION",
            ["igw-1"],
            "to 128.0.0.0/3, 160.0.0.0/5, 168.0.0.0/8 and 29 more blocks there is no route for them.",
            "create-route --route-table-id rtb-public --destination-cidr-block 0.0.0.0/0 --gateway-id igw-1",
        ),
    ],
)
def test_why_answers_do_not_return(spoil, verdict, code, hops, evidence, fix):
    evidence = f"With rtb-public (associated with subnet-a), answers do not reach the client: {evidence}"
    assert at_route(spoil) == [verdict, code, ["rtb-public", *hops, "subnet-a"], evidence, f"aws ec2 {fix}"]


@pytest.mark.parametrize(
    ("spoil", "code", "fix"),
    [
        (None, "NO_ROUTE_TO_DESTINATION", "create-route {} 172.31.0.0/24"),
        (routes(), "NO_ROUTE_TO_DESTINATION", "create-route {} 172.31.0.0/24"),
        (
            routes(route("172.31.0.0/24", GatewayId="igw-1")),
            "NO_ROUTE_TO_DESTINATION",
            "replace-route {} 172.31.0.0/24",
        ),
        (
            routes(route("172.31.0.0/16", TransitGatewayId="tgw-1", State="blackhole")),
            "BAD_STATE_ROUTE",
            "replace-route {} 172.31.0.0/16",
        ),
    ],
)
def test_the_internet_gateway_is_no_path_to_a_private_network(spoil, code, fix):
    verdict, found, _resources, _evidence, advice = at_route(spoil, **ELSEWHERE)
    where = "--route-table-id rtb-public --destination-cidr-block"
    assert (verdict, found, advice) == ("broken", code, "aws ec2 " + fix.format(where) + WITH_WHAT)
