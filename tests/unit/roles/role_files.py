# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles' YAML files."""

from __future__ import annotations

import pathlib

import yaml

ROLES = pathlib.Path(__file__).parents[3] / "roles"
NESTED = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers", "roles")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def variables_of(*roles):
    """Return the variables in the roles' defaults and vars, with templates not evaluated."""
    found = {}
    for role in roles:
        for folder in ("defaults", "vars"):
            found.update(read(ROLES / role / folder / "main.yml"))
    return found


def tasks_of(entries):
    """Yield every play, block and task in a list, also nested ones."""
    for entry in entries:
        yield entry
        for key in NESTED:
            yield from tasks_of(each for each in entry.get(key, []) if isinstance(each, dict))


def tasks_of_roles(roles="*"):
    """Return every block, task and handler of the roles that match a pattern, as `(path of its file, task)`."""
    for folder in ("handlers", "tasks"):
        for path in sorted(ROLES.glob(f"{roles}/{folder}/**/*.yml")):
            for task in tasks_of(read(path) or []):
                yield path, task
