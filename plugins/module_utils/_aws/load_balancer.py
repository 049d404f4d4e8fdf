# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The path from a client through an Application or Network Load Balancer to its targets.

A load balancer has a node in each of its subnets, and a client may get any of them. A node opens its own connections
to the targets, from any address of its subnet. Sources: "Security groups for your Application Load Balancer",
"Update the security groups for your Network Load Balancer", "Client IP preservation" and "Health checks for target
groups" of the Elastic Load Balancing user guides.
"""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import (
    FAMILY_NAMES,
    Intervals,
    addresses,
    cidrs,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.filters import (
    Ask,
    Packets,
    answers,
    network_acl,
    requests,
    security_group,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.hops import (
    Client,
    Question,
    block_public_access,
    client_of,
    in_series,
    internet_gateway,
    judged,
    judged_everywhere,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.interface import NOT_NEEDED, ask_of, resolver
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.routes import route
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import (
    NotRead,
    Record,
    Snapshot,
    group_ids,
    own_addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import (
    BROKEN,
    OK,
    PARTIAL,
    SKIPPED,
    UNKNOWN,
    Hop,
)

ZONES = "AvailabilityZones"
TRANSPORT = {
    "tcp": ("HTTP", "HTTPS", "TCP", "TLS", "TCP_UDP", "TCP_QUIC"),
    "udp": ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
}


class Target(NamedTuple):
    """A registered target that is a network interface, and the packets that the load balancer sends there."""

    id: str
    port: int
    health_port: int
    protocol: str
    family: str
    address: str
    interface: Record
    keeps_client: bool  # the target sees the client's address, not the node's

    @property
    def space(self) -> Intervals:
        return addresses([self.address], self.family)

    @property
    def block(self) -> str:
        return f"{self.address}/{128 if self.family == 'ipv6' else 32}"


class Way(NamedTuple):
    """The path to one load balancer."""

    snapshot: Snapshot
    question: Question
    balancer: Record

    @property
    def name(self) -> str:
        return self.balancer["LoadBalancerName"]

    @property
    def vpc_id(self) -> str:
        return self.balancer["VpcId"]

    @property
    def subnet_ids(self) -> list[str]:
        return [zone["SubnetId"] for zone in self.balancer[ZONES]]

    @property
    def group_ids(self) -> list[str]:
        return self.balancer.get("SecurityGroups") or []

    @property
    def client(self) -> Client:
        return client_of(self.question, self.snapshot, self.vpc_id)

    @property
    def ask(self) -> Ask:
        return ask_of(self.question, self.snapshot, self.client)


def walk(way: Way) -> dict[str, Hop]:
    """Judge every hop, in the order of the packet and then of its answer: see DIRECTIONS in reachability.py."""
    ask, client, vpc = way.ask, way.client, way.vpc_id
    inside = not client.over_the_internet

    def at_nodes(judge: Callable[..., Hop]) -> Hop:
        return judged_everywhere(judge, way.subnet_ids)

    def node_acl(packets: Packets) -> Hop:
        return at_nodes(lambda subnet: network_acl(way.snapshot, vpc, subnet, packets))

    legs = judged(lambda: _legs_hop(way))
    targets = _targets_or_none(way)
    return {
        "target_exists": Hop(
            OK, f"{way.name} has nodes in {', '.join(way.subnet_ids)} of {vpc}.", resources=(_arn(way), vpc)
        ),
        "public_address": NOT_NEEDED if inside else _address_type(way),
        "block_public_access": NOT_NEEDED
        if inside
        else at_nodes(lambda subnet: block_public_access(way.snapshot, vpc, subnet)),
        "lb_state": _state(way),
        "lb_scheme": NOT_NEEDED if inside else _scheme(way),
        "internet_gateway": NOT_NEEDED if inside else judged(internet_gateway, way.snapshot, vpc),
        "nacl_ingress": in_series([node_acl(requests(ask)), *_inner(way, targets, _answers_into_node)]),
        "lb_security_group": judged(_own_groups, way),
        "lb_listener": judged(_listener_hop, way),
        "target_group": judged(_target_groups, way),
        "target_health": judged(_health, way),
        "lb_security_group_egress": _at_targets(legs, targets, lambda target: _outgoing(way, target)),
        "target_nacl_ingress": _at_targets(legs, targets, lambda target: _into_target(way, target)),
        "security_group": _at_targets(legs, targets, lambda target: _target_security_group(way, target)),
        "target_nacl_egress": _at_targets(legs, targets, lambda target: _out_of_target(way, target)),
        "nacl_egress": in_series([node_acl(answers(ask)), *_inner(way, targets, _requests_from_node)]),
        "route": at_nodes(lambda subnet: route(way.snapshot, vpc, subnet, client, ask.family)),
    }


def described(way: Way) -> Record:
    """Return the target as in RETURN of plugins/modules/reachability.py."""
    return {
        "instance_id": None,
        "interface_id": None,
        "subnet_id": None,
        "vpc_id": way.vpc_id,
        "private_address": None,
        "public_address": None,
        "elastic_ip": None,
        "load_balancer_arn": _arn(way),
        "dns_name": way.balancer.get("DNSName"),
    }


def _arn(way: Way) -> str:
    return way.balancer["LoadBalancerArn"]


def _address_type(way: Way) -> Hop:
    kind = way.balancer.get("IpAddressType", "ipv4")
    if way.question.family == "ipv4" and kind == "dualstack-without-public-ipv4":
        code, lacks = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "IPv4"
    elif way.question.family == "ipv6" and kind == "ipv4":
        code, lacks = "x-ENI_HAS_NO_IPV6_ADDRESS", "IPv6"
    else:
        return Hop(OK, f"{way.name} has addresses of the kind {kind}.", resources=(_arn(way),))
    evidence = f"{way.name} has addresses of the kind {kind}: no public {lacks} address."
    fix = f"aws elbv2 set-ip-address-type --load-balancer-arn {_arn(way)} --ip-address-type dualstack"
    return Hop(BROKEN, evidence, code, fix, (_arn(way),))


def _state(way: Way) -> Hop:
    state = way.balancer["State"]["Code"]
    reason = way.balancer["State"].get("Reason")
    evidence = f"{way.name} is {state}" + (f": {reason}" if reason else "") + "."
    if state == "active":
        return Hop(OK, evidence, resources=(_arn(way),))
    if state == "active_impaired":
        evidence += " It works, but lacks the resources to grow."
        fix = "Free addresses in its subnets: " + ", ".join(way.subnet_ids)
        return Hop(PARTIAL, evidence, "BAD_STATE", fix, resources=(_arn(way),))
    fix = f"aws elbv2 wait load-balancer-available --load-balancer-arns {_arn(way)}"
    if state == "failed":
        fix = f"aws elbv2 delete-load-balancer --load-balancer-arn {_arn(way)}, and create it again"
    return Hop(BROKEN, evidence, "BAD_STATE", fix, resources=(_arn(way),))


def _scheme(way: Way) -> Hop:
    if way.balancer["Scheme"] == "internet-facing":
        return Hop(OK, f"{way.name} is internet-facing.", resources=(_arn(way),))
    evidence = f"{way.name} is internal: its name leads to private addresses. The scheme cannot be changed."
    fix = "Create an internet-facing one: aws elbv2 create-load-balancer --scheme internet-facing --type"
    fix += f" {way.balancer['Type']} --name {way.name}-public --subnets {' '.join(way.subnet_ids)}"
    return Hop(BROKEN, evidence, "x-ELBV2_IS_INTERNAL", fix, (_arn(way),))


def _own_groups(way: Way) -> Hop:
    if not way.group_ids:
        return Hop(OK, f"{way.name} has no security groups: it lets everybody in.")
    return _of_balancer(way, security_group(way.snapshot, way.group_ids, way.ask, way.name))


def _of_balancer(way: Way, hop: Hop) -> Hop:
    """Return the hop with the load balancer's ARN among the resources, instead of its name."""
    return hop._replace(resources=tuple(_arn(way) if each == way.name else each for each in hop.resources))


