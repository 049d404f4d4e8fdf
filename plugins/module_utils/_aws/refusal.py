# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Explains to people why AWS refused a request, in AWS's own words, and what they can do.

Runs on the control node. Everything is read from the text of the error, so it works for the exceptions of botocore, for
the messages of amazon.aws modules, and without boto3.

Sources: the pages "Troubleshoot access denied error messages" of the IAM User Guide, "Error codes for the Amazon EC2
API", and botocore/exceptions.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable_line
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo

DENIED, EXPLICIT_DENY = "denied", "explicit_deny"
NOT_FOUND, DUPLICATE, QUOTA, THROTTLED, UNAVAILABLE = "not_found", "duplicate", "quota", "throttled", "unavailable"
NOT_AWS, OTHER = "not_aws", "other"
# After one of these errors, every other request to AWS fails too.
NO_BOTO3, NO_CREDENTIALS, NO_PROFILE, CONFIG, MIXED = "no_boto3", "no_credentials", "no_profile", "config", "mixed"
BAD_KEY, BAD_SECRET, BAD_KEY_OR_REGION = "bad_key", "bad_secret", "bad_key_or_region"
EXPIRED, CLOCK = "expired", "clock"
NO_REGION, BAD_REGION, REGION_DISABLED = "no_region", "bad_region", "region_disabled"
UNREACHABLE, PROXY, TLS = "unreachable", "proxy", "tls"
FINAL = (
    *(NO_BOTO3, NO_CREDENTIALS, NO_PROFILE, CONFIG, MIXED, BAD_KEY, BAD_SECRET, BAD_KEY_OR_REGION, EXPIRED, CLOCK),
    *(NO_REGION, BAD_REGION, REGION_DISABLED, UNREACHABLE, PROXY, TLS),
)


class Refusal(NamedTuple):
    """Why AWS refused a request, for people."""

    kind: str  # one of the constants above
    what: str  # a sentence: the request, its region and account, and the answer in AWS's or botocore's words
    advice: str  # sentences: what to do; empty if the kind is `other`
    code: str | None = None  # AWS's error code
    account: str | None = None  # the account of the credentials, if it is known

    def __str__(self) -> str:
        return f"{self.what} {self.advice}".rstrip()

    @property
    def is_final(self) -> bool:
        return self.kind in FINAL


CODES = {
    "AccessDenied": DENIED,
    "AccessDeniedException": DENIED,
    "Client.UnauthorizedOperation": DENIED,
    "UnauthorizedOperation": DENIED,
    "AuthFailure": BAD_KEY_OR_REGION,
    "InvalidAccessKeyId": BAD_KEY,
    "InvalidClientTokenId": BAD_KEY,
    "UnrecognizedClientException": BAD_KEY,
    "IncompleteSignature": BAD_SECRET,
    "InvalidSignatureException": BAD_SECRET,
    "SignatureDoesNotMatch": BAD_SECRET,
    "MissingAuthenticationToken": NO_CREDENTIALS,
    "MissingAuthenticationTokenException": NO_CREDENTIALS,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "RequestExpired": EXPIRED,
    "UnauthorizedException": EXPIRED,  # of IAM Identity Center (SSO)
    "RequestTimeTooSkewed": CLOCK,
    "OptInRequired": REGION_DISABLED,
    "RegionDisabledException": REGION_DISABLED,
    "EC2ThrottledException": THROTTLED,
    "RequestLimitExceeded": THROTTLED,
    "RequestThrottled": THROTTLED,
    "RequestThrottledException": THROTTLED,
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "InternalError": UNAVAILABLE,
    "InternalFailure": UNAVAILABLE,
    "ServiceUnavailable": UNAVAILABLE,
    "Unavailable": UNAVAILABLE,
    "ValidationError": NOT_FOUND,  # the load balancers' answer to an invalid ARN
}
_ENDS_OF_CODES = {
    "NotFound": NOT_FOUND,
    ".Malformed": NOT_FOUND,
    "Duplicate": DUPLICATE,
    "LimitExceeded": QUOTA,
}
# What botocore, boto3, Ansible and amazon.aws print if AWS was not asked or did not answer.
_TEXTS = {
    r"Failed to import the required Python library|No module named '?boto|boto3? (is|are) required": NO_BOTO3,
    r"Unable to locate credentials|Unable to locate authorization token|Partial credentials found": NO_CREDENTIALS,
    r"The config profile \(.*\) could not be found": NO_PROFILE,
    r"Unable to parse config file|The specified config file|Infinite loop in credential configuration": CONFIG,
    r"profile and access tokens is not supported": MIXED,
    r"SSO session associated with this profile has expired|Error loading SSO Token|Your session has expired": EXPIRED,
    r"Error when retrieving (token|credentials) from|MFA token required": EXPIRED,
    r"You must specify a region|requires a region and none was found": NO_REGION,
    r"doesn't match a supported format|Unknown region|not available in region|construct an endpoint": BAD_REGION,
    r"Failed to connect to proxy URL": PROXY,
    r"SSL validation failed": TLS,
    r"(Could not connect to|Connect timeout on|Read timeout on) (the )?endpoint URL": UNREACHABLE,
    r"Connection was closed before we received a valid response|failed to establish a connection": UNREACHABLE,
    r"An HTTP Client raised an unhandled exception": UNREACHABLE,
    r"Unable to parse response|did not answer .* as AWS would": NOT_AWS,
}

