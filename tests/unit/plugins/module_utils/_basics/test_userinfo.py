from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:s3cr3t@index.example/simple", "https://index.example/simple"),
        ("https://s3cr3t@github.com/shop/web.git", "https://github.com/shop/web.git"),
        ("https://:s3cr3t@host", "https://host"),
        ("https://user:s3@cr3t@host/simple", "https://host/simple"),
        ("https://user:s3/cr3t@host/simple", "https://host/simple"),
        ("https://user:s3?cr#3t@host/simple", "https://host/simple"),
        ("https://user:5000s3/cr3t@host/simple", "https://host/simple"),
        ("https://user:s%40cr3t@[2001:db8::1]:8080/", "https://[2001:db8::1]:8080/"),
        ("git+ssh://git:s3cr3t@host/web.git@v1", "git+ssh://host/web.git@v1"),
        ("git+https://github.com/shop/web@v1", "git+https://github.com/shop/web@v1"),
        ("http://host:5000/@me", "http://host:5000/@me"),
        ("http://[::1]:5000/@me", "http://[::1]:5000/@me"),
        ("http://host:5000\nmail@host", "http://host:5000\nmail@host"),
        ("-i https://a:s3cr3t@b/ -f https://c:s3cr3t@d/\nflask", "-i https://b/ -f https://d/\nflask"),
        ("'https://a:s3cr3t@b/', (https://c:s3cr3t@d/)", "'https://b/', (https://d/)"),
        ("git@github.com:shop/web.git", "git@github.com:shop/web.git"),
        ("", ""),
    ],
)
def test_user_names_and_passwords_of_urls_are_hidden_and_nothing_else(text, shown):
    assert without_userinfo(text) == shown
