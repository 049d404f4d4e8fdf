"""The configuration that the webserver role renders for gunicorn: what the application sees of its client."""

from __future__ import annotations

import itertools
import json
import os
from types import SimpleNamespace

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.roles.rendered import render
from gunicorn.arbiter import Arbiter

FORGED = {
    "for": "198.51.100.7",
    "proto": "https",
    "port": "8443",
    "host": "evil.example",
    "prefix": "//evil.example",
}
HEADERS = {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in FORGED.items()}
# The headers that AWS's load balancers set themselves, whatever the client sends.
SET_BY_A_PROXY = {"REMOTE_ADDR": FORGED["for"], "wsgi.url_scheme": FORGED["proto"]}
REQUEST = {
    "REMOTE_ADDR": "10.0.0.5",
    "wsgi.url_scheme": "http",
    "HTTP_HOST": "shop.example",
    "SERVER_NAME": "0.0.0.0",
    "SERVER_PORT": "5000",
    "SCRIPT_NAME": "",
}


def configuration(**variables):
    """Return the settings that gunicorn reads from the file."""
    settings = {}
    text = render("gunicorn.conf.py", 252, **{"__webserver_workers": "2", **variables})
    exec(compile(text, "gunicorn.conf.py", "exec"), settings)
    return settings


@pytest.fixture(autouse=True)
def application_is_named(monkeypatch):
    monkeypatch.setenv("FLASK_APP", "app:app")


def seen(**variables):
    """Return what an application sees of a request with every forged header."""
    environ = {**REQUEST, **HEADERS}
    worker = SimpleNamespace(wsgi=lambda environ, start_response: [])
    configuration(**variables)["post_worker_init"](worker)
    worker.wsgi(environ, lambda status, headers: None)
    return {name: environ[name] for name in REQUEST}


def test_behind_nginx_the_client_and_the_scheme_are_those_that_nginx_says():
    """nginx is one hop more than webserver_proxy_hops. It passes on the other headers only from proxies in front."""
    behind_nginx = {"__webserver_has_https": True, "__webserver_hops": 1}
    assert seen(**behind_nginx) == {**REQUEST, **SET_BY_A_PROXY}
    given = configuration(webserver_proxy_hops=1, webserver_proxy_host=True, **{**behind_nginx, "__webserver_hops": 2})
    environ = {
        **REQUEST,
        "HTTP_X_FORWARDED_HOST": "shop.test",
        "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.7, 10.0.0.9",
    }
    worker = SimpleNamespace(wsgi=lambda environ, start_response: [])
    given["post_worker_init"](worker)
    worker.wsgi(environ, lambda status, headers: None)
    assert (environ["REMOTE_ADDR"], environ["HTTP_HOST"]) == ("203.0.113.7", "shop.test")


@pytest.mark.parametrize(
    ("kind", "is_told"), [("text/event-stream", True), ("text/event-stream; charset=utf-8", True), ("text/html", False)]
)
def test_nginx_is_told_to_pass_on_events_at_once(kind, is_told):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", kind), ("X-Own", "1")])
        return []

    sent = []
    worker = SimpleNamespace(wsgi=application)
    configuration(__webserver_has_https=True, __webserver_hops=1)["post_worker_init"](worker)
    worker.wsgi({**REQUEST}, lambda status, headers, *error: sent.extend(headers))
    assert (("X-Accel-Buffering", "no") in sent) is is_told
    assert ("X-Own", "1") in sent


def test_forwarding_headers_from_a_client_are_not_trusted_without_a_proxy():
    assert seen() == REQUEST
    assert configuration()["forwarded_allow_ips"] == "", "nor by gunicorn, which believes the machine itself by default"


def test_address_and_scheme_from_a_proxy_are_trusted():
    assert seen(webserver_proxy_hops=1) == {**REQUEST, **SET_BY_A_PROXY}


@pytest.mark.parametrize("port, host, prefix", list(itertools.product([False, True], repeat=3)))
def test_port_host_and_prefix_are_trusted_if_configured(port, host, prefix):
    expected = {**REQUEST, **SET_BY_A_PROXY}
    if host:
        expected.update(HTTP_HOST=FORGED["host"], SERVER_NAME=FORGED["host"])
    if port:
        expected.update(HTTP_HOST=f"{expected['HTTP_HOST']}:{FORGED['port']}", SERVER_PORT=FORGED["port"])
    if prefix:
        expected.update(SCRIPT_NAME=FORGED["prefix"])
    variables = {"webserver_proxy_port": port, "webserver_proxy_host": host, "webserver_proxy_prefix": prefix}
    assert seen(webserver_proxy_hops=1, **variables) == expected
    assert seen(webserver_proxy_hops=0, **variables) == REQUEST, "without a proxy there is nobody to believe"


