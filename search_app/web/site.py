"""What the views of one application share: settings, the engine, the clock, addresses and caching manners.

In: the application's configuration. Out: ``Site``, reached through ``site()`` while a request is answered.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, cast

from flask import Response, current_app, g, has_request_context, request
from werkzeug.sansio.utils import get_current_url

from ..engine import open_engine
from ..engine.aliases import AliasFile
from ..engine.result import Engine, hold
from ..settings import Settings
from .language import current_language
from .links import Links
from .manners import add_headers
from .metrics import Metrics
from .reader_language import given_language
from .state import SearchState, read_state

EXTENSION = "search_app"
TELL_SECONDS = 60.0
KEPT_A_MINUTE = {"Cache-Control": "public, max-age=60"}
# The headers by which a client asks only for what it does not have; without any there is nothing to compare.
CONDITIONS = {"If-None-Match", "If-Modified-Since", "If-Match", "If-Range", "Range"}


class Coverage(NamedTuple):
    """The first and the last day of an index, and the day on which it was built; None for what is not known."""

    first_day: date | None
    last_day: date | None
    built: date | None


class Site:
    """The shared state of one application.

    engine : an engine that is already open; None opens the index of the settings when it is first needed.
    today : the clock that relative dates such as ``last week`` are counted from.
    retry_seconds : when to come back after a 503.
    """

    retry_seconds = 30

    def __init__(
        self,
        settings: Settings,
        engine: Engine | None,
        today: Callable[[], date],
        style_version: str,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.today = today
        self.style_version = style_version
        self.metrics = metrics
        self._engine = metrics.watch(engine) if engine is not None else None
        self._opening = Lock()
        self._told: dict[str, float] = {}
        self._aliases = AliasFile(settings.text("aliases"))
        self._coverage: dict[int, Coverage] = {}

    def engine(self) -> Engine:
        """Return the engine, opening it on first use; while a request is answered, always on the same generation.

        Raises what ``open_engine`` raises; the next call tries again, so that a server which was started before the
        first build begins to answer when there is one.
        """
        if self._engine is None:
            with self._opening:
                if self._engine is None:
                    opened = open_engine(Path(self.settings.text("index")), self.settings)
                    self._engine = self.metrics.watch(opened)
        if not has_request_context():
            return self._engine
        if "held_engine" not in g:
            g.held_engine = hold(self._engine)
        return cast(Engine, g.held_engine)

    def worth_telling(self, sentence: str) -> bool:
        """Return whether trouble was not told lately: a missing index is one line a minute of the log."""
        now = time.monotonic()
        self._told = {told: when for told, when in self._told.items() if now - when < TELL_SECONDS}
        return self._told.setdefault(sentence, now) == now

    def links(self) -> Links:
        """Return the addresses below the prefix of the current request."""
        return Links(request.script_root, self.style_version, given_language())

    def state(self, *, counts_only: bool = False) -> SearchState:
        """Return the search that the current address asks for. Raises QueryError.

        counts_only : whether ``per_page`` may be 0, for counts without hits.
        """
        return read_state(request.args, self.today(), self.settings, least_hits=0 if counts_only else 1)

    def span(self) -> tuple[date, date] | None:
        """Return the first and the last day that the archive covers, None for an archive without articles."""
        status = self.engine().status()
        first, last = status.get("first_day"), status.get("last_day")
        return (_as_day(first), _as_day(last)) if first and last else None

    def coverage(self, generation: int) -> Coverage:
        """Return what the index of the generation that answers this request covers. Cost: a look-up, after once."""
        known = self._coverage
        if generation not in known:
            status = self.engine().status()
            first, last, built = (status.get(name) for name in ("first_day", "last_day", "built_at"))
            known = {
                generation: Coverage(
                    _as_day(first) if first else None,
                    _as_day(last) if last else None,
                    datetime.fromisoformat(built).date() if built else None,
                )
            }
            self._coverage = known
        return known[generation]

    def cached(self, response: Response, generation: int) -> Response:
        """Return the response with its validator, or 304 where the client has it.

        A page is what one generation, with the aliases of now, says to one address on one day in one language; its
        timing may differ, hence the weak tag.
        """
        language = current_language().code
        aliases = self._aliases.current().stamp
        place = f"{request.script_root} {request.full_path}"
        stamp = f"{self.style_version} {language} {generation} {aliases} {self.today()} {place}"
        response.set_etag(hashlib.sha256(stamp.encode("utf-8", "surrogatepass")).hexdigest()[:32], weak=True)
        return conditional(response)


def server_url() -> str:
    """Return the beginning of the current address, its scheme and host. Cost: a look-up, after the first time."""
    return _server_url(request.scheme, request.host)


@lru_cache(maxsize=64)
def _server_url(scheme: str, host: str) -> str:
    return get_current_url(scheme, host).rstrip("/")


def conditional(response: Response) -> Response:
    """Return a response that caches may keep for a minute and then must ask about; 304 where the client has it."""
    add_headers(response, KEPT_A_MINUTE)
    if response.is_streamed:
        # Werkzeug would read all of it, and hold it in memory, only to say how long it is.
        response.automatically_set_content_length = False
    if not CONDITIONS.isdisjoint(name for name, _ in request.headers):
        response.make_conditional(request)
    return response


def site() -> Site:
    """Return the shared state of the application that answers the current request."""
    return cast(Site, current_app.extensions[EXTENSION])


def _as_day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
