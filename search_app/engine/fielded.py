"""BM25F over the postings of one term: what it adds to the scores of documents, and how often it stands where.

In: postings of one segment. Out: arrays and counts. The formula is ``scoring.Bm25f``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..index.schema import TEXT_FIELDS
from .scoring import PROSE, Bm25, Bm25f

if TYPE_CHECKING:
    from .evaluate import Mask, Scores
    from .plan import Weights
    from .term_postings import Postings

_PROSE = np.array([name in PROSE for name in TEXT_FIELDS])


class TermCounts(NamedTuple):
    """How many live documents hold a term in its fields, how many in running text, and how often it stands there."""

    df: int
    prose_df: int
    occurrences: int


class TermWeight(NamedTuple):
    """What a term is worth wherever it stands: how rare it is, and how often it comes back where it stands."""

    idf: float
    burst: float

    @property
    def total(self) -> float:
        """Both together: what its frequency is multiplied by."""
        return self.idf * self.burst


class Place(NamedTuple):
    """A field in which a document holds a term: its weighted frequency, and its factor for standing as typed."""

    field: str
    frequency: float
    factor: float


def count_term(postings: Postings, live: Mask | None, documents: int) -> TermCounts:
    """Return the counts of a term in one segment of ``documents``. Cost: O(postings + documents)."""
    if not len(postings.docs):
        return TermCounts(0, 0, 0)
    docs, frequencies, prose = postings.docs, postings.frequencies, _PROSE.take(postings.numbers)
    if live is not None:
        kept = live.take(docs)
        docs, frequencies, prose = docs[kept], frequencies[kept], prose[kept]
    held = np.zeros(documents, bool)
    held[docs[prose]] = True
    prose_df = int(np.count_nonzero(held))
    held[docs] = True
    return TermCounts(int(np.count_nonzero(held)), prose_df, int(frequencies[prose].sum(dtype=np.int64)))


def gain_table(scorer: Bm25f, averages: Sequence[float], longest: int, weights: Weights) -> Scores:
    """Return what one occurrence counts, by ``Segment.length_codes``: the gain of a length times the field's weight."""
    by_name = dict(weights)
    rows = [
        by_name.get(name, 0.0) * scorer.gains(name, average, longest)
        for name, average in zip(TEXT_FIELDS, averages, strict=True)
    ]
    return np.concatenate(rows)


@lru_cache(maxsize=64)
def norm_table(scorer: Bm25, average_lengths: tuple[float, ...], longest: int) -> Scores:
    """Return what the frequency of a term competes with, by ``Segment.length_codes``, with ``Bm25``."""
    return np.concatenate([scorer.norms(average, longest) for average in average_lengths])


def add_scores(
    scorer: Bm25f,
    slots: npt.NDArray[Any],
    found: Scores,
    factors: Scores | float,
    weight: float,
    scores: Scores,
) -> None:
    """Add what a term is worth to ``scores``, in place.

    slots : where in ``scores`` the document of each posting has its own. found : the weighted frequency of each.
    factors : what each counts more for standing as it was typed. weight : of the term.
    """
    if not len(slots):
        return
    sums = np.bincount(slots, weights=found, minlength=len(scores)).astype(np.float64, copy=False)
    if isinstance(factors, float):
        exact = sums * factors
    else:
        exact = np.bincount(slots, weights=found * factors, minlength=len(scores)).astype(np.float64, copy=False)
    scores += scorer.scores(sums, exact, weight)
