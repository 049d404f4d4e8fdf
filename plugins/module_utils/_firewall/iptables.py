# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The rules of iptables, from `iptables-save` or `ip6tables-save`, judged for one packet."""

from __future__ import annotations

import ipaddress
import shlex
from typing import Iterable, Iterator

from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall.rules import (
    NO,
    UNREAD,
    YES,
    Chain,
    Match,
    Packet,
    Rule,
    Table,
    least,
    matches_client_port,
    matches_interface,
    matches_source,
    negated,
)

# netfilter_ipv4.h: the tables get a packet in ascending order.
PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
HOOKS = {"PREROUTING": "prerouting", "INPUT": "input"}
ACTIONS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}
ACTIONS.update(dict.fromkeys(["DNAT", "REDIRECT", "TPROXY", "NETMAP"], "redirect"))
ACTIONS.update(dict.fromkeys(["QUEUE", "NFQUEUE", "SYNPROXY"], "unread"))
# Any other target that is not a chain does not decide on the packet.

# Options that match no packets by themselves. A module (-m) matches only by its options.
SILENT = {"-m", "--match", "--comment", "--limit-burst", "--log-prefix", "--log-level"}
ABOVE = {"--connlimit-above", "--hashlimit-above"}
WITHIN = {"--limit", "--connlimit-upto", "--hashlimit-upto", "--hashlimit", "--connlimit-mask", "--connlimit-saddr"}
WITHIN |= {"--hashlimit-burst", "--hashlimit-mode", "--hashlimit-name", "--hashlimit-srcmask", "--connlimit-daddr"}
WITHIN |= {"--hashlimit-htable-expire", "--hashlimit-htable-size", "--hashlimit-htable-max", "--hashlimit-dstmask"}
TARGETS = ("-j", "--jump", "-g", "--goto")
# Options whose value may look like an option: iptables-save quotes only values that contain blanks.
FREE_TEXT = ("--comment", "--log-prefix", "--nflog-prefix", "--string", "--name")


def parse(text: str, packet: Packet) -> list[Table]:
    """Return the tables. Raises ValueError if the text is not the output of iptables-save."""
    tables: list[Table] = []
    for line in text.splitlines():
        if line.startswith("*"):
            family = "ip6" if packet.family == "ipv6" else "ip"
            tables.append(Table("iptables", f"{family} {line[1:].strip()}", {}))
        elif line.startswith((":", "-A ")) and not tables:
            raise ValueError(f"iptables-save's answer is not understood: {line}")
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            _add_chain(tables[-1], chain, policy)
        elif line.startswith("-A "):
            _add_rule(tables[-1], line, packet)
    return tables


def _add_chain(table: Table, name: str, policy: str) -> None:
    priority = PRIORITIES.get(table.name.split()[-1], 0)
    table.chains[name] = Chain([], HOOKS.get(name), priority, ACTIONS.get(policy, "accept"))


def _add_rule(table: Table, line: str, packet: Packet) -> None:
    words = shlex.split(line)
    options = list(_options(words[2:]))
    matches: list[Match] = []
    action: str = "continue"
    target: str | None = None
    for negation, option, values in options:
        if option in TARGETS:
            if not values:
                raise ValueError(f"iptables-save's answer is not understood: {line}")
            action, target = _action(table, option, values[0])
            break  # the options that follow belong to the target
        match = _matches(option, values, packet)
        matches.append(negated(match) if negation else match)
    table.chains[words[1]].rules.append(Rule(least(matches), action, line, target))


def _action(table: Table, option: str, name: str) -> tuple[str, str | None]:
    if name in table.chains:
        return ("goto" if option in ("-g", "--goto") else "jump"), name
    return ACTIONS.get(name, "continue"), None


def _options(words: Iterable[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """Yield (negated, option, values)."""
    negation, option = False, ""
    values: list[str] = []
    next_negation = False
    for word in words:
        if option in FREE_TEXT and not values:
            values.append(word)
        elif word == "!":
            next_negation = True
        elif word.startswith("-") and not word.lstrip("-")[:1].isdigit():
            if option:
                yield negation, option, values
            negation, option, values, next_negation = next_negation, word, [], False
        else:
            # Before iptables 1.4.3, the exclamation mark followed the option.
            negation, next_negation = negation or next_negation, False
            values.append(word)
    if option:
        yield negation, option, values


def _matches(option: str, values: list[str], packet: Packet) -> Match:
    if option in SILENT or option in WITHIN:
        return YES
    if option in ABOVE:
        return NO
    value = values[0] if values else ""
    if option in ("-p", "--protocol", "--proto"):
        return YES if value in ("tcp", "6", "all", "0") else NO
    if option in ("-s", "--source", "--src"):
        return _any(matches_source(packet, network) for network in _networks(value))
    if option in ("-d", "--destination", "--dst"):
        return _is_ours(packet, _networks(value))
    if option in ("-i", "--in-interface"):
        return matches_interface(packet, value, "+")
    if option in ("-o", "--out-interface"):
        return NO
    if option in ("--dport", "--dports", "--destination-port", "--destination-ports"):
        return YES if any(first <= packet.port <= last for first, last in _ranges(value)) else NO
    if option in ("--sport", "--sports", "--source-port", "--source-ports"):
        return _any(matches_client_port(*each) for each in _ranges(value))
    if option == "--ports":
        ours = any(first <= packet.port <= last for first, last in _ranges(value))
        return YES if ours else _any(matches_client_port(*each) for each in _ranges(value))
    if option in ("--ctstate", "--state"):
        return YES if "NEW" in value.split(",") else NO
    if option == "--ctstatus":
        return YES if "NONE" in value.split(",") else NO
    if option == "--tcp-flags":
        if len(values) != 2:
            return UNREAD
        wanted = set() if values[1] == "NONE" else set(values[1].split(","))
        return YES if {"SYN"} & _mask(value) == wanted else NO
    if option in ("--syn", "--tcp-syn"):
        return YES
    if option == "--src-range":
        return _any(matches_source(packet, network) for network in _range(value))
    if option == "--dst-range":
        return _is_ours(packet, _range(value))
    if option == "--dst-type":
        return YES if value in ("LOCAL", "UNICAST") else NO
    if option == "--src-type":
        return YES if value == "UNICAST" else NO
    if option == "--pkt-type":
        return YES if value == "unicast" else NO
    return UNREAD


def _mask(flags: str) -> set[str]:
    return {"SYN"} if flags == "ALL" else set(flags.split(","))


def _any(matches: Iterable[Match]) -> Match:
    return max(matches, default=UNREAD)


def _networks(value: str) -> list:
    """Return the networks of a list; empty if it cannot be read, such as a host name."""
    try:
        return [ipaddress.ip_network(each, strict=False) for each in value.split(",")]
    except ValueError:
        return []


def _range(value: str) -> list:
    try:
        first, last = (ipaddress.ip_address(each) for each in value.split("-"))
        return list(ipaddress.summarize_address_range(first, last))
    except ValueError:
        return []


def _is_ours(packet: Packet, networks: list) -> Match:
    if packet.address is None or not networks:
        return UNREAD
    return YES if any(ipaddress.ip_address(packet.address) in network for network in networks) else NO


def _ranges(value: str) -> list[tuple[int, int]]:
    """Return the ranges in `80,1000:2000`. Names are skipped: iptables-save prints numbers only."""
    found = []
    for part in value.split(","):
        first, _colon, last = part.partition(":")
        first, last = first or "0", (last or "65535") if ":" in part else first
        if first.isdigit() and last.isdigit():
            found.append((int(first), int(last)))
    return found
