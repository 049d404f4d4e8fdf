# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The values that each variable of each role may have. Runs on the control node.

`ROLES` has one line for each variable: which values are allowed, and one of them as an example. `BETWEEN` has the rules
about two variables of a role. Ansible's own check of argument_specs runs first, but it checks only the type, and mostly
accepts null and empty values. Values from `-e` are text, so a text is accepted if it can be read as an allowed value,
and a list may be written with commas.
"""

from __future__ import annotations

import ast
import difflib
import ipaddress
import itertools
import json
import re
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import CONTROL, UNPRINTABLE
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.shared import is_below
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import sites as https_sites
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lists import as_list
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.gunicorn_options import option_name
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.processes import (
    NAME,
    OF_THE_ROLE,
    without_command,
)
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.wsgi_app import UNSET

# The least similarity (0 to 1) of a misspelt name, without its role's name. It allows two swapped letters of four.
ALIKE = 0.75
LONGEST_SHOWN = 100  # characters of a wrong value in a message

WEB = ("http", "https")
PROXIES = (*WEB, "socks4", "socks4a", "socks5", "socks5h")
TRUE, FALSE = ("1", "on", "true", "yes"), ("0", "off", "false", "no")  # the texts of Ansible's filter `bool`

Problems = Iterable[str]


class Rule(NamedTuple):
    """The rule of a variable. `problems` returns the errors of a value, as clauses that follow the variable's name."""

    problems: Callable[[Any], Problems]
    example: Any  # a right value
    default_of: str = ""  # the variable from which the default comes: messages name it, because the user has set it
    contains: str = ""  # a variable of the role that is part of the default: if it is wrong, only it is reported


# The kinds of rules. `what` is a noun phrase for the allowed values: "5 is not {what}".


def allowed(what: str, is_right: Callable[[Any], bool], example: Any, default_of: str = "", shown: bool = True) -> Rule:
    def problems(value: Any) -> Iterator[str]:
        if value is None:
            yield f"it has no value. It must be {what}"
        elif not is_right(value):
            yield f"{_shown(value) if shown else 'its value'} is not {what}"

    return Rule(problems, example, default_of)


def number(low: int, high: int, example: int, what: str = "", default_of: str = "") -> Rule:
    def is_within(value: Any) -> bool:
        found = as_number(value)
        return found is not None and low <= found <= high

    return allowed(
        f"{what or 'a whole number'} from {low} to {high}",
        is_within,
        example,
        default_of,
    )


def port(default_of: str = "") -> Rule:
    return number(1, 65535, 8080, "a TCP port", default_of)


def ports(contains: str = "", empty: bool = False) -> Rule:
    return items("TCP ports", port(), [443, 8443], empty)._replace(contains=contains)


def boolean(example: bool, default_of: str = "") -> Rule:
    return allowed("true or false", lambda value: str(value).lower() in TRUE + FALSE, example, default_of)


def choice(*values: str) -> Rule:
    return allowed(f"one of {', '.join(values)}", lambda value: value in values, values[-1])


def text(
    what: str, pattern: str, example: str, empty: bool = True, numbers: bool = False, default_of: str = ""
) -> Rule:
    """Return the rule for a text that matches a pattern. With `numbers`, a whole number counts as its digits."""
    return checked(what, lambda value: bool(re.fullmatch(pattern, value)), example, empty, numbers, default_of)


def checked(
    what: str,
    is_right: Callable[[str], bool],
    example: str,
    empty: bool = False,
    numbers: bool = False,
    default_of: str = "",
    shown: bool = True,
) -> Rule:
    """Return the rule for a text that a function checks. Control characters are never allowed."""
    or_empty = ", or empty" if empty else ""

    def problems(value: Any) -> Iterator[str]:
        if numbers and as_number(value) is not None:
            value = str(value)
        if value is None:
            yield f"it has no value. It must be {what}{or_empty}"
        elif not isinstance(value, str):
            yield from _not_a_text(value, shown)
        elif CONTROL.search(value) or not (is_right(value) if value else empty):
            yield f"{_shown(value) if shown else 'its value'} is not {what}"

    return Rule(problems, example, default_of)


def url(example: str, schemes: Iterable[str] = WEB, contains: str = "", **more: Any) -> Rule:
    what = f"a URL with a host that begins with {' or '.join(f'{scheme}://' for scheme in schemes if scheme != 'file')}"
    return checked(what, lambda value: is_url(value, schemes), example, **more)._replace(contains=contains)


def items(what: str, one: Rule, example: list, empty: bool = True, default_of: str = "") -> Rule:
    """Return the rule for a list, which may be a text with commas."""

    def problems(value: Any) -> Iterator[str]:
        if value is None or not isinstance(value, (list, tuple, str, int)) or isinstance(value, bool):
            yield f"{_unsuitable(value)}. It must be a list of {what}"
            return
        found = as_list(value)
        if not found and not empty:
            yield f"the list is empty. It must be a list of {what}"
        for item in found:
            yield from one.problems(item)

    return Rule(problems, example, default_of)


def mapping(names: Callable[[str], str], values: Rule, example: dict[str, Any], default_of: str = "") -> Rule:
    """Return the rule for a dictionary. `names` returns what is wrong with a name, or an empty text."""

    def problems(value: Any) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{_unsuitable(value)}. It must be a dictionary"
            return
        for name, each in value.items():
            reason = names(str(name))
            if reason:
                yield f"{_shown(str(name))} {reason}"
            for problem in values.problems(each):
                yield f"{_shown(str(name))}: {problem}"

    return Rule(problems, example, default_of)


