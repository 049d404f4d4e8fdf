# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to AWS, their number, and what happens with invalid answers."""

from __future__ import annotations

import botocore.session
import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import (
    SHAPES,
    Missing,
    ask_aws,
    fits,
    instances_by_id,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Question
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import Wanted
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_scenarios import (
    ADDRESS,
    SCENARIOS,
    block,
    by_address,
    named,
    network_balancer,
    routes,
    rules,
    second_group,
    target_is,
    then,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import (
    BALANCER,
    GROUP_ARN,
    LISTENER,
    PRIVATE,
    PUBLIC,
    TO_BALANCER,
    TO_INSTANCE,
    World,
    denied,
    exclusion,
    health,
    interface,
    matches,
    permission,
    route,
    said,
)
from botocore.validate import ParamValidator

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

settings.register_profile("patient", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


# The filters in AWS's API reference for the call that are used here.
FILTERS = {
    "describe_addresses": {"public-ip"},
    "describe_instances": {"ip-address"},
    "describe_internet_gateways": {"attachment.vpc-id"},
    "describe_network_acls": {"vpc-id"},
    "describe_network_interfaces": {
        "addresses.private-ip-address",
        "association.public-ip",
        "group-id",
        "ipv6-addresses.ipv6-address",
        "vpc-id",
    },
    "describe_route_tables": {"vpc-id"},
    "describe_security_groups": {"vpc-id"},
    "describe_subnets": {"vpc-id"},
}
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "nobody's", "aws_secret_access_key": "nobody's"}
CLIENTS = {service: botocore.session.Session().create_client(service, **KEYS) for service in ("ec2", "elbv2")}


def check_call(service, operation, answer, arguments):
    """Check with botocore's models that AWS has such a call, with these arguments, filters and this answer."""
    meta = CLIENTS[service].meta
    model = meta.service_model.operation_model(meta.method_to_api_mapping[operation])
    assert not ParamValidator().validate(arguments, model.input_shape).has_errors(), (operation, arguments)
    assert answer in model.output_shape.members, (operation, answer)
    assert {each["Name"] for each in arguments.get("Filters", [])} <= FILTERS.get(operation, set())


class Aws:
    """Answers describe calls from a world as AWS does, and counts them."""

    def __init__(self, spoil=None):
        self.world = World()
        if spoil:
            spoil(self.world)
        self.calls = []
        self.instances = [*self.world["Instances"][None]]
        if not isinstance(self.world["Instances"]["i-web"], NotRead):
            self.instances += self.world["Instances"]["i-web"]

    def __call__(self, service, operation, answer, **arguments):
        check_call(service, operation, answer, arguments)
        self.calls.append(operation)
        found = self.find(operation, answer, arguments)
        if isinstance(found, NotRead):
            raise found
        return found

    def find(self, operation, answer, arguments):
        named = {each["Name"]: each["Values"] for each in arguments.get("Filters", [])}
        if operation == "describe_instances":
            if isinstance(self.world["Instances"]["i-web"], NotRead):
                return self.world["Instances"]["i-web"]
            return self.find_instances(arguments.get("InstanceIds"), named.get("ip-address", []))
        if "group-id" in named:
            return self.world.get(("Members", *named["group-id"]), [])
        if operation == "describe_network_interfaces" and "vpc-id" not in named:
            return self.find_interfaces(arguments.get("NetworkInterfaceIds"), named)
        if operation == "describe_addresses":
            return self.world["Addresses"].get(*named["public-ip"], [])
        key = next((value for name, value in arguments.items() if name != "Filters"), None)
        if key and answer in ("InternetGateways", "SecurityGroups"):
            return self.world.get((answer, *key)) or Missing("There is no such thing")
        if answer == "LoadBalancers":
            return self.world[answer][key[0]] or Missing("There is no such load balancer")
        found = self.world[answer]
        if isinstance(found, dict) and answer != "VpcBlockPublicAccessOptions":
            return found[key]
        if named and not isinstance(found, NotRead):
            assert list(named.values()) == [["vpc-1"]]
        return found

    def find_instances(self, ids, addresses):
        if ids is None:
            chosen = [each for each in self.instances if any(has(one, addresses) for one in each["NetworkInterfaces"])]
        else:
            known = [each["InstanceId"] for each in self.instances]
            unknown = [each for each in ids if each not in known]
            if unknown:
                return Missing(f"The instance IDs '{', '.join(unknown)}' do not exist")
            chosen = [each for each in self.instances if each["InstanceId"] in ids]
        return [{"Instances": [each]} for each in chosen]

    def find_interfaces(self, ids, named):
        interfaces = [
            dict(one, Attachment=dict(one["Attachment"], InstanceId=each["InstanceId"]))
            for each in self.instances
            for one in each["NetworkInterfaces"]
        ]
        interfaces += self.world["NetworkInterfaces"].get("spare", [])
        asked = [address for values in named.values() for address in values]
        return [each for each in interfaces if each["NetworkInterfaceId"] in (ids or []) or has(each, asked)]


def has(one, addresses):
    own = [one.get("PrivateIpAddress"), one.get("Association", {}).get("PublicIp")]
    own += [each["Ipv6Address"] for each in one["Ipv6Addresses"]]
    return bool(set(own) & set(addresses))


def ask(spoil=None, wanted=TO_INSTANCE, **question):
    if wanted.load_balancer_arn:
        question.setdefault("port", 80)
    aws = Aws(spoil)
    asked = Question(**question)
    return ask_aws(aws, asked, wanted), aws.calls


# The others have interfaces without an instance, which this AWS does not list.
COLLECTED = [
    each
    for each in SCENARIOS
    if each not in ADDRESS and "from within" not in each.name and "by address" not in each.name
]


@pytest.mark.parametrize("scenario", COLLECTED, ids=named)
def test_fetched_answers_are_enough_and_none_is_fetched_twice(scenario):
    answer, calls = ask(scenario.spoil, scenario.wanted, **scenario.question)
    assert matches(answer, scenario.expected), said(answer)
    repeated = {each for each in calls if calls.count(each) > 1}
    of_one = {"describe_target_health", "describe_target_group_attributes", "get_managed_prefix_list_entries"}
    of_one |= {"describe_rules", "describe_internet_gateways", "describe_security_groups"}
    assert repeated <= of_one
    assert len(calls) <= (13 if scenario.wanted == TO_BALANCER else 9)


USUAL = [
    "describe_instances",
    "describe_internet_gateways",
    "describe_network_acls",
    "describe_route_tables",
    "describe_security_groups",
    "describe_vpc_block_public_access_options",
]


def test_the_calls_for_an_instance():
    _answer, calls = ask()
    assert sorted(calls) == USUAL


@pytest.mark.parametrize(
    ("spoil", "calls"),
    [
        (None, 12),
        (block(exclusions=[exclusion()]), 13),
        (rules(permission(80, lists=["pl-all"]), of="sg-lb"), 13),
        (second_group(health()), 13),
        (network_balancer(), 12),
        (then(network_balancer(), block(exclusions=[exclusion()])), 13),
        (target_is(health("unhealthy", "x")), 12),
    ],
)
def test_how_many_calls_for_a_load_balancer(spoil, calls):
    assert len(ask(spoil, TO_BALANCER)[1]) == calls


def test_the_most_calls_for_an_instance():
    lists = then(
        block(exclusions=[exclusion()]),
        rules(permission(5000, lists=["pl-all"])),
        routes(route("pl-office", GatewayId="igw-1"), route("0.0.0.0/0", GatewayId="igw-1")),
    )
    answer, calls = ask(lists)
    assert answer["verdict"] == "reachable"
    assert len(calls) == 9


def test_lists_that_decide_nothing_are_not_read():
    for admitting in (permission(5000, cidrs=["0.0.0.0/0"]), permission(5001, lists=["pl-office"])):
        _answer, calls = ask(rules(permission(5001, lists=["pl-office"]), admitting))
        assert "get_managed_prefix_list_entries" not in calls


def elastic(**fields):
    return lambda world: world["Addresses"].update({PUBLIC: [dict({"PublicIp": PUBLIC}, **fields)]})


BY_ADDRESS = [
    (PUBLIC, None, ["describe_addresses", "describe_instances"]),
    (PUBLIC, elastic(InstanceId="i-web", NetworkInterfaceId="eni-web"), ["describe_addresses", "describe_instances"]),
    (
        PUBLIC,
        elastic(InstanceId="", NetworkInterfaceId="eni-web"),
        ["describe_addresses", "describe_network_interfaces", "describe_instances"],
    ),
    ("2600:1f18:1:101::10", None, ["describe_network_interfaces", "describe_instances"]),
    (PRIVATE, None, ["describe_network_interfaces", "describe_instances"]),
]


@pytest.mark.parametrize(("address", "spoil", "first"), BY_ADDRESS)
def test_the_calls_for_an_address(address, spoil, first):
    answer, calls = ask(spoil, Wanted(address=address), family="ipv6" if ":" in address else "ipv4")
    assert answer["target"]["instance_id"] == "i-web"
    assert said(answer)["instance_state"] == "ok"
    assert answer["broken_hops"] == (["public_address"] if address == PRIVATE else [])
    assert calls[: len(first)] == first
    assert len(calls) <= 9


def test_the_address_of_a_second_interface():
    def second(world):
        more = interface("eni-2", "subnet-b", "10.0.2.20", "198.51.100.21", ["sg-default"])
        world.instance["NetworkInterfaces"].append(dict(more, Attachment={"DeviceIndex": 1, "Status": "attached"}))

    answer, _calls = ask(second, Wanted(address="198.51.100.21"))
    assert answer["target"]["interface_id"] == "eni-2"
    assert answer["broken_hops"] == ["security_group"]
    assert ask(second, Wanted(address=PUBLIC))[0]["verdict"] == "reachable"


def test_the_address_of_a_load_balancer_s_node():
    node = interface(
        "eni-lb",
        public="198.51.100.77",
        Description="ELB app/web/1",
        Attachment={"DeviceIndex": 1},
        RequesterManaged=True,
    )
    answer, _calls = ask(lambda world: world["NetworkInterfaces"].update(spare=[node]), Wanted(address="198.51.100.77"))
    assert answer["verdict"] == "unknown"
    assert "ELB app/web/1" in answer["summary"]


def test_an_address_of_nothing():
    answer, calls = ask(wanted=Wanted(address="198.51.100.99"))
    assert said(answer)["target_exists"] == "broken NO_SOURCE_OR_DESTINATION"
    assert len(calls) == 3
    for address in ("10.0.1.99", "2600:1f18:1:101::99"):
        answer, calls = ask(wanted=Wanted(address=address), family="ipv6" if ":" in address else "ipv4")
        assert said(answer)["target_exists"] == "broken NO_SOURCE_OR_DESTINATION"
        assert calls == ["describe_network_interfaces"]
    answer, calls = ask(elastic(AllocationId="eipalloc-1"), Wanted(address=PUBLIC))
    assert said(answer)["public_address"] == "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    assert calls == ["describe_addresses"]


def test_a_forbidden_call_is_not_repeated():
    answer, calls = ask(lambda world: world["Instances"].update({"i-web": denied("ec2:DescribeInstances")}))
    assert answer["verdict"] == "unknown"
    assert calls == ["describe_instances"]


def test_a_terminated_target_does_not_hide_others():
    gone = health("unused", "Target.InvalidState", "i-gone")
    answer, calls = ask(target_is(gone, health()), TO_BALANCER)
    assert answer["verdict"] == "reachable"
    assert calls.count("describe_instances") == 2


def test_a_refusal_that_names_no_instance_ends_the_asking():
    calls = []

    def refuse(*_arguments, **keywords):
        calls.append(keywords["InstanceIds"])
        raise Missing("There is no such thing")

    assert instances_by_id(refuse, ["i-1", "i-2"]) == []
    assert calls == [["i-1", "i-2"]]


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda world: world.interface.pop("SubnetId"), "Instances"),
        (lambda world: world.instance.pop("State"), "Instances"),
        (lambda world: world["NetworkAcls"][0].pop("Entries"), "NetworkAcls"),
    ],
)
def test_an_invalid_answer_is_reported(spoil, what):
    answer, _calls = ask(spoil)
    assert answer["verdict"] == "unknown"
    said_of_it = f"The endpoint's answer makes no sense as {what} of EC2. Is it AWS that answers there?"
    assert said_of_it in [each["evidence"] for each in answer["hops"]]


