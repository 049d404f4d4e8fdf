# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The sites of a machine. Each entry of webserver_sites replaces some of the plain variables.

Runs on the control node.
"""

from __future__ import annotations

import functools
import itertools
import pathlib
from typing import Any, Callable, Iterable, Mapping

import yaml

SITES, NAME = "webserver_sites", "webserver_name"
WILDCARDS = ("0.0.0.0", "::")
OWN = (NAME, "webserver_dir", "webserver_user")  # what two sites cannot share, besides a port

Variables = Mapping[str, Any]


@functools.lru_cache(maxsize=None)
def plain_defaults() -> Variables:
    """Return the defaults of the variables that each site may have, without those that use other variables.

    Ansible itself has the defaults of a role only if the role is in the play.
    """
    found = {}
    for role in ("webserver", "https"):
        file = pathlib.Path(__file__).parents[3] / "roles" / role / "defaults" / "main.yml"
        found.update(yaml.safe_load(file.read_text(encoding="utf-8")))
    return {name: value for name, value in found.items() if "{{" not in str(value)}


def entries(variables: Variables, template: Callable[[Any], Any]) -> Any:
    """Return the list of entries. Their values stay templates, because they may use other variables of the same site.

    A value that is not a list is returned as it is. The rule of webserver_sites in `_variables` refuses it.
    """
    listed = variables.get(SITES) or []
    listed = template(listed) if isinstance(listed, str) else listed
    if not isinstance(listed, list):
        return listed
    return [template(entry) if isinstance(entry, str) else entry for entry in listed]


def variables_of_each(
    variables: Variables, template: Callable[[Any], Any], extra: Variables
) -> list[tuple[str, Variables]]:
    """Return each site's name and variables, not templated. `extra` are the variables of -e, which replace all others.

    Without entries, there is the one site of the plain variables. The entries must be right: see `_variables.sites`.
    """
    found = entries(variables, template)
    variables = {**plain_defaults(), **variables}
    if not found:
        return [(str(template(variables.get(NAME, "webserver"))), variables)]
    others = {name: value for name, value in extra.items() if name != NAME}  # -e webserver_name chooses a site
    return [(str(template(entry[NAME])), {**variables, SITES: [], **entry, **others}) for entry in found]


def chosen(names: Iterable[str], name: str | None) -> str:
    """Return a sentence if the site that -e chooses does not exist, otherwise an empty text."""
    names = list(names)
    if name is None or name in names:
        return ""
    return f"{NAME}: webserver_sites has no site {name}. Its sites are {', '.join(names)}."


def shared(sites: Iterable[Variables]) -> list[str]:
    """Return a sentence for each value that two sites cannot share. The values must be allowed ones, and templated."""
    sentences = []
    for one, other in itertools.combinations(sites, 2):
        same = [name for name in OWN if one[name] == other[name]]
        same += ["webserver_port"] if _listen_at_once(one, other) else []
        sentences += [
            f"webserver_sites: the sites {one[NAME]} and {other[NAME]} have the same {name}: {one[name]}. Each site"
            " needs its own."
            for name in same
        ]
        sentences += [
            f"webserver_sites: the sites {one[NAME]} and {other[NAME]} both have processes whose units are called"
            f" {unit}@1.service. Give a process another name."
            for unit in sorted(_names_of_units(one) & _names_of_units(other))
        ]
    return sentences


def _names_of_units(site: Variables) -> set[str]:
    """Return the units of a site's processes, without their numbers. Those in a Procfile are not known here."""
    return {f"{site[NAME]}-{name}" for name in site.get("webserver_processes") or {}}


def _listen_at_once(one: Variables, other: Variables) -> bool:
    """Return whether two sites' sockets conflict: if one has the wildcard address, or both have the same address."""
    hosts = one["webserver_host"], other["webserver_host"]
    same_host = hosts[0] == hosts[1] or any(host in WILDCARDS for host in hosts)
    return same_host and int(one["webserver_port"]) == int(other["webserver_port"])


def joined(found: list[tuple[str, list[str]]]) -> list[str]:
    """Return one list of the errors of all sites. An error that all sites have is in the plain variables."""
    of_all = [each for each in found[0][1] if all(each in sentences for _name, sentences in found)]
    return of_all + [f"Site {name}: {each}" for name, sentences in found for each in sentences if each not in of_all]
