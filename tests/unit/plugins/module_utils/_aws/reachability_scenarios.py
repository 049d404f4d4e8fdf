# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on the path to an instance or through a load balancer, one at a time, each with the expected result.

Each scenario changes the good world of reachability_world in one way. test_reachability checks them, alone and in
pairs. test_reachability_strength checks that wrong ideas about AWS do not pass them.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import Wanted
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import (
    ANYTHING,
    BALANCER,
    EVERYWHERE,
    GROUP_ARN,
    IPV6_ADDRESS,
    LISTENER,
    OTHER_VPC,
    PRIVATE,
    PUBLIC,
    SECOND_GROUP_ARN,
    TO_BALANCER,
    TO_INSTANCE,
    World,
    both_ways,
    denied,
    entry,
    exclusion,
    forward,
    group,
    health,
    interface,
    listener,
    permission,
    route,
    table,
    target_group,
)

BPA, SG, NACL = "VPC_BLOCK_PUBLIC_ACCESS_ENABLED", "ENI_SG_RULES_MISMATCH", "SUBNET_ACL_RESTRICTION"


class Scenario(NamedTuple):
    name: str
    spoil: Callable[[World], Any]
    expected: dict  # the hops that are not ok or skipped, each with "verdict" or "verdict CODE"
    question: dict = {}
    says: tuple = ()  # texts in the evidence or fix of the first of these hops
    wanted: Any = TO_INSTANCE


def named(scenario):
    """Return the id of a scenario for pytest."""
    kinds = {TO_INSTANCE: "instance", TO_BALANCER: "load balancer"}
    return f"{kinds.get(scenario.wanted, 'address')}: {scenario.name}"


def nothing(_world):
    pass


def denies(*names):
    def spoil(world):
        for name in names:
            world[name] = denied(f"ec2:Describe{name}")

    return spoil


def shows_no(name):
    return lambda world: world[name].clear()


def block(mode="block-ingress", exclusions=(), **options):
    def spoil(world):
        world["VpcBlockPublicAccessOptions"] = dict({"InternetGatewayBlockMode": mode}, **options)
        world["VpcBlockPublicAccessExclusions"] = list(exclusions)

    return spoil


def then(*spoils):
    def spoil(world):
        for each in spoils:
            each(world)

    return spoil


def state(name):
    return lambda world: world.instance.update(State={"Name": name})


def no_public_address(world):
    for place in [world.interface, *world.interface["PrivateIpAddresses"]]:
        place.pop("Association", None)


def assigned_by_ec2(world):
    for place in [world.interface, *world.interface["PrivateIpAddresses"]]:
        place["Association"]["IpOwnerId"] = "amazon"


def gateway(state_=None, vpc="vpc-1", id_="igw-1"):
    attachments = [{"VpcId": vpc, "State": state_}] if state_ else []
    return lambda world: world.update(InternetGateways=[{"InternetGatewayId": id_, "Attachments": attachments}])


def detached(id_):
    return lambda world: world.update({("InternetGateways", id_): [{"InternetGatewayId": id_, "Attachments": []}]})


def rules(*permissions, **keywords):
    return lambda world: world.rules(*permissions, **keywords)


def acl_of_subnet(subnet_id, *entries):
    return lambda world: world.acl_of(subnet_id, *entries)


def acl(*entries):
    return acl_of_subnet("subnet-a", *entries)


def routes(*routes_, **keywords):
    return lambda world: world.routes(*routes_, **keywords)


TO_IGW = {"GatewayId": "igw-1"}
DEFAULT = route("0.0.0.0/0", **TO_IGW)
OPEN, OPEN6 = both_ways(100, "allow"), both_ways(101, "allow", "::/0")
IN, OUT = entry(100), entry(100, egress=True)
# Each is half of the Internet.
LOW, HIGH = "0.0.0.0/1", "128.0.0.0/1"
NET = "203.0.113.0/24"
ONE = {"source": "203.0.113.7/32"}
IPV6 = {"family": "ipv6"}
INSIDE = {"source": "10.0.0.0/16"}


def second_interface(world, **keywords):
    more = dict(private="10.0.2.20", public="198.51.100.21", groups=["sg-web"], subnet="subnet-b")
    more.update(keywords)
    world.instance["NetworkInterfaces"].append(
        interface("eni-second", Attachment={"DeviceIndex": 1, "Status": "attached"}, **more)
    )


def vpc_is_public(world):
    """Give the VPC public addresses, such as a company's own: a VPC may have any addresses."""
    for each in world["RouteTables"]:
        each["Routes"].append(route("192.0.2.0/24", GatewayId="local", Origin="CreateRouteTable"))


PEER = interface("eni-peer", "subnet-peer", "10.9.0.5", None, ["sg-peer"], VpcId=OTHER_VPC)


def peered(world):
    """Add a peering connection with vpc-2, whose sg-peer is the source of the rule."""
    world.rules(permission(5000, groups=["sg-peer"]))
    world.routes(DEFAULT, route("10.9.0.0/16", VpcPeeringConnectionId="pcx-1"))


def ipv6_alone(world):
    no_public_address(world)
    world.interface.pop("PrivateIpAddress")
    world.interface.update(PrivateIpAddresses=[])


def nothing_there(world):
    world["Instances"]["i-web"] = world["LoadBalancers"][BALANCER] = []
    world["NetworkInterfaces"][PUBLIC] = world["Addresses"][PUBLIC] = []


