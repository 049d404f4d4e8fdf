# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Why a module gave no result, in a sentence for people."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._hop import sentence
from ansible_collections.flasklaunch.ec2.plugins.module_utils._printable import printable

# Ansible's own message, and that of the machine's shell.
NO_INTERPRETER = re.compile(
    r"module interpreter '([^']+)' was not found|(?:^|[ :])(/\S+): (?:not found|No such file or directory)"
)


def module_failure(result: Mapping[str, Any]) -> str:
    """The reason, from the result that a failed task registered. The usual cause is a machine without Python."""
    said = [str(result.get(key) or "") for key in ("msg", "module_stdout", "module_stderr")]
    found = NO_INTERPRETER.search(printable("\n".join(said))) if result.get("rc") == 127 else None
    if found:
        python = found.group(1) or found.group(2)
        return (
            f"There is no Python at {python} on this machine, and Ansible needs it there. site.yml installs python3;"
            " a Python that is elsewhere is named in ansible_python_interpreter."
        )
    return printable(sentence(said[0] or str(result.get("stderr") or "It could not be asked")))
