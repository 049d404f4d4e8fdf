# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explains the output of the programs of a failed task to people."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import (
    printable,
    printable_line,
    shortened,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo

LONGEST = 400  # characters of git's output that a message repeats
# The line that ssh itself prints at the end.
OF_SSH = re.compile(r"(Shared connection|Connection) to .* closed\.?$")


def reported(output: str, key: str) -> str:
    """Return the first text that a role's script printed after a key, such as `python3: version`; "" if none."""
    found = re.search(rf"{re.escape(key)} (.*)", printable(output))
    return found.group(1).strip() if found else ""


def install_failure(result: Mapping[str, Any]) -> str:
    """Return why roles/python3/templates/bootstrap.sh.j2 failed, and the last line that yum or apt-get printed."""
    lines = [printable(line).strip() for stream in ("stdout_lines", "stderr_lines") for line in result.get(stream, [])]
    why = reported("\n".join(lines), "python3: failed:") or "The machine could not run the installation."
    words = [line for line in lines if line and not line.startswith("python3: ") and not OF_SSH.match(line)]
    return " ".join([why, *words[-1:]])


def python_failure(
    result: Mapping[str, Any], core: str, interpreters: Iterable[str], managed: Mapping[str, str]
) -> str:
    """Return why Ansible cannot manage the machine's Python, or "" if it can.

    `result` is that of roles/python3/templates/bootstrap.sh.j2, which looked at the paths `interpreters`. `core` is the
    version of ansible-core, such as `2.19`. `managed` gives for each version the oldest Python that it manages, the
    oldest version first. A newer ansible-core is assumed to manage the same versions as the last one.
    """
    if result.get("rc") != 0:
        return install_failure(result)
    version = reported(result.get("stdout", ""), "python3: version")
    if not version:
        looked_at = ", ".join(interpreters)
        return f"No Python was found in {looked_at}. Set ansible_python_interpreter to the machine's python3."
    releases = list(managed)
    oldest = managed.get(core, managed[releases[-1]])
    if numbers(version) >= numbers(oldest):
        return ""
    can = [release for release in releases if numbers(version) >= numbers(managed[release])]
    if not can:
        return (
            f"This machine's Python is {version}, and this collection manages {managed[releases[0]]} and newer. Install"
            " a newer Python on the machine and name it in ansible_python_interpreter."
        )
    return (
        f"ansible-core {core} manages Python {oldest} and newer; this machine's is {version}. Run the playbook with"
        f" ansible-core {can[-1]} (pip install 'ansible-core=={can[-1]}.*'), or install a newer Python on the machine"
        " and name it in ansible_python_interpreter."
    )


def numbers(version: str) -> list[int]:
    """Return the numbers of a version such as `3.9.16`, to compare it with another."""
    return [int(number) for number in re.findall(r"\d+", version)]


def last_words(result: Mapping[str, Any], otherwise: str) -> str:
    """Return the last line that a command wrote to stderr, or that of the task's message, or `otherwise`."""
    texts = [str(result.get(name) or "").strip() for name in ("stderr", "msg")]
    return printable([text for text in (*texts, otherwise) if text][0].splitlines()[-1])


def git_failure(result: Mapping[str, Any]) -> str:
    """Return what git printed, in one line, without the user name and password of a URL."""
    words = printable_line(without_userinfo(str(result.get("stderr") or result.get("msg") or ""))).strip()
    return shortened(words, LONGEST)
