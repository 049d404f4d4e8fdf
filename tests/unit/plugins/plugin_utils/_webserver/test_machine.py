# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the script machine.sh prints, as facts and reasons. tests/unit/roles/test_shell_scripts.py runs the script."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.machine import (
    cannot_serve,
    data_of_another,
    endpoint_of_unit,
    facts,
    former_ports,
    needs_capability,
    no_such_address,
    of_another,
    page_elsewhere,
    python_missing,
    seen,
    stays,
)

SAID = """webserver: uid 0\r
webserver: systemd 252
webserver: cpus 2
webserver: MemTotal 949
webserver: python 3.9
webserver: credential SHOP_KEY
webserver: credential OTHER
webserver: address 127.0.0.1
webserver: address ::1
webserver: address 172.31.5.9
webserver: process shop-worker@1.service
webserver: process shop-timer@nightly.service
webserver: process shop-timer@nightly.timer
webserver-options: 3: Unknown key
"""
UNIT, FOLDER = "webserver.service", "/opt/webserver"


def test_facts_are_texts_by_name():
    assert facts(SAID) == {
        "uid": "0",
        "systemd": "252",
        "cpus": "2",
        "MemTotal": "949",
        "python": "3.9",
        "credentials": ["SHOP_KEY", "OTHER"],
        "addresses": ["127.0.0.1", "::1", "172.31.5.9"],
        "processes": ["shop-worker@1.service", "shop-timer@nightly.service", "shop-timer@nightly.timer"],
        "no_calendars": [],
    }


def test_a_machine_that_reports_nothing_has_no_systemd():
    assert facts("sh: command not found") == {
        "systemd": "",
        **dict.fromkeys(["credentials", "addresses", "processes", "no_calendars"], []),
    }


def test_facts_do_not_control_a_terminal():
    assert facts("webserver: unit /etc/\x1b]0;owned\x07x\n")["unit"].isprintable()


def test_a_machine_that_can_serve():
    assert cannot_serve(facts(SAID), 80, True) == []
    assert cannot_serve(facts(SAID), "5000", False) == []


@pytest.mark.parametrize(
    ("said", "port", "has_socket", "words"),
    [
        ("webserver: uid 0\n", 5000, True, ["needs systemd"]),
        ("webserver: systemd 252\nwebserver: uid 1000\n", 5000, True, ["Set 'become: true'"]),
        (
            "webserver: systemd 219\nwebserver: uid 0\n",
            80,
            False,
            ["webserver_port: 80 is below 1024, and systemd 219"],
        ),
        ("", 80, False, ["needs systemd", "must be root"]),
    ],
)
def test_each_reason_is_a_sentence(said, port, has_socket, words):
    sentences = cannot_serve(facts(said), port, has_socket)
    assert [word in sentence for word, sentence in zip(words, sentences)] == [True] * len(words)
    assert len(sentences) == len(words)


@pytest.mark.parametrize(
    ("port", "has_socket", "needed"),
    [(80, False, True), ("80", True, False), (1023, False, True), (1024, False, False)],
)
def test_only_a_server_without_a_socket_needs_a_capability_for_a_low_port(port, has_socket, needed):
    assert needs_capability(port, has_socket) is needed


def test_a_python_that_does_not_run_is_named():
    assert python_missing(facts(SAID), "/opt/python3") == ""
    assert "there is no Python that runs at /opt/python3" in python_missing(facts(""), "/opt/python3")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", ""),
        ("webserver: unit /etc/systemd/system/webserver.service\nwebserver: site /opt/webserver\n", ""),
        (
            "webserver: unit /usr/lib/systemd/system/webserver.service\nwebserver: site ?\n",
            "this role did not write /usr/lib",
        ),
        ("webserver: site /opt/other\n", "serves the application in /opt/other, not in /opt/webserver."),
        (
            "webserver: folder /run/webserver\n",
            "webserver_name: /run/webserver on this machine belongs to something else.",
        ),
    ],
)
def test_another_owner_of_the_name_is_reported(said, words):
    found = of_another(facts(said), UNIT, FOLDER)
    assert bool(found) == bool(words)
    assert words in found


