# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import pathlib
import socket
import ssl
import threading

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import endpoint
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.endpoint import Target, probe, target_of
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain

# Made with tests/certificates.py: a CA that ends in 2100, and certificates of it with their keys.
TLS = pathlib.Path(__file__).parents[3] / "captured" / "tls"
OK = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Length: 12\r\n\r\nHello World\n"


@pytest.fixture
def serve():
    """Starts a server on loopback that reads something from each client and sends these bytes. Returns its port."""
    listeners = []

    def serve(answer=OK, address="127.0.0.1", close=True):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 0))
        listener.listen(8)
        listeners.append(listener)

        def run():
            kept = []
            while True:
                try:
                    connection, _client = listener.accept()
                except OSError:
                    return
                connection.settimeout(5)
                try:
                    connection.recv(4096)
                    if answer:
                        connection.sendall(answer)
                except OSError:
                    pass
                if close:
                    connection.close()
                kept.append(connection)

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1]

    yield serve
    for each in listeners:
        each.close()


def seen(port, scheme="http", host="127.0.0.1", expected="Hello World", timeout=2):
    return plain(probe(Target(scheme, host, port, "/"), expected, timeout))


def verdicts(result):
    return {each["hop"]: each["verdict"] for each in result["hops"]}


def last(result):
    """Return the hop at which the path ended."""
    return next(each for each in result["hops"] if each["verdict"] not in ("ok", "skipped"))


def test_D24_a_page_that_is_served(serve):
    port = serve()
    result = seen(port)
    assert verdicts(result) == {"dns": "ok", "tcp": "ok", "tls": "skipped", "http": "ok", "application": "ok"}
    saw = result["saw"]
    assert (saw["tcp"], saw["status"], saw["server"], saw["body_start"]) == ("answered", 200, "gunicorn", "Hello World")
    assert saw["attempts"] == [{"address": "127.0.0.1", "outcome": "answered"}]
    assert saw["source_address"] == "127.0.0.1"
    assert saw["body_sha256"] == "d2a84f4b8b650937ec8f73cd8be2c74add5a911ba64df27458ed8229da804a26"


def test_D17_refused(bind):
    closed = bind()
    port = closed.getsockname()[1]
    closed.close()
    result = seen(port)
    assert (last(result)["hop"], last(result)["code"], result["saw"]["tcp"]) == ("tcp", "x-TCP_REFUSED", "refused")
    assert verdicts(result)["http"] == "skipped"


def test_D17_timed_out(network, bind):
    """As with a full accept queue."""
    listener = bind("127.0.0.1", 5000, backlog=0)
    with socket.create_connection(listener.getsockname()):
        result = seen(5000, timeout=1)
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-TCP_TIMED_OUT", "timed_out")
    assert result["saw"]["source_address"] == "127.0.0.1"
    assert "waited 1 seconds" in last(result)["evidence"]


def test_D17_no_network(network):
    result = seen(80, host="192.0.2.1")
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-CLIENT_NETWORK", "no_network")
    assert result["saw"]["source_address"] is None


def test_D17_no_route_to_host(network, nft):
    chain = "add table ip t; add chain ip t c { type filter hook input priority 0; }"
    nft(f"{chain}; add rule ip t c tcp dport 5000 reject with icmp type host-prohibited")
    result = seen(5000)
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-TCP_NO_ROUTE", "no_route")


def test_D17_prohibited_over_ipv6(network, nft):
    """As firewalld does. The client's kernel reports it with the error that IPv4 has for the client's own firewall."""
    chain = "add table ip6 t; add chain ip6 t c { type filter hook input priority 0; }"
    nft(f"{chain}; add rule ip6 t c tcp dport 5000 reject with icmpv6 type admin-prohibited")
    result = seen(5000, host="::1")
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-TCP_NO_ROUTE", "no_route")


def test_D15_an_unknown_name():
    result = seen(80, host="no-such-host.invalid")
    assert last(result)["hop"] == "dns"
    assert last(result)["code"] in ("x-DNS_UNKNOWN_NAME", "x-DNS_NO_ANSWER")
    assert result["saw"]["tcp"] is None


