#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: site
version_added: 1.0.0
short_description: Serve a release, or put back what was served
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
      - V(compared) changes nothing, and tells whether the application in O(application) is served as it should be.
    type: str
    choices: [served, compared]
    default: served
  path:
    description: The folder of the releases on the managed node.
    type: path
    required: true
  release:
    description: The name of the release. O(state=served) needs it.
    type: str
  application:
    description: The application on the control node, with the options of M(flasklaunch.ec2.release) of these names.
    type: dict
    suboptions:
      src:
        description: The folder of the application.
        type: path
      content:
        description: The application as a dictionary of paths and texts, instead of O(application.src).
        type: dict
      exclude:
        description: Shell patterns for the names of files and folders that do not come to the machine.
        type: list
        elements: str
      venv:
        description: The virtual environment that belongs to the release.
        type: path
        required: true
      environment:
        description: The environment variables of the application.
        type: dict
      user:
        description: The user that serves the application.
        type: str
        required: true
      shared:
        description: Files and folders of the application that outlive its releases.
        type: list
        elements: str
      shared_in:
        description: The folder on the managed node that keeps them.
        type: path
  unit:
    description: The service that serves.
    type: str
    required: true
  units:
    description:
      - The units to run, in the order of their start. Services besides O(unit) are restarted when the page is served.
        If one of them then ends within a few seconds, the former release is served again. If O(deployed) is V(false),
        there is only a warning.
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
        description:
          - Its content. A file with neither this nor O(files[].template) is removed, and a unit whose file it is stops.
        type: str
      template:
        description: A template on the control node that gives the content, as M(ansible.builtin.template) finds it.
        type: str
      vars:
        description: More variables for O(files[].template).
        type: dict
      mode:
        description: The mode of the file.
        type: str
        default: "0644"
  gate_unit:
    description:
      - A service of the type oneshot that fails if the release is not fit to be served. It is started before anything
        that is served is touched, if the release is not the current one or if a file changes. Empty tries nothing.
    type: str
    default: ""
  before_unit:
    description:
      - A service of the type oneshot that is started before O(gate_unit) if the release is not the current one, such as
        a migration of a database. If it fails, the release is refused. Its file is one of O(gate_files).
    type: str
    default: ""
  gate_files:
    description: The files of O(before_unit), O(gate_unit) and O(next_unit), in the form of O(files).
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
      template:
        description: A template on the control node that gives the content, as M(ansible.builtin.template) finds it.
        type: str
      vars:
        description: More variables for O(gate_files[].template).
        type: dict
      mode:
        description: The mode of the file.
        type: str
        default: "0644"
  next_unit:
    description:
      - A service that serves the release on the socket of O(unit) while O(unit) is restarted. It starts before the
        former server ends, so nobody waits for the requests that the former server finishes. Its file is one of
        O(gate_files). If it does not start, the release is refused.
      - It is not used if O(unit) does not run, if its socket changes too, or if the memory is not enough for a second
        server. Then O(unit) is only restarted, and requests wait until it is back. Empty always only restarts it.
    type: str
    default: ""
  spare_memory:
    description: MiB of memory that must remain available beside O(next_unit).
    type: int
    default: 0
  secrets:
    description:
      - The name of a variable with a list of files in the form of O(files), which may also have C(mode), C(owner) and
        C(folder_mode). Files without content are removed when the release is served.
      - It is a name because Ansible can print the options of a task.
    type: str
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
  _secrets:
    description: The value of the variable O(secrets). The action plugin sets it. Not for playbooks.
    type: str
  _environment:
    description: The environment as JSON, by the action plugin. Not for playbooks.
    type: str
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
        template: webserver.service.j2
    url: http://127.0.0.1:5000/

- name: Is it served with its units?
  flasklaunch.ec2.site:
    state: compared
    path: /opt/webserver
    application:
      src: "{{ playbook_dir }}/../app"
      venv: /opt/webserver/environments/py3.9-5f1d
      user: webserver
    unit: webserver.service
    units:
      - name: webserver.service
    files:
      - path: /etc/systemd/system/webserver.service
        template: webserver.service.j2
    url: http://127.0.0.1:5000/
"""

RETURN = r"""
differs:
  description: Whether a deploy of O(application) would change anything, or the page cannot be read.
  returned: O(state=compared)
  type: bool
  sample: false
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
prepared:
  description: What O(before_unit) wrote to the journal. Empty if it was not started, or failed.
  returned: if there was something to do
  type: str
  sample: ""