def test_data_of_another_user_are_not_taken_but_do_not_prevent_a_removal():
    said = "webserver: python 3.9\nwebserver: state /var/lib/webserver\nwebserver: state-owner mysql\n"
    words = "webserver_name: the files in /var/lib/webserver on this machine belong to the user mysql,"
    assert words in seen(said, SITE, "serve")["msg"]
    assert "failed" not in seen(said, SITE, "remove")
    assert data_of_another(facts("")) == ""


def test_a_slash_at_the_end_of_the_folder_makes_no_other_site():
    assert of_another(facts("webserver: site /opt/webserver\n"), UNIT, "/opt/webserver/") == ""
    assert of_another(facts(""), UNIT, "/opt/webserver/") == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.0.0.1", "127.1.2.3", "::1", "172.31.5.9"])
def test_addresses_that_the_machine_can_listen_on(host):
    assert no_such_address(facts(SAID), host) == ""


@pytest.mark.parametrize("host", ["203.0.113.9", "172.31.5.90", "127.0.0.1.5", "fe80::1"])
def test_an_address_that_the_machine_does_not_have_is_refused_with_those_it_has(host):
    sentence = no_such_address(facts(SAID), host)
    assert sentence.startswith(f"webserver_host: {host} is not an address of this machine. Use 0.0.0.0 (every IPv4 ")
    assert "or one of 127.0.0.1, ::1, 172.31.5.9. An EC2 machine" in sentence


def test_an_address_is_not_refused_if_the_machine_does_not_report_its_addresses():
    assert no_such_address(facts("webserver: uid 0\n"), "203.0.113.9") == ""


SITE = {
    "unit": UNIT,
    "folder": FOLDER,
    "python": "/usr/bin/python3",
    "host": "203.0.113.9",
    "port": "5000",
    "has_socket": True,
    "unit_options": {"Nise": 5},
}


def test_each_reason_of_a_machine_is_in_the_message():
    found = seen(SAID + "webserver-options: 4: Unknown key 'Nise', ignoring.\n", SITE, "serve")
    assert found.keys() == {"failed", "msg"}
    assert "does not know Nise in [Service]. Remove it. webserver_host: 203.0.113.9 is not" in found["msg"]


def test_a_calendar_that_systemd_cannot_read_is_refused_by_its_timer():
    found = seen(SAID + "webserver: no-calendar nightly\n", SITE, "serve")
    assert "webserver_timers: nightly: systemd on this machine cannot read its calendar. Write it as" in found["msg"]


def test_units_are_those_of_the_site_and_its_processes():
    found = seen(SAID, SITE, "look")
    assert [unit["name"] for unit in found["units"]] == [SITE["unit"], *facts(SAID)["processes"]]


def test_a_site_that_goes_back_stays_on_the_address_of_its_unit():
    assert "failed" not in seen(
        SAID.replace("-options: 3", "") + "webserver: listens 172.31.5.9:5000\n", SITE, "go_back"
    )
    assert "203.0.113.7 is not" in seen(SAID + "webserver: listens 203.0.113.7:5000\n", SITE, "go_back")["msg"]
    assert "203.0.113.9 is not" in seen(SAID, SITE, "go_back")["msg"]


@pytest.mark.parametrize("said", ["", "webserver: uid 0\nwebserver: python 3.9\nwebserver: site /opt/other\n"])
def test_a_site_is_not_removed_without_python_or_from_another_site(said):
    looked, removed = seen(said, SITE, "look"), seen(said, SITE, "remove")
    assert "failed" not in looked
    assert removed["failed"]
    assert looked["is_of_another"] == ("serves the application in /opt/other" in removed["msg"]) == bool(said)
    assert looked["has_python"] == ("flask_python: " not in removed["msg"]) == bool(said)


def test_a_site_is_removed_from_a_machine_that_could_not_serve_it():
    assert "failed" not in seen("webserver: python 3.9\n", SITE, "remove")


