"""The unit that the webserver role renders, for the oldest systemd that it serves and for the newest."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.flasklaunch.ec2.tests.unit.roles.rendered import ROLE, render

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
    "FreeBind",
    "KillMode",
    "KillSignal",
    "LimitNOFILE",
    "ListenStream",
    "MemoryLimit",
    "NoNewPrivileges",
    "OnActiveSec",
    "OnUnitInactiveSec",
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
    "webserver-gate@.service",
    "webserver-health.service",
    "webserver-health.timer",
]


def directives(text):
    """(name, value) of each line that is one."""
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


def test_what_219_does_not_understand_is_not_in_its_values():
    service = dict(directives(render("webserver.service", 219)))
    assert service["ProtectSystem"] == "full"  # strict came with 232
    assert service["MemoryLimit"] == "900M"  # percentages came with MemoryMax=
    assert service["StartLimitInterval"] == "0"
    assert render("webserver.service", 219).index("[Service]") < render("webserver.service", 219).index(
        "StartLimitInterval"
    )


@pytest.mark.parametrize(("any_address", "loopback", "wanted"), [(True, False, 0), (False, True, 0), (False, False, 1)])
def test_an_address_that_comes_with_the_network_is_bound_before_it_is_there(any_address, loopback, wanted):
    text = render("webserver.socket", 219, __webserver_is_any_address=any_address, __webserver_is_loopback=loopback)
    assert directives(text).count(("FreeBind", "yes")) == wanted


def test_a_worker_that_is_killed_for_want_of_memory_takes_no_other_with_it():
    assert ("OOMPolicy", "continue") in directives(render("webserver.service", 252))


@pytest.mark.parametrize("systemd", [219, 252])
def test_a_release_is_tried_with_the_limits_that_it_is_served_with(systemd):
    names = {"MemoryLimit", "MemoryMax", "OOMPolicy", "TasksMax"}
    gate, service = (
        {pair for pair in directives(render(unit, systemd)) if pair[0] in names}
        for unit in ("webserver-gate@.service", "webserver.service")
    )
    assert gate == service != set()


@pytest.mark.parametrize("unit", ["webserver-gate@.service", "webserver-health.service"])
def test_the_host_to_ask_for_is_the_one_that_was_given(unit):
    (command,) = [
        value for name, value in directives(render(unit, 252, webserver_health_host="a.b")) if name == "ExecStart"
    ]
    assert "a.b" in command.split()


def test_newer_systemd_gets_the_whole_sandbox():
    service = directives(render("webserver.service", 252))
    sandbox = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__webserver_sandbox"]
    assert {tuple(each["set"].split("=", 1)) for each in sandbox} <= set(service)
    assert dict(service)["ProtectSystem"] == "strict"
    assert ("MemoryMax", "90%") in service


def test_secrets_are_named_and_not_told():
    new = render("webserver.service", 252, webserver_secrets={"KEY": "hunter2"})
    old = render("webserver.service", 219, webserver_secrets={"KEY": "hunter2"})
    assert ("LoadCredential", "KEY:/etc/webserver/credentials/KEY") in directives(new)
    assert ("Environment", "CREDENTIALS_DIRECTORY=/etc/webserver/credentials") in directives(old)
    assert "hunter2" not in new + old


def test_options_of_the_user_take_the_place_of_the_role_s():
    service = directives(render("webserver.service", 252, webserver_unit_options={"ProtectSystem": "full", "Nice": 5}))
    assert (dict(service)["ProtectSystem"], dict(service)["Nice"]) == ("full", "5")  # the last one counts


@pytest.mark.parametrize(("systemd", "steps"), [(219, None), (252, None), (254, "7")])
def test_a_server_that_ends_again_and_again_is_started_less_often(systemd, steps):
    service = dict(directives(render("webserver.service", systemd)))
    assert service.get("RestartSteps") == steps
    assert service.get("RestartMaxDelaySec") == (steps and "10s")
