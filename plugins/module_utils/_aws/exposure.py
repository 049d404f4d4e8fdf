# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which clients can reach each listening port of many machines, from one set of describe calls for all of them."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import INTERNET, Intervals, cidrs
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.chunks import MOST_IDS, chunks
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import (
    Describe,
    attempt,
    believed,
    fetch_missed,
    instances_by_id,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Question
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.interface import Way, resolver, walk
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import GroupRule, group_rules
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import HERE, Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import instance_interfaces, verdict
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    Snapshot,
    group_ids,
    not_shown,
    own_addresses,
    public_addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import (
    is_mapped,
    is_wildcard,
    scope,
    unmapped,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, UNKNOWN, Hop
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Audience, Reach

NARROWEST_FIRST = (Audience.NOBODY, Audience.VPC, Audience.PART, Audience.EVERYBODY)
FAMILIES = {"ipv4": ("ipv4",), "ipv6": ("ipv6",), "any": ("ipv4", "ipv6")}


class Exposure(NamedTuple):
    """Who can reach one listening port. `sources` and `resources` are as in RETURN of plugins/modules/exposure.py."""

    audience: Audience
    reason: str
    sources: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """A number that is higher for a wider audience. Unknown counts as part of the Internet: it may be that wide."""
        known = Audience.PART if self.audience == Audience.UNKNOWN else self.audience
        return NARROWEST_FIRST.index(known)


def normalised(machines: list[Record]) -> list[Record]:
    """Return the machines, with the addresses of their listeners normalised and without zones.

    Raises ValueError with a text that names the option.
    """
    return [
        {**machine, "listeners": [_normalised(machine["name"], each) for each in machine["listeners"] or []]}
        for machine in machines
    ]


def _normalised(name: str, listener: Record) -> Record:
    address, _percent, zone = listener["address"].partition("%")
    if not 1 <= listener["port"] <= 65535:
        raise ValueError(f"machines: {name}: port: {listener['port']} is not within 1 to 65535")
    try:
        address = addresses.normalised(address)
    except ValueError as error:
        raise ValueError(f"machines: {name}: {error}") from None
    family = "ipv4" if is_mapped(address) else listener["family"] or addresses.family_of(address)
    return {**listener, "address": address, "interface": zone or None, "family": family}


def expose(snapshot: Snapshot, machines: list[Record], place: Place = HERE) -> list[Record]:
    """Return a record for each listener and family that it serves.

    The record is `{machine, protocol, family, address, port, audience, sources, resources, reason}`, and a machine is
    `{name, instance_id, private_address, listeners: [{protocol, address, port, family}]}`.
    """
    judge = _Judge(snapshot, place)
    return [
        {
            "machine": machine["name"],
            "protocol": listener["protocol"],
            "family": family,
            "address": listener["address"],
            "port": listener["port"],
            "audience": found.audience.value,
            "sources": list(found.sources),
            "resources": list(found.resources),
            "reason": found.reason,
        }
        for machine in machines
        for listener in machine["listeners"]
        for family in FAMILIES[listener["family"]]
        for found in [judge.audience(machine, listener, family)]
    ]


class _Judge:
    """Judges each combination of subnet, groups and port only once, because many machines may share it."""

    def __init__(self, snapshot: Snapshot, place: Place):
        self.snapshot = snapshot
        self.place = place
        self.instances = attempt(lambda: {each["InstanceId"]: each for each in snapshot.all("Instances")})
        self.by_address = attempt(_by_address, snapshot)
        self.known: dict[tuple, Exposure] = {}

    def audience(self, machine: Record, listener: Record, family: str) -> Exposure:
        address = listener["address"]
        where = scope(address, listener.get("interface"))
        if where == "loopback":
            return Exposure(Audience.NOBODY, f"{address} is only for the machine itself.")
        if where in ("link-local", "multicast"):
            return Exposure(Audience.NOBODY, f"{address} is an address that EC2 delivers nothing to.")
        try:
            interfaces = self._interfaces(machine)
        except NotRead as error:
            return Exposure(Audience.UNKNOWN, str(error))
        if not is_wildcard(address):
            interfaces = [each for each in interfaces if unmapped(address) in own_addresses(each, family)]
            if not interfaces:
                return Exposure(Audience.NOBODY, f"{address} is not an address of the machine that EC2 delivers to.")
        return max((self._at(each, listener, family) for each in interfaces), key=lambda found: found.rank)

    def _interfaces(self, machine: Record) -> list[Record]:
        id_ = machine["instance_id"]
        if id_:
            return self.snapshot.once(("interfaces", id_), lambda: self._of_instance(id_))
        if not machine["private_address"]:
            raise NotRead("Neither the instance's id nor its private address is known.")
        if isinstance(self.by_address, NotRead):
            raise self.by_address
        found = self.by_address.get(machine["private_address"], [])
        if len(found) != 1:
            named = ", ".join(f"{each['NetworkInterfaceId']} of {each['VpcId']}" for each in found)
            raise NotRead(f"{machine['private_address']} is an address of {named or 'nothing'} {self.place}.")
        return found

    def _of_instance(self, id_: str) -> list[Record]:
        if isinstance(self.instances, NotRead):
            raise self.instances
        if id_ not in self.instances:
            raise NotRead(f"There is no instance {id_} {self.place}.")
        interfaces = instance_interfaces(self.instances[id_])
        if not interfaces:
            raise NotRead(f"{id_} has no network interface: it is {self.instances[id_]['State']['Name']}.")
        return interfaces

    def _at(self, interface: Record, listener: Record, family: str) -> Exposure:
        entrance = own_addresses(interface, "ipv6") if family == "ipv6" else public_addresses(interface)
        groups, port = tuple(group_ids(interface)), listener["port"]
        key = (interface["SubnetId"], groups, bool(entrance), listener["protocol"], port, family)
        if key not in self.known:
            question = Question(listener["protocol"], port, family)
            self.known[key] = _judged(self.snapshot, question, {**interface, **ANY}, bool(entrance))
        found = self.known[key]
        ids = (interface.get("Attachment", {}).get("InstanceId"), interface["NetworkInterfaceId"])
        resources = (*filter(None, ids), *(each for each in found.resources if each != ANY["NetworkInterfaceId"]))
        return found._replace(resources=resources)


# Interfaces with the same subnet and groups share a judgement, so its text names none of them.
ANY = {"NetworkInterfaceId": "the interface"}


def _by_address(snapshot: Snapshot) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for interface in snapshot.all("NetworkInterfaces"):
        for address in own_addresses(interface, "ipv4") + own_addresses(interface, "ipv6"):
            found.setdefault(address, []).append(interface)
    return found


def _judged(snapshot: Snapshot, question: Question, interface: Record, entrance: bool) -> Exposure:
    """Judge the groups that could be read. Hidden ones can only allow more, so the audience `everybody` stays right."""
    try:
        groups, hidden = snapshot.groups(group_ids(interface))
        rules = [rule for rule in group_rules(groups) if rule.is_for(question.protocol, question.port)]
        found = _of_rules(snapshot, question, interface, entrance, rules)
        if hidden and found.audience not in (Audience.EVERYBODY, Audience.UNKNOWN):
            raise not_shown(hidden)
        return found
    except NotRead as error:
        return Exposure(Audience.UNKNOWN, str(error))


def _of_rules(
    snapshot: Snapshot, question: Question, interface: Record, entrance: bool, rules: list[GroupRule]
) -> Exposure:
    # The instance runs, because it reported its listeners.
    way = Way(snapshot, question, interface, {"InstanceId": "", "State": {"Name": "running"}})
    hops = walk(way) if entrance else {}
    through = _through(hops, way.client.space) if entrance else Intervals()
    resources = tuple(dict.fromkeys(rule.group_id for rule in rules))
    unread = [hop for hop in hops.values() if hop.verdict == UNKNOWN]
    if unread and through:
        return Exposure(Audience.UNKNOWN, unread[0].evidence, _sources(rules), (*unread[0].resources, *resources))
    if through:
        audience = Audience.EVERYBODY if way.client.space <= through else Audience.PART
        why = f"Nothing else stops it: {hops['security_group'].evidence}"
        return Exposure(audience, why, _named(snapshot, rules, through, way), resources)
    stopping = next((hop for hop in hops.values() if hop.verdict == BROKEN), None)
    why = stopping.evidence if stopping else f"It has no public {question.family} address."
    inside = [rule for rule in rules if _admits_neighbours(snapshot, rule, question.family, interface["VpcId"])]
    if inside:
        return Exposure(Audience.VPC, f"From outside: {why}", _sources(inside), resources)
    if not rules:
        why = f"None of its security groups admits {question.service}."
    return Exposure(Audience.NOBODY, why, (), stopping.resources if stopping else ())


def _through(hops: dict[str, Hop], space: Intervals) -> Intervals:
    """Return the clients that get through every hop, with at least some of their own ports."""
    if verdict(hops) == Reach.UNREACHABLE:
        return Intervals()
    for hop in hops.values():
        if hop.passage:
            space &= hop.passage.some
    return space


def _space(snapshot: Snapshot, rule: GroupRule, family: str) -> Intervals:
    return rule.addresses(family, resolver(snapshot, family, inside=False))


def _admits_neighbours(snapshot: Snapshot, rule: GroupRule, family: str, vpc_id: str) -> bool:
    """Return whether a rule allows machines of the VPC or of other private networks.

    Network ACLs are not asked, because they do not see packets within a subnet.
    """
    if rule.source.startswith("sg-"):
        return True
    space = _space(snapshot, rule, family)
    try:
        own = snapshot.vpc_space(vpc_id, family)
    except NotRead:
        own = Intervals()
    return bool(space - INTERNET[family] or space & own)


def _sources(rules: list[GroupRule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.source for rule in rules))


def _named(snapshot: Snapshot, rules: list[GroupRule], through: Intervals, way: Way) -> tuple[str, ...]:
    """Return the sources in the rules; or the addresses that get through, if another hop stops some of them."""
    named, admitted = [], Intervals()
    for rule in rules:
        try:
            space = _space(snapshot, rule, way.question.family)
        except NotRead:
            continue  # the other rules admit all clients, otherwise the hop would be unknown
        if space & through or rule.source.startswith("sg-"):
            named.append(rule)
            admitted |= space & way.client.space
    return _sources(named) if admitted == through else tuple(cidrs(through, way.question.family))


def ask_aws(describe: Describe, machines: list[Record], place: Place = HERE) -> list[Record]:
    """Return the result of expose() with all answers that it needs. Machines that listen only on loopback need none."""
    open_ones = [each for each in machines if any(_leaves(listener) for listener in each["listeners"])]
    ids = sorted({each["instance_id"] for each in open_ones if each["instance_id"]})
    private = {each["private_address"] for each in open_ones if not each["instance_id"] and each["private_address"]}
    snapshot = Snapshot(
        {
            ("Instances", None): attempt(_instances, describe, ids),
            ("NetworkInterfaces", None): attempt(_interfaces, describe, sorted(private)),
        }
    )
    while True:
        found = expose(snapshot, machines, place)
        if not snapshot.missed:
            return found
        snapshot = fetch_missed(describe, snapshot)


def _leaves(listener: Record) -> bool:
    return scope(listener["address"], listener.get("interface")) not in ("loopback", "link-local", "multicast")


def _instances(describe: Describe, ids: list[str]) -> list[Record]:
    return [each for chunk in chunks(ids, MOST_IDS) for each in instances_by_id(describe, chunk)]


def _interfaces(describe: Describe, private: list[str]) -> list[Record]:
    found = []
    for chunk in chunks(private):
        filters = [{"Name": "addresses.private-ip-address", "Values": chunk}]
        found += describe("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
    return believed("NetworkInterfaces", found)
