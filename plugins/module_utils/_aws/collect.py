# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Asks AWS only for what a judgement needs: fetches the answers that it missed, and repeats it until it misses none.

`describe(service, operation, answer, **arguments)` returns the list or dict `answer` of a describe call, with all its
pages, or raises NotRead. This file does not use boto3. It filters by ids and addresses only, and selects the rest
itself, because local EC2 APIs support few other filters.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Question
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import HERE, Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import (
    Wanted,
    diagnose,
    instance_interfaces,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    Snapshot,
    public_addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import family_of

Describe = Callable[..., Any]
Key = tuple  # (name, id or None), see Snapshot


def is_block(text: Any) -> bool:
    """Return whether a value is an address or a CIDR block."""
    try:
        return bool(addresses([text], family_of(text)))
    except (TypeError, ValueError):
        return False


def is_id(text: Any) -> bool:
    """Return whether a value is text that cannot be a CIDR block. The source of a rule may be either."""
    return isinstance(text, str) and "/" not in text


# The shapes of the records in each answer, with the keys that are used. An answer with another shape is not used. A key
# that begins with ? is optional, and one of a tuple of keys must be there.
_ADDRESSES = {"?PrivateIpAddresses": [{"PrivateIpAddress": is_block}], "?Ipv6Addresses": [{"Ipv6Address": is_block}]}
_INTERFACE = {
    "NetworkInterfaceId": str,
    "SubnetId": str,
    "VpcId": str,
    "Groups": [{"GroupId": str}],
    "?PrivateIpAddress": is_block,
    **_ADDRESSES,
}
_PERMISSIONS = [
    {
        "IpProtocol": str,
        "?IpRanges": [{"CidrIp": is_block}],
        "?Ipv6Ranges": [{"CidrIpv6": is_block}],
        "?PrefixListIds": [{"PrefixListId": is_id}],
        "?UserIdGroupPairs": [{"?GroupId": is_id}],
    }
]
_ACTIONS = [
    {
        "Type": str,
        "?TargetGroupArn": str,
        "?ForwardConfig": {"?TargetGroups": [{"TargetGroupArn": str}]},
        "?RedirectConfig": {"?Protocol": str, "?Port": str, "?Host": str},
        "?FixedResponseConfig": {"?StatusCode": str},
    },
]
SHAPES: dict[str, Any] = {
    "Instances": {"InstanceId": str, "State": {"Name": str}},
    "InstanceInterfaces": {**_INTERFACE, "Attachment": {"DeviceIndex": int}},
    "NetworkInterfaces": _INTERFACE,
    "Addresses": {"PublicIp": str},
    "SecurityGroups": {
        "GroupId": str,
        "GroupName": str,
        "VpcId": str,
        "?IpPermissions": _PERMISSIONS,
        "?IpPermissionsEgress": _PERMISSIONS,
    },
    "RouteTables": {
        "RouteTableId": str,
        "VpcId": str,
        "Routes": [
            {
                "?DestinationCidrBlock": is_block,
                "?DestinationIpv6CidrBlock": is_block,
                "?DestinationPrefixListId": str,
                "?GatewayId": str,
            }
        ],
        "Associations": [{"?AssociationState": {"State": str}}],
    },
    "InternetGateways": {"InternetGatewayId": str, "Attachments": [{"State": str, "VpcId": str}]},
    "NetworkAcls": {
        "NetworkAclId": str,
        "VpcId": str,
        "IsDefault": bool,
        "Associations": [{"SubnetId": str}],
        "Entries": [
            {
                "Egress": bool,
                "Protocol": str,
                "RuleAction": str,
                "RuleNumber": int,
                ("CidrBlock", "Ipv6CidrBlock"): is_block,
                "?PortRange": {"From": int, "To": int},
            }
        ],
    },
    "Subnets": {
        "SubnetId": str,
        "?AvailabilityZone": str,
        "?CidrBlock": is_block,
        "?Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": is_block}],
    },
    "Entries": {"Cidr": is_block},
    "VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": str},
    "VpcBlockPublicAccessExclusions": {
        "ExclusionId": str,
        "ResourceArn": str,
        "State": str,
        "InternetGatewayExclusionMode": str,
    },
    "LoadBalancers": {
        "LoadBalancerArn": str,
        "LoadBalancerName": str,
        "Type": str,
        "Scheme": str,
        "VpcId": str,
        "State": {"Code": str},
        "AvailabilityZones": lambda zones: bool(zones) and fits(zones, [{"SubnetId": str, "?ZoneName": str}]),
        "?SecurityGroups": [str],
    },
    "Listeners": {"ListenerArn": str, "?Port": int, "?Protocol": str, "?DefaultActions": _ACTIONS},
    "Rules": {"Actions": _ACTIONS},
    "TargetGroups": {"TargetGroupArn": str, "TargetGroupName": str},
    "TargetHealthDescriptions": {"Target": {"Id": str}, "TargetHealth": {"State": str}},
    "Attributes": {"Key": str, "Value": str},
}