def fields(rules: dict[str, Rule], required: Iterable[str], short: str = "") -> Rule:
    """Return the rule for a dictionary with certain keys. A text instead of it is the value of the key `short`."""

    def problems(value: Any) -> Iterator[str]:
        if short and isinstance(value, str):
            value = {short: value}
        if not isinstance(value, Mapping):
            yield f"{_unsuitable(value)}. It must be a dictionary with {' and '.join(rules)}"
            return
        for name in value.keys() - rules.keys():
            yield f"there is no key {_shown(str(name))}. The keys are {', '.join(rules)}"
        for name in required:
            if name not in value:
                yield f"it has no {name}"
        for name, rule in rules.items():
            for problem in rule.problems(value[name]) if name in value else ():
                yield f"{name}: {problem}"

    return Rule(problems, {name: rule.example for name, rule in rules.items()})


def as_number(value: Any) -> int | None:
    """Return the value as a whole number; None if it is neither a whole number nor a text of digits."""
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not re.fullmatch(r"-?[0-9]+", str(value)):
        return None
    return int(value)


def as_boolean(value: Any) -> bool:
    return str(value).lower() in TRUE


# The checks of single values.


def is_url(value: str, schemes: Iterable[str]) -> bool:
    try:
        parts = urlsplit(value)
        return (
            not re.search(r"\s", value)
            and parts.scheme in schemes
            and parts.port != 0
            and (bool(parts.hostname) or parts.scheme == "file")
        )
    except ValueError:  # an invalid port or IPv6 address
        return False


def is_address(value: str) -> bool:
    try:
        return "%" not in value and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def is_ipv4(value: str) -> bool:
    return is_address(value) and ":" not in value


def is_application(value: str) -> bool:
    """Return whether gunicorn (util.import_app) and Flask (find_app_by_string) can read it: arguments are literals."""
    module, _colon, expression = value.partition(":")
    if module.endswith(".py") or not all(part.isidentifier() for part in module.split(".")):
        return False
    try:
        body = ast.parse(expression, mode="eval").body
        if isinstance(body, ast.Call):
            for argument in [*body.args, *(keyword.value for keyword in body.keywords)]:
                ast.literal_eval(argument)
            body = body.func
    except (SyntaxError, ValueError):
        return False
    return isinstance(body, ast.Name)


# A path must not have characters with a meaning in a unit of systemd, such as % and blanks.
PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._+@-]+)+/?")
SYSTEM = re.compile(
    r"/(bin|boot|dev|etc|home|lib|lib32|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var|var/run|var/tmp)/?"
)
# Folders of the kernel or the configuration, and folders that a boot empties or that the unit's PrivateTmp= hides.
NOT_FOR_FILES = re.compile(r"(/(?:boot|dev|etc|proc|run|sys|tmp|var/run|var/tmp))/.*")


def is_path(value: str) -> bool:
    return bool(PATH.fullmatch(value))


def is_path_in_application(value: str) -> bool:
    return not value.startswith("/") and is_path(f"/{value}")


def is_site_name(value: str) -> bool:
    """Return whether a text can name a user and several units, such as NAME.service and NAME-health.service."""
    name = r"[a-z][a-z0-9_-]{0,23}(?<!-health)(?<!-gate)(?<!-next)(?<!-deploy)(?<!-before)"
    return bool(re.fullmatch(name, value)) and value not in ("flasklaunch-pip", "https")


def is_memory(value: Any) -> bool:
    """Return whether it is a value of MemoryMax= (systemd.resource-control(5)) of 32 MiB or more, to start a server."""
    found = re.fullmatch(r"([1-9][0-9]{0,15})([KMGT%]?)|infinity", str(value)) if not isinstance(value, bool) else None
    if not found:
        return False
    if found[0] == "infinity" or found[2] == "%":
        return found[2] != "%" or int(found[1]) <= 100
    return int(found[1]) * 1024 ** " KMGT".index(found[2] or " ") >= 32 * 1024**2


def is_directive_value(value: Any) -> bool:
    """Return whether it is one line of a unit file. A backslash at the end would join the next line to it."""
    line = str(value)
    return isinstance(value, (str, int, float)) and not CONTROL.search(line) and not line.rstrip().endswith("\\")


SET_ELSEWHERE = {
    "FLASK_APP": "is set by webserver_app",
    "FLASK_DEBUG": "is set by webserver_debug",
    "CREDENTIALS_DIRECTORY": "is set by systemd for webserver_secrets",
    "STATE_DIRECTORY": "is set by systemd",
    "LISTEN_FDS": "is set by systemd",
    "LISTEN_PID": "is set by systemd",
    "NOTIFY_SOCKET": "is set by systemd",
}
OWN_DIRECTIVES = {
    "EnvironmentFile": "is set by the role: use webserver_env",
    "ExecStart": "is set by the role: use webserver_server and webserver_app",
    "Type": "is set by the role",
    "User": "is set by the role: use webserver_user",
    "WorkingDirectory": "is set by the role: use webserver_dir",
}
# amazon.aws's module_utils/modules.py, aws_argument_spec(), with aliases.
AWS_OPTIONS = {
    *("access_key", "aws_access_key", "aws_access_key_id"),
    *("secret_key", "aws_secret_access_key", "aws_secret_key"),
    *("session_token", "aws_session_token"),
    *("endpoint_url", "aws_endpoint_url"),
    *("profile", "aws_profile", "region", "aws_region"),
    *("aws_ca_bundle", "aws_config", "debug_botocore_endpoint_logs", "validate_certs"),
}


