# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import netstat


def row(proto="tcp", address="0.0.0.0", port=80, foreign="0.0.0.0:*", state="LISTEN", recv_q=0, send_q=0):
    return {
        "proto": proto,
        "recv_q": recv_q,
        "send_q": send_q,
        "local_address": address,
        "local_port": port,
        "foreign_address": foreign,
        "state": state,
    }


# The output of net-tools 2.10 under LC_ALL=C, with the blanks at line ends. The last two lines are those of -W.
@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (row(port=5001), "tcp        0      0 0.0.0.0:5001            0.0.0.0:*               LISTEN     "),
        (
            row(address="127.0.0.2", port=5014, recv_q=3),
            "tcp        3      0 127.0.0.2:5014          0.0.0.0:*               LISTEN     ",
        ),
        (
            row("tcp6", "::", 5003, ":::*"),
            "tcp6       0      0 :::5003                 :::*                    LISTEN     ",
        ),
        (
            row("tcp6", "::ffff:127.0.0.1", 5010, ":::*"),
            "tcp6       0      0 127.0.0.1:5010          :::*                    LISTEN     ",
        ),
        (
            row("udp", "127.0.0.53", 53, state=None),
            "udp        0      0 127.0.0.53:53           0.0.0.0:*                          ",
        ),
        (
            row("tcp6", "::ffff:127.0.0.1", 5010, "::ffff:127.0.0.1:40354", "ESTABLISHED"),
            "tcp6       0      0 127.0.0.1:5010          127.0.0.1:40354         ESTABLISHED",
        ),
        (
            row("tcp6", "2001:db8:1111:2222:3333:4444:5555:6666", 15016, ":::*"),
            "tcp6       0      0 2001:db8:1111:2222:3333:4444:5555:6666:15016 :::*                    LISTEN     ",
        ),
        (
            row("udp", "255.255.255.255", 65535, state=None, recv_q=1234567),
            "udp   1234567      0 255.255.255.255:65535   0.0.0.0:*                          ",
        ),
    ],
)
def test_L4_L11_line(fields, line):
    assert netstat.line(fields) == line


def test_headings():
    assert netstat.render([]) == [
        "Active Internet connections (only servers)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ",
    ]
    assert netstat.render([], every_state=True)[0] == "Active Internet connections (servers and established)"
