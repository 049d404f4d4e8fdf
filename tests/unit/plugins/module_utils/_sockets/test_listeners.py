# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compared with the live kernel, in the test's own network if that matters."""

from __future__ import annotations

import array
import errno
import itertools
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.sockets import Socket
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import listeners, socket_units
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import netstat as _netstat
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import owners as _owners

BOTH = pytest.mark.parametrize("source", ["netlink", "proc"])
IPPROTO_MPTCP = 262


@pytest.fixture
def look(forbid_netlink):
    """Reads the rows from one source."""

    def look(source="netlink", protocols=("tcp", "udp"), processes=False, every_state=False, warn=pytest.fail):
        if source == "proc":
            forbid_netlink()
        table = listeners.read_table(protocols, every_state, warn)
        assert table.source == source
        return listeners.rows(table.sockets, processes)

    return look


def of(rows, bound):
    """Return the row of a bound socket. In the machine's own network, another socket may have the same port."""
    inode = os.fstat(bound.fileno()).st_ino
    return [row for row in rows if row["inode"] == inode]


def eventually(condition):
    """Wait for a condition: the kernel may finish a handshake, a close or a route a little later."""
    deadline = time.monotonic() + 10
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(listener):
    """Return how many connections the listener has not accepted: tcpi_unacked of struct tcp_info."""
    return struct.unpack_from("=I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]


def connect(listener):
    """Make a connection, and wait until the listener has it."""
    before = waiting(listener)
    client = socket.create_connection(listener.getsockname()[:2])
    eventually(lambda: waiting(listener) > before)
    return client


# Each run has its own seeds. SEEDS="1 2" in the environment repeats those in the name of a failed test.
# If xdist starts several processes, they must all have the same seeds.
THIS_RUN = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
SEEDS = os.environ.get("SEEDS", "").split() or [str(THIS_RUN.getrandbits(32)) for _time in range(4)]
RANDOMLY = pytest.mark.parametrize("seed", SEEDS)
KINDS = [
    {"address": "0.0.0.0"},
    {"address": "127.0.0.1"},
    {"address": "127.0.0.2"},
    {"address": "0.0.0.0", "device": "lo"},
    {"address": "203.0.113.5", "free": True},
    {"address": "::", "v6only": True},
    {"address": "::", "v6only": False},
    {"address": "::1"},
    {"address": "::", "device": "lo"},
    {"address": "::ffff:127.0.0.1"},
    {"address": "2001:db8:1111:2222:3333:4444:5555:6666", "free": True},
    {"address": "0.0.0.0", "reuse": True},
    {"address": "::", "reuse": True},
]


class Mixture:
    """Random sockets that one kernel allows together, some of them shared with other processes."""

    def __init__(self, bind, seed):
        self.chance = random.Random(seed)
        self.bound, self.clients, self.children = [], [], []
        for kind in KINDS + self.chance.choices(KINDS, k=30):
            kind = dict(kind, protocol=self.chance.choice(["tcp", "udp"]), backlog=self.chance.choice([0, 1, 7, 128]))
            self.bound.append(bind(**kind))
            if kind.get("reuse"):
                self.bound.append(bind(**dict(kind, port=self.bound[-1].getsockname()[1])))
            elif kind["protocol"] == "tcp" and not kind.get("free"):
                self.fill(self.bound[-1], self.chance.randint(0, min(kind["backlog"], 3) + 1))
        self.bound.append(bind(backlog=2))
        self.fill(self.bound[-1], 3)  # one more than the backlog: the queue holds that many
        self.pids = {os.fstat(each.fileno()).st_ino: [os.getpid()] for each in self.bound}

    def fill(self, listener, connections):
        self.clients += [connect(listener) for _time in range(connections)]

    def share(self):
        """Let three other processes hold some of the sockets, and close some here."""
        leash, self.hand = os.pipe()
        ready, done = os.pipe()
        for _time in range(3):
            dropped = [each for each in self.bound if self.chance.random() < 0.5]
            child = os.fork()
            if not child:
                try:
                    for each in dropped:
                        each.close()
                    os.close(self.hand)
                    os.write(done, b".")
                    os.close(done)
                    os.read(leash, 1)
                finally:
                    os._exit(0)
            self.children.append(child)
            for each in set(self.bound).difference(dropped):
                self.pids[os.fstat(each.fileno()).st_ino].append(child)
        os.close(leash)
        os.close(done)
        with os.fdopen(ready, "rb") as pipe:
            assert len(pipe.read()) == len(self.children)  # until its end, when each child has closed its side
        for each in self.bound:
            holders = self.pids[os.fstat(each.fileno()).st_ino]
            if len(holders) > 1 and self.chance.random() < 0.3:
                holders.remove(os.getpid())
                each.close()

    def close(self):
        for each in self.bound + self.clients:
            each.close()
        if self.children:
            os.close(self.hand)
        for child in self.children:
            os.waitpid(child, 0)


@pytest.fixture
def mixture(network, bind):
    made = []

    def mixture(seed):
        made.append(Mixture(bind, seed))
        return made[-1]

    yield mixture
    for each in made:
        each.close()


@BOTH
@RANDOMLY
def test_L4_L15_the_table_is_that_of_netstat(mixture, look, netstat, source, seed):
    mixture(seed)
    rows = look(source)
    selections = {
        "-ltn4": lambda row: row["proto"] == "tcp",
        "-ltn6W": lambda row: row["proto"] == "tcp6",
        "-lun4": lambda row: row["proto"] == "udp",
        "-lun6W": lambda row: row["proto"] == "udp6",
        "-ltunW": lambda row: True,
    }
    for flags, selects in selections.items():
        lines = _netstat.render(row for row in rows if selects(row))
        assert lines[:2] + sorted(lines[2:]) == netstat(flags), flags
    assert len(rows) > 40


@BOTH
@RANDOMLY
def test_L4_with_connections_too(mixture, look, netstat, source, seed):
    mixture(seed)
    lines = _netstat.render(look(source, every_state=True), every_state=True)
    assert lines[:2] + sorted(lines[2:]) == netstat("-atunW")
    assert any("ESTABLISHED" in line for line in lines)


@pytest.mark.skipif(not shutil.which("ss"), reason="ss is not installed")
@RANDOMLY
def test_L5_L14_L15_row_by_row_it_is_that_of_ss(mixture, look, seed):
    made = mixture(seed)
    made.share()
    text = subprocess.run(["ss", "-ltunpeH"], stdout=subprocess.PIPE, check=True).stdout.decode()
    theirs = {}
    for line in text.splitlines():
        protocol, _state, recv_q, send_q, local = line.split()[:5]
        inode = int(re.search(r" ino:(\d+)", line).group(1))
        pids = sorted(set(map(int, re.findall(r",pid=(\d+)", line))))
        theirs[inode] = (protocol, local, int(recv_q), int(send_q), pids)
    ours = {}
    for row in look(processes=True):
        address = "[{}]".format(row["local_address"]) if row["family"] == "ipv6" else row["local_address"]
        if row["interface"]:
            address += "%" + row["interface"]
        if row["dual_stack"]:
            address = address.replace("[::]", "*")
        pids = [each["pid"] for each in row["processes"]]
        local = "{}:{}".format(address, row["local_port"])
        ours[row["inode"]] = (row["proto"].rstrip("6"), local, row["recv_q"], row["backlog"] or 0, pids)
    assert ours == theirs
    assert {inode: found[-1] for inode, found in ours.items()} == {key: sorted(made.pids[key]) for key in made.pids}
    assert any(protocol == "tcp" and recv_q > backlog for protocol, _local, recv_q, backlog, _pids in ours.values())


def test_rows_are_sorted_by_protocol_address_and_port(monkeypatch):
    expected = [
        ("tcp", "ipv4", "0.0.0.0", 9000),
        ("tcp", "ipv4", "127.0.0.9", 80),
        ("tcp", "ipv4", "127.0.0.9", 443),
        ("tcp", "ipv4", "127.0.0.10", 80),
        ("tcp", "ipv6", "::1", 22),
        ("udp", "ipv4", "0.0.0.0", 53),
    ]

    def kernel(protocol, family, _every_state):
        found = [Socket(*each[:2], 10, *each[2:], "0.0.0.0", 0, 0, 0, 0, 7) for each in expected]
        return [each for each in reversed(found) if (each.protocol, each.family) == (protocol, family)]

    monkeypatch.setattr(listeners.sock_diag, "read", kernel)
    table = listeners.read_table(["udp", "tcp"], False, pytest.fail)
    assert [(each.protocol, each.family, each.local_address, each.local_port) for each in table.sockets] == expected


@BOTH
def test_L5_three_clients_that_wait_to_be_accepted(network, bind, look, source):
    listener = bind("127.0.0.1", backlog=7)
    clients = [connect(listener) for _time in range(3)]
    (row,) = look(source)
    assert (row["recv_q"], row["send_q"], row["backlog"]) == (3, 0, 7 if source == "netlink" else None)
    for client in clients:
        client.close()


DUAL, REACHABLE = "dual_stack", "ipv4_reachable"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"address": "0.0.0.0"}, {"scope": "any", DUAL: False, REACHABLE: True, "address_not_local": False}),
        ({"address": "::", "v6only": False}, {"scope": "any", DUAL: True, REACHABLE: True}),
        ({"address": "::", "v6only": True}, {"scope": "any", DUAL: False, REACHABLE: False}),
        ({"address": "::ffff:127.0.0.1"}, {"scope": "loopback", DUAL: False, REACHABLE: True, "family": "ipv6"}),
        (
            {"address": "::ffff:0.0.0.0"},
            {"scope": "any", DUAL: False, REACHABLE: True, "family": "ipv6", "address_not_local": False},
        ),
        ({"address": "::1"}, {"scope": "loopback", DUAL: False, REACHABLE: False}),
        ({"address": "0.0.0.0", "device": "lo"}, {"local_address": "0.0.0.0", "interface": "lo", "scope": "loopback"}),
        ({"address": "127.0.0.2"}, {"scope": "loopback", "interface": None}),
        (
            {"address": "203.0.113.5", "free": True},
            {"scope": "public", "address_not_local": True, REACHABLE: False},
        ),
        (
            {"address": "2001:db8:1111:2222:3333:4444:5555:6666", "free": True},
            {"local_address": "2001:db8:1111:2222:3333:4444:5555:6666", "address_not_local": True},
        ),
        ({"address": "::", "v6only": False, "protocol": "udp"}, {DUAL: True, REACHABLE: True, "state": None}),
    ],
)
def test_L6_L7_L8_L9_L11_what_a_bind_means(network, bind, look, kind, expected):
    bind(**kind)
    (row,) = look()
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"address": "::"}, {DUAL: None, REACHABLE: None}),
        ({"address": "0.0.0.0"}, {DUAL: False, REACHABLE: True, "backlog": None}),
        ({"address": "127.0.0.1"}, {REACHABLE: True, "address_not_local": False}),
        ({"address": "203.0.113.5", "free": True}, {REACHABLE: None, "address_not_local": None}),
        ({"address": "::1"}, {DUAL: False, REACHABLE: False}),
    ],
)
def test_L3_values_that_proc_lacks_are_unknown(network, bind, look, kind, expected):
    bind(**kind)
    (row,) = look("proc")
    assert {key: row[key] for key in expected} == expected


