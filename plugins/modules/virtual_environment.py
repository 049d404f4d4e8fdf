#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virtual_environment
version_added: 1.0.0
short_description: Make a virtual environment without running pip as root
description:
  - Makes a virtual environment and installs pinned packages, then the requirements of an application. The result
    belongs to the user that runs the module, most often root.
  - If that is root, the system user C(flasklaunch-pip) makes the environment, in the systemd unit
    C(flasklaunch-pip.service). Packages may execute code while pip installs them. In the unit, that code can write to
    the new environment only. When all its processes have ended, root copies the files of the environment. Root runs no
    program of the environment.
  - An environment is replaced when the new one is complete. If the run fails or is killed, the former one stays.
  - An environment is made again if it lacks a file, if a file of a package was changed, or if it was made with another
    Python, other pins or other requirements. If only files were lost or changed, the same versions are installed.
  - M(ansible.builtin.pip) runs pip as the user of the task, and takes any folder with a C(bin/pip) for an environment.
author: The flasklaunch founders (@flasklaunch)
options:
  path:
    description: The folder of the environment. It is made if it is missing, with the folders above it.
    type: path
    required: true
  python:
    description: The Python with which to make the environment.
    type: path
    default: /usr/bin/python3
  pins:
    description:
      - Pinned versions with their hashes, as C(uv pip compile --universal --generate-hashes) writes them. Those for the
        version of O(python) are installed.
      - With O(requirements), only the pins of gunicorn and its dependencies are installed.
    type: str
    default: ""
  flask_version:
    description: The version of Flask to install instead of the pinned one. It has no effect with O(requirements).
    type: str
    default: ""
  hashes:
    description:
      - Whether pip compares the hashes of the pinned packages.
      - Set V(false) to install wheels that were built from source.
    type: bool
    default: true
  requirements:
    description:
      - A requirements file on the managed node, or the C(pyproject.toml) of a project that is to be installed. pip runs
        in its folder.
    type: path
  requirements_text:
    description:
      - What to install instead of the content of O(requirements), as the text of a requirements file. Set it if the
        managed node's pip cannot read that file, such as a C(pylock.toml).
      - Paths are relative to the folder of O(requirements).
      - Lines with hashes are installed first and without their dependencies, because in a lock file these have lines of
        their own.
    type: str
    default: ""
  pip_conf:
    description:
      - The text of the environment's C(pip.conf). It may contain passwords, so only its owner can read it.
    type: str
    default: ""
  reads:
    description: Files and folders that O(pip_conf) names. If other users cannot read them, pip gets a copy.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  diff_mode:
    details: The files of packages are too many to show.
  platform:
    platforms: Linux
"""

EXAMPLES = r"""
- name: Install what the application requires
  flasklaunch.ec2.virtual_environment:
    path: /opt/shop/venv
    requirements: /opt/shop/requirements.txt
"""

RETURN = r"""
path:
  description: The folder of the environment.
  returned: success
  type: str
  sample: /opt/webserver/environments/py3.9-87d215f2378e
python:
  description: The minor version of the environment's Python.
  returned: if the environment could be made, also if pip failed
  type: str
  sample: "3.9"
versions:
  description: The versions of the packages in the environment. Empty in check mode if they are not there yet.
  returned: success
  type: dict
  sample: {flask: 3.1.3, gunicorn: 23.0.0}
rc:
  description: The status of pip.
  returned: if pip failed
  type: int
  sample: 1
stdout:
  description: The output of pip.
  returned: if pip failed
  type: str
  sample: Collecting flask==9
stderr:
  description: The errors that pip printed.
  returned: if pip failed
  type: str
  sample: "ERROR: No matching distribution found for flask==9"
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import environment, pins
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager


def argument_spec():
    return dict(
        path=dict(type="path", required=True),
        python=dict(type="path", default="/usr/bin/python3"),
        pins=dict(type="str", default=""),
        flask_version=dict(type="str", default=""),
        hashes=dict(type="bool", default=True),
        requirements=dict(type="path"),
        requirements_text=dict(type="str", default="", no_log=True),
        pip_conf=dict(type="str", default="", no_log=True),
        reads=dict(type="list", elements="path", default=[]),
    )


def order_of(params):
    base = environment.base_of(params["python"])
    folder, name = os.path.split(os.path.abspath(params["requirements"])) if params["requirements"] else ("", "")
    return environment.Order(
        folder=os.path.realpath(params["path"]),
        python=params["python"],
        base=base,
        # pip runs in the folder to which the path leads, so it resolves `..` from there.
        requirements=os.path.join(os.path.realpath(folder), name) if name else "",
        requirements_text=params["requirements_text"],
        pins=pins.chosen(params["pins"], base.version, params["flask_version"], bool(name)),
        has_hashes=params["hashes"],
        pip_conf=params["pip_conf"],
        reads=[os.path.abspath(path) for path in params["reads"]],
    )


def main():
    # The pins are long, and a module's parameters go to the machine's log.
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True, no_log=True)
    os.umask(0o022)  # the user that serves must be able to read the environment
    try:
        order = order_of(module.params)
        with contextlib.nullcontext() if module.check_mode else environment.alone(order.folder):
            found = environment.look(order)
            if module.check_mode:
                pass
            elif not found.is_complete:
                environment.build(order, found.versions)
            elif not found.is_configured:
                environment.configure(order)
    except environment.PipFailed as failed:
        module.fail_json(
            msg=f"pip could not install into {order.folder}",
            python=order.base.version,
            rc=failed.rc,
            stdout=failed.stdout,
            stderr=failed.stderr,
        )
    except (environment.Unfit, manager.Failed, ValueError) as error:  # ValueError: a marker in the pins
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{module.params['path']} could not be made: {error}")
    changed = not (found.is_complete and found.is_configured)
    versions = found.versions if found.is_complete or module.check_mode else environment.look(order).versions
    module.exit_json(changed=changed, path=module.params["path"], python=order.base.version, versions=versions)


if __name__ == "__main__":
    main()
