"""Evaluating a plan over one segment, a column at a time: which documents match, and what each is worth.

In: a plan and a segment. Out: a boolean array over its documents, and scores for those asked for. Nothing is kept
between requests and nothing moves a cursor, so any number of threads may evaluate at once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Set
from datetime import date
from functools import cached_property
from typing import Any as Anything
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..index.generation import Snapshot
from ..index.postings import Docs
from ..index.schema import TEXT_FIELDS
from ..index.segment import Segment
from .expansion import Forms, expand_pattern
from .fielded import Place, TermCounts, TermWeight, add_scores, count_term, gain_table, norm_table
from .phrases import Phrases
from .plan import All, Any, Days, Every, Near, Nothing, Pattern, Plan, Related, Scaled, Term, Token, Weights, Without
from .scoring import Bm25, Bm25f, Scorer
from .term_postings import Postings
from .terms import FIELD_NUMBER, Known, Terms
from .wide import WIDE_FORMS, Words, docs_of_forms

Mask = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]
Keys = npt.NDArray[np.int64]
Narrowed = dict[Term, Keys]
"""For terms of a plan, which of their postings lie in documents that match the whole of it, and maybe some more."""


class Statistics:
    """What scoring needs to know of the whole snapshot: document frequencies and average lengths, live documents only.

    Made for one request; remembers what it counted.
    max_expansions : words that one pattern may stand for.
    known : what requests before found out in the same snapshot, with this scorer, and where this one adds to it; None
    for nothing.
    words : gives the words of the snapshot, where a pattern needs them; None to number them anew.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        scorer: Scorer,
        max_expansions: int = 1024,
        known: Known | None = None,
        words: Callable[[], Words] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.scorer = scorer
        self._known = Known(snapshot) if known is None else known
        parts = zip(snapshot.segments, snapshot.live, self._known.terms, strict=True)
        self.evaluators = tuple(
            Evaluator(n, segment, live, self, terms) for n, (segment, live, terms) in enumerate(parts)
        )
        self._max_expansions = max_expansions
        self._words = words or (lambda: Words(snapshot.segments, snapshot.live))
        self._expanded: dict[tuple[Pattern, tuple[str, ...]], tuple[Forms, ...]] = {}
        self._idf: dict[tuple[str, Token], float] = {}
        self.truncated: set[str] = set()
        self.cut: Mapping[Pattern, Set[str]] = {}
        """Of patterns that stand for too many words, those that were taken; empty where that is found out here."""
        self.counted: Mapping[Term, TermCounts] = {}
        """How often terms stand in an archive of which the snapshot is a part; empty where it is all there is."""
        self.related: Mapping[Term, tuple[Term, ...]] | None = None
        """Of such an archive, what belongs to words of a question in any form; None where that is found out here."""

    def idf(self, field: str, token: Token) -> float:
        """Return the inverse document frequency of a token in a field, over all segments."""
        found = self._idf.get((field, token))
        if found is None:
            df = sum(evaluator.df(field, token) for evaluator in self.evaluators)
            found = self._idf[field, token] = self.scorer.idf(self.snapshot.articles, df)
        return found

    def weight(self, term: Term) -> TermWeight:
        """Return what a term is worth in all its fields together, with ``Bm25f``."""
        found = self._known.weights.get(term)
        if found is None:
            counts = self.counted.get(term)
            if counts is None:
                parts = (evaluator.counts(term) for evaluator in self.evaluators)
                counts = TermCounts(*map(sum, zip(*parts, strict=True)))
            scorer = self.scorer if isinstance(self.scorer, Bm25f) else Bm25f()
            idf = scorer.idf(self.snapshot.articles, counts.df)
            found = self._known.weights[term] = TermWeight(idf, scorer.burst(counts.prose_df, counts.occurrences))
        return found

    def relatives(self, term: Term, find: Callable[[Term, Statistics], tuple[Term, ...]]) -> tuple[Term, ...]:
        """Return the words that belong to a term. find : finds them out, once a snapshot."""
        plain = term.in_any_form
        if self.related is not None:
            return self.related.get(plain, ())
        found = self._known.relatives.get(plain)
        if found is None:
            found = self._known.relatives[plain] = find(term, self)
        return found

    def knows(self, term: Term) -> bool:
        """Return whether any live document holds a term."""
        return any(evaluator.df(name, term.token) > 0 for name, _ in term.fields for evaluator in self.evaluators)

    @cached_property
    def words(self) -> Words:
        """The words of the snapshot, laid out for patterns that stand for many of them."""
        return self._words()

    def forms(self, pattern: Pattern, fields: tuple[str, ...]) -> tuple[Forms, ...]:
        """Return the forms that a pattern stands for in each segment: all, or those of its most frequent words.

        Which words these are is decided over all segments, by the documents that count, so it does not depend on how
        the documents lie in segments.
        """
        found = self._expanded.get((pattern, fields))
        if found is None:
            found = tuple(expand_pattern(evaluator.segment, pattern) for evaluator in self.evaluators)
            taken = self.cut.get(pattern)
            if taken is not None:
                found = tuple(
                    _among(evaluator.segment, own, taken) for evaluator, own in zip(self.evaluators, found, strict=True)
                )
            elif sum(map(len, found)) > self._max_expansions:
                found, cut = self.words.most_frequent(found, fields, self._max_expansions)
                if cut:
                    self.truncated.add(pattern.text)
            self._expanded[pattern, fields] = found
        return found

    def gains(self, segment: Segment, weights: Weights) -> Scores:
        """Return what one occurrence counts in fields of these weights, by the ``length_codes`` of a segment."""
        key = segment.longest, weights
        found = self._known.gains.get(key)
        if found is None:
            scorer = self.scorer if isinstance(self.scorer, Bm25f) else Bm25f()
            averages = [self.snapshot.average_lengths[name] for name in TEXT_FIELDS]
            found = self._known.gains[key] = gain_table(scorer, averages, segment.longest, weights)
        return found

    def weights(self, term: Term) -> Scores:
        """Return what a token is worth in each of ``TEXT_FIELDS``: idf times the weight of the field, 0.0 in others."""
        weights = [0.0] * len(TEXT_FIELDS)
        for name, weight in term.fields:
            df = sum(evaluator.df(name, term.token) for evaluator in self.evaluators)
            weights[FIELD_NUMBER[name]] = self.scorer.idf(self.snapshot.articles, df) * weight
        return np.array(weights)

    def norms(self, segment: Segment) -> Scores:
        """Return what the frequency of a term competes with, by the ``length_codes`` of a segment, with ``Bm25``."""
        averages = tuple(self.snapshot.average_lengths[name] for name in TEXT_FIELDS)
        return norm_table(self.scorer if isinstance(self.scorer, Bm25) else Bm25(), averages, segment.longest)


