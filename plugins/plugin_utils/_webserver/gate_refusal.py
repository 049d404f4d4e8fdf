# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Explains why the gate refused a release, from its journal, and which variables help. Runs on the control node.

The gate itself, roles/webserver/files/health.py, does not know these variables.
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import read_only
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.requirements import is_no_application

# The lines that systemd adds about a unit such as NAME-gate@RELEASE. Only systemd 219 writes the last two.
OF_SYSTEMD = re.compile(
    r"^(?:\S+@\S+[.]service: .*|Failed to start .*"
    r"|Unit \S+@.* entered failed state.*|\S+@\S+[.]service failed\.)$\n?",
    re.MULTILINE,
)
OUT_OF_MEMORY = re.compile(r"OOM killer|oom-kill|memory runs out")
LACKING = re.compile(r"^ModuleNotFoundError: No module named '([^']+)'", re.MULTILINE)
OWN = "is the application's own:"
# gunicorn calls an application with two arguments, and also a function that makes it if the parentheses are missing.
FACTORY = re.compile(
    r"^TypeError: (\w+)\(\) takes (0|from 0 to 1|1) positional arguments? but 2 were given$", re.MULTILINE
)
FRAME = '  File "'  # the beginning of a frame in a traceback; the gate removes gunicorn's frames


class Forbidden(NamedTuple):
    """Something that the unit's sandbox forbids, and the options that allow it."""

    said: str  # a regular expression for Python's error
    what: str  # the noun that follows "The unit's sandbox forbids"
    option: str


SANDBOX = [
    Forbidden(
        r"executable memory|[Aa]llocate (section|write\+execute|exec)|ffi\.callback",
        "memory that is writable and executable, which a just-in-time compiler needs",
        'MemoryDenyWriteExecute: "no"',
    ),
    Forbidden(
        r"\[Errno 97\]|Address family not supported",
        "network protocols other than IPv4, IPv6 and Unix sockets",
        "RestrictAddressFamilies: AF_NETLINK",
    ),
    Forbidden(
        r"No such file or directory: '/proc/(?!\d|self|thread-self)",
        "the files of /proc that do not belong to a process",
        "ProcSubset: all",
    ),
    Forbidden(r"No such file or directory: '/dev/", "devices", 'PrivateDevices: "no"'),
    Forbidden(
        r"(Permission denied|No such file or directory): '/(home|root)/", "home folders", "ProtectHome: read-only"
    ),
    Forbidden(
        r"\[Errno 1\] Operation not permitted",
        "system calls that change priorities, file owners or the machine, and memory that is writable and executable",
        'SystemCallFilter: "@privileged @resources"} or {MemoryDenyWriteExecute: "no"',
    ),
]


def reason(journal: str, is_new: bool = True, app: str = "") -> str:
    """Return, in lines, why the gate refused a release, and what to do.

    `is_new` is false for a rollback to a release that was deployed before: its files cannot be changed. `app` is the
    value of webserver_app.
    """
    words = said(journal)
    return "\n".join([words, *advice(words, is_new, app)])


def said(journal: str) -> str:
    """Return what the gate printed. Its last line says what is wrong."""
    own = OF_SYSTEMD.sub("", journal).strip()
    # If the gate itself was killed or did not start, only systemd's lines say why.
    return own or journal.strip() or "The machine's journal has no message about it."


def advice(words: str, is_new: bool, app: str) -> Iterator[str]:
    if OUT_OF_MEMORY.search(words):
        yield (
            "A new release is tested while the one that is served still runs, and both need memory. Use a larger "
            "instance, add swap, or raise webserver_memory_max if it limits the unit."
        )
    lacking = LACKING.findall(words)
    if lacking and OWN not in words:
        yield (
            f"No package of the release has the module {lacking[-1]}. Add the package that has it to "
            "requirements.txt or pyproject.toml, which must name all packages that the application imports, also "
            "Flask."
        )
    yield from _of_a_factory(words, app)
    yield from _of_the_sandbox(words)
    if "can't start new thread" in words:
        yield "The unit has reached its limit of processes and threads: raise webserver_tasks_max."
    if re.search(r"^GET \S+ answered 400\b", words, re.MULTILINE):
        yield (
            "If the application accepts only its own host names, as with Flask's TRUSTED_HOSTS, name one of them in "
            "webserver_health_host."
        )
    if re.search(r"^GET \S+ answered 404\b", words, re.MULTILINE):
        yield (
            "Name a path that the application has in webserver_health_path."
            if is_new
            else "If the application has another path for health checks, name it: -e webserver_health_path=/"
        )
    if re.search(r"^GET \S+ got no answer within", words, re.MULTILINE) and "app.run()" not in words:
        yield "If the application only needs more time to start, raise webserver_start_timeout."


def _of_a_factory(words: str, app: str) -> Iterator[str]:
    name = app.partition(":")[2]
    for factory in FACTORY.finditer(words):
        # With a frame of a package, such as a middleware, the function must be the one that webserver_app names.
        if name.isidentifier() and (factory[1] == name or FRAME not in words):
            argument = " with its argument between the parentheses" if factory[2] == "1" else ""
            yield f"{is_no_application(app)}{argument}."
            return


def _of_the_sandbox(words: str) -> Iterator[str]:
    written = read_only.advice(words)
    if written:
        yield written
    for forbidden in SANDBOX:
        if re.search(forbidden.said, words):
            yield (
                f"The unit's sandbox forbids {forbidden.what}. If the application needs that, allow it with "
                f"webserver_unit_options: {{{forbidden.option}}}"
            )
            return