def variable_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return "is not a name of an environment variable: letters, digits and _ only, and no digit at the beginning"
    return SET_ELSEWHERE.get(name, "")


def _variable_problems(value: Any) -> Problems:
    reason = variable_name(str(value))
    return [f"{_shown(str(value))} {reason}"] if reason else []


def secret_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}", name):
        return "is not a name of a secret: letters, digits, _, - and . only, and no - or . at the beginning"
    return ""


def process_name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        return "is not a name of a process or a timer: letters, digits, _ and - only, and no _ or - at the beginning"
    return "is a name that the role uses itself. Choose another one" if name in OF_THE_ROLE else ""


def directive_name(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        return "is not a name of a directive of systemd's section [Service]"
    return OWN_DIRECTIVES.get(name, "")


def aws_option(name: str) -> str:
    return "" if name in AWS_OPTIONS else "is not a connection option of amazon.aws"


def cidrs(example: list[str]) -> Rule:
    return items("CIDR blocks such as 203.0.113.7/32", Rule(_cidr_problems, ""), example, empty=False)


def cidr(example: str) -> Rule:
    return Rule(lambda value: [] if value == "" else _cidr_problems(value), example)


def _cidr_problems(value: Any) -> Problems:
    from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import cidr_errors

    return ["it has no value. It must be a CIDR block"] if value is None else cidr_errors([str(value)])


def ports_open_to_all() -> Rule:
    return items("ports such as tcp/22", Rule(_port_problems, ""), ["tcp/22"])


def _port_problems(value: Any) -> Problems:
    from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.exposure_report import expected_errors

    return expected_errors([value])


def single_value(shown: bool = True, json_too: bool = False) -> Rule:
    """Return the rule for a text, or a value that has only one spelling in YAML.

    A number with a point may have lost digits, and true may have been written as `yes`. `json_too` is for ansible-core
    before 2.19, which parses texts that are JSON.
    """

    def problems(value: Any) -> Iterator[str]:
        if value is None:
            yield "it has no value. Write '' for an empty text"
        elif not isinstance(value, str) and as_number(value) is None:
            if not (json_too and isinstance(value, (dict, list))):
                yield from _not_a_text(value, shown)
        elif "\0" in str(value):
            yield "its value has a null character"

    return Rule(problems, "")


def single_text(example: str) -> Rule:
    """Return the rule for any text, also with several lines. A whole number counts as its digits."""

    def problems(value: Any) -> Iterator[str]:
        if value is None:
            yield "it has no value. It must be a text"
        elif not isinstance(value, str) and as_number(value) is None:
            yield from _not_a_text(value, shown=True)
        elif CONTROL.search(re.sub(r"[\t\n]", "", str(value))):
            yield "its value has a control character"

    return Rule(problems, example)


def private_key(example: str) -> Rule:
    """Return the rule for a private key, which has several lines. Messages do not show it."""

    def problems(value: Any) -> Iterator[str]:
        if value is None:
            yield "it has no value. It must be a private key in PEM format, or empty"
        elif not isinstance(value, str):
            yield from _not_a_text(value, shown=False)
        elif "\0" in value:
            yield "its value has a null character"

    return Rule(problems, example)


def names_of_files() -> Rule:
    what = "a pattern for the name of a file or folder, without a slash"
    return items("patterns for names", text(what, r"[^/]+", "*.log", empty=False), [".git", "*.log"])


ANY_TEXT = r".*"
site_name = (
    "a name that begins with a lower-case letter, has only lower-case letters, digits, - and _, has at most 24"
    " characters, does not end with -health, -gate, -next, -deploy or -before, and is not flasklaunch-pip or https"
)
path_on_machine = "an absolute path that has only letters, digits and /._+@-"


def own_folder(example: str) -> Rule:
    """Return the rule for a folder on the machine that the role removes and replaces as a whole."""
    path = checked(path_on_machine, is_path, example)

    def problems(value: Any) -> Iterator[str]:
        unfit = list(path.problems(value))
        above = NOT_FOR_FILES.fullmatch(str(value))
        if unfit:
            yield from unfit
        elif SYSTEM.fullmatch(value):
            yield f"{value} is a folder of the system. Choose a folder in it that nothing else uses"
        elif above:
            yield f"{value} is in {above[1]}, which is not a place for an application"

    return Rule(problems, example)


def user() -> Rule:
    name = text("a user name", r"[A-Za-z_][A-Za-z0-9_.-]{0,30}", "webserver", empty=False)

    def problems(value: Any) -> Iterator[str]:
        if value == "root":
            yield "the application must not run as root"
        else:
            yield from name.problems(value)

    return name._replace(problems=problems)


# The variables of the role https that each site may have.
HTTPS_OF_SITE = {"https_names", "https_certificate_src", "https_certificate_key"}


def sites() -> Rule:
    """Return the rule for a list of dictionaries with the variables for one site each.

    The module check_variables checks the values in them.
    """

    def problems(value: Any) -> Iterator[str]:
        if value is None or not isinstance(value, (list, tuple)):
            yield f"{_unsuitable(value)}. It must be a list of dictionaries"
            return
        for number, entry in enumerate(value, 1):
            if not isinstance(entry, Mapping):
                yield f"entry {number} is {_kind(entry)}. It must be a dictionary"
                continue
            if not entry.get("webserver_name"):
                yield f"entry {number} has no webserver_name. Each site needs a name of its own"
            for name in entry.keys() - ROLES["webserver"].keys() - HTTPS_OF_SITE | entry.keys() & {"webserver_sites"}:
                yield f"entry {number} has {_shown(str(name))}, which is not a variable of a site"

    return Rule(problems, [{"webserver_name": "shop", "webserver_port": 5001}])


connection = {"region": "eu-central-1"}


def aws(default_of: str = "") -> Rule:
    values = allowed("a text", lambda value: value is None or isinstance(value, (str, bool, dict)), "", shown=False)
    # A value may be null: then the environment decides.
    return mapping(
        aws_option,
        values._replace(problems=lambda each: () if each is None else values.problems(each)),
        connection,
        default_of,
    )


def instance(default_of: str = "") -> Rule:
    return text(
        "an instance id, i- and hexadecimal digits", r"i-[0-9a-f]{8,17}", "i-0123456789abcdef0", default_of=default_of
    )


def file_on_control_node(example: str) -> Rule:
    return text("a path of a file on the control node", r".*[^/]", example)


def _site_name_problems(value: Any) -> Problems:
    if not isinstance(value, str):
        return ["one of the names has no value"] if value is None else _not_a_text(value, shown=True)
    reason = https_sites.name_problem(value)
    return [f"{_shown(str(value))} {reason}"] if reason else []


COMMAND = text("a line of a shell", r".*\S.*", "celery -A shop worker", empty=False)
PROCESS = fields({"command": COMMAND, "count": number(0, 100, 2)}, required=[], short="command")
TIMER = fields(
    {
        "command": COMMAND._replace(example="flask cleanup"),
        # The characters of systemd.time(7). The machine's systemd checks the rest.
        "calendar": text("a time of systemd, such as daily", r"[A-Za-z0-9 *.,:/~_+-]+", "Mon..Fri 09:00", empty=False),
    },
    required=["command", "calendar"],
)

ROLES: dict[str, dict[str, Rule]] = {
    "python3": {
        "python3_packages": items(
            "package names",
            text("a package name", r"[A-Za-z0-9@/_][A-Za-z0-9@/_.:+~^=%-]*", "python3.12", empty=False),
            ["python3", "python3-pip"],
            empty=False,
        ),
        "python3_yum_options": items(
            "options of yum",
            text("an option of yum, which begins with -", r"-.+", "--nogpgcheck", empty=False),
            ["--nogpgcheck"],
        ),
    },
    "flask": {
        "flask_venv": own_folder("/opt/flask"),
        "flask_python": checked(path_on_machine, is_path, "/usr/bin/python3.12"),
        "flask_version": text("a version of Flask from 2.0 on", r"([2-9]|[1-9][0-9]+)\.[0-9]+(\.[0-9]+)?", "3.1.3"),
        "flask_requirements": checked(path_on_machine, is_path, "/opt/app/requirements.txt", empty=True),
        "flask_requirements_text": single_text("flask==3.1.3"),
        "flask_pip_index_url": url("https://pypi.example/simple", (*WEB, "file"), empty=True, shown=False),
        "flask_pip_proxy": checked(
            f"a URL that begins with {'://, '.join(PROXIES)}:// or has no scheme, and has a host",
            lambda value: is_url(value if "://" in value else f"http://{value}", PROXIES),
            "http://proxy.example:3128",
            empty=True,
            shown=False,
        ),
        "flask_pip_ca_bundle": checked(path_on_machine, is_path, "/etc/pki/tls/certs/ca-bundle.crt", empty=True),
        "flask_pip_wheel_dir": checked(path_on_machine, is_path, "/var/lib/wheels", empty=True),
    },
    "webserver": {
        "webserver_sites": sites(),
        "webserver_name": checked(site_name, is_site_name, "shop"),
        "webserver_host": checked("an IPv4 or IPv6 address", is_address, "0.0.0.0"),
        "webserver_port": port(),
        "webserver_message": single_text("Hello World"),
        "webserver_app": checked("MODULE:CALLABLE", is_application, "my_app:create_app()"),
        "webserver_app_src": text(
            "a folder or a git repository whose name does not begin with -", r"[^-].*", "/home/me/my-app"
        ),
        "webserver_app_version": text("a branch, tag or commit", r"[^-\s:?*\[\\'\"][^\s:?*\[\\'\"]*", "v1.10"),
        "webserver_app_exclude": names_of_files(),
        "webserver_requirements": checked(
            "a path in the application, which has only letters, digits and /._+@-",
            is_path_in_application,
            "requirements/prod.txt",
            empty=True,
        ),
        "webserver_shared": items(
            "paths in the application",
            checked(
                "a path in the application, which has only letters, digits and /._+@-",
                is_path_in_application,
                "static/uploads",
            ),
            ["instance", "static/uploads"],
        ),
        "webserver_env": mapping(variable_name, single_value(), {"DATABASE_HOST": "db.internal"}),
        "webserver_secrets": mapping(
            secret_name,
            single_value(shown=False, json_too=True),
            {"DATABASE_PASSWORD": "{{ vault_database_password }}"},
        ),
        "webserver_secrets_as_env": items("names of secrets", Rule(_variable_problems, ""), ["DATABASE_PASSWORD"]),
        "webserver_health_host": text(
            "a host name or an address, in brackets if it is an IPv6 one, and a port if need be",
            r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?",
            "shop.example.org",
            empty=False,
        ),
        "webserver_health_path": text(
            "a path that begins with / and has only letters, digits and /_.~,:@&=+?-",
            r"/[A-Za-z0-9/_.~,:@&=+?-]*",
            "/healthz",
            empty=False,
        ),
        "webserver_health_interval": number(0, 86400, 30),
        "webserver_keep_releases": number(1, 1000, 5),
        "webserver_server": choice("flask", "gunicorn"),
        "webserver_workers": number(0, 1000, 2),
        "webserver_worker_class": text(
            "a worker class of gunicorn (sync, gthread, gevent, gevent_pywsgi, eventlet or tornado) or of a module,"
            " such as shop.workers.Slow",
            r"sync|gthread|gevent|gevent_pywsgi|gevent_wsgi|eventlet|tornado|[A-Za-z_]\w*(\.[A-Za-z_]\w*)+",
            "gevent",
            empty=False,
        ),
        "webserver_preload": boolean(False),
        "webserver_threads": number(1, 1000, 8),
        "webserver_keep_alive": number(1, 86400, 75),
        "webserver_graceful_timeout": number(1, 3600, 30),
        "webserver_gunicorn_options": mapping(
            option_name,
            allowed(
                "a text, a number, true or false, a list or a dictionary",
                lambda value: isinstance(value, (str, int, float, list, dict)),
                120,
            ),
            {"timeout": 120},
        ),
        "webserver_access_log": boolean(True),
        "webserver_proxy_hops": number(0, 100, 1),
        "webserver_proxy_host": boolean(True),
        "webserver_proxy_prefix": boolean(True),
        "webserver_proxy_port": boolean(True),
        "webserver_debug": boolean(False),
        "webserver_remove_data": boolean(True),
        "webserver_memory_max": allowed(
            "an amount of memory such as 512M (32M or more; the units are K, M, G and T), a percentage such as 90%, or"
            " infinity",
            is_memory,
            "512M",
        ),
        "webserver_tasks_max": number(10, 4194304, 512),
        "webserver_unit_options": mapping(
            directive_name, allowed("a text in one line", is_directive_value, ""), {"ReadWritePaths": "/srv/data"}
        ),
        "webserver_dir": own_folder("/opt/webserver")._replace(contains="webserver_name"),
        "webserver_user": user()._replace(contains="webserver_name"),
        "webserver_start_timeout": number(1, 3600, 30),
        "webserver_release": text("a name of a release", r"[A-Za-z0-9][A-Za-z0-9._-]*", "4f1c52a0b7d9"),
        "webserver_log_lines": number(1, 1000000, 500),
        "webserver_before_switch": single_text("flask db upgrade"),
        "webserver_after_switch": single_text("flask cache clear"),
        "webserver_processes": mapping(process_name, PROCESS, {"worker": PROCESS.example}),
        "webserver_timers": mapping(process_name, TIMER, {"cleanup": TIMER.example}),
        "webserver_maintenance": allowed("on or off", lambda value: str(value).lower() in (*TRUE, *FALSE, ""), True),
        "webserver_maintenance_page": file_on_control_node("maintenance.html"),
        "webserver_retry_after": number(1, 604800, 600),
        "webserver_command": single_text("flask routes"),
        "webserver_command_timeout": number(1, 86400, 600),
        "webserver_log_since": text("a time as journalctl reads it", ANY_TEXT, "1 hour ago"),
        "webserver_url": url("http://203.0.113.10:5000/", contains="webserver_port", empty=True),
    },
    "https": {
        "https_enabled": boolean(True),
        "https_names": items("names", Rule(_site_name_problems, ""), ["shop.example", "www.shop.example"]),
        "https_certificate_src": file_on_control_node("shop.pem"),
        "https_certificate_key": private_key("{{ vault_shop_key }}"),
        "https_port": port(),
        "https_redirect": boolean(False),
        "https_hsts_max_age": allowed(
            "a number of seconds from 0 to 63072000, or empty",
            lambda value: value == "" or (as_number(value) is not None and 0 <= int(value) <= 63072000),
            5184000,
        ),
        "https_hsts_subdomains": boolean(True),
        "https_max_body": text(
            "a size such as 100m, with the unit k, m or g", r"[1-9][0-9]{0,8}[kmgKMG]?", "100m", empty=False
        ),
        "https_timeout": number(1, 86400, 60),
    },
    "security_group": {
        "security_group_manage": boolean(False),
        "security_group_state": choice("absent", "present"),
        "security_group_port": port("webserver_port"),
        "security_group_ports": ports("security_group_port"),
        "security_group_former_ports": ports(empty=True),
        "security_group_keep_old": boolean(True),
        "security_group_cidrs": cidrs(["203.0.113.7/32", "::/0"]),
        # The characters that AWS allows in the Description of an IpRange.
        "security_group_description": text(
            "a text of at most 255 letters, digits, blanks and ._-:/()#,@[]+=&;{}!$*",
            r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}",
            "Flask Server",
            empty=False,
        ),
        "security_group_shared": choice("keep", "close"),
        "security_group_close_ssh": boolean(True),
        "security_group_id": text("a security group id", r"sg-[0-9a-f]{8,17}", "sg-0123456789abcdef0"),
        "security_group_instance_id": instance(),
        "security_group_private_address": checked("an IPv4 address", is_ipv4, "172.31.5.7", empty=True),
        "security_group_metadata_url": url("http://169.254.169.254", ("http",), empty=True),
        "security_group_aws": aws(),
    },
    "diagnosis": {
        "diagnosis_url": url(
            "https://www.example.com/", contains="diagnosis_port", empty=True, default_of="webserver_url"
        ),
        "diagnosis_port": port("webserver_port"),
        "diagnosis_unit": text(
            "a name of a systemd unit with its type",
            r"[A-Za-z0-9_:.@\\][A-Za-z0-9_:.@\\-]*\.[a-z]+",
            "nginx.service",
            empty=False,
        ),
        "diagnosis_expected": text("a text in one line", ANY_TEXT, "Welcome to my shop", numbers=True),
        "diagnosis_family": choice("ipv4", "ipv6"),
        "diagnosis_source": cidr("203.0.113.0/24"),
        "diagnosis_timeout": number(1, 600, 5),
        "diagnosis_ask_aws": boolean(False, "security_group_manage"),
        "diagnosis_aws": aws("security_group_aws"),
        "diagnosis_instance_id": instance("security_group_instance_id"),
        "diagnosis_load_balancer_arn": text(
            "an ARN of a load balancer",
            r"arn:[a-z0-9-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/[A-Za-z0-9/-]+",
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/my-site/50dc6c495c0c9188",
        ),
        "diagnosis_json": file_on_control_node("diagnosis.json"),
        "diagnosis_html": file_on_control_node("diagnosis.html"),
        "diagnosis_fail": boolean(False),
    },
    "exposure": {
        "exposure_expected": ports_open_to_all(),
        "exposure_asked_for": ports_open_to_all(),
        "exposure_ask_aws": boolean(False, "security_group_manage"),
        "exposure_aws": aws("security_group_aws"),
        "exposure_instance_id": instance("security_group_instance_id"),
        "exposure_json": file_on_control_node("exposure.json"),
        "exposure_html": file_on_control_node("exposure.html"),
    },
}


