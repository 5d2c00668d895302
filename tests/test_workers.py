"""The processes that share a build: work comes back in full, and one that is lost is told whatever it was doing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection

import pytest
from program import needs_proc, runs, wait_until

from search_app.archive.workers import Pool

FORK = multiprocessing.get_context("fork")
LARGE = 3_000_000


def begin(*_: object) -> None:
    """Nothing to begin with."""


def doubled(number: int) -> int:
    return number * 2


def pid_of(_: int) -> int:
    return os.getpid()


def large(_: int) -> bytes:
    return bytes(LARGE)


def sleep(_: int) -> None:
    time.sleep(600)


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> None:
    raise KeyError(number)


def die_within_large_answers() -> None:
    """In a worker: be killed when the first bytes of a large answer have been written, as for want of memory."""
    send = Connection._send  # type: ignore[attr-defined]

    def sends(self: Connection, data: bytes, *rest: object) -> None:
        if len(data) >= LARGE:
            os.write(self.fileno(), bytes(data[:100]))
            os.kill(os.getpid(), signal.SIGKILL)
        send(self, data, *rest)

    Connection._send = sends  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_piece_of_work_is_answered(method: str) -> None:
    threads = threading.active_count()
    with Pool(2, multiprocessing.get_context(method), begin) as pool:
        futures = [pool.submit(doubled, number) for number in range(200)]
        assert [pool.result(future) for future in futures] == [number * 2 for number in range(200)]
        assert len(pool.result(pool.submit(large, 0))) == LARGE
        assert os.getpid() not in {pool.result(pool.submit(pid_of, n)) for n in range(4)}
    assert multiprocessing.active_children() == []
    assert threading.active_count() == threads


def test_an_error_of_the_work_is_the_caller_s_and_says_where_it_was() -> None:
    with Pool(2, FORK, begin) as pool:
        with pytest.raises(KeyError, match="7") as caught:
            pool.result(pool.submit(fail, 7))
        assert "in fail" in "".join(caught.value.__notes__)
        assert pool.result(pool.submit(doubled, 3)) == 6, "the process works on"


def use(ask: Callable[[Pool], object], start: Callable[..., None] = begin, *arguments: object) -> None:
    """Let ``ask`` use a pool of two."""
    with Pool(2, FORK, start, arguments) as pool:
        ask(pool)


def lose_within_an_answer(pool: Pool) -> None:
    assert pool.result(pool.submit(doubled, 1)) == 2
    pool.result(pool.submit(large, 0))


def lose_while_another_works(pool: Pool) -> None:
    slow = pool.submit(sleep, 0)
    pool.submit(die, 0)
    pool.result(slow)


def lose_with_nothing_to_do(pool: Pool) -> None:
    pool.result(pool.submit(doubled, 1))
    idle = multiprocessing.active_children()[0]
    assert idle.pid is not None
    os.kill(idle.pid, signal.SIGKILL)


def lose_and_go_on(pool: Pool) -> None:
    with pytest.raises(BrokenProcessPool):
        pool.result(pool.submit(die, 0))
    pool.result(pool.submit(doubled, 1))


@pytest.mark.parametrize(
    ("ask", "start"),
    [
        pytest.param(lose_within_an_answer, die_within_large_answers, id="within an answer"),
        pytest.param(lose_while_another_works, begin, id="at work"),
        pytest.param(lose_with_nothing_to_do, begin, id="idle"),
        pytest.param(lose_and_go_on, begin, id="and more work"),
        pytest.param(lambda pool: pool.result(pool.submit(doubled, 1)), lambda: fail(1), id="at its start"),
    ],
)
def test_a_lost_worker_is_told_and_the_others_end(ask: Callable[[Pool], object], start: Callable[..., None]) -> None:
    with pytest.raises(BrokenProcessPool):
        use(ask, start)
    assert multiprocessing.active_children() == []


def test_an_interrupt_of_the_terminal_is_for_the_builder_alone() -> None:
    """It meets all processes of a build at once; one that ended of it would be taken for lost."""
    with Pool(2, FORK, begin) as pool:
        pids = {process.pid for process in multiprocessing.active_children()}
        for pid in pids:
            assert pid is not None
            os.kill(pid, signal.SIGINT)
        assert [pool.result(pool.submit(doubled, number)) for number in range(50)] == list(range(0, 100, 2))
        assert {process.pid for process in multiprocessing.active_children()} == pids


def test_leaving_early_waits_for_nobody() -> None:
    threads = threading.active_count()

    def leave(pool: Pool) -> None:
        for _ in range(9):
            pool.submit(sleep, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use(leave)
    assert multiprocessing.active_children() == []
    assert threading.active_count() == threads


def test_no_room_for_a_thread_is_a_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the processes that were started before are gone."""

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(MemoryError, match="new thread"):
        use(lose_with_nothing_to_do)
    assert multiprocessing.active_children() == []


@needs_proc
def test_workers_end_with_their_builder() -> None:
    """Even one that is killed, and while its workers work."""
    reading, writing = FORK.Pipe(duplex=False)

    def build() -> None:
        with Pool(2, FORK, begin) as pool:
            pids = [process.pid for process in multiprocessing.active_children()]
            pool.submit(sleep, 0)
            writing.send(pids)
            time.sleep(600)

    builder = FORK.Process(target=build)
    builder.start()
    pids = reading.recv()
    assert len(pids) == 2
    builder.kill()
    builder.join()
    wait_until(lambda: not any(map(runs, pids)))
