# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page is read within a time limit, with any answer of the server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.request

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import page


def listening():
    """Return a socket that listens on a free port. socket.create_server came with Python 3.8."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


@contextlib.contextmanager
def server(*parts, pause=0.0):
    """Serve the parts of an answer to one client, with a pause before each. Yields the URL, and what was asked."""
    asked = []
    with listening() as listener:
        listener.settimeout(20)  # if the client never connects

        def serve():
            with contextlib.suppress(OSError):
                connection, _address = listener.accept()
                with connection:
                    asked.append(connection.recv(1000).decode())
                    for part in parts:
                        time.sleep(pause)
                        connection.sendall(part)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", asked
        thread.join()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def opened(url, headers, timeout):
    return OPENER.open(urllib.request.Request(url, headers=headers), timeout=timeout)


def read(url, host="", seconds=10):
    return page.read(opened, url, host, seconds)


def answer(status, body="", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", body]
    return "\r\n".join(lines).encode()


def test_a_page_is_read():
    with server(answer("200 OK", "Hello World\n")) as (url, asked):
        assert read(url) == page.Page(200, "Hello World\n", "")
    assert asked[0].startswith("GET / HTTP/1.1\r\n")


def test_the_header_host_can_be_another_one():
    with server(answer("200 OK")) as (url, asked):
        read(url, "shop.example")
    assert "\r\nHost: shop.example\r\n" in asked[0]


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found", "500 Internal Server Error"])
def test_any_answer_is_returned(status):
    """A redirect is not followed."""
    with server(answer(status, "away", "Location: http://127.0.0.1:1/")) as (url, _asked):
        found = read(url)
    number, reason = status.split(" ", 1)
    assert (found.status, found.content) == (int(number), "away")
    assert found.msg == ("" if number == "302" else f"HTTP status {number}: {reason}")


def test_a_long_page_is_cut():
    with server(answer("200 OK", "x" * 10_000)) as (url, _asked):
        assert len(read(url).content) == page.LONGEST


@pytest.mark.parametrize(
    "parts",
    [[b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 90], [b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n", *[b"."] * 90]],
    ids=["head", "body"],
)
def test_one_time_out_for_an_answer_that_comes_byte_by_byte(parts):
    with server(*parts, pause=0.1) as (url, _asked):
        began = time.monotonic()
        found = read(url, seconds=3)
        assert time.monotonic() - began < 6
    assert found == page.Page(page.NO_ANSWER, "", "the answer took longer than 3 seconds")


def test_a_port_that_is_closed_is_named():
    with listening() as listener:
        port = listener.getsockname()[1]
    assert read(f"http://127.0.0.1:{port}/") == page.Page(page.NO_ANSWER, "", "Connection refused")


def test_a_connection_that_is_cut_is_reported():
    with server() as (url, _asked):
        found = read(url)
    assert found.status == page.NO_ANSWER
    assert found.msg == "Remote end closed connection without response"


@pytest.mark.parametrize("url", ["nonsense", "http://no-such-host.invalid/", "http://[::1/"])
def test_an_invalid_request_is_reported(url):
    found = read(url)
    assert found.status == page.NO_ANSWER
    assert found.msg
    assert "Traceback" not in found.msg
