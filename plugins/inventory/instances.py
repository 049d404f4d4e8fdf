# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: instances
version_added: 1.0.0
short_description: Find EC2 instances, and report in one sentence why none is found
description:
  - Reads files whose names end with C(aws_ec2.yml) or C(aws_ec2.yaml) with P(amazon.aws.aws_ec2#inventory). The options
    in the files are those of that plugin.
  - If AWS cannot be asked, this plugin reports why in one sentence and ends the run. Without it, Ansible tries every
    other inventory plugin on the file and prints the error of each.
  - If no instance matches, this plugin prints the regions and the filters that it used.
  - To use it, name it before C(auto) in C(enable_plugins) in C(ansible.cfg).
author: The flasklaunch founders (@flasklaunch)
options: {}
"""

EXAMPLES = r"""
# ansible.cfg
# [inventory]
# enable_plugins = flasklaunch.ec2.instances, host_list, script, auto, yaml, ini, toml
"""

import contextlib

from ansible.errors import AnsibleError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.plugins.loader import inventory_loader
from ansible.utils.display import Display

NAMES = ("aws_ec2.yml", "aws_ec2.yaml")
READER = "amazon.aws.aws_ec2"
DISPLAY = Display()


class InventoryModule(BaseInventoryPlugin):
    NAME = "flasklaunch.ec2.instances"

    def verify_file(self, path):
        """Return whether the file is an inventory of amazon.aws.aws_ec2."""
        return super().verify_file(path) and path.endswith(NAMES)

    def parse(self, inventory, loader, path, cache=True):
        """Fill the inventory. Raises SystemExit, because after any other error Ansible tries the other plugins."""
        reader = inventory_loader.get(READER)
        if reader is None:
            raise AnsibleError(f"{path} needs the collection amazon.aws: ansible-galaxy collection install amazon.aws")
        before = set(inventory.hosts)
        try:
            reader.parse(inventory, loader, path, cache=cache)
            with contextlib.suppress(AttributeError):  # a reader without a cache has no such method
                reader.update_cache_if_changed()
        except AnsibleError as error:
            # Imported here, because every run loads this file but few need this.
            from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.refusal import refusal_of

            DISPLAY.error(f"{path}: {refusal_of(error.message, 'ec2:DescribeInstances')}", wrap_text=False)
            raise SystemExit(1) from None
        if set(inventory.hosts) == before:
            DISPLAY.warning(nobody(path, reader.get_option("regions"), reader.get_option("filters")))


def nobody(path, regions, filters):
    """Return the warning that no instance was found, with the filters and the regions of the search."""
    wanted = ", ".join(f"{name} {value}" for name, value in filters.items())
    where = f"region {' or '.join(regions)}" if regions else "any region of this account"
    return (
        f"{path}: AWS knows no instance with {wanted or 'any name'} in {where}. Check the regions in that file, the"
        " account (AWS_PROFILE), and the instance's tag and state."
    )
