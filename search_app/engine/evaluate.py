"""Evaluating a plan over one segment, a column at a time: which documents match, and what each is worth.

In: a plan and a segment. Out: a boolean array over its documents, and scores for those asked for. Nothing is kept
between requests and nothing moves a cursor, so any number of threads may evaluate at once.
"""

from __future__ import annotations

import weakref
from datetime import date
from functools import cached_property, lru_cache
from typing import Any as Anything
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..index.generation import Snapshot
from ..index.schema import TEXT_FIELDS
from ..index.sections import expand
from ..index.segment import Docs, Field, Run, Segment, docs_of_runs
from .expansion import Forms, expand_pattern, most_frequent
from .plan import All, Any, Days, Every, Near, Nothing, Pattern, Plan, Scaled, Term, Token, Weights, Without
from .scoring import Bm25

Mask = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]
Keys = npt.NDArray[np.int64]
_POSITION_BITS = np.int64(32)
_Tokens = tuple[Docs, npt.NDArray[Anything], npt.NDArray[np.int64]]


class Statistics:
    """What scoring needs to know of the whole snapshot: document frequencies and average lengths, live documents only.

    Made for one request; remembers what it counted.
    """

    def __init__(self, snapshot: Snapshot, scorer: Bm25, max_expansions: int = 1024) -> None:
        self.snapshot = snapshot
        self.scorer = scorer
        self.evaluators = tuple(
            Evaluator(segment, live, self, max_expansions)
            for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
        )
        self._idf: dict[tuple[str, Token], float] = {}
        self.truncated: set[str] = set()

    def idf(self, field: str, token: Token) -> float:
        """Return the inverse document frequency of a token in a field, over all segments."""
        found = self._idf.get((field, token))
        if found is None:
            df = sum(evaluator.df(field, token) for evaluator in self.evaluators)
            found = self._idf[field, token] = self.scorer.idf(self.snapshot.articles, df)
        return found

    @cached_property
    def norms(self) -> Scores:
        """What the frequency of a term competes with, by field and length. Shape (n_fields, longest + 1)."""
        averages = tuple(self.snapshot.average_lengths[name] for name in TEXT_FIELDS)
        longest = max((segment.longest for segment in self.snapshot.segments), default=0)
        return _norms(self.scorer, averages, longest)


@lru_cache(maxsize=16)
def _norms(scorer: Bm25, average_lengths: tuple[float, ...], longest: int) -> Scores:
    return np.stack([scorer.norms(average, longest) for average in average_lengths])


class Postings(NamedTuple):
    """The postings of one token in its fields, field after field.

    fields : name and weight of each field that has any; runs : where its postings lie.
    docs, frequencies, rows : one a posting; ``rows`` is the position in ``fields``.
    all_frequencies : of the postings before those of other spellings were left out; kept : which stayed, None for all.
    """

    fields: Weights
    runs: tuple[tuple[str, Run], ...]
    docs: Docs
    frequencies: npt.NDArray[Anything]
    rows: npt.NDArray[np.uint8]
    all_frequencies: npt.NDArray[Anything]
    kept: Mask | None


_NOTHING = np.zeros(0, np.uint8)
_NO_POSTINGS = Postings((), (), np.zeros(0, np.int32), _NOTHING, _NOTHING, _NOTHING, None)
_FIELD_NUMBER = {name: number for number, name in enumerate(TEXT_FIELDS)}


