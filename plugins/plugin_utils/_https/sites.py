# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The sites behind nginx: their names, and the files of their certificates. Runs on the control node."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import pathlib
import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import endpoint
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.endpoint import PORTS, is_address
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lists import as_list

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(\.{LABEL})*")
LONGEST = 253  # characters of a name (RFC 1035, 2.3.4)


def name_problem(value: Any) -> str:
    """Return why a value cannot be a name of a site, as a clause that follows the value; empty if it can."""
    name = str(value)
    if not name.isascii():
        return f"has letters that the DNS does not have. {_in_ascii(name)}"
    if "://" in name or "/" in name:
        return "is a URL or has a path. Write only the name"
    if is_address(name):
        return ""
    if re.search(r":[0-9]+$", name):
        return "has a port. Write only the name"
    if "*" in name:
        return "has a *. Write each name that the site has"
    if "_" in name:
        return "has a _, which names of web sites cannot have"
    if len(name) > LONGEST or not HOST_NAME.fullmatch(name.lower()):
        return "is not a host name such as shop.example"
    return ""


def _in_ascii(name: str) -> str:
    """Return how to write a name. Python knows IDNA 2003, and browsers use IDNA 2008, which has more letters."""
    with contextlib.suppress(UnicodeError):
        written = name.encode("idna").decode()
        if written.encode().decode("idna") == name.lower():
            return f"Write {written}"
    return "Write the name as your registrar shows it with xn--"


def names_of(value: Any) -> list[str]:
    """Return the names of a site as browsers send them, from the variable https_names."""
    return [str(name).lower() for name in as_list(value)]


def twice(names: Iterable[str]) -> list[str]:
    """Return the names that are there more than once."""
    names = list(names)
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def shared(sites: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each name that two sites have."""
    return [
        f"https_names: the sites {one['webserver_name']} and {other['webserver_name']} both have {name}. Only one site"
        " can answer at a name."
        for one, other in itertools.combinations(sites, 2)
        for name in names_of(one["https_names"])
        if name in names_of(other["https_names"])
    ]


def served(sites: Iterable[Mapping[str, Any]], folder: str) -> list[dict[str, Any]]:
    """Return the sites as the template of nginx.conf needs them.

    `sites` is from the lookup `sites`, and `folder` the machine's folder for the certificates. The name of a
    certificate's file contains a hash of it, so that a new certificate is a new file. nginx still has the former one
    until it has accepted the new one.
    """
    return [
        {
            "name": site["webserver_name"],
            "names": [_in_url(name) for name in names_of(site["https_names"])],
            "server": endpoint(site["webserver_host"], int(site["webserver_port"])),
            "hops": int(site["webserver_proxy_hops"]),
            "graceful_timeout": int(site["webserver_graceful_timeout"]),  # seconds
            "pem": f"{folder}/{site['webserver_name']}-{_hash(site['https_certificate_src'])}.pem",
        }
        for site in sites
    ]


def pems(sites: Iterable[Mapping[str, Any]], folder: str, owner: str) -> list[dict[str, str]]:
    """Return the certificates' files for the module unit_files. Each has a chain, and its private key."""
    sites = list(sites)
    return [
        {
            "path": each["pem"],
            "content": f"{site['https_certificate_key'].strip()}\n{_text(site['https_certificate_src'])}",
            "mode": "0600",
            "owner": owner,
            "folder_mode": "0711",
        }
        for site, each in zip(sites, served(sites, folder))
    ]


def former_pems(there: Iterable[str], sites: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the certificates' files that no site uses any more, for the module unit_files, which removes them.

    `sites` is from served().
    """
    used = [site["pem"] for site in sites]
    return [{"path": path} for path in there if path not in used]


def url(names: Any, port: int | str, address: str) -> str:
    """Return the URL of a site, which has its first name. `address` is for a site without names."""
    host = [*names_of(names), address][0]
    return f"https://{_in_url(host) if int(port) == PORTS['https'] else endpoint(host, int(port))}/"


def _in_url(host: str) -> str:
    """Return a name or an address without its port, as in a URL and in the header Host."""
    return f"[{host}]" if ":" in host else host


def _text(src: str) -> str:
    return pathlib.Path(src).expanduser().read_text(encoding="utf-8")


def _hash(src: str) -> str:
    return hashlib.sha256(_text(src).encode()).hexdigest()[:12]
