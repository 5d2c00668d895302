"""The index for notebooks and scripts: ``open_index`` and what it gives.

In: an index folder; then searches in plain Python. Out: the engine's own records, which never change. The commands and
the web pages do not go through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Self

from .dates import parse_day_span
from .engine import open_engine
from .engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from .engine.result import ArticleView, Bucket, Hit, SearchResult, Suggestion
from .errors import DateTextError, QueryError
from .settings import load_settings

Days = str | date | None
Values = str | tuple[str, ...] | list[str]
ALL_VALUES = 10**9


class Index:
    """An index opened for reading. Safe to use from any number of threads; follows every new build by itself."""

    def __init__(self, folder: str | Path | None = None, **settings: str | int) -> None:
        loaded = load_settings(None, index=None if folder is None else str(folder), **settings)
        self._engine = open_engine(Path(loaded.text("index")), loaded)
        # Asked now, so that a wrong folder is told where it was named.
        self._engine.status()

    def search(
        self,
        q: str = "",
        *,
        page: int = 1,
        per_page: int = 20,
        interval: str = "",
        facet_size: int = 20,
        **filters: Any,
    ) -> SearchResult:
        """Return one page of a search: ``total``, ``hits``, ``facets``, ``missing``, ``histogram``.

        q : query text, in the language of the search pages.
        per_page : 0 asks for counts only. interval : ``day``, ``month`` or ``year`` for the histogram.
        filters : ``topic``, ``context``, ``source``, ``not_topic``, ``not_context``, ``not_source``, ``missing`` (a
            text or several), ``context_match``, ``sort``; ``since`` and ``until``, the first and the last day, as dates
            or as texts such as ``2017``, ``2017-01``, ``last week``.
        Raises QueryError for a value that cannot be used, PageNotFoundError for a page past the last.
        Cost: about a millisecond for 100,000 articles.
        """
        search = _request(q, filters, page=page, per_page=per_page, interval=interval, facet_size=facet_size)
        return self._engine.search(search)

    def hits(self, q: str = "", **filters: Any) -> Iterator[Hit]:
        """Yield every hit of a search, in the order of its pages, from one build, in memory that does not grow.

        Arguments as for ``search``; all are checked before the first hit.
        """
        return self._engine.stream(_request(q, filters)).hits

    def values(self, field: str, q: str = "", *, prefix: str = "", **filters: Any) -> tuple[Bucket, ...]:
        """Return every value of a facet with its count among the hits of a search, the most frequent first.

        field : ``topic``, ``context`` or ``source``. prefix : only values with a word that begins so.
        """
        search = _request(q, filters)
        return self._engine.facet(FacetRequest(search, field, prefix, per_page=ALL_VALUES)).buckets

    def suggest(self, typed: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """Return what typed text may become, the most frequent first."""
        return self._engine.suggest(typed, limit)

    def article(self, path: str) -> ArticleView | None:
        """Return the article of a site path, an older version's included, or None. An ending is ignored."""
        plain = path.removesuffix(".html").removesuffix(".json").removesuffix(".md")
        return self._engine.article(plain) or self._engine.article(self._engine.current_path(plain) or "")

    def status(self) -> dict[str, Any]:
        """Return figures about the index: articles, first and last day, when built."""
        return self._engine.status()

    def close(self) -> None:
        """Give back what is held. Searching afterwards is a mistake."""
        self._engine.close()

    def __len__(self) -> int:
        return int(self._engine.status()["articles"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _request(q: str, filters: dict[str, Any], **others: Any) -> SearchRequest:
    given = dict(filters)
    first, last = _day(given.pop("since", None), "since", 0), _day(given.pop("until", None), "until", 1)
    for name in (*FACET_FIELDS, *(f"not_{field}" for field in FACET_FIELDS), "missing"):
        if name in given:
            given[name] = _values(given[name])
    # An unknown name is the caller's mistake: a TypeError that names it, as for any function.
    return SearchRequest(q=q, date_from=first, date_to=last, **given, **others)


def _values(given: Values) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _day(given: Days, name: str, end: int) -> date | None:
    if given is None or isinstance(given, date):
        return given
    try:
        return parse_day_span(given, date.today())[end]
    except DateTextError as error:
        raise QueryError(name, given, f"It {error.problem} {error.expected}") from None
