# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Values that the webserver role calculates from its variables and from facts about the machine."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable, shortened
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import module_failure

LONGEST_SHOWN = 100  # characters of a command
MIB_OF_THE_SYSTEM = 256
# The built-in page needs 15 MiB. The rest is for the application's modules and data.
MIB_OF_A_WORKER = 128


def worker_count(wanted: int | str, cpus: int | str, memory: int | str) -> int:
    """Return the number of worker processes. `wanted` is 0 for a number that fits the machine; `memory` is in MiB.

    A worker uses one processor at most. While one of two workers is replaced, the other one answers.
    """
    have_room = (int(memory) - MIB_OF_THE_SYSTEM) // MIB_OF_A_WORKER
    return int(wanted) or min(max(int(cpus), 2), max(have_room, 1))


def secret_files(
    secrets: Mapping[str, str], there: Iterable[str], folder: str, systemd_hands_over: bool, user: str
) -> list[dict[str, Any]]:
    """Return a file for each secret, and a file without content, to remove, for each secret of a former deploy.

    `there` are the names of the secrets on the machine. Older versions of systemd do not pass secrets to services, so
    the application's user must be able to read the files. Other users must not even see their names.
    """
    owner, folder_mode = ("root", "0700") if systemd_hands_over else (user, "0711")
    attributes = {"mode": "0600", "owner": owner, "folder_mode": folder_mode}
    files: list[dict[str, Any]] = [
        {"path": f"{folder}/{name}", "content": text, **attributes} for name, text in secrets.items()
    ]
    gone = [name for name in there if name not in secrets]
    return files + [{"path": f"{folder}/{name}", "content": None} for name in gone]


def systemd_argument(text: str) -> str:
    """Return a text as one argument in ExecStart= (systemd.service(5), "Command lines")."""
    special = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t", "%": "%%", "$": "$$"}
    return '"' + "".join(special.get(character, character) for character in str(text)) + '"'


def command_failure(result: Mapping[str, Any], command: str) -> str:
    """Return why a command did not succeed. `result` is that of the module release_command."""
    if "reason" not in result:  # the module itself failed, for example because the machine has no Python
        return module_failure.reason(result)
    why = {
        "timeout": "It took longer than webserver_command_timeout, and was ended.",
        "oom-kill": "The kernel killed it because memory ran out. Raise webserver_memory_max if it limits the site.",
    }.get(result["reason"], "See above for what it printed." if result["stdout_lines"] else "It printed nothing.")
    return f"{shortened(printable(command), LONGEST_SHOWN, '...')} ended with {result['rc']}. {why}"


def first_in_turn(hosts: Iterable[str], variables: Mapping[str, Mapping[str, Any]], site: str) -> str:
    """Return the first host that takes part in a turn for a site, or "". `variables` has those of each host.

    Of the variables it reads only `__webserver_turn`, the name of the site for which the host gets another release.
    """
    return next((host for host in hosts if variables[host].get("__webserver_turn") == site), "")
