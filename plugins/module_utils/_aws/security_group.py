# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which security group lets clients in to a machine, which rules are missing there, and which others need them.

Pure functions over the records of the EC2 API, in its words. They run on the control node.

A *wish* is what a host asks for: `{host, instance_id, address, group_id, port, cidrs, description}`, and an unknown
id or address is "". A *choice* is a wish with what was found for it, see `choose_groups`.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping

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
Rule = dict  # {group_id, group_name, port, cidrs, ...}

WILDCARDS = "*?\\"  # in a filter's value


def cidr_errors(cidrs: list[str]) -> list[str]:
    """Say of each source that is no CIDR block what is wrong with it; amazon.aws would silently widen host bits."""
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
    """Find for each host the network interface that clients reach, and the one of its groups to work on.

    `interfaces` are the network interfaces that the wishes name, and all other ones of the same instances. The answer
    maps a host to its wish with `error`, which is "" if a group was found. Then it also has `interface_id`, `vpc_id`,
    `group_id`, `group_name`, `group_ids` (all groups of the interface), and `other_public`: `{interface_id, address,
    group_ids}` for each other interface of the instance that has a public address.
    """
    by_instance: dict[str, list[Record]] = {}
    by_address: dict[str, list[Record]] = {}
    for interface in {each["NetworkInterfaceId"]: each for each in interfaces}.values():
        by_instance.setdefault(instance_of(interface), []).append(interface)
        for address in _addresses_of(interface):
            by_address.setdefault(address, []).append(interface)
    return {wish["host"]: {**wish, **_choose_group(wish, by_instance, by_address, place)} for wish in wishes}


