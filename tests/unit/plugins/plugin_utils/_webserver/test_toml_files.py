# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import sys

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import toml_files

# The lock files that uv 0.13 and pip 26 wrote for one project, with other hosts and fewer wheels.
CAPTURED = pathlib.Path(__file__).parents[3] / "captured" / "pylock"
HEAD = 'lock-version = "1.0"\ncreated-by = "hand"\n'
needs_tomllib = pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python reads no TOML")


def lines(*packages: str, head: str = HEAD) -> list[str]:
    return toml_files.of_lock_file(head + "".join(f"[[packages]]\n{package}\n" for package in packages)).splitlines()


def of(name: str) -> list[str]:
    return toml_files.of_lock_file((CAPTURED / f"{name}.toml").read_text()).splitlines()


@needs_tomllib
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_each_package_has_its_version_and_hashes(tool):
    found = of(tool)
    flask = "f4bcbefc124291925f1a26446da31a5178f9483862233b23c0c96a20701f670c"
    assert any(line.startswith("flask==3.1.3 --hash=sha256:") and flask in line for line in found)
    assert "." in found, "the project itself"
    assert all(" --hash=" in line for line in found if line != ".")


@needs_tomllib
def test_markers_stay():
    click = [line.split(" --hash")[0] for line in of("uv") if line.startswith("click")]
    assert click == ["click==8.1.8 ; python_full_version < '3.10'", "click==8.5.1 ; python_full_version >= '3.10'"]


@needs_tomllib
@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('vcs = {type = "git", url = "https://git.example/a.git", commit-id = "4f1c"}',
         "a @ git+https://git.example/a.git@4f1c"),
        ('vcs = {type = "git", url = "https://git.example/a.git", commit-id = "4f1c", subdirectory = "py"}',
         "a @ git+https://git.example/a.git@4f1c#subdirectory=py"),
        ('directory = {path = "libs/a", editable = true}', "./libs/a"),
        ('directory = {path = ".", subdirectory = "a"}', "./a"),
        ('archive = {url = "https://x.example/a.zip", hashes = {sha256 = "ab"}}',
         "a @ https://x.example/a.zip --hash=sha256:ab"),
        ('archive = {path = "a.zip", hashes = {sha256 = "ab", md5 = "c"}}', "./a.zip --hash=sha256:ab"),
        ('version = "1"\nsdist = {url = "https://x.example/a-1.tar.gz", hashes = {sha512 = "ab"}}',
         "a==1 --hash=sha512:ab"),
    ],
)  # fmt: skip
def test_sources(source, line):
    assert lines(f'name = "a"\n{source}') == [line]


@needs_tomllib
def test_archives_beside_the_lock_file_are_found_there():
    wheels = 'wheels = [{path = "wheels/a-1-py3-none-any.whl", hashes = {sha256 = "ab"}}]'
    assert lines(f'name = "a"\nversion = "1"\n{wheels}') == ["--find-links ./wheels", "a==1 --hash=sha256:ab"]


@needs_tomllib
def test_the_default_groups_and_no_extra_are_chosen():
    """pip on the machine does not know the words dependency_groups and extras."""
    package = 'name = "{0}"\nversion = "1"\nmarker = "{1}"\nsdist = {{url = "u", hashes = {{sha256 = "ab"}}}}'
    found = lines(
        package.format("main", "'default' in dependency_groups"),
        package.format("test", "'dev' in dependency_groups and python_version < '3.12'"),
        package.format("pg", "'pg' in extras"),
        package.format("plain", "'pg' not in extras"),
        head=HEAD + 'default-groups = ["default"]\n',
    )
    assert [line.split(" --hash")[0] for line in found] == [
        "main==1 ; python_version >= '3'",
        "test==1 ; python_version < '3' and python_version < '3.12'",
        "pg==1 ; python_version < '3'",
        "plain==1 ; python_version >= '3'",
    ]


@needs_tomllib
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lock-version = ", "is not TOML: "),
        ('lock-version = "2.0"\npackages = []\n', "has the lock version 2.0, and only 1.0 can be read"),
        ("", "is not a valid lock file: it has no lock-version"),
        (HEAD + "packages = [1]\n", "is not a valid lock file: "),
        (HEAD + 'packages = [{name = "a", version = "1"}]\n', "has no hash of a that pip accepts: sha256,"),
        (HEAD + 'packages = [{name = "a", vcs = {type = "git", path = "../a"}}]\n', "names a by the path of a"),
    ],
)  # fmt: skip
def test_what_is_no_lock_file_is_said(text, why):
    with pytest.raises(ValueError) as error:
        toml_files.of_lock_file(text)
    assert str(error.value).startswith(why)


def test_an_old_python_says_so(monkeypatch):
    monkeypatch.setattr(toml_files, "HAS_TOMLLIB", False)
    with pytest.raises(ValueError, match=r"if Ansible runs with Python 3\.11 or newer"):
        toml_files.of_lock_file(HEAD)
    assert toml_files.of_project('[project]\ndependencies = ["flask"]\n') == ""


@needs_tomllib
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[project]\ndependencies = ["flask>=3.1", "tomli ;\\tpython_version < \'3.11\'"]\n',
         "flask>=3.1\ntomli ; python_version < '3.11'\n"),
        ("[project]\n", ""),
        ("[tool.ruff]\n", ""),
        ("[project", ""),
        ("project = 1\n", ""),
        ("project = {dependencies = [1]}\n", ""),
    ],
)  # fmt: skip
def test_the_dependencies_of_a_project(text, found):
    assert toml_files.of_project(text) == found


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("pylock.toml", True), ("deploy/pylock.prod.toml", True), ("pylock.a.b.toml", False), ("uv.lock", False)],
)
def test_names(path, is_one):
    assert toml_files.is_lock_file(path) == is_one
