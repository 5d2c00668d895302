"""Words that no article holds: what was meant, where it is only offered, and what is never touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from index_making import make_snapshot, publish

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import FacetRequest, SearchRequest
from search_app.engine.spelling import Speller
from search_app.settings import load_settings

Make = Callable[..., Article]
HEADLINES = (
    "Zeppelin over the harbour",
    "Harbour strikes end",
    "Harbour lights",
    "Climate change talks",
    "Football cup of 2031",
    "Barbour coats sell out",
)


@pytest.fixture
def engine(make_article: Make, tmp_path: Path) -> EmbeddedEngine:
    plain = {"summary": "", "topic": "Weather", "contexts": (), "sources": ()}
    publish(tmp_path, [make_article(headline=text, **plain) for text in HEADLINES])
    return EmbeddedEngine(tmp_path, load_settings({}), date(2032, 3, 1))


CORRECTED = (
    ("two letters exchanged", "zepeplin", "zeppelin"),
    ("a letter less", "harbur lights", "harbour lights"),
    ("a letter more", "zeppelinn", "zeppelin"),
    ("the first letter stays, then the more frequent word", "hbarbour", "harbour"),
    ("two edits in a long word", "zepelinn harbour", "zeppelin harbour"),
    ("a missing space", "climatechange", "climate change"),
    ("a space too many", "foot ball cup", "football cup"),
    ("beside what binds", 'zepelin "harbour" -strikes', 'zeppelin "harbour" -strikes'),
    ("capitals", "ZEPELIN", "zeppelin"),
)


@pytest.mark.parametrize(("q", "meant"), [row[1:] for row in CORRECTED], ids=[row[0] for row in CORRECTED])
def test_what_finds_nothing_is_answered_by_what_was_meant(engine: EmbeddedEngine, q: str, meant: str) -> None:
    """It is said, and can be taken back; everything that asks the same search gets the same hits."""
    request = SearchRequest(q=q)
    result = engine.search(request)
    assert result.corrected == meant
    assert result.hits == engine.search(replace(request, q=meant)).hits
    assert [hit.path for hit in engine.stream(request).hits] == [hit.path for hit in result.hits]
    assert engine.facet(FacetRequest(request, "topic")).buckets[0].count == result.total
    typed = engine.search(replace(request, as_typed=True))
    assert typed.corrected == "" and typed.did_you_mean is None
    assert typed.relaxed or not typed.total


NEVER = (
    ("a quoted word", '"zepelin"'),
    ("a word of a field", "headline:zepelin"),
    ("digits", "2032 cup"),
    ("a word that the archive knows", "barbour harbour"),
    ("a short word", "cpu"),
    ("a pattern", "zepel?n"),
    ("an excluded word", "harbour -zepelin"),
    ("nothing near", "xylophone"),
)


@pytest.mark.parametrize("q", [row[1] for row in NEVER], ids=[row[0] for row in NEVER])
def test_what_is_never_touched(engine: EmbeddedEngine, q: str) -> None:
    result = engine.search(SearchRequest(q=q))
    assert (result.corrected, result.did_you_mean) == ("", None)


def test_where_the_typed_words_find_something_the_others_are_only_offered(engine: EmbeddedEngine) -> None:
    result = engine.search(SearchRequest(q="zeppelin OR harbuor"))
    assert (result.total, result.corrected, result.did_you_mean) == (1, "", "zeppelin OR harbour")
    assert engine.search(SearchRequest(q="zeppelin OR harbuor", topic=("Nowhere",))).did_you_mean is None


def test_words_of_deleted_articles_are_not_known(make_article: Make, tmp_path: Path) -> None:
    """An update answers as a full build does."""
    gone, stays = make_article(headline="Zeppelins"), make_article(headline="Zeppeline")
    snapshot = make_snapshot(tmp_path, [gone, stays], deleted={(0, gone.path)})
    assert Speller(snapshot).nearest("zeppelinx") == "zeppeline"
    assert Speller(snapshot).count("zeppelins") == 0
