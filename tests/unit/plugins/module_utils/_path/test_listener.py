# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import listener
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.listener import socket_hops

UNITS = ["webserver.service", "webserver.socket"]
OWN = {"10.0.1.20": "eth0"}


def row(address="0.0.0.0", port=5000, **fields):
    ipv6 = ":" in address
    return {
        "local_address": address,
        "local_port": port,
        "family": "ipv6" if ipv6 else "ipv4",
        "dual_stack": ipv6 and address == "::",
        "ipv4_reachable": not ipv6 or address == "::",
        "interface": None,
        "address_not_local": False,
        "recv_q": 0,
        "backlog": 128,
        "pid": 324,
        "name": "gunicorn",
        "unit": "webserver.service",
        "user": "webserver",
        "uid": 999,
        "owner_unknown_reason": None,
        "processes": [{"pid": 324, "unit": "webserver.service"}],
        **fields,
    }


def others(**fields):
    process = {"pid": 7, "unit": "nginx.service"}
    return row(**{"pid": 7, "name": "nginx", "unit": "nginx.service", "processes": [process], **fields})


def judged(*rows, active=True, family="ipv4", addresses=None, behind_proxy=False):
    addresses = OWN if addresses is None else addresses
    return socket_hops(list(rows), UNITS, active, 5000, family, addresses, behind_proxy)


def verdicts(hops):
    return [each.verdict for name, each in hops.items() if name.endswith(("listener", "bound_address", "accept_queue"))]


def test_a_healthy_socket():
    hops = judged(row(), others(port=80))
    assert list(hops) == ["listener", "bound_address", "accept_queue"]
    assert verdicts(hops) == ["ok", "ok", "ok"]
    assert hops["listener"].evidence == "gunicorn (pid 324, webserver.service) listens on 0.0.0.0:5000."
    assert "10.0.1.20" in hops["bound_address"].evidence


@pytest.mark.parametrize(
    "held",
    [
        # systemd holds the socket, alone for a service that is not yet started, or beside the service.
        {"unit": "webserver.socket", "pid": 1, "name": "systemd", "processes": [{"pid": 1, "unit": "init.scope"}]},
        {
            "unit": "init.scope",
            "processes": [{"pid": 1, "unit": "init.scope"}, {"pid": 5, "unit": "webserver.service"}],
        },
    ],
)
def test_socket_activation_counts_as_the_unit_s_own(held):
    assert verdicts(judged(row(**held)))[0] == "ok"


def test_D11_another_program_holds_the_port():
    hops = judged(others(), active=False)
    assert verdicts(hops) == ["broken", "skipped", "skipped"]
    assert hops["listener"].code == "x-PORT_TAKEN"
    assert "nginx (pid 7, nginx.service) listens on 0.0.0.0:5000" in hops["listener"].evidence
    assert hops["listener"].fix.startswith("sudo systemctl disable --now nginx.service")
    assert judged(others(unit=None))["listener"].fix.startswith("sudo kill 7")


def test_D16_without_root_the_owner_is_unknown():
    unread = row(pid=None, name=None, unit=None, processes=[], owner_unknown_reason="permission_denied")
    hops = judged(unread)
    # The address on which it listens is known nevertheless.
    assert verdicts(hops) == ["unknown", "ok", "ok"]
    assert "of user webserver" in hops["listener"].evidence
    assert verdicts(judged({**unread, "local_address": "127.0.0.1"}))[1] == "broken"


@pytest.mark.parametrize(
    ("rows", "active", "verdict", "code"),
    [
        ([], False, "skipped", None),
        ([], True, "broken", "x-NOT_LISTENING"),
        ([], None, "broken", "x-NOT_LISTENING"),
        ([row(port=8000)], True, "broken", "x-OTHER_PORT"),
        # Another program's IPv6 socket does not affect IPv4.
        ([others(address="::", dual_stack=False, ipv4_reachable=False)], True, "broken", "x-NOT_LISTENING"),
    ],
)
def test_nothing_listens(rows, active, verdict, code):
    found = judged(*rows, active=active)["listener"]
    assert (found.verdict, found.code) == (verdict, code)


def test_the_port_that_it_listens_on_is_named():
    found = judged(row(port=8000))["listener"]
    assert found.fix == "Ask for port 8000, or make webserver.service listen on port 5000."
    assert found.resources == ("webserver.service", "8000")


@pytest.mark.parametrize(
    ("bound", "code"),
    [
        ({"address": "127.0.0.1"}, "x-BOUND_TO_LOOPBACK"),
        ({"address": "127.0.0.2"}, "x-BOUND_TO_LOOPBACK"),
        ({"address": "::1"}, "x-BOUND_TO_LOOPBACK"),
        ({"interface": "lo"}, "x-BOUND_TO_LOOPBACK"),
        ({"interface": "docker0"}, "x-BOUND_TO_DEVICE"),
        ({"address": "203.0.113.10", "address_not_local": True}, "x-ADDRESS_NOT_LOCAL"),
        ({"address": "::", "dual_stack": False, "ipv4_reachable": False}, "x-IPV6_ONLY"),
        ({"address": "172.17.0.1"}, "x-OTHER_ADDRESS"),
    ],
)
def test_D3_an_address_that_ec2_does_not_deliver_to(bound, code):
    found = judged(row(**bound))["bound_address"]
    assert (found.verdict, found.code) == ("broken", code)
    assert "10.0.1.20" in found.evidence
    assert found.fix == "Make webserver.service listen on 0.0.0.0:5000."


