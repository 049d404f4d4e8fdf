# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import procfile, wsgi_app
from gunicorn import config

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
    ("line", "app", "settings"),
    [
        ("gunicorn shop:app", "shop:app", {}),
        ("gunicorn hello", "hello:application", {}),
        ("gunicorn wsgi --log-config logging.conf", "wsgi:application", {"logconfig": "logging.conf"}),
        (
            "/app/venv/bin/gunicorn -b :$PORT --log-file - 'shop.web:create_app()'",
            "shop.web:create_app()",
            {"bind": ":$PORT", "errorlog": "-"},
        ),
        (
            "exec gunicorn -w 4 -k gevent \"shop:create_app('production')\" --timeout=120",
            "shop:create_app('production')",
            {"workers": "4", "worker_class": "gevent", "timeout": "120"},
        ),
        (
            "PORT=80 gunicorn --preload shop:app -w4 --threads 2",
            "shop:app",
            {"workers": "4", "threads": "2", "preload_app": "true"},
        ),
        ("gunicorn --statsd-host localhost shop:app", "shop:app", {"statsd_host": "localhost"}),
        ("python3 -m gunicorn shop:app", "shop:app", {}),
        ("gunicorn $APP --workers", "", {"workers": ""}),
    ],
)
def test_what_a_line_gives_to_gunicorn(line, app, settings):
    assert procfile.web_of(line) == (app, settings, [], True)


@pytest.mark.parametrize(
    "line", ["", "python app.py", "gunicorn 'shop:app", "newrelic-admin run-program gunicorn shop:app"]
)
def test_other_servers_and_lines_that_no_shell_can_read(line):
    assert procfile.web_of(line) == ("", {}, [], False)


def test_options_without_a_value_are_those_of_gunicorn():
    made = config.make_settings()
    flags = {name for name, each in made.items() if str(each.action or "").startswith("store_") and each.cli}
    assert flags - procfile.FLAGS == {"control_socket_disable"}, "its option is --no-control-socket"
    named = {cli: name for name, each in made.items() for cli in each.cli or []}
    assert {cli: name for cli, name in named.items() if cli in procfile.SETTINGS} == procfile.SETTINGS


@pytest.mark.parametrize(
    "web", ["gunicorn shop:app", "gunicorn -w $WORKERS --threads 8 shop:app --log-file -", "gunicorn -b :80 --preload"]
)
def test_nothing_is_said_about_a_procfile_that_agrees(web):
    served = {**SERVED, "webserver_before_switch": "true"}
    assert procfile.explained({"web": web, "release": "flask db upgrade"}, served) == []


def test_release_command_is_said_if_it_runs():
    said = "webserver_before_switch is not set. The Procfile's release command runs before the switch: flask db upgrade"
    assert procfile.explained({"release": "flask db upgrade"}, SERVED) == [said]


def test_differences_name_the_variables():
    web = "gunicorn -w 4 --timeout 120 --max-requests 9 --access-logfile - --chdir src other:app"
    served = {**SERVED, "webserver_gunicorn_options": {"max_requests": 9, "umask": 7}}
    begin = f"The Procfile starts the site with '{web}'."
    assert procfile.explained({"web": web, "worker": "rq worker"}, served) == [
        f"{begin} The role starts gunicorn with other settings. To have these, set webserver_workers: 4,"
        " webserver_app: other:app, webserver_access_log: true, webserver_gunicorn_options: {max_requests: 9, umask: 7,"
        " timeout: 120}.",
        f"{begin} The role does not set these settings of gunicorn as there: chdir.",
    ]


def test_other_commands_of_the_web_process_are_named():
    web = "flask db upgrade; flask translate compile && gunicorn shop:app"
    assert procfile.explained({"web": web}, SERVED) == [
        f"The Procfile starts the site with '{web}'. The role runs only gunicorn. To run the other commands before each"
        " switch, set webserver_before_switch: flask db upgrade && flask translate compile"
    ]
    assert procfile.explained({"web": "python app.py"}, SERVED) == [
        "The Procfile starts the site with 'python app.py'. This command is not run: gunicorn serves shop:app instead."
    ]


def test_other_commands_of_the_web_process_that_run_before_the_switch_are_not_named():
    web = "flask db upgrade; flask translate compile && gunicorn shop:app"
    served = {**SERVED, "webserver_before_switch": "flask translate compile && flask  'db' upgrade"}
    assert procfile.explained({"web": web}, served) == []
    served["webserver_before_switch"] = "flask db upgrade"
    assert procfile.explained({"web": web}, served) == [
        f"The Procfile starts the site with '{web}'. The role runs only gunicorn. To run the other commands before each"
        " switch, set webserver_before_switch: flask db upgrade && flask translate compile"
    ]
    served["webserver_before_switch"] = "flask db 'upgrade"  # a quotation mark is missing
    assert len(procfile.explained({"web": web}, served)) == 1


def test_command_of_the_release_stays_before_other_commands_of_the_web_process():
    found = {"release": "flask prepare", "web": "flask db upgrade; gunicorn shop:app"}
    assert procfile.explained(found, SERVED)[1:] == [
        f"The Procfile starts the site with '{found['web']}'. The role runs only gunicorn. To run the other commands"
        " before each switch, set webserver_before_switch: flask prepare && flask db upgrade"
    ]


def test_application_of_the_procfile_is_the_obvious_one(tmp_path):
    for module in ("shop", "admin"):
        (tmp_path / f"{module}.py").write_text("app = Flask(__name__)\n")
    brought = ["admin.py", "shop.py"]
    assert wsgi_app.found("webserver:app", str(tmp_path), brought) == "webserver:app"
    (tmp_path / "Procfile").write_text("web: gunicorn shop:app\n")
    assert wsgi_app.found("webserver:app", str(tmp_path), brought) == "webserver:app", "the file is not brought"
    assert wsgi_app.found("webserver:app", str(tmp_path), [*brought, "Procfile"]) == "shop:app"