INSTANCE = [
    Scenario("all is well", nothing, {}),
    Scenario("all is well by IPv6", nothing, {}, IPV6),
    Scenario("all is well for one client", nothing, {}, ONE),
    # The instance and its addresses
    Scenario("stopped", state("stopped"), {"instance_state": "broken BAD_STATE"}, {}, ("start-instances", "i-web")),
    Scenario("pending", state("pending"), {"instance_state": "broken BAD_STATE"}, {}, ("wait instance-running",)),
    Scenario("stopping", state("stopping"), {"instance_state": "broken BAD_STATE"}),
    Scenario("stopped, its address is gone", then(state("stopped"), no_public_address), {"instance_state": "broken"}),
    Scenario(
        "terminated",
        lambda world: world.instance.update(State={"Name": "terminated"}, NetworkInterfaces=[]),
        {"instance_state": "broken BAD_STATE"},
        {},
        ("Launch another",),
    ),
    Scenario(
        "no such instance",
        lambda world: world["Instances"].update({"i-web": []}),
        {"target_exists": "broken NO_SOURCE_OR_DESTINATION"},
        {},
        ("no instance i-web in region us-east-1 of account 123456789012.",),
    ),
    Scenario(
        "no public address",
        no_public_address,
        {"public_address": "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"},
        {},
        ("10.0.1.10", "associate-address --network-interface-id eni-web"),
    ),
    Scenario(
        "no public address, two private ones",
        then(
            no_public_address,
            lambda world: world.interface["PrivateIpAddresses"].append({"PrivateIpAddress": "10.0.1.11"}),
        ),
        {"public_address": "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"},
        {},
        ("only 10.0.1.10, 10.0.1.11.",),
    ),
    Scenario("no public IPv4 address, asked by IPv6", no_public_address, {}, IPV6),
    Scenario(
        "no IPv6 address",
        lambda world: world.interface.update(Ipv6Addresses=[]),
        {"public_address": "broken x-ENI_HAS_NO_IPV6_ADDRESS"},
        IPV6,
        ("assign-ipv6-addresses --network-interface-id eni-web",),
    ),
    Scenario(
        "only the second interface has a public address",
        then(no_public_address, second_interface, lambda world: world.attach("sg-default")),
        {},
    ),
    Scenario(
        "only the second interface has an IPv6 address",
        then(
            lambda world: world.interface.update(Ipv6Addresses=[]),
            lambda world: second_interface(world, public=None, Ipv6Addresses=[{"Ipv6Address": "2600:1f18:1:102::20"}]),
            lambda world: world.attach("sg-default"),
        ),
        {},
        IPV6,
    ),
    Scenario(
        "from within, by the second interface, of which nobody outside knows",
        then(lambda world: second_interface(world, public=None), lambda world: world.attach("sg-default")),
        {},
        INSIDE,
    ),
    Scenario(
        "the second interface's groups are not the first one's",
        then(no_public_address, lambda world: second_interface(world, groups=["sg-default"])),
        {"security_group": "broken " + SG},
        {},
        ("eni-second", "sg-default"),
    ),
    Scenario(
        "only one of two public interfaces is open",
        then(second_interface, lambda world: world.attach("sg-default")),
        {},
    ),
    Scenario(
        "the public address is on the second private one",
        lambda world: (
            no_public_address(world),
            world.interface["PrivateIpAddresses"].append(
                {"PrivateIpAddress": "10.0.1.11", "Association": {"PublicIp": "198.51.100.30", "IpOwnerId": "1"}}
            ),
        ),
        {},
    ),
    # AWS may not show what another account shares
    Scenario("no route table is shown", shows_no("RouteTables"), {"route": "unknown"}, {}, ("none of subnet-a",)),
    Scenario(
        "no network ACL is shown",
        shows_no("NetworkAcls"),
        {"nacl_ingress": "unknown", "nacl_egress": "unknown"},
        {},
        ("none of subnet-a",),
    ),
    Scenario(
        "its subnet is not shown",
        shows_no("Subnets"),
        {"nacl_ingress": "unknown", "nacl_egress": "unknown"},
        INSIDE,
        ("does not show subnet-a",),
    ),
    # Block Public Access
    Scenario("BPA for ingress", block(), {"block_public_access": "broken " + BPA}, {}, ("block-ingress", "subnet-a")),
    Scenario("BPA both ways", block("block-bidirectional"), {"block_public_access": "broken " + BPA}),
    Scenario("BPA by IPv6", block(), {"block_public_access": "broken " + BPA}, IPV6),
    Scenario("BPA excludes the VPC", block(exclusions=[exclusion()]), {}),
    Scenario("BPA excludes the subnet", block("block-bidirectional", [exclusion("subnet/subnet-a")]), {}),
    Scenario("BPA excludes both", block(exclusions=[exclusion(mode="allow-egress"), exclusion("subnet/subnet-a")]), {}),
    Scenario(
        "BPA excludes another subnet",
        block(exclusions=[exclusion("subnet/subnet-b")]),
        {"block_public_access": "broken " + BPA},
    ),
    Scenario(
        "BPA excludes for egress only",
        block("block-bidirectional", [exclusion(mode="allow-egress")]),
        {"block_public_access": "broken " + BPA},
        {},
        ("modify-vpc-block-public-access-exclusion --exclusion-id vpcbpa-exclude-1", "egress only"),
    ),
    Scenario(
        "BPA's exclusion is not made yet",
        block(exclusions=[exclusion(state="create-in-progress")]),
        {"block_public_access": "broken " + BPA},
    ),
    Scenario(
        "BPA's exclusion is deleted",
        block(exclusions=[exclusion(state="delete-complete")]),
        {"block_public_access": "broken " + BPA},
    ),
    Scenario(
        "BPA allows no exclusions",
        block(exclusions=[exclusion()], ExclusionsAllowed="not-allowed", ManagedBy="declarative-policy"),
        {"block_public_access": "broken " + BPA},
        {},
        ("no exclusions", "organization"),
    ),
    Scenario(
        "BPA by a declarative policy",
        block(ManagedBy="declarative-policy"),
        {"block_public_access": "broken " + BPA},
        {},
        ("declarative policy of the organization",),
    ),
    Scenario("BPA does not concern the VPC's own", block(), {}, INSIDE),
    # Internet gateway
    Scenario(
        "no gateway",
        lambda world: world.update(InternetGateways=[]),
        {"internet_gateway": "broken UNASSOCIATED_COMPONENT", "route": "broken BAD_STATE_ATTACHMENT"},
        {},
        ("attach-internet-gateway --vpc-id vpc-1",),
    ),
    Scenario(
        "the gateway is being detached",
        gateway("detaching"),
        {"internet_gateway": "broken BAD_STATE_ATTACHMENT", "route": "broken BAD_STATE_ATTACHMENT"},
        {},
        ("igw-1 is detaching",),
    ),
    Scenario(
        "the gateway is another VPC's",
        gateway("available", OTHER_VPC),
        {"internet_gateway": "broken UNASSOCIATED_COMPONENT", "route": "broken BAD_STATE_ATTACHMENT"},
    ),
    Scenario("the gateway is attached, as the documentation puts it", gateway("attached"), {}),
    Scenario(
        "the gateway's own route table leads to a firewall",
        lambda world: world["RouteTables"].append(
            table("rtb-edge", routes=[route("10.0.1.0/24", GatewayId="vpce-1")], gateways=["igw-1"])
        ),
        {"internet_gateway": "unknown INGRESS_RTB_TRAFFIC_REDIRECTION"},
        {},
        ("rtb-edge",),
    ),
    Scenario(
        "the gateway's own route table leads nowhere else",
        lambda world: world["RouteTables"].append(table("rtb-edge", gateways=["igw-1"])),
        {},
    ),
    Scenario(
        "the gateway that the routes name is attached to nothing",
        then(lambda world: world.update(InternetGateways=[]), detached("igw-1")),
        {"internet_gateway": "broken UNASSOCIATED_COMPONENT", "route": "broken BAD_STATE_ATTACHMENT"},
        {},
        (
            "igw-1, which is not attached to a VPC.",
            "aws ec2 attach-internet-gateway --vpc-id vpc-1 --internet-gateway-id igw-1",
        ),
    ),
    Scenario(
        "the gateway that a blackhole names is attached to nothing",
        then(
            lambda world: world.update(InternetGateways=[]),
            routes(route("0.0.0.0/0", GatewayId="igw-1", State="blackhole")),
            detached("igw-1"),
        ),
        {"internet_gateway": "broken UNASSOCIATED_COMPONENT", "route": "broken BAD_STATE_ROUTE"},
    ),
    Scenario(
        "the gateway that the routes name is gone",
        then(
            lambda world: world.update(InternetGateways=[]),
            lambda world: world.update({("InternetGateways", "igw-1"): []}),
        ),
        {"internet_gateway": "broken UNASSOCIATED_COMPONENT", "route": "broken BAD_STATE_ATTACHMENT"},
        {},
        ("aws ec2 create-internet-gateway, then",),
    ),
    # Network ACL, inbound
    Scenario("ACL in pieces", acl(entry(10, cidr=LOW), entry(20, cidr=HIGH), OUT), {}),
    Scenario("ACL with numbers", acl(entry(10, protocol="6", first=5000), OUT), {}),
    Scenario("ACL with names", acl(entry(10, protocol="tcp", first=5000), OUT), {}),
    Scenario("ACL -1 has no ports", acl(entry(10, first=1, last=2), entry(10, egress=True, first=1, last=2)), {}),
    Scenario(
        "ACL without a rule",
        acl(OUT),
        {"nacl_ingress": "broken " + NACL},
        {},
        ("*", "create-network-acl-entry --network-acl-id acl-subnet-a --ingress --rule-number 100 --protocol tcp"),
    ),
    Scenario(
        "ACL without even the last rule",
        lambda world: world["NetworkAcls"][0].update(Entries=[OUT]),
        {"nacl_ingress": "broken " + NACL},
    ),
    Scenario(
        "ACL denies first",
        acl(IN, OUT, entry(90, "deny", protocol="6", first=5000)),
        {"nacl_ingress": "broken " + NACL},
        {},
        ("rule 90 denies", "Rule 100 would allow it, but comes after rule 90", "--rule-number 45"),
    ),
    Scenario("ACL denies later", acl(entry(110, "deny", protocol="6", first=5000), IN, OUT), {}),
    Scenario("ACL's numbers are no text", acl(entry(9), entry(10, "deny"), OUT), {}),
    Scenario("ACL denies another port", acl(entry(90, "deny", protocol="6", first=5001, last=6000), IN, OUT), {}),
    Scenario("ACL denies UDP", acl(entry(90, "deny", protocol="17", first=5000), IN, OUT), {}),
    Scenario("ACL denies IPv6", acl(entry(90, "deny", "::/0"), IN, OUT), {}),
    Scenario(
        "ACL for IPv4 alone",
        acl(*OPEN),
        {"nacl_ingress": "broken " + NACL, "nacl_egress": "broken " + NACL},
        IPV6,
        ("--ipv6-cidr-block ::/0",),
    ),
    Scenario("ACL for IPv6 alone", acl(*OPEN6), {"nacl_ingress": "broken", "nacl_egress": "broken"}),
    Scenario("ACL for UDP alone", acl(entry(10, protocol="17"), OUT), {"nacl_ingress": "broken " + NACL}),
    Scenario(
        "ACL for another port",
        acl(entry(10, protocol="6", first=5001), OUT),
        {"nacl_ingress": "broken " + NACL},
        {},
        ("tcp/5001 is let through",),
    ),
    Scenario("ACL for the ports around", acl(entry(10, protocol="6", first=4999, last=5001), OUT), {}),
    Scenario(
        "ACL denies one network",
        acl(entry(90, "deny", NET), IN, OUT),
        {"nacl_ingress": "partial " + NACL},
        {},
        ("rule 90 denies 203.0.113.0/24", "all but 203.0.113.0/24"),
    ),
    Scenario("ACL denies that client", acl(entry(90, "deny", NET), IN, OUT), {"nacl_ingress": "broken " + NACL}, ONE),
    Scenario("ACL denies private ones", acl(entry(90, "deny", "10.0.0.0/8"), IN, OUT), {}),
    Scenario("ACL admits half", acl(entry(90, cidr=LOW), OUT), {"nacl_ingress": "partial " + NACL}),
    Scenario(
        "ACL is the subnet's, not the default one",
        acl_of_subnet("subnet-b", entry(1, "deny"), OUT),
        {},
    ),
    Scenario(
        "ACL of a subnet that is not listed is the default one",
        lambda world: world["NetworkAcls"][0].update(
            Associations=[], Entries=[OUT, entry(1, "deny"), entry(2, "allow")]
        ),
        {"nacl_ingress": "broken " + NACL},
    ),
    Scenario(
        "ACL has no number left before the rule that denies",
        acl(entry(1, "deny"), IN, OUT),
        {"nacl_ingress": "broken " + NACL},
        {},
        ("delete-network-acl-entry --network-acl-id acl-subnet-a --ingress --rule-number 1",),
    ),
    # Security groups
    Scenario(
        "no rules",
        rules(),
        {"security_group": "broken SG_HAS_NO_RULES"},
        {},
        ("sg-web", "authorize-security-group-ingress --group-id sg-web", "FromPort=5000,ToPort=5000", "0.0.0.0/0"),
    ),
    Scenario(
        "another port",
        rules(permission(5001, cidrs=EVERYWHERE)),
        {"security_group": "broken " + SG},
        {},
        ("tcp/5001 is open",),
    ),
    Scenario(
        "other ports",
        rules(permission(22, cidrs=EVERYWHERE), permission(8080, cidrs=EVERYWHERE)),
        {"security_group": "broken " + SG},
        {},
        ("tcp/22, 8080 are open.",),
    ),
    Scenario("a range", rules(permission(5000, 5010, EVERYWHERE)), {}),
    Scenario("a range up to it", rules(permission(4000, 5000, EVERYWHERE)), {}),
    Scenario("a range before it", rules(permission(4000, 4999, EVERYWHERE)), {"security_group": "broken " + SG}),
    Scenario("protocol -1", rules(ANYTHING), {}),
    Scenario("protocol as a number", rules(permission(5000, cidrs=EVERYWHERE, protocol="6")), {}),
    Scenario(
        "UDP",
        rules(permission(5000, cidrs=EVERYWHERE, protocol="udp")),
        {"security_group": "broken " + SG},
        {},
        ("open for udp",),
    ),
    Scenario("asked by UDP", rules(permission(5000, cidrs=EVERYWHERE, protocol="udp")), {}, {"protocol": "udp"}),
    Scenario("ICMP has no ports", rules(permission(-1, -1, EVERYWHERE, "icmp")), {"security_group": "broken " + SG}),
    Scenario("in pieces", rules(permission(5000, cidrs=[LOW]), permission(1, 9999, [HIGH])), {}),
    Scenario(
        "in pieces, one of them missing",
        rules(permission(5000, cidrs=[LOW, "192.0.0.0/2"])),
        {"security_group": "partial " + SG},
        {},
        ("0.0.0.0/1",),
    ),
    Scenario(
        "one client only",
        rules(permission(5000, cidrs=["203.0.113.7/32"])),
        {"security_group": "partial " + SG},
        {},
        ("203.0.113.7/32 only",),
    ),
    Scenario("one client only, and it asks", rules(permission(5000, cidrs=["203.0.113.7/32"])), {}, ONE),
    Scenario(
        "another client only",
        rules(permission(5000, cidrs=["203.0.113.8/32"])),
        {"security_group": "broken " + SG},
        ONE,
        ("tcp/5000 is open to 203.0.113.8/32", "CidrIp=203.0.113.7/32"),
    ),
    Scenario("private sources only", rules(permission(5000, cidrs=["10.0.0.0/8"])), {"security_group": "broken " + SG}),
    Scenario(
        "a group as source",
        rules(permission(5000, groups=["sg-lb"])),
        {"security_group": "broken " + SG},
        {},
        ("members of sg-lb",),
    ),
    Scenario("a prefix list", rules(permission(5000, lists=["pl-office"])), {"security_group": "partial " + SG}),
    Scenario("a prefix list for all", rules(permission(5000, lists=["pl-all"])), {}),
    Scenario("a prefix list, and a client of it", rules(permission(5000, lists=["pl-office"])), {}, ONE),
    Scenario(
        "a prefix list that may not be read",
        then(
            rules(permission(5000, lists=["pl-all"])),
            lambda world: world["Entries"].update({"pl-all": denied("ec2:GetManagedPrefixListEntries")}),
        ),
        {"security_group": "unknown"},
        {},
        ("ec2:GetManagedPrefixListEntries",),
    ),
    Scenario(
        "a prefix list that may not be read and is not needed",
        then(
            rules(permission(5000, lists=["pl-all"]), permission(5000, cidrs=EVERYWHERE)),
            lambda world: world["Entries"].update({"pl-all": denied()}),
        ),
        {},
    ),
    Scenario(
        "IPv6 alone",
        rules(permission(5000, cidrs=["::/0"])),
        {"security_group": "broken " + SG},
        {},
        ("::/0 (sg-web)",),
    ),
    Scenario(
        "IPv4 alone, asked by IPv6",
        rules(permission(5000, cidrs=["0.0.0.0/0"])),
        {"security_group": "broken " + SG},
        IPV6,
        ("Ipv6Ranges=[{CidrIpv6=::/0}]",),
    ),
    Scenario("IPv6 alone, asked by IPv6", rules(permission(5000, cidrs=["::/0"])), {}, IPV6),
    Scenario("all the IPv6 that is given out", rules(permission(5000, cidrs=["2000::/3"])), {}, IPV6),
    Scenario("the second group has the rule", lambda world: world.attach("sg-default", "sg-web"), {}),
    Scenario("the first group has the rule", lambda world: world.attach("sg-web", "sg-default"), {}),
    Scenario(
        "groups admit it in pieces",
        then(
            rules(permission(5000, cidrs=[LOW])),
            rules(permission(5000, cidrs=[HIGH]), of="sg-app"),
            lambda world: world.attach("sg-web", "sg-app"),
        ),
        {},
    ),
    Scenario(
        "the group with the rule is not attached",
        lambda world: world.attach("sg-default", "sg-app"),
        {"security_group": "broken " + SG},
        {},
        ("sg-web (web) would admit it, but is not attached", "--group-id sg-app"),
    ),
    Scenario("a group that is not shown and not needed", lambda world: world.attach("sg-web", "sg-shared"), {}),
    Scenario(
        "a group that is not shown",
        lambda world: world.attach("sg-default", "sg-shared"),
        {"security_group": "unknown"},
        {},
        ("sg-shared",),
    ),
    Scenario(
        "a group of another VPC, associated with this one, has the rule",
        then(
            lambda world: world.attach("sg-shared"),
            lambda world: world.update(
                {
                    ("SecurityGroups", "sg-shared"): [
                        group("sg-shared", "shared", [permission(5000, cidrs=EVERYWHERE)], vpc=OTHER_VPC)
                    ]
                }
            ),
        ),
        {},
    ),
    Scenario(
        "a group of another VPC, associated with this one, lacks the rule",
        then(
            lambda world: world.attach("sg-shared"),
            lambda world: world.update(
                {("SecurityGroups", "sg-shared"): [group("sg-shared", "shared", vpc=OTHER_VPC)]}
            ),
        ),
        {"security_group": "broken SG_HAS_NO_RULES"},
        {},
        ("sg-shared (shared)", "--group-id sg-shared"),
    ),
    Scenario("outgoing rules do not concern answers", lambda world: world.egress(of="sg-web"), {}),
    Scenario(
        "a group of another VPC is no near miss",
        then(
            rules(),
            lambda world: world["SecurityGroups"].append(
                group("sg-x", "x", [permission(5000, cidrs=EVERYWHERE)], vpc=OTHER_VPC)
            ),
        ),
        {"security_group": "broken SG_HAS_NO_RULES"},
    ),
    # Network ACL, outbound: answers go to ports that clients choose
    Scenario(
        "ACL without a rule outwards",
        acl(IN),
        {"nacl_egress": "broken " + NACL},
        {},
        ("1024-65535", "create-network-acl-entry", "--egress", "From=1024,To=65535"),
    ),
    Scenario(
        "ACL lets answers out of the service's port alone",
        acl(IN, entry(100, protocol="6", first=5000, egress=True)),
        {"nacl_egress": "partial " + NACL},
    ),
    Scenario("ACL lets answers out", acl(IN, entry(100, protocol="6", first=1024, last=65535, egress=True)), {}),
    Scenario(
        "ACL lets answers out to Linux alone",
        acl(IN, entry(100, protocol="6", first=32768, last=60999, egress=True)),
        {"nacl_egress": "partial " + NACL},
        {},
        ("tcp/1024-32767", "32768-60999 is let through"),
    ),
    Scenario(
        "ACL lets answers out in pieces",
        acl(
            IN,
            entry(100, protocol="6", first=40000, last=65535, egress=True),
            entry(110, protocol="6", first=1, last=39999, egress=True),
        ),
        {},
    ),
    Scenario(
        "ACL stops answers to some ports first",
        acl(IN, OUT, entry(90, "deny", protocol="6", first=50000, last=50010, egress=True)),
        {"nacl_egress": "partial " + NACL},
    ),
    Scenario(
        "ACL lets answers out to privileged ports alone",
        acl(IN, entry(100, protocol="6", first=1, last=1023, egress=True)),
        {"nacl_egress": "broken " + NACL},
    ),
    Scenario(
        "ACL denies answers first",
        acl(IN, OUT, entry(5, "deny", egress=True)),
        {"nacl_egress": "broken " + NACL},
    ),
    Scenario(
        "ACLs let in and out different halves",
        acl(entry(90, cidr=LOW), entry(90, cidr=HIGH, egress=True)),
        {"nacl_ingress": "partial", "nacl_egress": "broken " + NACL},
    ),
    Scenario(
        "the ACL and the group let in different halves",
        then(acl(entry(90, cidr=LOW), OUT), rules(permission(5000, cidrs=[HIGH]))),
        {"nacl_ingress": "partial", "security_group": "broken"},
    ),
    # Routes
    Scenario(
        "no route",
        routes(),
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
        {},
        (
            "rtb-public",
            "create-route --route-table-id rtb-public --destination-cidr-block 0.0.0.0/0 --gateway-id igw-1",
        ),
    ),
    Scenario("no IPv6 route", routes(DEFAULT), {"route": "broken NO_ROUTE_TO_DESTINATION"}, IPV6, ("::/0",)),
    Scenario("no IPv4 route, asked by IPv6", routes(route("::/0", **TO_IGW)), {}, IPV6),
    Scenario(
        "a blackhole",
        routes(route("0.0.0.0/0", GatewayId="igw-1", State="blackhole")),
        {"route": "broken BAD_STATE_ROUTE"},
        {},
        ("replace-route", "blackhole"),
    ),
    Scenario(
        "a NAT gateway",
        routes(route("0.0.0.0/0", NatGatewayId="nat-1")),
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
        {},
        ("nat-1", "replace-route", "--gateway-id igw-1"),
    ),
    Scenario(
        "a NAT instance",
        routes(route("0.0.0.0/0", NetworkInterfaceId="eni-nat", InstanceId="i-nat")),
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
    ),
    Scenario(
        "a transit gateway",
        routes(route("0.0.0.0/0", TransitGatewayId="tgw-1")),
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
    ),
    Scenario(
        "an egress-only gateway",
        routes(DEFAULT, route("::/0", EgressOnlyInternetGatewayId="eigw-1")),
        {"route": "broken x-EIGW_IS_EGRESS_ONLY"},
        IPV6,
        ("egress-only", "replace-route", "--destination-ipv6-cidr-block ::/0"),
    ),
    Scenario(
        "another gateway than the VPC's",
        routes(route("0.0.0.0/0", GatewayId="igw-9")),
        {"route": "broken BAD_STATE_ATTACHMENT"},
        {},
        ("igw-9 is not attached to vpc-1",),
    ),
    Scenario(
        "a firewall",
        routes(route("0.0.0.0/0", GatewayId="vpce-1")),
        {"route": "unknown"},
        {},
        ("vpce-1",),
    ),
    Scenario(
        "a more specific route elsewhere",
        routes(route(NET, GatewayId="vgw-1"), DEFAULT),
        {"route": "partial MORE_SPECIFIC_ROUTE"},
        {},
        ("203.0.113.0/24 via vgw-1", "delete-route", NET),
    ),
    Scenario(
        "that route is the client's",
        routes(DEFAULT, route(NET, GatewayId="vgw-1")),
        {"route": "broken MORE_SPECIFIC_ROUTE"},
        ONE,
        ("delete-route", NET),
    ),
    Scenario(
        "more specific routes take all clients elsewhere",
        routes(DEFAULT, route(LOW, NatGatewayId="nat-1"), route(HIGH, NatGatewayId="nat-1")),
        {"route": "broken MORE_SPECIFIC_ROUTE"},
        {},
        ("nat-1", "delete-route"),
    ),
    Scenario(
        "only a more specific route is by the gateway, and the default one is not",
        routes(route("0.0.0.0/0", NatGatewayId="nat-1"), route(NET, **TO_IGW)),
        {"route": "partial NO_ROUTE_TO_DESTINATION"},
        {},
        ("replace-route --route-table-id rtb-public --destination-cidr-block 0.0.0.0/0 --gateway-id igw-1",),
    ),
    Scenario(
        "a less specific route by the gateway, which is for others",
        routes(route(LOW, **TO_IGW), route(HIGH, NatGatewayId="nat-1")),
        {"route": "partial NO_ROUTE_TO_DESTINATION"},
        {},
        ("replace-route --route-table-id rtb-public --destination-cidr-block 128.0.0.0/1",),
    ),
    Scenario(
        "a more specific route by the gateway",
        routes(route("0.0.0.0/0", NatGatewayId="nat-1"), route(LOW, **TO_IGW), route(HIGH, **TO_IGW)),
        {},
    ),
    Scenario(
        "a less specific blackhole",
        routes(route("0.0.0.0/0", NatGatewayId="nat-1", State="blackhole"), route(NET, **TO_IGW)),
        {},
        ONE,
    ),
    Scenario(
        "a static route before a propagated one",
        routes(route(NET, GatewayId="vgw-1", Origin="EnableVgwRoutePropagation"), route(NET, **TO_IGW)),
        {},
        ONE,
    ),
    Scenario(
        "a propagated route that is more specific",
        routes(route("203.0.113.0/25", GatewayId="vgw-1", Origin="EnableVgwRoutePropagation"), route(NET, **TO_IGW)),
        {"route": "broken MORE_SPECIFIC_ROUTE"},
        ONE,
        ("disable-vgw-route-propagation --route-table-id rtb-public --gateway-id vgw-1",),
    ),
    Scenario(
        "a route for a prefix list",
        routes(route("pl-office", TransitGatewayId="tgw-1"), DEFAULT),
        {"route": "partial MORE_SPECIFIC_ROUTE"},
        {},
        ("delete-route --route-table-id rtb-public --destination-prefix-list-id pl-office",),
    ),
    Scenario("a route for a prefix list by the gateway", routes(route("pl-all", **TO_IGW)), {}),
    Scenario(
        "a static route before a prefix list",
        routes(route("pl-office", TransitGatewayId="t"), route(NET, **TO_IGW)),
        {},
        ONE,
    ),
    Scenario(
        "a prefix list's route before a propagated one",
        routes(route(NET, GatewayId="vgw-1", Origin="EnableVgwRoutePropagation"), route("pl-office", **TO_IGW)),
        {},
        ONE,
    ),
    Scenario(
        "a route for a prefix list that may not be read",
        then(
            routes(route("pl-office", TransitGatewayId="tgw-1"), DEFAULT),
            lambda world: world["Entries"].update({"pl-office": denied("ec2:GetManagedPrefixListEntries")}),
        ),
        {"route": "unknown"},
        {},
        ("ec2:GetManagedPrefixListEntries",),
    ),
    Scenario("a gateway endpoint of S3", routes(route("pl-s3", GatewayId="vpce-1"), DEFAULT), {}),
    Scenario(
        "a route that keeps private networks elsewhere",
        routes(route("10.0.0.0/8", TransitGatewayId="tgw-1"), DEFAULT),
        {},
    ),
    Scenario(
        "the main table counts, since none is associated",
        lambda world: world.table()["Associations"].clear(),
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
        {},
        ("rtb-main (the main one",),
    ),
    Scenario(
        "the main table counts, and is good",
        lambda world: (world.table()["Associations"].clear(), world.routes(DEFAULT, of="rtb-main")),
        {},
    ),
    Scenario(
        "an association that is being undone",
        lambda world: [
            each.update(AssociationState={"State": "disassociating"}) for each in world.table()["Associations"]
        ],
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
        {},
        ("rtb-main",),
    ),
    Scenario(
        "the VPC has public addresses of its own", then(vpc_is_public, acl(entry(1, "deny", "192.0.2.0/24"), *OPEN)), {}
    ),
    # Clients that are not on the Internet
    Scenario("from within", no_public_address, {}, INSIDE),
    Scenario(
        "from within, nothing of the Internet's is needed", then(no_public_address, block(), gateway()), {}, INSIDE
    ),
    Scenario(
        "from within, whom the ACL lets in the group does not",
        then(
            acl(OUT, entry(100, cidr="10.0.2.0/24")),
            rules(permission(5000, cidrs=["10.0.3.0/24"])),
        ),
        {"nacl_ingress": "partial " + NACL, "security_group": "broken " + SG},
        INSIDE,
    ),
    Scenario(
        "from within, by a group",
        then(
            rules(permission(5000, groups=["sg-lb"])),
            lambda world: world["NetworkInterfaces"].update(
                {None: [interface("eni-lb", private="10.0.2.7", groups=["sg-lb"])]}
            ),
        ),
        {},
        {"source": "10.0.2.7/32"},
    ),
    Scenario(
        "from within, not in the group",
        then(
            rules(permission(5000, groups=["sg-lb"])),
            lambda world: world["NetworkInterfaces"].update(
                {None: [interface("eni-x", private="10.0.2.7", groups=["sg-app"])]}
            ),
        ),
        {"security_group": "broken " + SG},
        {"source": "10.0.2.7/32"},
    ),
    Scenario("from the same subnet no ACL counts", acl(), {}, {"source": "10.0.1.99/32"}),
    Scenario(
        "from another subnet it does",
        acl(),
        {"nacl_ingress": "broken", "nacl_egress": "broken"},
        {"source": "10.0.2.7/32"},
    ),
    Scenario(
        "from the whole VPC it does for others",
        acl(),
        {"nacl_ingress": "partial", "nacl_egress": "partial"},
        INSIDE,
    ),
    Scenario(
        "from a private network without a route",
        nothing,
        {"route": "broken NO_ROUTE_TO_DESTINATION"},
        {"source": "192.168.7.0/24"},
    ),
    Scenario(
        "from a private network behind a transit gateway",
        routes(DEFAULT, route("192.168.0.0/16", TransitGatewayId="tgw-1")),
        {"route": "unknown"},
        {"source": "192.168.7.0/24"},
        ("tgw-1",),
    ),
    Scenario(
        "from a peered VPC, as a member of its group",
        then(peered, lambda world: world.update({("Members", "sg-peer"): [PEER]})),
        {"route": "unknown"},
        {"source": "10.9.0.5/32"},
    ),
    Scenario(
        "from a peered VPC, of which some are members of its group",
        then(peered, lambda world: world.update({("Members", "sg-peer"): [PEER]})),
        {"security_group": "partial " + SG, "route": "unknown"},
        {"source": "10.9.0.0/24"},
        ("10.9.0.5/32 only",),
    ),
    Scenario(
        "from a peered VPC, as no member of its group",
        then(peered, lambda world: world.update({("Members", "sg-peer"): [PEER]})),
        {"security_group": "broken " + SG, "route": "unknown"},
        {"source": "10.9.0.6/32"},
    ),
    Scenario(
        "from a peered VPC, whose group's members are not shown",
        then(peered, lambda world: world.update({("Members", "sg-peer"): []})),
        {"security_group": "unknown", "route": "unknown"},
        {"source": "10.9.0.5/32"},
        ("sg-peer is a group of another VPC", "the client may be one of them"),
    ),
    Scenario(
        "from the Internet, whom a peered VPC's group does not know",
        peered,
        {"security_group": "broken " + SG},
    ),
    Scenario(
        "an interface in a subnet for IPv6 alone",
        ipv6_alone,
        {"public_address": "broken x-ENI_HAS_NO_IPV4_ADDRESS"},
        {},
        (
            "has no IPv4 address, only 2600:1f18:1:101::10: subnet-a is an IPv6-only subnet.",
            "Let clients connect by IPv6",
        ),
    ),
    Scenario("an interface in a subnet for IPv6 alone, asked by IPv6", ipv6_alone, {}, IPV6),
    Scenario(
        "an interface in a subnet for IPv6 alone, asked by IPv4 from within",
        ipv6_alone,
        {"public_address": "broken x-ENI_HAS_NO_IPV4_ADDRESS"},
        INSIDE,
    ),
    Scenario(
        "an interface without any address",
        then(ipv6_alone, lambda world: world.interface.update(Ipv6Addresses=[])),
        {"public_address": "broken x-ENI_HAS_NO_IPV4_ADDRESS"},
        {},
        ("eni-web has no IPv4 address: subnet-a", "Launch the instance in a subnet"),
    ),
    # Records that may not be read
    Scenario(
        "groups unread",
        denies("SecurityGroups"),
        {"security_group": "unknown"},
        {},
        ("AWS refused ec2:DescribeSecurityGroups",),
    ),
    Scenario("route tables unread", denies("RouteTables"), {"route": "unknown"}, {}, ("ec2:DescribeRouteTables",)),
    Scenario("ACLs unread", denies("NetworkAcls"), {"nacl_ingress": "unknown", "nacl_egress": "unknown"}),
    Scenario("gateways unread", denies("InternetGateways"), {"internet_gateway": "unknown", "route": "unknown"}),
    Scenario("BPA unread", denies("VpcBlockPublicAccessOptions"), {"block_public_access": "unknown"}),
    Scenario(
        "BPA's exclusions unread",
        then(block(), denies("VpcBlockPublicAccessExclusions")),
        {"block_public_access": "unknown"},
    ),
    Scenario("BPA's exclusions unread and not needed", denies("VpcBlockPublicAccessExclusions"), {}),
    Scenario(
        "instances unread",
        lambda world: world["Instances"].update({"i-web": denied("ec2:DescribeInstances")}),
        {"target_exists": "unknown"},
        {},
        ("ec2:DescribeInstances",),
    ),
]


