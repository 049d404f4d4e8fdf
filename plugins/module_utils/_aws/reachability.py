# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Whether a packet gets from a client to an instance, an address or a load balancer, and its answer back.

diagnose() combines the hops into one result; collect.py asks AWS for what it needs.
"""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws import interface as to_interface
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws import load_balancer as to_balancer
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import Intervals
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Client, ClientKind, Question
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import HERE, Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.refusal import ADVICE, NOT_FOUND
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import cidr_errors
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    Snapshot,
    own_addresses,
    public_addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import family_of
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import (
    BROKEN,
    OK,
    PARTIAL,
    SKIPPED,
    UNKNOWN,
    Hop,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Reach

# The hops in the order of the packet and then of its answer: ingress for the packet, egress for the answer, and None if
# no packet passes the hop.
DIRECTIONS = {
    "target_exists": None,
    "instance_state": None,
    "public_address": "ingress",
    "block_public_access": "ingress",
    "lb_state": None,
    "lb_scheme": "ingress",
    "internet_gateway": "ingress",
    "nacl_ingress": "ingress",
    "lb_security_group": "ingress",
    "lb_listener": "ingress",
    "target_group": None,
    "target_health": None,
    "lb_security_group_egress": "egress",
    "target_nacl_ingress": "ingress",
    "security_group": "ingress",
    "target_nacl_egress": "egress",
    "nacl_egress": "egress",
    "route": "egress",
}
HOPS = tuple(DIRECTIONS)
OF_BALANCERS = [hop for hop in HOPS if hop != "instance_state"]
OF_INTERFACES = [hop for hop in HOPS if not hop.startswith(("lb_", "target_")) or hop == "target_exists"]

BEST_FIRST = (Reach.REACHABLE, Reach.PARTIAL, Reach.UNKNOWN, Reach.UNREACHABLE)


class Wanted(NamedTuple):
    """The target: one of these."""

    instance_id: str | None = None
    address: str | None = None
    load_balancer_arn: str | None = None

    def __str__(self) -> str:
        return next(filter(None, self))


def asked(options: dict[str, Any]) -> tuple[Question, Wanted]:
    """Return what the module's options ask for. Raises ValueError with a message that names the option."""
    wanted = Wanted(options["instance_id"], options["address"], options["load_balancer_arn"])
    if not 1 <= options["port"] <= 65535:
        raise ValueError(f"port: {options['port']} is not within 1 to 65535")
    families = {"family": options["family"]}
    if wanted.address:
        try:
            address = str(ipaddress.ip_address(wanted.address))
        except ValueError as error:
            raise ValueError(f"address: {error}") from None
        wanted = wanted._replace(address=address)
        families["address"] = family_of(address)
    if options["source"]:
        for problem in cidr_errors([options["source"]]):
            raise ValueError(f"source: {problem}")
        families["source"] = family_of(options["source"])
    given = {option: family for option, family in families.items() if family}
    if len(set(given.values())) > 1:
        named = ", ".join(f"{option} is {family}" for option, family in given.items())
        raise ValueError(f"{named}: a client and what it reaches are of one family")
    family = next(iter(given.values()), "ipv4")
    return Question(options["protocol"], options["port"], family, options["source"]), wanted


class Walk(NamedTuple):
    """A path to one interface or load balancer, with all hops judged."""

    hops: dict[str, Hop]
    client: Client
    target: Record  # as in RETURN of plugins/modules/reachability.py


def diagnose(snapshot: Snapshot, question: Question, wanted: Wanted, place: Place = HERE) -> dict[str, Any]:
    """Return the result of the module `reachability`, except for `changed`."""
    walks = [_placed(_concluded(walk), place) for walk in _walks(snapshot, question, wanted, place)]
    # An instance with several addresses is reachable if one of them is.
    walk = min(walks, key=lambda each: BEST_FIRST.index(verdict(each.hops)))
    stopping = {name: hop for name, hop in walk.hops.items() if hop.verdict in (BROKEN, PARTIAL)}
    first = next((name for name, hop in stopping.items() if hop.verdict == BROKEN), None)
    first = first or next(iter(stopping), None)
    return {
        "verdict": verdict(walk.hops).value,
        "first_broken_hop": first,
        "broken_hops": list(stopping),
        "hops": [hop.published(name, DIRECTIONS[name]) for name, hop in walk.hops.items()],
        "target": walk.target,
        "summary": _summary(walk, question, wanted, first),
        "notes": _notes(walk),
    }


