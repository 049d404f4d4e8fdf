"""Fill the local EC2 API for this scenario: a network in which nothing keeps clients from the machine."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "files" / "demo"))
import ec2  # noqa: E402  (the demo's local EC2 API)

MACHINE = "flasklaunch-molecule-diagnosis-patient"


def main(folder):
    ec2.stop(folder)
    ec2.start(folder)
    ec2.launch(MACHINE)
    client = ec2.client()
    subnet, group = ec2.network_for(client, ec2.address_of(MACHINE))
    vpc = client.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = client.describe_route_tables(Filters=in_vpc)["RouteTables"][0]["RouteTableId"]
    client.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    port = {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client.authorize_security_group_ingress(GroupId=group, IpPermissions=[port])


if __name__ == "__main__":
    main(sys.argv[1])
