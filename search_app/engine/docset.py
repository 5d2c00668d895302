"""A set of documents of a snapshot, as the evaluator and the counters each want it.

In: one boolean array a segment. Out: the same set as document numbers, made when first asked for and then kept.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..index.generation import Snapshot
from ..index.postings import Docs
from ..index.segment import LACKING_BITS
from .evaluate import Mask


class DocSet:
    """Documents of a snapshot. ``masks`` holds one boolean array a segment, shape (n_docs,)."""

    def __init__(self, masks: list[Mask]) -> None:
        self.masks = masks
        self._missing: dict[str, int] | None = None

    @classmethod
    def of_docs(cls, docs: list[Docs], sizes: list[int]) -> DocSet:
        """Make a set of document numbers, ascending, for segments of ``sizes`` documents."""
        masks = []
        for found, size in zip(docs, sizes, strict=True):
            mask = np.zeros(size, bool)
            mask[found] = True
            masks.append(mask)
        made = cls(masks)
        made.docs = docs
        return made

    @cached_property
    def docs(self) -> list[Docs]:
        """The documents of each segment, ascending: newest first, then by path."""
        return [mask.nonzero()[0] for mask in self.masks]

    @property
    def total(self) -> int:
        """How many documents there are."""
        return sum(map(len, self.docs))

    def __and__(self, other: DocSet) -> DocSet:
        return DocSet([mine & theirs for mine, theirs in zip(self.masks, other.masks, strict=True)])

    def minus(self, other: DocSet) -> DocSet:
        """Return the documents of this set that the other lacks."""
        return DocSet([mine & ~theirs for mine, theirs in zip(self.masks, other.masks, strict=True)])

    def missing(self, snapshot: Snapshot, field: str) -> int:
        """Return how many of the documents have no value in a facet, or no summary.

        All fields are counted together at the first question: how many documents have which flags.
        """
        if self._missing is None:
            flags = np.zeros(256, np.int64)
            for segment, docs in zip(snapshot.segments, self.docs, strict=True):
                flags += np.bincount(segment.flags.take(docs), minlength=256)
            self._missing = dict(zip(LACKING_BITS, (_LACKS @ flags).tolist(), strict=True))
        return self._missing[field]


_LACKS = np.array([(np.arange(256) & bit) == 0 for bit in LACKING_BITS.values()]).astype(np.int64)
"""For each field, which flags say that a document has nothing in it. Shape (n_fields, 256)."""
