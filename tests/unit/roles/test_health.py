"""The webserver role's script, with real servers that are healthy, fail, hang, or cannot be imported."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import gunicorn
import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import gate_refusal
from ansible_collections.flasklaunch.ec2.tests.unit.roles.rendered import render

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
    """Runs the gate for an application, with the real gunicorn."""
    (tmp_path / "gunicorn.conf.py").write_text('wsgi_app = "application:app"\npreload_app = True\n')
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")

    def passed(body="pass", status="200 OK", page="well", source=None, seconds=30, host="localhost"):
        text = source or APPLICATION.format(body=body, status=status, page=page, length=len(page))
        (tmp_path / "app" / "application.py").write_text(text)
        wrong = health.gate(str(tmp_path / "gunicorn.conf.py"), "/healthz", seconds, host)
        return wrong and ("\n".join(wrong[:-1]), wrong[-1])

    return passed


def test_healthy_application_passes(gate):
    assert gate() is None
    assert gate(status="302 Found") is None


def test_failing_application_is_reported_with_its_answer(gate):
    explained, wrong = gate(status="503 Service Unavailable", page="<h1>No</h1> <p>database &#39;shop&#39;</p>")
    assert wrong == "GET /healthz answered 503: No database 'shop'"
    assert explained == "", "that gunicorn starts is no reason"


def test_application_that_cannot_be_imported_is_reported_with_its_traceback(gate):
    explained, wrong = gate(source="def one():\n    raise ValueError('the reason')\none()\n")
    assert wrong == "the application could not be imported (gunicorn ended with 1)"
    head, *frames, error = explained.splitlines()
    assert (head, error) == ("Traceback (most recent call last):", "ValueError: the reason")
    files = [line.split('"')[1] for line in frames if line.startswith("  File ")]
    assert files == [f"{os.getcwd()}/application.py"] * 2, "what gunicorn did to get there is no part of it"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\n\nAT = (\n", ["SyntaxError: '(' was never closed", "application.py", "line 3"]),
        ("import markdwn\n", ["ModuleNotFoundError: No module named 'markdwn'", "line 1"]),
        ("import os\n\nAT = os.environ['NOT_SET']\n", ["KeyError: 'NOT_SET'", "line 3"]),
        ("def other():\n    pass\n", ["Failed to find attribute 'app' in 'application'."]),
    ],
    ids=["syntax error", "import error", "error at import", "no application"],
)
def test_line_that_is_wrong_is_named(gate, source, said):
    explained, _wrong = gate(source=source)
    assert [words for words in said if words not in explained] == []
    assert "gunicorn/app/base.py" not in explained


def test_path_that_the_application_does_not_have_is_named(gate):
    _explained, wrong = gate(status="404 Not Found", page="<h1>Not Found</h1>")
    assert wrong == "GET /healthz answered 404: Not Found"


def test_error_in_a_request_is_reported_with_its_traceback(gate):
    explained, wrong = gate(body="1 / 0")
    assert wrong.startswith("GET /healthz answered 500")
    assert explained.endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("arguments", ["", "config=None", "config"])
def test_function_that_makes_the_application_is_named(gate, arguments):
    explained, wrong = gate(source=f"def app({arguments}):\n    pass\n")
    assert re.fullmatch(r"TypeError: app\(\) takes .* but 2 were given", explained)
    advice = gate_refusal.reason(f"{explained}\n{wrong}", app="application:app").splitlines()[-1]
    assert advice.startswith("webserver_app: application:app is a function that makes the application")


def test_application_that_does_not_answer_is_reported_in_time(gate):
    explained, wrong = gate(body="import time; time.sleep(60)", seconds=1)
    assert wrong == "GET /healthz got no answer within 1 seconds: timed out"


def test_no_process_of_an_application_that_hangs_is_left(gate, tmp_path):
    """systemd would wait 90 seconds for the end of the process, and the deploy would wait too."""
    note = tmp_path / "worker"
    gate(body=f"open({str(note)!r}, 'w').write(str(os.getpid())); import time; time.sleep(60)", seconds=5)
    assert ends_within(5, int(note.read_text(encoding="utf-8")))


def ends_within(seconds, pid):
    """Whether the process has ended, or is a zombie. It is not a child of this process."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


