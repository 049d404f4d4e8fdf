"""How the diagnosis role has AWS find the machine, by what is known of it."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

ROLE = pathlib.Path(__file__).parents[3] / "roles" / "diagnosis"
FOUND = {"attachment": {"instance_id": "i-1"}}


def target(**variables):
    """What `__diagnosis_target` is with these variables."""
    known = {"ansible_host": "web.example", "diagnosis_url": "", "diagnosis_family": "ipv4", **variables}
    known.setdefault("__diagnosis_by_address", {"network_interfaces": []})
    known.setdefault("__diagnosis_machine", {})
    known.update(diagnosis_load_balancer_arn="", diagnosis_instance_id="", role_path=str(ROLE))
    arguments = ["-e", json.dumps(known), "-e", f"@{ROLE / 'vars' / 'main.yml'}"]
    command = ["ansible", "localhost", "-m", "debug", "-a", "var=__diagnosis_target", "-o", *arguments]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.split("=>", 1)[1])["__diagnosis_target"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"__diagnosis_by_address": {"network_interfaces": [FOUND]}}, {"instance_id": "i-1"}),
        ({"ansible_host": "198.51.100.7"}, {"address": "198.51.100.7"}),
        ({"ansible_host": "10.0.0.7"}, {}),
        # Who asks for IPv6 has no use for the IPv4 address that ssh goes to.
        ({"ansible_host": "198.51.100.7", "diagnosis_family": "ipv6"}, {}),
        (
            {"ansible_host": "198.51.100.7", "aws_public_ip_address": "2600:1f18::7", "diagnosis_family": "ipv6"},
            {"address": "2600:1f18::7"},
        ),
    ],
)
def test_target(variables, expected):
    assert target(**variables) == expected
