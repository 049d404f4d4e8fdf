# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A steady load on a web server of this machine. It reports every request that did not get the right answer.

    python tests/load.py http://127.0.0.1:5000/ --expect 'Hello World' --seconds 60
    python tests/load.py https://127.0.0.1/ --ca ca.pem --expect 'Hello World'

    with Load("http://127.0.0.1:5000/", ["Hello World", "Hello again"]) as load:
        ...  # deploy, restart, kill
        load.wait_for(20000)
    assert load.result.failed == 0

Half of the clients open a connection for each request, half keep theirs for a random number of requests. A request
fails if it is refused, cut, answered wrongly (status or body) or too late. As in browsers (RFC 9110, section 9.2.2),
only one kind of request is repeated, once and on a new connection: a request on a connection that was used before, if
the server closes that connection without a byte of an answer.

At a container's published port, docker's proxy accepts connections that the server behind it refuses, and closes them.
To tell refused from cut, run the command in the container's network (`nsenter --net --target PID`). Ctrl-C or SIGTERM
end the command early, and it still prints its result.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import dataclasses
import datetime
import ipaddress
import json
import random
import signal
import socket
import ssl
import sys
import time
import urllib.parse
from typing import Iterable, NamedTuple

FAILURES_TOLD = 20
BODIES_TOLD = 20
BODY_TOLD = 200  # characters
REQUESTS_PER_CONNECTION = (2, 50)


class Failure(Exception):
    """A request failed. Its kind is refused, cut, wrong or timed_out, and its text has the details."""

    def __init__(self, kind: str, reason: str, unanswered: bool = False):
        super().__init__(reason)
        self.kind = kind
        self.unanswered = unanswered  # the server closed the connection without a byte of an answer


class Target(NamedTuple):
    """The host, port and path of the requests."""

    family: socket.AddressFamily
    address: tuple[str, int]
    host: str
    path: str
    tls: ssl.SSLContext | None = None  # for https

    @classmethod
    def of(cls, url: str, ca: str | None = None) -> Target:
        """`ca` is a file with the CA of the certificate, which may have any name.

        Raises ValueError if it is not a URL of a loopback address: a load on another server is an attack.
        """
        parts = urllib.parse.urlsplit(url)
        try:
            ip = ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            ip = None
        if parts.scheme != ("https" if ca else "http") or ip is None or not ip.is_loopback:
            raise ValueError(
                f"{url}: a load is for this machine alone, as in http://127.0.0.1:5000/ or http://[::1]:80/"
            )
        family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        tls = ssl.create_default_context(cafile=ca) if ca else None
        if tls:
            tls.check_hostname = False
        return cls(family, (str(ip), parts.port or (443 if ca else 80)), parts.netloc, path, tls)


class Answer(NamedTuple):
    status: int
    body: str
    closes: bool  # no more requests on this connection


class Connection:
    """An HTTP/1.1 connection, opened by the first request."""

    def __init__(self, target: Target):
        self._target = target
        self._socket = socket.socket(target.family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, is_last: bool) -> Answer:
        is_connected = self._streams is not None
        if not is_connected:
            try:
                await asyncio.get_running_loop().sock_connect(self._socket, self._target.address)
            except OSError as error:
                raise Failure("refused", f"cannot connect: {error}") from error
        received = bytearray()
        try:
            if not is_connected:
                with_tls = {"ssl": self._target.tls, "server_hostname": ""} if self._target.tls else {}
                self._streams = await asyncio.open_connection(sock=self._socket, **with_tls)
            self._streams[1].write(self._request(is_last))
            await self._streams[1].drain()
            while b"\r\n\r\n" not in received:
                await self._receive(received)
            head, body = received.split(b"\r\n\r\n", 1)
            version, status, headers = parse_head(head.decode("latin-1"))
            length = int(headers["content-length"])
            while len(body) < length:
                await self._receive(body)
        except OSError as error:
            told = f"closed after {bytes(received[:BODY_TOLD])!r}" if received else "closed without an answer"
            raise Failure("cut", f"{told} ({error})", unanswered=not received) from error
        except (KeyError, ValueError) as error:
            told = f"no HTTP answer with a Content-Length: {bytes(received[:BODY_TOLD])!r}"
            raise Failure("wrong", told) from error
        if len(body) > length:
            raise Failure("wrong", f"more than the {length} bytes of its Content-Length: {bytes(body[:BODY_TOLD])!r}")
        closes = is_last or version != "HTTP/1.1" or headers.get("connection", "").lower() == "close"
        return Answer(status, body.decode(errors="replace").strip(), closes)

    def _request(self, is_last: bool) -> bytes:
        connection = "close" if is_last else "keep-alive"
        lines = [f"GET {self._target.path} HTTP/1.1", f"Host: {self._target.host}", f"Connection: {connection}"]
        return "\r\n".join([*lines, "", ""]).encode()

    async def _receive(self, into: bytearray) -> None:
        chunk = await self._streams[0].read(65536)
        if not chunk:
            raise ConnectionError("end of stream")
        into += chunk

    def close(self) -> None:
        if self._streams:
            self._streams[1].transport.abort()
        self._socket.close()


