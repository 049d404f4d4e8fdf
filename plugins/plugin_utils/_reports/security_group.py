# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Messages of the security_group role, which name its variables, and the choice of the hosts that act for others.

A *choice* is what module_utils/_aws/security_group.py found for a host.
"""

from __future__ import annotations

from typing import Any, Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import Access, Choice, Rule


def how_opened(choice: Choice, check_mode: bool, closing: Iterable[int | str] = ()) -> list[str]:
    """Return, for each port of a host, a sentence that names the group that admits clients after the run, and notices.

    Rules for the ports in `closing` are reported by `how_closed`.
    """
    return [_how_opened(choice, access, check_mode) for access in choice["access"]] + _stale(choice, closing)


def _stale(choice: Choice, known: Iterable[int | str]) -> list[str]:
    """Return a sentence for each rule with the host's description for a port that is neither asked for nor `known`."""
    reported = set(map(int, known))
    return [
        f"The rule for tcp/{rule['port']} from {', '.join(rule['cidrs'])} stays in {choice['group_id']}. If no site"
        f" uses this port any more, close it: {close_command(rule['port'], rule['cidrs'])}"
        for rule in choice["stale"]
        if rule["port"] not in reported
    ]


def _how_opened(choice: Choice, access: Access, check_mode: bool) -> str:
    what = f"tcp/{access['port']} from {', '.join(choice['cidrs'])}"
    if access["lacking"]:
        how = (
            f"{'would be opened' if check_mode else 'opened now'} in {choice['group_id']} ({choice['group_name']})"
            f"{_for_others(choice)}"
        )
    else:
        how = f"already admitted by {' or '.join(choice['group_ids'])}"
    said = [f"{choice['interface_id']}, {what}: {how}."]
    if access["beside"]:
        said.append(
            f"Existing rules also admit {', '.join(access['beside'])}. To remove a rule only for this port, run"
            f" close_port.yml with -e security_group_port={access['port']}"
            f" -e security_group_cidrs={','.join(access['beside'])}"
        )
    for other in access["shut"]:
        said.append(
            f"The same instance has another public address, {other['address']}, on {other['interface_id']}, where the"
            f" port is not open. To open it there instead, set security_group_id: {other['group_ids'][0]}"
        )
    return " ".join(said)


def close_command(port: int, cidrs: list[str]) -> str:
    """Return the command that removes a rule."""
    sources = "" if cidrs == ["0.0.0.0/0"] else f" -e security_group_cidrs={','.join(cidrs)}"
    return f"ansible-playbook playbooks/close_port.yml -i INVENTORY -e security_group_port={port}{sources}"


def how_closed(
    choice: Choice, shared: str, check_mode: bool, is_former: bool = False, known: Iterable[int | str] = ()
) -> list[str]:
    """Return sentences that say for each port of a host whether its rule is removed, or why not, and which others stay.

    `shared` is the role's variable security_group_shared. `is_former` tells whether the host served the ports before.
    `known` are ports that a site uses, or that another task of the run closes: their rules are not reported.
    """
    closed = [_how_closed(choice, access, shared, check_mode, is_former) for access in choice["access"]]
    return closed + ([] if is_former else _stale(choice, known))


def _how_closed(choice: Choice, access: Access, shared: str, check_mode: bool, is_former: bool) -> str:
    group, port = f"{choice['group_id']} ({choice['group_name']})", f"tcp/{access['port']}"
    if not access["there"]:
        if is_former:
            return f"{group}, the former port {port}: there is no rule with the description {choice['description']}."
        return f"{group}, {port} from {', '.join(choice['cidrs'])}: there is no such rule. Wider rules are not changed."
    sources = access["there"] if is_former else choice["cidrs"]
    what = f"{group}, {'the former port ' if is_former else ''}{port} from {', '.join(sources)}"
    others = list(dict.fromkeys(map(_shown, access["needed_by"])))
    if others and shared != "close":
        shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        who = "machines that may still serve this port" if is_former else "machines that are not part of this run"
        return (
            f"{what}: this rule stays, because this group is also attached to {who}: {shown}. To close the port for"
            f" them too: {close_command(access['port'], sources)}"
        )
    return f"{what}: {'would be removed' if check_mode else 'removed'}{_for_others(choice)}."


def _for_others(choice: Choice) -> str:
    """Return a clause that says for how many other network interfaces a change of the group counts too."""
    others = choice["sharing"]
    return f", also for {others} other network interface{'s' if others > 1 else ''} with this group" if others else ""


def leaders(wishes: list[dict[str, Any]]) -> dict[str, str]:
    """Return the first host of each account: it asks and acts for all hosts of this account.

    A wish is `{account, host, ...}` here. An account is a digest of connection options.
    """
    first: dict[str, str] = {}
    for wish in wishes:
        first.setdefault(wish["account"], wish["host"])
    return first


def not_found(answer: dict[str, Any], host: str, is_own_python: bool) -> str:
    """Return why no security group was found for a host; "" if one was.

    `answer` is the result of security_group_rule_info, which may have failed. `is_own_python` tells whether the module
    ran with the Python that runs Ansible.
    """
    leave = "To leave security groups alone, set security_group_manage: false."
    if "hosts" not in answer:
        refusal = answer.get("msg") or "EC2 could not be asked"
        where = (
            "The role takes its connection options from security_group_aws and the control node's environment."
            if is_own_python
            else "Set ansible_python_interpreter in the inventory. With -e it applies to the control node too, whose"
            " Python must have boto3."
        )
        return f"{_sentence(refusal)} The security group of {host} could not be looked up. {where} {leave}"
    choice = answer["hosts"][host]
    if not choice["error"]:
        return ""
    is_about_group = choice.get("group_id") and choice["error"].startswith(choice["group_id"])
    error = f"security_group_id: {choice['error']}" if is_about_group else choice["error"]
    return (
        f"{_sentence(error)} Check the region and the account, or name the instance in security_group_instance_id."
        f" {leave}"
    )


def not_done(choice: Choice, acts: dict[str, Any]) -> str:
    """Return why rules of a host could not be added or removed; "" if nothing failed.

    `acts` is the result of a loop of security_group_rule over rules.
    """
    said = []
    for result in acts.get("results", []):
        rule = result.get("item", {})
        if rule.get("group_id") != choice["group_id"] or rule["port"] not in choice["ports"] or "rules" in result:
            continue
        is_closing = any("there" in access for access in choice["access"])
        if result.get("error", {}).get("code") == "InvalidGroup.NotFound" and is_closing:
            continue  # the group is deleted, and its rules with it
        said.append(f"tcp/{rule['port']}: {_sentence(result.get('msg') or 'The module security_group_rule failed')}")
    return " ".join(said)


def closable(rules: list[Rule], shared: str) -> list[Rule]:
    """Return the rules to remove. `shared` is the role's variable security_group_shared."""
    return [rule for rule in rules if shared == "close" or not rule["needed_by"]]


def is_settled(choice: Choice, shared: str) -> bool:
    """Return whether none of the host's ports has a rule that stays because other machines need it."""
    return closable(choice["access"], shared) == choice["access"]


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}."


def _shown(other: dict[str, str]) -> str:
    name = f" ({other['name']})" if other["name"] else ""
    return f"{other['instance_id']}{name}" if other["instance_id"] else other["interface_id"]
