# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Describe calls with boto3, for _reachability_collect: all pages, throttling waited out, errors in people's words."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.flasklaunch.ec2.plugins.module_utils._reachability_collect import Missing
from ansible_collections.flasklaunch.ec2.plugins.module_utils._reachability_snapshot import NotRead

try:
    import botocore.exceptions
    import botocore.parsers
except ImportError:
    pass  # AnsibleAWSModule says so

DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
# Nothing else will be answered either.
REFUSED = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
# Beside those that AWSRetry knows.
THROTTLED = ["EC2ThrottledException", "RequestThrottled", "RequestThrottledException", "ThrottlingException"]
IAM_PREFIX = {"ec2": "ec2", "elbv2": "elasticloadbalancing"}
# EC2 and the load balancers each have their words for "where to go on".
PAGES = {"NextToken": "NextToken", "NextMarker": "Marker"}


class Describe:
    """`describe(service, operation, answer, **arguments)`, see _reachability_collect. Fails the module where nothing
    can be learned at all: without credentials, or without a connection.
    """

    def __init__(self, module: Any):
        self.module = module
        self.clients: dict[str, Any] = {}

    def __call__(self, service: str, operation: str, answer: str, **arguments: Any) -> Any:
        client = self._client(service)
        if not hasattr(client, operation):
            words = "".join(word.title() for word in operation.split("_"))
            raise NotRead(f"Not known, since the botocore of this control node is too old for {words}: update boto3")
        name = client.meta.method_to_api_mapping[operation]
        try:
            return _all_pages(client, operation, answer, arguments)
        except botocore.exceptions.ClientError as error:
            raise self._translated(error, f"{IAM_PREFIX[service]}:{name}") from None
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
            self._fail(f"{error}. Give a profile, or access_key and secret_key, or their environment variables.")
        except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
            self._fail(f"{error}. Is the region {client.meta.region_name} right, and can this machine connect to it?")
        except botocore.exceptions.BotoCoreError as error:
            self._fail(f"{name} could not be asked: {error}")
        except (botocore.parsers.ResponseParserError, _Nonsense):
            where = client.meta.endpoint_url
            raise NotRead(f"Not known, since {where} did not answer {name} as AWS would. Is it AWS?") from None

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.module.client(service)
        return self.clients[service]

    def _translated(self, error: Exception, permission: str) -> NotRead:
        code, words = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in DENIED:
            return NotRead(f"Not known, since AWS does not let you ask: the permission {permission} is missing.")
        if code in REFUSED:
            self._fail(f"AWS did not accept the credentials for {permission}: {words} ({code})")
        if code.endswith(("NotFound", ".Malformed")) or code == "ValidationError":
            return Missing(words)
        return NotRead(f"Not known, since AWS did not answer {permission}: {words} ({code})")

    def _fail(self, words: str) -> None:
        self.module.fail_json(msg=words)


class _Nonsense(Exception):
    pass


@AWSRetry.jittered_backoff(catch_extra_error_codes=THROTTLED)
def _one_page(client: Any, operation: str, arguments: dict) -> dict:
    try:
        return getattr(client, operation)(**arguments)
    except botocore.exceptions.ClientError as error:
        if "Code" not in error.response.get("Error", {}):
            raise _Nonsense from None  # on which AWSRetry itself would stumble
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
