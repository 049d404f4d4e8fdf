# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest
import yaml
from ansible_collections.community.general.plugins.modules import listen_ports_facts
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import proc_net
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import owners, report, socket_units
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query
from ansible_collections.flasklaunch.ec2.plugins.modules import listening_ports
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome


@pytest.fixture
def run(capsys):
    return lambda **arguments: outcome(listening_ports.main, capsys, arguments)


def ports(rows):
    return [row["local_port"] for row in rows]


def port_of(bound):
    return bound.getsockname()[1]


def test_L1_L4_the_default_is_netstat_ltn4_without_running_it(network, bind, netstat, run, monkeypatch):
    bind("0.0.0.0", 5000)
    bind("127.0.0.1", 631)
    bind("::", 8000)
    expected = netstat("-ltn4")
    run()  # at its first result, Ansible imports modules, one of which runs ldconfig on a control node

    def refuse(*_arguments, **_keywords):
        raise AssertionError("a program was run")

    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    result = run()
    assert result["netstat"] == expected
    assert (result["changed"], result["source"], result["incomplete"]) == (False, "netlink", False)
    assert [row["pid"] for row in result["listening_ports"]] == [os.getpid()] * 2


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({"family": "ipv6"}, "-ltn6W"),
        ({"protocol": ["udp"]}, "-lun4"),
        ({"protocol": ["udp"], "family": "ipv6"}, "-lun6W"),
        ({"protocol": ["tcp", "udp"], "family": "any"}, "-ltunW"),
        ({"include_non_listening": True}, "-atn4"),
    ],
)
def test_L4_L28_the_options_are_those_of_netstat(network, bind, netstat, run, options, flags):
    for address in ("0.0.0.0", "127.0.0.2", "::", "::1"):
        for protocol in ("tcp", "udp"):
            bind(address, protocol=protocol)
    listener = bind("127.0.0.1")
    # Accept the connection, because the two might otherwise see different stages of the handshake.
    with socket.create_connection(listener.getsockname()), listener.accept()[0]:
        assert sorted(run(**options)["netstat"]) == sorted(netstat(flags))


def test_L6_dual_stack_listeners_are_returned_beside_the_table(network, bind, run):
    bind("::", 5000)
    bind("::", 5001, v6only=True)
    bind("::ffff:127.0.0.1", 5002)
    result = run()
    assert result["listening_ports"] == []
    assert ports(result["dual_stack_listeners"]) == [5000, 5002]
    assert "dual_stack_listeners" not in run(family="any")


def test_L24_a_connection_is_no_dual_stack_listener(network, bind, run):
    bind("::", 5000)
    with socket.create_connection(("127.0.0.1", 5000)):
        result = run(include_non_listening=True)
        assert len(result["dual_stack_listeners"]) == 1
        assert [row["state"] for row in result["listening_ports"]] == ["ESTABLISHED"]


def test_another_system_is_refused(run, monkeypatch):
    monkeypatch.setattr(sys, "platform", "freebsd14")
    result = run()
    assert result["failed"]
    assert "freebsd14" in result["msg"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"port": 5000}, [5000, 5000]),
        ({"port": 1}, []),
        ({"address": "127.0.0.1"}, [5000]),
        ({"address": "0.0.0.0", "port": 5000}, [5000]),
        ({"address": "::1"}, [5001]),
        ({"address": "0:0::1"}, [5001]),
        ({"unit": "no-such-unit"}, []),
    ],
)
def test_filters(network, bind, run, filters, found):
    bind("0.0.0.0", 5000, reuse=True)
    bind("127.0.0.1", 5000, reuse=True)
    bind("::1", 5001)
    result = run(**filters)
    assert ports(result["listening_ports"]) == found
    assert len(result["netstat"]) == 2 + len(found)


def test_owners_are_looked_up_for_a_unit_even_without_processes(bind, run):
    port = port_of(bind())
    assert f"(pid {os.getpid()}" in run(port=port, unit="webserver", processes=False, expect="listening")["msg"]
    assert run(port=port, processes=False)["listening_ports"][0]["owner_unknown_reason"] == "not_requested"


def test_L22_only_the_owners_of_one_port_are_looked_up(network, bind, run, monkeypatch):
    bind("127.0.0.1", 5000)
    inode = os.fstat(bind("127.0.0.1", 5001).fileno()).st_ino
    asked = []
    really = owners.find
    monkeypatch.setattr(owners, "find", lambda inodes: really(asked.extend(inodes) or asked))
    assert ports(run(port=5001)["listening_ports"]) == [5001]
    assert asked == [inode]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"family": "ipx"}, "value of family must be one of: ipv4, ipv6, any, got: ipx"),
        ({"protocol": ["sctp"]}, "value of protocol must be one or more of: tcp, udp"),
        ({"port": 0}, "port: 0 is not a port number from 1 to 65535"),
        ({"port": 65536}, "port: 65536 is not a port number from 1 to 65535"),
        ({"port": "http"}, "'port' is of type"),
        ({"address": "localhost"}, "address: localhost is not an IP address"),
        ({"timeout": -1}, "timeout: -1 is not a number of seconds"),
        ({"expect": "free"}, "missing: port, address, unit"),
        ({"expect": "listening"}, "missing: port, address, unit"),
        ({"expect": "open", "port": 1}, "value of expect must be one of: listening, free"),
    ],
)
def test_bad_input_is_refused_by_name(run, arguments, named):
    result = run(**arguments)
    assert result["failed"]
    assert named in result["msg"]


