"""One search over one snapshot: from request to result, in the order plan, filter, rank, count, show.

In: a ``SearchRequest``. Out: a ``SearchResult``. A ``Searcher`` belongs to one generation and is shared by all threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..archive.model import Source
from ..errors import QueryError
from ..index.generation import Snapshot
from ..index.postings import Docs
from ..messages import message
from ..settings import Settings
from .agreement import add_agreement
from .aliases import NO_ALIASES, Aliases
from .dead_ends import choose_ways, smaller_searches
from .describe import describe
from .docset import DocSet
from .evaluate import Scores, Statistics
from .explain import explain_score
from .facets import Counts, ValueSpace, count_facets, make_facet, make_histogram, values_with_prefix
from .highlight import MARK, Highlighter
from .matching import Matches, find_matches, find_partial
from .merging import MergedSpace
from .plan import All, Plan, make_plan, weigh_repeats
from .proximity import RERANKED, add_near_gains
from .query import MATCH_ALL, Query
from .ranking import Ranked, Ranking, find_place, hits_after, place_of, rank_hits, rank_page
from .recency import recency_factors
from .remembered import Remembered
from .request import FACET_FIELDS, MISSING_FIELDS, FacetRequest, SearchRequest
from .result import Bucket, Facet, FacetPage, Histogram, Hit, HitStream, ScorePart, SearchResult, Suggestion, WayOn
from .scoring import RANKING, Scorer
from .spelling import Speller, plain_terms
from .suggest import Suggester
from .syntax import QueryLimits, parse_query
from .terms import Known
from .wide import Words

STREAM_HITS = 256
"""Hits of a stream that are read in one go: enough to open each stored block once where hits lie side by side."""

MOST_FOUND_IN = 3
"""Values that are enough to tell why an article is a hit."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a query text was read: plan, plain words, a sentence for whatever was ignored or guessed, and the tree."""

    plan: Plan
    understood: str
    warnings: tuple[str, ...]
    tree: Query = MATCH_ALL


class _Answer(NamedTuple):
    """What a request matches, and by which words. corrected, did_you_mean : as in ``SearchResult``."""

    reading: Reading
    statistics: Statistics
    matches: Matches
    corrected: str = ""
    did_you_mean: str = ""


