# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import socket
import ssl
import threading

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils import _endpoint
from ansible_collections.flasklaunch.ec2.plugins.module_utils._endpoint import Target, probe, target_of

OK = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Length: 12\r\n\r\nHello World\n"


@pytest.fixture
def serve():
    """A server on loopback that sends these bytes to whoever connects, once it has read something; returns its port."""
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
    return probe(Target(scheme, host, port, "/"), expected, timeout)


def verdicts(result):
    return {each["hop"]: each["verdict"] for each in result["hops"]}


def last(result):
    """The hop at which it ended."""
    return next(each for each in result["hops"] if each["verdict"] not in ("ok", "skipped"))


def test_D24_a_page_that_is_served(serve):
    port = serve()
    result = seen(port)
    assert verdicts(result) == {"dns": "ok", "tcp": "ok", "tls": "skipped", "http": "ok", "application": "ok"}
    saw = result["saw"]
    assert (saw["tcp"], saw["status"], saw["server"], saw["body_start"]) == ("answered", 200, "gunicorn", "Hello World")
    assert saw["attempts"] == [{"address": "127.0.0.1", "outcome": "answered"}]
    assert saw["body_sha256"] == "d2a84f4b8b650937ec8f73cd8be2c74add5a911ba64df27458ed8229da804a26"


def test_D17_refused(bind):
    closed = bind()
    port = closed.getsockname()[1]
    closed.close()
    result = seen(port)
    assert (last(result)["hop"], last(result)["code"], result["saw"]["tcp"]) == ("tcp", "x-TCP_REFUSED", "refused")
    assert verdicts(result)["http"] == "skipped"


def test_D17_timed_out(network, bind):
    """As a full accept queue does."""
    listener = bind("127.0.0.1", 5000, backlog=0)
    with socket.create_connection(listener.getsockname()):
        result = seen(5000, timeout=1)
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-TCP_TIMED_OUT", "timed_out")
    assert "waited 1 seconds" in last(result)["evidence"]


def test_D17_no_network(network):
    result = seen(80, host="192.0.2.1")
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-CLIENT_NETWORK", "no_network")


def test_D17_no_route_to_host(network, nft):
    chain = "add table ip t; add chain ip t c { type filter hook input priority 0; }"
    nft(f"{chain}; add rule ip t c tcp dport 5000 reject with icmp type host-prohibited")
    result = seen(5000)
    assert (last(result)["code"], result["saw"]["tcp"]) == ("x-TCP_NO_ROUTE", "no_route")


def test_D15_a_name_that_nobody_knows():
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
def test_D17_what_is_answered(serve, answer, hop, code):
    result = seen(serve(answer))
    assert (last(result)["hop"], last(result)["code"]) == (hop, code)
    assert verdicts(result)["tcp"] == "ok"


def test_D17_connected_but_no_answer(serve):
    result = seen(serve(b"", close=False), timeout=1)
    assert (last(result)["hop"], last(result)["code"]) == ("http", "x-HTTP_NO_ANSWER")


def test_who_asks_for_a_login_is_reached(serve):
    result = seen(serve(b"HTTP/1.1 401 UNAUTHORIZED\r\n\r\n"))
    assert verdicts(result)["application"] == "ok"