# From the listener to the targets


def listener_of(way: Way) -> Record | None:
    """Return the listener for the port that is asked for; None if there is none."""
    listeners = way.snapshot.all("Listeners")
    ours = [each for each in listeners if each.get("Port") == way.question.port]
    return next((each for each in ours if each.get("Protocol") in TRANSPORT[way.question.protocol]), None)


def _listener_hop(way: Way) -> Hop:
    listener = listener_of(way)
    if listener:
        return _judged_listener(way, listener, ())
    # A Gateway Load Balancer's listener has neither.
    others = ", ".join(
        f"{each.get('Port', 'all ports')} ({each.get('Protocol', 'all')})" for each in way.snapshot.all("Listeners")
    )
    evidence = f"{way.name} has no listener for {way.question.service}. It listens on: {others or 'nothing'}."
    protocol = "HTTP" if way.balancer["Type"] == "application" else way.question.protocol.upper()
    fix = _create_listener(way, protocol, str(way.question.port))
    return Hop(BROKEN, evidence, "ELBV2_LISTENERS_MISMATCH", fix, (_arn(way),))


def _create_listener(way: Way, protocol: str, port: str) -> str:
    command = f"aws elbv2 create-listener --load-balancer-arn {_arn(way)} --protocol {protocol} --port {port}"
    certificate = " --certificates CertificateArn= with the certificate's ARN," if protocol in ("HTTPS", "TLS") else ""
    return f"{command}{certificate} --default-actions Type=forward,TargetGroupArn= with the target group's ARN"


