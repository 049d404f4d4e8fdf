# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP requests of roles: a site can redirect them to no other host, and does not control what is printed."""

from __future__ import annotations

import contextlib
import http.server
import threading

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import endpoint
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run_tasks
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, tasks_of_roles, variables_of


@contextlib.contextmanager
def site(status, headers=(), body=b"Hello World\n"):
    """Serve one answer at 127.0.0.1. Yields its URL and the list of requested paths."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            for header in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


def report(tmp_path, url):
    """Run the webserver role's report as at the end of a deploy, for a page at that URL."""
    known = {
        "webserver_url": url,
        "__webserver_url_shown": url,
        "__webserver_note": {
            "answer": {"status": 200, "content": "Hello World"},
            "units": {"webserver.service": {"state": "active (running)", "main_pid": 7}},
            "netstat": ["Active Internet connections (only servers)"],
        },
        "__webserver_unit": "webserver.service",
        "__webserver_local_url": "http://127.0.0.1:5000/",
    }
    tasks = [{"ansible.builtin.include_tasks": str(ROLES / "webserver" / "tasks" / "site" / "report.yml")}]
    return run_tasks(tmp_path, tasks, {**variables_of("webserver"), **known})


def test_the_report_follows_no_redirect(tmp_path):
    secret = b"only for the control node\n"
    with site(200, body=secret) as (private, asked_privately):
        redirect = [("Location", private)]
        with site(302, redirect) as (url, asked):
            status, printed = report(tmp_path, url)
    assert asked == ["/"], printed
    assert asked_privately == []
    assert "only for the control node" not in printed
    # An application may redirect its visitors, for example to a page to log in.
    assert status == 0, printed


def test_a_bad_answer_fails_the_report(tmp_path):
    with site(404, body=b"no such page\n") as (url, _asked):
        status, printed = report(tmp_path, url)
    assert status == 2
    assert "got no good answer" in printed


def test_the_probe_follows_no_redirect():
    with site(200) as (private, asked_privately):
        redirect = [("Location", private)]
        with site(302, redirect) as (url, asked):
            found = endpoint.probe(endpoint.target_of(url))
    assert (asked, asked_privately) == (["/"], [])
    assert found["saw"]["status"] == 302


def requests():
    """Return each task of a role that requests a URL."""
    for path, task in tasks_of_roles():
        if {"ansible.builtin.uri", "ansible.builtin.get_url"} & set(task):
            yield pytest.param(task, id=f"{path.parent.parent.name}: {task['name']}")


@pytest.mark.parametrize("task", list(requests()))
def test_no_task_follows_redirects(task):
    assert task["ansible.builtin.uri"]["follow_redirects"] == "none"
