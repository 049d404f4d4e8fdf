# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Whether a new TCP connection passes this machine's packet filter: the same judgement for nftables and iptables.

The rules are judged for one packet: each rule says whether it matches that packet, and what it then does. If something
about the packet is unknown, or a rule cannot be read, the result is uncertain too.
"""

from __future__ import annotations

import enum
import ipaddress
from typing import Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import SCOPES, Network, is_within
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, OK, PARTIAL, UNKNOWN, Hop
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict


class Match(enum.IntEnum):
    """Whether a rule matches the packet, in ascending order of certainty."""

    NO = 0
    UNREAD = 1  # the rule cannot be read
    SOME = 2  # it matches the packets of some clients
    YES = 3


NO, UNREAD, SOME, YES = Match.NO, Match.UNREAD, Match.SOME, Match.YES
EPHEMERAL = (1024, 65535)  # the ports from which a client may send
HOOKS = ("ingress", "prerouting", "input")
REDIRECT = "x-FIREWALL_REDIRECT"  # the code of a filter that redirects packets to another port or host
DEEPEST = 32  # nested jumps; the kernel allows 16 in nftables


class Packet(NamedTuple):
    """The first packet of a connection from a client."""

    family: str  # ipv4, ipv6
    port: int
    address: str | None = None  # of this machine
    interface: str | None = None  # on which it arrives; never the loopback interface
    source: str | None = None  # the CIDR block of the clients; None: all of the Internet


class Rule(NamedTuple):
    """A rule, judged for the packet."""

    match: Match
    action: str  # accept, drop, reject, return, jump, goto, redirect, unread, continue
    text: str
    target: str | None = None  # the chain of jump and goto


class Chain(NamedTuple):
    """A chain of rules."""

    rules: list[Rule]
    hook: str | None = None  # None: packets come only from other chains
    priority: int = 0
    policy: str = "accept"


class Table(NamedTuple):
    """A table of chains."""

    tool: str  # nftables, firewalld, iptables: the tool that changes its rules
    name: str  # such as `inet filter`
    chains: dict[str, Chain]


class Outcome(NamedTuple):
    """What may happen to the packet in a chain."""

    action: str  # accept, drop, reject, redirect, unread; fall: the chain's end was reached
    certainty: Match  # never NO
    where: str


class Judgement(NamedTuple):
    """What a base chain does with the packet."""

    verdict: Verdict
    outcome: Outcome
    table: Table
    chain: str  # the chain by which the packet enters the table
    exception: Outcome | None = None  # the outcome of a rule that decides otherwise for some clients


def least(matches: Iterable[Match]) -> Match:
    """Return the weakest of several matches: all must hold. YES if there are none."""
    return min(matches, default=YES)


def negated(match: Match) -> Match:
    """Return the match of a negated condition."""
    return {YES: NO, NO: YES}.get(match, match)


def matches_source(packet: Packet, network: Network) -> Match:
    """Return whether the clients are in the network."""
    if network.version != (6 if packet.family == "ipv6" else 4):
        return NO
    if network.prefixlen == 0:
        return YES
    if packet.source is None:
        # No client on the Internet has a private address.
        private = any(is_within(network, each) for each, _scope in SCOPES)
        return NO if private else SOME
    clients = ipaddress.ip_network(packet.source, strict=False)
    if clients.version != network.version or not clients.overlaps(network):
        return NO
    return YES if is_within(clients, network) else SOME


def matches_client_port(first: int, last: int) -> Match:
    """Return whether the ports from which clients send are in a range."""
    if last < EPHEMERAL[0]:
        return NO
    return YES if first <= EPHEMERAL[0] and last >= EPHEMERAL[1] else SOME


def matches_interface(packet: Packet, pattern: str, wildcard: str) -> Match:
    """Return whether the packet's interface matches. `wildcard` ends a pattern: `*` in nftables, `+` in iptables."""
    if pattern == "lo":
        return NO
    if packet.interface is None:
        return YES if pattern == wildcard else UNREAD
    if pattern.endswith(wildcard):
        return YES if packet.interface.startswith(pattern[:-1]) else NO
    return YES if packet.interface == pattern else NO


