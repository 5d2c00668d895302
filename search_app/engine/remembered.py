"""The last answers of one generation, for who asks the same again, turns a page back, or walks from hit to hit.

In: a request and the day it came. Out: its answer, where it was given lately. An answer is never older than its index:
each generation, and each state of the aliases, begins with none.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date
from threading import Lock

from .request import SearchRequest
from .result import SearchResult

MOST_HITS = 50
"""Hits of an answer that is kept. Larger ones are asked for by programs that walk on, and would take megabytes."""


class Remembered:
    """The answers asked for last, ``most`` of them; 0 keeps none. Safe to use from any number of threads.

    Memory: 36 KB an answer of 20 hits.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._answers: OrderedDict[tuple[SearchRequest, date], SearchResult] = OrderedDict()

    def find(self, request: SearchRequest, today: date) -> SearchResult | None:
        """Return the answer to a request of this day, None where it is not kept. Cost: 4 µs."""
        if not self._most:
            return None
        key = (request, today)
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
        return found

    def keep(self, request: SearchRequest, today: date, result: SearchResult) -> None:
        """Keep an answer in place of the one that was not asked for longest. Nobody may change it from now on."""
        if not self._most or len(result.hits) + len(result.partial) > MOST_HITS:
            return
        with self._lock:
            self._answers[request, today] = result
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)
