"""One search over one snapshot: from request to result, in the order plan, filter, rank, count, show.

In: a ``SearchRequest``. Out: a ``SearchResult``. A ``Searcher`` belongs to one generation and is shared by all threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QueryError
from ..index.generation import Snapshot
from ..messages import message
from ..settings import Settings
from .describe import describe
from .docset import DocSet
from .evaluate import Scores, Statistics
from .facets import Counts, ValueSpace, count_facets, make_facet, make_histogram, values_with_prefix
from .highlight import Highlighter
from .matching import Matches, find_matches
from .plan import All, Plan, make_plan
from .query import MATCH_ALL
from .ranking import Ranked, Ranking, find_place, hits_after, place_of, rank_hits, rank_page
from .request import FACET_FIELDS, MISSING_FIELDS, FacetRequest, SearchRequest
from .result import Bucket, Facet, FacetPage, Histogram, Hit, HitStream, SearchResult
from .scoring import RANKING, Bm25
from .suggest import Suggester
from .syntax import QueryLimits, parse_query

STREAM_HITS = 256
"""Hits of a stream that are read in one go: enough to open each stored block once where hits lie side by side."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a query text was read: plan, plain words, and a sentence for whatever was ignored or guessed."""

    plan: Plan
    understood: str
    warnings: tuple[str, ...]


