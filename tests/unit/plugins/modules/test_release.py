# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases that are already on the machine. The tests in plugins/action cover how they get there."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import installed
from ansible_collections.flasklaunch.ec2.plugins.modules import release, release_info


@pytest.fixture
def path(tmp_path):
    """A folder with the deployed releases `old` and `new`, and `next`, which is not deployed yet. `new` is current."""
    for second, name in enumerate(["next", "old", "new"]):
        folder = tmp_path / "releases" / name
        folder.mkdir(parents=True)
        (folder / "venv").symlink_to(tmp_path / "environments" / name)
        (tmp_path / "environments" / name).mkdir(parents=True)
        os.utime(folder, (second, second))
    (tmp_path / "current").symlink_to("releases/new")
    return tmp_path


@pytest.fixture
def run(run_module, path):
    return lambda **arguments: run_module(release, path=str(path), **arguments)


@pytest.fixture
def info(run_module, path):
    return lambda: run_module(release_info, path=str(path))


def names(path):
    return sorted(os.listdir(path / "releases"))


def test_deploy_switches_and_then_removes_old_releases(run, path):
    result = run(state="current", name="next")
    assert (result["changed"], result["name"], result["current"]) == (True, "next", "new")
    assert (result["diff"]["before"], result["diff"]["after"]) == ("new\n", "next\n")
    assert os.readlink(path / "current") == "releases/next"
    assert names(path) == ["new", "next", "old"], "nobody knows yet whether it serves"
    again = run(state="current", name="next")
    assert (again["changed"], again["current"]) == (False, "next")
    end = run(state="finished", keep=2)
    assert (end["changed"], end["removed"]) == (True, ["old"])
    assert names(path) == ["new", "next"]
    assert not run(state="finished", keep=2)["changed"]


def test_the_release_that_was_current_before_the_deploy_stays(run, path):
    assert run(state="finished", keep=1, former="next")["removed"] == ["next"], "it was never deployed"
    run(state="current", name="old")
    (path / "releases" / "other").mkdir()
    run(state="current", name="other")
    assert run(state="finished", keep=1, former="new")["removed"] == ["old"]


def test_an_existing_release_is_reported_like_a_new_one(run, path):
    result = run(name="old", deployed=False)
    assert (result["changed"], result["name"], result["present"], result["current"]) == (False, "old", True, "new")
    assert result["deployed"] is False


def test_rollback_removes_nothing(run, path, info):
    assert run(state="current", name="old", deployed=False)["changed"]
    assert run(state="finished", deployed=False, keep=1)["removed"] == []
    assert names(path) == ["new", "next", "old"]
    assert [each["name"] for each in info()["releases"]] == ["new", "old", "next"]


def test_check_mode_switches_nothing(run, path):
    assert not run(state="current", name="new", _ansible_check_mode=True)["changed"]
    assert run(state="finished", keep=1, _ansible_check_mode=True)["removed"] == []
    result = run(state="current", name="next", _ansible_check_mode=True)
    assert (result["changed"], result["diff"]["after"]) == (True, "next\n")
    assert os.readlink(path / "current") == "releases/new"
    assert run(state="absent", name="old", _ansible_check_mode=True)["removed"] == ["old"]
    assert names(path) == ["new", "next", "old"]


def test_first_release_has_no_former_one(run, path):
    (path / "current").unlink()
    assert run(state="current", name="new")["diff"]["before"] == "none\n"


def test_release_is_removed_once(run, path):
    result = run(state="absent", name="old")
    assert (result["changed"], result["removed"]) == (True, ["old"])
    assert names(path) == ["new", "next"]
    assert sorted(os.listdir(path / "environments")) == ["new", "next", "old"], "the next try may need the packages"
    again = run(state="absent", name="old")
    assert (again["changed"], again["removed"]) == (False, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state": "current", "name": "other"}, "there is no release other in"),
        ({"state": "absent", "name": "new"}, "is being served"),
        ({"state": "current"}, "state is current but all of the following are missing: name"),
        ({"state": "absent"}, "state is absent but all of the following are missing: name"),
        ({}, "state is present but all of the following are missing: name"),
        ({"name": "other"}, "there is no release other in"),
        ({"name": "x", "venv": "/v", "user": "no-such-user", "_archive": "/x"}, "user: getpwnam(): name not found"),
    ],
)
def test_impossible_tasks_are_refused(run, path, arguments, message):
    result = run(**arguments)
    assert result["failed"]
    assert message in result["msg"]
    assert names(path) == ["new", "next", "old"]
    assert os.readlink(path / "current") == "releases/new"


