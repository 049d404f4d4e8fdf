#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_files
version_added: 1.0.0
short_description: Write a service's unit files, and report which units run with older ones
description:
  - Writes and removes the files of a service, each in one step, and reloads systemd if a unit file has changed. It
    reports whether each unit is active, whether it is enabled, and whether it runs with the files that are on disk.
  - If a run is killed, Ansible forgets the handlers that were notified. This module reads the state of the machine
    instead, so the next run restarts the units that the last one did not restart.
  - M(ansible.builtin.template) takes two round trips for each file, and M(ansible.builtin.systemd_service) one for each
    unit. Neither knows whether a unit was restarted since its file changed.
author: The flasklaunch founders (@flasklaunch)
options:
  files:
    description: The files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file's full path. Its folder is made if it is missing.
        type: path
        required: true
      content:
        description: The content of the file. Without it the file is removed, and a unit with its name is stopped first.
        type: str
      mode:
        description: The permissions, as octal digits.
        type: str
        default: "0644"
      owner:
        description: The user that owns it.
        type: str
        default: root
      folder_mode:
        description: The permissions of the file's folder, as octal digits. They are set also if the folder exists.
        type: str
  units:
    description: The units to report.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The unit's full name.
        type: str
        required: true
      reads:
        description: Files and folders, in addition to the unit's own file, that the unit reads only when it starts.
        type: list
        elements: str
        default: []
  validate:
    description:
      - A command, as a list of its words, that must succeed after the files are written. Otherwise the module puts back
        the former files and fails with the last lines that the command printed.
      - It runs only if a file has changed. It does not run in check mode.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  diff_mode:
    support: full
    details: Shows what changes in the files.
  platform:
    platforms: Linux
"""

EXAMPLES = r"""
- name: Write the unit
  flasklaunch.ec2.unit_files:
    files:
      - path: /etc/systemd/system/webserver.service
        content: "{{ lookup('ansible.builtin.template', 'webserver.service.j2') }}"
    units:
      - name: webserver.service
        reads: [/opt/webserver/current]
  register: units
  notify: Restart webserver
"""

RETURN = r"""
changed:
  description: Whether a file was written or removed, or an active unit runs with an older one.
  returned: always
  type: bool
  sample: false
written:
  description: The paths of the files that were written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/system/webserver.service]
former:
  description: The former content of these files, in the form of O(files), to undo the task.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /etc/systemd/system/webserver.service
      content: null
      mode: "0644"
units:
  description:
    - The units by name, after the task. C(result) and C(ended) are those of the last run that has ended.
  returned: success
  type: dict
  sample:
    webserver.service:
      active: true
      enabled: true
      ended: null
      main_pid: 812
      outdated_by: [/opt/webserver/current]
      result: success
      since: "2026-11-23T05:47:28Z"
      state: active (running)
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import unit_files

UNIT_SUFFIXES = (".service", ".socket", ".timer")


def argument_spec():
    file_options = dict(
        path=dict(type="path", required=True),
        content=dict(),
        mode=dict(default="0644"),
        owner=dict(default="root"),
        folder_mode=dict(),
    )
    unit_options = dict(name=dict(required=True), reads=dict(type="list", elements="str", default=[]))
    return dict(
        files=dict(type="list", elements="dict", default=[], options=file_options),
        units=dict(type="list", elements="dict", default=[], options=unit_options),
        validate=dict(type="list", elements="str", default=[]),
    )


def states(module, reads):
    """Return the state of each unit, from one question to systemd."""
    if not reads:
        return {}
    _rc, shown, _err = module.run_command(unit_files.show_command(reads), check_rc=True)
    return unit_files.parse(shown, *unit_files.clocks())


def apply(module, changes):
    """Write the files. Stops a unit before its file is removed, while systemd still knows it."""
    gone = [os.path.basename(file["path"]) for file in changes if file["content"] is None]
    units = [name for name in gone if name.endswith(UNIT_SUFFIXES) and "@." not in name]  # a template never runs
    if units:
        module.run_command(["systemctl", "disable", "--now", "--", *units], check_rc=True)
    for unit in units:
        unit_files.remove_note(unit)
    for file in changes:
        unit_files.write(*wanted(file))


def check(module, former):
    """Run the command of `validate`. If it fails, put back the former files and fail."""
    if not module.params["validate"] or not former:
        return
    rc, out, err = module.run_command(module.params["validate"])
    if rc == 0:
        return
    apply(module, former)
    said = "; ".join((out + err).strip().splitlines()[-3:]) or f"it ended with the status {rc}"
    module.fail_json(msg=f"files: {module.params['validate'][-1]} refuses them, so the former ones are back: {said}")


def wanted(file, check_mode=False):
    folder_mode = int(file["folder_mode"], 8) if file["folder_mode"] else None
    return (
        file["path"],
        file["content"],
        int(file["mode"], 8),
        unit_files.uid_of(file["owner"], check_mode),
        folder_mode,
    )


def _shown(before, after):
    """Return the former content for a diff. For a file that is removed, only its length."""
    return f"({len(before.splitlines())} lines)\n" if before and not after else before


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    os.umask(0o022)  # the application's user must be able to enter the folders, also if root's umask is stricter
    reads = {unit["name"]: unit["reads"] for unit in module.params["units"]}
    notes = {name: unit_files.read_note(name) for name in reads}
    try:
        there = {file["path"]: unit_files.text(file["path"]) for file in module.params["files"]}
        changes = [file for file in module.params["files"] if not unit_files.is_as(*wanted(file, module.check_mode))]
        former = [dict(file, content=there[file["path"]]) for file in changes]
        if not module.check_mode:
            apply(module, changes)
            check(module, former)
        known = states(module, reads)
        if not module.check_mode and (changes or any(unit.needs_reload for unit in known.values())):
            module.run_command(["systemctl", "daemon-reload"], check_rc=True)
            known = states(module, reads)
        compared = {name: unit.compare(reads[name], notes[name]) for name, unit in known.items()}
        outdated = {name: paths for name, (paths, _note) in compared.items()}
        if any(reads.values()) and not module.check_mode:
            for name, (_paths, note) in compared.items():
                if note != notes[name]:
                    unit_files.write_note(name, note)
    except (OSError, KeyError, ValueError) as error:  # KeyError: no such user; ValueError: no octal digits
        module.fail_json(msg=f"files: {error}")
    units = {name: unit.shown(outdated[name]) for name, unit in known.items()}
    module.exit_json(
        changed=bool(changes) or any(outdated.values()),
        written=[file["path"] for file in changes],
        former=former,
        units=units,
        diff=[
            dict(
                before_header=file["path"],
                before=_shown(there[file["path"]] or "", file["content"]),
                after_header=file["path"],
                after=file["content"] or "",
            )
            for file in changes
        ],
    )


if __name__ == "__main__":
    main()
