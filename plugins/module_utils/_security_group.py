# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which security group lets a client in to a machine, and what is missing there.

PRIVATE to the collection. Pure functions over the dicts that amazon.aws's info modules return; runs on the control
node alone. amazon.aws opens the port; it cannot tell that a wider rule admits it already, nor do one call for many
hosts that share a group, hence this file.
"""

from __future__ import annotations

import ipaddress
from typing import Any


def cidr_errors(cidrs: list[str]) -> list[str]:
    """Say of each source that is no CIDR block what is wrong with it; amazon.aws would silently widen host bits."""
    errors = []
    for cidr in cidrs:
        try:
            if "/" not in cidr:
                raise ValueError(f"{cidr or 'an empty word'} has no prefix length")
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


def choose_groups(wishes: list[dict[str, Any]], interfaces: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Find each host's own network interface, and the one of its groups to work on.

    A wish is `{host, instance_id, address, group_id, port, cidrs}`, where unknown ids are empty strings, and the port
    may be text, which templates of ansible-core before 2.19 make of it. `interfaces` are those that
    amazon.aws.ec2_eni_info returned. The answer maps a host to its wish with the port as a number, and with
    `interface_id`, `group_id`, `group_name`, `group_ids` (all that are attached) and `error` ("" when all is well).
    """
    return {wish["host"]: {**wish, "port": int(wish["port"]), **_choose_group(wish, interfaces)} for wish in wishes}


def _choose_group(wish: dict[str, Any], interfaces: list[dict[str, Any]]) -> dict[str, Any]:
    if not wish["instance_id"] and not wish["address"]:
        return {"error": "The machine tells neither its instance id nor a private address that could only be its own"}
    own = [interface for interface in interfaces if _is_own(wish, interface)]
    who = f"instance {wish['instance_id']}" if wish["instance_id"] else f"the private address {wish['address']}"
    if not own:
        return {"error": f"EC2 knows no network interface of {who} in this account and region"}
    if len(own) > 1:
        named = ", ".join(f"{interface['id']} in {interface['vpc_id']}" for interface in own)
        return {"error": f"{who} belongs to several network interfaces ({named}): set security_group_instance_id"}
    interface = own[0]
    groups = {group["group_id"]: group["group_name"] for group in interface["groups"]}
    if wish["group_id"] and wish["group_id"] not in groups:
        named = ", ".join(f"{group_id} ({name})" for group_id, name in groups.items())
        return {
            "error": f"security_group_id: {wish['group_id']} is not attached to {interface['id']} of {who}, so a port"
            f" opened in it would open nothing. Attached: {named}"
        }
    # A VPC's default group is shared by whatever nobody thought about, hence the last choice.
    not_default = [group_id for group_id, name in groups.items() if name != "default"]
    group_id = wish["group_id"] or (not_default or list(groups))[0]
    return {
        "error": "",
        "interface_id": interface["id"],
        "group_id": group_id,
        "group_name": groups[group_id],
        "group_ids": list(groups),
    }


def _is_own(wish: dict[str, Any], interface: dict[str, Any]) -> bool:
    addresses = [address["private_ip_address"] for address in interface["private_ip_addresses"]]
    if not wish["instance_id"]:
        return wish["address"] in addresses
    attachment = interface.get("attachment") or {}
    return attachment.get("instance_id") == wish["instance_id"] and attachment.get("device_index") == 0


def admits(permissions: list[dict[str, Any]], port: int, cidr: str) -> bool:
    """Tell whether ingress permissions of one or more groups together let TCP in from all of a CIDR block.

    Groups only allow, so their union counts; several ranges may cover the block in pieces. Sources that are prefix
    lists or other groups are not looked into: at worst a rule is added that was not needed.
    """
    wanted = ipaddress.ip_network(cidr)
    admitted = [
        network
        for permission in permissions
        if _covers_port(permission, port)
        for network in map(ipaddress.ip_network, _sources(permission))
        if network.version == wanted.version
    ]
    return any(wanted.subnet_of(network) for network in ipaddress.collapse_addresses(admitted))


def sources_beside(choice: dict[str, Any], groups: list[dict[str, Any]]) -> list[str]:
    """Return the CIDR blocks that a host's groups let in to its port beyond those that were asked for.

    `choice` is one of `choose_groups`, `groups` as for `missing_rules`.
    """
    wanted = [ipaddress.ip_network(cidr) for cidr in choice["cidrs"]]
    admitted = {
        source
        for group in groups
        if group["group_id"] in choice["group_ids"]
        for permission in group["ip_permissions"]
        if _covers_port(permission, choice["port"])
        for source in _sources(permission)
    }
    return sorted(source for source in admitted if not _is_within(ipaddress.ip_network(source), wanted))


def _is_within(network, others) -> bool:
    return any(network.version == other.version and network.subnet_of(other) for other in others)


def _covers_port(permission: dict[str, Any], port: int) -> bool:
    protocol = str(permission["ip_protocol"])
    return protocol == "-1" or (protocol in ("tcp", "6") and permission["from_port"] <= port <= permission["to_port"])


def _sources(permission: dict[str, Any]) -> list[str]:
    return [source["cidr_ip"] for source in permission.get("ip_ranges", [])] + [
        source["cidr_ipv6"] for source in permission.get("ipv6_ranges", [])
    ]


def rules_of(choices: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return `{group_id, group_name, port, cidrs}` once per distinct group and port, however many hosts share it."""
    rules: dict[tuple[str, int], dict[str, Any]] = {}
    for choice in choices.values():
        if choice["error"]:
            continue
        rule = rules.setdefault(
            (choice["group_id"], choice["port"]),
            {"group_id": choice["group_id"], "group_name": choice["group_name"], "port": choice["port"], "cidrs": []},
        )
        rule["cidrs"] += [cidr for cidr in choice["cidrs"] if cidr not in rule["cidrs"]]
    return list(rules.values())


def missing_rules(choices: dict[str, dict[str, Any]], groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is to be added so that every host is reached, as `rules_of` with the group's own description and VPC.

    `groups` are those that amazon.aws.ec2_security_group_info returned, all that are attached to the hosts.
    """
    by_id = {group["group_id"]: group for group in groups}
    lacking = {}
    for host, choice in choices.items():
        if choice["error"]:
            continue
        permissions = [rule for group_id in choice["group_ids"] for rule in by_id[group_id]["ip_permissions"]]
        cidrs = [cidr for cidr in choice["cidrs"] if not admits(permissions, choice["port"], cidr)]
        if cidrs:
            lacking[host] = {**choice, "cidrs": cidrs}
    return [
        {**rule, "description": by_id[rule["group_id"]]["description"], "vpc_id": by_id[rule["group_id"]]["vpc_id"]}
        for rule in rules_of(lacking)
    ]


def matching_rules(rules: list[dict[str, Any]], protocol: str, port: int, cidrs: list[str]) -> list[dict[str, Any]]:
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
