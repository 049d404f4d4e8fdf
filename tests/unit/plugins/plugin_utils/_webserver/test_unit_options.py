# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a unit that systemd would ignore."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import unit_options

# The output of systemd 252 and 219 for a unit with these options, with the line ends of ssh.
OPTIONS = {"RedWritePaths": "/x", "ProtectSystem": "strickt", "Nice": 5, "MemoryLimit": "5G", "Wants": "a.service"}
KNOWN = "webserver-directives: MemoryLimit Nice ProtectSystem ReadWritePaths\r\n"
SAID_252 = """\
webserver-options: 4: Unknown key 'RedWritePaths' in section [Service], ignoring.\r
webserver-options: 5: Failed to parse protect system value, ignoring: strickt\r
webserver-options: 7: Unit uses MemoryLimit=; please use MemoryMax= instead. Support will be removed soon.\r
webserver-options: 8: Unknown key 'Wants' in section [Service], ignoring.\r
"""
SAID_219 = """\
webserver-options: 4] Unknown lvalue 'RedWritePaths' in section 'Service'\r
webserver-options: 5] Failed to parse protect system value, ignoring: strickt\r
webserver-options: 8] Unknown lvalue 'Wants' in section 'Service'\r
"""


@pytest.mark.parametrize("said", [SAID_252, SAID_219], ids=["252", "219"])
def test_options_that_systemd_would_ignore_are_refused_with_the_right_name(said):
    of = "webserver_unit_options: systemd"
    assert unit_options.errors(OPTIONS, said + KNOWN) == [
        f"{of} on this machine does not know RedWritePaths in [Service]. Write ReadWritePaths.",
        f"{of} would ignore ProtectSystem. It reports: Failed to parse protect system value, ignoring: strickt.",
        f"{of} on this machine does not know Wants in [Service]. Remove it.",
    ]


def test_the_right_case_of_a_directive_is_found_first():
    said = "webserver-options: 4: Unknown key 'NICE' in section [Service], ignoring.\nwebserver-directives: Nice NICF\n"
    assert "Write Nice." in unit_options.errors({"NICE": 5}, said)[0]


@pytest.mark.parametrize("said", ["", "webserver: uid 0\n", KNOWN])
def test_options_that_systemd_accepts_are_accepted(said):
    assert unit_options.errors(OPTIONS, said) == []