@pytest.mark.parametrize(
    "bound",
    [
        {"address": "::"},
        {"address": "10.0.1.20"},
        {"address": "::ffff:10.0.1.20", "ipv4_reachable": True},
        {"address": "::ffff:0.0.0.0", "ipv4_reachable": True},
        {"interface": "eth0"},
    ],
)
def test_addresses_that_ec2_delivers_to(bound):
    assert judged(row(**bound))["bound_address"].verdict == "ok"


def test_ipv6_clients():
    own = {"2001:db8::5": "eth0"}
    assert judged(row(address="::"), family="ipv6", addresses=own)["bound_address"].verdict == "ok"
    found = judged(row(), family="ipv6", addresses=own)["bound_address"]
    assert (found.verdict, found.code) == ("broken", "x-IPV4_ONLY")
    assert found.fix == "Make webserver.service listen on [::]:5000."


def test_D16_dual_stack_is_unknown():
    found = judged(row(address="::", dual_stack=None, ipv4_reachable=None))["bound_address"]
    assert found.verdict == "unknown"
    assert judged(row(), addresses={})["bound_address"].verdict == "unknown"


def test_of_two_interfaces_one_is_served():
    both = {"10.0.1.20": "eth0", "10.0.2.20": "eth1"}
    found = judged(row(address="10.0.1.20"), addresses=both)["bound_address"]
    assert (found.verdict, found.resources) == ("partial", ("10.0.2.20",))
    assert judged(row(), addresses=both)["bound_address"].verdict == "ok"


def test_a_more_narrowly_bound_socket_gets_the_connection():
    found = judged(row(), others(address="10.0.1.20"))["bound_address"]
    assert (found.verdict, found.code) == ("broken", "x-PORT_TAKEN")
    assert "nginx" in found.evidence
    assert judged(row(), others(address="127.0.0.1"))["bound_address"].verdict == "ok"


@pytest.mark.parametrize(
    ("waiting", "backlog", "verdict"),
    [(0, 128, "ok"), (128, 128, "ok"), (129, 128, "broken"), (1, 0, "broken"), (5, None, "unknown")],
)
def test_D14_the_accept_queue(waiting, backlog, verdict):
    assert judged(row(recv_q=waiting, backlog=backlog))["accept_queue"].verdict == verdict


def test_of_several_sockets_one_queue_is_full():
    found = judged(row(recv_q=129), row())["accept_queue"]
    assert (found.verdict, found.code) == ("partial", "x-ACCEPT_QUEUE_FULL")
    assert "129 connections wait" in found.evidence


PROXY = {"name": "nginx", "pid": 7, "unit": "nginx.service", "processes": [{"pid": 7, "unit": "nginx.service"}]}


def nginx(**fields):
    return row(**{**PROXY, "port": 80, **fields})


LOOPBACK = {"address": "127.0.0.1"}


@pytest.mark.parametrize(
    ("rows", "entrance", "expected"),
    [
        ([row()], None, (5000, False)),
        ([row()], 5000, (5000, False)),
        # A proxy takes connections for the application, which may listen on loopback only.
        ([nginx(), row(**LOOPBACK)], 80, (80, True)),
        ([nginx(), row()], 80, (80, True)),
        ([nginx()], 80, (80, True)),
        # The unit itself listens on the port too.
        ([row(port=80), row()], 80, (80, False)),
        # A proxy that does not run. The application cannot be reached in another way.
        ([row(**LOOPBACK)], 80, (80, True)),
        ([row(address="::1")], 80, (80, True)),
        # Nothing listens there: clients must ask for the application's own port.
        ([row()], 80, (5000, False)),
        ([], 80, (5000, False)),
        ([nginx(address="::", dual_stack=False, ipv4_reachable=False), row()], 80, (5000, False)),
    ],
)
def test_the_port_that_clients_use(rows, entrance, expected):
    assert listener.way_in(rows, UNITS, 5000, entrance, "ipv4") == expected


def proxied(*rows):
    return listener.proxy_hops(list(rows), UNITS, 5000, 80, "ipv4", OWN)


def test_a_healthy_proxy():
    hops = proxied(nginx(), row(**LOOPBACK))
    assert verdicts(hops) == ["ok", "ok", "ok"]
    assert list(hops) == ["proxy_listener", "proxy_bound_address", "proxy_accept_queue"]
    says = "nginx (pid 7, nginx.service) listens on 0.0.0.0:80, and is presumably a proxy for webserver.service."
    assert hops["proxy_listener"].evidence == says


def test_a_proxy_that_does_not_run():
    hops = proxied(row(**LOOPBACK))
    assert verdicts(hops) == ["broken", "skipped", "skipped"]
    found = hops["proxy_listener"]
    assert found.code == "x-NO_PROXY"
    assert "Nothing listens on port 80" in found.evidence
    assert "127.0.0.1:5000" in found.evidence


def test_a_proxy_that_no_client_reaches():
    hops = proxied(nginx(address="127.0.0.1"), row(**LOOPBACK))
    assert verdicts(hops) == ["ok", "broken", "ok"]
    assert hops["proxy_bound_address"].fix == "Make nginx.service listen on 0.0.0.0:80."
    full = proxied(nginx(recv_q=9, backlog=2), row())["proxy_accept_queue"]
    assert (full.verdict, full.fix) == ("broken", "sudo systemctl restart nginx.service")


def test_an_application_behind_a_proxy_may_listen_on_loopback():
    hops = judged(row(**LOOPBACK), behind_proxy=True)
    assert verdicts(hops) == ["ok", "ok", "ok"]
    assert "127.0.0.1:5000" in hops["bound_address"].evidence
    assert verdicts(judged(behind_proxy=True)) == ["broken", "skipped", "skipped"]
