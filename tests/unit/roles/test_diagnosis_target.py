"""What the diagnosis role asks AWS and the machine, depending on what is known of them."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

ROLE = pathlib.Path(__file__).parents[3] / "roles" / "diagnosis"
REFUSED = {
    "__diagnosis_by_address": {"msg": "Failed to describe network interfaces"},
    "__diagnosis_machine": {"private_addresses": ["10.0.0.7"]},
}
FOUND = {"attachment": {"instance_id": "i-1"}}


def evaluated(variable, **variables):
    """Return the value of a private variable of the role with these variables."""
    known = {"ansible_host": "web.example", "diagnosis_url": "", "diagnosis_family": "ipv4", **variables}
    known.setdefault("__diagnosis_by_address", {"network_interfaces": []})
    known.setdefault("__diagnosis_machine", {})
    known = {"diagnosis_load_balancer_arn": "", "diagnosis_instance_id": "", "role_path": str(ROLE), **known}
    arguments = ["-e", json.dumps(known), "-e", f"@{ROLE / 'vars' / 'main.yml'}"]
    command = ["ansible", "localhost", "-m", "debug", "-a", f"var={variable}", "-o", *arguments]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.split("=>", 1)[1])[variable]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"__diagnosis_by_address": {"network_interfaces": [FOUND]}}, {"instance_id": "i-1"}),
        ({"ansible_host": "198.51.100.7"}, {"address": "198.51.100.7"}),
        ({"ansible_host": "10.0.0.7"}, {}),
        # If amazon.aws does not report why AWS refused, our own module is used, which does.
        ({"ansible_host": "10.0.0.7", **REFUSED}, {"address": "10.0.0.7"}),
        ({"ansible_host": "198.51.100.7", **REFUSED}, {"address": "198.51.100.7"}),
        # For IPv6, the IPv4 address that ssh uses does not help.
        ({"ansible_host": "198.51.100.7", "diagnosis_family": "ipv6"}, {}),
        (
            {"ansible_host": "198.51.100.7", "aws_public_ip_address": "2600:1f18::7", "diagnosis_family": "ipv6"},
            {"address": "2600:1f18::7"},
        ),
    ],
)
def test_target(variables, expected):
    assert evaluated("__diagnosis_target", **variables) == expected


ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0123456789abcdef"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"diagnosis_load_balancer_arn": ARN}, {"entrance": None, "client": None, "aws_port": 80}),
        # -e on a command line passes a text. A machine that was read reports the port that clients use.
        (
            {"diagnosis_port": "5000", "__diagnosis_machine": {"entrance": 5000}},
            {"entrance": 80, "client": None, "aws_port": 5000},
        ),
    ],
)
def test_the_ports_that_are_asked_for(variables, expected):
    known = {"diagnosis_url": "http://203.0.113.10/", "diagnosis_port": 5000, "__diagnosis_outside": {}, **variables}
    assert evaluated("__diagnosis_questions", **known) == expected


@pytest.mark.parametrize(
    ("reachability", "expected"),
    [
        # AWS refused again: the module's message about it counts.
        ({"msg": "AWS refused"}, {"msg": "AWS refused"}),
        ({"hops": [1], "target": {}}, {"hops": [1], "target": {}}),
        # AWS answered this time. The private address, which clients cannot use, is not the fault.
        ({"hops": [1], "target": {"private_address": "10.0.0.7"}}, {"msg": "Failed to describe network interfaces"}),
    ],
)
def test_view_if_aws_refused_to_look_up_the_machine(reachability, expected):
    known = {"ansible_host": "10.0.0.7", "diagnosis_ask_aws": True, "__diagnosis_reachability": reachability, **REFUSED}
    assert evaluated("__diagnosis_aws_view", **known) == expected
