"""Bad input is refused before anything is changed, with one message that names the variable and what to do."""

import json
import re

import boto3
import pytest
from ansible.release import __version__ as core
from conftest import ROOT, copied_inventory, on_machine, playbook, rules, run

BARE = "flasklaunch-bare"
# Amazon Linux 2's Python, and RHEL 8's if ansible-core manages it.
OLD_PYTHON, WHAT_IS_SAID_OF_IT = (
    ("3.6.8", ["This machine's Python is 3.6.8, and this collection manages 3.7 and newer"])
    if core.startswith("2.17.")
    else ("3.7.16", ["this machine's is 3.7.16", "Run the playbook with ansible-core 2.17"])
)
EC2 = {"endpoint_url": "http://127.0.0.1:5555", "region": "us-east-1"}
NO_AWS = {"security_group_manage": False}  # AWS has no such machine, and asking it takes time
CASES = {
    "port 0": ({"webserver_port": 0}, ["webserver_port: 0 is not a TCP port from 1 to 65535."]),
    "port too high": ({"webserver_port": 65536}, ["webserver_port: 65536 is not a TCP port"]),
    "port no number": ({"webserver_port": "http"}, ["webserver_port: http is not a TCP port"]),
    "CIDR as text": ({"security_group_cidrs": "10.0.0.1/8"}, ["security_group_cidrs: 10.0.0.1/8 has host bits set"]),
    "name of a variable": (
        {"security_group_cidr": "203.0.113.7/32"},
        ["security_group_cidr: there is no such variable. Write security_group_cidrs, or give a"],
    ),
    "port held": (
        {"webserver_port": 22},
        [
            "webserver_port: 22 is already in use on 0.0.0.0, by",
            "sshd.service",
            "process",
            "Set another webserver_port, or stop that unit if nobody needs it.",
        ],
    ),
    "misspelt option of the unit": (
        {"webserver_unit_options": {"RedWritePaths": "/srv"}},
        ["systemd on this machine does not know RedWritePaths in [Service]. Write ReadWritePaths."],
    ),
    "foreign address": (
        {"webserver_host": "203.0.113.9"},
        ["webserver_host: 203.0.113.9 is not an address of this machine. Use 0.0.0.0", "172.1"],
    ),
    "name for address": ({"webserver_host": "localhost"}, ["webserver_host: localhost is not an IPv4 or IPv6 address"]),
    "time-out of the diagnosis": (
        {"diagnosis_timeout": 0},
        ["diagnosis_timeout: 0 is not a whole number from 1 to 600."],
    ),
    "unknown server": ({"webserver_server": "apache"}, ["webserver_server: apache is not one of flask, gunicorn."]),
    "no version of Flask": ({"flask_version": "latest"}, ["flask_version: latest is not a version of Flask"]),
    "version of Flask as a number": (
        {"flask_version": 3.1},
        ["flask_version: YAML reads 3.1 without quotes as a number and drops zeros at its end. Put the value"],
    ),
    "Python that is not there": (
        {"flask_python": "/opt/no-python3"},
        ["flask_python: there is no Python that runs at /opt/no-python3 on this machine."],
    ),
    "missing version of Flask": (
        {"flask_version": "3.0.999", **NO_AWS},
        [
            "pip could not install Flask into /opt/webserver/environments/py3",
            "flask==3.0.999",
            "flask_version and the application's requirements must exist for",
        ],
    ),
    "unreachable index": (
        {"flask_version": "3.1.2", "flask_pip_index_url": "http://127.0.0.1:9/simple", **NO_AWS},
        [
            "pip could not install Flask into /opt/webserver/environments/py3",
            "Connection refused",
            "flask_pip_index_url",
        ],
    ),
    "unreachable proxy": (
        {"flask_version": "3.1.2", "flask_pip_proxy": "http://user:pass@127.0.0.1:9", **NO_AWS},
        ["pip could not install Flask into /opt/webserver/environments/py3", "Connection refused", "flask_pip_proxy"],
    ),
    "no URL of an index": (
        {"flask_version": "3.1.2", "flask_pip_index_url": "index.example/simple"},
        ["flask_pip_index_url: its value is not a URL with a host that begins with http:// or https://"],
    ),
    "no index behind the URL": (
        {"flask_version": "3.1.2", "flask_pip_index_url": "http://127.0.0.1:22/simple", **NO_AWS},
        [
            "pip could not install Flask into /opt/webserver/environments/py3",
            "Connection aborted",
            "flask_pip_index_url",
        ],
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
    "unknown group state": (
        {"security_group_state": "open"},
        ["security_group_state: open is not one of absent, present"],
    ),
    "unknown instance": (
        {"security_group_instance_id": "i-00000000"},
        ["EC2 knows no network interface of instance i-00000000", "security_group_instance_id"],
    ),
    "unknown address": (
        {"security_group_private_address": "192.0.2.7"},
        ["EC2 knows no network interface of the private address 192.0.2.7", "security_group_instance_id"],
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
    "Python of the machine on the command line": (
        {"ansible_python_interpreter": "/opt/old-python"},
        ["Set ansible_python_interpreter in the inventory. With -e it applies to the control node too"],
    ),
    "Python too old for ansible-core": (
        {"ansible_python_interpreter": "/opt/old-python", **NO_AWS},
        WHAT_IS_SAID_OF_IT,
    ),
}
# Input that only pip on the machine can check, for one run at a time, and input that is only for the command line.
ALONE = [
    "missing version of Flask",
    "unreachable index",
    "unreachable proxy",
    "no index behind the URL",
    "Python of the machine on the command line",
]
TOGETHER = {name: case for name, case in CASES.items() if name not in ALONE}
# Input that is refused before Python is installed: one of each kind.
SPARED = {
    name: CASES[name]
    for name in (
        "port 0",
        "name of a variable",
        "no version of Flask",
        "unknown server",
        "CIDR with host bits",
        "unknown group state",
        "unknown instance",
        "group not attached",
        "no credentials",
        "no region",
    )
}
SPARED["path of an application that is an option"] = (
    {"webserver_app_src": "--upload-pack=touch /tmp/run-by-a-path", "webserver_app_version": "v1"},
    ["webserver_app_src: --upload-pack=touch /tmp/run-by-a-path is not a folder or a git repository"],
)
SPARED["package that is an option"] = (
    {"python3_packages": ["--setopt=x"]},
    ["python3_packages: --setopt=x is not a package name"],
)
SPARED["no application"] = (
    {"webserver_app_src": "/no/such/folder"},
    ["webserver_app_src: /no/such/folder is not a folder on the control node"],
)
SPARED["no module of the application"] = (
    {"webserver_app_src": str(ROOT / "playbooks"), "webserver_app": "shop:app"},
    ["webserver_app: shop:app needs the file shop.py in "],
)
SPARED["unreachable index"] = (
    {"flask_pip_index_url": "http://127.0.0.1:9/simple"},
    [
        "flask_pip_index_url: the machine cannot open a connection to 127.0.0.1, port 9 (Connection refused)",
        "Nothing was changed",
        "flask_pip_wheel_dir",
    ],
)
SPARED["unreachable proxy"] = (
    {"flask_pip_proxy": "user:pass@127.0.0.1:9"},
    ["flask_pip_proxy: the machine cannot open a connection to 127.0.0.1, port 9 (Connection refused)"],
)


def state():
    """Return the state that a refused run must not change."""
    return on_machine(
        "systemctl show webserver.service --property=MainPID,ActiveState,NRestarts;"
        "sha256sum /opt/webserver/*.py /etc/systemd/system/webserver*;"
        "readlink /opt/webserver/current; ls /opt /opt/webserver /opt/webserver/releases /opt/webserver/environments;"
        "cat /etc/passwd"
    ), rules()


@pytest.fixture(autouse=True, scope="module")
def old_python(first_run):
    """A program that reports the version of an old Python."""
    script = f"#!/bin/sh\\necho python3: version {OLD_PYTHON}\\n"
    on_machine(f"printf '{script}' > /opt/old-python; chmod +x /opt/old-python")
    yield
    on_machine("rm /opt/old-python")


@pytest.fixture(scope="module")
def bare(first_run, tmp_path_factory):
    """The inventory of a machine without Python, an instance of the demo's EC2 API, only for the tests of this file."""
    inventory = copied_inventory(tmp_path_factory.mktemp("bare") / "inventory")
    host = {"ansible_host": BARE, "machine_ports": [], "webserver_url": ""}
    (inventory / "hosts.yml").write_text(json.dumps({"webservers": {"hosts": {"bare": host}}}))
    created = playbook("files/demo/create.yml", inventory=inventory)
    assert created.returncode == 0, created.stdout
    launched = run("python", "files/demo/ec2.py", "launch", BARE)
    assert launched.returncode == 0, launched.stdout
    yield inventory
    ec2 = boto3.client(
        "ec2",
        endpoint_url=EC2["endpoint_url"],
        region_name=EC2["region"],
        aws_access_key_id="demo",
        aws_secret_access_key="no-secret-of-anybody",
    )
    ec2.terminate_instances(InstanceIds=[launched.stdout.split()[1].rstrip(",")])
    assert playbook("files/demo/destroy.yml", inventory=inventory).returncode == 0


def every_file():
    """Return all files of the bare machine, without logs, with their inodes' data. A write changes the time there."""
    listing = on_machine("find / -xdev -path /var/log -prune -o -printf '%C@ %m %u %g %s %p %l\\n'", BARE)
    assert " /etc/passwd " in listing
    return set(listing.splitlines())


def refused_together(cases, machine, folder):
    """Run site.yml for all cases at once: each is a host of the inventory, and all hosts are the same machine."""
    inventory = copied_inventory(folder / "inventory")
    hosts = {host(name): {**machine, **variables} for name, (variables, _said) in cases.items()}
    (inventory / "hosts.yml").write_text(json.dumps({"webservers": {"hosts": hosts}}))
    return playbook("site.yml", inventory=inventory, HOME=str(folder))


def host(name):
    return name.replace(" ", "_")


def check_refusal(refused, name, said):
    assert refused.returncode == 2, refused.stdout
    assert "Traceback" not in refused.stdout
    fatal = re.findall(rf"^fatal: \[{name}\]: FAILED! => *\n(?:\s.*\n)*", refused.stdout, re.MULTILINE)
    rescued = int(re.search(rf"^{name} .* rescued=(\d+)", refused.stdout, re.MULTILINE)[1])
    assert len(fatal) == 1 + rescued, refused.stdout  # a rescued failure is reported again, with advice
    text = " ".join("".join(fatal).replace("''", "'").split())
    for words in said:
        assert words in text


@pytest.fixture(scope="module")
def refused_on_demo(first_run, old_python, tmp_path_factory):
    before = state()
    refused = refused_together(TOGETHER, {}, tmp_path_factory.mktemp("demo"))
    return refused, before, state()


@pytest.fixture(scope="module")
def refused_on_bare(bare, tmp_path_factory):
    before = every_file(), rules()
    machine = {"ansible_host": BARE, "webserver_url": ""}
    refused = refused_together(SPARED, machine, tmp_path_factory.mktemp("refused"))
    return refused, before, (every_file(), rules())


@pytest.mark.parametrize("name", TOGETHER)
def test_bad_input_is_refused(refused_on_demo, name):
    refused, _before, _after = refused_on_demo
    check_refusal(refused, host(name), TOGETHER[name][1])


def test_refused_runs_change_nothing(refused_on_demo):
    _refused, before, after = refused_on_demo
    assert after == before


@pytest.mark.parametrize("name", ALONE)
def test_bad_input_that_only_the_machine_can_check_is_refused(demo, tmp_path, name):
    variables, said = CASES[name]
    before = state()
    check_refusal(playbook("site.yml", "-e", json.dumps(variables), HOME=str(tmp_path)), "demo", said)
    assert state() == before


@pytest.mark.parametrize("name", SPARED)
def test_bad_input_is_refused_for_a_bare_machine(refused_on_bare, name):
    refused, _before, _after = refused_on_bare
    check_refusal(refused, host(name), SPARED[name][1])


@pytest.mark.parametrize("name", ["verify", "status", "logs", "rollback", "diagnose", "exposure", "teardown"])
def test_a_machine_without_python_is_reported_in_a_sentence(bare, tmp_path, name):
    folder = {f"{role}_{kind}": str(tmp_path / kind) for role in ("diagnosis", "exposure") for kind in ("json", "html")}
    options = {**NO_AWS, "diagnosis_ask_aws": False, "exposure_ask_aws": False, **folder}
    done = playbook(f"playbooks/{name}.yml", "-e", json.dumps(options), inventory=bare)
    assert done.returncode == (0 if name == "exposure" else 2), done.stdout
    text = " ".join(done.stdout.split())
    words = "there is no Python that runs at" if name in ("rollback", "teardown") else "There is no Python at"
    assert f"{words} /usr/bin/python3 on this machine" in text
    assert "module_stdout" not in text


def test_bare_machine_was_not_touched(refused_on_bare):
    _refused, before, after = refused_on_bare
    assert after[0] ^ before[0] == set()
    assert after[1] == before[1]


def test_check_mode_looks_up_the_group_and_changes_no_bare_machine(bare):
    files, rules_before = every_file(), rules()
    checked = playbook("site.yml", "--check", inventory=bare)
    assert checked.returncode == 0, checked.stdout
    assert "python3 and python3-pip would be installed." in " ".join(checked.stdout.split())
    assert every_file() ^ files == set()
    assert rules() == rules_before
    unknown = playbook("site.yml", "--check", "-e", "security_group_id=sg-00000000", inventory=bare)
    check_refusal(unknown, "bare", ["security_group_id: sg-00000000 is not attached to eni-"])


def test_password_of_an_index_is_on_no_command_line(bare):
    secret = "hunter2-of-the-index"
    variable = f"flask_pip_index_url=http://user:{secret}@127.0.0.1:9/simple"
    refused = playbook("site.yml", "-vvv", "-e", variable, inventory=bare)
    check_refusal(refused, "bare", ["the machine cannot open a connection to 127.0.0.1, port 9"])
    assert secret not in refused.stdout
    journal = on_machine("journalctl --no-pager", BARE)
    assert "/dev/tcp" in journal  # sudo logs the commands that it runs
    assert secret not in journal


def test_token_in_the_address_of_a_repository_is_not_printed(bare):
    token = "ghp_of_nobody"
    variables = {"webserver_app_src": f"https://ci:{token}@github.invalid/me/app.git"}
    refused = playbook("site.yml", "-e", json.dumps(variables), inventory=bare)
    check_refusal(refused, "bare", ["https://github.invalid/me/app.git is not a folder on the control node."])
    assert token not in refused.stdout


def test_skipped_security_groups_are_reported_in_one_line(demo, tmp_path):
    site = playbook("site.yml", "-e", json.dumps({"security_group_manage": False, "security_group_aws": {}}))
    assert site.returncode == 0, site.stdout
    assert "security_group_manage is false, so no security group is changed." in site.stdout
