"""Ten applications of the shapes that people's projects have: each is used, changed, broken and taken back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

SCENARIO = pathlib.Path(__file__).parents[1]
ROOT = SCENARIO.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(SCENARIO)]
from clients import OPENER, Chat, Polling, WebSocket, upgraded  # noqa: E402
from load import Load  # noqa: E402

CONTAINER = "flasklaunch-molecule-applications"
NAMES = ["notes", "greeter", "gallery", "ticker", "login", "vault", "flaskr", "microblog", "counter", "chat"]
PORTS = {name: port for port, name in enumerate(NAMES, 15071)}
SOURCES = {name: "app.py" for name in PORTS} | {
    "notes": "notes/__init__.py",
    "greeter": "src/greeter/__init__.py",
    "login": "wsgi.py",
    "flaskr": "flaskr/__init__.py",
    "microblog": "app/__init__.py",
    "counter": "counter/__init__.py",
    "chat": "app/__init__.py",
}
PAGES = {name: "" for name in PORTS} | {"flaskr": "hello"}  # the path of the page that has the version
# A visitor of flaskr, who keeps cookies.
ADA = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())


def play(playbook: str, **variables: object) -> subprocess.CompletedProcess:
    inventory = str(SCENARIO / "inventory")
    return subprocess.run(
        ["ansible-playbook", str(ROOT / playbook), "--inventory", inventory, "--extra-vars", json.dumps(variables)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )


def url(name: str, path: str = "") -> str:
    return f"http://127.0.0.1:{PORTS[name]}/{path}"


def ask(name: str, path: str = "", body: str | None = None, method: str | None = None, opener=OPENER) -> str:
    data = None if body is None else body.encode()
    with opener.open(urllib.request.Request(url(name, path), data, method=method), timeout=10) as answer:
        return answer.read().decode()


def pages() -> dict[str, str]:
    return {name: ask(name, PAGES[name]) for name in PORTS}


def of_version(number: str) -> dict[str, str]:
    return {name: f"{name} {number}\n" for name in PORTS}


def machine(script: str) -> str:
    done = subprocess.run(
        ["docker", "exec", CONTAINER, "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def applications(folder: pathlib.Path, version: str) -> str:
    """Make another version of all applications. Returns the folder, for the variable `applications`."""
    shutil.copytree(SCENARIO / "apps", folder)
    for name, file in SOURCES.items():
        source = folder / name / file
        text = source.read_text()
        assert 'VERSION = "1"' in text
        source.write_text(text.replace('VERSION = "1"', f"VERSION = {version}"))
    return str(folder)


def eventually(check, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if check():
                return True
        time.sleep(0.1)
    return check()


class Streams(threading.Thread):
    """Reads one stream of five seconds after the other, until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []  # what was read of each
        self.stops = threading.Event()

    def run(self) -> None:
        while not self.stops.is_set():
            try:
                with OPENER.open(url("ticker", "events?count=20"), timeout=10) as stream:
                    self.read.append(stream.read().decode())
            except OSError as error:
                self.read.append(f"{type(error).__name__}: {error}")

    def __enter__(self) -> Streams:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stops.set()
        self.join()


def events(version: str) -> str:
    return "".join(f"data: {version} {number}\n\n" for number in range(20))


def echo(words: str) -> str:
    """Send a text to the WebSocket of the ticker, and return the answer."""
    with WebSocket(PORTS["ticker"], "/echo") as connection:
        connection.send(words)
        return connection.receive()


def conversation() -> tuple[list[str], list[str]]:
    """Ada and Bob meet in the chat, she over a WebSocket, he by long polling. Return what each of them hears."""
    with upgraded(PORTS["chat"]) as here, Polling(PORTS["chat"]) as there:
        ada = Chat(here, "Ada")
        hers = [ada.hears()]
        bob = Chat(there, "Bob")
        his = [bob.hears()]
        ada.say("Tea?")
        his.append(bob.hears())
        bob.say("Yes")
        his.append(bob.hears())
        return hers + [ada.hears() for _message in range(3)], his


def conversation_in(version: str) -> tuple[list[str], list[str]]:
    his = [f"Bob has entered the room of version {version}.", "Ada: Tea?", "Bob: Yes"]
    return [f"Ada has entered the room of version {version}.", *his], his


def count() -> None:
    assert ask("counter", "count", "", "POST") == "queued\n"


def has_counted(number: int, version: str) -> bool:
    """Return whether the worker of this version has done the last of so many tasks."""
    return eventually(lambda: json.loads(ask("counter", "count")) == [str(number), version])


