# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import iptables as _iptables
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import nftables
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import rules as _firewall
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall.rules import (
    NO,
    SOME,
    UNREAD,
    YES,
    Chain,
    Packet,
    Rule,
    Table,
    firewall_hop,
)

CAPTURED = pathlib.Path(__file__).parents[3] / "captured"


def packet(port, **fields):
    return Packet(**{"family": "ipv4", "port": port, "address": "10.0.1.20", "interface": "eth0", **fields})


def verdict(tables, of):
    found = firewall_hop(tables, [], of)
    return found.verdict, found.code


def table(*rules, policy="accept", **chains):
    """Return a table whose input chain has these rules."""
    found = {"input": Chain(list(rules), "input", 0, policy)}
    found.update({name: Chain(list(others)) for name, others in chains.items()})
    return Table("nftables", "inet t", found)


def rule(action, match=YES, target=None):
    return Rule(match, action, f"{action} rule", target)


OK, BROKEN = ("ok", None), ("broken", "x-FIREWALL_DROP")
BANNED = ("ok", "x-FIREWALL_DROPS_SOME")
PARTIAL, UNKNOWN = ("partial", "x-FIREWALL_SOURCES"), ("unknown", "x-FIREWALL_UNREADABLE")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (table(), OK),
        (table(policy="drop"), BROKEN),
        (table(rule("accept"), policy="drop"), OK),
        (table(rule("accept", NO), policy="drop"), BROKEN),
        (table(rule("reject"), rule("accept")), ("broken", "x-FIREWALL_REJECT")),
        # Rules for some clients only.
        (table(rule("accept", SOME), policy="drop"), PARTIAL),
        (table(rule("drop", SOME)), ("ok", "x-FIREWALL_DROPS_SOME")),
        (table(rule("reject", SOME)), ("ok", "x-FIREWALL_REJECTS_SOME")),
        (table(rule("drop", SOME), rule("accept", SOME), policy="drop"), PARTIAL),
        # Rules that cannot be read, and would decide.
        (table(rule("accept", UNREAD), policy="drop"), UNKNOWN),
        (table(rule("drop", UNREAD)), UNKNOWN),
        (table(rule("drop", UNREAD), policy="drop"), BROKEN),
        (table(rule("accept", UNREAD), rule("drop", UNREAD)), UNKNOWN),
        (table(rule("unread")), UNKNOWN),
        (table(rule("redirect")), ("unknown", "x-FIREWALL_REDIRECT")),
        # Other chains.
        (table(rule("jump", target="c"), policy="drop", c=[rule("accept")]), OK),
        (table(rule("jump", target="c"), rule("accept"), policy="drop", c=[rule("drop", NO)]), OK),
        (table(rule("jump", target="c"), rule("accept"), policy="drop", c=[rule("return"), rule("drop")]), OK),
        (table(rule("goto", target="c"), rule("accept"), policy="drop", c=[rule("drop", NO)]), BROKEN),
        (table(rule("goto", target="c"), rule("accept"), policy="drop", c=[rule("return")]), BROKEN),
        (table(rule("jump", NO, "c"), policy="drop", c=[rule("accept")]), BROKEN),
        (table(rule("jump", UNREAD, "c"), policy="drop", c=[rule("accept")]), UNKNOWN),
        (table(rule("jump", SOME, "c"), policy="drop", c=[rule("accept")]), PARTIAL),
        (table(rule("jump", target="c"), policy="drop", c=[rule("return", UNREAD), rule("accept")]), UNKNOWN),
        (table(rule("jump", target="missing")), UNKNOWN),
        (table(rule("continue"), rule("return"), rule("drop")), OK),
    ],
)
def test_outcomes_for_a_packet(given, expected):
    assert verdict([given], packet(5000)) == expected