# Load balancers


def balancer(**changes):
    return lambda world: world.balancer.update(changes)


def network_balancer(preserve=None, groups=("sg-lb",), kind="instance"):
    """Replace the load balancer with a Network Load Balancer."""
    attributes = [] if preserve is None else [{"Key": "preserve_client_ip.enabled", "Value": str(preserve).lower()}]

    def spoil(world):
        world.balancer.update(Type="network", SecurityGroups=list(groups))
        world["Listeners"] = [listener(protocol="TCP")]
        world["TargetGroups"] = [target_group(Protocol="TCP", TargetType=kind)]
        world["Attributes"] = {GROUP_ARN: attributes}

    return spoil


def target_is(*descriptions):
    return lambda world: world["TargetHealthDescriptions"].update({GROUP_ARN: list(descriptions)})


def groups(*groups_):
    return lambda world: world.update(TargetGroups=list(groups_))


def listeners(*listeners_):
    def spoil(world):
        world.update(Listeners=list(listeners_))
        for each in listeners_:
            world["Rules"].setdefault(each["ListenerArn"], [])

    return spoil


def rule(actions, arn=LISTENER):
    return lambda world: world["Rules"][arn].append(
        {"RuleArn": "r", "Priority": "1", "IsDefault": False, "Actions": actions}
    )


