# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The hop of the answers: a subnet's route table; see hops.py."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import (
    EVERYTHING,
    Intervals,
    addresses,
    cidrs,
    named,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import (
    Client,
    ClientKind,
    attach_gateway,
    is_attached,
    some_of,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import (
    Passage,
    is_gateway_endpoint,
    routed,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    Record,
    Snapshot,
    destination,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import OK, UNKNOWN, Hop

NEXT_HOPS = [
    "GatewayId",
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
]

OPTIONS = {"ipv4": "--destination-cidr-block", "ipv6": "--destination-ipv6-cidr-block"}


def route(snapshot: Snapshot, vpc_id: str, subnet_id: str, client: Client, family: str) -> Hop:
    """Return the hop of the answers: they must leave by the internet gateway through which the client came in."""
    table = snapshot.route_table(subnet_id, vpc_id)
    table_id = table["RouteTableId"]
    explicit = any(each.get("SubnetId") == subnet_id for each in table["Associations"])
    whose = f"{table_id} ({'associated with' if explicit else 'the main one, which counts for'} {subnet_id})"
    good, bad, unsure = Intervals(), [], []
    taken = routed(table, family, client.space, snapshot.prefix_list)
    for each, space in taken:
        trouble = _trouble(snapshot, vpc_id, each, client.kind)
        if trouble is None:
            good |= space
        elif trouble[0] is None:
            unsure.append((each, space, trouble))
        else:
            bad.append((each, space, trouble))
    through = Passage(client.space, good, good)
    next_hops = dict.fromkeys(_next_hop(each) for each, _space in taken)
    resources = (table_id, *(each for each in next_hops if each not in (None, "local")), subnet_id)
    if through.verdict == OK:
        ways = ", ".join(dict.fromkeys(_named_route(each) for each, _space in taken if each))
        return Hop(OK, f"{whose} sends answers to {ways}.", None, None, resources, through)
    sentences = [_whom(each, space, family, len(taken)) + trouble[1] for each, space, trouble in bad + unsure]
    reach = "reach the client"
    finding = f"answers do not {reach}" if bad else f"it is not known whether answers {reach}"
    evidence = f"With {whose}, {finding}: {some_of(sentences)}"
    if unsure:
        return Hop(UNKNOWN, evidence, None, None, resources)
    culprit, space, (code, _why) = bad[0]
    overrides = culprit is not None and _overrides_good_route(snapshot, vpc_id, table, culprit, space, client, family)
    if overrides and code == "NO_ROUTE_TO_DESTINATION":
        code = "MORE_SPECIFIC_ROUTE"
    if client.kind == ClientKind.ELSEWHERE:
        fix = _fix_route_elsewhere(table, culprit, cidrs(space, family)[0], family)
    else:
        fix = _fix_route(snapshot, vpc_id, table, culprit, family, overrides)
    return Hop(through.verdict, evidence, code, fix, resources, through)


def _overrides_good_route(
    snapshot: Snapshot, vpc_id: str, table: Record, culprit: Record, space: Intervals, client: Client, family: str
) -> bool:
    """Return whether another route of the table would bring answers to the addresses if this route were deleted."""
    for each in table["Routes"]:
        if each is culprit or is_gateway_endpoint(each) or _trouble(snapshot, vpc_id, each, client.kind):
            continue
        list_id = each.get("DestinationPrefixListId")
        blocks = snapshot.prefix_list(list_id) if list_id else filter(None, [destination(each)])
        if space <= addresses(blocks, family):
            return True
    return False


def _whom(route_: Record | None, space: Intervals, family: str, ways: int) -> str:
    """Return which clients a sentence is about; empty if it is all of them, or if the route itself says so."""
    whom = named(space, family)
    if ways == 1 or (route_ and destination(route_) == whom):
        return ""
    return f"to {whom}, " if route_ else f"to {whom} "


def _next_hop(route_: Record | None) -> str | None:
    return next((route_[key] for key in NEXT_HOPS if route_.get(key)), None) if route_ else None


def _named_route(route_: Record) -> str:
    return f"{destination(route_) or route_.get('DestinationPrefixListId')} via {_next_hop(route_)}"


def _trouble(snapshot: Snapshot, vpc_id: str, route_: Record | None, kind: ClientKind) -> tuple[str | None, str] | None:
    """Return None if answers get back by this route; otherwise `(code, why)`. Without a code, that is unknown."""
    if route_ is None:
        return "NO_ROUTE_TO_DESTINATION", "there is no route for them."
    hop, words = _next_hop(route_) or "nothing", _named_route(route_)
    if route_.get("State", "active") != "active":
        return "BAD_STATE_ROUTE", f"{words} is a {route_['State']}: what it led to is gone."
    if kind == ClientKind.VPC:
        return None if hop == "local" else (None, f"{words} leads out of the VPC, where nothing was checked.")
    if kind == ClientKind.ELSEWHERE:
        if hop.startswith(("tgw-", "pcx-", "vgw-", "lgw-", "arn:")):
            return None, f"{words} leads to another network, where nothing was checked."
        return "NO_ROUTE_TO_DESTINATION", f"{words} does not lead to a private network outside of the VPC."
    if hop.startswith("igw-"):
        found = snapshot.internet_gateway(vpc_id)
        if found and found[0]["InternetGatewayId"] == hop and is_attached(found[1]):
            return None
        return "BAD_STATE_ATTACHMENT", f"{words}, but {hop} is not attached to {vpc_id}."
    if hop.startswith("eigw-"):
        return "x-EIGW_IS_EGRESS_ONLY", f"{words}: an egress-only gateway allows no connections from outside."
    if hop.startswith(("vpce-", "cagw-")):
        return None, f"{words}: what is behind it, such as a firewall, was not checked."
    if hop.startswith("nat-"):
        words += ": a NAT gateway is for connections from inside, and answers that leave through it are lost."
        return "NO_ROUTE_TO_DESTINATION", words
    return "NO_ROUTE_TO_DESTINATION", f"{words}: answers do not leave by the path that the client came in by."


def _fix_route(
    snapshot: Snapshot, vpc_id: str, table: Record, culprit: Record | None, family: str, overrides: bool
) -> str:
    found = snapshot.internet_gateway(vpc_id)
    gateway = found[0]["InternetGatewayId"] if found else snapshot.detached_gateway(vpc_id)
    if culprit and gateway and _next_hop(culprit) == gateway and not (found and is_attached(found[1])):
        return attach_gateway(vpc_id, gateway)
    gateway = gateway or "with the id of the internet gateway, once there is one"
    option, where = OPTIONS[family], f"--route-table-id {table['RouteTableId']}"
    block = destination(culprit) if culprit else EVERYTHING[family]
    if culprit and culprit.get("Origin") == "EnableVgwRoutePropagation":
        return f"aws ec2 disable-vgw-route-propagation {where} --gateway-id {_next_hop(culprit)}"
    if culprit and not block:
        return f"aws ec2 delete-route {where} --destination-prefix-list-id {culprit['DestinationPrefixListId']}"
    if culprit and overrides:
        return f"aws ec2 delete-route {where} {option} {block}"
    verb = "replace-route" if culprit else "create-route"
    return f"aws ec2 {verb} {where} {option} {block} --gateway-id {gateway}"


def _fix_route_elsewhere(table: Record, culprit: Record | None, block: str, family: str) -> str:
    """Return a command with a gap: only its owner knows what leads to a private network outside of the VPC."""
    own_block = destination(culprit) if culprit else None
    is_dead = culprit is not None and culprit.get("State", "active") != "active"
    block = (own_block if is_dead else None) or block
    verb = "replace-route" if is_dead or own_block == block else "create-route"
    return (
        f"aws ec2 {verb} --route-table-id {table['RouteTableId']} {OPTIONS[family]} {block}"
        " # with what leads there, such as --transit-gateway-id or --vpc-peering-connection-id"
    )