def judge(tables: Iterable[Table]) -> list[Judgement]:
    """Return a judgement for each base chain that the packet passes, in that order. All must accept the packet.

    If a chain redirects the packet, its judgement is the last: later chains get another packet.
    """
    met = [
        (HOOKS.index(chain.hook), chain.priority, table, name)
        for table in tables
        for name, chain in table.chains.items()
        if chain.hook in HOOKS
    ]
    judgements = []
    for _hook, _priority, table, name in sorted(met, key=lambda each: each[:2]):
        judgements.append(_judge_chain(table, name))
        if judgements[-1].outcome.action == "redirect":
            break
    return judgements


def _judge_chain(table: Table, name: str) -> Judgement:
    policy = table.chains[name].policy
    by_policy = f"chain {name}: policy {policy}"
    found = [
        each._replace(action=policy, where=by_policy) if each.action == "fall" else each for each in walk(table, name)
    ]
    decided = [each for each in found if each.certainty != SOME]
    some = [each for each in found if each.certainty == SOME]
    last = decided[-1]
    if any(each.action not in ("accept", "drop", "reject") or _passes(each) != _passes(last) for each in decided):
        doubtful = next(each for each in decided if each.certainty == UNREAD or each.action in ("redirect", "unread"))
        return Judgement(UNKNOWN, doubtful, table, name)
    exception = next((each for each in some if _passes(each) != _passes(last)), None)
    if _passes(last):
        return Judgement(OK, last, table, name, exception)
    return Judgement(PARTIAL if exception else BROKEN, last, table, name, exception)


def _passes(outcome: Outcome) -> bool:
    return outcome.action == "accept"


def walk(table: Table, name: str, certainty: Match = YES, depth: int = 0) -> list[Outcome]:
    """Return what may happen to the packet in a chain, in the order of its rules. The last outcome is the default."""
    if name not in table.chains or depth > DEEPEST:
        return [Outcome("unread", certainty, f"chain {name}")]
    found: list[Outcome] = []
    for rule in table.chains[name].rules:
        if rule.match == NO or rule.action == "continue":
            continue
        sure = min(certainty, rule.match)
        if rule.action in ("jump", "goto"):
            below = walk(table, rule.target or "", sure, depth + 1)
            falls = [each for each in below if each.action == "fall"]
            found += [each for each in below if each.action != "fall"]
            if rule.action == "goto":
                found += falls  # the packet returns to the chain that called this one
            if rule.match == YES:
                if rule.action == "goto" or not falls:
                    return found
                certainty = max(each.certainty for each in falls)
            continue
        action = "fall" if rule.action == "return" else rule.action
        found.append(Outcome(action, sure, f"chain {name}: {rule.text}"))
        if rule.match == YES:
            return found
    return found + [Outcome("fall", certainty, f"chain {name}")]


def firewall_hop(
    tables: list[Table],
    unreadable: list[str],
    packet: Packet,
    client: str | None = None,
    tables_for_client: Iterable[Table] = (),
) -> Hop:
    """Return the hop for all clients; if one client's address is given and only it is stopped, the hop says so.

    `unreadable` says which parts of the packet filter could not be read, and why. `tables_for_client` are the same
    rules, judged for a packet of that client.
    """
    general = _hop_for_all(tables, unreadable, packet)
    if client is None or general.verdict == BROKEN:
        return general
    judgements = judge(tables_for_client)
    shut = next((each for each in judgements if each.verdict == BROKEN), None)
    if shut:
        return _shut(shut, packet, client)
    passes = not unreadable and all(each.verdict == OK for each in judgements)
    return general._replace(code=None) if general.verdict == OK and passes else general


