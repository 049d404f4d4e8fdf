# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sets, compared with Python sets of each member, and their texts."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.address_sets import (
    INTERNET,
    Intervals,
    addresses,
    cidrs,
    named,
    ports_named,
)

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

# A slow example on a busy machine is not a failure.
settings.register_profile("patient", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

PAIRS = some.lists(
    some.tuples(some.integers(0, 30), some.integers(0, 6)).map(lambda p: (p[0], p[0] + p[1])), max_size=6
)
PREFIXES = some.integers(24, 32).flatmap(
    lambda length: some.integers(0, 255).map(lambda low: f"10.0.0.{low & (0xFF << (32 - length)) & 0xFF}/{length}")
)


def members(intervals):
    return {each for first, last in intervals.pairs for each in range(first, last + 1)}


def spelled_out(pairs):
    return {each for first, last in pairs for each in range(first, last + 1)}


@given(PAIRS, PAIRS)
def test_the_algebra_is_that_of_sets(one, other):
    left, right = Intervals(one), Intervals(other)
    mine, theirs = spelled_out(one), spelled_out(other)
    assert members(left | right) == mine | theirs
    assert members(left & right) == mine & theirs
    assert members(left - right) == mine - theirs
    assert (left <= right) == (mine <= theirs)
    assert (left == right) == (mine == theirs)
    assert bool(left) == bool(mine)
    assert left.size() == len(mine)


@given(PAIRS, PAIRS)
def test_one_set_has_one_form(one, other):
    for result in (Intervals(one), Intervals(one) | Intervals(other), Intervals(one) & Intervals(other)):
        assert all(first <= last for first, last in result.pairs)
        assert all(a[1] + 1 < b[0] for a, b in zip(result.pairs, result.pairs[1:]))
        assert hash(result) == hash(Intervals(reversed(result.pairs)))


@given(some.lists(PREFIXES, max_size=5))
def test_blocks_there_and_back(blocks):
    space = addresses(blocks, "ipv4")
    one_by_one = {int(each) for block in blocks for each in ipaddress.ip_network(block)}
    assert members(space) == one_by_one
    back = cidrs(space, "ipv4")
    assert addresses(back, "ipv4") == space
    assert back == [str(each) for each in ipaddress.collapse_addresses(map(ipaddress.ip_network, blocks))]


def test_families_are_apart():
    assert addresses(["::/0"], "ipv4") == addresses(["0.0.0.0/0"], "ipv6") == Intervals()


def test_a_block_may_have_host_bits_and_an_address_no_length():
    assert addresses(["203.0.113.7/24"], "ipv4") == addresses(["203.0.113.0/24"], "ipv4")
    assert addresses(["203.0.113.7"], "ipv4").size() == addresses(["2001:db8::1"], "ipv6").size() == 1


def test_invalid_blocks():
    with pytest.raises(ValueError, match="everybody"):
        addresses(["everybody"], "ipv4")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("203.0.113.7", True),
        ("223.255.255.255", True),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.1.2.3", False),
        ("10.255.0.1", False),
        ("100.63.255.255", True),
        ("100.64.0.0", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.15.255.255", True),
        ("172.31.255.255", False),
        ("172.32.0.0", True),
        ("192.168.0.1", False),
        ("2600::1", True),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::1", False),
    ],
)
def test_which_addresses_are_clients_on_the_internet(address, public):
    family = "ipv6" if ":" in address else "ipv4"
    assert (addresses([address], family) <= INTERNET[family]) is public


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([], "nobody"),
        (["203.0.113.7"], "203.0.113.7/32"),
        (["203.0.113.7", "198.51.100.0/24"], "198.51.100.0/24 and 203.0.113.7/32"),
        (["1.0.0.0/8", "3.0.0.0/8", "5.0.0.0/8"], "1.0.0.0/8, 3.0.0.0/8 and 5.0.0.0/8"),
        (["1.0.0.0/8", "3.0.0.0/8", "5.0.0.0/8", "7.0.0.0/8"], "1.0.0.0/8, 3.0.0.0/8, 5.0.0.0/8 and 1 more blocks"),
        (["0.0.0.0/0"], "0.0.0.0/0"),
    ],
)
def test_words_for_addresses(blocks, words):
    assert named(addresses(blocks, "ipv4"), "ipv4") == words


def test_words_for_the_whole_internet():
    assert named(INTERNET["ipv4"], "ipv4") == "0.0.0.0/0"
    assert named(INTERNET["ipv6"], "ipv6") == "::/0"


def test_words_for_ports():
    assert ports_named(Intervals([(22, 22), (8000, 8010)])) == "22, 8000-8010"
    assert ports_named(Intervals()) == "none"


def test_blocks_of_ipv6_are_written_as_such():
    blocks = ["::/127", "2001:db8::/32"]
    assert cidrs(addresses(blocks, "ipv6"), "ipv6") == blocks
    assert named(addresses(blocks, "ipv6"), "ipv6") == "::/127 and 2001:db8::/32"
