"""Where pip goes first, as far as the user said it; and that no password comes along."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.filter.package_index import first_stop


@pytest.mark.parametrize(
    "index_url, proxy, variable, host, port",
    [
        ("https://index.example/simple", "", "flask_pip_index_url", "index.example", 443),
        ("http://index.example:8080/simple", "", "flask_pip_index_url", "index.example", 8080),
        ("https://user:pass%40word@index.example/", "", "flask_pip_index_url", "index.example", 443),
        ("https://index.example/simple", "http://proxy.example:3128", "flask_pip_proxy", "proxy.example", 3128),
        ("", "user:secret@proxy.example:3128", "flask_pip_proxy", "proxy.example", 3128),
        ("", "proxy.example", "flask_pip_proxy", "proxy.example", 80),
        ("", "socks5h://proxy.example", "flask_pip_proxy", "proxy.example", 1080),
        ("http://[2001:db8::1]:8080/simple", "", "flask_pip_index_url", "2001:db8::1", 8080),
    ],
)
def test_first_stop(index_url, proxy, variable, host, port):
    assert first_stop(index_url, proxy) == {"variable": variable, "host": host, "port": port, "error": ""}


@pytest.mark.parametrize("index_url, proxy", [("", ""), ("file:///srv/simple", ""), ("file:///srv", "proxy.example:1")])
def test_nothing_named_nothing_to_reach(index_url, proxy):
    assert first_stop(index_url, proxy) == {}


@pytest.mark.parametrize(
    "index_url, proxy, error",
    [
        (
            "index.example/simple",
            "",
            "flask_pip_index_url is no URL that pip could use. Write it like https://pypi.example/simple.",
        ),
        ("", "http://", "flask_pip_proxy is no URL that pip could use. Write it like http://proxy.example:3128."),
        # A password with a slash in it ends the address: what follows the colon is no port, and must not be shown.
        (
            "http://user:se/cret@index.example/simple",
            "",
            "flask_pip_index_url is no URL that pip could use. Write it like https://pypi.example/simple.",
        ),
    ],
)
def test_unreadable_url_is_said_without_showing_it(index_url, proxy, error):
    stop = first_stop(index_url, proxy)
    assert stop["error"] == error
    assert "se" not in (stop["host"], stop["port"])
