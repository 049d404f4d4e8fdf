# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how fast listening_ports is, compared with netstat, ss and community.general.listen_ports_facts.

It makes all sockets itself, in network namespaces that end with it. It needs root, netstat, ss and, for
the last part, ansible beside the Python that runs it. Prints a line for each aim, and fails if one is missed.

    sudo .venv/bin/python tests/benchmark/listening_ports.py [--no-ansible]
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from typing import Callable, Iterator, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.listeners import read_table
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.report import look

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ANSIBLE = pathlib.Path(sys.executable).parent / "ansible"
CLONE_NEWNET = 0x40000000
HOLDERS = 8
FIRST_PORT = 2000
ROUNDS = 7
# The most rounds of ansible. They take long, because listen_ports_facts runs ps twice for each listener.
SIZES = ((1, 0, 80), (20, 0, 80), (20, 60000, 20), (200, 0, 3), (2000, 0, 1))
FEWEST = 9  # rounds; the spread of fewer ratios shows nothing
PATIENCE = 90  # seconds for a single run of ansible


class Aim(NamedTuple):
    what: str
    seen: float
    limit: float
    unit: str = ""
    margin: str = ""

    def report(self) -> bool:
        met = self.seen <= self.limit
        figures = f"{self.seen:>9.3f}{self.unit}  of at most {self.limit:.3f}{self.unit}"
        print(f"  {'met   ' if met else 'MISSED'} {figures:<38} {self.what}{self.margin}", flush=True)
        return met


@contextlib.contextmanager
def network(listeners: int, established: int = 0) -> Iterator[None]:
    """Make a network with this many listeners and connections, divided among some processes."""
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.ExitStack() as cleanup:
        before = os.open("/proc/self/ns/net", os.O_RDONLY)
        cleanup.callback(os.close, before)
        if libc.unshare(CLONE_NEWNET):
            sys.exit(f"cannot make a network namespace: {os.strerror(ctypes.get_errno())}")
        cleanup.callback(libc.setns, before, CLONE_NEWNET)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        leash, hand = os.pipe()  # the processes that hold sockets end with this program, also if it is killed
        ready, done = os.pipe()
        children = [hold(share, listeners, established, leash, hand, done) for share in range(HOLDERS)]
        for descriptor in (leash, done):
            os.close(descriptor)
        cleanup.callback(lambda: [os.waitpid(child, 0) for child in children])
        cleanup.callback(os.close, hand)
        with os.fdopen(ready, "rb") as pipe:
            if len(pipe.read(HOLDERS)) < HOLDERS:
                sys.exit("the sockets could not be made: is the limit of open files (ulimit -n) below 10,000?")
        yield


