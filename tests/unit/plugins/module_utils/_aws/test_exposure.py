# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who can reach a port, for many machines at once, in the worlds and scenarios of reachability."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import Missing
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.exposure import ask_aws, expose, normalised
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import HERE, Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead, Snapshot
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_scenarios import (
    DEFAULT,
    FAULTS_OF_INSTANCE,
    HIGH,
    IN,
    INSTANCE,
    LOW,
    NET,
    OUT,
    acl,
    block,
    denies,
    gateway,
    no_public_address,
    own_acls,
    routes,
    rules,
    second_interface,
    then,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import (
    ANYTHING,
    EVERYWHERE,
    IPV6_ADDRESS,
    PRIVATE,
    World,
    denied,
    entry,
    interface,
    outcome,
    permission,
    route,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain


def listener(port=5000, address="0.0.0.0", protocol="tcp", family=None):
    return {"port": port, "address": address, "protocol": protocol, "family": family}


def machine(*listeners, **fields):
    given = {"name": "web", "instance_id": "i-web", "private_address": None, "listeners": list(listeners)}
    return dict(given, **fields)


def world_of(spoil):
    world = World()
    if spoil:
        spoil(world)
    return world


def exposed(spoil=None, *machines, place=HERE):
    answers = world_of(spoil).answers()
    answers["Instances", None] = answers["Instances", "i-web"]
    answers["NetworkInterfaces", None] = [interface()]
    return plain(expose(Snapshot(answers), normalised(list(machines) or [machine(listener())]), place))


def one(spoil=None, *listeners):
    (found,) = exposed(spoil, machine(*(listeners or [listener()])))
    return found


def test_an_answer_in_full():
    assert exposed() == [
        {
            "machine": "web",
            "protocol": "tcp",
            "family": "ipv4",
            "address": "0.0.0.0",
            "port": 5000,
            "audience": "everybody",
            "sources": ["0.0.0.0/0"],
            "resources": ["i-web", "eni-web", "sg-web"],
            "reason": "Nothing else stops it: the interface lets in tcp/5000 from 0.0.0.0/0 (sg-web).",
        }
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53%lo", "127.8.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_no_aws(address):
    unread = Snapshot({("Instances", None): denied(), ("NetworkInterfaces", None): denied()})
    (found,) = expose(unread, normalised([machine(listener(address=address), instance_id=None)]))
    assert (found["audience"], found["sources"]) == ("nobody", [])

    def refuse(*_arguments, **_keywords):
        raise AssertionError("AWS was asked")

    ask_aws(refuse, normalised([machine(listener(address=address))]))


def test_an_address_bound_to_the_loopback_interface():
    assert one(None, listener(address="0.0.0.0%lo"))["audience"] == "nobody"


@pytest.mark.parametrize(
    ("spoil", "audience", "sources"),
    [
        (rules(), "nobody", []),
        (rules(permission(5001, cidrs=EVERYWHERE)), "nobody", []),
        (rules(ANYTHING), "everybody", ["0.0.0.0/0"]),
        (rules(permission(5000, cidrs=[NET])), "part", [NET]),
        (rules(permission(5000, cidrs=[NET, "10.0.0.0/16"])), "part", [NET]),
        (rules(permission(5000, cidrs=[LOW, HIGH])), "everybody", [LOW, HIGH]),
        (rules(permission(5000, cidrs=["10.0.0.0/16"])), "vpc", ["10.0.0.0/16"]),
        (rules(permission(5000, cidrs=["192.168.0.0/16"])), "vpc", ["192.168.0.0/16"]),
        (rules(permission(5000, groups=["sg-lb"])), "vpc", ["sg-lb"]),
        (rules(permission(5000, groups=["sg-lb"], cidrs=[NET])), "part", [NET, "sg-lb"]),
        (rules(permission(5000, lists=["pl-office"])), "part", ["pl-office"]),
        (rules(permission(5000, lists=["pl-all"])), "everybody", ["pl-all"]),
        (rules(permission(5000, cidrs=["::/0"])), "nobody", []),
        (rules(permission(5000, protocol="udp", cidrs=EVERYWHERE)), "nobody", []),
        (no_public_address, "vpc", ["0.0.0.0/0"]),
        (then(no_public_address, rules()), "nobody", []),
        (then(no_public_address, rules(permission(5000, cidrs=[NET]))), "nobody", []),
        (acl(OUT), "vpc", ["0.0.0.0/0"]),
        (acl(entry(90, "deny", LOW), IN, OUT), "part", ["128.0.0.0/3"]),
        (acl(IN, entry(9, protocol="6", first=32768, last=60999, egress=True)), "everybody", ["0.0.0.0/0"]),
        (block(), "vpc", ["0.0.0.0/0"]),
        (routes(), "vpc", ["0.0.0.0/0"]),
        (gateway("detaching"), "vpc", ["0.0.0.0/0"]),
        (routes(DEFAULT, route(NET, GatewayId="vgw-1")), "part", None),
        (lambda world: world.attach("sg-default"), "vpc", ["sg-default"]),
        (lambda world: world.attach("sg-default", "sg-web"), "everybody", None),
    ],
)
def test_who_gets_in(spoil, audience, sources):
    found = one(spoil)
    assert found["audience"] == audience
    assert found["reason"]
    if sources is not None:
        assert found["sources"][: len(sources)] == sources


def test_ipv6_is_apart():
    only_ipv6 = rules(permission(5000, cidrs=["::/0"]))
    assert one(only_ipv6, listener(address="::", family="ipv6"))["audience"] == "everybody"
    both = exposed(only_ipv6, machine(listener(address="::", family="any")))
    assert [(each["family"], each["audience"]) for each in both] == [("ipv4", "nobody"), ("ipv6", "everybody")]
    assert one(None, listener(address="::"))["family"] == "ipv6"


@pytest.mark.parametrize(
    ("address", "audience"),
    [
        (PRIVATE, "everybody"),
        (IPV6_ADDRESS, "everybody"),
        # A server in Java binds to the machine's own IPv4 address as an IPv4-mapped IPv6 address.
        (f"::ffff:{PRIVATE}", "everybody"),
        ("::ffff:0.0.0.0", "everybody"),
        ("::ffff:172.17.0.1", "nobody"),
        ("172.17.0.1", "nobody"),
        ("198.51.100.20", "nobody"),
        ("fe80::1%eth0", "nobody"),
        ("169.254.1.1", "nobody"),
    ],
)
def test_an_address_that_ec2_delivers_to_or_not(address, audience):
    assert one(None, listener(address=address))["audience"] == audience


@pytest.mark.parametrize("family", [None, "ipv4", "ipv6", "any"])
def test_a_mapped_address_serves_only_ipv4(family):
    found = one(None, listener(address="::FFFF:0a00:10a", family=family))
    assert (found["address"], found["family"], found["audience"]) == (f"::ffff:{PRIVATE}", "ipv4", "everybody")


def test_a_wildcard_is_as_open_as_the_widest_interface():
    closed_first = then(second_interface, lambda world: world.attach("sg-app"))
    found = one(closed_first)
    assert found["audience"] == "everybody"
    assert "eni-second" in found["resources"]
    assert one(closed_first, listener(address=PRIVATE))["audience"] == "vpc"


@pytest.mark.parametrize(
    ("spoil", "audience"),
    [
        (denies("SecurityGroups"), "unknown"),
        (denies("NetworkAcls"), "unknown"),
        (denies("RouteTables"), "unknown"),
        (denies("InternetGateways"), "unknown"),
        (denies("VpcBlockPublicAccessOptions"), "unknown"),
        # The group stops all clients, so the other hops do not matter.
        (then(rules(), denies("VpcBlockPublicAccessOptions", "NetworkAcls")), "nobody"),
        (then(rules(permission(5000, groups=["sg-lb"])), denies("VpcBlockPublicAccessOptions")), "vpc"),
        (lambda world: world.attach("sg-web", "sg-shared"), "everybody"),
        (lambda world: world.attach("sg-default", "sg-shared"), "unknown"),
        (
            then(
                rules(permission(5000, lists=["pl-all"])),
                lambda world: world["Entries"].update({"pl-all": denied("x")}),
            ),
            "unknown",
        ),
    ],
)
def test_unread_answers(spoil, audience):
    found = one(spoil)
    assert found["audience"] == audience
    if audience == "unknown":
        assert "AWS refused" in found["reason"] or "sg-shared" in found["reason"]


@pytest.mark.parametrize("scenario", [each for each in INSTANCE if not each.question], ids=lambda each: each.name)
def test_it_agrees_with_reachability(scenario):
    """For clients on the Internet. The instance's state is not checked, because it reported its listeners."""
    answer = outcome(scenario.spoil)
    if answer["hops"][1]["verdict"] != "ok" or answer["first_broken_hop"] == "target_exists":
        assert answer["verdict"] == "unreachable" or answer["hops"][0]["verdict"] == "unknown"
        return
    found = one(scenario.spoil)["audience"]
    some_ports_only = answer["broken_hops"] == ["nacl_egress"] and answer["verdict"] == "partial"
    expected = {
        "reachable": ["everybody"],
        "partial": ["everybody"] if some_ports_only else ["part"],
        "unknown": ["unknown"],
        "unreachable": ["vpc", "nobody"],
    }
    assert found in expected[answer["verdict"]]


@pytest.mark.parametrize("hop", sorted(set(FAULTS_OF_INSTANCE) - {"instance_state"}))
def test_each_hop_shuts_the_internet_out(hop):
    found = one(then(own_acls, FAULTS_OF_INSTANCE[hop]))["audience"]
    assert found == ("nobody" if hop == "security_group" else "vpc")


def test_a_machine_by_its_private_address():
    (found,) = exposed(None, machine(listener(), instance_id=None, private_address=PRIVATE))
    assert found["audience"] == "everybody"
    assert found["resources"] == ["eni-web", "sg-web"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"instance_id": "i-gone"}, "no instance i-gone in region eu-west-1 of account 123456789012."),
        (
            {"instance_id": None, "private_address": "10.9.9.9"},
            "10.9.9.9 is an address of nothing in region eu-west-1 of account 123456789012.",
        ),
        ({"instance_id": None}, "Neither the instance's id nor its private address"),
    ],
)
def test_a_machine_that_ec2_does_not_know(fields, words):
    (found,) = exposed(None, machine(listener(), **fields), place=Place("eu-west-1", lambda: "123456789012"))
    assert found["audience"] == "unknown"
    assert words in found["reason"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (listener(port=0), "machines: web: port: 0 is not within"),
        (listener(address="everywhere"), "machines: web: address: everywhere is not an IP address"),
    ],
)
def test_invalid_options_are_refused(bad, words):
    with pytest.raises(ValueError, match=words):
        normalised([machine(bad)])


