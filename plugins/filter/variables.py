# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as they were meant: what Ansible would pass over in silence, or make something else of."""

from __future__ import annotations

import difflib
import io
import json

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with it
ALIKE = 0.85  # of 1; so far do one letter too many, too few or two in the wrong order go


def misspelt(names: list[str], argument_specs: str) -> list[str]:
    """Return a sentence for each name that no entry point of a role knows, but that is almost one which it does.

    Own code because Ansible checks the values of the variables that a role knows, and of others says nothing: a
    `security_group_cidr` would open the port to everybody. Names that are like none are somebody's own, and stay.
    """
    # A stream, as before ansible-core 2.19 what a lookup gives is a kind of text that the C loader does not take.
    entry_points = yaml.load(io.StringIO(argument_specs), Loader=LOADER)["argument_specs"].values()
    known = {option for entry_point in entry_points for option in entry_point.get("options", {})}
    sentences = []
    for name in sorted(set(names) - known):
        for meant in difflib.get_close_matches(name, known, n=1, cutoff=ALIKE):
            sentences.append(f"{name}: there is no such variable. Write {meant}, or call one of your own otherwise.")
    return sentences


def texts(values: dict) -> dict:
    """Return the values of a dictionary as texts, those that are lists or dictionaries as JSON.

    Own code because before ansible-core 2.19 a text that is JSON, such as a service account's key, becomes what it
    stands for when it goes through a template, and a module would write that down as Python does.
    """
    return {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in values.items()}


class FilterModule:
    """The names that Ansible looks for."""

    def filters(self) -> dict:
        return {"misspelt": misspelt, "texts": texts}
