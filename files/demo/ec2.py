# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local EC2 API that stands in for AWS: moto server on loopback, and instances in it for the local machines.

  ec2.py start STATE            start the server if it does not answer; its pid and log go into the folder STATE
  ec2.py launch CONTAINER...    one instance for each container, with the container's address, all in one group
                                that admits only SSH; what is there already stays
  ec2.py rules                  print the ingress rules of every group that is not a VPC's default
  ec2.py stop STATE             stop the server that `start` started
  ec2.py serve                  what `start` starts

The port is EC2_PORT, 5555 by default. Run it with the Python of the virtual environment.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3

PORT = int(os.environ.get("EC2_PORT", "5555"))
GROUP = "flask-site"


def answers() -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def client():
    return boto3.client(
        "ec2",
        endpoint_url=f"http://127.0.0.1:{PORT}",
        region_name="us-east-1",
        aws_access_key_id="demo",
        aws_secret_access_key="no-secret-of-anybody",
    )


def is_ours(state: str) -> bool:
    """Whether the server that `start` started for this folder still runs."""
    try:
        pid = int((Path(state) / "ec2.pid").read_text())
        return b"ec2.py\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def start(state: str) -> None:
    if answers():
        if is_ours(state):
            return
        sys.exit(
            f"Port {PORT} on 127.0.0.1 is taken, and not by the local EC2 API of this checkout. Stop what holds it"
            " (`make clean` in the checkout that started it)."
        )
    folder = Path(state)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "ec2.log", "ab") as log:
        server = subprocess.Popen(
            [sys.executable, __file__, "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "ec2.pid").write_text(f"{server.pid}\n")
    for _attempt in range(100):
        if answers():
            print(f"The local EC2 API answers on http://127.0.0.1:{PORT}")
            return
        if server.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit(f"The local EC2 API did not start on port {PORT}. Its log: {folder / 'ec2.log'}")


def serve() -> None:
    """moto's server, with the answers about VPC Block Public Access that moto lacks: it is off, as in a new account."""
    from moto.ec2.responses import EC2Response
    from moto.server import main

    def answer(action: str, body: str):
        namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
        return lambda _response: f'<{action}Response xmlns="{namespace}"><requestId/>{body}</{action}Response>'

    off = "<internetGatewayBlockMode>off</internetGatewayBlockMode><state>default-state</state>"
    EC2Response.describe_vpc_block_public_access_options = answer(
        "DescribeVpcBlockPublicAccessOptions", f"<vpcBlockPublicAccessOptions>{off}</vpcBlockPublicAccessOptions>"
    )
    EC2Response.describe_vpc_block_public_access_exclusions = answer(
        "DescribeVpcBlockPublicAccessExclusions", "<vpcBlockPublicAccessExclusionSet/>"
    )
    main(["-H", "127.0.0.1", "-p", str(PORT)])


def stop(state: str) -> None:
    pid_file = Path(state) / "ec2.pid"
    if not pid_file.exists():
        return
    if is_ours(state):
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
        for _attempt in range(100):  # the next one needs its port
            if not answers():
                break
            time.sleep(0.1)
    pid_file.unlink()


def address_of(container: str) -> str:
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return subprocess.run(
        ["docker", "inspect", "--format", template, container], check=True, capture_output=True, text=True
    ).stdout.strip()


def launch(*containers: str) -> None:
    ec2 = client()
    for container in containers:
        address = address_of(container)
        found = ec2.describe_network_interfaces(Filters=[{"Name": "addresses.private-ip-address", "Values": [address]}])
        if found["NetworkInterfaces"]:
            continue
        subnet, group = network_for(ec2, address)
        instance = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "flask_site", "Value": "yes"}]}],
            NetworkInterfaces=[
                {"DeviceIndex": 0, "SubnetId": subnet, "PrivateIpAddress": address, "Groups": [group]},
            ],
        )["Instances"][0]
        # moto's Elastic IPs are loopback addresses; those that it makes up by itself are somebody's.
        address_id = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(InstanceId=instance["InstanceId"], AllocationId=address_id)
        print(f"{container}: {instance['InstanceId']}, {address}, in {group} ({GROUP}), which admits SSH alone")


def network_for(ec2, address: str) -> tuple[str, str]:
    """Return the ids of a subnet that holds the address, and of the group in its VPC; both are made where missing."""
    cidr = str(ipaddress.ip_network(f"{address}/16", strict=False))
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": [cidr]}, {"Name": "isDefault", "Values": ["false"]}])
    if vpcs["Vpcs"]:
        vpc = vpcs["Vpcs"][0]["VpcId"]
        in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
        groups = ec2.describe_security_groups(Filters=[*in_vpc, {"Name": "group-name", "Values": [GROUP]}])
        subnets = ec2.describe_subnets(Filters=in_vpc)
        return subnets["Subnets"][0]["SubnetId"], groups["SecurityGroups"][0]["GroupId"]
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=GROUP, Description="The web servers", VpcId=vpc)["GroupId"]
    ssh = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "SSH"}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh])
    lead_to_the_internet(ec2, vpc)
    return subnet, group


def lead_to_the_internet(ec2, vpc: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def rules() -> None:
    for group in client().describe_security_groups()["SecurityGroups"]:
        if group["GroupName"] == "default":
            continue
        for permission in group["IpPermissions"]:
            for source in permission["IpRanges"] + permission["Ipv6Ranges"] + permission["UserIdGroupPairs"]:
                whom = source.get("CidrIp") or source.get("CidrIpv6") or source.get("GroupId")
                what = f"{permission['IpProtocol']}/{permission.get('FromPort')}"
                why = source.get("Description", "no description")
                print(f"{group['GroupId']} ({group['GroupName']}): {what} from {whom}, {why}")


if __name__ == "__main__":
    commands = {"start": start, "launch": launch, "rules": rules, "serve": serve, "stop": stop}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