@pytest.mark.skipif(not shutil.which("ip"), reason="ip is not installed")
def test_L10_a_link_local_address_keeps_its_zone(network, look):
    for arguments in (
        "link add web0 type veth peer name web1",
        "link set web1 up",
        "link set web0 up",
        "address add fe80::1234/64 dev web0 nodad",
    ):
        subprocess.run(["ip"] + arguments.split(), check=True)
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("fe80::1234", 5000, 0, socket.if_nametoindex("web0")))
        listener.listen(1)
        # The kernel makes the route to a new IPv6 address a little later.
        (row,) = eventually(lambda: [row for row in look() if not row["address_not_local"]])
    assert (row["local_address"], row["interface"], row["scope"]) == ("fe80::1234", "web0", "link-local")
    assert row["address_not_local"] is False


@BOTH
def test_L24_bound_or_connected_sockets_do_not_listen(network, bind, look, source):
    listener = bind("127.0.0.1")
    with socket.socket() as only_bound, socket.create_connection(listener.getsockname()) as client:
        only_bound.bind(("127.0.0.1", 0))
        server, _address = listener.accept()
        server.close()  # leaves FIN_WAIT2 on one side and CLOSE_WAIT on the other
        assert [row["local_port"] for row in look(source)] == [listener.getsockname()[1]]
        assert client.fileno() > 0