def parse_head(head: str) -> tuple[str, int, dict[str, str]]:
    """Return version, status and headers, with names in lower case. Raises ValueError for any other text."""
    first, *lines = head.split("\r\n")
    version, status, *_reason = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return version, int(status), {name.lower(): value.strip() for name, _colon, value in pairs}


@dataclasses.dataclass
class Result:
    """The result of a load. The counts grow while it runs."""

    requests: int = 0  # the requests that have ended, with success or failure
    failed: int = 0
    retried: int = 0
    refused: int = 0
    cut: int = 0
    wrong: int = 0
    timed_out: int = 0
    on_new_connections: int = 0
    on_kept_connections: int = 0
    longest_seconds: float = 0.0  # the longest request, with its second try
    seconds: float = 0.0
    ended_by: str | None = None  # stop, seconds or at_most
    failures: list[dict[str, str]] = dataclasses.field(default_factory=list)  # only the first ones
    bodies: dict[str, int] = dataclasses.field(default_factory=dict)  # how often each body came, right or wrong

    def add(self, kept: bool, seconds: float, failure: Failure | None) -> None:
        self.requests += 1
        self.on_kept_connections += kept
        self.on_new_connections += not kept
        self.longest_seconds = max(self.longest_seconds, round(seconds, 3))
        if failure is None:
            return
        self.failed += 1
        setattr(self, failure.kind, getattr(self, failure.kind) + 1)
        if len(self.failures) < FAILURES_TOLD:
            at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
            connection = "kept" if kept else "new"
            self.failures.append({"at": at, "kind": failure.kind, "connection": connection, "reason": str(failure)})

    def add_body(self, body: str) -> None:
        body = body[:BODY_TOLD]
        if body in self.bodies or len(self.bodies) < BODIES_TOLD:
            self.bodies[body] = self.bodies.get(body, 0) + 1


