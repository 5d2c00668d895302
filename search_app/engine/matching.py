"""Which documents a request matches: words, filters, and where none has all the words, the best that have some.

In: a plan and a request. Out: sets of documents, with scores where partial matches were ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np

from ..index.postings import Docs
from .docset import DocSet
from .evaluate import Mask, Scores, Statistics
from .facets import ValueSpace
from .plan import Alike, Any, Days, Every, Near, Pattern, Plan, Scaled, Term
from .ranking import rank_hits
from .relatives import with_relatives
from .request import FACET_FIELDS, SearchRequest

SHORT_QUERY = 6
"""Words of a query up to which those documents come first that lack the least."""
Spaces = Mapping[str, ValueSpace]


@dataclass(frozen=True, slots=True)
class Matches:
    """What a request matches: ``hits`` with all filters, ``query`` by words, days and exclusions alone.

    plan : what the hits are scored by; the loose plan where they are partial matches.
    selections : by facet, what its own selected values allow; None where none is selected.
    scores : of the hits, a segment each; None where they are yet to be scored. relaxed : hits are partial matches.
    """

    plan: Plan
    hits: DocSet
    query: DocSet
    selections: dict[str, DocSet | None]
    scores: list[Scores] | None = None
    relaxed: bool = False

    def without(self, facet: str) -> DocSet:
        """Return the hits as they would be without a facet's own selection."""
        if self.selections[facet] is None:
            return self.hits
        found = self.query
        for name, selection in self.selections.items():
            if name != facet and selection is not None:
                found = found & selection
        return found


def find_matches(
    plan: Plan, request: SearchRequest, statistics: Statistics, spaces: Spaces, most_partial: int
) -> Matches:
    """Return what a request matches; where nothing does, the best ``most_partial`` partial matches, set apart.

    spaces : the values of each facet, in which the names of a request are looked up.
    """
    full = _match(plan, request, statistics, spaces)
    if full.hits.total or not most_partial:
        return full
    return find_partial(plan, request, statistics, spaces, most_partial) or full


def find_partial(
    plan: Plan,
    request: SearchRequest,
    statistics: Statistics,
    spaces: Spaces,
    most: int,
    without: DocSet | None = None,
) -> Matches | None:
    """Return the best ``most`` documents that lack some of the words, None where there are none.

    Every count is over what is shown, whatever facet it is of: a partial match is an offer, not an answer.
    without : documents that are left out, the full matches.
    """
    loose = relax(plan)
    if loose is None:
        return None
    hits = _match(loose, request, statistics, spaces).hits
    if without is not None:
        hits = hits.minus(without)
    if not hits.total:
        return None
    docs, scores, loose = _best_partial(plan, loose, hits, statistics, most)
    kept = DocSet.of_docs(docs, [segment.docs for segment in statistics.snapshot.segments])
    return Matches(loose, kept, kept, dict.fromkeys(FACET_FIELDS), scores, True)


def _match(plan: Plan, request: SearchRequest, statistics: Statistics, spaces: Spaces) -> Matches:
    query = DocSet([_match_query(n, plan, request, statistics, spaces) for n in range(len(statistics.evaluators))])
    selections = {name: _selection(name, request, statistics, spaces[name]) for name in FACET_FIELDS}
    hits = query
    for selection in selections.values():
        if selection is not None:
            hits = hits & selection
    return Matches(plan, hits, query, selections)


def _match_query(number: int, plan: Plan, request: SearchRequest, statistics: Statistics, spaces: Spaces) -> Mask:
    """Return what words, days, exclusions and what must be lacking leave of the ``number``-th segment."""
    evaluator = statistics.evaluators[number]
    mask = evaluator.match(plan)
    segment = evaluator.segment
    if request.date_from or request.date_to:
        mask = mask & evaluator.match(Days(request.date_from, request.date_to))
    for name in FACET_FIELDS:
        for value in getattr(request, "not_" + name):
            mask = mask.copy()
            mask[spaces[name].docs_of(number, spaces[name].find(value))] = False
    for name in request.missing:
        if not request.takes_any(name):
            mask = mask & segment.lacking(name)
    return mask


