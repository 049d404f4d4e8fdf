# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The answers of describe calls of EC2 and the load balancers, and how to look up records in them.

Records are the dicts of the AWS API. If an answer could not be read, the reason is kept in its place, so that a hop
that depends on it is "unknown" and never "ok".
"""

from __future__ import annotations

from typing import Any, Callable, Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import Intervals, addresses

Record = dict  # as the AWS API describes it


class NotRead(Exception):
    """Something that the result depends on is not known. The text says what and why, and what to do."""


class Snapshot:
    """Answers by `(name, key)`: the name of the list in AWS's answer, and the id of the one object that it is about.

    Examples: `("SecurityGroups", None)` and `("Entries", "pl-1")`. An answer may be a NotRead. `missed` collects the
    names and keys that were looked up and not found, so that they can be fetched.
    """

    def __init__(self, answers: dict[tuple[str, str | None], Any]):
        self.answers = dict(answers)
        self.missed: set[tuple[str, str | None]] = set()
        self.known: dict[tuple, Any] = {}

    def all(self, name: str, key: str | None = None) -> Any:
        """Return the answer. Raises NotRead."""
        if (name, key) not in self.answers:
            self.missed.add((name, key))
        answer = self.answers.get((name, key), NotRead(f"{name} of {key or 'the VPC'} were not asked for."))
        if isinstance(answer, NotRead):
            raise answer
        return answer

    def once(self, key: tuple, calculate: Callable[[], Any]) -> Any:
        """Return a value that depends only on the answers, and calculate it only at the first call."""
        if key not in self.known:
            self.known[key] = calculate()
        return self.known[key]

    def has(self, name: str) -> bool:
        """Return whether there is an answer of this name that could be read."""
        return not isinstance(self.answers.get((name, None), NotRead()), NotRead)

    def route_table(self, subnet_id: str, vpc_id: str) -> Record:
        """Return the route table that the subnet is associated with, otherwise the VPC's main one. Raises NotRead."""
        tables = [table for table in self.all("RouteTables") if table["VpcId"] == vpc_id]
        associated = [(table, each) for table in tables for each in table["Associations"] if _is_effective(each)]
        explicit = [table for table, each in associated if each.get("SubnetId") == subnet_id]
        main = [table for table, each in associated if each.get("Main")]
        return _first(explicit + main, f"DescribeRouteTables shows this user none of {subnet_id} in {vpc_id}.")

    def edge_route_table(self, gateway_id: str) -> Record | None:
        """Return the route table for packets that come in through the gateway; None if there is none."""
        tables = self.all("RouteTables")
        return next((t for t in tables for each in t["Associations"] if each.get("GatewayId") == gateway_id), None)

    def vpc_space(self, vpc_id: str, family: str) -> Intervals:
        """Return the VPC's own addresses: those for which its route tables have a local route."""
        routes = [route for t in self.all("RouteTables") if t["VpcId"] == vpc_id for route in t["Routes"]]
        local = [route for route in routes if route.get("GatewayId") == "local"]
        return addresses([block for block in map(destination, local) if block], family)

    def network_acl(self, subnet_id: str, vpc_id: str) -> Record:
        """Return the network ACL of the subnet, otherwise the VPC's default one. Raises NotRead."""
        acls = [acl for acl in self.all("NetworkAcls") if acl["VpcId"] == vpc_id]
        own = [acl for acl in acls if any(each["SubnetId"] == subnet_id for each in acl["Associations"])]
        default = [acl for acl in acls if acl["IsDefault"]]
        return _first(own + default, f"DescribeNetworkAcls shows this user none of {subnet_id} in {vpc_id}.")

    def internet_gateway(self, vpc_id: str) -> tuple[Record, str] | None:
        """Return the VPC's internet gateway and the state of its attachment. A VPC has at most one."""
        for gateway in self.all("InternetGateways"):
            for attachment in gateway["Attachments"]:
                if attachment["VpcId"] == vpc_id:
                    return gateway, attachment["State"]
        return None

    def detached_gateway(self, vpc_id: str) -> str | None:
        """Return an internet gateway that a route of the VPC names, and that exists but is attached to no VPC."""
        tables = self.all("RouteTables") if self.has("RouteTables") else []
        routes = [route for table in tables if table["VpcId"] == vpc_id for route in table["Routes"]]
        named = dict.fromkeys(route.get("GatewayId") or "" for route in routes)
        return next((each for each in named if each.startswith("igw-") and self._is_detached(each)), None)

    def _is_detached(self, gateway_id: str) -> bool:
        return any(not gateway["Attachments"] for gateway in self._by_id("InternetGateways", gateway_id))

    def _by_id(self, name: str, id_: str) -> list[Record]:
        """Return the record of an id that is not in the VPC's list; empty if AWS does not show it."""
        try:
            return self.all(name, id_)
        except NotRead:
            return []

    def groups(self, ids: Iterable[str]) -> tuple[list[Record], list[str]]:
        """Return the security groups, and the ids of those that AWS does not show, such as some of other accounts.

        A group of another VPC may be associated with this VPC. Such groups are looked up by their ids.
        """
        by_id = {group["GroupId"]: group for group in self.all("SecurityGroups")}
        for id_ in ids:
            if id_ not in by_id:
                by_id.update({group["GroupId"]: group for group in self._by_id("SecurityGroups", id_)})
        return [by_id[each] for each in ids if each in by_id], [each for each in ids if each not in by_id]

    def prefix_list(self, list_id: str) -> list[str]:
        return [entry["Cidr"] for entry in self.all("Entries", list_id)]

    def members(self, group_id: str, family: str) -> Intervals:
        """Return the private addresses of the interfaces in a security group, which may belong to a peered VPC.

        Raises NotRead if AWS shows no members of a group of another VPC, which may belong to another account.
        """
        if any(group["GroupId"] == group_id for group in self.all("SecurityGroups")):
            inside = [each for each in self.all("NetworkInterfaces") if group_id in group_ids(each)]
        else:
            inside = self.all("Members", group_id)
            if not inside:
                raise NotRead(
                    f"{group_id} is a group of another VPC, and DescribeNetworkInterfaces shows this user none of its"
                    " members: the client may be one of them."
                )
        return addresses([address for each in inside for address in own_addresses(each, family)], family)

    def subnet(self, subnet_id: str) -> Record:
        subnets = [subnet for subnet in self.all("Subnets") if subnet["SubnetId"] == subnet_id]
        return _first(subnets, f"DescribeSubnets does not show {subnet_id} to this user.")

    def subnet_space(self, subnet_id: str, family: str) -> Intervals:
        subnet = self.subnet(subnet_id)
        ipv6 = [each["Ipv6CidrBlock"] for each in subnet.get("Ipv6CidrBlockAssociationSet", [])]
        return addresses([*filter(None, [subnet.get("CidrBlock")]), *ipv6], family)


