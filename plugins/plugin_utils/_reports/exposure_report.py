# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Reports who can reach each listening port of each machine. Ports that nobody asked to open to all come first."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import (
    endpoint,
    is_mapped,
    is_wildcard,
    scope,
    valid,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable, printable_line
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Audience

Row = dict  # machine, protocol, family, address, port, audience, sources, resources, reason, and the process
Machine = Mapping[str, Any]  # name, listening_ports, msg (why they are not known), asked (protocol/port to be open)

# In the order of the report.
AUDIENCES = (Audience.EVERYBODY, Audience.PART, Audience.UNKNOWN, Audience.VPC, Audience.NOBODY)
ALARM = "alarm"
SECTIONS: dict[str, tuple[str, str]] = {
    ALARM: ("Open to everybody, and not asked for", "Close these, or name them in exposure_expected."),
    Audience.EVERYBODY: ("Open to everybody, as asked for", ""),
    Audience.PART: ("Open to a part of the Internet", ""),
    Audience.UNKNOWN: ("Not known", "It is unknown who can reach these."),
    Audience.VPC: ("Open inside the network only", ""),
    Audience.NOBODY: ("Open only to the machine itself", ""),
}
PROTOCOLS, ADDRESS_FAMILIES = ("tcp", "tcp6", "udp", "udp6"), ("ipv4", "ipv6")
# The keys of a row of listening_ports that the report uses, each with a check of its value.
ROW: dict[str, Callable[[Any], bool]] = {
    "proto": lambda value: value in PROTOCOLS,
    "family": lambda value: value in ADDRESS_FAMILIES,
    "local_address": lambda value: isinstance(value, str) and len(valid([value])) == 1,
    "local_port": lambda value: isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535,
    "dual_stack": lambda value: value is None or isinstance(value, bool),
    **dict.fromkeys(("interface", "name", "unit", "user"), lambda value: value is None or isinstance(value, str)),
}
EXPECTED = re.compile(r"^(?:(tcp|udp)/)?(\d{1,5})$")


def expected_errors(expected: Iterable[Any]) -> list[str]:
    """Return an error for each wrong item of exposure_expected."""
    return [f"{item} is neither a port nor tcp/PORT nor udp/PORT" for item in expected if not _port_of(item)]


def _port_of(item: Any) -> str | None:
    """Return `tcp/22` for the items 22 and tcp/22; None for a wrong item."""
    found = EXPECTED.match(str(item).strip())
    return f"{found.group(1) or 'tcp'}/{int(found.group(2))}" if found and 1 <= int(found.group(2)) <= 65535 else None


def _believed(machines: Iterable[Machine]) -> list[dict[str, Any]]:
    """Return the machines with valid tables only, because a machine may answer anything.

    A machine with an invalid table has no rows, and `msg` says why.
    """
    believed = []
    for machine in machines:
        wrong = _nonsense(machine["listening_ports"])
        rows = [] if wrong else [{key: row[key] for key in ROW} for row in machine["listening_ports"]]
        msg = f"Its answer is not a table of listening sockets: {wrong}." if wrong else machine.get("msg", "")
        addresses = valid([machine.get("private_address")])
        believed.append({**machine, "listening_ports": rows, "msg": msg, "private_address": "".join(addresses)})
    return believed


def _nonsense(rows: Any) -> str:
    """Return what is wrong with a table; empty if it is valid."""
    if not isinstance(rows, list):
        return "it is not a list"
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            return f"row {number} is not a dictionary"
        wrong = [key for key, can_be in ROW.items() if key not in row or not can_be(row[key])]
        if wrong:
            return f"row {number} has no valid {wrong[0]}"
    return ""


def listeners(rows: Iterable[Mapping]) -> list[dict[str, Any]]:
    """Return the rows of listening_ports as listeners for the module exposure: one for each family of clients.

    A dual-stack socket gives two listeners. So does a socket whose `dual_stack` is unknown, because it may serve IPv4.
    """
    found: dict[tuple, dict[str, Any]] = {}
    for row in rows:
        places = [(row["local_address"], "ipv4" if is_mapped(row["local_address"]) else row["family"])]
        if row["dual_stack"] is not False:
            places.append(("0.0.0.0", "ipv4"))
        # Only the machine itself reaches the loopback interface, at any address.
        if row["interface"] == "lo":
            places = [("::1" if row["family"] == "ipv6" else "127.0.0.1", row["family"])]
        for address, family in places:
            protocol = row["proto"].rstrip("6")
            key = (protocol, address, row["local_port"], family)
            found[key] = {"protocol": protocol, "address": address, "port": row["local_port"], "family": family}
    return list(found.values())


def asked_by(machines: Iterable[Machine], host: str) -> list[Machine]:
    """Return the machines for which a host asks AWS.

    The first of the machines with the same `account` and with `ask_aws` asks for all of them, and the others for none.
    """
    machines = list(machines)
    account = next((machine["account"] for machine in machines if machine["name"] == host), None)
    peers = [machine for machine in machines if machine["account"] == account and machine["ask_aws"]]
    return peers if peers and peers[0]["name"] == host else []


def questions(machines: Iterable[Machine]) -> list[dict[str, Any]]:
    """Return the option `machines` of the module exposure. It finds a machine without an id by its private address."""
    return [
        {
            "name": machine["name"],
            "listeners": listeners(machine["listening_ports"]),
            **{key: machine[key] for key in ("instance_id", "private_address") if machine[key]},
        }
        for machine in _believed(machines)
    ]


