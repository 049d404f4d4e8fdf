# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for values that Ansible or git would read differently than the user meant them."""

from __future__ import annotations

import json
import os
import re
from urllib.parse import quote

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lists import as_list, values_of_hosts


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


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {
            "as_list": as_list,
            "git_url": git_url,
            "texts": texts,
            "values_of_hosts": values_of_hosts,
        }
