# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences for people from what a task's programs printed: see plugin_utils/_failure.py."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lazy import Lazy

NAMES = ("git_failure", "last_words", "reason", "reported", "yum_failure")


class FilterModule:
    """The names that Ansible looks for."""

    def filters(self) -> dict:
        return {name: Lazy("_failure", name, folder="plugin_utils") for name in NAMES}
