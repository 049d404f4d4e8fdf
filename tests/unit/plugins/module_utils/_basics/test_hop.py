# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, OK, Hop, published
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain


def test_a_published_hop_has_plain_types_and_printable_texts():
    hop = Hop(
        BROKEN, "It said \x1b[31mno\x1b[0m.", "x-UNIT_FAILED", "systemctl restart \x07web", ("web\u202e.service",)
    )
    shown = hop.published("unit", None)
    assert plain(shown) == {
        "hop": "unit",
        "verdict": "broken",
        "code": "x-UNIT_FAILED",
        "direction": None,
        "resources": ["web.service"],
        "evidence": "It said [31mno[0m.",
        "fix": "systemctl restart web",
    }


def test_a_path_is_published_in_its_order():
    path = {"listener": Hop(OK, "It listens."), "unit": Hop(OK, "It runs.")}
    assert [(each["hop"], each["direction"]) for each in published(path)] == [
        ("listener", "ingress"),
        ("unit", "ingress"),
    ]
