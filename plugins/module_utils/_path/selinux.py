# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Whether SELinux denied the unit something, from the kernel's AVC messages in the audit log or the journal."""

from __future__ import annotations

import os
import re
import shlex
from typing import Container, Iterable, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, OK, UNKNOWN, Hop

AVC = re.compile(r"avc: +denied +\{ (?P<permissions>[^}]+) \} for +(?P<rest>.*)")
# The time in a line of the audit log, or at the beginning of a line of `journalctl --output short-unix`.
WHEN = re.compile(r"audit\((\d+)\.\d+:\d+\)|^(\d+)\.\d+ ")
FIELD = re.compile(r'(\w+)=("[^"]*"|\S+)')
COMM_LIMIT = 15  # characters: TASK_COMM_LEN without the final NUL


class Denial(NamedTuple):
    """One AVC message."""

    seconds: int  # since 1970
    permissions: str
    fields: dict[str, str]  # pid, comm, path, name, src, dest, scontext, tcontext, tclass, permissive


def parse(lines: Iterable[str]) -> list[Denial]:
    """Return the denials in lines of the audit log or the journal."""
    found = []
    for line in lines:
        match, when = AVC.search(line), WHEN.search(line)
        if match and when:
            fields = {key: value.strip('"') for key, value in FIELD.findall(match.group("rest"))}
            seconds = int(when.group(1) or when.group(2))
            found.append(Denial(seconds, match.group("permissions").strip(), fields))
    return found


def concerns(denial: Denial, pids: Container[int], program: str, port: int) -> bool:
    """Return whether a denial concerns the unit: one of its processes, its program, or its port."""
    fields = denial.fields
    if fields.get("pid", "").isdigit() and int(fields["pid"]) in pids:
        return True
    # Between fork and exec systemd names the process `(program)`.
    name = os.path.basename(program)[:COMM_LIMIT]
    if name and fields.get("comm", "").strip("()")[:COMM_LIMIT] == name:
        return True
    return fields.get("tclass") == "tcp_socket" and str(port) in (fields.get("src"), fields.get("dest"))


def selinux_hop(
    enforcing: bool | None,
    denials: list[Denial] | None,
    pids: Container[int],
    program: str,
    port: int,
    since: float,
    unreadable: str = "",
) -> Hop:
    """Return the hop. It is broken if SELinux denied the unit something after `since`, its last start (s since 1970).

    Earlier denials may have been fixed. `enforcing` is None if SELinux is off. `denials` is None if they cannot be
    read, and `unreadable` says why.
    """
    if enforcing is None:
        return Hop(OK, "SELinux is not enabled.")
    if not enforcing:
        return Hop(OK, "SELinux is permissive: it logs, and denies nothing.")
    if denials is None:
        return Hop(UNKNOWN, f"SELinux is enforcing, and {unreadable}.", "x-SELINUX_UNREADABLE")
    own = [each for each in denials if each.seconds >= since and concerns(each, pids, program, port)]
    own = [each for each in own if each.fields.get("permissive") != "1"]
    if not own:
        return Hop(OK, "SELinux is enforcing, and has denied the unit nothing since it was started.")
    last = own[-1]
    what = last.fields.get("path") or last.fields.get("name") or last.fields.get("src") or last.fields.get("dest") or ""
    evidence = (
        f"SELinux denied {last.fields.get('comm', 'the unit')} ({last.fields.get('scontext', 'no context')})"
        f" {{ {last.permissions} }} on {last.fields.get('tclass', 'something')} {what}".rstrip()
    )
    evidence += f" ({last.fields.get('tcontext', 'no context')})."
    return Hop(BROKEN, evidence, "x-SELINUX_DENIAL", _fix(last, program, port), (what,) if what else ())


def _fix(denial: Denial, program: str, port: int) -> str:
    if "name_bind" in denial.permissions:
        return f"sudo semanage port -a -t http_port_t -p tcp {denial.fields.get('src', port)}"
    if denial.permissions in ("execute", "execute_no_trans", "entrypoint"):
        folder = os.path.dirname(denial.fields.get("path") or program)
        return f"sudo semanage fcontext -a -t bin_t '{folder}(/.*)?' && sudo restorecon -R {folder}"
    process = shlex.quote(denial.fields.get("comm", "NAME"))  # a process chooses its name itself
    return f"sudo ausearch -m avc -c {process} | audit2allow -w # says what to allow"
