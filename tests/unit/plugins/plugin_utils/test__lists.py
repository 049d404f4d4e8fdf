# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of users, and lists over hosts."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lists import as_list, values_of_hosts


@pytest.mark.parametrize(
    ("value", "items"), [("", []), ("a, b", ["a", "b"]), (5000, ["5000"]), (["a", "b"], ["a", "b"]), ((), [])]
)
def test_as_list(value, items):
    assert as_list(value) == items


def test_values_of_hosts():
    hostvars = {"web1": {"wish": {"port": 5000}}, "web2": {"wish": {}}, "web3": {}, "web4": {"wish": {"port": 80}}}
    assert values_of_hosts(["web4", "web3", "web2", "web1"], hostvars, "wish") == [{"port": 80}, {"port": 5000}]
    assert values_of_hosts([], hostvars, "wish") == []
    earlier = {"web1": {"wish": {"play": "one"}}, "web2": {"wish": {"play": "two"}}, "web3": {"wish": {}}}
    assert values_of_hosts(["web1", "web2", "web3"], earlier, "wish", "two") == [{"play": "two"}]