class Evaluator:
    """Evaluates plans over one segment.

    live : documents that count, None for all. max_expansions : terms that one pattern may stand for.
    """

    def __init__(self, segment: Segment, live: Mask | None, statistics: Statistics, max_expansions: int = 1024) -> None:
        self.segment = segment
        self.live = live
        # Weak, since the two hold each other: a request's arrays, and the maps of an old generation, would otherwise
        # stay until Python looks for cycles.
        self._owner = weakref.ref(statistics)
        self._max_expansions = max_expansions
        self._terms: dict[str, int] = {}
        self._allowed: dict[Token, Mask] = {}
        self._runs: dict[tuple[str, str], Run | None] = {}
        self._patterns: dict[Pattern, dict[str, Docs]] = {}
        self._near: dict[tuple[Near, str], Docs] = {}
        self._bonuses: dict[Token, Scores] = {}
        self._postings: dict[Term, Postings] = {}
        self._starts: dict[tuple[tuple[str, Run], ...], Keys] = {}
        self._tokens: dict[tuple[str, int], _Tokens] = {}

    @property
    def _statistics(self) -> Statistics:
        statistics = self._owner()
        if statistics is None:
            raise ReferenceError("an evaluator is of use only while its statistics are held")
        return statistics

    # -- which documents match ------------------------------------------------------------------------------------

    def match(self, plan: Plan) -> Mask:
        """Return which documents match, deleted ones never. Shape (n_docs,). Cost: O(postings read + n_docs)."""
        mask = self._match(plan)
        return mask if self.live is None else mask & self.live

    def _match(self, plan: Plan) -> Mask:
        match plan:
            case Term():
                mask = self._none()
                mask[self._postings_of(plan).docs] = True
                return mask
            case Near(_, _, fields):
                mask = self._none()
                for name, _ in fields:
                    mask[self._near_docs(plan, name)] = True
                return mask
            case Pattern(_, _, _, fields):
                mask = self._none()
                for docs in self._pattern_docs(plan, fields).values():
                    mask[docs] = True
                return mask
            case Days(first, last):
                return self._days(first, last)
            case Every(children):
                mask = self._match(children[0])
                for child in children[1:]:
                    mask &= self._match(child)
                return mask
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

    def score(self, plan: Plan, docs: Docs) -> Scores:
        """Return the scores of ``docs``, ascending documents that match ``plan``. Shape (n,).

        The score of a document is the sum over every leaf that it matches, excluded leaves apart.
        """
        scores = np.zeros(len(docs))
        if len(docs):
            slots = np.full(self.segment.docs, -1, np.int32)
            slots[docs] = np.arange(len(docs), dtype=np.int32)
            self._score(plan, slots, scores, 1.0)
        return scores

    def _score(self, plan: Plan, slots: npt.NDArray[np.int32], scores: Scores, factor: float) -> None:
        match plan:
            case Term():
                self._add_postings(self._postings_of(plan), plan.token, factor, slots, scores)
            case Near(tokens, _, fields):
                # A token counts in the fields in which all of them stand together, and nowhere else.
                together = np.zeros((len(TEXT_FIELDS) + 1, self.segment.docs), bool)
                for name, _ in fields:
                    together[_FIELD_NUMBER[name], self._near_docs(plan, name)] = True
                    together[-1, self._near_docs(plan, name)] = True
                for token in tokens:
                    self._add_postings(self._postings_of(Term(token, fields)), token, factor, slots, scores, together)
            case Pattern(_, _, _, fields):
                found = self._pattern_docs(plan, fields)
                for name, weight in fields:
                    at = slots[found[name]]
                    scores[at[at >= 0]] += weight * factor
            case Any(children):
                for child in children:
                    # A sum may hold for a document that only the other children match: score each on its own ground.
                    if isinstance(child, Every):
                        matched = self._match(child)
                        self._score(child, np.where(matched, slots, np.int32(-1)), scores, factor)
                    else:
                        self._score(child, slots, scores, factor)
            case Every(children):
                for child in children:
                    self._score(child, slots, scores, factor)
            case Scaled(child, by):
                if isinstance(child, Every):
                    slots = np.where(self._match(child), slots, np.int32(-1))
                self._score(child, slots, scores, factor * by)
            case _:
                return

    def _add_postings(
        self,
        postings: Postings,
        token: Token,
        factor: float,
        slots: npt.NDArray[np.int32],
        scores: Scores,
        together: Mask | None = None,
    ) -> None:
        """Add what the postings of one token are worth to the scores of the documents that have a slot.

        together : by field and document, where the token counts, and in a last row, whether in any field; None for
            everywhere.
        """
        docs, frequencies, rows = postings.docs, postings.frequencies, postings.rows
        if not len(docs):
            return
        scorer = self._statistics.scorer
        if together is None:
            at = slots[docs]
            inside = np.flatnonzero(at >= 0)
            at = at[inside]
        else:
            # A phrase is in few of the documents of its commonest word: look closely at these alone.
            inside = np.flatnonzero(together[-1][docs])
            numbers = np.array([_FIELD_NUMBER[name] for name, _ in postings.fields])
            counted = together[numbers[rows[inside]], docs[inside]]
            inside = inside[np.logical_and(counted, slots[docs[inside]] >= 0)]
            at = slots[docs[inside]]
        whole = len(inside) == len(docs)
        if not whole:
            docs, frequencies, rows = docs[inside], frequencies[inside], rows[inside]
        statistics = self._statistics
        weights = np.array([statistics.idf(name, token) * weight * factor for name, weight in postings.fields])
        numbers = np.array([_FIELD_NUMBER[name] for name, _ in postings.fields])[rows]
        lengths = self.segment.field_lengths[numbers * self.segment.docs + docs]
        worth = scorer.scores(frequencies, statistics.norms[numbers, lengths], weights[rows])
        if scorer.spelled_bonus and token.spelled:
            worth *= self._bonus(postings, token, scorer, None if whole else inside)
        scores += np.bincount(at, weights=worth, minlength=len(scores))

    def _bonus(self, postings: Postings, token: Token, scorer: Bm25, inside: Keys | None) -> Scores:
        """Return what each posting of a token (those at ``inside``) is multiplied by for standing as it was typed."""
        by_rank = self._bonus_by_rank(token, scorer)
        ranks = np.concatenate([self.segment.fields[name].locals(run) for name, run in postings.runs])
        counts = postings.all_frequencies
        at = None if postings.kept is None else np.flatnonzero(postings.kept)
        if inside is not None:
            at = inside if at is None else at[inside]
        if len(ranks) == len(counts):
            found: Scores = by_rank[ranks if at is None else ranks[at]]
            return found
        starts = self._starts.get(postings.runs)
        if starts is None:
            starts = self._starts[postings.runs] = np.cumsum(counts, dtype=np.int64) - counts
        if at is not None:
            counts = counts[at]
            ranks = ranks[expand(starts[at], counts)]
            starts = np.cumsum(counts, dtype=np.int64) - counts
        return np.maximum.reduceat(by_rank[ranks], starts) if len(starts) else np.ones(0)

    def _bonus_by_rank(self, token: Token, scorer: Bm25) -> Scores:
        """Return the factor of each spelling of a token's term, by rank."""
        if token not in self._bonuses:
            factors = np.ones(int(np.iinfo(self.segment.form_locals.dtype).max) + 1)
            for form, spelled in self.segment.forms_folded(token.folded):
                if int(self.segment.form_terms[form]) == self._terms[token.stem]:
                    rank = int(self.segment.form_locals[form])
                    factors[rank] += scorer.spelled_bonus if spelled == token.spelled else scorer.folded_bonus
            self._bonuses[token] = factors
        return self._bonuses[token]

    # -- postings -------------------------------------------------------------------------------------------------

    def df(self, name: str, token: Token) -> int:
        """Return in how many live documents a token stands in a field."""
        run = self._run(name, token.stem)
        if run is None:
            return 0
        if self.live is None and token.exact is None:
            return run.df
        docs = self._postings_of(Term(token, ((name, 1.0),))).docs
        return len(docs) if self.live is None else int(np.count_nonzero(self.live[docs]))

    def _run(self, name: str, stem: str) -> Run | None:
        key = name, stem
        if key not in self._runs:
            if stem not in self._terms:
                self._terms[stem] = self.segment.terms.find(stem.encode())
            self._runs[key] = self.segment.fields[name].run(self._terms[stem])
        return self._runs[key]

    def _spellings(self, token: Token) -> Mask:
        """Return which spellings of its term an exact token takes, by rank."""
        if token not in self._allowed:
            term = self._terms[token.stem]
            forms = [form for form, _ in self.segment.forms_folded(token.exact or "")]
            ranks = [
                int(self.segment.form_locals[form]) for form in forms if int(self.segment.form_terms[form]) == term
            ]
            allowed = np.zeros(int(np.iinfo(self.segment.form_locals.dtype).max) + 1, bool)
            allowed[ranks] = True
            self._allowed[token] = allowed
        return self._allowed[token]

    def _postings_of(self, plan: Term) -> Postings:
        """Return the postings of a token in all its fields, field after field; read once a request."""
        found = self._postings.get(plan)
        if found is None:
            found = self._postings[plan] = self._read_postings(plan.token, plan.fields)
        return found

    def _read_postings(self, token: Token, weights: Weights) -> Postings:
        found = [(name, weight, self._run(name, token.stem)) for name, weight in weights]
        known = [(name, weight, run) for name, weight, run in found if run is not None]
        if not known:
            return _NO_POSTINGS
        fields = [(self.segment.fields[name], run) for name, _, run in known]
        docs = docs_of_runs(fields)
        frequencies = np.concatenate([field.frequencies(run) for field, run in fields])
        rows = np.repeat(np.arange(len(known), dtype=np.uint8), [run.df for _, _, run in known])
        runs = tuple((name, run) for name, _, run in known)
        named = tuple((name, weight) for name, weight, _ in known)
        if token.exact is None:
            return Postings(named, runs, docs, frequencies, rows, frequencies, None)
        allowed = self._spellings(token)
        ends = np.cumsum(frequencies, dtype=np.int64)
        ranks = np.concatenate([field.locals(run) for field, run in fields])
        counts = np.add.reduceat(allowed[ranks], ends - frequencies, dtype=np.int64)
        kept = counts > 0
        return Postings(named, runs, docs[kept], counts[kept], rows[kept], frequencies, kept)

    def _near_docs(self, plan: Near, name: str) -> Docs:
        """Return the documents in which the tokens stand in order in one field."""
        key = plan, name
        if key not in self._near:
            self._near[key] = self._find_near(plan, self.segment.fields[name], name)
        return self._near[key]

    def _find_near(self, plan: Near, field: Field, name: str) -> Docs:
        runs = [self._run(name, token.stem) for token in plan.tokens]
        if any(run is None for run in runs):
            return np.zeros(0, np.int32)
        # The documents that hold all of the words, then the places of each word in these alone, once a word.
        places = dict(zip(plan.tokens, (run for run in runs if run is not None), strict=True))
        rarest, *others = sorted(set(places.values()), key=lambda run: run.df)
        common = self._tokens_of(field, rarest)[0]
        for run in others:
            common = common[_contains(self._tokens_of(field, run)[0], common)]
        found = {token: self._token_keys(field, run, token, common) for token, run in places.items()}
        keys = [found[token] for token in plan.tokens]
        if plan.slop:
            begin = _with_slop(keys, plan.slop)
        else:
            first = min(range(len(keys)), key=lambda n: len(keys[n]))
            begin = keys[first] - first
            for n, other in enumerate(keys):
                if not len(begin):
                    break
                if n != first:
                    begin = begin[_contains(other, begin + n)]
        docs = (begin >> _POSITION_BITS).astype(np.int32)
        return docs[np.concatenate(([True], docs[1:] != docs[:-1]))] if len(docs) else docs

    def _tokens_of(self, field: Field, run: Run) -> _Tokens:
        """Return the documents of a run, how many of its tokens are in each, and where in the run these begin."""
        key = field.name, run.posting_start
        found = self._tokens.get(key)
        if found is None:
            frequencies = field.frequencies(run)
            starts: npt.NDArray[np.int64] = np.cumsum(frequencies, dtype=np.int64) - frequencies
            found = self._tokens[key] = (field.docs(run), frequencies, starts)
        return found

    def _token_keys(self, field: Field, run: Run, token: Token, common: Docs) -> Keys:
        """Return ``document << 32 | position`` of a token's places in ``common``, documents of the run, ascending."""
        docs, frequencies, starts = self._tokens_of(field, run)
        inside = docs.searchsorted(common)
        docs, frequencies = docs[inside], frequencies[inside]
        at = expand(starts[inside], frequencies)
        docs = np.repeat(docs, frequencies)
        allowed = self._spellings(token) if token.exact is not None else None
        if allowed is not None:
            taken = allowed[field.locals(run)[at]]
            docs, at = docs[taken], at[taken]
        positions = field.positions(run)[at]
        return (docs.astype(np.int64) << _POSITION_BITS) | positions

    # -- patterns -------------------------------------------------------------------------------------------------

    def _pattern_docs(self, plan: Pattern, fields: Weights) -> dict[str, Docs]:
        """Return the documents that hold a word of the pattern's shape, by field, ascending and each once."""
        if plan not in self._patterns:
            forms = self._limited(plan, expand_pattern(self.segment, plan))
            self._patterns[plan] = {name: self._form_docs(self.segment.fields[name], forms) for name, _ in fields}
        return self._patterns[plan]

    def _limited(self, plan: Pattern, forms: Forms) -> Forms:
        if len(forms) <= self._max_expansions:
            return forms
        self._statistics.truncated.add(plan.text)
        counts = np.zeros(len(forms), np.int64)
        terms = self.segment.form_terms[forms]
        for name, _ in plan.fields:
            field = self.segment.fields[name]
            starts, ends, there = _posting_ranges(field, terms)
            counts[there] += ends - starts
        return forms[most_frequent(counts, self._max_expansions)]

    def _form_docs(self, field: Field, forms: Forms) -> Docs:
        """Return the documents that hold any of some forms in a field. Cost: O(tokens of their terms), no loop."""
        terms = self.segment.form_terms[forms].astype(np.int64)
        at = field.terms.searchsorted(terms)
        there = at < len(field.terms)
        there[there] = field.terms[at[there]] == terms[there]
        if not there.any():
            return np.zeros(0, np.int32)
        rows, row_of_form = np.unique(at[there], return_inverse=True)
        ranks = int(np.iinfo(self.segment.form_locals.dtype).max) + 1
        allowed = np.zeros((len(rows), ranks), bool)
        allowed[row_of_form, self.segment.form_locals[forms[there]]] = True
        return field.docs_with_spelling(rows, allowed)


