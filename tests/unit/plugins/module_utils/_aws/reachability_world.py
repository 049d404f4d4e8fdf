# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A VPC without faults, in the dicts of AWS's describe calls, and functions that change it.

It has 10.0.0.0/16 and 2600:1f18:1:100::/56: subnet-a (public, 10.0.1.0/24), subnet-b (public, 10.0.2.0/24) and subnet-c
(private, 10.0.3.0/24). i-web is in subnet-a, at 198.51.100.20. The load balancer web has nodes in subnet-a and
subnet-b, and i-app in subnet-c as its target.
"""

from __future__ import annotations

import pickle

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Question
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import Wanted, diagnose
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead, Snapshot
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain

VPC, OTHER_VPC = "vpc-1", "vpc-2"
PUBLIC, PRIVATE, IPV6_ADDRESS = "198.51.100.20", "10.0.1.10", "2600:1f18:1:101::10"
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
BALANCER = ARN + "loadbalancer/app/web/0123456789abcdef"
GROUP_ARN = ARN + "targetgroup/app/0123456789abcdef"
SECOND_GROUP_ARN = ARN + "targetgroup/api/0123456789abcdef"
LISTENER = ARN + "listener/app/web/0123456789abcdef/0123456789abcdef"

PLACE = Place("us-east-1", lambda: "123456789012")
TO_INSTANCE = Wanted(instance_id="i-web")
TO_BALANCER = Wanted(load_balancer_arn=BALANCER)


def permission(first=None, last=None, cidrs=(), protocol="tcp", groups=(), lists=()):
    found = {
        "IpProtocol": protocol,
        "IpRanges": [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr],
        "Ipv6Ranges": [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr],
        "PrefixListIds": [{"PrefixListId": each} for each in lists],
        "UserIdGroupPairs": [{"GroupId": each, "UserId": "123456789012"} for each in groups],
    }
    if first is not None:
        found.update(FromPort=first, ToPort=first if last is None else last)
    return found


EVERYWHERE = ("0.0.0.0/0", "::/0")
ANYTHING = permission(protocol="-1", cidrs=EVERYWHERE)


def group(id_, name, ingress=(), egress=(ANYTHING,), vpc=VPC):
    return {
        "GroupId": id_,
        "GroupName": name,
        "Description": name,
        "VpcId": vpc,
        "OwnerId": "123456789012",
        "IpPermissions": list(ingress),
        "IpPermissionsEgress": list(egress),
    }


def entry(number, action="allow", cidr="0.0.0.0/0", protocol="-1", first=None, last=None, egress=False):
    found = {"RuleNumber": number, "RuleAction": action, "Protocol": protocol, "Egress": egress}
    found["Ipv6CidrBlock" if ":" in cidr else "CidrBlock"] = cidr
    if first is not None:
        found["PortRange"] = {"From": first, "To": first if last is None else last}
    return found


def both_ways(number, action, *args, **keywords):
    return [entry(number, action, *args, egress=egress, **keywords) for egress in (False, True)]


LAST = [*both_ways(32767, "deny"), *both_ways(32768, "deny", "::/0")]


def acl(id_, subnets, entries, default=False):
    return {
        "NetworkAclId": id_,
        "VpcId": VPC,
        "IsDefault": default,
        "Associations": [{"NetworkAclId": id_, "SubnetId": each} for each in subnets],
        "Entries": list(entries),
    }


def route(cidr, **next_hop):
    key = "DestinationPrefixListId" if cidr.startswith("pl-") else "DestinationCidrBlock"
    key = "DestinationIpv6CidrBlock" if ":" in cidr else key
    return dict({key: cidr, "Origin": "CreateRoute", "State": "active"}, **next_hop)


LOCAL = [
    route("10.0.0.0/16", GatewayId="local", Origin="CreateRouteTable"),
    route("2600:1f18:1:100::/56", GatewayId="local", Origin="CreateRouteTable"),
]
ASSOCIATED = {"State": "associated"}


def table(id_, subnets=(), routes=(), main=False, vpc=VPC, local=tuple(LOCAL), gateways=()):
    associations = [{"Main": True, "RouteTableId": id_, "AssociationState": ASSOCIATED}] if main else []
    associations += [{"Main": False, "SubnetId": each, "AssociationState": ASSOCIATED} for each in subnets]
    associations += [{"Main": False, "GatewayId": each, "AssociationState": ASSOCIATED} for each in gateways]
    return {"RouteTableId": id_, "VpcId": vpc, "Associations": associations, "Routes": [*local, *routes]}


def interface(id_="eni-web", subnet="subnet-a", private=PRIVATE, public=PUBLIC, groups=("sg-web",), **more):
    association = {"Association": {"PublicIp": public, "IpOwnerId": "123456789012"}} if public else {}
    found = {
        "NetworkInterfaceId": id_,
        "SubnetId": subnet,
        "VpcId": VPC,
        "Groups": [{"GroupId": each, "GroupName": each[3:]} for each in groups],
        "PrivateIpAddress": private,
        "PrivateIpAddresses": [dict({"PrivateIpAddress": private, "Primary": True}, **association)],
        "Ipv6Addresses": [],
        "Attachment": {"DeviceIndex": 0, "Status": "attached"},
        "Status": "in-use",
    }
    return dict(dict(found, **association), **more)


def instance(id_="i-web", interfaces=None, state="running"):
    if interfaces is None:
        interfaces = [interface(Ipv6Addresses=[{"Ipv6Address": IPV6_ADDRESS}])]
    return {"InstanceId": id_, "State": {"Name": state}, "NetworkInterfaces": interfaces}


def subnet(id_, cidr, ipv6, zone):
    found = {"SubnetId": id_, "CidrBlock": cidr, "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": ipv6}]}
    return dict(found, AvailabilityZone=zone)


def exclusion(resource="vpc/vpc-1", mode="allow-bidirectional", state="create-complete"):
    return {
        "ExclusionId": "vpcbpa-exclude-1",
        "InternetGatewayExclusionMode": mode,
        "ResourceArn": "arn:aws:ec2:us-east-1:123456789012:" + resource,
        "State": state,
    }


def health(state="healthy", reason=None, id_="i-app", port=5000):
    found = {"State": state}
    if reason:
        found.update(Reason=reason, Description=f"said {reason}")
    return {"Target": {"Id": id_, "Port": port}, "HealthCheckPort": str(port), "TargetHealth": found}


def target_group(arn=GROUP_ARN, name="app", **more):
    found = {
        "TargetGroupArn": arn,
        "TargetGroupName": name,
        "Protocol": "HTTP",
        "Port": 5000,
        "VpcId": VPC,
        "TargetType": "instance",
        "IpAddressType": "ipv4",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/health",
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [BALANCER],
    }
    return dict(found, **more)


def forward(arn=GROUP_ARN):
    return [{"Type": "forward", "TargetGroupArn": arn, "Order": 1}]


def listener(port=80, protocol="HTTP", actions=None, arn=LISTENER):
    return {
        "ListenerArn": arn,
        "LoadBalancerArn": BALANCER,
        "Port": port,
        "Protocol": protocol,
        "DefaultActions": forward() if actions is None else actions,
    }


GOOD = {
    "Instances": {
        "i-web": [instance()],
        None: [instance("i-app", [interface("eni-app", "subnet-c", "10.0.3.10", None, ["sg-app"])])],
    },
    "SecurityGroups": [
        group("sg-default", "default", [permission(protocol="-1", groups=["sg-default"])]),
        group("sg-web", "web", [permission(22, cidrs=["203.0.113.0/24"]), permission(5000, cidrs=EVERYWHERE)]),
        group("sg-lb", "lb", [permission(80, cidrs=EVERYWHERE)]),
        group("sg-app", "app", [permission(5000, groups=["sg-lb"])]),
    ],
    "RouteTables": [
        table("rtb-main", routes=[route("0.0.0.0/0", NatGatewayId="nat-1")], main=True),
        table(
            "rtb-public",
            ["subnet-a", "subnet-b"],
            [route("0.0.0.0/0", GatewayId="igw-1"), route("::/0", GatewayId="igw-1")],
        ),
        table("rtb-other", main=True, vpc=OTHER_VPC, local=[route("10.9.0.0/16", GatewayId="local")]),
    ],
    "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": VPC, "State": "available"}]}],
    "NetworkAcls": [
        acl(
            "acl-default",
            ["subnet-a", "subnet-b", "subnet-c"],
            # The order of the list has no meaning, and AWS does not keep it.
            [*LAST, *both_ways(100, "allow"), *both_ways(101, "allow", "::/0")],
            default=True,
        )
    ],
    "VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off", "ExclusionsAllowed": "allowed"},
    "VpcBlockPublicAccessExclusions": [],
    "NetworkInterfaces": {},
    "Addresses": {},
    "Entries": {"pl-office": [{"Cidr": "203.0.113.0/24"}], "pl-all": [{"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}]},
    "Subnets": [
        subnet("subnet-a", "10.0.1.0/24", "2600:1f18:1:101::/64", "us-east-1a"),
        subnet("subnet-b", "10.0.2.0/24", "2600:1f18:1:102::/64", "us-east-1b"),
        subnet("subnet-c", "10.0.3.0/24", "2600:1f18:1:103::/64", "us-east-1a"),
    ],
    "LoadBalancers": {
        BALANCER: [
            {
                "LoadBalancerArn": BALANCER,
                "LoadBalancerName": "web",
                "DNSName": "web-1.us-east-1.elb.amazonaws.com",
                "Type": "application",
                "Scheme": "internet-facing",
                "VpcId": VPC,
                "State": {"Code": "active"},
                "IpAddressType": "dualstack",
                "SecurityGroups": ["sg-lb"],
                "AvailabilityZones": [
                    {"ZoneName": "us-east-1a", "SubnetId": "subnet-a"},
                    {"ZoneName": "us-east-1b", "SubnetId": "subnet-b"},
                ],
            }
        ]
    },
    "Listeners": [listener()],
    "Rules": {LISTENER: [{"RuleArn": "rule", "Priority": "default", "IsDefault": True, "Actions": forward()}]},
    "TargetGroups": [target_group()],
    "TargetHealthDescriptions": {GROUP_ARN: [health()]},
    "Attributes": {GROUP_ARN: []},
}


COPY = pickle.dumps(GOOD)  # much faster than deepcopy


class World(dict):
    """A copy of GOOD to change, with short names for its parts."""

    def __init__(self):
        super().__init__(pickle.loads(COPY))

    @property
    def instance(self):
        return self["Instances"]["i-web"][0]

    @property
    def interface(self):
        return self.instance["NetworkInterfaces"][0]

    @property
    def target(self):
        return self["Instances"][None][0]["NetworkInterfaces"][0]

    @property
    def balancer(self):
        return self["LoadBalancers"][BALANCER][0]

    def group(self, id_):
        return next(each for each in self["SecurityGroups"] if each["GroupId"] == id_)

    def table(self, id_="rtb-public"):
        return next(each for each in self["RouteTables"] if each["RouteTableId"] == id_)

    def attach(self, *groups):
        self.interface["Groups"] = [{"GroupId": each, "GroupName": each[3:]} for each in groups]

    def rules(self, *ingress, **keywords):
        """Set the rules of sg-web, or another group."""
        self.group(keywords.get("of", "sg-web"))["IpPermissions"] = list(ingress)

    def egress(self, *rules, **keywords):
        self.group(keywords.get("of", "sg-lb"))["IpPermissionsEgress"] = list(rules)

    def acl_of(self, subnet_id, *entries):
        """Give the subnet its own ACL, with these entries and the last ones."""
        for each in self["NetworkAcls"]:
            each["Associations"] = [one for one in each["Associations"] if one["SubnetId"] != subnet_id]
        self["NetworkAcls"].append(acl("acl-" + subnet_id, [subnet_id], [*LAST, *entries]))

    def routes(self, *routes, **keywords):
        """Set the routes of rtb-public, or another table, besides the local ones."""
        self.table(keywords.get("of", "rtb-public"))["Routes"] = [*LOCAL, *routes]

    def answers(self):
        flat = {}
        for name, answer in self.items():
            if isinstance(name, tuple):  # one record of another VPC, by its id
                flat[name] = answer
            elif isinstance(answer, dict) and name != "VpcBlockPublicAccessOptions":
                flat.update({(name, key): each for key, each in answer.items()})
            else:
                flat[name, None] = answer
        return flat


def outcome(spoil=None, wanted=TO_INSTANCE, **question):
    """Return the answer in a good world that `spoil` has changed."""
    world = World()
    if spoil:
        spoil(world)
    if wanted.load_balancer_arn:
        question.setdefault("port", 80)
    return plain(diagnose(Snapshot(world.answers()), Question(**question), wanted, PLACE))


def denied(permission_="ec2:DescribeX"):
    return NotRead(f"Not known: AWS refused {permission_} (UnauthorizedOperation).")


def said(answer):
    """Return verdict and code of each hop."""
    hops = {each["hop"]: each for each in answer["hops"]}
    return {name: f"{each['verdict']} {each['code'] or ''}".strip() for name, each in hops.items()}


def matches(answer, expected):
    """Return whether exactly the expected hops are not ok, with their verdicts and, if given, codes."""
    found = said(answer)
    for name, words in found.items():
        wanted = expected.get(name)
        if wanted is None and words.split()[0] not in ("ok", "skipped"):
            return False
        if wanted is not None and words != wanted and words.split()[0] != wanted:
            return False
    return set(expected) <= set(found)
