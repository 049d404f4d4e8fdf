# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request the application's health path, and act on the answer. Python 3.7 and newer, standard library only.

health.py gate CONFIG PATH SECONDS [HOST]
    Serves the application in the current folder on a private socket, and sends one request. Writes what is wrong to
    stderr, the application's own traceback first.
health.py watch ADDRESS PORT PATH SECONDS UNIT [HOST [PATIENCE]]
    Sends requests to the port, as a client does. Restarts the unit if it is active and hangs: three requests in a row
    get no answer, and for at least PATIENCE seconds no data moves on any other connection.

The requests have the header `Host: HOST`, by default localhost. An answer must arrive within SECONDS in all.
"""

from __future__ import annotations

import contextlib
import html
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

DEFAULT_HOST = "localhost"  # units of an earlier version of the role pass no HOST
TRIES = 3
RUNTIME = "/run"
SECONDS_BETWEEN_TRIES = 1
OLDEST_GUNICORN = (20, 1)  # the first version that reads wsgi_app from gunicorn.conf.py

TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*^[^\s].*$", re.MULTILINE)
FRAME = '\n  File "'
IN_GUNICORN = re.compile(r'[^"\n]*/gunicorn/')  # the rest of a frame of gunicorn, after FRAME
# The lines that Python writes between two exceptions, of which one led to the other.
CHAINED = re.compile(r"\n*^(?:During handling of the above|The above) exception.*:\n*", re.MULTILINE)
# gunicorn's lines about its start, and about an error whose traceback it prints too. They explain nothing.
OF_GUNICORN = re.compile(
    r"^\[[^]]*\] \[\d+\] \[(?:(?:DEBUG|INFO)\]"
    r"|ERROR\] (?:Worker \(pid:\d+\) exited with code|Shutting down: Master|Reason: Worker failed to boot)).*\n?"
    r"|^\[[^]]*\] \[\d+\] \[(?:CRITICAL|ERROR|WARNING)\] (?=The application )",
    re.MULTILINE,
)
SERVER_AT_IMPORT = re.compile(r"^ \* (?:Serving Flask app|Running on http)|is in use by another program", re.MULTILINE)
LACKING = re.compile(r"^ModuleNotFoundError: No module named '([^']+)'", re.MULTILINE)


class Connection(http.client.HTTPConnection):
    """A connection to a socket in the file system. The host is its path."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


@contextlib.contextmanager
def within(seconds):
    """Raise TimeoutError in the block when the time is over. A socket's own time-out starts again with each byte."""

    def ring(_signal, _frame):
        raise TimeoutError("timed out")

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def ask(connection, path, host, seconds):
    """Return the status and the first bytes of the body. Raises OSError or http.client.HTTPException."""
    try:
        with within(seconds):
            answer = begin(connection, path, host)
            return answer.status, answer.read(2000)
    finally:
        connection.close()


def begin(connection, path, host):
    """Send the request, and return the answer as soon as its head has arrived."""
    connection.request("GET", path, headers={"Host": host, "User-Agent": "webserver-health"})
    return connection.getresponse()