def fits(record: Any, shape: Any) -> bool:
    """Return whether a record has a shape: a type, a function, a list of one shape, or a dict of shapes by key."""
    if isinstance(shape, dict):
        return isinstance(record, dict) and all(_has(record, key, each) for key, each in shape.items())
    if isinstance(shape, list):
        return isinstance(record, list) and all(fits(each, shape[0]) for each in record)
    return isinstance(record, shape) if isinstance(shape, type) else shape(record)


def _has(record: Record, key: str | tuple[str, ...], shape: Any) -> bool:
    if isinstance(key, tuple):
        there = [record[each] for each in key if each in record]
        return bool(there) and all(fits(each, shape) for each in there)
    if key.startswith("?"):
        return key[1:] not in record or fits(record[key[1:]], shape)
    return fits(record.get(key), shape)


def ask_aws(describe: Describe, question: Question, wanted: Wanted, place: Place = HERE) -> dict[str, Any]:
    """Return the result of reachability.diagnose() with all answers that it needs; a NotRead for each unreadable one.

    The loop ends because each round adds answers for all that the one before missed.
    """
    snapshot = Snapshot({})
    while True:
        found = diagnose(snapshot, question, wanted, place)
        if not snapshot.missed:
            return found
        if wanted.address and ("NetworkInterfaces", wanted.address) in snapshot.missed:
            snapshot = Snapshot(find_address(describe, wanted.address))
        else:
            snapshot = fetch_missed(describe, snapshot)


def fetch_missed(describe: Describe, snapshot: Snapshot) -> Snapshot:
    """Return a snapshot that also has the answers that `snapshot` missed."""
    fetched = {key: attempt(FETCH[key[0]], describe, snapshot, key[1]) for key in sorted(snapshot.missed, key=str)}
    return Snapshot({**snapshot.answers, **fetched})


def attempt(fetch: Callable, *arguments: Any) -> Any:
    """Return the result of the function, or the NotRead that it raises: a snapshot keeps that in the answer's place."""
    try:
        return fetch(*arguments)
    except NotRead as error:
        return error


def believed(name: str, answer: Any, whole: str | None = None) -> Any:
    """Return the answer if all its records have the shape that AWS documents. Raises NotRead if not."""
    if all(fits(record, SHAPES[name]) for record in (answer if isinstance(answer, list) else [answer])):
        return answer
    raise NotRead(f"The endpoint's answer makes no sense as {whole or name} of EC2. Is it AWS that answers there?")


def _ec2(operation: str, answer: str, ids: str = "") -> Callable:
    """Return a function that fetches all records of the VPCs; or, if its key is an id, this one record of any VPC.

    `ids` is the name of the call's argument for ids.
    """

    def fetch(describe: Describe, snapshot: Snapshot, key: str | None) -> Any:
        if key:
            return _one_or_none(describe, operation, answer, **{ids: [key]})
        by_vpc = "attachment.vpc-id" if answer == "InternetGateways" else "vpc-id"
        filters = [{"Name": by_vpc, "Values": vpc_ids(snapshot)}]
        return believed(answer, describe("ec2", operation, answer, Filters=filters))

    return fetch