def second_group(*descriptions):
    def spoil(world):
        world["TargetGroups"].append(target_group(SECOND_GROUP_ARN, "api"))
        world["TargetHealthDescriptions"][SECOND_GROUP_ARN] = list(descriptions)

    return then(spoil, rule(forward(SECOND_GROUP_ARN)))


def target_in(subnet_id):
    return lambda world: world.target.update(SubnetId=subnet_id)


def by_address(id_="10.0.3.10", **keywords):
    def spoil(world):
        world["TargetGroups"] = [target_group(TargetType="ip", **keywords)]
        world["TargetHealthDescriptions"][GROUP_ARN] = [health(id_=id_)]
        world["NetworkInterfaces"] = {None: [world.target]}

    return spoil


def target_zone(zone):
    """Set the Availability Zone of the target's subnet, subnet-c."""
    return lambda world: world["Subnets"][2].update(AvailabilityZone=zone)


TO_TARGETS = ["lb_security_group_egress", "target_nacl_ingress", "security_group", "target_nacl_egress"]
SECURE = listener(443, "HTTPS", arn=LISTENER + "443")
NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
REDIRECT = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443"}}
NO_TARGET, UNWELL = "ELBV2_LISTENER_HAS_NO_TG", "x-ELBV2_TARGET_UNHEALTHY"
EPHEMERAL_OUT = entry(100, protocol="6", first=1024, last=65535, egress=True)
WEB_IN = entry(100, protocol="6", first=80)


