"""Searches through the engine, as pages and commands make them: filters, pages, and the words people type."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import SEED
from index_making import publish
from plain_engine import PlainEngine, PlainResult
from random_articles import UNCUT, random_articles, random_request, random_tree
from six_stories import Make, six_stories

from search_app.archive.model import Article, Version
from search_app.engine.describe import render
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.query import MATCH_ALL, And, Query, Word, simplify
from search_app.engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from search_app.engine.result import Hit, SearchResult
from search_app.engine.scoring import RANKING
from search_app.engine.search import without_shouting
from search_app.errors import IndexMissingError, PageNotFoundError, QueryError
from search_app.settings import load_settings

ROUNDS = int(os.environ.get("SEARCH_ROUNDS", "80"))
TODAY = date(2032, 3, 1)


def open_over(folder: Path, *articles: Article, **settings: int) -> EmbeddedEngine:
    """Return an engine over some articles."""
    publish(folder, articles)
    return EmbeddedEngine(folder, load_settings({}, **settings), TODAY)


def all_hits(engine: EmbeddedEngine, request: SearchRequest) -> tuple[SearchResult, list[Hit]]:
    """Return the first page's result and the hits of all pages."""
    first = engine.search(replace(request, page=1))
    hits = list(first.hits)
    for page in range(2, first.pages + 1):
        hits += engine.search(replace(request, page=page)).hits
    return first, hits


def assert_same(result: SearchResult, hits: list[Hit], expected: PlainResult) -> None:
    """Compare with the plain engine: hits, scores, a total order, counts, missing, bars."""
    request = result.request
    assert result.relaxed is expected.relaxed
    assert {hit.path: hit.score for hit in hits} == pytest.approx(expected.scores, rel=1e-9, abs=1e-9)
    assert len(hits) == result.total == len(expected.scores)
    assert [hit.path for hit in result.partial] == expected.partial
    assert result.pages == -(-result.total // request.per_page)
    sign = 1 if request.order == "oldest" else -1
    keys = [(-hit.score, sign * hit.date.toordinal(), hit.path) for hit in hits]
    assert keys == sorted(keys)
    if request.order != "relevance":
        assert [hit.path for hit in hits] == expected.order
    for name in FACET_FIELDS:
        facet = result.facets[name]
        assert [(b.value, b.count, b.selected, b.excluded) for b in facet.buckets] == expected.facets[name]
        assert facet.missing == expected.facet_missing[name]
        assert facet.total_values == expected.total_values[name]
    assert result.missing == expected.missing
    assert result.histogram.interval == expected.interval
    assert [(bar.start, bar.count) for bar in result.histogram.bars] == expected.bars


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} search"), 120)