class _Target(NamedTuple):
    """Where scores go: ``mask`` says which documents are wanted, ``slots`` where in ``scores`` each has its own.

    The slots of documents that are not wanted hold anything. ``narrowed`` spares looking at postings known to be of
    other documents; of the term ``whole``, what it leaves are all of wanted ones.
    """

    mask: Mask
    slots: npt.NDArray[np.intp]
    scores: Scores
    narrowed: Narrowed
    whole: Term | None = None

    def within(self, matched: Mask) -> _Target:
        """Return the same target for fewer documents."""
        return self._replace(mask=self.mask & matched, whole=None)


class Evaluator:
    """Evaluates plans over one segment.

    number : which of the snapshot it is. live : documents that count, None for all. terms : of the segment.
    """

    def __init__(self, number: int, segment: Segment, live: Mask | None, statistics: Statistics, terms: Terms) -> None:
        self._number = number
        self.segment = segment
        self.live = live
        # Weak, since the two hold each other: a request's arrays, and the maps of an old generation, would otherwise
        # stay until Python looks for cycles.
        self._owner = weakref.ref(statistics)
        self._patterns: dict[Pattern, dict[str, Docs]] = {}
        self._terms = terms
        self._phrases = Phrases(segment, self._terms)
        self._factors: dict[Token, Scores] = {}
        self._postings: dict[Term, Postings] = {}
        self._narrowed: list[tuple[Plan, Narrowed, Mask]] = []

    @property
    def _statistics(self) -> Statistics:
        statistics = self._owner()
        if statistics is None:
            raise ReferenceError("an evaluator is of use only while its statistics are held")
        return statistics

    # -- which documents match ------------------------------------------------------------------------------------

    def match(self, plan: Plan) -> Mask:
        """Return which documents match, deleted ones never. Shape (n_docs,). Cost: O(postings read + n_docs).

        The array is to be left as it is: scoring tells by it that nothing was filtered since.
        """
        narrowed: Narrowed = {}
        mask = self._match_every(plan.children, narrowed) if isinstance(plan, Every) else self._match(plan)
        self._narrowed.append((plan, narrowed, mask))
        return mask if self.live is None else mask & self.live

    def _match(self, plan: Plan) -> Mask:
        match plan:
            case Term():
                mask = self._none()
                mask[self.postings_of(plan).docs] = True
                return mask
            case Near(_, _, fields):
                mask = self._none()
                for name, _ in fields:
                    mask[self._phrases.docs(plan, name)] = True
                return mask
            case Pattern(_, _, _, fields):
                mask = self._none()
                for docs in self._pattern_docs(plan, fields).values():
                    mask[docs] = True
                return mask
            case Days(first, last):
                return self._days(first, last)
            case Every(children):
                return self._match_every(children, {})
            case Any(children):
                mask = self._match(children[0])
                for child in children[1:]:
                    mask |= self._match(child)
                return mask
            case Without(child):
                return ~self._match(child)
            case Scaled(child, _):
                return self._match(child)
            case Nothing():
                return self._none()
            case All():
                return np.ones(self.segment.docs, bool)

    def _match_every(self, children: tuple[Plan, ...], narrowed: Narrowed) -> Mask:
        """Return what all children match: the rarest term first, of the others only what lies in those before.

        narrowed : takes up, for each of the other terms, which of its postings these are.
        """
        terms = sorted((child for child in children if isinstance(child, Term)), key=self._postings_count)
        others = [child for child in children if not isinstance(child, Term)]
        mask = self._match(terms[0]) if terms else self._match(others.pop(0))
        for child in others:
            mask &= self._match(child)
        for term in terms[1:]:
            postings = self.postings_of(term)
            inside = mask.take(postings.docs).nonzero()[0]
            narrowed[term] = inside
            mask = self._none()
            mask[postings.docs.take(inside)] = True
        return mask

    def _postings_count(self, term: Term) -> int:
        return len(self.postings_of(term).docs)

    def _none(self) -> Mask:
        return np.zeros(self.segment.docs, bool)

    def _days(self, first: date | None, last: date | None) -> Mask:
        mask = self._none()
        start, end = self.segment.docs_between(
            first.toordinal() if first else 0, last.toordinal() if last else date.max.toordinal()
        )
        mask[start:end] = True
        return mask

    # -- what a match is worth ------------------------------------------------------------------------------------

    def score(self, plan: Plan, docs: Docs, mask: Mask) -> Scores:
        """Return the scores of ``docs``, ascending documents that match ``plan``. Shape (n,).

        The score of a document is the sum over every leaf that it matches, excluded leaves apart.
        mask : the same documents as a boolean array over all; unchanged.
        """
        scores = np.zeros(len(docs))
        if len(docs):
            # Only the slots of ``docs`` are ever read: filling in the others would cost more than all the rest.
            slots = np.empty(self.segment.docs, np.intp)
            slots[docs] = np.arange(len(docs))
            known = ((own, matches is mask) for matched, own, matches in self._narrowed if matched is plan)
            narrowed, unfiltered = next(known, ({}, False))
            last = plan if isinstance(plan, Term) else next(reversed(narrowed), None)
            self._score(plan, _Target(mask, slots, scores, narrowed, last if unfiltered else None), 1.0)
        return scores

    def _score(self, plan: Plan, into: _Target, factor: float) -> None:
        match plan:
            case Term():
                self._add_postings(plan, factor, into)
            case Near(tokens, _, fields):
                # A token counts in the fields in which all of them stand together, and nowhere else.
                together = np.zeros((len(TEXT_FIELDS) + 1, self.segment.docs), bool)
                for name, _ in fields:
                    together[FIELD_NUMBER[name], self._phrases.docs(plan, name)] = True
                    together[-1, self._phrases.docs(plan, name)] = True
                together[-1] &= into.mask
                for token in tokens:
                    self._add_postings(Term(token, fields), factor, into, together)
            case Pattern(_, _, _, fields):
                found = self._pattern_docs(plan, fields)
                for name, weight in fields:
                    docs = found[name]
                    into.scores[into.slots[docs[into.mask[docs]]]] += weight * factor
            case Related():
                self._add_related(plan, factor, into)
            case Any(children):
                for child in children:
                    # A sum may hold for a document that only the other children match: score each on its own ground.
                    inner = into.within(self._match(child)) if isinstance(child, Every) else into
                    self._score(child, inner, factor)
            case Every(children):
                for child in children:
                    self._score(child, into, factor)
            case Scaled(child, by):
                inner = into.within(self._match(child)) if isinstance(child, Every) else into
                self._score(child, inner, factor * by)
            case _:
                return

    def _add_postings(self, term: Term, factor: float, into: _Target, together: Mask | None = None) -> None:
        """Add what the postings of one token are worth to the scores of the documents that are wanted.

        together : by field and document, where the token counts, and in a last row, whether in any field and wanted;
            None for everywhere.
        """
        postings = self.postings_of(term)
        docs = postings.docs
        if not len(docs):
            return
        inside: Keys | None
        if together is None:
            inside = into.narrowed.get(term)
            if term is not into.whole:
                if inside is None:
                    inside = into.mask.take(docs).nonzero()[0]
                else:
                    inside = inside[into.mask.take(docs.take(inside))]
        else:
            # A phrase is in few of the documents of its commonest word: look closely at these alone.
            inside = together[-1].take(docs).nonzero()[0]
            inside = inside[together[postings.numbers[inside], docs[inside]]]
        some = inside if inside is not None and len(inside) < len(docs) else None
        docs, frequencies, codes, factors = self._occurrences(term, some)
        statistics, segment = self._statistics, self.segment
        scorer = statistics.scorer
        slots, scores = into.slots.take(docs), into.scores
        if isinstance(scorer, Bm25f):
            found = statistics.gains(segment, term.fields).take(codes) * frequencies
            add_scores(scorer, slots, found, factors, statistics.weight(term).total * factor, scores)
            return
        weights = (statistics.weights(term) * factor).take(postings.numbers if some is None else postings.numbers[some])
        worth = scorer.scores(frequencies, statistics.norms(segment).take(codes), weights) * factors
        scores += np.bincount(slots, weights=worth, minlength=len(scores))

    def _add_related(self, plan: Related, factor: float, into: _Target) -> None:
        """Add what a word and those that belong to it are worth together: they count as it does, at a share."""
        own, typed = self._statistics.scorer, plan.terms[0]
        scorer = own if isinstance(own, Bm25f) else Bm25f()
        gains = self._statistics.gains(self.segment, typed.fields)
        slots, found, exact = [], [], []
        for term in plan.terms:
            inside = into.mask.take(self.postings_of(term).docs).nonzero()[0]
            docs, frequencies, codes, factors = self._occurrences(term, inside)
            slots.append(into.slots.take(docs))
            found.append(gains.take(codes) * frequencies * (1.0 if term is typed else scorer.related))
            exact.append(np.broadcast_to(factors, len(docs)))
        weight = self._statistics.weight(typed).total * factor
        add_scores(scorer, np.concatenate(slots), np.concatenate(found), np.concatenate(exact), weight, into.scores)

    def _occurrences(self, term: Term, some: Keys | None) -> tuple[Docs, npt.NDArray[Anything], Keys, Scores | float]:
        """Return of postings of a term their documents, frequencies, codes of lengths, and factors for how they stand.

        some : which postings, ascending; None for all.
        """
        token, postings = term.token, self.postings_of(term)
        docs, frequencies = postings.docs, postings.frequencies
        if some is not None:
            docs, frequencies = docs.take(some), frequencies.take(some)
        codes = self.segment.length_codes.take(postings.cells(docs, some))
        factors: Scores | float = 1.0
        if self._statistics.scorer.spelled_bonus and token.spelled and len(docs):
            factors = self._spelling_factors(postings, token, some)
        return docs, frequencies, codes, factors

    def _spelling_factors(self, postings: Postings, token: Token, inside: Keys | None) -> Scores | float:
        """Return what each posting of a token (those at ``inside``) is multiplied by for standing as it was typed."""
        if self.segment.spellings.item(self._terms.number(token.stem)) == 1:
            return self._bonuses(token).get(0, 1.0)
        by_rank = self._factors_by_rank(token)
        at = postings.kept
        if inside is not None:
            at = inside if at is None else at[inside]
        factors: Scores = by_rank.take(postings.ranks if at is None else postings.ranks.take(at))
        if not factors.all():
            holes = (factors == 0.0).nonzero()[0]
            factors[holes] = self._mixed_factors(postings, by_rank, holes if at is None else at[holes])
        return factors

    def _mixed_factors(self, postings: Postings, by_rank: Scores, places: Keys) -> Scores:
        """Return the factors of postings whose tokens are not all spelled alike: that of the best of them.

        places : where the postings stand among all those of the term, field after field, ascending.
        """
        found, start = [], 0
        for name, run in postings.runs:
            first, last = places.searchsorted((start, start + run.df)).tolist()
            if last > first:
                own = places[first:last] + (run.posting_start - start)
                counts, ranks = self.segment.fields[name].mixed_tokens(own)
                found.append(np.maximum.reduceat(by_rank.take(ranks), counts.cumsum() - counts))
            start += run.df
        return np.concatenate(found)

    def _bonuses(self, token: Token) -> dict[int, float]:
        """Return, for each spelling of a token's term that is as it was typed, its rank and its factor."""
        scorer = self._statistics.scorer
        return {
            rank: 1.0 + (scorer.spelled_bonus if spelled == token.spelled else scorer.folded_bonus)
            for rank, spelled in self._terms.typed(token.stem, token.folded)
        }

    def _factors_by_rank(self, token: Token) -> Scores:
        """Return the factor of each spelling of a token's term, by rank; 0.0 for several spellings in one posting."""
        found = self._factors.get(token)
        if found is None:
            found = self._factors[token] = np.ones(self.segment.mixed_rank + 1)
            found[-1] = 0.0
            for rank, factor in self._bonuses(token).items():
                found[rank] = factor
        return found

    def counts(self, term: Term) -> TermCounts:
        """Return how often a term stands in this segment; see ``TermCounts``."""
        return count_term(self.postings_of(term), self.live, self.segment.docs)

    def places_of(self, term: Term, doc: int) -> list[Place]:
        """Return in which fields a document holds a term; what explaining a score asks. Cost: O(postings)."""
        postings, segment, statistics = self.postings_of(term), self.segment, self._statistics
        gains = statistics.gains(segment, term.fields)
        found = []
        for at in np.flatnonzero(postings.docs == doc):
            number = int(postings.numbers[at])
            frequency = float(gains[int(segment.length_codes[number * segment.docs + doc])] * postings.frequencies[at])
            factors = self._spelling_factors(postings, term.token, np.array([at])) if term.token.spelled else 1.0
            found.append(Place(TEXT_FIELDS[number], frequency, float(np.ravel(factors)[0])))
        return found

    # -- postings -------------------------------------------------------------------------------------------------

    def df(self, name: str, token: Token) -> int:
        """Return in how many live documents a token stands in a field."""
        run = self._terms.run(token.stem, name)
        if run is None:
            return 0
        if self.live is None and token.exact is None:
            return run.df
        docs = self.postings_of(Term(token, ((name, 1.0),))).docs
        return len(docs) if self.live is None else int(np.count_nonzero(self.live[docs]))

    def postings_of(self, plan: Term) -> Postings:
        """Return the postings of a token in all its fields, field after field; read once a request."""
        found = self._postings.get(plan)
        if found is None:
            found = self._postings[plan] = Postings.read(self.segment, self._terms, plan.token, plan.fields)
        return found

    # -- patterns -------------------------------------------------------------------------------------------------

    def _pattern_docs(self, plan: Pattern, fields: Weights) -> dict[str, Docs]:
        """Return the documents that hold a word of the pattern's shape, by field, ascending and each once."""
        if plan not in self._patterns:
            names = tuple(name for name, _ in fields)
            forms = self._statistics.forms(plan, names)[self._number]
            if len(forms) >= WIDE_FORMS:
                self._patterns[plan] = self._statistics.words.segments[self._number].docs_of(forms, names)
            else:
                self._patterns[plan] = {name: docs_of_forms(self.segment, name, forms) for name in names}
        return self._patterns[plan]


def _among(segment: Segment, forms: Forms, words: Set[str]) -> Forms:
    """Return those of some forms that are among some words."""
    return np.array([form for form in forms.tolist() if segment.forms[form] in words], np.int64)
