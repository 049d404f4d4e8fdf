# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import UNPRINTABLE, printable
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import exposure_report as exposure
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain


def row(port, address="0.0.0.0", proto="tcp", dual_stack=False, interface=None, name="sshd"):
    family = "ipv6" if ":" in address else "ipv4"
    return {
        "proto": proto + ("6" if family == "ipv6" else ""),
        "local_address": address,
        "local_port": port,
        "family": family,
        "dual_stack": dual_stack,
        "interface": interface,
        "name": name,
        "unit": name and f"{name}.service",
        "user": "root",
    }


def machine(name, *rows, asked=(5000,), msg="", **fields):
    return {
        "name": name,
        "listening_ports": list(rows),
        "asked": list(asked),
        "msg": msg,
        "instance_id": "",
        "private_address": "10.0.1.20",
        **fields,
    }


def judged(machine, port, audience, address="0.0.0.0", protocol="tcp", family="ipv4"):
    return {
        "machine": machine,
        "protocol": protocol,
        "family": family,
        "address": address,
        "port": port,
        "audience": audience,
        "sources": ["0.0.0.0/0"],
        "resources": ["sg-1"],
        "reason": f"It is {audience}.",
    }


def sections(report):
    return {each["name"]: [(row["machine"], row["port"]) for row in each["rows"]] for each in exposure.sections(report)}


def test_open_ports_that_were_not_asked_for_come_first():
    machines = [machine("a", row(22), row(5000), row(6379)), machine("b", row(5000), row(8080), asked=["8080"])]
    answers = [
        {"exposure": [judged("a", 22, "part"), judged("a", 5000, "everybody"), judged("a", 6379, "everybody")]},
        {"exposure": [judged("b", 5000, "everybody"), judged("b", 8080, "everybody")]},
    ]
    report = plain(exposure.report(machines, answers, []))
    plain(exposure.sections(report))
    assert sections(report) == {
        "alarm": [("a", 6379), ("b", 5000)],
        "everybody": [("a", 5000), ("b", 8080)],
        "part": [("a", 22)],
    }
    assert list(sections(report))[0] == "alarm"
    assert report["alarms"] == 2
    assert report["headline"] == "2 ports are open to everybody without having been asked for."
    assert report["figures"] == {"everybody": 4, "part": 1, "unknown": 0, "vpc": 0, "nobody": 0}


@pytest.mark.parametrize("expected", [[6379], ["6379"], ["tcp/6379"], ["tcp/22", " tcp/6379 "]])
def test_expected_ports_are_no_alarm(expected):
    report = exposure.report([machine("a", row(6379))], [{"exposure": [judged("a", 6379, "everybody")]}], expected)
    assert list(sections(report)) == ["everybody"]
    assert report["headline"] == "Only ports that were asked for are open to everybody."


def test_the_protocol_counts():
    udp = judged("a", 5000, "everybody", protocol="udp")
    report = exposure.report([machine("a", row(5000, proto="udp"))], [{"exposure": [udp]}], [])
    assert list(sections(report)) == ["alarm"]


@pytest.mark.parametrize("item", ["0", "65536", "http", "tcp/", "sctp/22", "22-80", "", None, -1])
def test_invalid_ports_are_refused(item):
    assert exposure.expected_errors(["22", item]) == [f"{item} is neither a port nor tcp/PORT nor udp/PORT"]


def test_D16_ports_without_an_answer_of_aws_are_unknown():
    rows = [row(22), row(53, "127.0.0.1"), row(54, "10.0.1.20", interface="lo")]
    report = exposure.report([machine("a", *rows)], [{"failed": True, "msg": "Unable to\nlocate credentials"}], [])
    assert sections(report) == {"unknown": [("a", 22)], "nobody": [("a", 53), ("a", 54)]}
    assert report["rows"][0]["reason"] == "Unable to locate credentials"
    assert report["headline"] == "This report is incomplete: some ports are unknown."
    assert exposure.report([machine("a", row(22))], [], [])["rows"][0]["reason"] == "AWS was not asked."


def test_a_machine_that_could_not_be_read_is_named():
    report = exposure.report([machine("a", msg="ssh: timed\nout")], [], [])
    assert report["unread"] == [{"machine": "a", "msg": "ssh: timed out"}]
    assert report["headline"] == "This report is incomplete: some ports are unknown."
    assert "  a  ssh: timed out" in exposure.lines(report)


def test_questions_to_aws():
    rows = [row(5000, "::", dual_stack=True), row(22), row(22), row(53, proto="udp"), row(80, interface="lo")]
    asked = exposure.questions(
        [machine("a", *rows), machine("b", row(22), instance_id="i-1"), machine("c", private_address="")]
    )
    assert [each["name"] for each in asked] == ["a", "b", "c"]
    assert asked[0]["private_address"] == "10.0.1.20"
    assert asked[1]["instance_id"] == "i-1"
    assert set(asked[2]) == {"name", "listeners"}
    found = [(each["protocol"], each["address"], each["port"], each["family"]) for each in asked[0]["listeners"]]
    assert found == [
        ("tcp", "::", 5000, "ipv6"),
        ("tcp", "0.0.0.0", 5000, "ipv4"),  # a dual-stack socket serves both
        ("tcp", "0.0.0.0", 22, "ipv4"),
        ("udp", "0.0.0.0", 53, "ipv4"),
        ("tcp", "127.0.0.1", 80, "ipv4"),  # bound to the loopback interface
    ]


