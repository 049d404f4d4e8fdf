# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""A site's processes beside its server, and its timers: the units that they need. Runs on the control node.

A process has one service for each of its instances, NAME-PROCESS@NUMBER.service. A timer has NAME-timer@TIMER.timer and
the service that it starts. These are not templates of systemd: to remove the file of a unit stops it.
"""

from __future__ import annotations

import re
from typing import Any, Collection, Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable_line
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import procfile

NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
# The role's own units have these names: NAME-gate@RELEASE.service. `web` and `release` are those of a Procfile.
OF_THE_ROLE = frozenset(
    ["before", "command", "deploy", "gate", "health", "next", "timer", procfile.WEB, procfile.RELEASE]
)
ASSIGNMENTS = re.compile(r"(?:[A-Za-z_]\w*=[\w./:@%+,-]*\s+)*")
PROGRAM = re.compile(r"[\w./+-]+")
# The words that begin a command of the shell itself (POSIX, 2.4 and 2.14, and bash), which exec cannot start.
OF_THE_SHELL = frozenset(
    [
        *(".", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif"),
        *("else", "esac", "eval", "exit", "export", "fg", "fi", "for", "function", "getopts", "hash"),
        *("if", "in", "jobs", "kill", "read", "readonly", "return", "select", "set", "shift", "source"),
        *("then", "time", "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait"),
        "while",
    ]
)


class Process(NamedTuple):
    name: str
    command: str
    total: int


def wanted(own: Mapping[str, Any], commands: Mapping[str, str]) -> list[Process]:
    """Return the processes of a site. `own` is webserver_processes, and `commands` is the result of procfile.read().

    A process of the Procfile runs once, unless webserver_processes gives it another count. Its command counts if
    webserver_processes gives none.
    """
    entries = {name: entry if isinstance(entry, Mapping) else {"command": entry} for name, entry in own.items()}
    names = dict.fromkeys([*entries, *startable(commands)])
    given = {name: {"command": commands.get(name, ""), "count": 1, **entries.get(name, {})} for name in names}
    return [Process(name, each["command"], int(each["count"])) for name, each in given.items()]


def startable(commands: Mapping[str, str]) -> list[str]:
    """Return the names of a Procfile's processes that get units of their own."""
    return [name for name in commands if name not in OF_THE_ROLE and re.fullmatch(NAME, name)]


def without_command(own: Mapping[str, Any], commands: Mapping[str, str]) -> list[str]:
    """Return a sentence for each process of webserver_processes that has no command, also not in the Procfile."""
    return [
        f"webserver_processes: {process.name} has no command, and the application has no Procfile with a line"
        f" '{process.name}: COMMAND'. Set its command."
        for process in wanted(own, commands)
        if not process.command and process.total
    ]


def explained(own: Mapping[str, Any], commands: Mapping[str, str]) -> list[str]:
    """Return a sentence for each process of a Procfile that webserver_processes does not name."""
    sentences = []
    for name in sorted(commands.keys() - {procfile.WEB, procfile.RELEASE} - own.keys()):
        begin = f"The Procfile's process {printable_line(name)} is"
        if name in startable(commands):
            sentences.append(
                f"{begin} started once: {printable_line(commands[name])}. For another number of them, set"
                f" webserver_processes: {{{name}: {{count: 2}}}}"
            )
        else:
            sentences.append(f"{begin} not started, because its name cannot be that of a unit. Give it another name.")
    return sentences


def units(site: str, own: Mapping[str, Any], commands: Mapping[str, str], timers: Mapping[str, Any]) -> list[dict]:
    """Return the units of a site's processes and timers, each with the template of its file and the variables for it.

    `own` and `commands` are those of wanted(), and `timers` is webserver_timers.
    """
    return [*_units_of_processes(site, wanted(own, commands)), *_units_of_timers(site, timers)]


def _units_of_processes(site: str, processes: Iterable[Process]) -> Iterator[dict]:
    for process in processes:
        for number in range(1, process.total + 1):
            command, is_main = as_main_process(process.command)
            variables = {"name": process.name, "number": number, "command": command, "is_main": is_main}
            yield _unit(f"{site}-{process.name}@{number}.service", "process@.service", {"process": variables})