def test_each_proxy_adds_one_address():
    assert seen(webserver_proxy_hops=2)["REMOTE_ADDR"] == REQUEST["REMOTE_ADDR"], "a second proxy has not signed"


def test_the_worker_is_one_of_gunicorn_s_own():
    assert configuration()["worker_class"] == "gthread"


def test_the_application_is_imported_once_unless_its_threads_are_to_run_in_the_workers():
    assert configuration()["preload_app"] is True
    assert configuration(webserver_preload=False)["preload_app"] is False
    assert configuration(webserver_worker_class="gevent")["preload_app"] is False, (
        "gevent patches what is imported later"
    )


SOCKETIO = [
    (None, "gthread", 2, None),  # the application has no Flask-SocketIO
    ("threading", "gthread", 1, None),
    ("threading", "gthread", 2, "gthread"),
    ("gevent", "gevent", 1, None),
    ("gevent", "geventwebsocket.gunicorn.workers.GeventWebSocketWorker", 1, None),
    ("gevent", "gevent", 2, "gevent"),
    ("gevent", "gthread", 1, "gevent"),
    ("eventlet", "eventlet", 1, None),
    ("eventlet", "gthread", 1, "eventlet"),
    ("eventlet", "gevent", 1, "eventlet"),
]


def test_maintenance_answers_all_but_the_health_checks(tmp_path):
    worker = SimpleNamespace(wsgi=lambda environ, start_response: [b"the application"])
    configuration(webserver_dir=str(tmp_path))["post_worker_init"](worker)
    said = []

    def ask(**environ):
        said.clear()
        return worker.wsgi({"REQUEST_METHOD": "GET", **environ}, lambda status, headers: said.extend([status, headers]))

    assert ask() == [b"the application"]
    notice = {"page": "ä\n", "headers": {"Content-Type": "text/plain; charset=utf-8", "Retry-After": 600}}
    (tmp_path / "maintenance.json").write_text(json.dumps(notice))
    assert ask() == ["ä\n".encode()]
    assert said[0] == "503 Maintenance"
    added = {"Retry-After": "600", "Content-Length": "3", "Cache-Control": "no-store"}
    assert dict(said[1]) == {**notice["headers"], **added}
    assert ask(REQUEST_METHOD="HEAD") == []
    assert ask(HTTP_USER_AGENT="webserver-health") == [b"the application"]
    (tmp_path / "maintenance.json").unlink()
    assert ask() == [b"the application"]


def test_secrets_as_env_are_read_from_their_files(monkeypatch, tmp_path):
    (tmp_path / "KEY").write_text('a$b"\n c\n')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("KEY", "former")
    configuration(__webserver_secrets_as_env=["KEY"])
    assert os.environ["KEY"] == 'a$b"\n c'


def test_more_settings_are_those_of_the_variable():
    options = {"timeout": 120, "sendfile": False, "proc_name": 'Grüße "shop" \\ ☁ 𝄞', "logconfig_dict": {"version": 1}}
    found = configuration(webserver_gunicorn_options=options)
    assert {name: found[name] for name in options} == options


@pytest.mark.parametrize("mode, worker_class, workers, wanted", SOCKETIO)
def test_flask_socketio_gets_one_worker_of_its_kind(mode, worker_class, workers, wanted):
    said = []
    extensions = {"socketio": SimpleNamespace(async_mode=mode)} if mode else {}
    worker = SimpleNamespace(wsgi=SimpleNamespace(extensions=extensions), log=SimpleNamespace(critical=said.append))
    hook = configuration(webserver_worker_class=worker_class, __webserver_workers=workers)["post_worker_init"]
    if wanted is None:
        hook(worker)
        assert said == []
    else:
        with pytest.raises(SystemExit) as ended:
            hook(worker)
        assert ended.value.code == Arbiter.WORKER_BOOT_ERROR
        assert f"Set webserver_worker_class: {wanted} and webserver_workers: 1." in said[0]
