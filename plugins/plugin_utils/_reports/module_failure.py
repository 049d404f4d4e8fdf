# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Explains to people why a task failed."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import sentence
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable

# Ansible's own message, and that of the machine's shell.
NO_INTERPRETER = re.compile(
    r"module interpreter '([^']+)' was not found|(?:^|[ :])(/\S+): (?:not found|No such file or directory)"
)


KILLED = (137, -9)  # signal 9 as a shell and as Python report it; the kernel sends it if memory runs out


def reason(result: Mapping[str, Any]) -> str:
    """Return the message of a failed task's result. If the module was killed, replace Ansible's unclear message."""
    if result.get("rc") in KILLED:
        return (
            "A process of this task was killed on the machine, most often because its memory ran out ('journalctl -k'"
            " on the machine shows that). Stop what else runs there, add swap, or take a larger instance. Then run"
            " this again."
        )
    return str(result.get("msg") or "")


def module_failure(result: Mapping[str, Any]) -> str:
    """Return the reason in sentences. If a module has no result, the machine usually has no Python."""
    said = [str(result.get(key) or "") for key in ("msg", "module_stdout", "module_stderr")]
    found = NO_INTERPRETER.search(printable("\n".join(said))) if result.get("rc") == 127 else None
    if found:
        python = found.group(1) or found.group(2)
        return (
            f"There is no Python at {python} on this machine, and Ansible needs it there. site.yml installs python3."
            " If Python is elsewhere, set ansible_python_interpreter to its path."
        )
    return printable(sentence(reason(result) or str(result.get("stderr") or "It could not be asked")))
