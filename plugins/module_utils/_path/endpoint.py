# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.
"""Opens a URL as a client does, and judges each hop: name, connection, TLS, HTTP, and whether it is the application.

The connection ignores proxies that the environment names, because it is to show whether the path is open.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from typing import Any, Iterator, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import (
    FAMILIES,
    endpoint,
    family_of,
    scope,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import (
    BROKEN,
    OK,
    SKIPPED,
    UNKNOWN,
    Hop,
    published,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable_line
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Tcp

HOPS = ("dns", "tcp", "tls", "http", "application")
PORTS = {"http": 80, "https": 443}
BODY_LIMIT = 1 << 20  # bytes
BODY_SHOWN = 200  # characters
USER_AGENT = "flasklaunch.ec2 endpoint_probe"

READ_LOG = "Read the application's log."
SEE_WHETHER_IT_RUNS = "See whether the application runs."

OUTCOMES = {
    errno.ECONNREFUSED: Tcp.REFUSED,
    errno.ECONNRESET: Tcp.REFUSED,
    errno.EHOSTUNREACH: Tcp.NO_ROUTE,
    errno.ETIMEDOUT: Tcp.TIMED_OUT,
    errno.ENETUNREACH: Tcp.NO_NETWORK,
    errno.EADDRNOTAVAIL: Tcp.NO_NETWORK,
    errno.EACCES: Tcp.FORBIDDEN,
    errno.EPERM: Tcp.FORBIDDEN,
}
MOST_TELLING_FIRST = (Tcp.REFUSED, Tcp.NO_ROUTE, Tcp.TIMED_OUT, Tcp.NO_NETWORK, Tcp.FORBIDDEN)
MEANING = {
    Tcp.REFUSED: "a host with that address answered, and refused the connection",
    Tcp.NO_ROUTE: "a router on the path, or the host, rejected it (no route to host)",
    Tcp.TIMED_OUT: "no answer came: packets are dropped on the path",
    Tcp.NO_NETWORK: "the client itself has no route to that network",
    Tcp.FORBIDDEN: "the client's own firewall forbids it",
}
CODES = {
    Tcp.REFUSED: "x-TCP_REFUSED",
    Tcp.NO_ROUTE: "x-TCP_NO_ROUTE",
    Tcp.TIMED_OUT: "x-TCP_TIMED_OUT",
    Tcp.NO_NETWORK: "x-CLIENT_NETWORK",
    Tcp.FORBIDDEN: "x-CLIENT_NETWORK",
}
# Pages that web servers make themselves. They do not come from an application behind the server.
OWN_PAGE = re.compile(r"<center>(nginx|openresty)|<address>(Apache)|Welcome to (nginx)|(Caddy) works", re.IGNORECASE)
CLOSED_BEFORE_TLS = "The connection was closed before TLS was agreed on."
UNKNOWN_CA = (
    "This client does not know the CA that signed the certificate. Either the server does not send the certificates of"
    " all CAs in its chain, or the CA is a private one."
)
SEND_CHAIN = "Let the server send the full chain. For a private CA, set SSL_CERT_FILE to its certificate on the client."
# Why a certificate is not accepted: the code of OpenSSL (openssl/x509_vfy.h), and ours, the evidence and the fix.
REFUSED_CERTIFICATES = {
    9: (
        "x-CERT_NOT_YET",
        "The certificate is not valid yet. If it is not a new one, the client's clock is wrong.",
        "Set the client's clock.",
    ),
    10: ("x-CERT_EXPIRED", "The certificate has expired.", "Renew the certificate."),
    18: ("x-CERT_UNTRUSTED", "No CA has signed the certificate: it is signed by itself.", "Get one from a CA."),
    19: ("x-CERT_UNTRUSTED", UNKNOWN_CA, SEND_CHAIN),
    20: ("x-CERT_UNTRUSTED", UNKNOWN_CA, SEND_CHAIN),
    21: ("x-CERT_UNTRUSTED", UNKNOWN_CA, SEND_CHAIN),
}
ANOTHER_NAME = (62, 64)  # the codes of OpenSSL for a name and for an address
PLAIN_TO_TLS = re.compile(
    r"plain HTTP request was sent to|speaking plain HTTP to an SSL|HTTP request to an HTTPS server"
)


class Target(NamedTuple):
    """The parts of a URL."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def place(self) -> str:
        """Host and port, as in a URL and in the Host header."""
        bracketed = f"[{self.host}]" if ":" in self.host else self.host
        return bracketed if self.port == PORTS[self.scheme] else endpoint(self.host, self.port)


