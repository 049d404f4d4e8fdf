# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The question that AWS's hops answer, how the hops of several places become one, and the hops of a whole VPC.

Each function that judges a hop gives its evidence and a fix. It raises NotRead if an answer is missing.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import (
    EVERYTHING,
    INTERNET,
    Intervals,
    addresses,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.packet_filters import Passage
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead, Record, Snapshot
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import (
    BROKEN,
    OK,
    PARTIAL,
    SKIPPED,
    UNKNOWN,
    Hop,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Word


class Question(NamedTuple):
    """What is asked: whether clients reach a port. A source is a CIDR block."""

    protocol: str = "tcp"
    port: int = 5000
    family: str = "ipv4"
    source: str | None = None  # a CIDR block; None: the whole Internet

    @property
    def service(self) -> str:
        return f"{self.protocol}/{self.port}"

    @property
    def asked_source(self) -> str:
        return self.source or EVERYTHING[self.family]


class ClientKind(Word):
    """Where a client is."""

    INTERNET = "internet"
    VPC = "vpc"
    ELSEWHERE = "elsewhere"  # in a private network outside of the VPC


class Client(NamedTuple):
    """Who connects, and from which addresses."""

    kind: ClientKind
    space: Intervals

    @property
    def over_the_internet(self) -> bool:
        return self.kind == ClientKind.INTERNET


def client_of(question: Question, snapshot: Snapshot, vpc_id: str) -> Client:
    """Return the client that a question's source stands for.

    If the source contains public addresses outside of the VPC, only these count, and the client is on the Internet.
    Otherwise it is in the VPC if the source contains addresses of the VPC.
    """
    key = ("client", question.asked_source, question.family, vpc_id)
    return snapshot.once(key, lambda: _client_of(question, snapshot, vpc_id))


def _client_of(question: Question, snapshot: Snapshot, vpc_id: str) -> Client:
    try:
        vpc_space = snapshot.vpc_space(vpc_id, question.family)
    except NotRead:
        vpc_space = Intervals()  # the hop `route` reports that it is unknown
    asked = addresses([question.asked_source], question.family)
    over_the_internet = asked & INTERNET[question.family] - vpc_space
    if over_the_internet:
        return Client(ClientKind.INTERNET, over_the_internet)
    inside = asked & vpc_space
    return Client(ClientKind.VPC, inside) if inside else Client(ClientKind.ELSEWHERE, asked)


def judged_everywhere(judge: Callable[..., Hop], places: Iterable) -> Hop:
    """Return one hop for several places of which a client's packets pass one, such as a load balancer's subnets."""
    return merged([judged(judge, place) for place in places])


def judged(judge: Callable[..., Hop], *arguments: Any) -> Hop:
    """Return the hop that `judge` returns; an unknown one if it raises NotRead, so that other hops are still judged."""
    try:
        return judge(*arguments)
    except NotRead as error:
        return Hop(UNKNOWN, str(error))


def merged(hops: list[Hop]) -> Hop:
    """Return one hop for alternatives: it is broken only if all are, and ok only if all are."""
    verdicts = {hop.verdict for hop in hops}
    if len(verdicts) == 1:
        verdict = verdicts.pop()
    else:
        verdict = UNKNOWN if UNKNOWN in verdicts else PARTIAL if verdicts & {BROKEN, PARTIAL} else OK
    telling = [hop for hop in hops if hop.verdict != OK] or hops
    lead = min(telling, key=lambda hop: hop.code is None)
    passages = [hop.passage for hop in hops if hop.passage]
    of_same_clients = len(passages) == len(hops) and len({each.asked for each in passages}) == 1
    return lead._replace(
        verdict=verdict,
        evidence=some_of(list(dict.fromkeys(hop.evidence for hop in telling))),
        resources=tuple(dict.fromkeys(each for hop in telling for each in hop.resources)),
        passage=_common(passages) if of_same_clients else None,
    )


def in_series(hops: list[Hop]) -> Hop:
    """Return one hop for several that all must pass the packet: the worst of them."""
    return min(hops, key=lambda hop: (BROKEN, UNKNOWN, PARTIAL, OK, SKIPPED).index(hop.verdict))


def _common(passages: list[Passage]) -> Passage:
    whole, some = passages[0].whole, passages[0].some
    for each in passages[1:]:
        whole, some = whole & each.whole, some | each.some
    return Passage(passages[0].asked, whole, some)


def some_of(sentences: list[str], most: int = 3) -> str:
    """Return the first sentences as one text, with the number of the others."""
    more = len(sentences) - most
    return " ".join(sentences[:most]) + (f" And {more} more like these." if more > 0 else "")


def block_public_access(snapshot: Snapshot, vpc_id: str, subnet_id: str) -> Hop:
    """Return the hop of VPC Block Public Access, a setting of the account. Exclusions for egress allow no clients."""
    options = snapshot.all("VpcBlockPublicAccessOptions")
    mode = options["InternetGatewayBlockMode"]
    if mode == "off":
        return Hop(OK, "VPC Block Public Access is off in this account and region.")
    resources: tuple[str, ...] = (vpc_id, subnet_id)
    exclusion = None
    if options.get("ExclusionsAllowed", "allowed") == "allowed":
        exclusion = _exclusion(snapshot.all("VpcBlockPublicAccessExclusions"), vpc_id, subnet_id)
    if exclusion and exclusion["InternetGatewayExclusionMode"] == "allow-bidirectional":
        what = exclusion["ResourceArn"].split("/")[-1]
        evidence = f"VPC Block Public Access is {mode}, but {exclusion['ExclusionId']} excludes {what} from it."
        return Hop(OK, evidence, resources=(exclusion["ExclusionId"], *resources))
    evidence = f"VPC Block Public Access is {mode} in this account and region, so no connection gets in."
    fix = f"aws ec2 create-vpc-block-public-access-exclusion --subnet-id {subnet_id}"
    fix += " --internet-gateway-exclusion-mode allow-bidirectional"
    if exclusion:
        resources = (exclusion["ExclusionId"], *resources)
        evidence += f" {exclusion['ExclusionId']} excludes {exclusion['ResourceArn'].split('/')[-1]} for egress only."
        fix = f"aws ec2 modify-vpc-block-public-access-exclusion --exclusion-id {exclusion['ExclusionId']}"
        fix += " --internet-gateway-exclusion-mode allow-bidirectional"
    if options.get("ExclusionsAllowed", "allowed") != "allowed":
        evidence += " Its policy allows no exclusions."
        fix = "Ask whoever manages VPC Block Public Access for the organization to allow exclusions, or to turn it off."
    elif options.get("ManagedBy") == "declarative-policy":
        evidence += " A declarative policy of the organization says so."
    return Hop(BROKEN, evidence, "VPC_BLOCK_PUBLIC_ACCESS_ENABLED", fix, resources)


# An exclusion that is being created does not count yet, and one that is being deleted no longer counts.
EFFECTIVE = ("create-complete", "update-complete", "update-in-progress", "update-failed")


def _exclusion(exclusions: list[Record], vpc_id: str, subnet_id: str) -> Record | None:
    """Return the exclusion for the subnet or its VPC; if there are both, the one that allows more."""
    ours = [
        each
        for each in exclusions
        if each["State"] in EFFECTIVE and each["ResourceArn"].split("/")[-1] in (vpc_id, subnet_id)
    ]
    return min(ours, key=lambda each: each["InternetGatewayExclusionMode"] != "allow-bidirectional", default=None)


def internet_gateway(snapshot: Snapshot, vpc_id: str) -> Hop:
    """Return the hop of the VPC's internet gateway. Raises NotRead."""
    found = snapshot.internet_gateway(vpc_id)
    if not found:
        return _no_gateway(vpc_id, snapshot.detached_gateway(vpc_id))
    gateway, state = found
    gateway_id = gateway["InternetGatewayId"]
    resources = (gateway_id, vpc_id)
    if not is_attached(state):
        fix = attach_gateway(vpc_id, gateway_id)
        return Hop(BROKEN, f"{gateway_id} is {state} at {vpc_id}.", "BAD_STATE_ATTACHMENT", fix, resources)
    edge = snapshot.edge_route_table(gateway_id) if snapshot.has("RouteTables") else None
    if edge and any(route.get("GatewayId") != "local" for route in edge["Routes"]):
        evidence = f"{gateway_id} is attached to {vpc_id}, but {edge['RouteTableId']} sends what comes in through it to"
        evidence += " another interface or firewall first. Whether that lets it through was not checked."
        code = "INGRESS_RTB_TRAFFIC_REDIRECTION"
        return Hop(UNKNOWN, evidence, code, None, (edge["RouteTableId"], *resources))
    return Hop(OK, f"{gateway_id} is attached to {vpc_id}.", resources=resources)


def _no_gateway(vpc_id: str, detached: str | None) -> Hop:
    evidence = f"{vpc_id} has no internet gateway, so nothing comes in from outside."
    if detached:
        evidence += f" Its routes name {detached}, which is not attached to a VPC."
        fix = attach_gateway(vpc_id, detached)
        return Hop(BROKEN, evidence, "UNASSOCIATED_COMPONENT", fix, (detached, vpc_id))
    fix = f"aws ec2 create-internet-gateway, then aws ec2 attach-internet-gateway --vpc-id {vpc_id}"
    fix += " --internet-gateway-id with its id"
    return Hop(BROKEN, evidence, "UNASSOCIATED_COMPONENT", fix, (vpc_id,))


def attach_gateway(vpc_id: str, gateway_id: str) -> str:
    """Return the command that attaches an internet gateway."""
    return f"aws ec2 attach-internet-gateway --vpc-id {vpc_id} --internet-gateway-id {gateway_id}"


def is_attached(state: str) -> bool:
    """Return whether a state of an attachment means that it is complete."""
    # The documentation says "attached", the API answers "available".
    return state in ("available", "attached")
