"""How much work something is, told from the processor time it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_RUNS = 10


def seconds_taken(action: Callable[[], object], enough: float | None = None) -> float:
    """Return the least processor time that an action took.

    enough : where less is all that is asked, it is run until it took less, ten times at most. What disturbs one run on
    a busy machine does not disturb all; too much work is too much in every one. Without, the best of three.
    """
    least = float("inf")
    for run in range(MOST_RUNS):
        began = time.process_time()
        action()
        least = min(least, time.process_time() - began)
        if least < enough if enough is not None else run == 2:
            break
    return least
