# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure site.yml: against pyinfra with the same steps over ssh, for 1 to 100 hosts, and its memory on the machine.

  make benchmark

Each tool gets a new machine of its own, made from the same image, and is timed as a whole command. The security group
is left out, because pyinfra has none. The runs with nothing to do alternate, so that other load affects both. All hosts
are names for one machine: the control node's processor time is measured. A missed goal fails it, when all are measured.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
RUNS = 7
HOSTS = (1, 25, 100)
# The limits: the ratio to pyinfra's time, the ratio to a host's cost at 25 hosts, processor seconds, and MiB.
GOALS = {"ratio to pyinfra": 1.0, "ratio of a host at 100": 1.2, "seconds per further host": 1.0, "MiB": 60}
TOOLS = {"ansible": 15022, "pyinfra": 15023}
BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]


def sh(*command: str, **options) -> str:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": ROOT, **options}
    done = subprocess.run(command, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


def timed(command: list[str]) -> tuple[float, str]:
    begin = time.perf_counter()
    output = sh(*command)
    return time.perf_counter() - begin, output


def start_machine(tool: str, key: pathlib.Path) -> None:
    """Start a bare machine with sshd on loopback. It accepts the key, and has the control node's CA certificates."""
    name = f"flasklaunch-benchmark-{tool}"
    bundle = next(path for path in BUNDLES if pathlib.Path(path).exists())
    options = "--cap-add SYS_ADMIN --cap-add SYS_PTRACE --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:rw"
    options += f" --tmpfs /run --tmpfs /tmp:exec -p 127.0.0.1:{TOOLS[tool]}:22 -v {bundle}:/etc/ca-bundle.crt:ro"
    label = f"flasklaunch.ec2.checkout={ROOT}"  # make clean finds the machine by it
    sh("docker", "run", "--detach", "--name", name, "--label", label, *options.split(), "flasklaunch-machine:latest")
    wait = "systemctl is-system-running --wait"  # fails if the system is degraded
    sh("docker", "exec", name, "sh", "-c", f"{wait}; printf '[global]\\ncert=/etc/ca-bundle.crt\\n' > /etc/pip.conf")
    authorise = "cat > /home/ec2-user/.ssh/authorized_keys; chown ec2-user: /home/ec2-user/.ssh/authorized_keys"
    sh("docker", "exec", "-i", name, "sh", "-c", authorise, input=key.with_suffix(".pub").read_text())
    # All hosts of a fleet are this one machine, and its sshd would refuse some of them.
    many = "printf 'MaxSessions 200\\nMaxStartups 200\\n' > /etc/ssh/sshd_config.d/01-many.conf; systemctl reload sshd"
    sh("docker", "exec", name, "sh", "-c", many)
    # After its boot, a machine may still be making its host keys.
    answers = "until timeout 5 bash -c 'read -r hello < /dev/tcp/127.0.0.1/22'; do sleep 0.1; done"
    sh("docker", "exec", name, "sh", "-c", answers)
    notes = "cat > /usr/local/bin/noting-python; chmod +x /usr/local/bin/noting-python"
    sh("docker", "exec", "-i", name, "sh", "-c", notes, input=NOTING_PYTHON)


# Runs Python, and writes down the most memory that it had, in KiB.
NOTING_PYTHON = """#!/usr/bin/python3
import resource, subprocess, sys
status = subprocess.run(["/usr/bin/python3", *sys.argv[1:]]).returncode
with open("/tmp/peaks", "a") as peaks:
    peaks.write(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}\\n")
sys.exit(status)
"""


def inventory(path: pathlib.Path, key: pathlib.Path, hosts: int, **variables: object) -> str:
    """Write an inventory with this many names for the machine. Returns its path."""
    machine = {
        "ansible_host": "127.0.0.1",
        "ansible_port": TOOLS["ansible"],
        "ansible_user": "ec2-user",
        "ansible_ssh_private_key_file": str(key),
        "ansible_python_interpreter": "/usr/bin/python3",
        "flask_pip_ca_bundle": "/etc/ca-bundle.crt",
        "security_group_manage": False,
        "webserver_url": "",
        **variables,
    }
    names = {f"web{number}": {} for number in range(hosts)}
    path.write_text(json.dumps({"webservers": {"hosts": names, "vars": machine}}))
    return str(path)


def beside_pyinfra(commands: dict[str, list[str]], key: pathlib.Path) -> float:
    """Print how long both tools take. Returns the ratio of the runs with nothing to do."""
    first, nothing, tasks = {}, {tool: [] for tool in TOOLS}, {}
    for tool in TOOLS:
        start_machine(tool, key)
        first[tool], _output = timed(commands[tool])
    for _run in range(RUNS):
        for tool in TOOLS:
            seconds, output = timed(commands[tool])
            nothing[tool].append(seconds)
            tasks[tool] = len(re.findall(r"^TASK \[|^--> Starting operation", output, re.MULTILINE))
    assert "changed=0" in timed(commands["ansible"])[1], "a run with nothing to do changed something"
    print(f"on {os.cpu_count()} cores, whole commands over ssh, median of {RUNS} runs with nothing to do")
    print("           first run   nothing to do   tasks")
    for tool in TOOLS:
        print(f"{tool:10} {first[tool]:7.1f} s   {statistics.median(nothing[tool]):11.1f} s   {tasks[tool]:5}")
    ratio = statistics.median(ours / theirs for ours, theirs in zip(nothing["ansible"], nothing["pyinfra"]))
    print(f"ansible with nothing to do takes {ratio:.2f} x pyinfra's time", flush=True)
    return ratio


def of_a_fleet(folder: pathlib.Path, key: pathlib.Path) -> dict[int, float]:
    """Return the processor seconds of the control node in a run with nothing to do, by the number of hosts."""
    took = {}
    for hosts in HOSTS:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = sh("ansible-playbook", "site.yml", "-i", inventory(folder / "fleet.json", key, hosts))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert output.count("changed=0") == hosts, output
        took[hosts] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{hosts:4} hosts: {took[hosts]:6.1f} s of processor time, {took[hosts] / hosts:.2f} s per host", flush=True
        )
    return took


