"""Where words stand together: phrases, and words near each other, by the positions of their tokens.

In: a ``Near`` of a plan and a segment. Out: the documents in which its tokens stand in order in one field.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.postings import Docs, Field, Run
from ..index.sections import expand
from ..index.segment import Segment
from .plan import Near, Token
from .terms import Terms

Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.int64]
_POSITION_BITS = np.int64(32)
_Tokens = tuple[Docs, npt.NDArray[Any], npt.NDArray[np.int64]]


class Phrases:
    """Finds phrases in one segment, for one request: what it read for one of them serves the others."""

    def __init__(self, segment: Segment, terms: Terms) -> None:
        self._segment = segment
        self._terms = terms
        self._found: dict[tuple[Near, str], Docs] = {}
        self._tokens: dict[tuple[str, int], _Tokens] = {}

    def docs(self, plan: Near, name: str) -> Docs:
        """Return the documents in which the tokens stand in order in one field."""
        key = plan, name
        if key not in self._found:
            self._found[key] = self._find_near(plan, self._segment.fields[name], name)
        return self._found[key]

    def _find_near(self, plan: Near, field: Field, name: str) -> Docs:
        runs = [self._terms.run(token.stem, name) for token in plan.tokens]
        if any(run is None for run in runs):
            return np.zeros(0, np.intp)
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
        docs = begin >> _POSITION_BITS
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
        allowed = self._terms.spellings(token) if token.exact is not None else None
        if allowed is not None:
            taken = allowed[field.token_ranks(inside + run.posting_start)]
            docs, at = docs[taken], at[taken]
        positions = field.positions(run)[at]
        return (docs.astype(np.int64) << _POSITION_BITS) | positions


def _contains(sorted_keys: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> Mask:
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
