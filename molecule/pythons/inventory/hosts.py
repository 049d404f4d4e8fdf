#!/usr/bin/env python
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine each for the oldest Python that this ansible-core manages, Amazon Linux 2023's Python, and the newest.

Their Pythons are those of this computer, on the PATH or of pyenv. A version that is missing is left out and reported.
"""

import json
import pathlib
import subprocess

import yaml
from ansible.release import __version__ as core

ROOT = pathlib.Path(__file__).parents[3]
AMAZON_LINUX = "3.9"
FIRST_PORT = 15100


def oldest_managed():
    variables = yaml.safe_load((ROOT / "roles" / "python3" / "vars" / "main.yml").read_text())
    table = variables["__python3_oldest_managed"]
    return table.get(".".join(core.split(".")[:2]), list(table.values())[-1])


def pythons(*versions):
    """Return {version: folder} of the named versions, or of all, that are installed here outside of /usr."""
    lines = subprocess.check_output([ROOT / "tests" / "pythons.sh", *versions], text=True).splitlines()
    probe = "import sys; print(sys.base_prefix)"
    folders = {
        version: subprocess.check_output([program, "-c", probe], text=True).strip()
        for version, program in map(str.split, lines)
    }
    return {version: folder for version, folder in folders.items() if folder != "/usr"}


def variables(version, folder):
    port = FIRST_PORT + int(version.split(".")[1])
    return {
        "ansible_host": f"flasklaunch-molecule-python{version.replace('.', '')}",
        "ansible_python_interpreter": f"/opt/python/bin/python{version}",
        "flask_python": f"/opt/python/bin/python{version}",
        "python_version": version,
        "machine_volumes": [f"{folder}:/opt/python:ro"],
        "machine_ports": [f"127.0.0.1:{port}:5000"],
        "webserver_url": f"http://127.0.0.1:{port}/",
    }


newest = list(pythons().items())[-1:]
wanted = {**pythons(oldest_managed(), AMAZON_LINUX), **dict(newest)}
hosts = {f"python{version.replace('.', '')}": variables(version, folder) for version, folder in wanted.items()}
print(json.dumps({"webservers": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}))