def gate(config, path, seconds, host=DEFAULT_HOST):
    """Return what is wrong, as texts, or None."""
    wrong = unfit_gunicorn()
    if wrong:
        return [wrong]
    with tempfile.TemporaryDirectory() as folder:
        address = os.path.join(folder, "gate.sock")
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        with open(os.path.join(folder, "log"), "w+") as log, socket.socket(socket.AF_UNIX) as listener:
            # Pass an open socket, as systemd does. gunicorn would try to change the owner of a socket that it makes.
            listener.bind(address)
            listener.listen(8)
            server = subprocess.Popen(
                [os.path.join(os.path.dirname(sys.executable), "gunicorn"), "--config", config, "--workers", "1"]
                + ["--bind", f"fd://{listener.fileno()}"],
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
            listener.close()  # from now on, only the server holds the socket: if it ends, connections are refused
            wrong = wrong_of(server, address, path, seconds, host)
            # No other client uses the server. Kill its worker too: it may hang, and systemd would wait for it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            log.seek(0)
            return wrong and explained(log.read(), wrong, os.getcwd())


def unfit_gunicorn():
    """Return why the gunicorn of this environment cannot serve, or None."""
    try:
        import gunicorn
    except ImportError as error:
        return f"gunicorn cannot be imported from the release's virtual environment: {error}"
    if gunicorn.version_info >= OLDEST_GUNICORN:
        return None
    return (
        f"requirements.txt brings gunicorn {gunicorn.__version__}, which cannot serve the application: it must be 20.1 "
        "or newer. Require gunicorn>=20.1 there, or leave gunicorn out to get a version that is known to work."
    )


def wrong_of(server, address, path, seconds, host):
    """Return what is wrong, or None. The request waits in the socket until the application is imported."""
    try:
        status, body = ask(Connection(address, timeout=seconds), path, host, seconds)
    except TimeoutError:
        return f"GET {path} got no answer within {seconds} seconds: timed out"
    except (OSError, http.client.HTTPException) as error:
        try:
            return ended(server.wait(timeout=1))
        except subprocess.TimeoutExpired:
            return f"GET {path} got no answer: {error or type(error).__name__}"
    return None if 200 <= status < 400 else f"GET {path} answered {status}: {first_line(body)}"


def ended(code):
    by = f"signal {-code}" if code < 0 else code
    return f"the application could not be imported (gunicorn ended with {by})"


def first_line(body):
    text = html.unescape(re.sub(r"<[^>]*>", " ", body.decode(errors="replace")))
    words = " ".join(text.split())
    return words if len(words) <= 200 else words[:199] + "…"


def explained(log, wrong, folder):
    """Return the server's output, what it means, and what is wrong. `folder` has the application."""
    words = said(log, folder)
    return [words, *meanings(log, wrong, words, folder), wrong]


def said(log, folder):
    """Return the application's own traceback, or the end of the log if there is none."""
    ends = [match.span() for match in TRACEBACK.finditer(log)]
    tracebacks = [log[slice(*span)] for span in ends]
    # The last exception of the application. Because of it, the server raises others, outside of the folder.
    own = [number for number, traceback in enumerate(tracebacks) if FRAME + folder + os.sep in traceback]
    own = own or [number for number, traceback in enumerate(tracebacks) if "HaltServer" not in traceback][-1:]
    if not own:
        return "\n".join(OF_GUNICORN.sub("", TRACEBACK.sub("", log)).strip().splitlines()[-20:])
    last = first = own[-1]
    while first and CHAINED.fullmatch(log[ends[first - 1][1] : ends[first][0]]):
        first -= 1
    causes = [traceback.splitlines()[-1] for traceback in tracebacks[first:last]]
    return "\n\n".join([*causes, own_part(tracebacks[last], folder)])


def own_part(traceback, folder):
    """Return the traceback from the first frame in the folder on. The frames before it are the server's.

    If it has no such frame, return the frames after gunicorn's own; if there are none, only the last line.
    """
    head, *frames = traceback.split(FRAME)
    after_gunicorn = 1 + max((number for number, frame in enumerate(frames) if IN_GUNICORN.match(frame)), default=-1)
    own = next((number for number, frame in enumerate(frames) if frame.startswith(folder + os.sep)), after_gunicorn)
    return FRAME.join([head, *frames[own:]]) if frames[own:] else traceback.splitlines()[-1]


def meanings(log, wrong, words, folder):
    """Yield a sentence for each known cause."""
    if SERVER_AT_IMPORT.search(log):
        yield (
            "The application starts a server of its own when it is imported: "
            'call app.run() only below `if __name__ == "__main__":`.'
        )
    if "was sent SIGKILL" in log or wrong.endswith("ended with signal 9)"):
        yield "The server was killed with signal 9. The kernel does that to a process when memory runs out."
    for name in LACKING.findall(words)[-1:]:
        yield from filter(None, [own_module(name, folder)])


def own_module(name, folder):
    """Return a sentence if the module that was not found is the application's own, otherwise None."""
    first, _dot, rest = name.partition(".")
    for place, folders, files in os.walk(folder):
        folders.sort()
        found = [each for each in (f"{first}.py", first) if each in files or each in folders]
        if not found:
            continue
        there = os.path.relpath(os.path.join(place, found[0]), folder)
        if place == folder:
            return f"{first} is the application's own: {there} has no module {rest}." if rest else None
        dotted = there[: -len(".py")] if there.endswith(".py") else there
        return f"{first} is the application's own: it is {there}, so it is imported as {dotted.replace(os.sep, '.')}."
    return None


def watch(address, port, path, seconds, unit, host=DEFAULT_HOST, patience=30):
    """Return what was done or seen, or None."""
    before = progress(unit, port)
    began = time.monotonic()
    tries = 0
    while tries < TRIES or time.monotonic() - began < patience:
        if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode != 0:
            return None  # stopped
        tries += 1
        connection = http.client.HTTPConnection(address, port, timeout=seconds)
        try:
            with within(seconds):
                begin(connection, path, host)
            return None  # any answer is enough: a server that answers 500 does not hang
        except ConnectionRefusedError:
            return None  # it does not listen yet; or it has ended, and systemd will start it
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
        finally:
            connection.close()
        if moved(before, progress(unit, port)):
            return f"{unit} is busy and not restarted: GET {path} got no answer ({words}), but other requests went on"
        time.sleep(SECONDS_BETWEEN_TRIES)
    subprocess.run(["systemctl", "try-restart", unit], check=True)
    return f"restarted {unit}, as GET {path} got no answer {tries} times, and nobody else got one: {words}"


def progress(unit, port):
    """Return when a request was last answered, and how many bytes went through each open connection."""
    # gunicorn's hook post_request touches this file after each answer: see gunicorn.conf.py.
    file = os.path.join(RUNTIME, os.path.splitext(unit)[0], "answered")
    try:
        answered = os.stat(file).st_mtime_ns
    except OSError:
        answered = None
    return answered, connections(port)


def moved(before, after):
    """Return whether a request ended in between, or data moved on a connection that stays open.

    Neither happens if all threads of a server wait for each other. A new connection proves nothing: the kernel accepts
    it.
    """
    there = before[1].keys() & after[1].keys()
    return before[0] != after[0] or any(before[1][each] != after[1][each] for each in there)


def connections(port):
    """Return {cookie: (bytes that the client received, bytes that the server read)} of the port's open connections.

    The kernel gives each connection a cookie, see sock_diag(7). Empty if the kernel does not report connections.
    """
    found = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            found.update(diagnosed(family, port))
    return found


def diagnosed(family, port):
    established, info = 1 << 1, 1 << (2 - 1)  # TCP_ESTABLISHED, INET_DIAG_INFO
    query = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, info, established) + struct.pack("!H46x", port)
    header = struct.pack("=IHHII", 16 + len(query), 20, 0x301, 0, 0)  # SOCK_DIAG_BY_FAMILY, REQUEST | DUMP
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag:  # NETLINK_SOCK_DIAG
        diag.settimeout(5)
        diag.sendto(header + query, (0, 0))
        while True:
            answer = diag.recv(1 << 20)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind != 20:  # NLMSG_DONE, or an error
                    return
                message, answer = answer[16:length], answer[(length + 3) & ~3 :]
                cookie, (queued,) = message[44:52], struct.unpack_from("=I", message, 56)
                for attribute, value in attributes(message[72:]):
                    if attribute == 2 and len(value) >= 136:
                        acknowledged, received = struct.unpack_from("=QQ", value, 120)
                        yield cookie, (acknowledged, received - queued)


def attributes(data):
    """Yield (type, value) of each netlink attribute."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind, data[4:length]
        data = data[(length + 3) & ~3 :]


def main(verb, *arguments):
    try:
        if verb == "gate":
            config, path, seconds, *host = arguments
            wrong = gate(config, path, int(seconds), *host)
            if wrong:
                sys.exit("\n".join(filter(None, wrong)))
        else:
            address, port, path, seconds, unit, *more = arguments
            done = watch(address, int(port), path, int(seconds), unit, *more[:1], *map(int, more[1:]))
            if done:
                print(done)
    except (OSError, subprocess.SubprocessError) as error:
        # For example, another run removed the release or this script in between.
        sys.exit(f"the release could not be tried: {error}" if verb == "gate" else str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