def _choose_group(wish: Wish, by_instance: dict, by_address: dict, place: Place) -> dict[str, Any]:
    if not wish["instance_id"] and not wish["address"]:
        return {"error": "The machine tells neither its instance id nor a private address that could only be its own"}
    if wish["instance_id"]:
        who, own = f"instance {wish['instance_id']}", by_instance.get(wish["instance_id"], [])
    else:
        who, own = f"the private address {wish['address']}", by_address.get(wish["address"], [])
    if not own:
        return {"error": f"EC2 knows no network interface of {who} {place}"}
    if not wish["instance_id"]:
        if len(own) > 1:
            named = ", ".join(f"{each['NetworkInterfaceId']} in {each['VpcId']}" for each in own)
            return {"error": f"{who} belongs to several network interfaces ({named}): set security_group_instance_id"}
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
            "error": f"security_group_id: {wish['group_id']} is not attached to {ids} of {who}, so opening a"
            f" port in it has no effect. Attached groups: {attached}"
        }
    interface = fitting[0]
    groups = _groups_of(interface)
    if not groups:
        return {"error": f"The network interface {interface['NetworkInterfaceId']} of {who} has no security group"}
    # A VPC's default group is shared by whatever nobody thought about, hence the last choice.
    not_default = [group_id for group_id, name in groups.items() if name != "default"]
    group_id = wish["group_id"] or (not_default or list(groups))[0]
    return {
        "error": "",
        "interface_id": interface["NetworkInterfaceId"],
        "vpc_id": interface["VpcId"],
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
    """Tell whether ingress rules of one or more groups together let TCP in from all of a CIDR block.

    A prefix list counts by its entries. If they could not be read it does not count, and neither does a group as a
    source: at worst a rule is added that was not needed.
    """
    family = family_of(cidr)
    resolve = resolver(snapshot, family, inside=False)
    try:
        through, _rules = admitted(rules, "tcp", port, family, addresses([cidr], family), resolve)
    except NotRead:
        return False
    return through.verdict == Verdict.OK


def describe_access(choices: dict[str, Choice], groups: list[Record], snapshot: Snapshot) -> dict[str, Choice]:
    """Return the choices with what their groups let in.

    `groups` are those of `attached_groups`, and `snapshot` has the entries of prefix lists. The new keys are `lacking`:
    the wished sources that no attached group admits to the port; `beside`: the admitted sources that the host does not
    wish; `stale`: `{port, cidrs}` of each rule of the chosen group that has the host's own description and a port that
    no host wishes; and `shut`: those of `other_public` whose groups do not admit the port.
    """
    permissions = {group["GroupId"]: group["IpPermissions"] for group in groups}
    rules = {group["GroupId"]: group_rules([group]) for group in groups}
    asked = {(choice["group_id"], choice["port"]) for choice in choices.values() if not choice["error"]}

    def lacking(choice: Choice, group_ids: list[str]) -> list[str]:
        union = [rule for group_id in group_ids for rule in rules.get(group_id, [])]
        return [cidr for cidr in choice["cidrs"] if not admits(union, choice["port"], cidr, snapshot)]

    def described(choice: Choice) -> Choice:
        if choice["error"]:
            return choice
        own = [rule for group_id in choice["group_ids"] for rule in rules[group_id]]
        ports = described_ports(permissions[choice["group_id"]], choice["description"])
        return {
            **choice,
            "lacking": lacking(choice, choice["group_ids"]),
            "beside": sources_beside(own, choice["port"], choice["cidrs"]),
            "stale": [rule for rule in ports if (choice["group_id"], rule["port"]) not in asked],
            "shut": [other for other in choice["other_public"] if lacking(choice, other["group_ids"])],
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


def rules_of(choices: dict[str, Choice]) -> list[Rule]:
    """Return `{group_id, group_name, vpc_id, port, cidrs, rule_description}` once for each group and port, however
    many hosts share them.
    """
    rules: dict[tuple[str, int], Rule] = {}
    for choice in choices.values():
        if choice["error"]:
            continue
        rule = rules.setdefault(
            (choice["group_id"], choice["port"]),
            {
                **{key: choice[key] for key in ("group_id", "group_name", "vpc_id", "port")},
                "cidrs": [],
                "rule_description": choice["description"],
            },
        )
        rule["cidrs"] += [cidr for cidr in choice["cidrs"] if cidr not in rule["cidrs"]]
    return list(rules.values())


def missing_rules(choices: dict[str, Choice], groups: list[Record]) -> list[Rule]:
    """Return the rules to add so that clients reach every host, as `rules_of` with the group's own `description`.

    `choices` are those of `describe_access`, and `groups` the same.
    """
    descriptions = {group["GroupId"]: group["Description"] for group in groups}
    lacking = {
        host: {**choice, "cidrs": choice["lacking"]} for host, choice in choices.items() if choice.get("lacking")
    }
    return [{**rule, "description": descriptions[rule["group_id"]]} for rule in rules_of(lacking)]


def is_plain(rule: Rule, namesakes: list[Record]) -> bool:
    """Tell whether the name and the VPC of a rule's group identify this group only.

    amazon.aws.ec2_security_group finds a group by them, and takes the last of several. A filter of a describe call
    reads `*`, `?` and a backslash in a name as a pattern. `namesakes` are the groups of that name in that VPC.
    """
    return not set(WILDCARDS) & set(rule["group_name"]) and [each["GroupId"] for each in namesakes] == [
        rule["group_id"]
    ]


def describe_rules(
    choices: dict[str, Choice], groups: list[Record], others: dict[str, list[dict[str, str]]]
) -> dict[str, Choice]:
    """Return the choices with `there`: whether their group has a rule for exactly the port and one of the sources, and
    `needed_by`: those of `others` that have this group.
    """
    permissions = {group["GroupId"]: group["IpPermissions"] for group in groups}
    return {
        host: choice
        if choice["error"]
        else {
            **choice,
            "there": has_rule(permissions[choice["group_id"]], choice["port"], choice["cidrs"]),
            "needed_by": others.get(choice["group_id"], []),
        }
        for host, choice in choices.items()
    }


def has_rule(permissions: list[Record], port: int, cidrs: list[str]) -> bool:
    """Tell whether one of the ingress permissions is for exactly this TCP port and one of these sources."""
    wanted = {ipaddress.ip_network(cidr) for cidr in cidrs}
    return any(
        wanted & set(map(ipaddress.ip_network, _sources(permission)))
        for permission in permissions
        if (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort")) == ("tcp", port, port)
    )


def users(interfaces: list[Record]) -> dict[str, list[Record]]:
    """Return a map from each group's id to the network interfaces that have it."""
    found: dict[str, list[Record]] = {}
    for interface in {each["NetworkInterfaceId"]: each for each in interfaces}.values():
        for group_id in _groups_of(interface):
            found.setdefault(group_id, []).append(interface)
    return found


def others_than(interfaces: list[Record], play: list[dict[str, str]]) -> list[Record]:
    """Return the attached interfaces that belong to no host of the play. A host is `{instance_id, address}`."""
    instances = {host["instance_id"] for host in play} - {""}
    addresses = {host["address"] for host in play} - {""}
    # An instance may have several interfaces, and a host may be known only by the address of one of them.
    instances |= {instance_of(each) for each in interfaces if addresses & set(_addresses_of(each))} - {""}
    return [
        each
        for each in interfaces
        if each.get("Attachment") and instance_of(each) not in instances and not addresses & set(_addresses_of(each))
    ]


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


def _shown(other: dict[str, str]) -> str:
    name = f" ({other['name']})" if other["name"] else ""
    return f"{other['instance_id']}{name}" if other["instance_id"] else other["interface_id"]


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


def how_opened(choice: Choice, check_mode: bool) -> str:
    """Say which group lets clients in to a host after the run, and what else a person should know about it."""
    what = f"tcp/{choice['port']} from {', '.join(choice['cidrs'])}"
    if choice["lacking"]:
        how = (
            f"{'would be opened' if check_mode else 'opened now'} in {choice['group_id']} ({choice['group_name']})"
            f"{_for_others(choice)}"
        )
    else:
        how = f"already admitted by {' or '.join(choice['group_ids'])}"
    said = [f"{choice['interface_id']}, {what}: {how}."]
    if choice["beside"]:
        said.append(
            f"Existing rules also admit {', '.join(choice['beside'])}. To remove a rule for this port alone, run"
            f" close_port.yml with -e security_group_port={choice['port']}"
            f" -e security_group_cidrs={','.join(choice['beside'])}"
        )
    for rule in choice["stale"]:
        said.append(
            f"The rule for tcp/{rule['port']} from {', '.join(rule['cidrs'])} stays in {choice['group_id']}. If no site"
            f" uses this port any more, close it: {close_command(rule['port'], rule['cidrs'])}"
        )
    for other in choice["shut"]:
        said.append(
            f"The same instance has another public address, {other['address']}, on {other['interface_id']}, where the"
            f" port is not open. To open it there instead, set security_group_id: {other['group_ids'][0]}"
        )
    return " ".join(said)


def close_command(port: int, cidrs: list[str]) -> str:
    """Return the command that removes a rule."""
    sources = "" if cidrs == ["0.0.0.0/0"] else f" -e security_group_cidrs={','.join(cidrs)}"
    return f"ansible-playbook playbooks/close_port.yml -i INVENTORY -e security_group_port={port}{sources}"


def how_closed(choice: Choice, shared: str, check_mode: bool) -> str:
    """Say whether the rule of a host is removed, or why not. `shared` is the role's variable security_group_shared."""
    what = f"{choice['group_id']} ({choice['group_name']}), tcp/{choice['port']} from {', '.join(choice['cidrs'])}"
    if not choice["there"]:
        return f"{what}: there is no such rule. Wider rules are not changed."
    others = list(dict.fromkeys(map(_shown, choice["needed_by"])))
    if others and shared != "close":
        shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        return (
            f"{what}: this rule stays, because this group is also attached to machines that are not part of this run:"
            f" {shown}. To close the port for them too: {close_command(choice['port'], choice['cidrs'])}"
        )
    return f"{what}: {'would be removed' if check_mode else 'removed'}{_for_others(choice)}."


def _for_others(choice: Choice) -> str:
    """Say for how many other network interfaces a change of the group counts too."""
    others = choice["sharing"]
    return f", also for {others} other network interface{'s' if others > 1 else ''} with this group" if others else ""


def noted(hosts: list[str], hostvars: Mapping[str, Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the value of the variable `name` of each host that has it, without empty values."""
    return [hostvars[host][name] for host in hosts if name in hostvars[host] and hostvars[host][name]]


def leaders(wishes: list[dict[str, Any]]) -> dict[str, str]:
    """Return the first host of each account: the one that asks and acts for all of this account.

    A wish is `{account, host, ...}` here. An account is a digest of connection options.
    """
    first: dict[str, str] = {}
    for wish in wishes:
        first.setdefault(wish["account"], wish["host"])
    return first


def not_found(answer: dict[str, Any], host: str, is_own_python: bool) -> str:
    """Say why there is no security group to work on for a host; "" if there is one.

    `answer` is the result of security_group_rule_info, which may have failed. `is_own_python` tells whether the module
    ran with the Python that runs Ansible.
    """
    leave = "To leave security groups alone, set security_group_manage: false."
    if "hosts" not in answer:
        refusal = answer.get("msg") or "EC2 could not be asked"
        where = (
            "The role takes its connection options from security_group_aws and the control node's environment."
            if is_own_python
            else "Set ansible_python_interpreter in the inventory. With -e it applies to the control node too, whose"
            " Python must have boto3."
        )
        return f"{_sentence(refusal)} The security group of {host} could not be looked up. {where} {leave}"
    error = answer["hosts"][host]["error"]
    if not error:
        return ""
    return (
        f"{_sentence(error)} Check the region and the account, or name the instance in security_group_instance_id."
        f" {leave}"
    )


def not_done(choice: Choice, acts: dict[str, Any]) -> str:
    """Say why the rule of a host could not be added or removed; "" if nothing failed.

    `acts` is the result of a loop of security_group_rule over rules.
    """
    for result in acts.get("results", []):
        rule = result.get("item", {})
        if (rule.get("group_id"), rule.get("port")) != (choice["group_id"], choice["port"]) or "rules" in result:
            continue
        if result.get("error", {}).get("code") == "InvalidGroup.NotFound" and "there" in choice:
            continue  # the group is deleted, and its rules with it
        return f"tcp/{choice['port']}: {_sentence(result.get('msg') or 'The module security_group_rule failed')}"
    return ""


def closable(rules: list[Rule], shared: str) -> list[Rule]:
    """Return the rules to remove. `shared` is the role's variable security_group_shared."""
    return [rule for rule in rules if shared == "close" or not rule["needed_by"]]


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}."
