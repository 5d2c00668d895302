"""From texts to postings, a whole column at a time.

In: the texts of one field, document by document. Out: flat arrays sorted by term, document and position. Each surface
form is analysed once (``Vocabulary``); the rest is one stable sort a field.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .analysis import VALUE_GAP, Analysed, analyse_surface, find_surfaces
from .sections import expand, narrow

Array = npt.NDArray[Any]
_AT_ONCE = 1 << 18
"""Words that are looked up at once: what that takes beside the result is a few megabytes."""


class Surfaces(dict[str, int]):
    """Numbers for surface forms, given out in order of first sight."""

    def __missing__(self, surface: str) -> int:
        number = self[surface] = len(self)
        return number


@dataclass(frozen=True, slots=True)
class Units:
    """Texts as rows of surface numbers: ``surfaces[starts[i]:starts[i + 1]]`` are those of text i."""

    surfaces: Array
    starts: Array

    @classmethod
    def read(cls, texts: Iterable[str], surfaces: Surfaces) -> Units:
        """Cut texts into surface forms. Cost: about 1 µs a word."""
        number_of = surfaces.__getitem__
        numbers = array("I")
        starts = array("Q", [0])
        for text in texts:
            if text:
                numbers.extend(map(number_of, find_surfaces(text)))
            starts.append(len(numbers))
        return cls(np.frombuffer(numbers, np.uint32), np.frombuffer(starts, np.uint64).astype(np.int64))


class Vocabulary:
    """All terms and forms of a segment, and what each surface form stands for.

    terms : stems, sorted.
    forms : (folded, spelled), sorted. form_terms : the term of each. form_locals : its rank among its term's forms.
    """

    def __init__(self, surfaces: Surfaces) -> None:
        analysed: list[tuple[Analysed, ...]] = [analyse_surface(surface) for surface in surfaces]
        stem_of = {(token.folded, token.spelled): token.stem for tokens in analysed for token in tokens}
        self.forms = sorted(stem_of)
        self.terms = sorted(set(stem_of.values()))
        term_number = {stem: n for n, stem in enumerate(self.terms)}
        self.form_terms = np.fromiter((term_number[stem_of[form]] for form in self.forms), np.uint32, len(self.forms))
        order = np.argsort(self.form_terms, kind="stable")
        counts = np.bincount(self.form_terms, minlength=len(self.terms))
        self.form_locals = np.empty(len(self.forms), np.uint32)
        self.form_locals[order] = np.arange(len(self.forms)) - np.repeat(np.cumsum(counts) - counts, counts)
        form_number = {form: n for n, form in enumerate(self.forms)}
        token_counts = np.fromiter(map(len, analysed), np.int64, len(analysed))
        self._token_counts = narrow(token_counts)
        self._token_starts = np.cumsum(token_counts) - token_counts
        self._token_forms = np.fromiter(
            (form_number[token.folded, token.spelled] for tokens in analysed for token in tokens),
            np.uint32,
            int(token_counts.sum()),
        )

    def tokens(self, units: Units) -> tuple[Array, Array]:
        """Return the forms of all tokens of ``units``, and how many tokens each unit has."""
        counts = self._token_counts[units.surfaces]
        before = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=before[1:])
        forms = np.empty(before[-1], np.uint32)
        for start in range(0, len(counts), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            places = expand(self._token_starts[units.surfaces[some]], counts[some])
            forms[before[start] : before[start] + len(places)] = self._token_forms[places]
        return forms, before[units.starts[1:]] - before[units.starts[:-1]]


@dataclass(frozen=True, slots=True)
class Postings:
    """One field inverted.

    terms : the terms that occur, ascending. posting_starts, token_starts : n_terms + 1 offsets.
    docs, frequencies : one a posting, documents ascending within a term. positions : one a token.
    ranks : one a posting, the rank of its spelling among those of the term. mixed : the postings whose tokens are not
    all spelled alike, ascending; mixed_ranks : the ranks of their tokens, one after another.
    lengths : tokens a document.
    """

    terms: Array
    posting_starts: Array
    docs: Array
    frequencies: Array
    token_starts: Array
    positions: Array
    ranks: Array
    mixed: Array
    mixed_ranks: Array
    lengths: Array


def invert(vocabulary: Vocabulary, units: Units, row_starts: Array, row_units: Array) -> Postings:
    """Invert one field.

    row_starts : n_docs + 1 offsets into ``row_units``, the units (values) of each document in order.
    Positions count tokens, and leave ``VALUE_GAP`` free between two values. Cost: one stable sort of all tokens.
    """
    unit_forms, unit_counts = vocabulary.tokens(units)
    unit_starts = np.cumsum(unit_counts) - unit_counts
    counts = unit_counts[row_units]
    # Tokens are millions: every array of them is as narrow as it can be, and gone as soon as it has been used.
    alike = np.array_equal(row_units, np.arange(len(unit_counts)))
    forms = unit_forms if alike else unit_forms[expand(unit_starts[row_units], counts)]
    del unit_forms
    token_rows = np.concatenate(([0], np.cumsum(counts)))
    doc_first_token = token_rows[row_starts]
    lengths = np.diff(doc_first_token)
    positions = np.arange(len(forms), dtype=np.int32)
    positions -= np.repeat(doc_first_token[:-1].astype(np.int32), lengths)
    value_rank = np.arange(len(row_units)) - np.repeat(row_starts[:-1], np.diff(row_starts))
    if value_rank.any():
        positions += np.repeat((value_rank * VALUE_GAP).astype(np.int32), counts)
    # The term of each token, and below that its place, as one number: sorting these takes half of a stable sort.
    order = vocabulary.form_terms[forms].astype(np.uint64)
    order <<= np.uint64(32)
    order |= np.arange(len(order), dtype=np.uint32)
    order.sort()
    terms = np.empty(len(order), np.uint32)
    np.right_shift(order, np.uint64(32), out=terms, casting="unsafe")
    order &= np.uint64(0xFFFFFFFF)
    places = order.view(np.int64)
    del order
    forms = forms[places]
    positions = positions[places]
    docs = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)[places]
    del places
    first = np.ones(len(terms), bool)
    first[1:] = (terms[1:] != terms[:-1]) | (docs[1:] != docs[:-1])
    heads = np.flatnonzero(first)
    docs, terms = docs[heads], terms[heads]
    starts = np.flatnonzero(np.concatenate(([True], terms[1:] != terms[:-1]))) if heads.size else heads
    terms = terms[starts]
    locals_ = vocabulary.form_locals[forms]
    del forms
    frequencies = np.empty(len(heads), np.int32)
    np.subtract(np.append(heads[1:], len(locals_)), heads, out=frequencies, casting="unsafe")
    # A posting is mixed where a token of it is spelled otherwise than the one before.
    turns = np.flatnonzero((locals_[1:] != locals_[:-1]) & ~first[1:]) + 1
    mixed = np.unique(np.searchsorted(heads, turns, "right") - 1)
    return Postings(
        terms=terms,
        posting_starts=np.append(starts, len(heads)),
        docs=docs,
        frequencies=frequencies,
        token_starts=np.append(heads[starts], len(locals_)),
        positions=positions,
        ranks=locals_[heads],
        mixed=mixed,
        mixed_ranks=locals_[expand(heads[mixed], frequencies[mixed])],
        lengths=lengths,
    )
