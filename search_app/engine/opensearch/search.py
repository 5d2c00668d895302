"""One search over one index on a cluster: read, resolve, ask, prove the counts, rank, show.

In: a request. Out: the seam's records. A ``ClusterSearcher`` belongs to one index, which never changes, and all threads
share it; what it remembers of frequencies and names holds for as long as the index does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Any
from zlib import crc32

from ...index.analysis import fold
from ...index.generation import Snapshot
from ...index.suggestions import SUGGESTIONS
from ...settings import Settings
from ..aliases import AliasFile
from ..dead_ends import choose_ways, find_conditions, most_first
from ..facets import has_word
from ..fielded import TermCounts
from ..matching import SHORT_QUERY, clause_information, relax, relaxable
from ..plan import Pattern, Plan, Term
from ..proximity import RERANKED
from ..request import MISSING_FIELDS, FacetRequest, SearchRequest
from ..result import Bucket, FacetPage, Hit, HitStream, SearchResult, WayOn
from ..search import Reading
from ..spelling import plain_terms
from ..suggest import Suggester
from .candidates import NOTHING_KNOWN, CandidateSearcher, Known, make_snapshot, scored_terms
from .cluster import Cluster, Json
from .compile import both, compile_plan, constant, count_bodies, fading, read_counts
from .counting import MAX_VALUES, read_facet, read_lacking, whole_facet
from .mapping import value_key, value_of_key
from .scope import (
    Names,
    Scope,
    condition_query,
    flagged,
    named_values,
    names_body,
    read_spelling,
    resolved,
    scope_of,
    without_filters,
)
from .tables import fetch_table
from .tally import Tally
from .vocabulary import VOCABULARY, ClusterSpeller, Vocabulary, patterns_of
from .walk import DEEPEST, Walk, read_place, write_place

BY_SCORE: list[Json] = [{"_score": "desc"}, {"day": "desc"}, {"path": "asc"}]
BY_DAY: dict[str, list[Json]] = {
    "newest": [{"day": "desc"}, {"path": "asc"}],
    "oldest": [{"day": "asc"}, {"path": "asc"}],
}
STREAM_HITS = 500
MAX_REMEMBERED = 20_000
MAX_PATTERNS = 1000
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
        self._counted: dict[Term, TermCounts] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._making = Lock()
        self._tally = Tally(cluster, index)
        self._suggester: Suggester | None = None
        self._vocabulary: Vocabulary | None = None
        self._speller: ClusterSpeller | None = None
        self._cut: dict[Pattern, tuple[str, ...] | None] = {}
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

    def _ask(self, plan: Plan, main: tuple[Json, Json]) -> tuple[Json, Known]:
        """Run a search, and with it whatever scoring has yet to learn about the plan's words.

        Returns its answer, and what is known of the words.
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
        cut = ((pattern, self._words_of(pattern)) for pattern in patterns_of(plan))
        return first, Known(known | learned, {pattern: frozenset(words) for pattern, words in cut if words is not None})

    def _compiled(self, plan: Plan) -> Json:
        return compile_plan(plan, self._words_of)

    def _words_of(self, pattern: Pattern) -> tuple[str, ...] | None:
        """Return the words that a pattern is cut to, None where it stands for no more than are allowed."""
        cut = self._cut
        if pattern not in cut:
            if len(cut) > MAX_PATTERNS:
                cut = self._cut = {}
            cut[pattern] = self._words().words_of(pattern, self._settings.number("max_expansions"))
        return cut[pattern]

    def _words(self) -> Vocabulary:
        """Return the words of this index; fetched when first asked for."""
        with self._making:
            if self._vocabulary is None:
                self._vocabulary = Vocabulary(fetch_table(self._cluster, self.meta["tables"], VOCABULARY))
            return self._vocabulary

    def _correct(self, request: SearchRequest, plan: Plan, known: Known) -> str | None:
        """Return the query that was meant, None where every word is known or nothing is near."""
        words = [] if request.as_typed else plain_terms(plan)
        unknown = [term.token.folded for term in words if not known.counts[term].df]
        if not unknown:
            return None
        if self._speller is None:
            self._speller = ClusterSpeller(self._words())
        return self._speller.correct(request.q, plan, unknown)

    # -- searching ----------------------------------------------------------------------------------------------------

    def _answer(self, request: SearchRequest, scope: Scope, today: date, body_of: Callable[[Plan], Json]) -> _Asked:
        """Ask for what a request matches, by other words than those typed where these find nothing.

        body_of : gives the body of the search for a plan.
        """
        typed = self._asked(request, today, body_of)
        plan = typed.reading.plan
        better = self._correct(request, plan, typed.known)
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
        answer, known = self._ask(reading.plan, (_params(request), body_of(reading.plan)))
        return _Asked(request, reading, answer, known, int(answer["hits"]["total"]["value"]))

    def search(self, request: SearchRequest, today: date) -> SearchResult:
        """Answer one search. A page past the end has no hits; telling so is the caller's."""
        began = time.perf_counter()
        names = self._resolve(request)
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
            everything = scope_of(wanted, self._resolve(wanted)).everything
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
        body: Json = {
            "query": {"bool": {"filter": [matched, *scope.everything], "should": [*worths, matched]}},
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
            every = partial.facet(FacetRequest(without_filters(request), field, per_page=MAX_VALUES), today).buckets
            answer = whole_facet([(value_key(bucket.value), bucket.count) for bucket in every], found.missing[field])
            facets[field] = read_facet(answer, request.facet_size, names[field], names["not_" + field])
        return replace(found, facets=facets, generation=self.generation)

    # -- all values of a facet ----------------------------------------------------------------------------------------

    def facet(self, request: FacetRequest, today: date) -> FacetPage:
        """Answer one page of all values of a facet. Cost: one request for each 10,000 values."""
        search = replace(request.search, facets=(), histogram=False)
        names = self._resolve(search)
        scope = scope_of(search, names)

        def body_of(plan: Plan) -> Json:
            return {"size": 0, "track_total_hits": True, "query": both(self._compiled(plan), scope.everything)}

        asked = self._answer(search, scope, today, body_of)
        if asked.partial is not None:
            page = asked.partial.facet(replace(request, search=without_filters(asked.request)), today)
            return replace(page, buckets=flagged(page.buckets, names, request.field))
        query = both(self._compiled(asked.reading.plan), [*scope.filters, *scope.others(request.field)])
        found = [(value_of_key(key), count) for key, count in self._tally.all_values(query, request.field)]
        if request.prefix.strip():
            wanted = fold(request.prefix.strip())
            found = [(name, count) for name, count in found if has_word(fold(name), wanted)]
        if request.sort == "count":
            found.sort(key=lambda pair: -pair[1])
        start = (request.page - 1) * request.per_page
        buckets = tuple(Bucket(name, count) for name, count in found[start : start + request.per_page])
        buckets = flagged(buckets, names, request.field)
        return FacetPage(request.field, buckets, len(found), request.page, -(-len(found) // request.per_page))

    # -- every hit ----------------------------------------------------------------------------------------------------

    def stream(self, request: SearchRequest, today: date) -> HitStream:
        """Answer every hit of a search. Cost: one request for each ``STREAM_HITS``; memory: that many hits."""
        scope = scope_of(request, self._resolve(request))
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

    def suggester(self) -> Suggester:
        """Return the completions of this index; fetched when first asked for."""
        if self._suggester is None:
            with self._making:
                if self._suggester is None:
                    table = fetch_table(self._cluster, self.meta["tables"], SUGGESTIONS)
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