class Fleet:
    """An account with many instances like i-web in one VPC."""

    def __init__(self, count):
        self.world = World()
        self.calls = []
        like = self.world.instance
        self.instances = []
        for number in range(count):
            private = f"10.0.{number // 250}.{number % 250 + 4}"
            own = interface(f"eni-{number}", private=private, groups=["sg-web", "sg-default"])
            self.instances.append(dict(like, InstanceId=f"i-{number:05}", NetworkInterfaces=[own]))

    def __call__(self, service, operation, answer, **arguments):
        self.calls.append(operation)
        if operation == "describe_instances":
            ids = arguments["InstanceIds"]
            assert len(ids) <= 1000
            known = {each["InstanceId"]: each for each in self.instances}
            unknown = [each for each in ids if each not in known]
            if unknown:
                raise Missing(f"The instance IDs '{', '.join(unknown)}' do not exist")
            return [{"Instances": [known[each] for each in ids]}]
        if operation == "describe_network_interfaces":
            (asked,) = arguments["Filters"]
            assert asked["Name"] == "addresses.private-ip-address" and len(asked["Values"]) <= 200
            found = [each["NetworkInterfaces"][0] for each in self.instances]
            return [each for each in found if each["PrivateIpAddress"] in asked["Values"]]
        return self.world[answer]

    def machines(self, **fields):
        return normalised(
            [
                machine(listener(), listener(22), listener(5432, "127.0.0.1"), name=each["InstanceId"], **fields)
                if fields
                else machine(listener(), listener(22), listener(5432, "127.0.0.1"), instance_id=each["InstanceId"])
                for each in self.instances
            ]
        )


