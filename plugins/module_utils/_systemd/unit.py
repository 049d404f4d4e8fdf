# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Whether a systemd unit runs, and if not, what it printed last."""

from __future__ import annotations

import re
from typing import Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, OK, UNKNOWN, Hop, sentence
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd.systemctl import Unit

START = re.compile(r"^(?:Starting|Started) .*$", re.MULTILINE)
# systemd's own lines in the journal. They add nothing to the properties of the unit.
FROM_SYSTEMD = re.compile(
    r"^(?:\S+\.(?:service|socket|scope): |Failed to start |Stopp(?:ing|ed) |(?:Start(?:ing|ed)|Reload(?:ing|ed)) "
    # 219
    r"|Unit \S+ entered failed state|\S+\.service (?:failed\.|holdoff time over))"
)
# The last line of a Python traceback, such as `ModuleNotFoundError: No module named 'flsk'`.
EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)\b.*")
TROUBLE = re.compile(r"error|fail|denied|cannot|can't|refus|in use|not found|no such|killed", re.IGNORECASE)
JOURNAL_LINES = 60
# systemd itself sets these statuses if it cannot start the program (systemd.exec(5)).
EXEC_STATUS = {
    "200": "its working directory is missing",
    "203": "its program could not be executed",
    "216": "its group is missing",
    "217": "its user is missing",
    "226": "its file systems could not be set up",
}


def socket_of(service: str) -> str:
    """Return the .socket unit that belongs to the service by default."""
    return service.rpartition(".")[0] + ".socket"


def last_start(journal: str) -> list[str]:
    """Return the lines that the unit itself printed since its last start, from `journalctl --output cat`.

    If the unit printed nothing since then, returns the lines of the start before.
    """
    return next((lines for lines in reversed(_starts(journal)) if lines), [])


def last_failed_start(journal: str) -> list[str]:
    """Return what a unit that systemd restarts again and again printed when it last failed.

    Its traceback of the last start may not be complete yet: then the reason is in the lines of the start before.
    """
    return next((lines for lines in reversed(_starts(journal)) if telling_line(lines)), last_start(journal))


def _starts(journal: str) -> list[list[str]]:
    return [_own_lines(part) for part in START.split(journal)]


def _own_lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip() and not FROM_SYSTEMD.match(line)]


def shortened(lines: list[str]) -> list[str]:
    """Leave out lines in the middle if there are too many: the first and last lines of a traceback are needed."""
    if len(lines) <= JOURNAL_LINES:
        return lines
    half = JOURNAL_LINES // 2
    return lines[:half] + [f"... {len(lines) - 2 * half} lines ..."] + lines[-half:]


def telling_line(lines: Iterable[str]) -> str | None:
    """Return the line with the reason: the exception that ends a traceback, or the first line that names an error."""
    lines = list(lines)
    exceptions = [line.strip() for line in lines if EXCEPTION.match(line)]
    trouble = [line.strip() for line in lines if TROUBLE.search(line)]
    # The last exception in a traceback is the one that was not caught.
    return next(iter(exceptions[-1:] + trouble[:1]), None)


def unit_hop(
    service: Unit | None, socket: Unit | None, journal: Iterable[str], now: float, listens: bool = True
) -> Hop:
    """Return the hop of a service: whether it is active, or its active .socket unit starts it at the first connection.

    `now` is in seconds of the monotonic clock. `listens`: whether the service itself is found listening.
    """
    if service is None:
        return Hop(UNKNOWN, "systemd could not be asked for the unit.", "x-UNIT_UNREADABLE")
    name = service.name
    if not service.exists:
        evidence = f"There is no unit {name} on the machine."
        return _broken(
            name, "x-UNIT_NOT_FOUND", evidence, "systemctl list-units --type service # which units there are"
        )
    if service.says("LoadState") == "masked":
        return _broken(name, "x-UNIT_MASKED", f"{name} is masked.", f"sudo systemctl unmask --now {name}")
    if service.runs(now, listens):
        return _running(service, now)
    if socket is not None and socket.active and service.says("ActiveState") == "inactive":
        evidence = f"{socket.name} is {socket.state} and starts {name} at the first connection."
        return Hop(OK, evidence, resources=(socket.name, name))
    return _stopped(service, list(journal), now)


def _running(service: Unit, now: float) -> Hop:
    since = service.age("ActiveEnter", now)
    for_how_long = "" if since is None else f" for {duration(since)}"
    evidence = f"{service.name} is {service.state}{for_how_long}"
    # Units in other states (static, generated, transient) cannot be enabled.
    if service.says("UnitFileState") == "disabled":
        fix = f"sudo systemctl enable {service.name}"
        evidence += ", but not enabled: it is gone after the next reboot."
        return Hop(OK, evidence, "x-UNIT_NOT_ENABLED", fix, (service.name,))
    return Hop(OK, evidence + ".", resources=(service.name,))


def _stopped(service: Unit, journal: list[str], now: float) -> Hop:
    name, restarts = service.name, service.says("NRestarts")
    starting = service.says("ActiveState") in ("activating", "deactivating") or service.active
    # systemd may be restarting a service that cannot start at just this moment.
    restarting = service.says("SubState") == "auto-restart" or (starting and service.was_restarted)
    ended = service.says("Result") not in ("", "success")
    failed = ended or restarting or service.says("ActiveState") == "failed"
    evidence = f"{name} is {service.state}"
    if restarting and service.was_restarted:
        evidence += f", after {restarts} restart{'' if restarts == '1' else 's'}"
    elif not starting:
        since = service.age("InactiveEnter", now)
        if since is not None:
            evidence += f" for {duration(since)}"
        elif service.never_started and not journal:
            evidence += ", and never ran since the machine booted"
    evidence += f"; {_result(service)}" if ended else ""
    why = telling_line(journal)
    evidence += f": {why}" if why and (failed or starting) else ""
    if service.says("Result") == "oom-kill":
        code, fix = "x-OUT_OF_MEMORY", f"sudo systemctl restart {name} # with fewer processes, or with more memory"
    elif failed:
        code = "x-UNIT_RESTARTING" if restarting else "x-UNIT_FAILED"
        fix = f"journalctl -u {name} # fix what it says, then: sudo systemctl restart {name}"
    elif starting:
        code, fix = "x-UNIT_STARTING", f"journalctl -u {name}"
    else:
        # A unit without an [Install] section cannot be enabled.
        start = "enable --now" if service.says("UnitFileState") in ("enabled", "disabled") else "start"
        code, fix = "x-UNIT_INACTIVE", f"sudo systemctl {start} {name}"
    return _broken(name, code, sentence(evidence), fix)


def _broken(name: str, code: str, evidence: str, fix: str) -> Hop:
    return Hop(BROKEN, evidence, code, fix, (name,))


def _result(service: Unit) -> str:
    """Return how the main process ended. ExecMainCode 1 is CLD_EXITED; the other codes are signals (wait(2))."""
    status = service.says("ExecMainStatus")
    if service.says("Result") == "oom-kill":
        return "the kernel killed it because memory ran out"
    if service.says("ExecMainCode") == "1" and status in EXEC_STATUS:
        return f"{EXEC_STATUS[status]} ({service.program or 'status ' + status})"
    if service.says("ExecMainCode") == "1" and status != "0":
        return f"it ended with status {status}"
    if service.says("ExecMainCode") in ("2", "3"):
        return f"it was ended by signal {status}"
    return f"its result is {service.says('Result')}"


def duration(seconds: float) -> str:
    """Return a duration in its largest unit: 40 seconds, 3 minutes, 2 hours, 5 days."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count = int(seconds // size)
        if count:
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a second"