def test_L23_in_check_mode_it_does_the_same(bind, run):
    port = port_of(bind())
    result = run(port=port, expect="listening", _ansible_check_mode=True, _ansible_diff=True)
    assert (result["failed"], result["changed"]) == (False, False)
    assert ports(result["listening_ports"]) == [port]


def test_L27_the_program_that_holds_the_port_is_named(bind, run):
    port = port_of(bind())
    result = run(port=port, unit="webserver", expect="listening")
    assert result["failed"]
    assert result["msg"].startswith(f"port {port}/tcp: expected a listener of webserver.service, but it is held by ")
    assert f"(pid {os.getpid()}" in result["msg"]
    assert f"on 127.0.0.1:{port}" in result["msg"]
    assert ports(result["listening_ports"]) == [port]
    assert len(result["netstat"]) == 3


def test_L6_a_dual_stack_listener_counts(network, bind, run):
    bind("::", 5000)
    assert not run(port=5000, expect="listening")["failed"]
    result = run(port=5000, expect="free")
    assert result["failed"]
    assert "serves IPv4 too) on [::]:5000" in result["msg"]


def test_L6_a_listener_that_ipv4_clients_do_not_reach_does_not_count(network, bind, run):
    bind("::", 5000, v6only=True)
    assert not run(port=5000, expect="free")["failed"]
    result = run(port=5000, expect="listening")
    assert "there is only" in result["msg"]
    assert "IPv6 only) on [::]:5000" in result["msg"]


def test_L3_without_netlink_dual_stack_is_reported_as_unknown(network, bind, run, forbid_netlink):
    bind("::", 5000)
    forbid_netlink()
    result = run(port=5000, expect="listening")
    assert (result["failed"], result["source"]) == (False, "proc")
    assert "unknown" in json.dumps(result["warnings"])
    assert run(port=5000, expect="free")["failed"]


def test_it_waits_for_a_listener(network, bind, run):
    later = threading.Timer(0.5, bind, ["127.0.0.1", 5000])
    began = time.monotonic()
    later.start()
    # A thread has the network namespace of the thread that started it.
    result = run(port=5000, expect="listening", timeout=10)
    later.join()
    assert not result["failed"]
    assert 0.5 <= time.monotonic() - began < 10


def test_it_waits_for_a_free_port(bind, run):
    listener = bind()
    port = port_of(listener)
    later = threading.Timer(0.5, listener.close)
    later.start()
    assert not run(port=port, expect="free", timeout=10)["failed"]
    later.join()


def test_the_time_out_is_kept(bind, run):
    began = time.monotonic()
    assert run(port=port_of(bind()), expect="free", timeout=1)["msg"].endswith(" (waited 1 s)")
    assert 1 <= time.monotonic() - began < 3


def test_L29_the_network_namespace_is_reported(run):
    assert run()["network_namespace"] == os.readlink("/proc/self/ns/net")


def test_L31_a_malformed_line_is_a_warning(run, forbid_netlink, monkeypatch):
    forbid_netlink()
    good = "   0: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1"
    monkeypatch.setattr(proc_net, "open", lambda _path: Lines(["sl ...", "   1: cut", good]), raising=False)
    result = run(processes=False)
    assert ports(result["listening_ports"]) == [5001]
    assert "/proc/net/tcp: line 2 skipped" in json.dumps(result["warnings"])


class Lines(list):
    def __enter__(self):
        return self

    def __exit__(self, *_details):
        pass


