# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Reads the Procfile of an application. Runs on the control node.

Format: https://devcenter.heroku.com/articles/procfile#procfile-format
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
from typing import Any, Collection, Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable_line
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.gunicorn_options import ALLOWED

PROCFILE = "Procfile"
LINE = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
WEB, RELEASE = "web", "release"
GUNICORN = "gunicorn"
SEPARATORS = re.compile(r"[;&|]+")
REDIRECTION = re.compile(r"&?[<>]{1,2}&?")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")

# gunicorn's options whose names are not those of their settings, and options without a value: gunicorn/config.py.
SETTINGS = {
    **{"-b": "bind", "-c": "config", "-D": "daemon", "-e": "raw_env", "-g": "group", "-k": "worker_class"},
    **{"-m": "umask", "-n": "proc_name", "-p": "pidfile", "-R": "enable_stdio_inheritance", "-t": "timeout"},
    **{"-u": "user", "-w": "workers", "--access-logfile": "accesslog", "--access-logformat": "access_log_format"},
    **{"--env": "raw_env", "--error-logfile": "errorlog", "--keep-alive": "keepalive", "--log-config": "logconfig"},
    **{"--log-config-json": "logconfig_json", "--log-file": "errorlog", "--log-level": "loglevel"},
    **{"--log-syslog": "syslog", "--log-syslog-facility": "syslog_facility", "--log-syslog-prefix": "syslog_prefix"},
    **{"--log-syslog-to": "syslog_addr", "--name": "proc_name", "--no-sendfile": "sendfile", "--pid": "pidfile"},
    **{"--preload": "preload_app"},
}
FLAGS = frozenset(
    [
        *("capture_output", "casefold_http_method", "check_config", "daemon", "disable_redirect_access_to_syslog"),
        *("do_handshake_on_connect", "enable_backlog_metric", "enable_stdio_inheritance", "initgroups"),
        *("no_control_socket", "permit_obsolete_folding", "permit_unconventional_http_method"),
        *("permit_unconventional_http_version", "preload_app", "print_config", "reload", "reuse_port", "sendfile"),
        *("spew", "strip_header_spaces", "suppress_ragged_eofs", "syslog"),
    ]
)
# The settings that a variable of the webserver role has.
VARIABLES = {
    "workers": "webserver_workers",
    "threads": "webserver_threads",
    "worker_class": "webserver_worker_class",
    "keepalive": "webserver_keep_alive",
    "graceful_timeout": "webserver_graceful_timeout",
}
# The settings for which the role has its own way: systemd opens the port, and the journal has the output.
OF_THE_ROLE = frozenset(
    ["bind", "errorlog", "accesslog", "pidfile", "preload_app", "worker_tmp_dir", "no_control_socket"]
)


class Web(NamedTuple):
    """What a command line starts."""

    app: str  # as a value of webserver_app; "" if gunicorn gets none, or if a variable of the shell has it
    settings: dict[str, str]  # of gunicorn, values by names; "true" for an option without a value
    others: list[str]  # the other commands in the line
    is_gunicorn: bool = True


def processes(folder: str, exclude: Iterable[str]) -> dict[str, str]:
    """Return the result of read() for a folder; an empty one for the built-in page, whose folder is empty."""
    if not folder or not os.path.isfile(os.path.join(folder, PROCFILE)):  # usual, and fast
        return {}
    return read(folder, application.paths(folder, exclude))


def read(folder: str, brought: Collection[str]) -> dict[str, str]:
    """Return the command of each process type. Empty without a Procfile, or if it does not come to the machine."""
    if PROCFILE not in brought:
        return {}
    try:
        with open(os.path.join(folder, PROCFILE), encoding="utf-8") as file:
            return dict(LINE.findall(file.read()))
    except (OSError, UnicodeDecodeError):
        return {}


def app_of(folder: str, brought: Collection[str]) -> str:
    """Return the application that the Procfile gives to gunicorn; "" if there is none."""
    return web_of(read(folder, brought).get(WEB, "")).app


def web_of(line: str) -> Web:
    """Return what the line of a web process starts."""
    commands = _commands(line)
    served = next((words for words in commands if _runs_gunicorn(words)), None)
    if served is None:
        return Web("", {}, [], is_gunicorn=False)
    positional, settings = _parsed(served[[os.path.basename(word) for word in served].index(GUNICORN) + 1 :])
    app = positional[0] if positional and "$" not in positional[0] else ""
    others = [shlex.join(words) for words in commands if words is not served]
    return Web(app if ":" in app or not app else f"{app}:application", settings, others)


