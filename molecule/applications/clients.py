"""Clients of WebSockets and of Socket.IO, as browsers are, with the standard library alone.

WebSocket: RFC 6455. Below a chat is Engine.IO 4 and Socket.IO 5: https://socket.io/docs/v4/socket-io-protocol/. The
first character of a packet is its type. Packets of Engine.IO: 0 open, 1 close, 2 ping, 3 pong, 4 message, 5 upgrade,
6 noop.
"""

from __future__ import annotations

import json
import socket
import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SECONDS = 10


class WebSocket:
    """A connection that sends and receives texts."""

    def __init__(self, port: int, path: str):
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self._connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._reader = self._connection.makefile("rb")
        assert self._reader.readline().startswith(b"HTTP/1.1 101")
        while self._reader.readline() != b"\r\n":
            pass

    def send(self, words: str) -> None:
        text = words.encode()
        assert len(text) < 126, "the length has one byte here"
        self._connection.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # the mask is 0

    def receive(self) -> str:
        kind, length = self._reader.read(2)
        assert kind == 0x81 and length < 126
        return self._reader.read(length).decode()

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_error: object) -> None:
        self._reader.close()
        self._connection.close()


class Polling:
    """Engine.IO by requests, each of which waits for packets or brings one."""

    def __init__(self, port: int):
        self._url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
        self._received: list[str] = []
        opened = self.receive()
        assert opened[0] == "0"
        self.id = json.loads(opened[1:])["sid"]
        self._url += f"&sid={self.id}"

    def _ask(self, body: bytes | None = None) -> str:
        with OPENER.open(urllib.request.Request(self._url, body), timeout=SECONDS) as answer:
            return answer.read().decode()

    def send(self, packet: str) -> None:
        assert self._ask(packet.encode()) == "OK"

    def receive(self) -> str:
        if not self._received:
            self._received = self._ask().split("\x1e")
        return self._received.pop(0)

    def __enter__(self) -> Polling:
        return self

    def __exit__(self, *_error: object) -> None:
        self.send("1")


def upgraded(port: int) -> WebSocket:
    """Return a WebSocket that takes the place of a client's polling, as a browser opens it."""
    path = f"/socket.io/?EIO=4&transport=websocket&sid={Polling(port).id}"
    connection = WebSocket(port, path)
    connection.send("2probe")
    assert connection.receive() == "3probe"
    connection.send("5")
    return connection


class Chat:
    """A visitor in a room of the chat."""

    def __init__(self, transport: WebSocket | Polling, name: str):
        self._transport = transport
        transport.send("40/chat,")
        assert self._packet().startswith('40/chat,{"sid":')
        self._emit("joined", name=name, room="kitchen")

    def _emit(self, event: str, **message: str) -> None:
        self._transport.send(f"42/chat,{json.dumps([event, message])}")

    def _packet(self) -> str:
        """Return the next packet of Socket.IO. Those of Engine.IO alone keep the connection alive."""
        while True:
            packet = self._transport.receive()
            if packet[0] == "4":
                return packet
            if packet == "2":
                self._transport.send("3")

    def say(self, words: str) -> None:
        self._emit("text", msg=words)

    def hears(self) -> str:
        """Return the next message that the server sends."""
        packet = self._packet()
        assert packet.startswith("42/chat,")
        return json.loads(packet[len("42/chat,") :])[1]["msg"]