def _one_or_none(describe: Describe, operation: str, answer: str, **arguments: Any) -> list[Record]:
    try:
        return believed(answer, describe("ec2", operation, answer, **arguments))
    except Missing:
        return []


def _members(describe: Describe, _snapshot: Snapshot, group_id: str) -> list[Record]:
    """Return the interfaces, of any VPC, that are in a security group."""
    return _interfaces(describe, "group-id", group_id)


def vpc_ids(snapshot: Snapshot) -> list[str]:
    """Return the ids of the VPCs of the targets that were found."""
    found = [record for key in snapshot.answers for record in _records_of(snapshot, key)]
    return sorted({record["VpcId"] for record in found})


def _records_of(snapshot: Snapshot, key: Key) -> Iterable[Record]:
    answer = snapshot.answers[key]
    if isinstance(answer, NotRead):
        return []
    if key[0] == "Instances":
        return [interface for instance in answer for interface in instance.get("NetworkInterfaces", [])]
    return answer if key[0] in ("NetworkInterfaces", "LoadBalancers") else []


def _of_prefix_list(describe: Describe, _snapshot: Snapshot, list_id: str) -> list[Record]:
    entries = describe("ec2", "get_managed_prefix_list_entries", "Entries", PrefixListId=list_id)
    return believed("Entries", entries)


def _block_options(describe: Describe, _snapshot: Snapshot, _key: None) -> Record:
    answer = "VpcBlockPublicAccessOptions"
    return believed(answer, describe("ec2", "describe_vpc_block_public_access_options", answer))


def _block_exclusions(describe: Describe, _snapshot: Snapshot, _key: None) -> list[Record]:
    answer = "VpcBlockPublicAccessExclusions"
    return believed(answer, describe("ec2", "describe_vpc_block_public_access_exclusions", answer))


class Missing(NotRead):
    """AWS reports that an object does not exist. The text is AWS's message, which has the ids."""


def instances_by_id(describe: Describe, ids: list[str]) -> list[Record]:
    """Return those of the instances that exist. AWS refuses the whole call if one does not, and names it."""
    if not ids:
        return []
    try:
        return instances(describe, InstanceIds=ids)
    except Missing as error:
        rest = [id_ for id_ in ids if id_ not in str(error)]
        return instances_by_id(describe, rest) if len(rest) < len(ids) else []


def instances(describe: Describe, **arguments: Any) -> list[Record]:
    """Return the instances of a DescribeInstances call with these arguments. Raises NotRead."""
    reservations = describe("ec2", "describe_instances", "Reservations", **arguments)
    found = [each for reservation in reservations for each in reservation.get("Instances", [])]
    believed("InstanceInterfaces", [each for one in found for each in one.get("NetworkInterfaces", [])], "Instances")
    return believed("Instances", found)


def _instances(describe: Describe, snapshot: Snapshot, key: str | None) -> list[Record]:
    """Return the instance that is asked for, or those that are targets of the load balancer."""
    if key:
        return instances_by_id(describe, [key])
    targets = [answer for (name, _arn), answer in snapshot.answers.items() if name == "TargetHealthDescriptions"]
    ids = [each["Target"]["Id"] for answer in targets if not isinstance(answer, NotRead) for each in answer]
    return instances_by_id(describe, sorted({id_ for id_ in ids if id_.startswith("i-")}))


def find_address(describe: Describe, address: str) -> dict[Key, Any]:
    """Return the interfaces that have the address, their instances, and the Elastic IP if the address is one."""
    answers: dict[Key, Any] = {("Addresses", address): [], ("Instances", address): []}
    interfaces = attempt(_find_interfaces, describe, address, answers)
    answers["NetworkInterfaces", address] = interfaces
    if not isinstance(interfaces, NotRead) and not answers["Instances", address]:
        ids = {(each.get("Attachment") or {}).get("InstanceId") for each in interfaces}
        answers["Instances", address] = attempt(instances_by_id, describe, sorted(filter(None, ids)))
    return answers


