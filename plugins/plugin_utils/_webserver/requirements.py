# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Finds out, on the control node, what pip reads and installs for an application.

pip runs in the application's folder, so the path of a requirement is relative to that folder. The path of an included
file is relative to the including file.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, requirement_files
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.installed import canonical
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.requirement_files import (
    decoded,
    local_path,
    logical_lines,
)
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._lists import as_list
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import processes, procfile, project, wsgi_app


class Requirements(NamedTuple):
    """All paths are relative to the application's folder; `.` is that folder."""

    files: list[str]  # the requirement and constraint files that pip reads, each once
    projects: list[str]  # the folders and archives that it installs from
    links: list[str]  # the folders in which it looks for archives
    names: set[str]  # the distributions that it takes from an index, by canonical name
    has_urls: bool  # whether something is installed from a URL
    errors: list[str]  # one sentence for each thing that pip could not read on the machine

    def may_bring(self, module: str) -> bool:
        """Return whether pip may install a module that is not in the application's folder."""
        return bool(self.projects) or self.has_urls or canonical(module.split(".")[0]) in self.names


def read(folder: str, brought: Iterable[str], named: str = "") -> Requirements:
    """Return what pip reads and installs. `brought` has the relative paths of the files that come to the machine.

    `named` is webserver_requirements. If the application names no packages, pip installs nothing for it.
    """
    found = Requirements([], [], [], set(), False, [])
    brought = set(brought)
    file = project.requirements_file(folder, brought, named)
    if not file:
        return found
    reader = _Reader(os.path.realpath(folder), brought, found)
    try:
        text = project.requirements_text(folder, file)
    except ValueError:  # project.errors() reports it
        return found._replace(files=[file])
    if text:
        return reader.read_as(file, text)
    if os.path.basename(file) == project.PROJECT:
        return found._replace(files=[file], projects=[os.path.dirname(file) or "."])
    return reader.read(file)


class _Reader:
    def __init__(self, folder: str, brought: set[str], found: Requirements) -> None:
        self.folder = folder
        self.brought = brought
        self.found = found
        self.has_urls = False

    def read(self, file: str) -> Requirements:
        self._file(file, file, "", ())
        return self.found._replace(has_urls=self.has_urls)

    def read_as(self, file: str, text: str) -> Requirements:
        """Return what pip reads if the text of a requirements file stands for the file."""
        self.found.files.append(file)
        for line in text.splitlines():
            self._line(line, file, os.path.dirname(file), (file,))
        return self.found._replace(has_urls=self.has_urls)

    def _file(self, shown: str, path: str, where: str, chain: tuple[str, ...]) -> None:
        file = self._inside(path, shown, where)
        if file is None:
            return
        if file in chain:
            self._refuse(f"{where} includes {shown}, which includes it again. Remove one of the two lines.")
        elif file not in self.brought:
            self._refuse_missing(file, shown, where)
        elif file not in self.found.files and os.path.isfile(os.path.join(self.folder, file)):
            # A special file, such as a FIFO, is refused when the application's files are checked.
            self.found.files.append(file)
            for number, line in self._lines(file):
                # pip does not follow links when it looks for the folder of a file.
                self._line(line, f"{file}, line {number},", os.path.dirname(path), (*chain, file))

    def _lines(self, file: str) -> list[tuple[int, str]]:
        with open(os.path.join(self.folder, file), "rb") as stream:
            content = stream.read()
        try:
            return list(logical_lines(decoded(content)))
        except UnicodeDecodeError as error:
            number = content[: error.start].count(b"\n") + 1
            self._refuse(
                f"{file}, line {number}, is not {error.encoding} text. Save the file as UTF-8, or name its encoding in"
                " its first line, as in: # -*- coding: latin-1 -*-"
            )
        except LookupError as error:
            self._refuse(f"{file}: {error}. Save the file as UTF-8.")
        return []

    def _line(self, line: str, where: str, directory: str, chain: tuple[str, ...]) -> None:
        for kind, value in requirement_files.names(line):
            if kind in ("-r", "-c"):
                if not re.match(r"^https?:", value, re.IGNORECASE):
                    self._file(value, os.path.join(directory, local_path(value)), where, chain)
            elif kind == "path":
                self._local(value, value, where, self.found.projects)
            elif kind == "url":
                self.has_urls = True
            elif kind == "name":
                self.found.names.add(canonical(value))
            elif not os.path.isabs(local_path(value)) and not requirement_files.URL.match(value):
                beside = os.path.join(directory, value)
                is_beside = os.path.exists(os.path.join(self.folder, beside))
                self._local(beside if is_beside else value, value, where, self.found.links)

    def _local(self, path: str, shown: str, where: str, kind: list[str]) -> None:
        found = self._inside(path, shown, where)
        if found is None:
            return
        if (
            found != "."
            and found not in self.brought
            and not any(each.startswith(found + os.sep) for each in self.brought)
        ):
            self._refuse_missing(found, shown, where)
        elif found not in kind:
            kind.append(found)

    def _inside(self, path: str, shown: str, where: str) -> str | None:
        """Return the path without links, relative to the application's folder; None and an error if outside."""
        found = os.path.relpath(os.path.realpath(os.path.join(self.folder, path)), self.folder)
        if not os.path.isabs(path) and found.split(os.sep)[0] != os.pardir:
            return found
        self._refuse(
            f"{where} names {shown}, which is outside the application's folder and is not copied to the machine. Copy"
            " it into that folder, and write its path relative to that folder."
            if where
            else f"{shown} is a link to a file outside the application's folder, which is not copied to the machine."
            " Copy that file into the folder."
        )
        return None

    def _refuse_missing(self, path: str, shown: str, where: str) -> None:
        there = os.path.join(self.folder, path)
        if os.path.isdir(there):
            why = "it is a folder, or webserver_app_exclude keeps its files out of the release"
        elif os.path.exists(there):
            why = "webserver_app_exclude keeps it out of the release"
        else:
            why = "it is not in the application's folder"
        self._refuse(f"{where} names {shown}, but {why}.")

    def _refuse(self, sentence: str) -> None:
        self.found.errors.append(without_userinfo(sentence))