def test_D17_https_to_a_plain_port(serve):
    result = seen(serve(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https")
    assert (last(result)["hop"], last(result)["code"]) == ("tls", "x-TLS_TO_PLAIN")
    assert last(result)["fix"].startswith("Open http://127.0.0.1:")


def test_D17_a_certificate_that_is_not_accepted(tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "pem").write_text(CERTIFICATE)
    context.load_cert_chain(str(tmp_path / "pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_arguments: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result = seen(server.server_address[1], scheme="https")
    # And plain HTTP to it is told from no answer at all.
    plain = seen(server.server_address[1])
    server.shutdown()
    server.server_close()
    assert (last(result)["hop"], last(result)["code"]) == ("tls", "x-TLS_CERTIFICATE")
    assert last(plain)["hop"] in ("tls", "http")


def test_without_anything_expected_whose_page_it_is_stays_open(serve):
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
def test_whatever_a_server_sends_is_an_answer(serve, answer):
    result = seen(serve(answer))
    assert [each["hop"] for each in result["hops"]] == list(_endpoint.HOPS)
    assert "\x1b" not in repr(result).replace("\\x1b", "")
    assert all(character.isprintable() for each in result["hops"] for character in each["evidence"])


def test_a_probe_that_fails_says_so(monkeypatch):
    def fail(*_arguments):
        raise RuntimeError("of all things")

    monkeypatch.setattr(_endpoint, "_connect", fail)
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
def test_what_is_no_url_is_refused_by_name(url):
    with pytest.raises(ValueError, match="^url: "):
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
    assert (_endpoint.is_private(address), _endpoint.is_loopback(address)) == (private, loopback)


# Made for this test: nobody trusts it.
CERTIFICATE = """
-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCtWxoZv2Diomie
nHLGNdc0DtVxCF4OW+BG9AomT6DUvE9Ymfvo/kJolSdHHsz2ALaQi0PHm4RnkPYp
nICEXszJkZ2GXwhthmwgfRWZF41FpCmJKesvzSMEajBC+m02glbWkzQZXb3b935Y
+SUkcq4VU1d/hyRkTYNSCtvb7Da5JPpnu3h/nldauOQyyFCBhNVM832+IOM7OChM
v/uJ/wHwwaO+BZo/2N8buPdkGaI4SthENCeyjVn9w2DYz0IG/bqWDVwo2EJVxa1U
8w/mQY9qlXcBFh7Ph/8UuLLKkqB7AiWfWEMxYnXI1/W/Xm7Wd58TbEVygYHVzAzX
Y0iFx0WzAgMBAAECggEABdYn4k8JtYevSwvMZ3T/ml6XfBdCh2w7eFgWEWUj7pWq
fDqu+xC4bqn66Q+V6gBrJSGzNgC76/q69vqwbwR8E5tF+PSxJXLdqBheBkn/NSWK
SnZxVyoqcCcdGdwxmiC4SMArBGGeF05VYCx/PiNoTgqAyyfjJ0de0P/RmC1zSDdy
uz0viOc9vQRjfod2u/y7ISjZha0ZOVs5fG49u0rbOBZusibgz8Q6B7HAf+33ZZkB
rGyPEg1h3cV7WYsr9zlAf0rG9Ez45HlyDt7isOJpu4laq0mcWL5XaULyuD7Qh3A3
qGbw16iWz0ko1gOpa4RtZXIYYcDS1sTV7EELH91JkQKBgQDrOvj4BfnHd0pOIzIF
JR3NWa8+FkdokjHLRVleUwW8vc0NmVOWtnyDP/zYJTMZY/ei0V/RIeXmmhwb6/DW
Wkx2XixFBHlfdYTN4fCu68KYDzSQBNEXHqPX8Eu3uzRbZOtJvJOsktdpjYg7gPrp
MunKl/IJMvyIaNBX/Y1f9COtQwKBgQC8qYzAn9b06Z/V8J1Id1LFmVpUXMUhChUO
7cq4plfxJgBjQif0B+9hfphsUgxC613LEMPOSSH6a3HFAmNhIPpkWddunN3oGmYN
w01hEC4HMxv2SKMMo4bphfUiIvjHHcatZ9UXzAgBg6ds1m8wkyegK/I4jZPfT2+H
8MDsO/fG0QKBgDWG4NqHeZQjF/x508sJ7CMrUk49gZhRFBWePTzShY6yXfPHPRch
hWnUaLPCm0Me1V3uaPBM12THErhj0xTjzVxuB4LZBslrE4JJ9JvJOCmj5CEVh4LM
TRo5KvGvHrXhXA0WZUAy1ePF+gcYTYA9PqgENWZUfNSJjUdIgiAgjPHDAoGAEQ8r
wQczArZVU50MO88+VsvFFTfGQ3SL7uullwjDjvSmuFL1FeXZyXEPC0xn+20Y8BG2
AuMuBVzNzsimf9PhkE1nY4Mftasda0UrrAkwgEoozx5GUBBBVMBeKBYNdMPGgUuQ
QzSZzLlA3GCPcU79GEihAGgc5OZj6WDlsPbDMuECgYArVaRCVV5Bjgmz5n7OlOoa
G+gSxhEGOCNbNrwDXXyRybpheoNyIEPKffr7RdXo9bS4qFDji1BcOU7zp7zF1nSx
KUW677MqcwNCYAZhIsqo7QmkJD3TX5TGAdJJyede8vBin3UHk9sBFUKFnUcGcFcl
KQOK0kq2b6UOAHeGbapssw==
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIDATCCAemgAwIBAgIUPqeAgW40Sjcvw6MHLYQPMp/CEt0wDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjUxNzMxMTdaGA8yMTI2MTEwMTE3
MzExN1owDzENMAsGA1UEAwwEdGVzdDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC
AQoCggEBAK1bGhm/YOKiaJ6ccsY11zQO1XEIXg5b4Eb0CiZPoNS8T1iZ++j+QmiV
J0cezPYAtpCLQ8ebhGeQ9imcgIRezMmRnYZfCG2GbCB9FZkXjUWkKYkp6y/NIwRq
MEL6bTaCVtaTNBldvdv3flj5JSRyrhVTV3+HJGRNg1IK29vsNrkk+me7eH+eV1q4
5DLIUIGE1Uzzfb4g4zs4KEy/+4n/AfDBo74Fmj/Y3xu492QZojhK2EQ0J7KNWf3D
YNjPQgb9upYNXCjYQlXFrVTzD+ZBj2qVdwEWHs+H/xS4ssqSoHsCJZ9YQzFidcjX
9b9ebtZ3nxNsRXKBgdXMDNdjSIXHRbMCAwEAAaNTMFEwHQYDVR0OBBYEFMzMxT+W
4jKZM+3TdqcyCF4G8DjDMB8GA1UdIwQYMBaAFMzMxT+W4jKZM+3TdqcyCF4G8DjD
MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAHzM/Zn3cXsYMaeF
IqOkvN7nnJxYDGd3f+9spe3U2USMazXJcHfbdIEsaqEke2RxVfyU37jXLWgthCbj
CPwOfuCCl8+A68GxlLa5g3Kq3XlK92TtdJqA2KEUgk1Tx1l9BzgcoyqdbLh7xweJ
OmyILaPLGsLfEZAAqrvJlWn8F3i5E9+TwTX2UbftleUaxynv8eWwrtYV/NBynjpI
Bp7wLv9Q9VZj8lMY5URHA/eP9yadqCosXjCrV2b3sPDv4QaRQvPBFfmiQxwNiKCK
P2FIsYXLuxMdaM+dPDJHJGjDLDE/VKYuxvxR5hU1aWQhw5bff91PvNs8LzkHWP31
elvSY7M=
-----END CERTIFICATE-----
"""
