"""Completions: what they are made of, their order, and a plain second count of the same."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SEED
from index_making import publish
from random_articles import random_articles

from search_app.archive.model import Article, Source
from search_app.engine import Engine, Suggestion
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.suggest import KINDS
from search_app.errors import QueryError
from search_app.index.analysis import STOP_WORDS, analyse, find_surfaces, fold, is_dense

Make = Callable[..., Article]
EVERYTHING = 10_000


def keys_of(text: str) -> list[str]:
    keys = []
    for surface in find_surfaces(text):
        key = fold(surface).replace(".", "").replace(",", "")
        keys += [key[n:] for n in range(len(key))] if is_dense(surface) else [key]
    return keys


def plain_suggestions(articles: list[Article], typed: str) -> list[Suggestion]:
    """The same completions from a loop over the articles and a dictionary of counts."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for article in articles:
        counts["topic"].update([article.topic] if article.topic else [])
        counts["context"].update(set(article.contexts))
        counts["source"].update({source.name for source in article.sources})
        words = {token.spelled for token in analyse(article.headline)}
        words = {w for w in words if len(w) > 1 and w not in STOP_WORDS and not is_dense(w) and not w.endswith("'s")}
        counts["word"].update(words)
    wanted = [fold(surface).replace(".", "").replace(",", "") for surface in find_surfaces(typed)]
    return [
        Suggestion(text, kind, count)
        for kind, found in counts.items()
        for text, count in found.items()
        if wanted and all(any(key.startswith(word) for key in keys_of(text)) for word in wanted)
    ]


def assert_same(found: tuple[Suggestion, ...], expected: list[Suggestion]) -> None:
    assert set(found) == set(expected)
    assert len(found) == len(expected)
    assert [(-s.count, KINDS.index(s.kind)) for s in found] == sorted((-s.count, KINDS.index(s.kind)) for s in found)


TYPED = ["h", "ha", "s", "STORM", "cafe", "café", "47", "sel", "port st", "zz", "罢", "工", "a"]


def test_completions_are_those_of_a_plain_count(tmp_path: Path) -> None:
    rng = random.Random(f"{SEED} suggest")
    articles = random_articles(rng, 150)
    groups: list[list[Article]] = [[], [], []]
    deleted = set()
    for article in articles:
        home = rng.randrange(3)
        groups[home].append(article)
        if rng.random() < 0.3:
            other = (home + 1) % 3
            groups[other].append(replace(article, headline="Storm storm talks of old", contexts=("Harbour bygone",)))
            deleted.add((other, article.path))
    publish(tmp_path / "whole", articles)
    publish(tmp_path / "parts", *groups, deleted=deleted)
    whole, parts = EmbeddedEngine(tmp_path / "whole"), EmbeddedEngine(tmp_path / "parts")
    found = 0
    for typed in TYPED:
        expected = plain_suggestions(articles, typed)
        assert_same(whole.suggest(typed, EVERYTHING), expected)
        assert whole.suggest(typed, EVERYTHING) == parts.suggest(typed, EVERYTHING)
        found += bool(expected)
    assert found > len(TYPED) / 3


@pytest.fixture(scope="module")
def small(make_article: Make, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedEngine:
    folder = tmp_path_factory.mktemp("suggest")
    publish(
        folder,
        [
            make_article(headline="Café strike, strike at the U.S. embassy", topic="Straßen", contexts=("São Amaro",)),
            make_article(
                headline="Striking cooks' union talks",
                topic="Straßen",
                contexts=("São Amaro", "叙利亚内战"),
                sources=(Source("The Amaro Courier"), Source("The Amaro Courier", "https://other.example/")),
            ),
            make_article(headline="Nothing more: harbour's calm", topic="", contexts=(), sources=()),
        ],
    )
    return EmbeddedEngine(folder)


CASES = {
    "a word of a headline counts articles, not places": ("strike", [("strike", "word", 1)]),
    "any word of a value": ("amaro", [("São Amaro", "context", 2), ("Amaro Courier", "source", 1),
                                      ("The Amaro Courier", "source", 1)]),
    "accents and case apart": ("SAO", [("São Amaro", "context", 2)]),
    "typed with marks of their own": ("sa\u0303o", [("São Amaro", "context", 2)]),
    "typed with accents": ("são", [("São Amaro", "context", 2)]),
    "a sharp s is two": ("strass", [("Straßen", "topic", 2)]),
    "words keep their accents": ("caf", [("café", "word", 1)]),
    "acronyms with and without full stops": ("us", [("us", "word", 1)]),
    "acronyms as typed": ("U.S", [("us", "word", 1)]),
    "several words in any order": ("cou ama", [("Amaro Courier", "source", 1), ("The Amaro Courier", "source", 1)]),
    "any character of a script without spaces": ("利亚", [("叙利亚内战", "context", 1)]),
    "stop words are not offered as words": ("the", [("The Amaro Courier", "source", 1)]),
    "possessives are not offered": ("harb", []),
    "nothing typed": ("", []),
    "no word typed": ("  ?! ", []),
    "nothing begins so": ("xylo", []),
    "the middle of a word": ("maro", []),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "expected"), CASES.values(), ids=CASES.keys())
def test_what_typed_text_becomes(small: EmbeddedEngine, typed: str, expected: list[tuple[str, str, int]]) -> None:
    assert [(s.text, s.kind, s.count) for s in small.suggest(typed)] == expected


def test_the_limit_is_kept_and_checked(small: EmbeddedEngine) -> None:
    assert small.suggest("a", 1) == small.suggest("a", 50)[:1]
    with pytest.raises(QueryError, match="limit"):
        small.suggest("a", 0)


HOSTILE = ["\0", "\udcff", "a" * 100_000, " ".join("abcdefghijklm"), "\U0010ffff", "%", "\u200d", "'" * 50, "🌋"]


@pytest.mark.parametrize("typed", HOSTILE, ids=ascii)
def test_whatever_is_typed_is_answered(engine: Engine, typed: str) -> None:
    assert isinstance(engine.suggest(typed), tuple)


def test_an_empty_index_suggests_nothing(tmp_path: Path) -> None:
    publish(tmp_path, [])
    assert EmbeddedEngine(tmp_path).suggest("a") == ()
