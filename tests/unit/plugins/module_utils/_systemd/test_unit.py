# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import unit as _unit
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd.systemctl import Unit, parse
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd.unit import (
    duration,
    telling_line,
    unit_hop,
)

NOW = 10000.0
# The output of `systemctl show` of systemd 252.
ACTIVE = """\
ExecMainPID=324
ExecMainCode=0
ExecMainStatus=0
ExecStart={ path=/opt/flask/bin/gunicorn ; argv[]=/opt/flask/bin/gunicorn --bind 0.0.0.0:5000 ; ignore_errors=no }
NRestarts=0
Id=webserver.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
Result=success
ActiveEnterTimestampMonotonic=2800000000
InactiveEnterTimestampMonotonic=0
InactiveExitTimestampMonotonic=2799000000

Id=webserver.socket
LoadState=not-found
ActiveState=inactive
SubState=dead
"""
CRASH = """\
Started Flask web server.
[2026-11-25 17:00:00 +0000] [81] [INFO] Starting gunicorn 23.0.0
an older start
webserver.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED
Started Flask web server.
Traceback (most recent call last):
  File "/opt/flask/lib/python3.9/site-packages/gunicorn/arbiter.py", line 609, in spawn_worker
    worker.init_process()
  File "/opt/webserver/webserver.py", line 1, in <module>
    import flsk
ModuleNotFoundError: No module named 'flsk'
webserver.service: Main process exited, code=exited, status=1/FAILURE
webserver.service: Failed with result 'exit-code'.
"""


def unit(**properties):
    return Unit("webserver.service", {**parse(ACTIVE)["webserver.service"].properties, **properties})


def judged(service, socket=None, journal=""):
    found = unit_hop(service, socket, _unit.last_start(journal), NOW)
    return found.verdict, found.code, found.evidence


def test_systemctl_show_is_read():
    units = parse(ACTIVE)
    assert set(units) == {"webserver.service", "webserver.socket"}
    service = units["webserver.service"]
    assert (service.exists, service.active, service.program) == (True, True, "/opt/flask/bin/gunicorn")
    assert service.age("ActiveEnter", NOW) == 7200
    assert service.age("InactiveEnter", NOW) is None
    assert (service.name, service.says("NRestarts"), service.says("Never")) == ("webserver.service", "0", "")
    assert not units["webserver.socket"].exists


def test_a_healthy_unit():
    expected = "webserver.service is active (running) for 2 hours."
    assert judged(unit()) == ("ok", None, expected)


def test_a_unit_that_is_not_enabled():
    verdict, code, evidence = judged(unit(UnitFileState="disabled"))
    assert (verdict, code) == ("ok", "x-UNIT_NOT_ENABLED")
    assert "gone after the next reboot" in evidence


@pytest.mark.parametrize(
    ("properties", "code", "said"),
    [
        ({"LoadState": "not-found", "ActiveState": "inactive"}, "x-UNIT_NOT_FOUND", "There is no unit"),
        ({"LoadState": "masked", "ActiveState": "inactive"}, "x-UNIT_MASKED", "is masked"),
        (
            {"ActiveState": "inactive", "SubState": "dead", "InactiveEnterTimestampMonotonic": "9900000000"},
            "x-UNIT_INACTIVE",
            "is inactive (dead) for 1 minute.",
        ),
        ({"ActiveState": "inactive", "SubState": "dead"}, "x-UNIT_INACTIVE", "webserver.service is inactive (dead)."),
        (
            {
                "ActiveState": "failed",
                "SubState": "failed",
                "Result": "exit-code",
                "ExecMainCode": "1",
                "ExecMainStatus": "1",
            },
            "x-UNIT_FAILED",
            "it ended with status 1: ModuleNotFoundError: No module named 'flsk'.",
        ),
        (
            {
                "ActiveState": "activating",
                "SubState": "auto-restart",
                "Result": "exit-code",
                "ExecMainCode": "1",
                "ExecMainStatus": "203",
                "NRestarts": "1",
            },
            "x-UNIT_RESTARTING",
            "after 1 restart; its program could not be executed (/opt/flask/bin/gunicorn)",
        ),
        ({"ActiveState": "failed", "SubState": "failed", "Result": "oom-kill"}, "x-OUT_OF_MEMORY", "memory ran out"),
        (
            {
                "ActiveState": "failed",
                "SubState": "failed",
                "Result": "signal",
                "ExecMainCode": "2",
                "ExecMainStatus": "11",
            },
            "x-UNIT_FAILED",
            "ended by signal 11",
        ),
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "timeout"},
            "x-UNIT_FAILED",
            "its result is timeout",
        ),
        (
            {"ActiveState": "activating", "SubState": "start"},
            "x-UNIT_STARTING",
            "is activating (start): ModuleNotFoundError: No module named 'flsk'.",
        ),
        (
            {"ActiveState": "activating", "SubState": "start", "NRestarts": "2"},
            "x-UNIT_RESTARTING",
            "is activating (start), after 2 restarts: ModuleNotFoundError: No module named 'flsk'.",
        ),
    ],
)
def test_D2_faults_of_a_unit(properties, code, said):
    verdict, found, evidence = judged(unit(**properties), journal=CRASH)
    assert (verdict, found) == ("broken", code)
    assert said in evidence


