# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about pip requirements that Jinja cannot answer; pip's own library does."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy


def _packaging() -> tuple:
    """Return `Requirement` and `canonicalize_name`. Not imported before they are used: see plugin_utils/_lazy.py."""
    try:
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name
    except ImportError as error:  # ansible-core needs it itself
        raise AnsibleFilterError("the Python that runs Ansible has no `packaging`: pip install packaging") from error
    return Requirement, canonicalize_name


def pinned(constraints: str, python_version: str, flask_version: str = "") -> list[str]:
    """Return from the text of a constraints file the requirements whose markers hold for a Python such as `3.9`.

    The pip module needs exact names and versions to tell whether something is to be done, and reads no markers.

    With `flask_version`, Flask's pin gives way to it and Werkzeug's to its major version: Flask's own metadata
    allows a Werkzeug that it cannot import (Flask 2.2 with Werkzeug 3), and since 2.0 the majors of both go together.
    """
    Requirement, _canonicalize_name = _packaging()
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


def unmet(requirements: list[str], installed: dict[str, str]) -> list[str]:
    """Return the requirements that the installed distributions, `{name: version}`, do not meet."""
    Requirement, canonicalize_name = _packaging()
    versions = {canonicalize_name(name): version for name, version in installed.items()}

    def is_met(requirement) -> bool:
        version = versions.get(canonicalize_name(requirement.name))
        return version is not None and requirement.specifier.contains(version, prereleases=True)

    return [text for text in requirements if not is_met(Requirement(text))]


class FilterModule:
    """The names that Ansible looks for."""

    def filters(self) -> dict:
        return {
            "application_errors": Lazy("plugin_utils._webserver.requirements", "application_errors"),
            "environment_name": Lazy("plugin_utils._webserver.requirements", "environment_name"),
            "has_requirements": Lazy("plugin_utils._webserver.requirements", "has_requirements"),
            "pinned": pinned,
            "why_pip_failed": Lazy("plugin_utils._webserver.pip_output", "why_pip_failed"),
            "unmet": unmet,
        }