def verdict(hops: dict[str, Hop]) -> Reach:
    """Return what all hops together do to the connection."""
    verdicts = {hop.verdict for hop in hops.values()}
    if BROKEN in verdicts:
        return Reach.UNREACHABLE
    return Reach.UNKNOWN if UNKNOWN in verdicts else Reach.PARTIAL if PARTIAL in verdicts else Reach.REACHABLE


def _concluded(walk: Walk) -> Walk:
    """Combine the hops: if no client gets through all of them, the hop that stops the last clients is broken."""
    left = walk.client.space
    hops = dict(walk.hops)
    for name, hop in walk.hops.items():
        if hop.passage is None or hop.passage.asked != walk.client.space or hop.verdict == BROKEN:
            continue
        before, left = left, left & hop.passage.some
        if before and not left:
            evidence = f"{hop.evidence} It lets through none of the clients that the earlier hops let through."
            hops[name] = hop._replace(verdict=BROKEN, evidence=evidence)
    return walk._replace(hops=hops)


def _placed(walk: Walk, place: Place) -> Walk:
    return walk._replace(hops={name: hop._replace(fix=place.of_commands(hop.fix)) for name, hop in walk.hops.items()})


def _summary(walk: Walk, question: Question, wanted: Wanted, first: str | None) -> str:
    what = f"{question.service} of {wanted}"
    unknown = [name for name, hop in walk.hops.items() if hop.verdict == UNKNOWN]
    if first is None and not unknown:
        return f"{what} can be reached from {question.asked_source}."
    hop = walk.hops[first or unknown[0]]
    result = {
        Reach.UNREACHABLE: "cannot be reached",
        Reach.PARTIAL: "can be reached by some, not by all,",
        Reach.UNKNOWN: "may be reached or not",
    }[verdict(walk.hops)]
    fix = f" To fix it: {hop.fix}" if hop.fix else ""
    return f"{what} {result} from {question.asked_source}: {hop.evidence}{fix}"


def _notes(walk: Walk) -> list[str]:
    address, elastic = walk.target.get("public_address"), walk.target.get("elastic_ip")
    if address and elastic is False:
        return [f"{address} is not an Elastic IP: {to_interface.CHANGES}."]
    return []


def _walks(snapshot: Snapshot, question: Question, wanted: Wanted, place: Place) -> list[Walk]:
    try:
        if wanted.load_balancer_arn:
            return [_to_balancer(snapshot, question, wanted, place)]
        if wanted.instance_id:
            return _to_instance(snapshot, question, wanted, place)
        return _to_address(snapshot, question, wanted, place)
    except NotRead as error:
        return [_nowhere(Hop(UNKNOWN, str(error)), wanted)]


def _to_balancer(snapshot: Snapshot, question: Question, wanted: Wanted, place: Place) -> Walk:
    balancers = snapshot.all("LoadBalancers", wanted.load_balancer_arn)
    if not balancers:
        return _nowhere(_no("load balancer", wanted, place), wanted)
    way = to_balancer.Way(snapshot, question, balancers[0])
    return Walk(to_balancer.walk(way), way.client, to_balancer.described(way))


def _to_instance(snapshot: Snapshot, question: Question, wanted: Wanted, place: Place) -> list[Walk]:
    instances = snapshot.all("Instances", wanted.instance_id)
    if not instances:
        return [_nowhere(_no("instance", wanted, place), wanted)]
    instance = instances[0]
    interfaces = instance_interfaces(instance)
    if not interfaces:
        walk = _nowhere(Hop(OK, f"{wanted} has no network interface.", resources=(str(wanted),)), wanted)
        walk.hops["instance_state"] = to_interface.state_of(instance)
        return [walk]
    ways = [to_interface.Way(snapshot, question, each, instance) for each in interfaces]
    # Only interfaces that clients can address count, if there are any.
    return [_to_interface(way) for way in [way for way in ways if _is_entrance(way)] or ways[:1]]


