# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Finds the Flask application in the code of a project, without running it. Runs on the control node.

The names are those for which Flask itself looks: https://flask.palletsprojects.com/en/stable/cli/#application-discovery.
"""

from __future__ import annotations

import ast
import os
import re
from typing import Collection, Iterator

from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import procfile

UNSET = "webserver:app"  # the default of webserver_app: the built-in page
NAMES = ("app", "application")
FACTORIES = ("create_app", "make_app")
# If a project has one of these modules, it is the one that servers import.
ENTRANCES = ("wsgi", "app")
# A module at the top, or the first one of a package at the top or in `src`. Tools and tests are no applications.
MODULE = re.compile(r"(?:src/)?(?!tests?/)([A-Za-z_]\w*)(?:/__init__)?\.py")
NO_APPLICATIONS = re.compile(r"setup|conftest|test_\w*|\w*_test|tests?")


def found(app: str, folder: str, brought: Collection[str]) -> str:
    """Return the value of webserver_app, or what it should be if it is not set and there is one obvious application.

    The application that the Procfile gives to gunicorn is obvious.
    `brought` has the relative paths of the files in the application's folder that come to the machine.
    """
    if not is_unset(app, brought):
        return app
    named = procfile.app_of(folder, brought)
    choice = [named] if named else candidates(folder, brought)
    for entrance in ENTRANCES:
        choice = [each for each in choice if each.split(":")[0] == entrance] or choice
    return choice[0] if len(choice) == 1 else app


def is_unset(app: str, brought: Collection[str]) -> bool:
    """Return whether webserver_app has its default, and the project has no such module."""
    return app == UNSET and not {"webserver.py", "webserver/__init__.py"} & set(brought)


def candidates(folder: str, brought: Collection[str]) -> list[str]:
    """Return the applications of a project as values of webserver_app, at most one for each module."""
    modules = {}
    for path in sorted(brought):
        module = MODULE.fullmatch(path)
        if module and not NO_APPLICATIONS.fullmatch(module[1]):
            modules[module[1]] = path
    found_in = {name: next(_applications(os.path.join(folder, path)), "") for name, path in modules.items()}
    return [f"{name}:{application}" for name, application in found_in.items() if application]


def _applications(file: str) -> Iterator[str]:
    """Yield the applications of a module, the best one first: variables, and calls of functions that make one."""
    body = _body(file)
    assigned = list(_assigned(body))
    yield from (name for name in NAMES if name in dict(assigned))
    yield from (name for name, is_flask in assigned if is_flask)
    yield from (f"{name}()" for name in FACTORIES if _is_factory(body, name))


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, bool]]:
    """Yield the names that a module assigns at its top level, and whether the value is a call of Flask."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            targets, value = [statement.target], statement.value
        else:
            continue
        called = value.func if isinstance(value, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        yield from ((target.id, name == "Flask") for target in targets if isinstance(target, ast.Name))


def is_factory(file: str, name: str) -> bool:
    """Return whether a name in a module is a function that can be called without arguments, such as `create_app`.

    A WSGI application that is a function takes two. False if the module cannot be read: the gate imports it later.
    """
    return _is_factory(_body(file), name)


def _is_factory(body: list[ast.stmt], name: str) -> bool:
    functions = [each for each in body if isinstance(each, ast.FunctionDef) and each.name == name]
    return any(not each.decorator_list and _takes_nothing(each.args) for each in functions)


def _takes_nothing(arguments: ast.arguments) -> bool:
    positional = [*getattr(arguments, "posonlyargs", []), *arguments.args]  # Python 3.7 has none
    return len(positional) == len(arguments.defaults) and None not in arguments.kw_defaults


def _body(file: str) -> list[ast.stmt]:
    try:
        with open(file, "rb") as stream:
            return ast.parse(stream.read()).body
    except (OSError, SyntaxError, ValueError):
        return []
