"""The rules after the role, compared with those before it: the shared group has one more, and all else is the same."""

import json
import os
import pathlib

import boto3
import pytest

OURS = {
    ("ingress", "tcp", 5000, 5000, "0.0.0.0/0", "Flask Server"),
    ("ingress", "tcp", 5000, 5000, "2001:db8::/32", "Flask Server"),
}


@pytest.fixture(scope="module")
def before():
    return json.loads((pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "before.json").read_text())


@pytest.fixture(scope="module")
def after():
    client = boto3.client(
        "ec2",
        endpoint_url="http://127.0.0.1:15555",
        region_name="us-east-1",
        aws_access_key_id="molecule",
        aws_secret_access_key="molecule",
    )
    return client.describe_security_groups()["SecurityGroups"]


def rules(group):
    """Return all rules of a group as a set of tuples, one for each source."""
    found = set()
    for direction, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        for permission in group[key]:
            ports = (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"))
            for source in permission["IpRanges"]:
                found.add((direction, *ports, source["CidrIp"], source.get("Description")))
            for source in permission["Ipv6Ranges"]:
                found.add((direction, *ports, source["CidrIpv6"], source.get("Description")))
    return found


def by_id(groups):
    return {group["GroupId"]: group for group in groups}


def test_shared_group_has_only_the_new_rules_added(before, after):
    shared = before["shared"]
    assert rules(by_id(after)[shared]) - rules(by_id(before["groups"])[shared]) == OURS
    assert rules(by_id(before["groups"])[shared]) <= rules(by_id(after)[shared])


def test_other_groups_are_unchanged(before, after):
    """One group admits the port in two halves, one has the same name in another VPC, and VPCs have default groups."""
    others = {id_: group for id_, group in by_id(before["groups"]).items() if id_ != before["shared"]}
    assert len(others) >= 4
    for id_, group in others.items():
        assert rules(by_id(after)[id_]) == rules(group)


def test_no_group_was_made_renamed_or_described_again(before, after):
    def identity(groups):
        return {(group["GroupId"], group["GroupName"], group["Description"], group["VpcId"]) for group in groups}

    assert identity(after) == identity(before["groups"])