OF_APPLICATION = "Traceback (most recent call last):\n  File \"/app/shop.py\", line 1, in price\nKeyError: 'large'\n"
RAISED_LAST = 'Traceback (most recent call last):\n  File "/app/shop.py", line 3, in price\nValueError: no price\n'
OF_SERVER = (
    'Traceback (most recent call last):\n  File "/venv/gunicorn/util.py", line 2, in load\nAppImportError: no app\n'
)
HALT = 'Traceback (most recent call last):\n  File "/venv/gunicorn/arbiter.py", line 2\nHaltServer: boot 3\n'
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"
CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
SAID = {
    "one": (OF_APPLICATION, OF_APPLICATION),
    "chain": (OF_APPLICATION + DURING + RAISED_LAST, "KeyError: 'large'\n\n" + RAISED_LAST),
    "cause": (OF_APPLICATION + CAUSE + RAISED_LAST, "KeyError: 'large'\n\n" + RAISED_LAST),
    "chain that the server ends": (OF_APPLICATION + DURING + OF_SERVER, OF_APPLICATION),
    "one that was handled before": (OF_APPLICATION + "goes on\n" + RAISED_LAST, RAISED_LAST),
    "of the server alone": (
        OF_APPLICATION.replace("/app", "/venv") + DURING + OF_SERVER,
        "KeyError: 'large'\n\nAppImportError: no app",
    ),
    "the server gives up": (OF_SERVER + HALT, "AppImportError: no app"),
    "of a package that the server called": (
        OF_SERVER.replace("AppImportError", '  File "/venv/shop/web.py", line 3, in make\nKeyError'),
        'Traceback (most recent call last):\n  File "/venv/shop/web.py", line 3, in make\nKeyError: no app\n',
    ),
    "no traceback": ("a\n[2026-11-26 20:00:00 +0000] [7] [INFO] Booting worker\nb\n", "a\nb"),
    "refused by the configuration": (
        "[2026-11-26 20:00:00 +0000] [7] [CRITICAL] The application uses Flask-SocketIO.\n"
        "[2026-11-26 20:00:00 +0000] [7] [ERROR] Worker (pid:8) exited with code 3.\n"
        "[2026-11-26 20:00:00 +0000] [7] [ERROR] Shutting down: Master\n"
        "[2026-11-26 20:00:00 +0000] [7] [ERROR] Reason: Worker failed to boot.\n" + HALT,
        "The application uses Flask-SocketIO.",
    ),
}


@pytest.mark.parametrize("log, said", SAID.values(), ids=SAID.keys())
def test_the_last_exception_is_the_reason(log, said):
    assert health.said(log, "/app").strip() == said.strip()


def test_the_last_exception_is_reported_with_those_that_led_to_it(gate):
    source = (
        "def one():\n    try:\n        {}['a']\n    except KeyError:\n        raise ValueError('no price')\none()\n"
    )
    explained, _wrong = gate(source=source)
    assert explained.startswith("KeyError: 'a'\n\nTraceback")
    assert explained.endswith("ValueError: no price")


