# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.gunicorn_options import (
    ALLOWED,
    REFUSED,
    option_name,
)
from gunicorn import config


def test_each_setting_of_gunicorn_is_allowed_or_refused():
    assert config.make_settings().keys() - ALLOWED - REFUSED.keys() == set()
    assert ALLOWED & REFUSED.keys() == set()


def test_settings_that_are_functions_are_refused():
    functions = {name for name, setting in config.make_settings().items() if callable(setting.get())}
    assert functions
    assert functions & ALLOWED == set()


@pytest.mark.parametrize(
    "name, problem",
    [
        ("timeout", ""),
        ("time_out", "is not a setting of gunicorn. Is timeout meant?"),
        ("Timeout", "is not a setting of gunicorn. Is timeout meant?"),
        ("colour", "is not a setting of gunicorn"),
        ("bind", "is set by systemd: use webserver_host and webserver_port"),
        ("post_fork", "is a function, which a variable cannot have"),
        ("certfile", "is not supported, because the role requests the page by HTTP. Use a load balancer for HTTPS"),
    ],
)
def test_problem_of_a_name(name, problem):
    assert option_name(name) == problem
