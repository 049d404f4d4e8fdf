#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does all of it, on the control node.

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
version_added: 1.0.0
short_description: Check the variables of roles of this collection
description:
  - Fails with a sentence for each wrong variable of the roles. A variable is wrong if its value is not allowed, if its
    value uses a variable that does not exist, or if its name is a misspelling of a role's variable.
  - Reads the variables of the task that calls it, for the role C(webserver) those of each site of C(webserver_sites).
    Secrets are not in the sentences.
  - Runs on the control node. It asks no machine and changes nothing.
  - M(ansible.builtin.validate_argument_spec) cannot do this. It checks types and choices, and its messages name classes
    of Python.
author: The flasklaunch founders (@flasklaunch)
options:
  roles:
    description: The names of the roles, without the name of the collection.
    type: list
    elements: str
    required: true
  application:
    description:
      - Whether to read the application in C(webserver_app_src) too, if the variables of the role C(webserver) are
        right. The errors in it are those of P(flasklaunch.ec2.application_errors#filter).
      - Only a folder can be read. A git repository, for which C(webserver_app_version) is set, is not fetched.
    type: bool
    default: false
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  platform:
    platforms: all
  action:
    description: There is an action plugin of this name.
    support: full
"""

EXAMPLES = r"""
- name: Refuse wrong values before anything is done
  flasklaunch.ec2.check_variables:
    roles: [webserver]
    application: true
"""

RETURN = r"""
msg:
  description: A line for each wrong variable.
  returned: failure
  type: str
  sample: "webserver_port: 0 is not a TCP port from 1 to 65535. Example: webserver_port: 8080"
"""
