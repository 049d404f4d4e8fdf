# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.expectation import unmet
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query


def row(address="0.0.0.0", port=5000, unit="webserver.service", name="gunicorn", pid=812, proto="tcp", **fields):
    ipv6 = ":" in address
    return dict(
        {
            "proto": proto + ("6" if ipv6 else ""),
            "family": "ipv6" if ipv6 else "ipv4",
            "local_address": address,
            "local_port": port,
            "state": "LISTEN" if proto == "tcp" else None,
            "ipv4_reachable": not ipv6,
            "pid": pid,
            "name": name,
            "unit": unit,
            "user": "webserver",
            "uid": 997,
            "processes": [{"pid": pid, "unit": unit}],
            "owner_unknown_reason": None,
        },
        **fields,
    )


def unknown(reason, **fields):
    return row(pid=None, name=None, processes=[], owner_unknown_reason=reason, **fields)


NGINX = row(unit="nginx.service", name="nginx", pid=913)
DUAL_STACK = row("::", ipv4_reachable=True)
V6_ONLY = row("::", ipv4_reachable=False)
PERHAPS_DUAL_STACK = row("::", ipv4_reachable=None)
ACTIVATED = row(processes=[{"pid": 1, "unit": "init.scope"}, {"pid": 812, "unit": "webserver.service"}])
CONNECTION = row(state="ESTABLISHED")
MINE = Query(port=5000, unit="webserver.service")
PORT = Query(port=5000)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (MINE, [row()]),
        (MINE, [NGINX, row()]),
        (MINE, [row("127.0.0.1")]),
        (MINE, [DUAL_STACK]),
        (MINE, [PERHAPS_DUAL_STACK]),
        (MINE, [row("::ffff:127.0.0.1", ipv4_reachable=True)]),
        (MINE, [ACTIVATED]),
        (MINE._replace(unit="init.scope"), [ACTIVATED]),
        (MINE._replace(family="ipv6"), [V6_ONLY]),
        (MINE._replace(family="any"), [V6_ONLY]),
        (MINE._replace(address="127.0.0.1"), [row("127.0.0.1")]),
        (MINE._replace(protocols=("tcp", "udp")), [row(), row(proto="udp")]),
        (Query(unit="webserver.service"), [row(port=1)]),
        (Query(address="127.0.0.1"), [row("127.0.0.1", port=1)]),
        (MINE, [unknown("permission_denied")]),
    ],
)
def test_L6_L27_listening(query, rows):
    assert unmet("listening", query, rows) is None


@pytest.mark.parametrize(
    ("query", "rows", "instead"),
    [
        (PORT, [], "port 5000/tcp: expected a listener, but nothing listens there"),
        (PORT, [row(port=5001)], "port 5000/tcp: expected a listener, but nothing listens there"),
        (PORT, [row(proto="udp")], "port 5000/tcp: expected a listener, but nothing listens there"),
        (PORT, [CONNECTION], "port 5000/tcp: expected a listener, but nothing listens there"),
        (
            MINE,
            [NGINX],
            "port 5000/tcp: expected a listener of webserver.service, "
            "but it is held by nginx (pid 913, unit nginx.service) on 0.0.0.0:5000",
        ),
        (
            MINE,
            [row(unit=None)],
            "port 5000/tcp: expected a listener of webserver.service, "
            "but it is held by gunicorn (pid 812) on 0.0.0.0:5000",
        ),
        (
            MINE,
            [unknown("permission_denied", unit=None)],
            "port 5000/tcp: expected a listener of webserver.service, but it is held by a process "
            "(user webserver, which this user may not read) on 0.0.0.0:5000",
        ),
        (
            PORT,
            [V6_ONLY],
            "port 5000/tcp: expected a listener, "
            "but there is only gunicorn (pid 812, unit webserver.service, IPv6 only) on [::]:5000",
        ),
        (
            MINE._replace(address="0.0.0.0"),
            [row("127.0.0.1"), DUAL_STACK],
            "0.0.0.0:5000/tcp: expected a listener of webserver.service, "
            "but there is only gunicorn (pid 812, unit webserver.service) on 127.0.0.1:5000, "
            "gunicorn (pid 812, unit webserver.service, serves IPv4 too) on [::]:5000",
        ),
        (
            MINE._replace(protocols=("tcp", "udp")),
            [row()],
            "port 5000/udp: expected a listener of webserver.service, but nothing listens there",
        ),
        (
            Query(unit="webserver.service"),
            [NGINX],
            "any port/tcp: expected a listener of webserver.service, but it has none",
        ),
        (
            Query(unit="webserver.service", address="127.0.0.1"),
            [row(), NGINX],
            "address 127.0.0.1/tcp: expected a listener of webserver.service, "
            "but there is only gunicorn (pid 812, unit webserver.service) on 0.0.0.0:5000",
        ),
    ],
)
def test_L27_not_listening_names_other_listeners(query, rows, instead):
    message, _rows = unmet("listening", query, rows)
    assert message == instead


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (PORT, []),
        (PORT, [row(port=5001)]),
        (PORT, [row(proto="udp")]),
        (PORT, [CONNECTION]),
        (PORT, [V6_ONLY]),
        (PORT._replace(family="ipv6"), [row()]),
        (PORT._replace(address="127.0.0.1"), [row("127.0.0.2")]),
        (PORT._replace(address="::1", family="ipv6"), [row()]),
        (MINE, [NGINX]),
    ],
)
def test_L27_free(query, rows):
    assert unmet("free", query, rows) is None


@pytest.mark.parametrize(
    ("query", "blocker"),
    [
        (PORT, row()),
        (PORT, DUAL_STACK),
        (PORT, PERHAPS_DUAL_STACK),
        (PORT._replace(family="any"), V6_ONLY),
        (PORT._replace(address="127.0.0.1"), row()),
        (PORT._replace(address="127.0.0.1"), DUAL_STACK),
        (PORT._replace(address="127.0.0.1"), row("::ffff:127.0.0.1", ipv4_reachable=True)),
        (PORT._replace(address="127.0.0.1"), row("::ffff:0.0.0.0", ipv4_reachable=True)),
        (PORT._replace(address="0.0.0.0"), row("127.0.0.1")),
        (PORT._replace(address="::1", family="ipv6"), V6_ONLY),
        (MINE, row()),
        (PORT, unknown("no_process")),
    ],
)
def test_L6_L27_not_free(query, blocker):
    message, rows = unmet("free", query, [row(port=22), blocker])
    assert rows == [blocker]
    assert "expected to be free, but it is held by" in message


def test_the_program_that_holds_the_port_is_named():
    message, _rows = unmet("free", PORT, [NGINX])
    assert message == (
        "port 5000/tcp: expected to be free, but it is held by nginx (pid 913, unit nginx.service) on 0.0.0.0:5000"
    )


def test_identical_holders_are_named_once():
    message, _rows = unmet("free", PORT, [NGINX, NGINX])
    assert message.count("nginx (") == 1
