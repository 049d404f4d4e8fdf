"""The URL of the control node's health check."""

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.health_url import health_url

URLS = [
    ("http://203.0.113.10:5000/", "/healthz", "http://203.0.113.10:5000/healthz"),
    ("http://203.0.113.10:5000", "/healthz", "http://203.0.113.10:5000/healthz"),
    ("https://shop.example/", "/a/b?c=d&e", "https://shop.example/a/b?c=d&e"),
    ("http://[2001:db8::1]:5000/", "/", "http://[2001:db8::1]:5000/"),
    ("http://me:word@shop.example/", "/healthz", "http://me:word@shop.example/healthz"),
    ("https://shop.example/page", "/healthz", "https://shop.example/page"),
    ("https://shop.example/?page=1", "/healthz", "https://shop.example/?page=1"),
]


@pytest.mark.parametrize("url, path, asked", URLS)
def test_health_path_is_asked_unless_the_url_has_its_own(url, path, asked):
    assert health_url(url, path) == asked
