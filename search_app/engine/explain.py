"""Why a hit stands where it stands: its score taken apart into words, fields and gains.

In: a plan, the evaluators that scored it, one document. Out: parts whose worths add up to the score. Computed from the
postings of the one document, apart from the arrays that ranked it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .evaluate import Evaluator, Statistics
from .plan import Any, Every, Near, Pattern, Plan, Related, Scaled, Term
from .proximity import headline_gain, near_gains, sequence_of
from .result import ScorePart
from .scoring import Bm25f

_ROUNDING = 1e-9


def explain_score(
    typed: Plan, matched: Plan, statistics: Statistics, segment: int, doc: int, score: float
) -> tuple[ScorePart, ...]:
    """Return the parts of a hit's score, greatest first; () for a scorer other than ``Bm25f``.

    typed : the plan of the query. matched : what the hit matches, which is looser for a partial match.
    What no word, headline or nearness explains is what other articles agree on: ``agreement``.
    Cost: O(postings of the query's words).
    """
    scorer = statistics.scorer
    if not isinstance(scorer, Bm25f):
        return ()
    parts = list(_of_plan(matched, statistics, statistics.evaluators[segment], doc, 1.0))
    sequence = sequence_of(typed)
    if sequence is not None:
        docs = np.array([doc])
        whole = float(np.ravel(headline_gain(scorer, sequence, statistics, segment, docs))[0])
        if whole:
            parts.append(ScorePart("headline", "headline", "", whole))
        # Only the best hits are looked at for nearness: where nothing is left of the score, this is none of them.
        if sequence.pairs and score - _sum(parts) > _ROUNDING:
            near = float(near_gains(scorer, sequence, sequence.pairs, statistics, segment, docs)[0])
            if near:
                parts.append(ScorePart("nearness", "", "", near))
    left = score - _sum(parts)
    if left > _ROUNDING:
        parts.append(ScorePart("agreement", "", "", left))
    return tuple(sorted(parts, key=lambda part: -part.worth))


def _sum(parts: Iterable[ScorePart]) -> float:
    return sum(part.worth for part in parts)


def _of_plan(plan: Plan, statistics: Statistics, evaluator: Evaluator, doc: int, factor: float) -> Iterator[ScorePart]:
    match plan:
        case Term():
            yield from _of_term(plan, statistics, evaluator, doc, factor, [name for name, _ in plan.fields])
        case Near(tokens, _, fields):
            counted = [name for name, _ in fields if evaluator.match(Near(tokens, plan.slop, ((name, 1.0),)))[doc]]
            for token in tokens:
                yield from _of_term(Term(token, fields), statistics, evaluator, doc, factor, counted)
        case Pattern(_, text, _, fields):
            for name, weight in fields:
                if evaluator.match(Pattern(plan.kind, text, plan.distance, ((name, weight),)))[doc]:
                    yield ScorePart("pattern", name, text, weight * factor)
        case Related():
            typed, *others = plan.terms
            counted = [name for name, _ in typed.fields]
            yield from _of_term(typed, statistics, evaluator, doc, factor, counted, others)
        case Any(children) | Every(children):
            for child in children:
                if evaluator.match(child)[doc]:
                    yield from _of_plan(child, statistics, evaluator, doc, factor)
        case Scaled(child, by):
            if evaluator.match(child)[doc]:
                yield from _of_plan(child, statistics, evaluator, doc, factor * by)


def _of_term(
    term: Term,
    statistics: Statistics,
    evaluator: Evaluator,
    doc: int,
    factor: float,
    counted: list[str],
    others: Iterable[Term] = (),
) -> Iterator[ScorePart]:
    """Yield the parts of what a term is worth. others : the words that belong to it and count with it."""
    scorer = statistics.scorer
    if not isinstance(scorer, Bm25f):
        return
    found = [place for place in evaluator.places_of(term, doc) if place.field in counted]
    beside = [(other.token.stem, place) for other in others for place in evaluator.places_of(other, doc)]
    total = sum(place.frequency for place in found) + scorer.related * sum(place.frequency for _, place in beside)
    share = statistics.weight(term).total * factor * (scorer.k1 + 1) / (total + scorer.k1)
    for place in found:
        yield ScorePart("word", place.field, term.token.spelled or term.token.stem, place.frequency * share)
        if place.factor > 1.0:
            bonus = place.frequency * (place.factor - 1.0) * share
            yield ScorePart("as typed", place.field, term.token.spelled or term.token.stem, bonus)
    for stem, place in beside:
        yield ScorePart("word", place.field, stem, scorer.related * place.frequency * share)
