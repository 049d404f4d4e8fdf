# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import socket
import subprocess

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import iptables, nftables
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall.rules import Packet, firewall_hop

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
PORTS = (22, 80, 5000, 5001, 8080)
TABLE = "table inet t {{ chain c {{ type filter hook input priority 0; policy {policy};\n{rules}\n}}\n{others}\n}}"
# What a client may see for each of our verdicts.
MAY_BE = {"ok": {"answered"}, "broken": {"dropped", "turned away"}}


@contextlib.contextmanager
def inside(namespace):
    """Move the calling thread into another network namespace, with the sockets and programs that it makes."""
    libc = ctypes.CDLL(None, use_errno=True)
    before, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        assert libc.setns(there, 0) == 0
        yield
    finally:
        assert libc.setns(before, 0) == 0
        os.close(before)
        os.close(there)


@pytest.fixture
def cable():
    """Two machines with a cable between them. The second one listens on all ports.

    Each test has a new one: ansible-test runs each in its own process, which ends before a module's fixture is undone.
    """
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("nft")):
        pytest.skip("needs root, ip and nft")
    names = [f"flasklaunch-{os.getpid()}-{number}" for number in range(2)]

    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True)

    for name in names:
        ip("netns", "add", name)
    try:
        ip("-n", names[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, (CLIENT, SERVER)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        with inside(names[1]), contextlib.ExitStack() as opened:
            listeners = [opened.enter_context(contextlib.closing(socket.socket())) for _port in PORTS]
            for listener, port in zip(listeners, PORTS):
                listener.bind(("0.0.0.0", port))
                listener.listen(64)
            opened.enter_context(inside(names[0]))
            yield names
    finally:
        for name in names:
            ip("netns", "delete", name)


def tried(port, patience):
    """Return what the client sees of a port. `patience` is short if no answer is expected."""
    with contextlib.closing(socket.socket()) as client:
        client.settimeout(patience)
        try:
            client.connect((SERVER, port))
            return "answered"
        except socket.timeout:
            return "dropped"
        except OSError as error:
            assert error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ECONNRESET)
            return "turned away"


def compared(names, read):
    """Compare our verdict with what a client sees, for each port."""
    found = {}
    for port in PORTS:
        packet = Packet("ipv4", port, SERVER, "eth0", f"{CLIENT}/32")
        hop = firewall_hop(read(packet), [], packet)
        assert hop.verdict in MAY_BE, hop
        assert tried(port, 10 if hop.verdict == "ok" else 0.2) in MAY_BE[hop.verdict], (port, hop)
        found[port] = hop.verdict
    return found


@pytest.mark.parametrize(
    ("policy", "rules", "others"),
    [
        ("accept", "", ""),
        ("drop", "", ""),
        ("drop", "tcp dport 5000 accept", ""),
        ("accept", "tcp dport { 22, 80 } drop\ntcp dport 5000 reject", ""),
        ("drop", "tcp dport 5000-5001 accept", ""),
        ("drop", "tcp dport != 5000 accept", ""),
        ("drop", "tcp dport < 5000 accept\ntcp dport >= 8080 accept", ""),
        ("drop", "ct state established,related accept\ntcp dport 22 ct state new accept", ""),
        ("accept", "ct state { new } tcp dport 80 reject with tcp reset", ""),
        (
            "accept",
            "ct state invalid drop\nct state vmap { established : accept, new : jump x }",
            "chain x { tcp dport 80 drop\n}",
        ),
        ("drop", "tcp dport vmap { 22 : accept, 5000 : jump x }", "chain x { ip saddr 10.77.0.0/24 accept\n}"),
        ("drop", "goto x\naccept", "chain x { tcp dport 22 accept\n}"),
        (
            "drop",
            "jump x\ntcp dport 80 accept",
            "chain x { tcp dport 22 accept\ntcp dport 80 return\ntcp dport 5000 accept\n}",
        ),
        ("drop", 'iifname "eth*" tcp dport 5000 accept\niifname lo accept\niif lo accept', ""),
        ("accept", "ip saddr != 10.77.0.1 drop\nip saddr 10.77.0.1 tcp dport 80 drop", ""),
        ("drop", "ip daddr . tcp dport { 10.77.0.2 . 5000, 10.77.0.3 . 22 } accept", ""),
        ("drop", "tcp flags & (fin|syn|rst|ack) == syn tcp dport 5000 accept\nct state established accept", ""),
        ("drop", "tcp flags & (fin|syn|rst|ack) != syn tcp dport 5000 accept", ""),
        ("drop", "meta l4proto tcp th dport 80 accept\nip protocol tcp tcp dport 22 accept\nudp dport 5000 accept", ""),
        ("drop", "meta nfproto ipv6 accept\nmeta nfproto ipv4 tcp dport 80 accept\nip6 saddr ::/0 accept", ""),
        ("accept", "limit rate over 1000/second drop\ntcp dport 80 counter log drop", ""),
        ("drop", "tcp sport 1024-65535 tcp dport 22 accept\ntcp sport 53 accept", ""),
        ("drop", "fib daddr type local tcp dport 5001 accept", ""),
        (
            "drop",
            "tcp dport 5000 accept",
            "chain early { type filter hook prerouting priority -5; tcp dport 5000 drop\n}",
        ),
        ("accept", "", "chain early { type filter hook forward priority 0; policy drop;\n}"),
        ("accept", "", "chain late { type filter hook input priority 5; policy drop; tcp dport 22 accept\n}"),
        ("drop", "pkttype host tcp dport 22 accept\npkttype broadcast accept", ""),
    ],
)
def test_nftables_as_the_kernel_has_it(cable, policy, rules, others):
    with inside(cable[1]):
        text = TABLE.format(policy=policy, rules=rules, others=others)
        loaded = subprocess.run(["nft", "-f", "-"], input=text.encode(), stderr=subprocess.PIPE, check=False)
        if b"not supported" in loaded.stderr:
            pytest.skip("this kernel has no such rules")
        assert loaded.returncode == 0, loaded.stderr.decode()
        listed = subprocess.run(
            ["nft", "--json", "list", "ruleset"], stdout=subprocess.PIPE, check=True
        ).stdout.decode()
    try:
        compared(cable, lambda packet: nftables.parse(listed, packet))
    finally:
        with inside(cable[1]):
            subprocess.run(["nft", "flush", "ruleset"], check=True)


@pytest.mark.parametrize(
    "rules",
    [
        ["-P INPUT DROP", "-A INPUT -p tcp --dport 5000 -j ACCEPT"],
        ["-A INPUT -p tcp -m multiport --dports 22,5000:5001 -j REJECT", "-A INPUT -p tcp --dport 80 -j DROP"],
        [
            "-P INPUT DROP",
            "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
            "-A INPUT ! -s 10.77.0.0/24 -j ACCEPT",
        ],
        ["-N x", "-A INPUT -p tcp --dport 80 -g x", "-A INPUT -s 10.77.0.1 -j DROP", "-A x -j RETURN"],
        [
            "-N x",
            "-A INPUT -j x",
            "-A x -p tcp ! --dport 80 -j RETURN",
            "-A x -j REJECT --reject-with tcp-reset -p tcp",
        ],
        ["-P INPUT DROP", "-A INPUT -i eth+ -p tcp --syn --dport 22 -j ACCEPT", "-A INPUT -p tcp ! --syn -j ACCEPT"],
        ["-A INPUT -m addrtype --dst-type LOCAL -p tcp --dport 8080 -j REJECT --reject-with icmp-host-prohibited"],
        ["-A INPUT -m iprange --src-range 10.77.0.1-10.77.0.9 -p tcp --dport 22 -j DROP"],
        ["-t raw -A PREROUTING -p tcp --dport 5000 -j DROP"],
        [
            "-A INPUT -p tcp --dport 80 -m limit --limit 1000/s -j LOG",
            "-A INPUT -p tcp --dport 80 -m comment --comment -j -j DROP",
        ],
    ],
)
def test_iptables_as_the_kernel_has_it(cable, rules):
    if not shutil.which("iptables-nft"):
        pytest.skip("iptables is not installed")
    with inside(cable[1]):
        for rule in rules:
            subprocess.run(["iptables-nft", *rule.split()], check=True)
        saved = subprocess.run(["iptables-nft-save"], stdout=subprocess.PIPE, check=True).stdout.decode()
    try:
        verdicts = compared(cable, lambda packet: iptables.parse(saved, packet))
        assert "unknown" not in verdicts.values(), "all of these rules can be read"
    finally:
        with inside(cable[1]):
            subprocess.run(["nft", "flush", "ruleset"], check=True)
