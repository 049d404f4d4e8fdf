# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import machine
from ansible_collections.flasklaunch.ec2.tests.certificates import DAY, NOW, Authority

SAID = """Last login: today\r
https: uid 0\r
https: systemd 252\r
https: MemAvailable 900\r
https: package-manager dnf\r
https: python yes\r
https: nginx 1.22.1\r
https: openssl 3.0.2\r
https: pem /etc/pki/https/shop-1.pem\r
https: pem /etc/pki/https/blog-2.pem\r
"""


def test_facts_are_read():
    facts = machine.facts(SAID)
    assert facts["pems"] == ["/etc/pki/https/shop-1.pem", "/etc/pki/https/blog-2.pem"]
    assert (facts["nginx"], facts["uid"], facts["package-manager"]) == ("1.22.1", "0", "dnf")
    assert "main-pid" not in facts
    assert machine.facts("") == {"pems": [], "certificates": [], "held_ports": []}
    assert machine.facts("https: holds 80\r\nhttps: holds 443\r\n")["held_ports"] == ["80", "443"]
    assert machine.facts("https: nginx 1\x1b[2J")["nginx"].isprintable()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"systemd": None}, "The https role needs systemd"),
        ({"uid": "1000"}, "Set 'become: true'"),
        ({"package-manager": "none", "nginx": None}, "Install nginx yourself"),
        ({"MemAvailable": "63"}, "has 63 MiB of memory left, and nginx needs 64 MiB"),
        ({"unit": "foreign"}, "an https.service that this role did not write"),
        ({"MemAvailable": "64"}, ""),
        ({"MemAvailable": "1", "main-pid": "812"}, ""),
        ({"package-manager": "none"}, ""),
        ({}, ""),
    ],
)
def test_what_a_machine_lacks_is_named(changed, words):
    facts = {name: value for name, value in {**machine.facts(SAID), **changed}.items() if value is not None}
    found = machine.refusals(facts, {"skipped": True}, [80, 443], [])
    assert len(found) == (1 if words else 0)
    assert words in "".join(found)


def in_the_way(listeners, ports, sites=()):
    return machine.refusals(machine.facts(SAID), {"listening_ports": listeners}, ports, sites)


def listener(port, unit=None, name=None, pid=None):
    return {"local_port": port, "unit": unit, "name": name, "pid": pid}


def test_a_unit_that_holds_a_port_is_named_once_for_each_port():
    both = [listener(80, "httpd.service", "httpd", 7), listener(80, "httpd.service", "httpd", 7)]
    found = in_the_way([*both, listener(443, "httpd.service", "httpd", 7), listener(22, "sshd.service")], [80, "443"])
    assert [each.split(" is in use")[0] for each in found] == ["Port 80", "Port 443"]
    assert "sudo systemctl disable --now httpd.service" in found[0]


def test_a_process_without_a_unit_is_named():
    (found,) = in_the_way([listener(80, "session-3.scope", "python3", 7)], [80])
    assert "by the process 7 (python3)" in found
    (found,) = in_the_way([listener(80)], [80])
    assert "by the process unknown (no name)" in found


def test_nobody_is_told_to_stop_ssh():
    found = in_the_way([listener(22, "ssh.service", "sshd", 1)], [80, 22])
    assert found == ["Port 22 is in use on this machine, by ssh.service. Set another https_port."]


def test_our_own_units_are_not_in_the_way():
    assert in_the_way([listener(80, "https.socket"), listener(443, "https.service", "nginx", 3)], [80, 443]) == []


def test_a_site_that_moves_to_another_port_is_not_in_the_way():
    """It served port 80 before nginx was to do that."""
    held = [listener(80, "shop.socket", "systemd", 1), listener(80, "shop.service", "gunicorn", 7)]
    assert in_the_way(held, [80, 443], ["shop"]) == []
    assert len(in_the_way(held, [80, 443], ["blog"])) == 2


