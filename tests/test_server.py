"""The production server: addresses that cannot be had, a stop that finishes what is under way, requests too large."""

from __future__ import annotations

import errno
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
from program import PATIENCE_SECONDS, children_of, needs_proc, started, wait_until

from search_app.errors import ServeError
from search_app.server import (
    MAX_REQUEST_LINE_BYTES,
    STOP_SECONDS,
    THREADS,
    _bind_problem,
    _drop_new_connections,
    bind_socket,
    socket_url,
)
from search_app.server_worker import PatientWorker

SCRIPT = """
import sys
import time
from pathlib import Path
from flask import Flask, request
import search_app.server
from search_app.server import bind_socket, serve_app, socket_url

app = Flask("tried")
# So long that a stop which something holds up does not come about within the test.
search_app.server.STOP_SECONDS = 600

@app.get("/slow")
def slow():
    print("under way", flush=True)
    while not Path(request.args["until"]).exists():
        time.sleep(0.02)
    return "done"

@app.get("/large")
def large():
    return "a" * 20_000_000

@app.get("/length")
def length():
    return str(len(request.args["q"]))

bound = bind_socket("127.0.0.1", 0)
url = socket_url(bound)
serve_app(app, bound, workers=2, ready=lambda: print(f"Serving on {url}", flush=True))
"""
PATIENT_GUNICORN = """
import functools
import gunicorn.util
gunicorn.util.close_graceful = functools.partial(gunicorn.util.close_graceful, timeout=600)
"""
"""What makes gunicorn wait ten minutes where its own loop waits, so that it does not pass by being slow."""

# The same, and requests may take as long to arrive.
PATIENT_SCRIPT = SCRIPT.replace("bound =", "import search_app.server_worker as w\nw.ARRIVE_SECONDS = 600\nbound =")
SO_LOCK_FILTER = 44
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="nowhere else a stop shuts the socket first")


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


def run_script(script: str) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    return started([sys.executable, "-c", script])


def script_with(name: str, value: float) -> str:
    """Return the script with another value for a constant of the worker."""
    patch = f"import search_app.server_worker\nsearch_app.server_worker.{name} = {value}\n"
    return SCRIPT.replace("bound =", f"{patch}bound =")


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read().decode()


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_finishes_the_request_under_way(
    number: signal.Signals, server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, url = server
    assert process.stdout is not None
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(read(f"{url}slow?until={tmp_path}/now")))
    asking.start()
    assert process.stdout.readline() == "under way\n"
    process.send_signal(number)
    # The process that has nothing to do ends at once.
    wait_until(lambda: len(children_of(process.pid)) == 1)
    assert process.poll() is None
    (tmp_path / "now").touch()
    asking.join(PATIENCE_SECONDS)
    assert answers == ["done"]
    assert process.wait(PATIENCE_SECONDS) == 0


