# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What the https role's script machine.sh reports, and whether the machine can serve HTTPS.

Runs on the control node.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import WILDCARDS, endpoint
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _facts
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import certificate

# The facts of which there may be several, and their names as lists.
LISTS = {"pem": "pems", "certificate": "certificates", "holds": "held_ports"}
NO_ANSWER, BAD_GATEWAY = -1, 502  # the statuses of page_info, if nginx does not answer, or the site behind it does not
LEAST_MEMORY = 64  # MiB: nginx takes 16 with 200 connections, and the installation more for a moment
SSH_UNITS = ("ssh.service", "ssh.socket", "sshd.service", "sshd.socket")
# The units whose sockets are ours. While https.service restarts, systemd holds them.
OWN_UNITS = ("https.socket", "https.service")


def facts(said: str) -> dict[str, Any]:
    """Return the facts by name, as printable texts.

    `pems` is the list of the certificates' files, and `held_ports` that of the ports that https.socket holds.
    `certificates` has for each of these files its path, a blank, and the first certificate in base64. A fact that the
    machine does not have, such as `nginx`, the version of nginx, is missing.
    """
    return _facts.facts("https", said, LISTS)


def addresses(machine: Mapping[str, Any], port: int | str) -> list[str]:
    """Return the addresses at which nginx listens on a port. `machine` is from facts()."""
    return [endpoint(address, int(port)) for address in (WILDCARDS if "ipv6" in machine else WILDCARDS[:1])]


def refusals(
    machine: Mapping[str, Any], table: Mapping[str, Any], ports: Iterable[int | str], sites: Iterable[str]
) -> list[str]:
    """Return a sentence for each reason why the machine cannot serve HTTPS.

    `machine` is from facts(). `table` is the result of the module listening_ports, which may have been skipped. `ports`
    are those of nginx. `sites` are the names of the sites that move to another port before nginx opens its own.
    """
    sentences = []
    if not machine.get("systemd"):
        sentences.append("The https role needs systemd, and this machine is not run by it.")
    if machine.get("uid") != "0":
        sentences.append(
            "The https role writes systemd units, so it must be root. Set 'become: true' for the play or the role."
        )
    if machine.get("package-manager") == "none" and "nginx" not in machine:
        sentences.append(
            "The https role installs nginx by yum or apt, and this machine has neither. Install nginx yourself."
        )
    memory = int(machine.get("MemAvailable", LEAST_MEMORY))
    if "main-pid" not in machine and memory < LEAST_MEMORY:
        sentences.append(
            f"The machine has {memory} MiB of memory left, and nginx needs {LEAST_MEMORY} MiB. Stop other programs"
            " there, or use a larger instance."
        )
    if machine.get("unit") == "foreign":
        sentences.append(
            "This machine has an https.service that this role did not write, and the role would replace it. Remove or"
            " rename that unit."
        )
    return sentences + _in_the_way(table.get("listening_ports") or [], ports, sites)


def _in_the_way(listeners: Iterable[Mapping[str, Any]], ports: Iterable[int | str], sites: Iterable[str]) -> list[str]:
    """Return a sentence for each port that another unit holds."""
    wanted = {int(port) for port in ports}
    own = (*OWN_UNITS, *(f"{name}.{kind}" for name in sites for kind in ("socket", "service")))
    holders = [
        (each["local_port"], each["unit"] or "", each["name"] or "", each["pid"])
        for each in listeners
        if each["local_port"] in wanted and each["unit"] not in own
    ]
    return [_held(*holder) for holder in dict.fromkeys(holders)]


def _held(port: int, unit: str, name: str, pid: int | None) -> str:
    if unit in SSH_UNITS:  # whoever stops it cannot log in again
        return f"Port {port} is in use on this machine, by {unit}. Set another https_port."
    if unit.endswith((".service", ".socket")):
        return printable(
            f"Port {port} is in use on this machine, by {unit}, and HTTPS needs it. If nobody needs that unit, stop it:"
            f" sudo systemctl disable --now {unit}"
        )
    return printable(
        f"Port {port} is in use on this machine, by the process {pid or 'unknown'} ({name or 'no name'}), and HTTPS"
        " needs it. Stop that process if nobody needs it."
    )


def not_served(answers: Iterable[Mapping[str, Any]], journal: Iterable[str]) -> str:
    """Return a sentence if a site does not answer through nginx, otherwise "".

    `answers` are the results of page_info in a loop over the sites, and `journal` has the last lines of https.service.
    """
    failed = [answer for answer in answers if answer.get("status", NO_ANSWER) in (NO_ANSWER, BAD_GATEWAY)]
    if not failed:
        return ""
    names = ", ".join(answer["item"]["names"][0] for answer in failed)
    reason = str(failed[0].get("msg") or "no answer").rstrip(".")
    said = "; ".join(line for line in journal if line.strip()) or "nothing"
    return printable(f"nginx does not serve {names} on the machine: {reason}. https.service logged: {said}")


def problems(machine: Mapping[str, Any], sites: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each reason why nginx does not serve the sites as it should. `machine` is from facts()."""
    if "nginx" not in machine or "there" not in machine:
        return ["HTTPS is not set up on this machine. Run site.yml to do that."]
    stopped = [unit for unit in OWN_UNITS if machine.get(unit) != "active"]
    sentences = [
        f"{unit} is {machine.get(unit) or 'not there'}. Run site.yml to start it, or see 'journalctl -u {unit}'."
        for unit in stopped
    ]
    missing = [site["name"] for site in sites if site["pem"] not in machine["pems"]]
    if missing:
        sentences.append(f"The machine lacks the certificate of {', '.join(missing)}. Run site.yml to bring it.")
    if not stopped and "loaded" not in machine:
        sentences.append("nginx runs with an older configuration or certificate. Run site.yml to load the new one.")
    if "outdated" in machine:
        sentences.append("nginx was updated, and still runs in its former version. Run site.yml to restart it.")
    return sentences


def status(
    machine: Mapping[str, Any], sites: Iterable[Mapping[str, Any]], now: datetime.datetime | None = None
) -> list[str]:
    """Return what to print about nginx and the certificate of each site. `machine` is from facts()."""
    sites = list(sites)
    certificates = dict(each.partition(" ")[::2] for each in machine["certificates"])
    units = [f"{unit} is {machine.get(unit) or 'not there'}" for unit in OWN_UNITS]
    return [
        f"https: nginx {machine.get('nginx', 'is not installed')}, {', '.join(units)}",
        *(
            f"certificate of {site['name']}: {certificate.described(certificates.get(site['pem'], ''), now)}"
            for site in sites
        ),
        *(f"problem: {problem}" for problem in problems(machine, sites)),
    ]


def curves(openssl: str) -> str:
    """Return the curves for the version of OpenSSL with which nginx runs, for nginx's ssl_ecdh_curve.

    X25519MLKEM768 also resists quantum computers. nginx does not start if it is named and OpenSSL is older than 3.5.
    OpenSSL before 1.1.0 has no X25519.
    """
    version = tuple(int(part) for part in re.findall(r"[0-9]+", openssl)[:2])
    known = ["prime256v1", "secp384r1"]
    if version >= (1, 1):
        known.insert(0, "X25519")
    if version >= (3, 5):
        known.insert(0, "X25519MLKEM768")
    return ":".join(known)
