# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Why the site cannot be reached: joins three views into one chain of hops, and finds the first broken hop and its fix.

The views are what a client saw (_path/endpoint.py), what AWS does with the packet (the module reachability) and what
the machine does with it (_path/machine.py). Any view may be missing. Its hops are then unknown, never ok.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.refusal import (
    NO_CREDENTIALS,
    NO_REGION,
    refusal_of,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import endpoint, private_network
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import (
    BROKEN,
    OK,
    PARTIAL,
    SKIPPED,
    UNKNOWN,
    Hop,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Reach, Tcp
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.endpoint import (
    PORTS,
    is_address,
    is_loopback,
    is_private,
)
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.entrance import is_forwarded, port_of
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.module_failure import module_failure

# The result of a module. If the module failed, there are no `hops`: `msg` says why, and `fix` may say what helps.
View = Mapping[str, Any]
Diagnosis = dict
# A hop as modules return it (Hop.published()). In a diagnosis, it also has `side`, `title`, `fix_where` and `symptom`.
Shown = dict

# The hops of an instance, in the order of the packet. They are used if AWS could not be asked.
AWS_HOPS = (
    *("target_exists", "instance_state", "public_address", "block_public_access", "internet_gateway"),
    *("nacl_ingress", "security_group", "nacl_egress", "route"),
)
MACHINE_HOPS = ("host_firewall", "listener", "bound_address", "accept_queue", "unit", "selinux")
PROXY_HOPS = ("proxy_listener", "proxy_bound_address", "proxy_accept_queue")  # if there is one on the machine
CLIENT_HOPS = ("dns", "tcp")
SITE_HOPS = ("tls", "http", "application")
# The side on which a hop is: it is read there, and fixed there.
SIDES = {**dict.fromkeys(CLIENT_HOPS, "client"), **dict.fromkeys((*MACHINE_HOPS, *PROXY_HOPS), "machine")}
SIDES.update(dict.fromkeys(SITE_HOPS, "site"))  # any other is AWS's

# The sources of the views, and what to do if a view is missing.
CLIENT, AWS, MACHINE = "the client", "AWS", "the machine"
WHO = {"client": CLIENT, "aws": AWS, "machine": MACHINE, "site": "the site"}
NEEDED = {
    CLIENT: None,
    AWS: "AWS_PROFILE and AWS_REGION, or diagnosis_aws # account, region and credentials; files/iam-policy.json has"
    " the permissions",
    MACHINE: "ansible webservers -i INVENTORY -m ping # says why the machine is not reached",
}

# Parts of ssh's output about host keys, each with a sentence that replaces it and the fix.
KEY_CHANGED = "REMOTE HOST IDENTIFICATION HAS CHANGED"
HOST_KEYS = {
    KEY_CHANGED: (
        f"The machine's host key is not the one that ssh knows ({KEY_CHANGED}).",
        "ssh-keygen -R {} # if you recreated the machine; otherwise correct ansible_host",
    ),
    "Host key verification failed": (
        "ssh does not know the machine's host key (Host key verification failed).",
        "ssh USER@{} # once, to accept its host key",
    ),
}

NAME_BALANCER = "If it belongs to a load balancer, name the load balancer in diagnosis_load_balancer_arn."

# Fixes with this collection's variables and playbooks, which the modules do not know, by the code of a hop. `{fix}` is
# the module's fix, `{unit}` the application's systemd unit, `{ports}` the ports on which it listens, and
# `{every_address}` the address on which it should listen.
RUN = "ansible-playbook site.yml -i INVENTORY"
HOST = f"webserver_host: {{every_address}} # then: {RUN}"
ADVICE = {
    "x-UNIT_NOT_FOUND": RUN,
    "x-OUT_OF_MEMORY": "webserver_workers: 1, or a larger instance; then sudo systemctl restart {unit}",
    "x-PORT_TAKEN": "{fix}; or take another webserver_port",
    "x-OTHER_PORT": f"webserver_port: {{ports}} # in the inventory; or move it: {RUN}",
    "x-BOUND_TO_LOOPBACK": HOST,
    "x-BOUND_TO_DEVICE": HOST,
    "x-ADDRESS_NOT_LOCAL": HOST,
    "x-IPV6_ONLY": HOST,
    "x-IPV4_ONLY": HOST,
    "x-OTHER_ADDRESS": HOST,
    "x-ACCEPT_QUEUE_FULL": "{fix} # if it comes back: more webserver_workers and webserver_threads",
    "x-APPLICATION_ERROR": "journalctl -u {unit}",
    "x-BAD_GATEWAY": "sudo systemctl status {unit}",
    "x-HTTP_NO_ANSWER": "journalctl -u {unit}",
    "x-UNAVAILABLE": "sudo systemctl status {unit}",
    "x-CERT_EXPIRED": f"https_certificate_src and https_certificate_key: a new certificate and its key # then: {RUN}",
    "x-CERT_OTHER_NAME": "https_certificate_src and https_certificate_key: a certificate with that name and its key"
    " # or open a name that the certificate has",
    "x-CERT_UNTRUSTED": "https_certificate_src: the file that the CA calls full chain # for a private CA: export"
    " SSL_CERT_FILE=CA.pem",
}
# Fixes that begin like this are commands for the machine, not for the control node.
ON_THE_MACHINE = ("sudo ", "journalctl ")

# Each hop's title, and the headline if it is broken.
TITLES = {
    "dns": ("DNS name", "The URL does not lead to the machine."),
    "tcp": ("TCP connection", "The connection fails."),
    "target_exists": ("Target", "AWS knows no such target."),
    "instance_state": ("Instance state", "The instance does not run."),
    "public_address": ("Public address", "The instance cannot be reached by that address."),
    "block_public_access": ("VPC Block Public Access", "VPC Block Public Access keeps the Internet out."),
    "lb_state": ("Load balancer's state", "The load balancer is not active."),
    "lb_scheme": ("Load balancer's scheme", "The load balancer is not open to the Internet."),
    "internet_gateway": ("Internet gateway", "The network has no connection from the Internet."),
    "nacl_ingress": ("Inbound network ACL", "The network ACL keeps clients out."),
    "lb_security_group": ("Load balancer's security group", "The load balancer's security group keeps clients out."),
    "lb_listener": ("Load balancer's listener", "The load balancer does not listen on that port."),
    "target_group": ("Target group", "The load balancer forwards to no machine."),
    "target_health": ("Target health", "The load balancer finds no healthy machine."),
    "lb_security_group_egress": (
        "Load balancer's outbound security group",
        "The load balancer is not allowed to connect to the machine.",
    ),
    "target_nacl_ingress": ("Machine's inbound network ACL", "The machine's network ACL keeps the load balancer out."),
    "security_group": ("Security group", "The security group keeps clients out."),
    "target_nacl_egress": ("Machine's outbound network ACL", "The machine's network ACL keeps its answers in."),
    "nacl_egress": ("Outbound network ACL", "The network ACL keeps the answers in."),
    "route": ("Route back", "The answers do not get back to the client."),
    "host_firewall": ("Machine's firewall", "The machine's own firewall keeps clients out."),
    "proxy_listener": ("Proxy's listener", "The proxy does not listen on the port."),
    "proxy_bound_address": ("Proxy's bound address", "The proxy listens on an address that clients cannot reach."),
    "proxy_accept_queue": ("Proxy's accept queue", "The proxy accepts no more connections."),
    "listener": ("Listener", "The application does not listen on the port."),
    "bound_address": ("Bound address", "The application listens on an address that clients cannot reach."),
    "accept_queue": ("Accept queue", "The application accepts no more connections."),
    "unit": ("Unit", "The application does not run."),
    "selinux": ("SELinux", "SELinux denies the application what it needs."),
    "tls": ("TLS", "The URL and the port do not agree on encryption."),
    "http": ("HTTP", "The server gives no good answer."),
    "application": ("Application", "The page is not the one that should be there."),
}

# Headlines by code, which say more than the headline of the hop.
HEADLINES = {
    "x-CERT_EXPIRED": "The certificate has expired.",
    "x-CERT_NOT_YET": "The certificate is not valid yet, or a clock is wrong.",
    "x-CERT_OTHER_NAME": "The certificate is for another name.",
    "x-CERT_UNTRUSTED": "Browsers do not trust the certificate.",
    "x-URL_PORT": "The URL's port is not the site's port.",
    "x-OTHER_MACHINE": "Another machine may answer at that address.",
    "x-FIREWALL_REJECTS_SOME": "The machine's firewall may keep this client out.",
    "x-FIREWALL_DROPS_SOME": "The machine's firewall may keep this client out.",
}
# Headlines of hops that allow some clients, but not the client that asked.
SHUT_TO_THIS_CLIENT = {
    "security_group": "The security group admits some clients, but not this one.",
    "host_firewall": "The machine's own firewall keeps this client out.",
}
# Codes of packet filters with rules for some clients only, and how a connection of such a client ends.
RULES_FOR_SOME = {"x-FIREWALL_REJECTS_SOME": (Tcp.REFUSED, Tcp.NO_ROUTE), "x-FIREWALL_DROPS_SOME": (Tcp.TIMED_OUT,)}

# The hops that can cause what the client saw. AWS's documentation and RFC 1122 say what each of them does to a packet.
DROPPING = (
    *AWS_HOPS,
    "lb_state",
    "lb_scheme",
    "lb_security_group",
    "host_firewall",
    "proxy_accept_queue",
    "accept_queue",
)
BEHIND_PROXY = (
    *("target_group", "target_health", "lb_security_group_egress", "target_nacl_ingress", "security_group"),
    *("target_nacl_egress", *MACHINE_HOPS),
)
REMAINING = {
    "unresolved": ("dns",),
    Tcp.REFUSED: ("public_address", "lb_listener", "host_firewall", "proxy_listener", "proxy_bound_address", "listener")
    + ("bound_address", "unit", "selinux"),
    Tcp.NO_ROUTE: ("instance_state", "host_firewall"),
    Tcp.TIMED_OUT: DROPPING,
    "tls": ("tls",),
    "no_answer": ("accept_queue", "unit", "selinux", "http"),
    "gateway": BEHIND_PROXY,
    "application": ("listener", "application"),
}


class Asked(NamedTuple):
    """What is known about the path to the site, besides the views."""

    url: str
    port: int | None  # the application's
    balancer: bool  # whether the URL leads to a load balancer
    public: list[str]  # the machine's public addresses
    known_as: list[str]  # the machine's names and addresses in the inventory


def diagnose(
    url: str,
    outside: View | None = None,
    aws: View | None = None,
    machine: View | None = None,
    private: View | None = None,
    loopback: View | None = None,
    known_as: Iterable[str] = (),
    host: str = "",
    port: int | None = None,
    balancer: bool = False,
    unit: str = "",
) -> Diagnosis:
    """Return the diagnosis of `url`, as RETURN of plugins/filter/diagnose.yml describes it.

    `outside` is the view of a client, and `private` and `loopback` are those of the machine itself, over its private
    address and over loopback. The hops of a view that is None are skipped. `known_as` are the names and addresses of
    the machine in the inventory; AWS's answer about them is more reliable. `port` and `unit` are the port and the
    systemd unit of the application. `balancer` says whether the URL leads to a load balancer.
    """
    url = without_userinfo(url)
    # The machine, or a server that answers in its place, can write any text into a view.
    outside, aws, machine, private, loopback = map(printable, (outside, aws, machine, private, loopback))
    seen = outside["saw"] if outside and outside.get("hops") else None
    known = [name for name in known_as if name]
    public = public_addresses(_addresses_in(aws)) or public_addresses(known)
    asked = Asked(url, port, balancer or _has_load_balancer(aws), public, known)
    machine = _with_host_key_explained(machine, known)
    site = _site_hops(url, outside, machine, private, loopback)
    client = [each for each in _view_hops(outside, CLIENT_HOPS, CLIENT) if each["hop"] in CLIENT_HOPS]
    astray = _astray(asked, seen, machine, site) if seen else None
    hops = [astray, *client[1:]] if astray else client
    around = _view_hops(aws, AWS_HOPS, AWS)
    if seen and _is_elsewhere(asked, seen) and site[-1]["verdict"] == OK:
        # The page is right, but its address is another one: clients use another path than AWS was asked about.
        evidence = f"The page comes from {seen['address']}, which is not the machine's address. {NAME_BALANCER}"
        around = [each if each["verdict"] == OK else Hop(SKIPPED, evidence).published(each["hop"]) for each in around]
    hops = [*hops, *around, *_view_hops(machine, MACHINE_HOPS, MACHINE), *site]
    for each in hops:
        each["side"] = SIDES.get(each["hop"], "aws")
        each["title"] = TITLES.get(each["hop"], (each["hop"],))[0]
        each["fix"] = _advice(each, unit)
        each["fix_where"] = _where(each["fix"])
        # A failed connection is not a fault by itself: a later hop causes it.
        each["symptom"] = (
            each["hop"] == "tcp" and seen is not None and seen["tcp"] in (Tcp.REFUSED, Tcp.NO_ROUTE, Tcp.TIMED_OUT)
        )
    saw = _class_of(outside, seen)
    remaining = REMAINING.get(saw, ())
    broken = [each for each in hops if each["verdict"] == BROKEN and not each["symptom"]]
    suspects = [
        each["hop"]
        for each in hops
        if each["verdict"] in (BROKEN, PARTIAL, UNKNOWN) and each["hop"] in remaining and not each["symptom"]
    ]
    first = _first(hops, broken, suspects, saw)
    verdict = _verdict(hops, broken, suspects, saw)
    return {
        "host": host,
        "url": url,
        "verdict": verdict.value,
        "served": verdict in (Reach.REACHABLE, Reach.PARTIAL) and saw in ("ok", "not_asked"),
        "saw": saw,
        "first_broken_hop": first["hop"] if first else None,
        "broken_hops": [each["hop"] for each in broken] or [first["hop"] for first in [first] if first],
        "suspects": suspects,
        **_words(asked, first, hops, suspects, saw, verdict, seen, machine),
        "notes": list((aws or {}).get("notes") or []),
        "hops": hops,
    }


def _advice(hop: Shown, unit: str) -> str:
    """Return the fix with this collection's variables and playbooks, or the module's own fix."""
    advice = ADVICE.get(hop["code"] or "")
    if advice is None or hop["hop"].startswith("proxy_") or ("{unit}" in advice and not unit):
        return hop["fix"]
    about = [str(each) for each in hop["resources"]]
    return advice.format(
        fix=hop["fix"],
        unit=unit,
        ports=", ".join(about[1:]),
        every_address='"::"' if ":" in "".join(about) else "0.0.0.0",
    )


def _view_hops(view: View | None, names: Iterable[str], who: str) -> list[Shown]:
    """Return the hops of a view. If the view is missing, they say why."""
    if view is None:
        return [Hop(SKIPPED, f"Not asked of {who}.").published(name) for name in names]
    if not view.get("hops"):
        message = str(view.get("msg") or f"{who} could not be asked")
        fix = _fix_of_aws(view, message) if who == AWS else view.get("fix") or NEEDED[who]
        # If AWS refuses a module's request, the module's message ends with the advice, which is the fix here.
        advice = view.get("fix")
        message = message[: -len(advice)] if advice and message.endswith(advice) else message
        evidence = module_failure({**view, "msg": message})
        return [Hop(UNKNOWN, evidence, "x-NOT_READ", fix).published(name) for name in names]
    return [dict(each) for each in view["hops"]]


def _fix_of_aws(view: View, message: str) -> str | None:
    """Return the advice on AWS's answer. Without one, or without credentials: how to give them and a region."""
    refusal = refusal_of(message)
    if refusal.kind in (NO_CREDENTIALS, NO_REGION):
        return NEEDED[AWS]
    return view.get("fix") or refusal.advice or NEEDED[AWS]


def _with_host_key_explained(machine: View | None, known_as: list[str]) -> View | None:
    """Replace ssh's output about a host key, which fills a screen, with a sentence."""
    for words, (evidence, fix) in HOST_KEYS.items():
        if machine and not machine.get("hops") and words in str(machine.get("msg")):
            return {"msg": evidence, "fix": fix.format((known_as or ["ADDRESS"])[0])}
    return machine


def _astray(asked: Asked, seen: Mapping, machine: View | None, site: list[Shown]) -> Shown | None:
    """Return the hop `dns` if it is known that the URL does not lead to the site; otherwise None."""
    address = seen["address"]
    if not address or asked.balancer or is_forwarded(asked.url, seen):
        return None
    if _is_another_machine(asked, address, machine) and site[-1]["verdict"] != OK:
        evidence = f"The host key at {address} is not the one that ssh knows ({KEY_CHANGED}): the address belongs to"
        evidence += " another machine now, which may serve this page, or the machine was recreated."
        return Hop(BROKEN, evidence, "x-OTHER_MACHINE", (machine or {})["fix"], (address,)).published("dns")
    if seen["tcp"] == Tcp.ANSWERED:
        return None
    public = asked.public
    if public and address not in public and is_private(address) and not _is_near(asked, seen, machine):
        evidence = f"{address} is a private address, which nobody on the Internet can reach."
        return Hop(BROKEN, evidence, "x-PRIVATE_ADDRESS", resources=(address,)).published("dns")
    if public and address not in public and not is_private(address):
        evidence = f"{address} is not the machine's address, which is {' or '.join(public)}."
        evidence += " A public address that is not an Elastic IP changes whenever the instance is stopped and started."
        evidence += f" {NAME_BALANCER}"
        return Hop(BROKEN, evidence, "x-OTHER_ADDRESS", resources=(address, *public)).published("dns")
    port, entrance = port_of(asked.url), _entrance(machine)
    if entrance is not None and port not in (None, entrance):
        evidence = f"The URL asks for port {port}, on which nothing listens; the site is on port {entrance}."
        return Hop(BROKEN, evidence, "x-URL_PORT", resources=(address,)).published("dns")
    return None


def _entrance(machine: View | None) -> int | None:
    """Return the port on which clients reach the machine; None if the machine was not read."""
    return (machine or {}).get("entrance")


def _is_elsewhere(asked: Asked, seen: Mapping) -> bool:
    """Return whether the address that answers is certainly not the machine's, but for example a load balancer's."""
    address, public = seen["address"], asked.public
    may_be_own = not public or address in public or is_private(address) or asked.balancer
    return seen["tcp"] == Tcp.ANSWERED and not may_be_own


def _is_another_machine(asked: Asked, address: str, machine: View | None) -> bool:
    """Return whether ssh reports another host key than before for the machine at this address."""
    changed = KEY_CHANGED in str((machine or {}).get("msg"))
    return changed and bool({address, urlsplit(asked.url).hostname} & set(asked.known_as))


def _is_near(asked: Asked, seen: Mapping, machine: View | None) -> bool:
    """Return whether the client is certainly in the network of the private address in the URL.

    It is if a host there refused the connection, if ssh reached the machine at that address, or if the client's own
    address is in the same range.
    """
    address, own = seen["address"], seen.get("source_address")
    reached = bool((machine or {}).get("hops")) and address in asked.known_as
    range_ = private_network(own) if own else None
    return seen["tcp"] == Tcp.REFUSED or reached or (range_ is not None and range_ == private_network(address))


def _has_load_balancer(aws: View | None) -> bool:
    return any(each["hop"].startswith("lb_") and each["verdict"] != SKIPPED for each in (aws or {}).get("hops") or [])


def _site_hops(
    url: str, outside: View | None, machine: View | None, private: View | None, loopback: View | None
) -> list[Shown]:
    """Return the hops tls, http and application: from the client's view, otherwise from the machine's own views."""
    views = ((outside, ""), (private, "On the machine, over its own address: "), (loopback, "On the machine: "))
    for view, where in views:
        if view and view.get("hops") and view["saw"]["tcp"] == Tcp.ANSWERED:
            found = [dict(each) for each in view["hops"] if each["hop"] in SITE_HOPS]
            for each in found:
                each["evidence"] = where + each["evidence"]
            if view is outside:
                _compare_with_own_page(found, outside, machine, [private, loopback])
            else:
                _trust_own_page(found, url)
            return found
    asked = [view for view in (outside, private, loopback) if view]
    return [Hop(SKIPPED, "No request got this far." if asked else "Not asked.").published(name) for name in SITE_HOPS]


def _compare_with_own_page(found: list[Shown], outside: View, machine: View | None, own: Iterable[View | None]) -> None:
    """If no text is expected in the page, compare it with the page that the unit serves on the machine itself."""
    application = found[-1]
    another_s = any(each["code"] == "x-PORT_TAKEN" for each in (machine or {}).get("hops") or [])
    if application["code"] != "x-NOTHING_EXPECTED" or another_s:
        return
    pages = [view["saw"] for view in own if view and view.get("hops") and view["saw"]["status"]]
    if any(page["body_sha256"] == outside["saw"]["body_sha256"] for page in pages):
        application.update(verdict=OK.value, code=None, evidence="The answer is the one that the machine itself gets.")


def _trust_own_page(found: list[Shown], url: str) -> None:
    """Correct the hops of the machine's own view: it uses plain HTTP, and the page that it gets is its own."""
    tls, _http, application = found
    if tls["code"] == "x-PLAIN_TO_TLS" and url.startswith("https:"):
        tls.update(
            verdict=OK.value, code=None, fix=None, evidence="On the machine: the port speaks TLS, as the URL says."
        )
    if application["code"] == "x-NOTHING_EXPECTED":
        application.update(verdict=OK.value, code=None)


def _class_of(outside: View | None, seen: Mapping | None) -> str:
    """Return what the client saw: a key of REMAINING, the name of a broken hop, ok, client, not_asked or not_read."""
    if outside is None:
        return "not_asked"
    if seen is None:
        return "not_read"
    broken = next((each for each in outside["hops"] if each["verdict"] == BROKEN), None)
    if broken is None:
        return "ok"
    if broken["hop"] == "dns":
        return "unresolved"
    if broken["hop"] == "tcp":
        return seen["tcp"] if seen["tcp"] in REMAINING else "client"
    if broken["hop"] == "http":
        return "gateway" if broken["code"] in ("x-BAD_GATEWAY", "x-UNAVAILABLE") else "no_answer"
    return broken["hop"]


def _first(hops: list[Shown], broken: list[Shown], suspects: list[str], saw: str) -> Shown | None:
    """Return the first broken hop in the order of the packet; without one, a hop that can explain what was seen."""
    if broken:
        return broken[0]
    if saw in ("ok", "not_asked", "not_read"):
        return None
    partly = [each for each in hops if each["hop"] in suspects and each["verdict"] == PARTIAL]
    partly += [each for each in hops if saw in RULES_FOR_SOME.get(each["code"] or "", ())]
    symptom = [each for each in hops if each["verdict"] == BROKEN]
    return (partly + symptom + [None])[0]


def _verdict(hops: list[Shown], broken: list[Shown], suspects: list[str], saw: str) -> Reach:
    verdicts = {each["verdict"] for each in hops}
    if broken:
        # If the right page came, faults on the machine do not stop it. But it does not show that AWS lets others in.
        page = saw == "ok" and hops[-1]["verdict"] == OK
        return Reach.PARTIAL if page and all(each["side"] == "machine" for each in broken) else Reach.UNREACHABLE
    if saw == "ok":
        return Reach.PARTIAL if PARTIAL in verdicts else Reach.REACHABLE
    if saw in ("not_asked", "not_read"):
        if UNKNOWN in verdicts or not verdicts & {OK, PARTIAL}:
            return Reach.UNKNOWN
        return Reach.PARTIAL if PARTIAL in verdicts else Reach.REACHABLE
    # The site is closed to this client. It is partly reachable if a suspect hop allows others.
    return (
        Reach.PARTIAL
        if any(each["verdict"] == PARTIAL and each["hop"] in suspects for each in hops)
        else Reach.UNREACHABLE
    )


def _words(
    asked: Asked,
    first: Shown | None,
    hops: list[Shown],
    suspects: list[str],
    saw: str,
    verdict: Reach,
    seen: Mapping | None,
    machine: View | None,
) -> dict[str, str | None]:
    """Return texts for people: a headline, the findings in a few sentences, the fix, and the URL to open.

    `summary` has the findings in any case, and `cause` only if something is wrong (otherwise None).
    """
    astray = next((each["code"] for each in hops if each["hop"] == "dns"), None)
    opened = _open(asked, hops, _entrance(machine) if astray == "x-URL_PORT" else None)
    if first is None:
        summary = _summary_without_fault(hops, saw)
        return {
            "headline": _headline_without_fault(verdict, saw),
            "cause": summary if verdict == Reach.PARTIAL else None,
            "summary": summary,
            "fix": None,
            "fix_where": "",
            "open": opened,
        }
    headline, cause, fix = TITLES.get(first["hop"], ("", ""))[1], first["evidence"], first["fix"]
    headline = HEADLINES.get(first["code"] or "", headline)
    if first["symptom"]:
        near = seen is not None and is_private(seen["address"]) and _is_near(asked, seen, machine)
        headline, cause, fix = _unexplained(first, hops, suspects, saw, near)
    elif first["verdict"] == OK:
        symptom = next(each["evidence"] for each in hops if each["symptom"])
        cause = f"{symptom} Nothing else explains it: {cause}"
        fix = "-e diagnosis_source=CLIENT/32 # the client's address: shows whether that rule applies to it"
    elif first["verdict"] == PARTIAL:
        headline = SHUT_TO_THIS_CLIENT.get(first["hop"], headline)
    elif saw == "ok" and verdict == Reach.PARTIAL:
        headline = "The page is there, but not as it should be."
    elif saw == "ok" and first["side"] == "aws" and seen and _is_elsewhere(asked, seen):
        cause += f" But {seen['address']} answers, which is not the machine's address. {NAME_BALANCER}"
    elif saw == "ok" and first["side"] == "aws":
        cause += " The control node gets the page all the same: it does not come through the Internet."
    elif saw in (Tcp.REFUSED, Tcp.TIMED_OUT, Tcp.NO_ROUTE) and first["hop"] not in (*REMAINING[saw], "dns"):
        if first["side"] == "aws" and saw == Tcp.REFUSED:
            cause += " The control node did not come through the Internet, got as far as the machine, and was refused"
        else:
            cause += f" That alone does not explain what the client saw ({_seen_in_words(saw)})"
        left = [each["title"] for each in hops if each["hop"] in suspects]
        cause += f"; look at {_listed(left)} too." if left else "."
    if saw in (Tcp.REFUSED, Tcp.TIMED_OUT, Tcp.NO_ROUTE) and first["hop"] != "dns":
        cause += _doubt_of_the_port(asked, seen, machine, hops)
    if first["hop"] == "dns" and opened != asked.url:
        fix = f"Open {opened}"
    if first["code"] == "x-URL_PORT":
        fix = f"-e diagnosis_url={opened} # if that works, set webserver_url in the inventory"
    told = {"headline": headline, "cause": cause, "summary": cause}
    return {**told, "fix": fix, "fix_where": _where(fix), "open": opened}


def _where(fix: str | None) -> str:
    return "on the machine" if fix and fix.startswith(ON_THE_MACHINE) else ""


def _headline_without_fault(verdict: Reach, saw: str) -> str:
    if verdict == Reach.REACHABLE:
        return "The site can be reached." if saw == "ok" else "No hop stops connections to the site."
    if verdict == Reach.PARTIAL:
        return "The site can be reached, but not by everybody."
    return "It is unknown whether the site can be reached."


def _summary_without_fault(hops: list[Shown], saw: str) -> str:
    partly = next((each for each in hops if each["verdict"] == PARTIAL), None)
    if partly:
        return f"{partly['title']}: {partly['evidence']}"
    unread = [each for each in hops if each["verdict"] == UNKNOWN]
    if saw == "ok":
        page = next((each["evidence"] for each in hops if each["hop"] == "http"), "")
        if unread:
            return f"{page} Not read, but the client got through: {_unread(unread)}"
        left_out = any(each["verdict"] == SKIPPED and each["side"] in ("aws", "machine") for each in hops)
        return f"{page} Every hop {'that was asked ' if left_out else ''}lets the client through."
    if unread:
        return f"No hop is broken, but not all could be read: {_unread(unread)}"
    return "Every hop that was asked lets the client through."


def _unread(hops: list[Shown]) -> str:
    """Name the unknown hops, for example: Security group (it may not be described). AWS as a whole (no credentials)."""
    told = []
    for each in _merged(hops):
        who = each["title"] if len(each["names"]) == 1 else WHO[each["side"]]
        told.append(f"{who} ({each['evidence'].rstrip('.')})")
    return f"{_listed(told)}."


def _doubt_of_the_port(asked: Asked, seen: Mapping | None, machine: View | None, hops: list[Shown]) -> str:
    """Return a sentence if the machine was not read and the URL's port may be that of a proxy; otherwise empty."""
    port, unread = port_of(asked.url), machine is not None and not machine.get("hops")
    if not unread or asked.balancer or asked.port in (None, port) or is_forwarded(asked.url, seen or {}):
        return ""
    opened = _open(asked, hops, asked.port)
    return (
        f" The URL asks for port {port}, and the site is on port {asked.port}:"
        f" if no proxy on the machine serves port {port}, open {opened}"
    )


def _unexplained(
    first: Shown, hops: list[Shown], suspects: list[str], saw: str, near: bool
) -> tuple[str, str, str | None]:
    """Return headline, cause and fix if the client does not get through although no hop that was read is broken.

    `near` is true if the client is in the machine's network.
    """
    unread = [each for each in hops if each["hop"] in suspects and each["verdict"] == UNKNOWN]
    if unread:
        cause = f"{first['evidence']} That leaves what could not be read: {_unread(unread)}"
        return TITLES["tcp"][1], cause, unread[0]["fix"]
    asked = {each["side"] for each in hops if each["verdict"] == OK}
    address = (first["resources"] or [""])[0]
    if is_private(address) and not is_loopback(address) and not near:
        cause = f"{address} is a private address: only clients in the same network, or in a VPN to it, reach it."
        return TITLES["dns"][1], cause, "diagnosis_url: the URL with the machine's public address, if it has one"
    if saw == Tcp.REFUSED and is_loopback(address):
        cause = f"{first['evidence']} {address} is the control node itself, and the port is not led on to the machine."
        fix = "Lead that port to the machine (docker publishes it, ssh -L forwards it), or ask for its own address."
        return "The port does not lead to the machine.", cause, fix
    if saw == Tcp.REFUSED:
        cause = f"{first['evidence']} Another machine refuses the connection: the address may belong to it now."
        return "Another host answers there.", cause, "Look up the instance's public address, or give it an Elastic IP."
    if {"aws", "machine"} <= asked:
        cause = f"{first['evidence']} AWS and the machine let it through: it is lost in the client's own network."
        fix = "Open the URL from another network, such as a phone's; VPNs and company firewalls often close such ports."
        return "The client's own network stops the connection.", cause, fix
    return TITLES["tcp"][1], first["evidence"], first["fix"]


def _open(asked: Asked, hops: list[Shown], other_port: int | None) -> str:
    """Return the exact URL to open: with the server's scheme, the public address, and the right port."""
    port = port_of(asked.url)
    if port is None:
        return asked.url
    parts = urlsplit(asked.url)
    by_name = {each["hop"]: each for each in hops}
    tls, astray = by_name.get("tls", {}), by_name.get("dns", {}).get("code")
    scheme = {"x-TLS_TO_PLAIN": "http", "x-PLAIN_TO_TLS": "https"}.get(tls.get("code") or "", parts.scheme)
    host, asked_port = parts.hostname or "", port
    if astray in ("x-PRIVATE_ADDRESS", "x-OTHER_ADDRESS") and asked.public:
        host = asked.public[0]
    if other_port:
        port = other_port
        scheme = scheme if tls.get("verdict") == OK else "http"
    if (scheme, host, port) == (parts.scheme, parts.hostname or "", asked_port):
        return asked.url
    bracketed = f"[{host}]" if ":" in host else host
    place = bracketed if port == PORTS.get(scheme) else endpoint(host, port)
    return f"{scheme}://{place}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")


def _seen_in_words(saw: str) -> str:
    return {Tcp.REFUSED: "refused", Tcp.TIMED_OUT: "timed out", Tcp.NO_ROUTE: "no route to host"}[Tcp(saw)]


def _listed(words: Iterable[str]) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "nothing"


# How a diagnosis is shown.

MARKS = {OK: "ok", BROKEN: "BROKEN", PARTIAL: "partly", UNKNOWN: "unknown", SKIPPED: "-"}
GROUPS = [
    ("client", "Client", "who opens the URL"),
    ("aws", "AWS", "the network around the instance"),
    ("machine", "Machine", "the instance itself"),
    ("site", "Site", "what the server answers"),
]


def lines(diagnosis: Diagnosis) -> list[str]:
    """Return the diagnosis as lines of text. Each hop has a line, but neighbours with the same evidence share one."""
    told = [f"{diagnosis['url']}: {diagnosis['headline']}", ""]
    for each in _merged(diagnosis["hops"]):
        mark = "seen" if each["symptom"] else MARKS[each["verdict"]]
        pointer = "=>" if diagnosis["first_broken_hop"] in each["names"] else "  "
        told.append(f"{pointer} {mark:<8} {each['label'] + ':':<20} {each['evidence']}")
    told += ["", f"{'Cause' if diagnosis['cause'] else 'Found'}: {diagnosis['summary']}"]
    told += [f"Fix:   {_placed(diagnosis)}"] if diagnosis["fix"] else []
    others = [each for each in diagnosis["broken_hops"] if each != diagnosis["first_broken_hop"]]
    for each in diagnosis["hops"]:
        if each["hop"] in others:
            told.append(f"Also:  {each['hop']}: {_placed(each) or each['evidence']}")
    told += [f"Note:  {note}" for note in diagnosis["notes"]]
    told.append(f"Open:  {diagnosis['open']}")
    return told


def advice(diagnosis: Diagnosis) -> str:
    """Return the findings, and the fix if there is one, as the end of a message."""
    return diagnosis["summary"] + (f" Fix: {_placed(diagnosis)}" if diagnosis["fix"] else "")


def _placed(told: Mapping) -> str:
    return ": ".join(part for part in (told["fix_where"], told["fix"]) if part)


def _merged(hops: list[Shown]) -> list[dict[str, Any]]:
    """Return the hops, with neighbours that have the same evidence merged into one. `names` has the merged hops."""
    found: list[dict[str, Any]] = []
    for each in hops:
        last = found[-1] if found else None
        if last and each["verdict"] in (UNKNOWN, SKIPPED) and _says(each) == _says(last):
            last["names"].append(each["hop"])
            joint = " and " if len(last["names"]) == 2 else " to "
            last["label"] = last["names"][0] + joint + each["hop"]
            last["heading"] = last["title"] + joint + each["title"][0].lower() + each["title"][1:]
        else:
            found.append({**each, "names": [each["hop"]], "label": each["hop"], "heading": each["title"]})
    return found


def _says(each: Shown) -> tuple:
    return each["verdict"], each["evidence"], each["side"]


def groups(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Return the chain for drawing: each side with its hops, and whether the packet gets there."""
    first, alive, drawn = diagnosis["first_broken_hop"], True, []
    for side, title, subtitle in GROUPS:
        hops, reached = [], alive
        for each in _merged([each for each in diagnosis["hops"] if each["side"] == side]):
            here = first in each["names"]
            alive = alive and not (here and each["verdict"] != OK)
            hops.append({**each, "here": here, "reached": alive})
        drawn.append({"side": side, "title": title, "subtitle": subtitle, "reached": reached, "hops": hops})
    return drawn


def public_addresses(names: Iterable[str]) -> list[str]:
    """Return those of a machine's names that are public IP addresses."""
    return [name for name in dict.fromkeys(names) if name and is_address(name) and not is_private(name)]


def _addresses_in(aws: View | None) -> list[str]:
    """Return the public address that the module reachability found."""
    address = ((aws or {}).get("target") or {}).get("public_address")
    return [address] if address else []
