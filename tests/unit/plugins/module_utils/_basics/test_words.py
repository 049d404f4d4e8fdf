# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Audience, Reach, Tcp, Verdict


@pytest.mark.parametrize("word", [*Verdict, *Reach, *Audience, *Tcp])
def test_a_word_is_used_like_its_text(word):
    text = word.value
    assert word == text
    assert {text: 1}[word] == {word: 1}[text] == 1
    assert f"{word} {word!s}" == f"{text} {text}"
    assert json.loads(json.dumps({"word": word})) == {"word": text}


def test_words_of_two_sets_are_one_text():
    assert Verdict.UNKNOWN == Reach.UNKNOWN == Audience.UNKNOWN == "unknown"
