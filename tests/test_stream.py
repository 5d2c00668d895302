"""All hits of a search in one go: the same as its pages, from one generation, in little memory."""

from __future__ import annotations

import html
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import SEED
from index_making import publish
from random_articles import random_articles, random_request

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.engine.result import Hit
from search_app.errors import IndexMissingError, QueryError
from search_app.settings import load_settings

ROUNDS = 40
TODAY = date(2032, 3, 1)
Make = Callable[..., Article]


def pages_of(engine: EmbeddedEngine, request: SearchRequest) -> list[Hit]:
    first = engine.search(replace(request, page=1, per_page=7))
    return [
        hit for page in range(1, first.pages + 1) for hit in engine.search(replace(request, page=page, per_page=7)).hits
    ]


def bare(hit: Hit) -> Hit:
    """The hit without what is marked on a page."""
    return hit._replace(headline_html="", snippet_html="", found_in=())


@pytest.fixture(scope="module", params=[1, 3], ids=["one segment", "three segments"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedEngine:
    rng = random.Random(f"{SEED} stream")
    groups: list[list[Article]] = [[] for _ in range(request.param)]
    for article in random_articles(rng, 100):
        rng.choice(groups).append(article)
    gone = {(0, groups[0][0].path)}
    folder = tmp_path_factory.mktemp("stream")
    publish(folder, *groups, deleted=gone)
    return EmbeddedEngine(folder, load_settings({}), TODAY)


def test_a_stream_is_its_pages_one_after_another(engine: EmbeddedEngine, rng: random.Random) -> None:
    longest = 0
    texts = ("", "harbour", "storm OR halvik", "harbour zebra", "s*", '"storm"')
    requests = [random_request(rng, rng.choice(texts)) for _ in range(ROUNDS - 1)]
    for request in (SearchRequest(sort="oldest"), *requests):
        found = engine.stream(request)
        hits = list(found.hits)
        result = engine.search(replace(request, page=1, per_page=0))
        assert (found.total, found.relaxed, found.understood, found.warnings, found.generation) == (
            result.total, result.relaxed, result.understood, result.warnings, result.generation,
        )  # fmt: skip
        assert len(hits) == found.total
        assert list(map(bare, hits)) == list(map(bare, pages_of(engine, request)))
        assert [hit.headline_html for hit in hits] == [html.escape(hit.headline) for hit in hits]
        longest = max(longest, len(hits))
    assert longest > 20


def test_page_and_size_do_not_matter(engine: EmbeddedEngine) -> None:
    every = list(engine.stream(SearchRequest()).hits)
    assert list(engine.stream(SearchRequest(page=99, per_page=1)).hits) == every


def test_nothing_found_is_an_empty_stream(engine: EmbeddedEngine) -> None:
    found = engine.stream(SearchRequest(topic=("no such topic",)))
    assert (found.total, list(found.hits)) == (0, [])


def test_a_bad_request_is_told_before_the_first_hit(engine: EmbeddedEngine, tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        engine.stream(SearchRequest(sort="random"))
    with pytest.raises(IndexMissingError):
        EmbeddedEngine(tmp_path / "none").stream(SearchRequest())


def test_a_stream_stays_with_its_generation(make_article: Make, tmp_path: Path) -> None:
    old = [make_article(headline=f"Old news {n}") for n in range(600)]
    publish(tmp_path, old)
    engine = EmbeddedEngine(tmp_path)
    hits = engine.stream(SearchRequest()).hits
    first = next(hits)
    publish(tmp_path, [make_article(headline="New news")], generation=2)
    engine.refresh()
    assert [hit.headline for hit in engine.search(SearchRequest()).hits] == ["New news"]
    for file in tmp_path.glob("segments/00000001-*"):
        file.unlink()
    assert {hit.headline for hit in (first, *hits)} == {article.headline for article in old}


def test_memory_does_not_grow_with_the_hits(make_article: Make, tmp_path: Path) -> None:
    peaks = []
    for count in (1_000, 4_000):
        start = date(2020, 1, 1)
        publish(
            tmp_path / str(count),
            [
                make_article(headline=f"Item {n}", date=start + timedelta(n % 900), summary="x" * 400)
                for n in range(count)
            ],
        )
        engine = EmbeddedEngine(tmp_path / str(count))
        list(engine.stream(SearchRequest(q="item")).hits)  # tables that the first search makes
        tracemalloc.start()
        assert sum(1 for _ in engine.stream(SearchRequest(q="item")).hits) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 400_000