class Load:
    """A load in the background. It runs until the context ends, or until a limit is reached.

    `expect` are the right bodies, apart from white space around them; during a deploy, the old and the new page
    are right. `seconds` and `at_most` (requests) are the limits. `requests_per_second` is the rate of all clients
    together, None for as fast as the answers come. `timeout` is in seconds, for each try.
    """

    def __init__(
        self,
        url: str,
        expect: Iterable[str],
        *,
        clients: int = 8,
        seconds: float = 600,
        at_most: int = 200000,
        requests_per_second: float | None = 400,
        timeout: float = 10,
        ca: str | None = None,
    ):
        self.result = Result()
        self._target = Target.of(url, ca)
        self._expect = {body.strip() for body in expect}
        self._clients = clients
        self._seconds = seconds
        self._at_most = at_most
        self._pause = clients / requests_per_second if requests_per_second else 0
        self._timeout = timeout
        self._stopped = False
        self._begun = 0

    def __enter__(self) -> Load:
        self._executor = concurrent.futures.ThreadPoolExecutor(1)
        self._running = self._executor.submit(asyncio.run, self._run())
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._executor.shutdown()
        self._running.result()

    def stop(self) -> None:
        """Start no more requests. May be called from a signal handler."""
        self._stopped = True

    def wait(self) -> None:
        """Wait until a limit is reached."""
        self._running.result()

    def wait_for(self, requests: int) -> None:
        """Wait until this many requests have ended. Raises RuntimeError if a limit was reached before."""
        while self.result.requests < requests:
            if self._running.done():
                self._running.result()
                raise RuntimeError(f"the load ended by {self.result.ended_by} after {self.result.requests} requests")
            time.sleep(0.05)

    async def _run(self) -> None:
        began = time.monotonic()
        self._ends = began + self._seconds
        await asyncio.gather(*(self._client(keeps=number % 2 == 1) for number in range(self._clients)))
        self.result.seconds = round(time.monotonic() - began, 3)

    def _goes_on(self) -> bool:
        if self.result.ended_by is None:
            if self._stopped:
                self.result.ended_by = "stop"
            elif time.monotonic() >= self._ends:
                self.result.ended_by = "seconds"
            elif self._begun >= self._at_most:
                self.result.ended_by = "at_most"
        return self.result.ended_by is None

    async def _client(self, keeps: bool) -> None:
        connection, left = None, 0
        await asyncio.sleep(random.uniform(0, self._pause))
        while self._goes_on():
            self._begun += 1
            if connection is None:
                left = random.randint(*REQUESTS_PER_CONNECTION) if keeps else 1
            left -= 1
            began = time.monotonic()
            connection = await self._request(connection, is_last=left == 0)
            # A random number, so that the clients do not run in step with each other or with the server.
            pause = self._pause * random.uniform(0.5, 1.5)
            await asyncio.sleep(max(0, began + pause - time.monotonic()))
        if connection:
            connection.close()

    async def _request(self, connection: Connection | None, is_last: bool) -> Connection | None:
        """Make one request, and count it. Returns the connection if it can be used again."""
        began, kept, failure = time.monotonic(), connection is not None, None
        try:
            try:
                return await self._try(connection, is_last)
            except Failure as first:
                if not (kept and first.unanswered):
                    raise
            self.result.retried += 1
            return await self._try(None, is_last)
        except Failure as last:
            failure = last
            return None
        finally:
            self.result.add(kept, time.monotonic() - began, failure)

    async def _try(self, connection: Connection | None, is_last: bool) -> Connection | None:
        connection = connection or Connection(self._target)
        reusable = False
        try:
            answer = await asyncio.wait_for(connection.get(is_last), self._timeout)
            self.result.add_body(answer.body)
            if answer.status != 200 or answer.body not in self._expect:
                raise Failure("wrong", f"status {answer.status}, body {answer.body[:BODY_TOLD]!r}")
            reusable = not answer.closes
            return connection if reusable else None
        except asyncio.TimeoutError as error:
            raise Failure("timed_out", f"no answer within {self._timeout:g} seconds") from error
        finally:
            if not reusable:
                connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="http, or https with --ca, and an address of loopback")
    parser.add_argument("--ca", metavar="FILE", help="the CA of the server's certificate, for an https URL")
    parser.add_argument("--expect", action="append", required=True, metavar="BODY", help="may be given more than once")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--at-most", type=int, default=200000, metavar="REQUESTS")
    parser.add_argument("--requests-per-second", type=float, default=400, help="of all clients; 0: as fast as they can")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS", help="for the answer to a request")
    options = vars(parser.parse_args())
    try:
        load = Load(options.pop("url"), options.pop("expect"), **options)
    except ValueError as error:
        parser.error(str(error))
    # Shells start background programs with SIGINT ignored, so SIGTERM ends the load in the same way.
    # Neither raises an exception, which could come at any place and leave the thread in the background running.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_received: load.stop())
    with load:
        load.wait()
    print(json.dumps(dataclasses.asdict(load.result), ensure_ascii=False))
    sys.exit(1 if load.result.failed else 0)


if __name__ == "__main__":
    main()
