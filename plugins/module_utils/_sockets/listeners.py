# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The listening sockets of this machine with their owners, as the rows that the module returns."""

from __future__ import annotations

import os
from typing import Callable, Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import FAMILIES
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink, sock_diag
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.sockets import TCP_STATES, TIME_WAIT, Socket
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import owners as socket_owners

Row = dict  # the keys are those of RETURN in plugins/modules/listening_ports.py

# PROC_PID_INIT_INO in include/linux/proc_ns.h: only this namespace shows all processes of the machine.
INITIAL_PID_NAMESPACE = "pid:[4026531836]"


class Table(NamedTuple):
    """Sockets, and the interface of the kernel that they were read from."""

    sockets: list[Socket]
    source: str  # netlink, proc


def read_table(protocols: Iterable[str], every_state: bool, warn: Callable[[str], None]) -> Table:
    """Read the sockets of both address families, because an IPv6 socket may serve IPv4 clients: sorted, each once.

    With `every_state`, connections too. `warn` is called for each line that is skipped. Raises OSError if neither
    netlink nor /proc can be read.
    """
    tables = [(protocol, family) for protocol in protocols for family in FAMILIES]
    try:
        sockets = [found for table in tables for found in sock_diag.read(*table, every_state)]
        source = "netlink"
    except netlink.Unusable:
        # The managed node compiles the module again at each run, so what is seldom needed is imported here.
        from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import proc_net

        sockets = [found for table in tables for found in proc_net.read(*table, every_state, warn)]
        source = "proc"
    # Neither interface is atomic: a socket that moves in the kernel's table meanwhile is read twice.
    distinct = {found.identity: found for found in sockets}.values()
    return Table(sorted(distinct, key=Socket.order), source)


def rows(sockets: Iterable[Socket], processes: bool) -> list[Row]:
    """Return the rows of the sockets, and add what the kernel's tables lack: units, users and, if asked, processes."""
    sockets = list(sockets)
    owners = socket_owners.find(found.inode for found in sockets if processes)
    unknown = _unknown_because(owners.complete) if processes else "not_requested"
    local = {bound: _is_local(*bound) for bound in {(found.local_address, found.interface) for found in sockets}}
    result = [
        _row(found, local[found.local_address, found.interface], owners.processes.get(found.inode, []), unknown)
        for found in sockets
    ]
    nameless = [(row, found) for row, found in zip(result, sockets) if not _holder_tells_unit(row)]
    if nameless:
        from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import socket_units

        socket_units.name(nameless)
    return result


def _holder_tells_unit(row: Row) -> bool:
    """Return whether the unit of the process that holds the socket is the socket's unit.

    It is not if no such process is known, or if systemd holds the socket for a service that is not yet started.
    """
    return row["pid"] is not None and (row["pid"], row["name"]) != (1, "systemd")


def _unknown_because(every_process_was_read: bool) -> str:
    """Return why no process was found that holds a socket."""
    # If /proc is mounted with hidepid, the processes of other users are not listed, so no error reports them.
    if not every_process_was_read or os.geteuid() != 0:
        return "permission_denied"
    if os.readlink("/proc/self/ns/pid") != INITIAL_PID_NAMESPACE:
        return "other_pid_namespace"
    return "no_process"


def _row(found: Socket, local: bool | None, owners: list[socket_owners.Process], unknown: str) -> Row:
    # With socket activation, systemd also holds the socket, but the service answers.
    # If a server has workers, its oldest process is the master.
    first = min(owners, key=lambda owner: (owner.is_systemd, owner.started, owner.pid)) if owners else None
    uid = None if found.state == TIME_WAIT else found.uid  # it has no owner; the kernel prints 0
    port = "*" if found.foreign_port == 0 else str(found.foreign_port)
    return {
        "proto": found.proto,
        "recv_q": found.recv_q,
        "send_q": found.send_q,
        "local_address": found.local_address,
        "local_port": found.local_port,
        "foreign_address": f"{found.foreign_address}:{port}",
        "state": None if found.protocol == "udp" and found.listening else TCP_STATES[found.state],
        "family": found.family,
        "interface": found.interface,
        "scope": addresses.scope(found.local_address, found.interface),
        "address_not_local": None if local is None else not local,
        "backlog": found.backlog,
        "dual_stack": _dual_stack(found),
        "ipv4_reachable": _ipv4_reachable(found, local),
        "inode": found.inode or None,
        "uid": uid,
        "user": None if uid is None else socket_owners.user_name(uid),
        "pid": first and first.pid,
        "name": first and first.name,
        "unit": first and first.unit,
        "processes": [owner._asdict() for owner in owners],
        "owner_unknown_reason": None if owners else unknown,
    }


def _is_local(address: str, interface: str | None) -> bool | None:
    if addresses.is_wildcard(address) or addresses.scope(address) == "loopback":
        return True
    from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import local_addresses

    return local_addresses.is_local(addresses.unmapped(address), interface)


def _dual_stack(found: Socket) -> bool | None:
    if found.local_address != "::":
        return False
    return None if found.v6only is None else not found.v6only


def _ipv4_reachable(found: Socket, local: bool | None) -> bool | None:
    if found.family == "ipv4" or addresses.is_mapped(found.local_address):
        return local
    return _dual_stack(found)
