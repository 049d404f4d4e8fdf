# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against a local EC2 API, and with botocore's Stubber if the local API cannot answer as AWS does."""

from __future__ import annotations

import http.server
import json
import pathlib
import sys
import threading

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.flasklaunch.ec2.plugins.modules import reachability
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import (
    KEYS,
    REGION,
    client_of,
    counted,
    share_session,
    without_aws,
)
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

POLICY = pathlib.Path(__file__).resolve().parents[4] / "files" / "iam-policy.json"
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
DENY = {"RuleAction": "deny", "Protocol": "6", "PortRange": {"From": 5000, "To": 5000}, "CidrBlock": "0.0.0.0/0"}


@pytest.fixture
def run(capsys):
    return lambda **arguments: outcome(reachability.main, capsys, arguments)


@pytest.fixture
def ask(site, run):
    """Runs the module, by default for the site's instance."""

    def ask(**arguments):
        if not {"address", "load_balancer_arn"} & set(arguments):
            arguments.setdefault("instance_id", site.instance)
        return run(**dict(site.options, **arguments))

    return ask


def hop(result, name):
    return next(each for each in result["hops"] if each["hop"] == name)


def test_a_site_that_is_reachable(ask, site, public_access):
    result = ask()
    assert (result["verdict"], result["broken_hops"], result["changed"]) == ("reachable", [], False)
    assert result["target"]["public_address"] == site.address
    assert {each["verdict"] for each in result["hops"]} == {"ok"}


def test_check_mode_says_the_same(ask, public_access):
    assert ask(_ansible_check_mode=True) == ask()


def test_D16_an_unsupported_call_makes_a_hop_unknown(ask, site):
    """moto has no VPC Block Public Access."""
    result = ask()
    assert (result["verdict"], result["failed"]) == ("unknown", False)
    assert site.endpoint in hop(result, "block_public_access")["evidence"]
    assert [each["hop"] for each in result["hops"] if each["verdict"] != "ok"] == ["block_public_access"]


def close(site):
    site.close()


def another_port(site):
    site.close()
    site.open(site.group, 5001)


def stop(site):
    site.ec2.stop_instances(InstanceIds=[site.instance])


def acl_in(site):
    site.ec2.create_network_acl_entry(NetworkAclId=site.acl, RuleNumber=50, Egress=False, **DENY)


def acl_out(site):
    rule = dict(DENY, PortRange={"From": 1024, "To": 65535})
    site.ec2.create_network_acl_entry(NetworkAclId=site.acl, RuleNumber=50, Egress=True, **rule)


def no_route(site):
    site.ec2.delete_route(RouteTableId=site.table, DestinationCidrBlock="0.0.0.0/0")


def nat(site):
    gateway = site.ec2.create_nat_gateway(SubnetId=site.subnet, ConnectivityType="private")["NatGateway"]
    no_route(site)
    site.ec2.create_route(
        RouteTableId=site.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway["NatGatewayId"]
    )


def main_table(site):
    site.ec2.disassociate_route_table(AssociationId=site.association)


def detach(site):
    site.ec2.detach_internet_gateway(InternetGatewayId=site.gateway, VpcId=site.vpc)


def release(site):
    (held,) = site.ec2.describe_addresses()["Addresses"]
    site.ec2.disassociate_address(AssociationId=held["AssociationId"])


# Faults, the hops that each breaks, and whether the first hop's fix is a command that can be run without changes.
FAULTS = [
    (close, ["security_group"], True),
    (another_port, ["security_group"], True),
    (stop, ["instance_state"], True),
    (acl_in, ["nacl_ingress"], True),
    (acl_out, ["nacl_egress"], True),
    (no_route, ["route"], True),
    (nat, ["route"], True),
    (main_table, ["route"], True),
    (detach, ["internet_gateway", "route"], True),
    (release, ["public_address"], False),
]


