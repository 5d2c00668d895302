"""Patterns that stand for more words than a query may: the most frequent of all segments, against a plain count."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conftest import SEED
from index_making import make_snapshot
from plain_engine import values_of
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine.evaluate import Statistics
from search_app.engine.expansion import matches_pattern
from search_app.engine.plan import Pattern
from search_app.engine.scoring import Bm25
from search_app.engine.wide import docs_of_forms
from search_app.index.analysis import analyse
from search_app.index.generation import Snapshot
from search_app.index.schema import TEXT_FIELDS

PATTERNS = [
    Pattern("wildcard", "*a*", 0, ()),
    Pattern("wildcard", "*ar*", 0, ()),
    Pattern("wildcard", "*r", 0, ()),
    Pattern("wildcard", "?????", 0, ()),
    Pattern("prefix", "s", 0, ()),
    Pattern("fuzzy", "strike", 2, ()),
]
FIELDS = [TEXT_FIELDS, ("headline",), ("summary", "source"), ("context",)]


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} wide"), 150)


@pytest.fixture(scope="module")
def snapshots(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> list[Snapshot]:
    """The articles in one segment, and in three beside others that are deleted, some of words that no other holds."""
    gone = [replace(article, path=article.path + "-gone") for article in articles[:40]]
    gone += [replace(article, path=article.path + "-lost", headline="Starfish aardvark") for article in articles[:40]]
    deleted = {(n % 3, article.path) for n, article in enumerate(gone)}
    groups = [articles[n::3] + gone[n::3] for n in range(3)]
    return [
        make_snapshot(tmp_path_factory.mktemp("whole"), articles),
        make_snapshot(tmp_path_factory.mktemp("parts"), *groups, deleted=deleted),
    ]


def counted(articles: list[Article], pattern: Pattern, fields: tuple[str, ...]) -> Counter[str]:
    """Return how many fields of articles hold each word of a pattern."""
    counts = Counter[str]()
    for article in articles:
        for name in fields:
            words = {token.folded for text in values_of(article, name) for token in analyse(text)}
            counts.update(word for word in words if matches_pattern(pattern, word))
    return counts


@pytest.mark.parametrize("fields", FIELDS, ids=" ".join)
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.text)
@pytest.mark.parametrize("limit", [1, 3, 10])
def test_the_most_frequent_words_are_taken(
    articles: list[Article], snapshots: list[Snapshot], pattern: Pattern, fields: tuple[str, ...], limit: int
) -> None:
    counts = counted(articles, pattern, fields)
    expected = set(sorted(counts, key=lambda word: (-counts[word], word.encode()))[:limit])
    for snapshot in snapshots:
        statistics = Statistics(snapshot, Bm25(), limit)
        forms = statistics.forms(pattern, fields)
        found = {
            segment.forms[form] for segment, own in zip(snapshot.segments, forms, strict=True) for form in own.tolist()
        }
        # Where all fit, words of other fields or of deleted articles may be among them, and find nothing.
        assert found & counts.keys() == expected
        assert statistics.truncated == ({pattern.text} if len(counts) > limit else set())


def test_passing_over_a_field_finds_what_looking_up_each_word_does(
    snapshots: list[Snapshot], rng: random.Random
) -> None:
    for snapshot in snapshots:
        statistics = Statistics(snapshot, Bm25())
        for segment, laid_out in zip(snapshot.segments, statistics.words.segments, strict=True):
            for size in (0, 1, 5, 60, len(segment.forms)):
                forms = np.array(sorted(rng.sample(range(len(segment.forms)), size)), np.int64)
                for name, docs in laid_out.docs_of(forms, TEXT_FIELDS).items():
                    assert docs.tolist() == docs_of_forms(segment, name, forms).tolist()