def environment_name(
    folder: str, exclude: Iterable[str], python: str, flask_version: str, constraints: str, named: str = ""
) -> str:
    """Return the name of the virtual environment for an application, such as `py3.9-5f1d20c7a3be`.

    It changes only if pip's input changes: the pinned versions, the requirement files, or the files of the application
    from which pip installs. An empty `folder` means an application without requirements.
    """
    paths = application.paths(folder, exclude) if folder else []
    found = read(folder, paths, named)
    tops = [*found.projects, *found.links]
    chosen = [path for path in paths if path in found.files or any(_is_in(path, top) for top in tops)]
    entries = [_entry(folder, path) for path in sorted(chosen)]
    text = "\n".join(
        [flask_version, constraints, *(f"{each.digest} {each.executable:d} {each.path}" for each in entries)]
    )
    return f"py{python}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _entry(folder: str, path: str) -> application.Entry:
    try:
        return application.entry(os.path.join(folder, path), path)
    except (OSError, ValueError):  # the release module reads all files and reports the error
        return application.Entry(path, False, "unreadable")


def _is_in(path: str, top: str) -> bool:
    return top == "." or path == top or path.startswith(top + os.sep)


def requirements_file(folder: str, exclude: Iterable[str], named: str = "") -> str:
    """Return the file of an application from which pip installs, relative to its folder; "" if there is none."""
    return project.requirements_file(folder, application.paths(folder, exclude), named) if folder else ""


def requirements_text(folder: str, exclude: Iterable[str], named: str = "") -> str:
    """Return what requirements_file() says, as the text of a requirements file; "" if pip reads the file itself."""
    file = requirements_file(folder, exclude, named)
    return project.requirements_text(folder, file) if file else ""


def errors_of_folder(variables: Mapping[str, Any]) -> list[str]:
    """Return the errors in the application, if the variables name a folder. Their values must be allowed ones."""
    source = variables.get("webserver_app_src")
    if not source or variables.get("webserver_app_version"):
        return []
    folder = os.path.realpath(os.path.expanduser(source))
    exclude = [*as_list(variables["webserver_app_exclude"]), ".git"]
    named, own = variables.get("webserver_requirements", ""), variables.get("webserver_processes", {})
    errors = application_errors(folder, variables["webserver_app"], exclude, without_userinfo(source), named, own)
    if errors:
        return errors
    app = application_of(variables["webserver_app"], folder, exclude)
    return project.errors_of_shared(as_list(variables.get("webserver_shared", [])), app)


def application_errors(
    folder: str, app: str, exclude: Iterable[str], shown: str, named: str = "", own: Mapping[str, Any] | None = None
) -> list[str]:
    """Return a sentence for each error in an application. `shown` is its folder or address as messages show it.

    `named` is webserver_requirements, and `own` is webserver_processes.
    """
    if not os.path.isdir(folder):
        missing = f"webserver_app_src: {shown} is not a folder on the control node."
        return [f"{missing} For a git repository set webserver_app_version too."]
    try:
        brought = application.paths(folder, exclude)
        found = read(folder, brought, named)
        unfit = project.errors(folder, set(brought), named)
    except OSError as error:
        return [f"webserver_app_src: {error}"]
    app = wsgi_app.found(app, folder, set(brought))
    module = app.split(":")[0]
    path = os.path.join(folder, *module.split("."))
    errors = [*unfit, *(f"webserver_app_src: {error}" for error in found.errors)]
    files = [file for file in (path + ".py", os.path.join(path, "__init__.py")) if os.path.isfile(file)]
    if wsgi_app.is_unset(app, set(brought)):
        errors.append(_no_obvious_application(wsgi_app.candidates(folder, set(brought)), shown))
    elif not (files or found.may_bring(module)):
        errors.append(
            f"webserver_app: {app} needs the file {module.replace('.', '/')}.py in {shown}, which does not exist. Write"
            " the module and the callable in it, such as app:app. If pip must install the module from the"
            " application itself, as in a src layout, the application needs a pyproject.toml, and no requirements.txt"
            " or one that has a line with a single dot."
        )
    elif files and wsgi_app.is_factory(files[0], app.partition(":")[2]):
        errors.append(f"{is_no_application(app)}.")
    return errors + processes.without_command(own or {}, procfile.read(folder, brought))


def _no_obvious_application(candidates: list[str], shown: str) -> str:
    if candidates:
        return f"webserver_app: the application in {shown} could be {', '.join(candidates)}. Set webserver_app to one."
    return (
        f"webserver_app: {shown} has no Flask application in a module at its top. Set webserver_app to the module and"
        " the callable in it, such as shop.web:app, or shop.web:create_app() for a function that makes the application."
    )


def application_of(app: str, folder: str, exclude: Iterable[str]) -> str:
    """Return the application to serve: the value of webserver_app, or what wsgi_app.found() finds in the folder."""
    if not folder or app != wsgi_app.UNSET:
        return app
    return wsgi_app.found(app, folder, application.paths(folder, exclude))


def is_no_application(app: str) -> str:
    """Return the error of a webserver_app that is a factory, and what to write instead, without the full stop."""
    return f"webserver_app: {app} is a function that makes the application, not the application. Write {app}()"
