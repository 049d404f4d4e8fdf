# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import machine
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.machine import Answer, Subject, look
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain

SHOW = """\
Id={unit}
LoadState=loaded
ActiveState={state}
SubState={sub}
Result={result}
ExecMainPID=0

Id=webserver.socket
LoadState=not-found
ActiveState=inactive
"""


class Programs:
    """The answers of a machine's programs. Other programs are not installed."""

    def __init__(self, **answers):
        self.answers, self.ran = answers, []

    def __call__(self, arguments):
        self.ran.append(arguments[0])
        given = self.answers.get(arguments[0].replace("-", "_"))
        return given if given is None or isinstance(given, Answer) else Answer(0, given, "")


def programs(state="active", sub="running", result="success", unit="webserver.service", **others):
    shown = SHOW.format(unit=unit, state=state, sub=sub, result=result)
    return Programs(**{"systemctl": shown, "journalctl": "", **others})


def seen(run, port=5000, unit="webserver.service", addresses=("127.0.0.1",), **options):
    result = plain(look(Subject(unit, port, private_addresses=addresses, **options), run, pytest.fail))
    return result, {each["hop"]: each for each in result["hops"]}


def test_the_hops_are_in_the_order_of_the_packet(network):
    result, hops = seen(programs("inactive", "dead"))
    assert list(hops) == ["host_firewall", "listener", "bound_address", "accept_queue", "unit", "selinux"]
    assert [each["verdict"] for each in result["hops"]] == ["ok", "skipped", "skipped", "skipped", "broken", "ok"]
    assert result["private_addresses"] == ["127.0.0.1"]


def test_without_a_packet_filter_no_program_is_run(network):
    run = programs()
    assert seen(run)[1]["host_firewall"]["verdict"] == "ok"
    assert run.ran == ["systemctl", "journalctl"]


def test_a_port_that_another_program_holds(network, bind):
    bind("0.0.0.0", 5000)
    result, hops = seen(programs("failed", "failed", "exit-code"))
    assert hops["listener"]["code"] == "x-PORT_TAKEN"
    assert f"pid {os.getpid()}" in hops["listener"]["evidence"]
    assert [row["local_port"] for row in result["listening_ports"]] == [5000]


def test_a_full_queue_and_a_loopback_bind_are_seen_at_once(network, bind, monkeypatch):
    monkeypatch.setattr(machine.listener, "held_by", lambda _row, _units: True)
    listener = bind("127.0.0.1", 5000, backlog=1)
    with socket.create_connection(listener.getsockname()), socket.create_connection(listener.getsockname()):
        hops = seen(programs(), addresses=("10.0.1.20",))[1]
    assert hops["bound_address"]["code"] == "x-BOUND_TO_LOOPBACK"
    assert hops["accept_queue"]["code"] == "x-ACCEPT_QUEUE_FULL"


HALF_SAID = """\
Started Flask web server.
Traceback (most recent call last):
ModuleNotFoundError: No module named 'flsk'
webserver.service: Main process exited, code=exited, status=1/FAILURE
Started Flask web server.
Traceback (most recent call last):
"""


@pytest.mark.parametrize("age", [0, 30])
def test_D2_a_restarting_unit_with_half_a_traceback(network, bind, monkeypatch, age):
    now = max(int((time.monotonic() - age) * 1e6), 1)
    shown = SHOW.format(unit="webserver.service", state="active", sub="running", result="success")
    restarted = shown.replace("ExecMainPID=0", f"NRestarts=14\nActiveEnterTimestampMonotonic={now}")
    result, hops = seen(programs(systemctl=restarted, journalctl=HALF_SAID))
    assert hops["unit"]["code"] == "x-UNIT_RESTARTING"
    assert "after 14 restarts: ModuleNotFoundError: No module named 'flsk'" in hops["unit"]["evidence"]
    assert result["journal"][-1] == "ModuleNotFoundError: No module named 'flsk'"
    # After it runs, its last start counts. It runs if it listens after some seconds.
    if age:
        bind("0.0.0.0", 5000)
        monkeypatch.setattr(machine.listener, "held_by", lambda row, _units: row["local_port"] == 5000)
        result, hops = seen(programs(systemctl=restarted, journalctl=HALF_SAID))
        assert hops["unit"]["verdict"] == "ok"
        assert result["journal"] == ["Traceback (most recent call last):"]
    assert seen(programs(journalctl=HALF_SAID))[0]["journal"] == ["Traceback (most recent call last):"]