def _judged_listener(way: Way, listener: Record, before: tuple[str, ...]) -> Hop:
    """Return the hop of a listener: whether it sends requests to a target group, or redirects them to one that does.

    `before` has the ARNs of the listeners that redirected to this one.
    """
    heard = f"{way.name} listens on {listener['Port']} for {listener['Protocol']}"
    arn = listener["ListenerArn"]
    try:
        actions = _actions(way, listener)
    except NotRead:
        if before:
            raise
        actions = []  # the hop target_group says that they are unknown
    if not actions or forwarded_to(actions):
        return Hop(OK, f"{heard}.", resources=(arn,))
    hops = [_own_answer(way, listener, action, (*before, arn)) for action in actions]
    best = min(hops, key=lambda hop: (OK, UNKNOWN, BROKEN).index(hop.verdict))
    return best._replace(evidence=f"{heard}{best.evidence}", resources=(arn, *best.resources))


def _own_answer(way: Way, listener: Record, action: Record, before: tuple[str, ...]) -> Hop:
    """Return the hop if the load balancer answers itself. Its evidence continues the sentence about the listener."""
    if action["Type"] == "redirect":
        return _redirected(way, listener, action.get("RedirectConfig") or {}, before)
    what = _own_answers(listener, [action])
    evidence = f", but sends nothing to targets: {what}."
    return Hop(BROKEN, evidence, "ELBV2_LISTENER_REQUIRES_TG_ACCEPT", _forward(listener))


def _forward(listener: Record) -> str:
    command = f"aws elbv2 modify-listener --listener-arn {listener['ListenerArn']}"
    return f"{command} --default-actions Type=forward,TargetGroupArn= with the target group's ARN"


def _redirected_to(listener: Record, config: Record) -> tuple[str, str, str | None]:
    """Return protocol, port and host of a redirect; None for the same host. `#{protocol}` in it means no change."""
    protocol, port, host = (config.get(key, "#{") for key in ("Protocol", "Port", "Host"))
    protocol = listener["Protocol"] if "#{" in protocol else protocol
    return protocol, str(listener["Port"]) if "#{" in port else port, None if "#{" in host else host


def _redirected(way: Way, listener: Record, config: Record, before: tuple[str, ...]) -> Hop:
    protocol, port, host = _redirected_to(listener, config)
    to = f"redirects to {protocol} port {port}" + (f" of {host}" if host else "")
    next_one = next(
        (
            each
            for each in way.snapshot.all("Listeners")
            if (str(each.get("Port")), each.get("Protocol")) == (port, protocol)
        ),
        None,
    )
    if next_one and next_one["ListenerArn"] not in before:
        found = _judged_listener(way, next_one, before)
        told = f" To check the path behind it, ask with port {port}." if found.verdict == OK else f" {found.evidence}"
        return found._replace(evidence=f" and {to}.{told}")
    if host:
        return Hop(UNKNOWN, f" and {to}, where nothing was checked.")
    if next_one:
        evidence = f", but {to}, so the requests go in a circle: no listener on this path sends them to targets."
        return Hop(BROKEN, evidence, "ELBV2_LISTENER_REQUIRES_TG_ACCEPT", _forward(listener))
    evidence = f", but {to}, where it does not listen."
    return Hop(BROKEN, evidence, "ELBV2_LISTENERS_MISMATCH", _create_listener(way, protocol, port))


