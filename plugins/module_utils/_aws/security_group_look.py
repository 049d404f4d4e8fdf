# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Asks EC2 what the security_group role must know, in a few calls for all hosts together. Runs on the control node."""

from __future__ import annotations

from typing import Any, Callable, Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws import security_group as decide
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.chunks import chunks
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import fetch_missed
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import HERE, Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import Choice, Rule, Wish
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import Record, Snapshot

Describe = Callable  # as in collect.py


def look(
    describe: Describe, wishes: list[Wish], play: list[dict[str, Any]], state: str, place: Place = HERE
) -> tuple[dict[str, Choice], list[Rule]]:
    """Return each host's choice, and the rules to add or to remove; see the module security_group_rule_info.

    Raises NotRead if EC2 refuses a call.
    """
    choices = decide.choose_groups(wishes, _interfaces_of(describe, wishes), place)
    groups = _filtered(describe, "security_groups", "group-id", decide.attached_groups(choices))
    choices = _with_access(describe, decide.refuse_unknown(choices, groups), groups)
    if state == "present":
        rules = decide.rules_of(choices, "lacking")
    else:
        choices = decide.describe_rules(choices, groups, is_former=state == "former")
        rules = decide.rules_of(choices, "there")
    users = decide.users(_filtered(describe, "network_interfaces", "group-id", [rule["group_id"] for rule in rules]))
    if state != "present":
        others = {
            (rule["group_id"], rule["port"]): decide.others_than(
                users[rule["group_id"]],
                [*play, *wishes],
                [host for host in play if state == "former" and rule["port"] in host["ports"]],
            )
            for rule in rules
        }
        instances = _instances_of(describe, [each for interfaces in others.values() for each in interfaces])
        needs = {rule: decide.needed_by(interfaces, instances) for rule, interfaces in others.items()}
        rules = [{**rule, "needed_by": needs[rule["group_id"], rule["port"]]} for rule in rules]
        choices = decide.with_needs(choices, needs)
    for choice in choices.values():
        if not choice["error"] and choice["group_id"] in users:
            choice["sharing"] = len(users[choice["group_id"]]) - 1
    return choices, rules


def _with_access(describe: Describe, choices: dict[str, Choice], groups: list[Record]) -> dict[str, Choice]:
    """Return the choices with the sources that their groups admit. Fetches the prefix lists that decide it."""
    snapshot = Snapshot({})
    while True:
        found = decide.describe_access(choices, groups, snapshot)
        if not snapshot.missed:
            return found
        snapshot = fetch_missed(describe, snapshot)


def _interfaces_of(describe: Describe, wishes: list[Wish]) -> list[Record]:
    """Return the interfaces with an address that a host names, and all interfaces of the hosts' instances."""
    addresses = [wish["address"] for wish in wishes if wish["address"] and not wish["instance_id"]]
    by_address = _filtered(describe, "network_interfaces", "addresses.private-ip-address", addresses)
    instances = [wish["instance_id"] for wish in wishes] + [decide.instance_of(each) for each in by_address]
    return by_address + _filtered(describe, "network_interfaces", "attachment.instance-id", filter(None, instances))


def _instances_of(describe: Describe, interfaces: list[Record]) -> list[Record]:
    ids = filter(None, map(decide.instance_of, interfaces))
    reservations = _filtered(describe, "instances", "instance-id", ids, "Reservations")
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def _filtered(
    describe: Describe, what: str, name: str, values: Iterable[str], answer: str | None = None
) -> list[Record]:
    """Return all records that match a filter with one of the values. There may be any number of values."""
    answer = answer or "".join(word.title() for word in what.split("_"))
    return [
        record
        for chunk in chunks(values)
        for record in describe("ec2", f"describe_{what}", answer, Filters=[{"Name": name, "Values": chunk}])
    ]
