# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import sites


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop.example", ""),
        ("localhost", ""),
        ("203.0.113.7", ""),
        ("2001:db8::7", ""),
        ("xn--gre-6ka8i.example", ""),
        ("https://shop.example/", "is a URL or has a path"),
        ("shop.example/a", "is a URL or has a path"),
        ("shop.example:443", "has a port"),
        ("*.shop.example", "has a *"),
        ("my_shop.example", "has a _"),
        ("bücher.example", "Write xn--bcher-kva.example"),
        ("größe.example", "Write the name as your registrar shows it with xn--"),
        ("ö" * 70 + ".example", "Write the name as your registrar shows it with xn--"),
        ("a b", "is not a host name"),
        ("-a.example", "is not a host name"),
        ("a..b", "is not a host name"),
        ("", "is not a host name"),
        (("a" * 60 + ".") * 5 + "example", "is not a host name"),
    ],
)
def test_t39_a_name_that_no_browser_can_send_is_refused(name, words):
    found = sites.name_problem(name)
    assert words in found
    assert bool(found) == bool(words)


def site(name, names, port=5000, **more):
    return {
        "webserver_name": name,
        "webserver_host": "127.0.0.1",
        "webserver_port": port,
        "webserver_proxy_hops": "0",
        "webserver_graceful_timeout": "30",
        "https_names": names,
        "https_certificate_src": "",
        "https_certificate_key": "KEY\n\n",
        **more,
    }


@pytest.fixture
def chain(tmp_path):
    (tmp_path / "chain.pem").write_text("CHAIN\n", encoding="utf-8")
    return str(tmp_path / "chain.pem")


def test_a_name_belongs_to_one_site():
    assert sites.shared([site("shop", ["a.test"]), site("blog", "b.test,c.test")]) == []
    (found,) = sites.shared([site("shop", ["a.test", "B.test"]), site("blog", "b.test,c.test")])
    assert found == "https_names: the sites shop and blog both have b.test. Only one site can answer at a name."


def test_a_name_is_written_once():
    assert sites.twice(["a", "b", "a", "a"]) == ["a"]


def test_nginx_gets_the_names_and_the_place_of_a_site(chain):
    (found,) = sites.served(
        [site("shop", "Shop.test,2001:db8::7", webserver_host="::1", https_certificate_src=chain)], "/pki"
    )
    pem = found.pop("pem")
    assert found == {
        "name": "shop",
        "names": ["shop.test", "[2001:db8::7]"],
        "server": "[::1]:5000",
        "hops": 0,
        "graceful_timeout": 30,
    }
    assert pem.startswith("/pki/shop-") and pem.endswith(".pem")


def test_another_certificate_is_another_file(chain, tmp_path):
    (before,) = sites.served([site("shop", "a.test", https_certificate_src=chain)], "/pki")
    (tmp_path / "chain.pem").write_text("ANOTHER\n", encoding="utf-8")
    (after,) = sites.served([site("shop", "a.test", https_certificate_src=chain)], "/pki")
    assert before["pem"] != after["pem"]
    assert sites.former_pems([before["pem"], after["pem"]], [after]) == [{"path": before["pem"]}]


def test_the_file_of_a_certificate_has_key_and_chain_and_is_read_by_nginx_alone(chain):
    ours = site("shop", "a.test", https_certificate_src=chain)
    (file,) = sites.pems([ours], "/pki", "https")
    assert file["content"] == "KEY\nCHAIN\n"
    assert file["path"] == sites.served([ours], "/pki")[0]["pem"]
    assert (file["mode"], file["owner"]) == ("0600", "https")


@pytest.mark.parametrize(
    ("names", "port", "url"),
    [
        (["Shop.test", "b.test"], 443, "https://shop.test/"),
        ("shop.test", "8443", "https://shop.test:8443/"),
        ([], 443, "https://203.0.113.7/"),
        (["2001:db8::7"], 443, "https://[2001:db8::7]/"),
        (["2001:db8::7"], 8443, "https://[2001:db8::7]:8443/"),
    ],
)
def test_the_url_has_the_first_name(names, port, url):
    assert sites.url(names, port, "203.0.113.7") == url