def is_one_command(line: str) -> bool:
    """Return whether a line of a shell is one command, which may redirect its input and output."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>()")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:  # a quotation mark is missing
        return False
    operators = [word for word in words if set(word) <= set(";&|<>()")]
    return bool(words) and all(REDIRECTION.fullmatch(word) for word in operators) and "`" not in line


def _commands(line: str) -> list[list[str]]:
    """Return the words of each command in a line of a shell; nothing if a quotation mark is missing."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        return []
    groups = itertools.groupby(words, lambda word: bool(SEPARATORS.fullmatch(word)))
    return [list(group) for is_separator, group in groups if not is_separator]


def _runs_gunicorn(words: list[str]) -> bool:
    before: list[str] = []
    for word in words:
        if os.path.basename(word) == GUNICORN:
            return before[-2:] in ([], ["python", "-m"], ["python3", "-m"])
        if word not in ("exec", "env") and not ASSIGNMENT.fullmatch(word):
            before.append(os.path.basename(word))
    return False


def _parsed(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the positional arguments of gunicorn, and the settings that its options make."""
    positional, settings = [], {}
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        option, has_value, value = word.partition("=")
        if not option.startswith("--") and len(option) > 2:  # -w4
            option, has_value, value = word[:2], "=", word[2:].lstrip("=")
        name = SETTINGS.get(option, option.lstrip("-").replace("-", "_"))
        if name in FLAGS:
            value = "true"
        elif not has_value:
            value = next(rest, "")
        settings[name] = value
    return positional, settings


def explained(found: Mapping[str, str], served: Mapping[str, Any]) -> list[str]:
    """Return sentences about the commands `release` and `web`: what the webserver role runs, and what it does not.

    `found` is the result of read(). `served` has the values of the role's variables: webserver_app as it is served,
    the other variables as they are set.
    """
    sentences = []
    if RELEASE in found and not served.get("webserver_before_switch"):
        sentences.append(
            "webserver_before_switch is not set. The Procfile's release command runs before the switch:"
            f" {printable_line(found[RELEASE])}"
        )
    before = served.get("webserver_before_switch") or found.get(RELEASE, "")
    return sentences + (list(_of_web(found[WEB], served, before)) if WEB in found else [])


def _of_web(line: str, served: Mapping[str, Any], before: str) -> Iterator[str]:
    """`before` is what runs before the switch."""
    begin, web = f"The Procfile starts the site with '{printable_line(line)}'.", web_of(line)
    if not web.is_gunicorn:
        yield f"{begin} This command is not run: gunicorn serves {served['webserver_app']} instead."
        return
    wanted = {VARIABLES[name]: value for name, value in web.settings.items() if name in VARIABLES}
    if web.app:
        wanted["webserver_app"] = web.app
    if web.settings.get("accesslog") == "-":
        wanted["webserver_access_log"] = "true"
    differ = [f"{name}: {value}" for name, value in wanted.items() if _differs(value, served.get(name))]
    given = served.get("webserver_gunicorn_options") or {}
    options = {name: value for name, value in web.settings.items() if name in ALLOWED}
    missing = {name: value for name, value in options.items() if _differs(value, given.get(name))}
    if missing:
        all_options = ", ".join(f"{name}: {value}" for name, value in {**given, **missing}.items())
        differ.append(f"webserver_gunicorn_options: {{{all_options}}}")
    if differ:
        yield f"{begin} The role starts gunicorn with other settings. To have these, set {', '.join(differ)}."
    unknown = sorted(web.settings.keys() - VARIABLES.keys() - ALLOWED - OF_THE_ROLE)
    if unknown:
        yield f"{begin} The role does not set these settings of gunicorn as there: {', '.join(unknown)}."
    prepared = [shlex.join(words) for words in _commands(before)]
    others = [each for each in web.others if each not in prepared]
    if others:
        together = " && ".join([before, *others] if before else others)
        yield (
            f"{begin} The role runs only gunicorn. To run the other commands before each switch, set"
            f" webserver_before_switch: {printable_line(together)}"
        )


def _differs(value: str, served: Any) -> bool:
    """Return whether a value of an option is another one than the served. A value such as $WORKERS is unknown."""
    return "$" not in value and value.lower() != str(served).lower()
