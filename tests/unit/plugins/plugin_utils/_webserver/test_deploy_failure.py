# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import deploy_failure

URL, UNIT = "http://127.0.0.1:5000/", "webserver.service"
BACK = {"outcome": "put back", "release": "b2", "former": "a1", "reason": "GET / answered 500"}


@pytest.mark.parametrize(
    ("journal", "words"),
    [
        ("Starting A...\nfirst\nStarted A.\nStarting A...\nlast\nwords", "last\nwords"),
        ("Started A.\nwords\nStarted A.\n", "words"),
        ("Started A.\n\x1b[31m\x1b[1mWARNING: x\x1b[0m", "WARNING: x"),
        ("", "The journal has nothing of the unit."),
    ],
)
def test_the_last_output_of_a_unit_in_a_crash_loop(journal, words):
    assert deploy_failure.last_words(journal) == words
    assert deploy_failure.explained(journal) == words.splitlines()


@pytest.mark.parametrize(
    ("outcome", "was_served", "is_new", "said"),
    [
        ({"former": None, "release": "b2"}, False, True, "The release was not taken:"),
        # The task that reads the current release has failed.
        ({"former": ""}, True, True, "This run did not change what is served; the new release was not taken:"),
        ({"former": "a1", "release": "b2"}, True, True, "Release a1 is served as before; the new one was not taken:"),
        ({"former": "a1", "release": "b2"}, True, False, "Release a1 is served as before; b2 was not taken:"),
        ({"former": "a1", "release": "a1"}, True, False, "Release a1 is served as before; the change was not taken:"),
        (
            {"former": "a1", "release": "b2"},
            False,
            True,
            "Release a1 stays the current release, but it was not served before this run and is not served now; the new"
            " one was not taken:",
        ),
    ],
)
def test_what_is_served_after_a_refusal(outcome, was_served, is_new, said):
    assert deploy_failure.not_taken(outcome, was_served, is_new) == said


def test_a_refusal_has_the_output_of_the_gate_and_advice():
    outcome = {"former": "a1", "release": "b2", "gate": "Starting\nGET / answered 404: Not Found", "reason": "5"}
    said = deploy_failure.refusal(outcome, True, True, "shop:app").splitlines()
    assert said[0].endswith("was not taken:")
    assert said[-2:] == [
        "GET / answered 404: Not Found",
        "Name a path that the application has in webserver_health_path.",
    ]


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        ("Starting the migration\nno such table: notes\n", ["Starting the migration", "no such table: notes"]),
        ("", ["a timeout was exceeded"]),
    ],
)
def test_a_command_before_the_switch_that_failed_is_named(printed, lines):
    outcome = {"former": "a1", "release": "b2", "gate": printed, "reason": "a timeout was exceeded"}
    said = deploy_failure.refusal({**outcome, "trial": "shop-before@b2.service"}, True, True, "shop:app").splitlines()
    assert said[0] == "Release a1 is served as before; the new one was not taken:"
    assert said[1:] == ["webserver_before_switch failed:", *lines]


def test_a_refusal_without_a_gate_has_the_reason():
    outcome = {"former": "a1", "release": "b2", "gate": "", "reason": "the disk is full"}
    assert deploy_failure.refusal(outcome, True, True, "shop:app").splitlines()[1:] == ["the disk is full"]


def test_a_release_that_was_undone():
    said = deploy_failure.undone(BACK, URL, UNIT, [{"unit": UNIT}, {"unit": "webserver.socket"}, {"unit": None}])
    assert said.startswith(
        f"With what this run changed, the page was not served at {URL} on the machine (GET / answered"
    )
    assert "The change was undone: release a1 is served as before." in said
    assert "is held by" not in said


WORKER = {
    "trial": "web-worker@1.service",
    "gate": "Started Process worker.\nan old error\nStarted Process worker.\nTraceback\nNo module named rq\n"
    "web-worker@1.service: Main process exited, code=exited, status=1/FAILURE\n",
    "reason": "web-worker@1.service ended soon after its start",
    "started": ["web-worker@1.service"],
}


@pytest.mark.parametrize(
    ("outcome", "begin", "end"),
    [
        ({}, "With what this run changed, web-worker", "The change was undone: release a1 is served as before."),
        ({"started": []}, "web-worker", "The page is served."),  # it was in a crash loop before this run
        ({"former": None}, "With what this run changed, web-worker", "The page is served."),
        ({"not_put_back": "no memory."}, "With", "Release a1 could not be restored: no memory."),
    ],
)
def test_a_process_that_ended_soon_is_named_with_its_last_words(outcome, begin, end):
    said = deploy_failure.undone({**BACK, **WORKER, **outcome}, URL, UNIT, [])
    assert said.startswith(begin)
    assert f"@1.service ended soon after its start. It printed: Traceback No module named rq. {end} To see all" in said
    assert said.endswith("run 'journalctl -u web-worker@1.service' on the machine.")


def test_a_port_that_somebody_else_holds_is_named_once():
    said = deploy_failure.undone(BACK, URL, UNIT, [{"unit": "thief.service"}] * 2)
    assert "Port 5000 is held by thief.service. " in said


def test_a_former_release_that_does_not_start_again():
    said = deploy_failure.undone({**BACK, "not_put_back": "no memory."}, URL, UNIT, [])
    assert "Release a1 could not be restored: no memory. The ports" in said


def test_a_first_release_that_is_not_served():
    said = deploy_failure.undone({**BACK, "former": None}, URL, UNIT, [])
    assert "restored" not in said
    assert "undone" not in said


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"outcome": "served", "reason": ""}, "Release b2 is served."),
        ({"outcome": "refused"}, "Release b2 was not taken, and release a1 is served as before."),
        ({"outcome": "refused", "former": None}, "Release b2 was not taken."),
        ({"outcome": "put back"}, "Release b2 was not served, and release a1 is served again."),
        ({"outcome": "not put back"}, "Neither release b2 nor release a1 is served."),
    ],
)
def test_how_an_interrupted_deploy_ended(outcome, said):
    told = deploy_failure.interrupted({**BACK, "run": {"who": "ann@laptop"}, **outcome})
    assert told.startswith(
        "The last run of ann@laptop was cut off during its deploy. The machine has ended that deploy"
    )
    assert said in told
    assert ("The reason: GET / answered 500" in told) == (outcome.get("reason") != "")


def test_an_interrupted_deploy_that_was_refused_has_the_output_of_the_gate():
    gate = "Starting Try release...\nTraceback\nGET / answered 503: away\nwebserver-gate@b2.service: Failed"
    told = deploy_failure.interrupted({**BACK, "outcome": "refused", "gate": gate})
    assert told.endswith("is served as before. The reason: GET / answered 503: away.")
