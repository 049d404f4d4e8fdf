# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What the webserver role's script machine.sh reports: the machine, and where the site's unit listens.

Runs on the control node.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _facts
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import unit_options

LISTENS = re.compile(r"^webserver: listens (\S+:\d+)\r?$", re.MULTILINE)
PAGE = re.compile(r"^webserver: page (\S+) (\S+:\d+)\r?$", re.MULTILINE)
FORMER_PORT = re.compile(r"^webserver: former-port (\d+)\r?$", re.MULTILINE)
# The facts that a machine may have several of, and their names as lists.
LISTS = {"credential": "credentials", "address": "addresses", "process": "processes", "no-calendar": "no_calendars"}
LOOPBACK = re.compile(r"127(\.[0-9]{1,3}){3}")
ANY_ADDRESS = ("0.0.0.0", "::")
CAPABILITIES = 229  # the first systemd with AmbientCapabilities=; Amazon Linux 2 has 219


def facts(said: str) -> dict[str, Any]:
    """Return the facts by name, as printable texts.

    `credentials` is the list of the secrets' names, `addresses` that of the machine's own IP addresses, and `processes`
    that of the units of the site's processes and timers. `no_calendars` are the timers whose calendar systemd on the
    machine cannot read. `systemd` is "" if the machine has no systemd. A fact that the machine does not have, such as
    `python`, is missing.
    """
    return {"systemd": "", **_facts.facts("webserver", said, LISTS)}


def needs_capability(port: int | str, has_socket: bool) -> bool:
    """Return whether the server needs a capability for its port. With a socket, systemd opens the port as root."""
    return int(port) < 1024 and not has_socket


def cannot_serve(machine: Mapping[str, Any], port: int | str, has_socket: bool) -> list[str]:
    """Return a sentence for each reason why a unit cannot be served on the machine. `machine` is from facts()."""
    systemd = machine["systemd"]
    sentences = []
    if not systemd:
        sentences.append("The webserver role needs systemd, and this machine is not run by it.")
    if machine.get("uid") != "0":
        sentences.append(
            "The webserver role writes a systemd unit, so it must be root. Set 'become: true' for the play or the role."
        )
    if systemd and needs_capability(port, has_socket) and int(systemd) < CAPABILITIES:
        sentences.append(
            f"webserver_port: {port} is below 1024, and systemd {systemd} cannot give an ordinary user such a port."
            " Use a port from 1024 on."
        )
    return sentences


def no_such_address(machine: Mapping[str, Any], host: str) -> str:
    """Return a sentence if a server on the machine cannot listen on the address `host`, otherwise "".

    "" also if the machine does not report its addresses.
    """
    addresses = machine["addresses"]
    if not addresses or host in addresses or host in ANY_ADDRESS or LOOPBACK.fullmatch(host):
        return ""
    usable = ", ".join(dict.fromkeys(["127.0.0.1", "::1", *addresses]))
    return (
        f"webserver_host: {host} is not an address of this machine. Use 0.0.0.0 (every IPv4 address), :: (every"
        f" address) or one of {usable}. An EC2 machine does not have its public address itself: it is reached on its"
        " private one."
    )