@pytest.mark.parametrize(("spoil", "broken", "can_be_run"), FAULTS, ids=lambda each: getattr(each, "__name__", ""))
def test_one_fault_is_named_and_its_fix_works(ask, site, public_access, spoil, broken, can_be_run):
    spoil(site)
    result = ask()
    assert (result["verdict"], result["broken_hops"]) == ("unreachable", broken)
    assert hop(result, broken[0])["fix"] in result["summary"]
    if can_be_run:
        site.aws(hop(result, broken[0])["fix"])
        assert ask()["verdict"] == "reachable"


def test_two_faults_are_both_named(ask, site, public_access):
    close(site)
    acl_in(site)
    no_route(site)
    result = ask()
    assert result["broken_hops"] == ["nacl_ingress", "security_group", "route"]
    for each in result["broken_hops"]:
        site.aws(hop(result, each)["fix"])
    assert ask()["verdict"] == "reachable"


def test_D18_a_rule_for_another_client(ask, site, public_access):
    close(site)
    site.open(site.group, 5000, IpRanges=[{"CidrIp": "203.0.113.7/32"}])
    assert ask(source="203.0.113.7/32")["verdict"] == "reachable"
    result = ask(source="198.51.100.7/32")
    assert result["verdict"] == "unreachable"
    assert f"tcp/5000 is open to 203.0.113.7/32 ({site.group})" in hop(result, "security_group")["evidence"]
    assert ask()["verdict"] == "partial"


def test_a_managed_prefix_list(ask, site, public_access):
    close(site)
    made = site.ec2.create_managed_prefix_list(
        PrefixListName="office", AddressFamily="IPv4", MaxEntries=5, Entries=[{"Cidr": "203.0.113.0/24"}]
    )
    site.open(site.group, 5000, PrefixListIds=[{"PrefixListId": made["PrefixList"]["PrefixListId"]}])
    assert ask(source="203.0.113.7/32")["verdict"] == "reachable"
    assert ask(source="198.51.100.7/32")["verdict"] == "unreachable"


def test_a_group_of_a_peered_vpc(ask, site, public_access):
    close(site)
    other = site.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = site.ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    group = site.ec2.create_security_group(GroupName="peer", Description="peer", VpcId=other)["GroupId"]
    site.open(site.group, 5000, UserIdGroupPairs=[{"GroupId": group, "VpcId": other, "UserId": "123456789012"}])
    result = ask(source="10.9.1.7/32")
    assert "the client may be one of them" in hop(result, "security_group")["evidence"]
    site.ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress="10.9.1.7")
    assert hop(ask(source="10.9.1.7/32"), "security_group")["verdict"] == "ok"
    assert hop(ask(source="10.9.1.8/32"), "security_group")["verdict"] == "broken"


def test_the_union_of_all_groups(ask, site, public_access):
    close(site)
    spare = site.add_group("spare", 5000)
    result = ask()
    assert f"{spare} (spare) would admit it, but is not attached" in hop(result, "security_group")["evidence"]
    site.ec2.modify_network_interface_attribute(NetworkInterfaceId=site.interface, Groups=[site.group, spare])
    assert ask()["verdict"] == "reachable"


def test_an_elastic_ip_by_itself(ask, site, public_access):
    result = ask(address=site.address)
    assert (result["verdict"], result["target"]["instance_id"]) == ("reachable", site.instance)


def test_an_elastic_ip_of_a_second_interface(ask, site, public_access):
    closed = site.add_group("closed")
    asked = {"SubnetId": site.subnet, "Groups": [closed], "PrivateIpAddress": "10.0.1.100"}
    second = site.ec2.create_network_interface(**asked)["NetworkInterface"]
    second_id = second["NetworkInterfaceId"]
    site.ec2.attach_network_interface(NetworkInterfaceId=second_id, InstanceId=site.instance, DeviceIndex=1)
    held = site.ec2.allocate_address(Domain="vpc")
    site.ec2.associate_address(AllocationId=held["AllocationId"], NetworkInterfaceId=second_id)
    result = ask(address=held["PublicIp"])
    assert (result["target"]["interface_id"], result["target"]["instance_id"]) == (second_id, site.instance)
    assert result["broken_hops"] == ["security_group"]
    assert ask(address=site.address)["verdict"] == "reachable"


