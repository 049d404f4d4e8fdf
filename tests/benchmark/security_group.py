# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the processor time of the role security_group per host, with nothing to do, for 1 to 100 hosts.

  security_group.py             run it with the Python of the virtual environment

The hosts are names for one machine, whose port is open already, in a local EC2 API on EC2_PORT (16149 by default). The
cost of a host at 100 hosts should be that at 25: the last line is the ratio. It fails if the ratio is above LIMIT.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
os.environ.setdefault("EC2_PORT", "16149")
sys.path.insert(0, str(ROOT / "files" / "demo"))
import ec2  # noqa: E402  (the demo's local EC2 API)

HOSTS = (1, 25, 50, 100)
LIMIT = 1.2
PLAY = [{"hosts": "all", "gather_facts": False, "roles": ["flasklaunch.ec2.security_group"]}]


def site() -> str:
    """Make an instance whose group admits the port; return its id."""
    client = ec2.client()
    subnet, group = ec2.network_for(client, "10.20.0.5")
    permission = {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}
    made = client.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, NetworkInterfaces=[interface])
    return made["Instances"][0]["InstanceId"]


def seconds(folder: pathlib.Path, instance: str, hosts: int) -> float:
    """Return the processor time, of all processes, of one run for that many hosts."""
    keys = {"access_key": "demo", "secret_key": "no-secret-of-anybody"}
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "security_group_instance_id": instance,
        "security_group_aws": {"endpoint_url": f"http://127.0.0.1:{ec2.PORT}", "region": "us-east-1", **keys},
    }
    names = {f"web{number}": {} for number in range(hosts)}
    inventory, play = folder / "inventory.json", folder / "play.json"
    inventory.write_text(json.dumps({"all": {"hosts": names, "vars": variables}}))
    play.write_text(json.dumps(PLAY))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["ansible-playbook", str(play), "-i", str(inventory)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or "changed=1" in done.stdout:
        sys.exit(f"A run with nothing to do failed or changed something:\n{done.stdout[-3000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ec2.start(folder)
        try:
            instance = site()
            per_host = {}
            for hosts in HOSTS:
                total = seconds(pathlib.Path(folder), instance, hosts)
                per_host[hosts] = total / hosts
                print(f"{hosts:4} hosts: {total:6.1f} s of processor time, {total / hosts:.3f} s per host", flush=True)
        finally:
            ec2.stop(folder)
    ratio = per_host[100] / per_host[25]
    print(f"a host costs {ratio:.2f} x as much at 100 hosts as at 25")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
