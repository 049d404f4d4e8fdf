"""The unit that the webserver role renders, for the oldest supported systemd and for the newest."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._sandbox import DIRECTIVES
from ansible_collections.flasklaunch.ec2.tests.unit.roles.rendered import evaluate, render

# The directives below that systemd 219 knows: src/core/load-fragment-gperf.gperf.m4 of that version.
KNOWN_TO_219 = {
    "AccuracySec",
    "After",
    "Backlog",
    "BindIPv6Only",
    "CapabilityBoundingSet",
    "DeferAcceptSec",
    "Description",
    "Environment",
    "EnvironmentFile",
    "ExecStart",
    "ExecStartPre",
    "FreeBind",
    "KillMode",
    "KillSignal",
    "LimitNOFILE",
    "ListenStream",
    "MemoryLimit",
    "NoNewPrivileges",
    "OnActiveSec",
    "OnCalendar",
    "OnUnitInactiveSec",
    "Persistent",
    "PermissionsStartOnly",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectHome",
    "ProtectSystem",
    "Requires",
    "Restart",
    "RestartSec",
    "RestrictAddressFamilies",
    "RuntimeDirectory",
    "StartLimitInterval",
    "SystemCallArchitectures",
    "SyslogIdentifier",
    "SystemCallErrorNumber",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "Type",
    "UMask",
    "User",
    "WantedBy",
    "Wants",
    "WorkingDirectory",
}
UNITS = [
    "webserver.service",
    "webserver.socket",
    "webserver-before@.service",
    "webserver-gate@.service",
    "webserver-health.service",
    "webserver-health.timer",
    "webserver-process@.service",
    "webserver-timer@.service",
    "webserver-timer@.timer",
]


def directives(text):
    """Return (name, value) of each line that is a directive."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "["))]
    return [tuple(line.split("=", 1)) for line in lines]


@pytest.mark.parametrize("server", ["gunicorn", "flask"])
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_219_knows_every_directive(unit, server):
    text = render(
        unit,
        219,
        webserver_secrets={"KEY": "x"},
        webserver_server=server,
        __webserver_has_socket=server == "gunicorn",
        __webserver_is_any_address=False,
    )
    assert {name for name, _value in directives(text)} - KNOWN_TO_219 == set()


def test_values_are_those_that_systemd_219_understands():
    service = dict(directives(render("webserver.service", 219)))
    assert service["ProtectSystem"] == "full"  # strict came with 232
    assert service["MemoryLimit"] == "900M"  # percentages came with MemoryMax=
    assert service["StartLimitInterval"] == "0"
    assert render("webserver.service", 219).index("[Service]") < render("webserver.service", 219).index(
        "StartLimitInterval"
    )


@pytest.mark.parametrize(("any_address", "loopback", "wanted"), [(True, False, 0), (False, True, 0), (False, False, 1)])
def test_address_of_the_network_is_bound_before_it_exists(any_address, loopback, wanted):
    text = render("webserver.socket", 219, __webserver_is_any_address=any_address, __webserver_is_loopback=loopback)
    assert directives(text).count(("FreeBind", "yes")) == wanted


UNITS_WITH_DATA = [f"webserver{kind}.service" for kind in ("", "-before@", "-gate@", "-next@", "-process@", "-timer@")]


@pytest.mark.parametrize("unit", UNITS_WITH_DATA)
def test_each_server_has_a_folder_for_data(unit):
    for systemd in (235, 239, 240, 252):
        found = dict(directives(render(unit, systemd)))
        assert (found["StateDirectory"], found["StateDirectoryMode"]) == ("webserver", "0700")
        assert "ExecStartPre" not in found
    old = directives(render(unit, 219))
    assert ("Environment", "STATE_DIRECTORY=/var/lib/webserver") in old
    assert dict(old)["ExecStartPre"] == "/usr/bin/install -d -m 0700 -o webserver /var/lib/webserver"
    assert dict(old)["PermissionsStartOnly"] == "yes"


@pytest.mark.parametrize("systemd", [219, 252])
def test_a_folder_for_data_that_the_user_names_is_the_only_one(systemd):
    found = directives(render("webserver.service", systemd, webserver_unit_options={"StateDirectory": "shop"}))
    assert [value for name, value in found if name == "StateDirectory"] == ["shop"]
    assert "ExecStartPre" not in dict(found)


@pytest.mark.parametrize(
    ("options", "folder"),
    [({}, "shop"), ({"StateDirectory": "data/one data/two"}, "data/one"), ({"StateDirectory": ""}, "shop")],
)
def test_state_folder(options, folder):
    variables = {"webserver_name": "shop", "webserver_unit_options": options}
    assert evaluate("__webserver_state", 252, **variables) == folder


def test_kill_of_a_worker_for_lack_of_memory_leaves_the_others():
    assert ("OOMPolicy", "continue") in directives(render("webserver.service", 252))


@pytest.mark.parametrize("systemd", [219, 252])
def test_a_release_is_tried_with_the_limits_that_it_is_served_with(systemd):
    names = {"MemoryLimit", "MemoryMax", "OOMPolicy", "TasksMax"}
    gate, service = (
        {pair for pair in directives(render(unit, systemd)) if pair[0] in names}
        for unit in ("webserver-gate@.service", "webserver.service")
    )
    assert gate == service != set()


@pytest.mark.parametrize("systemd", [236, 252, 257])
def test_the_next_server_runs_as_the_served_one_does(systemd):
    """Both have the same socket, limits, secrets and options. The next one has a fixed release."""
    options = {"RuntimeDirectory": "shop", "Restart": "on-failure"}
    variables = {"webserver_secrets": {"KEY": "x"}, "webserver_unit_options": options}
    unit, service = (
        directives(render(name, systemd, **variables)) for name in ("webserver-next@.service", "webserver.service")
    )
    own = [pair for pair in unit if pair not in service]
    assert [(name, value.replace("/releases/%i/", "/current/")) for name, value in own if "/releases/%i/" in value] == [
        pair for pair in service if "/current/" in pair[1]
    ]
    assert dict(own).keys() - {"WorkingDirectory", "EnvironmentFile", "ExecStart"} == {
        "Description",
        "BindsTo",
        "After",
        "CollectMode",
        "Sockets",
        "RuntimeDirectoryPreserve",
        "Restart",
    }
    assert {name for name, _value in service} - {name for name, _value in unit} <= {
        "Requires",
        "RestartSec",
        "RestartSteps",
        "RestartMaxDelaySec",
        "WantedBy",
    }
    assert dict(unit)["Sockets"] == dict(service)["Requires"]
    assert (dict(unit)["BindsTo"], dict(unit)["RuntimeDirectoryPreserve"]) == ("webserver-deploy.service", "yes")
    assert dict(unit)["Restart"] == "no"  # the last one counts


@pytest.mark.parametrize(
    ("systemd", "server", "wanted"),
    [
        (219, "gunicorn", False),
        (235, "gunicorn", False),
        (236, "gunicorn", True),
        (257, "gunicorn", True),
        (257, "flask", False),
    ],
)
def test_where_a_next_server_is_started(systemd, server, wanted):
    variables = {"__webserver_has_socket": server == "gunicorn"}
    has_next = evaluate("__webserver_has_next", systemd, **variables)
    assert has_next is wanted
    given = {"__webserver_has_next": has_next, "__webserver_release": {"name": "4f1c52a0b7d9"}}
    unit = evaluate("__webserver_next_unit", systemd, **variables, **given)
    assert unit == ("webserver-next@4f1c52a0b7d9.service" if wanted else "")


@pytest.mark.parametrize("unit", ["webserver-gate@.service", "webserver-health.service"])
def test_the_host_to_ask_for_is_the_one_that_was_given(unit):
    (command,) = [
        value for name, value in directives(render(unit, 252, webserver_health_host="a.b")) if name == "ExecStart"
    ]
    assert "a.b" in command.split()


def test_newer_systemd_gets_the_whole_sandbox():
    service = directives(render("webserver.service", 252))
    assert {tuple(directive.split("=", 1)) for directive, _since in DIRECTIVES} <= set(service)
    assert dict(service)["ProtectSystem"] == "strict"
    assert ("MemoryMax", "90%") in service


def test_unit_names_secrets_without_their_values():
    new = render("webserver.service", 252, webserver_secrets={"KEY": "hunter2"})
    old = render("webserver.service", 219, webserver_secrets={"KEY": "hunter2"})
    assert ("LoadCredential", "KEY:/etc/webserver/credentials/KEY") in directives(new)
    assert ("Environment", "CREDENTIALS_DIRECTORY=/etc/webserver/credentials") in directives(old)
    assert "hunter2" not in new + old


@pytest.mark.parametrize("kind", ["process", "timer"])
def test_processes_and_timers_run_as_the_server_does(kind):
    """With its release, limits, secrets and options. Those of the user come last, so that they count."""
    variables = {"webserver_secrets": {"KEY": "x"}, "webserver_unit_options": {"TimeoutStopSec": 7, "Nice": 5}}
    unit, service = (
        directives(render(name, 254, **variables)) for name in (f"webserver-{kind}@.service", "webserver.service")
    )
    other = {"Description", "Requires", "After", "Type", "TimeoutStartSec", "ExecStart", "LimitNOFILE"}
    other |= {"RuntimeDirectory", "KillMode", "RestartSec"}
    if kind == "timer":
        other |= {
            "TimeoutStopSec",
            "StartLimitIntervalSec",
            "Restart",
            "RestartSteps",
            "RestartMaxDelaySec",
            "WantedBy",
        }
    assert {pair[0] for pair in service if pair not in unit} == other
    options = [("TimeoutStopSec", "7"), ("Nice", "5"), ("RuntimeDirectoryPreserve", "yes")]
    assert [pair for pair in unit if pair[0] != "WantedBy"][-3:] == options


@pytest.mark.parametrize(("is_main", "asked"), [(True, "mixed"), (False, "control-group")])
def test_a_shell_is_not_the_only_process_that_is_asked_to_stop(is_main, asked):
    process = {"name": "worker", "number": 1, "command": "cd jobs; rq worker", "is_main": is_main}
    assert ("KillMode", asked) in directives(render("webserver-process@.service", 252, process=process))


def test_secrets_as_variables_are_those_of_a_process_too():
    text = render("webserver-process@.service", 252, webserver_secrets={"KEY": "x"}, __webserver_secrets_as_env=["KEY"])
    (line,) = [value for name, value in directives(text) if name == "ExecStart"]
    assert line.index("export KEY=") < line.index("exec rq worker")


def test_options_of_the_user_replace_those_of_the_role():
    service = directives(render("webserver.service", 252, webserver_unit_options={"ProtectSystem": "full", "Nice": 5}))
    assert (dict(service)["ProtectSystem"], dict(service)["Nice"]) == ("full", "5")  # the last one counts


@pytest.mark.parametrize(("systemd", "steps"), [(219, None), (252, None), (254, "7")])
def test_a_server_in_a_crash_loop_is_restarted_less_often(systemd, steps):
    service = dict(directives(render("webserver.service", systemd)))
    assert service.get("RestartSteps") == steps
    assert service.get("RestartMaxDelaySec") == (steps and "10s")
