"""A stop of the production server: who is in is answered, who comes is refused, and nothing holds it up for ever."""

from __future__ import annotations

import errno
import math
import random
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from program import PATIENCE_SECONDS, children_of, needs_proc, wait_until
from small_server import SCRIPT, answer_on, ask_slowly, connect, run_script, script_with

from search_app.server import STOP_SECONDS, _drop_new_connections, bind_socket, socket_url
from search_app.server_worker import PatientWorker

SO_LOCK_FILTER = 44
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="nowhere else a stop shuts the socket first")


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_finishes_the_request_under_way(number: signal.Signals, tmp_path: Path) -> None:
    with run_script(SCRIPT) as (process, url), connect(url) as line:
        ask_slowly(process, line, tmp_path / "now")
        process.send_signal(number)
        # The process that has nothing to do ends at once.
        wait_until(lambda: len(children_of(process.pid)) == 1)
        assert process.poll() is None
        (tmp_path / "now").touch()
        assert answer_on(line, len(b"done")).endswith(b"done")
        line.close()
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
    script = script_with("ARRIVE_SECONDS", 600).replace(
        "STOP_SECONDS = 600", "ACCEPT_SECONDS = 600\nsearch_app.server.STOP_SECONDS = 1200"
    )
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


class Parent:
    """Counts how often a worker tells that it lives."""

    told = 0

    def notify(self) -> None:
        """Take note."""
        self.told += 1


def test_a_worker_tells_that_it_lives_when_it_is_due_and_at_every_turn_of_a_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter((1000.0, 1000.0, 1000.1, 1000.3, 1000.3, 1002.0, 1002.0))
    monkeypatch.setattr("search_app.server_worker.time", SimpleNamespace(monotonic=lambda: next(moments)))
    worker = object.__new__(PatientWorker)
    worker._waiting, worker._parting, worker._stops, worker._looks = {}, {}, math.inf, 0.0
    worker.alive, worker.tmp = True, Parent()
    told = []
    for _turn in range(6):
        worker.notify()
        told.append(worker.tmp.told)
    assert told == [1, 1, 1, 2, 2, 3]
    worker.alive = False
    worker.notify()
    assert worker.tmp.told == 4


def test_a_request_that_is_on_its_way_when_the_stop_comes_is_answered() -> None:
    with run_script(script_with("ARRIVE_SECONDS", 600)) as (process, url), connect(url) as line, connect(url) as half:
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


def test_an_idle_connection_does_not_hold_up_a_stop() -> None:
    with run_script(SCRIPT) as (process, url), connect(url) as idle:
        idle.sendall(b"GET /length?q=abc HTTP/1.1\r\nHost: here\r\n\r\n")
        assert answer_on(idle).endswith(b"3")
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


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