_CLIENT_ERROR = re.compile(
    r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<operation>\w+) operation"
    r"(?: \(reached max retries: \d+\))?:\s*(?P<message>.*)",
    re.DOTALL,
)
_ACCOUNT = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::(\d{12}):")
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
_ENCODED = re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL)
_POLICY = re.compile(
    r"(?P<explicit>with an explicit deny in (?:an?|the)|because no) (?P<policy>(?:service control|resource control|"
    r"identity-based|resource-based|session|VPC endpoint|role trust|declarative) policy|permissions boundary)"
)
_URL = re.compile(r"URL: \"?(?P<url>https?://[^\s\"]+)")
_PYTHON = re.compile(r"'s Python (?P<python>/\S*?)[.,]?(?:\s|$)")

# How to name a policy of that kind, and who can change it.
_ORGANIZATION = "the organization's administrator"
_WHOSE = {
    "service control policy": ("A service control policy of your AWS organization", _ORGANIZATION),
    "resource control policy": ("A resource control policy of your AWS organization", _ORGANIZATION),
    "declarative policy": ("A declarative policy of your AWS organization", _ORGANIZATION),
    "identity-based policy": ("A policy of this user, its groups or this role", "the account's administrator"),
    "permissions boundary": ("The permissions boundary of this user or role", "the account's administrator"),
    "resource-based policy": ("The policy of the resource itself", "the resource's owner"),
    "role trust policy": ("The trust policy of the role", "the role's owner"),
    "session policy": (
        "The session policy that these temporary credentials were created with",
        "whoever creates the credentials",
    ),
    "VPC endpoint policy": (
        "The policy of the VPC endpoint that the request goes through",
        "whoever manages the VPC endpoint",
    ),
}
ADVICE = {
    NO_BOTO3: "Install boto3 for this Python: {python} -m pip install boto3. If another Python on this machine has"
    " boto3, such as the one that runs Ansible, set ansible_python_interpreter of the task to it.",
    NO_CREDENTIALS: "Give a profile, or access_key and secret_key, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, in the environment.",
    NO_PROFILE: "Correct the option profile, or AWS_PROFILE. The command aws configure list-profiles shows the"
    " profiles.",
    CONFIG: "Correct the file that AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE names. If neither is set, correct"
    " ~/.aws/config or ~/.aws/credentials.",
    MIXED: "Give either a profile or an access key, not both. One of them may come from the environment (AWS_PROFILE,"
    " AWS_ACCESS_KEY_ID).",
    BAD_KEY: "AWS does not know this access key. It is mistyped, deactivated or deleted, or it is a temporary key"
    " without its session token (AWS_SESSION_TOKEN). Correct it.",
    BAD_SECRET: "The secret key does not belong to the access key. Copy AWS_SECRET_ACCESS_KEY, or the profile's"
    " aws_secret_access_key, again.",
    BAD_KEY_OR_REGION: "The access key, its secret key or its session token is wrong, or the account has not enabled"
    " {the_region}. If aws sts get-caller-identity succeeds, the key is right: enable the region, or use another one.",
    EXPIRED: "The temporary credentials have expired, or cannot be renewed. Get new ones, for example with"
    " aws sso login. If they are new, the clock of this machine is wrong.",
    CLOCK: "The clock of this machine is wrong by more than five minutes. Set it, for example with"
    " timedatectl set-ntp true.",
    NO_REGION: "Give a region, such as region: eu-central-1, or set AWS_REGION in the environment.",
    BAD_REGION: "AWS does not know {the_region}. Correct its name.",
    REGION_DISABLED: "The account has not enabled {the_region}, or is not signed up for this service yet. Enable the"
    " region under AWS Account Management, or use another region.",
    UNREACHABLE: "Check the name of the region. If it is right, check this machine's connection to the Internet, its"
    " name resolution, and its proxy (HTTPS_PROXY).",
    PROXY: "Correct HTTPS_PROXY in the environment, or unset it if this machine needs no proxy.",
    TLS: "A proxy or firewall between this machine and AWS presents its own certificate, or this machine's list of"
    " certificate authorities is out of date. Set aws_ca_bundle or AWS_CA_BUNDLE to a file with the right authority.",
    NOT_FOUND: "Check the id, the region and the account (profile).",
    DUPLICATE: "It exists already: there is nothing to do.",
    QUOTA: "Remove what is not needed any more, or request a higher quota for {the_region} in the Service Quotas"
    " console.",
    THROTTLED: "The account makes too many requests in {the_region} at the moment. Try again later.",
    UNAVAILABLE: "AWS itself has a fault. Try again later; https://health.aws.amazon.com shows known faults.",
    NOT_AWS: "Check endpoint_url and AWS_ENDPOINT_URL: the server there is not AWS.",
    OTHER: "",
}


