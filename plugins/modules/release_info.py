#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
version_added: 1.0.0
short_description: List the releases of an application, and report which one is current
description:
  - Lists the releases that M(flasklaunch.ec2.release) keeps.
author: The flasklaunch founders (@flasklaunch)
options:
  path:
    description: The folder of the releases on the managed node.
    type: path
    required: true
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
"""

EXAMPLES = r"""
- name: Look at the releases
  flasklaunch.ec2.release_info:
    path: /opt/webserver
"""

RETURN = r"""
current:
  description: The name of the release that is served. V(null) if there is none.
  returned: always
  type: str
  sample: 4f1c52a0b7d9
former:
  description: The name of the release that was deployed before it. V(null) if there is none.
  returned: always
  type: str
  sample: 9a3e01c77b52
releases:
  description: All releases, the last deployed first.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The release's name.
      returned: always
      type: str
      sample: 4f1c52a0b7d9
    deployed:
      description: When it was last deployed, in ISO 8601 and UTC. V(null) if it never was.
      returned: always
      type: str
      sample: "2026-11-23T05:47:28Z"
    venv:
      description: The virtual environment that belongs to it.
      returned: always
      type: str
      sample: /opt/webserver/environments/py3.9-5f1d20c7a3be
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.releases import current, former
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.releases import releases as list_releases


def described(release):
    deployed = times.iso_8601(release.deployed) if release.deployed else None
    return dict(name=release.name, deployed=deployed, venv=release.venv)


def main():
    module = AnsibleModule(argument_spec=dict(path=dict(type="path", required=True)), supports_check_mode=True)
    path = module.params["path"]
    try:
        releases = [described(release) for release in list_releases(path)]
        module.exit_json(current=current(path), former=former(path), releases=releases)
    except OSError as error:
        module.fail_json(msg=f"the releases in {path} cannot be read: {error}")


if __name__ == "__main__":
    main()
