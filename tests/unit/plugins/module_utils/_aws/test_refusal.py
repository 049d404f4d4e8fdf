# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's texts were published by users (names changed). botocore's texts come from its own exceptions."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws import refusal as refusals
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.refusal import refusal_of

ACTION, REGION = "ec2:DescribeInstances", "eu-central-1"
USER = "arn:aws:iam::123456789012:user/kim"
ROLE = "arn:aws:sts::210987654321:assumed-role/deploy/kim"
ENCODED = " Encoded authorization failure message: 0l-KPWQJ8q5z3YatP3Ybgb5lf0dibDhN6KaE3jQ5Bu4hNkP1BxfK"
SCP = "arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p-0xn1knc2"


def client_error(code, message, operation="DescribeInstances"):
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, operation)


def denied(why, who=USER, action=ACTION):
    words = "You are not authorized to perform this operation."
    return client_error("UnauthorizedOperation", f"{words} User: {who} is not authorized to perform: {action} {why}")


def asked(error, **keywords):
    return refusal_of(error, **{"action": ACTION, "region": REGION, **keywords})


def test_a_refusal_has_aws_s_message_region_and_account():
    found = asked(denied("because no identity-based policy allows the ec2:DescribeInstances action"))
    assert found.what == (
        "AWS refused ec2:DescribeInstances in region eu-central-1, account 123456789012: You are not authorized to"
        f" perform this operation. User: {USER} is not authorized to perform: ec2:DescribeInstances because no"
        " identity-based policy allows the ec2:DescribeInstances action (UnauthorizedOperation)."
    )
    assert found.advice == "No policy of this user or role allows ec2:DescribeInstances: add this permission to one."
    assert (found.code, found.account) == ("UnauthorizedOperation", "123456789012")


@pytest.mark.parametrize(
    ("policy", "subject", "owner"),
    [
        ("a service control policy", "A service control policy of your AWS organization", "the organization's"),
        (f"a service control policy: {SCP}", "A service control policy of your AWS organization", "the organization's"),
        ("a resource control policy", "A resource control policy of your AWS organization", "the organization's"),
        ("an identity-based policy", "A policy of this user, its groups or this role", "the account's administrator"),
        ("a permissions boundary", "The permissions boundary of this user or role", "the account's administrator"),
        ("a resource-based policy", "The policy of the resource itself", "the resource's owner"),
        ("a session policy", "The session policy that", "whoever creates the credentials"),
        ("a VPC endpoint policy", "The policy of the VPC endpoint", "whoever manages the VPC endpoint"),
        ("the role trust policy", "The trust policy of the role", "the role's owner"),
    ],
)
def test_an_explicit_deny_is_no_missing_permission(policy, subject, owner):
    found = asked(denied(f"with an explicit deny in {policy}.{ENCODED}", ROLE))
    assert found.kind == refusals.EXPLICIT_DENY
    assert found.advice.startswith(subject)
    assert "denies ec2:DescribeInstances explicitly" in found.advice
    assert "adding a permission does not help" in found.advice
    assert f"Ask {owner}" in found.advice
    assert f"with an explicit deny in {policy} (UnauthorizedOperation)." in found.what
    assert "Encoded" not in str(found)
    assert found.account == "210987654321"


@pytest.mark.parametrize(
    ("policy", "advice"),
    [
        ("identity-based policy", "add this permission to one"),
        ("service control policy", "A service control policy of your AWS organization does not allow"),
        ("permissions boundary", "The permissions boundary of this user or role does not allow"),
        ("session policy", "these temporary credentials were created with does not allow"),
        ("VPC endpoint policy", "that the request goes through does not allow"),
    ],
)
def test_a_permission_that_no_policy_gives_is_added_to_that_policy(policy, advice):
    found = asked(denied(f"because no {policy} allows the ec2:DescribeInstances action"))
    assert found.kind == refusals.DENIED
    assert advice in found.advice
    assert "explicitly" not in found.advice


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"])
def test_no_policy_is_blamed_if_aws_does_not_name_one(code):
    found = asked(client_error(code, "You are not authorized to perform this operation."), account="123456789012")
    assert found.kind == refusals.DENIED
    assert "in region eu-central-1, account 123456789012" in found.what
    assert found.advice.startswith("Most often no policy of this user or role allows ec2:DescribeInstances: add")
    assert "another one denies it" in found.advice
    encoded = asked(client_error(code, "You are not authorized to perform this operation." + ENCODED))
    assert "decode-authorization-message" in encoded.advice