def test_D15_a_resolver_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments: threading.Event().wait(3))
    result = seen(80, host="slow.example", timeout=0.2)
    assert last(result)["code"] == "x-DNS_NO_ANSWER"


def test_each_address_is_tried(monkeypatch, serve):
    port = serve()
    addresses = [(None, None, None, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]
    ask = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest: addresses if host == "both.example" else ask(host, *rest)
    )
    result = seen(port, host="both.example")
    assert verdicts(result)["tcp"] == "ok"
    assert result["saw"]["attempts"][0] == {"address": "127.0.0.9", "outcome": "refused"}
    assert "127.0.0.9 (refused)" in result["hops"][1]["evidence"]


@pytest.mark.parametrize(
    ("answer", "hop", "code"),
    [
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\nTraceback", "application", "x-APPLICATION_ERROR"),
        (b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n\r\n<center>nginx</center>", "http", "x-BAD_GATEWAY"),
        (b"HTTP/1.1 504 Gateway Time-out\r\nServer: awselb/2.0\r\n\r\n", "http", "x-BAD_GATEWAY"),
        (b"HTTP/1.1 503 Service Unavailable\r\nServer: awselb/2.0\r\n\r\n", "http", "x-UNAVAILABLE"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n<hr><center>nginx/1.24.0</center>", "http", "x-PROXY_OWN_PAGE"),
        (b"HTTP/1.1 200 OK\r\n\r\n<h1>Welcome to nginx!</h1>", "http", "x-PROXY_OWN_PAGE"),
        (b"HTTP/1.1 404 NOT FOUND\r\nServer: gunicorn\r\n\r\nNot Found", "application", "x-NO_SUCH_PAGE"),
        (b"HTTP/1.1 200 OK\r\n\r\nSomebody else", "application", "x-OTHER_APPLICATION"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "application", None),
        (b"", "http", "x-HTTP_CLOSED"),
        (b"SSH-2.0-OpenSSH_8.7\r\n", "http", "x-NOT_HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "tls", "x-PLAIN_TO_TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", "tls", "x-PLAIN_TO_TLS"),
    ],
)
def test_D17_kinds_of_answers(serve, answer, hop, code):
    result = seen(serve(answer))
    assert (last(result)["hop"], last(result)["code"]) == (hop, code)
    assert verdicts(result)["tcp"] == "ok"


def test_D17_connected_but_no_answer(serve):
    result = seen(serve(b"", close=False), timeout=1)
    assert (last(result)["hop"], last(result)["code"]) == ("http", "x-HTTP_NO_ANSWER")


def test_an_application_that_asks_for_a_login_is_reached(serve):
    result = seen(serve(b"HTTP/1.1 401 UNAUTHORIZED\r\n\r\n"))
    assert verdicts(result)["application"] == "ok"


def test_D17_https_to_a_plain_port(serve):
    result = seen(serve(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https")
    assert (last(result)["hop"], last(result)["code"]) == ("tls", "x-TLS_TO_PLAIN")
    assert last(result)["fix"].startswith("Open http://127.0.0.1:")


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello World")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def pem(tmp_path):
    (tmp_path / "pem").write_text(CERTIFICATE)
    return str(tmp_path / "pem")


@pytest.fixture
def secure():
    """Starts a server on loopback that speaks TLS with the key and the certificates in a file. Returns its port."""
    servers = []

    def secure(pem):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        # In the connection's thread. Otherwise, a client that never ends its handshake keeps the server from ending.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_arguments: None
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield secure
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def secure_port(secure, pem):
    return secure(pem)


@pytest.mark.parametrize(
    ("served", "code", "words"),
    [
        ("expired", "x-CERT_EXPIRED", "The certificate has expired."),
        ("not_yet", "x-CERT_NOT_YET", "The certificate is not valid yet."),
        ("no_intermediate", "x-CERT_UNTRUSTED", "Either the server does not send the certificates"),
        ("other_name", "x-CERT_OTHER_NAME", "not for 127.0.0.1. It is for shop.test, www.shop.test, 203.0.113.7."),
    ],
)
def test_t40_the_fault_of_a_certificate_is_named(secure, monkeypatch, served, code, words):
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    hop = last(seen(secure(str(TLS / f"{served}.pem")), scheme="https"))
    assert (hop["hop"], hop["code"]) == ("tls", code)
    assert words in hop["evidence"]
    assert hop["fix"]


def test_a_certificate_that_openssl_refuses_for_another_reason_is_told_in_its_words():
    revoked = ssl.SSLCertVerificationError("revoked")
    revoked.verify_code, revoked.verify_message = 23, "certificate revoked"
    hop = endpoint._refused_certificate(revoked, Target("https", "127.0.0.1", 1, "/"), "127.0.0.1", 1)
    assert (hop.code, hop.evidence) == ("x-TLS_CERTIFICATE", "The certificate is not accepted: certificate revoked.")


def test_names_that_cannot_be_read_a_second_time_are_left_out():
    other = ssl.SSLCertVerificationError("other")
    other.verify_code, other.verify_message = 62, "hostname mismatch"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        target = Target("https", "shop.test", closed.getsockname()[1], "/")
        hop = endpoint._refused_certificate(other, target, "127.0.0.1", 1)
    assert (hop.code, hop.evidence) == ("x-CERT_OTHER_NAME", "The certificate is not for shop.test.")


def test_t40_a_chain_is_accepted_if_its_root_is_known(secure, monkeypatch):
    port = secure(str(TLS / "good.pem"))
    unknown = last(seen(port, scheme="https"))
    assert unknown["code"] == "x-CERT_UNTRUSTED"
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    assert set(verdicts(seen(port, scheme="https")).values()) == {"ok"}
    assert set(verdicts(seen(port, scheme="https", host="localhost")).values()) == {"ok"}


def test_D17_a_certificate_that_is_not_accepted(secure_port):
    result = seen(secure_port, scheme="https")
    assert (last(result)["hop"], last(result)["code"]) == ("tls", "x-CERT_UNTRUSTED")
    assert last(result)["evidence"] == "No CA has signed the certificate: it is signed by itself."
    # Plain HTTP to this port differs from no answer.
    assert last(seen(secure_port))["hop"] in ("tls", "http")


def test_a_certificate_that_is_accepted(secure_port, pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", pem)
    result = seen(secure_port, scheme="https")
    assert set(verdicts(result).values()) == {"ok"}
    assert result["saw"]["tls"] == "ok"
    tls = next(each for each in result["hops"] if each["hop"] == "tls")
    assert tls["evidence"].endswith(", with a certificate that is good for 127.0.0.1.")


@pytest.mark.parametrize(
    ("answer", "close", "evidence"),
    [
        (b"\x15\x03\x03\x00\x02\x02\x28", False, "TLS fails: "),  # the alert handshake_failure
        (b"", False, "The connection hung before TLS was agreed on ("),
        (b"", True, "The connection was closed before TLS was agreed on."),
    ],
)
def test_D17_tls_that_is_not_agreed_on(serve, answer, close, evidence):
    result = seen(serve(answer, close=close), scheme="https", timeout=1)
    assert (last(result)["hop"], last(result)["code"]) == ("tls", "x-TLS_FAILED")
    assert last(result)["evidence"].startswith(evidence)
    assert result["saw"]["tls"] == "failed"


def test_without_an_expected_text_the_application_is_unknown(serve):
    result = seen(serve(), expected=None)
    assert verdicts(result)["application"] == "unknown"
    assert result["hops"][-1]["code"] == "x-NOTHING_EXPECTED"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nHello World\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/9.9 99999 \x1b[31m\r\n\r\n",
        b"HTTP/1.1 200 \x1b]0;title\x07\r\nServer: a\x1b[2J\r\n\r\n\x1b[2J",
        bytes(range(256)) * 40,
    ],
)
def test_any_answer_of_a_server_is_a_result(serve, answer):
    result = seen(serve(answer))
    assert [each["hop"] for each in result["hops"]] == list(endpoint.HOPS)
    assert "\x1b" not in repr(result).replace("\\x1b", "")
    assert all(character.isprintable() for each in result["hops"] for character in each["evidence"])


def test_a_probe_that_fails_reports_it(monkeypatch):
    def fail(*_arguments):
        raise RuntimeError("of all things")

    monkeypatch.setattr(endpoint, "_connect", fail)
    result = seen(80)
    assert (last(result)["hop"], last(result)["verdict"]) == ("tcp", "unknown")
    assert "of all things" in last(result)["evidence"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://203.0.113.10:5000", Target("http", "203.0.113.10", 5000, "/")),
        ("https://example.com/a?b=c#d", Target("https", "example.com", 443, "/a?b=c")),
        ("http://[2001:db8::5]:5000/", Target("http", "2001:db8::5", 5000, "/")),
    ],
)
def test_urls(url, expected):
    assert target_of(url) == expected


def test_a_url_is_written_as_it_was():
    assert target_of("http://[2001:db8::5]:5000/x").url == "http://[2001:db8::5]:5000/x"
    assert target_of("https://example.com:443/").url == "https://example.com/"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "http://",
        "http://a:99999/",
        "http://a:b/",
        "http://a:0/",
        "http://[::1",
        "http://a/ b",
        "http://a/\r\nX: y",
    ],
)
def test_invalid_urls_are_refused_by_name(url):
    with pytest.raises(ValueError, match="^url: "):
        target_of(url)


@pytest.mark.parametrize(
    "url", ["ftp://me:s3cr3t@a/", "http://me:s3cr3t@/", "http://me:s3cr3t@a:b/", "http://me:s3/cr3t@a/ b"]
)
def test_a_refused_url_shows_no_password(url):
    with pytest.raises(ValueError, match="^url: (?!.*(s3|cr3t))"):
        target_of(url)


@pytest.mark.parametrize(
    ("address", "private", "loopback"),
    [
        ("10.0.0.1", True, False),
        ("127.0.0.1", True, True),
        ("203.0.113.10", False, False),
        ("example.com", False, False),
        ("::1", True, True),
    ],
)
def test_addresses(address, private, loopback):
    assert (endpoint.is_private(address), endpoint.is_loopback(address)) == (private, loopback)


# Made for this test, for 127.0.0.1. No client trusts it.
CERTIFICATE = """
-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDV2oevqfmZWRxP
j4jMlggfDibyBKtBsvuLM/kpFkpo4pxkKBg3klNPCkfgkcwrmK8cLhhttrc7DTJr
9WEXR5AileuHWeDKdIWde/MqddPJgDWb9MfzM1m6zPUBlcU+DvPswaOf9MncnfYh
D21s3yqMKKrBufSwIfLUU8DmCd2dkFdDRIlXnRE8BXkyonbhVWxEYHc30TrKW0Ji
A0qFe603zDLcV5Biy7rwWMpzqgAHH5Qc9M213fcg5RLNKiCTaeZWyvVsfnLsJ7H0
CQNcDuATQaPyqKjAp+j4ZL6LeLsZogADSZP1BrgYZPl1DTqWXXlVp86hbpxIJu/B
TSUmdXOHAgMBAAECggEAF9zMHNkHHco4jf99Vh18UiwhQrUsVObqCZ+RiGOmhutD
udX9fx9H8NRmrn4mUvZfvRxpo72/1rTYxlIkSirf6vQL9YJHwoow/0soQuR7RDXs
WswmuZJRILZ5ClBnfiQV/3pLTfB3ITPLwJGjoK01kVvXqJ6dg+qDLu0aOQZVy8cY
khxe2zrTJdhhOkwv1BCEl+QvGEtijKnlG8Z6HmtTFHpaMkO7LHUO8abgzz8uLpf0
HNtoy43C1vWx2cMveG5JMjHDvOLodliIbxZALIfM/Uu4jjytzZEdJwMiIBdaejFb
XGUjiZW6747nprMMnEqFxs1JeuuoBWccW9HUL3aYsQKBgQD7xLEU5GW8OzOFhCm2
0upLdcLB0YXgtEvoCa6RAQWb95JD5jJ1cUwnheS7UDE2YfDv/XbSp+rn4O+kJH/T
6ubQGMqhijPZkiw8wIbWgcmofTL2GbldIz0odAjx2lrZKNLxD8ZgB2K5iOGQ+m0C
976uPvYtsxB4Q28krT2ItpvdcQKBgQDZcrLzW8FQ9DX4U04OCYRc1eTEcRDF8lxU
WldCs54Xjx3o/R0mL4dDaWjMx0yDIDWZqxxYx/N6QKVfRljRheeQZk6s9C+/h4PJ
1oYIypyKkRc1X1ju62jZH1v/vF3KjG6kPEHIdfXAnI2a9hIi9B6/R6qWlE0+/T1F
foitNmfEdwKBgEKTRohRxR07QmqCAk3YBCCkKTX7Y72Br7jSJpktfgA6PTE7RAiO
RycEXvGxSPIqf/3WNn+J67IZZwUuqaauLQ7GH38L/p3/6za9amp6s4qcYMd3Ee8x
DFEQLfVWWkOmafFYzIpEKbUKHyupLP5l6MRG3e5DtY03t8IpFWZ7c0fhAoGBAMfB
u60eVHf28IGAncr9aTATeoYPzDXcEH+ZQmJPOWMxIWwA4j9LGDqQYisEx0AKXdMe
Qvs4LG7ZZlIhAMTx+ylHIu11oUuUxTetMBJxdt9ArI5mWf+aGQak7VIAjDTfT2Dm
zhPGcY2RA/EgLscXdguIXajY8iF0aE4oEIz21tq/AoGBANLqFKePTKRWUC3vU6kC
Rz/fwb6+Ja+giMmuD74OGaFQ5qpvZqxGEIwIGtAKH3ggazUtLn2ZyTqadPGLjkdF
aIzLxE7BOFmKoNhLUh676lxSbZLsB0dnWz12LJBFMGFbHevddQZ2wtIRUAB5siU1
YVuIgzFA44ktZPCk/VpsNDw4
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIDEjCCAfqgAwIBAgIUWW1ZNnz/jCxysLdn9I4/N2vd6pUwDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjYwNzU4NTNaGA8yMTI2MTEwMjA3
NTg1M1owDzENMAsGA1UEAwwEdGVzdDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC
AQoCggEBANXah6+p+ZlZHE+PiMyWCB8OJvIEq0Gy+4sz+SkWSmjinGQoGDeSU08K
R+CRzCuYrxwuGG22tzsNMmv1YRdHkCKV64dZ4Mp0hZ178yp108mANZv0x/MzWbrM
9QGVxT4O8+zBo5/0ydyd9iEPbWzfKowoqsG59LAh8tRTwOYJ3Z2QV0NEiVedETwF
eTKiduFVbERgdzfROspbQmIDSoV7rTfMMtxXkGLLuvBYynOqAAcflBz0zbXd9yDl
Es0qIJNp5lbK9Wx+cuwnsfQJA1wO4BNBo/KoqMCn6Phkvot4uxmiAANJk/UGuBhk
+XUNOpZdeVWnzqFunEgm78FNJSZ1c4cCAwEAAaNkMGIwHQYDVR0OBBYEFEMPRJRm
xvGCtlaJSWuLMqhW5IkCMB8GA1UdIwQYMBaAFEMPRJRmxvGCtlaJSWuLMqhW5IkC
MA8GA1UdEwEB/wQFMAMBAf8wDwYDVR0RBAgwBocEfwAAATANBgkqhkiG9w0BAQsF
AAOCAQEAJ0xeK5xiyJUZV817Rg/Ujpq6UNC3PvgLZcf1SKWUG8IhyJifT1yUksm1
vsPU2IYJxHeMypVGC/sD5zPATaA3wcTEH0/lhwkBTMd9h6pj8aqCLT0fFU4X6HZ3
VPQ7CiOn2LlJ+4//uXwEqSB62NSCD8sHZBhq4x+lkLXFwM/poX5L4pFHPGF5WMPQ
w79u/iDKwsk16/Z7lwv3DlBcu73NoOS4WDnbwVGOrFoBblj93CRpvXQbjyw8lBfX
zmkwC3iXb+exG5hXcpog8R6BzwYX1XZof+7O7tVurfNx6pJ/Qq6bQThLZxkusde8
Dm1MbIx1umYOfiz0OUt58DVdaYBArQ==
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize(("status", "verdict"), [(500, "broken"), (502, "unknown"), (503, "broken"), (504, "unknown")])
def test_a_gateway_s_error_is_not_the_application_s(serve, status, verdict):
    result = seen(serve(b"HTTP/1.1 %d x\r\n\r\n" % status))
    assert verdicts(result)["application"] == verdict
