#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
version_added: 1.0.0
short_description: Keep releases of an application, and make one of them current
description:
  - Copies an application from the control node to a release folder that is named by its content, makes a release the
    current one, or removes one. Each is done completely or not at all, also if the run is killed.
  - A release is C(releases/NAME/app), the application's files, with C(releases/NAME/venv), a link to the virtual
    environment that belongs to it. C(current) is a link to the release that is served.
  - If a file of a release was changed or removed on the managed node, the release is copied again. Files that were
    added later, such as an application's own data, stay.
  - Builtin modules cannot do this. M(ansible.builtin.copy) and M(ansible.builtin.unarchive) take several round trips,
    and an interrupted run leaves half of the files. M(ansible.builtin.file) moves a link, but does not know releases.
author: The flasklaunch founders (@flasklaunch)
options:
  path:
    description: The folder of the releases on the managed node.
    type: path
    required: true
  state:
    description:
      - V(present) makes a release of the application, but does not serve it. If O(name) is set and no application, it
        checks that this release exists.
      - V(current) makes the release the one that is served.
      - V(absent) removes the release, but not its virtual environment, which the next try most often needs. It does not
        remove the current one.
      - V(finished) ends the deploy. With O(deployed) it removes older releases and unused virtual environments. With
        O(lock) it releases the lock.
    type: str
    choices: [present, current, absent, finished]
    default: present
  src:
    description: The application's folder on the control node. O(state=present) needs O(src), O(content) or O(name).
    type: path
  content:
    description: The application as a dictionary of file names and texts, instead of O(src).
    type: dict
  exclude:
    description:
      - Shell patterns for the names of files and folders that do not belong to the application.
      - A pattern that begins with C(!) includes what an earlier pattern excludes.
    type: list
    elements: str
    default:
      - .git
      - .hg
      - .svn
      - __pycache__
      - "*.py[co]"
      - .venv
      - venv
      - .tox
      - .pytest_cache
      - .DS_Store
      - .env
      - .env.*
      - instance
      - "*.sqlite"
      - "*.sqlite3"
      - "*.db"
      - "*.sqlite-*"
      - "*.sqlite3-*"
      - "*.db-*"
      - "!.env.example"
  venv:
    description: The virtual environment that belongs to the release. O(src) and O(content) need it.
    type: path
  environment:
    description:
      - The environment variables of the release. They are a part of its content, and are written to
        C(releases/NAME/environment) for the unit's C(EnvironmentFile=).
    type: dict
    default: {}
  user:
    description:
      - The user that serves the application. Its group may read the files, other users may not. They belong to root.
      - O(src) and O(content) need it. Another user makes another release. With O(name), the existing release becomes
        readable for the user's group.
    type: str
  shared:
    description:
      - Files and folders of the application that outlive its releases, as relative paths. In the release each is a link
        to the same path in O(shared_in). They are a part of the release's name.
      - The first release that brings such a file or folder fills it. Later releases do not change it. If no release
        brings it, the module makes a folder. If the name has an ending, such as C(.db), it makes only the link, and the
        application makes the file.
    type: list
    elements: str
    default: []
  shared_in:
    description: The folder on the managed node that keeps them. The module makes it for O(user) if it is missing.
    type: path
  name:
    description:
      - The release's name. O(state=current) and O(state=absent) need it. With O(state=present) it names an existing
        release, for example to roll back to it.
    type: str
  deployed:
    description:
      - Whether the release counts as the latest once it is current.
      - Set V(false) for a rollback. Then the release keeps its place in the order, and no other release is removed.
    type: bool
    default: true
  keep:
    description:
      - How many releases to keep, the newest one included.
      - Older releases are removed with O(state=finished), and before a new release is copied, to make room for it. The
        current release and the one that was deployed before it are never removed.
    type: int
    default: 5
  former:
    description: A release to keep in addition to O(keep), such as the one that was current until now.
    type: str
  lock:
    description:
      - Whether the task is part of a deploy of several tasks, in which no other run may change the releases.
      - With O(state=present) the task takes the machine's lock if there is something to deploy. If another run has the
        lock, the task fails and names that run. Later tasks renew the lock, and O(state=finished) releases it.
      - If a run is killed, its lock ends with the next run from the same control node, or after half an hour.
      - Check mode ignores the lock.
    type: bool
    default: false
  _run:
    description: Which run of ansible-playbook this is. The action plugin sets it. Not for playbooks.
    type: dict
  _gone:
    description: A run that has ended without releasing the lock. The action plugin sets it. Not for playbooks.
    type: dict
  _archive:
    description: Where on the managed node the action plugin has put the packed application. Not for playbooks.
    type: path
  _digests:
    description: The digests of the application's files, by the action plugin. Not for playbooks.
    type: dict
  _environment:
    description: The environment as JSON, by the action plugin. Not for playbooks.
    type: str
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  diff_mode:
    support: full
    details:
      - Shows the text files that differ from the current release, except those with the name of a secret, and the names
        of the environment variables that differ.
      - With O(state=current), the name of the release that is current and of the one that becomes it.
