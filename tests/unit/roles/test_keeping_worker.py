"""The webserver role's gunicorn worker: what it keeps for another worker, and what it sends at once.

That no request is lost when a worker is killed is tested on a machine: molecule/releases.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import socket
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi

SCRIPT = pathlib.Path(__file__).parents[3] / "roles" / "webserver" / "files" / "keeping_worker.py"
HOST = b"Host: localhost\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\n" + HOST
REQUESTS = {
    "GET": (REQUEST, True),
    "HEAD": (b"HEAD / HTTP/1.1\r\n" + HOST, True),
    "POST": (b"POST / HTTP/1.1\r\n" + HOST, False),
    "a method that begins like a safe one": (b"GETTING / HTTP/1.1\r\n" + HOST, False),
    "nothing yet": (b"", False),
    "not all of it yet": (REQUEST[:-2], False),
    "body of a length": (b"GET / HTTP/1.1\r\nContent-Length: 4\r\n" + HOST, False),
    "body in chunks": (b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n" + HOST, False),
    "blanks before the colon": (b"GET / HTTP/1.1\r\ncontent-LENGTH \t: 4\r\n" + HOST, False),
    "body that is there": (b"GET / HTTP/1.1\r\nContent-Length: 4\r\n" + HOST + b"\r\n\r\n", False),
    "header that only talks of a body": (b"GET / HTTP/1.1\r\nX-Content-Length: 4\r\n" + HOST, True),
    "path that talks of a body": (b"GET /content-length: HTTP/1.1\r\n" + HOST, True),
}


@pytest.fixture
def keeping_worker(monkeypatch):
    monkeypatch.setattr(wsgi, "Response", wsgi.Response)  # it puts its own there, which is for this test only
    spec = importlib.util.spec_from_file_location("keeping_worker", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.orphans.close()


@pytest.fixture
def connection():
    """The server's end and the client's, who waits for nothing."""
    server, client = socket.socketpair()
    client.setblocking(False)
    with server, client:
        yield server, client


@pytest.fixture
def worker(keeping_worker):
    """As the master makes it before the fork, with one thread."""
    worker = SimpleNamespace(places=[])
    keeping_worker.pre_fork(SimpleNamespace(cfg=SimpleNamespace(threads=1)), worker)
    yield worker
    for place in worker.places:
        place.close()


@pytest.mark.parametrize("request_bytes, may", REQUESTS.values(), ids=REQUESTS.keys())
def test_only_whole_requests_that_are_safe_and_have_no_body_may_be_repeated(keeping_worker, request_bytes, may):
    assert bool(keeping_worker.may_be_repeated(request_bytes)) is may


def test_what_a_killed_worker_had_in_hand_goes_to_the_orphans(keeping_worker, worker, connection):
    server, client = connection
    worker.places[0].put(REQUEST, server.fileno())
    server.close()  # as the kernel does with a process that was killed
    keeping_worker.child_exit(None, worker)
    request, descriptor = keeping_worker.orphans.take()
    assert request == REQUEST
    with socket.socket(fileno=descriptor) as taken:
        taken.sendall(b"an answer")
    assert client.recv(100) == b"an answer"
    assert client.recv(100) == b"", "somebody else still holds the connection"


def test_worker_that_had_nothing_in_hand_leaves_no_orphan(keeping_worker, worker, connection):
    worker.places[0].put(REQUEST, connection[0].fileno())
    worker.places[0].clear()
    keeping_worker.child_exit(None, worker)
    assert keeping_worker.orphans.take() is None


def test_cleared_place_holds_no_connection_and_may_be_used_again(keeping_worker, worker, connection):
    place = worker.places[0]
    for _request in range(3):
        descriptors = len(os.listdir("/proc/self/fd"))
        place.put(REQUEST, connection[0].fileno())
        place.clear()
        place.clear()
        assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.fixture
def response(keeping_worker, connection):
    """An answer of the class that gunicorn now makes, begun but not sent."""
    server, _client = connection
    request = SimpleNamespace(method="GET", version=(1, 1), headers=[], should_close=lambda: False)
    keeping_worker.answering.place = None
    response = wsgi.Response(request, server, Config())
    response.start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return response


def test_headers_and_body_are_sent_together(response, connection, monkeypatch):
    _server, client = connection
    sent = []
    monkeypatch.setattr(response, "sock", SimpleNamespace(sendall=sent.append))
    response.write(b"Hel")
    response.write(b"lo\n")
    assert [part.endswith(b"\r\n\r\nHel") or part for part in sent] == [True, b"lo\n"]


def test_place_is_cleared_before_the_first_byte_is_sent(keeping_worker, worker, response, connection):
    """Otherwise another worker would answer once more what the client has begun to get."""
    place = worker.places[0]
    keeping_worker.answering.place = place
    place.put(REQUEST, connection[0].fileno())
    seen = []
    response.sock = SimpleNamespace(sendall=lambda data: seen.append(place.full))
    response.write(b"Hello\n")
    assert seen == [False]


def test_answer_without_a_body_is_sent_too(response, connection):
    server, client = connection
    response.send_headers()
    assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
