# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import unicodedata

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, Hop
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import (
    UNPRINTABLE,
    cause,
    printable,
    printable_line,
    shortened,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import cgroups, owners

EVERY = [chr(code) for code in range(sys.maxunicode + 1)]
# Tab, line end, and characters that join or separate letters within a word.
WRITTEN = {"\t", "\n", "\u200c", "\u200d"}
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def test_invisible_characters_are_removed():
    shapeless = {each for each in EVERY if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")} - WRITTEN
    assert {each for each in shapeless if not UNPRINTABLE.match(each)} == set()
    assert all(UNPRINTABLE.match(each) for each in DIRECTIONS)
    unprintable = {each for each in EVERY if UNPRINTABLE.match(each)}
    assert {each for each in unprintable if unicodedata.category(each)[0] not in "CZ"} == set()
    assert unprintable & WRITTEN == set()


@pytest.mark.parametrize(
    "text", ["", "Hello World\n", "a\tb", "Grüße", "שלום", "你好　世界", "👩‍💻", "می‌خواهم", "\xa0€"]
)
def test_ordinary_text_stays(text):
    assert printable(text) == text


def test_every_text_of_a_structure():
    evil = {"\x1b[2Ja": ["b\u202e", ("c\x9b", 4, None, True)], "d": {"e": "\ud800f"}}
    assert printable(evil) == {"[2Ja": ["b", ["c", 4, None, True]], "d": {"e": "f"}}


def test_one_line():
    assert printable_line(" a\r\n\x1b[31m  b\u2028c\t") == "a [31m b c"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Status code was 404 and not [200]: HTTP Error 404: NOT FOUND", "HTTP Error 404: NOT FOUND"),
        ("Status code was -1 and not [200, 301]: Request failed: refused.", "Request failed: refused"),
        (
            "Status code was -1 and not [200]: Request failed: <urlopen error [Errno 111] Connection refused>",
            "Connection refused",
        ),
        ("Status code was -1 and not [200]: Request failed: <urlopen error timed out>", "timed out"),
        (
            "Request failed: <urlopen error [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)>",
            "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)",
        ),
        ("It is 1.5 too long.\nmore", "It is 1.5 too long"),
        ("\x1b[31mred\u202e", "[31mred"),
        ("", ""),
        (None, "None"),
    ],
)
def test_the_cause_in_a_message(message, said):
    assert cause(message) == said


def test_all_modules_that_quote_use_it():
    text = "".join(each for each in EVERY if UNPRINTABLE.match(each)) + "."
    found = Hop(BROKEN, text, fix=text, resources=(text,)).published("unit")
    raw = text.encode("utf-8", "surrogatepass")
    place = cgroups.place("/user.slice/user-7.slice/user@7.service/app.slice/\x1b[31m\u202eapp.service")
    for shown in (found["evidence"], found["fix"], *found["resources"], owners.printable(raw), place.user_unit):
        assert not UNPRINTABLE.search(shown)


def test_addresses_that_a_machine_reported():
    reported = ["10.0.1.20", "2001:DB8::1", "10.*", "", None, 7, ["10.0.0.1"], "fe80::1%eth0", "\x1b[2J"]
    assert addresses.valid(reported) == ["10.0.1.20", "2001:db8::1"]
    for nonsense in (None, "10.0.1.20", 7, {"10.0.1.20": 1}):
        assert addresses.valid(nonsense) == []


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [("", "…", ""), ("12345", "…", "12345"), ("123456", "…", "1234…"), ("123456", "...", "12...")],
)
def test_a_long_text_ends_with_a_mark(text, mark, expected):
    assert shortened(text, 5, mark) == expected
