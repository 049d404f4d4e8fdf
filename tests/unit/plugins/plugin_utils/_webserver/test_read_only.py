# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import read_only

APP = "/opt/shop/releases/4f1c52a0b7d9/app"


@pytest.mark.parametrize(
    ("words", "shared"),
    [
        (f"OSError: [Errno 30] Read-only file system: '{APP}/instance'", "instance"),
        (f"OSError: [Errno 30] Read-only file system: '{APP}/static/uploads/a.png'", "static/uploads"),
        (f"OSError: [Errno 30] Read-only file system: '{APP}/shop.db'", "shop.db"),
        ("OSError: [Errno 30] Read-only file system: '/opt/shop/current/app/log/'", "log"),
        (f"PermissionError: [Errno 13] Permission denied: '{APP}/cache'", "cache"),
        ("OSError: [Errno 30] Read-only file system: 'logs'", "logs"),
        ("OSError: [Errno 30] Read-only file system: './logs/shop.log'", "logs"),
    ],
)
def test_the_path_in_the_error_is_named(words, shared):
    said = read_only.advice(f"Traceback:\n{words}\n")
    assert said.startswith(f"The application tried to write to {shared} in its own folder, but it may write")
    assert f" webserver_shared: [{shared}], and the path becomes a link" in said
    assert 'instance_path=os.environ["STATE_DIRECTORY"]' in said


@pytest.mark.parametrize(
    "words",
    [
        "sqlite3.OperationalError: unable to open database file",
        "sqlite3.OperationalError: attempt to write a readonly database",
        "OSError: [Errno 30] Read-only file system: '/srv/data'",
        "OSError: [Errno 30] Read-only file system: '../data'",
    ],
)
def test_without_a_path_in_the_release_there_is_an_example(words):
    assert "webserver_shared: [instance], or with the path that it writes to" in read_only.advice(words)


@pytest.mark.parametrize(
    "words", ["", "KeyError: 1", "PermissionError: [Errno 13] Permission denied: '/home/me/prices.csv'"]
)
def test_other_errors_have_another_cause(words):
    assert read_only.advice(words) == ""