def _hop_for_all(tables: list[Table], unreadable: list[str], packet: Packet) -> Hop:
    judgements = judge(tables)
    by_verdict = {each.verdict: each for each in reversed(judgements)}
    if BROKEN in by_verdict:
        return _shut(by_verdict[BROKEN], packet)
    if unreadable:
        return Hop(UNKNOWN, f"{'; '.join(unreadable)}.", "x-FIREWALL_UNREADABLE")
    if UNKNOWN in by_verdict:
        return _undecided(by_verdict[UNKNOWN])
    if PARTIAL in by_verdict:
        return _partly(by_verdict[PARTIAL], packet)
    if not judgements:
        return Hop(OK, "The kernel has no packet filter for incoming connections.")
    # Prefer to name a rule, which explains more than a policy.
    deciding = max(judgements, key=lambda each: ": policy " not in each.outcome.where)
    evidence, code = f"tcp/{packet.port} is admitted by {_where(deciding)}", None
    excepting = next((each for each in judgements if each.exception), None)
    if excepting and excepting.exception:
        evidence += f"; but some clients are kept out by {_where(excepting, excepting.exception)}"
        rejects = excepting.exception.action == "reject"
        code = "x-FIREWALL_REJECTS_SOME" if rejects else "x-FIREWALL_DROPS_SOME"
    return Hop(OK, evidence + ".", code, resources=(deciding.table.name,))


def _where(judgement: Judgement, outcome: Outcome | None = None) -> str:
    return f"{judgement.table.tool}, table {judgement.table.name}, {(outcome or judgement.outcome).where}"


def _shut(judgement: Judgement, packet: Packet, client: str | None = None) -> Hop:
    """Return the hop of a filter that stops all clients, or the client with this address."""
    rejects = judgement.outcome.action == "reject"
    does, code = ("turns away", "x-FIREWALL_REJECT") if rejects else ("drops", "x-FIREWALL_DROP")
    source = f" from {client}, which is this client" if client else ""
    evidence = f"The machine's own firewall {does} tcp/{packet.port}{source}: {_where(judgement)}."
    fix = _fix(judgement, packet, client)
    return Hop(PARTIAL if client else BROKEN, evidence, code, fix, (judgement.table.name,))


def _partly(judgement: Judgement, packet: Packet) -> Hop:
    exception = judgement.exception.where if judgement.exception else ""
    evidence = (
        f"The machine's own firewall allows only some clients on tcp/{packet.port}, by {exception};"
        f" all others end at {_where(judgement)}."
    )
    fix = _fix(judgement, packet)
    return Hop(PARTIAL, evidence, "x-FIREWALL_SOURCES", fix, (judgement.table.name,))


def _undecided(judgement: Judgement) -> Hop:
    if judgement.outcome.action == "redirect":
        evidence, code = f"A rule redirects these packets to another port or host: {_where(judgement)}.", REDIRECT
    else:
        evidence, code = f"The effect of this rule is unknown: {_where(judgement)}.", "x-FIREWALL_UNREADABLE"
    return Hop(UNKNOWN, evidence, code, resources=(judgement.table.name,))


def _fix(judgement: Judgement, packet: Packet, client: str | None = None) -> str:
    """Return a command that allows all clients, or the client with this address."""
    table, chain, port, six = judgement.table, judgement.chain, packet.port, packet.family == "ipv6"
    if table.tool == "firewalld":
        family = "ipv6" if six else "ipv4"
        rule = f"rule priority=-1 family={family} source address={client} port port={port} protocol=tcp accept"
        added = f"--add-rich-rule='{rule}'" if client else f"--add-port={port}/tcp"
        return f"sudo firewall-cmd --permanent {added} && sudo firewall-cmd --reload"
    if table.tool == "iptables":
        source = f" -s {client}" if client else ""
        program = "ip6tables" if six else "iptables"
        return f"sudo {program} -t {table.name.split()[-1]} -I {chain}{source} -p tcp --dport {port} -j ACCEPT"
    source = f"{'ip6' if six else 'ip'} saddr {client} " if client else ""
    return (
        f"sudo nft insert rule {table.name} {chain} {source}tcp dport {port} accept # and save it in /etc/nftables.conf"
    )