def _selection(name: str, request: SearchRequest, statistics: Statistics, space: ValueSpace) -> DocSet | None:
    """Return what the selected values of a facet allow, its lack among them; None where none is selected."""
    names: tuple[str, ...] = getattr(request, name)
    every = not request.takes_any(name)
    or_none = name in request.missing and not every
    if not (names or or_none):
        return None
    values = [space.find(value) for value in names]
    masks = []
    for number, segment in enumerate(statistics.snapshot.segments):
        mask = segment.lacking(name).copy() if or_none else np.full(segment.docs, every)
        for value in values:
            docs = space.docs_of(number, value)
            if every:
                has = np.zeros(segment.docs, bool)
                has[docs] = True
                mask &= has
            else:
                mask[docs] = True
        masks.append(mask)
    return DocSet(masks)


def _best_partial(
    plan: Plan, loose: Plan, hits: DocSet, statistics: Statistics, most: int
) -> tuple[list[Docs], list[Scores], Plan]:
    """Return the best partial matches by score, each with what it holds of the query, and the plan that scored them.

    Of a short query only those are scored that hold most of its information: what a document holds is the sum of the
    idf of its words, and the next smaller sum is looked at while there are fewer than ``most`` documents. Of a long one
    all are: nobody expects all words of a question in an answer. There, words count that belong to those typed.
    """
    clauses = relaxable(plan)
    found = hits.docs
    if len(clauses) <= SHORT_QUERY:
        held = []
        for evaluator, docs in zip(statistics.evaluators, found, strict=True):
            codes = np.zeros(len(docs), np.uint8)
            for bit, clause in enumerate(clauses):
                codes |= evaluator.match(clause).take(docs).view(np.uint8) << np.uint8(bit)
            held.append(codes)
        counts = np.bincount(np.concatenate(held), minlength=1 << len(clauses)).tolist()
        worths = [clause_information(clause, statistics) for clause in clauses]
        there = [code for code, count in enumerate(counts) if count]
        there.sort(key=lambda code: -sum(worth for n, worth in enumerate(worths) if code >> n & 1))
        taken, enough = [], 0
        for code in there:
            if enough < most:
                taken.append(code)
            enough += counts[code]
        kept = np.zeros(len(counts), bool)
        kept[taken] = True
        found = [docs[kept.take(codes)] for docs, codes in zip(found, held, strict=True)]
        # What none of these holds need not be looked for in them.
        lacking = {clause for n, clause in enumerate(clauses) if not any(code >> n & 1 for code in taken)}
        loose = _without(loose, lacking)
    else:
        loose = with_relatives(loose, statistics)
    kept_set = DocSet.of_docs(found, [segment.docs for segment in statistics.snapshot.segments])
    parts = zip(statistics.evaluators, found, kept_set.masks, strict=True)
    scores = [evaluator.score(loose, docs, mask) for evaluator, docs, mask in parts]
    best = rank_hits(statistics.snapshot, found, scores, "relevance", 0, most)
    kept_docs: list[Docs] = []
    kept_scores: list[Scores] = []
    for n, (docs, own) in enumerate(zip(found, scores, strict=True)):
        chosen = np.isin(docs, best.docs[best.segments == n])
        kept_docs.append(docs[chosen])
        kept_scores.append(own[chosen])
    return kept_docs, kept_scores, loose


def _without(loose: Plan, lacking: Set[Plan]) -> Plan:
    match loose:
        case Every((Any(clauses), *bound)):
            return Every((Any(tuple(clause for clause in clauses if clause not in lacking)), *bound))
        case Any(clauses):
            return Any(tuple(clause for clause in clauses if clause not in lacking))
    return loose


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
        case Alike((Every(children), *_)):
            return all(_is_loose(child) for child in children)
        case Alike((typed, *_)):
            return _is_loose(typed)
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


def clause_information(plan: Plan, statistics: Statistics) -> float:
    """Return how much a clause of a query tells apart: the idf of its words, of the best of alternatives."""
    match plan:
        case Term():
            return statistics.weight(plan).idf
        case Near(tokens, _, fields):
            return sum(statistics.weight(Term(token, fields)).idf for token in tokens)
        case Scaled(child, _):
            return clause_information(child, statistics)
        case Alike((typed, *_)):
            return clause_information(typed, statistics)
        case Every(children):
            return sum(clause_information(child, statistics) for child in children)
        case Any(children):
            return max(clause_information(child, statistics) for child in children)
    return 1.0
