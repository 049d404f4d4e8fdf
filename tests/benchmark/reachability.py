# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how many calls reachability and exposure make, and their own processor time, against a local EC2 API.

It starts the API itself, on a free port of 127.0.0.1, and connects to no address in its answers. Prints a line for
each aim, and fails if one is missed.

    .venv/bin/python tests/benchmark/reachability.py
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Callable, NamedTuple

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

import boto3
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws import exposure
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import ask_aws
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.describe import Describe
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import Question
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import Wanted
from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.server import ThreadedMotoServer

MACHINES = 1000
LISTENERS = [{"protocol": "tcp", "address": "0.0.0.0", "port": port, "family": None} for port in (22, 5000, 5432)]
BLOCKED = {"InternetGatewayBlockMode": "block-ingress", "ExclusionsAllowed": "allowed"}


class Aim(NamedTuple):
    what: str
    seen: float
    limit: float
    unit: str = ""

    def report(self) -> bool:
        met = self.seen <= self.limit
        figures = f"{self.seen:>9.3f}{self.unit}  of at most {self.limit:.3f}{self.unit}"
        print(f"  {'met   ' if met else 'MISSED'} {figures:<38} {self.what}", flush=True)
        return met


class Measured(Describe):
    """Counts the requests, with each attempt, and the processor time of this thread that boto3 takes for them."""

    def __init__(self, clients: dict[str, Any]):
        super().__init__(None)
        self.clients = clients
        self.sent, self.boto3 = 0, 0.0
        for client in clients.values():
            client.meta.events.register("before-send", self._count)

    def _count(self, **_about: Any) -> None:
        self.sent += 1

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        before = time.thread_time()
        try:
            return super().__call__(*args, **keywords)
        finally:
            self.boto3 += time.thread_time() - before


def block_public_access(vpc: str) -> None:
    """Add VPC Block Public Access to moto, in the state that needs the most calls."""
    arn = f"arn:aws:ec2:us-east-1:123456789012:vpc/{vpc}"
    exclusion = {"ExclusionId": "vpcbpa-exclude-1", "ResourceArn": arn, "State": "create-complete"}
    exclusion["InternetGatewayExclusionMode"] = "allow-bidirectional"
    answers = {
        "describe_vpc_block_public_access_options": {"VpcBlockPublicAccessOptions": BLOCKED},
        "describe_vpc_block_public_access_exclusions": {"VpcBlockPublicAccessExclusions": [exclusion]},
    }
    for action, answer in answers.items():
        setattr(EC2Response, action, lambda _self, answer=answer: ActionResult(answer))


def build(ec2: Any, elbv2: Any) -> tuple[list[str], str]:
    """Make instances of one VPC in 20 groups and four subnets, and a load balancer in front of one of them."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    block_public_access(vpc)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnets, groups, ids = [], [], []
    for number in range(4):
        zone, block = f"us-east-1{'abcd'[number]}", f"10.0.{number * 16}.0/20"
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=made)
        subnets.append(made)
    for number in range(20):
        group = ec2.create_security_group(GroupName=f"web{number}", Description="-", VpcId=vpc)["GroupId"]
        for port, source in (
            (22, f"203.0.113.{number}/32"),
            (5000 if number % 2 else 5001, "0.0.0.0/0"),
            (80, "0.0.0.0/0"),
        ):
            rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": source}]}
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        groups.append(group)
    each = MACHINES // len(groups)
    for number, group in enumerate(groups):
        interface = {"DeviceIndex": 0, "SubnetId": subnets[number % 4], "Groups": [group]}
        interface["AssociatePublicIpAddress"] = True
        made = ec2.run_instances(ImageId="ami-1", MinCount=each, MaxCount=each, NetworkInterfaces=[interface])
        ids += [one["InstanceId"] for one in made["Instances"]]
    balancer = elbv2.create_load_balancer(
        Name="web", Type="application", Scheme="internet-facing", Subnets=subnets[:2], SecurityGroups=groups[:1]
    )["LoadBalancers"][0]
    targets = elbv2.create_target_group(Name="app", Protocol="HTTP", Port=5001, VpcId=vpc)["TargetGroups"][0]
    elbv2.register_targets(TargetGroupArn=targets["TargetGroupArn"], Targets=[{"Id": ids[0]}])
    forward = [{"Type": "forward", "TargetGroupArn": targets["TargetGroupArn"]}]
    arn = balancer["LoadBalancerArn"]
    elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    return ids, arn


def measured(clients: dict[str, Any], ask: Callable[[Measured], Any]) -> tuple[Any, int, float]:
    """Return the answer, the number of calls, and the processor time of the judgement itself in seconds."""
    describe = Measured(clients)
    before = time.thread_time()
    answer = ask(describe)
    return answer, describe.sent, time.thread_time() - before - describe.boto3


def reachable(question: Question, wanted: Wanted) -> Callable[[Measured], Any]:
    def ask(describe: Measured) -> str:
        found = ask_aws(describe, question, wanted)
        if found["verdict"] != "reachable":
            sys.exit(f"{wanted} is {found['verdict']}, which it was not built to be: {found['summary']}")
        return found["verdict"]

    return ask


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()

    def client(service: str) -> Any:
        keys = {"aws_access_key_id": "benchmark", "aws_secret_access_key": "benchmark"}
        return boto3.client(service, endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)

    def clients() -> dict[str, Any]:
        return {service: client(service) for service in ("ec2", "elbv2")}

    print(f"Building {MACHINES} instances in a local EC2 API ...", flush=True)
    ids, arn = build(client("ec2"), client("elbv2"))
    machines = exposure.normalised(
        [{"name": id_, "instance_id": id_, "private_address": None, "listeners": LISTENERS} for id_ in ids]
    )

    def exposed(describe: Measured) -> Any:
        found = exposure.ask_aws(describe, machines)
        audiences = {each["audience"] for each in found}
        if len(found) != len(LISTENERS) * MACHINES or audiences != {"everybody", "part", "nobody"}:
            sys.exit(f"{len(found)} ports are open to {audiences}, which they were not built to be")
        return found

    _answer, calls, own = measured(clients(), reachable(Question(port=5001), Wanted(instance_id=ids[0])))
    _answer, lb_calls, lb_own = measured(clients(), reachable(Question(port=80), Wanted(load_balancer_arn=arn)))
    _answer, all_calls, all_own = measured(clients(), exposed)
    server.stop()
    aims = [
        Aim("calls for an instance, Block Public Access with exclusions included", calls, 9),
        Aim("own time for an instance", own, 0.1, " s"),
        Aim("calls for a load balancer, Block Public Access with exclusions included", lb_calls, 13),
        Aim("own time for a load balancer", lb_own, 0.1, " s"),
        Aim(f"calls for {len(LISTENERS)} ports of each of {MACHINES} instances", all_calls, 10),
        Aim(f"own time for {len(LISTENERS)} ports of each of {MACHINES} instances", all_own, 1, " s"),
    ]
    reported = [aim.report() for aim in aims]
    if not all(reported):
        sys.exit(1)


if __name__ == "__main__":
    main()
