"""What a hit's score is made of: parts computed apart from the ranking, which add up to it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from index_making import publish
from random_articles import random_articles, random_tree

from search_app.archive.model import Article
from search_app.engine.describe import render
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.settings import load_settings

ROUNDS = 80
Make = Callable[..., Article]


def open_over(folder: Path, *groups: list[Article]) -> EmbeddedEngine:
    publish(folder, *groups)
    return EmbeddedEngine(folder, load_settings({}), date(2032, 3, 1))


def test_parts_add_up_to_the_score(tmp_path: Path, rng: random.Random) -> None:
    """For words, phrases, patterns, groups, factors and partial matches, in two segments."""
    articles = random_articles(rng, 120)
    engine = open_over(tmp_path, articles[:70], articles[70:])
    kinds = set()
    for n in range(ROUNDS):
        words = rng.sample(("harbour", "storm", "café", "Halvik", "47", "Sel", "罢工", "night", "shifts"), 3)
        q = " ".join(words) if n % 2 else render(random_tree(rng, 2))
        if n < 3:
            # Whatever is drawn, some words stand side by side as they are typed.
            q = " ".join(word for word in articles[n].headline.split() if word.isalpha())
        half_life = rng.choice((0, 30)) if n else 30
        asked = SearchRequest(q=q, explain=True, sort="relevance", per_page=100, half_life=half_life)
        for hit in engine.search(asked).hits:
            assert sum(part.worth for part in hit.score_parts) == pytest.approx(hit.score, rel=1e-9, abs=1e-9), q
            kinds.update(part.kind for part in hit.score_parts)
    assert {"word", "as typed", "nearness", "recency"} <= kinds


def test_what_the_parts_say(make_article: Make, tmp_path: Path) -> None:
    plain = {"summary": "The ferry waits.", "topic": "", "contexts": (), "sources": ()}
    others = [make_article(headline=f"Crane {n}", summary="", topic="", contexts=(), sources=()) for n in range(9)]
    engine = open_over(tmp_path, [make_article(headline="Old ferry", **plain), *others])
    (hit,) = engine.search(SearchRequest(q="old ferries", explain=True)).hits
    assert {(part.kind, part.field, part.text) for part in hit.score_parts} == {
        ("word", "headline", "old"),
        ("as typed", "headline", "old"),
        ("word", "headline", "ferries"),
        ("word", "summary", "ferries"),
        ("nearness", "", ""),
        ("headline", "headline", ""),
    }
    worths = [part.worth for part in hit.score_parts]
    assert worths == sorted(worths, reverse=True)


def test_it_is_told_only_where_it_is_asked_for(client: FlaskClient) -> None:
    """And never where the order is by date."""
    told = client.get("/api/search?q=harbour&explain=1").get_json()["hits"]
    assert all(sum(part["worth"] for part in hit["score_parts"]) == pytest.approx(hit["score"]) for hit in told)
    for query in ("q=harbour", "q=harbour&explain=1&sort=newest"):
        assert all("score_parts" not in hit for hit in client.get(f"/api/search?{query}").get_json()["hits"])
