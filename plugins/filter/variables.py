# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for values that Ansible, git or systemd would read differently than the user meant them."""

from __future__ import annotations

import difflib
import json
import os
import re
from urllib.parse import quote

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lists import as_list, values_of_hosts

# From templates/machine.sh.j2 of the webserver role: the lines of its unit before the first option, and its output.
LINES_BEFORE_OPTIONS = 3
SYSTEMD_SAID = re.compile(r"^webserver-options: (\d+)[\]:]+ (.*?)\s*$", re.MULTILINE)
SYSTEMD_KNOWS = re.compile(r"^webserver-directives: (.*)$", re.MULTILINE)


def texts(values: dict) -> dict:
    """Return the values of a dictionary as texts; lists and dictionaries as JSON.

    Own code because before ansible-core 2.19, a template turns a text that is JSON, such as a service account's key,
    into a list or a dictionary, and a module would write that in Python's syntax.
    """
    return {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in values.items()}


def git_url(source: str) -> str:
    """Return the URL of a git repository. `source` may be a folder on the control node, relative or with `~`.

    Own code because git would look for a relative path in another folder, and because ansible.builtin.git splits its
    argument at spaces. git-clone(1), GIT URLS, lists the forms of a URL.
    """
    path = os.path.expanduser(source)
    is_remote = "://" in source or (re.match(r"[^/]+:", source) and not os.path.exists(path))
    return source if is_remote else "file://" + quote(os.path.realpath(path))


def unit_option_errors(options: dict, said: str) -> list[str]:
    """Return a sentence for each option of a unit whose name or value systemd on the machine does not know.

    `said` is the output of templates/machine.sh.j2. Own code because systemd itself only writes a warning to the
    journal. A deprecated option works, so it is not an error.
    """
    known = " ".join(SYSTEMD_KNOWS.findall(said)).split()
    names = list(options)
    sentences = []
    for line, message in SYSTEMD_SAID.findall(said):
        name = names[int(line) - LINES_BEFORE_OPTIONS - 1]
        if message.startswith("Unknown"):
            meant = [each for each in known if each.lower() == name.lower()] or difflib.get_close_matches(
                name, known, n=1
            )
            advice = f"Write {meant[0]}" if meant else "Remove it"
            sentences.append(
                f"webserver_unit_options: systemd on this machine does not know {name} in [Service]. {advice}."
            )
        elif "ignoring" in message:
            sentences.append(f"webserver_unit_options: systemd would ignore {name}. It reports: {message}.")
    return sentences


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "as_list": as_list,
            "git_url": git_url,
            "texts": texts,
            "unit_option_errors": unit_option_errors,
            "values_of_hosts": values_of_hosts,
        }
