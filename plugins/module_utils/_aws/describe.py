# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Calls to AWS with boto3: reads all pages, retries if AWS throttles, and explains failures to people.

Runs on the control node. The explanations are in refusal.py.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import check_sdk_version_supported
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleBotocoreError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import Missing
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.refusal import (
    CODES,
    DENIED,
    EXPLICIT_DENY,
    NOT_FOUND,
    OTHER,
    QUOTA,
    THROTTLED,
    Refusal,
    refusal_of,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead

try:
    import botocore.exceptions
    import botocore.parsers

    FAILURES: tuple[type[Exception], ...] = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)
except ImportError:
    FAILURES = ()  # AwsModule reports that botocore is missing

# AWSRetry retries for only some of these by itself.
THROTTLED_CODES = [code for code, kind in CODES.items() if kind == THROTTLED]
IAM_PREFIX = {"ec2": "ec2", "elbv2": "elasticloadbalancing"}
# The key in the answer that marks the next page, and the argument for it: of EC2, and of the load balancers.
PAGES = {"NextToken": "NextToken", "NextMarker": "Marker"}
# These refusals depend on the account, which AWS's message may not name.
OF_AN_ACCOUNT = (DENIED, EXPLICIT_DENY, NOT_FOUND, QUOTA)
# STS may be unreachable although EC2 answers, so do not wait for it.
IMPATIENT = {"connect_timeout": 3, "read_timeout": 3, "retries": {"total_max_attempts": 1}}


class AwsModule(AnsibleAWSModule):
    """A module that explains a failed request to AWS in `msg`, and repeats the advice in `fix`."""

    def __init__(self, **arguments: Any):
        super().__init__(check_boto3=False, **arguments)
        self._account: str | None = None
        try:
            check_sdk_version_supported(warn=self.warn)
        except AnsibleBotocoreError as error:
            self.fail_json(msg=error.message)

    def fail_json(self, msg: str, **result: Any) -> None:
        """Explain the failure. amazon.aws calls this too, for example if there is no region."""
        refusal = refusal_of(msg, region=self.params.get("region"))
        if refusal.kind != OTHER and "fix" not in result:
            msg, result["fix"] = str(refusal), refusal.advice
        super().fail_json(msg=msg, **result)

    def fail_refused(self, error: Exception, action: str, region: str | None, failed: str = "") -> None:
        """Fail with the error of AWS or botocore. `failed` begins the message, and says what was not done."""
        refusal = self.refusal(error, action, region)
        msg = f"{failed}: {refusal}" if failed else str(refusal)
        # AWS's own answer, in the keys that amazon.aws modules use for it.
        answer = getattr(error, "response", {}).get("Error", {})
        result = {"error": {"code": answer.get("Code"), "message": answer.get("Message")}} if answer else {}
        super().fail_json(msg=msg, fix=refusal.advice, **result)

    def refusal(self, error: Exception, action: str, region: str | None) -> Refusal:
        """Return the explanation of an error, with the account if it matters."""
        refusal = refusal_of(error, action, region)
        if refusal.kind in OF_AN_ACCOUNT and not refusal.account:
            return refusal_of(error, action, region, self.account())
        return refusal

    def account(self) -> str | None:
        """Return the account of the credentials; None if STS does not answer. STS needs no permission for this."""
        if self._account is None:
            try:
                self._account = self.client("sts", config=IMPATIENT).get_caller_identity()["Account"]
            except (*FAILURES, botocore.parsers.ResponseParserError, KeyError):
                self._account = ""
        return self._account or None


class Describe:
    """`describe(service, operation, answer, **arguments)`, see collect.py.

    Fails the module if AWS cannot answer any request, for example without credentials or without a connection.
    """

    def __init__(self, module: AwsModule):
        self.module = module
        self.clients: dict[str, Any] = {}

    def __call__(self, service: str, operation: str, answer: str, **arguments: Any) -> Any:
        client = self._client(service)
        if not hasattr(client, operation):
            words = "".join(word.title() for word in operation.split("_"))
            raise NotRead(f"Not known: botocore on this control node is too old for {words}. Update boto3.")
        action = f"{IAM_PREFIX[service]}:{client.meta.method_to_api_mapping[operation]}"
        region = client.meta.region_name
        try:
            return _all_pages(client, operation, answer, arguments)
        except botocore.exceptions.ClientError as error:
            refusal = self.module.refusal(error, action, region)
            if refusal.is_final:
                self.module.fail_refused(error, action, region)
            words = error.response["Error"].get("Message", "")
            raise Missing(words) if refusal.kind == NOT_FOUND else NotRead(f"Not known: {refusal}") from None
        except (botocore.parsers.ResponseParserError, _Nonsense):
            where = client.meta.endpoint_url
            raise NotRead(f"Not known: {where} did not answer {action} as AWS would. Is it AWS?") from None
        except botocore.exceptions.BotoCoreError as error:
            self.module.fail_refused(error, action, region)

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.module.client(service)
        return self.clients[service]


class _Nonsense(Exception):
    pass


@AWSRetry.jittered_backoff(catch_extra_error_codes=THROTTLED_CODES)
def _one_page(client: Any, operation: str, arguments: dict) -> dict:
    try:
        return getattr(client, operation)(**arguments)
    except botocore.exceptions.ClientError as error:
        if "Code" not in error.response.get("Error", {}):
            raise _Nonsense from None  # AWSRetry fails on such an error
        raise


def _all_pages(client: Any, operation: str, answer: str, arguments: dict) -> Any:
    found: list = []
    while True:
        page = _one_page(client, operation, arguments)
        if not isinstance(page.get(answer), list):
            if isinstance(page.get(answer), dict):
                return page[answer]
            raise _Nonsense
        found += page[answer]
        more = next((argument for token, argument in PAGES.items() if page.get(token)), None)
        if more is None:
            return found
        arguments = {**arguments, more: page.get("NextToken") or page.get("NextMarker")}
