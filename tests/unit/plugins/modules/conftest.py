# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules import ec2_api
from moto.backends import get_backend
from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response


def pytest_collection_finish():
    """Load boto3 and moto now, because this takes seconds and ansible-test forks a process for each test."""
    with ec2_api.served() as endpoint:
        ec2_api.Site(endpoint).add_load_balancer()


@pytest.fixture(scope="session")
def ec2_endpoint():
    """A local EC2 API for all tests, on a free port."""
    with ec2_api.served() as endpoint:
        yield endpoint


@pytest.fixture
def site(ec2_endpoint, monkeypatch):
    ec2_api.without_aws(monkeypatch)
    ec2_api.share_session(monkeypatch)
    for service in ("ec2", "elbv2", "iam"):
        get_backend(service).reset()
    return ec2_api.Site(ec2_endpoint)


@pytest.fixture
def public_access(monkeypatch):
    """VPC Block Public Access, which moto does not have. It is off, unless a test changes it."""
    options = {"InternetGatewayBlockMode": "off", "ExclusionsAllowed": "allowed"}
    answers = {
        "describe_vpc_block_public_access_options": {"VpcBlockPublicAccessOptions": options},
        "describe_vpc_block_public_access_exclusions": {"VpcBlockPublicAccessExclusions": []},
    }
    for action, answer in answers.items():
        monkeypatch.setattr(EC2Response, action, lambda _self, answer=answer: ActionResult(answer), raising=False)
    return options


@pytest.fixture(autouse=True)
def managed_node(monkeypatch):
    """Let modules warn as on a managed node, even if other tests have made this process a control node."""
    internal = sys.modules.get("ansible.module_utils._internal")  # from ansible-core 2.19 on
    if internal:
        monkeypatch.setattr(internal, "is_controller", False)
