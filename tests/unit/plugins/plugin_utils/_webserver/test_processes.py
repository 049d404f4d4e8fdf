# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import processes

PROCFILE = {"web": "gunicorn shop:app", "release": "flask db upgrade", "worker": "rq worker", "beat": "rq beat"}
NIGHTLY = {"nightly": {"command": "flask cleanup", "calendar": "daily"}}


def counts(own, commands):
    return {process.name: (process.command, process.total) for process in processes.wanted(own, commands)}


@pytest.mark.parametrize(
    ("own", "commands", "wanted"),
    [
        ({}, {}, {}),
        ({"bot": "python bot.py"}, {}, {"bot": ("python bot.py", 1)}),
        ({"bot": {"command": "python bot.py", "count": "3"}}, {}, {"bot": ("python bot.py", 3)}),
        ({}, PROCFILE, {"worker": ("rq worker", 1), "beat": ("rq beat", 1)}),
        ({"beat": {"count": 0}}, PROCFILE, {"worker": ("rq worker", 1), "beat": ("rq beat", 0)}),
        ({"worker": "rq worker high"}, PROCFILE, {"worker": ("rq worker high", 1), "beat": ("rq beat", 1)}),
        ({}, {"next": "x", "-x": "y", "ok": "z"}, {"ok": ("z", 1)}),
    ],
)
def test_what_is_wanted(own, commands, wanted):
    assert counts(own, commands) == wanted


def test_a_process_needs_a_command():
    assert processes.without_command({"worker": {"count": 2}}, PROCFILE) == []
    assert processes.without_command({"mail": {"count": 0}}, PROCFILE) == []
    (refused,) = processes.without_command({"mail": {"count": 2}}, PROCFILE)
    assert refused.startswith("webserver_processes: mail has no command, and the application has no Procfile with a")


def test_processes_of_a_procfile_are_explained():
    assert processes.explained({"beat": {"count": 0}}, {**PROCFILE, "gate": "x"}) == [
        "The Procfile's process gate is not started, because its name cannot be that of a unit. Give it another name.",
        "The Procfile's process worker is started once: rq worker. For another number of them, set webserver_processes:"
        " {worker: {count: 2}}",
    ]


def test_units_and_what_must_run():
    units = processes.units("shop", {"worker": {"command": "rq worker", "count": 2}}, {}, NIGHTLY)
    names = [unit["name"] for unit in units]
    assert names == [
        *("shop-worker@1.service", "shop-worker@2.service"),
        *("shop-timer@nightly.service", "shop-timer@nightly.timer"),
    ]
    assert units[1]["vars"] == {
        "process": {"name": "worker", "number": 2, "command": "exec rq worker", "is_main": True}
    }
    assert processes.to_run(names, "shop", ["/opt/shop/current"]) == [
        {"name": "shop-worker@1.service", "reads": ["/opt/shop/current"]},
        {"name": "shop-worker@2.service", "reads": ["/opt/shop/current"]},
        {"name": "shop-timer@nightly.timer"},
    ]


def test_superfluous_units_are_removed_and_the_timer_before_its_job():
    there = ["shop-timer@old.service", "shop-timer@old.timer", "shop-worker@1.service", "shop-worker@2.service"]
    wanted = processes.units("shop", {"worker": "rq worker"}, {}, {})
    assert processes.files(wanted, there, "/etc") == [
        {"path": "/etc/shop-timer@old.timer"},
        {"path": "/etc/shop-timer@old.service"},
        {"path": "/etc/shop-worker@2.service"},
        {"path": "/etc/shop-worker@1.service", "template": wanted[0]["template"], "vars": wanted[0]["vars"]},
    ]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("rq worker 2>&1 > log", "exec rq worker 2>&1 > log"),
        ("rq worker --name 'a; b' \"$HOME\"", "exec rq worker --name 'a; b' \"$HOME\""),
        ("A=/var/x:b,c@d rq worker", "A=/var/x:b,c@d exec rq worker"),
        ("rq worker", "exec rq worker"),
        ("w --short", "exec w --short"),
        ("A=1 B=2 rq worker 'a b; c'", "A=1 B=2 exec rq worker 'a b; c'"),
    ],
)
def test_the_command_is_the_main_process(command, line):
    assert processes.as_main_process(command) == (line, True)
    assert processes.as_main_process(line) == (line, True)


@pytest.mark.parametrize(
    "line",
    [
        *("cd jobs && rq worker", "while true; do flask poll; done", "rq worker | tee log", "(rq worker)", "rq &"),
        *("echo 'a", "cd jobs && exec rq worker", ". ./environment", "! rq worker", "time rq worker", "eval rq"),
        *(
            "A='x y' rq worker",
            'A="x" rq worker',
            "A=$(date +%F) rq worker",
            "A=`date` rq worker",
            "A=${B:-x} rq worker",
        ),
        *("while true", "until false", "while"),
        *("rq worker <(cat jobs)", "rq worker `hostname`", "$WORKER --burst"),
    ],
)
def test_other_lines_stay_as_they_are(line):
    assert processes.as_main_process(line) == (line, False)


def unit(state="active (running)", main_pid=812, ended=None, result="success", **more):
    active = state.startswith(("active", "activating"))
    return {
        **{"state": state, "active": active, "main_pid": main_pid, "since": "T1" if active else None},
        **{"ended": ended, "result": result},
        **more,
    }


@pytest.mark.parametrize(
    ("name", "state", "clauses"),
    [
        ("shop-worker@1.service", unit(), []),
        ("shop-worker@1.service", unit("activating (auto-restart)", None), ["{} is activating (auto-restart)"]),
        ("shop-worker@1.service", unit("failed (Result: exit-code)", None), ["{} is failed (Result: exit-code)"]),
        ("shop-timer@n.timer", unit("active (waiting)", None), []),
        ("shop-timer@n.timer", unit("inactive (dead)", None), ["{} is inactive (dead)"]),
        ("shop.service", unit("inactive (dead)", None), []),
    ],
)
def test_which_do_not_run(name, state, clauses):
    job = {"shop-timer@n.service": unit("inactive (dead)", None)}
    seen = {**job, "shop-timer@n.timer": unit("active (waiting)", None), name: state}
    assert processes.ended(seen) == [clause.format(name) for clause in clauses]


@pytest.mark.parametrize(
    ("job", "timer", "words"),
    [
        (unit("inactive (dead)", None), unit("active (waiting)", None), "its command has not run since the machine"),
        (unit("inactive (dead)", None, "T2"), unit("active (waiting)", None), "its command succeeded at T2"),
        (
            unit("failed (failed)", None, "T2", "exit-code"),
            unit("active (waiting)", None),
            "its command failed at T2 (exit-code). 'journalctl -u shop-timer@n.service' says why",
        ),
        (unit("activating (start)", 99, "T0"), unit("active (running)", None), "its command runs since T1"),
        (unit("inactive (dead)", None), unit("inactive (dead)", None), "It is inactive (dead), so it starts nothing."),
    ],
)
def test_status_of_a_timer(job, timer, words):
    (line,) = processes.shown({"shop.service": unit(), "shop-timer@n.service": job, "shop-timer@n.timer": timer})
    assert line.startswith(f"timer: shop-timer@n.timer: {words}")


def test_status_of_a_process():
    assert processes.shown({"shop.service": unit(), "shop-worker@1.service": unit()}) == [
        "process: shop-worker@1.service is active (running) since T1, process 812"
    ]
