"""One search over one index on a cluster: read, resolve, ask, prove the counts, rank, show.

In: a request. Out: the seam's records. A ``ClusterSearcher`` belongs to one index, which never changes, and all threads
share it; what it remembers of frequencies and names holds for as long as the index does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Any
from zlib import crc32

import numpy as np

from ...index.analysis import fold
from ...index.generation import Snapshot
from ...index.suggestions import SUGGESTIONS
from ...settings import Settings
from ..aliases import AliasFile
from ..facets import MAX_DAY_BARS, has_word
from ..fielded import TermCounts
from ..matching import SHORT_QUERY, clause_information, relax, relaxable
from ..plan import Plan, Term
from ..proximity import RERANKED
from ..request import MISSING_FIELDS, FacetRequest, SearchRequest
from ..result import Bucket, Facet, FacetPage, Histogram, Hit, HitStream, SearchResult
from ..search import Reading
from ..suggest import Suggester
from .candidates import CandidateSearcher, Counts, make_snapshot, scored_terms
from .cluster import Cluster, Json
from .compile import both, compile_plan, constant, count_bodies, read_counts
from .counting import (
    MAX_VALUES,
    Days,
    all_values_body,
    facet_aggregations,
    histogram_interval,
    hits_aggregations,
    proven,
    read_facet,
    read_histogram,
    read_lacking,
    read_span,
    spans_aggregation,
    whole_facet,
)
from .mapping import key_order, value_key, value_of_key
from .scope import (
    Names,
    Scope,
    flagged,
    named_values,
    names_body,
    read_spelling,
    resolved,
    scope_of,
    shown_anyway,
    without_filters,
)
from .tables import fetch_suggestions
from .walk import DEEPEST, Walk, read_place, write_place

BY_SCORE: list[Json] = [{"_score": "desc"}, {"day": "desc"}, {"path": "asc"}]
BY_DAY: dict[str, list[Json]] = {
    "newest": [{"day": "desc"}, {"path": "asc"}],
    "oldest": [{"day": "asc"}, {"path": "asc"}],
}
STREAM_HITS = 500
MAX_REMEMBERED = 20_000
RECENT = 8
"""Sets of candidates that are kept: people turn pages."""
_INFORMATION = 1000.0
"""What a partial match's words are worth against its score: of a short query, what is said comes before how well."""