STOPPED = {"ActiveState": "inactive", "SubState": "dead", "InactiveExitTimestampMonotonic": "0"}


@pytest.mark.parametrize(
    ("properties", "journal", "never_ran", "fix"),
    [
        ({"UnitFileState": "enabled"}, "", True, "enable --now"),
        ({"UnitFileState": "enabled"}, "It says something.\n", False, "enable --now"),
        ({"UnitFileState": "enabled", "InactiveExitTimestampMonotonic": "1"}, "", False, "enable --now"),
        # systemd forgets a stopped unit, with the times when it ran, if no other unit refers to it.
        ({"UnitFileState": "disabled"}, "", False, "enable --now"),
        # A unit without an [Install] section cannot be enabled.
        ({"UnitFileState": "static"}, "", False, "start"),
        ({"UnitFileState": "transient"}, "", False, "start"),
    ],
)
def test_a_stopped_unit_never_ran_only_if_that_is_certain(properties, journal, never_ran, fix):
    found = unit_hop(unit(**{**STOPPED, **properties}), None, _unit.last_start(journal), NOW)
    assert ("never ran" in found.evidence) == never_ran
    assert found.fix == f"sudo systemctl {fix} webserver.service"


def test_a_service_that_its_socket_starts_is_ok():
    socket = Unit("webserver.socket", {"LoadState": "loaded", "ActiveState": "active", "SubState": "listening"})
    stopped = unit(ActiveState="inactive", SubState="dead")
    assert judged(stopped, socket)[0] == "ok"
    assert judged(stopped, Unit("webserver.socket", {"ActiveState": "inactive"}))[0] == "broken"


def whole(service, socket=None):
    found = unit_hop(service, socket, [], NOW)
    return [found.verdict, found.code, list(found.resources), found.evidence, found.fix]


WEB = ["webserver.service"]


@pytest.mark.parametrize(
    ("properties", "hop"),
    [
        ({}, ["ok", None, WEB, "webserver.service is active (running) for 2 hours.", None]),
        (
            {"ActiveEnterTimestampMonotonic": "0"},
            ["ok", None, WEB, "webserver.service is active (running).", None],
        ),
        (
            {"UnitFileState": "disabled"},
            [
                "ok",
                "x-UNIT_NOT_ENABLED",
                WEB,
                "webserver.service is active (running) for 2 hours, but not enabled: it is gone after the next reboot.",
                "sudo systemctl enable webserver.service",
            ],
        ),
        (
            {"LoadState": "not-found"},
            [
                "broken",
                "x-UNIT_NOT_FOUND",
                WEB,
                "There is no unit webserver.service on the machine.",
                "systemctl list-units --type service # which units there are",
            ],
        ),
        (
            {"LoadState": "masked"},
            [
                "broken",
                "x-UNIT_MASKED",
                WEB,
                "webserver.service is masked.",
                "sudo systemctl unmask --now webserver.service",
            ],
        ),
        (
            {"ActiveState": "inactive", "SubState": "dead", "InactiveExitTimestampMonotonic": "0"},
            [
                "broken",
                "x-UNIT_INACTIVE",
                WEB,
                "webserver.service is inactive (dead), and never ran since the machine booted.",
                "sudo systemctl enable --now webserver.service",
            ],
        ),
        (
            {"ActiveState": "deactivating", "SubState": "stop-sigterm"},
            [
                "broken",
                "x-UNIT_STARTING",
                WEB,
                "webserver.service is deactivating (stop-sigterm).",
                "journalctl -u webserver.service",
            ],
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "", "Result": ""},
            [
                "broken",
                "x-UNIT_RESTARTING",
                WEB,
                "webserver.service is activating (auto-restart).",
                "journalctl -u webserver.service # fix what it says, then: sudo systemctl restart webserver.service",
            ],
        ),
        (
            {"ActiveState": "failed", "SubState": "failed", "NRestarts": "5"},
            [
                "broken",
                "x-UNIT_FAILED",
                WEB,
                "webserver.service is failed (failed).",
                "journalctl -u webserver.service # fix what it says, then: sudo systemctl restart webserver.service",
            ],
        ),
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "oom-kill"},
            [
                "broken",
                "x-OUT_OF_MEMORY",
                WEB,
                "webserver.service is failed (failed); the kernel killed it because memory ran out.",
                "sudo systemctl restart webserver.service # with fewer processes, or with more memory",
            ],
        ),
    ],
)
def test_D2_the_whole_hop(properties, hop):
    assert whole(unit(**properties)) == hop


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (
            {"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "217", "ExecStart": ""},
            "missing (status 217)",
        ),
        ({"Result": "protocol", "ExecMainCode": "1", "ExecMainStatus": "0"}, "its result is protocol"),
        ({"Result": "core-dump", "ExecMainCode": "3", "ExecMainStatus": "6"}, "it was ended by signal 6"),
    ],
)
def test_D2_how_its_process_ended(properties, said):
    assert said in whole(unit(ActiveState="failed", SubState="failed", **properties))[3]


