# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time site.yml, first on a bare machine and then with nothing to do, beside pyinfra doing the same job over ssh.

  make benchmark

Each tool gets a new machine of its own, made from the same image, and is timed as a whole command. The security group
is left out, as pyinfra knows none. The runs with nothing to do alternate, so that a busy moment meets both.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
RUNS = 7
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
    """A bare machine with sshd on loopback, which lets the key in and has the control node's certificates for pip."""
    name = f"flasklaunch-benchmark-{tool}"
    bundle = next(path for path in BUNDLES if pathlib.Path(path).exists())
    options = "--cap-add SYS_ADMIN --cap-add SYS_PTRACE --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:rw"
    options += f" --tmpfs /run --tmpfs /tmp:exec -p 127.0.0.1:{TOOLS[tool]}:22 -v {bundle}:/etc/ca-bundle.crt:ro"
    label = f"flasklaunch.ec2.checkout={ROOT}"  # by which make clean knows it
    sh("docker", "run", "--detach", "--name", name, "--label", label, *options.split(), "flasklaunch-machine:latest")
    wait = "systemctl is-system-running --wait"  # fails where it is degraded
    sh("docker", "exec", name, "sh", "-c", f"{wait}; printf '[global]\\ncert=/etc/ca-bundle.crt\\n' > /etc/pip.conf")
    authorise = "cat > /home/ec2-user/.ssh/authorized_keys; chown ec2-user: /home/ec2-user/.ssh/authorized_keys"
    sh("docker", "exec", "-i", name, "sh", "-c", authorise, input=key.with_suffix(".pub").read_text())


def main() -> None:
    os.environ["ANSIBLE_HOST_KEY_CHECKING"] = "false"
    with tempfile.TemporaryDirectory() as folder:
        key = pathlib.Path(folder) / "key"
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        inventory = pathlib.Path(folder) / "inventory.json"
        machine = {
            "ansible_host": "127.0.0.1",
            "ansible_port": TOOLS["ansible"],
            "ansible_user": "ec2-user",
            "ansible_ssh_private_key_file": str(key),
            "ansible_python_interpreter": "/usr/bin/python3",
            "flask_pip_ca_bundle": "/etc/ca-bundle.crt",
            "security_group_manage": False,
            "webserver_url": "",
        }
        inventory.write_text(json.dumps({"webservers": {"hosts": {"machine": machine}}}))
        pyinfra = shutil.which("pyinfra")
        if pyinfra is None:
            sys.exit("pyinfra is missing: run `make benchmark`, which installs it")
        commands = {
            "ansible": ["ansible-playbook", "site.yml", "-i", str(inventory)],
            "pyinfra": [pyinfra, "-y", "--user", "ec2-user", "--key", str(key), "--port", str(TOOLS["pyinfra"])]
            + ["--data", "ssh_strict_host_key_checking=off", "127.0.0.1", str(HERE / "pyinfra_deploy.py")],
        }
        try:
            first, nothing, tasks = {}, {tool: [] for tool in TOOLS}, {}
            for tool in TOOLS:
                start_machine(tool, key)
                first[tool], _output = timed(commands[tool])
            for _run in range(RUNS):
                for tool in TOOLS:
                    seconds, output = timed(commands[tool])
                    nothing[tool].append(seconds)
                    tasks[tool] = len(re.findall(r"^TASK \[|^--> Starting operation", output, re.MULTILINE))
            ran = re.search(r"ok=(\d+) +changed=0", timed(commands["ansible"])[1])
            assert ran, "a run with nothing to do changed something"
        finally:
            for tool in TOOLS:
                remove = ["docker", "rm", "--force", f"flasklaunch-benchmark-{tool}"]
                subprocess.run(remove, stdout=subprocess.DEVNULL, check=False)
    print(f"on {os.cpu_count()} cores, whole commands over ssh, median of {RUNS} runs with nothing to do")
    print("           first run   nothing to do   tasks")
    for tool in TOOLS:
        print(f"{tool:10} {first[tool]:7.1f} s   {statistics.median(nothing[tool]):11.1f} s   {tasks[tool]:5}")
    ratio = statistics.median(ours / theirs for ours, theirs in zip(nothing["ansible"], nothing["pyinfra"]))
    print(f"ansible with nothing to do takes {ratio:.2f} x pyinfra's time")


if __name__ == "__main__":
    main()