def test_an_exception_in_any_table_is_reported():
    """fail2ban has its own table, whose policy accepts the other clients."""
    banned = Table("nftables", "inet f2b-table", {"f2b": Chain([rule("reject", SOME)], "input", -1)})
    found = firewall_hop([banned, table(rule("accept"), policy="drop")], [], packet(5000))
    assert (found.verdict, found.code) == ("ok", "x-FIREWALL_REJECTS_SOME")
    assert "chain input: accept rule" in found.evidence
    exception = "but some clients are kept out by nftables, table inet f2b-table, chain f2b: reject rule"
    assert exception in found.evidence


HERE = "10.0.1.7"


@pytest.mark.parametrize(
    ("general", "for_client", "expected", "says"),
    [
        (table(), table(rule("drop")), ("partial", "x-FIREWALL_DROP"), "drops tcp/5000 from 10.0.1.7"),
        (table(), table(rule("reject")), ("partial", "x-FIREWALL_REJECT"), "turns away tcp/5000 from 10.0.1.7"),
        (table(rule("drop", SOME)), table(rule("drop")), ("partial", "x-FIREWALL_DROP"), "from 10.0.1.7"),
        (table(rule("drop", UNREAD)), table(rule("drop")), ("partial", "x-FIREWALL_DROP"), "from 10.0.1.7"),
        # The exception is for other clients.
        (table(rule("drop", SOME)), table(), OK, "but some clients are kept out by"),
        (table(), table(), OK, "is admitted by"),
        # The packet filter stops all clients, so this client is not judged on its own.
        (table(rule("drop")), table(rule("drop")), BROKEN, "drops tcp/5000: "),
        (table(rule("drop")), table(), BROKEN, "drops tcp/5000: "),
    ],
)
def test_a_client_in_particular(general, for_client, expected, says):
    found = firewall_hop([general], [], packet(5000), HERE, [for_client])
    assert (found.verdict, found.code) == expected
    assert says in found.evidence


def test_a_loop_of_jumps_ends():
    loop = table(rule("jump", target="c"), c=[rule("jump", target="c")])
    assert verdict([loop], packet(5000)) == UNKNOWN


def test_every_chain_must_let_it_through():
    early = Table("nftables", "inet early", {"pre": Chain([], "prerouting", 0)})
    assert verdict([early, table()], packet(5000)) == OK
    assert verdict([early, table(policy="drop")], packet(5000)) == BROKEN
    shut = Table("nftables", "inet early", {"pre": Chain([rule("drop")], "prerouting", 0)})
    assert verdict([table(rule("accept", UNREAD), policy="drop"), shut], packet(5000)) == BROKEN
    forward = Table("nftables", "inet f", {"f": Chain([rule("drop")], "forward", 0)})
    assert verdict([forward], packet(5000)) == OK


def test_without_any_chain_it_passes():
    assert "no packet filter" in firewall_hop([], [], packet(5000)).evidence


def test_D16_unreadable_rules_are_never_ok():
    assert verdict([table()], packet(5000)) == OK
    found = firewall_hop([table()], ["nft fails: no memory"], packet(5000))
    assert (found.verdict, found.evidence) == ("unknown", "nft fails: no memory.")
    # If one table certainly stops the packet, the others do not matter.
    assert firewall_hop([table(policy="drop")], ["nft fails"], packet(5000)).verdict == "broken"


@pytest.mark.parametrize(
    ("source", "network", "expected"),
    [
        (None, "0.0.0.0/0", YES),
        (None, "10.0.0.0/8", NO),
        (None, "10.2.0.0/16", NO),
        (None, "203.0.113.0/24", SOME),
        ("203.0.113.7/32", "203.0.113.0/24", YES),
        ("203.0.113.0/24", "203.0.113.7/32", SOME),
        ("203.0.113.0/24", "198.51.100.0/24", NO),
        ("10.2.0.0/16", "10.0.0.0/8", YES),
        (None, "2001:db8::/32", NO),
    ],
)
def test_where_the_clients_are(source, network, expected):
    import ipaddress

    assert _firewall.matches_source(packet(1, source=source), ipaddress.ip_network(network)) == expected