def test_D22_a_private_address(ask, site, public_access):
    private = ask()["target"]["private_address"]
    result = ask(address=private)
    assert result["broken_hops"] == ["public_address"]
    assert hop(result, "public_address")["fix"] == f"Use {site.address} instead of {private}."
    assert ask(address=private, source="10.0.0.0/16")["verdict"] == "reachable"


def test_an_elastic_ip_that_is_not_associated(ask, site, public_access):
    release(site)
    result = ask(address=site.address)
    assert hop(result, "public_address")["code"] == "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"


@pytest.mark.parametrize(
    "target",
    [
        {"instance_id": "i-0123456789abcdef0"},
        {"instance_id": "nonsense"},
        {"address": "127.99.99.99"},
        {"address": "10.0.9.9"},
        {"load_balancer_arn": ARN + "loadbalancer/app/x/0123456789abcdef"},
        {"load_balancer_arn": "nonsense"},
    ],
    ids=str,
)
def test_a_target_that_does_not_exist_is_unreachable(ask, target):
    result = ask(**target)
    assert (result["verdict"], result["failed"]) == ("unreachable", False)
    assert result["first_broken_hop"] == "target_exists"
    assert hop(result, "target_exists")["code"] == "NO_SOURCE_OR_DESTINATION"
    assert f"in region {REGION} of account 123456789012" in hop(result, "target_exists")["evidence"]
    assert next(iter(target.values())) in result["summary"]


@pytest.mark.parametrize("kind", ["application", "network"])
def test_a_load_balancer(ask, site, public_access, kind):
    arn = site.add_load_balancer(kind)
    result = ask(load_balancer_arn=arn, port=80)
    assert (result["verdict"], result["broken_hops"]) == ("reachable", [])
    assert result["target"]["dns_name"]
    # The targets of an Application Load Balancer see only its nodes.
    close(site)
    assert ask(load_balancer_arn=arn, port=80)["broken_hops"] == ["security_group"]
    site.open(site.group, 5000, UserIdGroupPairs=[{"GroupId": site.balancer_group}])
    assert ask(load_balancer_arn=arn, port=80)["verdict"] == "reachable"


def test_a_load_balancer_s_faults(ask, site, public_access):
    arn = site.add_load_balancer()
    site.open(site.balancer_group, 443)
    assert ask(load_balancer_arn=arn, port=443)["broken_hops"] == ["lb_listener"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    site.ec2.revoke_security_group_egress(GroupId=site.balancer_group, IpPermissions=everything)
    result = ask(load_balancer_arn=arn, port=80)
    assert result["broken_hops"] == ["lb_security_group_egress"]
    site.aws(hop(result, "lb_security_group_egress")["fix"])
    assert ask(load_balancer_arn=arn, port=80)["verdict"] == "reachable"
    site.ec2.stop_instances(InstanceIds=[site.instance])
    result = ask(load_balancer_arn=arn, port=80)
    assert result["first_broken_hop"] == "target_health"
    assert (
        hop(result, "target_health")["fix"]
        == f"aws ec2 start-instances --region {REGION} --instance-ids {site.instance}"
    )
    site.elbv2.deregister_targets(TargetGroupArn=site.targets, Targets=[{"Id": site.instance}])
    assert ask(load_balancer_arn=arn, port=80)["first_broken_hop"] == "target_group"


def test_only_describe_calls_and_few_of_them(ask, site, public_access, monkeypatch):
    arn = site.add_load_balancer()
    calls = counted(monkeypatch)
    ask()
    assert len(calls) <= 9
    assert all(each.startswith("Describe") for each in calls)
    calls.clear()
    ask(load_balancer_arn=arn, port=80)
    assert len(calls) <= 13
    assert all(each.startswith("Describe") for each in calls)


def user_with(site, actions):
    """Make a user with only these permissions, and let moto enforce them."""
    iam = site.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="reader", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


@pytest.fixture
def enforced(monkeypatch):
    """IAM in moto, switched on when called."""
    from moto import settings

    return lambda: monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)


