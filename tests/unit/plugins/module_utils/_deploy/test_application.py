# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import os
import socket
import tarfile

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application

EXCLUDE = ["__pycache__", "venv", *application.PRIVATE, "!.env.example"]

VENV, ENVIRONMENT = "/opt/webserver/environments/py3.9-5f1d", {"FLASK_APP": "app:app"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop" / "static").mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").write_text("app = None\n")
    (tmp_path / "shop" / "static" / "logo.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "link").symlink_to("shop/static")
    return tmp_path


def name(folder, venv=VENV, environment=None, exclude=(), user="webserver"):
    environment = ENVIRONMENT if environment is None else environment
    return application.release_name(application.read(str(folder), exclude), venv, environment, user)


def test_files_and_links_are_read_in_order_and_folders_are_not_followed(folder):
    entries = application.read(str(folder))
    assert [entry.path for entry in entries] == ["link", "run.sh", "shop/__init__.py", "shop/static/logo.png"]
    assert [entry.path for entry in entries if entry.executable] == ["run.sh"]


@pytest.mark.parametrize("pattern, gone", [("static", "shop/static/logo.png"), ("*.sh", "run.sh"), ("link", "link")])
def test_excluded_names_are_left_out_at_any_depth(folder, pattern, gone):
    before = {entry.path for entry in application.read(str(folder))}
    assert {entry.path for entry in application.read(str(folder), [pattern])} == before - {gone}


def test_name_is_the_same_wherever_and_whenever_the_content_lies(folder, tmp_path_factory):
    before = name(folder)
    os.utime(folder / "run.sh", (0, 0))
    (folder / "run.sh").chmod(0o755)  # still executable
    (folder / "empty").mkdir()
    moved = tmp_path_factory.mktemp("elsewhere") / "app"
    folder.rename(moved)
    assert name(moved) == before
    assert len(before) == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "run.sh").write_text("#!/bin/bash\n"),
        lambda folder: (folder / "run.sh").chmod(0o600),
        lambda folder: (folder / "run.sh").rename(folder / "start.sh"),
        lambda folder: (folder / "link").unlink(),
        lambda folder: ((folder / "link").unlink(), (folder / "link").symlink_to("shop")),
        lambda folder: (folder / "new").write_text(""),
    ],
    ids=["content", "executable", "file name", "link gone", "link target", "new file"],
)
def test_name_changes_with_what_is_in_the_release(folder, change):
    before = name(folder)
    change(folder)
    assert name(folder) != before


def test_name_changes_with_the_virtual_environment_the_variables_and_the_user(folder):
    others = [name(folder, venv=VENV + "0"), name(folder, environment={}), name(folder, environment={"FLASK_APP": "b"})]
    assert len({name(folder), *others, name(folder, user="other")}) == 5


def test_archive_holds_the_content_and_nothing_of_the_control_node(folder):
    archives = []
    for _time in range(2):
        stream = io.BytesIO()
        application.write_archive(str(folder), application.read(str(folder), ["logo.png"]), stream)
        archives.append(stream.getvalue())
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as archive:
        members = {member.name: member for member in archive}
        assert list(members) == ["link", "run.sh", "shop/__init__.py"]
        assert archive.extractfile("shop/__init__.py").read() == b"app = None\n"
    assert {(each.uid, each.gid, each.mtime, each.uname) for each in members.values()} == {(0, 0, 0, "")}
    assert (members["run.sh"].mode, members["shop/__init__.py"].mode) == (0o755, 0o644)
    assert members["link"].linkname == "shop/static"


def test_archive_lists_what_the_machine_has(folder):
    """Not a file of the application that has the name of the list."""
    (folder / application.LIST).write_text("mine")
    entries = application.read(str(folder), ["logo.png"])
    known = [entry for entry in entries if entry.path == "shop/__init__.py"]
    for there in ([], known):
        stream = io.BytesIO()
        application.write_archive(str(folder), entries, stream, [entry.digest for entry in there])
        with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as archive:
            members, listed = application.contents(archive)
            assert listed == there
            assert [member.name for member in members] == [entry.path for entry in entries if entry not in there]
            assert archive.extractfile(members[0]).read() == b"mine"


def test_folder_without_files_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no files in it"):
        application.read(str(tmp_path))


def test_folder_that_cannot_be_read_is_refused(folder, monkeypatch):
    """It must not be left out of the release. Root can read everything, so the test replaces the system call."""
    (folder / "shut").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="Permission denied: .*shut"):
        application.read(str(folder))


def test_special_files_are_refused_by_name(folder):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "app.sock"))
        with pytest.raises(application.Unfit, match="app.sock is a socket, which a release cannot hold"):
            application.read(str(folder))
    assert application.read(str(folder), ["*.sock"])


@pytest.mark.parametrize("target", ["../../shared/common.py", "/etc/passwd", "x/../../../x", "up/x", "/nonexistent"])
def test_link_that_leads_out_of_the_folder_is_refused_by_name(folder, target):
    """The release would not contain the target, or the link would lead to another file on the machine."""
    (folder / "shop" / "up").symlink_to("../..")
    (folder / "shop" / "common.py").symlink_to(target)
    with pytest.raises(application.Unfit, match=f"shop/common.py is a link to {target}, which is outside the folder"):
        application.read(str(folder), ["up"])
    assert application.read(str(folder), ["common.py", "up"])


def test_link_within_the_folder_stays_also_where_the_folder_is_a_link_itself(folder, tmp_path_factory):
    (folder / "shop" / "run.sh").symlink_to("../run.sh")
    (folder / "shop" / "later").symlink_to("not-there-yet")
    link = tmp_path_factory.mktemp("links") / "app"
    link.symlink_to(folder)
    assert {"link", "shop/run.sh", "shop/later"} < {entry.path for entry in application.read(str(link))}


DEVELOPERS = [".env", ".env.local", "instance/shop.cfg", "data/shop.sqlite", "data/shop.db-wal", "x.sqlite3"]
OTHERS = [
    ".env.example",
    "environment.py",
    "instances.py",
    "db.py",
    "schema.sql",
    "venv/lib.db",
    "cache/__pycache__/x.pyc",
]


def test_private_files_of_a_developer_are_left_out_and_named(tmp_path):
    for name in DEVELOPERS + OTHERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    read = [entry.path for entry in application.read(str(tmp_path), EXCLUDE)]
    assert read == [".env.example", "db.py", "environment.py", "instances.py", "schema.sql"]
    assert application.left_out(str(tmp_path), EXCLUDE) == {
        ".env": ".env",
        ".env.local": ".env.*",
        "data/shop.db-wal": "*.db-*",
        "data/shop.sqlite": "*.sqlite",
        "instance": "instance",
        "x.sqlite3": "*.sqlite3",
    }
    mine = [pattern for pattern in EXCLUDE if pattern != "instance"]
    assert "instance/shop.cfg" in [entry.path for entry in application.read(str(tmp_path), mine)]
    assert "instance" not in application.left_out(str(tmp_path), mine)