def _find_interfaces(describe: Describe, address: str, answers: dict[Key, Any]) -> list[Record]:
    if family_of(address) == "ipv6":
        return _interfaces(describe, "ipv6-addresses.ipv6-address", address)
    if addresses([address], "ipv4") <= PRIVATE:
        return _interfaces(describe, "addresses.private-ip-address", address)
    filters = [{"Name": "public-ip", "Values": [address]}]
    held = describe("ec2", "describe_addresses", "Addresses", Filters=filters)
    answers["Addresses", address] = believed("Addresses", held)
    if held and held[0].get("NetworkInterfaceId") and not held[0].get("InstanceId"):
        interfaces = describe(
            "ec2",
            "describe_network_interfaces",
            "NetworkInterfaces",
            NetworkInterfaceIds=[held[0]["NetworkInterfaceId"]],
        )
        return believed("NetworkInterfaces", interfaces)
    if held and not held[0].get("InstanceId"):
        return []
    of_instance = {"InstanceIds": [held[0]["InstanceId"]]} if held else {}
    found = instances(describe, **(of_instance or {"Filters": [{"Name": "ip-address", "Values": [address]}]}))
    answers["Instances", address] = found
    interfaces = [each for one in found for each in instance_interfaces(one)]
    having = [each for each in interfaces if address in [public for public, *_rest in public_addresses(each)]]
    if having:
        return having
    try:
        # The address may belong to a load balancer's node: neither to an Elastic IP nor to an instance.
        return _interfaces(describe, "association.public-ip", address)
    except NotRead:
        return []  # AWS answered the two questions that matter


# Addresses that do not exist on the Internet. They are looked up among the machines' private addresses.
PRIVATE = addresses(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"], "ipv4")


def _interfaces(describe: Describe, filter_: str, address: str) -> list[Record]:
    filters = [{"Name": filter_, "Values": [address]}]
    found = describe("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
    return believed("NetworkInterfaces", found)


def _elb(operation: str, answer: str, argument: str) -> Callable:
    """Return a function that fetches records of the load balancer, or of the listener or target group in the key."""

    def fetch(describe: Describe, snapshot: Snapshot, key: str | None) -> Any:
        arn = key or balancer_arn(snapshot)
        return believed(answer, describe("elbv2", operation, answer, **{argument: arn}))

    return fetch


def balancer_arn(snapshot: Snapshot) -> str:
    """Return the ARN of the load balancer in the answers."""
    balancers = next(answer for (name, _key), answer in snapshot.answers.items() if name == "LoadBalancers")
    return balancers[0]["LoadBalancerArn"]


def _load_balancers(describe: Describe, _snapshot: Snapshot, arn: str) -> list[Record]:
    try:
        found = describe("elbv2", "describe_load_balancers", "LoadBalancers", LoadBalancerArns=[arn])
    except Missing:
        return []
    return believed("LoadBalancers", found)


FETCH: dict[str, Callable[..., Any]] = {
    "Instances": _instances,
    "NetworkInterfaces": _ec2("describe_network_interfaces", "NetworkInterfaces"),
    "Members": _members,
    "SecurityGroups": _ec2("describe_security_groups", "SecurityGroups", "GroupIds"),
    "RouteTables": _ec2("describe_route_tables", "RouteTables"),
    "InternetGateways": _ec2("describe_internet_gateways", "InternetGateways", "InternetGatewayIds"),
    "NetworkAcls": _ec2("describe_network_acls", "NetworkAcls"),
    "Subnets": _ec2("describe_subnets", "Subnets"),
    "Entries": _of_prefix_list,
    "VpcBlockPublicAccessOptions": _block_options,
    "VpcBlockPublicAccessExclusions": _block_exclusions,
    "LoadBalancers": _load_balancers,
    "Listeners": _elb("describe_listeners", "Listeners", "LoadBalancerArn"),
    "Rules": _elb("describe_rules", "Rules", "ListenerArn"),
    "TargetGroups": _elb("describe_target_groups", "TargetGroups", "LoadBalancerArn"),
    "TargetHealthDescriptions": _elb("describe_target_health", "TargetHealthDescriptions", "TargetGroupArn"),
    "Attributes": _elb("describe_target_group_attributes", "Attributes", "TargetGroupArn"),
}
