# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import machine

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
    assert machine.facts("") == {"pems": []}
    assert machine.facts("https: nginx 1\x1b[2J")["nginx"].isprintable()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"systemd": None}, "The https role needs systemd"),
        ({"uid": "1000"}, "Set 'become: true'"),
        ({"package-manager": "none", "nginx": None}, "Install nginx yourself"),
        ({"MemAvailable": "63"}, "has 63 MiB of memory left, and nginx needs 64 MiB"),
        ({"folder": "other"}, "an https.service that this role did not write"),
        ({"MemAvailable": "64"}, ""),
        ({"MemAvailable": "1", "main-pid": "812"}, ""),
        ({"package-manager": "none"}, ""),
        ({}, ""),
    ],
)
def test_what_a_machine_lacks_is_named(changed, words):
    facts = {name: value for name, value in {**machine.facts(SAID), **changed}.items() if value is not None}
    found = machine.refusals(facts)
    assert len(found) == (1 if words else 0)
    assert words in "".join(found)


def listener(port, unit=None, name=None, pid=None):
    return {"local_port": port, "unit": unit, "name": name, "pid": pid}


def test_a_unit_that_holds_a_port_is_named_once_for_each_port():
    both = [listener(80, "httpd.service", "httpd", 7), listener(80, "httpd.service", "httpd", 7)]
    found = machine.in_the_way(
        [*both, listener(443, "httpd.service", "httpd", 7), listener(22, "sshd.service")], [80, "443"]
    )
    assert [each.split(" is in use")[0] for each in found] == ["Port 80", "Port 443"]
    assert "sudo systemctl disable --now httpd.service" in found[0]


def test_a_process_without_a_unit_is_named():
    (found,) = machine.in_the_way([listener(80, "session-3.scope", "python3", 7)], [80])
    assert "by the process 7 (python3)" in found
    (found,) = machine.in_the_way([listener(80)], [80])
    assert "by the process unknown (no name)" in found


def test_our_own_units_are_not_in_the_way():
    assert (
        machine.in_the_way([listener(80, "https.socket"), listener(443, "https.service", "nginx", 3)], [80, 443]) == []
    )


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
