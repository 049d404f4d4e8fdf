# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CAs for tests, and certificates of them. `certificates.py FOLDER` makes those of the scenario https."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    """A CA. If `issuer` is another CA, it is an intermediate one."""

    def __init__(self, name, issuer=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.issuer = issuer or self
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = _builder(self.subject, self.issuer.subject, self.key, NOW - DAY, NOW + 365 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        # From Python 3.13 on, clients refuse a chain without it.
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuer.key.public_key())
        builder = builder.add_extension(by, critical=False)
        self.certificate = builder.add_extension(usage, critical=True).sign(self.issuer.key, hashes.SHA256())

    def sign(self, *names, begin=NOW - DAY, end=NOW + 90 * DAY, key=None, of_a_public_ca=False):
        """Return the key, and the certificate with those of the intermediate CAs, each as text in PEM format."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = _builder(x509.Name([]), self.subject, key, begin, end).add_extension(alternatives, critical=True)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if of_a_public_ca:
            place = x509.UniformResourceIdentifier("http://ca.test/ca.der")
            access = x509.AccessDescription(x509.AuthorityInformationAccessOID.CA_ISSUERS, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        chain = [builder.sign(self.key, hashes.SHA256())]
        authority = self
        while authority.issuer is not authority:
            chain.append(authority.certificate)
            authority = authority.issuer
        return text_of_key(key), "".join(map(text_of, chain))


def _builder(subject, issuer, key, begin, end):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def text_of(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def text_of_key(key, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    root = Authority("Root of the scenario")
    (folder / "ca.pem").write_text(text_of(root.certificate), encoding="utf-8")
    authority = Authority("Intermediate CA of the scenario", root)
    for site, names in {
        "shop": ["shop.test", "localhost"],
        "shop-2": ["shop.test", "localhost"],
        "blog": ["blog.test"],
    }.items():
        key, chain = authority.sign(*names)
        (folder / f"{site}.key").write_text(key, encoding="utf-8")
        (folder / f"{site}.pem").write_text(chain, encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
