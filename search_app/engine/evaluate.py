"""Evaluating a plan over one segment, a column at a time: which documents match, and what each is worth.

In: a plan and a segment. Out: a boolean array over its documents, and scores for those asked for. Nothing is kept
between requests and nothing moves a cursor, so any number of threads may evaluate at once.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any as Anything

import numpy as np
import numpy.typing as npt

from ..index.generation import Snapshot
from ..index.segment import Docs, Field, Run, Segment
from .expansion import Forms, expand_pattern, most_frequent
from .plan import All, Any, Days, Every, Near, Nothing, Pattern, Plan, Scaled, Term, Token, Weights, Without
from .scoring import Bm25

Mask = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]
Keys = npt.NDArray[np.int64]
_POSITION_BITS = np.int64(32)


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
        self._norms: dict[str, Scores] = {}
        self.truncated: set[str] = set()

    def idf(self, field: str, token: Token) -> float:
        """Return the inverse document frequency of a token in a field, over all segments."""
        found = self._idf.get((field, token))
        if found is None:
            df = sum(evaluator.df(field, token) for evaluator in self.evaluators)
            found = self._idf[field, token] = self.scorer.idf(self.snapshot.articles, df)
        return found

    def norms(self, field: str) -> Scores:
        """Return the length norms of a field, indexed by length."""
        found = self._norms.get(field)
        if found is None:
            longest = max((_longest(segment.fields[field]) for segment in self.snapshot.segments), default=0)
            found = _norms(self.scorer, self.snapshot.average_lengths[field], longest)
            self._norms[field] = found
        return found


@lru_cache(maxsize=64)
def _norms(scorer: Bm25, average_length: float, longest: int) -> Scores:
    return scorer.norms(average_length, longest)


def _longest(field: Field) -> int:
    kind = field.lengths.dtype
    # Narrow types have so few lengths that the table may as well hold them all.
    return int(np.iinfo(kind).max) if kind.itemsize <= 2 else int(field.lengths.max(initial=0))


class Evaluator:
    """Evaluates plans over one segment.

    live : documents that count, None for all. max_expansions : terms that one pattern may stand for.
    """

    def __init__(self, segment: Segment, live: Mask | None, statistics: Statistics, max_expansions: int = 1024) -> None:
        self.segment = segment
        self.live = live
        self._statistics = statistics
        self._max_expansions = max_expansions
        self._terms: dict[str, int] = {}
        self._allowed: dict[Token, Mask | None] = {}
        self._runs: dict[tuple[str, str], Run | None] = {}
        self._patterns: dict[Pattern, dict[str, Docs]] = {}
        self._near: dict[tuple[Near, str], Docs] = {}
        self._postings: dict[tuple[str, Token], tuple[Docs, npt.NDArray[Anything]]] = {}

    # -- which documents match ------------------------------------------------------------------------------------

    def match(self, plan: Plan) -> Mask:
        """Return which documents match, deleted ones never. Shape (n_docs,). Cost: O(postings read + n_docs)."""
        mask = self._match(plan)
        return mask if self.live is None else mask & self.live

    def _match(self, plan: Plan) -> Mask:
        match plan:
            case Term(token, fields):
                mask = self._none()
                for name, _ in fields:
                    mask[self._token_docs(name, token)] = True
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
            case Term(token, fields):
                for name, weight in fields:
                    self._add_term(name, token, weight * factor, slots, scores)
            case Near(tokens, _, fields):
                for name, weight in fields:
                    within = np.full(self.segment.docs, -1, np.int32)
                    docs = self._near_docs(plan, name)
                    within[docs] = slots[docs]
                    for token in tokens:
                        self._add_term(name, token, weight * factor, within, scores)
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

    def _add_term(self, name: str, token: Token, weight: float, slots: npt.NDArray[np.int32], scores: Scores) -> None:
        docs, frequencies = self._token_postings(name, token)
        if not len(docs):
            return
        at = slots[docs]
        inside = at >= 0
        if not inside.all():
            at, docs, frequencies = at[inside], docs[inside], frequencies[inside]
        norms = self._statistics.norms(name)[self.segment.fields[name].lengths[docs]]
        idf = self._statistics.idf(name, token)
        scores[at] += self._statistics.scorer.scores(frequencies, norms, idf * weight)

    # -- postings -------------------------------------------------------------------------------------------------

    def df(self, name: str, token: Token) -> int:
        """Return in how many live documents a token stands in a field."""
        run = self._run(name, token.stem)
        if run is None:
            return 0
        if self.live is None and (token.exact is None or self._spellings(token) is None):
            return run.df
        docs = self._token_docs(name, token)
        return len(docs) if self.live is None else int(np.count_nonzero(self.live[docs]))

    def _run(self, name: str, stem: str) -> Run | None:
        key = name, stem
        if key not in self._runs:
            if stem not in self._terms:
                self._terms[stem] = self.segment.terms.find(stem.encode())
            self._runs[key] = self.segment.fields[name].run(self._terms[stem])
        return self._runs[key]

    def _spellings(self, token: Token) -> Mask | None:
        """Return which spellings of its term an exact token takes, by rank; None where it takes them all."""
        if token not in self._allowed:
            forms = self.segment.forms
            wanted = (token.exact or "").encode()
            start = forms.lower_bound(wanted)
            end = start
            term = self._terms[token.stem]
            ranks = []
            while end < len(forms) and forms.raw(end) == wanted:
                if int(self.segment.form_terms[end]) == term:
                    ranks.append(int(self.segment.form_locals[end]))
                end += 1
            allowed = np.zeros(int(np.iinfo(self.segment.form_locals.dtype).max) + 1, bool)
            allowed[ranks] = True
            self._allowed[token] = allowed
        return self._allowed[token]

    def _token_docs(self, name: str, token: Token) -> Docs:
        return self._token_postings(name, token)[0]

    def _token_postings(self, name: str, token: Token) -> tuple[Docs, npt.NDArray[Anything]]:
        """Return the documents of a token in a field, ascending, and how often it stands in each."""
        key = name, token
        found = self._postings.get(key)
        if found is None:
            found = self._postings[key] = self._read_postings(name, token)
        return found

    def _read_postings(self, name: str, token: Token) -> tuple[Docs, npt.NDArray[Anything]]:
        run = self._run(name, token.stem)
        field = self.segment.fields[name]
        if run is None:
            return np.zeros(0, np.int32), np.zeros(0, np.uint8)
        docs, frequencies = field.docs(run), field.frequencies(run)
        if token.exact is None:
            return docs, frequencies
        allowed = self._spellings(token)
        if allowed is None:
            return docs, frequencies
        ends = np.cumsum(frequencies, dtype=np.int64)
        counts = np.add.reduceat(allowed[field.locals(run)], ends - frequencies, dtype=np.int64)
        kept = counts > 0
        return docs[kept], counts[kept]

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
        known: list[Run] = [run for run in runs if run is not None]
        rarest = min(known, key=lambda run: run.df)
        within = self._none()
        within[field.docs(rarest)] = True
        keys = [self._token_keys(field, run, token, within) for run, token in zip(known, plan.tokens, strict=True)]
        if plan.slop:
            begin = _with_slop(keys, plan.slop)
        else:
            first = min(range(len(keys)), key=lambda n: len(keys[n]))
            begin = keys[first] - first
            for n, other in enumerate(keys):
                if n != first:
                    begin = begin[_contains(other, begin + n)]
        docs = (begin >> _POSITION_BITS).astype(np.int32)
        return docs[np.concatenate(([True], docs[1:] != docs[:-1]))] if len(docs) else docs

    def _token_keys(self, field: Field, run: Run, token: Token, within: Mask) -> Keys:
        """Return ``document << 32 | position`` of a token's places in the documents ``within``, ascending."""
        docs, frequencies = field.docs(run), field.frequencies(run)
        inside = within[docs]
        positions = field.positions(run)
        allowed = self._spellings(token) if token.exact is not None else None
        if not inside.all() or allowed is not None:
            taken = np.repeat(inside, frequencies)
            if allowed is not None:
                taken &= allowed[field.locals(run)]
            positions = positions[taken]
            docs = np.repeat(docs, frequencies)[taken]
        else:
            docs = np.repeat(docs, frequencies)
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


def _contains(sorted_keys: Keys, wanted: Keys) -> Mask:
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
    for following in keys[1:]:
        at = np.searchsorted(following, end, side="right")
        there = at < len(following)
        begin, end = begin[there], following[at[there]]
    wide: Keys = begin[end - begin - (len(keys) - 1) <= slop]
    return wide
