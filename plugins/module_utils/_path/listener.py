# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Whether connections to a port reach the unit's socket, judged from the table of listeners."""

from __future__ import annotations

from typing import Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import (
    endpoint,
    is_wildcard,
    scope,
    unmapped,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import (
    BROKEN,
    OK,
    PARTIAL,
    SKIPPED,
    UNKNOWN,
    Hop,
)

Row = dict  # see _sockets/listeners.py
EVERY_ADDRESS = {"ipv4": "0.0.0.0", "ipv6": "::"}


def held_by(row: Row, units: Iterable[str]) -> bool:
    """Return whether the socket belongs to one of the units, even if systemd holds it too, or holds it alone."""
    return row["unit"] in units or any(process["unit"] in units for process in row["processes"])


def way_in(rows: list[Row], units: list[str], port: int, entrance: int | None, family: str) -> tuple[int, bool]:
    """Return the port on which clients reach the machine, and whether a proxy listens there.

    `port` is the application's, and `entrance` the one that clients ask for. If another program listens on `entrance`,
    it is a proxy. If nothing listens there, and only programs on the machine reach the application, a proxy should
    listen there. Otherwise clients must ask for the application's own port.
    """
    if entrance is None or entrance == port:
        return port, False
    at_entrance = [row for row in rows if row["local_port"] == entrance and _serves(row, family)]
    if at_entrance:
        return entrance, not any(held_by(row, units) for row in at_entrance)
    own = [row for row in rows if row["local_port"] == port and held_by(row, units)]
    if own and all(_scope(row) == "loopback" for row in own):
        return entrance, True
    return port, False


def proxy_hops(
    rows: list[Row], units: list[str], port: int, entrance: int, family: str, addresses: Mapping[str, str]
) -> dict[str, Hop]:
    """Return the hops proxy_listener, proxy_bound_address and proxy_accept_queue. Arguments: see socket_hops()."""
    service = units[0]
    at_entrance = [row for row in rows if row["local_port"] == entrance and _serves(row, family)]
    if not at_entrance:
        own = [row for row in rows if row["local_port"] == port and held_by(row, units)]
        evidence = f"Nothing listens on port {entrance}. {_all(own)}, which only programs on the machine itself reach:"
        evidence += " the proxy between clients and the application does not run."
        fix = "sudo systemctl --failed # may list the proxy: start its unit, such as nginx.service"
        nothing = f"Nothing listens on port {entrance}."
        return {
            "proxy_listener": Hop(BROKEN, evidence, "x-NO_PROXY", fix),
            "proxy_bound_address": Hop(SKIPPED, nothing),
            "proxy_accept_queue": Hop(SKIPPED, nothing),
        }
    holder = at_entrance[0]
    name = holder["unit"] or holder["name"] or f"the program on port {entrance}"
    evidence = f"{_all(at_entrance)}, and is presumably a proxy for {service}."
    listener = Hop(OK, evidence, resources=(holder["unit"],) if holder["unit"] else ())
    bound = _bound_address(at_entrance, at_entrance, name, entrance, family, addresses)
    queue = _accept_queue(at_entrance, name)
    if queue.fix:
        queue = queue._replace(fix=f"sudo systemctl restart {name}" if holder["unit"] else f"Restart {name}.")
    return {"proxy_listener": listener, "proxy_bound_address": bound, "proxy_accept_queue": queue}


def socket_hops(
    rows: list[Row],
    units: list[str],
    active: bool | None,
    port: int,
    family: str,
    addresses: Mapping[str, str],
    behind_proxy: bool = False,
) -> dict[str, Hop]:
    """Return the hops listener, bound_address and accept_queue.

    `rows` are all TCP listeners of the machine. `units` are the service and its socket unit, and `active` is whether
    one of them is active (None: unknown). `addresses` has the addresses to which EC2 delivers, with their interfaces.
    Behind a proxy on the machine, the socket may be bound to any address.
    """
    at_port = [row for row in rows if row["local_port"] == port]
    mine = [row for row in at_port if held_by(row, units)]
    listener = _listener(rows, at_port, mine, units, active, port, family)
    if not mine:
        # Only root sees the processes of all sockets. Every user sees the addresses of all sockets.
        mine = at_port if listener.verdict == UNKNOWN else []
    if not mine:
        nothing = f"{units[0]} does not listen on port {port}."
        return {"listener": listener, "bound_address": Hop(SKIPPED, nothing), "accept_queue": Hop(SKIPPED, nothing)}
    if behind_proxy:
        evidence = f"The proxy on the machine itself reaches {', '.join(bound_to(row) for row in mine)}."
        bound = Hop(OK, evidence)
    else:
        bound = _bound_address(at_port, mine, units[0], port, family, addresses)
    return {"listener": listener, "bound_address": bound, "accept_queue": _accept_queue(mine, units[0])}


def _listener(
    rows: list[Row], at_port: list[Row], mine: list[Row], units: list[str], active: bool | None, port: int, family: str
) -> Hop:
    service = units[0]
    if mine:
        return Hop(OK, f"{_all(mine)}.", resources=(service,))
    in_the_way = [row for row in at_port if _serves(row, family)]
    if any(row["owner_unknown_reason"] for row in in_the_way):
        evidence = f"{_all(in_the_way)}; which unit that is of could not be read."
        return Hop(UNKNOWN, evidence, "x-OWNER_UNKNOWN", "become: true # only root sees who holds a socket")
    if in_the_way:
        holder = in_the_way[0]["unit"]
        stop = f"sudo systemctl disable --now {holder}" if holder else f"sudo kill {in_the_way[0]['pid']}"
        evidence = f"Port {port} is held by another than {service}: {_all(in_the_way)}."
        fix = f"{stop} # then: sudo systemctl restart {service}"
        return Hop(BROKEN, evidence, "x-PORT_TAKEN", fix, (holder,) if holder else ())
    if active is False:
        return Hop(SKIPPED, f"Nothing listens on port {port} while {service} does not run.")
    elsewhere = [row for row in rows if held_by(row, units)]
    if elsewhere:
        ports = [str(number) for number in sorted({row["local_port"] for row in elsewhere})]
        evidence = f"{service} listens on port {', '.join(ports)}, not on {port}."
        fix = f"Ask for port {' or '.join(ports)}, or make {service} listen on port {port}."
        return Hop(BROKEN, evidence, "x-OTHER_PORT", fix, (service, *ports))
    evidence = f"{service} runs, but nothing listens on port {port}." if active else f"Nothing listens on port {port}."
    return Hop(BROKEN, evidence, "x-NOT_LISTENING", f"journalctl -u {service}", (service,))


def _scope(row: Row) -> str:
    return scope(row["local_address"], row["interface"])


def _serves(row: Row, family: str) -> bool:
    return row["family"] == "ipv6" if family == "ipv6" else row["ipv4_reachable"] is not False


def _bound_address(
    at_port: list[Row], mine: list[Row], service: str, port: int, family: str, addresses: Mapping[str, str]
) -> Hop:
    if not addresses:
        return Hop(UNKNOWN, f"The machine's own {_words(family)} address is not known.")
    outcomes = {address: _taken_in(at_port, mine, address, interface) for address, interface in addresses.items()}
    met = [address for address, outcome in outcomes.items() if outcome is True]
    where = _all(mine)
    if len(met) == len(addresses):
        evidence = f"{', '.join(bound_to(row) for row in mine)} accepts connections to {' and '.join(met)}."
        return Hop(OK, evidence, resources=tuple(met))
    if any(outcome is None for outcome in outcomes.values()):
        evidence = f"{where}; the kernel does not report whether this socket also serves IPv4."
        return Hop(UNKNOWN, evidence, "x-DUAL_STACK_UNKNOWN")
    missed = [address for address in addresses if address not in met]
    stranger = next((row for address in missed for row in [_first(at_port, address, addresses[address])] if row), None)
    if stranger:
        evidence = f"Connections to {missed[0]} reach another program than {service}: {_all([stranger])}."
        code, fix = "x-PORT_TAKEN", f"sudo systemctl disable --now {stranger['unit'] or 'that program'}"
    else:
        code, reason = _why_not(mine, family)
        evidence = f"{where}: {reason}; EC2 delivers to {' and '.join(missed)}."
        fix = f"Make {service} listen on {endpoint(EVERY_ADDRESS[family], port)}."
    return Hop(PARTIAL if met else BROKEN, evidence, code, fix, tuple(missed))


def _first(rows: list[Row], address: str, interface: str) -> Row | None:
    """Return the socket that gets a connection: the narrowest binding wins (compute_score in inet_hashtables.c)."""
    takers = [row for row in rows if _takes(row, address, interface)]
    return max(
        takers, key=lambda row: (row["interface"] is not None, not is_wildcard(row["local_address"])), default=None
    )


def _taken_in(at_port: list[Row], mine: list[Row], address: str, interface: str) -> bool | None:
    first = _first(at_port, address, interface)
    if first is not None:
        return first in mine
    return None if any(_takes(row, address, interface) is None for row in mine) else False


def _takes(row: Row, address: str, interface: str) -> bool | None:
    """Return whether the socket accepts connections to the address. None if it is unknown whether it serves IPv4."""
    if row["interface"] not in (None, interface):
        return False
    if ":" in address:
        return row["local_address"] in ("::", address)
    if row["local_address"] == "::":
        return row["dual_stack"]
    return unmapped(row["local_address"]) in ("0.0.0.0", address)


def _why_not(mine: list[Row], family: str) -> tuple[str, str]:
    row = mine[0]
    if _scope(row) == "loopback":
        return "x-BOUND_TO_LOOPBACK", "only programs on the machine itself can connect to it"
    if row["interface"]:
        return "x-BOUND_TO_DEVICE", f"it accepts only connections that arrive on the interface {row['interface']}"
    if row["address_not_local"]:
        return "x-ADDRESS_NOT_LOCAL", "the machine does not have that address, so nothing reaches it"
    if family == "ipv4" and row["family"] == "ipv6":
        return "x-IPV6_ONLY", "it serves only IPv6"
    if family == "ipv6" and row["family"] == "ipv4":
        return "x-IPV4_ONLY", "it serves only IPv4"
    return "x-OTHER_ADDRESS", "it accepts only connections to that address"


def _accept_queue(mine: list[Row], service: str) -> Hop:
    """Return the hop: broken if more connections wait than the backlog, as the kernel then drops new ones.

    Source: sk_acceptq_is_full in include/net/sock.h.
    """
    if any(row["backlog"] is None for row in mine):
        evidence = "The kernel's sock_diag is not available here, and /proc does not contain the backlog."
        return Hop(UNKNOWN, evidence, "x-BACKLOG_UNKNOWN")
    full = [row for row in mine if row["recv_q"] > row["backlog"]]
    worst = max(mine, key=lambda row: row["recv_q"] - row["backlog"])
    wait = "connection waits" if worst["recv_q"] == 1 else "connections wait"
    evidence = f"{worst['recv_q']} {wait} to be accepted on {bound_to(worst)}, of at most {worst['backlog']}"
    if not full:
        return Hop(OK, evidence + ".")
    evidence += f": {service} takes none, and new clients time out."
    fix = f"sudo systemctl restart {service}"
    return Hop(BROKEN if full == mine else PARTIAL, evidence, "x-ACCEPT_QUEUE_FULL", fix, (service,))


def _words(family: str) -> str:
    return {"ipv4": "IPv4", "ipv6": "IPv6"}[family]


def _all(rows: Iterable[Row]) -> str:
    return ", ".join(dict.fromkeys(_held(row) for row in rows))


def _held(row: Row) -> str:
    """Describe a row, for example: gunicorn (pid 324, webserver.service) listens on 0.0.0.0:5000."""
    details = [f"pid {row['pid']}"] if row["pid"] else [f"of user {row['user'] or row['uid']}"]
    details += [row["unit"] or "no systemd unit"] if row["pid"] or row["unit"] else []
    return f"{row['name'] or 'a program'} ({', '.join(details)}) listens on {bound_to(row)}"


def bound_to(row: Row) -> str:
    """Return the address and port of a row, and the interface if it is bound to one."""
    device = f" (interface {row['interface']} alone)" if row["interface"] else ""
    return endpoint(row["local_address"], row["local_port"]) + device