def test_a_thousand_instances_in_six_calls():
    fleet = Fleet(1000)
    machines = fleet.machines()
    found = ask_aws(fleet, machines)
    assert len(fleet.calls) == 6
    assert [each["audience"] for each in found] == ["everybody", "part", "nobody"] * 1000


def test_of_machines_that_are_judged_together_each_has_its_own_resources():
    fleet = Fleet(3)
    machines = fleet.machines()
    for spoil in (None, rules(), block()):
        if spoil:
            spoil(fleet.world)
        for at, found in enumerate(ask_aws(fleet, machines)):
            own = {f"i-{at // 3:05}", f"eni-{at // 3}"}
            named_there = {each for each in found["resources"] if each.startswith(("i-", "eni-"))}
            assert named_there == (own if found["port"] != 5432 else set())
            assert "eni-" not in found["reason"]


def test_a_thousand_addresses_in_ten_calls():
    fleet = Fleet(1000)
    machines = fleet.machines(instance_id=None)
    for each, instance in zip(machines, fleet.instances):
        each["private_address"] = instance["NetworkInterfaces"][0]["PrivateIpAddress"]
    found = ask_aws(fleet, machines)
    assert len(fleet.calls) == 10
    assert [each["audience"] for each in found] == ["everybody", "part", "nobody"] * 1000