def actions_of(listener: Record, rules: Iterable[Record]) -> list[Record]:
    """Return what the listener does with requests: the last step of its default action and of each rule."""
    own = [rule["Actions"] for rule in rules if not rule.get("IsDefault")]
    chains = [listener.get("DefaultActions", []), *own]
    return [max(chain, key=lambda action: action.get("Order", 0)) for chain in chains if chain]


def forwarded_to(actions: Iterable[Record]) -> list[str]:
    """Return the ARNs of the target groups that get requests. Groups with weight 0 get none."""
    arns = []
    for action in actions:
        weighted = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
        if action["Type"] != "forward":
            continue
        arns += [each["TargetGroupArn"] for each in weighted if each.get("Weight", 1) > 0]
        if not weighted and action.get("TargetGroupArn"):
            arns.append(action["TargetGroupArn"])
    return list(dict.fromkeys(arns))


def _actions(way: Way, listener: Record | None) -> list[Record]:
    if listener is None:
        return []
    # The listener of a Network Load Balancer has a default action, but no rules.
    rules = way.snapshot.all("Rules", listener["ListenerArn"]) if way.balancer["Type"] == "application" else []
    return actions_of(listener, rules)


def _legs_hop(way: Way) -> Hop:
    """Return a skipped hop that says why there are no targets to judge; an ok one if there are."""
    listener = listener_of(way)
    if listener is None:
        return Hop(SKIPPED, f"Without a listener for {way.question.service} nothing is sent to targets.")
    if not forwarded_to(_actions(way, listener)):
        return Hop(SKIPPED, f"{way.name} answers by itself: {_own_answers(listener, _actions(way, listener))}.")
    if not list(targets_of(way)):
        return Hop(SKIPPED, "There is no target that packets can be followed to.")
    return Hop(OK, "")


def _own_answers(listener: Record, actions: Iterable[Record]) -> str:
    words = []
    for action in actions:
        if action["Type"] == "redirect":
            protocol, port, _host = _redirected_to(listener, action.get("RedirectConfig") or {})
            words.append(f"it redirects to {protocol} port {port}")
        elif action["Type"] == "fixed-response":
            words.append(f"status {action.get('FixedResponseConfig', {}).get('StatusCode', 'unknown')}")
    return ", ".join(words) or "no action forwards"


def _groups_used(way: Way) -> list[Record]:
    used = forwarded_to(_actions(way, listener_of(way)))
    by_arn = {group["TargetGroupArn"]: group for group in way.snapshot.all("TargetGroups")}
    missing = [arn for arn in used if arn not in by_arn]
    if missing:
        raise NotRead(f"DescribeTargetGroups does not show {missing[0]} to this user.")
    return [by_arn[arn] for arn in used]


def _of_groups(way: Way, judge: Callable[..., Hop]) -> Hop:
    groups = _groups_used(way)
    return judged_everywhere(judge, groups) if groups else _legs_hop(way)


def _target_groups(way: Way) -> Hop:
    def judge(group: Record) -> Hop:
        arn, name = group["TargetGroupArn"], group["TargetGroupName"]
        there = way.snapshot.all("TargetHealthDescriptions", arn)
        staying = [each for each in there if each["TargetHealth"]["State"] != "draining"]
        if staying:
            more = f" and {len(staying) - 3} more" if len(staying) > 3 else ""
            ids = ", ".join(each["Target"]["Id"] for each in staying[:3]) + more
            return Hop(OK, f"The listener forwards to {name} with {ids}.", resources=(arn,))
        what = "only targets that are draining" if there else "no registered targets"
        evidence = f"{name}, which the listener forwards to, has {what}."
        fix = f"aws elbv2 register-targets --target-group-arn {arn} --targets Id= with the id of an instance"
        if there:
            ids = " ".join(f"Id={each['Target']['Id']}" for each in there)
            fix = f"aws elbv2 register-targets --target-group-arn {arn} --targets {ids}"
        return Hop(BROKEN, evidence, "ELBV2_LISTENER_HAS_NO_TG", fix, resources=(arn,))

    return _of_groups(way, judge)


def _health(way: Way) -> Hop:
    def judge(group: Record) -> Hop:
        there = way.snapshot.all("TargetHealthDescriptions", group["TargetGroupArn"])
        return _group_health(way, group, [each for each in there if each["TargetHealth"]["State"] != "draining"])

    return _of_groups(way, judge)


