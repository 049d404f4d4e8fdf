# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import socket
import struct

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel import netlink
from ansible_collections.flasklaunch.ec2.plugins.module_utils._kernel.netlink import (
    DONE,
    DUMP_INTR,
    ERROR,
    MULTI,
    Interrupted,
    Refused,
    Unusable,
)


def message(kind, payload=b"", flags=MULTI, order="=", size=None):
    size = 16 + len(payload) if size is None else size
    return struct.pack(order + "IHHII", size, kind, flags, 0, 0) + payload + b"\0" * (-len(payload) % 4)


def result(code, order="="):
    return struct.pack(order + "i", code)


END = message(DONE, result(0))


def payloads(*datagrams, order="="):
    return [payload for _kind, payload in netlink.answers(datagrams, order)]


def test_an_answer_may_come_in_many_datagrams_of_many_messages():
    assert payloads(message(20, b"1") + message(20, b"four"), message(20, b"nine9"), END) == [b"1", b"four", b"nine9"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_L25_in_either_byte_order(order):
    end = message(DONE, result(0, order), order=order)
    assert payloads(message(20, b"one", order=order), end, order=order) == [b"one"]


def test_a_message_that_is_not_one_of_many_is_the_whole_answer():
    assert payloads(message(24, b"route", flags=0)) == [b"route"]


def test_an_answer_may_be_empty():
    assert payloads(END) == []


@pytest.mark.parametrize("kind", [ERROR, DONE])
def test_L3_a_refusal_has_its_errno(kind):
    with pytest.raises(Refused) as refusal:
        payloads(message(20, b"one"), message(kind, result(-errno.EACCES)))
    assert refusal.value.code == errno.EACCES
    assert str(refusal.value) == "Permission denied"


def test_an_interrupted_dump_differs_from_a_refused_one():
    with pytest.raises(Interrupted):
        payloads(message(20, b"one"), message(DONE, result(0), flags=MULTI | DUMP_INTR))


@pytest.mark.parametrize(
    "datagrams",
    [
        [],
        [message(20, b"one")],
        [message(20, b"one")[:15]],
        [message(20, b"one", size=400)],
        [message(20, b"one", size=15)],
        [message(20, b"one", size=0)],
        [message(DONE, b"\0\0")],
        [message(ERROR)],
    ],
)
def test_a_cut_answer_is_never_half_an_answer(datagrams):
    with pytest.raises(Unusable):
        payloads(*datagrams)


def test_attributes_are_padded_to_four_bytes():
    packed = netlink.attribute(11, b"\1") + netlink.attribute(21, b"12345678")
    assert len(packed) == 20
    assert netlink.attributes(packed) == {11: b"\1", 21: b"12345678"}


def test_the_padding_of_the_last_attribute_may_be_missing():
    assert netlink.attributes(netlink.attribute(11, b"\1")[:5]) == {11: b"\1"}


@pytest.mark.parametrize("size", [0, 3, 9])
def test_a_cut_attribute(size):
    with pytest.raises(Unusable):
        netlink.attributes(struct.pack("=HHI", size, 11, 0))


def test_L3_netlink_may_be_forbidden_altogether(monkeypatch):
    def forbidden(*_arguments):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", forbidden)
    with pytest.raises(Unusable, match="not permitted"):
        netlink.ask(4, b"")


class Channel:
    def __init__(self, flags):
        self.flags = flags

    def recvmsg(self, _size):
        return message(20, b"one"), [], self.flags, None


def test_a_datagram_longer_than_the_buffer_is_noticed():
    with pytest.raises(Unusable, match="longer"):
        next(netlink._receive(Channel(socket.MSG_TRUNC)))
    assert next(netlink._receive(Channel(0))) == message(20, b"one")


def test_the_kernel_refuses_a_senseless_question():
    with pytest.raises(Refused):
        netlink.ask(4, netlink.request(20, netlink.DUMP, b"\xff"))


def test_a_kernel_that_does_not_answer_causes_a_time_out(monkeypatch):
    monkeypatch.setattr(netlink, "SECONDS", 0.1)
    with pytest.raises(Unusable, match="timed out"):
        netlink.ask(4, netlink.request(1, 0, b""))  # NLMSG_NOOP


def test_message_keeps_type_and_flags():
    assert list(netlink.split(message(20, b"x", flags=3))) == [(20, 3, b"x")]
