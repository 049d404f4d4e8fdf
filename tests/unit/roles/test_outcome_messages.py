"""The sentences with which the webserver role reports a refused deploy and a rollback."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run_tasks
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, tasks_of_roles, variables_of


@pytest.fixture
def message(tmp_path, monkeypatch):
    """Return the message that a task of the webserver role prints, in one line."""
    monkeypatch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", "json")

    def printed(name, **known):
        (task,) = [task for _path, task in tasks_of_roles("webserver") if task.get("name") == name]
        kept = {key: value for key, value in task.items() if key.startswith("ansible.builtin.") or key == "vars"}
        variables = {"role_path": str(ROLES / "webserver"), **variables_of("webserver"), **known}
        _status, text = run_tasks(tmp_path, [kept], variables)
        return re.search(r'"msg": "(.*)"', text)[1].replace("\\n", " ")

    return printed


@pytest.mark.parametrize(
    ("current", "heading"),
    [
        ("", "The release was not taken: pip failed The whole message is above."),
        ("4f1c", "Release 4f1c is served as before; the new one was not taken: pip failed The whole message is above."),
    ],
)
def test_a_deploy_that_fails_early_is_reported_with_what_is_served(message, current, heading):
    text = message(
        "Withdraw | Say why",
        __webserver_release={"name": "77aa", "current": current},
        __webserver_is_served=bool(current),
        __webserver_is_new=True,
        __webserver_failure={"msg": "pip failed\nand more"},
    )
    assert text == heading


@pytest.mark.parametrize("port", [5000, 8080])
@pytest.mark.parametrize("current", ["4f1c", "77aa"])
def test_a_rollback_is_reported_with_single_blanks(message, current, port):
    text = message(
        "Rollback | Say what is served",
        __webserver_target="4f1c",
        __webserver_is_served=True,
        __webserver_releases={"current": current},
        __webserver_release_list="4f1c, 77aa",
        __webserver_machine={"stdout": f"webserver: listens 0.0.0.0:{port}\n"},
        webserver_host="0.0.0.0",
        webserver_port=5000,
    )
    assert text.startswith("Release 4f1c is served")
    assert text.endswith("4f1c, 77aa." if port == 5000 else "webserver_port say, run site.yml.")
    assert ("To go to another, name it: -e webserver_release=NAME. The" in text) == (current == "4f1c")
    assert "  " not in text