class ClusterSearcher:
    """Searches one index on a cluster.

    meta : what its build wrote about it. aliases : names that mean the same in queries; the file of the settings where
    None.
    """

    def __init__(
        self, cluster: Cluster, index: str, meta: Json, settings: Settings, aliases: AliasFile | None = None
    ) -> None:
        self.index = index
        self.meta = meta
        self.generation = int(meta["generation"])
        self.articles = int(meta["articles"])
        self._cluster = cluster
        self._aliases = aliases or AliasFile(settings.text("aliases"))
        self._settings = settings
        self._window = settings.number("opensearch_window")
        self._counted: dict[Term, TermCounts] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._making = Lock()
        self._suggester: Suggester | None = None
        self._days: Days | None = None
        self._recent: dict[tuple[str, ...], Snapshot] = {}

    # -- reading the request ----------------------------------------------------------------------------------------

    @cached_property
    def _reader(self) -> CandidateSearcher:
        """What needs no candidates: reading a query, statistics."""
        return CandidateSearcher(self._snapshot(()), self._settings, {}, self._archive_days)

    def _snapshot(self, records: tuple[Json, ...]) -> Snapshot:
        return make_snapshot(records, self.generation, self.articles, self.meta["average_lengths"])

    def _searcher_on(self, found: list[Json], known: Counts) -> CandidateSearcher:
        """Return a searcher on hits of the cluster; what it takes to make is kept for the next page."""
        key = tuple(hit["_id"] for hit in found)
        with self._making:
            snapshot = self._recent.get(key)
        if snapshot is None:
            snapshot = self._snapshot(tuple(hit["_source"]["record"] for hit in found))
            with self._making:
                self._recent[key] = snapshot
                while len(self._recent) > RECENT:
                    del self._recent[next(iter(self._recent))]
        aliases = self._aliases.current()
        return CandidateSearcher(snapshot, self._settings, known, self._archive_days, aliases)

    def _read(self, request: SearchRequest, today: date) -> Reading:
        self._reader.aliases = self._aliases.current()
        return self._reader.read(request.q, today)

    def _resolve(self, request: SearchRequest) -> Names:
        """Return the names in a request as the archive spells them; looked up once each."""
        wanted = named_values(request)
        known = {key: self._names[key] for key in wanted if key in self._names}
        missing = [key for key in wanted if key not in known]
        answers = self._cluster.searches(self.index, [({}, names_body(*key)) for key in missing])
        learned = {key: read_spelling(answer, key[1]) for key, answer in zip(missing, answers, strict=True)}
        if len(self._names) > MAX_REMEMBERED:
            self._names = {}
        self._names.update(learned)
        return resolved(request, known | learned)

    def _ask(self, plan: Plan, main: tuple[Json, Json]) -> tuple[Json, Counts]:
        """Run a search, and with it whatever scoring has yet to learn about the plan's words.

        Returns its answer, and the counts of all words of the plan.
        """
        wanted = scored_terms(plan)
        known = {term: self._counted[term] for term in wanted if term in self._counted}
        asked = [term for term in wanted if term not in known]
        bodies: list[tuple[Json, Json]] = [({}, body) for term in asked for body in count_bodies(term)]
        first, *answers = self._cluster.searches(self.index, [main, *bodies])
        learned = {
            term: read_counts(*pair)
            for term, pair in zip(asked, zip(answers[::2], answers[1::2], strict=True), strict=True)
        }
        if len(self._counted) > MAX_REMEMBERED:
            self._counted = {}
        self._counted.update(learned)
        return first, known | learned

    # -- searching ----------------------------------------------------------------------------------------------------

    def search(self, request: SearchRequest, today: date) -> SearchResult:
        """Answer one search. A page past the end has no hits; telling so is the caller's."""
        began = time.perf_counter()
        reading = self._read(request, today)
        names = self._resolve(request)
        scope = scope_of(request, names)
        start = (request.page - 1) * request.per_page
        place: list[Any] = []
        if request.after:
            start, place = read_place(request.after)
        end = start + request.per_page
        first, size = self._reach(request, start, end)
        deep = first + size > DEEPEST and not (place and first)
        body = self._body(reading.plan, scope, request.order) | {
            "from": 0 if deep else first,
            "size": 0 if deep else size,
        }
        if place and first:
            # Behind a known hit, whose number does not matter: as cheap at the end as at the beginning.
            body |= {"from": 0, "search_after": place}
        body["aggs"] = self._aggregations(request, scope, names)
        answer, known = self._ask(reading.plan, (_params(request), body))
        total = int(answer["hits"]["total"]["value"])
        if not total:
            partial = self._partial(reading.plan, request, scope, known)
            if partial is not None:
                return self._partial_result(request, names, partial, start, today, began)
        found_hits = answer["hits"]["hits"]
        if deep and start < total:
            found_hits = Walk(self._cluster, self.index, body, _params(request)).page(first, size)
        beside = self._beside(request, reading.plan, scope, known, total)
        hits, extra = self._show(request, reading, found_hits, beside, first, start, known, today)
        last = found_hits[end - first - 1]["sort"] if 0 < end - first <= len(found_hits) else []
        counts = answer["aggregations"]
        histogram = self._histogram(request, reading.plan, scope, counts["hits"])
        return replace(
            extra,
            request=request,
            total=total,
            pages=-(-total // request.per_page) if request.per_page else 0,
            hits=hits,
            facets=self._facets(request, reading.plan, scope, names, counts),
            missing=read_lacking(counts["hits"], MISSING_FIELDS),
            histogram=histogram,
            relaxed=False,
            generation=self.generation,
            took_ms=_ms(began),
            next=write_place(end, last) if request.per_page and end < total else "",
        )

    def _reach(self, request: SearchRequest, start: int, end: int) -> tuple[int, int]:
        """Return which hits to fetch, the first and how many: by relevance, always those that are ranked again."""
        if not request.per_page:
            return 0, 0
        if request.order == "relevance" and start < self._window:
            return 0, max(self._window, end)
        return start, request.per_page

    def _body(self, plan: Plan, scope: Scope, order: str) -> Json:
        query = both(compile_plan(plan), scope.filters)
        body: Json = {"query": query, "sort": BY_SCORE if order == "relevance" else BY_DAY[order]}
        if scope.selections:
            body["post_filter"] = {"bool": {"filter": list(scope.selections.values())}}
        return body | {"track_total_hits": True}

    def _show(
        self,
        request: SearchRequest,
        reading: Reading,
        found: list[Json],
        beside: list[Json],
        first: int,
        start: int,
        known: Counts,
        today: date,
    ) -> tuple[tuple[Hit, ...], SearchResult]:
        """Return the hits of the page, and the answer that the embedded engine's code gives over the candidates.

        found : hits of the cluster, in its order, from number ``first`` on.
        """
        asked = replace(without_filters(request), histogram=False)
        end = start + request.per_page
        if request.order != "relevance":
            result = self._searcher_on(found, known).search(replace(asked, page=1), today)
            return result.hits, result
        if first:
            empty = self._reader.search(replace(asked, page=1, per_page=0), today)
            return self._in_order(found, reading.plan), empty
        # All of the window, of which the page is cut: it need not begin at a multiple of its size.
        searcher = self._searcher_on([*found[: self._window], *beside], known)
        result = searcher.search(replace(asked, page=1, per_page=end), today)
        return result.hits[start:end] + self._in_order(found[max(self._window, start) : end], reading.plan), result

    def _in_order(self, found: list[Json], plan: Plan) -> tuple[Hit, ...]:
        """Return hits of the cluster in its order."""
        if not found:
            return ()
        searcher = self._searcher_on(found, {})
        paths = [str(hit["sort"][-1]) for hit in found]
        return searcher.show(searcher.ranked(paths, [hit["_score"] for hit in found]), plan)

    def _partial(self, plan: Plan, request: SearchRequest, scope: Scope, known: Counts) -> CandidateSearcher | None:
        """Return a searcher over the best partial matches, None where there are none to be had.

        The cluster puts first what has most of the query's information, then what scores best; which are kept is
        decided here, by the code that decides it for the embedded engine.
        """
        most = self._settings.number("relaxed_hits")
        found = self._partial_hits(plan, request, scope, known, most) if most else []
        return self._searcher_on(found, known) if found else None

    def _partial_hits(self, plan: Plan, request: SearchRequest, scope: Scope, known: Counts, most: int) -> list[Json]:
        """Return what the cluster puts first of the partial matches: at least ``most``, where there are as many."""
        loose = relax(plan)
        if loose is None:
            return []
        statistics = self._searcher_on([], known).statistics()
        worths = [
            constant(compile_plan(clause), max(clause_information(clause, statistics), 0.0) * _INFORMATION)
            for clause in relaxable(plan)
            if len(relaxable(plan)) <= SHORT_QUERY
        ]
        matched = compile_plan(loose)
        body: Json = {
            "query": {"bool": {"filter": [matched, *scope.everything], "should": [*worths, matched]}},
            "sort": BY_SCORE,
            "size": min(max(self._window, 2 * most), DEEPEST),
        }
        found: list[Json] = self._cluster.searches(self.index, [(_params(request), body)])[0]["hits"]["hits"]
        return found

    def _beside(self, request: SearchRequest, plan: Plan, scope: Scope, known: Counts, total: int) -> list[Json]:
        """Return the partial matches from which those beside a first page with too few hits are chosen."""
        few = 0 < total < request.per_page and request.page == 1 and not request.after
        if not few or request.order != "relevance" or not self._settings.number("relaxed_hits"):
            return []
        without = Scope([*scope.filters, {"bool": {"must_not": [compile_plan(plan)]}}], scope.selections)
        return self._partial_hits(plan, request, without, known, RERANKED)

    def _partial_result(
        self, request: SearchRequest, names: Names, partial: CandidateSearcher, start: int, today: date, began: float
    ) -> SearchResult:
        """Return the answer that consists of partial matches: counted over what is shown, whatever facet it is of."""
        every_hit = partial.search(replace(without_filters(request), page=1, per_page=DEEPEST), today)
        end = start + request.per_page
        found = replace(
            every_hit,
            hits=every_hit.hits[start:end],
            pages=-(-every_hit.total // request.per_page) if request.per_page else 0,
            next=write_place(end, []) if request.per_page and end < every_hit.total else "",
        )
        facets = {}
        for field in request.facets:
            every = partial.facet(FacetRequest(without_filters(request), field, per_page=MAX_VALUES), today).buckets
            answer = whole_facet([(value_key(bucket.value), bucket.count) for bucket in every], found.missing[field])
            facets[field] = read_facet(answer, request.facet_size, names[field], names["not_" + field])
        return replace(found, request=request, facets=facets, generation=self.generation, took_ms=_ms(began))

    # -- counting -----------------------------------------------------------------------------------------------------

    def _aggregations(self, request: SearchRequest, scope: Scope, names: Names) -> Json:
        found = {
            field: facet_aggregations(field, request.facet_size, shown_anyway(names, field), scope.others(field))
            for field in request.facets
        }
        first, last = request.date_from, request.date_to
        short = first is not None and last is not None and (last - first).days < MAX_DAY_BARS
        days = request.interval == "day" or (not request.interval and short)
        everything = list(scope.selections.values())
        return {
            **found,
            "hits": hits_aggregations(everything, histogram=request.histogram, days=days, changes=request.changes),
        }

    def _facets(self, request: SearchRequest, plan: Plan, scope: Scope, names: Names, counts: Json) -> dict[str, Facet]:
        """Return the facets, asking for more values until each one's counts are proven exact."""
        query = both(compile_plan(plan), scope.filters)
        answers = {field: counts[field] for field in request.facets}
        values = len(next(iter(answers.values()))["values"]["buckets"]) if answers else 0
        unproven = [field for field in answers if not proven(answers[field], request.facet_size)]
        while unproven:
            values = max(values * 8, request.facet_size * 20)
            if values > MAX_VALUES:
                for field in unproven:
                    found = self._all_values(both(query, scope.others(field)), field)
                    ranked = sorted(found, key=lambda pair: (-pair[1], key_order(pair[0])))
                    answers[field] |= whole_facet(ranked, answers[field]["missing"]["doc_count"])
                break
            aggs = {
                field: facet_aggregations(
                    field, request.facet_size, shown_anyway(names, field), scope.others(field), values
                )
                for field in unproven
            }
            more = self._cluster.searches(self.index, [({}, {"size": 0, "query": query, "aggs": aggs})])[0]
            answers |= {field: more["aggregations"][field] for field in unproven}
            unproven = [field for field in unproven if not proven(answers[field], request.facet_size)]
        return {
            field: read_facet(answer, request.facet_size, names[field], names["not_" + field])
            for field, answer in answers.items()
        }

    def _all_values(self, query: Json, field: str) -> Iterator[tuple[str, int]]:
        """Yield the key of every value of a facet with its exact count, in the order of names."""
        after: Json | None = None
        while True:
            answer = self._cluster.searches(self.index, [({}, all_values_body(query, field, after))])[0]
            found = answer["aggregations"]["all"]
            for bucket in found["buckets"]:
                yield bucket["key"]["value"], int(bucket["doc_count"])
            after = found.get("after_key")
            if not after:
                return

    def _histogram(self, request: SearchRequest, plan: Plan, scope: Scope, counts: Json) -> Histogram:
        if not request.histogram:
            return Histogram()
        span = read_span(counts)
        interval = histogram_interval(span, request.interval)
        if interval == "day" and "days" not in counts and span is not None:
            query = both(compile_plan(plan), scope.everything)
            body = {"size": 0, "query": query, "aggs": {"days": spans_aggregation("day", changes=request.changes)}}
            counts = {**counts, **self._cluster.searches(self.index, [({}, body)])[0]["aggregations"]}
        return read_histogram(counts, span, interval, self._archive_days)

    def _archive_days(self) -> Days:
        """Return the days of which there are articles, ascending; asked for once."""
        if self._days is None:
            body = {"size": 0, "track_total_hits": False, "aggs": {"days": spans_aggregation("day", changes=False)}}
            found = self._cluster.searches(self.index, [({}, body)])[0]["aggregations"]["days"]["buckets"]
            self._days = np.array([int(bucket["key"]) for bucket in found], np.int64)
        return self._days

    def facet(self, request: FacetRequest, today: date) -> FacetPage:
        """Answer one page of all values of a facet. Cost: one request for each 10,000 values."""
        search = replace(request.search, facets=(), histogram=False)
        plan = self._read(search, today).plan
        names = self._resolve(search)
        scope = scope_of(search, names)
        _, known = self._ask(plan, ({}, {"size": 0}))
        query = both(compile_plan(plan), [*scope.filters, *scope.others(request.field)])
        body = both(compile_plan(plan), scope.everything)
        if not self._total(body):
            partial = self._partial(plan, search, scope, known)
            if partial is not None:
                page = partial.facet(replace(request, search=without_filters(search)), today)
                return replace(page, buckets=flagged(page.buckets, names, request.field))
        found = [(value_of_key(key), count) for key, count in self._all_values(query, request.field)]
        if request.prefix.strip():
            wanted = fold(request.prefix.strip())
            found = [(name, count) for name, count in found if has_word(fold(name), wanted)]
        if request.sort == "count":
            found.sort(key=lambda pair: -pair[1])
        start = (request.page - 1) * request.per_page
        buckets = tuple(Bucket(name, count) for name, count in found[start : start + request.per_page])
        buckets = flagged(buckets, names, request.field)
        return FacetPage(request.field, buckets, len(found), request.page, -(-len(found) // request.per_page))

    def _total(self, query: Json) -> int:
        body = {"size": 0, "track_total_hits": True, "query": query}
        return int(self._cluster.searches(self.index, [({}, body)])[0]["hits"]["total"]["value"])

    # -- every hit ----------------------------------------------------------------------------------------------------

    def stream(self, request: SearchRequest, today: date) -> HitStream:
        """Answer every hit of a search. Cost: one request for each ``STREAM_HITS``; memory: that many hits."""
        reading = self._read(request, today)
        names = self._resolve(request)
        scope = scope_of(request, names)
        ranked = request.order == "relevance"
        body = self._body(reading.plan, scope, request.order) | {"size": self._window if ranked else STREAM_HITS}
        answer, known = self._ask(reading.plan, (_params(request), body))
        total = int(answer["hits"]["total"]["value"])
        asked = replace(without_filters(request), page=1)
        partial = None if total else self._partial(reading.plan, request, scope, known)
        if partial is not None:
            return replace(partial.stream(asked, today), request=request, generation=self.generation)
        found = answer["hits"]["hits"]
        first = self._searcher_on(found, known).stream(asked, today)
        walk = Walk(self._cluster, self.index, {**body, "size": STREAM_HITS}, _params(request))
        rest = self._show_rest(walk, found, total) if total > len(found) else iter(())
        return replace(
            first,
            request=request,
            total=total,
            relaxed=False,
            hits=_chain(first.hits, rest),
            generation=self.generation,
        )

    def _show_rest(self, walk: Walk, found: list[Json], total: int) -> Iterator[Hit]:
        for batch in walk.batches(found[-1]["sort"], total - len(found)):
            for hit in batch:
                yield self._reader.hit(hit["_source"]["record"], float(hit.get("_score") or 0.0))

    # -- completing ---------------------------------------------------------------------------------------------------

    def suggester(self) -> Suggester:
        """Return the completions of this index; fetched when first asked for."""
        if self._suggester is None:
            with self._making:
                if self._suggester is None:
                    table = fetch_suggestions(self._cluster, self.meta["tables"])
                    snapshot = replace(self._reader.snapshot, companions={SUGGESTIONS: table})
                    self._suggester = Suggester(snapshot)
        return self._suggester


def _chain(first: Iterator[Hit], rest: Iterator[Hit]) -> Iterator[Hit]:
    yield from first
    yield from rest


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _params(request: SearchRequest) -> Json:
    """Return the parameters of a search.

    The same query goes to the same copies of the shards, since scores may differ between copies in their last digits:
    no hit is on two pages. Scores are counted over all shards.
    """
    return {"preference": f"q{crc32(request.q.encode('utf-8', 'replace'))}", "search_type": "dfs_query_then_fetch"}
