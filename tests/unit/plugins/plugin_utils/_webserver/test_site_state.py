"""Texts and values of the webserver role about a site."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.site_state import (
    crash_loop,
    errors,
    is_held_by,
    is_held_by_user,
    last_errors,
    listeners_at,
    not_deployed,
    other_ports,
    release_list,
    report_lines,
)

TIME = "2026-11-23T05:47:28Z"


@pytest.mark.parametrize(
    ("releases", "words"),
    [
        ([], "none"),
        ([{"name": "4f1c", "deployed": TIME}], f"4f1c (deployed {TIME})"),
        (
            [{"name": "4f1c", "deployed": TIME}, {"name": "77d0\x1b", "deployed": None}],
            f"4f1c (deployed {TIME}), 77d0 (deployed never)",
        ),
    ],
)
def test_release_list(releases, words):
    assert release_list(releases) == words


@pytest.mark.parametrize(
    ("units", "expected"),
    [([], False), (["nginx.service", None], False), (["nginx.service", "a.socket"], True), (["a.service"], True)],
)
def test_is_held_by(units, expected):
    assert is_held_by([{"unit": unit} for unit in units], ["a.service", "a.socket"]) is expected


@pytest.mark.parametrize(("users", "held"), [([], False), (["root"], False), (["root", "web"], True)])
def test_is_held_by_user(users, held):
    listeners = [{"processes": []}, {"processes": [{"user": user} for user in users]}]
    assert is_held_by_user(listeners, "web") is held


@pytest.mark.parametrize("port", [5000, "5000"])
def test_other_ports(port):
    sockets = [(8080, "a.service"), (5000, "a.service"), (80, "nginx.service"), (8080, "a.service"), (22, "a.service")]
    listeners = [{"local_port": number, "unit": unit} for number, unit in sockets]
    assert other_ports(listeners, "a.service", port) == [8080, 22]
    assert other_ports(listeners[1:3], "a.service", port) == []


@pytest.mark.parametrize("port", [5000, "5000"])
def test_listeners_at_a_port_include_those_that_also_serve_ipv4(port):
    ssh, site, other = {"local_port": 22}, {"local_port": 5000}, {"local_port": 5000, "family": "ipv6"}
    assert listeners_at({"listening_ports": [ssh, site]}, port) == [site]
    assert listeners_at({"listening_ports": [site], "dual_stack_listeners": [other, ssh]}, port) == [site, other]
    assert listeners_at({"listening_ports": [ssh]}, port) == []


def test_files_that_are_not_deployed_are_named_with_the_patterns_to_keep_in_their_order():
    exclude = ["venv", ".env", "*.sqlite", ".env.*", "!.env.example", ".git"]
    notice = not_deployed({".env": ".env", "data/shop\x1b.sqlite": "*.sqlite"}, exclude)
    assert notice.startswith("Not deployed: .env, data/shop.sqlite. By default")
    assert notice.endswith('without the file\'s pattern: ["venv", ".env.*", "!.env.example", ".git"]')


def test_errors():
    own = "[2026-11-23] [7] [ERROR] Worker (pid:9) was sent SIGTERM!"
    lines = ["Started webserver.service", "KeyError: 1", own, "[7] [CRITICAL] WORKER TIMEOUT", "Failed with result 1"]
    assert errors(lines) == ["KeyError: 1", "[7] [CRITICAL] WORKER TIMEOUT", "Failed with result 1"]


def test_last_errors():
    """The newest line comes first in the journal, and last in what is shown."""
    lines = ["KeyError: 4", "well", "KeyError: 3", "KeyError: 2", "KeyError: 1"]
    assert last_errors(lines) == "KeyError: 2; KeyError: 3; KeyError: 4"
    assert last_errors(["well"]) == "none"
    upload = "OSError: [Errno 30] Read-only file system: '/opt/shop/releases/4f1c52a0b7d9/app/static/uploads/a.png'"
    assert last_errors([upload]).startswith(
        f"{upload} The application tried to write to static/uploads in its own folder"
    )


def journal(*moments, now="2026-11-29T10:00:40+0000", why="KeyError: 'NOT_SET'"):
    """Return the machine's time, and the journal, newest line first, of a unit that was restarted at these times."""
    lines = []
    for moment in moments:
        begin = f"2026-11-29T{moment}+0000 host"
        lines += [
            f"{begin} gunicorn[{len(lines)}]: [INFO] Starting gunicorn",
            f"{begin} systemd[1]: web.service: Scheduled restart job, restart counter is at {len(lines)}.",
            f"{begin} systemd[1]: web.service: Failed with result 'exit-code'.",
            f"{begin} systemd[1]: web.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED",
        ] + [f"{begin} gunicorn[{len(lines)}]: {why}"] * bool(why)
        lines.append(f"{begin} systemd[1]: Failed to start web.service - Web server.")
    return [now, *lines[::-1]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ""),
        (journal(), ""),
        (journal("10:00:01", "10:00:30"), ""),
        (
            journal("10:00:01", "10:00:10", "10:00:30"),
            "restarted 3 times since 2026-11-29T10:00:01+00:00: KeyError: 'NOT_SET'",
        ),
        (journal("09:00:01", "10:00:01", "10:00:10", "10:00:30"), "restarted 3 times since 2026-11-29T10:00:01"),
        (journal("10:00:01", "10:00:10", "10:00:30", now="2026-11-29T10:09:00+0000"), ""),
        (journal("10:00:01", "10:00:10", "10:00:30", now="2026-11-29T12:00:40+02:00"), "restarted 3 times"),
        (
            journal("10:00:01", "10:00:10", "10:00:30", why=""),
            "web.service: Main process exited, code=exited, status=3",
        ),
        (journal("10:00:01", "10:00:10", "10:00:30", now="what is that?"), ""),
    ],
)
def test_a_unit_in_a_crash_loop(lines, said):
    assert said in crash_loop(lines)
    assert bool(said) == bool(crash_loop(lines))


