# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What the collection's services must not do. Runs on the control node."""

from __future__ import annotations

# Directives of systemd.exec(5), each with the first systemd that knows it. The last one of a name counts.
DIRECTIVES = [
    ("UMask=0077", 0),
    ("NoNewPrivileges=yes", 187),
    ("PrivateTmp=yes", 0),
    ("PrivateDevices=yes", 209),
    ("SystemCallArchitectures=native", 209),
    ("SystemCallErrorNumber=EPERM", 209),
    ("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", 211),
    ("ProtectSystem=full", 214),
    ("RestrictRealtime=yes", 231),
    ("MemoryDenyWriteExecute=yes", 231),
    ("ProtectSystem=strict", 232),
    ("ProtectControlGroups=yes", 232),
    ("ProtectKernelModules=yes", 232),
    ("ProtectKernelTunables=yes", 232),
    ("RemoveIPC=yes", 232),
    ("RestrictNamespaces=yes", 233),
    ("LockPersonality=yes", 235),
    ("KeyringMode=private", 235),
    ("SystemCallFilter=@system-service", 239),
    ("SystemCallFilter=~@privileged @resources", 239),
    ("PrivateMounts=yes", 239),
    ("ProtectHostname=yes", 242),
    ("RestrictSUIDSGID=yes", 242),
    ("ProtectKernelLogs=yes", 244),
    ("ProtectClock=yes", 245),
    ("ProtectProc=invisible", 247),
    ("ProcSubset=pid", 247),
    ("PrivateIPC=yes", 248),
]


def sandbox(systemd: int | str) -> list[str]:
    """Return the directives that a version of systemd knows, for the section [Service]."""
    return [directive for directive, since in DIRECTIVES if since <= int(systemd)]
