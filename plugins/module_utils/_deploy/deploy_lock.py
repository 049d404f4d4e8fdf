# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""A lock for one deploy at a time on a managed node: a record of the run that deploys, beside the releases.

A deploy has several tasks, and a lock of the kernel ends with the process of one task. A run that was killed leaves
its record behind. The record is dead if the control node knows that the run's process has ended, if the lease has run
out, or if the machine has booted since then.

A run is a dictionary with `who` (user@host, for people), `place` (host, boot and process namespace of the control
node), `pid` and `started` (of the process of ansible-playbook). The callers of functions with a `path` hold
releases.alone(), unless the docstring says otherwise.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import Any, Iterator, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import times
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import releases

FILE = os.path.join("releases", ".lock")
JOB_FILE = os.path.join("releases", ".job")  # the job holds flock(2) on it, also after its run has ended: see job.py
LEASE = 30 * 60  # seconds; each task of the deploy renews the lease


class Moment(NamedTuple):
    """The current time, by clocks that cannot be set."""

    boot: str  # see boot_id
    uptime: float  # seconds since that boot


class Held(Exception):
    """Another run has the lock. The message is for people. `file` is the lock's file, which a person may remove."""

    def __init__(self, record: Mapping[str, Any], file: str):
        self.run = record["run"]
        who, since = f"{self.run['who']} (process {self.run['pid']})", times.iso_8601(record["since"])
        super().__init__(self.sentences(who, since, file))

    @staticmethod
    def sentences(who: str, since: str, file: str) -> str:
        return (
            f"{who} has been deploying to this machine since {since}. Run this again when that run has ended. If it was"
            f" killed, a run from the same control node takes over at once. A run from another control node takes over"
            f" after {LEASE // 60} minutes, or at once if you remove {file} on the machine."
        )


class AtWork(Held):
    """The run has ended, but the machine still works on its deploy."""

    @staticmethod
    def sentences(who: str, since: str, file: str) -> str:
        return (
            f"{who} began a deploy at {since}. That run was cut off, and the machine ends the deploy by itself. Run"
            " this again in a minute."
        )


class Lost(Exception):
    """The run that had the lock was killed, and another run has deployed since."""

    def __str__(self) -> str:
        return "the run that began this deploy was killed, and another run has deployed since"


def boot_id() -> str:
    """Return a text that differs after each boot; empty on systems other than Linux."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def now() -> Moment:
    """Return the current time."""
    return Moment(boot_id(), time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))


def is_alive(record: Mapping[str, Any], moment: Moment, gone: Mapping[str, Any] | None = None) -> bool:
    """Return whether the run of a record still has the lock. `gone` is a run whose process is known to have ended."""
    return record["run"] != gone and record["boot"] == moment.boot and 0 <= moment.uptime - record["renewed"] < LEASE


def read(path: str) -> dict[str, Any] | None:
    """Return the record `{run, since, renewed, boot}`; None if there is none or it is invalid.

    `since` is in seconds since 1970, and `renewed` in seconds since that boot.
    """
    try:
        with open(os.path.join(path, FILE), encoding="utf-8") as file:
            record = json.load(file)
        run = {name: record["run"][name] for name in ("who", "place", "pid", "started")}
        return dict(run=run, since=float(record["since"]), renewed=float(record["renewed"]), boot=str(record["boot"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check(path: str, run: Mapping[str, Any], gone: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Return the record of this run, if it has the lock. Raises Held if another run has it. Removes a dead record."""
    record = read(path)
    if record is None or record["run"] == run:
        return record
    if is_alive(record, now(), gone):
        raise Held(record, os.path.join(path, FILE))
    if _is_job_running(path):
        raise AtWork(record, os.path.join(path, FILE))
    _remove(path)
    return None


def _is_job_running(path: str) -> bool:
    try:
        with _job_file(path, 0):
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def wait_for_job(path: str, gone: Mapping[str, Any] | None) -> None:
    """Wait until the machine has ended the deploy of `gone`, a run whose process is known to have ended.

    The caller must not hold releases.alone(), because the job needs it.
    """
    record = read(path)
    if record is not None and record["run"] == gone:
        with contextlib.suppress(FileNotFoundError), _job_file(path, 0, waits=True):
            pass


@contextlib.contextmanager
def _job_file(path: str, flags: int = os.O_CREAT, waits: bool = False) -> Iterator[None]:
    """Lock the file of the job. If another process has the lock, wait for it or raise BlockingIOError."""
    descriptor = os.open(os.path.join(path, JOB_FILE), os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def job(path: str, run: Mapping[str, Any]) -> Iterator[None]:
    """Keep the lock of a run in the block, even if that run ends before, and then give it back.

    The caller must not hold releases.alone(). Raises Held if another run has the lock, and Lost if this run lost it.
    """
    with _job_file(path):
        with releases.alone(path):
            if check(path, run) is None:
                raise Lost()
        try:
            yield
        finally:
            with releases.alone(path):
                give_back(path, run)


def take(path: str, run: Mapping[str, Any], gone: Mapping[str, Any] | None = None) -> None:
    """Take the lock, or renew it. Raises Held."""
    ours = check(path, run, gone)
    moment = now()
    record = dict(run=run, since=ours["since"] if ours else time.time(), renewed=moment.uptime, boot=moment.boot)
    file_name = os.path.join(path, FILE)
    with open(file_name + ".partial", "w", encoding="utf-8") as file:
        json.dump(record, file)
    os.replace(file_name + ".partial", file_name)


def give_back(path: str, run: Mapping[str, Any]) -> None:
    """Remove the record of this run. The record of another run stays."""
    record = read(path)
    if record is not None and record["run"] == run:
        _remove(path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(path, FILE))
