"""What a match is worth: BM25F, the fields weighed and added up before a repeated word stops counting.

In: term statistics as arrays. Out: scores as arrays. Pure functions; knows neither queries nor files.

Source: S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. ``Bm25f`` is what
searches are ranked by. ``Bm25`` is Whoosh's variant, in which each field saturates by itself and idf is
``ln(N / (df + 1)) + 1``: with it the evaluator is held against Whoosh's own searcher.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

FIELD_WEIGHTS: tuple[tuple[str, float], ...] = (
    ("headline", 4.0),
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


PROSE = ("headline", "summary")
"""Fields of running text. In the others a value is said once, whatever the article is about."""
LENGTH_SHARES: tuple[tuple[str, float], ...] = (
    ("headline", 0.5),
    ("topic", 0.5),
    ("summary", 0.6),
    ("context", 0.5),
    ("source", 0.5),
)
"""How much a long field is held back: ``b`` of each field, 0 not at all, 1 in proportion to its length."""


@dataclass(frozen=True, slots=True)
class Bm25f:
    """The scorer of searches.

    A document's weighted frequency of a term is the sum over the fields of ``weight · tf / (1 - b + b · length /
    average)``. The term is worth ``idf · burst · (k1 + 1) · exact / (k1 + frequency)`` to it, in which ``exact`` is the
    same sum with what stands as it was typed counted a little more.

    idf : ``ln(1 + (N - df + 0.5) / (df + 0.5))``, ``df`` over all the fields searched together.
    burst : ``((occurrences + 1) / df) ** burstiness``, over running text: a word that comes back in the texts that hold
    it says what they are about, one that stands in many texts once does not. From G. Amati, C. J. van Rijsbergen,
    "Probabilistic models of information retrieval based on measuring the divergence from randomness", 2002.

    folded_bonus, spelled_bonus : what counts more, as a share, where a word stands as it was typed, accents apart, or
    to the letter.
    nearness : what two words that were typed side by side gain where they stand close, as a share of the idf of the
    commoner; see ``proximity``. whole_headline : what a document gains whose headline is the query, as a share of the
    idf times burst of all its words. agreement : what a partial match of a question gains, as a share of the scores of
    those most like it; see ``agreement``. related : what a word counts, as a share, that belongs to one of a question;
    see ``relatives``.
    """

    k1: float = 1.4
    lengths: tuple[tuple[str, float], ...] = LENGTH_SHARES
    burstiness: float = 0.85
    folded_bonus: float = 0.1
    spelled_bonus: float = 0.2
    nearness: float = 0.3
    whole_headline: float = 1.5
    agreement: float = 0.3
    related: float = 0.5

    def idf(self, documents: int, df: int) -> float:
        """Return the weight of a term that ``df`` of ``documents`` hold; always above 0."""
        return log(1 + (documents - df + 0.5) / (df + 0.5))

    def burst(self, prose_df: int, occurrences: int) -> float:
        """Return the factor of a term that stands ``occurrences`` times in the running text of ``prose_df`` documents.

        1.0 for a term that no running text holds.
        """
        return float(((occurrences + 1) / prose_df) ** self.burstiness) if prose_df else 1.0

    def gains(self, field: str, average_length: float, longest: int) -> npt.NDArray[np.float64]:
        """Return what one occurrence counts in a field, for each length up to ``longest``. Shape (longest + 1,)."""
        b = dict(self.lengths).get(field, 0.5)
        shares = np.arange(longest + 1, dtype=np.float64) / (average_length or 1.0)
        gains: npt.NDArray[np.float64] = 1.0 / ((1 - b) + b * shares)
        return gains

    def scores(
        self, frequencies: npt.NDArray[np.float64], exact: npt.NDArray[np.float64], weight: float
    ) -> npt.NDArray[np.float64]:
        """Return what a term is worth to each document.

        frequencies, exact : the weighted sums over the fields, without and with what exactness adds. Shape (n_docs,).
        weight : idf times burst.
        """
        result: npt.NDArray[np.float64] = exact * (weight * (self.k1 + 1)) / (frequencies + self.k1)
        return result


Scorer = Bm25 | Bm25f
RANKING = Bm25f()
"""How searches are ranked. The figures were chosen on judged collections: ``benchmarks/ranking.py``."""