# Rules about two variables, each with an allowed value.


def _debug_is_private(values: Mapping[str, Any]) -> str:
    host = values["webserver_host"]
    if not as_boolean(values["webserver_debug"]) or ipaddress.ip_address(host).is_loopback:
        return ""
    return (
        "webserver_debug: in debug mode Flask shows how the application works inside, and its own server lets visitors "
        f"run code. Others reach webserver_host {host}. Set webserver_host: 127.0.0.1 too, or webserver_debug: false."
    )


def _proxy_needs_gunicorn(values: Mapping[str, Any]) -> str:
    if as_number(values["webserver_proxy_hops"]) == 0 or values["webserver_server"] == "gunicorn":
        return ""
    return "webserver_proxy_hops: it works with webserver_server: gunicorn only. Set that, or webserver_proxy_hops: 0."


def _gunicorn_options_need_gunicorn(values: Mapping[str, Any]) -> str:
    if not values["webserver_gunicorn_options"] or values["webserver_server"] == "gunicorn":
        return ""
    return "webserver_gunicorn_options: they are for webserver_server: gunicorn only. Set that, or remove the options."


def _secrets_as_env_are_secrets(values: Mapping[str, Any]) -> str:
    names = as_list(values["webserver_secrets_as_env"])
    if names and values["webserver_server"] != "gunicorn":
        return "webserver_secrets_as_env: it works with webserver_server: gunicorn only. Set that, or remove the names."
    missing = [name for name in names if name not in values["webserver_secrets"]]
    if missing:
        return f"webserver_secrets_as_env: {missing[0]} is not in webserver_secrets. Add it there, or remove it here."
    twice = [name for name in names if name in values["webserver_env"]]
    if twice:
        return f"webserver_secrets_as_env: {twice[0]} is also in webserver_env. Remove it there or here."
    return ""


