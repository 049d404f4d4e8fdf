"""The roles and modules on machines whose only Python is the oldest, Amazon Linux 2023's, or the newest."""

import json
import os
import pathlib
import subprocess
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).parents[3]
INVENTORY = ROOT / "molecule" / "pythons" / "inventory"
HOSTS = json.loads(subprocess.check_output([INVENTORY / "hosts.py"]))["_meta"]["hostvars"]
testinfra_hosts = [f"docker://{variables['ansible_host']}" for variables in HOSTS.values()]


@pytest.fixture
def variables(host):
    return HOSTS[host.check_output("hostname")]


def playbook(name, *options):
    command = ["ansible-playbook", f"playbooks/{name}.yml", "-i", str(INVENTORY), *options]
    settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


def test_page_from_outside(host, variables):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(variables["webserver_url"], timeout=5) as answer:
        assert answer.read() == b"Hello World\n"


def test_the_only_python_serves_it(host, variables):
    main_pid = host.check_output("systemctl show webserver.service --property MainPID --value")
    assert host.file(f"/proc/{main_pid}/exe").linked_to == f"/opt/python/bin/python{variables['python_version']}"
    assert host.run("rpm -q python3").rc == 1


@pytest.mark.parametrize("name", ["verify", "status", "logs", "diagnose", "exposure"])
def test_playbook_runs_on_all_of_them(name):
    no_files = "diagnosis_json= diagnosis_html= exposure_json= exposure_html="
    done = playbook(name, "-e", no_files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("failed=0") == len(HOSTS)


def test_a_run_prints_no_warning_of_an_old_python():
    """A module that the old Python cannot compile, or warns about, fails this test."""
    done = subprocess.run(
        ["ansible", "all", "-i", str(INVENTORY), "-b", "-m", "flasklaunch.ec2.listening_ports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("source: netlink") == len(HOSTS)
    assert "WARNING" not in done.stderr
