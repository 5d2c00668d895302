"""One search over one snapshot: from request to result, in the order plan, filter, rank, count, show.

In: a ``SearchRequest``. Out: a ``SearchResult``. A ``Searcher`` belongs to one generation and is shared by all threads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from ..index.generation import Snapshot
from ..index.segment import Docs
from ..settings import Settings
from .describe import describe
from .evaluate import Evaluator, Mask, Scores, Statistics
from .facets import (
    Counts,
    ValueSpace,
    count_missing,
    make_facet,
    make_histogram,
    values_with_prefix,
)
from .highlight import Highlighter
from .plan import All, Any, Days, Every, Near, Pattern, Plan, Scaled, Term, make_plan
from .query import MATCH_ALL
from .ranking import Ranked, rank_page
from .request import FACET_FIELDS, MISSING_FIELDS, FacetRequest, SearchRequest
from .result import Bucket, Facet, FacetPage, Histogram, Hit, SearchResult
from .scoring import Bm25
from .syntax import QueryLimits, parse_query


@dataclass(frozen=True, slots=True)
class Matches:
    """What a request matches, a segment each: ``hits`` with all filters, ``query`` by words, days and exclusions alone.

    selections : by facet, what its own selected values allow; None where none is selected.
    """

    hits: list[Mask]
    query: list[Mask]
    selections: dict[str, list[Mask] | None]

    def without(self, facet: str) -> list[Mask]:
        """Return the hits as they would be without a facet's own selection."""
        if self.selections[facet] is None:
            return self.hits
        masks = self.query
        for name, selection in self.selections.items():
            if name != facet and selection is not None:
                masks = [mask & chosen for mask, chosen in zip(masks, selection, strict=True)]
        return masks


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
        self._scorer = scorer or Bm25()

    @cached_property
    def spaces(self) -> dict[str, ValueSpace]:
        """The values of each facet over all segments."""
        return {field: ValueSpace.of(self.snapshot, field) for field in FACET_FIELDS}

    # -- reading the query ----------------------------------------------------------------------------------------

    def read(self, text: str, today: date) -> Reading:
        """Read a query text. Never raises, whatever was typed."""
        if not text.strip():
            return Reading(All(), "", ())
        limits = QueryLimits(
            max_chars=self._settings.number("max_query_chars"),
            max_clauses=self._settings.number("max_clauses"),
            max_nesting=self._settings.number("max_nesting"),
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
        plan = reading.plan
        statistics = self._statistics()
        matches = self.match(plan, request, statistics)
        relaxed_docs: list[Docs] | None = None
        relaxed_scores: list[Scores] | None = None
        if not any(mask.any() for mask in matches.hits):
            loose = relax(plan)
            if loose is not None:
                loose_matches = self.match(loose, request, statistics)
                if any(mask.any() for mask in loose_matches.hits):
                    relaxed_docs, relaxed_scores = self._best_partial(plan, loose, loose_matches.hits, statistics)
                    matches = _restricted(loose_matches, relaxed_docs)
                    plan = loose
        docs = relaxed_docs or [np.flatnonzero(mask).astype(np.int32) for mask in matches.hits]
        total = sum(map(len, docs))
        scores = relaxed_scores
        if scores is None and request.order == "relevance":
            evaluators = statistics.evaluators
            scores = [evaluator.score(plan, found) for evaluator, found in zip(evaluators, docs, strict=True)]
        start = (request.page - 1) * request.per_page
        order = request.order
        ranked = rank_page(
            self.snapshot, docs, scores if order == "relevance" else None, order, start, start + request.per_page
        )
        most = self._settings.number("max_expansions")
        warnings = reading.warnings + tuple(
            f"“{text}” stands for too many words; the {most} most frequent were taken."
            for text in sorted(statistics.truncated)
        )
        return SearchResult(
            request=request,
            total=total,
            pages=-(-total // request.per_page) if request.per_page else 0,
            hits=self.show(ranked, plan, partial=relaxed_docs is not None),
            facets={field: self._facet(field, matches, request) for field in request.facets},
            missing=self._missing(matches.hits),
            histogram=make_histogram(self._days(docs), request.interval) if request.histogram else Histogram(),
            relaxed=relaxed_docs is not None,
            understood=reading.understood,
            warnings=warnings,
            generation=self.snapshot.generation,
            took_ms=(time.perf_counter() - began) * 1000,
        )

    def facet(self, request: FacetRequest, today: date) -> FacetPage:
        """Answer one page of all values of a facet. Selected values of other facets narrow it; its own do not."""
        search = replace(request.search, facets=(), histogram=False)
        plan = self.read(search.q, today).plan
        statistics = self._statistics()
        matches = self.match(plan, search, statistics)
        if not any(mask.any() for mask in matches.hits) and (loose := relax(plan)) is not None:
            loose_matches = self.match(loose, search, statistics)
            docs, _ = self._best_partial(plan, loose, loose_matches.hits, statistics)
            matches = _restricted(loose_matches, docs)
        space = self.spaces[request.field]
        counts = space.count(self._counted(request.field, matches))
        values = np.flatnonzero(counts)
        if request.prefix.strip():
            values = np.intersect1d(values, values_with_prefix(space, request.prefix), assume_unique=True)
        if request.sort == "count":
            values = values[np.argsort(-counts[values], kind="stable")]
        start = (request.page - 1) * request.per_page
        shown = values[start : start + request.per_page]
        selected = {space.find(name) for name in getattr(search, request.field)}
        excluded = {space.find(name) for name in getattr(search, "not_" + request.field)}
        buckets = tuple(
            Bucket(space.name(int(v)), int(counts[v]), int(v) in selected, int(v) in excluded) for v in shown
        )
        return FacetPage(request.field, buckets, len(values), request.page, -(-len(values) // request.per_page))

    def _statistics(self) -> Statistics:
        return Statistics(self.snapshot, self._scorer, self._settings.number("max_expansions"))

    # -- filters --------------------------------------------------------------------------------------------------

    def match(self, plan: Plan, request: SearchRequest, statistics: Statistics) -> Matches:
        """Return what plan and filters of a request match."""
        query = [self._match_query(evaluator, plan, request) for evaluator in statistics.evaluators]
        selections = {field: self._selection(field, request) for field in FACET_FIELDS}
        hits = query
        for selection in selections.values():
            if selection is not None:
                hits = [mask & chosen for mask, chosen in zip(hits, selection, strict=True)]
        return Matches(hits, query, selections)

    def _match_query(self, evaluator: Evaluator, plan: Plan, request: SearchRequest) -> Mask:
        mask = evaluator.match(plan)
        segment = evaluator.segment
        if request.date_from or request.date_to:
            mask = mask & evaluator.match(Days(request.date_from, request.date_to))
        for field in FACET_FIELDS:
            for name in getattr(request, "not_" + field):
                value = segment.columns[field].find(name)
                if value >= 0:
                    mask[segment.columns[field].docs_of(value)] = False
        for field in request.missing:
            mask &= segment.lacking(field)
        return mask

    def _selection(self, field: str, request: SearchRequest) -> list[Mask] | None:
        names: tuple[str, ...] = getattr(request, field)
        if not names:
            return None
        every = field == "context" and request.context_match == "all"
        masks = []
        for segment in self.snapshot.segments:
            column = segment.columns[field]
            mask = np.full(segment.docs, every)
            for name in names:
                value = column.find(name)
                docs = column.docs_of(value) if value >= 0 else np.zeros(0, np.int32)
                if every:
                    has = np.zeros(segment.docs, bool)
                    has[docs] = True
                    mask &= has
                else:
                    mask[docs] = True
            masks.append(mask)
        return masks

    # -- partial matches ------------------------------------------------------------------------------------------

    def _best_partial(
        self, plan: Plan, loose: Plan, hits: list[Mask], statistics: Statistics
    ) -> tuple[list[Docs], list[Scores]]:
        """Return the best partial matches: those with most of the query's information, then by score.

        A document's information is the sum, over the words it holds, of the highest idf that the word has in any field.
        """
        most = self._settings.number("relaxed_hits")
        docs = [np.flatnonzero(mask).astype(np.int32) for mask in hits]
        scores = []
        for evaluator, found in zip(statistics.evaluators, docs, strict=True):
            worth = np.zeros(len(found))
            for clause in relaxable(plan):
                worth[evaluator.match(clause)[found]] += _information(clause, statistics)
            scores.append(worth * 1000.0 + evaluator.score(loose, found))
        best = rank_page(self.snapshot, docs, scores, "relevance", 0, most)
        kept_docs: list[Docs] = []
        kept_scores: list[Scores] = []
        for n, (found, worth) in enumerate(zip(docs, scores, strict=True)):
            chosen = np.isin(found, np.array([hit.doc for hit in best if hit.segment == n], np.int32))
            kept_docs.append(found[chosen])
            kept_scores.append(worth[chosen])
        return kept_docs, kept_scores

    # -- counting -------------------------------------------------------------------------------------------------

    def _counted(self, field: str, matches: Matches) -> list[Mask]:
        return matches.hits if field == "context" else matches.without(field)

    def _facet(self, field: str, matches: Matches, request: SearchRequest) -> Facet:
        masks = self._counted(field, matches)
        return make_facet(
            self.spaces[field],
            self.spaces[field].count(masks),
            request.facet_size,
            getattr(request, field),
            getattr(request, "not_" + field),
            count_missing(self.snapshot, field, masks),
        )

    def _missing(self, hits: list[Mask]) -> dict[str, int]:
        return {field: count_missing(self.snapshot, field, hits) for field in MISSING_FIELDS}

    def _days(self, docs: list[Docs]) -> Counts:
        days = [segment.days[found] for segment, found in zip(self.snapshot.segments, docs, strict=True)]
        return np.concatenate(days) if days else np.zeros(0, np.int64)

    # -- showing --------------------------------------------------------------------------------------------------

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
            contexts = tuple(segment.columns["context"].values_of(hit.doc))
            article = segment.unpack(rows[hit.segment, hit.doc], hit.doc, contexts)
            shown.append(
                Hit(
                    path=article.path,
                    date=article.date,
                    kind=article.kind,
                    language=article.language,
                    headline=article.headline,
                    summary=article.summary,
                    topic=article.topic,
                    contexts=contexts,
                    sources=article.sources,
                    image=article.image,
                    headline_html=highlighter.mark("headline", article.headline),
                    snippet_html=highlighter.snippet("summary", article.summary, limit),
                    score=hit.score,
                    partial=partial,
                )
            )
        return tuple(shown)


def relaxable(plan: Plan) -> list[Plan]:
    """Return the clauses of a plan that a partial match may lack: plain words and patterns side by side at the top.

    Quoted words, words of a named field, excluded ones, days and groups always bind.
    """
    if not isinstance(plan, Every):
        return []
    return [child for child in plan.children if _is_loose(child)]


def _is_loose(plan: Plan) -> bool:
    match plan:
        case Term(token, fields):
            return token.exact is None and len(fields) > 1
        case Near(tokens, _, fields):
            return len(fields) > 1 and all(token.exact is None for token in tokens)
        case Pattern(_, _, _, fields):
            return len(fields) > 1
        case Scaled(child, _):
            return _is_loose(child)
        case Any(children):
            return all(_is_loose(child) for child in children)
    return False


def relax(plan: Plan) -> Plan | None:
    """Return the plan with any of its loose clauses in place of all of them, None where there are not at least two."""
    loose = relaxable(plan)
    if len(loose) < 2 or not isinstance(plan, Every):
        return None
    bound = tuple(child for child in plan.children if child not in loose)
    return Every((Any(tuple(loose)), *bound)) if bound else Any(tuple(loose))


def _information(plan: Plan, statistics: Statistics) -> float:
    match plan:
        case Term(token, fields):
            return max(0.0, min(statistics.idf(name, token) for name, _ in fields))
        case Near(tokens, _, fields):
            return sum(max(0.0, min(statistics.idf(name, token) for name, _ in fields)) for token in tokens)
        case Scaled(child, _):
            return _information(child, statistics)
        case Any(children):
            return max(_information(child, statistics) for child in children)
    return 1.0


def _restricted(matches: Matches, docs: list[Docs]) -> Matches:
    """Return matches cut down to some documents, so that every count is over what is shown."""
    kept = []
    for mask, found in zip(matches.hits, docs, strict=True):
        cut = np.zeros(len(mask), bool)
        cut[found] = True
        kept.append(cut)
    return Matches(kept, kept, dict.fromkeys(FACET_FIELDS))
