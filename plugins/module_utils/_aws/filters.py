# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The hops that filter packets: security groups at an interface, the network ACL at a subnet's border.

The evidence names the rule that decides, or similar rules that do not apply; see hops.py.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import (
    Intervals,
    addresses,
    cidrs,
    named,
    ports_named,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import (
    ALL_PORTS,
    EPHEMERAL,
    LAST_RULE,
    Decision,
    GroupRule,
    Passage,
    Resolve,
    admitted,
    decisions,
    group_rules,
    passage,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import Record, Snapshot, not_shown
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import OK, PARTIAL, Hop


def named_group(group: Record) -> str:
    """Return the id and name of a group, for texts."""
    return f"{group['GroupId']} ({group['GroupName']})"


class Ask(NamedTuple):
    """Packets that should get through: the clients, the port, and how to resolve sources of rules to addresses."""

    protocol: str
    port: int
    family: str
    space: Intervals
    who: str  # a CIDR block that contains the space; the fix allows it
    resolve: Resolve
    peer: str | None = None  # a group that the clients are in; then the fix allows this group, not the block

    @property
    def service(self) -> str:
        return f"{self.protocol}/{self.port}"


def security_group(snapshot: Snapshot, ids: list[str], ask: Ask, place: str, egress: bool = False) -> Hop:
    """Return the hop of all groups of one interface together. Groups track connections, so answers need no rule."""
    groups, hidden = snapshot.groups(ids)
    rules = group_rules(groups, egress)
    through, deciding = admitted(rules, ask.protocol, ask.port, ask.family, ask.space, ask.resolve)
    if hidden and through.verdict != OK:
        raise not_shown(hidden)
    to_from = "to" if egress else "from"
    resources = (*dict.fromkeys([rule.group_id for rule in deciding] + list(ids)), place)
    if through.verdict == OK:
        how = " and ".join(f"{rule.named()} ({rule.group_id})" for rule in deciding[:3])
        evidence = f"{place} lets {'out' if egress else 'in'} {how}."
        return Hop(OK, evidence.replace(" from ", f" {to_from} "), None, None, resources, through)
    attached = ", ".join(map(named_group, groups)) or "none"
    evidence = f"No rule of {place}'s groups ({attached}) admits {ask.service} {to_from} {ask.who}."
    if through.verdict == PARTIAL:
        evidence = f"{place}'s groups ({attached}) admit {ask.service} {to_from} {_share(through, ask.family)}."
    near = _near_misses(snapshot, groups, rules, ask, egress)
    code = "ENI_SG_RULES_MISMATCH" if rules else "SG_HAS_NO_RULES"
    fix = _open_group(groups, ask, egress) if groups else f"Put {place} into a security group that lets it through."
    return Hop(through.verdict, " ".join([evidence, *near]), code, fix, resources, through)


def _share(through: Passage, family: str) -> str:
    """Return "203.0.113.7/32 only" or "all but 203.0.113.7/32", whichever is shorter."""
    inside, outside = through.asked & through.whole, through.asked - through.whole
    if not inside:
        return f"{named(through.asked & through.some, family)} with some of its ports only"
    if len(cidrs(outside, family)) < len(cidrs(inside, family)):
        return f"all but {named(outside, family)}"
    return f"{named(inside, family)} only"


def _near_misses(
    snapshot: Snapshot, groups: list[Record], rules: list[GroupRule], ask: Ask, egress: bool
) -> Iterable[str]:
    """Yield sentences on rules that come close: for other sources, other ports, or of groups that are not attached."""
    of_port = [rule for rule in rules if rule.is_for(ask.protocol, ask.port)]
    if of_port:
        sources = ", ".join(dict.fromkeys(_source_named(rule) for rule in of_port))
        yield f"{ask.service} {'is let out to' if egress else 'is open to'} {sources}."
    ports = Intervals()
    for rule in rules:
        if rule not in of_port and rule.protocol == ask.protocol and _reads(rule, ask):
            ports |= rule.ports
    if ports:
        several = len(ports.pairs) > 1
        goes_out, is_open = ("go out", "are open") if several else ("goes out", "is open")
        yield f"{ask.protocol}/{ports_named(ports)} {goes_out if egress else is_open}."
    other = [rule for rule in rules if rule.protocol not in (ask.protocol, "-1") and _has_port(rule, ask.port)]
    if other and not of_port:
        yield f"Port {ask.port} is open for {', '.join(sorted({rule.protocol for rule in other}))}."
    if egress:
        return
    vpcs = {group["VpcId"] for group in groups}
    spare = [
        group
        for group in snapshot.all("SecurityGroups")
        if group not in groups
        and group["VpcId"] in vpcs
        and any(rule.is_for(ask.protocol, ask.port) and _reads(rule, ask) for rule in _ingress(snapshot, group))
    ]
    if spare:
        yield f"{', '.join(map(named_group, spare[:3]))} would admit it, but is not attached."


def _ingress(snapshot: Snapshot, group: Record) -> list[GroupRule]:
    return snapshot.once(("ingress", group["GroupId"]), lambda: group_rules([group]))


def _has_port(rule: GroupRule, port: int) -> bool:
    return rule.protocol in ("tcp", "udp") and bool(rule.ports & Intervals([(port, port)]))


def _reads(rule: GroupRule, ask: Ask) -> bool:
    """Return whether the rule's source is a block that contains some of the clients."""
    return "/" in rule.source and bool(addresses([rule.source], ask.family) & ask.space)


def _source_named(rule: GroupRule) -> str:
    if rule.source.startswith("sg-"):
        return f"members of {rule.source} ({rule.group_id})"
    return f"{rule.source} ({rule.group_id})"


def _open_group(groups: list[Record], ask: Ask, egress: bool) -> str:
    # A VPC's default group is the last choice: everything that was created without a group is in it.
    group_id = next((each["GroupId"] for each in groups if each["GroupName"] != "default"), groups[0]["GroupId"])
    if ask.peer:
        ranges = f"UserIdGroupPairs=[{{GroupId={ask.peer}}}]"
    else:
        ranges = f"Ipv6Ranges=[{{CidrIpv6={ask.who}}}]" if ask.family == "ipv6" else f"IpRanges=[{{CidrIp={ask.who}}}]"
    verb = "egress" if egress else "ingress"
    return (
        f"aws ec2 authorize-security-group-{verb} --group-id {group_id} --ip-permissions"
        f" 'IpProtocol={ask.protocol},FromPort={ask.port},ToPort={ask.port},{ranges}'"
    )


# Network ACLs


class Packets(NamedTuple):
    """Packets that cross a subnet's border: their addresses and ports."""

    egress: bool
    protocol: str
    family: str
    space: Intervals
    who: str  # see Ask
    ports: Intervals
    what: str  # the name of these packets in the evidence


def requests(ask: Ask, egress: bool = False) -> Packets:
    """Return the packets of the requests."""
    return Packets(egress, ask.protocol, ask.family, ask.space, ask.who, Intervals([(ask.port, ask.port)]), ask.service)


def answers(ask: Ask, egress: bool = True) -> Packets:
    """Return the packets of the answers. They need rules, because network ACLs do not track connections.

    The ports are those that clients choose.
    """
    what = f"answers ({ask.protocol}/{ports_named(EPHEMERAL)})"
    return Packets(egress, ask.protocol, ask.family, ask.space, ask.who, EPHEMERAL, what)


def network_acl(snapshot: Snapshot, vpc_id: str, subnet_id: str, packets: Packets) -> Hop:
    """Return the hop of a subnet's network ACL for packets. Raises NotRead."""
    acl = snapshot.network_acl(subnet_id, vpc_id)
    acl_id = acl["NetworkAclId"]
    made = decisions(acl, packets.egress, packets.protocol, packets.family, packets.space, packets.ports)
    through = passage(made, packets.space)
    resources = (acl_id, subnet_id)
    way = f"{packets.what} {'to' if packets.egress else 'from'} {packets.who}"
    if through.verdict == OK:
        numbers = dict.fromkeys(rule_number(each) for each in made)
        rule, lets = ("Rule", "lets") if len(numbers) == 1 else ("Rules", "let")
        evidence = f"{rule} {', '.join(numbers)} of {acl_id} {lets} {way} {'out' if packets.egress else 'in'}."
        return Hop(OK, evidence, None, None, resources, through)
    denials = [each for each in made if not each.allows]
    evidence = " ".join(dict.fromkeys(_denied(each, packets) for each in denials[:3]))
    evidence = f"{acl_id} of {subnet_id} stops {way}: {evidence}"
    if through.verdict == PARTIAL:
        evidence += f" It lets through {_share(through, packets.family)}."
    evidence += _overruled(acl, denials, packets) + _open_ports(acl, packets)
    fix = _open_acl(acl, denials, packets)
    return Hop(through.verdict, evidence, "SUBNET_ACL_RESTRICTION", fix, resources, through)


def rule_number(decision: Decision) -> str:
    """Return the number of the rule as AWS shows it: "*" for the last rule."""
    if decision.entry is None or decision.entry["RuleNumber"] == LAST_RULE:
        return "*"
    return str(decision.entry["RuleNumber"])


def _denied(decision: Decision, packets: Packets) -> str:
    if rule_number(decision) == "*":
        return f"no rule allows {packets.protocol}/{ports_named(decision.ports)}, and the last one, *, denies the rest."
    who = "" if packets.space <= decision.addresses else f" {named(decision.addresses, packets.family)}"
    return f"rule {rule_number(decision)} denies{who} {packets.protocol}/{ports_named(decision.ports)}."


def _overruled(acl: Record, denials: list[Decision], packets: Packets) -> str:
    """Return a sentence if a rule with a higher number would allow the packets: the lowest number decides."""
    for denial in denials:
        if denial.entry is None or rule_number(denial) == "*":
            continue
        number = denial.entry["RuleNumber"]
        later = dict(acl, Entries=[e for e in acl["Entries"] if e["RuleNumber"] > number])
        args = (packets.egress, packets.protocol, packets.family, denial.addresses, denial.ports)
        allowing = [each for each in decisions(later, *args) if each.allows]
        if allowing:
            return f" Rule {rule_number(allowing[0])} would allow it, but comes after rule {rule_number(denial)}."
    return ""


def _open_ports(acl: Record, packets: Packets) -> str:
    made = decisions(acl, packets.egress, packets.protocol, packets.family, packets.space, ALL_PORTS)
    ports = Intervals()
    for decision in made:
        if decision.allows:
            ports |= decision.ports
    # If our ports are among these, the address is the reason, and the evidence names it already.
    return f" {packets.protocol}/{ports_named(ports)} is let through." if ports and not packets.ports <= ports else ""


def _open_acl(acl: Record, denials: list[Decision], packets: Packets) -> str:
    taken = {entry["RuleNumber"] for entry in acl["Entries"] if entry["Egress"] is packets.egress}
    before = min((each.entry["RuleNumber"] for each in denials if each.entry), default=LAST_RULE)
    where = f"--network-acl-id {acl['NetworkAclId']} {'--egress' if packets.egress else '--ingress'}"
    lowest = max([number for number in taken if number < before], default=0)
    # The new rule's number is below that of the rule that denies, with room on both sides for more rules.
    number = lowest + 100 if lowest + 100 < before else (lowest + before) // 2
    if number in taken or number < 1:
        free = [each for each in range(before - 1, 0, -1) if each not in taken]
        if not free:
            return f"aws ec2 delete-network-acl-entry {where} --rule-number {before}"
        number = free[0]
    option = "--ipv6-cidr-block" if packets.family == "ipv6" else "--cidr-block"
    first, last = packets.ports.pairs[0][0], packets.ports.pairs[-1][1]
    return (
        f"aws ec2 create-network-acl-entry {where} --rule-number {number}"
        f" --protocol {packets.protocol} --port-range From={first},To={last} {option} {packets.who} --rule-action allow"
    )