def through(name, spoil, expected, question=None, says=()):
    return Scenario(name, spoil, expected, question or {}, says, TO_BALANCER)


LOAD_BALANCER = [
    through("all is well", nothing, {}),
    through("all is well by IPv6", nothing, {}, IPV6),
    through(
        "no such load balancer",
        lambda world: world["LoadBalancers"].update({BALANCER: []}),
        {"target_exists": "broken NO_SOURCE_OR_DESTINATION"},
    ),
    through(
        "no IPv6",
        balancer(IpAddressType="ipv4"),
        {"public_address": "broken x-ENI_HAS_NO_IPV6_ADDRESS"},
        IPV6,
        ("set-ip-address-type",),
    ),
    through(
        "no public IPv4",
        balancer(IpAddressType="dualstack-without-public-ipv4"),
        {"public_address": "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"},
    ),
    through("BPA", block(), {"block_public_access": "broken " + BPA}),
    through(
        "BPA excludes one of its subnets",
        block(exclusions=[exclusion("subnet/subnet-b")]),
        {"block_public_access": "partial " + BPA},
        {},
        ("subnet-a",),
    ),
    through(
        "provisioning",
        balancer(State={"Code": "provisioning"}),
        {"lb_state": "broken BAD_STATE"},
        {},
        ("wait load-balancer-available",),
    ),
    through(
        "failed",
        balancer(State={"Code": "failed", "Reason": "no room"}),
        {"lb_state": "broken"},
        {},
        ("no room", "delete-load-balancer"),
    ),
    through(
        "impaired",
        balancer(State={"Code": "active_impaired"}),
        {"lb_state": "partial BAD_STATE"},
        {},
        ("Free addresses in its subnets: subnet-a, subnet-b",),
    ),
    through(
        "internal",
        balancer(Scheme="internal"),
        {"lb_scheme": "broken x-ELBV2_IS_INTERNAL"},
        {},
        ("internet-facing", "--subnets subnet-a subnet-b"),
    ),
    through("internal, asked from within", balancer(Scheme="internal"), {}, INSIDE),
    through(
        "asked from within, nothing of the Internet's is needed",
        then(balancer(IpAddressType="dualstack-without-public-ipv4", Scheme="internal"), block(), gateway()),
        {},
        INSIDE,
    ),
    through(
        "no gateway",
        lambda world: world.update(InternetGateways=[]),
        {"internet_gateway": "broken UNASSOCIATED_COMPONENT", "route": "broken BAD_STATE_ATTACHMENT"},
    ),
    through(
        "one node's ACL",
        acl(OUT, entry(10, protocol="6", first=1024, last=65535, cidr="10.0.3.0/24")),
        {"nacl_ingress": "partial " + NACL},
        {},
        ("subnet-a",),
    ),
    through(
        "both nodes' ACLs",
        then(
            acl(OUT, entry(10, protocol="6", first=1024, last=65535, cidr="10.0.3.0/24")),
            acl_of_subnet("subnet-b", OUT, entry(10, protocol="6", first=1024, last=65535, cidr="10.0.3.0/24")),
        ),
        {"nacl_ingress": "broken " + NACL},
    ),
    through(
        "the nodes' ACLs stop the targets' answers",
        then(acl(WEB_IN, OUT), acl_of_subnet("subnet-b", WEB_IN, OUT)),
        {"nacl_ingress": "broken " + NACL},
        {},
        ("10.0.3.10",),
    ),
    through(
        "one node's ACL lets in a half",
        acl(OUT, entry(100, cidr=LOW)),
        {"nacl_ingress": "partial " + NACL},
    ),
    through(
        "one node's ACL is not shown",
        lambda world: world["NetworkAcls"][0].update(
            IsDefault=False, Associations=[{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-c"}]
        ),
        {"nacl_ingress": "unknown", "nacl_egress": "unknown"},
        {},
        ("none of subnet-b",),
    ),
    through(
        "whom the nodes' ACLs let in its group does not",
        then(
            acl(OUT, entry(100, cidr=LOW)),
            acl_of_subnet("subnet-b", OUT, entry(100, cidr=LOW)),
            rules(permission(80, cidrs=[HIGH]), of="sg-lb"),
        ),
        {"nacl_ingress": "partial " + NACL, "lb_security_group": "broken " + SG},
        {},
    ),
    through("no rule in its group", rules(of="sg-lb"), {"lb_security_group": "broken SG_HAS_NO_RULES"}, {}, ("sg-lb",)),
    through(
        "a rule for the target's port alone",
        rules(permission(5000, cidrs=EVERYWHERE), of="sg-lb"),
        {"lb_security_group": "broken " + SG},
        {},
        ("tcp/5000 is open",),
    ),
    through("groups add up", lambda world: world.balancer.update(SecurityGroups=["sg-default", "sg-lb"]), {}),
    through(
        "no listener",
        listeners(listener(443, "HTTPS")),
        {"lb_listener": "broken ELBV2_LISTENERS_MISMATCH"},
        {},
        ("443 (HTTPS)", "create-listener", "HTTP "),
    ),
    through(
        "no listener at all",
        listeners(),
        {"lb_listener": "broken ELBV2_LISTENERS_MISMATCH"},
        {},
        ("It listens on: nothing.",),
    ),
    through(
        "listeners for other things",
        then(network_balancer(), listeners(listener(443, "TLS"), {"ListenerArn": LISTENER, "DefaultActions": []})),
        {"lb_listener": "broken ELBV2_LISTENERS_MISMATCH"},
        {},
        ("It listens on: 443 (TLS), all ports (all).", "--protocol TCP --port 80"),
    ),
    through("the other listener", listeners(listener(443, "HTTPS"), listener(80)), {}),
    through(
        "a UDP listener",
        then(network_balancer(), listeners(listener(protocol="UDP"))),
        {"lb_listener": "broken ELBV2_LISTENERS_MISMATCH"},
    ),
    through("no targets", target_is(), {"target_group": "broken " + NO_TARGET}, {}, ("register-targets",)),
    through(
        "all targets are leaving",
        target_is(health("draining", "Target.DeregistrationInProgress")),
        {"target_group": "broken " + NO_TARGET},
        {},
        ("draining", "Id=i-app"),
    ),
    through(
        "both targets are leaving",
        target_is(health("draining"), health("draining", id_="i-app2")),
        {"target_group": "broken " + NO_TARGET},
        {},
        ("--targets Id=i-app Id=i-app2",),
    ),
    through(
        "one of two targets is leaving",
        target_is(health("draining"), health(port=8000)),
        {"security_group": "broken " + SG},
    ),
    through("a rule's group has no targets", second_group(), {"target_group": "partial " + NO_TARGET}, {}, ("api",)),
    through(
        "a rule's group is not well",
        second_group(health("unhealthy", "Target.Timeout")),
        {"target_health": "partial " + UNWELL},
    ),
    through(
        "no target passes its check, and requests are sent to all of them",
        target_is(health("unhealthy", "Target.ResponseCodeMismatch"), health("initial")),
        {"target_health": "partial " + UNWELL},
        {},
        ("0 of 2 targets of app healthy.", "web sends requests to all targets if none is healthy", "health-check-path"),
    ),
    through(
        "a target in a zone that the load balancer has no node in",
        target_zone("us-east-1f"),
        {"target_health": "broken ELB_INSTALLED_AZ_RESTRICTION"},
        {},
        (
            "i-app is in us-east-1f, an Availability Zone that is not enabled for web.",
            f"set-subnets --load-balancer-arn {BALANCER} --subnets subnet-a subnet-b subnet-c",
        ),
    ),
    through(
        "an unhealthy target in a zone that the load balancer has no node in gets nothing",
        then(target_zone("us-east-1f"), target_is(health("unhealthy", "Target.Timeout"))),
        {"target_health": "broken ELB_INSTALLED_AZ_RESTRICTION"},
    ),
    through(
        "a target by address in a zone that the load balancer has no node in",
        then(by_address(), target_zone("us-east-1f")),
        {"target_health": "broken ELB_INSTALLED_AZ_RESTRICTION"},
    ),
    through(
        "a target by address that is registered for all zones",
        then(
            by_address(),
            target_zone("us-east-1f"),
            lambda world: world["TargetHealthDescriptions"][GROUP_ARN][0]["Target"].update(AvailabilityZone="all"),
        ),
        {},
    ),
    through(
        "zones that are not told",
        then(
            target_zone("us-east-1f"),
            balancer(AvailabilityZones=[{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-b"}]),
        ),
        {},
    ),
    through(
        "only rules forward",
        then(listeners(listener(actions=[{"Type": "fixed-response", "FixedResponseConfig": {}}])), rule(forward())),
        {},
    ),
    through(
        "only rules forward, and to nobody",
        then(
            listeners(listener(actions=[{"Type": "fixed-response", "FixedResponseConfig": {}}])),
            rule(forward()),
            target_is(),
        ),
        {"target_group": "broken " + NO_TARGET},
    ),
    through(
        "a group of weight 0 gets nothing",
        then(
            second_group(),
            lambda world: world["Rules"][LISTENER].pop(),
            listeners(
                listener(
                    actions=[
                        {
                            "Type": "forward",
                            "ForwardConfig": {
                                "TargetGroups": [
                                    {"TargetGroupArn": GROUP_ARN, "Weight": 1},
                                    {"TargetGroupArn": SECOND_GROUP_ARN, "Weight": 0},
                                ]
                            },
                        }
                    ]
                )
            ),
        ),
        {"target_group": "ok"},
        {},
        ("forwards to app with i-app.",),
    ),
    through(
        "a login first",
        then(
            listeners(listener(actions=[dict(forward()[0], Order=2), {"Type": "authenticate-oidc", "Order": 1}])),
            target_is(),
        ),
        {"target_group": "broken " + NO_TARGET},
    ),
    through(
        "two logins first, in no order",
        then(
            listeners(
                listener(
                    actions=[
                        {"Type": "authenticate-oidc", "Order": 2},
                        dict(forward()[0], Order=10),
                        {"Type": "authenticate-cognito", "Order": 1},
                    ]
                )
            ),
            target_is(),
        ),
        {"target_group": "broken " + NO_TARGET},
    ),
    through(
        "a redirect needs no targets",
        then(listeners(listener(actions=[REDIRECT]), SECURE), target_is()),
        {"target_group": "skipped"},
        {},
        ("web answers by itself: it redirects to HTTPS port 443.",),
    ),
    through(
        "a redirect to a listener that forwards",
        listeners(listener(actions=[REDIRECT]), SECURE),
        {"lb_listener": "ok"},
        {},
        (
            "web listens on 80 for HTTP and redirects to HTTPS port 443. To check the path behind it, ask with port"
            " 443.",
        ),
    ),
    through(
        "a redirect to a listener that is not there",
        listeners(listener(actions=[REDIRECT])),
        {"lb_listener": "broken ELBV2_LISTENERS_MISMATCH"},
        {},
        (
            "web listens on 80 for HTTP, but redirects to HTTPS port 443, where it does not listen.",
            "create-listener",
            "--protocol HTTPS --port 443 --certificates",
        ),
    ),
    through(
        "a redirect to a listener for another protocol",
        listeners(listener(actions=[REDIRECT]), {**SECURE, "Protocol": "HTTP"}),
        {"lb_listener": "broken ELBV2_LISTENERS_MISMATCH"},
    ),
    through(
        "a redirect to a page of its own",
        listeners(listener(actions=[REDIRECT]), {**SECURE, "DefaultActions": [NOT_FOUND]}),
        {"lb_listener": "broken ELBV2_LISTENER_REQUIRES_TG_ACCEPT"},
        {},
        (
            "redirects to HTTPS port 443. web listens on 443 for HTTPS, but sends nothing to targets: status 404.",
            f"modify-listener --listener-arn {SECURE['ListenerArn']}",
        ),
    ),
    through(
        "redirects in a circle",
        listeners(
            listener(actions=[REDIRECT]),
            {**SECURE, "DefaultActions": [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP", "Port": "80"}}]},
        ),
        {"lb_listener": "broken ELBV2_LISTENER_REQUIRES_TG_ACCEPT"},
        {},
        (
            "redirects to HTTP port 80, so the requests go in a circle",
            f"modify-listener --listener-arn {SECURE['ListenerArn']}",
        ),
    ),
    through(
        "a redirect to a listener whose rules may not be read",
        then(
            listeners(listener(actions=[REDIRECT]), {**SECURE, "DefaultActions": [NOT_FOUND]}),
            lambda world: world["Rules"].update({SECURE["ListenerArn"]: denied("elasticloadbalancing:DescribeRules")}),
        ),
        {"lb_listener": "unknown"},
        {},
        ("elasticloadbalancing:DescribeRules",),
    ),
    through(
        "a redirect to another path of the same listener, where nothing is",
        listeners(listener(actions=[{"Type": "redirect", "RedirectConfig": {"Path": "/app"}}])),
        {"lb_listener": "broken ELBV2_LISTENER_REQUIRES_TG_ACCEPT"},
    ),
    through(
        "a redirect to another name at a port where it listens",
        listeners(
            listener(actions=[{"Type": "redirect", "RedirectConfig": {**REDIRECT["RedirectConfig"], "Host": "www.x"}}]),
            SECURE,
        ),
        {},
    ),
    through(
        "a redirect, and a page of its own for some",
        then(listeners(listener(actions=[REDIRECT]), SECURE), rule([NOT_FOUND])),
        {},
    ),
    through(
        "a redirect to another name and a page of its own",
        then(
            listeners(listener(actions=[{"Type": "redirect", "RedirectConfig": {"Host": "example.org"}}])),
            rule([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]),
            target_is(),
        ),
        {"lb_listener": "unknown", "target_group": "skipped"},
        {},
        ("and redirects to HTTP port 80 of example.org, where nothing was checked.",),
    ),
    through(
        "a login and no more",
        then(listeners(listener(actions=[{"Type": "authenticate-oidc", "Order": 1}])), target_is()),
        {"lb_listener": "broken ELBV2_LISTENER_REQUIRES_TG_ACCEPT"},
        {},
        ("web listens on 80 for HTTP, but sends nothing to targets: no action forwards.",),
    ),
    through(
        "a page of its own",
        then(
            listeners(listener(actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}])),
            target_is(),
        ),
        {"lb_listener": "broken ELBV2_LISTENER_REQUIRES_TG_ACCEPT"},
        {},
        ("status 503", f"modify-listener --listener-arn {LISTENER}"),
    ),
    through(
        "a node's subnet has no addresses of the group's family",
        then(
            by_address("2600:1f18:1:103::10", IpAddressType="ipv6"),
            lambda world: world.target.update(Ipv6Addresses=[{"Ipv6Address": "2600:1f18:1:103::10"}]),
            lambda world: world["Subnets"][0].update(Ipv6CidrBlockAssociationSet=[]),
        ),
        dict.fromkeys(["target_nacl_ingress", "security_group", "target_nacl_egress"], "unknown"),
        {},
        ("subnet-a has no IPv6 addresses, which the load balancer's node there needs",),
    ),
    through(
        "its target group is not shown",
        groups(),
        dict.fromkeys(["target_group", "target_health", *TO_TARGETS], "unknown"),
        {},
        (f"DescribeTargetGroups does not show {GROUP_ARN}",),
    ),
    through(
        "a target that is not shown",
        lambda world: world["Instances"].update({None: []}),
        dict.fromkeys(TO_TARGETS, "unknown"),
        {},
        ("DescribeInstances does not show the target i-app",),
    ),
    through(
        "a target without an address of its group's family",
        groups(target_group(IpAddressType="ipv6")),
        dict.fromkeys(TO_TARGETS, "unknown"),
        {},
        ("eni-app of i-app has no IPv6 address",),
    ),
    through(
        "a load balancer as the target",
        then(groups(target_group(TargetType="alb")), target_is(health(id_=BALANCER))),
        dict.fromkeys(TO_TARGETS, "unknown"),
        {},
        (f"{BALANCER} is a load balancer itself: ask again with it",),
    ),
    through(
        "no ACL counts inside of a subnet",
        then(
            balancer(AvailabilityZones=[{"SubnetId": "subnet-a"}]),
            target_in("subnet-a"),
            acl_of_subnet("subnet-a", *both_ways(50, "deny", "10.0.1.0/24"), WEB_IN, EPHEMERAL_OUT),
        ),
        {"target_nacl_ingress": "ok", "target_nacl_egress": "ok"},
        {},
        ("i-app is in the same subnet as the load balancer's node",),
    ),
    through(
        "a target is registered at a port of its own",
        then(target_is(health(port=8000)), rules(permission(8000, groups=["sg-lb"]), of="sg-app")),
        {},
    ),
    through(
        "a target is registered at a port that its groups do not admit",
        target_is(health(port=8000)),
        {"security_group": "broken " + SG},
    ),
    through(
        "health is checked at a port of the group that the target's groups do not admit",
        then(
            groups(target_group(HealthCheckPort="8081")),
            target_is({**health(), "HealthCheckPort": "traffic-port"}),
        ),
        {"security_group": "broken " + SG},
        {},
        ("tcp/8081",),
    ),
    through(
        "a target has a second interface, which gets nothing",
        lambda world: world["Instances"][None][0]["NetworkInterfaces"].insert(
            0,
            interface(
                "eni-other",
                "subnet-c",
                "10.0.3.11",
                None,
                ["sg-default"],
                Attachment={"DeviceIndex": 1, "Status": "attached"},
            ),
        ),
        {},
    ),
    through(
        "three targets",
        target_is(*[health()] * 3),
        {"target_group": "ok"},
        {},
        ("i-app, i-app, i-app.",),
    ),
    through(
        "four targets",
        target_is(*[health()] * 4),
        {"target_group": "ok"},
        {},
        ("i-app, i-app, i-app and 1 more.",),
    ),
    through(
        "five targets",
        target_is(*[health()] * 5),
        {"target_group": "ok"},
        {},
        ("i-app, i-app, i-app and 2 more",),
    ),
    through(
        "no target is healthy",
        target_is(health("unhealthy", "Target.FailedHealthChecks")),
        {"target_health": "partial " + UNWELL},
        {},
        ("i-app is unhealthy (Target.FailedHealthChecks: said Target.FailedHealthChecks).", "HTTP on port 5000"),
    ),
    through(
        "a target answers with an error",
        target_is(health("unhealthy", "Target.ResponseCodeMismatch")),
        {"target_health": "partial " + UNWELL},
        {},
        ("/health", "200"),
    ),
    through(
        "a target answers with an error, and which answer is good is not told",
        then(groups(target_group(Matcher=None)), target_is(health("unhealthy", "Target.ResponseCodeMismatch"))),
        {"target_health": "partial " + UNWELL},
        {},
        ("Let /health answer with 200,",),
    ),
    through(
        "a target answers otherwise than it should",
        then(
            groups(target_group(Matcher={"HttpCode": "200-299"})),
            target_is(health("unhealthy", "Target.ResponseCodeMismatch")),
        ),
        {"target_health": "partial " + UNWELL},
        {},
        ("Let /health answer with 200-299,",),
    ),
    through(
        "a target answers gRPC otherwise than it should",
        then(
            groups(target_group(Matcher={"GrpcCode": "12"}, HealthCheckPath="/AWS.ALB/healthcheck")),
            target_is(health("unhealthy", "Target.ResponseCodeMismatch")),
        ),
        {"target_health": "partial " + UNWELL},
        {},
        ("Let /AWS.ALB/healthcheck answer with 12,",),
    ),
    through(
        "a target lets nobody connect",
        then(
            groups(target_group(HealthCheckProtocol="TCP", HealthCheckPath=None)),
            target_is(health("unhealthy", "Target.FailedHealthChecks")),
        ),
        {"target_health": "partial " + UNWELL},
        {},
        ("See to it that i-app answers TCP on port 5000: the unit",),
    ),
    through(
        "four targets are ill in four ways",
        target_is(*[health("unhealthy", reason) for reason in ("one", "two", "three", "four")]),
        {"target_health": "partial " + UNWELL},
        {},
        ("(one: said one). i-app is unhealthy (two: said two). i-app is unhealthy (three: said three). web sends",),
    ),
    through(
        "a target that is gone for good",
        then(
            target_is(health("unused", "Target.InvalidState", id_="i-gone"), health("unused", "Target.NotInUse")),
            lambda world: world["Instances"].update({None: []}),
        ),
        {"target_health": "broken BAD_STATE"},
    ),
    through(
        "a target's address cannot be used",
        target_is(health("unused", "Target.IpUnusable")),
        {"target_health": "broken ELB_INSTALLED_AZ_RESTRICTION"},
        {},
        (f"--load-balancer-arn {BALANCER} --subnets subnet-a subnet-b and the target's subnet",),
    ),
    through(
        "a target whose health is told without a reason",
        target_is({**health("unhealthy"), "TargetHealth": {"State": "unhealthy"}}),
        {"target_health": "partial " + UNWELL},
        {},
        ("i-app is unhealthy.",),
    ),
    through(
        "targets are being tried",
        target_is(health("initial", "Elb.InitialHealthChecking")),
        {"target_health": "broken x-ELBV2_TARGET_INITIAL"},
        {},
        ("wait target-in-service",),
    ),
    through(
        "a target is stopped",
        target_is(health("unused", "Target.InvalidState")),
        {"target_health": "broken BAD_STATE"},
        {},
        ("start-instances --instance-ids i-app",),
    ),
    through(
        "a target is in a zone that is not enabled",
        target_is(health("unused", "Target.NotInUse")),
        {"target_health": "broken ELB_INSTALLED_AZ_RESTRICTION"},
        {},
        ("set-subnets",),
    ),
    through("one of two targets is healthy", target_is(health("unhealthy", "Target.Timeout"), health()), {}),
    through(
        "a leaving target is none",
        target_is(health("draining"), health("unhealthy", "x")),
        {"target_health": "partial"},
    ),
    through(
        "its group lets nothing out",
        lambda world: world.egress(),
        {"lb_security_group_egress": "broken SG_HAS_NO_RULES"},
        {},
        ("authorize-security-group-egress --group-id sg-lb", "10.0.3.10/32"),
    ),
    through("it lets out to the target's group", lambda world: world.egress(permission(5000, groups=["sg-app"])), {}),
    through(
        "it lets out to another group",
        lambda world: world.egress(permission(5000, groups=["sg-web"])),
        {"lb_security_group_egress": "broken " + SG},
        {},
        ("tcp/5000 is let out to members of sg-web",),
    ),
    through(
        "it lets out to another port",
        lambda world: world.egress(permission(80, cidrs=EVERYWHERE)),
        {"lb_security_group_egress": "broken " + SG},
        {},
        ("tcp/80 goes out",),
    ),
    through("it lets out to the target", lambda world: world.egress(permission(5000, cidrs=["10.0.3.10/32"])), {}),
    through(
        "the target's ACL",
        acl_of_subnet("subnet-c", OUT, entry(10, protocol="6", first=80)),
        {"target_nacl_ingress": "broken " + NACL},
        {},
        ("subnet-c", "From=5000"),
    ),
    through(
        "the target's ACL lets one node in",
        acl_of_subnet("subnet-c", OUT, entry(10, cidr="10.0.1.0/24")),
        {"target_nacl_ingress": "partial " + NACL},
    ),
    through(
        "the target's ACL stops answers",
        acl_of_subnet("subnet-c", IN, entry(10, protocol="6", first=1, last=1023, egress=True)),
        {"target_nacl_egress": "broken " + NACL},
    ),
    through(
        "the target's ACL need not let in the Internet",
        acl_of_subnet("subnet-c", entry(10, cidr="10.0.0.0/16"), entry(10, cidr="10.0.0.0/16", egress=True)),
        {},
    ),
    through(
        "the target's group",
        rules(of="sg-app"),
        {"security_group": "broken SG_HAS_NO_RULES"},
        {},
        ("--group-id sg-app", "UserIdGroupPairs=[{GroupId=sg-lb}]"),
    ),
    through(
        "the target's group admits another group",
        rules(permission(5000, groups=["sg-web"]), of="sg-app"),
        {"security_group": "broken " + SG},
    ),
    through(
        "the target's group admits another port",
        rules(permission(80, groups=["sg-lb"]), of="sg-app"),
        {"security_group": "broken " + SG},
    ),
    through("the target's group admits the nodes", rules(permission(5000, cidrs=["10.0.0.0/22"]), of="sg-app"), {}),
    through(
        "the target's group admits one node",
        rules(permission(5000, cidrs=["10.0.1.0/24"]), of="sg-app"),
        {"security_group": "partial " + SG},
    ),
    through(
        "the target's group shuts out the health checks",
        groups(target_group(HealthCheckPort="8080")),
        {},
    ),
    through(
        "the target's group shuts out health checks on a port of their own",
        lambda world: world["TargetHealthDescriptions"][GROUP_ARN][0].update(HealthCheckPort="8080"),
        {"security_group": "broken " + SG},
        {},
        ("8080",),
    ),
    through(
        "a target in a node's subnet meets no ACL there",
        then(
            target_in("subnet-a"),
            acl(WEB_IN, EPHEMERAL_OUT, entry(110, protocol="6", first=5000, cidr="10.0.2.0/24")),
        ),
        {},
    ),
    through(
        "a target in a node's subnet meets the ACL there when it comes from another",
        then(target_in("subnet-a"), acl(WEB_IN, EPHEMERAL_OUT)),
        {"target_nacl_ingress": "broken " + NACL},
    ),
    through(
        "a node's ACL lets answers out to nobody",
        then(
            acl(IN, entry(10, protocol="6", first=5000, egress=True)),
            acl_of_subnet("subnet-b", IN, entry(10, protocol="6", first=5000, egress=True)),
        ),
        {"nacl_egress": "partial " + NACL},
    ),
    through(
        "the nodes' ACLs let nothing out to targets",
        then(
            acl(IN, entry(5, "deny", "10.0.0.0/16", egress=True), OUT),
            acl_of_subnet("subnet-b", IN, entry(5, "deny", "10.0.0.0/16", egress=True), OUT),
        ),
        {"nacl_egress": "broken " + NACL},
        {},
        ("10.0.3.10/32",),
    ),
    through(
        "one node is in a private subnet",
        lambda world: world.table()["Associations"].pop(0),
        {"route": "partial NO_ROUTE_TO_DESTINATION"},
        {},
        ("subnet-a", "nat-1"),
    ),
    through("no route", routes(), {"route": "broken NO_ROUTE_TO_DESTINATION"}),
    through(
        "a target at the second address of its interface",
        then(
            lambda world: world.target["PrivateIpAddresses"].append({"PrivateIpAddress": "10.0.3.11"}),
            by_address("10.0.3.11"),
            lambda world: world.egress(permission(5000, cidrs=["10.0.3.11/32"])),
        ),
        {},
    ),
    through(
        "groups that know their peers by prefix list",
        then(
            lambda world: world["Entries"].update({"pl-vpc": [{"Cidr": "10.0.0.0/16"}]}),
            lambda world: world.egress(permission(5000, lists=["pl-vpc"])),
            rules(permission(5000, lists=["pl-vpc"]), of="sg-app"),
        ),
        {},
    ),
    through(
        "a function and an instance as targets",
        then(
            second_group({"Target": {"Id": "arn:aws:lambda:x"}, "TargetHealth": {"State": "unavailable"}}),
            groups(target_group(SECOND_GROUP_ARN, "api", TargetType="lambda", Port=None), target_group()),
            listeners(listener(actions=forward(SECOND_GROUP_ARN))),
            rule(forward()),
            rules(of="sg-app"),
        ),
        {"security_group": "broken SG_HAS_NO_RULES"},
    ),
    through("targets by address", by_address(), {}),
    through(
        "targets by address, elsewhere",
        by_address("10.77.0.1"),
        {
            "lb_security_group_egress": "unknown",
            "target_nacl_ingress": "unknown",
            "security_group": "unknown",
            "target_nacl_egress": "unknown",
        },
        {},
        ("10.77.0.1",),
    ),
    through(
        "a function as target",
        then(
            groups(target_group(TargetType="lambda", Port=None)),
            target_is({"Target": {"Id": "arn:aws:lambda:x"}, "TargetHealth": {"State": "unavailable"}}),
        ),
        {},
    ),
    through(
        "targets by IPv6, clients by IPv4",
        then(
            groups(target_group(IpAddressType="ipv6")),
            lambda world: world.target.update(Ipv6Addresses=[{"Ipv6Address": "2600:1f18:1:103::10"}]),
        ),
        {},
    ),
    through(
        "targets by IPv6, whose ACL lets none in",
        then(
            groups(target_group(IpAddressType="ipv6")),
            lambda world: world.target.update(Ipv6Addresses=[{"Ipv6Address": "2600:1f18:1:103::10"}]),
            acl_of_subnet("subnet-c", *OPEN),
        ),
        {"target_nacl_ingress": "broken " + NACL, "target_nacl_egress": "broken " + NACL},
    ),
    through("a network load balancer", network_balancer(), {}),
    *(
        through(
            f"a network load balancer for {protocol}, whose targets know the client by default",
            then(
                network_balancer(kind="ip"),
                by_address(Protocol=protocol),
                listeners(listener(protocol=protocol)),
                rules(permission(5000, cidrs=["10.0.0.0/16"], protocol="udp"), of="sg-app"),
                rules(permission(80, cidrs=EVERYWHERE, protocol="udp"), of="sg-lb"),
            ),
            {"security_group": "broken " + SG},
            {"protocol": "udp"},
        )
        for protocol in ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
    ),
    through(
        "a network load balancer without groups, whose targets know the nodes alone",
        then(network_balancer(preserve=False, groups=()), rules(permission(5000, cidrs=["10.0.0.0/22"]), of="sg-app")),
        {},
    ),
    through(
        "a network load balancer without groups, whose targets see the clients",
        then(network_balancer(groups=()), rules(permission(5000, cidrs=["10.0.0.0/22"]), of="sg-app")),
        {"security_group": "broken " + SG},
        {},
        ("0.0.0.0/0",),
    ),
    through(
        "a network load balancer whose targets by address see the nodes",
        then(
            network_balancer(groups=(), kind="ip"),
            rules(permission(5000, cidrs=["10.0.0.0/22"]), of="sg-app"),
            lambda world: (
                world["TargetHealthDescriptions"].update({GROUP_ARN: [health(id_="10.0.3.10")]}),
                world.update(NetworkInterfaces={None: [world.target]}),
            ),
        ),
        {},
    ),
    through(
        "a network load balancer whose targets admit a part of the clients",
        then(network_balancer(groups=()), rules(permission(5000, cidrs=[LOW, "10.0.0.0/16"]), of="sg-app")),
        {"security_group": "partial"},
    ),
    through(
        "a network load balancer whose targets' ACL does not know the clients",
        then(
            network_balancer(groups=()),
            rules(permission(5000, cidrs=EVERYWHERE), of="sg-app"),
            acl_of_subnet("subnet-c", entry(10, cidr="10.0.0.0/16"), OUT),
        ),
        {"target_nacl_ingress": "broken " + NACL},
    ),
    through(
        "rules unread",
        lambda world: world.update(Rules={LISTENER: denied("elasticloadbalancing:DescribeRules")}),
        dict.fromkeys(
            [
                "target_group",
                "target_health",
                "lb_security_group_egress",
                "target_nacl_ingress",
                "security_group",
                "target_nacl_egress",
            ],
            "unknown",
        ),
        {},
        ("elasticloadbalancing:DescribeRules",),
    ),
    through(
        "health unread",
        lambda world: world.update(TargetHealthDescriptions={GROUP_ARN: denied()}),
        dict.fromkeys(
            [
                "target_group",
                "target_health",
                "lb_security_group_egress",
                "target_nacl_ingress",
                "security_group",
                "target_nacl_egress",
            ],
            "unknown",
        ),
    ),
    through(
        "attributes unread",
        then(network_balancer(), lambda world: world.update(Attributes={GROUP_ARN: denied()})),
        dict.fromkeys(
            ["lb_security_group_egress", "target_nacl_ingress", "security_group", "target_nacl_egress"], "unknown"
        ),
    ),
    through(
        "subnets unread",
        denies("Subnets"),
        dict.fromkeys(["target_nacl_ingress", "security_group", "target_nacl_egress"], "unknown"),
    ),
    through(
        "listeners unread",
        denies("Listeners"),
        dict.fromkeys(
            [
                "lb_listener",
                "target_group",
                "target_health",
                "lb_security_group_egress",
                "target_nacl_ingress",
                "security_group",
                "target_nacl_egress",
            ],
            "unknown",
        ),
    ),
]


def by(address):
    return Wanted(address=address)


def found(address, interfaces=None, instances=None, held=()):
    """Set AWS's answers about an address. By default, the interface of i-web has it."""

    def spoil(world):
        own = dict(world.interface, Attachment={"DeviceIndex": 0, "InstanceId": "i-web"}, Description="Primary")
        world["NetworkInterfaces"][address] = [own] if interfaces is None else interfaces
        world["Instances"][address] = world["Instances"]["i-web"] if instances is None else instances
        world["Addresses"][address] = list(held)

    return spoil


def of_service(**changes):
    """Replace the interface with one that AWS holds for one of its services."""
    return [interface(Attachment={"DeviceIndex": 0, "InstanceOwnerId": "amazon"}, **changes)]


UNATTACHED = [interface(Attachment=None, Description="spare")]
OF_ANOTHER_VPC = interface(id_="eni-2", VpcId=OTHER_VPC)
SECONDARY = {"PrivateIpAddress": "10.0.1.11", "Association": {"PublicIp": "198.51.100.30", "IpOwnerId": "amazon"}}
NOT_FOLLOWED = {"instance_state": "unknown UNSUPPORTED_COMPONENT"}
IS_PRIVATE = {"public_address": "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"}
MOVED, HELD = (
    {"target_exists": "broken NO_SOURCE_OR_DESTINATION"},
    {"public_address": "broken IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"},
)


def secondary_first(world):
    world.interface["PrivateIpAddresses"].insert(0, SECONDARY)


ADDRESS = [
    Scenario(name, spoil, expected, question, says, by(address))
    for name, address, spoil, expected, question, says in [
        ("public", PUBLIC, found(PUBLIC), {}, {}, ()),
        ("public, assigned by EC2", PUBLIC, then(assigned_by_ec2, found(PUBLIC)), {}, {}, ()),
        ("public, of the secondary one", "198.51.100.30", then(secondary_first, found("198.51.100.30")), {}, {}, ()),
        ("IPv6", IPV6_ADDRESS, found(IPV6_ADDRESS), {}, IPV6, ()),
        ("private", PRIVATE, found(PRIVATE), IS_PRIVATE, {}, ("Use 198.51.100.20 instead of 10.0.1.10.",)),
        (
            "private, and there is no public one",
            PRIVATE,
            then(no_public_address, found(PRIVATE)),
            IS_PRIVATE,
            {},
            ("allocate-address", "--network-interface-id eni-web"),
        ),
        ("private, asked from inside", PRIVATE, found(PRIVATE), {}, INSIDE, ()),
        (
            "of two VPCs",
            PRIVATE,
            found(PRIVATE, [interface(), OF_ANOTHER_VPC]),
            {"target_exists": "unknown"},
            {},
            ("eni-web of vpc-1, eni-2 of vpc-2", "instance_id"),
        ),
        ("of nothing", PUBLIC, found(PUBLIC, [], []), MOVED, {}, ("changes when the instance is stopped",)),
        (
            "an Elastic IP that leads nowhere",
            PUBLIC,
            found(PUBLIC, [], [], [{"PublicIp": PUBLIC, "AllocationId": "eipalloc-1"}]),
            HELD,
            {},
            ("--allocation-id eipalloc-1",),
        ),
        (
            "of an interface without an instance",
            PUBLIC,
            found(PUBLIC, UNATTACHED),
            {"instance_state": "broken BAD_STATE_ATTACHMENT"},
            {},
            ("attach-network-interface --network-interface-id eni-web",),
        ),
        (
            "of a load balancer",
            PUBLIC,
            found(PUBLIC, of_service(Description="ELB app/web/0123")),
            NOT_FOLLOWED,
            {},
            ("that of ELB app/web/0123", "Ask with load_balancer_arn."),
        ),
        (
            "of a load balancer without a description",
            PUBLIC,
            found(PUBLIC, of_service(InterfaceType="network_load_balancer")),
            NOT_FOLLOWED,
            {},
            ("that of a load balancer", "Ask with load_balancer_arn."),
        ),
        (
            "of a NAT gateway",
            PUBLIC,
            found(PUBLIC, of_service(InterfaceType="nat_gateway")),
            NOT_FOLLOWED,
            {},
            ("that of a NAT gateway",),
        ),
        (
            "of some service",
            PUBLIC,
            found(PUBLIC, of_service(InterfaceType="new_kind")),
            NOT_FOLLOWED,
            {},
            ("that of an AWS service",),
        ),
        (
            "of an instance that may not be read",
            PUBLIC,
            found(PUBLIC, instances=denied("ec2:DescribeInstances")),
            {"instance_state": "unknown"},
            {},
            ("ec2:DescribeInstances",),
        ),
        (
            "of an instance that is not shown",
            PUBLIC,
            found(PUBLIC, instances=[]),
            {"instance_state": "unknown"},
            {},
            ("DescribeInstances does not show i-web to this user.",),
        ),
    ]
]

SCENARIOS = INSTANCE + ADDRESS + LOAD_BALANCER


# One fault for each hop. They do not affect each other.


def own_acls(world):
    for subnet_id in ("subnet-a", "subnet-b", "subnet-c"):
        world.acl_of(subnet_id, *OPEN)


def deny(subnet_ids, *args, **keywords):
    def spoil(world):
        for each in world["NetworkAcls"]:
            if each["NetworkAclId"] in ["acl-" + subnet_id for subnet_id in subnet_ids]:
                each["Entries"].append(entry(1, "deny", *args, protocol="6", **keywords))

    return spoil


NODES, TARGETS = ("subnet-a", "subnet-b"), ("subnet-c",)
ANSWERS = {"first": 1024, "last": 65535, "egress": True}
FAULTS_OF_INSTANCE = {
    "instance_state": state("stopped"),
    "block_public_access": block(),
    "internet_gateway": then(gateway("detaching"), routes(DEFAULT)),
    "nacl_ingress": deny(NODES, first=5000),
    "security_group": rules(),
    "nacl_egress": deny(NODES, **ANSWERS),
    "route": routes(),
}
FAULTS_OF_BALANCER = {
    "public_address": balancer(IpAddressType="dualstack-without-public-ipv4"),
    "block_public_access": block(),
    "lb_state": balancer(State={"Code": "provisioning"}),
    "lb_scheme": balancer(Scheme="internal"),
    "internet_gateway": gateway("detaching"),
    "nacl_ingress": deny(NODES, first=80),
    "lb_security_group": rules(of="sg-lb"),
    "lb_listener": listeners(),
    "target_group": target_is(),
    "target_health": target_is(health("unused", "Target.InvalidState")),
    "lb_security_group_egress": lambda world: world.egress(),
    "target_nacl_ingress": deny(TARGETS, first=5000),
    "security_group": rules(of="sg-app"),
    "target_nacl_egress": deny(TARGETS, **ANSWERS),
    "nacl_egress": deny(NODES, **ANSWERS),
    "route": routes(),
}