def report(machines: Iterable[Machine], answers: Iterable[Mapping], expected: Iterable[Any]) -> dict[str, Any]:
    """Return the report, as RETURN of plugins/filter/exposure_report.yml describes it.

    `answers` are the results of the module exposure, which runs once for each account and region. If it failed, `msg`
    says why, and the ports of these machines are unknown. `expected` is the variable exposure_expected.
    """
    machines, answers = _believed(machines), list(answers)
    everywhere = {_port_of(item) for item in expected}
    judged = _judged(answers)
    why_not = next((_line(answer["msg"]) for answer in answers if answer.get("msg")), "AWS was not asked.")
    rows: list[Row] = []
    for machine in machines:
        wanted = everywhere | {_port_of(item) for item in machine["asked"]}
        for listener in listeners(machine["listening_ports"]):
            row = {"machine": machine["name"], **listener, **_answer_for(machine["name"], listener, judged, why_not)}
            row["asked_for"] = f"{row['protocol']}/{row['port']}" in wanted
            row["section"] = (
                ALARM if row["audience"] == Audience.EVERYBODY and not row["asked_for"] else row["audience"]
            )
            row.update(_holder(machine["listening_ports"], listener))
            rows.append(row)
    order = list(SECTIONS)
    rows.sort(
        key=lambda row: (order.index(row["section"]), row["machine"], row["port"], row["protocol"], row["address"])
    )
    unread = [{"machine": each["name"], "msg": _line(each["msg"])} for each in machines if each["msg"]]
    found = {
        "rows": rows,
        "unread": unread,
        "machines": len(machines),
        "figures": {audience.value: sum(row["audience"] == audience for row in rows) for audience in AUDIENCES},
        "alarms": sum(row["section"] == ALARM for row in rows),
        "headline": _headline(rows, unread),
    }
    return printable(found)


def _judged(answers: Iterable[Mapping]) -> dict[tuple, Mapping]:
    """Return AWS's answers by machine, protocol, family, address and port."""
    return {
        tuple(each[key] for key in ("machine", "protocol", "family", "address", "port")): each
        for answer in answers
        for each in answer.get("exposure") or []
    }


def _answer_for(name: str, listener: Mapping, judged: Mapping, why_not: str) -> dict[str, Any]:
    found = judged.get((name, listener["protocol"], listener["family"], listener["address"], listener["port"]))
    if found:
        return {key: found[key] for key in ("audience", "sources", "resources", "reason")}
    if scope(listener["address"]) == "loopback":
        return _said(Audience.NOBODY, "It is bound to the machine's loopback address.")
    return _said(Audience.UNKNOWN, why_not)


def _said(audience: Audience, reason: str) -> dict[str, Any]:
    return {"audience": audience.value, "sources": [], "resources": [], "reason": reason}


def _holder(rows: Iterable[Mapping], listener: Mapping) -> dict[str, Any]:
    same = [
        row
        for row in rows
        if row["proto"].rstrip("6") == listener["protocol"] and row["local_port"] == listener["port"]
    ]
    exact = [row for row in same if row["local_address"] == listener["address"]]
    wide = [row for row in same if is_wildcard(row["local_address"])]
    row = (exact + wide + same)[0]
    return {"name": row["name"], "unit": row["unit"], "user": row["user"]}


def _headline(rows: list[Row], unread: list) -> str:
    alarms = len({(row["machine"], row["protocol"], row["port"]) for row in rows if row["section"] == ALARM})
    if alarms:
        verb = "port is" if alarms == 1 else "ports are"
        return f"{alarms} {verb} open to everybody without having been asked for."
    if unread or any(row["audience"] == Audience.UNKNOWN for row in rows):
        return "This report is incomplete: some ports are unknown."
    return "Only ports that were asked for are open to everybody."


def sections(found: Mapping) -> list[dict[str, Any]]:
    """Return the sections that have rows, the alarms first."""
    shown = []
    for name, (title, hint) in SECTIONS.items():
        rows = [row for row in found["rows"] if row["section"] == name]
        if rows:
            shown.append({"name": str(name), "title": title, "hint": hint, "rows": rows})
    return shown


def lines(found: Mapping) -> list[str]:
    """Return the report as lines of text, with a table for each section."""
    told = [found["headline"]]
    for section in sections(found):
        told += ["", f"{section['title']}:"]
        cells = [[row["machine"], place(row), holder(row), row["reason"]] for row in section["rows"]]
        widths = [max(len(line[column]) for line in cells) for column in range(3)]
        told += [f"  {'  '.join(f'{cell:<{width}}' for cell, width in zip(line, widths))}  {line[3]}" for line in cells]
    if found["unread"]:
        told += ["", "Not read:"] + [f"  {each['machine']}  {each['msg']}" for each in found["unread"]]
    return told


def place(row: Mapping) -> str:
    return f"{row['protocol']}/{endpoint(row['address'], row['port'])}"


def holder(row: Mapping) -> str:
    """Return the process and unit of a row, for example: sshd (sshd.service)."""
    if row["name"] is None:
        return row["unit"] or "unknown"
    return f"{row['name']} ({row['unit'] or 'no unit'})"


def _line(text: str | None) -> str:
    return printable_line(str(text or "It could not be asked"))
