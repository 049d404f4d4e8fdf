# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Values that the webserver role calculates from its variables and from facts about the machine."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

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
