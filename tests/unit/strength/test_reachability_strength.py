# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put wrong ideas about AWS into the judgement, one at a time: at least one scenario must fail for each.

Each idea is a change at one place in the source. If the change no longer matches the source, the test fails too: then
adapt it to the new source.
"""

from __future__ import annotations

import importlib
import importlib.util
import pathlib
import sys

import pytest

PACKAGE = "ansible_collections.flasklaunch.ec2.plugins.module_utils._aws."
# The modules that are loaded again for each idea, so that no idea affects the next one.
LOGIC = [
    "address_sets",
    "packet_filters",
    "snapshot",
    "hops",
    "filters",
    "routes",
    "interface",
    "load_balancer",
    "reachability",
]
HELPERS = [
    "ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world",
    "ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_scenarios",
]

# idea: (file, old text, new text)
IDEAS = {
    # Addresses
    "private addresses are clients on the Internet": (
        "address_sets",
        '- addresses(_NOT_PUBLIC, "ipv4"),',
        ",",
    ),
    "all of IPv6 is given out": ("address_sets", '["2000::/3"]', '["::/0"]'),
    "the VPC's own addresses are clients on the Internet": (
        "hops",
        "asked & INTERNET[question.family] - vpc_space",
        "asked & INTERNET[question.family]",
    ),
    "the source does not matter, it is always the Internet": (
        "hops",
        "return self.source or EVERYTHING[self.family]",
        "return EVERYTHING[self.family]",
    ),
    "rules of the other family count too": (
        "address_sets",
        "for cidr in cidrs if family_of(cidr) == family)",
        "for cidr in cidrs)",
    ),
    "only the first address of an instance counts": (
        "reachability",
        "if _is_entrance(way)]",
        "if _is_entrance(way) and way is ways[0]]",
    ),
    "only the first interface counts, whatever it has": (
        "reachability",
        "[way for way in ways if _is_entrance(way)] or ways[:1]]",
        "ways[:1]]",
    ),
    "from within, too, only an interface with a public address counts": (
        "reachability",
        " and way.client.over_the_internet",
        "",
    ),
    "only the primary private address can have a public one": (
        "snapshot",
        'for each in interface.get("PrivateIpAddresses", [])]\n    pairs.insert',
        'for each in interface.get("PrivateIpAddresses", [])[:1]]\n    pairs.insert',
    ),
    "a private address is as good as a public one": (
        "interface",
        "    if not public:\n",
        '    public = public or [(way.interface["PrivateIpAddress"],) * 2 + (True,)]\n    if not public:\n',
    ),
    "IPv6 clients reach an instance without an IPv6 address": (
        "interface",
        '    if way.question.family == "ipv6":\n        return _ipv6_address(way)\n',
        "",
    ),
    "a stopped instance answers": ("interface", 'if state == "running":', "if state:"),
    "an instance that is starting answers": (
        "interface",
        'if state == "running":',
        'if state in ("running", "pending"):',
    ),
    # Block Public Access
    "Block Public Access is not looked at": ("hops", 'if mode == "off":', "if mode:"),
    "block-ingress is not as bad": ("hops", 'if mode == "off":', 'if mode != "block-bidirectional":'),
    "exclusions from Block Public Access are not looked at": (
        "hops",
        'exclusion = _exclusion(snapshot.all("VpcBlockPublicAccessExclusions"), vpc_id, subnet_id)',
        'exclusion = None if snapshot.all("VpcBlockPublicAccessExclusions") else None',
    ),
    "an exclusion for egress lets clients in": (
        "hops",
        'if exclusion and exclusion["InternetGatewayExclusionMode"] == "allow-bidirectional":',
        "if exclusion:",
    ),
    "exclusions are for VPCs alone": (
        "hops",
        'each["ResourceArn"].split("/")[-1] in (vpc_id, subnet_id)',
        'each["ResourceArn"].split("/")[-1] == vpc_id',
    ),
    "any subnet's exclusion will do": (
        "hops",
        'each["State"] in EFFECTIVE and each["ResourceArn"].split("/")[-1] in (vpc_id, subnet_id)',
        'each["State"] in EFFECTIVE',
    ),
    "exclusions count in any state": (
        "hops",
        'if each["State"] in EFFECTIVE and',
        "if",
    ),
    "exclusions count where the organization forbids them": (
        "hops",
        '    if options.get("ExclusionsAllowed", "allowed") == "allowed":',
        "    if options:",
    ),
    # Internet gateway
    "a detached gateway works": (
        "hops",
        'return state in ("available", "attached")',
        "return bool(state)",
    ),
    "a gateway's state is called as the documentation does": (
        "hops",
        'return state in ("available", "attached")',
        'return state == "attached"',
    ),
    "any VPC's gateway will do": (
        "snapshot",
        '                if attachment["VpcId"] == vpc_id:',
        "                if attachment:",
    ),
    "a gateway's own route table does not matter": (
        "hops",
        'if edge and any(route.get("GatewayId") != "local" for route in edge["Routes"]):',
        "if edge and False:",
    ),
    # Network ACLs
    "an ACL's rules count in the order of the list": (
        "packet_filters",
        'key=lambda entry: entry["RuleNumber"],',
        "key=lambda entry: 0,",
    ),
    "an ACL's rules are ordered as text": (
        "packet_filters",
        'key=lambda entry: entry["RuleNumber"],',
        'key=lambda entry: str(entry["RuleNumber"]),',
    ),
    "an ACL's last matching rule wins": (
        "packet_filters",
        'key=lambda entry: entry["RuleNumber"],',
        'key=lambda entry: -entry["RuleNumber"],',
    ),
    "an ACL's rule that denies does not count": (
        "packet_filters",
        '(entry for entry in acl["Entries"] if entry["Egress"] is egress',
        '(entry for entry in acl["Entries"] if entry["RuleAction"] == "allow" and entry["Egress"] is egress',
    ),
    "any rule that allows is enough": (
        "packet_filters",
        "return Passage(asked, asked - denied, some)",
        "return Passage(asked, some, some)",
    ),
    "what no rule of an ACL is for is allowed": (
        "packet_filters",
        '        return self.entry is not None and self.entry["RuleAction"] == "allow"',
        '        return self.entry is None or self.entry["RuleAction"] == "allow"',
    ),
    "an ACL's rules are for both directions": (
        "packet_filters",
        'if entry["Egress"] is egress and _is_for',
        "if _is_for",
    ),
    "an ACL is stateful: answers need no rule": (
        "filters",
        "ask.who, EPHEMERAL, what)",
        "ask.who, Intervals(), what)",
    ),
    "answers go to the service's port": (
        "filters",
        "ask.who, EPHEMERAL, what)",
        "ask.who, Intervals([(ask.port, ask.port)]), what)",
    ),
    "clients use the ports of Linux alone": (
        "packet_filters",
        "EPHEMERAL = Intervals([(1024, 65535)])",
        "EPHEMERAL = Intervals([(32768, 60999)])",
    ),
    "clients use privileged ports": (
        "packet_filters",
        "EPHEMERAL = Intervals([(1024, 65535)])",
        "EPHEMERAL = Intervals([(0, 65535)])",
    ),
    "an ACL's -1 has ports": (
        "packet_filters",
        '    if not ports or str(entry["Protocol"]) == "-1":',
        "    if not ports:",
    ),
    "an ACL's -1 matches nothing": (
        "packet_filters",
        'return protocol_of(entry, "Protocol") in ("-1", protocol) and',
        'return protocol_of(entry, "Protocol") == protocol and',
    ),
    "an ACL's protocols are names": (
        "packet_filters",
        "    return PROTOCOLS.get(protocol, protocol)",
        "    return protocol",
    ),
    "an ACL's protocol does not matter": (
        "packet_filters",
        'return protocol_of(entry, "Protocol") in ("-1", protocol) and family_of',
        "return family_of",
    ),
    "an ACL's ports do not matter": (
        "packet_filters",
        '    return Intervals([(ports["From"], ports["To"])])',
        "    return ALL_PORTS",
    ),
    "an ACL's rule for some ports is for all": (
        "packet_filters",
        "if piece <= _entry_ports(entry) else Intervals()",
        "if piece & _entry_ports(entry) or True else Intervals()",
    ),
    "ACLs are not cut at the borders of rules": (
        "packet_filters",
        "        pieces = [part for piece in pieces for part in (piece & border, piece - border) if part]",
        "        pieces = [piece for piece in pieces if piece]",
    ),
    "a subnet has the default ACL": (
        "snapshot",
        "return _first(own + default, f",
        "return _first(default + own, f",
    ),
    "a subnet that no ACL lists has none": (
        "snapshot",
        "return _first(own + default, f",
        "return _first(own, f",
    ),
    "an ACL sees what stays in its subnet": (
        "interface",
        "    if way.client.kind != ClientKind.VPC:\n        return network_acl",
        "    if True:\n        return network_acl",
    ),
    # Security groups
    "only the first group of an interface counts": (
        "filters",
        "rules = group_rules(groups, egress)\n",
        "rules = group_rules(groups[:1], egress)\n",
    ),
    "every group must admit": (
        "filters",
        "rules = group_rules(groups, egress)\n",
        "rules = [r for r in group_rules(groups, egress) if all(group_rules([g], egress) for g in groups)]\n"
        "    rules = rules if len(groups) == 1 else []\n",
    ),
    "one rule must cover all clients": (
        "packet_filters",
        "        if not more <= inside:\n",
        "        if asked <= more:\n",
    ),
    "a rule for somebody is a rule for everybody": (
        "packet_filters",
        "more = rule.addresses(family, resolve) & asked\n",
        "more = asked\n",
    ),
    "a group as source lets everybody in": (
        "interface",
        "return snapshot.members(source, family) if inside else Intervals()",
        'return addresses(["0.0.0.0/0", "::/0"], family)',
    ),
    "a group as source lets nobody in": (
        "interface",
        "return snapshot.members(source, family) if inside else Intervals()",
        "return Intervals()",
    ),
    "prefix lists are not read": (
        "interface",
        "return addresses(snapshot.prefix_list(source), family)",
        "return Intervals()",
    ),
    "prefix lists are for everybody": (
        "interface",
        "return addresses(snapshot.prefix_list(source), family)",
        'return addresses(["0.0.0.0/0", "::/0"], family)',
    ),
    "a list that could not be read does not matter": (
        "packet_filters",
        "    if doubt and not asked <= inside:\n        raise doubt\n",
        "",
    ),
    "a list that could not be read always matters": (
        "packet_filters",
        "    if doubt and not asked <= inside:\n",
        "    if doubt:\n",
    ),
    "a group's -1 is not matched": (
        "packet_filters",
        'return self.protocol in ("-1", protocol) and bool(self.ports',
        "return self.protocol == protocol and bool(self.ports",
    ),
    "a group's protocol does not matter": (
        "packet_filters",
        'return self.protocol in ("-1", protocol) and bool(self.ports',
        "return bool(self.ports",
    ),
    "a group's range is its first port": (
        "packet_filters",
        "    return Intervals([(first, last)])",
        "    return Intervals([(first, first)])",
    ),
    "a group's last port is not in its range": (
        "packet_filters",
        "    return Intervals([(first, last)])",
        "    return Intervals([(first, max(first, last - 1))])",
    ),
    "a group is stateless: answers need outgoing rules": (
        "interface",
        '        "security_group": judged(security_group, snapshot, group_ids(way.interface), ask, way.id),',
        '        "security_group": judged(security_group, snapshot, group_ids(way.interface), ask, way.id, True),',
    ),
    "all groups of the VPC count": (
        "snapshot",
        "return [by_id[each] for each in ids if each in by_id], [",
        "return list(by_id.values()), [",
    ),
    "a group that is not shown has no rules": (
        "filters",
        "    if hidden and through.verdict != OK:",
        "    if False:",
    ),
    "a group that is not shown always matters": (
        "filters",
        "    if hidden and through.verdict != OK:",
        "    if hidden:",
    ),
    # Routes
    "the main route table always counts": (
        "snapshot",
        "return _first(explicit + main, f",
        "return _first(main + explicit, f",
    ),
    "without an association there is no route table": (
        "snapshot",
        "return _first(explicit + main, f",
        "return _first(explicit, f",
    ),
    "an association that is being undone counts": (
        "snapshot",
        'in ("associated", "associating")',
        "is not None",
    ),
    "the first route that matches counts": (
        "packet_filters",
        "sorted(choices, key=lambda choice: choice[:2])",
        "choices",
    ),
    "the shortest prefix counts": (
        "packet_filters",
        "sorted(choices, key=lambda choice: choice[:2])",
        "sorted(choices, key=lambda choice: (-choice[0], choice[1]))",
    ),
    "propagated routes are as good as static ones": (
        "packet_filters",
        'rank = 2 if route.get("Origin") == "EnableVgwRoutePropagation" else 1 if list_id else 0',
        "rank = 0",
    ),
    "static routes come before longer propagated ones": (
        "packet_filters",
        "sorted(choices, key=lambda choice: choice[:2])",
        "sorted(choices, key=lambda choice: (choice[1], choice[0]))",
    ),
    "routes for prefix lists do not count": (
        "packet_filters",
        "blocks = blocks_of(list_id) if list_id else [destination(route)]",
        "blocks = [destination(route)]",
    ),
    "a gateway endpoint takes clients' answers": (
        "packet_filters",
        "        if is_gateway_endpoint(route):\n            continue\n",
        "",
    ),
    "a blackhole is a route": (
        "routes",
        '    if route_.get("State", "active") != "active":',
        "    if False:",
    ),
    "a NAT gateway is a gateway": (
        "routes",
        '    if hop.startswith("igw-"):\n',
        '    if hop.startswith("nat-"):\n        return None\n    if hop.startswith("igw-"):\n',
    ),
    "an egress-only gateway lets clients in": (
        "routes",
        '    if hop.startswith("eigw-"):\n',
        '    if hop.startswith("eigw-"):\n        return None\n    if hop.startswith("eigw-"):\n',
    ),
    "any route will do": (
        "routes",
        '    if hop.startswith("igw-"):\n',
        '    if hop:\n        return None\n    if hop.startswith("igw-"):\n',
    ),
    "a route to a detached gateway will do": (
        "routes",
        "if found and found[0]",
        "if True or found[0]",
    ),
    "a route to a detaching gateway will do": (
        "routes",
        "== hop and is_attached(found[1]):",
        "== hop:",
    ),
    "a route for some clients is one for all": (
        "routes",
        "    through = Passage(client.space, good, good)\n",
        "    through = Passage(client.space, client.space if good else good, good)\n",
    ),
    "a firewall lets everything through": (
        "routes",
        '    if hop.startswith(("vpce-", "cagw-")):\n',
        '    if hop.startswith("vpce-"):\n        return None\n    if hop.startswith(("vpce-", "cagw-")):\n',
    ),
    # Hops together
    "a hop that is partly open is open": (
        "packet_filters",
        "return Verdict.PARTIAL if self.some & self.asked else Verdict.BROKEN",
        "return Verdict.OK if self.some & self.asked else Verdict.BROKEN",
    ),
    "hops that let in different clients let somebody in": (
        "reachability",
        "        if before and not left:",
        "        if False:",
    ),
    "what could not be read is ok": (
        "hops",
        "    except NotRead as error:\n        return Hop(UNKNOWN, str(error))",
        "    except NotRead as error:\n        return Hop(OK, str(error))",
    ),
    # Load balancers
    "an internal load balancer is reached from outside": (
        "load_balancer",
        '    if way.balancer["Scheme"] == "internet-facing":',
        '    if way.balancer["Scheme"]:',
    ),
    "a load balancer that is being made answers": (
        "load_balancer",
        '    if state == "active":',
        '    if state in ("active", "provisioning"):',
    ),
    "a listener's port does not matter": (
        "load_balancer",
        'if each.get("Port") == way.question.port]',
        "]",
    ),
    "a listener's protocol does not matter": (
        "load_balancer",
        'if each.get("Protocol") in TRANSPORT[way.question.protocol]), None)',
        "), None)",
    ),
    "only the default action counts": (
        "load_balancer",
        'chains = [listener.get("DefaultActions", []), *own]',
        'chains = [listener.get("DefaultActions", [])]',
    ),
    "a chain's first action is what happens": (
        "load_balancer",
        'max(chain, key=lambda action: action.get("Order", 0))',
        'min(chain, key=lambda action: action.get("Order", 0))',
    ),
    "weight 0 gets requests": (
        "load_balancer",
        'if each.get("Weight", 1) > 0]',
        "]",
    ),
    "a group needs no targets": (
        "load_balancer",
        "        if staying:\n",
        "        if True:\n",
    ),
    "leaving targets count": (
        "load_balancer",
        'staying = [each for each in there if each["TargetHealth"]["State"] != "draining"]',
        "staying = list(there)",
    ),
    "health does not matter": (
        "load_balancer",
        'or _state_of(each[0]) not in ("healthy", "unavailable")]',
        "]",
    ),
    "all targets must be healthy": ("load_balancer", "    if healthy:\n", "    if not bad:\n"),
    "without a healthy target nobody gets an answer": (
        "load_balancer",
        "PARTIAL if tried else BROKEN",
        "BROKEN",
    ),
    "targets that are being tried get requests too": (
        "load_balancer",
        'if _state_of(each[0]) == "unhealthy" and not each[1]]',
        "if not each[1]]",
    ),
    "targets in any zone get requests": (
        "load_balancer",
        "return subnet if zone and None not in zones and zone not in zones else None",
        "return None",
    ),
    "a page of the load balancer's own is the site": (
        "load_balancer",
        "    if not actions or forwarded_to(actions):\n",
        "    if True:\n",
    ),
    "a redirect leads somewhere": (
        "load_balancer",
        '    if action["Type"] == "redirect":\n        return _redirected',
        '    if action["Type"] == "redirect":\n        return Hop(OK, ".")\n        return _redirected',
    ),
    "a redirect leads to a target": (
        "load_balancer",
        "found = _judged_listener(way, next_one, before)",
        'found = Hop(OK, "")',
    ),
    "groups of peered VPCs have no members": (
        "snapshot",
        'inside = self.all("Members", group_id)',
        "return Intervals()",
    ),
    "whose members are not shown has none": (
        "snapshot",
        "            if not inside:\n                raise",
        "            if False:\n                raise",
    ),
    "groups of another VPC are never shown": (
        "snapshot",
        'by_id.update({group["GroupId"]: group for group in self._by_id("SecurityGroups", id_)})',
        "pass",
    ),
    "every route that some clients do not take is overridden": (
        "routes",
        "if space <= addresses(blocks, family):",
        "if True:",
    ),
    "targets that are tried for the first time are healthy": (
        "load_balancer",
        'in ("healthy", "unavailable")]',
        'in ("healthy", "unavailable", "initial")]',
    ),
    "a load balancer's outgoing rules do not matter": (
        "load_balancer",
        "    theirs = group_ids(target.interface)\n",
        '    return Hop(OK, "")\n    theirs = group_ids(target.interface)\n',
    ),
    "outgoing rules do not know the target's group": (
        "load_balancer",
        "return target.space if source in theirs else others(source)",
        "return others(source)",
    ),
    "a target's group must admit the Internet": (
        "load_balancer",
        "from_client if keeps_client else from_nodes",
        "from_client",
    ),
    "targets never see the client's address": (
        "load_balancer",
        "from_client if keeps_client else from_nodes",
        "from_nodes",
    ),
    "a target's group does not know the load balancer's": (
        "load_balancer",
        "return space if source in way.group_ids else others(source)",
        "return others(source)",
    ),
    "any group of a target's rules is the load balancer's": (
        "load_balancer",
        "return space if source in way.group_ids else others(source)",
        'return space if source.startswith("sg-") else others(source)',
    ),
    "targets by address see the client too": (
        "load_balancer",
        'by_default = group.get("TargetType") == "instance" or',
        'by_default = group.get("TargetType") in ("instance", "ip") or',
    ),
    "health checks need no rule": (
        "load_balancer",
        "    if keeps_client or target.health_port != target.port:\n",
        "    if False:\n",
    ),
    "one node is enough": (
        "load_balancer",
        'return [zone["SubnetId"] for zone in self.balancer[ZONES]]',
        'return [zone["SubnetId"] for zone in self.balancer[ZONES]][-1:]',
    ),
    "ACLs between nodes and targets do not matter": (
        "load_balancer",
        "    if not pairs:\n        return []\n",
        "    if True:\n        return []\n",
    ),
    "ACLs are for targets in the node's subnet too": (
        "load_balancer",
        'if same_subnet or each != target.interface["SubnetId"]]',
        "]",
    ),
    "targets are reached by IPv4": (
        "load_balancer",
        'family, id_ = group.get("IpAddressType", "ipv4"), description',
        'family, id_ = "ipv4", description',
    ),
    "IPv6 clients reach a load balancer without IPv6": (
        "load_balancer",
        'elif way.question.family == "ipv6" and kind == "ipv4":',
        "elif False:",
    ),
}


def module_of(name):
    return PACKAGE + name


def source_of(name):
    return pathlib.Path(importlib.util.find_spec(module_of(name)).origin)


@pytest.fixture
def as_before():
    names = [module_of(name) for name in LOGIC] + HELPERS
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    package = importlib.import_module(PACKAGE[:-1])
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)
    for name in LOGIC:  # "from package import module" looks at the package
        if module_of(name) in kept:
            setattr(package, name, kept[module_of(name)])


def load(name, text):
    """Load a text as the source of a module, and load the modules that it imports again."""
    spec = importlib.util.find_spec(module_of(name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_of(name)] = module
    exec(compile(text, f"{spec.origin} with a wrong idea", "exec"), module.__dict__)
    setattr(sys.modules[PACKAGE[:-1]], name, module)


def disagreeing():
    """Return the names of the scenarios with another result than expected."""
    for name in LOGIC + HELPERS:
        if name in HELPERS or module_of(name) not in sys.modules:
            fresh = importlib.import_module(name if name in HELPERS else module_of(name))
            if name in LOGIC:
                setattr(sys.modules[PACKAGE[:-1]], name, fresh)
    scenarios, world = (sys.modules[name] for name in reversed(HELPERS))
    for each in scenarios.SCENARIOS:
        answer = world.outcome(each.spoil, each.wanted, **each.question)
        if not world.matches(answer, each.expected):
            yield each.name


def test_without_a_wrong_idea_all_scenarios_agree(as_before):
    name = LOGIC[0]
    load(name, source_of(name).read_text(encoding="utf-8"))
    assert list(disagreeing()) == []


@pytest.mark.parametrize("idea", IDEAS)
def test_a_wrong_idea_is_caught(idea, as_before):
    name, there, instead = IDEAS[idea]
    text = source_of(name).read_text(encoding="utf-8")
    assert text.count(there) == 1, f"the idea does not fit {name}.py any more: put it into the new source"
    load(name, text.replace(there, instead))
    assert next(disagreeing(), None), "no scenario contradicts this idea: add one"
