# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import struct

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink, sock_diag
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.netlink import Interrupted, Refused, Unusable
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.sockets import Socket

# What Linux 6.18 on x86_64 answered: 0.0.0.0:5001, 0.0.0.0%lo:5004, and 127.0.0.2:5014 where three connections wait.
TCP = """
7c0000001400020000000000fb110000020a0000138900000000000000000000000000000000000000000000000000000000000000000000
000000000f0000000000000000000000000000008000000000000000ca360200050008000000000008000f00000000000c00150001000000
0000000006001600520000007c0000001400020000000000fb110000020a0000138c00000000000000000000000000000000000000000000
00000000000000000000000001000000100000000000000000000000000000000200000000000000cd360200050008000000000008000f00
000000000c001500010000000000000006001600520000007c0000001400020000000000fb110000020a0000139600007f00000200000000
00000000000000000000000000000000000000000000000000000000110000000000000000000000030000000700000000000000cf360200
050008000000000008000f00000000000c00150001000000000000000600160052000000
"""
# [::]:5003 with IPV6_V6ONLY, [::]:5002 without, [::ffff:127.0.0.1]:5010.
TCP6 = """
840000001400020000000000fb1100000a0a0000138b00000000000000000000000000000000000000000000000000000000000000000000
00000000120000000000000000000000000000000500000000000000cc360200050008000000000005000b000100000008000f0000000000
0c00150001000000000000000600160012000000840000001400020000000000fb1100000a0a0000138a0000000000000000000000000000
000000000000000000000000000000000000000000000000130000000000000000000000000000000700000000000000cb36020005000800
0000000005000b000000000008000f00000000000c00150001000000000000000600160012000000840000001400020000000000fb110000
0a0a00001392000000000000000000000000ffff7f0000010000000000000000000000000000000000000000140000000000000000000000
000000000010000000000000ce360200050008000000000005000b000000000008000f00000000000c001500010000000000000006001600
12000000
"""
# 127.0.0.53:53
UDP = """
7c0000001400020000000000fb11000002070000003500007f00003500000000000000000000000000000000000000000000000000000000
00000000150000000000000000000000000000000000000000000000d3360200050008000000000008000f00000000000c00150001000000
000000000600160050000000
"""
END = "140000000300020000000000fb11000000000000"

# What Linux 6.1 of Debian on s390x, which is big-endian, answered in a machine emulated by QEMU: 127.0.0.2:5014 where
# three connections wait, 0.0.0.0:5001, 0.0.0.0:5005 of the user 997, 0.0.0.0%lo:5004. All were made in one cgroup.
S390X_TCP = """
0000007c001400020000000000000001020a0000139600007f00000200000000000000000000000000000000000000000000000000000000
000000000000000100000000000000000000000300000007000000000000224d00050008000000000008000f00000000000c001500000000
00000016000600164a0000000000007c001400020000000000000001020a0000138900000000000000000000000000000000000000000000
000000000000000000000000000000000000000200000000000000000000000000000080000000000000224b00050008000000000008000f
00000000000c00150000000000000016000600164a0000000000007c001400020000000000000001020a0000138d00000000000000000000
000000000000000000000000000000000000000000000000000000000000000300000000000000000000000000000004000003e500002253
00050008000000000008000f00000000000c00150000000000000016000600164a0000000000007c001400020000000000000001020a0000
138c000000000000000000000000000000000000000000000000000000000000000000000000000100000004000000000000000000000000
00000002000000000000224c00050008000000000008000f00000000000c00150000000000000016000600164a000000
"""
# [::ffff:127.0.0.1]:5010, [::]:5003 with IPV6_V6ONLY, [::]:5002 without, [::1]:5011.
S390X_TCP6 = """
000000840014000200000000000000010a0a00001392000000000000000000000000ffff7f00000100000000000000000000000000000000
000000000000000500000000000000000000000000000010000000000000225000050008000000000005000b000000000008000f00000000
000c001500000000000000160006001648000000000000840014000200000000000000010a0a0000138b0000000000000000000000000000
0000000000000000000000000000000000000000000000000000000600000000000000000000000000000005000000000000224e00050008
000000000005000b010000000008000f00000000000c00150000000000000016000600164800000000000084001400020000000000000001
0a0a0000138a0000000000000000000000000000000000000000000000000000000000000000000000000000000000070000000000000000
0000000000000007000000000000224f00050008000000000005000b000000000008000f00000000000c0015000000000000001600060016
48000000000000840014000200000000000000010a0a00001393000000000000000000000000000000000001000000000000000000000000
00000000000000000000000800000000000000000000000000000003000000000000225100050008000000000005000b010000000008000f
00000000000c001500000000000000160006001648000000
"""
# 127.0.0.53:13569
S390X_UDP = """
0000007c00140002000000000000000102070000350100007f00003500000000000000000000000000000000000000000000000000000000
000000000000000900000000000000000000000000000000000003e50000225200050008000000000008000f00000000000c001500000000
00000016000600160a000000
"""
S390X_END = "0000001400030002000000000000000100000000"
# The answer to a question about a protocol that the kernel does not know.
S390X_REFUSAL = "00000014000300020000000000000001fffffffe"


