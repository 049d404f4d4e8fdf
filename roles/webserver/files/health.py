# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the application for its health path, and act on the answer. Any Python from 3.7, standard library alone.

health.py gate CONFIG PATH SECONDS
    Serves the application of this folder at a socket in a folder of its own, and asks there. What is wrong goes to
    stderr, the application's own traceback first.
health.py watch HOST PORT PATH SECONDS UNIT
    Asks at the port, as a client does. Restarts the unit if it is active and gives no answer three times over.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

TRIES = 3
SECONDS_BETWEEN_TRIES = 1
# The last of the chained ones says what the application itself did wrong, the first why the server gives up.
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*^[^\s].*$", re.MULTILINE)

FRAME = '\n  File "'
# That it starts, and how, is no reason for anything.
OF_GUNICORN = re.compile(r"^\[[^]]*\] \[\d+\] \[(?:DEBUG|INFO)\] .*\n", re.MULTILINE)


class Connection(http.client.HTTPConnection):
    """To a socket in the file system, where the host is its path."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def ask(connection, path):
    """Returns the status and the first bytes of the body. Raises OSError or http.client.HTTPException."""
    try:
        connection.request("GET", path, headers={"Host": "localhost", "User-Agent": "webserver-health"})
        answer = connection.getresponse()
        return answer.status, answer.read(2000)
    finally:
        connection.close()


def gate(config, path, seconds):
    """Returns what is wrong, or None."""
    with tempfile.TemporaryDirectory() as folder:
        address = os.path.join(folder, "gate.sock")
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        with open(os.path.join(folder, "log"), "w+") as log, socket.socket(socket.AF_UNIX) as listener:
            # Given open, as systemd gives the real one; gunicorn would try to change the owner of one that it makes.
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
            listener.close()  # now a server that ends refuses connections, and this one does not hold them
            wrong = wrong_of(server, address, path, seconds)
            # Nobody else asks it anything. With its worker, which may hang: systemd would wait for that.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            log.seek(0)
            return wrong and (explain(log.read()), wrong)


def wrong_of(server, address, path, seconds):
    """Returns what is wrong, or None. The question waits in the socket until the application is imported."""
    try:
        status, body = ask(Connection(address, timeout=seconds), path)
    except (OSError, http.client.HTTPException) as error:
        try:
            return f"the application could not be imported (gunicorn ended with {server.wait(timeout=1)})"
        except subprocess.TimeoutExpired:
            return f"GET {path} got no answer within {seconds} seconds: {error or type(error).__name__}"
    return None if 200 <= status < 400 else f"GET {path} answered {status}: {first_line(body)}"


def first_line(body):
    text = re.sub(r"<[^>]*>", " ", body.decode(errors="replace"))
    words = " ".join(text.split())
    return words if len(words) <= 200 else words[:199] + "…"


def explain(log):
    """The application's own traceback, or the end of what it said where there is none."""
    tracebacks = [match.group() for match in TRACEBACK.finditer(log)]
    return own_part(tracebacks[0]) if tracebacks else "\n".join(OF_GUNICORN.sub("", log).splitlines()[-20:])


def own_part(traceback):
    """From the first frame in this folder on: those before are of the server, which only called."""
    head, *frames = traceback.split(FRAME)
    own = next((number for number, frame in enumerate(frames) if frame.startswith(os.getcwd() + os.sep)), 0)
    return FRAME.join([head, *frames[own:]])


def watch(host, port, path, seconds, unit):
    """Returns what was done, or None."""
    for _attempt in range(TRIES):
        if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode != 0:
            return None  # stopped
        try:
            ask(http.client.HTTPConnection(host, port, timeout=seconds), path)
            return None  # any answer will do: who says 500 does not hang
        except ConnectionRefusedError:
            return None  # it does not listen yet, or has ended, and then systemd starts it
        except (OSError, http.client.HTTPException) as error:
            said = str(error) or type(error).__name__
        time.sleep(SECONDS_BETWEEN_TRIES)
    subprocess.run(["systemctl", "try-restart", unit], check=True)
    return f"restarted {unit}, as GET {path} got no answer {TRIES} times: {said}"


def main(verb, *arguments):
    if verb == "gate":
        config, path, seconds = arguments
        wrong = gate(config, path, int(seconds))
        if wrong:
            sys.exit("\n".join(filter(None, wrong)))
    else:
        host, port, path, seconds, unit = arguments
        done = watch(host, int(port), path, int(seconds), unit)
        if done:
            print(done)


if __name__ == "__main__":
    main(*sys.argv[1:])
