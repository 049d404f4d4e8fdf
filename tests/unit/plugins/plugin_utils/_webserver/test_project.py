# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import project, toml_files

# What uv init writes, with and without --package, and Poetry's older form.
PACKAGE = '[project]\nname = "shop"\n\n[build-system]\nrequires = ["uv_build>=0.9"]\n'
UV_APP = '[project]\nname = "shop"\ndependencies = ["flask>=3.1"]\n'
POETRY = '[tool.poetry]\nname = "shop"\n\n[build-system]\nrequires = ["poetry-core"]\n'
TOOLS = "[tool.ruff]\nline-length = 100\n"
POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""


@pytest.fixture
def shop(tmp_path):
    """Writes files, and returns the folder with the paths in it."""

    def write(**files):
        for path, text in files.items():
            file = tmp_path / path.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return str(tmp_path), set(application.paths(str(tmp_path)))

    return write


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ""),
        ({"requirements.txt": "", "pyproject.toml": PACKAGE, "uv.lock": ""}, "requirements.txt"),
        ({"pyproject.toml": PACKAGE}, "pyproject.toml"),
        ({"pyproject.toml": PACKAGE, "uv.lock": ""}, "pyproject.toml"),
        ({"pyproject.toml": POETRY, "poetry.lock": ""}, "pyproject.toml"),
        ({"pyproject.toml": UV_APP}, "pyproject.toml"),
        ({"pyproject.toml": UV_APP, "uv.lock": ""}, ""),
        ({"pyproject.toml": TOOLS}, ""),
        ({"pyproject.toml": "[project.optional-dependencies]\n# [project]\n"}, ""),
        ({"docs__requirements.txt": ""}, ""),
        ({"pyproject.toml": PACKAGE, "pylock.toml": "", "uv.lock": ""}, "pylock.toml"),
        ({"requirements.txt": "", "pylock.toml": ""}, "requirements.txt"),
    ],
)
def test_the_file_that_names_the_packages(shop, files, found):
    assert project.requirements_file(*shop(**files)) == found


@pytest.mark.skipif(not toml_files.HAS_TOMLLIB, reason="this Python reads no TOML")
@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"requirements.txt": "flask\n"}, ""),
        ({"pyproject.toml": PACKAGE}, ""),
        ({"pyproject.toml": UV_APP}, "flask>=3.1\n"),
        ({"pyproject.toml": UV_APP, "src__shop.py": ""}, ""),  # setuptools finds the modules in src
        ({"pylock.toml": 'lock-version = "1.0"\npackages = [{name = "a", directory = {path = "a"}}]\n'}, "./a\n"),
    ],
)
def test_what_pip_cannot_read_is_translated(shop, files, text):
    folder, brought = shop(**files)
    assert project.requirements_text(folder, project.requirements_file(folder, brought)) == text


def test_a_lock_file_that_cannot_be_read_is_an_error(shop):
    [error] = project.errors(*shop(**{"pylock.toml": "lock-version = 1"}))
    assert error.startswith("webserver_app_src: pylock.toml ")
    assert error.endswith(" If the folder has a requirements.txt, that file is read instead.")


def test_the_named_file_counts(shop):
    given = shop(**{"requirements.txt": "", "requirements__prod.txt": ""})
    assert project.requirements_file(*given, "requirements/prod.txt") == "requirements/prod.txt"
    assert project.errors(*given, "requirements/prod.txt") == []
    assert project.requirements_file(*given, "prod.txt") == ""
    assert project.errors(*given, "prod.txt") == [
        "webserver_requirements: there is no prod.txt on the machine, because it is not in the application's folder."
    ]
    [error] = project.errors(given[0], given[1] - {"requirements/prod.txt"}, "requirements/prod.txt")
    assert error.endswith("because webserver_app_exclude keeps it out of the release.")


def test_a_choice_of_files_is_left_to_the_user(shop):
    [error] = project.errors(*shop(**{"requirements-dev.txt": "", "requirements__prod.in": "", "uv.lock": ""}))
    assert error == (
        "webserver_requirements: the application has no requirements.txt, but it has requirements-dev.txt,"
        " requirements/prod.in. Set webserver_requirements to the one that names the packages for the server."
    )
    assert project.errors(*shop(**{"requirements.txt": ""})) == []


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("uv.lock", "uv export --no-dev --no-emit-project --output-file requirements.txt"),
        ("poetry.lock", "poetry export --output requirements.txt (with the plugin poetry-plugin-export)"),
        ("Pipfile.lock", "pipenv requirements > requirements.txt"),
    ],
)
def test_a_lock_file_that_pip_cannot_read_has_a_command(shop, lock, command):
    [error] = project.errors(*shop(**{lock: "", "pyproject.toml": UV_APP, "docs__requirements.txt": ""}))
    assert error.startswith(f"webserver_app_src: pip cannot read {lock}, and the application has no requirements.txt.")
    assert error.endswith(f": {command}")
    assert project.errors(*shop(**{lock: "", "pyproject.toml": PACKAGE})) == []


@pytest.mark.parametrize(
    ("shared", "refused"),
    [
        (["shop"], ["shop"]),
        (["shop/web/"], ["shop/web/"]),
        (["data", "shop/web.py"], ["shop/web.py"]),
        (["shop/web.db", "shop/data", "shop-data"], []),
    ],
)
def test_the_code_of_the_application_is_not_shared(shared, refused):
    found = project.errors_of_shared(shared, "shop.web:create_app()")
    said = "webserver_shared: {} has the code of shop.web:create_app(), and no later release would change it."
    assert [each.partition(" Name only")[0] for each in found] == [said.format(path) for path in refused]


def test_submodules_that_were_not_fetched_are_named(shop):
    given = shop(**{".gitmodules": '[submodule "a"]\n\tpath = libs/a\n[submodule "b"]\n\tpath = b\n', "b__x.py": ""})
    [error] = project.errors(*given)
    assert error.startswith("webserver_app_src: libs/a must be fetched,")
    assert error.endswith(": git submodule update --init --recursive")
    assert project.errors(*shop(libs__a__x="")) == []
    assert project.errors(*shop(**{".gitmodules": "no sections"})) == []


def test_pointers_of_git_lfs_are_named(shop):
    files = {f"models__{number}.bin": POINTER for number in range(5)}
    assert project.errors(*shop(**files, **{"big.bin": POINTER + "x" * 2000})) == []
    [error] = project.errors(*shop(**{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}))
    assert error.startswith(
        "webserver_app_src: models/0.bin, models/1.bin, models/2.bin and 2 more files must be fetched,"
    )
    assert error.endswith(": git lfs pull")