"""

EXAMPLES = r"""
- name: Copy the application to the machine
  flasklaunch.ec2.release:
    path: /opt/webserver
    src: "{{ playbook_dir }}/../app"
    venv: /opt/webserver/environments/py3.9-5f1d
    user: webserver
  register: release

- name: Serve it
  flasklaunch.ec2.release:
    path: /opt/webserver
    name: "{{ release.name }}"
    state: current

- name: Remove older releases
  flasklaunch.ec2.release:
    path: /opt/webserver
    state: finished
    keep: 3
"""

RETURN = r"""
name:
  description: The release's name, made of the first digits of a hash over its content.
  returned: success
  type: str
  sample: 4f1c52a0b7d9
present:
  description: Whether the release was there before, with all its files as they were copied.
  returned: O(state=present)
  type: bool
  sample: true
environment_is_sound:
  description: Whether its virtual environment is complete, with all files as they were installed.
  returned: O(state=present), with O(src) or O(content)
  type: bool
  sample: true
deployed:
  description: The value of O(deployed), for the task that makes the release current.
  returned: O(state=present)
  type: bool
  sample: true
left_out:
  description: The developer's own secrets and data that O(exclude) leaves out, each with the pattern that excludes it.
  returned: O(state=present), if the release is new on the machine
  type: dict
  sample: {.env: .env, data/shop.sqlite: "*.sqlite"}
venv:
  description: The virtual environment that belongs to the release.
  returned: O(state=present)
  type: str
  sample: /opt/webserver/environments/py3.9-5f1d20c7a3be
current:
  description: The name of the current release, before the task.
  returned: success
  type: str
  sample: 9a3e01c77b52
lock:
  description: The folder that is locked, and the run that has the lock.
  returned: with O(lock)
  type: dict
  sample: {path: /opt/webserver, run: {who: ann@laptop, place: laptop, pid: 812, started: "51220"}}
no_room:
  description: Whether the task failed because the disk is too full.
  returned: if the release was refused
  type: bool
  sample: true
removed:
  description: The releases that were removed.
  returned: O(state=absent) or O(state=finished)
  type: list
  elements: str
  sample: [77d0c1a2e5f4]