def unreadable_calendars(machine: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each timer whose calendar systemd on the machine cannot read."""
    return [
        f"webserver_timers: {name}: systemd on this machine cannot read its calendar. Write it as daily, *:0/15 (each"
        " quarter of an hour) or Mon..Fri 09:00. The command 'systemd-analyze calendar' checks one."
        for name in machine["no_calendars"]
    ]


def python_missing(machine: Mapping[str, Any], python: str) -> str:
    """Return a sentence if the Python of the environments does not run on the machine, otherwise ""."""
    if "python" in machine:
        return ""
    return (
        f"flask_python: there is no Python that runs at {python} on this machine. site.yml installs /usr/bin/python3."
    )


def of_another(machine: Mapping[str, Any], unit: str, folder: str) -> str:
    """Return a sentence if something else on the machine has the site's name, otherwise "".

    `unit` is the name of the site's unit, and `folder` is webserver_dir.
    """
    if "folder" in machine:
        owned = machine["folder"]
        return f"webserver_name: {owned} on this machine belongs to something else. Give the site another name."
    there = machine.get("site", folder)
    if there.rstrip("/") == folder.rstrip("/"):
        return ""
    if there == "?":
        return (
            f"webserver_name: this role did not write {machine['unit']} on this machine, and would replace or remove"
            " it. Give the site another name, or remove that unit."
        )
    return (
        f"webserver_dir: {unit} on this machine serves the application in {there}, not in {folder}. For a second site"
        f" on this machine, set another webserver_name. To deploy to that site, set webserver_dir: {there}. To remove"
        " it, run teardown.yml with that webserver_dir."
    )


def data_of_another(machine: Mapping[str, Any]) -> str:
    """Return a sentence if the site's state folder has files of another user, otherwise ""."""
    if "state" not in machine:
        return ""
    return (
        f"webserver_name: the files in {machine['state']} on this machine belong to the user {machine['state-owner']},"
        " and systemd would give them to webserver_user. If they are the site's own data, stop the site and change"
        " their owner yourself. Otherwise, give the site another name."
    )


def seen(said: str, site: Mapping[str, Any], purpose: str) -> dict[str, Any]:
    """Return the result of the module `machine_info`, whose options `site` and `purpose` are.

    `said` is the output of the role's script machine.sh.
    """
    machine = facts(said)
    no_python, another = python_missing(machine, site["python"]), of_another(machine, site["unit"], site["folder"])
    # Host and port belong to the unit, and going back does not change the unit.
    listens = endpoint_of_unit(said, site["host"], site["port"]) if purpose == "go_back" else site
    to_serve = [
        *cannot_serve(machine, listens["port"], site["has_socket"]),
        no_python,
        another or data_of_another(machine),
        *unit_options.errors(site["unit_options"], said),
        *unreadable_calendars(machine),
        no_such_address(machine, listens["host"]),
    ]
    reasons = {"look": [], "remove": [no_python, another], "serve": to_serve, "go_back": to_serve}[purpose]
    if any(reasons):
        return {"failed": True, "msg": " ".join(filter(None, reasons))}  # nothing else, because Ansible prints it all
    units = [{"name": name} for name in [site["unit"], *machine["processes"]]]
    has_python, is_of_another = not no_python, bool(another)
    return {"stdout": said, "facts": machine, "units": units, "has_python": has_python, "is_of_another": is_of_another}


def former_ports(said: str, served: Iterable[int | str], loopback: bool = True) -> list[int]:
    """Return the ports that the unit has served, each once, without those at which others reach a site after this run.

    `said` is the output of the role's script machine.sh: where the unit listens, and the ports that interrupted runs
    noted. Without `loopback`, a port does not count if the unit listens there only for the machine itself.
    """
    found = [
        endpoint["port"]
        for endpoint in map(_endpoint, LISTENS.findall(said))
        if loopback or not (LOOPBACK.fullmatch(endpoint["host"]) or endpoint["host"] == "::1")
    ]
    found += map(int, FORMER_PORT.findall(said))
    return [each for each in dict.fromkeys(found) if each not in set(map(int, served))]


def endpoint_of_unit(said: str, host: str, port: int | str) -> dict[str, Any]:
    """Return the `host` and `port` on which the site's unit listens, or the given ones if there is no such unit.

    `said` is the output of the role's script machine.sh.
    """
    found = LISTENS.search(said)
    return _endpoint(found[1]) if found else {"host": host, "port": int(port)}


def _endpoint(text: str) -> dict[str, Any]:
    """Read `0.0.0.0:5000`, `[::]:5000` or `:::5000`."""
    host, _colon, port = text.rpartition(":")
    return {"host": host.strip("[]"), "port": int(port)}


def _shown(endpoint: Mapping[str, Any]) -> str:
    host = endpoint["host"]
    return printable(f"{f'[{host}]' if ':' in host else host}:{endpoint['port']}")


def page_elsewhere(said: str, release: str) -> str:
    """Return an error if a release of the built-in page has another host or port than the unit; otherwise "".

    `said` is the output of the role's script machine.sh. The release of an application, or of a page that is served by
    a systemd socket, does not contain a host and port.
    """
    unit = LISTENS.search(said)
    page = dict(PAGE.findall(said)).get(release)
    if not unit or not page or _endpoint(page) == _endpoint(unit[1]):
        return ""
    target = _endpoint(page)
    return (
        f"webserver_release: {printable(release)} is a page that listens on {_shown(target)}, and the site is served on"
        f" {_shown(_endpoint(unit[1]))}. With webserver_server: flask the file webserver.py holds host and port, and a"
        " rollback does not move a site. To move it, run site.yml with"
        f" webserver_host: {printable(target['host'])} and webserver_port: {target['port']}."
    )


def stays(said: str, host: str, port: int | str) -> str:
    """Return a notice that a rollback keeps the unit's host and port, if these are not the given ones; otherwise ""."""
    unit, wanted = endpoint_of_unit(said, host, port), {"host": host, "port": int(port)}
    if unit == wanted:
        return ""
    return (
        f"The site stays on {_shown(unit)}: a rollback does not move it. To move it to {_shown(wanted)}, as"
        " webserver_host and webserver_port say, run site.yml."
    )