def _group_health(way: Way, group: Record, descriptions: list[Record]) -> Hop:
    """Return the hop of a group. It serves if one of its targets is healthy: the load balancer avoids the others.

    If all fail their checks, the load balancer sends requests to all of them.
    """
    arn, name = group["TargetGroupArn"], group["TargetGroupName"]
    if not descriptions:
        return Hop(SKIPPED, f"{name} has no targets that could be healthy.", resources=(arn,))
    targets = [(each, _subnet_without_node(way, group, each)) for each in descriptions]
    # The state is "unavailable" if health checks are off, which is possible for Lambda functions only.
    bad = [each for each in targets if each[1] or _state_of(each[0]) not in ("healthy", "unavailable")]
    healthy = len(targets) - len(bad)
    resources = (arn, *(each["Target"]["Id"] for each, _subnet in bad))
    evidence = f"{healthy} of {len(targets)} targets of {name} healthy." + "".join(
        f" {_problem_of(way, each, subnet)}" for each, subnet in bad[:3]
    )
    if healthy:
        return Hop(OK, evidence, resources=resources)
    tried = [each for each in bad if _state_of(each[0]) == "unhealthy" and not each[1]]
    code, fix = _fix_of(way, group, *(tried or bad)[0])
    if tried:
        evidence += f" {way.name} sends requests to all targets if none is healthy, so some may be answered."
    return Hop(PARTIAL if tried else BROKEN, evidence, code, fix, resources=resources)


def _state_of(description: Record) -> str:
    return description["TargetHealth"]["State"]


def _subnet_without_node(way: Way, group: Record, description: Record) -> Record | None:
    """Return the target's subnet if the load balancer has no node in its Availability Zone: it sends nothing there."""
    kind, zones = group.get("TargetType", "instance"), [zone.get("ZoneName") for zone in way.balancer[ZONES]]
    if kind not in ("instance", "ip") or description["Target"].get("AvailabilityZone") == "all":
        return None
    try:
        interface = _interface_of(way, kind, description)
        subnet = way.snapshot.subnet(interface["SubnetId"]) if interface else {}
    except NotRead:
        return None
    zone = subnet.get("AvailabilityZone")
    return subnet if zone and None not in zones and zone not in zones else None


def _problem_of(way: Way, description: Record, subnet: Record | None) -> str:
    if subnet:
        where = f"{subnet['AvailabilityZone']}, an Availability Zone that is not enabled for {way.name}"
        return f"{description['Target']['Id']} is in {where}."
    health = description["TargetHealth"]
    why = ": ".join(filter(None, [health.get("Reason"), health.get("Description")]))
    return f"{description['Target']['Id']} is {health['State']}" + (f" ({why})" if why else "") + "."


def _fix_of(way: Way, group: Record, description: Record, subnet: Record | None) -> tuple[str, str]:
    arn, id_ = group["TargetGroupArn"], description["Target"]["Id"]
    health = description["TargetHealth"]
    reason, port = health.get("Reason", ""), health_port(group, description)
    if subnet or reason in ("Target.NotInUse", "Target.IpUnusable"):
        # The command replaces all subnets, so it must name the present ones too.
        command = f"aws elbv2 set-subnets --load-balancer-arn {_arn(way)} --subnets {' '.join(way.subnet_ids)}"
        added = subnet["SubnetId"] if subnet else "and the target's subnet"
        return "ELB_INSTALLED_AZ_RESTRICTION", f"Enable the target's Availability Zone: {command} {added}"
    if health["State"] == "initial":
        return (
            "x-ELBV2_TARGET_INITIAL",
            f"aws elbv2 wait target-in-service --target-group-arn {arn} --targets Id={id_}",
        )
    if reason == "Target.InvalidState":
        return "BAD_STATE", f"aws ec2 start-instances --instance-ids {id_}"
    checked = f"{group.get('HealthCheckProtocol', 'TCP')} on port {port}"
    path = group.get("HealthCheckPath")
    if reason == "Target.ResponseCodeMismatch":
        codes = next(iter((group.get("Matcher") or {}).values()), "200")  # HttpCode or GrpcCode
        fix = f"Let {path} answer with {codes}, or ask for another path: aws elbv2 modify-target-group"
        return "x-ELBV2_TARGET_UNHEALTHY", f"{fix} --target-group-arn {arn} --health-check-path /"
    fix = f"See to it that {id_} answers {checked}" + (f" at {path}" if path else "")
    fix += ": the unit must run, listen on that port, and the hops below must let the load balancer through."
    return "x-ELBV2_TARGET_UNHEALTHY", fix