class Broken(Exception):
    """The path ends at this hop."""

    def __init__(self, name: str, hop: Hop) -> None:
        super().__init__(hop.evidence)
        self.name = name
        self.hop = hop


def target_of(url: str) -> Target:
    """Return the target of a URL. Raises ValueError with a text that begins with the name of the option.

    The user name and the password in a URL are ignored, and no message shows them.
    """
    url = without_userinfo(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"url: {url} is not a URL ({error})") from None
    if parts.scheme not in PORTS:
        raise ValueError(f"url: {url} does not begin with http:// or https://")
    if not parts.hostname or port == 0:
        raise ValueError(f"url: {url} names no host" if not parts.hostname else f"url: {url} has port 0")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Other characters in the request line or the Host header could change the request.
    if not re.match(r"^[!-~]+$", path) or not re.match(r"^[\w.:%-]+$", parts.hostname):
        raise ValueError(f"url: {url} holds characters that a URL may not have; write them as %XX")
    return Target(parts.scheme, parts.hostname, port or PORTS[parts.scheme], path)


def probe(target: Target, expected: str | None = None, timeout: float = 5, family: str | None = None) -> dict[str, Any]:
    """Request the page once, and return the module's result. Never raises.

    `expected` is a text that the page should contain. `timeout` is in seconds, for each step. `family` is ipv4 or ipv6;
    None for the addresses of both.
    """
    saw: dict[str, Any] = dict.fromkeys(
        ("addresses", "address", "source_address", "tcp", "tls", "status", "server", "location", "body_start")
        + ("body_sha256", "seconds")
    )
    saw.update(url=target.url, attempts=[])
    path: dict[str, Hop] = {}
    began = time.monotonic()
    try:
        for name, hop in _way(target, expected, timeout, family, saw):
            path[name] = hop
    except Broken as end:
        # A later step may show that an earlier hop is broken: only the HTTP answer shows that the port speaks TLS.
        path[end.name] = end.hop
    except Exception as error:  # an unexpected error is a result too
        name = next(name for name in HOPS if name not in path or name == HOPS[-1])
        evidence = f"The probe itself failed: {type(error).__name__}: {printable_line(str(error))}."
        path[name] = Hop(UNKNOWN, evidence, "x-PROBE_FAILED")
    saw["source_address"] = _source_address(saw["address"])
    saw["seconds"] = round(time.monotonic() - began, 3)
    last = next((name for name in HOPS if name in path and path[name].verdict not in (OK, SKIPPED)), "")
    not_asked = Hop(SKIPPED, f"Not asked, because the path ends at {last}.")
    return {"hops": published({name: path.get(name, not_asked) for name in HOPS}), "saw": saw}


def _way(
    target: Target, expected: str | None, timeout: float, family: str | None, saw: dict
) -> Iterator[tuple[str, Hop]]:
    saw["addresses"] = addresses = _resolve(target, timeout, family)
    named = "is an address, no name" if addresses == [target.host] else f"is {', '.join(addresses)}"
    yield "dns", Hop(OK, f"{target.host} {named}.", resources=tuple(addresses))
    connection, hop = _connect(target, addresses, timeout, saw)
    with contextlib.closing(connection):
        yield "tcp", hop
        if target.scheme == "https":
            connection, hop = _secure(connection, target, saw)
        else:
            hop = Hop(SKIPPED, "The URL begins with http://.")
        yield "tls", hop
        with contextlib.closing(connection):
            answer = _ask(connection, target, timeout, saw)
    if target.scheme == "http":
        _check_for_tls(answer, target)
    yield "http", _http_hop(answer)
    yield "application", _application_hop(answer, expected)


