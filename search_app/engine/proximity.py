"""What a hit gains where words stand close, in order, or make up the whole headline. Only the best hits are looked at.

In: a plan and the hits that are best without it. Out: what each of them gains. Close words are told from their
positions in running text, a column at a time over all hits and all pairs of words.

Source: Y. Rasolofo, J. Savoy, "Term Proximity Scoring for Keyword-Based Retrieval Systems", 2003, with the distance in
place of its square; S. Büttcher, C. L. A. Clarke, B. Lushman, "Term Proximity Scoring for Ad-Hoc Retrieval on Very
Large Text Collections", 2006, for looking at the best hits alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any as Anything

import numpy as np
import numpy.typing as npt

from ..index.analysis import is_dense
from ..index.postings import Docs
from ..index.sections import expand
from .evaluate import Evaluator, Keys, Mask, Scores, Statistics
from .plan import Alike, Every, Near, Plan, Scaled, Term
from .ranking import rank_hits
from .scoring import PROSE, Bm25f

RERANKED = 100
"""How many of the best hits are looked at for nearness. The same for every page, so that an order does not depend on
where a page ends."""
WINDOW = 8
"""How far apart two words may stand and still be near."""
# A place of a word as one number: from the highest bits pair of words, field, slot of the document, position.
_SLOT_BITS, _FIELD_BITS, _PAIR_BITS, _SLOT_MASK = np.int64(32), np.int64(43), np.int64(44), np.int64((1 << 11) - 1)


@dataclass(frozen=True, slots=True)
class Sequence:
    """The words of a query that stood side by side as they were typed, with the fields they are looked for in.

    terms : the words, from left to right. joined : pairs (n, n + 1) that are near by themselves, such as the two halves
    of one written word. factors : what each word's score is multiplied by. spare : common words left out between.
    """

    terms: tuple[Term, ...]
    factors: tuple[float, ...]
    joined: frozenset[int]
    spare: int = 0

    @property
    def pairs(self) -> list[int]:
        """The first words of all pairs that may stand near each other."""
        return [
            n
            for n, (one, other) in enumerate(pairwise(self.terms))
            if n not in self.joined and one.token.stem != other.token.stem
        ]


def sequence_of(plan: Plan) -> Sequence | None:
    """Return the plain words of a query in their order, None where there are none.

    Quoted words, words of a named field, patterns and groups are no part of it.
    """
    spare = plan.spare if isinstance(plan, Every) else 0
    terms: list[Term] = []
    factors: list[float] = []
    joined: set[int] = set()
    for child in _typed_parts(plan):
        inner: Plan = child
        factor = 1.0
        while isinstance(inner, Scaled):
            factor *= inner.factor
            inner = inner.child
        if not isinstance(inner, Term | Near) or len(inner.fields) < 2:
            continue
        tokens = (inner.token,) if isinstance(inner, Term) else inner.tokens
        if any(token.exact is not None for token in tokens):
            continue
        joined.update(range(len(terms), len(terms) + len(tokens) - 1))
        terms.extend(Term(token, inner.fields) for token in tokens)
        factors.extend([factor] * len(tokens))
        # The last character of a run without spaces is a token of its own in an article, and none in a query.
        spare += is_dense(tokens[-1].stem)
    return Sequence(tuple(terms), tuple(factors), frozenset(joined), spare) if terms else None


def _typed_parts(plan: Plan) -> list[Plan]:
    """Return the parts of a plan in their order; of a name with equals, the words that were typed."""
    parts: list[Plan] = []
    for child in plan.children if isinstance(plan, Every) else (plan,):
        factor, inner = (child.factor, child.child) if isinstance(child, Scaled) else (1.0, child)
        if isinstance(inner, Alike):
            words = inner.typed.children if isinstance(inner.typed, Every) else (inner.typed,)
            parts += [Scaled(word, factor) for word in words]
        else:
            parts.append(child)
    return parts


def near_gains(
    scorer: Bm25f, sequence: Sequence, pairs: list[int], statistics: Statistics, segment: int, docs: Docs
) -> Scores:
    """Return what documents gain for words that stand near each other.

    docs : documents of the ``segment``-th segment, ascending. pairs : the first words of the pairs looked at, not none.
    Returns shape (n,).

    Two words at a distance of ``d`` in order count ``1 / d`` times the weight of the field, the other way round ``1 /
    (d + 1)``, up to a distance of ``WINDOW``; the sum ``v`` over their places gives ``nearness · min(idf) · 2 v /
    (v + 1)``.
    Cost: O(n · words · log postings), and the places of the words in these documents.
    """
    evaluator, terms, factors = statistics.evaluators[segment], sequence.terms, sequence.factors
    idfs = [statistics.weight(term).idf for term in terms]
    places = {term: _places(evaluator, term, docs) for term in terms}
    first = [places[terms[n]] + (np.int64(pair) << _PAIR_BITS) for pair, n in enumerate(pairs)]
    second = [places[terms[n + 1]] + (np.int64(pair) << _PAIR_BITS) for pair, n in enumerate(pairs)]
    close = _closeness(np.concatenate(first), np.concatenate(second), len(pairs) * len(PROSE), len(docs))
    weights = dict(terms[0].fields)
    shares = np.array([weights.get(name, 1.0) for name in PROSE])
    sums = shares @ close.reshape(len(pairs), len(PROSE), len(docs))
    worth = np.array([min(factors[n], factors[n + 1]) * min(idfs[n], idfs[n + 1]) for n in pairs])
    return np.asarray((2 * scorer.nearness) * (worth @ (sums / (sums + 1))), np.float64)


def _is_whole(evaluator: Evaluator, sequence: Sequence, docs: Docs, lengths: npt.NDArray[Anything]) -> Mask:
    """Return which headlines, of some lengths, hold all the words and no other."""
    covered, held = np.zeros(len(docs), np.int64), np.ones(len(docs), bool)
    for term in dict.fromkeys(sequence.terms):
        at, frequencies = _postings_in(evaluator, term, PROSE[0], docs)
        own = np.zeros(len(docs), np.int64)
        own[at] = frequencies
        held &= own > 0
        covered += own
    whole: Mask = held & (lengths - covered <= sequence.spare)
    return whole


def _postings_in(
    evaluator: Evaluator, term: Term, name: str, docs: Docs
) -> tuple[npt.NDArray[np.intp], npt.NDArray[Anything]]:
    """Return which of some documents hold a word in a field, and how often each does."""
    postings = evaluator.postings_of(term)
    found = postings.within(name)
    if found is None:
        return np.zeros(0, np.intp), np.zeros(0, np.int64)
    _, start, end = found
    held = postings.docs[start:end]
    at = held.searchsorted(docs)
    slots = (held.take(at, mode="clip") == docs).nonzero()[0]
    return slots, postings.frequencies[start:end].take(at.take(slots))


def _places(evaluator: Evaluator, term: Term, docs: Docs) -> Keys:
    """Return ``field << 43 | slot << 32 | position`` of a word's places in running text of some documents, ascending.

    field : its number in ``PROSE``. docs : at most 2,048, ascending; a slot is the number of one among them.
    """
    postings, segment = evaluator.postings_of(term), evaluator.segment
    found = []
    for field, name in enumerate(PROSE):
        part = postings.within(name)
        if part is None:
            continue
        run, start, end = part
        # Behind the last but one there is only the last: what is found is always a posting of the field.
        at = postings.docs[start : end - 1].searchsorted(docs)
        at += start
        slots = (postings.docs.take(at) == docs).nonzero()[0]
        if not len(slots):
            continue
        at = at.take(slots)
        slots += field << (_FIELD_BITS - _SLOT_BITS)
        positions = segment.fields[name].positions(run)
        if len(positions) == run.df:
            at -= start
        else:
            frequencies = postings.frequencies[start:end]
            counts = postings.frequencies.take(at).astype(np.int64)
            at = expand(frequencies.cumsum(dtype=np.int64).take(at - start) - counts, counts)
            slots = slots.repeat(counts)
        found.append((slots << _SLOT_BITS) | positions.take(at))
    return np.concatenate(found) if len(found) > 1 else found[0] if found else np.zeros(0, np.int64)


def _closeness(first: Keys, second: Keys, rows: int, docs: int) -> Scores:
    """Return, by row and document, the sum of ``1 / distance`` over the places of a first word.

    first, second : ``row << 43 | slot << 32 | position``, ascending. Shape (rows, docs).
    """
    if not len(first) or not len(second):
        return np.zeros((rows, docs))
    at = second.searchsorted(first)
    after = second.take(at, mode="clip") - first
    before = first - second.take(at - 1, mode="clip") + 1
    # What lies on the other side, or is the same place, is no distance: as an unsigned number it is a huge one.
    after[after <= 0] = -1
    before[before <= 1] = -1
    distances = np.minimum(after.view(np.uint64), before.view(np.uint64))
    near = (distances <= WINDOW).nonzero()[0]
    places = first.take(near)
    cells = (places >> _FIELD_BITS) * docs + ((places >> _SLOT_BITS) & _SLOT_MASK)
    sums = np.bincount(cells, weights=1.0 / distances.take(near), minlength=rows * docs)
    return np.asarray(sums, np.float64)


def add_near_gains(plan: Plan, statistics: Statistics, docs: list[Docs], scores: list[Scores]) -> None:
    """Add to the scores of hits, in place, what they gain: for a headline that is the query, and the best
    ``RERANKED`` of them for words that stand near each other.

    docs : the hits of each segment, ascending. scores : of those.
    Which hits are the best is decided by score, then newest, then path, so the gains are the same in any segments.
    A headline that holds all the words and nothing else gives ``whole_headline`` times idf and burst of all.
    Does nothing for a scorer that knows no nearness.
    """
    scorer, sequence = statistics.scorer, sequence_of(plan)
    if not isinstance(scorer, Bm25f) or sequence is None:
        return
    pairs = sequence.pairs
    best = _best(statistics, docs, scores) if pairs else []
    nearness = [
        near_gains(scorer, sequence, pairs, statistics, segment, found[at]) if len(at) else np.zeros(0)
        for segment, (found, at) in enumerate(zip(docs, best, strict=False))
    ]
    for own, at, gains in zip(scores, best, nearness, strict=False):
        own[at] += gains
    for segment, (found, own) in enumerate(zip(docs, scores, strict=True)):
        own += headline_gain(scorer, sequence, statistics, segment, found)


def headline_gain(
    scorer: Bm25f, sequence: Sequence, statistics: Statistics, segment: int, docs: Docs
) -> Scores | float:
    """Return what documents gain whose headline is the query; shape (n,), or 0.0 where there is none such."""
    evaluator = statistics.evaluators[segment]
    lengths = evaluator.segment.fields[PROSE[0]].lengths.take(docs)
    # A headline of more words than were typed is not all of them.
    short = (lengths <= len(sequence.terms) + sequence.spare).nonzero()[0]
    if not len(short):
        return 0.0
    gains = np.zeros(len(docs))
    whole = _is_whole(evaluator, sequence, docs.take(short), lengths.take(short))
    gains[short] = scorer.whole_headline * whole * sum(statistics.weight(term).total for term in sequence.terms)
    return gains


def _best(statistics: Statistics, docs: list[Docs], scores: list[Scores]) -> list[npt.NDArray[np.intp]]:
    """Return, a segment each, where the best ``RERANKED`` hits stand among its own, ascending."""
    total = sum(map(len, docs))
    if total <= RERANKED:
        return [np.arange(len(own)) for own in docs]
    values = np.concatenate(scores) if len(scores) > 1 else scores[0]
    least = np.partition(values, total - RERANKED)[total - RERANKED]
    chosen = [(own >= least).nonzero()[0] for own in scores]
    if sum(map(len, chosen)) == RERANKED:
        return chosen
    # Several hits tie for the last place.
    ranked = rank_hits(statistics.snapshot, docs, scores, "relevance", 0, RERANKED)
    best = [np.sort(ranked.docs[ranked.segments == segment]) for segment in range(len(docs))]
    return [found.searchsorted(own) for found, own in zip(docs, best, strict=True)]
