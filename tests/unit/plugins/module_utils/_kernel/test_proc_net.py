# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import socket

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import proc_net
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.sockets import Socket

# Linux 6.18, x86_64: three listeners, one with three connections that wait, and the other ends of these.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 00000000:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 145098 1 000000009eb0469c 100 0 0 10 0                    
   1: 00000000:138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 145101 1 000000004b8b9cf6 100 0 0 10 0                    
   2: 0200007F:1396 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 145103 4 00000000e13cebc7 100 0 0 10 0                    
   3: 0200007F:1396 0100007F:9DA2 01 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000643cd49d 20 0 0 10 -1                         
   4: 0100007F:9D9A 0200007F:1396 01 00000000:00000000 00:00000000 00000000     0        0 145104 2 000000007491bfac 20 0 0 10 -1                    
"""  # noqa: E501, W291

TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:138B 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 145100 1 00000000d7473436 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:1392 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 145102 1 00000000246e4b0b 100 0 0 10 0
   3: B80D01201111222233334444AAAABBBB:3AA8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 145109 1 00000000246e4b0b 100 0 0 10 0
"""  # noqa: E501

UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
 5304: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 145107 2 00000000fff88b27 0        
 5305: 0100007F:9C40 0200007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 145108 2 00000000fff88b28 0        
"""  # noqa: E501, W291

# Linux 6.1 of Debian, s390x, which is big-endian, emulated by QEMU, with sockets like those above.
S390X_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 7F000002:1396 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 8781 4 00000000ca3221a3 100 0 0 10 0
   1: 00000000:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8779 1 00000000df7f3ce1 100 0 0 10 0
   2: 00000000:138D 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 8787 1 00000000bc378ddc 100 0 0 10 0
   3: 00000000:138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8780 1 000000002597eca5 100 0 0 10 0
   4: 7F000001:A90E 7F000002:1396 01 00000000:00000000 00:00000000 00000000     0        0 8790 1 0000000004045b62 20 0 0 10 -1
   5: 7F000002:1396 7F000001:A91E 01 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000349bbaf4 20 0 0 10 -1
   6: 7F000002:1396 7F000001:A90E 01 00000000:00000000 00:00000000 00000000     0        0 0 1 000000008d55b1be 26 0 0 10 -1
   7: 7F000001:EE44 7F000002:1396 01 00000000:00000000 00:00000000 00000000     0        0 8789 1 00000000559f64cc 126 0 0 10 -1
   8: 7F000001:A91E 7F000002:1396 01 00000000:00000000 00:00000000 00000000     0        0 8791 1 000000004c41f845 20 0 0 10 -1
   9: 7F000002:1396 7F000001:EE44 01 00000000:00000000 00:00000000 00000000     0        0 0 1 000000007f0e46ff 94 0 0 10 -1
"""  # noqa: E501

S390X_TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000FFFF7F000001:1392 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8784 1 00000000ddfbac5e 100 0 0 10 0
   1: 00000000000000000000000000000000:138B 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8782 1 0000000015fba026 100 0 0 10 0
   2: 00000000000000000000000000000000:138A 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8783 1 00000000c63a4e7b 100 0 0 10 0
   3: 00000000000000000000000000000001:1393 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8785 1 000000006f04c5c7 100 0 0 10 0
"""  # noqa: E501

S390X_UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  151: 7F000035:3501 00000000:0000 07 00000000:00000000 00:00000000 00000000   997        0 8786 2 000000006cfed89b 0
"""  # noqa: E501


def read(text, protocol="tcp", family="ipv4", every_state=False, order="<"):
    warnings = []
    found = list(proc_net.parse(text.splitlines(), protocol, family, every_state, warnings.append, order))
    return found, warnings


def test_listeners_of_tcp():
    found, warnings = read(TCP)
    assert found == [
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5001, "0.0.0.0", 0, 0, 0, 0, 145098),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5004, "0.0.0.0", 0, 0, 0, 997, 145101),
        Socket("tcp", "ipv4", 10, "127.0.0.2", 5014, "0.0.0.0", 0, 3, 0, 0, 145103),
    ]
    assert warnings == []


def test_listeners_of_tcp6():
    found, _warnings = read(TCP6, family="ipv6")
    assert [(each.proto, each.local_address, each.local_port, each.inode) for each in found] == [
        ("tcp6", "::", 5003, 145100),
        ("tcp6", "::ffff:127.0.0.1", 5010, 145102),
        ("tcp6", "2001:db8:2222:1111:4444:3333:bbbb:aaaa", 15016, 145109),
    ]


def test_L25_listeners_of_a_big_endian_machine():
    found, warnings = read(S390X_TCP, order=">")
    assert found == [
        Socket("tcp", "ipv4", 10, "127.0.0.2", 5014, "0.0.0.0", 0, 3, 0, 0, 8781),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5001, "0.0.0.0", 0, 0, 0, 0, 8779),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5005, "0.0.0.0", 0, 0, 0, 997, 8787),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5004, "0.0.0.0", 0, 0, 0, 0, 8780),
    ]
    found, more_warnings = read(S390X_TCP6, family="ipv6", order=">")
    assert [(each.proto, each.local_address, each.local_port, each.inode) for each in found] == [
        ("tcp6", "::ffff:127.0.0.1", 5010, 8784),
        ("tcp6", "::", 5003, 8782),
        ("tcp6", "::", 5002, 8783),
        ("tcp6", "::1", 5011, 8785),
    ]
    found, still_more_warnings = read(S390X_UDP, protocol="udp", order=">")
    assert found == [Socket("udp", "ipv4", 7, "127.0.0.53", 13569, "0.0.0.0", 0, 0, 0, 997, 8786)]
    assert warnings + more_warnings + still_more_warnings == []