def test_a_mapped_address_is_the_same_to_the_module_and_the_report():
    mapped = machine("a", row(8080, "::ffff:10.0.1.20"), row(80, "::ffff:0.0.0.0"))
    (asked,) = exposure.questions([mapped])
    assert [each["family"] for each in asked["listeners"]] == ["ipv4", "ipv4"]
    answers = [judged("a", each["port"], "everybody", each["address"]) for each in asked["listeners"]]
    assert sections(exposure.report([mapped], [{"exposure": answers}], [])) == {"alarm": [("a", 80), ("a", 8080)]}


def test_a_socket_that_may_serve_ipv4_counts_as_if_it_did():
    (asked,) = exposure.questions([machine("a", row(5000, "::", dual_stack=None))])
    assert [each["family"] for each in asked["listeners"]] == ["ipv6", "ipv4"]


EVIL = "\x1b]0;owned\x07\u202egpj.exe\u2066\u061c\x9b evil\ud800"
NONSENSE = [
    "a text",
    7,
    {"local_port": 22},
    ["a text"],
    [[]],
    [{}],
    [None],
    [{**row(22), "local_port": "22"}],
    [{**row(22), "local_port": True}],
    [{**row(22), "local_port": 0}],
    [{**row(22), "local_port": 65536}],
    [{**row(22), "local_address": "everywhere"}],
    [{**row(22), "local_address": None}],
    [{**row(22), "local_address": ["0.0.0.0"]}],
    [{**row(22), "proto": "sctp"}],
    [{**row(22), "proto": {}}],
    [{**row(22), "family": "ipx"}],
    [{**row(22), "dual_stack": "yes"}],
    [{**row(22), "interface": 7}],
    [{**row(22), "name": ["sshd"]}],
    [{**row(22), "unit": {}}],
    [{**row(22), "user": 0}],
    [row(22), {key: value for key, value in row(22).items() if key != "unit"}],
]


@pytest.mark.parametrize("rows", NONSENSE)
def test_a_machine_with_an_invalid_answer_has_its_own_line(rows):
    machines = [machine("a", row(22)), {**machine("evil"), "listening_ports": rows}]
    good, bad = exposure.questions(machines)
    assert (len(good["listeners"]), bad["listeners"]) == (1, [])
    report = exposure.report(machines, [{"exposure": [judged("a", 22, "everybody")]}], [])
    assert sections(report) == {"alarm": [("a", 22)]}
    (unread,) = report["unread"]
    assert unread["machine"] == "evil"
    assert unread["msg"].startswith("Its answer is not a table of listening sockets: ")
    assert any("evil" in line for line in exposure.lines(report))


@pytest.mark.parametrize("address", ["10.*", "", "everywhere", None, ["10.0.1.20"], {}])
def test_an_address_that_is_not_private_is_not_looked_up(address):
    (asked,) = exposure.questions([machine("a", row(22), private_address=address)])
    assert "private_address" not in asked


def test_texts_of_a_machine_do_not_control_the_terminal():
    fields = {key: EVIL for key in ("name", "unit", "user")}
    machines = [machine("a", {**row(22), **fields}, {**row(80), "interface": EVIL}), machine("b", msg=EVIL)]
    answers = [{"exposure": [{**judged("a", 22, "part"), "reason": EVIL}]}, {"failed": True, "msg": EVIL}]
    report = exposure.report(machines, answers, [])
    text = "\n".join(exposure.lines(report)) + repr(report)
    assert not UNPRINTABLE.search(text)
    assert repr(report) == repr(printable(report))
    assert text.count(" evil") > 5


def test_the_holder_is_named():
    report = exposure.report([machine("a", row(22), row(80, name=None))], [], [])
    assert [exposure.holder(each) for each in report["rows"]] == ["sshd (sshd.service)", "unknown"]
    dual = exposure.report([machine("a", row(5000, "::", dual_stack=True, name="gunicorn"))], [], [])
    assert {each["name"] for each in dual["rows"]} == {"gunicorn"}


def test_the_lines_are_a_table():
    answers = [{"exposure": [judged("a", 22, "everybody"), judged("a", 6379, "everybody")]}]
    told = exposure.lines(exposure.report([machine("a", row(22), row(6379))], answers, [22]))
    assert told[0] == "1 port is open to everybody without having been asked for."
    assert told[2:4] == [
        "Open to everybody, and not asked for:",
        "  a  tcp/0.0.0.0:6379  sshd (sshd.service)  It is everybody.",
    ]


def peer(name, account="one", ask_aws=True):
    return {"name": name, "account": account, "ask_aws": ask_aws}


@pytest.mark.parametrize(
    ("host", "asked"),
    [("web1", []), ("web2", ["web2", "web4"]), ("web3", ["web3"]), ("web4", []), ("unknown", [])],
)
def test_the_first_host_of_an_account_asks_for_all_of_them(host, asked):
    machines = [peer("web1", ask_aws=False), peer("web2"), peer("web3", "two"), peer("web4")]
    assert [machine["name"] for machine in exposure.asked_by(machines, host)] == asked


def test_no_host_asks_if_aws_is_not_to_be_asked():
    assert exposure.asked_by([peer("web1", ask_aws=False)], "web1") == []
