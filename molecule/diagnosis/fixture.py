"""Fill the local EC2 API for this scenario: with a group that allows all clients to the machine's port."""

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
    _subnet, group = ec2.network_for(client, ec2.address_of(MACHINE))
    port = {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client.authorize_security_group_ingress(GroupId=group, IpPermissions=[port])


if __name__ == "__main__":
    main(sys.argv[1])
