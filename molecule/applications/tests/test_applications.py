"""Six applications of the shapes that people's projects have: each is used, changed, broken and taken back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

SCENARIO = pathlib.Path(__file__).parents[1]
ROOT = SCENARIO.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from load import Load  # noqa: E402

CONTAINER = "flasklaunch-molecule-applications"
PORTS = {"notes": 15071, "greeter": 15072, "gallery": 15073, "ticker": 15074, "login": 15075, "vault": 15076}
SOURCES = {name: "app.py" for name in PORTS} | {
    "notes": "notes/__init__.py",
    "greeter": "src/greeter/__init__.py",
    "login": "wsgi.py",
}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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


def ask(name: str, path: str = "", body: str | None = None, method: str | None = None) -> str:
    data = None if body is None else body.encode()
    with OPENER.open(urllib.request.Request(url(name, path), data, method=method), timeout=10) as answer:
        return answer.read().decode()


def pages() -> dict[str, str]:
    return {name: ask(name) for name in PORTS}


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
    """Send a text to the WebSocket of the ticker, and return the answer. RFC 6455."""
    with socket.create_connection(("127.0.0.1", PORTS["ticker"]), timeout=10) as connection:
        connection.sendall(
            b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        reader = connection.makefile("rb")
        assert reader.readline().startswith(b"HTTP/1.1 101")
        while reader.readline() != b"\r\n":
            pass
        text = words.encode()
        connection.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # the mask is 0
        head = reader.read(2)
        assert head[0] == 0x81
        return reader.read(head[1]).decode()


@pytest.fixture(scope="module")
def used():
    """Each application has data of its users. Returns what the second version must still have."""
    assert ask("notes", "notes", "milk") == "added\n"
    assert ask("gallery", "pictures/cat.png", "cat", "PUT") == "stored\n"


def data() -> tuple[str, str]:
    return ask("notes", "notes"), ask("gallery", "static/uploads/cat.thumbnail")


def test_each_application_is_used(used):
    assert pages() == of_version("1")
    assert eventually(lambda: data() == ('["milk"]\n', "small cat")), "the worker has made a thumbnail"
    assert machine("cat /var/lib/gallery/prepared") == "for 1"
    assert echo("hello") == "1 hello"
    assert ask("login", "check", "secret") == "True\n"
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
        loads = [
            stack.enter_context(Load(url(name), [f"{name} 1", f"{name} 2"], requests_per_second=5)) for name in PORTS
        ]
        streams = stack.enter_context(Streams())
        run = play("playbooks/site.yml", applications=source)
        assert run.returncode == 0, run.stdout
        assert pages() == of_version("2")
    assert [load.result.failed for load in loads] == [0] * len(PORTS), [load.result for load in loads]
    assert data() == ('["milk"]\n', "small cat")
    assert ask("notes", "revision") == "0002"
    assert machine("cat /var/lib/gallery/prepared") == "for 1\nfor 2"
    assert echo("hello") == "2 hello"
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
    assert data() == ('["milk","bread"]\n', "small cat")
    assert echo("hello") == "1 hello"
