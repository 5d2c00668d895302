"""The embedded engine: one generation on disk, evaluated in this process.

In: requests of the seam. Out: results of the seam. Holds one snapshot at a time; a request finishes on the one it began
with, whatever is published meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from ..archive.model import Article
from ..errors import (
    GenerationGoneError,
    IndexDamagedError,
    IndexMissingError,
    IndexUnreadableError,
    IndexVersionError,
    PageNotFoundError,
    QueryError,
)
from ..index.generation import Snapshot, newest_generation, open_generation, open_snapshot
from ..index.manifest import checked_at, sizes_of
from ..messages import Message, message
from ..settings import Settings, load_settings
from .aliases import AliasFile
from .article_view import view_article
from .recency import MOST_DAYS
from .request import FACET_FIELDS, MISSING_FIELDS, SORTS, FacetRequest, SearchRequest
from .result import ArticleView, Engine, FacetPage, HitStream, SearchResult, Suggestion
from .search import Searcher

OLDER_SECONDS = 60.0
"""How long a generation that has been replaced stays open after the last search that went on in it."""
CHECK_SECONDS = 1.0
"""How often a serving engine looks for a newer generation."""


class EmbeddedEngine:
    """The engine on the index in one folder. Safe to use from any number of threads.

    index_dir : folder of the index; need not exist yet. settings : limits; the defaults where None.
    today : today's date, for texts like "last week"; the clock's where None.
    """

    def __init__(self, index_dir: Path, settings: Settings | None = None, today: date | None = None) -> None:
        self.index_dir = index_dir
        self._settings = settings or load_settings({})
        self._today = today
        self._lock = Lock()
        self._searcher: Searcher | None = None
        self._older: Searcher | None = None
        self._older_used = 0.0
        self._checked = 0.0
        self._problem = ""
        self._aliases = AliasFile(self._settings.text("aliases"))

    def _of_generation(self, generation: int) -> Searcher:
        """Return a searcher on one generation, 0 for the newest. Raises GenerationGoneError for one not kept."""
        current = self._current()
        if generation in (0, current.snapshot.generation):
            return current
        with self._lock:
            self._older_used = time.monotonic()
            if self._older is None or self._older.snapshot.generation != generation:
                try:
                    snapshot = open_generation(self.index_dir, generation)
                except (IndexDamagedError, IndexVersionError):
                    raise GenerationGoneError(generation) from None
                if snapshot.stemmed_otherwise:
                    raise GenerationGoneError(generation)
                self._older = Searcher(snapshot, self._settings, aliases=self._aliases.current())
            return self._older

    def _current(self) -> Searcher:
        """Return a searcher on the newest generation that can be opened.

        Raises IndexMissingError, IndexDamagedError, IndexVersionError or IndexUnreadableError where none is open yet.
        Cost: nothing within ``CHECK_SECONDS`` of the last look, else one listing of the folder.
        """
        searcher = self._searcher
        now = time.monotonic()
        if searcher is not None and now - self._checked < CHECK_SECONDS:
            return searcher
        with self._lock:
            self._checked = now
            if now - self._older_used > OLDER_SECONDS:
                self._older = None
            aliases = self._aliases.current()
            if self._searcher is not None and self._searcher.aliases is not aliases:
                self._searcher = Searcher(self._searcher.snapshot, self._settings, aliases=aliases)
            held = self._searcher
            try:
                if held is not None and newest_generation(self.index_dir) == held.snapshot.generation:
                    self._problem = held.snapshot.problem
                    return held
                snapshot = self._open()
            except (IndexDamagedError, IndexVersionError, IndexMissingError, IndexUnreadableError, OSError) as error:
                if held is None:
                    raise
                # What is open keeps serving; ``status`` says that something is wrong on disk.
                self._problem = str(error)
                return held
            self._problem = snapshot.problem
            if held is not None and snapshot.stemmed_otherwise and not held.snapshot.stemmed_otherwise:
                # As where the newest is of another version: what is open finds words in every form, and keeps serving.
                return held
            if held is None or held.snapshot.generation != snapshot.generation:
                self._searcher = Searcher(snapshot, self._settings, aliases=aliases)
            return self._searcher or held  # type: ignore[return-value]

    def _open(self) -> Snapshot:
        try:
            return open_snapshot(self.index_dir)
        except OSError as error:
            raise IndexUnreadableError(self.index_dir, error.strerror or str(error)) from error

    def held(self) -> Engine:
        """Return an engine that answers from the generation of now, whatever is published meanwhile.

        For several questions that belong together. Raises IndexMissingError where there is none. Cost: microseconds.
        """
        return _HeldEngine(self, self._current())

    def refresh(self) -> None:
        """Look for a newer generation, and at the aliases, at the next request, however recent the last look."""
        self._checked = 0.0
        self._aliases.refresh()

    def search(self, request: SearchRequest) -> SearchResult:
        """Answer one search. Raises QueryError, PageNotFoundError, GenerationGoneError, IndexMissingError.

        An answer may be one that was given before, and is not to be changed.
        """
        began = time.perf_counter()
        check_request(request, self._settings)
        searcher, today = self._of_generation(request.generation), self._today or date.today()
        result = None if request.anew else searcher.remembered.find(request, today)
        if result is None:
            result = searcher.search(request, today)
            if not request.anew:
                searcher.remembered.keep(request, today, result)
        else:
            result = replace(result, took_ms=(time.perf_counter() - began) * 1000)
        if request.page > max(result.pages, 1):
            raise PageNotFoundError(request.page, result.pages)
        return result

    def stream(self, request: SearchRequest) -> HitStream:
        """Answer every hit of a search, in the order of its pages; page and ``per_page`` do not matter.

        All hits come from the generation that is current now, however long their reader takes. Raises as ``search``,
        before the first hit.
        """
        check_request(request, self._settings)
        return self._of_generation(request.generation).stream(request, self._today or date.today())

    def facet(self, request: FacetRequest) -> FacetPage:
        """Answer all values of one facet, paged. Raises as ``search``."""
        check_request(request.search, self._settings)
        check_facet_request(request)
        page = self._of_generation(request.search.generation).facet(request, self._today or date.today())
        if request.page > max(page.pages, 1):
            raise PageNotFoundError(request.page, page.pages)
        return page

    def suggest(self, prefix: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """Return what typed text may become: values and words with, for each typed word, one that begins so.

        The most frequent come first, equals by kind, then by name. Raises QueryError for a ``limit`` below 1.
        Cost: 0.1 to 0.6 ms for 113,422 articles; the first of a generation verifies the table, 2 ms.
        """
        if limit < 1:
            raise QueryError("limit", str(limit), message("It takes a whole number from 1."))
        return self._current().suggest(prefix, limit)

    def article(self, path: str) -> ArticleView | None:
        """Return the article of a site path without ending, or None."""
        return view_article(self._current().snapshot, path)

    def record(self, path: str) -> Article | None:
        """Return the plain record of a site path, or None."""
        found = self._current().snapshot.find(path)
        return found[0].article(found[1]) if found else None

    def current_path(self, path: str) -> str | None:
        """Return the path of the current version of a superseded path, or None."""
        found = self._current().snapshot.find_old(path)
        return found[0].path_of(found[1]) if found else None

    def status(self) -> dict[str, Any]:
        """Return figures about the index served. Raises IndexMissingError."""
        snapshot = self._current().snapshot
        first, last = _days_covered(snapshot)
        manifest = snapshot.manifest
        return {
            "engine": "embedded",
            "generation": manifest.generation,
            "articles": manifest.articles,
            "first_day": first.isoformat() if first else None,
            "last_day": last.isoformat() if last else None,
            "segments": len(manifest.segments),
            "bytes": sum(sizes_of(manifest).values()),
            "files": manifest.files,
            "skipped": len(manifest.skipped),
            "archive": manifest.archive,
            "built_at": manifest.built_at,
            "checked_at": checked_at(self.index_dir, manifest.generation) or manifest.built_at,
            "build_seconds": manifest.seconds,
            "schema": manifest.schema,
            "stemmer": manifest.stemmer,
            "problem": self._problem,
        }

    def close(self) -> None:
        """Let go of the snapshot; its files close when the last request on it ends."""
        self._searcher = self._older = None


class _HeldEngine(EmbeddedEngine):
    """The engine on one generation. Others that a request names are still the engine's own to open."""

    def __init__(self, engine: EmbeddedEngine, searcher: Searcher) -> None:
        super().__init__(engine.index_dir, engine._settings, engine._today)
        self._engine = engine
        self._held = searcher
        self._problem = engine._problem

    def _current(self) -> Searcher:
        return self._held

    def _of_generation(self, generation: int) -> Searcher:
        if generation in (0, self._held.snapshot.generation):
            return self._held
        return self._engine._of_generation(generation)