class Searcher:
    """Searches one snapshot.

    aliases : names that mean the same, in queries and, where ``merges_values``, as facet values.
    known : what requests found out about terms; begun anew when it has become too much.
    """

    merges_values = True

    def __init__(
        self,
        snapshot: Snapshot,
        settings: Settings,
        scorer: Scorer | None = None,
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        self.snapshot = snapshot
        self.aliases = aliases
        self._settings = settings
        self._scorer = scorer or RANKING
        self.known = Known(snapshot)
        self._limits = QueryLimits(
            max_chars=settings.number("max_query_chars"),
            max_clauses=settings.number("max_clauses"),
            max_nesting=settings.number("max_nesting"),
            max_patterns=settings.number("max_patterns"),
        )

    @cached_property
    def remembered(self) -> Remembered:
        """The last answers."""
        return Remembered(self._settings.number("remembered_answers"))

    @cached_property
    def spaces(self) -> dict[str, ValueSpace]:
        """The values of each facet over all segments."""
        spaces = {field: ValueSpace.of(self.snapshot, field) for field in FACET_FIELDS}
        groups = self.aliases.groups if self.merges_values else ()
        return {field: MergedSpace.merge(space, groups) if groups else space for field, space in spaces.items()}

    @cached_property
    def _words(self) -> Words:
        """The words of all segments; laid out when a pattern first stands for many of them."""
        return Words(self.snapshot.segments, self.snapshot.live)

    @cached_property
    def suggester(self) -> Suggester:
        """Completions of typed text; opened when first asked for."""
        return Suggester(self.snapshot)

    @cached_property
    def speller(self) -> Speller:
        """What was meant by a word that no article holds; made when first asked for, in about 50 ms."""
        return Speller(self.snapshot)

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
        calm = without_shouting(text)
        parsed = parse_query(calm, today=today, limits=self._limits)
        tree = self.aliases.expand(parsed.tree)
        plan, warnings = make_plan(tree)
        plan = weigh_repeats(plan, calm)
        if calm != text and any(word in ("AND", "OR", "NOT") for word in text.split()):
            warnings = (message("Everything is in capitals, so AND, OR and NOT were read as plain words."), *warnings)
        understood = "" if parsed.tree == MATCH_ALL else describe(tree)
        return Reading(plan, understood, (*parsed.warnings, *warnings), tree)

    # -- searching ------------------------------------------------------------------------------------------------

    def search(self, request: SearchRequest, today: date) -> SearchResult:
        """Answer one search. A page past the end has no hits; telling so is the caller's."""
        began = time.perf_counter()
        found = self._answer(request, today)
        reading, statistics, matches = found.reading, found.statistics, found.matches
        hits = matches.hits
        docs, scores = hits.docs, self._scores(request, reading, matches, statistics)
        start = (request.page - 1) * request.per_page
        if request.after:
            docs, scores = hits_after(self.snapshot, docs, scores, request.order, self._place(request.after))
            start = 0
        end = start + request.per_page
        ranked = rank_page(self.snapshot, docs, scores, request.order, start, end)
        shown = self.show(ranked, matches.plan, partial=matches.relaxed)
        if request.explain and request.order == "relevance":
            shown = self._explained(request, shown, ranked, found)
        return SearchResult(
            request=request,
            total=hits.total,
            pages=-(-hits.total // request.per_page) if request.per_page else 0,
            hits=shown,
            facets=self._facets(matches, request),
            missing={field: hits.missing(self.snapshot, field) for field in MISSING_FIELDS},
            histogram=self._histogram(hits, request) if request.histogram else Histogram(),
            partial=self._partial(request, reading, matches, statistics),
            relaxed=matches.relaxed,
            did_you_mean=found.did_you_mean or None,
            corrected=found.corrected,
            ways_on=() if hits.total else self._ways_on(request, reading, statistics, today),
            understood=_understood(request, reading),
            warnings=self._warnings(reading, statistics),
            generation=self.snapshot.generation,
            took_ms=(time.perf_counter() - began) * 1000,
            next=place_of(ranked[-1]) if ranked and end < sum(map(len, docs)) else "",
        )

    def _answer(self, request: SearchRequest, today: date) -> _Answer:
        """Return what a request matches, by other words than those typed where these find nothing."""
        reading = self.read(request.q, today)
        statistics = self._statistics()
        matches = self._find(reading.plan, request, statistics)
        typed = _Answer(reading, statistics, matches)
        unknown = [] if request.as_typed else _unknown_words(reading.plan, statistics)
        better = self.speller.correct(request.q, reading.plan, unknown) if unknown else None
        if better is None:
            return typed
        reading = self.read(better, today)
        if matches.hits.total and not matches.relaxed:
            found = find_matches(reading.plan, request, statistics, self.spaces, 0)
            return typed._replace(did_you_mean=better) if found.hits.total > matches.hits.total else typed
        found = self._find(reading.plan, request, statistics)
        return _Answer(reading, statistics, found, corrected=better) if found.hits.total else typed

    def _explained(
        self, request: SearchRequest, hits: tuple[Hit, ...], ranked: list[Ranked], found: _Answer
    ) -> tuple[Hit, ...]:
        plan, matched, statistics = found.reading.plan, found.matches.plan, found.statistics
        explained = []
        for hit, place in zip(hits, ranked, strict=True):
            whole = place.score / self._recency(request, place.segment, np.array([place.doc])).item(0)
            parts = explain_score(plan, matched, statistics, place.segment, place.doc, whole)
            if request.half_life and parts:
                parts = (*parts, ScorePart("recency", "", hit.date.isoformat(), place.score - whole))
            explained.append(hit._replace(score_parts=parts))
        return tuple(explained)

    def _ways_on(
        self, request: SearchRequest, reading: Reading, statistics: Statistics, today: date
    ) -> tuple[WayOn, ...]:
        """Return the best searches with one condition less, each with the hits of the list that it leads to."""
        found = smaller_searches(request, reading.tree, statistics, self.spaces)

        def count(wanted: SearchRequest) -> int:
            matches = self._find(self.read(wanted.q, today).plan, wanted, self._statistics())
            return 0 if matches.relaxed else matches.hits.total

        return choose_ways(found, count)

    def _place(self, text: str) -> Ranked:
        found = find_place(self.snapshot, text)
        if found is None:
            raise QueryError("after", text, message("It takes what next of a result gave."))
        return found

    def stream(self, request: SearchRequest, today: date) -> HitStream:
        """Answer every hit of a search: found and ranked at once, read from disk as they are taken.

        Cost: that of a search, sorting all hits, then about 30 µs a hit by date, 50 µs by relevance. Memory: 18 bytes a
        hit and one batch of hits.
        """
        found = self._answer(request, today)
        reading, statistics, matches = found.reading, found.statistics, found.matches
        total = matches.hits.total
        scores = self._scores(request, reading, matches, statistics)
        ranking = rank_hits(self.snapshot, matches.hits.docs, scores, request.order, 0, total)
        return HitStream(
            request=request,
            total=total,
            hits=self._show_all(ranking, partial=matches.relaxed),
            relaxed=matches.relaxed,
            understood=_understood(request, reading),
            warnings=self._warnings(reading, statistics),
            generation=self.snapshot.generation,
        )

    def facet(self, request: FacetRequest, today: date) -> FacetPage:
        """Answer one page of all values of a facet. Selected values of other facets narrow it; its own do not."""
        search = replace(request.search, facets=(), histogram=False)
        matches = self._answer(search, today).matches
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

    def suggest(self, typed: str, limit: int) -> tuple[Suggestion, ...]:
        """Return completions of typed text, most frequent first; values that are one come as one."""
        # A value may come under each of its names.
        found = self.suggester.find(typed, limit + sum(map(len, self.aliases.groups)))
        if not self.aliases.groups:
            return found
        shown = []
        for own in found:
            space = self.spaces.get(own.kind)
            value = space.find(own.text) if space is not None else -1
            if space is not None and value in space.members:
                own = Suggestion(space.name(value), own.kind, space.total(value, self.snapshot.live))
            shown.append(own)
        return tuple(sorted(dict.fromkeys(shown), key=lambda own: -own.count)[:limit])

    def _warnings(self, reading: Reading, statistics: Statistics) -> tuple[str, ...]:
        most = self._settings.number("max_expansions")
        return reading.warnings + tuple(
            message("“{text}” stands for too many words; the {most} most frequent were taken.", text=text, most=most)
            for text in sorted(statistics.truncated)
        )

    def _statistics(self) -> Statistics:
        if self.known.full:
            self.known = Known(self.snapshot)
        most = self._settings.number("max_expansions")
        return Statistics(self.snapshot, self._scorer, most, self.known, lambda: self._words)

    def _find(self, plan: Plan, request: SearchRequest, statistics: Statistics) -> Matches:
        return find_matches(plan, request, statistics, self.spaces, self._settings.number("relaxed_hits"))

    def _partial(
        self, request: SearchRequest, reading: Reading, matches: Matches, statistics: Statistics
    ) -> tuple[Hit, ...]:
        """Return the best partial matches that fill up a first page with too few full ones."""
        room = min(request.per_page - matches.hits.total, self._settings.number("relaxed_hits"))
        if matches.relaxed or room <= 0 or not matches.hits.total or request.order != "relevance" or request.after:
            return ()
        found = find_partial(reading.plan, request, statistics, self.spaces, RERANKED, matches.hits)
        if found is None:
            return ()
        scores = found.scores or []
        add_agreement(reading.plan, statistics, found.hits.docs, scores)
        self._fade(request, found.hits.docs, scores)
        ranked = rank_page(self.snapshot, found.hits.docs, scores, "relevance", 0, room)
        return self.show(ranked, found.plan, partial=True)

    def _scores(
        self, request: SearchRequest, reading: Reading, matches: Matches, statistics: Statistics
    ) -> list[Scores] | None:
        """Return what the hits of each segment are worth, None where the order is by date."""
        if request.order != "relevance":
            return None
        hits = matches.hits
        scores = matches.scores or [
            evaluator.score(matches.plan, docs, mask)
            for evaluator, docs, mask in zip(statistics.evaluators, hits.docs, hits.masks, strict=True)
        ]
        add_near_gains(reading.plan, statistics, hits.docs, scores)
        if matches.relaxed:
            add_agreement(reading.plan, statistics, hits.docs, scores)
        self._fade(request, hits.docs, scores)
        return scores

    def _fade(self, request: SearchRequest, docs: list[Docs], scores: list[Scores]) -> None:
        """Multiply scores, in place, by what is left of them at the age of their documents."""
        if request.half_life:
            for segment, (own, found) in enumerate(zip(scores, docs, strict=True)):
                own *= self._recency(request, segment, found)

    def _recency(self, request: SearchRequest, segment: int, docs: Docs) -> Scores:
        """Return what the scores of documents are multiplied by for their age; 1.0 each where it does not matter."""
        if not request.half_life:
            return np.ones(len(docs))
        newest = int(self._archive_days[-1]) if len(self._archive_days) else 0
        return recency_factors(self.snapshot.segments[segment].days.take(docs), newest, request.half_life)

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
            topics, contexts = self._values(hit)
            topic = topics[0] if topics else ""
            path, day, kind, language, headline, summary, sources, image = segment.listed(
                rows[hit.segment, hit.doc], hit.doc
            )
            dates = self.snapshot.dates[hit.segment]
            marked = highlighter.mark("headline", headline)
            snippet = highlighter.snippet("summary", summary, limit) if summary else ""
            told = MARK in marked or MARK in snippet
            values = () if told else _values_of(topic, contexts, sources)
            found_in = tuple(islice(highlighter.found_in(values), MOST_FOUND_IN))
            shown.append(
                # Not by name, which takes three times as long.
                Hit(
                    path, day, kind, language, headline, summary, topic, tuple(contexts), sources, image,
                    marked, snippet, hit.score, partial, (),
                    found_in, dates.first_seen(hit.doc), dates.last_changed(hit.doc),
                )
            )  # fmt: skip
        return tuple(shown)

    def _values(self, hit: Ranked) -> list[list[str]]:
        """Return the topic, if there is one, and the contexts of a hit."""
        row = self.snapshot.segments[hit.segment].facets.row(hit.doc)
        found = []
        for space, first, end in self._ranges[hit.segment]:
            numbers = [number - first for number in row if first <= number < end]
            if space.numbers is not None:
                own = space.numbers[hit.segment]
                numbers = [int(own[number]) for number in numbers]
            found.append(space.names_of(numbers))
        return found

    @cached_property
    def _ranges(self) -> list[list[tuple[ValueSpace, int, int]]]:
        """For each segment, the spaces of topics and contexts, each with the half-open range of its numbers in rows."""
        columns = [[segment.columns[name] for name in ("topic", "context")] for segment in self.snapshot.segments]
        return [[(self.spaces[c.name], c.base, c.base + len(c.values)) for c in own] for own in columns]


def _values_of(topic: str, contexts: list[str], sources: tuple[Source, ...]) -> Iterator[tuple[str, str]]:
    yield "topic", topic
    yield from (("context", context) for context in contexts if context != topic)
    yield from (("source", source.name) for source in sources)


def _understood(request: SearchRequest, reading: Reading) -> str:
    """Return the query in plain words, with the half-life where one is in force."""
    if not request.half_life or request.order != "relevance" or not reading.understood:
        return reading.understood
    return message(
        "{words}; newer articles first among equals, with a half-life of {days:,} days",
        words=reading.understood,
        days=request.half_life,
    )


def without_shouting(text: str) -> str:
    """Return a text of five words or more that is all in capitals in small letters: there they tell nothing.

    Else AND, OR and NOT would be operators, and a common word a name (IT, WHO), because somebody pressed one key.
    """
    shouted = text.isupper() and len(text.split()) >= 5
    return text.lower() if shouted else text


def _unknown_words(plan: Plan, statistics: Statistics) -> list[str]:
    """Return the plain words of a plan, folded, that no article holds. Cost: 1 µs a word."""
    return [term.token.folded for term in plain_terms(plan) if not statistics.knows(term)]


def _counted(field: str, matches: Matches) -> DocSet:
    """Return what a facet is counted over: the hits for contexts, else the hits without the facet's own selection."""
    return matches.hits if field == "context" else matches.without(field)