@BOTH
def test_L24_a_connection_in_time_wait_has_no_owner(network, bind, look, source):
    listener = bind("127.0.0.1")
    client = socket.create_connection(listener.getsockname())
    server, _address = listener.accept()
    client.close()
    server.close()

    def in_time_wait():
        return [row for row in look(source, every_state=True, processes=True) if row["state"] == "TIME_WAIT"]

    (row,) = eventually(in_time_wait)
    assert (row["uid"], row["user"], row["inode"], row["pid"], row["processes"]) == (None, None, None, None, [])


@BOTH
def test_L28_a_udp_socket_listens_until_it_is_connected_even_to_port_0(network, bind, look, netstat, source):
    bind("127.0.0.1", protocol="udp")
    bind("127.0.0.1", protocol="udp").connect(("127.0.0.1", 0))
    lines = _netstat.render(look(source))
    assert lines == netstat("-lun4")
    assert len(lines) == 3


@BOTH
def test_L32_a_multipath_listener_is_one_row(network, look, source):
    try:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        pytest.skip("this kernel has no MPTCP")
    with listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        (row,) = look(source, processes=True)
    assert (row["proto"], row["state"], row["pid"]) == ("tcp", "LISTEN", os.getpid())


def test_L16_a_descriptor_in_flight_belongs_to_no_process(bind, look):
    sender, receiver = socket.socketpair(socket.AF_UNIX)
    listener = bind()
    inode = os.fstat(listener.fileno()).st_ino
    sender.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener.fileno()]))])
    listener.close()
    (row,) = [row for row in look(processes=True) if row["inode"] == inode]
    sender.close()
    receiver.close()
    assert (row["pid"], row["name"], row["unit"], row["processes"]) == (None, None, None, [])
    assert row["owner_unknown_reason"] in ("no_process", "permission_denied", "other_pid_namespace")


