# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For any rules, units and log lines, there is a verdict or the documented error, and no other error."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import iptables, nftables
from ansible_collections.flasklaunch.ec2.plugins.module_utils._firewall import rules as _firewall
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import base_chains, interfaces, netlink
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import selinux
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import unit as _unit

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, example, given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

# A slow example on a busy machine is not a failure.
settings.register_profile("patient", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

CAPTURED = pathlib.Path(__file__).parents[2] / "captured"
PACKET = _firewall.Packet("ipv4", 5000, "10.0.1.20", "eth0")
VERDICTS = {"ok", "broken", "partial", "unknown"}

# Words of nftables, in any order.
KEYS_TEXT = """
match op left right payload protocol field meta ct fib key result flags set map elem val range prefix addr len
concat accept drop reject return jump goto target continue vmap data xt type name limit inv rate per counter &
| meter stmt
"""
KEYS = KEYS_TEXT.split()
VALUES_TEXT = """
tcp udp ip ip6 th dport sport saddr daddr state iifname iif l4proto nfproto == != in < >= eth0 lo new
established @s 10.0.0.0 203.0.113.7 2001:db8:: input c local oif saddr
"""
VALUES = VALUES_TEXT.split()
LEAVES = some.one_of(
    some.none(), some.booleans(), some.integers(-1, 70000), some.sampled_from(VALUES), some.text(max_size=3)
)
JSON = some.recursive(
    LEAVES,
    lambda inner: some.one_of(
        some.lists(inner, max_size=3), some.dictionaries(some.sampled_from(KEYS), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
OPTIONS_TEXT = """
-p tcp udp ! -s 10.0.0.0/8 203.0.113.7 -d 10.0.1.20 -i eth+ lo -o -m state --state NEW --dport 5000 80:90 , :
--dports 22,5000 --sport --tcp-flags SYN ALL NONE --syn --comment -j -g ACCEPT DROP REJECT x RETURN LOG DNAT
--ctstate --src-range 10.0.0.1-10.0.0.9 --limit 3/min --icmp-type 8 "quoted" --match-set
"""
OPTIONS = OPTIONS_TEXT.split()


def verdict(tables):
    return _firewall.firewall_hop(tables, [], PACKET).verdict


@given(some.lists(some.lists(JSON, max_size=3), max_size=4), some.sampled_from(["accept", "drop"]))
@example([[{"jump": {"target": [None]}}]], "accept")
def test_any_rules_of_nftables(rules, policy):
    base = {"family": "inet", "table": "t", "name": "c", "hook": "input", "prio": 0, "policy": policy}
    objects = [{"table": {"family": "inet", "name": "t"}}, {"chain": base}]
    objects += [{"set": {"family": "inet", "table": "t", "name": "s", "elem": [22, "203.0.113.7"]}}]
    objects += [{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": each}} for each in rules]
    try:
        tables = nftables.parse(json.dumps({"nftables": objects}), PACKET)
    except ValueError:
        return
    assert verdict(tables) in VERDICTS


@given(some.one_of(some.text(), JSON.map(json.dumps), JSON.map(lambda any: json.dumps({"nftables": any}))))
def test_any_answer_of_nft(text):
    try:
        assert verdict(nftables.parse(text, PACKET)) in VERDICTS
    except ValueError:
        return


@given(some.data())
def test_nftables_with_one_thing_spoilt(data):
    objects = json.loads((CAPTURED / "nft.json").read_text(encoding="utf-8"))["nftables"]
    spoilt = objects[data.draw(some.integers(1, len(objects) - 1))]
    (body,) = spoilt.values()
    key = data.draw(some.sampled_from(sorted(body)))
    body[key] = data.draw(JSON)
    try:
        assert verdict(nftables.parse(json.dumps({"nftables": objects}), PACKET)) in VERDICTS
    except ValueError:
        return


def test_an_invalid_policy_is_refused():
    """Found by the test above."""
    chain = {"family": "inet", "table": "f", "name": "i", "hook": "input", "prio": 0, "policy": [None]}
    objects = [{"table": {"family": "inet", "name": "f"}}, {"chain": chain}]
    with pytest.raises(ValueError, match="a policy"):
        nftables.parse(json.dumps({"nftables": objects}), PACKET)


@given(some.lists(some.lists(some.sampled_from(OPTIONS), max_size=8).map(" ".join), max_size=4), some.text(max_size=9))
def test_any_rules_of_iptables(rules, tail):
    lines = [
        "*filter",
        ":INPUT DROP [0:0]",
        ":x - [0:0]",
        *(f"-A INPUT {rule}" for rule in rules),
        "-A x -j ACCEPT",
        tail,
    ]
    try:
        assert verdict(iptables.parse("\n".join(lines), PACKET)) in VERDICTS
    except ValueError:
        return


@given(some.text(), some.text())
def test_any_unit(shown, said):
    units = systemctl.parse(shown)
    lines = _unit.last_start(said)
    assert len(_unit.shortened(lines)) <= _unit.JOURNAL_LINES + 1
    for unit in units.values():
        assert _unit.unit_hop(unit, None, lines, 1e6).verdict in VERDICTS


@given(
    some.dictionaries(
        some.sampled_from(systemctl.PROPERTIES), some.sampled_from(["", "0", "1", "active", "failed", "dead", "x"])
    )
)
def test_any_properties(properties):
    assert _unit.unit_hop(systemctl.Unit("x.service", properties), None, [], 1e6).verdict in VERDICTS


@given(some.lists(some.text()))
def test_any_log(lines):
    denials = selinux.parse(lines + ["audit(1.0:1): avc:  denied  { " + line + " } for  " + line for line in lines])
    assert selinux.selinux_hop(True, denials, {1}, "/a/b", 80, 0.0).verdict in VERDICTS


@given(some.lists(some.binary(max_size=60), max_size=3))
def test_any_message_of_the_kernel(payloads):
    messages = [(20, payload) for payload in payloads]
    with contextlib.suppress(netlink.Unusable):
        assert all(ipaddress.ip_address(found.address) for found in interfaces.parse(messages))
    with contextlib.suppress(netlink.Unusable):
        assert {chain.family for chain in base_chains.parse(messages)} <= set(base_chains.FAMILIES.values())