def _processes_have_commands(values: Mapping[str, Any]) -> str:
    """Return an error if a command can only be in a Procfile, but there is no application."""
    missing = [] if values["webserver_app_src"] else without_command(values["webserver_processes"], {})
    return missing[0] if missing else ""


def _proxy_headers_need_hops(values: Mapping[str, Any]) -> str:
    believed = [
        name
        for name in ("webserver_proxy_host", "webserver_proxy_prefix", "webserver_proxy_port")
        if as_boolean(values[name])
    ]
    if not believed or as_number(values["webserver_proxy_hops"]):
        return ""
    return (
        f"{believed[0]}: webserver_proxy_hops is 0, so no header of a proxy is read. Set webserver_proxy_hops to the "
        f"number of proxies in front, or remove {believed[0]}."
    )


def _version_needs_source(values: Mapping[str, Any]) -> str:
    if not values["webserver_app_version"] or values["webserver_app_src"]:
        return ""
    return (
        "webserver_app_version: it is the version of a git repository, but webserver_app_src is empty. Set "
        "webserver_app_src to a git repository, or remove webserver_app_version."
    )


def _address_is_one_word(values: Mapping[str, Any]) -> str:
    """Return an error for blanks, quotes and backslashes: the git module splits an address as a shell does.

    For a path, the filter git_url encodes them.
    """
    source = values["webserver_app_src"]
    if not values["webserver_app_version"] or not re.match(r"[^/]+:", source) or not re.search(r"[\s'\"\\]", source):
        return ""
    return (
        "webserver_app_src: the address of a repository has no blanks, quotes and backslashes. Write %20 for a blank."
    )