def _days_covered(snapshot: Snapshot) -> tuple[date | None, date | None]:
    newest = oldest = 0
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        days = segment.days if live is None else segment.days[live]
        if len(days):
            newest = max(newest, int(days[0]))
            oldest = min(oldest or int(days[-1]), int(days[-1]))
    return (date.fromordinal(oldest), date.fromordinal(newest)) if newest else (None, None)


def _one_of(choices: tuple[str, ...]) -> Message:
    return message("It takes {choices}.", choices=f"{', '.join(choices[:-1])} or {choices[-1]}")


def check_request(request: SearchRequest, settings: Settings) -> None:
    """Raise QueryError for a request that no engine can answer."""
    most = settings.number("max_per_page")
    if not 0 <= request.per_page <= most:
        raise QueryError(
            "per_page",
            str(request.per_page),
            message("It takes a whole number from {least} to {most:,}.", least=0, most=most),
        )
    if request.after and request.page != 1:
        raise QueryError(
            "page", str(request.page), message("It cannot stand beside a cursor, which has its own place.")
        )
    if request.page < 1:
        raise QueryError("page", str(request.page), message("It takes a whole number from 1."))
    largest = settings.number("max_facet_size")
    if not 0 <= request.facet_size <= largest:
        expected = message("It takes a whole number from {least} to {most:,}.", least=0, most=largest)
        raise QueryError("facet_size", str(request.facet_size), expected)
    if request.sort not in ("", *SORTS):
        raise QueryError("sort", request.sort, _one_of(SORTS))
    if not 0 <= request.half_life <= MOST_DAYS:
        expected = message("It takes a whole number from {least} to {most:,}.", least=0, most=MOST_DAYS)
        raise QueryError("half_life", str(request.half_life), expected)
    if request.context_match not in ("all", "any"):
        raise QueryError("context_match", request.context_match, _one_of(("all", "any")))
    if request.interval not in ("", "day", "month", "year"):
        raise QueryError("interval", request.interval, _one_of(("day", "month", "year")))
    for name in request.missing:
        if name not in MISSING_FIELDS:
            raise QueryError("missing", name, _one_of(MISSING_FIELDS))
    for name in request.facets:
        if name not in FACET_FIELDS:
            raise QueryError("facets", name, _one_of(FACET_FIELDS))
    if request.date_from and request.date_to and request.date_to - request.date_from < timedelta(0):
        expected = message("It takes a day that is not before from, {day}.", day=request.date_from.isoformat())
        raise QueryError("to", str(request.date_to), expected)


def check_facet_request(request: FacetRequest) -> None:
    """Raise QueryError for a page of values that no engine can answer, its search apart."""
    if request.field not in FACET_FIELDS:
        raise QueryError("field", request.field, message("It takes {choices}.", choices=", ".join(FACET_FIELDS)))
    if request.sort not in ("count", "name"):
        raise QueryError("sort", request.sort, message("It takes {choices}.", choices="count or name"))
    for name in ("page", "per_page"):
        if getattr(request, name) < 1:
            raise QueryError(name, str(getattr(request, name)), message("It takes a whole number from 1."))
