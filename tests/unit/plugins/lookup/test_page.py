# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.flasklaunch.ec2.plugins.lookup.page import LookupModule


@pytest.fixture
def read(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return LookupModule().run


def test_pages_are_read_with_another_host_name_and_a_missing_one_is_no_error(read):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve():
            connection, _address = listener.accept()
            with connection:
                asked.append(connection.recv(1000).decode())
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell")

        thread = threading.Thread(target=serve)
        thread.start()
        (well,) = read([f"http://127.0.0.1:{port}/healthz"], host="shop.example")
        thread.join()
    (refused,) = read([f"http://127.0.0.1:{port}/"])
    assert well == {"status": 200, "content": "well", "msg": ""}
    assert "\r\nHost: shop.example\r\n" in asked[0]
    assert refused == {"status": -1, "content": "", "msg": "Connection refused"}


def test_an_answer_that_does_not_end_is_not_waited_for(read):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (page,) = read([f"http://127.0.0.1:{listener.getsockname()[1]}/"], timeout=1)
    assert (page["status"], page["msg"]) == (-1, "the answer took longer than 1 seconds")
