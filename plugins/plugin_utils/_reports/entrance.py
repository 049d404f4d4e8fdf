# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Finds out what listens on the port of a URL, and thus which ports to check on the machine and in AWS.

The URL's port may be the application's own port. It may also belong to a load balancer's listener, to a proxy on the
machine, or to the client's own machine, which forwards it. Or it is wrong.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping
from urllib.parse import urlsplit

from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.endpoint import PORTS, is_loopback, is_private
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._variables import as_boolean


def port_of(url: str) -> int | None:
    """Return the port that a client of the URL connects to; None if the URL is invalid."""
    try:
        parts = urlsplit(url)
        return parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None


def asked_for(sites: Iterable[Mapping[str, Any]]) -> list[int]:
    """Return the ports of the machine that its owner opens to clients: each site's own, and that of its URL.

    A URL's port may be that of a proxy on the machine. It is left out if the URL leads to the client's own machine.
    With https_enabled, nginx has the ports, and the sites' own are for the machine alone. `sites` have variables of the
    roles webserver and https: webserver_port, webserver_url, https_enabled and https_port.
    """
    ports: list[int | None] = []
    for site in sites:
        url = site.get("webserver_url", "")
        has_https = as_boolean(site.get("https_enabled", False))
        ports += [80, int(site["https_port"])] if has_https else [int(site["webserver_port"])]
        ports += [None if is_forwarded(url, {}) else port_of(url)]
    return list(dict.fromkeys(port for port in ports if port is not None))


def found_privately(answer: Mapping[str, Any], target: Mapping[str, Any], lookup: Mapping[str, Any]) -> bool:
    """Return whether AWS refused to look up the instance, but found its private address, which was asked for instead.

    `answer` and `target` are the result and the options of reachability, `lookup` is the result of ec2_eni_info.
    """
    address = target.get("address")
    return "msg" in lookup and bool(address) and (answer.get("target") or {}).get("private_address") == address


def questions(
    url: str,
    port: int,
    outside: Mapping[str, Any] | None = None,
    machine: Mapping[str, Any] | None = None,
    load_balancer: str = "",
    front: int = 0,
) -> dict[str, Any]:
    """Return what to ask the machine and AWS about the URL of an application on this port.

    `outside` and `machine` are the results of the modules endpoint_probe and host_reachability; None if they did not
    run. `load_balancer` is the ARN of the load balancer that the URL leads to, if there is one. `front` is the port of
    nginx if the role https serves the site, otherwise 0: it is needed if the URL does not show the port. Returns

    - `entrance` and `client`: options of host_reachability, or None
    - `aws_port`: the option `port` of reachability
    """
    saw = (outside or {}).get("saw") or {}
    asked = port_of(url)
    if load_balancer:
        return {"entrance": None, "client": None, "aws_port": asked or port}
    if asked is None or is_forwarded(url, saw):
        return {"entrance": front or None, "client": None, "aws_port": front or port}
    entrance = asked if asked != port else None
    # If the machine was not read, a proxy may listen on the URL's port. Clients use that port, so AWS is asked about
    # it: advice on the application's port might open an application to the Internet that must stay private.
    return {"entrance": entrance, "client": client_address(saw), "aws_port": (machine or {}).get("entrance") or asked}


def is_forwarded(url: str, saw: Mapping[str, Any]) -> bool:
    """Return whether the URL leads to the client's own machine, which may forward the connection to any port."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or is_loopback(host) or is_loopback(saw.get("address") or "")


def client_address(saw: Mapping[str, Any]) -> str | None:
    """Return the client's own address; None if it is unknown, or if the site sees another one because of NAT."""
    source, address = saw.get("source_address"), saw.get("address")
    if not source or not address or is_loopback(source):
        return None
    return None if is_private(source) and not is_private(address) else source
