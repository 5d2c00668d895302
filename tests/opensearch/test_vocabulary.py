"""The table of words that a build leaves on a cluster: that of a full build, whatever was deleted on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from index_making import make_snapshot, publish
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.expansion import near_forms
from search_app.engine.opensearch.vocabulary import ClusterSpeller, Vocabulary, make_vocabulary
from search_app.engine.plan import Pattern
from search_app.engine.request import SearchRequest
from search_app.engine.scoring import FIELD_WEIGHTS
from search_app.engine.spelling import Speller
from search_app.errors import IndexDamagedError
from search_app.index.files import MemoryFiles
from search_app.index.sections import SectionFile, SectionWriter
from search_app.settings import load_settings

from .contract import ContractEngine, remove_indices

Make = Callable[..., Article]


def story(make_article: Make, number: int, headline: str, summary: str = "") -> Article:
    path = f"/news/2031/03/4/story-{number}"
    return make_article(path=path, headline=headline, summary=summary, topic="", contexts=(), sources=())


def opened(raw: bytes) -> Vocabulary:
    return Vocabulary(SectionFile(Path("vocabulary"), data=raw))


def test_an_update_leaves_the_table_of_a_full_build(tmp_path: Path, rng: random.Random) -> None:
    """Over three segments with deleted articles: the same bytes, and what the embedded engine knows of words."""
    articles = random_articles(rng, 60)
    strangers = [replace(one, path=one.path + "-gone", headline=f"Quokka {one.headline}") for one in articles[:25]]
    groups = [articles[0::3] + strangers, articles[1::3], articles[2::3]]
    parts = make_snapshot(tmp_path / "parts", *groups, deleted={(0, one.path) for one in strangers})
    whole = make_snapshot(tmp_path / "whole", articles)
    made = make_vocabulary(parts)
    assert made == make_vocabulary(whole)
    vocabulary, speller = opened(made), Speller(whole)
    ours = ClusterSpeller(vocabulary)
    assert "quokka" not in vocabulary.forms.all() and "harbour" in vocabulary.forms.all()
    for word in ("harbuor", "sotrm", "strik", "quokka", "harbourstrike", "elction", "xylophone", "haarvik"):
        assert ours.nearest(word) == speller.nearest(word), word
        assert ours.count(word) == speller.count(word) == 0
    for word in vocabulary.forms.all():
        assert ours.count(word) == speller.count(word) > 0
        assert near_forms(vocabulary, word, 1)[1]


def test_a_pattern_is_cut_to_its_most_frequent_words(make_article: Make, tmp_path: Path) -> None:
    """Counted in the fields that the pattern is looked for in."""
    texts = [(text, "") for text in ("Stone", "Stone", "Storm", "Storm", "Storm", "Stork", "Stove")]
    texts += [("Stork", "Stove, stove and stove."), *[("", "A stove")] * 3]
    articles = [story(make_article, n, headline, summary) for n, (headline, summary) in enumerate(texts)]
    vocabulary = opened(make_vocabulary(make_snapshot(tmp_path, articles)))
    everywhere = Pattern("prefix", "sto", 0, FIELD_WEIGHTS)
    headline = Pattern("prefix", "sto", 0, (("headline", 1.0),))
    assert vocabulary.words_of(everywhere, 4) is None
    assert set(vocabulary.words_of(everywhere, 1) or ()) == {"stove"}
    assert set(vocabulary.words_of(headline, 2) or ()) == {"stone", "storm"}
    assert vocabulary.words_of(Pattern("wildcard", "st?r?", 0, FIELD_WEIGHTS), 1) == ("storm",)


def test_a_table_of_another_version_is_refused() -> None:
    files = MemoryFiles()
    SectionWriter(Path("old"), files).finish({"format": "vocabulary 0"})
    with pytest.raises(IndexDamagedError, match="vocabulary 1"):
        opened(bytes(files.held["old"]))


@pytest.mark.parametrize("q", ["sto*", "st?*k", "-sto* harbour", "zeppelin OR sto*", "stozk~", "tide sto* zeppelin"])
def test_both_engines_cut_alike(
    q: str, tmp_path: Path, make_article: Make, cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same hits with the same scores, the same sentence."""
    monkeypatch.setattr(ContractEngine, "url", cluster_url)
    words = [f"sto{letter}k" for letter in "abcdefghijklmnopqrtu"]
    texts = [f"{word} {rest}" for n, word in enumerate(words) for rest in ("harbour", "tide", "")[: 1 + n % 3]]
    texts += ["Zeppelin stouk", "Harbour", "Zeppelin"]
    publish(tmp_path, [story(make_article, n, text) for n, text in enumerate(texts)])
    settings = load_settings({}, max_expansions=16)
    try:
        engines = [kind(tmp_path, settings, date(2032, 3, 1)) for kind in (EmbeddedEngine, ContractEngine)]
        ours, theirs = (engine.search(SearchRequest(q=q, per_page=50)) for engine in engines)
    finally:
        ContractEngine.published.clear()
        remove_indices(cluster_url, "contract")
    assert any("stands for too many words" in warning for warning in ours.warnings)
    assert theirs.warnings == ours.warnings
    assert theirs.total == ours.total
    assert {hit.path: pytest.approx(hit.score) for hit in theirs.hits} == {hit.path: hit.score for hit in ours.hits}
    assert theirs.facets == ours.facets
