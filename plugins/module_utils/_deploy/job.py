# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Runs a transaction as a systemd unit of its own, so that it continues if ssh, sshd or the control node ends.

start() copies the module's code and the order to /run/flasklaunch/UNIT, and starts UNIT-deploy.service, which writes
its outcome there. The run that started the deploy removes the outcome when it has it. If that run was interrupted,
the next run reports how the deploy ended. A boot empties /run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from typing import Any

from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import deploy_lock, transaction
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files

FOLDER = "/run/flasklaunch"
SECONDS_BETWEEN_LOOKS = 0.1
# The unit has no access to the module's own temporary folder, which Ansible removes.
PROGRAM = f"import sys; sys.path.insert(0, sys.argv[1]); from {__name__} import main; main(sys.argv[2])"
CODE, ORDER, OUTCOME = "code.zip", "order.json", "outcome.json"


class Interrupted(Exception):
    """The job ended without an outcome. The message is a sentence for people."""


def folder_of(unit: str) -> str:
    """Return the folder of the files that belong to a unit's deploys."""
    return os.path.join(FOLDER, os.path.splitext(unit)[0])


def start(order: transaction.Order) -> str:
    """Start the job. Returns the name of its unit. The caller has the lock of the deploy."""
    folder, unit = folder_of(order.unit), f"{os.path.splitext(order.unit)[0]}-deploy.service"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    os.chmod(folder, 0o700)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, OUTCOME))
    unit_files.write(os.path.join(folder, ORDER), transaction.to_json(order), 0o600, os.getuid())
    with contextlib.suppress(manager.Failed):  # a job that was killed is still known as failed
        manager.call("systemctl", "reset-failed", unit)
    manager.call("systemd-run", f"--unit={unit}", "--", sys.executable, "-c", PROGRAM, _code(folder), folder)
    return unit


def _code(folder: str) -> str:
    """Return what to put on sys.path to import this module: a copy of the module's zip file, or its checkout."""
    archive = getattr(__spec__.loader, "archive", None)
    if archive is None:
        return __file__[: -len(__name__.replace(".", "/") + ".py")]
    copy = os.path.join(folder, CODE)
    shutil.copyfile(archive, copy)
    return copy


def wait(order: transaction.Order, unit: str) -> dict[str, Any]:
    """Wait for the end of the job, and return its outcome. Raises Interrupted."""
    while True:
        ended = not _is_running(unit)  # first, because the job may end before the next line
        outcome = read_outcome(order.unit)
        if outcome is not None:
            return outcome
        if ended:
            raise Interrupted(
                f"{unit} ended without an outcome. To see why, run 'journalctl -u {unit}' on the machine."
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _is_running(unit: str) -> bool:
    shown = manager.call("systemctl", "show", "--property=ActiveState", "--", unit)
    return shown.strip().partition("=")[2] in ("activating", "active", "deactivating", "reloading")


def read_outcome(unit: str) -> dict[str, Any] | None:
    """Return the outcome of the last deploy, or None if no run has to report it any more."""
    try:
        with open(os.path.join(folder_of(unit), OUTCOME), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def main(folder: str) -> None:
    """The program of the job."""
    os.umask(0o022)  # the user of the application must be able to enter the folders, also if root's umask is stricter
    order_file = os.path.join(folder, ORDER)
    with open(order_file, encoding="utf-8") as file:
        order = transaction.from_json(file.read())
    os.unlink(order_file)  # it may contain secrets
    outcome: dict[str, Any] = dict(state=transaction.NOT_PUT_BACK, release=order.release)
    try:
        with deploy_lock.job(order.path, order.run):
            outcome = transaction.carry_out(order)
    except (deploy_lock.Held, deploy_lock.Lost) as held:
        outcome.update(state=transaction.REFUSED, reason=str(held))
    except BaseException as error:
        outcome.update(reason=f"the deploy ended with an error: {error!r}")
        raise  # the journal gets the traceback
    finally:
        outcome.update(run=order.run, ended=time.time())
        unit_files.write(os.path.join(folder, OUTCOME), json.dumps(outcome), 0o600, os.getuid())