def _application_needs_source(values: Mapping[str, Any]) -> str:
    if values["webserver_app_src"] or values["webserver_app"] == UNSET:
        return ""
    return (
        f"webserver_app: webserver_app_src is empty, so there is no {values['webserver_app']}. Set webserver_app_src "
        "to the folder of your application, or remove webserver_app to serve the built-in page."
    )


def _shared_is_apart(values: Mapping[str, Any]) -> str:
    """Return an error if a path is in another one, because it cannot be a link then."""
    names = sorted(path.rstrip("/") for path in as_list(values["webserver_shared"]))
    for folder, path in itertools.combinations(names, 2):
        if is_below(path, folder):
            inside = f"{path} is in {folder}" if path != folder else f"{path} is named twice"
            return f"webserver_shared: {inside}. Name it once."
    return ""


def _files_need_an_application(values: Mapping[str, Any]) -> str:
    named = [name for name in ("webserver_requirements", "webserver_shared") if values[name]]
    if not named or values["webserver_app_src"]:
        return ""
    return (
        f"{named[0]}: it names files of an application, but webserver_app_src is empty. Set webserver_app_src to the"
        f" folder of your application, or remove {named[0]}."
    )


def _tasks_are_enough(values: Mapping[str, Any]) -> str:
    workers, threads, tasks = (
        as_number(values[f"webserver_{name}"]) or 0 for name in ("workers", "threads", "tasks_max")
    )
    needed = 1 + workers * (1 + threads)
    if values["webserver_server"] != "gunicorn" or tasks >= needed:
        return ""
    return (
        f"webserver_tasks_max: {tasks} is too low for {workers} workers with {threads} threads each. Set "
        f"webserver_tasks_max: {needed} or higher."
    )


