# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""One look at the machine: do connections to the port pass the packet filter, and does the unit accept them?

This file reads the machine. _firewall/rules.py, listener.py, _systemd/unit.py and selinux.py judge what it reads.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import family_of
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import UNKNOWN, Hop, published
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import iptables, nftables
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall.rules import (
    REDIRECT,
    Packet,
    Table,
    firewall_hop,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import base_chains, interfaces
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.netlink import Unusable
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import listener, selinux
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import listeners
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import unit as systemd_unit


class Answer(NamedTuple):
    """The output of a program."""

    status: int
    output: str
    errors: str


# Runs a program that only reads, in the C locale. Returns None if the machine does not have the program.
Run = Callable[[list], "Answer | None"]

ENFORCE = "/sys/fs/selinux/enforce"
AUDIT_LOG = "/var/log/audit/audit.log"
AUDIT_TAIL = 1 << 20  # bytes
LEGACY_TABLES = {"ipv4": "/proc/net/ip_tables_names", "ipv6": "/proc/net/ip6_tables_names"}
SAVE = {"ipv4": "iptables", "ipv6": "ip6tables"}
NEEDS_ROOT = "only root may read the machine's packet filter (become: true)"


class Subject(NamedTuple):
    """The unit to check, and the packets that it should get."""

    unit: str
    port: int
    family: str = "ipv4"  # ipv4, ipv6
    private_addresses: tuple[str, ...] = ()
    source: str | None = None  # CIDR block
    entrance: int | None = None  # the port that clients ask for, if a proxy may take their connections
    client: str | None = None  # the address of one client, whose packets are judged too


class Services(NamedTuple):
    """The unit and its socket unit as systemd describes them, and what the unit printed since its last start."""

    service: systemctl.Unit | None
    socket: systemctl.Unit | None
    journal: list[str]


def look(subject: Subject, run: Run, warn: Callable[[str], None]) -> dict[str, Any]:
    """Return the module's result. Raises OSError if the kernel has no table of listening sockets to read."""
    addresses = _addresses(subject)
    table = listeners.read_table(("tcp",), False, warn)
    rows = listeners.rows(table.sockets, True)
    units = [subject.unit, systemd_unit.socket_of(subject.unit)]
    listens = any(listener.held_by(row, units) for row in rows)
    services = _services(subject.unit, listens, run)
    described = [unit for unit in (services.service, services.socket) if unit]
    now = time.monotonic()
    active = any(unit.runs(now, listens) for unit in described) if described else None
    by, behind_proxy = listener.way_in(rows, units, subject.port, subject.entrance, subject.family)
    own_port = subject.port if behind_proxy else by
    run_once = _once(run)
    firewall = _firewall_hop(subject, by, addresses, run_once)
    if subject.entrance and by != subject.entrance:
        # Nothing listens on that port, but the packet filter may redirect it to another one.
        at_entrance = _firewall_hop(subject, subject.entrance, addresses, run_once)
        if at_entrance.code == REDIRECT:
            by, firewall = subject.entrance, at_entrance
    path = {"host_firewall": firewall}
    if behind_proxy:
        path.update(listener.proxy_hops(rows, units, own_port, by, subject.family, addresses))
    path.update(listener.socket_hops(rows, units, active, own_port, subject.family, addresses, behind_proxy))
    path["unit"] = systemd_unit.unit_hop(services.service, services.socket, services.journal, now, listens)
    held = [row for row in rows if listener.held_by(row, units)]
    path["selinux"] = _selinux_hop(subject, services.service, held, run)
    return {
        "hops": published(path),
        "entrance": by,
        "private_addresses": list(addresses),
        "journal": systemd_unit.shortened(services.journal),
        "listening_ports": [row for row in rows if row["local_port"] in (by, own_port)],
    }


def _services(name: str, listens: bool, run: Run) -> Services:
    socket = systemd_unit.socket_of(name)
    shown = run(systemctl.show_command([name, socket]))
    if shown is None or shown.status:
        return Services(None, None, [])
    units = systemctl.parse(shown.output)
    said = run(["journalctl", "--unit", name, "--boot", "--lines", "200", "--output", "cat", "--no-pager", "--quiet"])
    text = said.output if said and not said.status else ""
    service = units.get(name)
    restarting = service is not None and service.was_restarted and not service.runs(time.monotonic(), listens)
    journal = systemd_unit.last_failed_start(text) if restarting else systemd_unit.last_start(text)
    return Services(service, units.get(socket), journal)


def _addresses(subject: Subject) -> dict[str, str]:
    try:
        known = interfaces.read()
    except Unusable:
        known = []
    primary = interfaces.outward(subject.family)
    return interfaces.delivered_to(subject.family, subject.private_addresses, known, primary)


def _once(run: Run) -> Run:
    """Return the same function with a cache: it runs each command only once."""
    answers: dict[tuple, Answer | None] = {}

    def ask(arguments: list) -> Answer | None:
        key = tuple(arguments)
        if key not in answers:
            answers[key] = run(arguments)
        return answers[key]

    return ask


def _firewall_hop(subject: Subject, port: int, addresses: dict[str, str], run: Run) -> Hop:
    address, interface = next(iter(addresses.items()), (None, None))
    packet = Packet(subject.family, port, address, interface or None, subject.source)
    if os.geteuid() != 0:
        return Hop(UNKNOWN, f"The firewall is not known: {NEEDS_ROOT}.", "x-FIREWALL_UNREADABLE")
    tables, unreadable = _tables(packet, run)
    if subject.client is None or family_of(subject.client) != subject.family:
        return firewall_hop(tables, unreadable, packet)
    of_client, _unreadable = _tables(packet._replace(source=subject.client), run)
    return firewall_hop(tables, unreadable, packet, subject.client, of_client)


def _tables(packet: Packet, run: Run) -> tuple[list[Table], list[str]]:
    """Return the machine's rules, judged for this packet, and the reasons why some of them cannot be read."""
    unreadable: list[str] = []
    return _iptables_legacy(packet, run, unreadable) + _nftables_all(packet, run, unreadable), unreadable


def _iptables_legacy(packet: Packet, run: Run, unreadable: list[str]) -> list[Table]:
    """Return the tables of the legacy iptables, which the kernel keeps apart. Runs no program if there are none."""
    try:
        with open(LEGACY_TABLES[packet.family]) as names:
            if not names.read().strip():
                return []
    except FileNotFoundError:
        return []
    except OSError as error:
        unreadable.append(f"{LEGACY_TABLES[packet.family]} cannot be read ({error.strerror})")
        return []
    rules = _saved(packet.family, "legacy", run)
    if rules is not None:
        return _parsed(iptables.parse, rules, packet, unreadable)
    unreadable.append(f"the kernel has iptables rules, and {SAVE[packet.family]}-save does not print them")
    return []


def _saved(family: str, kind: str, run: Run) -> str | None:
    """Return the output of one of the two kinds of iptables-save, `legacy` or `nft`; None if that kind is missing."""
    answer = run([f"{SAVE[family]}-{kind}-save"])
    if not answer or answer.status:
        answer = run([f"{SAVE[family]}-save"])
        if answer and _kind(answer.output, family, run) != kind:
            return None
    return answer.output if answer and not answer.status else None


def _kind(saved: str, family: str, run: Run) -> str:
    """Return `legacy` or `nft`. Before 1.8.8 the output does not name the kind, but the program's version does."""
    version = None if "(nf_tables)" in saved else run([SAVE[family], "--version"])
    return "nft" if "(nf_tables)" in (saved if version is None else version.output) else "legacy"


def _nftables_all(packet: Packet, run: Run, unreadable: list[str]) -> list[Table]:
    try:
        chains = [each for each in base_chains.read() if each.family in nftables.FAMILIES[packet.family]]
    except Unusable as error:
        unreadable.append(f"the kernel does not report its nftables rules ({error})")
        return []
    if not chains:
        return []
    # nft cannot print iptables' own matches, so iptables prints the tables that it made.
    tables = _parsed(iptables.parse, _saved(packet.family, "nft", run) or "", packet, unreadable)
    told = {each.name for each in tables}
    rest = sorted({f"{each.family} {each.table}" for each in chains} - told)
    if not rest:
        return tables
    answer = run(["nft", "--json", "list", "ruleset"])
    if answer is None or answer.status:
        why = "there is no program nft to read it" if answer is None else f"nft fails: {answer.errors.strip()}"
        unreadable.append(f"the kernel has the nftables table {', '.join(rest)}, and {why}")
        return tables
    others = _parsed(nftables.parse, answer.output, packet, unreadable)
    return tables + [each for each in others if each.name not in told]


def _parsed(parse: Callable, text: str, packet: Packet, unreadable: list[str]) -> list[Table]:
    try:
        return parse(text, packet)
    except ValueError as error:
        unreadable.append(str(error))
        return []


def _selinux_hop(subject: Subject, service: systemctl.Unit | None, held: list[dict], run: Run) -> Hop:
    enforcing = _enforcing()
    denials, unreadable = None, ""
    if enforcing:
        denials, unreadable = _denials(run)
    pids = {process["pid"] for row in held for process in row["processes"]}
    main = service.says("ExecMainPID") if service else ""
    pids |= {int(main)} if main.isdigit() and main != "0" else set()
    started = service.age("InactiveExit", time.monotonic()) if service else None
    since = time.time() - started - 1 if started is not None else 0.0
    # Follow links, such as that to the current release: the label that counts is the target's.
    folder, name = os.path.split(service.program if service else "")
    program = os.path.join(os.path.realpath(folder), name) if name else ""
    return selinux.selinux_hop(enforcing, denials, pids, program, subject.port, since, unreadable)


def _enforcing() -> bool | None:
    try:
        with open(ENFORCE) as state:
            return state.read().strip() == "1"
    except OSError:
        return None


def _denials(run: Run) -> tuple[list[selinux.Denial] | None, str]:
    try:
        with open(AUDIT_LOG, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - AUDIT_TAIL))
            return selinux.parse(log.read().decode("utf-8", "replace").splitlines()), ""
    except FileNotFoundError:
        pass  # without auditd the messages go to the journal
    except OSError as error:
        return None, f"{AUDIT_LOG} cannot be read ({error.strerror})"
    told = ["_TRANSPORT=audit", "+", "_TRANSPORT=kernel"]
    answer = run(["journalctl", "--boot", "--quiet", "--no-pager", "--output", "short-unix", "--lines", "5000", *told])
    if answer is None or answer.status:
        return None, "neither the audit log nor the journal can be read"
    return selinux.parse(answer.output.splitlines()), ""