@pytest.fixture(scope="module")
def used():
    """Each application has data of its users. Returns what the second version must still have."""
    assert ask("notes", "notes", "milk") == "added\n"
    assert ask("gallery", "pictures/cat.png", "cat", "PUT") == "stored\n"
    with pytest.raises(urllib.error.HTTPError, match="500"):  # the tables are missing
        ask("flaskr")
    run = play("playbooks/exec.yml", webserver_name="flaskr", webserver_command="flask --app flaskr init-db")
    assert run.returncode == 0 and "Initialized the database." in run.stdout, run.stdout
    assert ask("flaskr", "auth/register", "username=ada&password=secret") == "registered\n"
    ask("flaskr", "auth/login", "username=ada&password=secret", opener=ADA)
    ask("flaskr", "create", "title=First", opener=ADA)
    assert ask("microblog", "post", "post=hello") == "Your post is now live!\n"
    count()


def data() -> dict[str, object]:
    return {
        "notes": json.loads(ask("notes", "notes")),
        "gallery": ask("gallery", "static/uploads/cat.thumbnail"),
        "flaskr": re.findall("<h1>(.*)</h1>", ask("flaskr")),
        "microblog": json.loads(ask("microblog", "explore")),
    }


DATA = {"notes": ["milk"], "gallery": "small cat", "flaskr": ["First by ada"], "microblog": ["hello"]}


def test_each_application_is_used(used):
    assert pages() == of_version("1")
    assert eventually(lambda: data() == DATA), "the worker has made a thumbnail"
    assert machine("cat /var/lib/gallery/prepared") == "for 1"
    assert echo("hello") == "1 hello"
    assert conversation() == conversation_in("1")
    assert has_counted(1, "1")
    assert ask("login", "check", "secret") == "True\n"
    assert "/revision" in machine("notes flask routes")
    assert machine("ls /usr/bin/login /usr/sbin/login || true") == "/usr/bin/login", "Debian's own, and no other"
    secrets = ["correct horse", "postgresql://shop:battery-staple@db.internal/shop"]
    assert json.loads(ask("vault", "secrets")) == [hashlib.sha256(secret.encode()).hexdigest() for secret in secrets]
    assert "battery-staple" not in machine("systemctl show vault.service; cat /etc/systemd/system/vault*")


def test_each_is_changed_and_no_request_is_lost(used, tmp_path):
    """Streams that begin before a deploy go on during it. The database gets a new column."""
    source = applications(tmp_path / "2", '"2"')
    (tmp_path / "2" / "notes" / "migrations" / "versions" / "0002.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision, down_revision = '0002', '0001'\n\n\n"
        "def upgrade():\n    op.add_column('note', sa.Column('day', sa.String))\n"
    )
    with contextlib.ExitStack() as stack:
        loads = {
            name: stack.enter_context(Load(url(name, page), [f"{name} 1", f"{name} 2"], requests_per_second=5)).result
            for name, page in PAGES.items()
        }
        streams = stack.enter_context(Streams())
        run = play("playbooks/site.yml", applications=source)
        assert run.returncode == 0, run.stdout
        assert pages() == of_version("2")
    # The gunicorn in the requirements of microblog is old: docs/applications.md#what-clients-notice.
    assert loads["microblog"].failed == loads["microblog"].cut <= 1, loads
    assert {name: load.failed for name, load in loads.items() if load.failed and name != "microblog"} == {}, loads
    assert data() == DATA
    assert ask("notes", "revision") == "0002"
    assert machine("cat /var/lib/gallery/prepared") == "for 1\nfor 2"
    assert echo("hello") == "2 hello"
    assert conversation() == conversation_in("2")
    count()
    assert has_counted(2, "2")
    assert set(streams.read) == {events("1"), events("2")}, streams.read


@pytest.mark.parametrize("name", PORTS)
def test_a_broken_version_changes_nothing(used, tmp_path, name):
    source = applications(tmp_path / "3", "1 / 0")
    run = play("playbooks/site.yml", applications=source, webserver_name=name)
    assert run.returncode == 2, run.stdout
    text = " ".join(run.stdout.split())
    assert "is served as before; the new one was not taken:" in text
    assert "ZeroDivisionError: division by zero" in text
    assert pages() == of_version("2")


def test_each_goes_back_with_its_data(used):
    run = play("playbooks/rollback.yml")
    assert run.returncode == 0, run.stdout
    assert pages() == of_version("1")
    assert ask("notes", "notes", "bread") == "added\n"
    ask("flaskr", "create", "title=Second", opener=ADA)  # she is still logged in
    assert ask("microblog", "post", "post=again") == "Your post is now live!\n"
    assert data() == {
        "notes": ["milk", "bread"],
        "gallery": "small cat",
        "flaskr": ["First by ada", "Second by ada"],
        "microblog": ["hello", "again"],
    }
    assert machine("grep posted /var/lib/microblog/logs/microblog.log") == "posted with 1\nposted with 1"
    assert echo("hello") == "1 hello"
    assert conversation() == conversation_in("1")
    count()
    assert has_counted(3, "1")
