# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The rules of nftables, from `nft --json list ruleset` (libnftables-json(5)), judged for one packet."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, Iterable

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

Expression = Any  # a part of the JSON

FAMILIES = {"ipv4": ("ip", "inet", "netdev"), "ipv6": ("ip6", "inet", "netdev")}
VERDICTS = ("accept", "drop", "reject", "return", "jump", "goto", "continue")
REDIRECTIONS = ("dnat", "redirect", "tproxy")
# Statements that do not decide on the packet.
ASIDE = {"counter", "log", "mangle", "notrack", "set", "map", "flow", "dup", "last", "masquerade", "snat", "secmark"}
ASIDE |= {"ct helper", "ct timeout", "ct expectation", "meter"}
XT_ASIDE = {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS", "TRACE", "CLASSIFY", "SET", "MASQUERADE", "SNAT"}
XT_ACTIONS = {"REJECT": "reject", "REDIRECT": "redirect", "DNAT": "redirect", "TPROXY": "redirect"}
# Headers that a TCP packet does not have.
OTHER_HEADERS = {"udp", "udplite", "icmp", "icmpv6", "igmp", "sctp", "dccp", "esp", "ah", "comp", "arp"}
SYN = {"syn"}


def parse(text: str, packet: Packet) -> list[Table]:
    """Return the tables that the packet passes. Raises ValueError if the text is not the output of nft."""
    try:
        objects = json.loads(text)["nftables"]
        return _tables([next(iter(each.items())) for each in objects if each], packet)
    except (KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
        raise ValueError(f"nft's answer is not understood ({error!r})") from None


def _tables(objects: list[tuple[str, dict]], packet: Packet) -> list[Table]:
    found = []
    for kind, table in objects:
        if kind != "table" or table["family"] not in FAMILIES[packet.family] or "dormant" in (table.get("flags") or []):
            continue
        own = [(what, each) for what, each in objects if _belongs(each, table)]
        sets = {each["name"]: each for what, each in own if what in ("set", "map")}
        chains = {each["name"]: _chain(each, packet) for what, each in own if what == "chain"}
        for what, each in own:
            if what == "rule":
                chains[each["chain"]].rules.extend(_rules(each, sets, packet))
        tool = "firewalld" if table["name"] == "firewalld" else "nftables"
        found.append(Table(tool, f"{table['family']} {table['name']}", chains))
    return found


def _belongs(each: dict, table: dict) -> bool:
    return each.get("family") == table["family"] and each.get("table") == table["name"]


def _chain(chain: dict, packet: Packet) -> Chain:
    devices = chain.get("dev") or []
    devices = [devices] if isinstance(devices, str) else devices
    elsewhere = devices and packet.interface and packet.interface not in devices
    hook = None if elsewhere else chain.get("hook")
    policy = chain.get("policy") or "accept"
    if policy not in ("accept", "drop"):
        raise ValueError(f"nft's answer is not understood (a policy {policy!r})")
    return Chain([], hook, int(chain.get("prio") or 0), policy)


def _rules(rule: dict, sets: dict, packet: Packet) -> list[Rule]:
    """Return one rule for each verdict: a verdict map has several."""
    found: list[Rule] = []
    matches: list[Match] = []
    text = describe(rule.get("expr") or [])
    for statement in rule.get("expr") or []:
        kind, body = _named(statement)
        if kind == "xt" and not isinstance(body, dict):
            # The statement may match or decide: older versions of nft do not print what iptables made.
            found.append(Rule(least(matches), "unread", text))
        elif kind in VERDICTS:
            found.append(_decide(kind, body, least(matches), text))
        elif kind in REDIRECTIONS:
            found.append(Rule(least(matches), "redirect", text))
        elif kind == "vmap":
            for key, verdict in _pairs(body["data"], sets):
                match = least(matches + [_compare(body["key"], "==", key, sets, packet)])
                name, target = next(iter(verdict.items()))
                found.append(_decide(name, target, match, text))
        elif kind == "xt" and body.get("type") == "target":
            if body.get("name") not in XT_ASIDE:
                found.append(Rule(least(matches), XT_ACTIONS.get(body.get("name"), "unread"), text))
        elif kind in ("queue", "synproxy", "fwd"):
            found.append(Rule(least(matches), "unread", text))
        else:
            matches.append(_matches(kind, body, sets, packet))
    return found


def _named(statement: Any) -> tuple[str, Any]:
    """Return a statement's kind and the rest. For iptables' statements, nft before 1.0.6 prints null or one word."""
    return next(iter(statement.items())) if isinstance(statement, dict) else ("xt", None)


def _decide(kind: str, body: Any, match: Match, text: str) -> Rule:
    if kind not in ("jump", "goto"):
        return Rule(match, kind, text)
    if not isinstance(body["target"], str):
        raise TypeError(f"{body['target']} is not the name of a chain")
    return Rule(match, kind, text, body["target"])


def _pairs(data: Any, sets: dict) -> list:
    elements = sets[data[1:]].get("elem") or [] if isinstance(data, str) else data["set"]
    return [(_bare(key), verdict) for key, verdict in elements]


def _matches(kind: str, body: Any, sets: dict, packet: Packet) -> Match:
    if kind == "match":
        return _compare(body["left"], body["op"], body["right"], sets, packet)
    if kind in ("limit", "ct count") and isinstance(body, dict):
        # A rule with a limit matches the packet, because one more connection is taken to be within the limit.
        return NO if body.get("inv") else YES
    if kind in ("set", "meter") and isinstance(body, dict) and body.get("stmt"):
        inner = body["stmt"] if isinstance(body["stmt"], list) else [body["stmt"]]
        return least(_matches(*_named(each), sets, packet) for each in inner)
    return YES if kind in ASIDE else UNREAD


def _compare(left: Expression, operator: str, right: Expression, sets: dict, packet: Packet) -> Match:
    if operator == "!=":
        dependency = _header_is_there(left, packet)
        return negated(_compare(left, "==", right, sets, packet)) if dependency else NO
    if operator in ("<", ">", "<=", ">="):
        return _ordered(left, operator, right, packet)
    if isinstance(left, dict) and "&" in left:
        return _flags(left["&"], right)
    values = _values(right, sets)
    return max((_is(left, value, packet) for value in values), default=NO)


def _header_is_there(left: Expression, packet: Packet) -> bool:
    protocol = (left.get("payload") or {}).get("protocol") if isinstance(left, dict) else None
    return protocol not in OTHER_HEADERS | {"ip6" if packet.family == "ipv4" else "ip"}


def _ordered(left: Expression, operator: str, right: Expression, packet: Packet) -> Match:
    if not isinstance(right, int) or isinstance(right, bool):
        return UNREAD
    first, last = {"<": (0, right - 1), "<=": (0, right), ">": (right + 1, 65535), ">=": (right, 65535)}[operator]
    return _is(left, {"range": [first, last]}, packet)


def _flags(left: list, right: Expression) -> Match:
    """Match `tcp flags & (fin|syn|rst|ack) == syn`, for example: the packet has only the flag syn."""
    field, mask = left
    if field != {"payload": {"protocol": "tcp", "field": "flags"}}:
        return UNREAD
    wanted = set() if right == 0 else set(_listed(right))
    return YES if SYN & set(_listed(mask)) == wanted else NO


def _listed(value: Expression) -> list:
    if isinstance(value, dict) and "|" in value:
        value = [each for part in value["|"] for each in _listed(part)]
    return value if isinstance(value, list) else [value]


def _values(right: Expression, sets: dict) -> list:
    """Return the values on the right side of a comparison: of a set, a named set, or joined flags, one by one."""
    if isinstance(right, str) and right.startswith("@"):
        return [_bare(each) for each in sets[right[1:]].get("elem") or []]
    if isinstance(right, dict) and "set" in right:
        return [_bare(each) for each in right["set"]]
    return _listed(right)


def _bare(element: Expression) -> Expression:
    """Return an element of a set without its time-out, counter or comment."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _is(left: Expression, value: Expression, packet: Packet) -> Match:
    """Return whether the packet's value for an expression equals this value, or is in this range or network."""
    if not isinstance(left, dict):
        return UNREAD
    kind, body = next(iter(left.items()))
    if kind == "concat":
        parts = value.get("concat") if isinstance(value, dict) else None
        if not parts or len(parts) != len(body):
            return UNREAD
        return least(_is(part, each, packet) for part, each in zip(body, parts))
    if kind == "payload" and "protocol" in body:
        return _payload_is(body["protocol"], body["field"], value, packet)
    if kind == "meta":
        return _meta_is(body["key"], value, packet)
    if kind == "ct":
        return _ct_is(body.get("key"), value)
    if kind == "fib":
        return _fib_is(body, value)
    return UNREAD


def _payload_is(protocol: str, field: str, value: Expression, packet: Packet) -> Match:
    if protocol in OTHER_HEADERS or protocol == ("ip6" if packet.family == "ipv4" else "ip"):
        return NO
    if protocol in ("tcp", "th") and field == "dport":
        return _number_is(packet.port, value)
    if protocol in ("tcp", "th") and field == "sport":
        bounds = value["range"] if isinstance(value, dict) and "range" in value else [value, value]
        numbers = all(isinstance(bound, int) for bound in bounds)
        return matches_client_port(*bounds) if numbers else UNREAD
    if (protocol, field) == ("tcp", "flags"):
        return YES if value in SYN else NO
    if field in ("protocol", "nexthdr"):
        return YES if value in ("tcp", 6) else NO
    if field in ("saddr", "daddr"):
        networks = _networks(value)
        if networks is None:
            return UNREAD
        if field == "saddr":
            return max(matches_source(packet, network) for network in networks)
        if packet.address is None:
            return UNREAD
        return YES if any(ipaddress.ip_address(packet.address) in network for network in networks) else NO
    return UNREAD


def _networks(value: Expression) -> list | None:
    try:
        if isinstance(value, dict) and "prefix" in value:
            return [ipaddress.ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}")]
        if isinstance(value, dict) and "range" in value:
            return list(ipaddress.summarize_address_range(*map(ipaddress.ip_address, value["range"])))
        return [ipaddress.ip_network(value)]
    except (ValueError, TypeError):
        return None


def _number_is(number: int, value: Expression) -> Match:
    if isinstance(value, dict) and "range" in value:
        first, last = value["range"]
        if isinstance(first, int) and isinstance(last, int):
            return YES if first <= number <= last else NO
        return UNREAD
    return UNREAD if not isinstance(value, int) else YES if number == value else NO


def _meta_is(key: str, value: Expression, packet: Packet) -> Match:
    if key in ("iif", "iifname") and isinstance(value, str):
        return matches_interface(packet, value, "*")
    if key in ("oif", "oifname"):
        return NO
    known = {
        "l4proto": ("tcp", 6),
        "nfproto": (packet.family,),
        "protocol": ("ip6", "ipv6") if packet.family == "ipv6" else ("ip", "ipv4"),
        "pkttype": ("host", "unicast"),
    }
    if key not in known or isinstance(value, dict):
        return UNREAD
    return YES if value in known[key] else NO


def _ct_is(key: str | None, value: Expression) -> Match:
    if key == "state":
        return YES if value in ("new", 8) else NO
    if key == "status":
        return NO  # a new connection has no status such as seen-reply, assured or dnat
    if key == "direction":
        return YES if value in ("original", 0) else NO
    return UNREAD


def _fib_is(body: dict, value: Expression) -> Match:
    """Match a route lookup. The packet is for this machine, and arrived on the interface that the answer leaves by."""
    flags = body.get("flags") or []
    if body.get("result") == "type" and "daddr" in flags:
        return YES if value == "local" else NO
    if body.get("result") in ("oif", "oifname") and "saddr" in flags and value in (False, True):
        return YES if value else NO
    return UNREAD


# Rules as messages show them, in the syntax of nft.


def describe(expressions: Iterable[dict]) -> str:
    """Return the text of a rule, in the syntax of nft."""
    return " ".join(filter(None, (_statement(*_named(each)) for each in expressions)))


def _statement(kind: str, body: Any) -> str:
    if kind == "match":
        operator = "" if body["op"] in ("==", "in") else f"{body['op']} "
        return f"{_words(body['left'])} {operator}{_words(body['right'])}"
    if kind in ("jump", "goto"):
        return f"{kind} {body['target']}"
    if kind == "vmap":
        return f"{_words(body['key'])} vmap {body['data'] if isinstance(body['data'], str) else '{ … }'}"
    if kind == "reject" and isinstance(body, dict) and body.get("type"):
        return " ".join(["reject with", body["type"], str(body.get("expr") or "")]).strip()
    if kind == "limit" and isinstance(body, dict):
        over = "over " if body.get("inv") else ""
        return f"limit rate {over}{body.get('rate')}/{body.get('per')}"
    if kind == "xt":
        return str(body.get("name")) if isinstance(body, dict) else "xt"
    if kind in ("counter", "log"):
        return ""
    return kind


def _words(value: Expression) -> str:
    if not isinstance(value, dict):
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)
    kind, body = next(iter(value.items()))
    if kind == "payload":
        return f"{body.get('protocol', 'raw')} {body.get('field', 'payload')}"
    if kind in ("meta", "ct"):
        bare = body.get("key") in ("iif", "iifname", "oif", "oifname", "mark")
        return body["key"] if kind == "meta" and bare else f"{kind} {body.get('key')}"
    if kind == "prefix":
        return f"{body['addr']}/{body['len']}"
    if kind == "range":
        return f"{_words(body[0])}-{_words(body[1])}"
    if kind == "set":
        return "{ " + ", ".join(_words(_bare(each)) for each in body) + " }"
    if kind == "concat":
        return " . ".join(map(_words, body))
    if kind == "fib":
        return f"fib {' . '.join(body.get('flags') or [])} {body.get('result')}"
    if kind in ("&", "|"):
        return f" {kind} ".join(map(_words, body))
    return kind
