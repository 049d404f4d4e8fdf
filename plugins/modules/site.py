#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: site
version_added: 0.1.0
short_description: Serve a release, prove it, or put back what was served
description:
  - Tries a release that M(flasklaunch.ec2.release) has brought, makes it the current one, writes the files of its
    units, restarts what runs with older files, and reads the page. If the release does not pass, or the page cannot be
    read, the former release is served again with its files.
  - Builtin modules cannot do this. M(ansible.builtin.systemd_service) restarts a unit, but does not undo anything, and
    what a playbook undoes in a rescue is not undone if its run is cut off.
  - This is one transaction. It runs on the managed node as a systemd unit of its own, so it comes to its end even if
    the control node, its network or its user is gone. The next run then gets its outcome in RV(interrupted).
  - It changes nothing and starts no unit if the release is served as it should be.
author: The flasklaunch founders (@flasklaunch)
options:
  state:
    description:
      - V(served) serves the release.
      - V(confirmed) forgets the outcome of the last deploy, because a person has been told.
    type: str
    choices: [served, confirmed]
    default: served
  path:
    description: The folder of the releases on the managed node.
    type: path
    required: true
  release:
    description: The name of the release. O(state=served) needs it.
    type: str
  unit:
    description: The service that serves.
    type: str
    required: true
  units:
    description: The units to run, in the order of their start.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the unit.
        type: str
        required: true
      reads:
        description: Paths that the unit reads when it starts. If one of them has changed since, the unit is restarted.
        type: list
        elements: str
        default: []
  files:
    description: The files of the units, in the order in which they are written.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file is.
        type: path
        required: true
      content:
        description: Its content. A file without content is removed, and a unit whose file it is stops.
        type: str
  gate_unit:
    description:
      - A service of the type oneshot that fails if the release is not fit to be served. It is started before anything
        that is served is touched, if the release is not the current one or if a file changes. Empty tries nothing.
    type: str
    default: ""
  gate_files:
    description: The files of O(gate_unit), in the form of O(files).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file is.
        type: path
        required: true
      content:
        description: Its content.
        type: str
  secrets:
    description:
      - A file on the managed node that only root may read, with a JSON list of files in the form of O(files), which may
        also have C(mode), C(owner) and C(folder_mode). Files without content are removed when the release is served.
      - The module removes the file. Secrets are not an option, because Ansible may print options.
    type: path
  url:
    description: The page as the managed node asks for it, C(http://ADDRESS:PORT/PATH). O(state=served) needs it.
    type: str
  host:
    description: The header C(Host) of that request.
    type: str
    default: localhost
  timeout:
    description: How many seconds the server may take to listen, and then to answer.
    type: int
    default: 30
  deployed:
    description: Whether the release counts as the latest once it is served. Set V(false) for a rollback.
    type: bool
    default: true
  is_new:
    description: Whether this deploy has brought the release. If it fails, the release is removed.
    type: bool
    default: true
  keep:
    description: How many releases to keep, the newest one included.
    type: int
    default: 5
  _run:
    description: Which run of ansible-playbook this is. The action plugin sets it. Not for playbooks.
    type: dict
  _gone:
    description: A run that has ended without releasing the lock. The action plugin sets it. Not for playbooks.
    type: dict
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  diff_mode:
    support: full
    details:
      - Shows the release that is current and the one that becomes it, O(files) and O(gate_files), but no secret.
"""

EXAMPLES = r"""
- name: Serve it
  flasklaunch.ec2.site:
    path: /opt/webserver
    release: 4f1c52a0b7d9
    unit: webserver.service
    units:
      - name: webserver.service
        reads: [/opt/webserver/current]
    files:
      - path: /etc/systemd/system/webserver.service
        content: "{{ lookup('ansible.builtin.template', 'webserver.service.j2') }}"
    url: http://127.0.0.1:5000/
"""

RETURN = r"""
outcome:
  description:
    - V(served) if the release is served, V(refused) if it did not pass the gate and nothing that is served was touched,
      V(put back) if it was not served and the former state is served again, V(not put back) if neither is.
    - The task does not fail for the last three, so that the caller can say more.
  returned: O(state=served), not in check mode
  type: str
  sample: served
reason:
  description: Why the release is not served. Empty if it is.
  returned: with RV(outcome)
  type: str
  sample: GET http://127.0.0.1:5000/ answered 500 INTERNAL SERVER ERROR
release:
  description: The name of the release.
  returned: if there was something to do
  type: str
  sample: 4f1c52a0b7d9
former:
  description: The release that was served before.
  returned: if there was something to do
  type: str
  sample: 9a3e01c77b52
gate:
  description: What O(gate_unit) wrote to the journal, if it failed.
  returned: if there was something to do
  type: str
  sample: "GET / answered 500: Internal Server Error"
not_put_back:
  description: Why the former release could not be served again.
  returned: if RV(outcome) is V(not put back)
  type: str
  sample: "systemctl restart webserver.service: it ended with 1"
answer:
  description: The status of the page and its first characters.
  returned: if RV(outcome) is V(served)
  type: dict
  sample: {status: 200, content: "Hello World\n"}
started:
  description: The units that were started or restarted.
  returned: with RV(outcome)
  type: list
  elements: str
  sample: [webserver.service]
removed:
  description: The releases that were removed because there are more than O(keep).
  returned: with RV(outcome)
  type: list
  elements: str
  sample: [77d0c1a2e5f4]
not_removed:
  description: Why a former release or secret is still there.
  returned: if one could not be removed
  type: str
  sample: "[Errno 30] Read-only file system: '/opt/webserver/releases/77d0c1a2e5f4'"
units:
  description: The units by name, after the task, as RV(flasklaunch.ec2.unit_files#module:units).
  returned: with RV(outcome)
  type: dict
  sample:
    webserver.service:
      active: true
      enabled: true
      main_pid: 812
      outdated_by: []
      since: "2026-11-23T05:47:28Z"
      state: active (running)
interrupted:
  description:
    - The outcome of an earlier deploy whose run was cut off, in the form of this result. Empty if there is none.
  returned: with RV(outcome)
  type: dict
  sample: {}
"""

import json
import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import (
    deploy_lock,
    job,
    releases,
    transaction,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files


def argument_spec():
    file_options = dict(path=dict(type="path", required=True), content=dict())
    unit_options = dict(name=dict(required=True), reads=dict(type="list", elements="str", default=[]))
    return dict(
        state=dict(choices=["served", "confirmed"], default="served"),
        path=dict(type="path", required=True),
        release=dict(),
        unit=dict(required=True),
        units=dict(type="list", elements="dict", default=[], options=unit_options),
        files=dict(type="list", elements="dict", default=[], options=file_options),
        gate_unit=dict(default=""),
        gate_files=dict(type="list", elements="dict", default=[], options=file_options),
        secrets=dict(type="path", no_log=False),
        url=dict(),
        host=dict(default="localhost"),
        timeout=dict(type="int", default=30),
        deployed=dict(type="bool", default=True),
        is_new=dict(type="bool", default=True),
        keep=dict(type="int", default=5),
        _run=dict(type="dict"),
        _gone=dict(type="dict"),
    )


def order_of(params):
    """Raises OSError and ValueError for a file of secrets that cannot be read, and KeyError for an unknown owner."""
    return transaction.Order(
        path=params["path"],
        release=params["release"],
        unit=params["unit"],
        units={unit["name"]: unit["reads"] for unit in params["units"]},
        files=params["files"],
        gate_unit=params["gate_unit"],
        gate_files=params["gate_files"],
        secrets=secrets_of(params["secrets"]),
        url=params["url"],
        host=params["host"],
        seconds=params["timeout"],
        deployed=params["deployed"],
        is_new=params["is_new"],
        keep=params["keep"],
        run=params["_run"],
    )


def secrets_of(path):
    if not path:
        return []
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    return [
        dict(
            path=each["path"],
            content=each.get("content"),
            mode=int(each.get("mode", "0600"), 8),
            uid=pwd.getpwnam(each.get("owner", "root")).pw_uid,
            folder_mode=int(each["folder_mode"], 8) if each.get("folder_mode") else None,
        )
        for each in found
    ]


def serve(module, order):
    """Returns the outcome, and whether anything was to be done. Raises deploy_lock.Held and job.Interrupted."""
    if not transaction.pending(order):
        try:
            return dict(
                state=transaction.SERVED, reason="", answer=transaction.ask(order), started=[], removed=[]
            ), False
        except transaction.Failed:
            pass  # the unit is restarted, as it does not serve with the files that it should
    deploy_lock.wait_for_job(order.path, module.params["_gone"])
    with releases.alone(order.path):
        deploy_lock.check(order.path, order.run, module.params["_gone"])
        deploy_lock.take(order.path, order.run)
    if module.params["secrets"]:
        os.unlink(module.params["secrets"])  # the job has them
    return job.wait(order, job.start(order)), True


def states(order):
    return {
        name: dict(
            state=unit.state,
            active=unit.active,
            enabled=unit.enabled,
            main_pid=unit.main_pid,
            since=times.iso_8601(unit.started) if unit.active and unit.started else None,
            outdated_by=outdated_by,
        )
        for name, (unit, outdated_by) in manager.look(order.units).items()
    }


def result_of(outcome):
    return {"outcome" if name == "state" else name: value for name, value in outcome.items()}


def difference(order):
    """Returns the release before and after, and each file that changes."""
    former, link = releases.current(order.path), f"{order.path}/current"
    files = {file["path"]: file for file in [*order.gate_files, *order.files] if not transaction.is_as(file)}.values()
    differences = [
        dict(
            before_header=file["path"],
            before=shown(unit_files.text(file["path"]), file["content"]),
            after_header=file["path"],
            after=file["content"] or "",
        )
        for file in files
    ]
    if former != order.release:
        release = dict(before=f"{former or 'none'}\n", after=f"{order.release}\n")
        differences.insert(0, dict(before_header=link, after_header=link, **release))
    return differences


def shown(before, after):
    """Return the former content for a difference. For a file that is removed, only its length."""
    return f"({len(before.splitlines())} lines)\n" if before and not after else before or ""


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(),
        required_if=[("state", "served", ("release", "url"))],
        supports_check_mode=True,
    )
    params = module.params
    os.umask(0o022)  # whatever root's is, who serves must be able to enter
    if params["state"] == "confirmed":
        there = job.read_outcome(params["unit"]) is not None
        if not module.check_mode:
            job.confirm(params["unit"])
        module.exit_json(changed=there)
    try:
        order = order_of(params)
        diff = difference(order)
        if module.check_mode:
            module.exit_json(changed=transaction.pending(order), diff=diff)
        interrupted = job.read_outcome(order.unit)
        outcome, changed = serve(module, order)
        units = states(order)
    except deploy_lock.Held as held:
        module.fail_json(msg=str(held), held_by=held.run)
    except (releases.Refused, manager.Failed, transaction.Failed, job.Interrupted) as error:
        module.fail_json(msg=str(error))
    except (OSError, KeyError, ValueError) as error:  # KeyError: no such user; ValueError: no octal digits
        module.fail_json(msg=f"files: {error}")
    if outcome.get("not_removed"):
        module.warn(
            f"The release is served, but a former file or release could not be removed: {outcome['not_removed']}"
        )
    module.exit_json(
        changed=changed,
        diff=diff,
        units=units,
        interrupted=result_of(interrupted or {}),
        **result_of(outcome),
    )


if __name__ == "__main__":
    main()
