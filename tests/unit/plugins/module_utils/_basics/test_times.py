# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times


def test_moments_are_those_of_utc(time_zone):
    time_zone("NPT-5:45")
    assert times.iso_8601(86401.9) == "1970-01-02T00:00:01Z"
    assert times.seconds("1970-01-02T00:00:01Z") == 86401