class Searcher:
    """Searches one snapshot."""

    def __init__(self, snapshot: Snapshot, settings: Settings, scorer: Bm25 | None = None) -> None:
        self.snapshot = snapshot
        self._settings = settings
        self._scorer = scorer or RANKING

    @cached_property
    def spaces(self) -> dict[str, ValueSpace]:
        """The values of each facet over all segments."""
        return {field: ValueSpace.of(self.snapshot, field) for field in FACET_FIELDS}

    @cached_property
    def suggester(self) -> Suggester:
        """Completions of typed text; opened when first asked for."""
        return Suggester(self.snapshot)

    @cached_property
    def _archive_days(self) -> npt.NDArray[np.int64]:
        """The days of which there are articles, ascending. Cost, once a generation: a sort of all documents' days."""
        segments = zip(self.snapshot.segments, self.snapshot.live, strict=True)
        days = [segment.days if live is None else segment.days[live] for segment, live in segments]
        return np.unique(np.concatenate(days)).astype(np.int64) if days else np.zeros(0, np.int64)

    # -- reading the query ----------------------------------------------------------------------------------------

    def read(self, text: str, today: date) -> Reading:
        """Read a query text. Never raises, whatever was typed."""
        if not text.strip():
            return Reading(All(), "", ())
        limits = QueryLimits(
            max_chars=self._settings.number("max_query_chars"),
            max_clauses=self._settings.number("max_clauses"),
            max_nesting=self._settings.number("max_nesting"),
            max_patterns=self._settings.number("max_patterns"),
        )
        parsed = parse_query(text, today=today, limits=limits)
        plan, warnings = make_plan(parsed.tree)
        understood = "" if parsed.tree == MATCH_ALL else describe(parsed.tree)
        return Reading(plan, understood, (*parsed.warnings, *warnings))

    # -- searching ------------------------------------------------------------------------------------------------

    def search(self, request: SearchRequest, today: date) -> SearchResult:
        """Answer one search. A page past the end has no hits; telling so is the caller's."""
        began = time.perf_counter()
        reading = self.read(request.q, today)
        statistics = self._statistics()
        matches = self._find(reading.plan, request, statistics)
        hits = matches.hits
        docs, scores = hits.docs, _scores(request, matches, statistics)
        start = (request.page - 1) * request.per_page
        if request.after:
            docs, scores = hits_after(self.snapshot, docs, scores, request.order, self._place(request.after))
            start = 0
        end = start + request.per_page
        ranked = rank_page(self.snapshot, docs, scores, request.order, start, end)
        return SearchResult(
            request=request,
            total=hits.total,
            pages=-(-hits.total // request.per_page) if request.per_page else 0,
            hits=self.show(ranked, matches.plan, partial=matches.relaxed),
            facets=self._facets(matches, request),
            missing={field: hits.missing(self.snapshot, field) for field in MISSING_FIELDS},
            histogram=self._histogram(hits, request) if request.histogram else Histogram(),
            relaxed=matches.relaxed,
            understood=reading.understood,
            warnings=self._warnings(reading, statistics),
            generation=self.snapshot.generation,
            took_ms=(time.perf_counter() - began) * 1000,
            next=place_of(ranked[-1]) if ranked and end < sum(map(len, docs)) else "",
        )

    def _place(self, text: str) -> Ranked:
        found = find_place(self.snapshot, text)
        if found is None:
            raise QueryError("after", text, "It takes what next of a result gave.")
        return found

    def stream(self, request: SearchRequest, today: date) -> HitStream:
        """Answer every hit of a search: found and ranked at once, read from disk as they are taken.

        Cost: that of a search, sorting all hits, then about 30 µs a hit by date, 50 µs by relevance. Memory: 18 bytes a
        hit and one batch of hits.
        """
        reading = self.read(request.q, today)
        statistics = self._statistics()
        matches = self._find(reading.plan, request, statistics)
        total = matches.hits.total
        scores = _scores(request, matches, statistics)
        ranking = rank_hits(self.snapshot, matches.hits.docs, scores, request.order, 0, total)
        return HitStream(
            request=request,
            total=total,
            hits=self._show_all(ranking, partial=matches.relaxed),
            relaxed=matches.relaxed,
            understood=reading.understood,
            warnings=self._warnings(reading, statistics),
            generation=self.snapshot.generation,
        )

    def facet(self, request: FacetRequest, today: date) -> FacetPage:
        """Answer one page of all values of a facet. Selected values of other facets narrow it; its own do not."""
        search = replace(request.search, facets=(), histogram=False)
        matches = self._find(self.read(search.q, today).plan, search, self._statistics())
        space = self.spaces[request.field]
        counts = space.count(_counted(request.field, matches))
        values, numbers = counts.values, counts.counts
        if request.prefix.strip():
            kept = np.isin(values, values_with_prefix(space, request.prefix), assume_unique=True)
            values, numbers = values[kept], numbers[kept]
        if request.sort == "count":
            order = np.argsort(-numbers.astype(np.int64), kind="stable")
            values, numbers = values[order], numbers[order]
        start = (request.page - 1) * request.per_page
        shown = slice(start, start + request.per_page)
        selected = {space.find(name) for name in getattr(search, request.field)}
        excluded = {space.find(name) for name in getattr(search, "not_" + request.field)}
        buckets = tuple(
            Bucket(space.name(v), count, v in selected, v in excluded)
            for v, count in zip(values[shown].tolist(), numbers[shown].tolist(), strict=True)
        )
        return FacetPage(request.field, buckets, len(values), request.page, -(-len(values) // request.per_page))

    def _warnings(self, reading: Reading, statistics: Statistics) -> tuple[str, ...]:
        most = self._settings.number("max_expansions")
        return reading.warnings + tuple(
            message("“{text}” stands for too many words; the {most} most frequent were taken.", text=text, most=most)
            for text in sorted(statistics.truncated)
        )

    def _statistics(self) -> Statistics:
        return Statistics(self.snapshot, self._scorer, self._settings.number("max_expansions"))

    def _find(self, plan: Plan, request: SearchRequest, statistics: Statistics) -> Matches:
        return find_matches(plan, request, statistics, self.spaces, self._settings.number("relaxed_hits"))

    # -- counting -------------------------------------------------------------------------------------------------

    def _facets(self, matches: Matches, request: SearchRequest) -> dict[str, Facet]:
        counts: dict[DocSet, dict[str, Counts]] = {}
        facets = {}
        for field in request.facets:
            found = _counted(field, matches)
            if found not in counts:
                # Facets that are counted over the same documents are counted together.
                counts[found] = count_facets(self.spaces, found)
            facets[field] = make_facet(
                self.spaces[field],
                counts[found][field],
                request.facet_size,
                getattr(request, field),
                getattr(request, "not_" + field),
                found.missing(self.snapshot, field),
            )
        return facets

    def _days(self, found: DocSet) -> list[npt.NDArray[np.integer[Any]]]:
        return [segment.days.take(docs) for segment, docs in zip(self.snapshot.segments, found.docs, strict=True)]

    def _histogram(self, found: DocSet, request: SearchRequest) -> Histogram:
        changed = None
        if request.changes and found.total:
            parts = zip(self.snapshot.dates, found.docs, strict=True)
            changed = [dates.changed[docs] for dates, docs in parts]
        return make_histogram(self._days(found), request.interval, changed, self._archive_days)

    # -- showing --------------------------------------------------------------------------------------------------

    def _show_all(self, ranking: Ranking, *, partial: bool) -> Iterator[Hit]:
        for start in range(0, len(ranking.docs), STREAM_HITS):
            # Marks would take four times as long as all the rest, and no form of export has a place for them.
            yield from self.show(ranking.hits(start, start + STREAM_HITS), All(), partial=partial)

    def show(self, ranked: list[Ranked], plan: Plan, *, partial: bool = False) -> tuple[Hit, ...]:
        """Return ranked documents as hits, their matches marked. Cost: about 50 µs a hit."""
        highlighter = Highlighter(plan)
        limit = self._settings.number("snippet_chars")
        by_segment: dict[int, list[int]] = {}
        for hit in ranked:
            by_segment.setdefault(hit.segment, []).append(hit.doc)
        rows = {
            (number, doc): row
            for number, docs in by_segment.items()
            for doc, row in zip(docs, self.snapshot.segments[number].stored_rows(docs), strict=True)
        }
        shown = []
        for hit in ranked:
            segment = self.snapshot.segments[hit.segment]
            article = segment.unpack(rows[hit.segment, hit.doc], hit.doc, tuple(self._values("context", hit)))
            dates = self.snapshot.dates[hit.segment]
            shown.append(
                Hit(
                    path=article.path,
                    date=article.date,
                    kind=article.kind,
                    language=article.language,
                    headline=article.headline,
                    summary=article.summary,
                    topic=article.topic,
                    contexts=article.contexts,
                    sources=article.sources,
                    image=article.image,
                    headline_html=highlighter.mark("headline", article.headline),
                    snippet_html=highlighter.snippet("summary", article.summary, limit) if article.summary else "",
                    score=hit.score,
                    partial=partial,
                    first_seen=dates.first_seen(hit.doc),
                    last_changed=dates.last_changed(hit.doc),
                )
            )
        return tuple(shown)

    def _values(self, field: str, hit: Ranked) -> list[str]:
        space = self.spaces[field]
        numbers = space.columns[hit.segment].numbers_of(hit.doc)
        if space.numbers is not None:
            own = space.numbers[hit.segment]
            numbers = [int(own[number]) for number in numbers]
        return [space.name(number) for number in numbers]


def _scores(request: SearchRequest, matches: Matches, statistics: Statistics) -> list[Scores] | None:
    """Return what the hits of each segment are worth, None where the order is by date."""
    if request.order != "relevance":
        return None
    return matches.scores or [
        evaluator.score(matches.plan, docs, mask)
        for evaluator, docs, mask in zip(statistics.evaluators, matches.hits.docs, matches.hits.masks, strict=True)
    ]


def _counted(field: str, matches: Matches) -> DocSet:
    """Return what a facet is counted over: the hits for contexts, else the hits without the facet's own selection."""
    return matches.hits if field == "context" else matches.without(field)
