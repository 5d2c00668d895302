"""Processes that share the work of a build: they end with their builder, and it never waits for one that is lost.

In: work. Out: its results, or an error. Each process has a pipe of its own to its builder, whose other end nobody else
holds, and a thread of the builder that attends to it: a process that is killed, be it in the middle of an answer, is an
end of that pipe. Where all share one pipe, as in the standard library's pool, the rest of such an answer is waited for
until somebody looks.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Self, TypeVar

SECONDS = 1.0
"""How long a worker may outlive its builder, and a builder not notice that a thread of its pool has failed."""
Result = TypeVar("Result")
Work = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


def may_fork() -> bool:
    """Tell whether a process may be forked: where other threads run, it could copy a lock in their hands."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


class Pool:
    """Some processes, for the length of a ``with`` block.

    start : called in each of them with ``arguments`` before its first work.
    Raises BrokenProcessPool where a process was killed, though nobody may have waited for it, and MemoryError where
    there is no room for another thread.
    """

    def __init__(
        self, jobs: int, context: BaseContext, start: Callable[..., None], arguments: tuple[Any, ...] = ()
    ) -> None:
        self._waiting: SimpleQueue[Work | None] = SimpleQueue()
        self._broken = False
        self._processes: list[BaseProcess] = []
        self._connections: list[Connection] = []
        self._threads: list[threading.Thread] = []
        try:
            # All processes first: one that is forked while threads run could copy a lock in their hands.
            for _ in range(jobs):
                self._add_process(context, start, arguments)
            for connection in self._connections:
                self._add_thread(connection)
        except BaseException:
            self._end()
            raise

    def _add_process(self, context: BaseContext, start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        ours, theirs = context.Pipe()
        # A forked process has the ends of those before it as well, but only the builder's: theirs are closed by then.
        with theirs:
            self._connections.append(ours)
            process = context.Process(target=_serve, args=(theirs, os.getpid(), start, arguments))  # type: ignore[attr-defined]
            with _interrupts_held(), warnings.catch_warnings():
                # Threads of numeric libraries, which no worker uses, are none that Python need warn of.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
                self._processes.append(process)

    def _add_thread(self, connection: Connection) -> None:
        thread = threading.Thread(target=self._attend, args=(connection,), daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise MemoryError(str(error)) from error
        self._threads.append(thread)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None and not self._broken:
            self._wait()
        lost = self._broken or any(process.exitcode for process in self._processes)
        self._end()
        if error[0] is None and lost:
            raise _lost()

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Hand in work."""
        future: Future[Result] = Future()
        self._waiting.put((future, work, arguments))
        return future

    def result(self, future: Future[Result]) -> Result:
        """Wait for the result of work that was handed in."""
        while True:
            try:
                return future.result(timeout=SECONDS)
            except TimeoutError:
                if not all(thread.is_alive() for thread in self._threads) and not future.done():
                    raise MemoryError("A thread that attends to a process has failed.") from None

    def _attend(self, connection: Connection) -> None:
        """Give one process its work, one after the other, until there is no more."""
        while work := self._waiting.get():
            future, *message = work
            if not future.set_running_or_notify_cancel():
                continue
            if self._broken:
                future.set_exception(_lost())
                continue
            try:
                connection.send(message)
                done, answer = connection.recv()
            except (EOFError, OSError):
                # What the others do is of no use any more.
                self._broken = True
                self._kill()
                future.set_exception(_lost())
            except BaseException as error:
                self._broken = True
                self._kill()
                future.set_exception(error)
            else:
                (future.set_result if done else future.set_exception)(answer)
        with suppress(OSError):
            connection.send(None)

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()

    def _wait(self) -> None:
        """Return when all work that was handed in is done, and threads and processes have ended."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.join()

    def _end(self) -> None:
        """End processes and threads that still run, whatever they do."""
        self._broken = True
        self._kill()
        self._wait()
        for connection in self._connections:
            connection.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let an interrupt wait for the end of the block, so that it does not meet a process that is being started."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _lost() -> BrokenProcessPool:
    return BrokenProcessPool("A process that shared the work has ended before it was done.")


def _serve(connection: Connection, builder: int, start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Be a worker: answer what comes until nothing does. Where that cannot go on, end without a word."""
    try:
        # An interrupt in a terminal meets the builder, which ends its workers; what its own signals do is not for them.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        threading.Thread(target=_end_with, args=(builder,), daemon=True).start()
        start(*arguments)
        while message := connection.recv():
            work, given = message
            try:
                answer = (True, work(*given))
            except BaseException as error:
                error.add_note(traceback.format_exc())
                answer = (False, error)
            connection.send(answer)
    except BaseException:
        os._exit(1)


def _end_with(builder: int) -> None:
    """End this process, without another word, once its builder has gone, which may have been before it could look."""
    while os.getppid() == builder:
        time.sleep(SECONDS)
    os._exit(1)
