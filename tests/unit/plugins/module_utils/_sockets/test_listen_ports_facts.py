# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.listen_ports_facts import facts

HOLDER = {"pid": 812, "name": "gunicorn", "user": "webserver", "started": "2026-11-23T05:47:28Z"}
ROW = {
    "proto": "tcp",
    "local_address": "0.0.0.0",
    "local_port": 5000,
    "foreign_address": "0.0.0.0:*",
    "state": "LISTEN",
    "pid": 812,
    "name": "gunicorn",
    "user": "root",
    "processes": [dict(HOLDER, pid=1, user="root"), HOLDER],
}


def test_L30_the_keys_are_those_of_listen_ports_facts(time_zone):
    time_zone("UTC")
    udp6 = dict(ROW, proto="udp6", local_address="::", foreign_address=":::*", state=None)
    assert facts([ROW, udp6], every_state=False) == {
        "tcp_listen": [
            {
                "address": "0.0.0.0",
                "port": 5000,
                "protocol": "tcp",
                "pid": 812,
                "name": "gunicorn",
                "stime": "Mon Nov 23 05:47:28 2026",
                "user": "webserver",
            }
        ],
        "udp_listen": [
            {
                "address": "::",
                "port": 5000,
                "protocol": "udp",
                "pid": 812,
                "name": "gunicorn",
                "stime": "Mon Nov 23 05:47:28 2026",
                "user": "webserver",
            }
        ],
    }


def test_L30_with_connections_there_are_two_more_keys():
    (entry,) = facts([ROW], every_state=True)["tcp_listen"]
    assert (entry["state"], entry["foreign_address"]) == ("LISTEN", "0.0.0.0:*")


def test_L18_an_unknown_pid_is_never_0():
    (entry,) = facts([dict(ROW, pid=None, name=None, processes=[])], every_state=False)["tcp_listen"]
    assert entry["pid"] is None
    assert (entry["name"], entry["stime"], entry["user"]) == ("", "", "root")


def test_equal_sockets_are_one_entry():
    assert len(facts([ROW, ROW], every_state=False)["tcp_listen"]) == 1