def nft(name, of):
    return nftables.parse((CAPTURED / name).read_text(encoding="utf-8"), of)


@pytest.mark.parametrize(
    ("port", "expected", "evidence"),
    [
        (22, BANNED, "chain input: tcp dport vmap @ports"),
        (80, BANNED, "chain web: ct state new limit rate 10/second accept"),
        (443, BANNED, "chain input: tcp dport { 443, 5000 } accept"),
        (5000, BANNED, "chain input: ip saddr @banned drop"),
        (5432, BROKEN, "ip saddr != 10.0.0.0/8 tcp dport 5432 drop"),
        (5433, PARTIAL, "reject with icmpx port-unreachable"),
        (6000, PARTIAL, "ip saddr 192.0.2.1-192.0.2.9 accept"),
        (500, ("broken", "x-FIREWALL_REJECT"), "reject with icmpx port-unreachable"),
        (7001, UNKNOWN, "mark 1 tcp dport 7001 accept"),
        (9000, OK, "iifname { docker0, eth* } tcp dport 9000 accept"),
        (9001, OK, "iifname eth* tcp dport 9001 accept"),
        (60001, BANNED, "tcp dport >= 60000 accept"),
        (53, BANNED, "meta l4proto { tcp, udp } th dport 53 accept"),
        (70, BROKEN, "tcp dport 70"),
        (8080, ("unknown", "x-FIREWALL_REDIRECT"), "table ip nat, chain pre: tcp dport 8080 redirect"),
    ],
)
def test_nftables(port, expected, evidence):
    of = packet(port)
    found = firewall_hop(nft("nft.json", of), [], of)
    assert (found.verdict, found.code) == expected
    assert evidence in found.evidence


def test_nftables_compares_the_machine_s_address():
    assert verdict(nft("nft.json", packet(7000, address="10.0.0.5")), packet(7000))[0] == "ok"
    assert verdict(nft("nft.json", packet(7000)), packet(7000))[0] == "partial"


def test_nftables_of_ipv6():
    of = packet(5433, family="ipv6", address="2001:db8::5")
    assert verdict(nft("nft.json", of), of) == OK
    # `ip saddr != …` needs an IPv4 header.
    of = packet(5432, family="ipv6", address="2001:db8::5")
    assert verdict(nft("nft.json", of), of) == ("broken", "x-FIREWALL_REJECT")
    # The packet does not pass the table ip nat.
    of = packet(8080, family="ipv6", address="2001:db8::5")
    assert verdict(nft("nft.json", of), of)[1] == "x-FIREWALL_REJECT"


@pytest.mark.parametrize(
    ("interface", "pattern", "expected"),
    [("eth0", "eth0", YES), ("eth0", "eth1", NO), ("eth0", "eth*", YES), ("eth0", "*", YES), ("eth0", "lo", NO)]
    + [(None, "eth0", UNREAD), (None, "eth*", UNREAD), (None, "*", YES), (None, "lo", NO)],
)
def test_interface_of_the_packet(interface, pattern, expected):
    assert _firewall.matches_interface(packet(1, interface=interface), pattern, "*") == expected


def test_nftables_of_another_interface():
    of = packet(9001, interface="ens5")
    assert verdict(nft("nft.json", of), of)[0] == "partial"


def test_firewalld():
    of = packet(5000)
    found = firewall_hop(nft("firewalld.json", of), [], of)
    assert (found.verdict, found.code) == ("broken", "x-FIREWALL_REJECT")
    assert "firewalld, table inet firewalld, chain filter_IN_public: reject" in found.evidence
    assert found.fix == "sudo firewall-cmd --permanent --add-port=5000/tcp && sudo firewall-cmd --reload"
    assert verdict(nft("firewalld.json", packet(9090)), packet(9090)) == OK
    assert verdict(nft("firewalld.json", packet(5001)), packet(5001)) == PARTIAL
    office = packet(5001, source="198.51.100.7/32")
    assert verdict(nft("firewalld.json", office), office) == OK