def _units_of_timers(site: str, timers: Mapping[str, Any]) -> Iterator[dict]:
    for name, entry in timers.items():
        for kind in ("service", "timer"):
            yield _unit(f"{site}-timer@{name}.{kind}", f"timer@.{kind}", {"timer": {"name": name, **entry}})


def _unit(name: str, template: str, variables: dict[str, Any]) -> dict:
    return {"name": name, "template": f"webserver-{template}.j2", "vars": variables}


def as_main_process(line: str) -> tuple[str, bool]:
    """Return a line of a shell that runs its command in the place of the shell, and whether it does.

    systemd can then ask only this process to stop. Some workers lose a job if their own processes are asked too. A line
    that is more than one plain command stays as it is.
    """
    start = ASSIGNMENTS.match(line)
    command = line[start.end() :] if start else line
    word = command.partition(" ")[0]
    if word == "exec":
        return line, procfile.is_one_command(line)
    if not procfile.is_one_command(line) or not PROGRAM.fullmatch(word) or word in OF_THE_SHELL:
        return line, False
    return f"{line[: len(line) - len(command)]}exec {command}", True


def files(wanted_units: Iterable[Mapping[str, Any]], there: Iterable[str], folder: str) -> list[dict]:
    """Return the files of units(), and those of superfluous units, without content, so that they are removed.

    `there` are the names of such units on the machine. A timer is removed before the service that it starts.
    """
    names = [unit["name"] for unit in wanted_units]
    gone = sorted((name for name in there if name not in names), key=lambda name: not name.endswith(".timer"))
    return [{"path": f"{folder}/{name}"} for name in gone] + [
        {"path": f"{folder}/{unit['name']}", "template": unit["template"], "vars": unit["vars"]}
        for unit in wanted_units
    ]


def to_run(names: Iterable[str], site: str, reads: list[str]) -> list[dict]:
    """Return the units that must run, for the module site. `reads` are the paths that a process reads at its start.

    The service of a timer is not one of them: only the timer starts it.
    """
    jobs = f"{site}-timer@"
    services = [
        {"name": name, "reads": reads} for name in names if name.endswith(".service") and not name.startswith(jobs)
    ]
    return services + [{"name": name} for name in names if name.endswith(".timer")]


def is_process(name: str, seen: Collection[str]) -> bool:
    """Return whether a unit is one of the site's processes. `seen` are the names of all of its units."""
    is_job = name[: -len(".service")] + ".timer" in seen  # a timer starts it
    return "@" in name and name.endswith(".service") and not is_job


def ended(seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a clause for each process or timer that does not run. `seen` are units as unit_files returns them."""
    timers = [name for name, unit in seen.items() if "@" in name and name.endswith(".timer") and not unit["active"]]
    down = [name for name, unit in seen.items() if is_process(name, seen) and not (unit["active"] and unit["main_pid"])]
    return [f"{name} is {seen[name]['state']}" for name in down + timers]


def shown(seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines of the status about processes and timers. `seen` are units as the module unit_files has them."""
    return [*_processes_shown(seen), *_timers_shown(seen)]


def _processes_shown(seen: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, unit in seen.items():
        if is_process(name, seen):
            since = f" since {unit['since']}" if unit["since"] else ""
            pid = f", process {unit['main_pid']}" if unit["main_pid"] else ""
            yield f"process: {name} is {unit['state']}{since}{pid}"


def _timers_shown(seen: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, unit in seen.items():
        if "@" not in name or not name.endswith(".timer"):
            continue
        job = seen.get(_job_of(name), {})
        off = "" if unit["active"] else f"It is {unit['state']}, so it starts nothing. "
        yield f"timer: {name}: {off}{_last_result(job, _job_of(name))}"


def _last_result(job: Mapping[str, Any], name: str) -> str:
    if job.get("main_pid"):
        return f"its command runs since {job['since']}"
    if not job.get("ended"):
        return "its command has not run since the machine was started"
    if job["result"] == "success":
        return f"its command succeeded at {job['ended']}"
    return f"its command failed at {job['ended']} ({job['result']}). 'journalctl -u {name}' says why"


def _job_of(timer: str) -> str:
    return timer[: -len(".timer")] + ".service"
