"""The configuration that the webserver role renders for gunicorn: what the application learns of its client."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from test_webserver_unit import ROLE, render

FORGED = {
    "for": "198.51.100.7",
    "proto": "https",
    "port": "8443",
    "host": "evil.example",
    "prefix": "//evil.example",
}
HEADERS = {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in FORGED.items()}
# What AWS's load balancers set themselves, whatever the client sends.
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
    """What gunicorn reads from the file."""
    settings = {}
    given = {"webserver_dir": str(ROLE / "files"), "__webserver_workers": "2", **variables}
    text = render("gunicorn.conf.py", 252, **given)
    exec(compile(text, "gunicorn.conf.py", "exec"), settings)
    return settings


@pytest.fixture(autouse=True)
def application_is_named(monkeypatch):
    monkeypatch.setenv("FLASK_APP", "app:app")


def seen(**variables):
    """What an application sees of a request with every forged header."""
    environ = {**REQUEST, **HEADERS}
    worker = SimpleNamespace(wsgi=lambda environ, start_response: [])
    configuration(**variables).get("post_worker_init", lambda worker: None)(worker)
    worker.wsgi(environ, lambda status, headers: None)
    return {name: environ[name] for name in REQUEST}


def test_without_a_proxy_nothing_that_a_client_says_is_believed():
    assert seen() == REQUEST
    assert configuration()["forwarded_allow_ips"] == "", "nor by gunicorn, which believes the machine itself by default"


def test_of_a_proxy_the_address_and_the_scheme_are_believed():
    assert seen(webserver_proxy_hops=1) == {**REQUEST, **SET_BY_A_PROXY}


@pytest.mark.parametrize("port, host, prefix", list(itertools.product([False, True], repeat=3)))
def test_port_host_and_prefix_are_believed_when_asked_for(port, host, prefix):
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
