"""The engine on a cluster: answers requests of the seam from the index that the alias leads to.

In: requests. Out: results, those of the embedded engine: matches, counts and days come from the cluster; reading the
query, ranking the best hits and marking words is done here, by the code that the embedded engine uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from threading import Lock
from typing import Any, TypeVar

from ...errors import (
    ClusterError,
    ClusterIndexMissingError,
    ClusterIndexVersionError,
    GenerationGoneError,
    PageNotFoundError,
    QueryError,
)
from ...index.analysis import STEMMER
from ...index.schema import stems_problem
from ...settings import Settings, load_settings
from ..aliases import AliasFile
from ..embedded import check_facet_request, check_request
from ..request import FacetRequest, SearchRequest
from ..result import ArticleView, Engine, FacetPage, HitStream, SearchResult, Suggestion
from .articles import find_article, find_current_path
from .cluster import Cluster, Json, Missing
from .mapping import mapping_fingerprint
from .search import ClusterSearcher

CHECK_SECONDS = 1.0
"""How often a serving engine asks where the alias leads, and how long it believes that a cluster is down."""
T = TypeVar("T")


class OpenSearchEngine:
    """The engine on a cluster. Safe to use from any number of threads.

    settings : where the cluster is, and limits; the environment does not matter.
    today : today's date, for texts like "last week"; the clock's where None.
    Raises SettingsError for settings that cannot be used. Cost: nothing is asked before the first request.
    """

    def __init__(self, settings: Settings | None = None, today: date | None = None) -> None:
        self._settings = settings or load_settings({})
        self._today = today
        self._lock = Lock()
        self._cluster = Cluster(self._settings)
        self._aliases = AliasFile(self._settings.text("aliases"))
        self._searcher: ClusterSearcher | None = None
        self._before: ClusterSearcher | None = None
        self._checked = float("-inf")
        self._failure: tuple[float, ClusterError] | None = None
        self._problem = ""

    def _current(self) -> ClusterSearcher:
        """Return a searcher on the index that serves.

        Raises ClusterIndexMissingError where there is none, ClusterIndexVersionError for one of another version.
        """
        searcher, now = self._searcher, time.monotonic()
        if searcher is not None and now - self._checked < CHECK_SECONDS:
            return searcher
        with self._lock:
            now = time.monotonic()
            held = self._searcher
            if held is not None and now - self._checked < CHECK_SECONDS:
                return held
            # While a cluster hangs, one request a second finds out; the others need not wait as long as it does.
            if self._failure is not None and now - self._failure[0] < CHECK_SECONDS:
                raise self._failure[1]
            try:
                self._searcher = self._open(held)
            except ClusterError as error:
                self._failure = time.monotonic(), error
                raise
            self._failure = None
            self._checked = time.monotonic()
            return self._searcher

    def _open(self, held: ClusterSearcher | None) -> ClusterSearcher:
        index = self._cluster.serving_index(local=True)
        if index is None:
            self._searcher = None
            raise ClusterIndexMissingError(self._cluster.name, self._cluster.alias)
        if held is not None and held.index == index:
            return held
        meta = self._cluster.meta(index)
        if meta.get("format") != mapping_fingerprint():
            if held is not None:
                # What was being answered from goes on until its index is gone.
                return held
            found = str(meta.get("format", ""))
            raise ClusterIndexVersionError(self._cluster.name, index, found, mapping_fingerprint())
        self._problem = stems_problem(_stemmer(meta))
        if self._problem and held is not None and _stemmer(held.meta) == STEMMER:
            # The same: what was being answered from finds words in every form.
            return held
        return ClusterSearcher(self._cluster, index, meta, self._settings, self._aliases)

    def _of(self, current: ClusterSearcher, request: SearchRequest, ask: Callable[[ClusterSearcher], T]) -> T:
        """Ask the generation that a request names. Raises GenerationGoneError for one that is not kept."""
        if request.generation in (0, current.generation):
            return ask(current)
        try:
            return ask(self._older(request.generation))
        except Missing:
            self._before = None
            raise GenerationGoneError(request.generation) from None

    def _older(self, generation: int) -> ClusterSearcher:
        """Return a searcher on a generation that is not served any more. Raises Missing for one that is not kept."""
        held = self._before
        if held is None or held.generation != generation:
            index = f"{self._cluster.alias}-{generation:08d}"
            meta = self._cluster.meta(index)
            if meta.get("format") != mapping_fingerprint() or _stemmer(meta) != STEMMER:
                raise GenerationGoneError(generation)
            held = self._before = ClusterSearcher(self._cluster, index, meta, self._settings, self._aliases)
        return held

    def held(self) -> Engine:
        """Return an engine that answers from the index of now, whatever is published meanwhile.

        For several questions that belong together. Raises ClusterIndexMissingError where there is none.
        """
        return _HeldEngine(self, self._current())

    def _answer(self, ask: Callable[[ClusterSearcher], T]) -> T:
        """Ask the index that serves; once more where a build has just removed it."""
        try:
            return ask(self._current())
        except Missing:
            self.refresh()
            self._searcher = None
        try:
            return ask(self._current())
        except Missing:
            raise ClusterIndexMissingError(self._cluster.name, self._cluster.alias) from None

    def refresh(self) -> None:
        """Look for a newer index, and at the aliases, at the next request, however recent the last look."""
        self._aliases.refresh()
        self._checked = float("-inf")
        self._failure = None

    def _day(self) -> date:
        return self._today or date.today()

    def search(self, request: SearchRequest) -> SearchResult:
        """Answer one search.

        Raises QueryError, PageNotFoundError, GenerationGoneError, IndexMissingError, ClusterError.
        """
        check_request(request, self._settings)
        result = self._answer(lambda current: self._of(current, request, lambda one: one.search(request, self._day())))
        if request.page > max(result.pages, 1):
            raise PageNotFoundError(request.page, result.pages)
        return result

    def stream(self, request: SearchRequest) -> HitStream:
        """Answer every hit of a search, in the order of its pages; page and ``per_page`` do not matter.

        All hits come from the index that serves now, read at one point in time.
        """
        check_request(request, self._settings)
        return self._answer(lambda current: self._of(current, request, lambda one: one.stream(request, self._day())))

    def facet(self, request: FacetRequest) -> FacetPage:
        """Answer all values of one facet, paged. Raises as ``search``."""
        check_request(request.search, self._settings)
        check_facet_request(request)
        asked = request.search
        page = self._answer(lambda current: self._of(current, asked, lambda one: one.facet(request, self._day())))
        if request.page > max(page.pages, 1):
            raise PageNotFoundError(request.page, page.pages)
        return page

    def suggest(self, prefix: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """Return what typed text may become. Cost: as the embedded engine; the first of an index fetches the table."""
        if limit < 1:
            raise QueryError("limit", str(limit), "It takes a whole number from 1.")
        return self._answer(lambda searcher: searcher.suggest(prefix, limit))

    def article(self, path: str) -> ArticleView | None:
        """Return the article of a site path without ending, or None."""
        return self._answer(lambda searcher: find_article(self._cluster, searcher.index, searcher.articles, path))

    def current_path(self, path: str) -> str | None:
        """Return the path of the current version of a superseded path, or None."""
        return self._answer(lambda searcher: find_current_path(self._cluster, searcher.index, path))

    def status(self) -> dict[str, Any]:
        """Return figures about the index served, and about the cluster."""
        return self._answer(self._figures)

    def _figures(self, searcher: ClusterSearcher) -> dict[str, Any]:
        # A build that found nothing to do has said so since.
        meta = self._cluster.meta(searcher.index)
        health = self._cluster.request("GET", f"/_cluster/health/{searcher.index}", level="indices")
        version: Json = self._cluster.request("GET", "/")["version"]
        stats = self._cluster.request("GET", f"/{searcher.index}/_stats/store,docs")["_all"]["primaries"]
        return {
            "engine": "opensearch",
            "cluster": self._cluster.name,
            "cluster_version": version.get("number", ""),
            "cluster_status": health["status"],
            "nodes": health["number_of_nodes"],
            "served_index": searcher.index,
            "generation": searcher.generation,
            "articles": searcher.articles,
            "first_day": meta.get("first_day"),
            "last_day": meta.get("last_day"),
            "shards": health["active_primary_shards"],
            "bytes": stats["store"]["size_in_bytes"],
            "files": meta.get("files", 0),
            "skipped": meta.get("skipped", 0),
            "archive": meta.get("archive", ""),
            "built_at": meta.get("built_at", ""),
            "checked_at": meta.get("checked_at", ""),
            "build_seconds": meta.get("build_seconds", 0.0),
            "schema": meta.get("format", ""),
            "stemmer": _stemmer(meta),
            "problem": f"{_problem(health)} {self._problem}".strip(),
        }

    def close(self) -> None:
        """Close the connections to the cluster."""
        self._searcher = None
        self._cluster.close()


class _HeldEngine(OpenSearchEngine):
    """The engine on one index; it shares the connections of the engine that it was made from."""

    def __init__(self, engine: OpenSearchEngine, searcher: ClusterSearcher) -> None:
        self.__dict__.update(engine.__dict__)
        self._held = searcher

    def _current(self) -> ClusterSearcher:
        return self._held


def _stemmer(meta: Json) -> str:
    return str(meta.get("stemmer", ""))


def _problem(health: Json) -> str:
    unassigned = health["unassigned_shards"]
    if health["status"] == "red":
        return "The cluster has lost shards of the index; searches fail until their node is back."
    if unassigned:
        noun = "copy of a shard has" if unassigned == 1 else "copies of shards have"
        return f"{unassigned} {noun} no node; another node lost would cost answers."
    return ""