def test_targets_by_address_are_looked_for_in_the_vpc():
    answer, calls = ask(by_address(), TO_BALANCER)
    assert answer["verdict"] == "reachable"
    assert "describe_network_interfaces" in calls
    assert "describe_instances" not in calls


# The places in answers where a value may be invalid: every key, at any depth.


def places(record):
    if isinstance(record, dict):
        for key in record:
            yield record, key
            yield from places(record[key])
    elif isinstance(record, list):
        for each in record:
            yield from places(each)


# The types that botocore makes of any value.
NONSENSE = {
    str: some.sampled_from(["", "nonsense", "10.0.0.0/99", "::/0", "active"]),
    bool: some.booleans(),
    int: some.sampled_from([0, -1, 10**9]),
    list: some.sampled_from([[], [{}]]),
    dict: some.just({}),
}
WANTED = some.sampled_from([TO_INSTANCE, TO_BALANCER, Wanted(address=PUBLIC), Wanted(address=PRIVATE)])


@given(some.data(), some.integers(0, 10**6), WANTED, some.booleans(), some.sampled_from([None, network_balancer()]))
@settings(max_examples=300)
def test_invalid_values_in_any_place_do_not_crash(data, where, wanted, remove, spoil):
    def spoilt(world):
        if spoil:
            spoil(world)
        answers = {key: each for key, each in world.items() if key not in ("Addresses", "NetworkInterfaces")}
        found = [(record, key) for record, key in places(answers) if record is not answers]
        # The fake's own keys are not answers of AWS.
        found = [(record, key) for record, key in found if key not in ("i-web", None, BALANCER, LISTENER, GROUP_ARN)]
        found = [(record, key) for record, key in found if type(record[key]) in NONSENSE]
        record, key = found[where % len(found)]
        if remove:
            del record[key]
        else:
            record[key] = data.draw(NONSENSE[type(record[key])])

    try:
        aws = Aws(spoilt)
    except (KeyError, TypeError, AttributeError):
        return  # the fake itself cannot be built with it
    question = Question(port=80 if wanted == TO_BALANCER else 5000)
    try:
        found = ask_aws(aws, question, wanted)
    except (KeyError, TypeError, AttributeError, AssertionError) as error:
        frame = error.__traceback__
        while frame.tb_next:
            frame = frame.tb_next
        assert frame.tb_frame.f_code.co_filename == __file__, "not the fake but the logic stumbled"
        return
    assert found["verdict"] in ("reachable", "partial", "unreachable", "unknown")


@pytest.mark.parametrize(
    "source",
    [{"PrefixListIds": [{"PrefixListId": "10.0.0.0/99"}]}, {"UserIdGroupPairs": [{"GroupId": "10.0.0.0/99"}]}],
    ids=lambda source: next(iter(source)),
)
def test_a_block_in_the_place_of_an_id_is_refused(source):
    answer, _calls = ask(rules({"IpProtocol": "-1", **source}))
    assert answer["verdict"] == "unknown"


@pytest.mark.parametrize("name", SHAPES)
def test_an_empty_record_is_refused(name):
    assert not fits({}, SHAPES[name])
    assert not fits("nonsense", SHAPES[name])


def test_records_of_aws_are_accepted():
    world = World()
    for name, shape in SHAPES.items():
        answers = world.get(name, [])
        for answer in (
            answers.values() if isinstance(answers, dict) and "InternetGatewayBlockMode" not in answers else [answers]
        ):
            for record in answer if isinstance(answer, list) else [answer]:
                assert fits(record, shape), (name, record)