def health_port(group: Record, description: Record) -> int:
    """Return the port of a target's health check."""
    for port in (description.get("HealthCheckPort"), group.get("HealthCheckPort")):
        if port and port.isdigit():  # otherwise it is "traffic-port"
            return int(port)
    return _port(group, description)


def _port(group: Record, description: Record) -> int:
    return description["Target"].get("Port") or group.get("Port") or 0


# From the nodes to the targets


def targets_of(way: Way) -> Iterator[Target]:
    """Yield the targets that are network interfaces, not Lambda functions. Raises NotRead if one was not found."""
    for group in _groups_used(way):
        kind = group.get("TargetType", "instance")
        if kind == "lambda":
            continue
        for description in way.snapshot.all("TargetHealthDescriptions", group["TargetGroupArn"]):
            if description["TargetHealth"]["State"] == "draining":
                continue
            interface = _interface_of(way, kind, description)
            if interface:
                yield _target(way, group, description, interface)


def _target(way: Way, group: Record, description: Record, interface: Record) -> Target:
    family, id_ = group.get("IpAddressType", "ipv4"), description["Target"]["Id"]
    own = own_addresses(interface, family)
    if not own:
        lacks = f"{FAMILY_NAMES.get(family, family)} address"
        raise NotRead(f"{interface['NetworkInterfaceId']} of {id_} has no {lacks}, which its group needs.")
    return Target(
        id=id_,
        port=_port(group, description),
        health_port=health_port(group, description),
        protocol=way.question.protocol,
        family=family,
        address=id_ if group.get("TargetType") == "ip" else own[0],
        interface=interface,
        keeps_client=_keeps_client(way, group),
    )


def _interface_of(way: Way, kind: str, description: Record) -> Record | None:
    id_ = description["Target"]["Id"]
    if kind == "instance":
        instance = next((each for each in way.snapshot.all("Instances") if each["InstanceId"] == id_), None)
        if instance is None and description["TargetHealth"]["State"] == "unused":
            return None  # a terminated instance stays registered
        if instance is None:
            raise NotRead(f"DescribeInstances does not show the target {id_} to this user.")
        interfaces = instance.get("NetworkInterfaces", [])
        return min(interfaces, key=lambda each: each["Attachment"]["DeviceIndex"], default=None)
    if kind == "ip":
        family = "ipv6" if ":" in id_ else "ipv4"
        for interface in way.snapshot.all("NetworkInterfaces"):
            if interface["VpcId"] == way.vpc_id and id_ in own_addresses(interface, family):
                return interface
        raise NotRead(f"The target {id_} is not an address of {way.vpc_id}: what is there was not checked.")
    raise NotRead(f"The target {id_} is a load balancer itself: ask again with it as load_balancer_arn.")


def _keeps_client(way: Way, group: Record) -> bool:
    """Return whether the target sees the client's own address: a Network Load Balancer may preserve it."""
    if way.balancer["Type"] != "network":
        return False
    attributes = way.snapshot.all("Attributes", group["TargetGroupArn"])
    values = {each["Key"]: each["Value"] for each in attributes}
    by_default = group.get("TargetType") == "instance" or group.get("Protocol") in (
        "UDP",
        "TCP_UDP",
        "QUIC",
        "TCP_QUIC",
    )
    return values.get("preserve_client_ip.enabled", str(by_default).lower()) == "true"


def _targets_or_none(way: Way) -> list[Target]:
    try:
        return list(targets_of(way))
    except NotRead:
        return []  # the hop of _legs_hop() says why


def _at_targets(legs: Hop, targets: list[Target], judge: Callable[..., Hop]) -> Hop:
    return judged_everywhere(judge, targets) if targets else legs


def _node_spaces(way: Way, target: Target, same_subnet: bool = True) -> list[tuple[str, Intervals]]:
    """Return the nodes' subnets and the addresses from which the nodes send.

    Leave out the target's own subnet (`same_subnet`) for network ACLs, which do not see packets within a subnet.
    """
    subnet_ids = [each for each in way.subnet_ids if same_subnet or each != target.interface["SubnetId"]]
    spaces = [(each, way.snapshot.subnet_space(each, target.family)) for each in subnet_ids]
    for subnet_id, space in spaces:
        if not space:
            lacks = f"{FAMILY_NAMES.get(target.family, target.family)} addresses"
            raise NotRead(f"{subnet_id} has no {lacks}, which the load balancer's node there needs.")
    return spaces


