"""Facets of a search: what is counted for selected, excluded and missing values, and pages of one facet's values."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
from conftest import SEED
from index_making import publish
from plain_engine import PlainEngine
from random_articles import random_articles
from six_stories import Make, six_stories

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.query import MATCH_ALL
from search_app.engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from search_app.engine.scoring import RANKING
from search_app.errors import QueryError
from search_app.settings import load_settings

TODAY = date(2032, 3, 1)


def open_over(folder: Path, *articles: Article) -> EmbeddedEngine:
    """Return an engine over some articles."""
    publish(folder, articles)
    return EmbeddedEngine(folder, load_settings({}), TODAY)


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} facets"), 120)


@pytest.fixture(scope="module")
def whole(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> EmbeddedEngine:
    """An engine over one segment."""
    return open_over(tmp_path_factory.mktemp("whole"), *articles)


@pytest.fixture
def harbour(make_article: Make, tmp_path: Path) -> EmbeddedEngine:
    return open_over(tmp_path, *six_stories(make_article))


def counts(engine: EmbeddedEngine, facet: str, **request: object) -> list[tuple[str, int, bool]]:
    """Return the buckets of a facet."""
    result = engine.search(SearchRequest(**request))  # type: ignore[arg-type]
    return [(bucket.value, bucket.count, bucket.selected) for bucket in result.facets[facet].buckets]


def test_topics_count_as_if_none_were_selected(harbour: EmbeddedEngine) -> None:
    """So that a second topic can be added; the counts of all else are over the hits."""
    assert counts(harbour, "topic", topic=("A",)) == [("A", 2, True), ("B", 2, False), ("C", 1, False)]
    assert counts(harbour, "source", topic=("A",)) == [("P", 1, False), ("Q", 1, False)]
    assert counts(harbour, "topic", topic=("A",), source=("P",)) == [("B", 2, False), ("A", 1, True)]


def test_contexts_count_over_the_hits(harbour: EmbeddedEngine) -> None:
    """Ticking another context narrows, so its count is what is left."""
    assert counts(harbour, "context", context=("X",)) == [("X", 4, True), ("Y", 2, False)]
    assert counts(harbour, "context", context=("X",), context_match="any") == [("X", 4, True), ("Y", 2, False)]


def test_none_is_one_of_the_values_of_which_any_will_do(harbour: EmbeddedEngine) -> None:
    """Topics and sources beside none are added up; contexts that must all be there leave nothing without any."""
    none = harbour.search(SearchRequest(missing=("topic",)))
    assert none.total == none.facets["topic"].missing == 1
    assert counts(harbour, "topic", missing=("topic",)) == [("A", 2, False), ("B", 2, False), ("C", 1, False)]
    both = harbour.search(SearchRequest(topic=("A",), missing=("topic",)))
    assert (both.total, both.facets["topic"].missing) == (3, 1)
    assert {hit.topic for hit in both.hits} == {"A", ""}
    assert harbour.search(SearchRequest(context=("X",), missing=("context",))).total == 0
    assert harbour.search(SearchRequest(context=("X",), context_match="any", missing=("context",))).total == 5


def test_a_selected_value_is_listed_at_zero_too(harbour: EmbeddedEngine) -> None:
    assert counts(harbour, "topic", topic=("C",), source=("P",))[-1] == ("C", 0, True)
    assert counts(harbour, "topic", topic=("Nowhere",))[-1] == ("Nowhere", 0, True)
    assert counts(harbour, "context", context=("Y",), topic=("B",), facet_size=0) == [("Y", 1, True)]


def test_an_excluded_value_is_listed_as_such(harbour: EmbeddedEngine) -> None:
    result = harbour.search(SearchRequest(not_topic=("A",)))
    assert [(b.value, b.count, b.excluded) for b in result.facets["topic"].buckets] == [
        ("B", 2, False),
        ("C", 1, False),
        ("A", 0, True),
    ]


def test_single_valued_buckets_and_the_missing_add_up_to_the_total(harbour: EmbeddedEngine) -> None:
    result = harbour.search(SearchRequest())
    facet = result.facets["topic"]
    assert sum(bucket.count for bucket in facet.buckets) + facet.missing == result.total == 6
    assert sum(bar.count for bar in result.histogram.bars) == result.total
    assert result.missing == {"topic": 1, "context": 1, "source": 1, "summary": 3}


def test_the_count_of_a_topic_is_what_ticking_it_finds(whole: EmbeddedEngine) -> None:
    for facet in FACET_FIELDS:
        for bucket in whole.search(SearchRequest(q="harbour", per_page=0)).facets[facet].buckets:
            ticked = SearchRequest(q="harbour", per_page=0, **{facet: (bucket.value,)})  # type: ignore[arg-type]
            assert whole.search(ticked).total == bucket.count


def test_only_the_facets_asked_for_are_counted(harbour: EmbeddedEngine) -> None:
    result = harbour.search(SearchRequest(facets=("source",), histogram=False))
    assert list(result.facets) == ["source"]
    assert result.histogram.bars == ()


# -- pages of one facet's values -----------------------------------------------------------------------------------


def test_all_values_of_a_facet_on_pages(whole: EmbeddedEngine, articles: list[Article]) -> None:
    """By count, then name; by name; no value on two pages."""
    plain = PlainEngine(articles, RANKING).search(SearchRequest(facet_size=100), MATCH_ALL).facets["context"]
    for sort in ("count", "name"):
        seen = []
        page = whole.facet(FacetRequest(SearchRequest(), "context", sort=sort, per_page=3))
        assert page.pages == -(-page.total // 3)
        for number in range(1, page.pages + 1):
            got = whole.facet(FacetRequest(SearchRequest(), "context", sort=sort, per_page=3, page=number))
            seen += [(bucket.value, bucket.count) for bucket in got.buckets]
        expected = [(value, count) for value, count, *_ in plain]
        order = {value: n for n, value in enumerate(PlainEngine(articles).values["context"])}
        assert seen == (expected if sort == "count" else sorted(expected, key=lambda pair: order[pair[0]]))


def test_a_prefix_narrows_a_facets_values_by_any_of_their_words(
    harbour: EmbeddedEngine, make_article: Make, tmp_path: Path
) -> None:
    engine = open_over(tmp_path / "x", make_article(contexts=("Élan vital", "Harbour Workers' Union", "Unrest")))

    def values(prefix: str) -> list[str]:
        return [b.value for b in engine.facet(FacetRequest(SearchRequest(), "context", prefix)).buckets]

    assert values("elan") == ["Élan vital"]
    assert values("UN") == ["Harbour Workers' Union", "Unrest"]
    assert values("nion") == []
    assert values("  ") == ["Élan vital", "Harbour Workers' Union", "Unrest"]


BAD_FACETS: tuple[tuple[str, FacetRequest], ...] = (
    ("field", FacetRequest(SearchRequest(), "headline")),
    ("sort", FacetRequest(SearchRequest(), "topic", sort="size")),
    ("page", FacetRequest(SearchRequest(), "topic", page=0)),
    ("per_page", FacetRequest(SearchRequest(), "topic", per_page=0)),
    ("per_page", FacetRequest(SearchRequest(), "topic", per_page=-1)),
    ("context_match", FacetRequest(SearchRequest(context_match="some"), "topic")),
)


@pytest.mark.parametrize(("parameter", "request_"), BAD_FACETS, ids=lambda value: str(value)[:60])
def test_a_facet_request_that_cannot_be_answered_names_its_parameter(
    harbour: EmbeddedEngine, parameter: str, request_: FacetRequest
) -> None:
    with pytest.raises(QueryError) as raised:
        harbour.facet(request_)
    assert raised.value.parameter == parameter