def test_the_output_of_the_unit_is_returned(network):
    said = "Started it.\nTraceback (most recent call last):\nValueError: no\n"
    result, hops = seen(programs("failed", "failed", "exit-code", journalctl=said))
    assert result["journal"] == ["Traceback (most recent call last):", "ValueError: no"]
    assert "ValueError: no" in hops["unit"]["evidence"]


def test_D16_without_systemctl_the_unit_is_unknown(network):
    hops = seen(Programs())[1]
    assert hops["unit"]["verdict"] == "unknown"
    assert hops["listener"]["code"] == "x-NOT_LISTENING"
    failed = Programs(systemctl=Answer(1, "", "Failed to connect to bus"))
    assert seen(failed)[1]["unit"]["verdict"] == "unknown"


RULESET = "add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }"


def real_nft():
    import subprocess

    listed = subprocess.run(["nft", "--json", "list", "ruleset"], stdout=subprocess.PIPE, check=True)
    return listed.stdout.decode()


def test_nftables_of_the_kernel_are_read(network, nft):
    nft(RULESET)
    hops = seen(programs(nft=real_nft()))[1]
    assert hops["host_firewall"]["code"] == "x-FIREWALL_DROP"
    nft("add rule inet t c tcp dport 5000 accept")
    assert seen(programs(nft=real_nft()))[1]["host_firewall"]["verdict"] == "ok"
    assert seen(programs(nft=real_nft()), port=5001)[1]["host_firewall"]["verdict"] == "broken"


def test_a_rule_for_one_client_alone(network, nft):
    """A client in the machine's own network. No client on the Internet has such an address."""
    nft("add table inet t; add chain inet t c { type filter hook input priority 0; }")
    nft("add rule inet t c ip saddr 10.0.1.7 tcp dport 5000 drop")
    run = programs(nft=real_nft())
    assert seen(run)[1]["host_firewall"]["verdict"] == "ok"
    run.ran.clear()
    found = seen(run, client="10.0.1.7")[1]["host_firewall"]
    assert (found["verdict"], found["code"]) == ("partial", "x-FIREWALL_DROP")
    assert "from 10.0.1.7, which is this client" in found["evidence"]
    assert run.ran.count("nft") == 1
    assert seen(run, client="10.0.1.8")[1]["host_firewall"]["verdict"] == "ok"
    assert seen(run, client="2001:db8::7")[1]["host_firewall"]["verdict"] == "ok"


def holders(monkeypatch, port=5000):
    """The unit holds that port, and other programs hold the others."""
    monkeypatch.setattr(machine.listener, "held_by", lambda row, _units: row["local_port"] == port)


def test_a_proxy_in_front_is_followed_to_the_application(network, bind, monkeypatch):
    holders(monkeypatch)
    bind("0.0.0.0", 80)
    bind("127.0.0.1", 5000)
    result, hops = seen(programs(), entrance=80)
    assert list(hops)[:5] == [
        "host_firewall",
        "proxy_listener",
        "proxy_bound_address",
        "proxy_accept_queue",
        "listener",
    ]
    assert {each["verdict"] for each in hops.values()} == {"ok"}
    assert result["entrance"] == 80
    assert {row["local_port"] for row in result["listening_ports"]} == {80, 5000}


def test_nothing_listens_on_the_port_of_clients(network, bind, monkeypatch):
    holders(monkeypatch)
    bind("0.0.0.0", 5000)
    result, hops = seen(programs(), entrance=80)
    assert result["entrance"] == 5000
    assert list(hops) == ["host_firewall", "listener", "bound_address", "accept_queue", "unit", "selinux"]


def test_the_unit_itself_listens_on_the_port_of_clients(network, bind, monkeypatch):
    monkeypatch.setattr(machine.listener, "held_by", lambda _row, _units: True)
    bind("0.0.0.0", 5000)
    bind("127.0.0.1", 80)
    result, hops = seen(programs(), entrance=80, addresses=("10.0.1.20",))
    assert result["entrance"] == 80
    assert hops["bound_address"]["code"] == "x-BOUND_TO_LOOPBACK"