def test_a_failed_copy_leaves_room_for_the_next_release(run, path):
    """Of the files of earlier runs, only deployed releases stay."""
    (path / "environments" / "unfinished").mkdir()
    result = run(name="x", venv="/v", user="root", _archive="/nonexistent/archive", keep=2)
    assert "cannot be worked on: [Errno 2]" in result["msg"]
    assert names(path) == ["new", "old"]
    assert sorted(os.listdir(path / "environments")) == ["new", "old"]
    assert os.readlink(path / "current") == "releases/new"


def test_releases_are_listed(info, path):
    assert (info()["current"], info()["former"]) == ("new", "old")
    assert info()["releases"] == [
        {"name": "new", "deployed": "1970-01-01T00:00:02Z", "venv": str(path / "environments" / "new")},
        {"name": "old", "deployed": "1970-01-01T00:00:01Z", "venv": str(path / "environments" / "old")},
        {"name": "next", "deployed": None, "venv": str(path / "environments" / "next")},
    ]


def test_no_releases_are_no_failure(run_module, tmp_path):
    result = run_module(release_info, path=str(tmp_path / "missing"))
    assert (result["failed"], result["releases"], result["current"], result["former"]) == (False, [], None, None)


def test_releases_that_cannot_be_read(run_module, tmp_path):
    (tmp_path / "releases").write_text("")
    result = run_module(release_info, path=str(tmp_path))
    assert result["failed"]
    assert f"the releases in {tmp_path} cannot be read" in result["msg"]


ANN = {"who": "ann@laptop", "place": "laptop", "pid": 812, "started": "51220"}
BOB = {**ANN, "who": "bob@ci"}


def test_lock_is_taken_when_there_is_something_to_do_and_given_back_at_the_end(run, path):
    run(name="old", lock=True, _run=ANN, _ansible_check_mode=True)
    assert not (path / "releases" / ".lock").exists()
    result = run(name="old", lock=True, _run=ANN)
    assert result["lock"] == {"path": str(path), "run": ANN}
    for arguments in (dict(name="new"), dict(state="current", name="old"), dict(state="absent", name="old")):
        refused = run(lock=True, _run=BOB, **arguments)
        assert refused["failed"]
        assert refused["held_by"] == ANN
        assert "ann@laptop (process 812) has been deploying to this machine since 20" in refused["msg"]
    assert run(state="current", name="old", lock=True, _run=ANN)["changed"]
    run(state="finished", lock=True, _run=ANN)
    assert not (path / "releases" / ".lock").exists()


def test_dead_lock_is_removed_also_when_there_is_nothing_to_do(run, path):
    run(name="old", lock=True, _run=ANN)
    assert not run(state="current", name="new", lock=True, _run=BOB, _gone=ANN)["failed"]
    assert not (path / "releases" / ".lock").exists()


def test_release_that_cannot_be_brought_leaves_no_lock(run, path):
    arguments = dict(name="x", venv="/v", user="root", _archive="/nonexistent/archive", lock=True, _run=ANN)
    assert run(**arguments)["failed"]
    assert not (path / "releases" / ".lock").exists()


def test_soundness_of_the_environment_is_reported(run, path):
    arguments = dict(name="new", venv=str(path / "environments" / "new"), user="root")
    assert not run(**arguments)["environment_is_sound"]
    venv = path / "environments" / "new"
    (venv / "bin").mkdir()
    (venv / "bin" / "python3").touch()
    (venv / "pyvenv.cfg").touch()
    (venv / installed.NOTE).write_text('{"site_packages": "/", "distributions": {}}')
    result = run(**arguments)
    assert result["environment_is_sound"]