def _ssh_stays_open(values: Mapping[str, Any]) -> str:
    closed = {
        name: {as_number(port) for port in as_list(values[name])}
        for name, is_closed in (
            ("security_group_ports", values["security_group_state"] == "absent"),
            ("security_group_former_ports", not as_boolean(values["security_group_keep_old"])),
        )
        if is_closed
    }
    name = next((name for name, ports in closed.items() if 22 in ports), "")
    if not name or as_boolean(values["security_group_close_ssh"]) or not as_boolean(values["security_group_manage"]):
        return ""
    if name == "security_group_ports" and as_number(values["security_group_port"]) == 22:
        name = "security_group_port"
    return (
        f"{name}: 22 is the port of ssh. Without its rule nobody can log in to any machine of the group, "
        "and Ansible cannot either. If you want that, add: -e security_group_close_ssh=true"
    )


def _https_has_a_certificate(values: Mapping[str, Any]) -> str:
    if not as_boolean(values["https_enabled"]):
        return ""
    for name, other in (
        ("https_certificate_src", "https_certificate_key"),
        ("https_certificate_key", "https_certificate_src"),
    ):
        if not values[name]:
            has = (
                f"{other} is set, but this is not" if values[other] else "https_enabled needs a certificate of your own"
            )
            return (
                f"{name}: {has}. Set https_certificate_src to the file of the chain, and https_certificate_key to the"
                " key."
            )
    if not as_list(values["https_names"]):
        return "https_names: the list is empty. Name the names of your certificate at which browsers find the site."
    return ""


def _https_names_differ(values: Mapping[str, Any]) -> str:
    found = https_sites.twice(https_sites.names_of(values["https_names"]))
    return f"https_names: {found[0]} is named twice. Name it once." if found else ""


def _https_serves_gunicorn(values: Mapping[str, Any]) -> str:
    if not as_boolean(values["https_enabled"]) or values.get("webserver_server", "gunicorn") == "gunicorn":
        return ""
    return "https_enabled: it works with webserver_server: gunicorn only. Set that, or https_enabled: false."


def _https_has_its_ports(values: Mapping[str, Any]) -> str:
    """Return an error if a site's port is one of nginx's, or if nginx would have one port twice."""
    if not as_boolean(values["https_enabled"]):
        return ""
    if as_number(values["https_port"]) == 80:
        return "https_port: port 80 is for HTTP. Set another port. Example: https_port: 443"
    site = as_number(values.get("webserver_port", 5000))
    if site in (80, as_number(values["https_port"])):
        return (
            f"webserver_port: {site} is the port of nginx, which passes the requests to webserver_port on the machine."
            " Remove webserver_port, or set another one."
        )
    return ""


def _https_site_is_private(values: Mapping[str, Any]) -> str:
    """Return an error if clients could go past nginx: the application believes what nginx says about the client."""
    host = values.get("webserver_host", "127.0.0.1")
    if not as_boolean(values["https_enabled"]) or not is_address(host) or ipaddress.ip_address(host).is_loopback:
        return ""
    return (
        f"webserver_host: with {host}, clients could go past HTTPS to the application. Remove webserver_host, or set"
        " webserver_host: 127.0.0.1."
    )


