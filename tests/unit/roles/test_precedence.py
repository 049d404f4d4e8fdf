"""No name is both a registered result and in `vars:`, because it depends on the task which of the two wins."""

from __future__ import annotations

import pathlib

from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import read, tasks_of

ROOT = pathlib.Path(__file__).parents[3]
ROLES = sorted((ROOT / "roles").iterdir())
TASK_FILES = sorted(
    [*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("roles/*/handlers/*.yml"), *ROOT.glob("playbooks/*.yml")]
)


def recorded(task):
    """Return the names that a task sets for the rest of the run."""
    facts = task.get("ansible.builtin.set_fact", {})
    return {task["register"], *facts} if "register" in task else set(facts)


def found_in(files, names_of):
    """Return the files in which `names_of` finds each name."""
    found = {}
    for file in files:
        for task in tasks_of(read(file) or []):
            for name in names_of(task):
                found.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    return found


def test_no_name_is_both_a_variable_and_a_result():
    """A `vars:` of a task, block or role beats a registered result in one task, and loses to it in another."""
    results = found_in(TASK_FILES, recorded)
    assert "__webserver_release" in results, "the files are read"
    variables = found_in(TASK_FILES, lambda task: task.get("vars", {}))
    for role in ROLES:
        for name in read(role / "vars" / "main.yml"):
            variables.setdefault(name, set()).add(f"roles/{role.name}/vars/main.yml")
    assert {name: sorted(results[name] | variables[name]) for name in results.keys() & variables.keys()} == {}


def test_the_check_finds_nested_names():
    play = {"tasks": [{"block": [], "rescue": [{"register": "a"}, {"ansible.builtin.set_fact": {"b": 1}, "vars": {}}]}]}
    assert set().union(*map(recorded, tasks_of([play]))) == {"a", "b"}
