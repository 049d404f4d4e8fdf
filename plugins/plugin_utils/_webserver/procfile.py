# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Reads the Procfile of an application. Runs on the control node.

Format: https://devcenter.heroku.com/articles/procfile#procfile-format
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from typing import Any, Collection, Iterable, Mapping, NamedTuple, NoReturn

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable_line
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application

PROCFILE = "Procfile"
LINE = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
WEB, RELEASE = "web", "release"
# A module, and a name or a call without arguments. Without a name, gunicorn takes `application`.
APPLICATION = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_]\w*(\(\))?)?")


class Gunicorn(NamedTuple):
    """What a command line of gunicorn sets."""

    app: str  # as a value of webserver_app; "" if it names none
    settings: dict[str, str]  # values by the names of gunicorn's settings


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


# gunicorn's options that a variable of the webserver role sets, with the variable.
VARIABLES = {
    "workers": "webserver_workers",
    "threads": "webserver_threads",
    "worker_class": "webserver_worker_class",
    "keep_alive": "webserver_keep_alive",
    "graceful_timeout": "webserver_graceful_timeout",
}
# Others that people set to serve an application. They are in webserver_gunicorn_options.
OTHERS = ("timeout", "max_requests", "max_requests_jitter", "limit_request_line", "worker_connections")


def read(folder: str, brought: Collection[str]) -> dict[str, str]:
    """Return the command of each process type. Empty without a Procfile, or if it does not come to the machine."""
    if PROCFILE not in brought:
        return {}
    try:
        with open(os.path.join(folder, PROCFILE), encoding="utf-8") as file:
            return dict(LINE.findall(file.read()))
    except (OSError, UnicodeDecodeError):
        return {}


def processes(folder: str, exclude: Iterable[str]) -> dict[str, str]:
    """Return the result of read() for a folder; an empty one for the built-in page, whose folder is empty."""
    if not folder or not os.path.isfile(os.path.join(folder, PROCFILE)):  # usual, and fast
        return {}
    return read(folder, application.paths(folder, exclude))


def app_of(folder: str, brought: Collection[str]) -> str:
    """Return the application that the Procfile gives to gunicorn; "" if there is none."""
    return gunicorn_of(read(folder, brought).get(WEB, "")).app


def gunicorn_of(command: str) -> Gunicorn:
    """Return what a command line gives to gunicorn. It is empty if the command does not run gunicorn."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation mark is missing
        return Gunicorn("", {})
    names = [os.path.basename(word) for word in words]
    if "gunicorn" not in names:
        return Gunicorn("", {})
    try:
        found, others = _parser().parse_known_args(words[names.index("gunicorn") + 1 :])
    except ValueError:
        return Gunicorn("", {})
    apps = [word for word in others if APPLICATION.fullmatch(word)]
    app = next((word for word in apps if ":" in word), "") or "".join(f"{word}:application" for word in apps[-1:])
    given = {name: getattr(found, name) for name in (*VARIABLES, *OTHERS)}
    return Gunicorn(app, {name: value for name, value in given.items() if value})


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    short = {"workers": ["-w"], "worker_class": ["-k"], "timeout": ["-t"]}
    for name in (*VARIABLES, *OTHERS):
        parser.add_argument(*short.get(name, []), "--" + name.replace("_", "-"), dest=name)
    # Options with a value, which is not the application.
    for names in (["-b", "--bind"], ["-c", "--config"], ["-n", "--name"], ["-e", "--env"]):
        parser.add_argument(*names)
    for name in ("--log-level", "--log-file", "--access-logfile", "--error-logfile", "--chdir", "--worker-tmp-dir"):
        parser.add_argument(name)
    return parser


def differences(found: Mapping[str, str], served: Mapping[str, Any]) -> list[str]:
    """Return sentences about what a Procfile starts and the webserver role does not.

    `found` is the result of read(). `served` has the values of the role's variables: webserver_app as it is served,
    the other variables as they are set.
    """
    sentences = []
    if WEB in found:
        wanted = gunicorn_of(found[WEB])
        variables = {VARIABLES[name]: value for name, value in wanted.settings.items() if name in VARIABLES}
        options = {name: value for name, value in wanted.settings.items() if name in OTHERS}
        if wanted.app:
            variables["webserver_app"] = wanted.app
        differ = [f"{name}: {value}" for name, value in variables.items() if _differs(value, served.get(name))]
        given = served.get("webserver_gunicorn_options") or {}
        missing = [f"{name}: {value}" for name, value in options.items() if _differs(value, given.get(name))]
        if missing:
            differ.append(f"webserver_gunicorn_options: {{{', '.join(missing)}}}")
        if differ:
            command = printable_line(found[WEB])
            sentences.append(
                f"The Procfile starts the site with '{command}'. The role starts gunicorn itself, with other settings."
                f" To serve the site as the Procfile says, set {', '.join(differ)}."
            )
    others = sorted(found.keys() - {WEB, RELEASE})
    if others:
        sentences.append(f"The Procfile has processes that this collection does not start: {', '.join(others)}.")
    return sentences


def _differs(value: str, served: Any) -> bool:
    """Return whether a value of an option is another one than the served. A value such as $WORKERS is unknown."""
    return "$" not in value and value != str(served)