def test_the_packet_filter_for_the_port_of_clients_counts(network, nft, bind, monkeypatch):
    holders(monkeypatch)
    bind("0.0.0.0", 80)
    bind("0.0.0.0", 5000)
    nft(RULESET)
    nft("add rule inet t c tcp dport 5000 accept")
    assert seen(programs(nft=real_nft()), entrance=80)[1]["host_firewall"]["code"] == "x-FIREWALL_DROP"
    assert seen(programs(nft=real_nft()))[1]["host_firewall"]["verdict"] == "ok"


def test_a_packet_filter_that_redirects_to_the_application(network, nft, bind, monkeypatch):
    holders(monkeypatch)
    bind("0.0.0.0", 5000)
    save = "# v1.8.9 (nf_tables)\n*nat\n:PREROUTING ACCEPT [0:0]\n"
    save += "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 5000\n"
    nft("add table ip nat; add chain ip nat PREROUTING { type nat hook prerouting priority -100; }")
    result, hops = seen(programs(iptables_nft_save=save), entrance=80)
    assert (result["entrance"], hops["host_firewall"]["code"]) == (80, "x-FIREWALL_REDIRECT")
    assert hops["listener"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "there is no program nft"),
        (Answer(1, "", "netlink: Error: cache initialization failed\n"), "cache initialization failed"),
        ("nonsense", "Expecting value"),
        ('{"nftables": [{"table": {}}]}', "not understood"),
    ],
)
def test_D16_rules_that_cannot_be_read_are_unknown(network, nft, answer, why):
    nft(RULESET)
    hops = seen(programs(nft=answer))[1]
    assert hops["host_firewall"]["verdict"] == "unknown"
    assert why in hops["host_firewall"]["evidence"]


def test_rules_of_iptables_are_read_by_iptables(network, nft):
    """nft cannot print iptables' own matches."""
    nft("add table ip filter; add chain ip filter INPUT { type filter hook input priority 0; policy drop; }")
    rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 5000 -j ACCEPT\n"
    save = f"# Generated by iptables-save v1.8.9 (nf_tables)\n{rules}"
    run = programs(iptables_nft_save=save)
    assert seen(run)[1]["host_firewall"]["verdict"] == "ok"
    assert "nft" not in run.ran
    assert seen(programs(iptables_save=save))[1]["host_firewall"]["verdict"] == "ok"
    # Before 1.8.8, the output does not name the kind of iptables.
    older = save.replace("v1.8.9 (nf_tables)", "v1.8.7")
    assert seen(programs(iptables_nft_save=older))[1]["host_firewall"]["verdict"] == "ok"
    other = programs(iptables_save=older, iptables="iptables v1.8.7 (nf_tables)")
    assert seen(other)[1]["host_firewall"]["verdict"] == "ok"
    other = programs(iptables_save=older, iptables="iptables v1.8.7 (legacy)", nft=real_nft())
    assert seen(other)[1]["host_firewall"]["verdict"] == "broken"
    # Without iptables, nft is used.
    assert seen(programs(nft=real_nft()))[1]["host_firewall"]["verdict"] == "broken"


def test_the_old_iptables_is_read(network, monkeypatch, tmp_path):
    (tmp_path / "names").write_text("filter\n")
    monkeypatch.setattr(machine, "LEGACY_TABLES", {"ipv4": str(tmp_path / "names")})
    save = "# Generated by iptables-save v1.8.4\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    assert seen(programs(iptables_save=save))[1]["host_firewall"]["code"] == "x-FIREWALL_DROP"
    assert seen(programs(iptables_legacy_save=save))[1]["host_firewall"]["code"] == "x-FIREWALL_DROP"
    # The program of that name may be of the other kind, which does not see the legacy rules.
    other = programs(iptables_save=save.replace("v1.8.4", "v1.8.9 (nf_tables)"))
    assert seen(other)[1]["host_firewall"]["verdict"] == "unknown"
    other = programs(iptables_save=save, iptables="iptables v1.8.4 (nf_tables)")
    assert seen(other)[1]["host_firewall"]["verdict"] == "unknown"


def test_D16_without_root_the_filter_is_unknown(network, monkeypatch):
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    hops = seen(programs())[1]
    assert hops["host_firewall"]["verdict"] == "unknown"
    assert "become" in hops["host_firewall"]["evidence"]


