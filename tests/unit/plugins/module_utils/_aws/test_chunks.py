# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.chunks import MOST_IDS, chunks


@pytest.mark.parametrize(
    ("count", "lengths"), [(0, []), (1, [1]), (200, [200]), (201, [200, 1]), (450, [200, 200, 50])]
)
def test_a_filter_takes_200_values(count, lengths):
    values = [f"i-{number}" for number in range(count)]
    assert [len(chunk) for chunk in chunks(values * 2)] == lengths
    assert [value for chunk in chunks(values * 2) for value in chunk] == values


def test_a_call_takes_1000_ids():
    assert [len(chunk) for chunk in chunks(map(str, range(1001)), MOST_IDS)] == [1000, 1]
