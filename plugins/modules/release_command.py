#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_command
version_added: 1.0.0
short_description: Run a command as a service runs, and return what it printed
description:
  - Runs a command in a temporary unit of systemd, so that it has the user, the environment variables, the secrets and
    the limits that are in the unit. Waits until it has ended. A run that is cut off does not end the command.
  - M(ansible.builtin.command) with C(become_user) has none of these, and an application that needs its variables does
    not start.
author: The flasklaunch founders (@flasklaunch)
options:
  unit:
    description: The beginning of the name of the temporary unit. The number of a process follows.
    type: str
    required: true
  content:
    description: The unit, a service of the type oneshot.
    type: str
    required: true
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  check_mode:
    support: none
    details: The command is not run.
  diff_mode:
    support: none
  platform:
    platforms: Linux
"""

EXAMPLES = r"""
- name: Which revision has the database?
  flasklaunch.ec2.release_command:
    unit: shop-command
    content: |
      [Service]
      Type=oneshot
      User=shop
      WorkingDirectory=/opt/shop/current/app
      EnvironmentFile=/opt/shop/current/environment
      ExecStart=/opt/shop/current/venv/bin/flask db current
  register: revision
"""

RETURN = r"""
rc:
  description: The status with which the command ended. It is 128 and the number of the signal if one ended it.
  returned: success
  type: int
  sample: 0
stdout_lines:
  description: What the command printed, also as errors. At most the last 10000 lines.
  returned: success
  type: list
  elements: str
  sample: ["INFO  [alembic.runtime.migration] Context impl SQLiteImpl."]
reason:
  description: Why the command did not succeed, as systemd says it. Empty if it did.
  returned: success
  type: str
  sample: exit-code
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, one_shot


def argument_spec():
    # The managed node's log gets a module's other options, and a command may have a password in it.
    return dict(unit=dict(required=True), content=dict(required=True, no_log=True))


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=False)
    try:
        ended = one_shot.run(f"{module.params['unit']}-{os.getpid()}.service", module.params["content"])
    except (OSError, manager.Failed) as error:
        module.fail_json(msg=f"the command could not be started: {error}")
    module.exit_json(changed=True, rc=ended.rc, stdout_lines=ended.lines, reason=ended.reason)


if __name__ == "__main__":
    main()
