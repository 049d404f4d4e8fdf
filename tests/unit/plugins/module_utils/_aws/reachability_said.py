# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write all texts of the scenarios into reachability_said.txt, with a line for each different hop.

That file was reviewed line by line: an error in it is an error in the product. After an intended change of
the wording, run this file with the Python of the virtual environment, and read the differences with git.
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
