# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import certificate
from ansible_collections.flasklaunch.ec2.tests.certificates import DAY, NOW, Authority, text_of, text_of_key
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ROOT = Authority("Root")
CA = Authority("Intermediate", ROOT)


@pytest.fixture
def errors(tmp_path):
    def errors(key, chain, *names, now=NOW):
        (tmp_path / "site.pem").write_text(chain, encoding="utf-8")
        found = certificate.errors(str(tmp_path / "site.pem"), key, names or ["shop.test"], now)
        assert all(key not in each for each in found if key)
        return [each.replace(str(tmp_path), "FOLDER") for each in found]

    return errors


def test_a_good_certificate_is_accepted(errors):
    assert errors(*CA.sign("shop.test", "www.shop.test"), "shop.test", "www.shop.test") == []
    assert errors(*CA.sign("shop.test", key=rsa.generate_private_key(65537, 2048))) == []
    assert errors(*CA.sign("203.0.113.7"), "203.0.113.7") == []


def test_the_root_may_be_in_the_file_too(errors):
    key, chain = CA.sign("shop.test", of_a_public_ca=True)
    assert errors(key, chain + text_of(ROOT.certificate)) == []


@pytest.mark.parametrize(
    ("has", "wants", "missing"),
    [
        (["*.shop.test"], ["www.shop.test", "WWW.shop.test"], ""),
        (["*.shop.test"], ["shop.test"], "shop.test"),
        (["*.shop.test"], ["a.b.shop.test"], "a.b.shop.test"),
        (["*.0.113.7"], ["203.0.113.7"], "203.0.113.7"),
        (["shop.test"], ["shop.test", "www.shop.test", "blog.test"], "www.shop.test and blog.test"),
    ],
)
def test_the_certificate_is_for_all_names(errors, has, wants, missing):
    found = errors(*CA.sign(*has), *wants)
    words = f"https_names: the certificate in FOLDER/site.pem is not for {missing}. It is for {', '.join(has)}."
    assert found == ([words] if missing else [])


def test_dates_are_checked(errors):
    day = datetime.timedelta(days=1)
    (ended,) = errors(*CA.sign("shop.test", end=NOW - day / 2))
    assert ended.startswith(
        f"https_certificate_src: the certificate in FOLDER/site.pem has expired on {NOW - day / 2:%Y-%m-%d}"
    )
    (early,) = errors(*CA.sign("shop.test", begin=NOW + day))
    assert "is valid only from" in early
    assert errors(*CA.sign("shop.test"), now=NOW + 89 * DAY) == []


def test_the_key_belongs_to_the_first_certificate(errors):
    key, chain = CA.sign("shop.test")
    other, _chain = CA.sign("shop.test")
    (wrong,) = errors(other, chain)
    assert wrong.startswith("https_certificate_key: it is the key of another certificate than the first one")
    assert errors(key, chain) == []


@pytest.mark.parametrize("key", ["", "shop.key", "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n"])
def test_a_path_is_not_a_key(errors, key):
    (wrong,) = errors(key, CA.sign("shop.test")[1])
    assert wrong.startswith("https_certificate_key: it is not a private key in PEM format")


def test_a_key_with_a_password_is_refused(errors):
    key = ec.generate_private_key(ec.SECP256R1())
    (wrong,) = errors(text_of_key(key, b"secret"), CA.sign("shop.test", key=key)[1])
    assert "has a password" in wrong and "secret" not in wrong


def test_a_missing_intermediate_certificate_is_named(errors):
    key, chain = CA.sign("shop.test", of_a_public_ca=True)
    leaf = chain.split("-----END CERTIFICATE-----", maxsplit=1)[0] + "-----END CERTIFICATE-----\n"
    (wrong,) = errors(key, leaf)
    assert wrong.startswith("https_certificate_src: the certificate of CN=Intermediate is missing in FOLDER/site.pem")
    # The CA of a company often has no intermediate certificate, and its certificates have no such address.
    assert errors(*ROOT.sign("shop.test")) == []


def test_the_order_of_the_chain_is_checked(errors):
    key, chain = CA.sign("shop.test")
    leaf = chain.split("-----END CERTIFICATE-----", maxsplit=1)[0] + "-----END CERTIFICATE-----\n"
    (wrong,) = errors(key, leaf + text_of(ROOT.certificate))
    assert "is not signed by the next one, CN=Root" in wrong


def test_a_file_that_is_none_is_named(errors, tmp_path):
    (missing,) = certificate.errors(str(tmp_path / "none.pem"), "", ["shop.test"])
    assert missing == f"https_certificate_src: {tmp_path}/none.pem cannot be read: No such file or directory."
    (empty,) = errors("", "")
    assert empty.startswith("https_certificate_src: FOLDER/site.pem has no certificate in PEM format")


def test_a_certificate_without_names_is_for_none(errors, monkeypatch):
    monkeypatch.setattr(certificate, "names_of", lambda _leaf: [])
    (wrong,) = errors(*CA.sign("shop.test"))
    assert wrong.endswith("It is for no name.")


def test_without_the_library_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(certificate, "HAS_CRYPTOGRAPHY", False)
    (missing,) = certificate.errors("shop.pem", "KEY", ["shop.test"])
    assert missing.endswith("lacks the Python library cryptography. Install it: pip install cryptography.")
    assert "pip install cryptography" in certificate.described("")
