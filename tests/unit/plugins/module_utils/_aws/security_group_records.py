# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups and interfaces as EC2 returns them, and the choices for hosts in them."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    choose_groups,
    describe_access,
    refuse_unknown,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead, Snapshot


def interface(
    id_="eni-1", address="10.0.0.5", groups=(("sg-web", "web"),), instance="i-1", index=0, vpc="vpc-1", public=""
):
    return {
        "NetworkInterfaceId": id_,
        "VpcId": vpc,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Groups": [{"GroupId": group_id, "GroupName": name} for group_id, name in groups],
        "Attachment": {"InstanceId": instance, "DeviceIndex": index, "Status": "attached"},
        **({"Association": {"PublicIp": public}} if public else {}),
    }


def wish(host="web1", instance_id="", address="10.0.0.5", group_id="", ports=(5000,), cidrs=("0.0.0.0/0",)):
    return {
        "host": host,
        "instance_id": instance_id,
        "address": address,
        "group_id": group_id,
        "ports": list(ports),
        "cidrs": list(cidrs),
        "description": "Flask Server",
    }


def permission(first=5000, last=5000, cidrs=("0.0.0.0/0",), protocol="tcp", cidrs_v6=(), description="whatever"):
    return {
        "IpProtocol": protocol,
        **({} if protocol == "-1" else {"FromPort": first, "ToPort": last}),
        "IpRanges": [{"CidrIp": cidr, "Description": description} for cidr in cidrs],
        "Ipv6Ranges": [{"CidrIpv6": cidr, "Description": description} for cidr in cidrs_v6],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }


def group(id_="sg-web", permissions=(), name="web"):
    return {
        "GroupId": id_,
        "GroupName": name,
        "Description": "The web servers",
        "VpcId": "vpc-1",
        "IpPermissions": list(permissions),
    }


# The entries of a prefix list that admits the whole Internet, and of one that may not be read.
LISTS = {
    ("Entries", "pl-all"): [{"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}],
    ("Entries", "pl-office"): [{"Cidr": "203.0.113.0/24"}],
    ("Entries", "pl-hidden"): NotRead("AWS refused ec2:GetManagedPrefixListEntries."),
}


def of_list(list_id, port=5000):
    return {**permission(port, port, cidrs=[]), "PrefixListIds": [{"PrefixListId": list_id}]}


def looked(wishes, interfaces, groups):
    """Return the choices as the module makes them."""
    return describe_access(refuse_unknown(choose_groups(wishes, interfaces), groups), groups, Snapshot(LISTS))


def choice(permissions=(), interfaces=None, groups=(), **asked):
    """Return the choice for one host whose own group has these rules."""
    groups = [group(permissions=permissions), *groups]
    return looked([wish(**asked)], interfaces or [interface()], groups)["web1"]
