# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""The files on the control node to which a role writes its report."""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import sentence


def unwritable(path: str) -> str:
    """Return a sentence that says why this user cannot write the file; empty if there is no known reason."""
    path = os.path.abspath(os.path.expanduser(path))
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return f"There is no folder {folder}."
    if os.path.isdir(path):
        return f"{path} is a folder."
    # Ansible replaces the file with a new one, so the folder's permissions count.
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"The folder {folder} cannot be written to."


def report_places(reports: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[str]:
    """Return a line for each report: where it is, or why it was not written.

    A report is the name of the variable with its path, the path (empty: no report is wanted), and the result of the
    task that writes it. The task is skipped if unwritable() gives a reason.
    """
    lines = []
    for variable, path, result in reports:
        if not path:
            continue
        place = os.path.abspath(os.path.expanduser(path))
        # From ansible-core 2.19 on, a failure that `failed_when` suppresses may have no message, but no `dest` either.
        reason = unwritable(path) or result.get("msg") or ("" if "dest" in result else "Ansible could not write it")
        if reason:
            advice = f'Name another file in {variable}, or write no file: -e {variable}=""'
            lines.append(f"Not written: {place}. {sentence(reason)} {advice}")
        else:
            lines.append(f"Written: {place}")
    return lines