def peak(folder: pathlib.Path, key: pathlib.Path) -> float:
    """Return the most MiB that a module had on the machine in a deploy."""
    changed = dict(ansible_python_interpreter="/usr/local/bin/noting-python", webserver_message="Another page")
    sh("ansible-playbook", "site.yml", "-i", inventory(folder / "noting.json", key, 1, **changed))
    noted = sh("docker", "exec", "flasklaunch-benchmark-ansible", "cat", "/tmp/peaks").split()
    print(f"modules on the machine: at most {max(map(int, noted)) / 1024:.0f} MiB, of {len(noted)} that ran")
    return max(map(int, noted)) / 1024


def main() -> None:
    os.environ["ANSIBLE_HOST_KEY_CHECKING"] = "false"
    pyinfra = shutil.which("pyinfra")
    if pyinfra is None:
        sys.exit("pyinfra is missing: run `make benchmark`, which installs it")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        key = folder / "key"
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        commands = {
            "ansible": ["ansible-playbook", "site.yml", "-i", inventory(folder / "inventory.json", key, 1)],
            "pyinfra": [pyinfra, "-y", "--user", "ec2-user", "--key", str(key), "--port", str(TOOLS["pyinfra"])]
            + ["--data", "ssh_strict_host_key_checking=off", "127.0.0.1", str(HERE / "pyinfra_deploy.py")],
        }
        try:
            found = {"ratio to pyinfra": beside_pyinfra(commands, key)}
            took = of_a_fleet(folder, key)
            found["MiB"] = peak(folder, key)
        finally:
            for tool in TOOLS:
                remove = ["docker", "rm", "--force", f"flasklaunch-benchmark-{tool}"]
                subprocess.run(remove, stdout=subprocess.DEVNULL, check=False)
    few, many = HOSTS[1:]
    found["ratio of a host at 100"] = (took[many] / many) / (took[few] / few)
    found["seconds per further host"] = (took[many] - took[1]) / (many - 1)
    missed = [f"{what}: {found[what]:.2f}, at most {most:g}" for what, most in GOALS.items() if found[what] > most]
    sys.exit("\n".join(["missed:", *missed]) if missed else 0)


if __name__ == "__main__":
    main()