"""

import json
import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import (
    application,
    deploy_lock,
    leftovers,
    releases,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.shared import Shared


def argument_spec():
    return dict(
        path=dict(type="path", required=True),
        state=dict(choices=["present", "current", "absent", "finished"], default="present"),
        src=dict(type="path"),
        content=dict(type="dict"),
        exclude=dict(type="list", elements="str", default=application.EXCLUDE),
        venv=dict(type="path"),
        environment=dict(type="dict", default={}),
        user=dict(),
        shared=dict(type="list", elements="str", default=[]),
        shared_in=dict(type="path"),
        name=dict(),
        deployed=dict(type="bool", default=True),
        keep=dict(type="int", default=5),
        former=dict(),
        lock=dict(type="bool", default=False),
        _run=dict(type="dict"),
        _gone=dict(type="dict"),
        # From the action plugin, which reads the application: its archive on the managed node, if it is needed, and the
        # digests of its files, if the current release is to be compared with them.
        _archive=dict(type="path"),
        _digests=dict(type="dict"),
        # The environment as JSON, in one option that is hidden: the managed node's log gets a module's other options.
        _environment=dict(type="str", no_log=True),
    )


def present(params, before, check_mode):
    path, name = params["path"], params["name"]
    if params["venv"] is None:
        releases.find(path, name)
        take(params, check_mode)
        if params["user"] and not check_mode:
            releases.give_to_group(path, name, pwd.getpwnam(params["user"]).pw_gid)
        return dict(changed=False, present=True, deployed=params["deployed"])
    try:
        group = pwd.getpwnam(params["user"]).pw_gid
    except KeyError:
        if not check_mode:
            raise
        group = None  # in check mode the user may not exist yet
    there = releases.is_whole(path, name, params["venv"], params["environment"], group)
    is_sound = releases.is_sound(params["venv"])
    if params["_archive"] and not check_mode:
        take(params, check_mode)
        try:
            releases.make_room(path, params["keep"], name, params["venv"])
            outlives = Shared(params["shared"], params["shared_in"], params["user"]) if params["shared"] else None
            releases.unpack(path, name, params["_archive"], params["venv"], params["environment"], group, outlives)
        except BaseException:
            give_back(params)
            raise
    elif there and not (before == name and is_sound):
        take(params, check_mode)
        if not check_mode:
            releases.make_room(path, params["keep"], name, params["venv"])
    result = dict(
        changed=not there,
        present=there,
        deployed=params["deployed"],
        venv=params["venv"],
        environment_is_sound=is_sound,
    )
    if not there and not params["_archive"] and not check_mode:
        result["unchanged"] = sorted(releases.unchanged(path))
    if params["_digests"] is not None and before and not (there and before == name):
        result["differing"] = releases.differing(path, before, params["_digests"])
        result["differing_variables"] = releases.differing_variables(path, before, params["environment"])
    return result


def current(params, before, check_mode):
    path, name = params["path"], params["name"]
    releases.find(path, name)
    link = f"{path}/current"
    diff = dict(before_header=link, before=f"{before or 'none'}\n", after_header=link, after=f"{name}\n")
    if check_mode:
        return dict(changed=before != name, diff=diff)
    return dict(changed=releases.switch(path, name, params["deployed"]), diff=diff)


def absent(params, _before, check_mode):
    path, name = params["path"], params["name"]
    there = name in [release.name for release in releases.releases(path)]
    if not check_mode:
        releases.remove(path, name)
    return dict(changed=there, removed=[name] if there else [])


def finished(params, _before, check_mode):
    prunes = params["deployed"] and not check_mode
    removed = releases.prune(params["path"], params["keep"], params["former"]) if prunes else []
    give_back(params)
    return dict(changed=bool(removed), removed=removed)


def take(params, check_mode):
    if params["_run"] and not check_mode:
        deploy_lock.take(params["path"], params["_run"])


def give_back(params):
    if params["_run"]:
        deploy_lock.give_back(params["path"], params["_run"])


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(),
        required_if=[("state", state, ("name",)) for state in ("present", "current", "absent")],
        supports_check_mode=True,
    )
    params = module.params
    if params["_environment"]:
        params["environment"] = json.loads(params["_environment"])
    os.umask(0o022)  # the application's user must be able to enter the folders, also if root's umask is stricter
    try:
        if params["_archive"] and not module.check_mode:
            releases.make_folders(params["path"])
        elif params["state"] == "present" and not module.check_mode:
            leftovers.remove()  # the files of killed modules in the temporary folder; every deploy begins here
        if not module.check_mode:
            deploy_lock.wait_for_job(params["path"], params["_gone"])
        with releases.alone(params["path"]):
            if params["_run"] and not module.check_mode:
                ours = deploy_lock.check(params["path"], params["_run"], params["_gone"])
                if ours:
                    take(params, module.check_mode)
            was = releases.current(params["path"])
            act = {"present": present, "current": current, "absent": absent, "finished": finished}[params["state"]]
            result = act(params, was, module.check_mode)
    except deploy_lock.Held as held:
        module.fail_json(msg=str(held), held_by=held.run)
    except releases.Refused as refusal:
        module.fail_json(msg=str(refusal), no_room=isinstance(refusal, releases.NoRoom))
    except KeyError as error:  # from pwd
        module.fail_json(msg=f"user: {error.args[0]}")
    except OSError as error:
        module.fail_json(msg=f"the releases in {params['path']} cannot be worked on: {error}")
    if params["_run"]:
        result["lock"] = dict(path=params["path"], run=params["_run"])
    module.exit_json(name=params["name"], current=was, **result)


if __name__ == "__main__":
    main()
