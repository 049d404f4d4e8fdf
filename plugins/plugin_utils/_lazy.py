# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that are imported when they are called."""

from __future__ import annotations

import importlib
from typing import Any, Callable

PLUGINS = "ansible_collections.flasklaunch.ec2.plugins"


class Lazy:
    """A function in a module below plugins/. The module is imported when the filter is called.

    If a task uses one filter of a collection, Ansible loads the files of all its filters, and compiles the modules that
    they import, because it keeps no bytecode of collections. That took a tenth of a deploy that changes nothing.
    """

    def __init__(self, module: str, name: str):
        self.module = f"{PLUGINS}.{module}"
        self.name = name

    @property
    def __wrapped__(self) -> Callable:
        return getattr(importlib.import_module(self.module), self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)