def ruleset(*expressions, sets=(), **chain):
    """Return the JSON of one input chain with one rule for each list of expressions, and the policy drop."""
    base = {"family": "inet", "table": "t", "name": "c", "hook": "input", "prio": 0, "policy": "drop", **chain}
    objects = [{"metainfo": {}}, {"table": {"family": "inet", "name": "t"}}, *sets, {"chain": base}]
    objects += [{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": each}} for each in expressions]
    return json.dumps({"nftables": objects})


def match(left, right, operator="=="):
    return {"match": {"op": operator, "left": left, "right": right}}


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SPORT = {"payload": {"protocol": "tcp", "field": "sport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
REVERSE_PATH = {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}  # true unless it is missing
ACCEPT = {"accept": None}


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([match(DPORT, {"range": [5000, 5010]}), ACCEPT], OK),
        ([match(DPORT, {"set": [22, {"range": [4000, 4999]}]}), ACCEPT], BROKEN),
        ([match(DPORT, {"set": [22, {"range": [4000, 4999]}]}, "!="), ACCEPT], OK),
        ([match(DPORT, 5000, "<"), ACCEPT], BROKEN),
        ([match(DPORT, 5000, "<="), ACCEPT], OK),
        ([match(DPORT, "http"), ACCEPT], UNKNOWN),
        ([match(SPORT, {"range": [1024, 65535]}), ACCEPT], OK),
        ([match(SPORT, 53), ACCEPT], BROKEN),
        ([match(SPORT, 40000), ACCEPT], PARTIAL),
        ([match(SADDR, {"set": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, "192.168.1.1"]}), ACCEPT], BROKEN),
        ([match(SADDR, "@office"), ACCEPT], PARTIAL),
        ([match({"payload": {"protocol": "udp", "field": "dport"}}, 5000), ACCEPT], BROKEN),
        ([match({"payload": {"base": "nh", "offset": 64, "len": 32}}, 1), ACCEPT], UNKNOWN),
        ([match({"ct": {"key": "state"}}, {"|": ["established", "new"]}, "in"), ACCEPT], OK),
        ([match({"ct": {"key": "mark"}}, 1), ACCEPT], UNKNOWN),
        ([match({"ct": {"key": "status"}}, "dnat", "in"), ACCEPT], BROKEN),
        ([match({"meta": {"key": "skuid"}}, 0), ACCEPT], UNKNOWN),
        ([match({"meta": {"key": "oifname"}}, "eth0"), ACCEPT], BROKEN),
        ([{"limit": {"rate": 3, "per": "minute"}}, ACCEPT], OK),
        ([{"limit": {"rate": 3, "per": "minute", "inv": True}}, ACCEPT], BROKEN),
        ([{"limit": "@named"}, ACCEPT], UNKNOWN),
        ([{"ct count": {"val": 20}}, ACCEPT], OK),
        ([{"counter": {}}, {"log": {}}, {"mangle": {}}, ACCEPT], OK),
        ([{"xt": {"type": "match", "name": "recent"}}, ACCEPT], UNKNOWN),
        ([{"xt": None}, ACCEPT], UNKNOWN),
        ([None, ACCEPT], UNKNOWN),
        (["xt", ACCEPT], UNKNOWN),
        ([{"xt": {"type": "target", "name": "LOG"}}], BROKEN),
        ([{"xt": {"type": "target", "name": "REJECT"}}], ("broken", "x-FIREWALL_REJECT")),
        ([{"xt": {"type": "target", "name": "ANYTHING"}}], UNKNOWN),
        ([{"queue": {"num": 0}}], UNKNOWN),
        (
            [{"set": {"op": "update", "elem": SADDR, "set": "@office", "stmt": [{"limit": {"inv": True}}]}}, ACCEPT],
            BROKEN,
        ),
        ([{"something": "new"}, ACCEPT], UNKNOWN),
        ([match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), ACCEPT], OK),
        ([match({"fib": {"result": "type", "flags": ["daddr"]}}, "multicast"), ACCEPT], BROKEN),
        ([match(REVERSE_PATH, False), {"drop": None}], BROKEN),
        ([match(REVERSE_PATH, True), ACCEPT], OK),
        ([match(REVERSE_PATH, False), ACCEPT], BROKEN),
        ([match({"fib": {"result": "oif", "flags": ["daddr"]}}, True), ACCEPT], UNKNOWN),
        ([match({"&": [{"meta": {"key": "mark"}}, 255]}, 1), ACCEPT], UNKNOWN),
        ([match(DPORT, "http", "<"), ACCEPT], UNKNOWN),
        ([match(DPORT, True, "<"), ACCEPT], UNKNOWN),
        ([match(DPORT, {"range": ["http", "https"]}), ACCEPT], UNKNOWN),
        ([match("of a kind that is not known", 5000), ACCEPT], UNKNOWN),
        ([match({"concat": [DPORT, SADDR]}, {"concat": [5000]}), ACCEPT], UNKNOWN),
        ([match({"concat": [DPORT, SADDR]}, {"concat": [5000, "198.51.100.7"]}), ACCEPT], PARTIAL),
        ([match(FLAGS, "syn"), ACCEPT], OK),
        ([match(FLAGS, "ack"), ACCEPT], BROKEN),
        ([match({"&": [FLAGS, ["syn", "ack"]]}, "syn"), ACCEPT], OK),
        ([match({"&": [FLAGS, ["syn", "ack"]]}, "ack"), ACCEPT], BROKEN),
        ([match({"&": [FLAGS, ["fin", "ack"]]}, 0), ACCEPT], OK),
        ([match({"&": [FLAGS, ["fin", "syn"]]}, 0), ACCEPT], BROKEN),
        ([match(DPORT, {"set": []}), ACCEPT], BROKEN),
        ([match({"payload": {"protocol": "th", "field": "sport"}}, {"range": [1024, 65535]}), ACCEPT], OK),
        ([match(SPORT, "http"), ACCEPT], UNKNOWN),
        ([match(SADDR, {"something": "new"}), ACCEPT], UNKNOWN),
        ([match(SADDR, "an-old-name"), ACCEPT], UNKNOWN),
        ([match({"payload": {"protocol": "ip", "field": "ttl"}}, 64), ACCEPT], UNKNOWN),
        ([match({"ct": {"key": "direction"}}, "original"), ACCEPT], OK),
        ([match({"ct": {"key": "direction"}}, "reply"), ACCEPT], BROKEN),
    ],
)
def test_nftables_expressions(expressions, expected):
    office = {"set": {"family": "inet", "table": "t", "name": "office", "elem": ["198.51.100.7"]}}
    assert verdict(nftables.parse(ruleset(expressions, sets=[office]), packet(5000)), packet(5000)) == expected


