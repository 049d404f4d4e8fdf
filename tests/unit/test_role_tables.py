# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables in the roles' README.md: how they are made from a specification, and what happens with a stale one."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

PROGRAM = pathlib.Path(__file__).parents[1] / "role_tables.py"
SPEC = importlib.util.spec_from_file_location("role_tables", PROGRAM)
role_tables = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(role_tables)

SPECIFICATION = """
argument_specs:
  main:
    short_description: Serve
    description: Serves.
    options:
      site_port:
        description: [The port., By default C(other_port).]
        type: int
      site_ways:
        description: The ways.
        type: list
        elements: str
        choices: [a|b, c]
        required: true
"""
README = f"# Site\n\nBy hand.\n\n{role_tables.BEGIN}\nold\n{role_tables.END}\nBy hand too.\n"
TABLE = r"""
| variable | type | default | description |
| --- | --- | --- | --- |
| `site_port` | int | `{{ other_port \| default(80) }}` | The port. By default `other_port`. |
| `site_ways` | list of str, required |  | The ways. One of `a\|b`, `c`. |
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("As C(a b) and V(false) and E(HOME).", "As `a b` and `false` and `HOME`."),
        ("B(not) I(now), see M(a.b.c)", "**not** *now*, see `a.b.c`"),
        ("O(port=80), O(a.b.c#module:port), RV(a.b.c#module:rows[].port), P(a.b.c#filter)",
         "`port=80`, `port`, `rows[].port`, `a.b.c`"),
        (r"V(f(x\)) and V(C:\\) ", r"`f(x)` and `C:\` "),
        ("L(the page, https://x.example/), R(a, b), U(https://y.example/)",
         "[the page](https://x.example/), a, <https://y.example/>"),
        ("HTTP(S) and (c)", "HTTP(S) and (c)"),
    ],
)  # fmt: skip
def test_markup(text, expected):
    assert role_tables.markdown(text) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, ""), ("", '`""`'), ("90%", "`90%`"), (False, "`false`"), (0, "`0`"), ([], "`[]`"), ({}, "`{}`"),
     ({"a": 1}, "`{a: 1}`"), (["*.py", "x y"], "`['*.py', x y]`")],
)  # fmt: skip
def test_default(given, expected):
    assert role_tables.value(given) == expected


def test_variables_of_all_entry_points_with_main_first():
    option = {"description": "It.", "type": "str"}
    made = role_tables.tables(
        {
            "find": {
                "short_description": "Find C(it)",
                "description": ["Changes", "nothing."],
                "options": {"a": option},
            },
            "main": {"short_description": "Do", "description": "Does.", "options": {"a": option, "b": option}},
        },
        {"a": 1, "b": 2},
    )
    assert made.split("\n")[2:4] == ["| `main` | Do. Does. |", "| `find` | Find `it`. Changes nothing. |"]
    assert re.findall(r"^\| `(.)`", made, re.MULTILINE) == ["a", "b"]


@pytest.fixture
def role(tmp_path):
    for file, text in {
        "README.md": README,
        "meta/argument_specs.yml": SPECIFICATION,
        "defaults/main.yml": 'site_port: "{{ other_port | default(80) }}"\n',
    }.items():
        (tmp_path / "site" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / file).write_text(text)
    return tmp_path / "site"


def test_tables_are_written_and_the_rest_is_left_alone(role):
    assert role_tables.main(check=False, roles=role.parent) == ""
    assert (role / "README.md").read_text(encoding="utf-8") == README.replace("\nold\n", f"\n{TABLE}\n")
    assert role_tables.main(check=True, roles=role.parent) == ""


def test_the_check_reports_a_stale_table_and_does_not_write_it(role):
    told = role_tables.main(check=True, roles=role.parent)
    assert str(role / "README.md") in told and "make docs" in told
    assert (role / "README.md").read_text(encoding="utf-8") == README


def test_changed_specification_makes_it_stale(role):
    role_tables.main(check=False, roles=role.parent)
    specs = role / "meta" / "argument_specs.yml"
    specs.write_text(specs.read_text(encoding="utf-8").replace("The ways.", "The roads."))
    assert "make docs" in role_tables.main(check=True, roles=role.parent)


@pytest.mark.parametrize("text", [None, "# Site\n", README.replace(role_tables.END, "")])
def test_readme_without_markers_is_reported(role, text):
    (role / "README.md").unlink()
    if text is not None:
        (role / "README.md").write_text(text)
    assert str(role / "README.md") in role_tables.main(check=False, roles=role.parent)
    assert text is None or (role / "README.md").read_text(encoding="utf-8") == text


def test_command_fails_for_a_stale_one(tmp_path):
    """The command of `make lint`, on a copy of this collection's roles."""
    for command in (["cp", "-r", str(PROGRAM.parents[1] / "roles"), str(tmp_path)], ["mkdir", str(tmp_path / "tests")]):
        subprocess.run(command, check=True)
    (tmp_path / "tests" / "role_tables.py").write_text(PROGRAM.read_text(encoding="utf-8"))
    check = [sys.executable, str(tmp_path / "tests" / "role_tables.py"), "--check"]
    assert subprocess.run(check, check=False).returncode == 0
    stale = tmp_path / "roles" / "flask" / "README.md"
    stale.write_text(stale.read_text(encoding="utf-8").replace("`/opt/flask`", "`/opt/other`"))
    told = subprocess.run(check, capture_output=True, text=True, check=False)
    assert told.returncode == 1 and str(stale) in told.stderr and "python3" not in told.stderr


def test_examples_of_the_roles_are_plays_with_variables_that_exist(tmp_path):
    plays, variables = [], {}
    for readme in sorted(role_tables.ROLES.glob("*/README.md")):
        specs = yaml.safe_load((readme.parent / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))[
            "argument_specs"
        ]
        variables[f"flasklaunch.ec2.{readme.parent.name}"] = set(specs["main"]["options"])
        found = re.findall(r"^```yaml\n(.*?)^```", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        assert found, readme
        plays += [play for block in found for play in yaml.safe_load(block)]
    for role in (role for play in plays for role in play.get("roles", [])):
        assert set(role.get("vars", {})) <= variables[role["role"]]
    (tmp_path / "plays.yml").write_text(yaml.safe_dump(plays))
    subprocess.run(["ansible-playbook", "-i", "webservers,", "--syntax-check", "plays.yml"], cwd=tmp_path, check=True)
