"""The product as a user sees it: whole commands on the demo machine, which is made again for this session."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def run(*command, cwd=ROOT, **environment):
    """Run a command and return it with its whole output as text. It does not get the tester's own AWS settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**clean, "AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            output, _none = running.communicate(timeout=280)  # a test has 300 s: pyproject.toml
        except BaseException:
            # Kill its children too. Otherwise they could change the machine during the next test.
            os.killpg(running.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, running.returncode, output)


def playbook(name, *options, inventory="inventory", **environment):
    return run("ansible-playbook", name, "-i", str(inventory), *options, **environment)


def site(*options, **keywords):
    """Run site.yml without security groups, because a third of its time is spent on AWS."""
    return playbook("site.yml", "-e", "security_group_manage=false", *options, **keywords)


def copied_inventory(folder):
    """Copy the demo's inventory into a folder of the test, which may change it. ssh uses the checkout's settings."""
    copy = pathlib.Path(shutil.copytree(ROOT / "inventory", folder))
    variables = copy / "group_vars" / "webservers.yml"
    text = variables.read_text()
    assert "{{ inventory_dir }}/.." in text
    variables.write_text(text.replace("{{ inventory_dir }}/..", str(ROOT)))
    return copy


def on_machine(command, container="flasklaunch-demo"):
    """Run a shell command on a machine as root and return its output."""
    return run("docker", "exec", container, "sh", "-c", command).stdout


def rules():
    """Return the ingress rules of the demo's security group, a line for each."""
    return run("python", "files/demo/ec2.py", "rules").stdout.splitlines()


def changes(output):
    """Return the numbers of changes in the recaps of all playbooks in an output."""
    return [int(count) for count in re.findall(r"changed=(\d+)", output)]


@pytest.fixture(scope="session")
def first_run():
    """`make demo` from nothing."""
    run("docker", "rm", "--force", "flasklaunch-demo", "flasklaunch-bare")
    run("python", "files/demo/ec2.py", "stop", ".demo")
    return run("make", "demo")


@pytest.fixture
def demo(first_run):
    """The demo machine with its site, also if the test before has changed it."""
    assert first_run.returncode == 0, first_run.stdout
    if "Hello World" not in run("curl", "-s", "--noproxy", "*", "http://127.0.0.1:5000/").stdout:
        assert playbook("site.yml").returncode == 0