def of_header(protocol, field):
    return {"payload": {"protocol": protocol, "field": field}}


@pytest.mark.parametrize(
    ("family", "expression", "expected"),
    [
        ("ipv4", match(of_header("ip", "protocol"), "tcp"), OK),
        ("ipv4", match(of_header("ip", "protocol"), 17), BROKEN),
        ("ipv6", match(of_header("ip6", "nexthdr"), "tcp"), OK),
        ("ipv6", match(of_header("ip6", "nexthdr"), 6), OK),
        # A header that the packet does not have is neither equal nor unequal to any value.
        ("ipv4", match(of_header("ip6", "hoplimit"), 64), BROKEN),
        ("ipv4", match(of_header("ip6", "saddr"), "2001:db8::5", "!="), BROKEN),
        ("ipv6", match(of_header("ip", "ttl"), 64), BROKEN),
        ("ipv6", match(of_header("ip", "saddr"), "203.0.113.7", "!="), BROKEN),
        ("ipv4", match({"meta": {"key": "protocol"}}, "ip"), OK),
        ("ipv4", match({"meta": {"key": "protocol"}}, "ipv4"), OK),
        ("ipv4", match({"meta": {"key": "protocol"}}, "ip6"), BROKEN),
        ("ipv6", match({"meta": {"key": "protocol"}}, "ip6"), OK),
        ("ipv6", match({"meta": {"key": "protocol"}}, "ipv6"), OK),
        ("ipv6", match({"meta": {"key": "protocol"}}, "ip"), BROKEN),
        ("ipv4", match({"meta": {"key": "nfproto"}}, "ipv4"), OK),
        ("ipv4", match({"meta": {"key": "nfproto"}}, "ipv6"), BROKEN),
        ("ipv4", match({"meta": {"key": "pkttype"}}, "host"), OK),
        ("ipv4", match({"meta": {"key": "pkttype"}}, "unicast"), OK),
        ("ipv4", match({"meta": {"key": "pkttype"}}, "multicast"), BROKEN),
        ("ipv4", match({"meta": {"key": "oif"}}, "eth0"), BROKEN),
    ],
)
def test_nftables_headers(family, expression, expected):
    of = packet(5000, family=family, address="10.0.1.20" if family == "ipv4" else "2001:db8::5")
    assert verdict(nftables.parse(ruleset([expression, ACCEPT]), of), of) == expected


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        (DPORT, 5000, "tcp dport 5000"),
        (SADDR, {"prefix": {"addr": "10.0.0.0", "len": 8}}, "ip saddr 10.0.0.0/8"),
        ({"payload": {"base": "nh", "offset": 64, "len": 32}}, 1, "raw payload 1"),
        ({"meta": {"key": "iif"}}, "eth0", "iif eth0"),
        ({"meta": {"key": "iifname"}}, "eth0", "iifname eth0"),
        ({"meta": {"key": "oif"}}, "eth0", "oif eth0"),
        ({"meta": {"key": "oifname"}}, "eth0", "oifname eth0"),
        ({"meta": {"key": "mark"}}, 1, "mark 1"),
        ({"meta": {"key": "skuid"}}, 0, "meta skuid 0"),
        ({"ct": {"key": "mark"}}, 1, "ct mark 1"),
        ({"concat": [DPORT, SADDR]}, {"set": [{"concat": [22, "::1"]}]}, "tcp dport . ip saddr { 22 . ::1 }"),
        (REVERSE_PATH, False, "fib saddr . iif oif False"),
        ({"&": [FLAGS, ["syn", "ack"]]}, "syn", "tcp flags & syn,ack syn"),
        ({"socket": {"key": "transparent"}}, 1, "socket 1"),
    ],
)
def test_nftables_rules_in_words(left, right, words):
    assert nftables.describe([match(left, right), ACCEPT]) == f"{words} accept"


