# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Which file of an application names its packages, and what is missing in its folder. Runs on the control node."""

from __future__ import annotations

import configparser
import os
import re
from typing import Collection, Iterable, Iterator

from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.shared import is_below
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import toml_files

REQUIREMENTS = "requirements.txt"
LOCK = "pylock.toml"
PROJECT = "pyproject.toml"
# Other names that people give to such files. Deeper in the folder they belong to something else, such as the docs.
OTHERS = re.compile(r"[^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)")
# Each lock file that pip cannot read, and the command that writes requirements.txt from it.
LOCKS = {
    "uv.lock": "uv export --no-dev --no-emit-project --output-file requirements.txt",
    "poetry.lock": "poetry export --output requirements.txt (with the plugin poetry-plugin-export)",
    "pdm.lock": "pdm export --prod --output requirements.txt",
    "Pipfile.lock": "pipenv requirements > requirements.txt",
}
BUILDS = re.compile(r"^\s*\[\s*build-system\s*\]", re.MULTILINE)
IS_PROJECT = re.compile(r"^\s*\[\s*project\s*\]", re.MULTILINE)
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LONGEST_POINTER = 1024  # bytes: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
EXCLUDED = "webserver_app_exclude keeps it out of the release"


def requirements_file(folder: str, brought: Collection[str], named: str = "") -> str:
    """Return the file from which pip installs, relative to the application's folder; "" if pip installs only Flask.

    `brought` has the relative paths of the files that come to the machine. `named` is webserver_requirements.
    """
    if named:
        return named if named in brought else ""
    for file in (REQUIREMENTS, LOCK):
        if file in brought:
            return file
    return PROJECT if _is_installed(folder, brought) else ""


def _is_installed(folder: str, brought: Collection[str]) -> bool:
    """Return whether pip installs the application as a package, or at least its dependencies.

    Without a build system, a project with a lock file is one that uv or another tool runs in its folder.
    """
    text = _text(os.path.join(folder, PROJECT)) if PROJECT in brought else ""
    return bool(BUILDS.search(text) or (IS_PROJECT.search(text) and not LOCKS.keys() & set(brought)))


def requirements_text(folder: str, file: str) -> str:
    """Return what the file says, as the text of a requirements file; "" if the machine's pip reads the file itself.

    `file` is what requirements_file() returns. Raises ValueError with the rest of a sentence about the file.
    """
    if toml_files.is_lock_file(file):
        return toml_files.of_lock_file(_text(os.path.join(folder, file)))
    if os.path.basename(file) != PROJECT:
        return ""
    text = _text(os.path.join(folder, file))
    # Without a build system, pip takes setuptools, which refuses a folder with several modules or packages.
    is_run_in_place = not BUILDS.search(text) and not os.path.isdir(os.path.join(folder, os.path.dirname(file), "src"))
    return toml_files.of_project(text) if is_run_in_place else ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):  # the release module, or pip, reports it
        return ""


def errors(folder: str, brought: Collection[str], named: str = "") -> list[str]:
    """Return a sentence for each reason why it is not known what pip should install, or why files are missing."""
    return [*_of_requirements(folder, brought, named), *_of_git(folder, brought)]


def errors_of_shared(shared: Iterable[str], app: str) -> list[str]:
    """Return an error if the module of the application would stay as the first release brought it.

    `shared` is webserver_shared, and `app` the application to serve.
    """
    module = app.partition(":")[0].replace(".", "/")
    return [
        f"webserver_shared: {path} has the code of {app}, and no later release would change it. Name only files and"
        " folders that the application writes."
        for path in shared
        if any(is_below(file, path.rstrip("/")) for file in (f"{module}.py", f"{module}/__init__.py"))
    ]


def _of_requirements(folder: str, brought: Collection[str], named: str) -> Iterator[str]:
    if named and named not in brought:
        why = EXCLUDED if os.path.exists(os.path.join(folder, named)) else "it is not in the application's folder"
        yield f"webserver_requirements: there is no {named} on the machine, because {why}."
    file = requirements_file(folder, brought, named)
    try:
        requirements_text(folder, file)
    except ValueError as error:
        yield f"webserver_app_src: {file} {error}. If the folder has a {REQUIREMENTS}, that file is read instead."
    if named or file:
        return
    others = sorted(path for path in brought if OTHERS.fullmatch(path))
    if others:
        yield (
            f"webserver_requirements: the application has no {REQUIREMENTS}, but it has {', '.join(others)}. Set"
            " webserver_requirements to the one that names the packages for the server."
        )
        return
    for lock, command in LOCKS.items():
        if lock in brought:
            yield (
                f"webserver_app_src: pip cannot read {lock}, and the application has no {REQUIREMENTS}. Run this in the"
                f" application's folder, and again after each change of {lock}: {command}"
            )
            return


def _of_git(folder: str, brought: Collection[str]) -> Iterator[str]:
    missing = [path for path in _submodules(folder) if not _has_files(os.path.join(folder, path))]
    if missing:
        yield (
            f"webserver_app_src: {_few(missing)} must be fetched, because git keeps it in another repository. Run this"
            " in the application's folder: git submodule update --init --recursive"
        )
    pointers = [path for path in sorted(brought) if _is_pointer(os.path.join(folder, path))] if _has_lfs(folder) else []
    if pointers:
        yield (
            f"webserver_app_src: {_few(pointers)} must be fetched, because the file here only says where Git LFS keeps"
            " the content. Run this in the application's folder: git lfs pull"
        )


def _few(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more files" if len(paths) > 3 else "")


def _submodules(folder: str) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(os.path.join(folder, ".gitmodules")))
    except configparser.Error:
        return []
    return [parser[section]["path"] for section in parser.sections() if "path" in parser[section]]


def _has_files(folder: str) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))


def _has_lfs(folder: str) -> bool:
    return "filter=lfs" in _text(os.path.join(folder, ".gitattributes"))


def _is_pointer(path: str) -> bool:
    try:
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > LONGEST_POINTER:
            return False
        with open(path, "rb") as file:
            return file.read(len(LFS_POINTER)) == LFS_POINTER
    except OSError:  # the release module reports it
        return False
