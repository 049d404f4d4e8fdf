# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import systemctl


def test_blocks_are_units_and_values_may_have_equals_signs():
    shown = (
        "Id=a.service\nExecStart={ path=/a ; argv[]=/a --b=c }\n\nActiveState=active\n\n\nId=b.socket\nno property\n"
    )
    assert {name: unit.properties for name, unit in systemctl.parse(shown).items()} == {
        "a.service": {"Id": "a.service", "ExecStart": "{ path=/a ; argv[]=/a --b=c }"},
        "b.socket": {"Id": "b.socket"},
    }
    assert systemctl.parse("") == {}


def test_moments_are_microseconds_and_zero_is_never():
    shown = "Id=a.service\nActiveEnterTimestampMonotonic=5000000\nInactiveEnterTimestampMonotonic=0\n"
    unit = systemctl.parse(shown)["a.service"]
    assert (unit.moment("ActiveEnter"), unit.age("ActiveEnter", 7.5)) == (5000000, 2.5)
    assert (unit.moment("InactiveEnter"), unit.age("InactiveEnter", 7.5)) == (None, None)
    assert unit.moment("ExecMainStart") is None, "systemd does not know it"
