"""What is refused before it costs anything: bodies that nobody reads, and, where a setting says so, too many requests.

In: requests. Out: the same; 413; or 429 with the seconds to wait. How often a client asked is kept for all processes
in a table of times in memory, in places that follow from a keyed digest of its address: no address is stored, and the
table does not grow with the number of clients.
"""

from __future__ import annotations

import mmap
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import BoundedSemaphore

from flask import Flask, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge, ServiceUnavailable, TooManyRequests

from ..messages import message
from ..settings import Settings

WINDOW_SECONDS = 60.0
SLOTS = 1 << 16
MOST_BODY_BYTES = 64 * 1024
EXPORT_SECONDS = 30
# Supervisors must get through, and a page may not lose its style.
FREE_ENDPOINTS = ("health.healthz", "health.readyz", "health.metrics", "static")


class RateLimit:
    """So many requests a minute for each client, in a burst or spread (GCRA, a leaky bucket without a timer).

    A client has a place in each of two tables; what holds is the earlier of the two times, so that two clients are
    taken for one only where they meet in both. The tables are memory shared with processes forked later, and are
    written without a lock: two requests of one client at the same instant may count as one.
    most : requests a minute. clock : seconds that never go back and are the same in every process.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._step = WINDOW_SECONDS / most
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self._times = memoryview(mmap.mmap(-1, 2 * SLOTS * 8)).cast("d")

    def wait_seconds(self, client: str) -> float:
        """Count a request of a client and return 0; or, where it has asked too often, how long it has to wait."""
        now = self._clock()
        first, second = self._places(client)
        due = max(min(self._times[first], self._times[second]), now) + self._step
        # The last request of a burst is due a whole window from now; rounding may not cost a client one of its own.
        if due - now > WINDOW_SECONDS + self._step / 2:
            return due - now - WINDOW_SECONDS
        self._times[first] = max(self._times[first], due)
        self._times[second] = max(self._times[second], due)
        return 0.0

    def _places(self, client: str) -> tuple[int, int]:
        digest = blake2b(_network(client).encode(), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest[:4]) % SLOTS, SLOTS + int.from_bytes(digest[4:]) % SLOTS


def _network(client: str) -> str:
    """Return what counts as one client: an address, for IPv6 the network of 64 bits that a household has."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> 64)
    return str(address)


def refuse_bodies(app: Flask) -> None:
    """Refuse requests that carry more than ``MOST_BODY_BYTES``, or do not say how much: nobody here reads a body."""

    def refuse() -> None:
        # Flask looks only where somebody reads.
        if (request.content_length or 0) > MOST_BODY_BYTES or "chunked" in request.headers.get("Transfer-Encoding", ""):
            raise RequestEntityTooLarge

    app.before_request(refuse)


class _Once:
    """Does something the first time that it is called."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._actions = [action]

    def __call__(self) -> None:
        if self._actions:
            self._actions.pop()()


def _then(pieces: Iterable[bytes], done: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        done()


def limit_exports(app: Flask, settings: Settings) -> None:
    """Stream ``max_exports`` exports at a time in a process; answer more with 503 and when to come back.

    Whoever takes an export slowly holds one of a few threads for as long as that takes: the others are for searches.
    """
    free = BoundedSemaphore(settings.number("max_exports"))

    def begin() -> None:
        if request.blueprint != "exports":
            return
        if not free.acquire(blocking=False):
            raise ServiceUnavailable(
                message("Other exports are under way. Please try again in half a minute."), retry_after=EXPORT_SECONDS
            )
        g.export = _Once(free.release)

    def hand_over(response: Response) -> Response:
        if response.is_streamed and response.status_code == 200 and request.method == "GET" and "export" in g:
            done = g.pop("export")
            response.response = _then(response.iter_encoded(), done)
            response.call_on_close(done)
        return response

    def end(error: BaseException | None) -> None:
        if "export" in g:
            g.pop("export")()

    app.before_request(begin)
    app.after_request(hand_over)
    app.teardown_request(end)


def limit_requests(app: Flask, settings: Settings) -> None:
    """Refuse what a client asks beyond ``max_requests_a_minute`` with 429, where the settings name a number."""
    most = settings.number("max_requests_a_minute")
    if not most:
        return
    limit = RateLimit(most)

    def refuse() -> None:
        if request.endpoint in FREE_ENDPOINTS:
            return
        wait = limit.wait_seconds(request.remote_addr or "")
        if wait:
            raise TooManyRequests(retry_after=max(ceil(wait), 1))

    app.before_request(refuse)
