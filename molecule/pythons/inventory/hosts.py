#!/usr/bin/env python
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine each for the oldest Python that this ansible-core manages, Amazon Linux 2023's, and the newest here.

Their Pythons are those of this machine, on the PATH or of pyenv. One that is not here is left out, and said so.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import yaml
from ansible.release import __version__ as core

ROOT = pathlib.Path(__file__).parents[3]
PYENV = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
AMAZON_LINUX = "3.9"
NEWEST_KNOWN = 14
FIRST_PORT = 15100


def oldest_managed():
    variables = yaml.safe_load((ROOT / "roles" / "python3" / "vars" / "main.yml").read_text())
    table = variables["__python3_oldest_managed"]
    return table.get(".".join(core.split(".")[:2]), list(table.values())[-1])


def interpreter(version):
    """Return the Python's own folder and program, or None. One in /usr is the system's, and part of it."""
    for candidate in [*PYENV.glob(f"{version}.*/bin/python{version}"), shutil.which(f"python{version}")]:
        if candidate:
            probe = [candidate, "-c", "import ensurepip, sys, venv; print(sys.base_prefix)"]
            answer = subprocess.run(probe, capture_output=True, text=True, check=False)
            if answer.returncode == 0 and not answer.stdout.startswith("/usr\n"):
                return answer.stdout.strip()
    return None


def machines():
    here = {version: interpreter(version) for version in (f"3.{minor}" for minor in range(7, NEWEST_KNOWN + 1))}
    newest = [version for version, prefix in here.items() if prefix][-1:]
    wanted = dict.fromkeys([oldest_managed(), AMAZON_LINUX, *newest])
    for version in wanted:
        if here[version] is None:
            print(f"Python {version} is not on this machine: nothing is tried with it.", file=sys.stderr)
    return {version: here[version] for version in wanted if here[version]}


def variables(version, prefix):
    name = f"python{version.replace('.', '')}"
    return name, {
        "ansible_host": f"flasklaunch-molecule-{name}",
        "ansible_python_interpreter": f"/opt/python/bin/python{version}",
        "flask_python": f"/opt/python/bin/python{version}",
        "python_version": version,
        "machine_volumes": [f"{prefix}:/opt/python:ro"],
        "machine_ports": [f"127.0.0.1:{FIRST_PORT + int(version.split('.')[1])}:5000"],
        "webserver_url": f"http://127.0.0.1:{FIRST_PORT + int(version.split('.')[1])}/",
    }


hosts = dict(variables(*machine) for machine in machines().items())
json.dump({"webservers": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}, sys.stdout)
