# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The path from a client to one network interface: that of an instance, or the one that has an address."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import Intervals, addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.filters import (
    Ask,
    Packets,
    answers,
    network_acl,
    requests,
    security_group,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import (
    Client,
    ClientKind,
    Question,
    block_public_access,
    client_of,
    internet_gateway,
    judged,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import Passage
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.routes import route
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    Snapshot,
    group_ids,
    own_addresses,
    public_addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, OK, SKIPPED, UNKNOWN, Hop

NOT_NEEDED = Hop(SKIPPED, "The client does not come over the Internet.")
# Interfaces that AWS holds for its own services have no instance behind them.
SERVICES = {"natGateway": "a NAT gateway", "nat_gateway": "a NAT gateway", "network_load_balancer": "a load balancer"}


class Way(NamedTuple):
    """The path to one interface. The instance is None if the interface has none, and a NotRead if it is unknown."""

    snapshot: Snapshot
    question: Question
    interface: Record
    instance: Record | NotRead | None
    address: str | None = None  # as the user gave it

    @property
    def vpc_id(self) -> str:
        return self.interface["VpcId"]

    @property
    def subnet_id(self) -> str:
        return self.interface["SubnetId"]

    @property
    def id(self) -> str:
        return self.interface["NetworkInterfaceId"]

    @property
    def client(self) -> Client:
        return client_of(self.question, self.snapshot, self.vpc_id)

    @property
    def ask(self) -> Ask:
        return ask_of(self.question, self.snapshot, self.client)


def ask_of(question: Question, snapshot: Snapshot, client: Client) -> Ask:
    """Return the packets of that client, for the filters on their path."""
    resolve = resolver(snapshot, question.family, inside=not client.over_the_internet)
    return Ask(question.protocol, question.port, question.family, client.space, question.asked_source, resolve)


def resolver(snapshot: Snapshot, family: str, inside: bool) -> Callable[[str], Intervals]:
    """Return a function from the id of a prefix list or a group to its addresses.

    A group as a source stands for the private addresses of its members, so it allows no client on the Internet.
    """

    def resolve(source: str) -> Intervals:
        if source.startswith("pl-"):
            return addresses(snapshot.prefix_list(source), family)
        return snapshot.members(source, family) if inside else Intervals()

    return resolve


def walk(way: Way) -> dict[str, Hop]:
    """Judge every hop, in the order of the packet and then of its answer."""
    snapshot, ask = way.snapshot, way.ask
    vpc = way.vpc_id, way.subnet_id
    inside = not way.client.over_the_internet
    return {
        "target_exists": _exists(way),
        "instance_state": judged(instance_state, way),
        "public_address": judged(public_address, way),
        "block_public_access": NOT_NEEDED if inside else judged(block_public_access, snapshot, *vpc),
        "internet_gateway": NOT_NEEDED if inside else judged(internet_gateway, snapshot, way.vpc_id),
        "nacl_ingress": judged(_at_border, way, requests(ask)),
        "security_group": judged(security_group, snapshot, group_ids(way.interface), ask, way.id),
        "nacl_egress": judged(_at_border, way, answers(ask)),
        "route": judged(route, snapshot, *vpc, way.client, ask.family),
    }


def _exists(way: Way) -> Hop:
    instance, description = instance_id(way.interface), way.interface.get("Description")
    owner = f" of {instance}" if instance else f" ({description})" if description else ""
    asked = f"{way.address} is an address of {way.id}" if way.address else way.id
    evidence = f"{asked}{owner} in {way.subnet_id} of {way.vpc_id}."
    return Hop(OK, evidence, resources=tuple(filter(None, (instance, way.id, way.subnet_id, way.vpc_id))))


def described(way: Way) -> Record:
    """Return the target as in RETURN of plugins/modules/reachability.py."""
    public = public_addresses(way.interface)
    none: tuple[str | None, str | None, bool | None] = (None, None, None)
    asked = [each for each in public if each[0] == way.address]
    address, _private, elastic = next(iter(asked + public), none)
    own = own_addresses(way.interface, way.question.family)
    return {
        "instance_id": instance_id(way.interface),
        "interface_id": way.id,
        "subnet_id": way.subnet_id,
        "vpc_id": way.vpc_id,
        "private_address": next(iter(own_addresses(way.interface, "ipv4")), None),
        "public_address": address if way.question.family == "ipv4" else next(iter(own), None),
        "elastic_ip": elastic if way.question.family == "ipv4" else None,
        "load_balancer_arn": None,
        "dns_name": None,
    }


def instance_id(interface: Record) -> str | None:
    """Return the id of the instance that has the interface; None if there is none."""
    return (interface.get("Attachment") or {}).get("InstanceId")


def instance_state(way: Way) -> Hop:
    """Return the hop of the state of the interface's instance. Raises NotRead."""
    if isinstance(way.instance, NotRead):
        raise way.instance
    if way.instance:
        return state_of(way.instance)
    kind = SERVICES.get(way.interface.get("InterfaceType", ""))
    description = way.interface.get("Description", "")
    if way.interface.get("Attachment"):
        what = description or kind or "an AWS service"
        hint = " Ask with load_balancer_arn." if "ELB" in description or kind == "a load balancer" else ""
        evidence = f"{way.id} is not an instance's but that of {what}; what is behind it was not checked.{hint}"
        return Hop(UNKNOWN, evidence, "UNSUPPORTED_COMPONENT", resources=(way.id,))
    evidence = f"{way.id} is attached to no instance."
    fix = f"aws ec2 attach-network-interface --network-interface-id {way.id} --device-index 1 --instance-id"
    return Hop(BROKEN, evidence, "BAD_STATE_ATTACHMENT", f"{fix} with the id of the instance", resources=(way.id,))


def state_of(instance: Record) -> Hop:
    """Return the hop of the state of an instance."""
    id_, state = instance["InstanceId"], instance["State"]["Name"]
    if state == "running":
        return Hop(OK, f"{id_} is running.", resources=(id_,))
    fix = {
        "pending": f"aws ec2 wait instance-running --instance-ids {id_}",
        "stopping": f"aws ec2 wait instance-stopped --instance-ids {id_}, then aws ec2 start-instances"
        f" --instance-ids {id_}",
        "stopped": f"aws ec2 start-instances --instance-ids {id_}",
    }.get(state, "Launch another instance: this one is gone for good.")
    return Hop(BROKEN, f"{id_} is {state}.", "BAD_STATE", fix, resources=(id_,))


def public_address(way: Way) -> Hop:
    """Return the hop of the address that clients use."""
    if not own_addresses(way.interface, way.question.family):
        return _no_address(way)
    if not way.client.over_the_internet:
        return NOT_NEEDED
    if way.question.family == "ipv6":
        return _ipv6_address(way)
    public = public_addresses(way.interface)
    if way.address in own_addresses(way.interface, "ipv4") and way.address not in [each[0] for each in public]:
        evidence = f"{way.address} is a private address: it leads to {way.id} inside of {way.vpc_id} alone."
        fix = f"Use {public[0][0]} instead of {way.address}." if public else _associate(way.id)
        evidence += f" From outside it is {public[0][0]}." if public else " It has no public one."
        return Hop(BROKEN, evidence, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", fix, (way.id,))
    if not public:
        if isinstance(way.instance, dict) and way.instance["State"]["Name"] != "running":
            evidence = f"{way.id} has no public address while {way.instance['InstanceId']} is not running."
            return Hop(SKIPPED, evidence, resources=(way.id,))
        evidence = f"{way.id} has no public IPv4 address, only {', '.join(own_addresses(way.interface, 'ipv4'))}."
        code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
        return Hop(BROKEN, evidence, code, _associate(way.id), (way.id,))
    asked = [each for each in public if each[0] == way.address]
    address, private, elastic = (asked or public)[0]
    kind = "an Elastic IP" if elastic else f"assigned by EC2: {CHANGES}"
    evidence = f"{address} leads to {private} of {way.id}. It is {kind}."
    return Hop(OK, evidence, resources=(way.id,))


CHANGES = "stopping and starting the instance changes it, an Elastic IP would stay"


def _associate(interface_id: str) -> str:
    return (
        f"aws ec2 allocate-address, then aws ec2 associate-address --network-interface-id {interface_id}"
        " --allocation-id with its id"
    )


def _ipv6_address(way: Way) -> Hop:
    own = own_addresses(way.interface, "ipv6")
    evidence = f"{way.address or own[0]} is an address of {way.id}; IPv6 addresses are not translated."
    return Hop(OK, evidence, resources=(way.id,))


def _no_address(way: Way) -> Hop:
    """Return the hop of an interface without an address of the family.

    Only in an IPv6-only subnet can an interface have no private IPv4 address, and it cannot get one there.
    """
    if way.question.family == "ipv6":
        fix = f"aws ec2 assign-ipv6-addresses --network-interface-id {way.id} --ipv6-address-count 1"
        return Hop(BROKEN, f"{way.id} has no IPv6 address.", "x-ENI_HAS_NO_IPV6_ADDRESS", fix, (way.id,))
    ipv6 = own_addresses(way.interface, "ipv6")
    only = f", only {', '.join(ipv6)}" if ipv6 else ""
    evidence = f"{way.id} has no IPv4 address{only}: {way.subnet_id} is an IPv6-only subnet."
    fix = "Launch the instance in a subnet that has IPv4 addresses."
    if ipv6:
        fix = f"Let clients connect by IPv6, to {ipv6[0]}, or launch the instance in a subnet that has IPv4 addresses."
    return Hop(BROKEN, evidence, "x-ENI_HAS_NO_IPV4_ADDRESS", fix, (way.id, way.subnet_id))


def _at_border(way: Way, packets: Packets) -> Hop:
    """Return the hop of the network ACL. It is at the subnet's border, and does not see packets within the subnet."""
    if way.client.kind != ClientKind.VPC:
        return network_acl(way.snapshot, way.vpc_id, way.subnet_id, packets)
    neighbours = way.snapshot.subnet_space(way.subnet_id, packets.family) & packets.space
    crossing = packets.space - neighbours
    if not crossing:
        return Hop(SKIPPED, f"The client is in {way.subnet_id} too, and network ACLs are at its border.")
    hop = network_acl(way.snapshot, way.vpc_id, way.subnet_id, packets._replace(space=crossing))
    through = Passage(packets.space, hop.passage.whole | neighbours, hop.passage.some | neighbours)
    return hop._replace(verdict=through.verdict, passage=through)
