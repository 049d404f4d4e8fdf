"""The message for a release that was refused, from the gate's output on the machine."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.gate_refusal import reason

OF_SYSTEMD = """webserver-gate@4f1c52a0b7d9.service: Main process exited, code=exited, status=1/FAILURE
webserver-gate@4f1c52a0b7d9.service: Failed with result 'exit-code'.
Failed to start webserver-gate@4f1c52a0b7d9.service - Try release 4f1c52a0b7d9 of the Flask web server."""
OF_SYSTEMD_219 = """webserver-gate@4f1c52a0b7d9.service: main process exited, code=exited, status=1/FAILURE
Failed to start Try release 4f1c52a0b7d9 of the Flask web server.
Unit webserver-gate@4f1c52a0b7d9.service entered failed state.
webserver-gate@4f1c52a0b7d9.service failed."""
KILLED = """webserver-gate@4f1c52a0b7d9.service: A process of this unit has been killed by the OOM killer.
webserver-gate@4f1c52a0b7d9.service: Failed with result 'oom-kill'."""
IMPORT = "the application could not be imported (gunicorn ended with 1)"
STATE = "it may write to its state folder only. Set webserver_shared: [instance], or"

ADVICE = {
    # Errors of Python, numba (llvmlite), cffi and SQLite, each with the advice.
    "RuntimeError: cannot allocate executable memory, perhaps by SELinux": 'MemoryDenyWriteExecute: "no"',
    "LLVM ERROR: Unable to allocate section memory!": 'MemoryDenyWriteExecute: "no"',
    "MemoryError: Cannot allocate write+execute memory for ffi.callback().": 'MemoryDenyWriteExecute: "no"',
    "OSError: [Errno 97] Address family not supported by protocol": "RestrictAddressFamilies: AF_NETLINK",
    "FileNotFoundError: [Errno 2] No such file or directory: '/proc/stat'": "ProcSubset: all",
    "FileNotFoundError: [Errno 2] No such file or directory: '/dev/ttyS0'": 'PrivateDevices: "no"',
    "PermissionError: [Errno 13] Permission denied: '/home/me/prices.csv'": "ProtectHome: read-only",
    "PermissionError: [Errno 1] Operation not permitted": 'SystemCallFilter: "@privileged @resources"',
    "OSError: [Errno 30] Read-only file system: '/opt/x/instance'": 'instance_path=os.environ["STATE_DIRECTORY"]',
    "OSError: [Errno 30] Read-only file system: '/opt/web/releases/4f1c52a0b7d9/app/uploads'": ": [uploads], and",
    "sqlite3.OperationalError: unable to open database file": STATE,
    "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) attempt to write a readonly database": STATE,
    "PermissionError: [Errno 13] Permission denied: '/opt/web/releases/4f1c52a0b7d9/app/instance'": ": [instance], and",
    "RuntimeError: can't start new thread": "webserver_tasks_max",
    "ModuleNotFoundError: No module named 'markdown'": "requirements.txt",
    "GET / answered 400: Bad Request": "webserver_health_host",
    "GET /healthz answered 404: Not Found": "Name a path that the application has in webserver_health_path.",
    "GET / got no answer within 30 seconds: timed out": "webserver_start_timeout",
    "The server was killed with signal 9. The kernel does that when memory runs out.": "webserver_memory_max",
}
NO_ADVICE = [
    "ValueError: no price for large: add it to PRICES in app.py",
    "FileNotFoundError: [Errno 2] No such file or directory: '/proc/1234/stat'",
    "FileNotFoundError: [Errno 2] No such file or directory: 'prices.csv'",
    "GET /healthz answered 503: the database is away",
    "ModuleNotFoundError: No module named 'models'\n"
    "models is the application's own: it is shop/models.py, so it is imported as shop.models.",
]


@pytest.mark.parametrize("around", [OF_SYSTEMD, OF_SYSTEMD_219], ids=["252", "219"])
@pytest.mark.parametrize("said, helps", ADVICE.items())
def test_advice_follows_the_reason(said, helps, around):
    first, *advice = reason(f"{said}\n{around}").splitlines()
    assert first == said
    assert helps in " ".join(advice)
    assert len(advice) == 1


@pytest.mark.parametrize("said", NO_ADVICE)
def test_faults_without_advice(said):
    assert reason(f"{said}\n{IMPORT}\n{OF_SYSTEMD}") == f"{said}\n{IMPORT}"


def test_lines_of_systemd_about_the_next_server_are_no_reason():
    said = "ZeroDivisionError: division by zero"
    assert reason(f"{said}\n{OF_SYSTEMD.replace('gate@', 'next@')}") == said


def test_gate_that_was_killed_has_a_reason():
    said = reason(KILLED)
    assert "killed by the OOM killer" in said
    assert "webserver_memory_max" in said


@pytest.mark.parametrize("journal", ["", " \n"])
def test_no_reason_is_empty(journal):
    assert reason(journal) == "The machine's journal has no message about it."


def test_advice_for_a_release_that_was_deployed_before():
    assert reason("GET /healthz answered 404: Not Found", is_new=False).endswith("-e webserver_health_path=/")


def test_server_at_import_gets_no_advice_on_time():
    said = "The application starts a server of its own when it is imported: call app.run() only below ...\n"
    assert "webserver_start_timeout" not in reason(said + "GET / got no answer within 30 seconds: timed out")


@pytest.mark.parametrize(
    ("takes", "write"),
    [
        ("0 positional arguments", "Write shop:create_app()."),
        ("from 0 to 1 positional arguments", "Write shop:create_app()."),
        ("1 positional argument", "Write shop:create_app() with its argument between the parentheses."),
    ],
)
def test_function_that_makes_the_application_needs_parentheses(takes, write):
    said = f"TypeError: create_app() takes {takes} but 2 were given\nGET / answered 500: Internal Server Error"
    words = "webserver_app: shop:create_app is a function that makes the application, not the application. "
    assert reason(said, app="shop:create_app").splitlines()[2:] == [words + write]
    # The module may have imported the function under another name.
    assert reason(said, app="wsgi:app").endswith("Write wsgi:app" + write.partition("create_app")[2])


@pytest.mark.parametrize(
    ("said", "app"),
    [
        ("TypeError: price() takes 0 positional arguments but 2 were given", "shop:create_app()"),
        ('In:\n  File "app.py"\nTypeError: price() takes 0 positional arguments but 2 were given', "shop:app"),
        ("TypeError: App.__call__() takes 2 positional arguments but 3 were given", "shop:app"),
    ],
)
def test_other_wrong_calls_get_no_advice(said, app):
    assert reason(said, app=app) == said
