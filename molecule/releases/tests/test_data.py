"""An application that writes into its own folder: its data outlive releases, and nobody else can read them."""

from __future__ import annotations

import pathlib
import urllib.error
import urllib.request

import pytest
from deploys import OPENER, URL, current, deploy, get, machine, play, refused, version

NOTES = """
import pathlib
import sqlite3

from flask import Flask, request

app = Flask(__name__)
folder = pathlib.Path(app.instance_path)
folder.mkdir(exist_ok=True)


def ask(*question):
    with sqlite3.connect(folder / "notes.db") as database:
        return database.execute(*question).fetchall()


ask("CREATE TABLE IF NOT EXISTS notes (text TEXT)")


@app.get("/")
def index():
    notes = [text for text, in ask("SELECT text FROM notes")]
    files = sorted(path.name for path in pathlib.Path(app.root_path, "static", "uploads").iterdir())
    return f"VERSION {notes} {files}"


@app.post("/notes")
def add():
    ask("INSERT INTO notes VALUES (?)", [request.get_data(as_text=True)])
    return "added"


@app.post("/<path:path>")
def upload(path):
    pathlib.Path(app.root_path, path).write_bytes(request.get_data())
    return "saved"
"""
SITE = {"webserver_app": "notes:app", "webserver_health_path": "/"}
SHARED = {**SITE, "webserver_shared": ["instance", "static/uploads"]}


def notes(folder: pathlib.Path, number: str) -> str:
    """Make a version of the application, with the requirements of the shop."""
    source = version(folder, "1")
    (folder / "notes.py").write_text(NOTES.replace("VERSION", number))
    (folder / "static" / "uploads").mkdir(parents=True)
    (folder / "static" / "uploads" / "logo.png").write_text(f"logo {number}")
    return source


def post(path: str, text: str) -> int:
    request = urllib.request.Request(URL + path, data=text.encode(), headers={"Content-Type": "text/plain"})
    try:
        with OPENER.open(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The first version, with a note and an upload."""
    source = notes(tmp_path_factory.mktemp("notes"), "1")
    deploy(webserver_app_src=source, **SHARED)
    assert (post("notes", "buy milk"), post("static/uploads/a.png", "a")) == (200, 200)
    return source


def test_release_that_writes_into_its_folder_is_told_what_to_share(tmp_path):
    before = current()
    run = refused(webserver_app_src=notes(tmp_path, "1"), **SITE)
    assert "Read-only file system" in run.text
    assert "Set webserver_shared: [instance], and the path becomes a link into the state folder." in run.text
    assert current() == before


def test_data_are_there_after_a_deploy_and_a_rollback(served, tmp_path):
    data = "['buy milk'] ['a.png', 'logo.png']"
    assert get() == f"1 {data}"
    deploy(webserver_app_src=notes(tmp_path, "2"), **SHARED)
    assert get() == f"2 {data}"
    assert get("static/uploads/logo.png") == "logo 1", "no later release changes it"
    assert play("playbooks/rollback.yml", **SHARED).rc == 0
    assert get() == f"1 {data}"


def test_only_the_application_can_read_its_data(served):
    assert machine("stat -c '%a %U' /var/lib/webserver") == "700 webserver"
    assert machine("su neighbour -s /bin/sh -c 'ls /var/lib/webserver' 2>&1").endswith("Permission denied")


def test_another_user_of_the_site_does_not_take_the_data(served):
    """systemd would give them to the new user while the server of the former one still needs them."""
    before = current(), get()
    run = refused(webserver_app_src=served, webserver_user="another", **SHARED)
    assert "the files in /var/lib/webserver on this machine belong to the user webserver" in run.text
    assert machine("stat -c %U /var/lib/webserver/instance/notes.db") == "webserver"
    assert (current(), get()) == before


def test_status_names_the_path_of_an_upload_that_failed(served):
    assert post("static/b.png", "b") == 500
    status = play("playbooks/status.yml", **SHARED).text
    assert "Set webserver_shared: [static], and" in status


def test_next_release_may_share_nothing(served):
    """The data stay for a later release."""
    deploy()
    assert get() == "shop 1\n"
    assert machine("ls /var/lib/webserver/instance") == "notes.db"