def test_nftables_chains_that_the_packet_does_not_pass():
    assert verdict(nftables.parse(ruleset(hook="ingress", dev="eth1"), packet(5000)), packet(5000)) == OK
    assert verdict(nftables.parse(ruleset(hook="ingress", dev=["eth0"]), packet(5000)), packet(5000)) == BROKEN
    dormant = ruleset().replace('"name": "t"}', '"name": "t", "flags": ["dormant"]}')
    assert verdict(nftables.parse(dormant, packet(5000)), packet(5000)) == OK


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nftables": [{"table": {}}]}', "null"])
def test_nftables_nonsense_is_refused(text):
    with pytest.raises(ValueError):
        nftables.parse(text, packet(5000))


def iptables(of, name="iptables-save.txt"):
    return _iptables.parse((CAPTURED / name).read_text(encoding="utf-8"), of)


@pytest.mark.parametrize(
    ("port", "expected", "evidence"),
    [
        (80, OK, '-A web ! -s 10.0.0.0/8 -m comment --comment "from a b" -j ACCEPT'),
        (5010, OK, "chain web"),
        (5011, ("broken", "x-FIREWALL_REJECT"), "-A INPUT -j REJECT --reject-with icmp-host-prohibited"),
        (22, PARTIAL, "-A INPUT -s 198.51.100.7/32"),
        (23, ("broken", "x-FIREWALL_REJECT"), "-A INPUT -j REJECT"),
        (7001, UNKNOWN, "--mark 0x1"),
        (7002, OK, "-A INPUT -i eth+"),
        (7003, OK, "chain web"),
        (8080, ("unknown", "x-FIREWALL_REDIRECT"), "table ip nat, chain PREROUTING"),
    ],
)
def test_iptables(port, expected, evidence):
    of = packet(port)
    found = firewall_hop(iptables(of), [], of)
    assert (found.verdict, found.code) == expected
    assert evidence in found.evidence