@pytest.mark.parametrize(
    ("said", "served", "former"),
    [
        ("", [5000], []),
        ("webserver: listens 0.0.0.0:5000", [5000], []),
        ("webserver: listens 0.0.0.0:5000\r\nwebserver: uid 0\r\n", ["8080"], [5000]),
        ("webserver: listens [::]:8080\nwebserver: former-port 5000\nwebserver: former-port 8080", [80], [8080, 5000]),
        ("webserver: listens 0.0.0.0:8080\nwebserver: former-port 5000", [8080], [5000]),
        ("webserver: listens 0.0.0.0:8080\nwebserver: former-port 5000", [5000], [8080]),
        # Another site of the machine serves the port now.
        ("webserver: listens 0.0.0.0:5000\nwebserver: former-port 8080", [5000, 8080], []),
        (
            "webserver: listens a:x\nwebserver: report 80\n webserver: listens a:81\nwebserver: page 4f1c a:82",
            [5000],
            [],
        ),
    ],
)
def test_former_ports(said, served, former):
    assert former_ports(said, served) == former


@pytest.mark.parametrize(
    ("listens", "former"),
    [
        ("0.0.0.0:5000", [5000]),
        ("[::]:5000", [5000]),
        ("127.0.0.1:5000", []),
        ("127.8.0.1:5000", []),
        ("[::1]:5000", []),
    ],
)
def test_behind_nginx_a_port_of_the_machine_alone_is_no_former_port(listens, former):
    assert former_ports(f"webserver: listens {listens}", [80, 443], loopback=False) == former
    noted = f"webserver: listens {listens}\nwebserver: former-port 5000"
    assert former_ports(noted, [80, 443], loopback=False) == [5000]


@pytest.mark.parametrize(
    ("said", "host", "port"),
    [
        ("webserver: listens 127.0.0.1:8080\r\nwebserver: uid 0\r\n", "127.0.0.1", 8080),
        ("webserver: listens [::1]:8080", "::1", 8080),
        ("webserver: listens :::8080", "::", 8080),
        ("webserver: former-port 8080", "0.0.0.0", 5000),
    ],
)
def test_endpoint_of_unit(said, host, port):
    """The endpoint of the unit, or that of the variables if there is no unit."""
    assert endpoint_of_unit(said, "0.0.0.0", "5000") == {"host": host, "port": port}


@pytest.mark.parametrize(
    ("said", "unit", "wanted"),
    [
        ("webserver: listens 0.0.0.0:8080", "0.0.0.0:8080", "0.0.0.0:5000"),
        ("webserver: listens [::1]:5000", "[::1]:5000", "0.0.0.0:5000"),
    ],
)
def test_a_rollback_reports_where_the_site_stays(said, unit, wanted):
    assert stays(said, "0.0.0.0", 5000) == (
        f"The site stays on {unit}: a rollback does not move it. To move it to {wanted}, as webserver_host and"
        " webserver_port say, run site.yml."
    )


@pytest.mark.parametrize("said", ["", "webserver: listens 0.0.0.0:5000"])
def test_a_rollback_has_no_notice_if_the_variables_agree(said):
    assert stays(said, "0.0.0.0", "5000") == ""


PAGES = "webserver: page 4f1c 0.0.0.0:5000\r\nwebserver: page 77aa 0.0.0.0:8080\r\n"


@pytest.mark.parametrize(
    ("said", "release", "endpoint"),
    [
        ("webserver: listens 0.0.0.0:8080\r\n" + PAGES, "4f1c", ("0.0.0.0", 5000)),
        ("webserver: listens 127.0.0.1:8080\r\n" + PAGES, "77aa", ("0.0.0.0", 8080)),
        ("webserver: listens 0.0.0.0:8080\r\n" + PAGES, "77aa", None),
        ("webserver: listens 0.0.0.0:8080\r\n" + PAGES, "none", None),
        ("webserver: listens 0.0.0.0:8080\r\n", "4f1c", None),
        (PAGES, "4f1c", None),
    ],
)
def test_a_rollback_to_a_page_for_another_port_is_refused(said, release, endpoint):
    words = page_elsewhere(said, release)
    assert bool(words) == bool(endpoint)
    if endpoint:
        host, port = endpoint
        assert words.startswith(
            f"webserver_release: {release} is a page that listens on {host}:{port}, and the site is"
        )
        assert words.endswith(f"run site.yml with webserver_host: {host} and webserver_port: {port}.")
