# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that two sites of a machine cannot share, and messages about several sites."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import sites


def site(name, port=5000, host="0.0.0.0", folder=None, user=None):
    return dict(
        webserver_name=name,
        webserver_port=port,
        webserver_host=host,
        webserver_dir=folder or f"/opt/{name}",
        webserver_user=user or name,
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (site("shop"), site("blog", 5001), []),
        (site("shop"), site("shop", 5001, folder="/opt/a", user="a"), ["webserver_name: shop"]),
        (site("shop"), site("blog", "5000"), ["webserver_port: 5000"]),
        (site("shop", host="127.0.0.1"), site("blog"), ["webserver_port: 5000"]),
        (site("shop", host="127.0.0.1"), site("blog", host="::"), ["webserver_port: 5000"]),
        (site("shop", host="127.0.0.1"), site("blog", host="172.31.5.7"), []),
        (site("shop", folder="/srv"), site("blog", 5001, folder="/srv"), ["webserver_dir: /srv"]),
        (site("shop", user="www"), site("blog", 5001, user="www"), ["webserver_user: www"]),
    ],
)
def test_values_that_two_sites_cannot_share_are_named(one, other, same):
    names = f"{one['webserver_name']} and {other['webserver_name']}"
    assert sites.shared([one, other]) == [
        f"webserver_sites: the sites {names} have the same {each}. Each site needs its own." for each in same
    ]


def test_each_pair_of_sites_is_compared():
    assert len(sites.shared([site("a"), site("b"), site("c")])) == 3


def test_processes_of_two_sites_have_units_of_their_own():
    one, other = (
        {**site(name, 5000 + len(name)), "webserver_processes": {process: "x"}}
        for name, process in (("shop", "a-b"), ("shop-a", "b"))
    )
    (refused,) = sites.shared([one, other])
    assert "shop-a-b@1.service. Give a process another name." in refused
    assert sites.shared([one, {**other, "webserver_processes": {"c": "x"}}]) == []


def test_an_error_of_all_sites_is_reported_once():
    assert sites.joined([("shop", ["a", "b"]), ("blog", ["b", "c"])]) == ["b", "Site shop: a", "Site blog: c"]


def test_only_an_existing_site_can_be_chosen():
    assert sites.chosen(["shop", "blog"], None) == sites.chosen(["shop", "blog"], "blog") == ""
    assert sites.chosen(["shop", "blog"], "x") == (
        "webserver_name: webserver_sites has no site x. Its sites are shop, blog."
    )
