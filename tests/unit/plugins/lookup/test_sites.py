# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup that lists the sites of a machine, and the check of their variables."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flasklaunch.ec2.plugins.lookup import sites
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _variable_errors

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19, every text is trusted

    def trust_as_template(text):
        return text


DEFAULTS = pathlib.Path(__file__).parents[4] / "roles" / "webserver" / "defaults" / "main.yml"


def trusted(value):
    if isinstance(value, dict):
        return {name: trusted(each) for name, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


@pytest.fixture
def of(monkeypatch):
    """Calls a lookup with the role's defaults. `extra` are the variables of -e."""

    def call(lookup, terms, extra=None, options=None, **variables):
        extra = trusted(extra or {})
        monkeypatch.setattr(lookup, "load_extra_vars", lambda loader: extra)
        defaults = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
        given = {**trusted({**defaults, "__webserver_address": "192.0.2.7", **variables}), **extra}
        loader = DataLoader()
        templar = Templar(loader=loader, variables=given)
        if lookup is _variable_errors:
            return lookup.VariableErrors(loader, templar).of("webserver", given)
        return lookup.LookupModule(loader=loader, templar=templar).run(terms, given, **(options or {}))

    return call


@pytest.fixture
def listed(of):
    return lambda *names, **variables: of(sites, names, **variables)


@pytest.fixture
def errors(of):
    return lambda **variables: of(_variable_errors, [], **variables)


TWO = [
    {"webserver_name": "shop", "webserver_port": 5001},
    {"webserver_name": "blog", "webserver_message": "{{ webserver_name }} of {{ owner }}"},
]


def test_without_a_list_the_plain_variables_are_one_site(listed):
    (only,) = listed(webserver_port=8080)
    assert only["webserver_name"] == "webserver"
    assert only["webserver_dir"] == "/opt/webserver"
    assert only["webserver_url"] == "http://192.0.2.7:8080/"
    assert only.keys() == yaml.safe_load(DEFAULTS.read_text(encoding="utf-8")).keys() - {"webserver_sites"}


def test_an_entry_replaces_plain_variables_of_one_site(listed):
    shop, blog = listed(webserver_sites=TWO, webserver_port=8080, owner="ann")
    assert (shop["webserver_port"], blog["webserver_port"]) == (5001, 8080)
    assert (shop["webserver_message"], blog["webserver_message"]) == ("Hello World", "blog of ann")


def test_a_default_follows_the_values_of_its_site(listed):
    shop, blog = listed(webserver_sites=TWO, owner="ann")
    assert (shop["webserver_dir"], blog["webserver_dir"]) == ("/opt/shop", "/opt/blog")
    assert (shop["webserver_user"], blog["webserver_user"]) == ("shop", "blog")
    assert shop["webserver_url"] == "http://192.0.2.7:5001/"


def test_the_list_may_itself_be_a_template(listed):
    assert [each["webserver_name"] for each in listed(webserver_sites="{{ mine }}", mine=TWO, owner="ann")] == [
        "shop",
        "blog",
    ]


def test_a_name_on_the_command_line_chooses_one_site(listed):
    (only,) = listed(webserver_sites=TWO, owner="ann", extra={"webserver_name": "blog"})
    assert (only["webserver_name"], only["webserver_dir"]) == ("blog", "/opt/blog")


def test_a_site_that_is_not_chosen_is_listed_too_if_all_are_wanted(listed):
    both = listed(webserver_sites=TWO, owner="ann", extra={"webserver_name": "blog"}, options={"all": True})
    assert [each["webserver_name"] for each in both] == ["shop", "blog"]


def test_the_command_line_replaces_the_values_of_entries(listed):
    assert [each["webserver_port"] for each in listed(webserver_sites=TWO, owner="", extra={"webserver_port": 99})] == [
        99,
        99,
    ]


def test_variables_that_are_not_defined_are_left_out(listed):
    """A role that does not run has no defaults."""
    assert listed("webserver_port", "webserver_x", webserver_sites=TWO, owner="ann") == [
        {"webserver_name": "shop", "webserver_port": 5001},
        {"webserver_name": "blog", "webserver_port": 5000},
    ]


def test_right_sites_are_accepted(errors):
    assert errors(webserver_sites=TWO, owner="ann") == []


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("shop", "a text does not fit. It must be a list of dictionaries."),
        ({"webserver_name": "shop"}, "a dictionary does not fit. It must be a list of dictionaries."),
        (["shop"], "entry 1 is a text. It must be a dictionary."),
        ([{"webserver_port": 5001}], "entry 1 has no webserver_name. Each site needs a name of its own."),
        (
            [{"webserver_name": "shop", "webserver_prot": 5001}],
            "entry 1 has webserver_prot, which is not a variable of a site.",
        ),
        (
            [{"webserver_name": "shop", "webserver_sites": []}],
            "entry 1 has webserver_sites, which is not a variable of a site.",
        ),
    ],
)
def test_invalid_entries_are_refused(errors, entries, said):
    (refused,) = errors(webserver_sites=entries)
    assert refused.startswith(f"webserver_sites: {said} Example: ")


def test_a_wrong_value_is_reported_with_its_site(errors):
    (refused,) = errors(webserver_sites=[{"webserver_name": "shop", "webserver_port": 0}, TWO[1]], owner="ann")
    assert refused.startswith("Site shop: webserver_port: 0 is not a TCP port")


def test_a_wrong_plain_value_is_reported_once(errors):
    (refused,) = errors(webserver_sites=TWO, owner="ann", webserver_threads=0)
    assert refused.startswith("webserver_threads: 0 is not")


def test_values_that_sites_cannot_share_are_refused_also_for_one_site(errors):
    both = [{"webserver_name": "shop"}, {"webserver_name": "blog"}]
    (refused,) = errors(webserver_sites=both, extra={"webserver_name": "blog"})
    assert refused == (
        "webserver_sites: the sites shop and blog have the same webserver_port: 5000. Each site needs its own."
    )


def test_an_unknown_site_is_refused(errors):
    assert errors(webserver_sites=TWO, owner="ann", extra={"webserver_name": "x"}) == [
        "webserver_name: webserver_sites has no site x. Its sites are shop, blog."
    ]


def test_the_role_s_defaults_are_read_if_it_is_not_in_the_play():
    url = trusted("http://shop.example:{{ webserver_port }}/")
    loader = DataLoader()
    plugin = sites.LookupModule(loader=loader, templar=Templar(loader=loader, variables={"webserver_url": url}))
    assert plugin.run(["webserver_port", "webserver_url", "webserver_dir"], {"webserver_url": url}) == [
        {"webserver_name": "webserver", "webserver_port": 5000, "webserver_url": "http://shop.example:5000/"}
    ]


def test_the_sites_that_the_command_line_leaves_out(listed):
    both = [{"webserver_name": "shop"}, {"webserver_name": "blog"}]

    def left_out(**options):
        found = listed("webserver_name", options={"left_out": True}, webserver_sites=both, **options)
        return [site["webserver_name"] for site in found]

    assert left_out() == []
    assert left_out(extra={"webserver_name": "shop"}) == ["blog"]