def refusal_of(
    error: BaseException | str, action: str = "", region: str | None = None, account: str | None = None
) -> Refusal:
    """Explain an error, or the text of one.

    `action` is the request, as IAM writes it ("ec2:DescribeInstances"). If AWS's message names another action or
    account than the caller, AWS's message is right.
    """
    text = printable_line(without_userinfo(str(error)))
    found = _CLIENT_ERROR.search(text)
    code, message = (found["code"], found["message"]) if found else (None, text)
    if found and not action.endswith(f":{found['operation']}"):
        action = found["operation"]
    named = _ACTION.search(message)
    action = named[1] if named else action
    match = _ACCOUNT.search(message)
    account = match[1] if match else account
    kind = _kind(code, message)
    policy = _POLICY.search(message) if kind == DENIED else None
    if policy and policy["explicit"] != "because no":
        kind = EXPLICIT_DENY
    what = _what(kind, code, _ENCODED.sub("", message), action, region, account)
    if kind in (DENIED, EXPLICIT_DENY):
        advice = _advice_on_policies(policy, action or "it", bool(_ENCODED.search(message)))
    else:
        advice = _advice(kind, message, region)
    return Refusal(kind, what, advice, code, account)


def _kind(code: str | None, message: str) -> str:
    if code is None:
        return next((kind for pattern, kind in _TEXTS.items() if re.search(pattern, message)), OTHER)
    if re.search("Signature expired|Signature not yet current", message):
        return CLOCK
    if _ACTION.search(message):
        return DENIED
    ending = next((kind for end, kind in _ENDS_OF_CODES.items() if code.removesuffix("Exception").endswith(end)), OTHER)
    return CODES.get(code, ending)


def _what(kind: str, code: str | None, message: str, action: str, region: str | None, account: str | None) -> str:
    places = [f"region {region}" if region else "", f"account {account}" if account else ""]
    where = ", ".join(filter(None, places))
    verb = "AWS could not be asked" if kind in FINAL else ""
    verb = "AWS could not be reached" if kind in (UNREACHABLE, PROXY, TLS) else verb
    verb = "AWS refused" if code else verb
    what = f"for {action}" if action and verb and not code else action
    subject = " ".join(filter(None, [verb, what, f"in {where}" if where else ""]))
    words = message.strip().rstrip(".")
    if code:
        words = f"{words} ({code})" if words else code
    return f"{subject}: {words}." if subject else f"{words}."


def _advice(kind: str, message: str, region: str | None) -> str:
    url = _URL.search(message)
    if kind == UNREACHABLE and url and "amazonaws.com" not in url["url"]:
        return f"Check endpoint_url and AWS_ENDPOINT_URL: they name {url['url']}, where nothing answers."
    python = _PYTHON.search(message)
    return ADVICE[kind].format(
        python=python["python"] if python else "python3", the_region=f"region {region}" if region else "the region"
    )


def _advice_on_policies(policy: re.Match | None, action: str, is_encoded: bool) -> str:
    if policy is None:
        advice = (
            f"Most often no policy of this user or role allows {action}: add this permission. If a policy allows it"
        )
        advice += " already, another one denies it, such as a service control policy of the organization."
        if is_encoded:
            advice += (
                " aws sts decode-authorization-message shows which one, from the text at the end of AWS's message."
            )
        return advice
    subject, owner = _WHOSE[policy["policy"]]
    if policy["explicit"] != "because no":
        return (
            f"{subject} denies {action} explicitly, and that overrides every permission: adding a"
            f" permission does not help. Ask {owner} to change the policy. It may depend on the region, the account or"
            " multi-factor authentication."
        )
    if policy["policy"] == "identity-based policy":
        return f"No policy of this user or role allows {action}: add this permission to one."
    return (
        f"{subject} does not allow {action}. It must allow it, in addition to the user's or role's own"
        f" policies. Ask {owner} to add it."
    )