@pytest.fixture(scope="module")
def whole(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> EmbeddedEngine:
    """An engine over one segment."""
    return open_over(tmp_path_factory.mktemp("whole"), *articles, **UNCUT)


@pytest.fixture(scope="module")
def parts(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> EmbeddedEngine:
    """An engine over the same articles in three segments, in which lie older forms of some, deleted, and strangers."""
    rng = random.Random(f"{SEED} parts")
    groups: list[list[Article]] = [[], [], []]
    deleted = set()
    strangers = [
        replace(article, path=article.path + "-gone", topic=rng.choice(("Only once", article.topic)))
        for article in random_articles(rng, 30)
    ]
    for article in articles:
        home = rng.randrange(3)
        groups[home].append(article)
        if rng.random() < 0.3:
            other = (home + 1) % 3
            groups[other].append(replace(article, headline="Harbour storm talks of old", contexts=("Bygone", "Sel")))
            deleted.add((other, article.path))
    for article in strangers:
        home = rng.randrange(3)
        groups[home].append(article)
        deleted.add((home, article.path))
    folder = tmp_path_factory.mktemp("parts")
    publish(folder, *groups, deleted=deleted)
    return EmbeddedEngine(folder, load_settings({}, **UNCUT), TODAY)


def random_search(rng: random.Random) -> tuple[SearchRequest, Query]:
    """Return a request and the tree that its query text stands for."""
    roll = rng.random()
    if roll < 0.2:
        return random_request(rng, ""), MATCH_ALL
    if roll < 0.45:
        words = rng.sample(
            ("harbour", "storm", "café", "Halvik", "47", "Sel", "the", "罢工", "president", "zeppelin"), 4
        )
        tree = simplify(And(tuple(map(Word, words))))
    else:
        tree = random_tree(rng, 2)
        while without_shouting(render(tree)) != render(tree):
            tree = random_tree(rng, 2)
    # Other words than those typed are none of the plain engine's business.
    return replace(random_request(rng, render(tree)), as_typed=True), tree


def test_random_requests_answer_as_the_plain_engine_does(
    whole: EmbeddedEngine, articles: list[Article], rng: random.Random
) -> None:
    """Queries, filters, sorts, counts, spans: everything of the answer, exact and relaxed."""
    plain = PlainEngine(articles, RANKING)
    relaxed = found = 0
    # However few are drawn, one of them finds only partial matches: no article has a zeppelin.
    lacking = And((Word("harbour"), Word("zeppelin")))
    request, tree = SearchRequest(render(lacking), as_typed=True), lacking
    drawn = 0
    # Until enough of them have found something.
    while drawn < ROUNDS or (found <= ROUNDS / 3 and drawn < 10 * ROUNDS):
        result, hits = all_hits(whole, request)
        assert_same(result, hits, plain.search(request, tree))
        relaxed += result.relaxed
        found += bool(hits)
        drawn += 1
        request, tree = random_search(rng)
    assert relaxed and found > ROUNDS / 3


def test_three_segments_with_deleted_documents_answer_as_one_segment_of_the_live(
    whole: EmbeddedEngine, parts: EmbeddedEngine, rng: random.Random
) -> None:
    """Whatever is asked: the same hits in the same order, the same counts, the same bars."""
    assert parts.status()["segments"] == 3
    assert parts.status()["articles"] == whole.status()["articles"]
    for _ in range(ROUNDS):
        request, _ = random_search(rng)
        expected, expected_hits = all_hits(whole, request)
        result, hits = all_hits(parts, request)
        assert [hit.path for hit in hits] == [hit.path for hit in expected_hits], request
        for hit, other in zip(hits, expected_hits, strict=True):
            assert hit.score == pytest.approx(other.score, rel=1e-12, abs=1e-12)
            assert hit._replace(score=0.0) == other._replace(score=0.0)
        assert bool(result.next) == bool(expected.next)
        same = {"hits": (), "took_ms": 0.0, "generation": 0, "next": ""}
        assert replace(result, **same) == replace(expected, **same)
        for name in FACET_FIELDS:
            asked = FacetRequest(request, name, prefix=rng.choice(("", "", "h", "é", "zz")), sort="count", per_page=5)
            assert parts.facet(asked) == whole.facet(asked)


def test_three_segments_show_each_article_as_one_segment_does(
    whole: EmbeddedEngine, parts: EmbeddedEngine, articles: list[Article]
) -> None:
    """Related links, neighbours in time, old paths: all the same; and deleted articles are gone."""
    for article in articles:
        assert parts.article(article.path) == whole.article(article.path)
        assert parts.record(article.path) == article
        for version in article.versions:
            assert parts.current_path(version.path) == whole.current_path(version.path)
        assert parts.article(article.path + "-gone") is None
    same = {"bytes": 0, "checked_at": ""}
    assert {**parts.status(), **same, "segments": 1} == {**whole.status(), **same}


# -- several values of one facet -----------------------------------------------------------------------------------


@pytest.fixture
def harbour(make_article: Make, tmp_path: Path) -> EmbeddedEngine:
    return open_over(tmp_path, *six_stories(make_article))


def stories(engine: EmbeddedEngine, **request: object) -> str:
    """Return the numbers of the stories found, oldest first."""
    result = engine.search(SearchRequest(sort="oldest", **request))  # type: ignore[arg-type]
    return "".join(hit.headline[-1] for hit in result.hits)


FILTERS: tuple[tuple[dict[str, object], str], ...] = (
    ({}, "123456"),
    ({"topic": ("A",)}, "12"),
    ({"topic": ("A", "B")}, "1234"),
    ({"topic": ("A", "Nowhere")}, "12"),
    ({"topic": ("Nowhere",)}, ""),
    ({"topic": ("a",)}, "12"),
    ({"source": ("P", "Q")}, "1234"),
    ({"context": ("X", "Y")}, "13"),
    ({"context": ("X", "Y"), "context_match": "any"}, "12356"),
    ({"context": ("X", "Nowhere")}, ""),
    ({"context": ("X", "Nowhere"), "context_match": "any"}, "1236"),
    ({"topic": ("A",), "source": ("P",)}, "1"),
    ({"not_topic": ("A",)}, "3456"),
    ({"not_context": ("X", "Y")}, "4"),
    ({"not_source": ("P",), "topic": ("B", "C")}, "5"),
    ({"not_topic": ("Nowhere",)}, "123456"),
    ({"missing": ("topic",)}, "6"),
    ({"missing": ("context",)}, "4"),
    ({"missing": ("source",)}, "5"),
    ({"missing": ("summary",)}, "245"),
    ({"missing": ("summary", "source")}, "5"),
    ({"missing": ("topic", "source")}, ""),
    ({"date_from": date(2031, 3, 2), "date_to": date(2031, 3, 4)}, "234"),
    ({"date_to": date(2031, 3, 2)}, "12"),
    ({"date_from": date(2031, 3, 6), "date_to": date(2031, 3, 6)}, "6"),
    ({"date_from": date(2040, 1, 1)}, ""),
    ({"q": "quay", "topic": ("A", "B")}, "13"),
    ({"q": "-quay"}, "245"),
)


@pytest.mark.parametrize(("request_", "found"), FILTERS, ids=[repr(row[0]) for row in FILTERS])
def test_filters(harbour: EmbeddedEngine, request_: dict[str, object], found: str) -> None:
    assert stories(harbour, **request_) == found


# -- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize("q", ["", "harbour", "zeppelin storm halvik"])
def test_no_article_is_on_two_pages_and_none_is_left_out(whole: EmbeddedEngine, q: str, sort: str) -> None:
    """Pages of seven hold the same articles in the same order as one page of a hundred."""
    _, large = all_hits(whole, SearchRequest(q=q, sort=sort, per_page=100))
    _, small = all_hits(whole, SearchRequest(q=q, sort=sort, per_page=7))
    assert small == large
    assert len({hit.path for hit in small}) == len(small) > 20


def test_a_page_past_the_end_says_how_many_there_are(harbour: EmbeddedEngine) -> None:
    assert len(harbour.search(SearchRequest(per_page=4, page=2)).hits) == 2
    with pytest.raises(PageNotFoundError) as raised:
        harbour.search(SearchRequest(per_page=4, page=3))
    assert (raised.value.page, raised.value.pages) == (3, 2)


def test_the_first_page_exists_even_without_hits(harbour: EmbeddedEngine) -> None:
    result = harbour.search(SearchRequest(q="zeppelin"))
    assert (result.total, result.pages, result.hits) == (0, 0, ())
    assert result.histogram.bars == ()
    with pytest.raises(PageNotFoundError):
        harbour.search(SearchRequest(q="zeppelin", page=2))


def test_no_hits_a_page_gives_the_counts_alone(harbour: EmbeddedEngine) -> None:
    counted = harbour.search(SearchRequest(per_page=0))
    shown = harbour.search(SearchRequest())
    assert counted.hits == ()
    assert (counted.total, counted.facets, counted.histogram) == (shown.total, shown.facets, shown.histogram)


BAD_REQUESTS: tuple[tuple[str, SearchRequest], ...] = (
    ("per_page", SearchRequest(per_page=-1)),
    ("per_page", SearchRequest(per_page=101)),
    ("page", SearchRequest(page=0)),
    ("facet_size", SearchRequest(facet_size=-1)),
    ("facet_size", SearchRequest(facet_size=101)),
    ("sort", SearchRequest(sort="best")),
    ("context_match", SearchRequest(context_match="most")),
    ("interval", SearchRequest(interval="week")),
    ("missing", SearchRequest(missing=("headline",))),
    ("facets", SearchRequest(facets=("headline",))),
    ("to", SearchRequest(date_from=date(2031, 2, 1), date_to=date(2031, 1, 31))),
)


@pytest.mark.parametrize(
    ("parameter", "request_"), BAD_REQUESTS, ids=[f"{row[0]}-{n}" for n, row in enumerate(BAD_REQUESTS)]
)
def test_a_request_that_cannot_be_answered_names_its_parameter(
    harbour: EmbeddedEngine, parameter: str, request_: SearchRequest
) -> None:
    with pytest.raises(QueryError) as raised:
        harbour.search(request_)
    assert raised.value.parameter == parameter
    assert "It takes" in str(raised.value)


def test_an_engine_without_an_index_says_so_and_finds_it_once_it_is_there(make_article: Make, tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "index", load_settings({}), TODAY)
    with pytest.raises(IndexMissingError):
        engine.search(SearchRequest())
    publish(tmp_path / "index", [make_article()])
    engine.refresh()
    assert engine.search(SearchRequest()).total == 1


def test_a_new_generation_is_served_without_being_asked_to(make_article: Make, tmp_path: Path) -> None:
    engine = open_over(tmp_path, make_article())
    assert engine.search(SearchRequest()).generation == 1
    publish(tmp_path, [make_article(), make_article(headline="Second")], generation=2)
    engine.refresh()
    result = engine.search(SearchRequest())
    assert (result.generation, result.total) == (2, 2)


# -- what was made of a query text ------------------------------------------------------------------------------------


def test_what_was_left_out_is_named(harbour: EmbeddedEngine) -> None:
    assert any("the" in warning for warning in harbour.search(SearchRequest(q="the quay")).warnings)
    assert harbour.search(SearchRequest(q="quay")).warnings == ()


def test_the_query_comes_back_in_plain_words(harbour: EmbeddedEngine) -> None:
    assert harbour.search(SearchRequest(q="quay -night")).understood == "“quay”, not “night”"
    assert harbour.search(SearchRequest(q="  ")).understood == ""


def test_newer_articles_come_first_where_that_is_asked_for(make_article: Make, tmp_path: Path) -> None:
    """Among equals; the half-life is said, and a much better article of long ago stays ahead."""
    days = (date(2020, 1, 1), date(2031, 3, 2), date(2031, 3, 4))
    others = [make_article(headline=f"Cranes {n}", date=days[2]) for n in range(9)]
    found = [
        make_article(headline="Comet", summary="Comet over the comet bay.", date=days[0]),
        make_article(headline="Lights", summary="The comet of the week was seen by all", date=days[1]),
        make_article(headline="Nights", summary="The comet of the year was seen by all", date=days[2]),
        make_article(headline="Sights", summary="The comet of all years seen", date=days[0]),
    ]
    engine = open_over(tmp_path, *others, *found)
    plain = engine.search(SearchRequest(q="comet"))
    fresh = engine.search(SearchRequest(q="comet", half_life=2))
    assert [hit.headline for hit in plain.hits] == ["Comet", "Sights", "Nights", "Lights"]
    assert [hit.headline for hit in fresh.hits] == ["Comet", "Nights", "Lights", "Sights"]
    assert [f.score / p.score for f, p in zip(fresh.hits[1:3], plain.hits[2:], strict=True)] == pytest.approx(
        [1.0, 0.7]
    )
    assert fresh.understood == "“comet”; newer articles first among equals, with a half-life of 2 days"
    assert engine.search(SearchRequest(q="comet", half_life=2, sort="newest")).understood == "“comet”"
    with pytest.raises(QueryError, match="half_life"):
        engine.search(SearchRequest(q="comet", half_life=36_501))


# -- articles ------------------------------------------------------------------------------------------------------


def test_names_differing_in_case_and_accents_lead_to_the_one_there_is(make_article: Make, tmp_path: Path) -> None:
    """In whichever segment it lies; where the exact name exists, only it is meant."""
    upper = make_article(headline="One", topic="Élan")
    lower = make_article(headline="Two", topic="élan")
    publish(tmp_path / "two", [upper], [lower])
    engine = EmbeddedEngine(tmp_path / "two", load_settings({}), TODAY)
    for topic, found in (("Élan", "One"), ("élan", "Two")):
        result = engine.search(SearchRequest(topic=(topic,)))
        assert [hit.headline for hit in result.hits] == [found]
        assert [b.value for b in result.facets["topic"].buckets if b.selected] == [topic]
    assert engine.search(SearchRequest(topic=("elan",))).total == 1
    assert engine.search(SearchRequest(not_topic=("Élan",))).total == 1
    seen = engine.article(upper.path)
    assert seen is not None and seen.previous is None and seen.next is None


def test_neighbours_are_those_of_the_topic_in_time(make_article: Make, tmp_path: Path) -> None:
    """Across segments, by day and then by path."""
    first, second, third = (make_article(headline=f"Part {n}", date=date(2031, 5, 1 + n // 2)) for n in range(3))
    other = make_article(headline="Elsewhere", date=date(2031, 5, 1), topic="Another")
    publish(tmp_path, [first, third], [second, other])
    engine = EmbeddedEngine(tmp_path, load_settings({}), TODAY)
    view = engine.article(second.path)
    assert view is not None and view.previous is not None and view.next is not None
    assert (view.previous.path, view.next.path) == (first.path, third.path)
    ends = engine.article(first.path), engine.article(third.path), engine.article(other.path)
    assert [(v.previous, v.next) == (None, None) for v in ends if v] == [False, False, True]


def test_old_paths_lead_to_the_live_article(make_article: Make, tmp_path: Path) -> None:
    old = Version("/news/2031/03/4/first", "First words")
    gone = make_article(headline="A draft", versions=(old,))
    live = make_article(headline="The real one", versions=(old,))
    publish(tmp_path, [gone, live], deleted={(0, gone.path)})
    engine = EmbeddedEngine(tmp_path, load_settings({}), TODAY)
    assert engine.current_path(old.path) == live.path
    assert engine.current_path("/news/2031/03/4/never") is None
    assert engine.article(gone.path) is None
