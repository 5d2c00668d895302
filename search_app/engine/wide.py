"""Patterns that stand for thousands of words: which of these are the most frequent, and the documents that hold them.

In: the forms of a pattern, by segment. Out: the same forms, those of so many words at most, and documents. What is laid
out here is laid out once a generation, at the first pattern that asks for it: afterwards a pattern costs a few passes
over the postings of a field, however many words it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..index.postings import POSTINGS_AT_ONCE, Docs, Run
from ..index.segment import Segment
from .expansion import Forms, most_frequent, repeats

Live = npt.NDArray[np.bool_] | None
WIDE_FORMS = 256
"""Words of a pattern from which on it pays to pass over all postings of a field: as long as 300 take one by one."""


def docs_of_forms(segment: Segment, name: str, forms: Forms) -> Docs:
    """Return the documents that hold any of some forms in a field. Cost: O(tokens of their terms), no loop."""
    field = segment.fields[name]
    terms = segment.form_terms[forms].astype(np.int64)
    at = field.terms.searchsorted(terms)
    there = at < len(field.terms)
    there[there] = field.terms[at[there]] == terms[there]
    if not there.any():
        return np.zeros(0, np.intp)
    rows, row_of_form = np.unique(at[there], return_inverse=True)
    allowed = np.zeros((len(rows), segment.mixed_rank + 1), bool)
    allowed[row_of_form, segment.form_locals[forms[there]]] = True
    return field.docs_with_spelling(rows, allowed)


class FieldForms:
    """Which form each posting of a field holds, as a place in a table of the forms by term.

    places : the place of each form. Memory: 4 bytes a posting; 10 MB for the headlines of 113,422 articles.
    """

    def __init__(self, segment: Segment, name: str, places: npt.NDArray[np.int64]) -> None:
        self._field = field = segment.fields[name]
        self._places = places
        first, last = field.posting_ranges(np.arange(len(field.terms)))
        begins = _begins(segment)[field.terms.astype(np.int64)]
        ranks = field.ranks(Run(0, int(last[-1]) if len(last) else 0, 0, 0))
        # Narrow numbers: there are millions of them, and each pass over them is paid by the first pattern that asks.
        self._at = begins.astype(np.int32).repeat(last - first)
        self._at += ranks
        # A posting whose tokens are not all spelled alike has a place beyond all forms, and its forms beside.
        self._mixed = (ranks == segment.mixed_rank).nonzero()[0]
        self._at[self._mixed] = len(places)
        counts, own = field.mixed_tokens(self._mixed) if len(self._mixed) else (self._mixed, self._mixed)
        self._mixed_starts = counts.cumsum() - counts
        self._mixed_at = begins[last.searchsorted(self._mixed, "right")].repeat(counts) + own
        self._mixed_of = np.arange(len(self._mixed)).repeat(counts)

    def docs_of(self, allowed: npt.NDArray[np.bool_]) -> Docs:
        """Return the documents, ascending and each once, that hold any of some forms.

        allowed : by place, and at the end once more, ``False``.
        """
        taken = np.empty(len(self._at), bool)
        # Widening a part at a time keeps what is made of it in the processor's cache.
        for start in range(0, len(taken), POSTINGS_AT_ONCE):
            part = slice(start, start + POSTINGS_AT_ONCE)
            np.take(allowed, self._at[part].astype(np.intp), out=taken[part], mode="clip")
        if len(self._mixed):
            taken[self._mixed] = np.logical_or.reduceat(allowed.take(self._mixed_at), self._mixed_starts)
        return self._field.docs_where(taken)

    def counts(self, live: Live, word_of: npt.NDArray[np.int64], words: int) -> npt.NDArray[np.int64]:
        """Return in how many of the documents that count each word stands.

        word_of : the number of each form's word, one of ``words``.
        """
        kept = None if live is None else live[self._field.all_docs()]
        plain = np.zeros(len(self._places) + 1, np.int64)
        for start in range(0, len(self._at), POSTINGS_AT_ONCE):
            part = slice(start, start + POSTINGS_AT_ONCE)
            at = self._at[part] if kept is None else self._at[part][kept[part]]
            plain += np.bincount(at, minlength=len(plain))
        word_at = np.zeros(len(plain), np.int64)
        word_at[self._places] = word_of
        # A posting may hold a word several times, with other accents or the same.
        held = self._mixed_of * words + word_at[self._mixed_at]
        if kept is not None:
            held = held[kept[self._mixed][self._mixed_of]]
        held.sort()
        new = np.ones(len(held), bool)
        np.not_equal(held[1:], held[:-1], out=new[1:])
        counts = np.bincount(held[new] % max(words, 1), minlength=words)
        np.add.at(counts, word_of, plain[self._places])
        return np.asarray(counts, np.int64)


def _begins(segment: Segment) -> npt.NDArray[np.int64]:
    """Return where the forms of each term begin in a table of all forms by term."""
    spellings = segment.spellings.astype(np.int64)
    return np.asarray(spellings.cumsum() - spellings, np.int64)


class SegmentForms:
    """One segment laid out by form, a field when first asked for. live : its documents that count, None for all."""

    def __init__(self, segment: Segment, live: Live) -> None:
        self._segment = segment
        self._live = live
        self._fields: dict[str, FieldForms] = {}

    @cached_property
    def _places(self) -> npt.NDArray[np.int64]:
        segment = self._segment
        return np.asarray(_begins(segment)[segment.form_terms.astype(np.int64)] + segment.form_locals, np.int64)

    def _field(self, name: str) -> FieldForms:
        found = self._fields.get(name)
        if found is None:
            found = self._fields[name] = FieldForms(self._segment, name, self._places)
        return found

    def counts(self, name: str, word_of: npt.NDArray[np.int64], words: int) -> npt.NDArray[np.int64]:
        """Return in how many of the documents that count each word stands in a field; see ``FieldForms.counts``."""
        return self._field(name).counts(self._live, word_of, words)

    def docs_of(self, forms: Forms, names: Sequence[str]) -> dict[str, Docs]:
        """Return the documents that hold any of some forms, by field; ascending and each once."""
        allowed = np.zeros(len(self._places) + 1, bool)
        allowed[self._places[forms]] = True
        return {name: self._field(name).docs_of(allowed) for name in names}


class Words:
    """The folded words of all segments of a snapshot, numbered in their order.

    segments : each laid out by form. numbers : for each, the word of each form; forms that differ in their accents
        alone are one word.
    """

    def __init__(self, segments: Sequence[Segment], live: Sequence[Live]) -> None:
        self.segments = tuple(map(SegmentForms, segments, live))
        self._counts: dict[str, npt.NDArray[np.int64]] = {}
        if len(segments) == 1:
            new = ~repeats(segments[0])
            self.numbers: tuple[npt.NDArray[np.int64], ...] = (np.cumsum(new) - 1,)
            self.size = int(np.count_nonzero(new))
            return
        texts = [segment.forms.all() for segment in segments]
        words = sorted({text for own in texts for text in own}, key=str.encode)
        number = {word: n for n, word in enumerate(words)}
        self.numbers = tuple(np.fromiter((number[text] for text in own), np.int64, len(own)) for own in texts)
        self.size = len(words)

    def most_frequent(
        self, found: Sequence[Forms], fields: Sequence[str], limit: int
    ) -> tuple[tuple[Forms, ...], bool]:
        """Return those of some forms, by segment, whose words stand in most documents, and whether any was left out.

        A word that stands in no document that counts is none. The documents of the fields add up; words that are
        equally frequent stay in their order.
        """
        held = np.zeros(self.size, bool)
        for forms, numbers in zip(found, self.numbers, strict=True):
            held[numbers[forms]] = True
        totals = np.zeros(self.size, np.int64)
        for name in fields:
            totals += self._documents_of(name)
        there = (held & (totals > 0)).nonzero()[0]
        kept = np.zeros(self.size, bool)
        kept[there[most_frequent(totals[there], limit)]] = True
        left = tuple(forms[kept[numbers[forms]]] for forms, numbers in zip(found, self.numbers, strict=True))
        return left, len(there) > limit

    def _documents_of(self, name: str) -> npt.NDArray[np.int64]:
        """Return in how many documents that count each word stands in a field. Cost: O(postings) when first asked."""
        found = self._counts.get(name)
        if found is None:
            found = np.zeros(self.size, np.int64)
            for segment, numbers in zip(self.segments, self.numbers, strict=True):
                found += segment.counts(name, numbers, self.size)
            self._counts[name] = found
        return found