def parse(*captured, protocol="tcp", order="<"):
    datagrams = [bytes.fromhex(each.replace("\n", "")) for each in captured]
    return list(sock_diag.parse(netlink.answers(datagrams, order), protocol, order))


def test_L5_the_backlog_of_a_listener_is_no_send_queue():
    assert parse(TCP, END) == [
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5001, "0.0.0.0", 0, 0, 0, 0, 145098, backlog=128, cgroup_id=1),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5004, "0.0.0.0", 0, 0, 0, 0, 145101, 2, "lo", cgroup_id=1),
        Socket("tcp", "ipv4", 10, "127.0.0.2", 5014, "0.0.0.0", 0, 3, 0, 0, 145103, backlog=7, cgroup_id=1),
    ]


def test_L6_the_kernel_reports_whether_a_socket_serves_only_ipv6():
    found = [(each.local_address, each.local_port, each.v6only) for each in parse(TCP6, END)]
    assert found == [("::", 5003, True), ("::", 5002, False), ("::ffff:127.0.0.1", 5010, False)]


def test_udp_has_no_backlog():
    assert parse(UDP, END, protocol="udp") == [
        Socket("udp", "ipv4", 7, "127.0.0.53", 53, "0.0.0.0", 0, 0, 0, 0, 145107, backlog=None, cgroup_id=1)
    ]


def test_L25_listeners_of_a_big_endian_machine():
    assert parse(S390X_TCP, S390X_END, order=">") == [
        Socket("tcp", "ipv4", 10, "127.0.0.2", 5014, "0.0.0.0", 0, 3, 0, 0, 8781, backlog=7, cgroup_id=22),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5001, "0.0.0.0", 0, 0, 0, 0, 8779, backlog=128, cgroup_id=22),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5005, "0.0.0.0", 0, 0, 0, 997, 8787, backlog=4, cgroup_id=22),
        Socket("tcp", "ipv4", 10, "0.0.0.0", 5004, "0.0.0.0", 0, 0, 0, 0, 8780, 2, "lo", cgroup_id=22),
    ]
    found = [(each.local_address, each.local_port, each.v6only) for each in parse(S390X_TCP6, S390X_END, order=">")]
    assert found == [("::ffff:127.0.0.1", 5010, False), ("::", 5003, True), ("::", 5002, False), ("::1", 5011, True)]
    assert parse(S390X_UDP, S390X_END, protocol="udp", order=">") == [
        Socket("udp", "ipv4", 7, "127.0.0.53", 13569, "0.0.0.0", 0, 0, 0, 997, 8786, backlog=None, cgroup_id=22)
    ]


def test_L25_a_refusal_of_a_big_endian_machine():
    with pytest.raises(Refused) as refusal:
        parse(S390X_REFUSAL, order=">")
    assert refusal.value.code == errno.ENOENT