def _resolve(target: Target, timeout: float, family: str | None) -> list[str]:
    """Return the addresses, in the order to try them. In a thread of its own, because the resolver has no time-out."""
    results: list[Any] = []

    def ask() -> None:
        try:
            kind = FAMILIES[family] if family else socket.AF_UNSPEC
            results.append(socket.getaddrinfo(target.host, target.port, kind, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            results.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    found = results[0] if results else TimeoutError()
    if isinstance(found, Exception):
        raise Broken("dns", _unresolved(target.host, found, timeout))
    return list(dict.fromkeys(each[4][0] for each in found))


def _unresolved(host: str, error: Exception, timeout: float) -> Hop:
    code = error.errno if isinstance(error, socket.gaierror) else None
    if isinstance(error, TimeoutError) or code == socket.EAI_AGAIN:
        evidence = f"No name server answered for {host} within {timeout:g} seconds."
        return Hop(BROKEN, evidence, "x-DNS_NO_ANSWER", "Open the address itself, or see to the client's DNS.")
    fix = f"Give {host} an A record with the public address, or open the address itself."
    return Hop(BROKEN, f"No name server knows an address of {host}.", "x-DNS_UNKNOWN_NAME", fix, (host,))


def _connect(target: Target, addresses: list[str], timeout: float, saw: dict) -> tuple[socket.socket, Hop]:
    for address in addresses:
        try:
            connection = socket.create_connection((address, target.port), timeout)
        except OSError as error:
            saw["attempts"].append({"address": address, "outcome": _outcome(error, address)})
            continue
        saw["attempts"].append({"address": address, "outcome": Tcp.ANSWERED.value})
        saw.update(tcp=Tcp.ANSWERED.value, address=address)
        evidence = f"{endpoint(address, target.port)} answered."
        missed = [f"{each['address']} ({each['outcome']})" for each in saw["attempts"][:-1]]
        if missed:
            evidence += f" Not so {', '.join(missed)}, which clients may try first."
        return connection, Hop(OK, evidence, resources=(address,))
    raise Broken("tcp", _unconnected(target, timeout, saw))


def _source_address(address: str | None) -> str | None:
    """The client's own address on the route to this address; None if there is no route. Sends no packet."""
    if not address:
        return None
    try:
        with socket.socket(FAMILIES[family_of(address)], socket.SOCK_DGRAM) as anybody:
            anybody.connect((address, 9))
            return anybody.getsockname()[0]
    except OSError:
        return None


def _outcome(error: OSError, address: str) -> str:
    """Return how a connection failed: a value of Tcp, or the system's message if Tcp has no value for it."""
    if isinstance(error, socket.timeout):
        return Tcp.TIMED_OUT.value
    if error.errno == errno.EACCES and ":" in address:
        # A firewall on the path, such as firewalld, answered "prohibited": tab_unreach in net/ipv6/icmp.c.
        return Tcp.NO_ROUTE.value
    return str(OUTCOMES.get(error.errno or 0, error))


def _unconnected(target: Target, timeout: float, saw: dict) -> Hop:
    outcomes = {each["outcome"]: each["address"] for each in reversed(saw["attempts"])}
    outcome = next((each for each in MOST_TELLING_FIRST if each in outcomes), next(iter(outcomes)))
    saw.update(tcp=str(outcome), address=outcomes[outcome])
    where = endpoint(outcomes[outcome], target.port)
    meaning = MEANING.get(outcome, f"the connection failed ({outcome})")
    if outcome == Tcp.TIMED_OUT:
        meaning += f" (waited {timeout:g} seconds)"
    return Hop(BROKEN, f"{where}: {meaning}.", CODES.get(outcome, "x-TCP_FAILED"), resources=(outcomes[outcome],))


def _secure(connection: socket.socket, target: Target, saw: dict) -> tuple[socket.socket, Hop]:
    context = ssl.create_default_context()
    try:
        secured = context.wrap_socket(connection, server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        saw["tls"] = "certificate"
        raise Broken("tls", _refused_certificate(error, target, saw["address"], connection.gettimeout())) from None
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
            saw["tls"] = "plain"
            url = Target("http", *target[1:]).url
            evidence = f"Port {target.port} speaks plain HTTP, and the URL begins with https://."
            raise Broken("tls", Hop(BROKEN, evidence, "x-TLS_TO_PLAIN", f"Open {url}")) from None
        saw["tls"] = "failed"
        # Each pair of Python and OpenSSL reports this differently. Python 3.7 with OpenSSL 3 has only the text.
        closed = isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or "unexpected eof" in str(error)
        evidence = CLOSED_BEFORE_TLS if closed else f"TLS fails: {error.reason or error}."
        raise Broken("tls", Hop(BROKEN, evidence, "x-TLS_FAILED")) from None
    except OSError as error:
        saw["tls"] = "failed"
        hung = f"The connection hung before TLS was agreed on ({error or type(error).__name__})."
        evidence = CLOSED_BEFORE_TLS if isinstance(error, ConnectionError) else hung
        raise Broken("tls", Hop(BROKEN, evidence, "x-TLS_FAILED")) from None
    saw["tls"] = "ok"
    evidence = f"{secured.version()}, with a certificate that is good for {target.host}."
    return secured, Hop(OK, evidence)


def _refused_certificate(
    error: ssl.SSLCertVerificationError, target: Target, address: str, timeout: float | None
) -> Hop:
    if error.verify_code in ANOTHER_NAME:
        names = _names_of_certificate(target, address, timeout)
        evidence = f"The certificate is not for {target.host}." + (f" It is for {', '.join(names)}." if names else "")
        fix = f"Get a certificate for {target.host}, or open a name that the certificate has."
        return Hop(BROKEN, evidence, "x-CERT_OTHER_NAME", fix, (target.host, *names))
    code, evidence, fix = REFUSED_CERTIFICATES.get(error.verify_code, ("", "", ""))
    evidence = evidence or f"The certificate is not accepted: {error.verify_message}."
    return Hop(BROKEN, evidence, code or "x-TLS_CERTIFICATE", fix or None, (target.host,))


def _names_of_certificate(target: Target, address: str, timeout: float | None) -> list[str]:
    """Return the names and addresses of the server's certificate; empty if it cannot be read.

    This is a second connection, because Python reads only a certificate that it has accepted.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        connection = socket.create_connection((address, target.port), timeout)
        with connection, context.wrap_socket(connection, server_hostname=target.host) as secured:
            found: Any = secured.getpeercert()  # ssl.SSLSocket.getpeercert() describes it
    except OSError:
        return []
    return [printable_line(name) for _kind, name in found.get("subjectAltName", ())]


class Answer(NamedTuple):
    """The HTTP answer."""

    status: int
    reason: str
    server: str
    location: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def who(self) -> str:
        return f"{self.status} {self.reason}".rstrip() + (f" from {self.server}" if self.server else "")


def _ask(connection: socket.socket, target: Target, timeout: float, saw: dict) -> Answer:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = connection
    try:
        headers = {"Host": target.place, "User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        client.request("GET", target.path, headers=headers)
        response = client.getresponse()
        body = _read(response, time.monotonic() + timeout)
    except socket.timeout:
        evidence = f"Connected, but no answer came within {timeout:g} seconds: the application hangs or is busy."
        raise Broken("http", Hop(BROKEN, evidence, "x-HTTP_NO_ANSWER", READ_LOG)) from None
    except http.client.BadStatusLine as error:
        raise _no_http(error, target) from None
    except (OSError, http.client.HTTPException) as error:
        evidence = f"Connected, but the connection broke before an answer came ({type(error).__name__})."
        raise Broken("http", Hop(BROKEN, evidence, "x-HTTP_CLOSED")) from None
    answer = Answer(
        response.status,
        printable_line(response.reason),
        printable_line(response.getheader("Server") or ""),
        printable_line(response.getheader("Location") or ""),
        body,
    )
    saw.update(
        status=answer.status,
        server=answer.server or None,
        location=answer.location or None,
        body_start=printable_line(answer.text[:BODY_SHOWN]),
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
    return answer


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """Return the body, or what has arrived of it if it is endless, cut off, or not complete at the deadline."""
    body = b""
    with contextlib.suppress(OSError, http.client.HTTPException):
        while len(body) < BODY_LIMIT and time.monotonic() < deadline:
            part = response.read1(1 << 16)
            if not part:
                break
            body += part
    return body[:BODY_LIMIT]


def _no_http(error: http.client.BadStatusLine, target: Target) -> Broken:
    line = str(error).strip("'\"")  # the text of the error is the line
    if isinstance(error, http.client.RemoteDisconnected):
        evidence = "Connected, but the connection was closed without an answer."
        return Broken("http", Hop(BROKEN, evidence, "x-HTTP_CLOSED"))
    if line.startswith(("\x15\x03", "\\x15\\x03")):
        return _plain_to_tls(target)
    evidence = f"The server does not speak HTTP: {printable_line(line[:80])}"
    return Broken("http", Hop(BROKEN, evidence, "x-NOT_HTTP"))


def _check_for_tls(answer: Answer, target: Target) -> None:
    if answer.status == 400 and PLAIN_TO_TLS.search(answer.text):
        raise _plain_to_tls(target)


def _plain_to_tls(target: Target) -> Broken:
    evidence = f"Port {target.port} speaks TLS, and the URL begins with http://."
    return Broken("tls", Hop(BROKEN, evidence, "x-PLAIN_TO_TLS", f"Open {Target('https', *target[1:]).url}"))


def _http_hop(answer: Answer) -> Hop:
    own = OWN_PAGE.search(answer.text)
    server = next(filter(None, own.groups())) if own else ""
    if answer.status in (502, 504):
        evidence = (
            f"GET answers {answer.who}: a proxy or load balancer is there, and what is behind it does not answer."
        )
        return Hop(BROKEN, evidence, "x-BAD_GATEWAY", SEE_WHETHER_IT_RUNS)
    if answer.status == 503:
        evidence = f"GET answers {answer.who}: nothing behind it is ready to serve."
        return Hop(BROKEN, evidence, "x-UNAVAILABLE", SEE_WHETHER_IT_RUNS)
    if own and answer.status < 500:
        evidence = f"GET answers {answer.who} with a page of {server}'s own: no site of yours is set up there."
        return Hop(BROKEN, evidence, "x-PROXY_OWN_PAGE", f"Take {server}'s default site away, or open another port.")
    return Hop(OK, f"GET answers {answer.who}.")


def _application_hop(answer: Answer, expected: str | None) -> Hop:
    if answer.status in (502, 504):
        return Hop(UNKNOWN, f"GET answers {answer.who}: this answer is not from the application.")
    if answer.status >= 500:
        evidence = f"GET answers {answer.who}: the application is reached, and fails."
        return Hop(BROKEN, evidence, "x-APPLICATION_ERROR", READ_LOG)
    if answer.status in (401, 403):
        return Hop(OK, f"GET answers {answer.who}: the application is reached, and asks who you are.")
    if answer.status >= 400:
        evidence = f"GET answers {answer.who}: there is no such page."
        return Hop(BROKEN, evidence, "x-NO_SUCH_PAGE", "Open a path that the application has.")
    if 300 <= answer.status < 400:
        return Hop(UNKNOWN, f"GET answers {answer.who} and redirects to {answer.location or 'nowhere'}.")
    start = printable_line(answer.text[:60]) or "nothing"
    if not expected:
        return Hop(UNKNOWN, f"The answer begins with: {start}", "x-NOTHING_EXPECTED")
    if expected in answer.text:
        return Hop(OK, f"The answer contains what was expected: {printable_line(expected)[:60]}")
    evidence = f"The answer is not the expected one. It begins with: {start}"
    return Hop(BROKEN, evidence, "x-OTHER_APPLICATION", "See what else serves that address and port.")


def is_private(address: str) -> bool:
    """Return whether no host on the Internet can have the address, because it is private, for example."""
    return is_address(address) and scope(address) != "public"


def is_loopback(address: str) -> bool:
    """Return whether the address is the client itself, which may forward a port of its own to the machine."""
    return is_address(address) and scope(address) == "loopback"


def is_address(text: str) -> bool:
    """Return whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
