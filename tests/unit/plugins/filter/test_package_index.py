"""The host to which pip connects first, if a variable names it, without passwords."""

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
    assert first_stop(index_url, proxy) == {"variable": variable, "host": host, "port": port}


@pytest.mark.parametrize("index_url, proxy", [("", ""), ("file:///srv/simple", ""), ("file:///srv", "proxy.example:1")])
def test_without_urls_nothing_is_reached_first(index_url, proxy):
    assert first_stop(index_url, proxy) == {}