def _to_address(snapshot: Snapshot, question: Question, wanted: Wanted, place: Place) -> list[Walk]:
    interfaces = snapshot.all("NetworkInterfaces", wanted.address)
    if not interfaces:
        held = snapshot.all("Addresses", wanted.address)
        return [_to_unassociated(held[0], wanted) if held else _nowhere(_not_found(wanted, place), wanted)]
    if len(interfaces) > 1:
        named = ", ".join(f"{each['NetworkInterfaceId']} of {each['VpcId']}" for each in interfaces)
        return [_nowhere(Hop(UNKNOWN, f"{wanted} is an address of {named}: ask with instance_id."), wanted)]
    interface = interfaces[0]
    way = to_interface.Way(snapshot, question, interface, _instance_of(snapshot, wanted, interface), wanted.address)
    return [_to_interface(way)]


def _to_interface(way: to_interface.Way) -> Walk:
    return Walk(to_interface.walk(way), way.client, to_interface.described(way))


def _instance_of(snapshot: Snapshot, wanted: Wanted, interface: Record) -> Record | NotRead | None:
    id_ = to_interface.instance_id(interface)
    if not id_:
        return None
    try:
        instances = snapshot.all("Instances", wanted.address)
    except NotRead as error:
        return error
    nowhere = NotRead(f"DescribeInstances does not show {id_} to this user.")
    return next((each for each in instances if each["InstanceId"] == id_), nowhere)


def instance_interfaces(instance: Record) -> list[Record]:
    """Return an instance's interfaces in device order, with InstanceId as in DescribeNetworkInterfaces."""
    interfaces = sorted(instance.get("NetworkInterfaces", []), key=lambda each: each["Attachment"]["DeviceIndex"])
    return [{**each, "Attachment": {**each["Attachment"], "InstanceId": instance["InstanceId"]}} for each in interfaces]


def _is_entrance(way: to_interface.Way) -> bool:
    """Return whether clients can address the interface: over the Internet by IPv4, it needs a public address.

    IPv6 addresses, and addresses within the VPC, are not translated.
    """
    is_translated = way.question.family == "ipv4" and way.client.over_the_internet
    return bool(public_addresses(way.interface) if is_translated else own_addresses(way.interface, way.question.family))


def _nowhere(hop: Hop, wanted: Wanted) -> Walk:
    """Return the path to a target that does not exist, or that is unknown: its other hops are skipped."""
    names = OF_BALANCERS if wanted.load_balancer_arn else OF_INTERFACES
    why = "It is not known what it belongs to." if hop.verdict == UNKNOWN else "There is nothing to check."
    hops = {name: Hop(SKIPPED, why) for name in names}
    return Walk({**hops, "target_exists": hop}, Client(ClientKind.INTERNET, Intervals()), {})


NOT_THERE = "NO_SOURCE_OR_DESTINATION"


def _no(kind: str, wanted: Wanted, place: Place) -> Hop:
    return Hop(BROKEN, f"There is no {kind} {wanted} {place}.", NOT_THERE, ADVICE[NOT_FOUND])


def _to_unassociated(held: Record, wanted: Wanted) -> Walk:
    evidence = f"{wanted} is an Elastic IP that is not associated with an instance or network interface."
    fix = f"aws ec2 associate-address --allocation-id {held.get('AllocationId', wanted)} --instance-id"
    fix += " with the id of the instance"
    code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    walk = _nowhere(Hop(OK, f"{wanted} is an Elastic IP of this account.", resources=(str(wanted),)), wanted)
    walk.hops["public_address"] = Hop(BROKEN, evidence, code, fix, (str(wanted),))
    return walk


def _not_found(wanted: Wanted, place: Place) -> Hop:
    evidence = f"Nothing uses the address {wanted} {place}. An address that is not an Elastic IP changes when the"
    evidence += " instance is stopped and started."
    return Hop(BROKEN, evidence, NOT_THERE, "Ask with instance_id instead: the answer shows the present address.")
