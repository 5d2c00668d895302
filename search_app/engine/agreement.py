"""What a partial match of a question gains where other good ones tell of the same. Only the best are looked at.

In: a plan and the partial matches that are best without it. Out: what each of them gains. An article that few words of
the question name is more likely an answer where its text is like that of others which they name as well.

Source: F. Diaz, "Regularizing Ad Hoc Retrieval Scores", 2005, with one step to the nearest texts in place of a system
of equations; the observation behind it is N. Jardine, C. J. van Rijsbergen, "The Use of Hierarchic Clustering in
Information Retrieval", 1971.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from ..index.analysis import STOP_WORDS, analyse_surface, find_surfaces
from ..index.postings import Docs
from ..index.segment import Segment
from .evaluate import Scores, Statistics
from .matching import SHORT_QUERY, relaxable
from .plan import Plan
from .ranking import rank_page
from .scoring import Bm25f

COMPARED = 20
"""How many of the best partial matches are compared. The same for every page, so that an order does not depend on where
a page ends."""
NEIGHBOURS = 3
"""How many of the others, those most alike, say something about one of them."""
MOST_WORDS = 200
"""Words of an article that are compared, common ones left out: what it is about stands in its first paragraphs."""
_DIGITS = 9


def add_agreement(plan: Plan, statistics: Statistics, docs: list[Docs], scores: list[Scores]) -> None:
    """Add to the scores of partial matches, in place, what the best ``COMPARED`` gain for telling of the same.

    docs : the partial matches of each segment, ascending. scores : of those.
    Only of queries longer than ``SHORT_QUERY``: whoever asks with few words means these. Does nothing for a scorer that
    knows no agreement. Which are the best is decided by score, then newest, then path, so the gains are the same in
    any segments.
    Cost: reading and cutting ``COMPARED`` texts, about 0.1 ms each.
    """
    scorer = statistics.scorer
    if not isinstance(scorer, Bm25f) or not scorer.agreement or len(relaxable(plan)) <= SHORT_QUERY:
        return
    best = rank_page(statistics.snapshot, docs, scores, "relevance", 0, COMPARED)
    segments = statistics.snapshot.segments
    words = [_words(segments[hit.segment], hit.doc) for hit in best]
    gains = agreement_gains(words, np.array([hit.score for hit in best]))
    for hit, gain in zip(best, gains.tolist(), strict=True):
        scores[hit.segment][docs[hit.segment].searchsorted(hit.doc)] += scorer.agreement * gain


def agreement_gains(words: Sequence[Sequence[str]], scores: Scores) -> Scores:
    """Return what the others say of each of some texts. words : of each text; scores : of the texts. Shape (n,).

    A word of a text counts ``(1 + ln tf) · ln(1 + (n - df + 0.5) / (df + 0.5))``, ``df`` being how many of these ``n``
    texts hold it; texts are as alike as the cosine of the angle between them. The gain is the sum, over the
    ``NEIGHBOURS`` texts most alike (the better of equals), of likeness times score.
    Cost: O(n · words + n² · different words).
    """
    counts = [Counter(own) for own in words]
    holders = Counter(word for own in counts for word in own)
    column = {word: number for number, word in enumerate(holders)}
    vectors = np.zeros((len(words), len(column)))
    for row, own in enumerate(counts):
        vectors[row, [column[word] for word in own]] = 1 + np.log(np.fromiter(own.values(), np.float64, len(own)))
    df = np.fromiter(holders.values(), np.float64, len(holders))
    vectors *= np.log(1 + (len(words) - df + 0.5) / (df + 0.5))
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    vectors /= np.where(lengths, lengths, 1.0)
    # Rounded, so that texts that are equally like a third stay so, whatever the order in which words were added up.
    alike: npt.NDArray[np.float64] = np.round(vectors @ vectors.T, _DIGITS)
    np.fill_diagonal(alike, 0.0)
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :NEIGHBOURS]
    gains: Scores = (np.take_along_axis(alike, nearest, axis=1) * scores[nearest]).sum(axis=1)
    return gains


def _words(segment: Segment, doc: int) -> list[str]:
    """Return the stems of the first words of a document's headline and summary, common words left out."""
    (row,) = segment.stored_rows([doc])
    article = segment.listed(row, doc)
    surfaces = [*find_surfaces(article.headline), *find_surfaces(article.summary)]
    return list(islice(chain.from_iterable(map(_stems, surfaces)), MOST_WORDS))


@lru_cache(maxsize=8192)
def _stems(surface: str) -> tuple[str, ...]:
    return tuple(token.stem for token in analyse_surface(surface) if token.folded not in STOP_WORDS)