def _hsts_is_for_names(values: Mapping[str, Any]) -> str:
    if values["https_hsts_max_age"] == "":
        return (
            "https_hsts_subdomains: it needs https_hsts_max_age. Set that too, or remove https_hsts_subdomains."
            if as_boolean(values["https_hsts_subdomains"])
            else ""
        )
    addresses = [name for name in https_sites.names_of(values["https_names"]) if is_address(name)]
    if not addresses:
        return ""
    return f"https_hsts_max_age: browsers do not accept it for an address, and {addresses[0]} is one. Remove it."


BETWEEN: dict[str, list[Callable[[Mapping[str, Any]], str]]] = {
    "webserver": [
        _debug_is_private,
        _proxy_needs_gunicorn,
        _gunicorn_options_need_gunicorn,
        _secrets_as_env_are_secrets,
        _processes_have_commands,
        _proxy_headers_need_hops,
        _version_needs_source,
        _address_is_one_word,
        _application_needs_source,
        _shared_is_apart,
        _files_need_an_application,
        _tasks_are_enough,
    ],
    "https": [
        _https_has_a_certificate,
        _https_names_differ,
        _https_serves_gunicorn,
        _https_has_its_ports,
        _https_site_is_private,
        _hsts_is_for_names,
    ],
    "security_group": [_ssh_stays_open],
}
# The variables of other roles that the rules about two variables read.
READ_TOO = {"https": ("webserver_name", "webserver_server", "webserver_port", "webserver_host")}


# The functions that other files call.


def errors(role: str, values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each value of a role's variables that is not allowed.

    `values` may lack variables of the role. It may have variables of other roles, from which defaults are taken.
    """
    rules = {name: rule for name, rule in ROLES[role].items() if name in values}
    problems = {name: list(rule.problems(values[name])) for name, rule in rules.items()}
    sentences = []
    for name, rule in rules.items():
        if problems.get(rule.contains):
            continue
        source = rule.default_of
        shown = source if source in values and values[source] == values[name] else name
        sentences += [
            f"{shown}: {problem.rstrip('.')}. Example: {_written(shown, rule.example)}" for problem in problems[name]
        ]
    if not sentences and ROLES[role].keys() <= values.keys():
        sentences = [sentence for rule in BETWEEN.get(role, ()) for sentence in [rule(values)] if sentence]
    return sentences


def misspelt(role: str, names: Iterable[str]) -> list[str]:
    """Return a sentence for each name that is almost the name of one of the role's variables.

    Ansible does not report such names: with `security_group_cidr` for `security_group_cidrs`, the port would be open to
    everybody. A name that does not resemble a variable of the role is a user's own.
    """
    prefix = f"{role}_"
    known = [name[len(prefix) :] for name in ROLES[role]]
    sentences = []
    for name in sorted(name for name in names if name.startswith(prefix) and name not in ROLES[role]):
        for meant in difflib.get_close_matches(name[len(prefix) :], known, n=1, cutoff=ALIKE):
            sentences.append(
                f"{name}: there is no such variable. Write {prefix}{meant}, or give a variable of your own another"
                " name."
            )
    return sentences


def missing_default(role: str, reason: str) -> str:
    """Return a sentence if `reason`, such as "'webserver_port' is undefined", names a variable of another role.

    A role cannot use the defaults of a role that does not run. `reason` is Ansible's message. Otherwise returns "".
    """
    found = re.search(r"'(\w+)' is undefined", reason)
    for owner, rules in ROLES.items():
        if found and owner != role and found[1] in rules:
            return f" Set {found[1]} too, because only the {owner} role has its default."
    return ""


def sources(role: str) -> set[str]:
    """Return the variables of other roles from which a role's defaults are taken."""
    return {rule.default_of for rule in ROLES[role].values()} - {""}


def _not_a_text(value: Any, shown: bool) -> Problems:
    if isinstance(value, (dict, list)):
        return [f"its value is {_kind(value)}, not a text"]
    what = f"{_shown(value)} without quotes" if shown else "its value"
    zeros = " and drops zeros at its end" if isinstance(value, float) else ""
    return [f"YAML reads {what} as {_kind(value)}{zeros}. Put the value in quotes"]


def _unsuitable(value: Any) -> str:
    return "it has no value" if value is None else f"{_kind(value)} does not fit"


def _kind(value: Any) -> str:
    """Return the kind of a value for a message. The value itself may be a secret."""
    kinds = {bool: "a truth value", dict: "a dictionary", float: "a number", int: "a number", list: "a list"}
    return next((kind for each, kind in kinds.items() if isinstance(value, each)), "a text")


def _shown(value: Any) -> str:
    """Return a value for a message, without passwords in URLs and without control characters."""
    if isinstance(value, Mapping):
        return "a dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    shown = CONTROL.sub("?", UNPRINTABLE.sub("?", without_userinfo(str(value))))
    return (shown[:LONGEST_SHOWN] + "..." if len(shown) > LONGEST_SHOWN else shown) or "an empty text"


def _written(name: str, example: Any) -> str:
    """Return the variable as it is written in an inventory. Some values are JSON, which is YAML too."""
    plain = (
        isinstance(example, str)
        and re.fullmatch(r"[A-Za-z/][A-Za-z0-9/:._() -]*[A-Za-z0-9/)]", example)
        and ": " not in example
    )
    return f"{name}: {example if plain else json.dumps(example)}"
