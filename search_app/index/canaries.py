"""Canaries: what the generation that serves answers, asked of the one about to be published, before anyone reads it.

In: the snapshot that serves, the one to be published, what was linked, how many articles differ. Out: sentences about
answers that cannot be right; none for a sound generation. Everything drawn depends on the two alone, never on chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..archive.model import Article
from .analysis import analyse
from .generation import Snapshot
from .postings import Docs
from .schema import FACET_FIELDS
from .segment import Segment

ARTICLES = 24
VALUES = 8
WORDS_AN_ARTICLE = 3
Live = npt.NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Canaries:
    """Questions with the answers that the generation which serves gave.

    paths : of articles evenly spread over it. values : (facet, value, articles) of the most frequent values.
    words : (word as it is indexed, articles with it in the headline).
    """

    paths: tuple[str, ...]
    values: tuple[tuple[str, str, int], ...]
    words: tuple[tuple[str, int], ...]


def draw_canaries(snapshot: Snapshot) -> Canaries:
    """Draw questions from a generation, without words where another version of the stemmer made its stems.

    Raises IndexDamagedError where it cannot answer. Cost: about 10 ms.
    """
    paths: list[str] = []
    counts: dict[tuple[str, str], int] = {}
    stems: dict[str, None] = {}
    for segment, live in _parts(snapshot):
        docs = np.arange(segment.docs) if live is None else np.flatnonzero(live)
        share = -(-ARTICLES * len(docs) // max(snapshot.articles, 1))
        for doc in docs[:: max(1, len(docs) // max(share, 1))][:share].tolist():
            article = segment.article(doc, related=False)
            paths.append(article.path)
            if not snapshot.stemmed_otherwise:
                stems.update(dict.fromkeys(_words(article)))
        for facet in FACET_FIELDS:
            counts |= {(facet, value): 0 for value in _frequent(segment, live, facet)}
    values = tuple((facet, value, count_value(snapshot, facet, value)) for facet, value in counts)
    return Canaries(tuple(paths), values, tuple((word, count_word(snapshot, word)) for word in stems))


def wrong_answers(
    canaries: Canaries, candidate: Snapshot, linked: Callable[[str], Article | None], differing: int
) -> list[str]:
    """Return what a generation answers that cannot be right, a sentence each.

    linked : the article of a site path as the archive gives it now, None where it has none.
    differing : how many articles are new, changed or gone: no count may differ by more from one generation to the next.
    Raises IndexDamagedError where the candidate cannot be read.
    """
    wrong = [sentence for path in canaries.paths for sentence in _about_article(candidate, path, linked(path))]
    told = [
        (f"{facet} “{value}”", count, count_value(candidate, facet, value)) for facet, value, count in canaries.values
    ]
    told += [(f"the headline word “{word}”", count, count_word(candidate, word)) for word, count in canaries.words]
    for name, before, now in told:
        if abs(now - before) > differing:
            wrong.append(f"{name} has {now} articles, had {before}, and only {differing} articles differ")
    return wrong


def count_value(snapshot: Snapshot, facet: str, value: str) -> int:
    """Return how many articles have a facet value. Cost: O(articles that have it)."""
    return sum(_count(_docs_of_value(segment, facet, value), live) for segment, live in _parts(snapshot))


def count_word(snapshot: Snapshot, word: str) -> int:
    """Return how many articles have a word, as it is indexed, in their headline. Cost: O(articles that have it)."""
    return sum(_count(_docs_of_word(segment, word), live) for segment, live in _parts(snapshot))


def _about_article(candidate: Snapshot, path: str, article: Article | None) -> Iterator[str]:
    """Yield what is wrong with the answers about one article, found by its address, its words and its facets."""
    found = candidate.find(path)
    if article is None or found is None:
        if (article is None) != (found is None):
            yield (
                f"{path} is in the archive, and not found"
                if found is None
                else f"{path} is found, and not in the archive"
            )
        return
    segment, doc = found
    if segment.article(doc) != article:
        yield f"{path} is found, but not as the archive has it"
    for word in _words(article):
        if doc not in _docs_of_word(segment, word):
            yield f"{path} is not found by “{word}” of its headline"
    for facet, value in _values(article):
        if doc not in _docs_of_value(segment, facet, value):
            yield f"{path} is not found by its {facet} “{value}”"


def _values(article: Article) -> Iterator[tuple[str, str]]:
    if article.topic:
        yield "topic", article.topic
    yield from (("context", context) for context in article.contexts)
    yield from (("source", source.name) for source in article.sources)


def _words(article: Article) -> list[str]:
    return [token.stem for token in analyse(article.headline)][:WORDS_AN_ARTICLE]


def _parts(snapshot: Snapshot) -> Iterator[tuple[Segment, Live]]:
    return zip(snapshot.segments, snapshot.live, strict=True)


def _frequent(segment: Segment, live: Live, facet: str) -> list[str]:
    """Return the values that most documents of a segment have, the first by name of equals."""
    column = segment.columns[facet]
    return [column.values[int(n)] for n in np.argsort(-column.counts(), kind="stable")[:VALUES]]


def _docs_of_value(segment: Segment, facet: str, value: str) -> Docs:
    column = segment.columns[facet]
    number = column.find(value)
    if number < 0 or column.values[number] != value:
        return np.zeros(0, np.intp)
    return column.docs_of(number)


def _docs_of_word(segment: Segment, word: str) -> Docs:
    run = segment.fields["headline"].run(segment.terms.find(word.encode()))
    return segment.fields["headline"].docs(run) if run else np.zeros(0, np.intp)


def _count(docs: Docs, live: Live) -> int:
    return len(docs) if live is None else int(np.count_nonzero(live[docs]))
