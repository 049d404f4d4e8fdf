# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local EC2 API with a site, for tests of modules. No test connects to an address that moto invents."""

from __future__ import annotations

import contextlib
import os
import re
import shlex

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
# Reading AWS's service models takes longest here, so it is done once.
SESSION = boto3.session.Session(region_name=REGION)
KEYS = {"access_key": "testing", "secret_key": "testing"}


@contextlib.contextmanager
def served():
    """Serve the API, and yield its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


def without_aws(monkeypatch):
    """Remove this machine's credentials, region and endpoint, and the metadata service."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "EC2_")):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def client_of(service, endpoint, **keys):
    keys = keys or {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return SESSION.client(service, endpoint_url=endpoint, region_name=REGION, **keys)


def share_session(monkeypatch):
    """Let modules use the session of this file instead of their own."""
    monkeypatch.setattr(boto3.session, "Session", lambda **_keywords: SESSION)


def counted(monkeypatch):
    """Return a list that gets the names of all calls that modules send, with each attempt."""
    calls = []
    make = AnsibleAWSModule.client

    def client(self, *args, **keywords):
        made = make(self, *args, **keywords)
        made.meta.events.register("before-send", lambda event_name, **_: calls.append(event_name.split(".")[-1]))
        return made

    monkeypatch.setattr(AnsibleAWSModule, "client", client)
    return calls


class Site:
    """A VPC with one public subnet and an instance that serves port 5000 at an Elastic IP."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.ec2, self.elbv2 = self.client("ec2"), self.client("elbv2")
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.add_subnet("10.0.1.0/24", "us-east-1a")
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway)
        self.association = ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)["AssociationId"]
        self.group = self.add_group("web", 5000)
        self.instance, self.interface = self.add_instance()
        held = ec2.allocate_address(Domain="vpc")
        self.address = held["PublicIp"]
        ec2.associate_address(AllocationId=held["AllocationId"], NetworkInterfaceId=self.interface)
        self.acl = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["NetworkAcls"][0][
            "NetworkAclId"
        ]

    def client(self, service, **keys):
        return client_of(service, self.endpoint, **keys)

    @property
    def options(self):
        return dict(KEYS, endpoint_url=self.endpoint, region=REGION)

    def add_subnet(self, cidr, zone):
        return self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]

    def add_group(self, name, *ports):
        group = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        for port in ports:
            self.open(group, port)
        return group

    def rule(self, port, **source):
        source = source or {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        return [dict({"IpProtocol": "tcp", "FromPort": port, "ToPort": port}, **source)]

    def open(self, group, port, **source):
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=self.rule(port, **source))

    def close(self, port=5000):
        self.ec2.revoke_security_group_ingress(GroupId=self.group, IpPermissions=self.rule(port))

    def add_instance(self, count=1):
        interface = {"DeviceIndex": 0, "SubnetId": self.subnet, "Groups": [self.group]}
        made = self.ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=count, MaxCount=count, NetworkInterfaces=[interface]
        )["Instances"][0]
        return made["InstanceId"], made["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def add_load_balancer(self, kind="application"):
        other = self.add_subnet("10.0.2.0/24", "us-east-1b")
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=other)
        group = self.add_group("lb", 80)
        balancer = self.elbv2.create_load_balancer(
            Name="web", Subnets=[self.subnet, other], SecurityGroups=[group], Scheme="internet-facing", Type=kind
        )["LoadBalancers"][0]
        protocol = "HTTP" if kind == "application" else "TCP"
        targets = self.elbv2.create_target_group(Name="app", Protocol=protocol, Port=5000, VpcId=self.vpc)
        self.targets = targets["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.register_targets(TargetGroupArn=self.targets, Targets=[{"Id": self.instance}])
        self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol=protocol,
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.targets}],
        )
        self.balancer_group = group
        return balancer["LoadBalancerArn"]

    def aws(self, command):
        """Do what a command line of the AWS CLI does."""
        program, service, operation, *words = shlex.split(command)
        assert program == "aws"
        arguments = {}
        for name, value in zip(words, words[1:] + ["--end"]):
            if not name.startswith("--"):
                continue
            if name == "--region":
                assert value == REGION
                continue
            key = "".join(word.title() for word in name[2:].split("-"))
            if name in ("--ingress", "--egress"):
                key, value = "Egress", name == "--egress"
            elif name == "--ip-permissions":
                value = [shorthand(value)]
            elif name == "--port-range":
                value = shorthand(value)
            elif name.endswith("-ids"):
                value = [value]
            elif name in ("--rule-number", "--device-index"):
                value = int(value)
            arguments[key] = value
        client = self.ec2 if service == "ec2" else self.elbv2
        return getattr(client, operation.replace("-", "_"))(**arguments)


def shorthand(text):
    """Parse "From=1,To=2,Ranges=[{Cidr=x}]" as the AWS CLI does."""
    found = {}
    for key, value in re.findall(r"(\w+)=(\[[^]]*\]|[^,]*)", text):
        if value.startswith("["):
            found[key] = [shorthand(each) for each in re.findall(r"\{([^}]*)\}", value)]
        else:
            found[key] = int(value) if value.isdigit() else value
    return found