@pytest.mark.parametrize(
    ("complete", "uid", "namespace", "reason"),
    [
        (True, 0, listeners.INITIAL_PID_NAMESPACE, "no_process"),
        (False, 0, listeners.INITIAL_PID_NAMESPACE, "permission_denied"),
        (True, 1000, listeners.INITIAL_PID_NAMESPACE, "permission_denied"),
        (True, 0, "pid:[4026532281]", "other_pid_namespace"),
    ],
)
def test_L16_L17_why_no_process_is_known(monkeypatch, complete, uid, namespace, reason):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "readlink", lambda _path: namespace)
    assert listeners._unknown_because(complete) == reason


def test_own_row(bind, look):
    listener = bind()
    (row,) = of(look(processes=True), listener)
    assert row["pid"] == os.getpid()
    assert row["uid"] == os.geteuid()
    assert row["owner_unknown_reason"] is None
    (process,) = row["processes"]
    assert (process["pid"], process["name"], process["unit"]) == (row["pid"], row["name"], row["unit"])


def test_without_processes(bind, look):
    listener = bind()
    (row,) = of(look(processes=False), listener)
    assert (row["pid"], row["processes"], row["owner_unknown_reason"]) == (None, [], "not_requested")
    assert row["uid"] == os.geteuid()


def process(pid, name="gunicorn", unit="webserver.service", started="2026-11-23T05:47:28Z"):
    return _owners.Process(pid, name, name, "/bin/x", False, 0, "root", started, unit, None, None)


SYSTEMD = process(1, "systemd", "init.scope", "2026-11-23T05:00:00Z")
# systemd has forked it to start a service. It holds systemd's sockets, and is not yet in the service's cgroup.
FORKED = process(859, "(sshd)", "init.scope")
SSH = socket_units.parse("ssh.socket", ["ListenStream=22"])
SOCKET = Socket("tcp", "ipv6", 10, "::", 22, "::", 0, 0, 0, 0, 7, v6only=False, cgroup_id=4242)


@pytest.fixture
def owned(monkeypatch):
    """Makes the row of a socket with the given owners, made in the given cgroup."""

    def owned(owners, cgroup="/", units=(SSH,), complete=True, root=""):
        monkeypatch.setattr(_owners, "cgroup_roots", lambda: {"": root})
        found = _owners.Owners({7: owners} if owners else {}, complete)
        monkeypatch.setattr(_owners, "find", lambda inodes: found)
        monkeypatch.setattr(socket_units, "paths_of", lambda ids: {4242: cgroup} if 4242 in ids else {})
        monkeypatch.setattr(socket_units, "read", lambda: list(units))
        (row,) = listeners.rows([SOCKET], True)
        return row

    return owned


@pytest.mark.parametrize(
    ("owners", "pid"),
    [
        ([process(812)], 812),
        ([process(811, started="2026-11-23T06:00:00Z"), process(812)], 812),
        ([process(812), process(813)], 812),
        ([SYSTEMD, process(812)], 812),
        ([process(1, "gunicorn", None, "2026-11-23T05:00:00Z"), process(812)], 1),
        ([SYSTEMD], 1),
        ([SYSTEMD, FORKED], 1),
        ([SYSTEMD, FORKED, process(900)], 900),
    ],
    ids=[
        "one",
        "the oldest",
        "the first",
        "systemd is last",
        "pid 1 of a container is no systemd",
        "systemd alone",
        "what systemd forks is systemd",
        "what systemd forks is last too",
    ],
)
def test_L14_L21_which_of_several_processes_is_named(owned, owners, pid):
    row = owned(owners)
    assert row["pid"] == pid
    assert [each["pid"] for each in row["processes"]] == [owner.pid for owner in owners]