def test_D16_if_netlink_is_forbidden_the_filter_is_unknown(network, forbid_netlink):
    forbid_netlink()
    result, hops = seen(programs(), addresses=("10.0.1.20",))
    assert hops["host_firewall"]["verdict"] == "unknown"
    assert "does not report its nftables rules (Operation not permitted)" in hops["host_firewall"]["evidence"]
    assert result["private_addresses"] == ["10.0.1.20"]


def test_D16_files_of_the_kernel_that_cannot_be_read(network, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "LEGACY_TABLES", {"ipv4": str(tmp_path / "missing")})
    assert seen(programs())[1]["host_firewall"]["verdict"] == "ok", "a kernel without the old iptables"
    monkeypatch.setattr(machine, "LEGACY_TABLES", {"ipv4": str(tmp_path)})
    hops = seen(programs())[1]
    assert hops["host_firewall"]["verdict"] == "unknown"
    assert f"{tmp_path} cannot be read (Is a directory)" in hops["host_firewall"]["evidence"]


def test_D16_an_audit_log_that_cannot_be_read(network, monkeypatch, tmp_path):
    (tmp_path / "enforce").write_text("1")
    monkeypatch.setattr(machine, "ENFORCE", str(tmp_path / "enforce"))
    monkeypatch.setattr(machine, "AUDIT_LOG", str(tmp_path))
    hops = seen(programs())[1]
    assert hops["selinux"]["verdict"] == "unknown"
    assert f"{tmp_path} cannot be read (Is a directory)" in hops["selinux"]["evidence"]


def test_labels_are_fixed_at_the_targets_of_links(network, monkeypatch, tmp_path):
    (tmp_path / "enforce").write_text("1")
    (tmp_path / "environments" / "bin").mkdir(parents=True)
    (tmp_path / "current").symlink_to("environments")
    denied = 'avc:  denied  { execute } for  pid=1 comm="(gunicorn)" name="gunicorn" tclass=file permissive=0'
    (tmp_path / "log").write_text(f"type=AVC msg=audit({int(time.time())}.0:1): {denied}\n")
    monkeypatch.setattr(machine, "ENFORCE", str(tmp_path / "enforce"))
    monkeypatch.setattr(machine, "AUDIT_LOG", str(tmp_path / "log"))
    shown = SHOW.format(unit="webserver.service", state="failed", sub="failed", result="exit-code")
    shown = shown.replace("ExecMainPID=0", f"ExecStart={{ path={tmp_path}/current/bin/gunicorn ; }}")
    hops = seen(programs(systemctl=shown))[1]
    assert f"'{tmp_path}/environments/bin(/.*)?'" in hops["selinux"]["fix"]


def test_selinux_is_read(network, monkeypatch, tmp_path):
    (tmp_path / "enforce").write_text("1")
    monkeypatch.setattr(machine, "ENFORCE", str(tmp_path / "enforce"))
    log = tmp_path / "audit.log"
    monkeypatch.setattr(machine, "AUDIT_LOG", str(log))
    avc = 'avc:  denied  { name_bind } for  pid=1 comm="gunicorn" src=5000 tclass=tcp_socket permissive=0'
    # Without auditd the journal has the messages.
    journal = f"1700000000.000001 web kernel: audit: type=1400 audit(1700000000.001:9): {avc}"
    assert seen(programs(journalctl=journal))[1]["selinux"]["code"] == "x-SELINUX_DENIAL"
    assert seen(programs(journalctl=Answer(1, "", "")))[1]["selinux"]["verdict"] == "unknown"
    log.write_text(f"type=AVC msg=audit(1700000000.001:9): {avc}\n")
    assert seen(programs())[1]["selinux"]["code"] == "x-SELINUX_DENIAL"
    log.write_text("")
    assert seen(programs())[1]["selinux"]["verdict"] == "ok"
    (tmp_path / "enforce").write_text("0")
    assert seen(programs())[1]["selinux"]["verdict"] == "ok"


def test_name_of_a_unit_is_no_option_of_systemctl():
    commands = []
    machine._services("--help", False, commands.append)
    assert [command[command.index("--") : command.index("--") + 2] for command in commands] == [["--", "--help"]]