def test_a_unit_that_its_socket_starts_has_both_as_resources():
    socket = Unit("webserver.socket", {"ActiveState": "active", "SubState": "listening"})
    evidence = "webserver.socket is active (listening) and starts webserver.service at the first connection."
    resources = ["webserver.socket", "webserver.service"]
    assert whole(unit(ActiveState="inactive"), socket) == ["ok", None, resources, evidence, None]


def test_D16_without_systemd_it_is_unknown():
    evidence = "systemd could not be asked for the unit."
    assert whole(None) == ["unknown", "x-UNIT_UNREADABLE", [], evidence, None]


def test_an_old_systemd_leaves_properties_out():
    old = Unit("webserver.service", {"LoadState": "loaded", "ActiveState": "failed", "SubState": "failed"})
    assert judged(old)[0] == "broken"


def test_only_the_last_start_counts():
    lines = _unit.last_start(CRASH)
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[2] == "    worker.init_process()"
    assert lines[-1] == "ModuleNotFoundError: No module named 'flsk'"
    # If the unit printed nothing since its last start, the lines before count.
    assert _unit.last_start(CRASH + "Started Flask web server.\n") == lines
    assert _unit.last_start("") == []


def test_lines_of_systemd_219_are_not_the_unit_s():
    of_systemd = "webserver.service: main process exited, code=exited, status=1/FAILURE\n"
    of_systemd += "Unit webserver.service entered failed state.\nwebserver.service failed.\n"
    of_systemd += "webserver.service holdoff time over, scheduling restart.\n"
    assert _unit.last_start(f"Started Flask web server.\nno such port\n{of_systemd}") == ["no such port"]


def test_a_long_traceback_keeps_its_end():
    deep = [f"line {number}" for number in range(200)] + ["ValueError: here"]
    journal = _unit.last_start("Started x.\n" + "\n".join(deep))
    assert telling_line(journal) == "ValueError: here"
    short = _unit.shortened(journal)
    assert (short[0], short[30], short[-1], len(short)) == ("line 0", "... 141 lines ...", "ValueError: here", 61)
    assert _unit.shortened(deep[:60]) == deep[:60]
    assert len(_unit.shortened(deep[:61])) == 61


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Traceback (most recent call last):", "ValueError: a", "During handling …", "OSError: b"], "OSError: b"),
        (["flask.cli.NoAppException: Could not import"], "flask.cli.NoAppException: Could not import"),
        (
            ["[INFO] Starting", "[ERROR] Connection in use: ('0.0.0.0', 5000)"],
            "[ERROR] Connection in use: ('0.0.0.0', 5000)",
        ),
        (["[INFO] Starting"], None),
        ([], None),
    ],
)
def test_the_line_with_the_reason(lines, expected):
    assert telling_line(lines) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (86399, "23 hours"),
        (86400, "1 day"),
        (200000, "2 days"),
    ],
)
def test_durations(seconds, expected):
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("restarts", "age", "listens", "runs"),
    [
        ("7", 1, True, False),
        ("7", 3, True, True),
        ("7", 3, False, False),
        ("7", 59, False, False),
        ("7", 60, False, True),
        ("0", 1, False, True),
        ("", 1, False, True),
    ],
)
def test_unit_that_was_just_restarted_does_not_run_yet(restarts, age, listens, runs):
    """A unit of Type=simple in a crash loop is active as soon as it is forked."""
    moment = str((1000 - age) * 1000000)
    properties = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Id": "webserver.service"}
    unit = _unit.Unit(
        "webserver.service", {**properties, "NRestarts": restarts, "ActiveEnterTimestampMonotonic": moment}
    )
    assert unit.runs(1000, listens) is runs
    said = _unit.unit_hop(unit, None, ["ModuleNotFoundError: No module named 'flsk'"], 1000, listens)
    assert said.verdict == ("ok" if runs else "broken")
    assert ("No module named 'flsk'" in said.evidence) is not runs


def test_service_that_cannot_start_is_broken_although_its_socket_listens():
    socket = _unit.Unit("webserver.socket", {"LoadState": "loaded", "ActiveState": "active", "SubState": "listening"})
    looping = {"LoadState": "loaded", "ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "4"}
    assert _unit.unit_hop(_unit.Unit("webserver.service", looping), socket, [], 1000).verdict == "broken"
    waiting = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead"}
    assert _unit.unit_hop(_unit.Unit("webserver.service", waiting), socket, [], 1000).verdict == "ok"
