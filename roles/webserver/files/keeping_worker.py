# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""gunicorn's threaded worker, which loses no request when it is stopped or killed. Any Python from 3.7.

For gunicorn.conf.py, which takes KeepingWorker as its worker_class, and the server hooks pre_fork and child_exit.
"""

from __future__ import annotations

import array
import collections
import contextlib
import os
import re
import selectors
import socket
import threading
import time

import gunicorn
from gunicorn.http import wsgi
from gunicorn.workers import gthread

# Seconds for which a worker that stops still answers on connections that clients keep alive. New ones wait meanwhile.
LINGER = 0.5

LONGEST_REQUEST = 65536  # bytes; longer ones are not kept for another worker
answering = threading.local()


class Place:
    """Where a request waits while it is answered, with its connection.

    The master has it too: what is in it outlives the worker, should that be killed.
    """

    full = False  # as the worker knows, who alone puts and clears

    def __init__(self):
        self.ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in self.ends:
            end.setblocking(False)

    def put(self, request, connection):
        self.ends[0].sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection]))])
        self.full = True

    def take(self):
        """The request, and a file descriptor of its connection; None if there is none."""
        try:
            request, rights, _flags, _sender = self.ends[1].recvmsg(LONGEST_REQUEST, socket.CMSG_SPACE(4))
        except BlockingIOError:
            return None
        return request, array.array("i", rights[0][2])[0]

    def clear(self):
        if self.full:
            self.full = False
            os.close(self.take()[1])

    def close(self):
        for end in self.ends:
            end.close()


# What killed workers had in hand: any worker takes it from here.
orphans = Place()


def pre_fork(server, worker):
    worker.places = [Place() for _request in range(2 * server.cfg.threads)]


def child_exit(_server, worker):
    for place in worker.places:
        kept = place.take()
        if kept:
            with contextlib.suppress(OSError):
                orphans.put(*kept)
            os.close(kept[1])
        place.close()


def may_be_repeated(request):
    """Whether it is the whole of a request that is safe: a body that is still to come would be gone with its worker."""
    has_body = re.search(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", request, re.IGNORECASE)
    return request.startswith((b"GET ", b"HEAD ")) and request.endswith(b"\r\n\r\n") and not has_body


class Held:
    """Stands in for a socket, and keeps what is sent."""

    data = b""

    def sendall(self, data):
        self.data += data


class WholeResponse(wsgi.Response):
    """Sends the headers together with the first part of the body: a worker killed in between left half an answer."""

    def send_headers(self):
        if self.headers_sent or isinstance(self.sock, Held):
            super().send_headers()
        else:
            self.begin(super().send_headers)

    def write(self, arg):
        if self.headers_sent:
            super().write(arg)
        else:
            self.begin(super().write, arg)

    def begin(self, send, *arguments):
        client, held = self.sock, Held()
        self.sock = held
        try:
            send(*arguments)
        finally:
            self.sock = client
        # What a client has begun to get, no other worker may answer once more.
        if answering.place:
            answering.place.clear()
        client.sendall(held.data)


wsgi.Response = WholeResponse


class DrainingWorker(gthread.ThreadWorker):
    """Answers all that it has accepted before it stops, as gunicorn's own does from 24 on; Python 3.9 has 23."""

    stopping = False
    leaves_at = None

    def run(self):
        # A signal writes to this pipe, and so ends the wait for connections.
        self.poller.register(self.PIPE[0], selectors.EVENT_READ, self.empty)
        super().run()

    @staticmethod
    def empty(pipe):
        with contextlib.suppress(BlockingIOError):
            os.read(pipe, 1024)

    def handle_exit(self, sig, frame):
        self.stopping = True

    def is_parent_alive(self):
        self.stopping = self.stopping or not super().is_parent_alive()
        return True

    def murder_keepalived(self):
        """The last step of each round of run()."""
        super().murder_keepalived()
        if self.stopping and self.leaves_at is None:
            self.stop_accepting()
        if self.stopping and (self.nr_conns == 0 or time.monotonic() > self.leaves_at):
            self.alive = False

    def stop_accepting(self):
        self.leaves_at = time.monotonic() + LINGER
        for listener in self.sockets:
            self.poller.unregister(listener)
        select = self.poller.select
        self.poller.select = lambda _timeout: select(0.05)
        # From now on each answer says "Connection: close".
        self.cfg.set("keepalive", 0)


gthread.STOP_KEEPALIVE_LINGER = LINGER


class KeepingWorker(DrainingWorker if gunicorn.version_info < (24,) else gthread.ThreadWorker):
    """Loses no request when it is killed: another worker answers what it had in hand.

    Only what may be done twice (RFC 9110, section 9.2.1), that has no body, and of which no answer was begun; and only
    once, so that a request that kills its worker does not kill them all.
    """

    def run(self):
        self.free_places = collections.deque(self.places)
        self.poller.register(orphans.ends[1], selectors.EVENT_READ, self.adopt)
        super().run()

    def adopt(self, _orphans):
        kept = orphans.take()
        if kept is None:
            return  # another worker was quicker
        connection = socket.socket(fileno=kept[1])
        try:
            conn = gthread.TConn(self.cfg, connection, connection.getpeername(), connection.getsockname())
        except OSError:
            connection.close()  # the client has gone
            return
        conn.init()
        conn.parser.unreader.unread(kept[0])
        self.nr_conns += 1
        self.enqueue_req(conn)

    def enqueue_req(self, conn):
        conn.place = self.keep(conn)
        super().enqueue_req(conn)

    def keep(self, conn):
        """The place where its request now is; None if it cannot be kept."""
        # On a connection that was used before, clients ask again themselves (RFC 9110, section 9.2.2).
        if conn.initialized or not self.free_places:
            return None
        try:
            request = conn.sock.recv(LONGEST_REQUEST, socket.MSG_DONTWAIT)
        except OSError:
            return None  # gunicorn waits for it, and says what is wrong
        if request:
            conn.init()
            conn.parser.unreader.unread(request)
        if not may_be_repeated(request):
            return None
        place = self.free_places.pop()
        with contextlib.suppress(OSError):
            place.put(request, conn.sock.fileno())
        return place

    def handle(self, conn):
        answering.place = conn.place
        try:
            return super().handle(conn)
        finally:
            if conn.place:
                conn.place.clear()
                self.free_places.append(conn.place)
