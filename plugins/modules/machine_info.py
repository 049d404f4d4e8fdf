#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does all of it, on the control node.

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_info
version_added: 1.0.0
short_description: Ask whether a machine can serve a site
description:
  - Runs the script C(machine.sh) of the role C(webserver) on the machine, and returns what it reports. The machine
    needs no Python for it.
  - Made for the role C(webserver). Changes nothing.
author: The flasklaunch founders (@flasklaunch)
options:
  script:
    description: The text of the script.
    type: str
    required: true
  site:
    description: The site that the machine shall serve.
    type: dict
    required: true
    suboptions:
      unit:
        description: The name of the site's service unit.
        type: str
        required: true
      folder:
        description: The folder of the site, which is C(webserver_dir).
        type: path
        required: true
      python:
        description: The path of the Python that the site needs on the machine.
        type: path
        required: true
      host:
        description: The address on which the site listens.
        type: str
        required: true
      port:
        description: The port of the site.
        type: int
        required: true
      has_socket:
        description: Whether systemd opens the port.
        type: bool
        required: true
      unit_options:
        description: Options of the unit, by name. The script must contain them too.
        type: dict
        required: true
  purpose:
    description:
      - What is to be done with the site. V(look) reports only.
      - V(remove) fails if the machine has no Python, or if something else on it has the site's name.
      - V(serve) also fails if the machine cannot serve the site. V(go_back) is for a site that stays on the address and
        port on which its unit listens.
    type: str
    choices: [look, remove, serve, go_back]
    default: look
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  action:
    description: There is an action plugin of this name.
    support: full
"""

EXAMPLES = r"""
- name: Can this machine serve the page?
  flasklaunch.ec2.machine_info:
    script: "{{ lookup('ansible.builtin.template', 'machine.sh.j2') }}"
    site:
      unit: webserver.service
      folder: /opt/webserver
      python: /usr/bin/python3
      host: 0.0.0.0
      port: 5000
      has_socket: true
      unit_options: {}
    purpose: serve
"""

RETURN = r"""
facts:
  description:
    - What the script reports, as texts by name. A fact that the machine does not have is missing.
    - V(credentials) is the list of the site's secrets, and V(addresses) that of the machine's IP addresses.
  returned: success
  type: dict
  sample: {addresses: [172.31.5.9], cpus: "2", credentials: [], python: "3.9", systemd: "252", uid: "0"}
is_of_another:
  description: Whether something else on the machine has the site's name.
  returned: success
  type: bool
  sample: false
has_python:
  description: Whether the Python that the site needs runs on the machine.
  returned: success
  type: bool
  sample: true
msg:
  description: A sentence for each reason, if the purpose cannot be reached.
  returned: failure
  type: str
  sample: The webserver role needs systemd, and this machine is not run by it.
stdout:
  description: The output of the script.
  returned: success
  type: str
  sample: "webserver: uid 0"
"""
