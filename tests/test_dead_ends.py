"""Searches that find nothing: which condition to give up, counted against the searches themselves."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from index_making import publish
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.settings import load_settings

ROUNDS = 60
Make = Callable[..., Article]


def open_over(folder: Path, *groups: list[Article]) -> EmbeddedEngine:
    publish(folder, *groups)
    return EmbeddedEngine(folder, load_settings({}, relaxed_hits=0), date(2032, 3, 1))


def test_the_best_three_conditions_are_offered_with_exact_counts(make_article: Make, tmp_path: Path) -> None:
    strike = [make_article(headline=f"Harbour strike {n}", topic="Strikes", contexts=("Sel",)) for n in range(4)]
    storm = [make_article(headline=f"Harbour storm {n}", topic="Weather", contexts=("Sel",)) for n in range(2)]
    engine = open_over(tmp_path, strike, storm)
    request = SearchRequest(q="harbour strike", topic=("Weather",), context=("Sel",))
    result = engine.search(request)
    assert result.total == 0
    assert [(way.part, way.value, way.total) for way in result.ways_on] == [
        ("topic", "Weather", 4),
        ("word", "strike", 2),
    ]
    assert result.ways_on[1].request.q == "harbour"
    assert engine.search(SearchRequest(q="harbour")).ways_on == ()


def test_common_words_are_counted_as_the_search_would(make_article: Make, tmp_path: Path) -> None:
    """Beside *zeppelin* the word *the* is left out; alone it is looked for."""
    engine = open_over(
        tmp_path, [make_article(headline="The harbour", summary=""), make_article(headline="Sel", summary="")]
    )
    (way,) = engine.search(SearchRequest(q="the zeppelin")).ways_on
    assert (way.request.q, way.total) == ("the", 1)


def test_values_and_their_lack_give_way_together(make_article: Make, tmp_path: Path) -> None:
    told = {"Harbour strike": "Ships", "Storm": "", "Ferry": "Sel"}
    articles = [
        make_article(headline=headline, topic=topic, summary="", contexts=(), sources=())
        for headline, topic in told.items()
    ]
    engine = open_over(tmp_path, articles)
    asked = SearchRequest(q="strike", topic=("Sel",), missing=("topic", "source"))
    found = {(way.request.q, way.request.topic, way.request.missing): way.total for way in engine.search(asked).ways_on}
    assert found == {("strike", (), ("source",)): 1, ("", ("Sel",), ("topic", "source")): 2}


def test_every_count_is_that_of_the_list_it_leads_to(tmp_path: Path, rng: random.Random) -> None:
    articles = random_articles(rng, 80)
    engine = open_over(tmp_path, articles[:50], articles[50:])
    words = ("harbour", "storm", "Halvik", "47", "zeppelin", '"night shifts"', "-sel", "sto*", "headline:ferry")
    offered = 0
    for n in range(ROUNDS):
        some = rng.choice(articles)
        request = SearchRequest(
            q=" ".join(rng.sample(words, 3)),
            topic=(some.topic,) if some.topic and rng.random() < 0.5 else (),
            context=some.contexts[:2] if rng.random() < 0.5 else (),
            not_source=tuple(source.name for source in some.sources[:1]) if rng.random() < 0.3 else (),
            missing=(rng.choice(("summary", "topic", "context")),) if rng.random() < 0.3 else (),
            context_match=rng.choice(("all", "any")),
            date_from=some.date if rng.random() < 0.5 else None,
        )
        # Whatever is drawn, one finds nothing and has a way on: no article has a zeppelin.
        result = engine.search(request if n else SearchRequest(q="harbour zeppelin"))
        for way in result.ways_on:
            assert result.total == 0
            assert engine.search(replace(way.request, page=1)).total == way.total > 0
            offered += 1
        totals = [way.total for way in result.ways_on]
        assert totals == sorted(totals, reverse=True) and len(totals) <= 3
    assert offered