def test_without_preloading_the_reason_is_the_same(gate, tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text('wsgi_app = "application:app"\n')
    explained, wrong = gate(source="raise ValueError('the reason')\n")
    assert wrong == "the application could not be imported (gunicorn ended with 3)"
    assert explained.endswith("ValueError: the reason")


def test_an_application_that_accepts_only_its_own_host_name_is_asked_with_it(gate):
    body = "status = '200 OK' if environ['HTTP_HOST'] == 'shop.example' else '400 Bad Request'"
    source = APPLICATION.format(body=body, status="", page="well", length=4).replace('("",', "(status,")
    assert gate(source=source, host="shop.example") is None
    assert gate(source=source)[1].startswith("GET /healthz answered 400")


@pytest.mark.parametrize(
    "log",
    [" * Serving Flask app 'app'\n * Debug mode: off\n", "Port 5000 is in use by another program. Either identify\n"],
)
def test_server_that_the_application_starts_itself_is_named(log):
    assert any("app.run()" in sentence for sentence in health.meanings(log, "", log, "/app"))


def test_server_that_is_started_at_import_is_named(gate):
    source = "import sys\nfrom flask import Flask\napp = Flask(__name__)\napp.run(port=0)\n"
    explained, wrong = gate(source=source, seconds=10)
    assert wrong.endswith("timed out")
    assert "app.run()" in explained


def test_a_killed_process_is_reported_as_lack_of_memory(gate):
    explained, wrong = gate(source="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert wrong == "the application could not be imported (gunicorn ended with signal 9)"
    assert "memory runs out" in explained
    explained, wrong = gate(body="import signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert wrong.startswith("GET /healthz got no answer: ")
    assert "memory runs out" in explained


MODULES = {
    "models": "models is the application's own: it is shop/models.py, so it is imported as shop.models.",
    "web": "web is the application's own: it is shop/web, so it is imported as shop.web.",
    "shop.prices": "shop is the application's own: shop has no module prices.",
    "markdown": None,
}


@pytest.mark.parametrize("name, said", MODULES.items())
def test_module_of_the_application_differs_from_one_of_a_package(tmp_path, name, said):
    (tmp_path / "shop" / "web").mkdir(parents=True)
    (tmp_path / "shop" / "models.py").touch()
    assert health.own_module(name, str(tmp_path)) == said


@pytest.mark.parametrize(
    "version, refused",
    [((19, 9, 0), True), ((20, 0, 4), True), ((20, 1, 0), False), ((22, 0, 0), False), ((27, 0, 1), False)],
)
def test_gunicorn_that_is_too_old_is_named(monkeypatch, version, refused):
    monkeypatch.setattr(gunicorn, "version_info", version)
    monkeypatch.setattr(gunicorn, "__version__", ".".join(map(str, version)))
    said = health.unfit_gunicorn()
    assert bool(said) == refused
    if refused:
        assert f"gunicorn {gunicorn.__version__}, which cannot serve" in said
        assert "Require gunicorn>=20.1" in said


def test_a_file_that_disappears_while_it_is_read_gives_a_sentence(tmp_path, monkeypatch):
    """Another run may remove the release during this one."""
    monkeypatch.setattr(health.sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(SystemExit) as ended:
        health.main("gate", "gunicorn.conf.py", "/", "5", "localhost")
    assert str(ended.value).startswith("the release could not be tried: ")


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """A systemctl that records its arguments. The unit is active unless the file `inactive` exists."""
    script = tmp_path / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/orders\n[ "$1" != is-active ] || [ ! -e {tmp_path}/inactive ]\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(health, "SECONDS_BETWEEN_TRIES", 0)
    monkeypatch.setattr(health, "RUNTIME", str(tmp_path))
    (tmp_path / "webserver").mkdir()
    return tmp_path


@pytest.fixture
def port():
    """A port that accepts connections and sends `answer` to each. It sends nothing if `answer` is None."""
    listener = socket.create_server(("127.0.0.1", 0))
    servers = []

    def listen(answer, drip=b""):
        if answer is not None:
            servers.append(threading.Thread(target=serve, args=(listener, answer, drip)))
            servers[0].start()
        return listener.getsockname()[1]

    yield listen
    listener.shutdown(socket.SHUT_RDWR)  # ends accept(), before another test's socket gets the same descriptor
    for server in servers:
        server.join()
    listener.close()


def serve(listener, answer, drip):
    """Serves until the listener is shut down. A client that sends nothing ends it too, so the test does not hang."""
    with contextlib.suppress(OSError):
        while True:
            connection, _address = listener.accept()
            with connection:
                connection.settimeout(10)
                connection.recv(1000)
                connection.sendall(answer)
                while drip:
                    time.sleep(0.05)
                    connection.sendall(drip)


def orders(folder):
    return (folder / "orders").read_text(encoding="utf-8").splitlines()


def watch(number, seconds=10, patience=0):
    return health.watch("127.0.0.1", number, "/", seconds, "webserver.service", "localhost", patience)


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Internal Server Error"])
def test_server_that_answers_is_left_alone(systemctl, port, status):
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    assert watch(port(answer)) is None
    assert orders(systemctl) == ["is-active --quiet webserver.service"]


@pytest.mark.parametrize("answer", [None, b"", b"nonsense\r\n\r\n"], ids=["hung", "cut", "nonsense"])
def test_server_that_does_not_answer_three_times_is_restarted(systemctl, port, answer):
    said = watch(port(answer), seconds=0.2)
    assert said.startswith("restarted webserver.service, as GET / got no answer 3 times, and nobody else got one: ")
    assert orders(systemctl) == ["is-active --quiet webserver.service"] * 3 + ["try-restart webserver.service"]


def test_server_that_does_not_listen_yet_is_left_alone(systemctl):
    """The unit of Flask's own server is active before it imports the application."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    assert watch(number) is None
    assert orders(systemctl) == ["is-active --quiet webserver.service"]


def test_units_of_earlier_runs_name_no_host(systemctl, port, capsys):
    """A rollback installs this script, and does not change the unit of the health check."""
    health.main("watch", "127.0.0.1", str(port(b"HTTP/1.1 200 OK\r\n\r\n")), "/", "10", "webserver.service")
    assert orders(systemctl) == ["is-active --quiet webserver.service"]


def test_server_that_was_stopped_stays_stopped(systemctl, port):
    (systemctl / "inactive").touch()
    assert watch(port(None)) is None
    assert orders(systemctl) == ["is-active --quiet webserver.service"]


def test_a_server_that_never_finishes_its_headers_is_not_waited_for(systemctl, port):
    """The time-out of a socket begins again with each byte."""
    said = watch(port(b"HTTP/1.1 200 OK\r\nX-A: ", drip=b"a"), seconds=0.3)
    assert said is not None, "it went on for ever"


def test_slow_body_is_an_answer(systemctl, port):
    assert watch(port(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", drip=b"a"), seconds=5) is None


def test_gate_does_not_wait_for_a_slow_answer(gate):
    source = """
import time
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "1000")])
    for _number in range(1000):
        time.sleep(0.1)
        yield b"a"
"""
    assert gate(source=source, seconds=3)[1] == "GET /healthz got no answer within 3 seconds: timed out"


def look(answered=None, **sockets):
    return answered, sockets


MOVED = {
    "nothing is there": (look(), look(), False),
    "nothing moves": (look(1, a=(5, 7)), look(1, a=(5, 7)), False),
    "a request was ended": (look(1), look(2), True),
    "the first one was ended": (look(), look(2), True),
    "a client gets more": (look(1, a=(5, 7)), look(1, a=(6, 7)), True),
    "the server reads more": (look(1, a=(5, 7)), look(1, a=(5, 8)), True),
    "a new client waits": (look(1, a=(5, 7)), look(1, a=(5, 7), b=(0, 0)), False),
    "a client has gone": (look(1, a=(5, 7), b=(0, 0)), look(1, a=(5, 7)), False),
}


@pytest.mark.parametrize("before, after, moved", MOVED.values(), ids=MOVED.keys())
def test_load_differs_from_a_hang_by_progress(before, after, moved):
    assert health.moved(before, after) is moved


def test_progress_on_an_open_connection_is_seen(port):
    """The number of bytes that the client has received, and that the server has read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)) as client:
            server, _address = listener.accept()
            with server:
                first = health.connections(number)
                client.sendall(b"unread")
                assert health.connections(number) == first != {}
                server.recv(3)
                second = health.connections(number)
                server.sendall(b"answer")
                assert client.recv(10) == b"answer"
                third = health.connections(number)
    assert [health.moved((None, first), (None, second)), health.moved((None, second), (None, third))] == [True, True]


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "hung"])
def test_server_whose_threads_are_all_busy_is_not_restarted(systemctl, tmp_path, busy):
    """The real gunicorn with one thread: long answers one after the other, or one that never ends."""
    source = f"""
import time
def app(environ, start_response):
    open("begun", "w").close()
    time.sleep({2 if busy else 1000})
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
"""
    (tmp_path / "application.py").write_text(source)
    (tmp_path / "gunicorn.conf.py").write_text(
        render("gunicorn.conf.py", 252, __webserver_workers=1, webserver_threads=1).replace(
            "/run/webserver", str(tmp_path)
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = ["gunicorn", "--config", "gunicorn.conf.py", "--bind", f"fd://{listener.fileno()}"]
        environment = {**os.environ, "FLASK_APP": "application:app", "PATH": os.path.dirname(sys.executable)}
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, pass_fds=[listener.fileno()], start_new_session=True
        )
        number = listener.getsockname()[1]
    try:
        clients = [socket.create_connection(("127.0.0.1", number)) for _client in range(20)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while not (tmp_path / "begun").exists():
            time.sleep(0.1)
        said = watch(number, seconds=3, patience=1)
        restarted = "try-restart webserver.service" in orders(systemctl)
        assert (restarted, "is busy and not restarted" in said) == (not busy, busy)
        for client in clients:
            client.close()
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_the_control_node_uses_the_same_pattern_for_a_missing_module():
    """The role copies only this script to the machine, so the script contains its own copy of the function."""
    assert health.LACKING == gate_refusal.LACKING
