"""Fill the local EC2 API for this scenario, and write its content into the folder argv[1], to compare it afterwards.

Prints {machine: instance id}.
"""

import contextlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "files" / "demo"))
import ec2  # noqa: E402  (the demo's local EC2 API)


def rule(protocol, first, last, cidr, description=None):
    source = {"CidrIp": cidr, **({"Description": description} if description else {})}
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, "IpRanges": [source]}


def launch(client, address, subnet, groups):
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": groups}
    if address:
        interface["PrivateIpAddress"] = address
    answer = client.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, NetworkInterfaces=[interface])
    return answer["Instances"][0]["InstanceId"]


def main(folder):
    ec2.stop(folder)
    with contextlib.redirect_stdout(sys.stderr):
        ec2.start(folder)
    client = ec2.client()
    addresses = {name: ec2.address_of(f"flasklaunch-molecule-{name}") for name in ("shared1", "shared2", "wide")}
    subnet, shared = ec2.network_for(client, addresses["shared1"])
    vpc = client.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    # Rules that are similar to the role's rule, but are other rules.
    client.authorize_security_group_ingress(
        GroupId=shared,
        IpPermissions=[
            rule("tcp", 5000, 5000, "10.0.0.0/8", "Ours, internal"),
            rule("udp", 5000, 5000, "0.0.0.0/0"),
            rule("tcp", 5001, 5010, "0.0.0.0/0", "Flask Server"),
            # side_effect.yml opens this port for other machines, and closes it as a former port.
            rule("tcp", 5021, 5021, "10.0.0.0/8", "Ours, internal"),
        ],
    )
    default = client.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"][0]["GroupId"]
    wide = client.create_security_group(GroupName="wide", Description="Wide open", VpcId=vpc)["GroupId"]
    everything = [rule("tcp", 0, 65535, "0.0.0.0/1"), rule("tcp", 0, 65535, "128.0.0.0/1")]
    everything[0]["Ipv6Ranges"] = [{"CidrIpv6": "::/0"}]
    client.authorize_security_group_ingress(GroupId=wide, IpPermissions=everything)
    # A group of the same name in another VPC, which no machine has.
    other_vpc = client.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    client.create_security_group(GroupName=ec2.GROUP, Description="Another one's", VpcId=other_vpc)
    instances = {
        "shared1": launch(client, addresses["shared1"], subnet, [shared]),
        "shared2": launch(client, addresses["shared2"], subnet, [default, shared]),
        "wide": launch(client, addresses["wide"], subnet, [default, wide]),
    }
    # A group whose name is a pattern, and another group whose name matches the pattern.
    star = client.create_security_group(GroupName="web*", Description="A pattern", VpcId=vpc)["GroupId"]
    client.create_security_group(GroupName="web-database", Description="Fits it", VpcId=vpc)
    pattern = launch(client, None, subnet, [star])
    before = client.describe_security_groups()["SecurityGroups"]
    kept = {"shared": shared, "pattern": pattern, "groups": before}
    (pathlib.Path(folder) / "before.json").write_text(json.dumps(kept))
    json.dump(instances, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