trial:
  description:
    - The unit that failed before anything that is served was touched, or the service of O(units) that ended soon after
      its start. Empty if none did.
  returned: if there was something to do
  type: str
  sample: webserver-gate@4f1c52a0b7d9.service
gate:
  description: What RV(trial) wrote to the journal.
  returned: if there was something to do
  type: str
  sample: "GET / answered 500: Internal Server Error"
not_put_back:
  description: Why the former release could not be served again.
  returned: if RV(outcome) is V(not put back)
  type: str
  sample: "systemctl restart webserver.service: it ended with 1"
before:
  description:
    - Who listens on the machine, as RV(flasklaunch.ec2.listening_ports#module:netstat),
      RV(flasklaunch.ec2.listening_ports#module:listening_ports) and
      RV(flasklaunch.ec2.listening_ports#module:dual_stack_listeners).
  returned: if RV(differs) is V(true)
  type: dict
  sample: {netstat: ["Active Internet connections (only servers)"], listening_ports: [], dual_stack_listeners: []}
answer:
  description: The status of the page and its first characters.
  returned: if RV(outcome) is V(served), or RV(differs) is V(false)
  type: dict
  sample: {status: 200, content: "Hello World\n"}
netstat:
  description: The listening table after the task, as RV(flasklaunch.ec2.listening_ports#module:netstat).
  returned: with RV(answer)
  type: list
  elements: str
  sample: ["Active Internet connections (only servers)"]
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
  returned: with RV(outcome), or if RV(differs) is V(false)
  type: dict
  sample:
    webserver.service:
      active: true
      enabled: true
      ended: null
      main_pid: 812
      outdated_by: []
      result: success
      since: "2026-11-23T05:47:28Z"
      state: active (running)
noted_in:
  description:
    - The folder on the managed node that has the outcome. As long as it is there, the next deploy reports the outcome
      in RV(interrupted). Remove it when a person knows the outcome.
  returned: with RV(outcome)
  type: str
  sample: /run/flasklaunch/webserver
interrupted:
  description:
    - The outcome of an earlier deploy whose run was cut off, in the form of this result. Empty if there is none.
  returned: with RV(outcome)
  type: dict
  sample: {}
"""

import base64
import json
import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import (
    deploy_lock,
    job,
    leftovers,
    releases,
    transaction,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import report
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files


def argument_spec():
    file_options = dict(
        path=dict(type="path", required=True),
        content=dict(),
        template=dict(),
        vars=dict(type="dict"),
        mode=dict(default="0644"),
    )
    unit_options = dict(name=dict(required=True), reads=dict(type="list", elements="str", default=[]))
    application_options = dict(
        src=dict(type="path"),
        content=dict(type="dict"),
        exclude=dict(type="list", elements="str"),
        venv=dict(type="path", required=True),
        environment=dict(type="dict"),
        user=dict(required=True),
        shared=dict(type="list", elements="str"),
        shared_in=dict(type="path"),
    )
    return dict(
        state=dict(choices=["served", "compared"], default="served"),
        path=dict(type="path", required=True),
        release=dict(),
        application=dict(type="dict", options=application_options),
        unit=dict(required=True),
        units=dict(type="list", elements="dict", default=[], options=unit_options),
        files=dict(type="list", elements="dict", default=[], options=file_options),
        before_unit=dict(default=""),
        gate_unit=dict(default=""),
        gate_files=dict(type="list", elements="dict", default=[], options=file_options),
        next_unit=dict(default=""),
        spare_memory=dict(type="int", default=0),
        secrets=dict(no_log=False),
        _secrets=dict(no_log=True),
        _environment=dict(no_log=True),
        url=dict(),
        host=dict(default="localhost"),
        timeout=dict(type="int", default=30),
        deployed=dict(type="bool", default=True),
        is_new=dict(type="bool", default=True),
        keep=dict(type="int", default=5),
        _run=dict(type="dict"),
        _gone=dict(type="dict"),
    )


def order_of(params, check_mode):
    """Return the order. Raises ValueError for a mode that is not octal, and KeyError for an unknown owner."""
    return transaction.Order(
        path=params["path"],
        release=params["release"],
        unit=params["unit"],
        units={unit["name"]: unit["reads"] for unit in params["units"]},
        files=with_modes(params["files"]),
        before_unit=params["before_unit"],
        gate_unit=params["gate_unit"],
        gate_files=with_modes(params["gate_files"]),
        secrets=secrets_of(params["_secrets"], check_mode),
        url=params["url"],
        host=params["host"],
        seconds=params["timeout"],
        deployed=params["deployed"],
        is_new=params["is_new"],
        keep=params["keep"],
        next_unit=params["next_unit"],
        spare_memory=params["spare_memory"],
        run=params["_run"],
    )


def with_modes(files):
    return [dict(file, mode=int(file["mode"], 8)) for file in files]


def secrets_of(encoded, check_mode):
    found = json.loads(base64.b64decode(encoded)) if encoded else []
    return [
        dict(
            path=each["path"],
            content=each.get("content"),
            mode=int(each.get("mode", "0600"), 8),
            uid=unit_files.uid_of(each.get("owner", "root"), check_mode),
            folder_mode=int(each["folder_mode"], 8) if each.get("folder_mode") else None,
        )
        for each in found
    ]


def seen_if_served(module, order):
    """Return the state of the site if a deploy would change nothing, otherwise None. Changes nothing."""
    if not module.check_mode:
        leftovers.remove()  # the files of killed modules in the temporary folder; every deploy begins here
    if deploy_lock.read(order.path) or job.read_outcome(order.unit) is not None:
        return None
    try:
        if is_there(order, module.params) and not transaction.pending(order):
            return seen(order, transaction.ask(order))
    except (OSError, manager.Failed, releases.Refused, transaction.Failed):
        pass  # the deploy finds it too, and reports it
    return None


def is_there(order, params):
    """Return whether the release and its virtual environment exist, with all files as they were copied."""
    application = params["application"]
    try:
        group = pwd.getpwnam(application["user"]).pw_gid
    except KeyError:
        return False
    venv, environment = application["venv"], json.loads(params["_environment"])
    return releases.is_whole(order.path, order.release, venv, environment, group) and releases.is_sound(venv)


def seen(order, answer):
    return dict(answer=answer, units=states(order), netstat=listening(order, processes=False)["netstat"])


def listening(order, processes=True):
    """Return the machine's listeners, as the module listening_ports does."""
    family = "any" if ":" in order.address[0] else "ipv4"
    found, _unmet = report.look(Query(family), lambda _warning: None, processes=processes)
    return {name: found[name] for name in ("netstat", "listening_ports", "dual_stack_listeners") if name in found}


def serve(module, order):
    """Deploy. Returns the outcome, and whether there was something to do. Raises deploy_lock.Held, job.Interrupted."""
    if not transaction.pending(order):
        try:
            return dict(
                state=transaction.SERVED, reason="", answer=transaction.ask(order), started=[], removed=[]
            ), False
        except transaction.Failed:
            pass  # nothing differs, but the page is not served: the deploy restarts the unit
    deploy_lock.wait_for_job(order.path, module.params["_gone"])
    with releases.alone(order.path):
        deploy_lock.check(order.path, order.run, module.params["_gone"])
        deploy_lock.take(order.path, order.run)
    return job.wait(order, job.start(order)), True


def states(order):
    return {name: unit.shown(outdated_by) for name, (unit, outdated_by) in manager.look(order.units).items()}


def result_of(outcome):
    return {"outcome" if name == "state" else name: value for name, value in outcome.items()}


def difference(order):
    """Return the release before and after, and each file that changes."""
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
    """Return the former content for a diff. For a file that is removed, only its length."""
    return f"({len(before.splitlines())} lines)\n" if before and not after else before or ""


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(),
        required_if=[("state", "served", ("release", "url")), ("state", "compared", ("application", "url"))],
        supports_check_mode=True,
    )
    params = module.params
    os.umask(0o022)  # the application's user must be able to enter the folders, also if root's umask is stricter
    try:
        compares = params["state"] == "compared"
        order = order_of(params, module.check_mode or compares)  # the user may not exist yet
        if compares:
            found = seen_if_served(module, order)
            differs = found is None
            module.exit_json(changed=False, differs=differs, **(dict(before=listening(order)) if differs else found))
        diff = difference(order)
        if module.check_mode:
            module.exit_json(changed=transaction.pending(order), diff=diff)
        interrupted = job.read_outcome(order.unit)
        outcome, changed = serve(module, order)
        found = seen(order, outcome["answer"]) if "answer" in outcome else dict(units=states(order))
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
    if outcome["state"] == transaction.SERVED and outcome.get("trial"):
        module.warn(
            f"The release is served, but {outcome['trial']} ended soon after its start. 'journalctl -u"
            f" {outcome['trial']}' on the machine says why."
        )
    module.exit_json(
        changed=changed,
        diff=diff,
        interrupted=result_of(interrupted or {}),
        noted_in=job.folder_of(order.unit),
        **{**result_of(outcome), **found},
    )


if __name__ == "__main__":
    main()
