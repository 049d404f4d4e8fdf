"""The webserver role's script, against real servers that are well, ill, hung, and not to be imported."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import socket
import threading
import time

import pytest

SCRIPT = pathlib.Path(__file__).parents[3] / "roles" / "webserver" / "files" / "health.py"
SPEC = importlib.util.spec_from_file_location("health", SCRIPT)
health = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(health)

APPLICATION = """
import os
def app(environ, start_response):
    {body}
    start_response("{status}", [("Content-Type", "text/html"), ("Content-Length", "{length}")])
    return [b"{page}"]
"""


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Passes an application through the gate, served by the real gunicorn."""
    (tmp_path / "gunicorn.conf.py").write_text('wsgi_app = "application:app"\npreload_app = True\n')
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")

    def passed(body="pass", status="200 OK", page="well", source=None, seconds=30):
        text = source or APPLICATION.format(body=body, status=status, page=page, length=len(page))
        (tmp_path / "app" / "application.py").write_text(text)
        return health.gate(str(tmp_path / "gunicorn.conf.py"), "/healthz", seconds)

    return passed


def test_well_application_passes(gate):
    assert gate() is None
    assert gate(status="302 Found") is None


def test_ill_application_is_told_with_what_it_answered(gate):
    explained, wrong = gate(status="503 Service Unavailable", page="<h1>No</h1> <p>database</p>")
    assert wrong == "GET /healthz answered 503: No database"
    assert explained == "", "that gunicorn starts is no reason"


def test_application_that_cannot_be_imported_is_told_with_its_own_traceback(gate):
    explained, wrong = gate(source="def one():\n    raise ValueError('the reason')\none()\n")
    assert wrong == "the application could not be imported (gunicorn ended with 1)"
    head, *frames, error = explained.splitlines()
    assert (head, error) == ("Traceback (most recent call last):", "ValueError: the reason")
    files = [line.split('"')[1] for line in frames if line.startswith("  File ")]
    assert files == [f"{os.getcwd()}/application.py"] * 2, "what gunicorn did to get there is no part of it"


def test_error_in_a_request_is_told_with_its_traceback(gate):
    explained, wrong = gate(body="1 / 0")
    assert wrong.startswith("GET /healthz answered 500")
    assert explained.endswith("ZeroDivisionError: division by zero")


def test_application_that_does_not_answer_is_told_in_time(gate):
    explained, wrong = gate(body="import time; time.sleep(60)", seconds=1)
    assert wrong == "GET /healthz got no answer within 1 seconds: timed out"


def test_no_process_of_an_application_that_hangs_is_left(gate, tmp_path):
    """systemd would give it a minute and a half to end, and the deploy with it."""
    note = tmp_path / "worker"
    gate(body=f"open({str(note)!r}, 'w').write(str(os.getpid())); import time; time.sleep(60)", seconds=5)
    assert ends_within(5, int(note.read_text()))


def ends_within(seconds, pid):
    """Whether the process, which is no child of this one, ends or waits to be collected."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_of_chained_tracebacks_the_first_is_the_cause():
    log = (
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in one\nKeyError: 'cause'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "b.py", line 2, in two\nRuntimeError: effect\n'
    )
    assert health.explain(log).endswith("KeyError: 'cause'")
    assert health.explain("a\n[2026-11-26 20:00:00 +0000] [7] [INFO] Booting worker\nb\n") == "a\nb"


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Notes what is asked of systemctl. The unit is active unless the file `inactive` is there."""
    script = tmp_path / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/orders\n[ "$1" != is-active ] || [ ! -e {tmp_path}/inactive ]\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(health, "SECONDS_BETWEEN_TRIES", 0)
    return tmp_path


@pytest.fixture
def port():
    """A port at which connections are taken; what is given is answered to each, and nothing if it is None."""
    listener = socket.create_server(("127.0.0.1", 0))
    servers = []

    def listen(answer):
        if answer is not None:
            servers.append(threading.Thread(target=serve, args=(listener, answer)))
            servers[0].start()
        return listener.getsockname()[1]

    yield listen
    listener.shutdown(socket.SHUT_RDWR)  # ends accept(), before another test's socket gets the same descriptor
    for server in servers:
        server.join()
    listener.close()


def serve(listener, answer):
    """Until the listener is shut down; a client that says nothing ends it too, lest the test waits for it."""
    with contextlib.suppress(OSError):
        while True:
            connection, _address = listener.accept()
            with connection:
                connection.settimeout(10)
                connection.recv(1000)
                connection.sendall(answer)


def orders(folder):
    return (folder / "orders").read_text().splitlines()


def watch(number, seconds=10):
    return health.watch("127.0.0.1", number, "/", seconds, "webserver.service")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Internal Server Error"])
def test_server_that_answers_is_left_alone(systemctl, port, status):
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    assert watch(port(answer)) is None
    assert orders(systemctl) == ["is-active --quiet webserver.service"]


@pytest.mark.parametrize("answer", [None, b"", b"nonsense\r\n\r\n"], ids=["hung", "cut", "nonsense"])
def test_server_that_does_not_answer_three_times_is_restarted(systemctl, port, answer):
    said = watch(port(answer), seconds=0.2)
    assert said.startswith("restarted webserver.service, as GET / got no answer 3 times: ")
    assert orders(systemctl) == ["is-active --quiet webserver.service"] * 3 + ["try-restart webserver.service"]


def test_server_that_does_not_listen_yet_is_left_alone(systemctl):
    """Flask's own is active from its fork on, and imports the application after that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    assert watch(number) is None
    assert orders(systemctl) == ["is-active --quiet webserver.service"]


def test_server_that_was_stopped_stays_stopped(systemctl, port):
    (systemctl / "inactive").touch()
    assert watch(port(None)) is None
    assert orders(systemctl) == ["is-active --quiet webserver.service"]