def test_iptables_advice():
    found = firewall_hop(iptables(packet(5011)), [], packet(5011))
    assert found.fix == "sudo iptables -t filter -I INPUT -p tcp --dport 5011 -j ACCEPT"


def test_ip6tables():
    of = packet(5000, family="ipv6", address="2001:db8::5")
    found = firewall_hop(iptables(of, "ip6tables-save.txt"), [], of)
    assert found.verdict == "partial"
    assert found.fix.startswith("sudo ip6tables -t filter -I INPUT")
    assert found.resources == ("ip6 filter",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-p udp", BROKEN),
        ("! -p udp", OK),
        ("-p tcp -m tcp --dport 1:5000", OK),
        ("-p tcp -m tcp ! --dport 5000", BROKEN),
        ("-p tcp --dport ! 80", OK),
        ("-p tcp --dport 4000:", OK),
        ("-p tcp --sport 1024:65535", OK),
        ("-p tcp --sport 20", BROKEN),
        ("-i lo", BROKEN),
        ("! -i lo", OK),
        ("-i eth1", BROKEN),
        ("-o eth0", BROKEN),
        ("-m state --state NEW,ESTABLISHED", OK),
        ("-m conntrack --ctstate INVALID", BROKEN),
        ("-m conntrack --ctstatus NONE", OK),
        ("-m conntrack --ctstatus EXPECTED,SEEN_REPLY", BROKEN),
        ("-p tcp --syn", OK),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", BROKEN),
        ("-p tcp -m tcp --tcp-flags ALL NONE", BROKEN),
        ("-m set --match-set banned src", UNKNOWN),
        ("-m addrtype --dst-type LOCAL", OK),
        ("-m addrtype --src-type UNICAST", OK),
        ("-m addrtype --src-type LOCAL", BROKEN),
        ("-m iprange --src-range 198.51.100.1-198.51.100.9", PARTIAL),
        ("-m iprange --src-range 198.51.100.9-198.51.100.1", UNKNOWN),
        ("-m iprange --dst-range 10.0.1.1-10.0.1.90", OK),
        ("-d 10.0.2.0/24", BROKEN),
        ("-s an-old-name", UNKNOWN),
        ("-m hashlimit --hashlimit-above 20/sec --hashlimit-mode srcip --hashlimit-name x", BROKEN),
        ("-m hashlimit --hashlimit-upto 20/sec --hashlimit-burst 5 --hashlimit-name x", OK),
        ("-m multiport --ports 22,5000", OK),
        ("-m pkttype --pkt-type multicast", BROKEN),
        ("-m ttl --ttl-lt 5", UNKNOWN),
        ("-m comment --comment -j -p udp", BROKEN),
        ("-m comment --comment ! -p tcp", OK),
        ("-p all", OK),
        ("-p 0", OK),
        ("-p 17", BROKEN),
        ("-p tcp --dport :5000", OK),
        ("-p tcp --dport 5000:https", BROKEN),
        ("-m multiport --ports 40000:50000", PARTIAL),
        ("-m multiport --ports 22,53", BROKEN),
        ("-m conntrack --ctstatus EXPECTED,NONE", OK),
        ("-p tcp -m tcp --tcp-flags FIN,ACK NONE", OK),
        ("-p tcp -m tcp --tcp-flags FIN,ACK FIN", BROKEN),
        ("-m addrtype --dst-type UNICAST", OK),
        ("-m addrtype --dst-type BROADCAST", BROKEN),
        ("-m pkttype --pkt-type unicast", OK),
        ("-s 198.51.100.7/24", PARTIAL),
        ("-s 10.0.0.0/8,198.51.100.7/32", PARTIAL),
        # The long names of options.
        ("--protocol tcp --source-port 1024: --destination-port 5000 --tcp-syn", OK),
        ("--proto 6 --sports 1024:65535 --destination-ports 80,5000", OK),
        ("--source-ports 1024:65535 --source 0.0.0.0/0 --destination 10.0.1.20", OK),
        ("--src 0.0.0.0/0 --dst 10.0.1.20 --in-interface eth0", OK),
        ("--out-interface eth0", BROKEN),
    ],
)
def test_iptables_options(options, expected):
    text = f"*filter\n:INPUT DROP [0:0]\n-A INPUT {options} -j ACCEPT\nCOMMIT\n"
    assert verdict(_iptables.parse(text, packet(5000)), packet(5000)) == expected