@pytest.mark.parametrize(
    ("code", "message", "kind", "advice"),
    [
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            refusals.BAD_KEY,
            "AWS does not know this access key",
        ),
        (
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
            refusals.BAD_KEY_OR_REGION,
            "or the account has not enabled region eu-central-1",
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
            " Access Key and signing method. Consult the service documentation for details.",
            refusals.BAD_SECRET,
            "The secret key does not belong to the access key",
        ),
        (
            "SignatureDoesNotMatch",
            "Signature expired: 20261128T150000Z is now earlier than 20261128T194500Z (20261128T195000Z - 5 min.)",
            refusals.CLOCK,
            "The clock of this machine is wrong",
        ),
        ("RequestExpired", "Request has expired.", refusals.EXPIRED, "temporary credentials have expired"),
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            refusals.EXPIRED,
            "aws sso login",
        ),
        (
            "OptInRequired",
            "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
            refusals.REGION_DISABLED,
            "has not enabled region eu-central-1",
        ),
        ("InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist", refusals.NOT_FOUND, "the account"),
        ("InvalidGroup.NotFound", "The security group 'sg-1' does not exist", refusals.NOT_FOUND, "the region"),
        ("LoadBalancerNotFound", "One or more load balancers not found", refusals.NOT_FOUND, "the id"),
        ("ValidationError", "'arn:x' is not a valid load balancer ARN", refusals.NOT_FOUND, "the id"),
        ("TargetGroupNotFoundException", "One or more target groups not found", refusals.NOT_FOUND, "the id"),
        (
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
            refusals.QUOTA,
            "request a higher quota for region eu-central-1",
        ),
        (
            "InvalidPermission.Duplicate",
            'the specified rule "peer: 0.0.0.0/0, TCP, from port: 5000, to port: 5000, ALLOW" already exists',
            refusals.DUPLICATE,
            "exists already",
        ),
        ("RequestLimitExceeded", "Request limit exceeded.", refusals.THROTTLED, "Try again later"),
        ("ServiceUnavailable", "Service is unable to handle request", refusals.UNAVAILABLE, "Try again later"),
        ("Blocked", "This account is currently blocked.", refusals.OTHER, ""),
    ],
)
def test_each_of_awss_errors_has_its_own_advice(code, message, kind, advice):
    found = asked(client_error(code, message))
    assert found.kind == kind
    assert found.what.startswith("AWS refused ec2:DescribeInstances in region eu-central-1: ")
    assert found.what.endswith(f"{message.rstrip('.')} ({code}).")
    assert advice in found.advice
    assert "credentials" not in found.advice or kind in (refusals.EXPIRED, refusals.CLOCK)


FAILED_IMPORT = missing_required_lib("botocore and boto3")


@pytest.mark.parametrize(
    ("error", "kind", "advice"),
    [
        (FAILED_IMPORT, refusals.NO_BOTO3, "-m pip install boto3"),
        ("No module named 'botocore'", refusals.NO_BOTO3, "python3 -m pip install boto3"),
        (boto.NoCredentialsError(), refusals.NO_CREDENTIALS, "AWS_PROFILE"),
        (
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            refusals.NO_CREDENTIALS,
            "AWS_SECRET_ACCESS_KEY",
        ),
        (boto.ProfileNotFound(profile="wrok"), refusals.NO_PROFILE, "aws configure list-profiles"),
        (boto.ConfigParseError(path="~/.aws/config"), refusals.CONFIG, "AWS_CONFIG_FILE"),
        ("Passing both a profile and access tokens is not supported.", refusals.MIXED, "not both"),
        (boto.NoRegionError(), refusals.NO_REGION, "AWS_REGION"),
        (
            "The flasklaunch.ec2.reachability module requires a region and none was found in configuration,"
            " environment variables or module parameters",
            refusals.NO_REGION,
            "AWS_REGION",
        ),
        (
            boto.InvalidRegionError(region_name="eu central"),
            refusals.BAD_REGION,
            "AWS does not know region eu-central-1. Correct its name.",
        ),
        (
            boto.UnknownRegionError(region_name="x", error_msg="No."),
            refusals.BAD_REGION,
            "AWS does not know region eu-central-1",
        ),
        (boto.UnauthorizedSSOTokenError(), refusals.EXPIRED, "aws sso login"),
        (boto.SSOTokenLoadError(error_msg="not there"), refusals.EXPIRED, "aws sso login"),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), refusals.EXPIRED, "aws sso login"),
        (boto.CredentialRetrievalError(provider="process", error_msg="no"), refusals.EXPIRED, "Get new ones"),
        (
            boto.EndpointConnectionError(endpoint_url="https://ec2.eu-central-1.amazonaws.com/"),
            refusals.UNREACHABLE,
            "Check the name of the region",
        ),
        (
            boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:1/"),
            refusals.UNREACHABLE,
            "they name http://127.0.0.1:1/, where nothing answers",
        ),
        (boto.ConnectTimeoutError(endpoint_url="https://ec2.x.amazonaws.com"), refusals.UNREACHABLE, "connection"),
        (boto.ReadTimeoutError(endpoint_url="https://ec2.x.amazonaws.com"), refusals.UNREACHABLE, "connection"),
        (boto.ConnectionClosedError(endpoint_url="https://ec2.x.amazonaws.com"), refusals.UNREACHABLE, "connection"),
        (boto.HTTPClientError(error="reset"), refusals.UNREACHABLE, "connection"),
        (boto.ProxyConnectionError(proxy_url="http://proxy:3128"), refusals.PROXY, "HTTPS_PROXY"),
        (boto.SSLError(endpoint_url="https://ec2.x.amazonaws.com", error="self-signed"), refusals.TLS, "AWS_CA_BUNDLE"),
    ],
)
def test_each_error_before_aws_answers_has_its_own_advice(error, kind, advice):
    found = asked(error)
    assert found.kind == kind
    assert found.is_final
    assert str(error).rstrip(".").splitlines()[0] in found.what
    assert advice in found.advice
    assert found.what.startswith(
        "AWS could not be reached for ec2:DescribeInstances in region eu-central-1: "
        if kind in (refusals.UNREACHABLE, refusals.PROXY, refusals.TLS)
        else "AWS could not be asked for ec2:DescribeInstances in region eu-central-1: "
    )
    if kind != refusals.NO_CREDENTIALS:
        assert "Give a profile, or" not in found.advice


