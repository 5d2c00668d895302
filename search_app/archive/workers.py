"""Processes that work for a build and must not outlive it.

In: a worker that has just been started. Out: a thread in it that ends the process once its parent has gone. A pool's
workers wait for work at a pipe that each of them holds open for the others: killed, their parent would leave them
waiting, with all the memory that they share, until somebody finds them.
"""

from __future__ import annotations

import os
import threading
import time

SECONDS = 1.0
"""How long a worker may outlive its parent."""


def end_with(parent: int) -> None:
    """End this process, without another word, once the one that started it has gone. To be called in a worker.

    parent : its process id, as it knows it itself: it may have gone before the worker could ask.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os._exit(1)