class Caller(threading.Thread):
    """Asks, each time over a new connection, until it is refused, and notes what is neither refused nor answered."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.answered = 0
        self.broken: list[str] = []

    def run(self) -> None:
        try:
            while True:
                with connect(self._url) as line:
                    line.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\n\r\n")
                    assert answer_on(line).endswith(b"3")
                self.answered += 1
        except ConnectionRefusedError:
            pass
        except (OSError, AssertionError) as error:
            self.broken.append(repr(error))


@needs_linux
@pytest.mark.parametrize("slow", [False, True], ids=["all quick", "one slow"])
def test_a_stop_under_load_answers_or_refuses_everybody(slow: bool, tmp_path: Path, rng: random.Random) -> None:
    """Nobody who was let in is sent away, at whatever moment the stop comes, even while one worker works on."""
    # Clients that the machine leaves waiting are not what is looked at.
    script = PATIENT_SCRIPT.replace("STOP_SECONDS = 600", "ACCEPT_SECONDS = 600\nsearch_app.server.STOP_SECONDS = 1200")
    for n in range(2):
        now = tmp_path / f"now{n}"
        with run_script(script) as (process, url), connect(url) as held:
            if slow:
                ask_slowly(process, held, now)
            callers = [Caller(url) for _ in range(24)]
            for caller in callers:
                caller.start()
            wait_until(lambda: all(caller.answered or caller.broken for caller in callers))  # noqa: B023
            time.sleep(rng.uniform(0, 0.1))
            process.terminate()
            for caller in callers:
                caller.join()
            if slow:
                assert process.poll() is None, "all are refused while the slow one is still under way"
                now.touch()
                assert answer_on(held, len(b"done")).endswith(b"done")
            held.close()
            assert [caller.broken for caller in callers if caller.broken] == []
            assert process.wait(PATIENCE_SECONDS) == 0


@needs_linux
def test_a_system_without_filters_refuses_new_clients_and_finishes_the_old(tmp_path: Path) -> None:
    """A locked socket takes no filter, as in a sandbox that knows none."""
    script = SCRIPT.replace("url =", f"import socket\nbound.setsockopt(socket.SOL_SOCKET, {SO_LOCK_FILTER}, 1)\nurl =")
    with run_script(script) as (process, url), connect(url) as held:
        ask_slowly(process, held, tmp_path / "now")
        process.terminate()
        wait_until(lambda: not listens(url))
        assert process.poll() is None
        (tmp_path / "now").touch()
        assert answer_on(held, len(b"done")).endswith(b"done")
        held.close()
        assert process.wait(PATIENCE_SECONDS) == 0


@needs_linux
def test_who_comes_during_a_stop_waits_and_is_refused_and_who_is_in_stays() -> None:
    with bind_socket("127.0.0.1", 0) as bound:
        bound.listen()
        url = socket_url(bound)
        with connect(url) as early, socket.socket() as late:
            _drop_new_connections(bound)
            late.setblocking(False)
            assert late.connect_ex(bound.getsockname()) == errno.EINPROGRESS
            accepted, _ = bound.accept()
            with accepted:
                early.sendall(b"asked")
                assert accepted.recv(5) == b"asked"
                assert select.select([], [late], [], 0.05)[1] == [], "neither in nor refused"
                bound.shutdown(socket.SHUT_RDWR)
                assert select.select([], [late], [], PATIENCE_SECONDS)[1] == [late]
                assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
                accepted.sendall(b"told")
                assert early.recv(4) == b"told"


@needs_linux
def test_a_worker_may_meet_a_socket_that_was_shut_before_it_is_told_to_stop() -> None:
    worker = object.__new__(PatientWorker)
    with bind_socket("127.0.0.1", 0) as bound:
        bound.listen()
        bound.shutdown(socket.SHUT_RDWR)
        worker.accept(bound)
    with pytest.raises(OSError, match="Bad file descriptor"):
        worker.accept(bound)


def test_a_request_that_is_on_its_way_when_the_stop_comes_is_answered() -> None:
    with run_script(PATIENT_SCRIPT) as (process, url), connect(url) as line, connect(url) as half:
        half.sendall(b"GET /length?q=abc HT")
        line.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\n\r\n")
        assert answer_on(line).endswith(b"3")
        process.terminate()
        wait_until(lambda: not listens(url))
        half.sendall(b"TP/1.1\r\nHost: here\r\n\r\n")
        answer = answer_on(half)
        assert answer.endswith(b"3") and b"Connection: close" in answer
        half.close()
        assert process.wait(PATIENCE_SECONDS) == 0


def listens(url: str) -> bool:
    """Return whether a server lets anybody in."""
    try:
        connect(url).close()
    except ConnectionRefusedError:
        return False
    return True


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


def test_an_idle_connection_does_not_hold_up_a_stop(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    with connect(url) as idle:
        idle.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\n\r\n")
        assert answer_on(idle).endswith(b"3")
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


@needs_proc
def test_a_stop_reaches_workers_that_are_just_starting() -> None:
    script = SCRIPT.replace(
        "import search_app.server\n",
        """import search_app.server
from gunicorn.workers.base import Worker
handle_signals = Worker.init_signals
def late(worker):
    time.sleep(1)
    handle_signals(worker)
Worker.init_signals = late
""",
    )
    with run_script(script) as (process, _):
        wait_until(lambda: children_of(process.pid))
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_request_that_never_ends_does_not_hold_up_a_stop_for_ever(tmp_path: Path) -> None:
    script = SCRIPT.replace("STOP_SECONDS = 600", "STOP_SECONDS = 2")
    with run_script(script) as (process, url), connect(url) as line:
        ask_slowly(process, line, tmp_path / "never")
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert STOP_SECONDS == 5, "so long where nobody chooses"


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)


def ask_slowly(process: subprocess.Popen[str], line: socket.socket, until: Path) -> None:
    """Send a request that is answered when a file exists, and return when it is under way."""
    line.sendall(f"GET /slow?until={until} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert process.stdout is not None
    assert process.stdout.readline() == "under way\n"


def answer_on(line: socket.socket, length: int = 1) -> bytes:
    """The next answer on a connection that is kept, with a body of so many bytes."""
    taken = b""
    while len(taken.partition(b"\r\n\r\n")[2]) < length:
        piece = line.recv(4096)
        assert piece, taken
        taken += piece
    return taken


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