def test_iptables_of_a_machine_whose_address_is_not_known():
    of = packet(5000, address=None)
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -d 10.0.1.20/32 -j ACCEPT\nCOMMIT\n"
    assert verdict(_iptables.parse(text, of), of) == UNKNOWN


@pytest.mark.parametrize(("option", "expected"), [("-j", OK), ("--jump", OK), ("-g", BROKEN), ("--goto", BROKEN)])
def test_iptables_a_chain_returns_to_the_chain_that_called_it(option, expected):
    """A packet that came by goto ends at the policy instead."""
    rules = f"-A INPUT {option} web\n-A INPUT -j ACCEPT\n-A web -j RETURN\n"
    tables = _iptables.parse(f"*filter\n:INPUT DROP [0:0]\n:web - [0:0]\n{rules}COMMIT\n", packet(5000))
    assert verdict(tables, packet(5000)) == expected


@pytest.mark.parametrize(
    ("tables", "first"),
    [(("filter", "mangle"), "mangle"), (("security", "filter"), "filter"), (("mangle", "raw"), "raw")],
)
def test_iptables_the_first_table_of_a_packet_is_named(tables, first):
    text = "".join(f"*{name}\n:INPUT DROP [0:0]\nCOMMIT\n" for name in tables)
    found = firewall_hop(_iptables.parse(text, packet(5000)), [], packet(5000))
    assert found.resources == (f"ip {first}",)
    assert found.fix.startswith(f"sudo iptables -t {first} ")


def test_iptables_targets_that_do_not_decide():
    for target, expected in [
        ("LOG --log-prefix '-j ACCEPT'", BROKEN),
        ("MARK --set-xmark 0x1/0xff", BROKEN),
        ("NFQUEUE --queue-num 1", UNKNOWN),
        ("RETURN", BROKEN),
    ]:
        text = f"*filter\n:INPUT DROP [0:0]\n-A INPUT -j {target}\nCOMMIT\n"
        assert verdict(_iptables.parse(text, packet(5000)), packet(5000)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-A INPUT -j DROP\n", "is not understood: -A INPUT -j DROP"),
        (":INPUT DROP [0:0]\n", "is not understood: :INPUT DROP"),
        ("*filter\n:INPUT DROP\n-A INPUT -j\n", "is not understood: -A INPUT -j"),
        ("*filter\n:INPUT DROP\n-A INPUT -m comment --comment 'a\n", "No closing quotation"),
    ],
)
def test_iptables_nonsense_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        _iptables.parse(text, packet(5000))