SEEN = {
    "units": {"web.service": {"state": "active (running)", "main_pid": 812}},
    "answer": {"status": 200, "content": "Hello World\n"},
}


@pytest.mark.parametrize(
    ("asked", "answer", "line"),
    [
        ("", {}, "not asked, as webserver_url is empty"),
        ("http://x/", {"status": 200, "content": "Hello World\n"}, "GET http://x/ answers 200, Hello World"),
        ("http://x/", {"status": 503, "msg": "HTTP Error 503"}, "GET http://x/ answers 503, HTTP Error 503"),
        (
            "http://x/",
            {"status": 503, "msg": "HTTP status 503: Maintenance", "content": "Closed"},
            "GET http://x/ answers 503 (maintenance), Closed",
        ),
        ("http://x/", {"status": 200, "content": "x" * 201}, f"GET http://x/ answers 200, {'x' * 197}..."),
        (
            "http://x/",
            {"status": -1, "msg": "Request failed: <urlopen error timed out>"},
            "GET http://x/ got no answer: timed out",
        ),
    ],
)
def test_what_answers_where(asked, answer, line):
    assert report_lines(SEEN, "web.service", "http://127.0.0.1/", asked, answer) == [
        "web.service is active (running), process 812",
        "from the machine itself: GET http://127.0.0.1/ answers 200, Hello World",
        f"from the control node: {line}",
    ]


def test_processes_are_reported_with_the_server():
    worker = {"web-worker@1.service": {"state": "active (running)", "main_pid": 99}}
    worker |= {"web-timer@a.timer": {}, "web-timer@a.service": {"state": "inactive (dead)", "main_pid": None}}
    seen = {**SEEN, "units": {**SEEN["units"], **worker}}
    lines = report_lines(seen, "web.service", "http://127.0.0.1/", "", {})
    assert lines[1] == "web-worker@1.service is active (running), process 99"
    assert len(lines) == 4


def test_a_process_in_a_crash_loop_is_named_and_its_own_error_is_the_reason():
    """The server's restarts and errors are not the process's."""
    begin = "2026-11-29T10:00:%02d+0000 host"
    lines = [
        f"{begin % 1} gunicorn[9]: ERROR of the server",
        f"{begin % 2} systemd[1]: web.service: Scheduled restart job",
    ]
    for second in (10, 20, 30):
        lines.append(f"{begin % second} web-worker@1[7]: redis.Error: refused")
        lines.append(
            f"{begin % second} systemd[1]: web-worker@1.service: Scheduled restart job, restart counter is at 5."
        )
    lines.append(f"{begin % 31} gunicorn[9]: ERROR of the server")
    said = crash_loop(["2026-11-29T10:00:40+0000", *lines[::-1]])
    assert said == "web-worker@1.service restarted 3 times since 2026-11-29T10:00:10+00:00: redis.Error: refused"


def test_each_unit_has_restarts_of_its_own():
    """Three processes that were restarted once each are in no loop."""
    restarts = [
        f"2026-11-29T10:00:0{number}+0000 host systemd[1]: web-worker@{number}.service: Scheduled restart job, 1."
        for number in (1, 2, 3)
    ]
    assert crash_loop(["2026-11-29T10:00:40+0000", *restarts[::-1]]) == ""