def test_L25_connections_of_a_big_endian_machine():
    found, _warnings = read(S390X_TCP, every_state=True, order=">")
    ends = [(each.local_address, each.local_port, each.foreign_address, each.foreign_port) for each in found[4:6]]
    assert ends == [("127.0.0.1", 43278, "127.0.0.2", 5014), ("127.0.0.2", 5014, "127.0.0.1", 43294)]


def test_queues_are_printed_in_hexadecimal_and_ids_are_not():
    line = "   0: 00000000:0016 00000000:0000 01 00000010:00000020 00:00000000 00000000  10  0 20 1 x"
    found = proc_net.parse_line(line, "tcp", "ipv4")
    assert (found.send_q, found.recv_q, found.uid, found.inode) == (16, 32, 10, 20)


def test_L28_udp_listeners_have_no_state():
    found, _warnings = read(UDP, protocol="udp")
    assert found == [Socket("udp", "ipv4", 7, "127.0.0.53", 53, "0.0.0.0", 0, 0, 0, 101, 145107)]


def test_L24_connections_are_left_out_unless_asked_for():
    assert all(each.listening for each in read(TCP)[0])
    assert [each.listening for each in read(TCP, every_state=True)[0]] == [True, True, True, False, False]


def test_L24_before_linux_4_4_listeners_have_syn_recv_between_them():
    lines = TCP.splitlines()
    lines.insert(2, lines[4].replace("0100007F:9DA2 01", "0100007F:9DA2 03"))
    assert [each.local_port for each in read("\n".join(lines))[0]] == [5001, 5004, 5014]


def test_reading_stops_at_the_first_connection():
    def lines():
        yield from TCP.splitlines()[:5]
        raise AssertionError("a table of a million connections was read on")

    assert len(list(proc_net.parse(lines(), "tcp", "ipv4", False, print))) == 3


@pytest.mark.parametrize(
    ("order", "family", "printed", "address"),
    [
        ("<", "ipv4", "0100007F", "127.0.0.1"),
        (">", "ipv4", "7F000001", "127.0.0.1"),
        ("<", "ipv6", "0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"),
        (">", "ipv6", "00000000000000000000FFFF7F000001", "::ffff:127.0.0.1"),
        ("<", "ipv6", "000080FE00000000FF00FC020100FEFF"[:32], "fe80::2fc:ff:fffe:1"),
        (">", "ipv6", "FE800000000000000000000000001234", "fe80::1234"),
    ],
)
def test_L25_an_address_is_printed_in_the_byte_order_of_the_machine(order, family, printed, address):
    nobody = "0" * len(printed)
    line = f"   0: {printed}:0016 {nobody}:0000 0A 00000000:00000001 00:00000000 00000000  0  0 7 1 x"
    found = proc_net.parse_line(line, "tcp", family, order)
    assert (found.local_address, found.local_port, found.recv_q) == (address, 22, 1)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        "   1: 00000000:138C 00000000:0000 0A 00000000:00000000 00:00000000",
        "   1: 0000000:138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 997 0 145101",
        "   1: 00000000:1138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 997 0 145101",
        "   1: 00000000138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 997 0 145101",
        "   1: ZZZZZZZZ:138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 997 0 145101",
        "   1: 00000000:138C 00000000:0000 0A 0000000000000000 00:00000000 00000000 997 0 145101",
        "   1: 00000000:138C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 root 0 145101",
        "   1: 00000000:138C 00000000:0000 FF 00000000:00000000 00:00000000 00000000 997 0 145101",
    ],
)
def test_L31_a_malformed_line_is_skipped_with_a_warning_and_the_others_are_kept(line):
    lines = TCP.splitlines()
    lines[2] = line
    found, warnings = read("\n".join(lines))
    assert [each.local_port for each in found] == [5001, 5014]
    assert len(warnings) == 1
    assert warnings[0].startswith("line 3 skipped: ")


def test_L2_a_machine_without_ipv6_has_no_table_for_it(monkeypatch):
    def absent(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr("builtins.open", absent)
    assert proc_net.read("tcp", "ipv6", False, print) == []
    with pytest.raises(FileNotFoundError):
        proc_net.read("tcp", "ipv4", False, print)


@pytest.mark.parametrize(("family", "address"), [("ipv4", "127.0.0.1"), ("ipv6", "::1")])
def test_own_socket_is_in_the_table(bind, family, address):
    port = bind(address).getsockname()[1]
    assert (address, port) in [
        (each.local_address, each.local_port) for each in proc_net.read("tcp", family, False, print)
    ]


def test_own_connection_is_in_the_table_if_all_is_asked_for(bind):
    listener = bind("127.0.0.1")
    with socket.create_connection(listener.getsockname()) as connection:
        wanted = connection.getsockname()[1]
        for every_state in (False, True):
            found = [each.local_port for each in proc_net.read("tcp", "ipv4", every_state, print)]
            assert (wanted in found) == every_state


def test_a_warning_names_the_table(monkeypatch):
    monkeypatch.setattr("builtins.open", lambda path: io.StringIO("the headings\ngarbage\n"))
    warnings = []
    assert proc_net.read("udp", "ipv6", False, warnings.append) == []
    assert warnings == ["/proc/net/udp6: line 2 skipped: 'garbage' is not a row of a socket table"]