def answer(name, status, msg=""):
    return {"item": {"names": [name, "www." + name]}, "status": status, "msg": msg}


def test_an_answer_of_the_site_counts_also_if_it_is_an_error():
    assert machine.not_served([answer("shop.test", 200), answer("blog.test", 404), answer("a.test", 500)], ["x"]) == ""


def test_a_site_that_nginx_cannot_reach_is_named_with_the_log():
    found = machine.not_served(
        [answer("shop.test", 502, "HTTP status 502: Bad Gateway"), answer("blog.test", -1, "x"), answer("c.test", 200)],
        ["", "connect() failed"],
    )
    assert found == (
        "nginx does not serve shop.test, blog.test on the machine: HTTP status 502: Bad Gateway. https.service logged:"
        " connect() failed"
    )
    assert machine.not_served([answer("shop.test", -1)], []).endswith("no answer. https.service logged: nothing")


@pytest.mark.parametrize(
    ("openssl", "curves"),
    [
        ("1.0.2", "prime256v1:secp384r1"),
        ("1.1.1", "X25519:prime256v1:secp384r1"),
        ("3.4.1", "X25519:prime256v1:secp384r1"),
        ("3.5.0", "X25519MLKEM768:X25519:prime256v1:secp384r1"),
        ("4.0.0", "X25519MLKEM768:X25519:prime256v1:secp384r1"),
    ],
)
def test_t32_each_openssl_gets_the_curves_that_it_knows(openssl, curves):
    assert machine.curves(openssl) == curves


@pytest.mark.parametrize(("facts", "listens"), [({}, ["0.0.0.0:443"]), ({"ipv6": "yes"}, ["0.0.0.0:443", "[::]:443"])])
def test_nginx_listens_on_every_address_that_the_machine_can_have(facts, listens):
    assert machine.addresses(facts, 443) == machine.addresses(facts, "443") == listens


SERVED = {
    **machine.facts(SAID),
    "there": "/etc/https",
    "https.socket": "active",
    "https.service": "active",
    "loaded": "yes",
}
SHOP = {"name": "shop", "pem": "/etc/pki/https/shop-1.pem"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"there": None}, "HTTPS is not set up on this machine."),
        ({"nginx": None}, "HTTPS is not set up on this machine."),
        ({"https.service": "failed", "loaded": None}, "https.service is failed. Run site.yml to start it, or see"),
        ({"https.socket": None}, "https.socket is not there."),
        ({"loaded": None}, "nginx runs with an older configuration or certificate."),
        ({"outdated": "program"}, "nginx was updated, and still runs in its former version."),
        ({"pems": []}, "The machine lacks the certificate of shop."),
    ],
)
def test_t28_what_nginx_does_not_serve_is_named(changed, words):
    facts = {name: value for name, value in {**SERVED, **changed}.items() if value is not None}
    found = machine.problems(facts, [SHOP])
    assert [each[: len(words)] for each in found] == ([words] if words else [])


def test_status_has_the_certificate_of_each_site():
    _key, chain = Authority("CA").sign("shop.test", "www.shop.test", end=NOW + 30 * DAY)
    encoded = "".join(line for line in chain.splitlines() if "-----" not in line)
    facts = {**SERVED, "certificates": [f"/etc/pki/https/shop-1.pem {encoded}"]}
    lines = machine.status(facts, [SHOP, {"name": "blog", "pem": "/etc/pki/https/blog-3.pem"}], NOW)
    assert lines == [
        "https: nginx 1.22.1, https.socket is active, https.service is active",
        f"certificate of shop: shop.test, www.shop.test, signed by CN=CA, ends in 29 days ({NOW + 30 * DAY:%Y-%m-%d})",
        "certificate of blog: not on the machine",
        "problem: The machine lacks the certificate of blog. Run site.yml to bring it.",
    ]
    assert "has expired" in machine.status(facts, [SHOP], NOW + 31 * DAY)[1]
