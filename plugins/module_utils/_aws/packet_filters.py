# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The clients that security groups, network ACLs and route tables let through, as sets of addresses.

Sources: the pages "Security group rules", "Network ACL rules" and "Route priority" of the Amazon VPC User Guide.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import (
    Intervals,
    addresses,
    family_of,
    ports_named,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    destination,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict

# The API gives protocols as names or as IANA's numbers. -1 stands for all protocols.
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
ALL_PORTS = Intervals([(0, 65535)])
# The ports from which an unknown client may send: the widest range that systems and load balancers use.
EPHEMERAL = Intervals([(1024, 65535)])
LAST_RULE = 32767  # the rule that is shown as "*"

Resolve = Callable[[str], Intervals]  # from a prefix list's or a security group's id to its addresses


class Passage(NamedTuple):
    """The clients that ask; those that get through with any of their own ports; and those that do with some ports."""

    asked: Intervals
    whole: Intervals
    some: Intervals

    @property
    def verdict(self) -> Verdict:
        if self.asked <= self.whole:
            return Verdict.OK
        return Verdict.PARTIAL if self.some & self.asked else Verdict.BROKEN


def protocol_of(record: Record, key: str) -> str:
    """Return the name of the protocol under a key of a record; "-1" for all protocols."""
    protocol = str(record[key]).lower()
    return PROTOCOLS.get(protocol, protocol)


class GroupRule(NamedTuple):
    """One source (for outgoing rules: destination) of one permission of a security group."""

    group_id: str
    protocol: str
    ports: Intervals
    source: str  # a CIDR block, or the id of a prefix list or a group

    def is_for(self, protocol: str, port: int) -> bool:
        return self.protocol in ("-1", protocol) and bool(self.ports & Intervals([(port, port)]))

    def named(self) -> str:
        what = "everything" if self.protocol == "-1" else f"{self.protocol}/{ports_named(self.ports)}"
        return f"{what} from {self.source}"

    def addresses(self, family: str, resolve: Resolve) -> Intervals:
        """Return the addresses of the source. Raises NotRead if it is a prefix list or group that could not be read."""
        return addresses([self.source], family) if "/" in self.source else resolve(self.source)


def group_rules(groups: list[Record], egress: bool = False) -> list[GroupRule]:
    """Return all rules of one direction of all the groups. Rules only allow, so their effects add up."""
    return [
        GroupRule(group["GroupId"], protocol_of(permission, "IpProtocol"), _ports(permission), source)
        for group in groups
        for permission in group.get("IpPermissionsEgress" if egress else "IpPermissions", [])
        for source in _sources(permission)
    ]


def _ports(permission: Record) -> Intervals:
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if protocol_of(permission, "IpProtocol") not in ("tcp", "udp") or first is None or last is None:
        return ALL_PORTS
    return Intervals([(first, last)])


def _sources(permission: Record) -> list[str]:
    return (
        [each["CidrIp"] for each in permission.get("IpRanges", [])]
        + [each["CidrIpv6"] for each in permission.get("Ipv6Ranges", [])]
        + [each["PrefixListId"] for each in permission.get("PrefixListIds", [])]
        + [each["GroupId"] for each in permission.get("UserIdGroupPairs", []) if each.get("GroupId")]
    )


def admitted(
    rules: list[GroupRule], protocol: str, port: int, family: str, asked: Intervals, resolve: Resolve
) -> tuple[Passage, list[GroupRule]]:
    """Return which of the clients in `asked` the rules admit to a port, and the rules that admit them.

    Raises NotRead if a source could not be read and the other rules do not admit all clients.
    """
    inside, deciding, doubt = Intervals(), [], None
    for rule in rules:
        if not rule.is_for(protocol, port):
            continue
        try:
            more = rule.addresses(family, resolve) & asked
        except NotRead as error:
            doubt = error
            continue
        if not more <= inside:
            deciding.append(rule)
            inside |= more
    if doubt and not asked <= inside:
        raise doubt
    return Passage(asked, inside, inside), deciding


class Decision(NamedTuple):
    """What one rule of a network ACL does with some of the packets. The entry is None if no rule is for them."""

    entry: Record | None
    addresses: Intervals
    ports: Intervals

    @property
    def allows(self) -> bool:
        return self.entry is not None and self.entry["RuleAction"] == "allow"


def decisions(
    acl: Record, egress: bool, protocol: str, family: str, asked: Intervals, ports: Intervals
) -> list[Decision]:
    """Divide the packets by the rule that decides on them: of those that match, the one with the lowest number.

    `ports` are the packets' destination ports, and `asked` the addresses of the other end.
    """
    entries = sorted(
        (entry for entry in acl["Entries"] if entry["Egress"] is egress and _is_for(entry, protocol, family)),
        key=lambda entry: entry["RuleNumber"],
    )
    made = []
    for piece in _cut(ports, [_entry_ports(entry) for entry in entries]):
        left = asked
        for entry in entries:
            met = left & addresses([_entry_block(entry)], family) if piece <= _entry_ports(entry) else Intervals()
            if met:
                made.append(Decision(entry, met, piece))
                left -= met
        if left:
            made.append(Decision(None, left, piece))
    return made


def passage(made: list[Decision], asked: Intervals) -> Passage:
    """Return which clients a network ACL lets through on all of the ports, and on some of them."""
    some = denied = Intervals()
    for decision in made:
        if decision.allows:
            some |= decision.addresses
        else:
            denied |= decision.addresses
    return Passage(asked, asked - denied, some)


def _is_for(entry: Record, protocol: str, family: str) -> bool:
    return protocol_of(entry, "Protocol") in ("-1", protocol) and family_of(_entry_block(entry)) == family


def _entry_block(entry: Record) -> str:
    return entry.get("CidrBlock") or entry["Ipv6CidrBlock"]


def _entry_ports(entry: Record) -> Intervals:
    ports = entry.get("PortRange")
    if not ports or str(entry["Protocol"]) == "-1":
        return ALL_PORTS
    return Intervals([(ports["From"], ports["To"])])


def _cut(ports: Intervals, borders: list[Intervals]) -> list[Intervals]:
    """Divide ports into pieces, so that each border set contains a piece completely or not at all."""
    pieces = [ports]
    for border in borders:
        pieces = [part for piece in pieces for part in (piece & border, piece - border) if part]
    return pieces


def routed(
    table: Record, family: str, asked: Intervals, blocks_of: Callable[[str], list[str]]
) -> list[tuple[Record | None, Intervals]]:
    """Divide the addresses by the route that packets to them take.

    The longest prefix wins; of equal ones static routes come before prefix lists, and these before propagated routes.
    Addresses without a route come last, with None. `blocks_of` returns the blocks of a prefix list. Raises NotRead if
    one could not be read.
    """
    choices = []
    for route in table["Routes"]:
        list_id = route.get("DestinationPrefixListId")
        if is_gateway_endpoint(route):
            continue
        blocks = blocks_of(list_id) if list_id else [destination(route)]
        rank = 2 if route.get("Origin") == "EnableVgwRoutePropagation" else 1 if list_id else 0
        spaces = [addresses([block], family) for block in blocks if block]
        choices += [(space.size(), rank, route, space) for space in spaces if space]
    taken, left = [], asked
    for _size, _rank, route, space in sorted(choices, key=lambda choice: choice[:2]):
        met = left & space
        if met:
            taken.append((route, met))
            left -= met
    return taken + ([(None, left)] if left else [])


def is_gateway_endpoint(route: Record) -> bool:
    """Return whether a route leads to a gateway endpoint. Its addresses belong to an AWS service, not to clients."""
    return bool(route.get("DestinationPrefixListId")) and str(route.get("GatewayId", "")).startswith("vpce-")
