# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import procfile, wsgi_app

SERVED = {
    "webserver_app": "shop:app",
    "webserver_workers": 0,
    "webserver_threads": 8,
    "webserver_worker_class": "gthread",
    "webserver_gunicorn_options": {},
}
# The lines of Heroku's guides and of public Flask projects.
PROCFILE = """\
# a comment
web: flask db upgrade; flask translate compile; gunicorn microblog:app
worker: rq worker -u $REDIS_URL microblog-tasks\r
release:   flask db upgrade

not a line
"""


def test_processes_of_a_procfile(tmp_path):
    assert procfile.processes(str(tmp_path), []) == {}
    (tmp_path / "Procfile").write_text(PROCFILE, newline="")
    assert procfile.processes(str(tmp_path), []) == {
        "web": "flask db upgrade; flask translate compile; gunicorn microblog:app",
        "worker": "rq worker -u $REDIS_URL microblog-tasks",
        "release": "flask db upgrade",
    }
    assert procfile.processes(str(tmp_path), ["Proc*"]) == {}, "it does not come to the machine"
    assert procfile.processes("", []) == {}
    (tmp_path / "Procfile").write_bytes(b"web: \xff")
    assert procfile.processes(str(tmp_path), []) == {}


@pytest.mark.parametrize(
    ("command", "app", "settings"),
    [
        ("gunicorn shop:app", "shop:app", {}),
        ("gunicorn hello", "hello:application", {}),
        ("/app/venv/bin/gunicorn -b :$PORT --log-file - 'shop.web:create_app()'", "shop.web:create_app()", {}),
        ("gunicorn -w 4 -k gevent shop:app --timeout=120", "shop:app", {"workers": "4", "worker_class": "gevent"}),
        ("gunicorn shop:app -w4 --threads 2 --preload", "shop:app", {"workers": "4", "threads": "2"}),
        ("gunicorn --statsd-host localhost --bind 0.0.0.0:80 shop:app", "shop:app", {}),
        ("python -m gunicorn shop:app && true", "shop:app", {}),
        ("python app.py", "", {}),
        ("gunicorn 'shop:app", "", {}),
        ("gunicorn shop:app --workers", "", {}),
        ("", "", {}),
    ],
)
def test_what_a_command_gives_to_gunicorn(command, app, settings):
    found = procfile.gunicorn_of(command)
    assert found.app == app
    assert {name: value for name, value in found.settings.items() if name != "timeout"} == settings
    assert found.settings.get("timeout", "") == ("120" if "120" in command else "")


@pytest.mark.parametrize(
    "web", ["gunicorn shop:app", "gunicorn -w $WORKERS --threads 8 shop:app", "python app.py", "gunicorn -b :80"]
)
def test_nothing_is_said_about_a_procfile_that_agrees(web):
    assert procfile.differences({"web": web, "release": "true"}, SERVED) == []


def test_differences_name_the_variables_and_the_other_processes():
    web = "gunicorn -w 4 --timeout 120 --max-requests 9 other:app"
    served = {**SERVED, "webserver_gunicorn_options": {"max_requests": 9}}
    assert procfile.differences({"web": web, "worker": "rq worker", "beat": "x"}, served) == [
        f"The Procfile starts the site with '{web}'. The role starts gunicorn itself, with other settings. To serve the"
        " site as the Procfile says, set webserver_workers: 4, webserver_app: other:app,"
        " webserver_gunicorn_options: {timeout: 120}.",
        "The Procfile has processes that this collection does not start: beat, worker.",
    ]


def test_application_of_the_procfile_is_the_obvious_one(tmp_path):
    for module in ("shop", "admin"):
        (tmp_path / f"{module}.py").write_text("app = Flask(__name__)\n")
    brought = ["admin.py", "shop.py"]
    assert wsgi_app.found("webserver:app", str(tmp_path), brought) == "webserver:app"
    (tmp_path / "Procfile").write_text("web: gunicorn shop:app\n")
    assert wsgi_app.found("webserver:app", str(tmp_path), brought) == "webserver:app", "the file is not brought"
    assert wsgi_app.found("webserver:app", str(tmp_path), [*brought, "Procfile"]) == "shop:app"
