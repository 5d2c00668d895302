"""Processes that share the work of a build: they end with their builder, and it never waits for one that is lost.

In: work. Out: its results, or an error: a pool that has lost a process, or the means to talk to one, says so. A pool's
workers wait for work at a pipe that each of them holds open for the others: killed, their builder would leave them
waiting, with all the memory that they share, until somebody finds them.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.context import BaseContext
from typing import Any, Self, TypeVar

SECONDS = 1.0
"""How long a worker may outlive its builder, and a builder not notice that its pool has failed."""
Result = TypeVar("Result")


class Pool:
    """Some processes, for the length of a ``with`` block.

    start : called in each of them with ``arguments`` before its first work.
    Raises BrokenProcessPool where a process was killed, MemoryError where there is no room for another thread.
    """

    def __init__(
        self, jobs: int, context: BaseContext, start: Callable[..., None], arguments: tuple[Any, ...] = ()
    ) -> None:
        self._others = set(multiprocessing.active_children())
        self._failure: BaseException | None = None
        self._hook = threading.excepthook
        self._executor = ProcessPoolExecutor(jobs, context, _begin, (os.getpid(), start, arguments))

    def __enter__(self) -> Self:
        # A thread of the executor that dies tells nobody, and leaves whoever waits for a result waiting for ever.
        threading.excepthook = self._note
        return self

    def __exit__(self, *error: object) -> None:
        threading.excepthook = self._hook
        if self._failure is not None or error[0] is not None:
            # What they do is of no use any more, and one that waits for a lock of a lost process never ends by itself.
            for process in set(multiprocessing.active_children()) - self._others:
                process.kill()
        # Where a thread could not be started, it cannot be waited for either.
        with suppress(RuntimeError):
            self._executor.shutdown(cancel_futures=True)

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Hand in work."""
        try:
            return self._executor.submit(work, *arguments)
        except BrokenProcessPool:
            raise
        except RuntimeError as error:
            raise MemoryError(str(error)) from error

    def result(self, future: Future[Result]) -> Result:
        """Wait for the result of work that was handed in."""
        while True:
            try:
                return future.result(timeout=SECONDS)
            except TimeoutError:
                if self._failure is not None and not future.done():
                    raise MemoryError(str(self._failure)) from self._failure

    def _note(self, told: threading.ExceptHookArgs) -> None:
        if type(told.thread).__module__.startswith("concurrent.futures"):
            self._failure = told.exc_value or told.exc_type()
        else:
            self._hook(told)


def _begin(builder: int, start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    try:
        threading.Thread(target=_end_with, args=(builder,), daemon=True).start()
    except RuntimeError:
        # No room for a thread: the builder is told that this process has gone.
        os._exit(1)
    start(*arguments)


def _end_with(builder: int) -> None:
    """End this process, without another word, once its builder has gone, which may have been before it could look."""
    while os.getppid() == builder:
        time.sleep(SECONDS)
    os._exit(1)
