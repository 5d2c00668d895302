"""The production server: addresses that cannot be had, slow and strange clients, workers that die."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest
from program import PATIENCE_SECONDS, children_of, needs_proc, wait_until
from small_server import SCRIPT, answer_on, connect, read, run_script, script_with

from search_app.errors import ServeError
from search_app.server import (
    MAX_REQUEST_LINE_BYTES,
    THREADS,
    _bind_problem,
    bind_socket,
    socket_url,
)

PATIENT_GUNICORN = """
import functools
import gunicorn.util
gunicorn.util.close_graceful = functools.partial(gunicorn.util.close_graceful, timeout=600)
"""
"""What makes gunicorn wait ten minutes where its own loop waits, so that it does not pass by being slow."""


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process of a small application, and its address."""
    with run_script(SCRIPT) as running:
        yield running


@pytest.fixture(scope="module")
def kept_server() -> Iterator[str]:
    """The address of a server that no test stops."""
    with run_script(SCRIPT) as (_, url):
        yield url


def test_a_client_that_does_not_hang_up_holds_nobody_up() -> None:
    """Nor is its answer lost, though it sends what nobody reads."""
    script = PATIENT_GUNICORN + script_with("PART_SECONDS", 600)
    with run_script(script) as (process, url):
        lines = [connect(url) for _ in range(8 * THREADS)]
        try:
            for line in lines:
                line.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
                assert answer_on(line).endswith(b"3")
                line.sendall(b"and more")
            for _ in range(8):
                assert read(f"{url}length?q=abcd") == "4"
        finally:
            for line in lines:
                line.close()
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_client_that_does_not_hang_up_is_given_up() -> None:
    script = script_with("PART_SECONDS", 0.5)
    with run_script(script) as (process, url), connect(url) as line, connect(url) as flood:
        for one in (line, flood):
            one.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            assert answer_on(one).endswith(b"3")
        with pytest.raises(ConnectionError):
            flood.sendall(b"a" * 50_000_000)
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


@needs_proc
def test_a_worker_that_dies_is_replaced(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    wait_until(lambda: len(children_of(process.pid)) == 2)
    first = children_of(process.pid)
    for worker in first:
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(set(children_of(process.pid)) - set(first)) == 2)
    assert read(f"{url}length?q=abcd") == "4"


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


HALVES = {
    "nothing": b"",
    "half a line": b"GET /length?q=abc HT",
    "half a head": b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\nX-Slow: ",
    "empty lines": b"\r\n\r\n\r\n",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES.keys())
def test_half_requests_hold_nobody_up(half: bytes, server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    lines = [connect(url) for _ in range(8 * THREADS)]
    try:
        for line in lines:
            line.sendall(half)
        for _ in range(8):
            assert read(f"{url}length?q=abcd") == "4"
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        for line in lines:
            line.close()


def test_a_request_that_comes_in_pieces_is_answered(kept_server: str) -> None:
    url = kept_server
    with connect(url) as line:
        for piece in (b"GET /len", b"gth?q=abc HTTP/1.1\r\nHost:", b" here\r\n", b"\r", b"\nGET /length?q=ab"):
            line.sendall(piece)
            time.sleep(0.05)
        assert answer_on(line).endswith(b"3")
        line.sendall(b" HTTP/1.1\r\nHost: here\r\n\r\n")
        assert answer_on(line).endswith(b"2")


@pytest.mark.parametrize("header", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
def test_a_body_is_not_waited_for(header: bytes, kept_server: str) -> None:
    url = kept_server
    with connect(url) as line:
        line.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\n" + header + b"\r\n\r\n")
        answer = answer_on(line)
        assert answer.endswith(b"3")
        assert b"Connection: close" in answer
    with connect(url) as line:
        line.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n")
        assert b"Connection: close" not in answer_on(line)


def test_a_request_that_never_comes_is_given_up() -> None:
    script = script_with("HEAD_SECONDS", 0.5)
    with run_script(script) as (_, url), connect(url) as line:
        line.sendall(b"GET /length?q=abc HTTP/1.1\r\n")
        with suppress(ConnectionResetError):
            assert line.recv(4096) == b""


def test_a_reader_that_takes_nothing_is_given_up() -> None:
    script = script_with("SEND_SECONDS", 1)
    with run_script(script) as (process, url):
        lines = [connect(url) for _ in range(4 * THREADS)]
        try:
            for line in lines:
                line.sendall(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
            time.sleep(0.5)
            # Several, since one may meet a process that the others did not.
            for _ in range(6):
                assert read(f"{url}length?q=abcd") == "4"
        finally:
            for line in lines:
                line.close()
        process.terminate()
        assert process.communicate(timeout=PATIENCE_SECONDS)[1] == ""


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        pytest.param(b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\nHost: here\r\n\r\n", {400, 414}, id="line"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 2**20 + b"\r\n\r\n", {400, 431}, id="header"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 5000 + b"\r\n", {400, 431}, id="headers"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: x\r\n\r\n", {400}, id="length in words"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n", {400}, id="length below 0"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", {400}, id="another protocol"),
    ],
)
def test_what_is_larger_or_stranger_than_a_request_is_refused(
    sent: bytes, statuses: set[int], kept_server: str
) -> None:
    url = kept_server
    with connect(url) as line:
        try:
            line.sendall(sent)
            answer = line.recv(4096)
        except ConnectionError:
            answer = b""  # It was refused while it was still being sent.
        assert status_of(answer) in {0, *statuses}, answer
    assert read(f"{url}length?q=abcd") == "4"


def test_long_request_lines_are_read_and_longer_ones_refused(kept_server: str) -> None:
    url = kept_server
    assert read(f"{url}length?q={'a' * 20_000}") == "20000"
    with pytest.raises(urllib.request.HTTPError) as refused:
        read(f"{url}length?q={'a' * MAX_REQUEST_LINE_BYTES}")
    assert refused.value.code in (400, 414)  # by gunicorn's version
    refused.value.close()


def test_a_port_that_is_taken_is_named() -> None:
    with bind_socket("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(ServeError, match=rf"Port {port} on 127\.0\.0\.1 is taken.*--port"):
            bind_socket("127.0.0.1", port)


def test_a_port_can_be_taken_again_at_once() -> None:
    with bind_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
    with bind_socket("127.0.0.1", port) as second:
        assert second.getsockname()[1] == port


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.7", "a" * 300, "\x00", "2001:db8::7"])
def test_a_host_that_cannot_be_had_is_refused_with_advice(host: str) -> None:
    with pytest.raises(ServeError, match="--host"):
        bind_socket(host, 0)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        pytest.param(errno.EADDRINUSE, "is taken by another program", id="taken"),
        pytest.param(errno.EACCES, "Choose one from 1024", id="privileged"),
        pytest.param(errno.EADDRNOTAVAIL, "not an address of this machine", id="elsewhere"),
        pytest.param(errno.ENOBUFS, "Nothing can be served on here, port 80", id="anything else"),
    ],
)
def test_every_reason_has_its_sentence(number: int, advice: str) -> None:
    assert advice in _bind_problem(OSError(number, os.strerror(number)), "here", 80)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")]
)
def test_the_address_shown_is_one_that_a_browser_opens(host: str, shown: str) -> None:
    try:
        bound = bind_socket(host, 0)
    except ServeError as error:
        pytest.skip(f"no such address here: {error}")
    with bound:
        assert socket_url(bound) == f"http://{shown}:{bound.getsockname()[1]}/"
