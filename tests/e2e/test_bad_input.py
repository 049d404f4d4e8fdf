"""Bad input is refused before anything is changed, with one message that names the variable and what to do."""

import json

import pytest
from conftest import on_machine, playbook, rules

EC2 = {"endpoint_url": "http://127.0.0.1:5555", "region": "us-east-1"}
CASES = {
    "port 0": ({"webserver_port": 0}, ["webserver_port: 0 is no TCP port. Take one from 1 to 65535"]),
    "port too high": ({"webserver_port": 65536}, ["webserver_port: 65536 is no TCP port"]),
    "port no number": ({"webserver_port": "http"}, ["webserver_port: http is no TCP port"]),
    "CIDR as text": ({"security_group_cidrs": "10.0.0.1/8"}, ["security_group_cidrs: 10.0.0.1/8 has host bits set"]),
    "port held": (
        {"webserver_port": 22},
        [
            "webserver_port: 22 is held already, on 0.0.0.0, by",
            "sshd.service",
            "process",
            "Take another webserver_port, or stop that unit if nobody needs it.",
        ],
    ),
    "foreign address": (
        {"webserver_host": "203.0.113.9"},
        ["webserver_host: 203.0.113.9 is no address of this machine. Take 0.0.0.0", "172.1"],
    ),
    "name for address": ({"webserver_host": "localhost"}, ["webserver_host: localhost is no address of this machine"]),
    "unknown server": ({"webserver_server": "apache"}, ["webserver_server", "gunicorn, flask", "apache"]),
    "no version of Flask": ({"flask_version": "latest"}, ["flask_version: 'latest' is no version of Flask"]),
    "missing version of Flask": (
        {"flask_version": "3.0.999", "flask_venv": "/opt/other"},
        ["pip could not install Flask into /opt/other", "flask==3.0.999", "flask_version must exist there"],
    ),
    "unreachable index": (
        {"flask_venv": "/opt/other", "flask_pip_index_url": "http://127.0.0.1:9/simple"},
        ["pip could not install Flask into /opt/other", "Connection refused", "flask_pip_index_url"],
    ),
    "no virtual environment": (
        {"flask_venv": "/etc"},
        ["flask_venv: /etc has files in it and is no virtual environment. Name a folder that is empty or not there."],
    ),
    "no root": ({"ansible_become": False}, ["Set 'become: true'"]),
    "CIDR with host bits": (
        {"security_group_cidrs": ["203.0.113.7/24"]},
        ["security_group_cidrs: 203.0.113.7/24 has host bits set", "203.0.113.7/32", "203.0.113.0/24"],
    ),
    "address for CIDR": (
        {"security_group_cidrs": ["203.0.113.7"]},
        ["security_group_cidrs: 203.0.113.7 has no prefix length", "203.0.113.7/32"],
    ),
    "unknown instance": (
        {"security_group_instance_id": "i-00000000"},
        ["EC2 knows no network interface of instance i-00000000", "security_group_instance_id"],
    ),
    "group not attached": (
        {"security_group_id": "sg-00000000"},
        ["security_group_id: sg-00000000 is not attached to eni-", "(flask-site)"],
    ),
    "no credentials": (
        {"security_group_aws": EC2},
        ["Unable to locate credentials", "AWS_PROFILE", "security_group_manage: false"],
    ),
    "no region": (
        {"security_group_aws": {"access_key": "demo", "secret_key": "demo"}},
        ["requires a region", "AWS_REGION"],
    ),
    "Python too old for ansible-core": (
        {"ansible_python_interpreter": "/opt/python3.7"},
        ["this machine's is 3.7.16", "Run the playbook with ansible-core 2.17"],
    ),
}


def state():
    """All that a refused run must leave as it was."""
    return on_machine(
        "systemctl show webserver.service --property=MainPID,ActiveState,NRestarts;"
        "sha256sum /opt/webserver/* /etc/systemd/system/webserver.service /opt/flask/pip.conf;"
        "ls /opt /opt/flask/lib/python3*/site-packages; cat /etc/passwd"
    ), rules()


@pytest.fixture(autouse=True, scope="module")
def old_python(first_run):
    """Looks like Amazon Linux 2's Python to whoever asks for its version."""
    on_machine("printf '#!/bin/sh\\necho python3: version 3.7.16\\n' > /opt/python3.7; chmod +x /opt/python3.7")
    yield
    on_machine("rm /opt/python3.7")


@pytest.mark.parametrize("variables, said", CASES.values(), ids=CASES.keys())
def test_bad_input_is_refused_and_changes_nothing(demo, tmp_path, variables, said):
    before = state()
    refused = playbook("site.yml", "-e", json.dumps(variables), HOME=str(tmp_path))
    text = " ".join(refused.stdout.replace("''", "'").split())
    assert refused.returncode == 2, text
    assert text.count("fatal: [demo]: FAILED!") == 1 or "rescued=1" in text, text
    for words in said:
        assert words in text
    assert "Traceback" not in text
    assert state() == before


def test_security_groups_are_skipped_in_one_line_when_told_so(demo, tmp_path):
    site = playbook("site.yml", "-e", json.dumps({"security_group_manage": False, "security_group_aws": {}}))
    assert site.returncode == 0, site.stdout
    assert "security_group_manage is false: no security group is touched." in site.stdout
