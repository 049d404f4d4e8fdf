# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is said in any of the scenarios, a line for each hop that is told differently.

reachability_said.txt has been read line by line: what is wrong there is wrong in the product. Where another wording is
meant, run this file with the Python of the virtual environment, and read what git shows to have changed.
"""

from __future__ import annotations

import pathlib

FILE = pathlib.Path(__file__).with_suffix(".txt")


def said() -> list[str]:
    from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_scenarios import (
        SCENARIOS,
    )
    from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_utils._aws.reachability_world import outcome

    return sorted({line for each in SCENARIOS for line in _lines(outcome(each.spoil, each.wanted, **each.question))})


def _lines(answer: dict):
    for hop in answer["hops"]:
        judged = " ".join(filter(None, [hop["hop"], hop["verdict"], hop["code"]]))
        fix = f" => {hop['fix']}" if hop["fix"] else ""
        yield f"{judged} [{', '.join(hop['resources'])}] {hop['evidence']}{fix}"


if __name__ == "__main__":
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader()
    FILE.write_text("".join(line + "\n" for line in said()))