@pytest.mark.parametrize(
    ("error", "keywords", "start"),
    [
        (boto.ProfileNotFound(profile="x"), {"region": REGION}, "AWS could not be asked in region eu-central-1: The"),
        (boto.NoRegionError(), {}, "AWS could not be asked: You must"),
        (boto.NoRegionError(), {"action": ACTION}, "AWS could not be asked for ec2:DescribeInstances: You must"),
        (boto.HTTPClientError(error="reset"), {}, "AWS could not be reached: An HTTP"),
        ("port: 0", {"action": ACTION, "region": REGION}, "ec2:DescribeInstances in region eu-central-1: port: 0."),
        (client_error("Blocked", "No."), {}, "AWS refused DescribeInstances: No (Blocked)."),
        (
            client_error("Blocked", ""),
            {"region": REGION},
            "AWS refused DescribeInstances in region eu-central-1: Blocked.",
        ),
    ],
)
def test_unknown_values_are_left_out(error, keywords, start):
    assert refusal_of(error, **keywords).what.startswith(start)


def test_boto3_is_installed_for_the_python_that_lacks_it():
    message = (
        "Failed to import the required Python library (botocore and boto3) on web1's Python /opt/ansible/bin/python3."
    )
    assert "/opt/ansible/bin/python3 -m pip install boto3." in asked(message).advice


def test_an_error_is_final_only_if_every_other_request_would_meet_it():
    assert asked(client_error("InvalidClientTokenId", "")).is_final
    for code in ("UnauthorizedOperation", "InvalidInstanceID.NotFound", "RequestLimitExceeded", "Unknown"):
        assert not asked(client_error(code, "")).is_final


def test_messages_of_amazon_aws_modules_are_read_too():
    message = f"Failed to describe network interfaces: {denied('with an explicit deny in a service control policy')}"
    found = refusal_of(message)
    assert found.kind == refusals.EXPLICIT_DENY
    assert found.what.startswith("AWS refused ec2:DescribeInstances in account 123456789012: You are not")


def test_the_role_that_could_not_be_assumed_is_what_was_refused():
    message = f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::999999999999:role/r"
    found = asked(client_error("AccessDenied", message, "AssumeRole"))
    assert found.what.startswith("AWS refused sts:AssumeRole in region eu-central-1, account 123456789012: User: ")
    assert "allows sts:AssumeRole" in found.advice


def test_other_messages_are_not_changed():
    assert str(refusal_of("port: 99999 is not within 1 to 65535")) == "port: 99999 is not within 1 to 65535."
    assert refusal_of("port: 99999 is not within 1 to 65535").kind == refusals.OTHER


def test_text_from_a_server_cannot_control_the_terminal_or_show_a_password():
    found = asked(client_error("Blocked", "a\x1b[31m\nb"))
    assert found.what.endswith(": a[31m b (Blocked).")
    assert "secret" not in str(asked(boto.ProxyConnectionError(proxy_url="http://kim:secret@proxy:3128")))
