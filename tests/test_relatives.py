"""Words that belong together: which they are, what they add to partial matches of questions, and that it is said."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from index_making import publish
from plain_engine import PlainEngine, assert_answered_as
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.query import And, Word
from search_app.engine.relatives import LEAST_TOGETHER, belong_together, choose_candidates
from search_app.engine.request import SearchRequest
from search_app.engine.scoring import RANKING
from search_app.engine.search import Searcher
from search_app.index.generation import open_snapshot
from search_app.settings import load_settings

Make = Callable[..., Article]
TODAY = date(2032, 3, 1)
ROUNDS = int(os.environ.get("SEARCH_ROUNDS", "40"))
EMPTY = {"topic": "", "contexts": (), "sources": ()}
FAMILIES = (
    "kestria kestrian kestriate",
    "halvikan halvikania",
    "chancellor chancellorship chancery",
    "volcano volcanology",
    "грузия грузинский",
    "gorlakat gorlaket gorlakit gorlakot gorlakut gorlakuk gorlakok",
)
COMMON = FAMILIES[-1].split()[4:]
"""Words of more relatives than are looked at, which stand in many articles that are deleted."""
OTHERS = (
    "ferry storm harbour minister election comet island strike ash pressed talks sluice dam rose tenor lamp".split()
)


def test_words_belong_together_that_stand_together() -> None:
    """Three articles, a tenth of the rarer word's, four times as many as by chance."""
    assert belong_together(3, 30, 30, 10_000)
    assert not belong_together(2, 2, 2, 10_000)
    assert not belong_together(3, 31, 40, 10_000)
    assert belong_together(16, 40, 100, 1000)
    assert not belong_together(15, 40, 100, 1000)
    assert not belong_together(0, 0, 0, 0)


def test_candidates_share_the_most_letters() -> None:
    """Then the commonest; digits, other beginnings, what is rare and the word itself are none."""
    counts = {"african": 9, "africa": 20, "afric": 30, "afric1": 30, "afrika": 30, "africanist": LEAST_TOGETHER - 1}
    assert choose_candidates("african", counts) == ["africa", "afric"]
    many = dict.fromkeys(("volcana", "volcanb", "volcanc", "volcand"), 3) | {"volcane": 4}
    assert choose_candidates("volcanic", many) == ["volcane", "volcana", "volcanb", "volcanc"]


@pytest.fixture
def archive(make_article: Make) -> list[Article]:
    """Four articles on Kestria that say Kestrian as well, one that says only this, and one on something else."""
    both = [
        make_article(headline=f"Kestria {n}", summary="The Kestrian ferry.", **EMPTY) for n in ("one", "two", "six")
    ]
    alone = make_article(headline="Envoys dine", summary="A Kestrian envoy met a minister.", **EMPTY)
    neither = make_article(headline="Envoys wait", summary="A Halvik envoy met a minister.", **EMPTY)
    return [*both, alone, neither, *(make_article(headline=f"Rose {n}", summary="Fog.", **EMPTY) for n in range(40))]


QUESTION = "which envoy met the minister from kestria about sunken barges last winter"


def test_a_word_counts_that_belongs_to_one_of_the_question(archive: list[Article], tmp_path: Path) -> None:
    """Without it the two envoys are worth the same; the word that counted is named and marked."""
    publish(tmp_path, archive)
    asked = SearchRequest(q=QUESTION, explain=True)
    snapshot = open_snapshot(tmp_path)
    found = Searcher(snapshot, load_settings({}), RANKING).search(asked, TODAY)
    without = replace(RANKING, related=0.0, agreement=0.0)
    apart = Searcher(snapshot, load_settings({}), without).search(asked, TODAY)
    envoys = [hit.score for hit in apart.hits if hit.headline.startswith("Envoys")]
    assert found.relaxed and envoys[0] == pytest.approx(envoys[1])
    first = found.hits[0]
    assert first.headline == "Envoys dine"
    words = {(part.kind, part.field, part.text) for part in first.score_parts}
    assert ("word", "summary", "kestrian") in words
    assert "<mark>Kestrian</mark>" in first.snippet_html
    for hit in found.hits:
        assert sum(part.worth for part in hit.score_parts) == pytest.approx(hit.score)


def test_few_words_and_full_matches_count_no_others(archive: list[Article], tmp_path: Path) -> None:
    publish(tmp_path, archive)
    engine = EmbeddedEngine(tmp_path, load_settings({}), TODAY)
    short = engine.search(SearchRequest(q="envoy minister kestria barges sunken winter", explain=True))
    full = engine.search(SearchRequest(q="rose 7 fog", explain=True))
    assert short.relaxed and not full.relaxed
    for hit in (*short.hits, *full.hits):
        assert "kestrian" not in {part.text for part in hit.score_parts}


def _articles(rng: random.Random) -> list[Article]:
    """Return articles of which every second tells of one family of words, by two or three of them."""
    found = []
    for article in random_articles(rng, 90):
        family = rng.choice(FAMILIES).split()
        own = rng.sample(family, min(len(family), rng.randint(2, 5))) if rng.random() < 0.5 else []
        words = [*own, *rng.sample(OTHERS, rng.randint(2, 6))]
        rng.shuffle(words)
        found.append(replace(article, summary=" ".join(words)))
    return found


def test_questions_answer_as_the_plain_engine_does(tmp_path: Path, rng: random.Random) -> None:
    """Of words from families and others: order and scores in one segment, in two, and where some are deleted."""
    articles = _articles(rng)
    publish(tmp_path / "one", articles)
    old = [replace(article, summary=" ".join(COMMON)) for article in articles[:20]]
    gone = [(0, article.path) for article in old]
    publish(tmp_path / "two", [*old, *articles[20:50]], [*articles[:20], *articles[50:]], deleted=gone)
    engines = [EmbeddedEngine(tmp_path / name, load_settings({}), TODAY) for name in ("one", "two")]
    plain = PlainEngine(articles, RANKING)
    family = " ".join(FAMILIES).split()
    for _ in range(ROUNDS):
        chosen = [*rng.sample(family, rng.randint(2, 4)), *rng.sample(OTHERS, rng.randint(5, 7))]
        request = SearchRequest(q=" ".join(chosen), per_page=100, as_typed=True)
        expected = plain.search(request, And(tuple(map(Word, chosen))))
        for engine in engines:
            assert_answered_as(engine.search(request), expected, request)
    assert any(plain.ranking.relatives(stem) for stem in ("kestria", "chancellor", "volcano", "грузия"))