def reading_actions():
    statements = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
    actions = [action for each in statements for action in each["Action"]]
    return [each for each in actions if each.split(":")[1].startswith(("Describe", "Get"))]


def test_the_shipped_policy_is_enough(ask, site, public_access, enforced):
    arn = site.add_load_balancer()
    keys = user_with(site, reading_actions())
    enforced()
    assert ask(**keys)["verdict"] == "reachable"
    assert ask(address=site.address, **keys)["verdict"] == "reachable"
    assert ask(load_balancer_arn=arn, port=80, **keys)["verdict"] == "reachable"


@pytest.mark.parametrize(
    ("action", "hops"),
    [
        ("ec2:DescribeInstances", ["target_exists"]),
        ("ec2:DescribeSecurityGroups", ["security_group"]),
        ("ec2:DescribeNetworkAcls", ["nacl_ingress", "nacl_egress"]),
        ("ec2:DescribeRouteTables", ["route"]),
        ("ec2:DescribeInternetGateways", ["internet_gateway", "route"]),
    ],
)
def test_D16_a_missing_permission_is_named(ask, site, public_access, enforced, action, hops):
    keys = user_with(site, [each for each in reading_actions() if each != action])
    enforced()
    result = ask(**keys)
    assert (result["verdict"], result["failed"]) == ("unknown", False)
    assert [each["hop"] for each in result["hops"] if each["verdict"] == "unknown"] == hops
    # The local EC2 API does not name the policy.
    for words in (hop(result, hops[0])["evidence"], result["summary"]):
        assert f"AWS refused {action} in region {REGION}, account 123456789012: User: arn:aws:iam:" in words
        assert f"(AccessDenied). Most often no policy of this user or role allows {action}: add" in words


# With botocore's Stubber, which also checks that AWS could give these answers.

