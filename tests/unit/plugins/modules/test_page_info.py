# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading

from ansible_collections.flasklaunch.ec2.plugins.modules import page_info


def test_a_page_that_cannot_be_read_is_no_failure(run_module):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = run_module(page_info, url=f"http://127.0.0.1:{port}/", use_proxy=False)
    assert (result["failed"], result["changed"], result["status"]) == (False, False, -1)
    assert result["msg"] == "Connection refused"


def test_a_time_out_of_zero_is_refused(run_module):
    result = run_module(page_info, url="http://127.0.0.1/", timeout=0)
    assert result["failed"]
    assert result["msg"] == "timeout: 0 is not a number of seconds to wait"


def test_a_redirect_is_not_followed(run_module):
    answer = (
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 4\r\nConnection: close\r\n\r\naway"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _address = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        result = run_module(page_info, url=f"http://127.0.0.1:{listener.getsockname()[1]}/", use_proxy=False)
        thread.join()
    assert (result["status"], result["content"], result["msg"]) == (302, "away", "")
