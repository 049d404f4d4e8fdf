# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load against servers that each misbehave in one way."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest

PROGRAM = pathlib.Path(__file__).parents[1] / "load.py"
SPEC = importlib.util.spec_from_file_location("load", PROGRAM)
load = importlib.util.module_from_spec(SPEC)
sys.modules["load"] = load  # dataclasses look up the module of their annotations there
SPEC.loader.exec_module(load)

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello World\n"
RESET = b"\x01\0\0\0\0\0\0\0"  # SO_LINGER: on, 0 seconds


@contextlib.contextmanager
def serve(behave, host="127.0.0.1"):
    """Start a server that handles each connection with behave(its number, reader, writer). Yields its URL."""
    loop = asyncio.new_event_loop()
    connections = iter(range(10**9))

    async def handle(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await behave(next(connections), reader, writer)
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(handle, host, 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        server.close()
        loop.close()


async def request(reader):
    return await reader.readuntil(b"\r\n\r\n")


async def answer(reader, writer, with_=RIGHT, times=10**9):
    for _time in range(times):
        last = b"Connection: close" in await request(reader)
        writer.write(with_)
        if last:
            return


def reset(writer):
    """Close the connection so that the other side sees a reset, not an end of stream."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def run(url, requests=40, **options):
    options = {"clients": 4, "requests_per_second": None, "at_most": requests, "seconds": 20, **options}
    with load.Load(url, options.pop("expect", ["Hello World"]), **options) as running:
        running.wait()
    return running.result


def counts(result):
    """Return every count of failures and retries that is not 0."""
    names = ("failed", "retried", "refused", "cut", "wrong", "timed_out")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


def test_right_answers_are_no_failures():
    async def behave(_number, reader, writer):
        await answer(reader, writer)

    with serve(behave) as url:
        result = run(url, 400)
    assert counts(result) == {}
    assert result.requests == 400
    assert result.ended_by == "at_most"
    assert result.bodies == {"Hello World": 400}
    assert result.on_new_connections + result.on_kept_connections == 400
    assert result.on_kept_connections > 100
    assert result.on_new_connections > 100


def test_half_of_the_clients_keep_their_connections():
    asked = {}

    async def behave(number, reader, writer):
        while True:
            asked.setdefault(number, []).append(b"Connection: close" in await request(reader))
            writer.write(RIGHT)

    with serve(behave) as url:
        run(url, 1000)
    lengths = [len(each) for each in asked.values()]
    assert lengths.count(1) > 200
    assert len({length for length in lengths if length > 1}) > 3, "the kept ones end at random"
    assert max(lengths) <= 50
    assert all(not any(each[:-1]) for each in asked.values()), "'Connection: close' is said with the last request only"


def test_refused():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = run(f"http://127.0.0.1:{port}/")
    assert counts(result) == {"failed": 40, "refused": 40}
    assert "Errno 111" in result.failures[0]["reason"]
    assert result.failures[0]["connection"] == "new"
    assert len(result.failures) == 20


@pytest.mark.parametrize("close", [lambda writer: None, reset], ids=["closed", "reset"])
@pytest.mark.parametrize(
    "sent", [b"", b"H", RIGHT[:25], RIGHT[:-1]], ids=["nothing", "a byte", "half a head", "half a body"]
)
def test_cut_on_a_new_connection_is_not_retried(close, sent):
    async def behave(_number, reader, writer):
        await request(reader)
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(0.01)  # a reset must not overtake the data
        close(writer)

    with serve(behave) as url:
        result = run(url)
    assert counts(result) == {"failed": 40, "cut": 40}


def test_cut_before_the_request_was_read():
    async def behave(_number, _reader, writer):
        reset(writer)

    with serve(behave) as url:
        result = run(url)
    assert result.failed == 40
    assert result.retried == 0


@pytest.mark.parametrize("close", [lambda writer: None, reset], ids=["closed", "reset"])
def test_kept_connection_closed_without_an_answer_is_retried(close):
    async def behave(_number, reader, writer):
        await answer(reader, writer, times=1)
        await request(reader)
        close(writer)

    with serve(behave) as url:
        result = run(url)
    assert set(counts(result)) == {"retried"}
    assert result.retried == result.on_kept_connections


def test_idle_kept_connection_that_the_server_closes_is_retried():
    async def behave(_number, reader, writer):
        await answer(reader, writer, times=1)

    with serve(behave) as url:
        result = run(url, requests_per_second=200)
    assert set(counts(result)) == {"retried"}
    assert result.retried == result.on_kept_connections


@pytest.mark.parametrize("close", [lambda writer: None, reset], ids=["closed", "reset"])
def test_kept_connection_closed_within_an_answer_is_not_retried(close):
    async def behave(_number, reader, writer):
        await answer(reader, writer, times=1)
        await request(reader)
        writer.write(RIGHT[:1])
        await writer.drain()
        await asyncio.sleep(0.01)
        close(writer)

    with serve(behave) as url:
        result = run(url)
    assert set(counts(result)) == {"failed", "cut"}
    assert result.cut == result.on_kept_connections
    assert result.failures[0]["connection"] == "kept"


def test_the_second_try_is_the_last():
    async def behave(number, reader, writer):
        if number == 0:
            await answer(reader, writer, times=1)
        await request(reader)

    with serve(behave) as url:
        running = load.Load(url, ["Hello World"])
        result = asyncio.run(two_requests(running))
    assert counts(result) == {"failed": 1, "cut": 1, "retried": 1}
    assert result.failures[0]["connection"] == "kept"


async def two_requests(running):
    connection = await running._request(None, is_last=False)
    assert await running._request(connection, is_last=False) is None
    return running.result


@pytest.mark.parametrize(
    "wrong",
    [
        RIGHT.replace(b"200 OK", b"503 Service Unavailable"),
        RIGHT.replace(b"World", b"Wurld"),
        RIGHT.replace(b"12", b"5"),
        b"HTTP/1.1 200 OK\r\n\r\nHello World\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["status", "body", "length", "no length", "not HTTP"],
)
def test_wrong(wrong):
    async def behave(_number, reader, writer):
        await answer(reader, writer, wrong)

    with serve(behave) as url:
        result = run(url)
    assert counts(result) == {"failed": 40, "wrong": 40}


def test_wrong_status_with_the_right_body_on_a_kept_connection_is_not_retried():
    async def behave(_number, reader, writer):
        await answer(reader, writer, times=1)
        await answer(reader, writer, RIGHT.replace(b"200", b"500"))

    with serve(behave) as url:
        result = run(url)
    assert set(counts(result)) == {"failed", "wrong"}


def test_late_answers_fail_and_slow_ones_do_not():
    async def behave(number, reader, writer):
        await request(reader)
        await asyncio.sleep(0.4 if number % 2 else 0.05)
        writer.write(RIGHT.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))

    with serve(behave) as url:
        result = run(url, 20, timeout=0.2)
    assert set(counts(result)) == {"failed", "timed_out"}
    assert result.bodies == {"Hello World": 20 - result.timed_out}
    assert 0.2 <= result.longest_seconds < 0.4


def test_a_kept_connection_is_not_retried_after_a_time_out():
    async def behave(_number, reader, writer):
        await answer(reader, writer, times=1)
        await request(reader)
        await asyncio.sleep(0.4)

    with serve(behave) as url:
        result = run(url, 8, timeout=0.1)
    assert set(counts(result)) == {"failed", "timed_out"}


def test_more_than_one_page_may_be_right():
    async def behave(number, reader, writer):
        await answer(reader, writer, RIGHT if number % 2 else RIGHT.replace(b"World", b"again"))

    with serve(behave) as url:
        assert counts(run(url, expect=["Hello World", "Hello again"])) == {}
        result = run(url, expect=["Hello again"])
    assert set(counts(result)) == {"failed", "wrong"}
    assert set(result.bodies) == {"Hello World", "Hello again"}


@pytest.mark.parametrize(
    "last",
    [RIGHT.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), RIGHT.replace(b"HTTP/1.1", b"HTTP/1.0")],
    ids=["close", "HTTP 1.0"],
)
def test_a_server_that_closes_after_saying_so_needs_no_second_try(last):
    async def behave(_number, reader, writer):
        await answer(reader, writer, last, times=1)

    with serve(behave) as url:
        result = run(url)
    assert counts(result) == {}
    assert result.on_kept_connections == 0


def test_an_answer_in_pieces():
    async def behave(_number, reader, writer):
        await request(reader)
        for byte in RIGHT.replace(b"OK\r\n", b"OK\r\nconnection: Close\r\n"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    with serve(behave) as url:
        assert counts(run(url)) == {}


def test_ipv6():
    async def behave(_number, reader, writer):
        await answer(reader, writer)

    with serve(behave, "::1") as url:
        assert counts(run(url)) == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/",
        "http://[2001:db8::1]/",
        "http://0.0.0.0:5000/",
        "http://[::ffff:192.0.2.1]/",
        "http://example.com/",
        "http://localhost.example.com/",
        "https://127.0.0.1/",
        "127.0.0.1:5000",
        "",
    ],
)
def test_only_this_machine_is_loaded(url):
    with pytest.raises(ValueError, match="for this machine alone"):
        load.Load(url, ["Hello World"])


def test_it_runs_in_the_background_until_it_is_stopped():
    async def behave(_number, reader, writer):
        await answer(reader, writer)

    with serve(behave) as url, load.Load(url, ["Hello World"], requests_per_second=500) as running:
        running.wait_for(100)
    assert running.result.requests >= 100
    assert running.result.ended_by == "stop"
    assert running.result.seconds > 0.1, "it keeps to its pace"


def test_a_load_that_ended_too_early_is_reported():
    async def behave(_number, reader, writer):
        await answer(reader, writer)

    too_early = pytest.raises(RuntimeError, match="ended by at_most after 10 requests")
    with too_early, serve(behave) as url, load.Load(url, ["Hello World"], at_most=10) as running:
        running.wait_for(11)
    with serve(behave) as url, load.Load(url, ["Hello World"], seconds=0.2) as running:
        running.wait()
    assert running.result.ended_by == "seconds"
    assert running.result.seconds < 2


def test_the_command():
    async def behave(_number, reader, writer):
        await answer(reader, writer)

    with serve(behave) as url:
        arguments = [sys.executable, PROGRAM, url, "--at-most", "50", "--requests-per-second", "0", "--expect"]
        good = subprocess.run([*arguments, "Hello World"], stdout=subprocess.PIPE, text=True, check=False)
        bad = subprocess.run([*arguments, "Hello"], stdout=subprocess.PIPE, text=True, check=False)
    assert good.returncode == 0
    assert json.loads(good.stdout)["requests"] == 50
    assert bad.returncode == 1
    told = json.loads(bad.stdout)
    assert told["wrong"] == told["failed"] == 50
    assert told["bodies"] == {"Hello World": 50}
    assert told["failures"][0]["at"].endswith("+00:00")


# Runs the program, and sends it a signal as soon as its thread runs, on a busy machine before the main thread.
EARLY = """
import os, runpy, sys, threading
start, number = threading.Thread.start, int(sys.argv.pop(1))
def start_and_stop(thread):
    start(thread)
    os.kill(os.getpid(), number)
threading.Thread.start = start_and_stop
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["once it has asked", "before it waits"])
def test_the_command_ends_by_a_signal_too(when, number):
    asked = threading.Event()

    async def behave(_number, reader, writer):
        await request(reader)
        asked.set()
        writer.write(RIGHT)

    early = ["-c", EARLY, str(int(number))] if when == "before it waits" else []
    with serve(behave) as url:
        command = [sys.executable, *early, PROGRAM, url, "--expect", "Hello World"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            try:
                if not early:
                    assert asked.wait(20)
                    running.send_signal(number)
                told = json.loads(running.communicate(timeout=20)[0])
            finally:
                running.kill()
    assert told["ended_by"] == "stop"
    assert told["failed"] == 0
    assert running.returncode == 0


def test_the_command_refuses_other_machines():
    arguments = [sys.executable, PROGRAM, "http://0.0.0.0:9/", "--expect", "x"]  # this address reaches this machine too
    done = subprocess.run(arguments, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "load.py: error: http://0.0.0.0:9/: a load is for this machine alone"
    )