def test_a_missing_instance_does_not_hide_others():
    fleet = Fleet(3)
    machines = fleet.machines() + normalised([machine(listener(), name="gone", instance_id="i-gone")])
    found = ask_aws(fleet, machines)
    assert [each["audience"] for each in found] == ["everybody", "part", "nobody"] * 3 + ["unknown"]
    assert fleet.calls.count("describe_instances") == 2


def test_a_forbidden_call_is_reported_for_each_machine():
    def refuse(_service, operation, _answer, **_arguments):
        raise NotRead(f"the permission for {operation} is missing")

    machines = normalised([machine(listener()), machine(listener(), instance_id=None, private_address=PRIVATE)])
    found = ask_aws(refuse, machines)
    assert [each["audience"] for each in found] == ["unknown", "unknown"]
    assert "describe_instances" in found[0]["reason"]
    assert "describe_network_interfaces" in found[1]["reason"]


def test_a_terminated_instance_has_no_interface():
    found = one(lambda world: world.instance.update(State={"Name": "terminated"}, NetworkInterfaces=[]))
    assert (found["audience"], found["reason"]) == ("unknown", "i-web has no network interface: it is terminated.")


@pytest.mark.parametrize(("port", "audience"), [(22, "unknown"), (8080, "unknown"), (5000, "everybody")])
def test_a_group_that_is_not_shown_may_admit_more(port, audience):
    found = one(lambda world: world.attach("sg-web", "sg-shared"), listener(port))
    assert found["audience"] == audience
    assert ("sg-shared" in found["reason"]) == (audience == "unknown")


def test_a_group_that_is_not_shown_may_admit_neighbours():
    found = one(then(no_public_address, lambda world: world.attach("sg-web", "sg-shared")))
    assert found["audience"] == "unknown"
    assert "sg-shared" in found["reason"]
