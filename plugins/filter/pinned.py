# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose from a constraints file the versions that fit one Python."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pinned
author: The flasklaunch founders (@flasklaunch)
version_added: 0.1.0
short_description: The requirements of a constraints file that hold for one Python
description:
  - Takes the text of a pip constraints file whose lines carry environment markers, and returns the requirements
    whose markers hold for a Python version.
  - The C(pip) module needs exact names and versions to tell whether something is to be done, and reads no markers.
positional: python_version, flask_version
options:
  _input:
    description: The text of the constraints file.
    type: str
    required: true
  python_version:
    description: The minor version of Python, such as V(3.9).
    type: str
    required: true
  flask_version:
    description: Another version of Flask than the file's. Empty takes the file's.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Install what fits Python 3.9
  ansible.builtin.pip:
    name: "{{ lookup('ansible.builtin.file', 'constraints.txt') | flasklaunch.ec2.pinned('3.9') }}"
    virtualenv: /opt/flask
"""

RETURN = r"""
_value:
  description: Requirements without markers.
  type: list
  elements: str
  sample: [flask==3.1.3, werkzeug==3.1.9]
"""

from packaging.requirements import Requirement


def pinned(constraints: str, python_version: str, flask_version: str = "") -> list[str]:
    """Return the requirements whose markers hold for `python_version` (like `3.9`).

    With `flask_version`, Flask's pin gives way to it and Werkzeug's to its major version: Flask's own metadata
    allows a Werkzeug that it cannot import (Flask 2.2 with Werkzeug 3), and since 2.0 the majors of both go together.
    """
    environment = {"python_version": python_version, "python_full_version": python_version + ".0"}
    lines = [line for line in constraints.splitlines() if line.strip() and not line.startswith("#")]
    requirements = [
        requirement
        for requirement in map(Requirement, lines)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]
    pins = {requirement.name: f"{requirement.name}{requirement.specifier}" for requirement in requirements}
    if flask_version:
        pins["flask"] = f"flask=={flask_version}"
        pins["werkzeug"] = f"werkzeug=={flask_version.split('.')[0]}.*"
    return list(pins.values())


class FilterModule:
    """The name that Ansible looks for."""

    def filters(self) -> dict:
        return {"pinned": pinned}
