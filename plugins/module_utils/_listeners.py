# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The listening sockets of this machine with their owners, as the rows that the module returns."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils import _owners, _proc_net
from ansible_collections.flasklaunch.ec2.plugins.module_utils._addresses import is_mapped, scope
from ansible_collections.flasklaunch.ec2.plugins.module_utils._owners import Holders, Process
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import TCP_STATES, TIME_WAIT, Socket

Row = dict  # the keys are those of RETURN in plugins/modules/listening_ports.py

# PROC_PID_INIT_INO in include/linux/proc_ns.h: only from there all processes of the machine can be seen.
INITIAL_PID_NAMESPACE = "pid:[4026531836]"


class Table(NamedTuple):
    sockets: list[Socket]
    source: str  # netlink, proc


def read_table(protocols: Iterable[str], every_state: bool, warn: Callable[[str], None]) -> Table:
    """Both address families, since an IPv6 socket may serve IPv4 clients; sorted, each socket once."""
    tables = [(protocol, family) for protocol in protocols for family in ("ipv4", "ipv6")]
    sockets = [found for table in tables for found in _proc_net.read(*table, every_state, warn)]
    return Table(sorted(set(sockets), key=Socket.order), "proc")


def rows(sockets: Iterable[Socket], processes: bool) -> list[Row]:
    """Adds what is not in the kernel's tables, above all the processes that hold each socket."""
    sockets = list(sockets)
    held = _owners.holders(found.inode for found in sockets) if processes else Holders({}, True)
    described = {pid: _owners.describe(pid) for pids in held.pids.values() for pid in pids}
    unknown = _reason(processes, held.complete)
    result = []
    for found in sockets:
        owners = [described[pid] for pid in held.pids.get(found.inode, ()) if described[pid]]
        result.append(dict(_facts(found), **_ownership(owners, None if owners else unknown)))
    return result


def _facts(found: Socket) -> Row:
    wildcard_v6 = found.local_address == "::"
    dual_stack = None if wildcard_v6 and found.v6only is None else wildcard_v6 and not found.v6only
    uid = None if found.state == TIME_WAIT else found.uid  # nobody's any more; the kernel prints 0
    port = "*" if found.foreign_port == 0 else str(found.foreign_port)
    return {
        "proto": found.proto,
        "recv_q": found.recv_q,
        "send_q": found.send_q,
        "local_address": found.local_address,
        "local_port": found.local_port,
        "foreign_address": "%s:%s" % (found.foreign_address, port),
        "state": None if found.protocol == "udp" and found.listening else TCP_STATES.get(found.state),
        "family": found.family,
        "interface": found.interface,
        "scope": scope(found.local_address, found.interface),
        "backlog": found.backlog,
        "dual_stack": dual_stack,
        "ipv4_reachable": found.family == "ipv4" or is_mapped(found.local_address) or dual_stack,
        "inode": found.inode or None,
        "uid": uid,
        "user": None if uid is None else _owners.user_name(uid),
    }


def _ownership(owners: list[Process], unknown: str | None) -> Row:
    # With socket activation systemd itself holds the socket too, but it is the service that answers.
    # Of a server with workers the master is the oldest.
    first = min(owners, key=lambda owner: (owner.pid == 1, owner.started, owner.pid)) if owners else None
    return {
        "pid": first and first.pid,
        "name": first and first.name,
        "unit": first and first.unit,
        "processes": [owner._asdict() for owner in owners],
        "owner_unknown_reason": unknown,
    }


def _reason(processes: bool, complete: bool) -> str:
    if not processes:
        return "not_requested"
    # Where /proc is mounted with hidepid, the processes of others are not even there to be refused.
    if not complete or os.geteuid() != 0:
        return "permission_denied"
    if os.readlink("/proc/self/ns/pid") != INITIAL_PID_NAMESPACE:
        return "other_pid_namespace"
    return "no_process"


def incomplete(result: Iterable[dict[str, Any]]) -> bool:
    return any(row["owner_unknown_reason"] == "permission_denied" for row in result)