def _asks(way: Way, target: Target, same_subnet: bool = True) -> list[list[Ask]]:
    """Return a list for each kind of packets that a target must accept, with an Ask for each source that may send them.

    The packets for its port come from the nodes, or from the client if the target sees its address. Health checks
    always come from the nodes.
    """
    nodes = _node_spaces(way, target, same_subnet)
    from_nodes = [(space, cidrs(space, target.family)[0]) for _subnet, space in nodes]
    from_client = [(way.client.space, way.question.asked_source)]
    keeps_client = target.keeps_client and target.family == way.question.family
    wanted = [(target.port, from_client if keeps_client else from_nodes)]
    if keeps_client or target.health_port != target.port:
        wanted.append((target.health_port, from_nodes))
    return [[_ask(way, target, port, *who) for who in sources] for port, sources in wanted if sources]


def _ask(way: Way, target: Target, port: int, space: Intervals, who: str) -> Ask:
    others = resolver(way.snapshot, target.family, inside=False)

    def resolve(source: str) -> Intervals:
        # The load balancer's nodes are members of its groups, with any address.
        return space if source in way.group_ids else others(source)

    peer = way.group_ids[0] if way.group_ids else None
    return Ask(target.protocol, port, target.family, space, who, resolve, peer)


def _all_asked(asks: list[list[Ask]], judge: Callable[..., Hop]) -> Hop:
    return in_series([judged_everywhere(judge, alternatives) for alternatives in asks])


def _target_security_group(way: Way, target: Target) -> Hop:
    ids, place = group_ids(target.interface), target.interface["NetworkInterfaceId"]
    return _all_asked(_asks(way, target), lambda ask: security_group(way.snapshot, ids, ask, place))


def _outgoing(way: Way, target: Target) -> Hop:
    """Return the hop of the load balancer's connections, which its groups must allow. A new group allows all."""
    if not way.group_ids:
        return Hop(OK, f"{way.name} has no security groups: it may connect to every target.")
    theirs = group_ids(target.interface)
    others = resolver(way.snapshot, target.family, inside=False)

    def resolve(source: str) -> Intervals:
        return target.space if source in theirs else others(source)

    def judge(port: int) -> Hop:
        ask = Ask(target.protocol, port, target.family, target.space, target.block, resolve)
        return _of_balancer(way, security_group(way.snapshot, way.group_ids, ask, way.name, egress=True))

    return in_series([judged(judge, port) for port in dict.fromkeys([target.port, target.health_port])])


def _border(way: Way, target: Target, packets: Packets) -> Hop:
    return network_acl(way.snapshot, target.interface["VpcId"], target.interface["SubnetId"], packets)


def _same_subnet(target: Target) -> Hop:
    return Hop(OK, f"{target.id} is in the same subnet as the load balancer's node, inside of which no ACL counts.")


def _into_target(way: Way, target: Target) -> Hop:
    asks = _asks(way, target, same_subnet=False)
    return _all_asked(asks, lambda ask: _border(way, target, requests(ask))) if asks else _same_subnet(target)


def _out_of_target(way: Way, target: Target) -> Hop:
    asks = _asks(way, target, same_subnet=False)
    return _all_asked(asks, lambda ask: _border(way, target, answers(ask))) if asks else _same_subnet(target)


def _inner(way: Way, targets: list[Target], packets_of: Callable[[Target], Packets]) -> list[Hop]:
    """Return the hop of the nodes' network ACLs for connections to targets in other subnets, if there are any."""
    pairs = [(subnet, t) for t in targets for subnet in way.subnet_ids if subnet != t.interface["SubnetId"]]
    if not pairs:
        return []

    def judge(pair: tuple[str, Target]) -> Hop:
        return network_acl(way.snapshot, way.vpc_id, pair[0], packets_of(pair[1]))

    return [judged_everywhere(judge, pairs)]


def _to_target(target: Target) -> Ask:
    return Ask(target.protocol, target.port, target.family, target.space, target.block, lambda _source: Intervals())


def _requests_from_node(target: Target) -> Packets:
    return requests(_to_target(target), egress=True)


def _answers_into_node(target: Target) -> Packets:
    return answers(_to_target(target), egress=False)
