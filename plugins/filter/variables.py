# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as they were written, where Ansible makes something else of them."""

from __future__ import annotations

import json


def texts(values: dict) -> dict:
    """Return the values of a dictionary as texts, those that are lists or dictionaries as JSON.

    Own code because before ansible-core 2.19 a text that is JSON, such as a service account's key, becomes what it
    stands for when it goes through a template, and a module would write that down as Python does.
    """
    return {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in values.items()}


class FilterModule:
    """The names that Ansible looks for."""

    def filters(self) -> dict:
        return {"texts": texts}
