# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Checks a user's own certificate before it is brought to a machine. Runs on the control node.

Uses the library cryptography, which ansible-core requires.
"""

from __future__ import annotations

import base64
import datetime
import pathlib
from typing import Iterable

from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.endpoint import is_address

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

MISSING = "the control node lacks the Python library cryptography. Install it: pip install cryptography"


def errors(src: str, key: str, names: Iterable[str], now: datetime.datetime | None = None) -> list[str]:
    """Return a sentence for each reason why a server cannot use the certificate for all the names.

    `src` is the path of a file in PEM format with the certificate and its chain, and `key` the private key in PEM
    format. The sentences do not contain the key.
    """
    if not HAS_CRYPTOGRAPHY:
        return [f"https_certificate_src: {MISSING}."]
    try:
        chain = x509.load_pem_x509_certificates(pathlib.Path(src).expanduser().read_bytes())
    except OSError as error:
        return [f"https_certificate_src: {src} cannot be read: {error.strerror}."]
    except ValueError:
        return [
            f"https_certificate_src: {src} has no certificate in PEM format, which begins with"
            " -----BEGIN CERTIFICATE-----."
        ]
    return [
        *_errors_of_key(src, key, chain[0]),
        *_errors_of_dates(src, chain[0], now or datetime.datetime.now(datetime.timezone.utc)),
        *_errors_of_names(src, chain[0], names),
        *_errors_of_chain(src, chain),
    ]


def _errors_of_key(src: str, key: str, leaf: x509.Certificate) -> list[str]:
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
    except TypeError:
        return [
            "https_certificate_key: the key has a password. Remove the password, and encrypt the key with"
            " ansible-vault."
        ]
    except (ValueError, UnsupportedAlgorithm):
        return [
            "https_certificate_key: it is not a private key in PEM format, which begins with"
            " -----BEGIN PRIVATE KEY-----. It is the key itself, not the path of its file:"
            " {{ lookup('ansible.builtin.file', 'FILE') }} reads a file."
        ]
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) == leaf.public_key().public_bytes(*form):
        return []
    return [
        f"https_certificate_key: it is the key of another certificate than the first one in {src}. The first"
        " certificate in the file must be the one of the site."
    ]


def _errors_of_dates(src: str, leaf: x509.Certificate, now: datetime.datetime) -> list[str]:
    begin, end = _begin(leaf), _end(leaf)
    if now >= end:
        return [f"https_certificate_src: the certificate in {src} has expired on {end:%Y-%m-%d}. Renew it."]
    if now < begin:
        return [f"https_certificate_src: the certificate in {src} is valid only from {begin:%Y-%m-%d %H:%M} UTC on."]
    return []


def _errors_of_names(src: str, leaf: x509.Certificate, names: Iterable[str]) -> list[str]:
    has = names_of(leaf)
    missing = [name for name in names if not any(_is_for(pattern, name) for pattern in has)]
    if not missing:
        return []
    return [
        f"https_names: the certificate in {src} is not for {' and '.join(missing)}. It is for"
        f" {', '.join(has) or 'no name'}."
    ]


def names_of(leaf: x509.Certificate) -> list[str]:
    """Return the names and addresses of a certificate. Browsers read only these, and not the common name."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def described(encoded: str, now: datetime.datetime | None = None) -> str:
    """Return the names of a certificate, who signed it, and when it ends. `encoded` is its DER form in base64."""
    if not HAS_CRYPTOGRAPHY:
        return MISSING
    try:
        leaf = x509.load_der_x509_certificate(base64.b64decode(encoded))
    except ValueError:
        return "not on the machine"
    end = _end(leaf)
    days = (end - (now or datetime.datetime.now(datetime.timezone.utc))).days
    when = f"ends in {days} days" if days >= 0 else "has expired"
    return f"{', '.join(names_of(leaf))}, signed by {_shown(leaf.issuer)}, {when} ({end:%Y-%m-%d})"


def _is_for(pattern: str, name: str) -> bool:
    """Return whether a name of a certificate stands for a site's name. `*` stands for one label (RFC 6125, 6.4.3)."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*.") and not is_address(name):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _errors_of_chain(src: str, chain: list[x509.Certificate]) -> list[str]:
    """Return an error if a browser cannot get from the first certificate to one that it knows."""
    for one, other in zip(chain, chain[1:]):
        try:
            one.verify_directly_issued_by(other)
        except (ValueError, TypeError, InvalidSignature):
            return [
                f"https_certificate_src: in {src}, the certificate of {_shown(one.subject)} is not signed by the next"
                f" one, {_shown(other.subject)}. After the site's own certificate, each one must be that of the CA that"
                " signed the one before."
            ]
    last = chain[-1]
    if last.issuer == last.subject or not _names_its_issuer(last):
        return []
    return [
        f"https_certificate_src: the certificate of {_shown(last.issuer)} is missing in {src}, so some browsers cannot"
        " check the site's. Use the file that your CA calls full chain, or append that certificate."
    ]


def _names_its_issuer(certificate: x509.Certificate) -> bool:
    """Return whether it has the address of its issuer's certificate. Those that public CAs sign for users have it."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(each.access_method == x509.AuthorityInformationAccessOID.CA_ISSUERS for each in access)


def _shown(name: x509.Name) -> str:
    return name.rfc4514_string() or "a CA without a name"


def _begin(certificate: x509.Certificate) -> datetime.datetime:
    return _in_utc(certificate, "not_valid_before")


def _end(certificate: x509.Certificate) -> datetime.datetime:
    return _in_utc(certificate, "not_valid_after")


def _in_utc(certificate: x509.Certificate, moment: str) -> datetime.datetime:
    """Return a date with its time zone. Before cryptography 42, the attribute has none."""
    if hasattr(certificate, f"{moment}_utc"):
        return getattr(certificate, f"{moment}_utc")
    return getattr(certificate, moment).replace(tzinfo=datetime.timezone.utc)
