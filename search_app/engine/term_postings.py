"""The postings of one token of a query, in all its fields, as scoring and nearness want them.

In: a token, its fields and a segment. Out: arrays, one entry a posting, field after field; what only some searches need
is made when first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.postings import Docs, Run, docs_of_runs
from ..index.segment import Segment
from .plan import Token, Weights
from .terms import FIELD_NUMBER, Terms

Array = npt.NDArray[Any]


class Postings:
    """The postings of one token in its fields, field after field.

    runs : name of each field that has any, and where its postings lie; fields : their numbers in ``TEXT_FIELDS``.
    docs : the document of each posting. bounds : where the postings of each field begin in it, and the end.
    kept : where they stood before those of other spellings were left out; None where none was.
    """

    def __init__(self, segment: Segment, runs: tuple[tuple[str, Run], ...], exact: Array | None = None) -> None:
        self._segment = segment
        self.runs = runs
        self.fields = [FIELD_NUMBER[name] for name, _ in runs]
        self.bounds = [0]
        for _, run in runs:
            self.bounds.append(self.bounds[-1] + run.df)
        fields = [(segment.fields[name], run) for name, run in runs]
        self.docs: Docs = docs_of_runs(fields) if fields else np.zeros(0, np.intp)
        self.kept: npt.NDArray[np.intp] | None = None
        if exact is not None and fields:
            counts = np.concatenate([field.count_spelled(run, exact) for field, run in fields])
            self.kept = counts.nonzero()[0]
            self.docs, self.frequencies = self.docs.take(self.kept), counts.take(self.kept)
            self.bounds = self.kept.searchsorted(self.bounds).tolist()

    @classmethod
    def read(cls, segment: Segment, terms: Terms, token: Token, weights: Weights) -> Postings:
        """Return the postings of a token; none where the segment lacks it. Cost: O(postings)."""
        runs = terms.runs(token.stem)
        known = tuple((name, run) for name, _ in weights if (run := runs[FIELD_NUMBER[name]]))
        return cls(segment, known, terms.spellings(token) if token.exact is not None else None)

    @cached_property
    def frequencies(self) -> Array:
        """How often the token stands in the field of each posting."""
        parts = [self._segment.fields[name].frequencies(run) for name, run in self.runs]
        return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.zeros(0, np.uint8)

    @cached_property
    def numbers(self) -> npt.NDArray[np.uint8]:
        """The number of the field of each posting."""
        return np.array(self.fields, np.uint8).repeat(np.diff(self.bounds))

    @cached_property
    def ranks(self) -> Array:
        """The rank of the spelling of each posting, those of other spellings than an exact token's included."""
        return np.concatenate([self._segment.fields[name].ranks(run) for name, run in self.runs])

    def cells(self, docs: Docs, inside: npt.NDArray[np.intp] | None) -> npt.NDArray[np.intp]:
        """Return where the length of each posting stands in ``Segment.length_codes``.

        docs : the documents of the postings ``inside``, ascending numbers of them; None for all.
        """
        cells = docs.copy()
        bounds = self.bounds if inside is None else inside.searchsorted(self.bounds).tolist()
        for n, number in enumerate(self.fields):
            cells[bounds[n] : bounds[n + 1]] += number * self._segment.docs
        return cells

    def within(self, name: str) -> tuple[Run, int, int] | None:
        """Return the run of a field and the range of its postings, None where it has none."""
        for n, (own, run) in enumerate(self.runs):
            if own == name:
                return run, self.bounds[n], self.bounds[n + 1]
        return None
