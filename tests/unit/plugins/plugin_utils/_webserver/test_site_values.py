# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.site_values import (
    command_failure,
    first_in_turn,
    secret_files,
    systemd_argument,
    worker_count,
)


@pytest.mark.parametrize(
    ("wanted", "cpus", "memory", "count"),
    [
        (0, "1", "1024", 2),  # one is replaced while the other answers
        (0, "8", "16384", 8),
        ("0", "8", "768", 4),
        (0, "2", "400", 1),
        (0, "2", "128", 1),
        ("3", "8", "400", 3),
    ],
)
def test_workers_fit_the_machine_unless_their_number_is_set(wanted, cpus, memory, count):
    assert worker_count(wanted, cpus, memory) == count


@pytest.mark.parametrize(("hands_over", "owner", "folder_mode"), [(True, "root", "0700"), (False, "web", "0711")])
def test_secrets_are_files_that_only_their_reader_may_read(hands_over, owner, folder_mode):
    files = secret_files({"KEY": "text"}, ["KEY", "FORMER"], "/etc/web", hands_over, "web")
    attributes = {"mode": "0600", "owner": owner, "folder_mode": folder_mode}
    assert files == [
        {"path": "/etc/web/KEY", "content": "text", **attributes},
        {"path": "/etc/web/FORMER", "content": None},
    ]


@pytest.mark.parametrize(
    ("text", "argument"),
    [("flask routes", '"flask routes"'), ('echo "$HOME" 5% \\ \n\tx', r'"echo \"$$HOME\" 5%% \\ \n\tx"'), (1, '"1"')],
)
def test_systemd_argument(text, argument):
    assert systemd_argument(text) == argument


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            {"rc": 1, "reason": "exit-code", "stdout_lines": ["x"]},
            "ended with 1. See above for what it printed.",
        ),
        ({"rc": 1, "reason": "exit-code", "stdout_lines": []}, "flask x ended with 1. It printed nothing."),
        ({"rc": 143, "reason": "timeout", "stdout_lines": []}, "longer than webserver_command_timeout"),
        ({"rc": 137, "reason": "oom-kill", "stdout_lines": []}, "Raise webserver_memory_max"),
        ({"failed": True, "msg": "the command could not be started: no bus"}, "could not be started: no bus"),
        (
            {"failed": True, "rc": 127, "msg": "The interpreter was not found", "stdout_lines": []},
            "interpreter was not",
        ),
    ],
)
def test_why_a_command_failed(result, words):
    assert words in command_failure(result, "flask x")


def test_the_first_host_in_a_turn():
    hosts = {"has nothing": {}, "is done": {"__webserver_turn": ""}, "of another": {"__webserver_turn": "blog"}}
    turn = {"b": {"__webserver_turn": "shop"}, "c": {"__webserver_turn": "shop"}}
    assert first_in_turn([*hosts, *turn], {**hosts, **turn}, "shop") == "b"
    assert first_in_turn(list(hosts), hosts, "shop") == ""