def _is_effective(association: Record) -> bool:
    return association.get("AssociationState", {}).get("State", "associated") in ("associated", "associating")


def _first(records: list[Record], otherwise: str) -> Record:
    if not records:
        raise NotRead(otherwise)
    return records[0]


def destination(route: Record) -> str | None:
    """Return the block that a route is for; None if its destination is a prefix list."""
    return route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")


def not_shown(group_ids_: list[str]) -> NotRead:
    """Return the NotRead for attached groups that AWS does not show."""
    ids = ", ".join(group_ids_)
    return NotRead(f"Of the attached groups DescribeSecurityGroups does not show {ids} to this user: more may come in.")


def group_ids(interface: Record) -> list[str]:
    """Return the ids of the security groups of an interface."""
    return [group["GroupId"] for group in interface["Groups"]]


def own_addresses(interface: Record, family: str) -> list[str]:
    """Return the addresses that the machine itself has on the interface, the primary one first."""
    if family == "ipv6":
        return [each["Ipv6Address"] for each in interface.get("Ipv6Addresses", [])]
    listed = [each["PrivateIpAddress"] for each in interface.get("PrivateIpAddresses", [])]
    primary = interface.get("PrivateIpAddress")
    return list(dict.fromkeys(([primary] if primary else []) + listed))


def public_addresses(interface: Record) -> list[tuple[str, str, bool]]:
    """Return `(public, private, is_elastic)` for each public IPv4 address that leads to the interface.

    An address that EC2 assigned itself has the owner "amazon", and EC2 releases it when the instance is stopped.
    """
    pairs = [(each["PrivateIpAddress"], each.get("Association")) for each in interface.get("PrivateIpAddresses", [])]
    pairs.insert(0, (interface.get("PrivateIpAddress", ""), interface.get("Association")))
    found = {
        association["PublicIp"]: (association["PublicIp"], private, association.get("IpOwnerId") != "amazon")
        for private, association in pairs
        if association and association.get("PublicIp")
    }
    return list(found.values())