def _posting_ranges(
    field: Field, terms: npt.NDArray[Anything]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Mask]:
    at = field.terms.searchsorted(terms)
    there = at < len(field.terms)
    there[there] = field.terms[at[there]] == terms[there]
    starts, ends = field.posting_ranges(at[there])
    return starts, ends, there


def _contains(sorted_keys: npt.NDArray[Anything], wanted: npt.NDArray[Anything]) -> Mask:
    if not len(sorted_keys):
        return np.zeros(len(wanted), bool)
    at = np.searchsorted(sorted_keys, wanted)
    at[at == len(sorted_keys)] = 0
    found: Mask = sorted_keys[at] == wanted
    return found


def _with_slop(keys: list[Keys], slop: int) -> Keys:
    """Return the keys of first tokens from which the others follow in order with at most ``slop`` strangers between.

    From each first token the nearest next one is taken, then the nearest after that: no other choice ends earlier.
    """
    begin = keys[0]
    end = begin
    for words, following in enumerate(keys[1:], 1):
        at = np.searchsorted(following, end, side="right")
        there = at < len(following)
        begin, end = begin[there], following[at[there]]
        # Strangers only grow in number: who has too many already need not go on.
        near = end - begin - words <= slop
        begin, end = begin[near], end[near]
    return begin
