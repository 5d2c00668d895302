"""What partial matches of a question gain where others tell of the same."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from index_making import publish
from plain_engine import PlainEngine, assert_answered_as
from random_articles import WORDS, random_articles

from search_app.archive.model import Article
from search_app.engine.agreement import MOST_WORDS, agreement_gains
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.query import And, Word
from search_app.engine.request import SearchRequest
from search_app.engine.scoring import RANKING
from search_app.engine.search import Searcher
from search_app.index.analysis import STOP_WORDS
from search_app.index.generation import open_snapshot
from search_app.settings import load_settings

Make = Callable[..., Article]
TODAY = date(2032, 3, 1)
ROUNDS = int(os.environ.get("SEARCH_ROUNDS", "60"))
EMPTY = {"topic": "", "contexts": (), "sources": ()}
QUESTION = "which minister resigned over floods and broken dams upriver last winter"


def open_over(folder: Path, *groups: list[Article]) -> EmbeddedEngine:
    publish(folder, *groups)
    return EmbeddedEngine(folder, load_settings({}), TODAY)


@pytest.fixture
def archive(make_article: Make) -> list[Article]:
    """Three articles of one story, each with the same two words of the question, and one of another with these."""
    story = [
        make_article(headline=f"Minister {verb}", summary="The resigned engineer spoke of sluices.", **EMPTY)
        for verb in ("heard", "thanked", "seen")
    ]
    other = make_article(headline="Minister sings", summary="The resigned tenor smiled at roses.", **EMPTY)
    rest = [make_article(headline=f"Ferry {n} late", summary="Fog.", **EMPTY) for n in range(20)]
    return [*story, other, *rest]


def test_an_article_whose_story_others_tell_comes_first(archive: list[Article], tmp_path: Path) -> None:
    """Without agreement the four are worth the same; with it the one that stands alone is last, and it is said why."""
    publish(tmp_path, archive)
    asked = SearchRequest(q=QUESTION, explain=True)
    agreed = Searcher(open_snapshot(tmp_path), load_settings({}), RANKING).search(asked, TODAY)
    apart = Searcher(open_snapshot(tmp_path), load_settings({}), replace(RANKING, agreement=0.0)).search(asked, TODAY)
    assert agreed.relaxed and apart.relaxed
    assert len({round(hit.score, 9) for hit in apart.hits}) == 1
    assert [hit.headline for hit in agreed.hits][-1] == "Minister sings"
    gains = [{part.kind: part.worth for part in hit.score_parts}["agreement"] for hit in agreed.hits]
    assert gains[0] == max(gains) > gains[-1] > 0
    for hit in agreed.hits:
        assert sum(part.worth for part in hit.score_parts) == pytest.approx(hit.score)
    assert not any(part.kind == "agreement" for hit in apart.hits for part in hit.score_parts)


def test_few_words_are_taken_at_their_word(archive: list[Article], tmp_path: Path) -> None:
    """Six words are no question, and an article with all the words gains nothing."""
    engine = open_over(tmp_path, archive)
    short = engine.search(SearchRequest(q="minister resigned floods dams upriver winter", explain=True))
    full = engine.search(SearchRequest(q="minister heard the resigned engineer who spoke of sluices", explain=True))
    assert short.relaxed and not full.relaxed
    assert short.hits and full.hits
    for hit in (*short.hits, *full.hits):
        assert "agreement" not in [part.kind for part in hit.score_parts]


def test_questions_answer_as_the_plain_engine_does(tmp_path: Path, rng: random.Random) -> None:
    """Seven to twelve words that no article has all, or few have: order, scores, and partial matches beside hits."""
    articles = random_articles(rng, 90)
    engines = [open_over(tmp_path / "one", articles), open_over(tmp_path / "two", articles[:50], articles[50:])]
    plain = PlainEngine(articles, RANKING)
    words = [word for word in WORDS if word.isalpha() and word.isascii() and word.lower() not in STOP_WORDS]
    told = [dict.fromkeys(word for word in f"{a.headline} {a.summary}".split() if word in words) for a in articles]
    whole = [list(own)[:12] for own in told if len(own) > 6]
    relaxed = beside = 0
    for n in range(ROUNDS):
        # Of words that an article has, it is the hit, and partial matches stand beside it.
        chosen = rng.choice(whole) if whole and n % 4 == 0 else rng.sample(words, rng.randrange(7, 13))
        request = SearchRequest(q=" ".join(chosen), half_life=rng.choice((0, 40)), per_page=100, as_typed=True)
        expected = plain.search(request, And(tuple(map(Word, chosen))))
        for engine in engines:
            assert_answered_as(engine.search(request), expected, request)
        relaxed += expected.relaxed
        beside += bool(expected.partial)
    assert relaxed > ROUNDS // 3
    assert beside or not whole


def test_what_others_say_of_a_text() -> None:
    """By hand: two equal texts, one that shares a word with them, one that shares none, an empty one, one alone."""
    texts = [["dam", "broke"], ["dam", "broke"], ["dam", "song"], ["rose"], []]
    gains = agreement_gains(texts, np.array([4.0, 2.0, 1.0, 8.0, 3.0]))
    dam, broke, song = (np.log(1 + (5 - df + 0.5) / (df + 0.5)) for df in (3, 2, 1))
    like = dam * dam / np.hypot(dam, broke) / np.hypot(dam, song)
    assert gains == pytest.approx([2 + like, 4 + like, like * 6, 0, 0])
    assert agreement_gains([["dam"]], np.array([1.0])) == pytest.approx([0.0])


def test_only_the_first_words_are_compared(make_article: Make, tmp_path: Path) -> None:
    """What comes after ``MOST_WORDS`` words makes texts neither more nor less alike."""
    filler = " ".join(f"w{n}x" for n in range(MOST_WORDS))

    def agreement(summary: str, ends: tuple[str, str], folder: Path) -> list[float]:
        texts = enumerate(map(summary.format, ends))
        pair = [make_article(headline=f"Minister {n}", summary=text, **EMPTY) for n, text in texts]
        rest = [make_article(headline=f"Ferry {n}", summary="Fog.", **EMPTY) for n in range(8)]
        result = open_over(folder, [*pair, *rest]).search(SearchRequest(q=QUESTION, explain=True))
        assert result.relaxed
        return [part.worth for hit in result.hits for part in hit.score_parts if part.kind == "agreement"]

    late, early = f"Resigned. {filler} {{}}.", f"Resigned. {{}} {filler}."
    same, others = ("dusk", "dusk"), ("dusk", "dawn")
    assert agreement(late, same, tmp_path / "1") == pytest.approx(agreement(late, others, tmp_path / "2"))
    assert agreement(early, same, tmp_path / "3") != pytest.approx(agreement(early, others, tmp_path / "4"), rel=1e-4)
