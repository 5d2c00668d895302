"""Articles like one article: those that share its topic, its rare contexts and the rare words of its headline.

In: a snapshot and an article. Out: ``SimilarArticle`` records, best first, each with what the two share.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

from ..archive.model import Article
from ..index.analysis import STOP_WORDS, analyse
from ..index.generation import Snapshot
from ..index.postings import Docs
from ..index.segment import Segment
from .result import RelatedArticle, SimilarArticle

MOST_SIMILAR = 6
# What one shared thing is worth, times how rare it is: whoever filed an article under a topic meant what it is about.
FACTORS = {"topic": 2.0, "context": 1.5, "word": 1.0}
# What more than this share of the articles have in common tells nothing; in a small archive it may.
COMMON_SHARES = {"topic": 0.1, "context": 0.1, "word": 0.02}
COMMON_LEAST = 50
# Some headlines are paragraphs: their rarest words are enough.
MOST_WORDS = 12
# One shared word, or one shared context, is a coincidence.
LEAST_SHARED = 2
# Sums are whole numbers, so that they are the same in any order; the low bits count what is shared.
_SCALE, _COUNT_BITS = 64, 8


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that articles can share. docs : who has it, a segment each, ascending, deleted ones left out."""

    kind: str
    text: str
    docs: tuple[Docs, ...]

    @property
    def count(self) -> int:
        """How many articles have it."""
        return sum(map(len, self.docs))


def find_similar(snapshot: Snapshot, article: Article, left_out: Collection[str] = ()) -> tuple[SimilarArticle, ...]:
    """Return up to ``MOST_SIMILAR`` articles that share most with one, the nearest in time first among equals.

    A shared trait counts ``idf × FACTORS`` (the idf of BM25 over all articles); an article has to share the topic, or
    ``LEAST_SHARED`` traits. Order: by that sum, then by days between the two, then newer first, then by path.
    left_out : site paths that shall not be among them; the article itself never is.
    Cost: O(articles + occurrences of its traits): about 2 ms for 113,422 articles.
    """
    weighed = [
        (trait, trait_weight(trait.kind, trait.count, snapshot.articles)) for trait in traits_of(snapshot, article)
    ]
    excluded = {article.path, *left_out}
    best: list[tuple[tuple[int, int, int, str], int, int]] = []
    for number, segment in enumerate(snapshot.segments):
        # Narrow numbers: the sums of a whole segment are written and read through once.
        sums = np.zeros(segment.docs, np.int32)
        for trait, weight in weighed:
            sums[trait.docs[number]] += (weight << _COUNT_BITS) + (LEAST_SHARED if trait.kind == "topic" else 1)
        candidates = np.flatnonzero((sums & (1 << _COUNT_BITS) - 1) >= LEAST_SHARED)
        best += _best_of(segment, candidates, sums[candidates] >> _COUNT_BITS, article, excluded, number)
    best.sort()
    return tuple(
        _with_reason(snapshot.segments[number], doc, number, weighed) for _, number, doc in best[:MOST_SIMILAR]
    )


def traits_of(snapshot: Snapshot, article: Article) -> list[Trait]:
    """Return the topic, the contexts and the words of the headline, common ones left out; words by rarity."""
    found = [Trait("topic", article.topic, _docs_of_value(snapshot, "topic", article.topic))] if article.topic else []
    for context in article.contexts:
        if context != article.topic:
            found.append(Trait("context", context, _docs_of_value(snapshot, "context", context)))
    spoken = [Trait("word", word, _docs_of_word(snapshot, stem)) for stem, word in headline_words(article).items()]
    found += sorted(spoken, key=lambda trait: (trait.count, trait.text))[:MOST_WORDS]
    return [trait for trait in found if tells_apart(trait.kind, trait.count, snapshot.articles)]


def headline_words(article: Article) -> dict[str, str]:
    """Return the words of a headline that may tell it apart: stem → as it is spelled where it stands first."""
    return {token.stem: token.spelled for token in reversed(analyse(article.headline)) if _tells(token.folded)}


def tells_apart(kind: str, count: int, articles: int) -> bool:
    """Tell whether something that ``count`` of all articles have says anything about two that have it."""
    return 1 < count <= max(COMMON_LEAST, articles * COMMON_SHARES[kind])


def _tells(word: str) -> bool:
    return len(word) > 1 and word not in STOP_WORDS


def trait_weight(kind: str, count: int, articles: int) -> int:
    """Return what it is worth to share something that ``count`` of all articles have."""
    rarity = log(1 + (articles - count + 0.5) / (count + 0.5))
    return round(_SCALE * FACTORS[kind] * rarity)


def _docs_of_value(snapshot: Snapshot, field: str, name: str) -> tuple[Docs, ...]:
    found = []
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        column = segment.columns[field]
        value = column.find(name)
        exact = value >= 0 and column.values[value] == name
        found.append(_living(column.docs_of(value) if exact else _NONE, live))
    return tuple(found)


def _docs_of_word(snapshot: Snapshot, stem: str) -> tuple[Docs, ...]:
    found = []
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        headlines = segment.fields["headline"]
        run = headlines.run(segment.terms.find(stem.encode()))
        found.append(_living(headlines.docs(run) if run else _NONE, live))
    return tuple(found)


_NONE: Docs = np.zeros(0, np.intp)


def _living(docs: Docs, live: npt.NDArray[np.bool_] | None) -> Docs:
    return docs if live is None else docs[live[docs]]


def _best_of(
    segment: Segment,
    docs: npt.NDArray[Any],
    sums: npt.NDArray[Any],
    article: Article,
    excluded: Collection[str],
    number: int,
) -> list[tuple[tuple[int, int, int, str], int, int]]:
    """Return the best documents of one segment: their key in the order of all, segment, document."""
    enough = MOST_SIMILAR + len(excluded)
    if len(docs) > enough:
        # Whatever ties with the last of them may still be among the best.
        kept = sums >= np.partition(sums, len(sums) - enough)[len(sums) - enough]
        docs, sums = docs[kept], sums[kept]
    days = segment.days[docs].astype(np.int64)
    apart = np.abs(days - article.date.toordinal())
    # Within a segment documents stand newest first, then by path: a stable sort keeps that.
    order = np.lexsort((apart, -sums))[:enough]
    keys = zip(
        (-sums[order]).tolist(), apart[order].tolist(), (-days[order]).tolist(), docs[order].tolist(), strict=True
    )
    found = [((less, away, earlier, segment.path_of(doc)), number, doc) for less, away, earlier, doc in keys]
    return [entry for entry in found if entry[0][3] not in excluded]


def _with_reason(segment: Segment, doc: int, number: int, weighed: list[tuple[Trait, int]]) -> SimilarArticle:
    shared: dict[str, list[tuple[int, str]]] = {kind: [] for kind in FACTORS}
    for trait, weight in weighed:
        docs = trait.docs[number]
        at = int(docs.searchsorted(doc))
        if at < len(docs) and docs[at] == doc:
            shared[trait.kind].append((-weight, trait.text))
    other = segment.article(doc, related=False)
    contexts, words = (tuple(text for _, text in sorted(shared[kind])) for kind in ("context", "word"))
    return SimilarArticle(
        RelatedArticle(other.path, other.headline, other.date, contexts, True), bool(shared["topic"]), words
    )
