"""What a match is worth: BM25 a field, summed over the fields with their weights.

In: term statistics as arrays. Out: scores as arrays. Pure functions; knows neither queries nor files.

Source: S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. The variant is
Whoosh's ``BM25F``: idf is ``ln(N / (df + 1)) + 1``, and each field saturates by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

FIELD_WEIGHTS: tuple[tuple[str, float], ...] = (
    ("headline", 3.0),
    ("topic", 2.0),
    ("summary", 1.0),
    ("context", 0.8),
    ("source", 0.5),
)
"""The fields that a word without a field is looked for in, and what a match in each is worth."""


def _stored_lengths() -> npt.NDArray[np.int64]:
    """Return the 256 lengths that stock Whoosh can tell apart: exact to 10, then about 5 % apart."""
    from whoosh.util.numeric import byte_to_length

    return np.fromiter((byte_to_length(byte) for byte in range(256)), np.int64, 256)


@dataclass(frozen=True, slots=True)
class Bm25:
    """The scorer. ``k1`` is how slowly repetition saturates, ``b`` how much long fields are held back.

    folded_bonus, spelled_bonus : what a posting gains, as a share of its score, where the word stands in the field as
    it was typed, accents apart, or to the letter. 0.0 each is Whoosh's own scoring.
    rounded_lengths : round field lengths up as stock Whoosh does when it stores them; only for comparing with it.
    """

    k1: float = 1.2
    b: float = 0.75
    folded_bonus: float = 0.0
    spelled_bonus: float = 0.0
    rounded_lengths: bool = False

    def idf(self, documents: int, df: int) -> float:
        """Return the weight of a term that ``df`` of ``documents`` hold."""
        return log(documents / (df + 1)) + 1 if documents else 0.0

    def norms(self, average_length: float, longest: int) -> npt.NDArray[np.float64]:
        """Return what the term frequency competes with, for each length up to ``longest``. Shape (longest + 1,)."""
        lengths = np.arange(longest + 1)
        if self.rounded_lengths:
            stored = _stored_lengths()
            lengths = stored[np.minimum(np.searchsorted(stored, lengths), 255)]
        shares = lengths.astype(np.float64) / (average_length or 1.0)
        return self.k1 * ((1 - self.b) + self.b * shares)

    def scores(
        self, frequencies: npt.NDArray[Any], norms: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return the score of each posting.

        frequencies : how often the term stands in each document. norms : ``norms`` of each document's length.
        weights : idf times the weight of the field. All of one shape (n_postings,).
        """
        wide = frequencies.astype(np.float64)
        result: npt.NDArray[np.float64] = weights * (self.k1 + 1) * wide / (wide + norms)
        return result


RANKING = Bm25(folded_bonus=0.1, spelled_bonus=0.2)
"""How searches are ranked: a word as it was typed before its other forms, its own accents before others."""