PER_CONNECTION = socket_units.parse("ssh.socket", ["ListenStream=22", "Accept=yes"])


@pytest.mark.parametrize(
    ("owners", "cgroup", "units", "unit"),
    [
        ([process(812)], "/system.slice/other.service", [SSH], "webserver.service"),
        ([SYSTEMD, process(812, unit="ssh.service")], "/init.scope", [SSH], "ssh.service"),
        ([SYSTEMD], "/", [SSH], "ssh.service"),
        ([SYSTEMD, FORKED], "/", [SSH], "ssh.service"),
        ([SYSTEMD], "/init.scope", [SSH], "ssh.service"),
        ([SYSTEMD], "/system.slice/ssh.socket", [SSH], "ssh.service"),
        ([SYSTEMD], "/system.slice/ssh.socket", [PER_CONNECTION], "ssh.socket"),
        ([SYSTEMD], "/", [], "init.scope"),
        ([SYSTEMD], "/system.slice/webserver.service", [SSH], "webserver.service"),
        ([process(812, "systemd", "session-1.scope")], "/", [SSH], "session-1.scope"),
        ([], "/system.slice/webserver.service", [SSH], "webserver.service"),
        ([], "/system.slice/ssh.socket", [SSH], "ssh.service"),
        ([], "/init.scope", [SSH], "ssh.service"),
        ([], "/", [SSH], None),
    ],
)
def test_L21_unit_of_a_socket(owned, owners, cgroup, units, unit):
    assert owned(owners, cgroup, units)["unit"] == unit


def test_L21_inside_a_container_the_cgroup_of_a_socket_begins_there_too(owned):
    here = "/system.slice/docker-0123.scope"
    assert owned([], here + "/system.slice/webserver.service", root=here)["unit"] == "webserver.service"


def test_L3_a_kernel_that_forbids_netlink_is_read_by_proc(bind, look, forbid_netlink):
    listener = bind()
    assert [row["pid"] for row in of(look("proc", processes=True), listener)] == [os.getpid()]


def test_a_socket_that_is_read_twice_is_one_row(monkeypatch):
    monkeypatch.setattr(listeners.sock_diag, "read", lambda *table: [SOCKET, SOCKET._replace(recv_q=1)])
    assert len(listeners.read_table(["tcp"], False, pytest.fail).sockets) == 1


def cut(datagrams):
    yield next(datagrams, b"")[:-5]
    yield from datagrams


def interrupted(datagrams):
    first = bytearray(next(datagrams, b""))
    first[6:8] = struct.pack("=H", struct.unpack_from("=H", first, 6)[0] | netlink.DUMP_INTR)
    yield bytes(first)
    yield from datagrams


def without_an_end(datagrams):
    yield from itertools.islice(datagrams, 1)


def refused(_datagrams):
    yield struct.pack("=IHHIIi", 20, netlink.ERROR, 0, 0, 0, -errno.ENOENT)


DAMAGES = pytest.mark.parametrize("damage", [cut, interrupted, without_an_end, refused])


@DAMAGES
def test_L3_half_an_answer_is_replaced_by_proc(network, bind, monkeypatch, damage):
    bind("0.0.0.0", 5000)
    really = netlink._receive
    monkeypatch.setattr(netlink, "_receive", lambda channel: damage(really(channel)))
    table = listeners.read_table(["tcp"], False, pytest.fail)
    assert table.source == "proc"
    assert [(each.local_address, each.local_port, each.backlog) for each in table.sockets] == [("0.0.0.0", 5000, None)]


def test_L3_an_interrupted_answer_is_read_again(network, bind, monkeypatch):
    bind("0.0.0.0", 5000)
    really, damages = netlink._receive, iter([interrupted, interrupted])
    monkeypatch.setattr(netlink, "_receive", lambda channel: next(damages, iter)(really(channel)))
    table = listeners.read_table(["tcp"], False, pytest.fail)
    assert table.source == "netlink"
    assert [each.backlog for each in table.sockets] == [8]
