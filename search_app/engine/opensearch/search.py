"""One search over one index on a cluster: read, resolve, ask, prove the counts, rank, show.

In: a request. Out: the seam's records. A ``ClusterSearcher`` belongs to one index, which never changes, and all threads
share it; what it remembers of frequencies and names holds for as long as the index does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Any
from zlib import crc32

from ...index.analysis import fold
from ...index.generation import Snapshot
from ...settings import Settings
from ..aliases import AliasFile
from ..dead_ends import choose_ways, find_conditions, most_first
from ..facets import has_word
from ..matching import SHORT_QUERY, clause_information, relax, relaxable
from ..plan import Plan
from ..proximity import RERANKED
from ..relatives import with_relatives
from ..request import MISSING_FIELDS, FacetRequest, SearchRequest
from ..result import Bucket, FacetPage, Hit, HitStream, SearchResult, Suggestion, WayOn
from ..search import Reading
from .candidates import NOTHING_KNOWN, CandidateSearcher, Known, make_snapshot
from .cluster import Cluster, Json
from .compile import both, compile_plan, constant, fading
from .counting import read_facet, read_lacking, whole_facet
from .knowledge import Knowledge
from .mapping import value_of_key
from .merging import Merged
from .scope import (
    Names,
    Scope,
    condition_query,
    flagged,
    scope_of,
    without_filters,
)
from .tally import Tally
from .walk import DEEPEST, Walk, read_place, write_place

BY_SCORE: list[Json] = [{"_score": "desc"}, {"day": "desc"}, {"path": "asc"}]
BY_DAY: dict[str, list[Json]] = {
    "newest": [{"day": "desc"}, {"path": "asc"}],
    "oldest": [{"day": "asc"}, {"path": "asc"}],
}
STREAM_HITS = 500
RECENT = 8
"""Sets of candidates that are kept: people turn pages."""
_INFORMATION = 1000.0
"""What a partial match's words are worth against its score: of a short query, what is said comes before how well."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the cluster answered to a request, and by which words. request : with the words that were searched for.

    known : of the words. partial : a searcher on the best partial matches where there are no others, None where there
    are none either. corrected, did_you_mean : as in ``SearchResult``.
    """

    request: SearchRequest
    reading: Reading
    answer: Json
    known: Known
    total: int
    partial: CandidateSearcher | None = None
    corrected: str = ""
    did_you_mean: str = ""


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
        self._knowledge = Knowledge(cluster, index, meta, settings, self._aliases)
        self._tally = Tally(cluster, index)
        self._making = Lock()
        self._recent: dict[tuple[str, ...], Snapshot] = {}

    # -- reading the request ----------------------------------------------------------------------------------------

    @cached_property
    def _reader(self) -> CandidateSearcher:
        """What needs no candidates: reading a query, statistics."""
        return CandidateSearcher(self._snapshot(()), self._settings, NOTHING_KNOWN, self._tally.archive_days)

    def _snapshot(self, records: tuple[Json, ...]) -> Snapshot:
        return make_snapshot(records, self.generation, self.articles, self.meta["average_lengths"])

    def _searcher_on(self, found: list[Json], known: Known) -> CandidateSearcher:
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
        return CandidateSearcher(snapshot, self._settings, known, self._tally.archive_days, aliases)

    def _read(self, text: str, today: date) -> Reading:
        self._reader.aliases = self._aliases.current()
        return self._reader.read(text, today)

    def _compiled(self, plan: Plan) -> Json:
        return compile_plan(plan, self._knowledge.words_of)

    # -- searching ----------------------------------------------------------------------------------------------------

    def _answer(self, request: SearchRequest, scope: Scope, today: date, body_of: Callable[[Plan], Json]) -> _Asked:
        """Ask for what a request matches, by other words than those typed where these find nothing.

        body_of : gives the body of the search for a plan.
        """
        typed = self._asked(request, today, body_of)
        plan = typed.reading.plan
        better = self._knowledge.correct(request, plan, typed.known)
        if better is not None and typed.total:
            meant = both(self._compiled(self._read(better, today).plan), scope.everything)
            return replace(typed, did_you_mean=better) if self._tally.totals([meant])[0] > typed.total else typed
        if better is not None:
            other = self._asked(replace(request, q=better), today, body_of)
            partial = None if other.total else self._partial(other, scope)
            if other.total or partial:
                return replace(other, partial=partial, corrected=better)
        return typed if typed.total else replace(typed, partial=self._partial(typed, scope))

    def _asked(self, request: SearchRequest, today: date, body_of: Callable[[Plan], Json]) -> _Asked:
        reading = self._read(request.q, today)
        answer, known = self._knowledge.ask(reading.plan, (_params(request), body_of(reading.plan)))
        total = int(answer["hits"]["total"]["value"])
        loose = relax(reading.plan)
        if loose is not None and total < max(request.per_page, 1) and len(relaxable(reading.plan)) > SHORT_QUERY:
            known = self._knowledge.with_relatives(known, loose, self.articles)
        return _Asked(request, reading, answer, known, total)

    def search(self, request: SearchRequest, today: date) -> SearchResult:
        """Answer one search. A page past the end has no hits; telling so is the caller's."""
        began = time.perf_counter()
        names = self._knowledge.resolve(request)
        scope = scope_of(request, names)
        start = (request.page - 1) * request.per_page
        place: list[Any] = []
        if request.after:
            start, place = read_place(request.after)
        end = start + request.per_page
        first, size = self._reach(request, start, end)
        deep = first + size > DEEPEST and not (place and first)
        aggregations = self._tally.aggregations(request, scope, names)

        def body_of(plan: Plan) -> Json:
            body = self._body(plan, scope, request) | {"from": 0 if deep else first, "size": 0 if deep else size}
            if place and first:
                # Behind a known hit, whose number does not matter: as cheap at the end as at the beginning.
                body |= {"from": 0, "search_after": place}
            return body | {"aggs": aggregations}

        asked = self._answer(request, scope, today, body_of)
        if asked.partial is not None:
            found = self._partial_result(asked, asked.partial, names, start, today)
            return replace(found, request=request, corrected=asked.corrected, took_ms=_ms(began))
        plan, total = asked.reading.plan, asked.total
        found_hits = asked.answer["hits"]["hits"]
        if deep and start < total:
            found_hits = Walk(self._cluster, self.index, body_of(plan), _params(request)).page(first, size)
        hits, extra = self._show(asked, found_hits, self._beside(asked, scope), first, start, today)
        last = found_hits[end - first - 1]["sort"] if 0 < end - first <= len(found_hits) else []
        counts, query = asked.answer["aggregations"], self._compiled(plan)
        return replace(
            extra,
            request=request,
            total=total,
            pages=-(-total // request.per_page) if request.per_page else 0,
            hits=hits,
            facets=self._tally.facets(request, both(query, scope.filters), scope, names, counts),
            missing=read_lacking(counts["hits"], MISSING_FIELDS),
            histogram=self._tally.histogram(request, both(query, scope.everything), counts["hits"]),
            relaxed=False,
            did_you_mean=asked.did_you_mean or None,
            corrected=asked.corrected,
            ways_on=() if total else self._ways_on(request, asked.reading, names, today),
            generation=self.generation,
            took_ms=_ms(began),
            next=write_place(end, last) if request.per_page and end < total else "",
        )

    def _ways_on(self, request: SearchRequest, reading: Reading, names: Names, today: date) -> tuple[WayOn, ...]:
        """Return the best searches with one condition less, each with the hits of the list that it leads to."""
        conditions = find_conditions(request, reading.tree)
        queries = [condition_query(condition, names, self._compiled) for condition in conditions]
        left = [{"bool": {"filter": queries[:n] + queries[n + 1 :]}} for n in range(len(queries))]

        def count(wanted: SearchRequest) -> int:
            plan = self._read(wanted.q, today).plan
            everything = scope_of(wanted, self._knowledge.resolve(wanted)).everything
            return self._tally.totals([both(self._compiled(plan), everything)])[0]

        return choose_ways(most_first(conditions, self._tally.totals(left)), count)

    def _reach(self, request: SearchRequest, start: int, end: int) -> tuple[int, int]:
        """Return which hits to fetch, the first and how many: by relevance, always those that are ranked again."""
        if not request.per_page:
            return 0, 0
        if request.order == "relevance" and start < self._window:
            return 0, max(self._window, end)
        return start, request.per_page

    def _body(self, plan: Plan, scope: Scope, request: SearchRequest) -> Json:
        query, order = both(self._compiled(plan), scope.filters), request.order
        if request.half_life and order == "relevance" and self.articles:
            query = fading(query, request.half_life, int(self._tally.archive_days()[-1]))
        body: Json = {"query": query, "sort": BY_SCORE if order == "relevance" else BY_DAY[order]}
        if scope.selections:
            body["post_filter"] = {"bool": {"filter": list(scope.selections.values())}}
        return body | {"track_total_hits": True}

    def _show(
        self, asked: _Asked, found: list[Json], beside: list[Json], first: int, start: int, today: date
    ) -> tuple[tuple[Hit, ...], SearchResult]:
        """Return the hits of the page, and the answer that the embedded engine's code gives over the candidates.

        found : hits of the cluster, in its order, from number ``first`` on.
        """
        request, plan, known = asked.request, asked.reading.plan, asked.known
        plain = replace(without_filters(request), histogram=False)
        end = start + request.per_page
        if request.order != "relevance":
            result = self._searcher_on(found, known).search(replace(plain, page=1), today)
            return result.hits, result
        if first:
            empty = self._searcher_on([], known).search(replace(plain, page=1, per_page=0), today)
            return self._in_order(found, plan, known), empty
        # All of the window, of which the page is cut: it need not begin at a multiple of its size.
        searcher = self._searcher_on([*found[: self._window], *beside], known)
        result = searcher.search(replace(plain, page=1, per_page=end), today)
        rest = self._in_order(found[max(self._window, start) : end], plan, known)
        return result.hits[start:end] + rest, result

    def _in_order(self, found: list[Json], plan: Plan, known: Known) -> tuple[Hit, ...]:
        """Return hits of the cluster in its order."""
        if not found:
            return ()
        searcher = self._searcher_on(found, known)
        paths = [str(hit["sort"][-1]) for hit in found]
        return searcher.show(searcher.ranked(paths, [hit["_score"] for hit in found]), plan)

    def _partial(self, asked: _Asked, scope: Scope) -> CandidateSearcher | None:
        """Return a searcher over the best partial matches, None where there are none to be had.

        The cluster puts first what has most of the query's information, then what scores best; which are kept is
        decided here, by the code that decides it for the embedded engine.
        """
        most = self._settings.number("relaxed_hits")
        found = self._partial_hits(asked, scope, most) if most else []
        return self._searcher_on(found, asked.known) if found else None

    def _partial_hits(self, asked: _Asked, scope: Scope, most: int) -> list[Json]:
        """Return what the cluster puts first of the partial matches: at least ``most``, where there are as many."""
        plan = asked.reading.plan
        loose = relax(plan)
        if loose is None:
            return []
        statistics = self._searcher_on([], asked.known).statistics()
        worths = [
            constant(self._compiled(clause), max(clause_information(clause, statistics), 0.0) * _INFORMATION)
            for clause in relaxable(plan)
            if len(relaxable(plan)) <= SHORT_QUERY
        ]
        matched = self._compiled(loose)
        scored = matched if worths else self._compiled(with_relatives(loose, statistics))
        body: Json = {
            "query": {"bool": {"filter": [matched, *scope.everything], "should": [*worths, scored]}},
            "sort": BY_SCORE,
            "size": min(max(self._window, 2 * most), DEEPEST),
        }
        found: list[Json] = self._cluster.searches(self.index, [(_params(asked.request), body)])[0]["hits"]["hits"]
        return found

    def _beside(self, asked: _Asked, scope: Scope) -> list[Json]:
        """Return the partial matches from which those beside a first page with too few hits are chosen."""
        request = asked.request
        few = 0 < asked.total < request.per_page and request.page == 1 and not request.after
        if not few or request.order != "relevance" or not self._settings.number("relaxed_hits"):
            return []
        full = self._compiled(asked.reading.plan)
        without = Scope([*scope.filters, {"bool": {"must_not": [full]}}], scope.selections)
        return self._partial_hits(asked, without, RERANKED)

    def _partial_result(
        self, asked: _Asked, partial: CandidateSearcher, names: Names, start: int, today: date
    ) -> SearchResult:
        """Return the answer that consists of partial matches: counted over what is shown, whatever facet it is of."""
        request = asked.request
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
            answer = whole_facet(_values_of(every_hit.hits, field, names.merged), found.missing[field])
            facets[field] = read_facet(answer, request.facet_size, names, field)
        return replace(found, facets=facets, generation=self.generation)

    # -- all values of a facet ----------------------------------------------------------------------------------------

    def facet(self, request: FacetRequest, today: date) -> FacetPage:
        """Answer one page of all values of a facet. Cost: one request for each 10,000 values."""
        search = replace(request.search, facets=(), histogram=False)
        names = self._knowledge.resolve(search)
        scope = scope_of(search, names)

        def body_of(plan: Plan) -> Json:
            return {"size": 0, "track_total_hits": True, "query": both(self._compiled(plan), scope.everything)}

        asked = self._answer(search, scope, today, body_of)
        if asked.partial is not None:
            every = replace(without_filters(asked.request), page=1, per_page=DEEPEST)
            counts = _values_of(asked.partial.search(every, today).hits, request.field, names.merged)
        else:
            query = both(self._compiled(asked.reading.plan), [*scope.filters, *scope.others(request.field)])
            counts = self._tally.all_values(query, request.field, names.merged)
        found = [(value_of_key(key), count) for key, count in counts]
        if request.prefix.strip():
            wanted = fold(request.prefix.strip())
            found = [
                (name, count)
                for name, count in found
                if any(has_word(fold(label), wanted) for label in names.merged.labels(request.field, name))
            ]
        if request.sort == "count":
            found.sort(key=lambda pair: -pair[1])
        start = (request.page - 1) * request.per_page
        buckets = tuple(Bucket(name, count) for name, count in found[start : start + request.per_page])
        buckets = flagged(buckets, names, request.field)
        return FacetPage(request.field, buckets, len(found), request.page, -(-len(found) // request.per_page))

    # -- every hit ----------------------------------------------------------------------------------------------------

    def stream(self, request: SearchRequest, today: date) -> HitStream:
        """Answer every hit of a search. Cost: one request for each ``STREAM_HITS``; memory: that many hits."""
        scope = scope_of(request, self._knowledge.resolve(request))
        size = self._window if request.order == "relevance" else STREAM_HITS
        asked = self._answer(request, scope, today, lambda plan: self._body(plan, scope, request) | {"size": size})
        plain = replace(without_filters(asked.request), page=1)
        if asked.partial is not None:
            return replace(asked.partial.stream(plain, today), request=request, generation=self.generation)
        found = asked.answer["hits"]["hits"]
        first = self._searcher_on(found, asked.known).stream(plain, today)
        body = self._body(asked.reading.plan, scope, request) | {"size": STREAM_HITS}
        walk = Walk(self._cluster, self.index, body, _params(request))
        rest = self._show_rest(walk, found, asked.total) if asked.total > len(found) else iter(())
        return replace(
            first,
            request=request,
            total=asked.total,
            relaxed=False,
            hits=_chain(first.hits, rest),
            generation=self.generation,
        )

    def _show_rest(self, walk: Walk, found: list[Json], total: int) -> Iterator[Hit]:
        for batch in walk.batches(found[-1]["sort"], total - len(found)):
            for hit in batch:
                yield self._reader.hit(hit["_source"]["record"], float(hit.get("_score") or 0.0))

    # -- completing ---------------------------------------------------------------------------------------------------

    def suggest(self, typed: str, limit: int) -> tuple[Suggestion, ...]:
        """Return completions of typed text. Cost: the first fetches the table of them."""
        return self._knowledge.suggest(typed, limit, lambda: self._snapshot(()), self._tally.totals)


def _values_of(hits: Iterable[Hit], field: str, merged: Merged) -> list[tuple[str, int]]:
    """Return key and count of each value of a facet among some hits, in the order of names."""
    return merged.count(field, (_labels(hit, field) for hit in hits))


def _labels(hit: Hit, field: str) -> Iterable[str]:
    if field == "topic":
        return (hit.topic,) if hit.topic else ()
    return hit.contexts if field == "context" else (source.name for source in hit.sources)


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
