# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure requests per second and latency: the unit of site.yml, and `python3 webserver.py` on the same machine.

  make benchmark

Both serve the same page from the same virtual environment. They take turns, so that other load affects both.
wrk runs in the network namespace of the machine (which needs root), as a client on the machine itself would: the
published port leads through docker's proxy, which is slower than the server and levels the difference. wrk keeps its
connections if the server allows it; Flask's development server closes each one after its answer. Prints a Markdown
table and fails if an aim is missed.
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
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
MACHINE = "flasklaunch-benchmark-serving"
ROUNDS = 5
SECONDS = 8
CONNECTIONS = (16, 200)
LEAST_RATIO = 4
UNIT, NEWCOMER = "webserver.service", "python3 webserver.py"
PORTS = {UNIT: 5000, NEWCOMER: 5001}
PAGE = "Hello World\n"
WEBSERVER_PY = f"""
from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return {PAGE!r}


app.run(host="0.0.0.0", port={PORTS[NEWCOMER]})
"""
MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


class Figures(NamedTuple):
    requests_per_second: float
    percentile_99: float  # milliseconds
    errors: int


def sh(*command: str, **options) -> str:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": ROOT, **options}
    done = subprocess.run(command, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


def start_unit(inventory: pathlib.Path) -> None:
    """Make a new machine with the site, with all variables at their defaults."""
    machine = {
        "ansible_host": MACHINE,
        "ansible_ssh_common_args": f'-F "{ROOT}/.demo/ssh_config"',
        "ansible_user": "ec2-user",
        "ansible_become": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        "machine_image": "flasklaunch-machine:latest",
        "flask_pip_ca_bundle": "/etc/pki/tls/certs/ca-bundle.crt",
        "security_group_manage": False,
        "webserver_port": PORTS[UNIT],
        "webserver_message": PAGE.strip(),
        "webserver_url": "",
    }
    inventory.write_text(json.dumps({"webservers": {"hosts": {"machine": machine}}}))
    for playbook in ("files/demo/create.yml", "site.yml"):
        sh("ansible-playbook", playbook, "-i", str(inventory))


def start_newcomer() -> None:
    """Start it in a unit too, so that both run alike. Its log of requests goes to a file, not to the journal."""
    sh("docker", "exec", "-i", MACHINE, "sh", "-c", "cat > /opt/newcomer.py", input=WEBSERVER_PY)
    run = "exec python3 /opt/newcomer.py > /tmp/newcomer.log 2>&1"
    options = ["--unit=newcomer", "--uid=webserver", "--setenv=PATH=/opt/webserver/current/venv/bin:/usr/bin"]
    sh("docker", "exec", MACHINE, "systemd-run", *options, "sh", "-c", run)


def in_network_of_machine() -> list[str]:
    pid = sh("docker", "inspect", "--format", "{{.State.Pid}}", MACHINE).strip()
    return ["nsenter", "--net", "--target", pid]


def check(inside: list[str], server: str) -> None:
    """Check that both serve the same page. Otherwise the comparison would be meaningless."""
    url = f"http://127.0.0.1:{PORTS[server]}/"
    retry = ["--retry", "50", "--retry-delay", "0", "--retry-connrefused", "--retry-max-time", "20"]
    body = sh(*inside, "curl", "--silent", "--noproxy", "*", *retry, url)
    if body != PAGE:
        sys.exit(f"{server} answers {body!r} instead of {PAGE!r}")


def measure(inside: list[str], server: str, connections: int, seconds: int = SECONDS) -> Figures:
    options = [f"-t{os.cpu_count()}", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    return parse(sh(*inside, "wrk", *options, f"http://127.0.0.1:{PORTS[server]}/"))


def parse(output: str) -> Figures:
    """Read wrk's output. Errors are answers other than 2xx and 3xx, and connections that were refused, cut or late."""
    rate = re.search(r"^Requests/sec: +([\d.]+)", output, re.MULTILINE)
    tail = re.search(r"^ +99% +([\d.]+)([a-z]+)", output, re.MULTILINE)
    errors = re.findall(r"(?:connect|read|write|timeout|Non-2xx or 3xx responses:) (\d+)", output)
    return Figures(float(rate[1]), float(tail[1]) * MILLISECONDS[tail[2]], sum(map(int, errors)))


def median(runs: list[Figures]) -> Figures:
    rates, tails, errors = zip(*runs)
    return Figures(statistics.median(rates), statistics.median(tails), sum(errors))


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("only root may enter the network namespace of the machine")
    missing = [tool for tool in ("wrk", "curl", "nsenter") if not shutil.which(tool)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    runs: dict[tuple[str, int], list[Figures]] = {(server, c): [] for c in CONNECTIONS for server in PORTS}
    try:
        with tempfile.TemporaryDirectory() as folder:
            start_unit(pathlib.Path(folder) / "inventory.json")
        start_newcomer()
        inside = in_network_of_machine()
        for server in PORTS:
            check(inside, server)
            measure(inside, server, CONNECTIONS[0], seconds=2)
        for _round in range(ROUNDS):
            for server, connections in runs:
                runs[server, connections].append(measure(inside, server, connections))
    finally:
        remove = ["docker", "rm", "--force", MACHINE]
        subprocess.run(remove, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    sys.exit(0 if report({key: median(figures) for key, figures in runs.items()}) else 1)


def report(medians: dict[tuple[str, int], Figures]) -> bool:
    """Print the figures. Returns whether all aims are met."""
    print(f"On {os.cpu_count()} cores that wrk shares, medians of {ROUNDS} rounds of {SECONDS} s:\n")
    print("| connections | server | requests per second | 99th percentile | errors |")
    print("|---:|---|---:|---:|---:|")
    for (server, connections), (rate, tail, errors) in medians.items():
        print(f"| {connections} | `{server}` | {rate:,.0f} | {tail:,.1f} ms | {errors} |")
    print()
    met = True
    for connections in CONNECTIONS:
        ours, theirs = medians[UNIT, connections], medians[NEWCOMER, connections]
        ratio = ours.requests_per_second / theirs.requests_per_second
        good = ratio >= LEAST_RATIO and ours.percentile_99 < theirs.percentile_99 and not ours.errors
        told = f"{ratio:.1f} x the requests per second (of at least {LEAST_RATIO})"
        told += f", {ours.percentile_99 / theirs.percentile_99:.2f} x the 99th percentile (of less than 1)"
        print(f"{'met   ' if good else 'MISSED'} {connections} connections: {told}, {ours.errors} errors (of 0)")
        met = met and good
    return met


if __name__ == "__main__":
    main()