SUBNET, VPC, INTERFACE, GROUP = "subnet-1", "vpc-1", "eni-1", "sg-1"
ANSWERS = {
    "describe_instances": {
        "Reservations": [
            {
                "Instances": [
                    {
                        "InstanceId": "i-1",
                        "State": {"Name": "running", "Code": 16},
                        "NetworkInterfaces": [
                            {
                                "NetworkInterfaceId": INTERFACE,
                                "SubnetId": SUBNET,
                                "VpcId": VPC,
                                "Groups": [{"GroupId": GROUP, "GroupName": "web"}],
                                "PrivateIpAddress": "10.0.1.5",
                                "Association": {"PublicIp": "198.51.100.20", "IpOwnerId": "amazon"},
                                "Attachment": {"DeviceIndex": 0, "Status": "attached"},
                            }
                        ],
                    }
                ]
            }
        ]
    },
    "describe_internet_gateways": {
        "InternetGateways": [
            {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": VPC, "State": "available"}]},
        ]
    },
    "describe_network_acls": {
        "NetworkAcls": [
            {
                "NetworkAclId": "acl-1",
                "VpcId": VPC,
                "IsDefault": True,
                "Associations": [{"SubnetId": SUBNET}],
                "Entries": [
                    {"Egress": e, "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100, "CidrBlock": "0.0.0.0/0"}
                    for e in (True, False)
                ],
            }
        ]
    },
    "describe_route_tables": {
        "RouteTables": [
            {
                "RouteTableId": "rtb-1",
                "VpcId": VPC,
                "Associations": [{"Main": True}],
                "Routes": [
                    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                    {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
                ],
            }
        ]
    },
    "describe_security_groups": {
        "SecurityGroups": [
            {
                "GroupId": GROUP,
                "GroupName": "web",
                "VpcId": VPC,
                "IpPermissions": [
                    {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                ],
            }
        ]
    },
    "describe_vpc_block_public_access_options": {"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off"}},
}
BLOCKED = {"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "block-bidirectional"}}


def exclusions(mode):
    arn = f"arn:aws:ec2:us-east-1:123456789012:vpc/{VPC}"
    one = {"ExclusionId": "x-1", "InternetGatewayExclusionMode": mode, "ResourceArn": arn, "State": "create-complete"}
    return {"VpcBlockPublicAccessExclusions": [one]}


@pytest.fixture
def stubbed(monkeypatch, run):
    """Runs the module against a list of answers. An answer may be an error code, or a code and AWS's message."""
    without_aws(monkeypatch)
    # A test does not wait between the retries after throttling.
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    clients = {service: client_of(service, "http://127.0.0.1:1") for service in ("ec2", "elbv2", "sts")}
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda _self, service, **_keywords: clients[service])

    def stubbed(answers, service="ec2", **arguments):
        stubber = Stubber(clients[service])
        for operation, answer in answers:
            if isinstance(answer, str):
                answer = (answer, f"{answer} was said")
            if isinstance(answer, tuple):
                stubber.add_client_error(operation, *answer, 400)
            else:
                stubber.add_response(operation, answer)
        with stubber:
            result = run(**dict(KEYS, region=REGION, **(arguments or {"instance_id": "i-1"})))
        stubber.assert_no_pending_responses()
        return result

    return stubbed


def in_order(**changes):
    return [(operation, changes.get(operation, answer)) for operation, answer in ANSWERS.items()]


def test_stubbed_healthy_site(stubbed):
    result = stubbed(in_order())
    assert result["verdict"] == "reachable"
    assert "198.51.100.20 is not an Elastic IP" in result["notes"][0]


@pytest.mark.parametrize(
    ("excluded", "verdict"), [("allow-bidirectional", "reachable"), ("allow-egress", "unreachable")]
)
def test_D21_block_public_access_and_its_exclusions(stubbed, excluded, verdict):
    answers = in_order(describe_vpc_block_public_access_options=BLOCKED)
    result = stubbed([*answers, ("describe_vpc_block_public_access_exclusions", exclusions(excluded))])
    assert result["verdict"] == verdict
    assert result["broken_hops"] == ([] if verdict == "reachable" else ["block_public_access"])


def test_block_public_access_that_may_not_be_read(stubbed):
    result = stubbed(in_order(describe_vpc_block_public_access_options="UnauthorizedOperation"))
    assert result["verdict"] == "unknown"
    assert "AWS refused ec2:DescribeVpcBlockPublicAccessOptions in region us-east-1: " in result["summary"]


def test_a_botocore_that_does_not_know_block_public_access(stubbed, monkeypatch):
    class Old:
        def __init__(self, client):
            self.client = client

        def __getattr__(self, name):
            if "block_public_access" in name:
                raise AttributeError(name)
            return getattr(self.client, name)

    make = AnsibleAWSModule.client
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda self, service: Old(make(self, service)))
    result = stubbed(in_order()[:-1])
    assert result["verdict"] == "unknown"
    assert "Update boto3" in hop(result, "block_public_access")["evidence"]


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling", "ThrottlingException", "ServiceUnavailable"])
def test_throttling_is_waited_out(stubbed, code):
    answers = in_order()
    throttled = [(answers[0][0], code)] * 3 + answers[:1] + [(answers[1][0], code)] + answers[1:]
    assert stubbed(throttled)["verdict"] == "reachable"


def test_throttling_without_end_is_unknown(stubbed):
    first, *rest = in_order()
    throttled = [first, *rest[:3], *[("describe_security_groups", "RequestLimitExceeded")] * 10, rest[-1]]
    result = stubbed(throttled)
    assert result["verdict"] == "unknown"
    assert "RequestLimitExceeded" in hop(result, "security_group")["evidence"]


def test_pages_are_read_to_the_end(stubbed):
    answers = in_order()
    empty = {"SecurityGroups": [], "NextToken": "more"}
    where = next(at for at, (operation, _answer) in enumerate(answers) if operation == "describe_security_groups")
    answers.insert(where, ("describe_security_groups", empty))
    assert stubbed(answers)["verdict"] == "reachable"


@pytest.mark.parametrize("code", ["AuthFailure", "RequestExpired", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_credentials_that_aws_does_not_accept(stubbed, code):
    result = stubbed([("describe_instances", code)])
    assert result["failed"]
    assert f"AWS refused ec2:DescribeInstances in region us-east-1: {code} was said ({code}). " in result["msg"]
    assert result["msg"].endswith(result["fix"])
    assert "Give a profile" not in result["fix"]
    assert result["error"] == {"code": code, "message": f"{code} was said"}


def test_an_explicit_deny_is_not_a_missing_permission(stubbed):
    words = "not authorized to perform: ec2:DescribeInstances with an explicit deny in a service control policy"
    result = stubbed([("describe_instances", ("UnauthorizedOperation", words))])
    assert result["verdict"] == "unknown"
    assert words in result["summary"]
    assert "A service control policy of your AWS organization denies ec2:DescribeInstances" in result["summary"]


def test_boto3_is_missing(run, monkeypatch):
    without_aws(monkeypatch)
    monkeypatch.setattr("ansible_collections.amazon.aws.plugins.module_utils.botocore.HAS_BOTO3", False)
    result = run(instance_id="i-1", region=REGION, **KEYS)
    assert result["failed"]
    assert "Failed to import the required Python library (botocore and boto3)" in result["msg"]
    assert f"{sys.executable} -m pip install boto3." in result["fix"]
    assert "Give a profile" not in result["msg"]


def test_the_life_of_a_target(stubbed, monkeypatch):
    """From its registration to its end, which the local EC2 API does not simulate."""
    balancer = {
        "LoadBalancerArn": ARN + "loadbalancer/app/web/1",
        "LoadBalancerName": "web",
        "Type": "application",
        "Scheme": "internet-facing",
        "VpcId": VPC,
        "State": {"Code": "active"},
        "AvailabilityZones": [{"SubnetId": SUBNET}],
        "SecurityGroups": [GROUP],
    }
    forward = [{"Type": "forward", "TargetGroupArn": ARN + "targetgroup/app/1"}]
    listener = {"ListenerArn": ARN + "listener/app/web/1/1", "Port": 80, "Protocol": "HTTP", "DefaultActions": forward}
    group = {
        "TargetGroupArn": ARN + "targetgroup/app/1",
        "TargetGroupName": "app",
        "Port": 5000,
        "TargetType": "lambda",
    }

    def answers(health):
        found = [{"Target": {"Id": "i-1", "Port": 5000}, "TargetHealth": health}]
        return [
            ("describe_load_balancers", {"LoadBalancers": [balancer]}),
            ("describe_listeners", {"Listeners": [listener]}),
            ("describe_rules", {"Rules": [{"IsDefault": True, "Actions": forward}]}),
            ("describe_target_groups", {"TargetGroups": [group]}),
            ("describe_target_health", {"TargetHealthDescriptions": found}),
        ]

    life = [
        ({"State": "initial", "Reason": "Elb.RegistrationInProgress"}, "target_health", "x-ELBV2_TARGET_INITIAL"),
        ({"State": "unhealthy", "Reason": "Target.Timeout"}, "target_health", "x-ELBV2_TARGET_UNHEALTHY"),
        ({"State": "healthy"}, None, None),
        ({"State": "unused", "Reason": "Target.InvalidState"}, "target_health", "BAD_STATE"),
        ({"State": "draining"}, "target_group", "ELBV2_LISTENER_HAS_NO_TG"),
    ]
    # The VPC's records may not be read. That must not hide the target.
    monkeypatch.setattr(reachability, "Describe", only_of("elbv2", reachability.Describe))
    for health, broken, code in life:
        result = stubbed(answers(health), "elbv2", load_balancer_arn=balancer["LoadBalancerArn"], port=80)
        assert result["first_broken_hop"] == broken, health
        if broken:
            assert hop(result, broken)["code"] == code


def only_of(service, describe):
    from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead

    class Only(describe):
        def __call__(self, asked, operation, answer, **arguments):
            if asked != service:
                raise NotRead(f"{operation} is not answered here")
            return super().__call__(asked, operation, answer, **arguments)

    return Only


def test_without_credentials(run, monkeypatch):
    without_aws(monkeypatch)
    result = run(instance_id="i-1", region=REGION, endpoint_url="http://127.0.0.1:1")
    assert result["failed"]
    assert "Unable to locate credentials" in result["msg"]
    assert "profile" in result["msg"]


def test_without_a_region(run, monkeypatch):
    without_aws(monkeypatch)
    result = run(instance_id="i-1", **KEYS)
    assert result["failed"]
    assert "region" in result["msg"]


def test_a_region_that_does_not_exist(run, monkeypatch):
    without_aws(monkeypatch)

    def nowhere(_self, _operation, _arguments):
        raise EndpointConnectionError(endpoint_url="https://ec2.us-nowhere-1.amazonaws.com/")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", nowhere)
    result = run(instance_id="i-1", region="us-nowhere-1", **KEYS)
    assert result["failed"]
    assert "ec2:DescribeInstances in region us-nowhere-1: Could not connect to the endpoint" in result["msg"]
    assert result["fix"].startswith("Check the name of the region.")


def test_an_endpoint_where_nothing_listens(run, monkeypatch):
    without_aws(monkeypatch)
    result = run(instance_id="i-1", region=REGION, endpoint_url="http://127.0.0.1:1", **KEYS)
    assert result["failed"]
    assert "Could not connect to the endpoint" in result["msg"]
    assert "they name http://127.0.0.1:1/, where nothing answers" in result["fix"]


@pytest.fixture
def nonsense():
    """A web server that is not AWS. It answers what the test sets."""

    class Handler(http.server.BaseHTTPRequestHandler):
        status, body = 200, b""

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(Handler.status)
            self.send_header("Content-Length", str(len(Handler.body)))
            self.end_headers()
            self.wfile.write(Handler.body)

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Handler, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


XML = b'<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">%s</DescribeInstancesResponse>'
ITEM = XML % b"<reservationSet><item><instancesSet><item>%s</item></instancesSet></item></reservationSet>"


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Welcome</title>",
        b"<html><body>Welcome</body></html>",
        b'{"answer": 42}',
        b"\xff\xfe\x00",
        XML % b"",
        ITEM % b"",
        ITEM % b"<instanceId>i-1</instanceId>",
        ITEM % b"<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState><networkInterfaceSet>"
        b"<item/></networkInterfaceSet>",
    ],
)
def test_an_endpoint_that_answers_nonsense(run, monkeypatch, nonsense, body, status):
    without_aws(monkeypatch)
    share_session(monkeypatch)
    handler, url = nonsense
    handler.status, handler.body = status, body
    result = run(instance_id="i-1", region=REGION, endpoint_url=url, **KEYS)
    if result["failed"]:
        assert url in result["msg"] or "could not be asked" in result["msg"]
    else:
        assert result["verdict"] in ("unknown", "unreachable")
        assert result["first_broken_hop"] in (None, "target_exists", "instance_state")
        assert all(each["verdict"] != "ok" for each in result["hops"][1:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "one of the following is required"),
        ({"instance_id": "i-1", "address": "203.0.113.9"}, "mutually exclusive"),
        ({"instance_id": "i-1", "port": 99999}, "port: 99999 is not within 1 to 65535"),
        ({"instance_id": "i-1", "source": "203.0.113.7"}, "source: 203.0.113.7 has no prefix length"),
        ({"instance_id": "i-1", "protocol": "icmp"}, "protocol"),
        ({"address": "example.org"}, "address: 'example.org'"),
    ],
)
def test_invalid_options_are_refused(run, monkeypatch, arguments, words):
    without_aws(monkeypatch)
    result = run(region=REGION, **KEYS, **arguments)
    assert result["failed"]
    assert words in result["msg"]
