"""Partial matches: the best of them where no article has all the words, and never where something binds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from index_making import publish

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.settings import load_settings

Make = Callable[..., Article]


def open_over(folder: Path, *articles: Article, **settings: int) -> EmbeddedEngine:
    """Return an engine over some articles."""
    publish(folder, articles)
    return EmbeddedEngine(folder, load_settings({}, **settings), date(2032, 3, 1))


@pytest.fixture
def sparse(make_article: Make, tmp_path: Path) -> EmbeddedEngine:
    """Many articles with *harbour*, one with *zeppelin*, none with both."""
    plain = {"summary": "", "topic": "", "contexts": (), "sources": ()}
    many = [make_article(headline=f"Harbour notice {n}", date=date(2031, 1, 1 + n), **plain) for n in range(9)]
    one = make_article(headline="Zeppelin sighted", **plain)
    two = make_article(headline="Zeppelin over the fair grounds of Sel", **plain)
    return open_over(tmp_path, *many, one, two, relaxed_hits=5)


def test_partial_matches_follow_where_no_article_has_all_words(sparse: EmbeddedEngine) -> None:
    """The rarer word counts more; the result says that it is relaxed; the counts are over what is shown."""
    result = sparse.search(SearchRequest(q="harbour zeppelin"))
    assert result.relaxed
    assert [hit.headline for hit in result.hits[:2]] == ["Zeppelin sighted", "Zeppelin over the fair grounds of Sel"]
    assert all(hit.partial for hit in result.hits)
    assert result.total == len(result.hits) == 5
    assert sum(bar.count for bar in result.histogram.bars) == 5


def test_a_complete_match_is_never_relaxed(sparse: EmbeddedEngine) -> None:
    result = sparse.search(SearchRequest(q="harbour notice"))
    assert not result.relaxed
    assert (result.total, any(hit.partial for hit in result.hits)) == (9, False)


@pytest.mark.parametrize(
    "q",
    ['"harbour" zeppelin', "headline:harbour zeppelin", "harbour -zeppelin -notice", "zeppelin date:1999", "airship"],
)
def test_what_was_asked_for_exactly_is_never_relaxed(sparse: EmbeddedEngine, q: str) -> None:
    """Quotes, fields, exclusions, days and a single word bind."""
    result = sparse.search(SearchRequest(q=q))
    assert (result.total, result.relaxed) == (0, False)


def test_a_relaxed_search_keeps_what_binds(sparse: EmbeddedEngine) -> None:
    result = sparse.search(SearchRequest(q="harbour zeppelin -sighted"))
    assert result.relaxed
    assert "Zeppelin sighted" not in [hit.headline for hit in result.hits]


def test_relaxing_can_be_switched_off(make_article: Make, tmp_path: Path) -> None:
    engine = open_over(tmp_path, make_article(headline="Fever"), make_article(headline="Zeppelin"), relaxed_hits=0)
    result = engine.search(SearchRequest(q="fever zeppelin"))
    assert (result.total, result.relaxed) == (0, False)


def test_a_relaxed_search_in_order_of_date(sparse: EmbeddedEngine) -> None:
    result = sparse.search(SearchRequest(q="harbour zeppelin", sort="newest"))
    days = [hit.date for hit in result.hits]
    assert result.relaxed and days == sorted(days, reverse=True)


def test_partial_matches_stand_beside_a_page_that_is_not_full(make_article: Make, tmp_path: Path) -> None:
    """They lack a word, are no hits, and change no count."""
    plain = {"summary": "", "topic": "", "contexts": (), "sources": ()}
    both = make_article(headline="Harbour zeppelin", **plain)
    halves = [make_article(headline=headline, **plain) for headline in ("Zeppelin", "Harbour", "Airship")]
    engine = open_over(tmp_path, both, *halves)
    result = engine.search(SearchRequest(q="harbour zeppelin"))
    assert (result.total, result.relaxed, [hit.headline for hit in result.hits]) == (1, False, ["Harbour zeppelin"])
    assert {hit.headline for hit in result.partial} == {"Zeppelin", "Harbour"}
    assert all(hit.partial for hit in result.partial)
    assert sum(bar.count for bar in result.histogram.bars) == 1
    for request in (
        SearchRequest(q="harbour zeppelin", per_page=1),
        SearchRequest(q="harbour zeppelin", sort="newest"),
        SearchRequest(q='"harbour" "zeppelin"'),
    ):
        assert engine.search(request).partial == ()
    filtered = engine.search(SearchRequest(q="harbour zeppelin -zeppelin harbour"))
    assert [hit.headline for hit in (*filtered.hits, *filtered.partial)] == ["Harbour"]
