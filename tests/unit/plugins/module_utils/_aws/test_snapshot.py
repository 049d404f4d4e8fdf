# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look-ups in the answers of describe calls, and the messages if a record is missing."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Snapshot,
    not_shown,
    own_addresses,
    public_addresses,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import World

OWN = {"PublicIp": "198.51.100.20", "IpOwnerId": "123456789012"}
OF_EC2 = {"PublicIp": "198.51.100.30", "IpOwnerId": "amazon"}
SECONDARY = {"PrivateIpAddress": "10.0.1.11", "Primary": False, "Association": OF_EC2}
# DescribeInstances shows the association in both places. So does DescribeNetworkInterfaces, except that of moto.
ADDRESSES = [SECONDARY, {"PrivateIpAddress": "10.0.1.10", "Primary": True, "Association": OWN}]
INTERFACE = {"PrivateIpAddress": "10.0.1.10", "Association": OWN, "PrivateIpAddresses": ADDRESSES}
WITHOUT = {key: value for key, value in ADDRESSES[1].items() if key != "Association"}
BOTH = [("198.51.100.20", "10.0.1.10", True), ("198.51.100.30", "10.0.1.11", False)]


@pytest.mark.parametrize("listed", [ADDRESSES, [SECONDARY, WITHOUT]], ids=["in both places", "in one"])
def test_the_primary_address_comes_first_wherever_it_is_listed(listed):
    interface = dict(INTERFACE, PrivateIpAddresses=listed)
    assert own_addresses(interface, "ipv4") == ["10.0.1.10", "10.0.1.11"]
    assert public_addresses(interface) == BOTH


def test_an_interface_of_ipv6_alone_has_no_private_address():
    """AWS leaves out empty keys."""
    interface = {"Ipv6Addresses": [{"Ipv6Address": "2600::1"}]}
    assert own_addresses(interface, "ipv4") == []
    assert public_addresses(interface) == []
    assert own_addresses(interface, "ipv6") == ["2600::1"]
    assert own_addresses(INTERFACE, "ipv6") == []


def test_the_association_of_a_carrier_gateway_is_no_public_address():
    assert public_addresses(dict(INTERFACE, Association={"CarrierIp": "198.51.100.40"}, PrivateIpAddresses=[])) == []


@pytest.mark.parametrize("state", ["associated", "associating", None])
def test_a_route_table_counts_from_when_it_is_being_associated(state):
    world = World()
    association = world.table("rtb-public")["Associations"][0]
    association.pop("AssociationState")
    if state:
        association["AssociationState"] = {"State": state}
    assert Snapshot(world.answers()).route_table("subnet-a", "vpc-1")["RouteTableId"] == "rtb-public"


def test_a_subnet_may_have_addresses_of_one_family_alone():
    world = World()
    world["Subnets"] = [{"SubnetId": "subnet-4", "CidrBlock": "10.0.1.0/24"}]
    snapshot = Snapshot(world.answers())
    assert snapshot.subnet_space("subnet-4", "ipv4") == addresses(["10.0.1.0/24"], "ipv4")
    assert not snapshot.subnet_space("subnet-4", "ipv6")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda nothing: nothing.all("Subnets"), "Subnets of the VPC were not asked for."),
        (lambda nothing: nothing.all("Entries", "pl-1"), "Entries of pl-1 were not asked for."),
    ],
)
def test_unknown_records_are_reported(ask, words):
    with pytest.raises(NotRead) as error:
        ask(Snapshot({}))
    assert str(error.value) == words


def test_groups_that_are_not_shown_are_named():
    said = "Of the attached groups DescribeSecurityGroups does not show sg-1, sg-2 to this user: more may come in."
    assert str(not_shown(["sg-1", "sg-2"])) == said
