"""Figures for Prometheus: requests, how long they took, searches without a result or slow, and the age of the index.

In: what passes through the application. Out: the text that Prometheus reads. Counts only: nothing says who asked, or
what for. Where several processes serve, each keeps its counts in a file of a shared folder; whichever is asked adds up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, g, has_request_context, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from ..engine.readiness import find_troubles, index_age_seconds
from ..engine.request import SearchRequest
from ..engine.result import Engine, SearchResult, hold
from ..errors import SearchAppError
from ..settings import Settings, set_for_libraries

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# What a visitor asked for; other views search too, for what stands around.
SEARCH_ENDPOINTS = ("pages.search", "api.search")
NO_ADDRESS = "none"
TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def share_counts(folder: Path) -> None:
    """Keep the counts of this process and its children in files of a folder. To be called before ``create_app``."""
    set_for_libraries(FOLDER_VARIABLE, str(folder))
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


class Metrics:
    """The counts of one application.

    folder : where the processes that serve it share their counts; None where there is but this one.
    """

    def __init__(self, settings: Settings, folder: Path | None) -> None:
        self._settings = settings
        self._folder = folder
        self._slow_ms = settings.number("slow_search_ms")
        self._own = CollectorRegistry()
        self._requests = Counter(
            "search_app_requests", "Requests answered.", ("address", "method", "status"), registry=self._own
        )
        self._seconds = Histogram(
            "search_app_request_seconds",
            "Seconds from a request to the beginning of its answer.",
            ("address",),
            buckets=BUCKETS,
            registry=self._own,
        )
        self._searches = Counter("search_app_searches", "Searches answered.", registry=self._own)
        self._empty = Counter("search_app_empty_searches", "Searches that found nothing.", registry=self._own)
        self._partial = Counter(
            "search_app_partial_searches", "Searches of which no article had all the words.", registry=self._own
        )
        self._slow = Counter(
            "search_app_slow_searches", "Searches that took longer than slow_search_ms.", registry=self._own
        )

        # Finding the count that belongs to some labels costs more than counting.
        self._of_request = lru_cache(maxsize=4096)(self._requests.labels)
        self._of_address = lru_cache(maxsize=4096)(self._seconds.labels)

    def count_requests(self, app: Flask) -> None:
        """Count every request of an application from now on."""
        app.before_request(self._begin)
        app.after_request(self._end)

    def _begin(self) -> None:
        g.began = time.perf_counter()

    def _end(self, response: Response) -> Response:
        address = request.url_rule.rule if request.url_rule else NO_ADDRESS
        # Whoever asks may call a method whatever they like; a table of counts may not grow with that.
        method = request.method if request.method in ("GET", "HEAD", "OPTIONS", "POST") else "other"
        self._of_request(address, method, response.status_code).inc()
        if began := g.get("began"):
            self._of_address(address).observe(time.perf_counter() - began)
        return response

    def watch(self, engine: Engine) -> Engine:
        """Return an engine that answers as this one does, and counts what visitors search for."""
        return cast(Engine, _Watched(engine, self._count_search))

    def _count_search(self, result: SearchResult) -> None:
        if not has_request_context() or request.endpoint not in SEARCH_ENDPOINTS or "searched" in g:
            return
        g.searched = True
        self._searches.inc()
        if not result.total:
            self._empty.inc()
        if result.relaxed:
            self._partial.inc()
        if result.took_ms > self._slow_ms:
            self._slow.inc()

    def text(self, engine: Callable[[], Engine]) -> bytes:
        """Return all figures as ``TEXT_FORMAT``, which every Prometheus reads."""
        registry = CollectorRegistry()
        if self._folder is not None:
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        else:
            registry.register(self._own)
        registry.register(_IndexFigures(engine, self._settings))
        return generate_latest(registry)


class _IndexFigures:
    """What is known of the index at the moment of asking, read once a scrape."""

    def __init__(self, engine: Callable[[], Engine], settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; without an index, only that there is nothing to search."""
        try:
            status: Mapping[str, Any] = self._engine().status()
        except SearchAppError:
            status = {}
        troubles = find_troubles(self._engine, self._settings) if status else ("no index",)
        yield GaugeMetricFamily("search_app_ready", "1 where searches are answered as they should be.", not troubles)
        if not status:
            return
        yield GaugeMetricFamily("search_app_index_generation", "Generation served.", status["generation"])
        yield GaugeMetricFamily("search_app_index_articles", "Articles in the index.", status["articles"])
        yield GaugeMetricFamily("search_app_index_bytes", "Size of the index.", status["bytes"])
        yield GaugeMetricFamily(
            "search_app_index_degraded",
            "1 where an older generation serves for a damaged one, or stems are of another version.",
            bool(status["problem"]),
        )
        yield GaugeMetricFamily(
            "search_app_index_age_seconds",
            "Seconds since a build last found the index in step with the archive.",
            index_age_seconds(status),
        )


class _Watched:
    """An engine whose searches are reported; everything else is handed through."""

    def __init__(self, engine: Engine, report: Callable[[SearchResult], None]) -> None:
        self._engine = engine
        self._report = report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def held(self) -> Engine:
        """Return an engine on one generation, whose searches are reported as well."""
        return cast(Engine, _Watched(hold(self._engine), self._report))

    def search(self, asked: SearchRequest) -> SearchResult:
        """Answer one search."""
        result = self._engine.search(asked)
        self._report(result)
        return result