def hold(share: int, listeners: int, established: int, leash: int, hand: int, done: int) -> int:
    """Start the process that holds every HOLDERS-th listener and its part of the connections, both ends of each."""
    child = os.fork()
    if child:
        return child
    try:
        os.close(hand)
        ports = range(FIRST_PORT + share, FIRST_PORT + listeners, HOLDERS)
        held = [socket.create_server(("127.0.0.1", port)) for port in ports]
        ends = []
        for number in range(established // HOLDERS // 2):
            listener = held[number % len(held)]
            ends.append(socket.create_connection(listener.getsockname()))
            ends.append(listener.accept()[0])
        os.write(done, b".")
        os.close(done)
        os.read(leash, 1)
    finally:
        os._exit(0)


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def compare(runs: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median of each. They run in turns, so that other load on the machine affects all of them."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _time in range(rounds):
        for name, run in runs.items():
            taken[name].append(seconds(run))
    medians = {name: statistics.median(each) for name, each in taken.items()}
    for name, median in medians.items():
        print(f"         {median * 1000:>9.1f} ms  {name}", flush=True)
    return medians


def processor_seconds(run: Callable[[], object]) -> float:
    """Return the processor time of all the processes that it starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def lower_quartile(values: list[float]) -> float:
    """Return the lower quartile. Other load on the machine can only add to a time, so lower times are more accurate."""
    return sorted(values)[len(values) // 4]


def spread(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Return the limits of the ratio of the two, with a certainty of 95 % (bootstrap over the rounds)."""
    chance = random.Random(0)
    ratios = []
    for _time in range(400):
        rounds = chance.choices(range(len(ours)), k=len(ours))
        ratios.append(lower_quartile([ours[i] for i in rounds]) / lower_quartile([theirs[i] for i in rounds]))
    return sorted(ratios)[10], sorted(ratios)[-11]


def race(limits: dict[str, float], rounds: int) -> Iterator[Aim]:
    """Run listening_ports and its peers in turns until it is certain on which side of each limit their ratio is.

    Ansible keeps one processor busy and hardly waits. So this compares processor time, which other programs on the
    machine disturb less than elapsed time. If there are few rounds, the difference is one of seconds to minutes.
    """
    measure = processor_seconds if rounds >= FEWEST else seconds
    ours, taken = "listening_ports", {name: [] for name in ("listening_ports", *limits)}
    runs = {name: ansible(name) for name in taken}
    for number in range(1, rounds + 1):
        order = list(taken)
        first = number % len(order)
        for name in order[first:] + order[:first]:
            taken[name].append(measure(runs[name]))
        spreads = {name: spread(taken[ours], taken[name]) for name in limits}
        if number >= FEWEST and all(not low <= limits[name] <= high for name, (low, high) in spreads.items()):
            break
    for name, each in taken.items():
        print(f"         {lower_quartile(each) * 1000:>9.1f} ms  {name}, lower quartile of {len(each)}", flush=True)
    for name, limit in limits.items():
        margin = " ({:.3f} to {:.3f})".format(*spreads[name]) if rounds >= FEWEST else ""
        yield Aim(f"{ours} / {name}", lower_quartile(taken[ours]) / lower_quartile(taken[name]), limit, margin=margin)


def fastest_table() -> float:
    """Return the minimum, because a look takes less than a millisecond, and other load can only add to it."""
    fastest = min(seconds(lambda: read_table(["tcp"], False, ignore)) for _time in range(200))
    print(f"         {fastest * 1000:>9.2f} ms  the table, in process, the fastest of 200")
    return fastest


def ignore(_warning: str) -> None:
    """Ignore warnings that some processes cannot be read."""


def command(line: str) -> Callable[[], object]:
    return lambda: subprocess.run(line.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def ansible(module: str) -> Callable[[], object]:
    arguments = [str(ANSIBLE), "localhost", "-m", module]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def run() -> None:
        with subprocess.Popen(arguments, cwd=str(ROOT), start_new_session=True, **quiet) as started:
            try:
                if started.wait(PATIENCE):
                    sys.exit(f"failed: {' '.join(arguments)}")
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)

    return run


def in_a_process_of_its_own(processes: bool) -> tuple[float, float]:
    """Return the seconds of one look, and the most memory that its process had, in MB."""
    arguments = [sys.executable, __file__, "--look", "with" if processes else "without"]
    text = subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout
    taken, memory = text.split()
    return float(taken), float(memory)


def look_once(processes: bool) -> None:
    taken = seconds(lambda: look(Query(), ignore, processes=processes))
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = pathlib.Path("/proc/self/status").read_text()
    print(taken, int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024)


def among_connections() -> Iterator[Aim]:
    print("20 listeners, no connections")
    with network(20):
        table_alone = fastest_table()
    print("20 listeners among 60,000 established sockets of 8 processes")
    with network(20, 60000):
        table_among = fastest_table()
        taken = compare(
            {
                "the table, in process": lambda: read_table(["tcp"], False, ignore),
                "the whole result without owners, in process": lambda: look(Query(), ignore, processes=False),
                "the whole result with owners, in process": lambda: look(Query(), ignore),
                "netstat -ltn4": command("netstat -ltn4"),
                "ss -ltn4": command("ss -ltn4"),
                "ss -ltnp4": command("ss -ltnp4"),
            }
        )
    table, bare, owned, netstat, ss, ssp = taken.values()
    yield Aim("table / netstat -ltn4", table / netstat, 1 / 50)
    yield Aim("table / ss -ltn4", table / ss, 1)
    yield Aim("result without owners / ss -ltn4", bare / ss, 1)
    yield Aim("result with owners / ss -ltnp4", owned / ssp, 1)
    yield Aim("table among connections / table without any", table_among / table_alone, 1.2)


def many_listeners() -> Iterator[Aim]:
    print("20,000 listeners of 8 processes")
    with network(20000):
        for processes, limit in ((False, 1), (True, 2)):
            looks = [in_a_process_of_its_own(processes) for _time in range(ROUNDS)]
            taken, memory = min(looks)[0], max(memory for _taken, memory in looks)
            owners = "with" if processes else "without"
            yield Aim(f"the whole result {owners} owners, the fastest of {ROUNDS}", taken, limit, " s")
            yield Aim(f"memory of the process, {owners} owners, the most of {ROUNDS}", memory, 150, " MB")


def whole_runs() -> Iterator[Aim]:
    for listeners, established, rounds in SIZES:
        print(f"ansible localhost -m ..., {listeners} listeners, {established} established sockets")
        limits = {"ping": 1.15} if listeners <= 20 and not established else {}
        with network(listeners, established):
            yield from race(dict(limits, **{"community.general.listen_ports_facts": 1}), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-ansible", action="store_true", help="leave out the runs of ansible")
    parser.add_argument("--look", choices=["with", "without"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look_once(options.look == "with")
        return
    if os.geteuid() != 0:
        sys.exit("only root may make network namespaces")
    missing = [tool for tool in ("ip", "netstat", "ss") if not shutil.which(tool)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parts = [among_connections, many_listeners] + ([] if options.no_ansible else [whole_runs])
    met = [aim.report() for part in parts for aim in part()]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
