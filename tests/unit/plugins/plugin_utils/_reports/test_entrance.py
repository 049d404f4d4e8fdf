# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens on the port of a URL, and so which ports to check on the machine and in AWS."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.entrance import (
    asked_for,
    client_address,
    found_privately,
    port_of,
    questions,
)

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0123456789abcdef"
TO_MACHINE = {"saw": {"address": "203.0.113.10"}}


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://203.0.113.10/", 80),
        ("https://shop.example/a?b=c", 443),
        ("http://203.0.113.10:5000/", 5000),
        ("http://[2001:db8::5]:5000/", 5000),
        ("", None),
        ("nonsense", None),
        ("http://a:b/", None),
    ],
)
def test_the_port_of_a_url(url, port):
    assert port_of(url) == port


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("", [5000]),
        ("http://203.0.113.10:5000/", [5000]),
        ("http://shop.example/", [5000, 80]),
        ("https://shop.example/", [5000, 443]),
        ("http://127.0.0.1:15000/", [5000]),
        ("http://localhost:15000/", [5000]),
        ("nonsense", [5000]),
        ("http://a:b/", [5000]),
    ],
)
def test_ports_that_are_opened_to_clients(url, ports):
    assert asked_for([{"webserver_port": 5000, "webserver_url": url}]) == ports
    assert asked_for([{"webserver_port": "5000", "webserver_url": url}]) == ports, "a port that was set by -e is a text"


def test_the_ports_of_all_sites_are_opened_to_clients():
    shop = {"webserver_port": 5001, "webserver_url": "http://shop.example/"}
    assert asked_for([shop, {"webserver_port": 5002, "webserver_url": "http://blog.example/"}]) == [5001, 80, 5002]


@pytest.mark.parametrize("enabled", [True, "yes"])
def test_with_https_the_ports_of_nginx_are_opened_to_clients(enabled):
    of_https = {"https_enabled": enabled, "https_port": "443"}
    shop = {"webserver_port": 5001, "webserver_url": "https://shop.example/", **of_https}
    assert asked_for([shop, {**shop, "webserver_port": 5002}]) == [80, 443]
    assert asked_for([{**shop, "https_port": 8443, "webserver_url": ""}]) == [80, 8443]
    assert asked_for([{**shop, "https_enabled": False}]) == [5001, 443]


@pytest.mark.parametrize("url", ["https://localhost:15443/", ""])
def test_behind_nginx_a_url_that_does_not_show_its_port_leads_to_it(url):
    """Otherwise the application would seem to listen on a wrong address: it is for the machine alone."""
    asked = questions(url, 5000, front=443)
    assert asked == {"entrance": 443, "client": None, "aws_port": 443}
    assert questions(url, 5000)["entrance"] is None
    assert questions("http://203.0.113.10/", 5000, TO_MACHINE, front=443)["entrance"] == 80


@pytest.mark.parametrize(
    ("url", "outside", "load_balancer", "entrance", "aws_port"),
    [
        # The URL has the application's port.
        ("http://203.0.113.10:5000/", TO_MACHINE, "", None, 5000),
        # A load balancer: its listener has the URL's port, and the machine has the application's port.
        ("http://web.elb.amazonaws.com/", TO_MACHINE, ARN, None, 80),
        ("https://shop.example/", TO_MACHINE, ARN, None, 443),
        # Port 80 of the machine belongs to a proxy, or nothing listens there.
        ("http://203.0.113.10/", TO_MACHINE, "", 80, 80),
        ("https://shop.example/", TO_MACHINE, "", 443, 443),
        # A port of the control node, which docker or ssh forwards.
        ("http://127.0.0.1:15090/", None, "", None, 5000),
        ("http://localhost:8000/", None, "", None, 5000),
        ("http://shop.test:8000/", {"saw": {"address": "127.0.1.1"}}, "", None, 5000),
        # There is no URL.
        ("", None, "", None, 5000),
        # A view that failed does not count.
        ("http://203.0.113.10/", {"msg": "url: nonsense"}, "", 80, 80),
    ],
)
def test_questions(url, outside, load_balancer, entrance, aws_port):
    found = questions(url, 5000, outside, None, load_balancer)
    assert (found["entrance"], found["aws_port"]) == (entrance, aws_port)


@pytest.mark.parametrize(
    ("machine", "aws_port"),
    [
        # A proxy listens on port 80.
        ({"hops": [], "entrance": 80}, 80),
        # Nothing listens there: clients must ask for the application's port.
        ({"hops": [], "entrance": 5000}, 5000),
        ({"unreachable": True, "msg": "ssh: timed out"}, 80),
    ],
)
def test_aws_is_asked_for_the_port_by_which_clients_come_in(machine, aws_port):
    assert questions("http://203.0.113.10/", 5000, TO_MACHINE, machine)["aws_port"] == aws_port


@pytest.mark.parametrize(
    ("source", "address", "client"),
    [
        ("10.0.1.7", "10.0.1.20", "10.0.1.7"),
        ("198.51.100.7", "203.0.113.10", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::5", "2001:db8::7"),
        # The site sees the address of the router that translates addresses.
        ("192.168.1.7", "203.0.113.10", None),
        ("127.0.0.1", "127.0.0.1", None),
        (None, "203.0.113.10", None),
        ("10.0.1.7", None, None),
    ],
)
def test_the_address_of_the_client(source, address, client):
    saw = {"source_address": source, "address": address}
    assert client_address(saw) == client
    assert questions("http://203.0.113.10:5000/", 5000, {"saw": saw})["client"] == client
    assert questions("http://203.0.113.10:5000/", 5000, {"saw": saw}, None, ARN)["client"] is None


@pytest.mark.parametrize(
    ("answer", "target", "lookup", "expected"),
    [
        ({"target": {"private_address": "10.0.1.20"}}, {"address": "10.0.1.20"}, {"msg": "refused"}, True),
        ({"target": {"private_address": "10.0.1.20"}}, {"address": "10.0.1.20"}, {"network_interfaces": []}, False),
        ({"target": {"private_address": "10.0.1.20"}}, {"address": "203.0.113.7"}, {"msg": "refused"}, False),
        ({"target": None}, {"address": "10.0.1.20"}, {"msg": "refused"}, False),
        ({"skipped": True}, {}, {"msg": "refused"}, False),
        ({"target": {}}, {"instance_id": "i-1"}, {"msg": "refused"}, False),
    ],
)
def test_found_privately(answer, target, lookup, expected):
    assert found_privately(answer, target, lookup) is expected