@pytest.mark.parametrize(
    ("captured", "size", "end", "order"),
    [(TCP, 0x7C, END, "<"), (TCP6, 0x84, END, "<"), (S390X_TCP, 0x7C, S390X_END, ">")],
)
def test_a_datagram_that_is_cut_within_a_message_is_refused(captured, size, end, order):
    whole = captured.replace("\n", "")
    for length in range(len(whole) // 2):
        if length % size:
            with pytest.raises(Unusable):
                parse(whole[: 2 * length], end, order=order)


def answer(order, foreign_port=0, family=2, state=10, port=22, attributes=b"", tail=(2, 7, 33, 4711)):
    head = struct.pack("4B", family, state, 0, 0) + struct.pack("!HH", port, foreign_port)
    addresses = bytes([127, 0, 0, 1]) + bytes(28)
    return head + addresses + struct.pack(order + "I8xI4I", 0, 0, *tail) + attributes


@pytest.mark.parametrize("order", ["<", ">"])
def test_L25_numbers_are_in_the_byte_order_of_the_machine_and_addresses_are_not(order):
    attributes = struct.pack(order + "HHQ", 12, 21, 4242) + struct.pack(order + "HHB3x", 5, 11, 1)
    found = sock_diag.parse_message(answer(order, attributes=attributes), "tcp", order)
    assert found == Socket(
        "tcp", "ipv4", 10, "127.0.0.1", 22, "0.0.0.0", 0, 2, 0, 33, 4711, backlog=7, v6only=True, cgroup_id=4242
    )


def test_a_connection_keeps_its_send_queue():
    found = sock_diag.parse_message(answer("=", foreign_port=443, state=1), "tcp")
    assert (found.recv_q, found.send_q, found.backlog) == (2, 7, None)


@pytest.mark.parametrize(
    "message",
    [
        (20, b""),
        (20, answer("=")[:71]),
        (20, answer("=", family=38)),
        (20, answer("=", state=0)),
        (20, answer("=", attributes=b"\xff\xff\0\0")),
        (18, answer("=")),
    ],
)
def test_nonsense_is_refused(message):
    with pytest.raises(Unusable, match="18" if message[0] == 18 else None):
        list(sock_diag.parse([message], "tcp"))


@pytest.mark.parametrize(
    ("protocol", "every_state", "states"),
    [
        ("tcp", False, 1 << 10),
        ("udp", False, 1 << 7),
        ("tcp", True, 0xFFE),
    ],
)
def test_L24_the_kernel_is_asked_only_for_the_wanted_states(protocol, every_state, states):
    question = sock_diag.request(protocol, "ipv4", every_state)
    assert len(question) == 16 + 56
    assert struct.unpack_from("=I", question, 20) == (states,)


def test_an_interrupted_dump_is_read_again_and_then_given_up(monkeypatch):
    outcomes = [Interrupted("once"), [(20, answer("="))]]
    calls = []

    def ask(_protocol, _question):
        calls.append(outcomes[0])
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(netlink, "ask", ask)
    assert [each.local_port for each in sock_diag.read("tcp", "ipv4", False)] == [22]
    assert len(calls) == 2

    outcomes[:] = [Interrupted("again")] * 9
    with pytest.raises(Unusable, match="interrupted 3 times"):
        sock_diag.read("tcp", "ipv4", False)
    assert len(calls) == 5


def test_a_refusal_is_not_asked_again(monkeypatch):
    def ask(_protocol, _question):
        raise Refused(1)

    monkeypatch.setattr(netlink, "ask", ask)
    with pytest.raises(Unusable):
        sock_diag.read("tcp", "ipv4", False)


def test_a_removed_interface_is_shown_by_its_number():
    assert sock_diag.interface_name(1) == "lo"
    assert sock_diag.interface_name(2**30) == "if1073741824"


def test_own_connection_is_in_the_table_if_all_is_asked_for(bind):
    listener = bind("127.0.0.1")
    with socket.create_connection(listener.getsockname()) as connection:
        inode = os.fstat(connection.fileno()).st_ino
        for every_state in (False, True):
            found = [each.inode for each in sock_diag.read("tcp", "ipv4", every_state)]
            assert (inode in found) == every_state


def test_own_socket_is_in_the_table(bind):
    inode = os.fstat(bind("127.0.0.1", backlog=9).fileno()).st_ino
    assert [each.backlog for each in sock_diag.read("tcp", "ipv4", False) if each.inode == inode] == [9]
