# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Finds a machine's security group, the rules that are missing in it, and the other machines that need its rules.

Pure functions over the records of the EC2 API. They run on the control node.

A *wish* is what a host asks for: `{host, instance_id, address, group_id, ports, cidrs, description}`. An unknown id or
address is "". A *choice* is a wish with what was found for it, see choose_groups().
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.interface import resolver
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import (
    GroupRule,
    admitted,
    group_rules,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import HERE, Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    Snapshot,
    own_addresses,
    public_addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import family_of, is_within
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict

Wish = dict
Choice = dict
Access = dict  # which sources a choice's groups admit to one port, see describe_access()
Rule = dict  # {group_id, group_name, port, cidrs, ...}


def cidr_errors(cidrs: list[str]) -> list[str]:
    """Return an error for each source that is not a CIDR block. amazon.aws would silently clear host bits."""
    errors = []
    for cidr in cidrs:
        try:
            if "/" not in cidr:
                ipaddress.ip_address(cidr)
                raise ValueError(f"{cidr} has no prefix length")
            ipaddress.ip_network(cidr)
        except ValueError as error:
            hint = ""
            try:
                network = ipaddress.ip_network(cidr, strict=False)
                address = cidr.split("/")[0]
                hint = f". For that one address write {address}/{network.max_prefixlen}"
                if "/" in cidr:
                    hint += f", for the whole block {network}"
                elif network.network_address.is_unspecified:
                    hint = f". For everybody write {address}/0"
            except ValueError:
                pass
            errors.append(f"{error}{hint}")
    return errors


def choose_groups(wishes: list[Wish], interfaces: list[Record], place: Place = HERE) -> dict[str, Choice]:
    """Find for each host the network interface that clients reach, and which of its groups to change.

    `interfaces` are the network interfaces that the wishes name, and all other interfaces of the same instances.
    Returns choices by host: the wish and `error`, which is "" if a group was found. Then the choice also has
    `interface_id`, `vpc_id`, `group_id`, `group_name`, `group_ids` (all groups of the interface), and `other_public`:
    `{interface_id, address, group_ids}` for each other interface of the instance that has a public address.
    """
    by_instance: dict[str, list[Record]] = {}
    by_address: dict[str, list[Record]] = {}
    for interface in {each["NetworkInterfaceId"]: each for each in interfaces}.values():
        by_instance.setdefault(instance_of(interface), []).append(interface)
        for address in _addresses_of(interface):
            by_address.setdefault(address, []).append(interface)
    return {
        wish["host"]: {
            **wish,
            "ports": list(dict.fromkeys(wish["ports"])),
            **_choose_group(wish, by_instance, by_address, place),
        }
        for wish in wishes
    }


def _choose_group(wish: Wish, by_instance: dict, by_address: dict, place: Place) -> dict[str, Any]:
    if not wish["instance_id"] and not wish["address"]:
        return {"error": "The machine reports neither its instance id nor an unambiguous private address"}
    if wish["instance_id"]:
        who, own = f"instance {wish['instance_id']}", by_instance.get(wish["instance_id"], [])
    else:
        who, own = f"the private address {wish['address']}", by_address.get(wish["address"], [])
    if not own:
        return {"error": f"EC2 knows no network interface of {who} {place}"}
    if not wish["instance_id"]:
        if len(own) > 1:
            named = ", ".join(f"{each['NetworkInterfaceId']} in {each['VpcId']}" for each in own)
            return {"error": f"{who} belongs to several network interfaces ({named}), so it names no instance"}
        own = by_instance[instance_of(own[0])] if instance_of(own[0]) else own
    # Clients use a public address if there is one, otherwise the address that the machine itself uses.
    own = sorted(
        own, key=lambda each: (not _public_address(each), wish["address"] not in _addresses_of(each), _index(each))
    )
    fitting = [each for each in own if wish["group_id"] in ("", *_groups_of(each))]
    if not fitting:
        ids = " or ".join(each["NetworkInterfaceId"] for each in own)
        attached = "; ".join(f"to {each['NetworkInterfaceId']}: {_named(_groups_of(each))}" for each in own)
        return {
            "error": f"{wish['group_id']} is not attached to {ids} of {who}, so opening a port in it has no effect."
            f" Attached groups: {attached}"
        }
    interface = fitting[0]
    groups = _groups_of(interface)
    if not groups:
        return {"error": f"The network interface {interface['NetworkInterfaceId']} of {who} has no security group"}
    # A VPC's default group is the last choice: everything that was created without a group is in it.
    not_default = [group_id for group_id, name in groups.items() if name != "default"]
    group_id = wish["group_id"] or (not_default or list(groups))[0]
    return {
        "error": "",
        "interface_id": interface["NetworkInterfaceId"],
        "group_id": group_id,
        "group_name": groups[group_id],
        "group_ids": list(groups),
        "other_public": [
            {
                "interface_id": each["NetworkInterfaceId"],
                "address": _public_address(each),
                "group_ids": list(_groups_of(each)),
            }
            for each in own
            if each is not interface and _public_address(each)
        ],
    }


def instance_of(interface: Record) -> str:
    """Return the id of the instance that has the interface; "" if there is none."""
    return (interface.get("Attachment") or {}).get("InstanceId") or ""


def _index(interface: Record) -> int:
    return (interface.get("Attachment") or {}).get("DeviceIndex") or 0


def _addresses_of(interface: Record) -> list[str]:
    return own_addresses(interface, "ipv4")


def _public_address(interface: Record) -> str:
    return next((public for public, _private, _elastic in public_addresses(interface)), "")


def _groups_of(interface: Record) -> dict[str, str]:
    return {group["GroupId"]: group["GroupName"] for group in interface["Groups"]}


def _named(groups: dict[str, str]) -> str:
    return ", ".join(f"{group_id} ({name})" for group_id, name in groups.items()) or "none"


def attached_groups(choices: dict[str, Choice]) -> list[str]:
    """Return the ids of all groups of the chosen interfaces, and of the other public interfaces beside them."""
    found = [choice for choice in choices.values() if not choice["error"]]
    ids = [group_id for choice in found for group_id in choice["group_ids"]]
    return ids + [group_id for choice in found for other in choice["other_public"] for group_id in other["group_ids"]]


def refuse_unknown(choices: dict[str, Choice], groups: list[Record]) -> dict[str, Choice]:
    """Return the choices, with an error for each one that has a group which EC2 no longer knows."""
    known = {group["GroupId"] for group in groups}

    def checked(choice: Choice) -> Choice:
        gone = [] if choice["error"] else [group_id for group_id in choice["group_ids"] if group_id not in known]
        error = (
            f"EC2 reports that {gone[0]} is attached to {choice['interface_id']}, but also that {gone[0]} does"
            " not exist: it was replaced or deleted a moment ago. Run the playbook again"
            if gone
            else choice["error"]
        )
        return {**choice, "error": error}

    return {host: checked(choice) for host, choice in choices.items()}


def admits(rules: list[GroupRule], port: int, cidr: str, snapshot: Snapshot) -> bool:
    """Return whether ingress rules of one or more groups together allow TCP from all of a CIDR block.

    A prefix list counts by its entries. It does not count if they could not be read, and a group as a source never
    does: at worst, a rule is added that is not needed.
    """
    family = family_of(cidr)
    resolve = resolver(snapshot, family, inside=False)
    try:
        through, _rules = admitted(rules, "tcp", port, family, addresses([cidr], family), resolve)
    except NotRead:
        return False
    return through.verdict == Verdict.OK


def describe_access(choices: dict[str, Choice], groups: list[Record], snapshot: Snapshot) -> dict[str, Choice]:
    """Return the choices with the sources that their groups admit.

    `groups` are those of attached_groups(), and `snapshot` has the entries of prefix lists. The new keys are `stale`:
    `{port, cidrs}` of each rule of the chosen group that has the host's own description and a port that no host wishes;
    and `access`, a dict for each of the host's ports: `port`; `lacking`: the wished sources that no attached group
    admits; `beside`: the admitted sources that the host does not wish; and `shut`: those of `other_public` whose groups
    do not admit the wished sources.
    """
    permissions = {group["GroupId"]: group["IpPermissions"] for group in groups}
    rules = {group["GroupId"]: group_rules([group]) for group in groups}
    asked = {
        (choice["group_id"], port) for choice in choices.values() if not choice["error"] for port in choice["ports"]
    }

    def lacking(choice: Choice, port: int, group_ids: list[str]) -> list[str]:
        union = [rule for group_id in group_ids for rule in rules.get(group_id, [])]
        return [cidr for cidr in choice["cidrs"] if not admits(union, port, cidr, snapshot)]

    def access(choice: Choice, port: int) -> Access:
        own = [rule for group_id in choice["group_ids"] for rule in rules[group_id]]
        return {
            "port": port,
            "lacking": lacking(choice, port, choice["group_ids"]),
            "beside": sources_beside(own, port, choice["cidrs"]),
            "shut": [other for other in choice["other_public"] if lacking(choice, port, other["group_ids"])],
        }

    def described(choice: Choice) -> Choice:
        if choice["error"]:
            return choice
        ports = described_ports(permissions[choice["group_id"]], choice["description"])
        return {
            **choice,
            "stale": [rule for rule in ports if (choice["group_id"], rule["port"]) not in asked],
            "access": [access(choice, port) for port in choice["ports"]],
        }

    return {host: described(choice) for host, choice in choices.items()}


def sources_beside(rules: list[GroupRule], port: int, cidrs: list[str]) -> list[str]:
    """Return the CIDR blocks that ingress rules admit to a TCP port, without those in `cidrs`."""
    wanted = [ipaddress.ip_network(cidr) for cidr in cidrs]
    admitted = {rule.source for rule in rules if rule.is_for("tcp", port) and "/" in rule.source}
    return sorted(
        source for source in admitted if not any(is_within(ipaddress.ip_network(source), each) for each in wanted)
    )


def described_ports(permissions: list[Record], description: str) -> list[dict[str, Any]]:
    """Return `{port, cidrs}` for each single TCP port that rules with this description open."""
    found: dict[int, list[str]] = {}
    for permission in permissions:
        if str(permission["IpProtocol"]) != "tcp" or permission["FromPort"] != permission["ToPort"]:
            continue
        for source in permission.get("IpRanges", []) + permission.get("Ipv6Ranges", []):
            if source.get("Description", "") == description:
                found.setdefault(permission["FromPort"], []).append(source.get("CidrIp") or source["CidrIpv6"])
    return [{"port": port, "cidrs": sorted(cidrs)} for port, cidrs in sorted(found.items())]


def _sources(permission: Record) -> list[str]:
    return [source["CidrIp"] for source in permission.get("IpRanges", [])] + [
        source["CidrIpv6"] for source in permission.get("Ipv6Ranges", [])
    ]


def rules_of(choices: dict[str, Choice], sources: str) -> list[Rule]:
    """Return `{group_id, group_name, port, cidrs, rule_description}` once for each group and port.

    Several hosts may share a group. `sources` is the key of `access` that has the `cidrs`. A rule without sources is
    left out.
    """
    rules: dict[tuple[str, int], Rule] = {}
    for choice in choices.values():
        for access in [] if choice["error"] else choice["access"]:
            cidrs = access[sources]
            if not cidrs:
                continue
            rule = rules.setdefault(
                (choice["group_id"], access["port"]),
                {
                    **{key: choice[key] for key in ("group_id", "group_name")},
                    "port": access["port"],
                    "cidrs": [],
                    "rule_description": choice["description"],
                },
            )
            rule["cidrs"] += [cidr for cidr in cidrs if cidr not in rule["cidrs"]]
    return list(rules.values())


def describe_rules(choices: dict[str, Choice], groups: list[Record], is_former: bool = False) -> dict[str, Choice]:
    """Return the choices with `there` in each dict of `access`: the sources of the rules to remove.

    These are the wished sources for which the group has a rule for exactly the port. With `is_former`, they are all
    sources for which such a rule has the host's own description.
    """
    permissions = {group["GroupId"]: group["IpPermissions"] for group in groups}

    def there(choice: Choice, port: int) -> list[str]:
        found = permissions[choice["group_id"]]
        if is_former:
            own = described_ports(found, choice["description"])
            return next((rule["cidrs"] for rule in own if rule["port"] == port), [])
        return exact_sources(found, port, choice["cidrs"])

    return {
        host: choice
        if choice["error"]
        else {
            **choice,
            "access": [{**access, "there": there(choice, access["port"])} for access in choice["access"]],
        }
        for host, choice in choices.items()
    }


def exact_sources(permissions: list[Record], port: int, cidrs: list[str]) -> list[str]:
    """Return those sources that have an ingress rule for exactly this TCP port."""
    there = {
        ipaddress.ip_network(source)
        for permission in permissions
        if (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort")) == ("tcp", port, port)
        for source in _sources(permission)
    }
    return [cidr for cidr in cidrs if ipaddress.ip_network(cidr) in there]


def with_needs(choices: dict[str, Choice], needs: Mapping[tuple[str, int], list[dict[str, str]]]) -> dict[str, Choice]:
    """Return the choices with `needed_by` in each dict of `access`: the value of the group and port in `needs`."""
    return {
        host: choice
        if choice["error"]
        else {
            **choice,
            "access": [
                {**access, "needed_by": needs.get((choice["group_id"], access["port"]), [])}
                for access in choice["access"]
            ],
        }
        for host, choice in choices.items()
    }


def users(interfaces: list[Record]) -> dict[str, list[Record]]:
    """Return a map from each group's id to the network interfaces that have it."""
    found: dict[str, list[Record]] = {}
    for interface in {each["NetworkInterfaceId"]: each for each in interfaces}.values():
        for group_id in _groups_of(interface):
            found.setdefault(group_id, []).append(interface)
    return found


def others_than(
    interfaces: list[Record], hosts: list[dict[str, Any]], serving: Iterable[dict[str, Any]] = ()
) -> list[Record]:
    """Return the attached interfaces that belong to no host of `hosts`, or to one of `serving`.

    A host is `{instance_id, address}`.
    """
    known = _interfaces_of(interfaces, hosts) - _interfaces_of(interfaces, serving)
    return [each for each in interfaces if each.get("Attachment") and each["NetworkInterfaceId"] not in known]


def _interfaces_of(interfaces: list[Record], hosts: Iterable[dict[str, Any]]) -> set[str]:
    hosts = list(hosts)
    instances = {host["instance_id"] for host in hosts} - {""}
    addresses = {host["address"] for host in hosts} - {""}
    # An instance may have several interfaces, and a host may be known only by the address of one of them.
    instances |= {instance_of(each) for each in interfaces if addresses & set(_addresses_of(each))} - {""}
    return {
        each["NetworkInterfaceId"]
        for each in interfaces
        if instance_of(each) in instances or addresses & set(_addresses_of(each))
    }


def needed_by(others: list[Record], instances: list[Record]) -> list[dict[str, str]]:
    """Return `{interface_id, instance_id, name}` of each of these interfaces, without those of terminated instances.

    `instances` are those of the interfaces. An interface of a load balancer, for example, has no instance.
    """
    known = {each["InstanceId"]: each for each in instances}
    names = {
        id_: next((tag["Value"] for tag in each.get("Tags", []) if tag["Key"] == "Name"), "")
        for id_, each in known.items()
    }
    gone = {id_ for id_, each in known.items() if each["State"]["Name"] in ("shutting-down", "terminated")}
    found = [
        {
            "interface_id": each["NetworkInterfaceId"],
            "instance_id": instance_of(each),
            "name": names.get(instance_of(each), ""),
        }
        for each in others
        if instance_of(each) not in gone
    ]
    return sorted(found, key=lambda other: other["interface_id"])


def matching_rules(rules: list[Record], protocol: str, port: int, cidrs: list[str]) -> list[dict[str, Any]]:
    """Select from DescribeSecurityGroupRules' answer the ingress rules for exactly this port and these sources.

    Returns `{group_id, rule_id, cidr, description}` each.
    """
    wanted = {ipaddress.ip_network(cidr) for cidr in cidrs}
    return [
        {
            "group_id": rule["GroupId"],
            "rule_id": rule["SecurityGroupRuleId"],
            "cidr": cidr,
            "description": rule.get("Description", ""),
        }
        for rule in rules
        for cidr in [rule.get("CidrIpv4") or rule.get("CidrIpv6")]
        if not rule["IsEgress"]
        and (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort")) == (protocol, port, port)
        and cidr
        and ipaddress.ip_network(cidr) in wanted
    ]


def rules_to_add(there: list[dict[str, Any]], group_ids: list[str], cidrs: list[str]) -> list[tuple[str, str]]:
    """Return the `(group id, source)` of each rule that is not in `there`, the result of `matching_rules`.

    Descriptions do not count: for EC2, a rule that differs only in its description is a duplicate.
    """
    known = {(rule["group_id"], ipaddress.ip_network(rule["cidr"])) for rule in there}
    wanted = [(group_id, ipaddress.ip_network(cidr)) for group_id in group_ids for cidr in cidrs]
    return [(group_id, str(cidr)) for group_id, cidr in dict.fromkeys(wanted) if (group_id, cidr) not in known]


def permission(protocol: str, port: int, cidr: str, description: str) -> Record:
    """Return the ingress permission as AuthorizeSecurityGroupIngress takes it."""
    ranges, key = ("Ipv6Ranges", "CidrIpv6") if ":" in cidr else ("IpRanges", "CidrIp")
    source = {key: cidr, **({"Description": description} if description else {})}
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, ranges: [source]}


def rule_lines(rules: list[dict[str, Any]], protocol: str, port: int) -> str:
    """Return the rules as text for a diff, a line each."""
    return "".join(
        f"{rule['group_id']}: {protocol}/{port} from {rule['cidr']}"
        f"{', ' + rule['description'] if rule['description'] else ''}\n"
        for rule in rules
    )
