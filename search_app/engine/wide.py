"""Patterns that stand for thousands of words: which of these are the most frequent, and the documents that hold them.

In: the forms of a pattern, by segment. Out: the same forms, those of so many words at most, and documents. What is laid
out here is laid out once a generation, at the first pattern that asks for it: afterwards a pattern costs a few passes
over the postings of a field, however many words it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.postings import Docs, Run
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
    """The postings of one field with the form that each holds, and their documents.

    Memory: 8 bytes a posting; 19 MB for the headlines of 113,422 articles.
    """

    def __init__(self, segment: Segment, name: str, form_at: npt.NDArray[np.int32], starts: npt.NDArray[Any]) -> None:
        field = segment.fields[name]
        self._docs = field.all_docs().astype(np.int32)
        self._segment_docs = segment.docs
        self._forms_in_all = len(segment.forms)
        ranks = field.ranks(Run(0, len(self._docs), 0, 0))
        first, last = field.posting_ranges(np.arange(len(field.terms)))
        begins = np.repeat(starts[field.terms.astype(np.int64)], last - first)
        self._mixed = np.flatnonzero(ranks == segment.mixed_rank)
        places = begins + ranks
        places[self._mixed] = len(form_at) - 1
        self._forms = form_at[places]
        counts, own = field.mixed_tokens(self._mixed) if len(self._mixed) else (np.zeros(0, np.int64), ranks[:0])
        self._mixed_starts = np.cumsum(counts) - counts
        self._mixed_forms = form_at[np.repeat(begins[self._mixed], counts) + own]
        self._mixed_of = np.repeat(self._mixed, counts)

    def docs_of(self, allowed: npt.NDArray[np.bool_]) -> Docs:
        """Return the documents, ascending and each once, that hold any of some forms.

        allowed : a form, and at the end once more, ``False``.
        """
        taken = allowed.take(self._forms, mode="clip")
        if len(self._mixed):
            taken[self._mixed] = np.logical_or.reduceat(allowed.take(self._mixed_forms), self._mixed_starts)
        mask = np.zeros(self._segment_docs, bool)
        mask[self._docs.compress(taken)] = True
        return mask.nonzero()[0]

    def counts(self, live: Live, word_of: npt.NDArray[np.int64], words: int) -> npt.NDArray[np.int64]:
        """Return in how many of the documents that count each word stands.

        word_of : the number of each form's word, one of ``words``.
        """
        forms, mixed_forms, mixed_of = self._forms, self._mixed_forms, self._mixed_of
        if live is not None:
            forms = forms[live[self._docs]]
            kept = live[self._docs[mixed_of]]
            mixed_forms, mixed_of = mixed_forms[kept], mixed_of[kept]
        plain = np.bincount(forms, minlength=self._forms_in_all + 1)[: self._forms_in_all]
        # A posting may hold a word several times, with other accents or the same.
        once = np.unique(mixed_of.astype(np.int64) * words + word_of[mixed_forms]) % max(words, 1)
        counts = np.bincount(once, minlength=words)
        np.add.at(counts, word_of, plain)
        return np.asarray(counts, np.int64)


class SegmentForms:
    """One segment laid out by form, a field when first asked for. live : its documents that count, None for all."""

    def __init__(self, segment: Segment, live: Live) -> None:
        self._segment = segment
        self._live = live
        self._fields: dict[str, FieldForms] = {}
        self._counts: dict[str, npt.NDArray[np.int64]] = {}

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        """Where the forms of each term begin in ``_form_at``."""
        spellings = self._segment.spellings.astype(np.int64)
        return np.asarray(np.cumsum(spellings) - spellings, np.int64)

    @cached_property
    def _form_at(self) -> npt.NDArray[np.int32]:
        """The form of each rank of each term; at the end what stands for a posting of several."""
        segment = self._segment
        form_at = np.full(len(segment.forms) + 1, len(segment.forms), np.int32)
        form_at[self._starts[segment.form_terms.astype(np.int64)] + segment.form_locals] = np.arange(len(segment.forms))
        return form_at

    def _field(self, name: str) -> FieldForms:
        found = self._fields.get(name)
        if found is None:
            found = self._fields[name] = FieldForms(self._segment, name, self._form_at, self._starts)
        return found

    def counts(self, name: str, word_of: npt.NDArray[np.int64], words: int) -> npt.NDArray[np.int64]:
        """Return in how many of the documents that count each word stands in a field; see ``FieldForms.counts``."""
        found = self._counts.get(name)
        if found is None:
            found = self._counts[name] = self._field(name).counts(self._live, word_of, words)
        return found

    def docs_of(self, forms: Forms, names: Sequence[str]) -> dict[str, Docs]:
        """Return the documents that hold any of some forms, by field; ascending and each once."""
        allowed = np.zeros(len(self._segment.forms) + 1, bool)
        allowed[forms] = True
        return {name: self._field(name).docs_of(allowed) for name in names}


class Words:
    """The folded words of all segments of a snapshot, numbered in their order.

    segments : each laid out by form. numbers : for each, the word of each form; forms that differ in their accents
        alone are one word.
    """

    def __init__(self, segments: Sequence[Segment], live: Sequence[Live]) -> None:
        self.segments = tuple(map(SegmentForms, segments, live))
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
        totals = np.zeros(self.size, np.int64)
        for forms, numbers, segment in zip(found, self.numbers, self.segments, strict=True):
            held = np.zeros(self.size, bool)
            held[numbers[forms]] = True
            for name in fields:
                totals[held] += segment.counts(name, numbers, self.size)[held]
        there = totals.nonzero()[0]
        kept = np.zeros(self.size, bool)
        kept[there[most_frequent(totals[there], limit)]] = True
        left = tuple(forms[kept[numbers[forms]]] for forms, numbers in zip(found, self.numbers, strict=True))
        return left, len(there) > limit