def test_a_machine_without_any_table_is_an_error(run, forbid_netlink, monkeypatch):
    def absent(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    forbid_netlink()
    monkeypatch.setattr(proc_net, "open", absent, raising=False)
    result = run()
    assert result["failed"]
    assert "/proc/net/tcp" in result["msg"]


def as_nobody(function):
    """Return what the function returns for a user without privileges."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(ours)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            with os.fdopen(theirs, "w") as pipe:
                json.dump(function(), pipe)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_L17_L18_without_root_all_rows_and_one_warning(network, bind):
    listeners = [bind("127.0.0.1", 5000), bind("127.0.0.1", 5001)]

    def look():
        warnings = []
        result, _unmet = report.look(Query(), warnings.append)
        return [result, warnings]

    # Import these now: the user nobody may not be able to read the checkout.
    assert socket_units.__name__ in sys.modules

    # The child inherits the sockets, and may see its own processes, so it closes them first.
    def closed():
        for listener in listeners:
            listener.close()
        return look()

    result, warnings = as_nobody(closed)
    assert ports(result["listening_ports"]) == [5000, 5001]
    for row in result["listening_ports"]:
        assert (row["uid"], row["user"]) == (0, "root")
        assert (row["pid"], row["name"], row["processes"]) == (None, None, [])
        assert row["owner_unknown_reason"] == "permission_denied"
    assert result["incomplete"]
    assert len(warnings) == 1
    assert "use become" in warnings[0]


def test_L18_no_pid_is_0(run):
    result = run(family="any", protocol=["tcp", "udp"], include_non_listening=True)
    assert 0 not in [row["pid"] for row in result["listening_ports"]]


@pytest.mark.parametrize("include_non_listening", [False, True])
def test_L30_facts_are_those_of_listen_ports_facts(network, bind, run, capsys, netstat, include_non_listening):
    netstat("-ltn4")  # skips the test if netstat is missing
    for protocol in ("tcp", "udp"):
        for address in ("0.0.0.0", "127.0.0.1", "::", "::1"):
            port = 5000 if address in ("0.0.0.0", "::1") else 5001
            bind(address, port, protocol, v6only=":" in address or None)
    options = {"include_non_listening": include_non_listening}
    theirs = outcome(listen_ports_facts.main, capsys, options)["ansible_facts"]
    ours = run(facts=True, **options)["ansible_facts"]
    for kind in ("tcp_listen", "udp_listen"):
        assert len(ours[kind]) == 4
        for entry in ours[kind] + theirs[kind]:
            entry.pop("name")  # netstat takes it from the command line; ss and this module take it from the kernel
            entry["stime"] = " ".join(entry["stime"].split())[:-7]  # `ps` may be off by a second

        def order(entry):
            return entry["address"], entry["port"]

        assert sorted(ours[kind], key=order) == sorted(theirs[kind], key=order)


@pytest.mark.parametrize("command", ["netstat", "ss"])
def test_L30_a_playbook_that_names_a_program_works_without_it(network, bind, run, monkeypatch, command):
    bind("127.0.0.1", 5000)
    without = run(facts=True)["ansible_facts"]
    monkeypatch.setenv("PATH", "")
    assert run(facts=True, command=command)["ansible_facts"] == without
    assert len(without["tcp_listen"]) == 1


def test_command_is_allowed_only_with_facts(run):
    result = run(command="ss")
    assert result["failed"]
    assert result["msg"] == "command: allowed only with facts: true, for playbooks written for listen_ports_facts"


def test_L30_every_option_of_listen_ports_facts_is_accepted():
    theirs = yaml.safe_load(listen_ports_facts.DOCUMENTATION)["options"]
    ours = yaml.safe_load(listening_ports.DOCUMENTATION)["options"]
    for name, option in theirs.items():
        keys = ("type", "choices", "default")
        assert [ours[name].get(key) for key in keys] == [option.get(key) for key in keys]


def test_L30_facts_cover_all_sockets(network, bind, run):
    bind("::1", 5000, "udp")
    result = run(facts=True, port=1)
    assert result["listening_ports"] == []
    assert [entry["port"] for entry in result["ansible_facts"]["udp_listen"]] == [5000]


def documented(options):
    keys = ("type", "elements", "choices", "default")
    return {name: {key: option[key] for key in keys if key in option} for name, option in options.items()}


def test_the_documentation_has_every_option_as_it_is():
    options = yaml.safe_load(listening_ports.DOCUMENTATION)["options"]
    spec = {name: dict({"type": "str"}, **option) for name, option in listening_ports.argument_spec().items()}
    assert documented(options) == documented(spec)


def test_the_documentation_has_every_key_that_is_returned(network, bind, run):
    returns = yaml.safe_load(listening_ports.RETURN)
    rows, processes = (
        returns["listening_ports"]["contains"],
        returns["listening_ports"]["contains"]["processes"]["contains"],
    )
    bind("127.0.0.1", 5000)
    bind("127.0.0.1", 5000, "udp")
    result = run(facts=True)
    assert set(returns) == set(result).difference(["changed", "failed", "invocation"])
    (row,) = result["listening_ports"]
    assert set(rows) == set(row)
    assert set(processes) == set(row["processes"][0])
    for kind, facts in returns["ansible_facts"]["contains"].items():
        (entry,) = result["ansible_facts"][kind]
        described = facts["sample"] or returns["ansible_facts"]["contains"]["tcp_listen"]["sample"]
        assert set(entry) == set(described[0])


def test_the_samples_are_of_the_type_that_is_documented():
    types = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}

    def check(returns):
        for name, value in returns.items():
            assert isinstance(value.get("sample", types[value["type"]]()), types[value["type"]]), name
            check(value.get("contains", {}))

    check(yaml.safe_load(listening_ports.RETURN))


def test_L26_managed_nodes_may_have_python_3_7():
    plugins = pathlib.Path(listening_ports.__file__).resolve().parent.parent
    paths = [plugins / "modules" / "listening_ports.py", *(plugins / "module_utils").rglob("*.py")]
    assert len(paths) > 10
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 7))
        assert tree.body, f"{path} is empty"
