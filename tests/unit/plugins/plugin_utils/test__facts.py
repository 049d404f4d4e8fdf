# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._facts import facts

SAID = "Welcome\r\nshop: uid 0\r\nshop: python \r\nshop: file /a b\r\nshop: file /c\nother: uid 7\nshop: odd \x1b[2J\n"


def test_the_facts_of_a_role_are_read():
    found = facts("shop", SAID, {"file": "files", "folder": "folders"})
    assert (found["uid"], found["files"], found["folders"]) == ("0", ["/a b", "/c"], [])
    assert "python" not in found, "a fact without a value"
    assert found["odd"].isprintable()
