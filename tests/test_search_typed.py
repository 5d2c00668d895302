"""What people type, and what it finds: one invented headline a row, through the engine from text to hit."""

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

TODAY = date(2032, 3, 1)
Make = Callable[..., Article]


def open_over(folder: Path, *articles: Article) -> EmbeddedEngine:
    """Return an engine over some articles."""
    publish(folder, articles)
    return EmbeddedEngine(folder, load_settings({}), TODAY)


def headlines(engine: EmbeddedEngine, q: str) -> list[str]:
    """Return the headlines found for a query text, the best first; nothing if only partial matches were found."""
    result = engine.search(SearchRequest(q=q))
    return [] if result.relaxed else [hit.headline for hit in result.hits]


TYPED: tuple[tuple[str, str, str, bool], ...] = (
    # query, headline, why, found
    ("the who", "The Who play in Halvik", "stop words alone", True),
    ("the who", "Who plays in Halvik", "stop words alone must all be there", False),
    ("the harbour", "Harbour closed", "a stop word beside a word", True),
    ("WHO report", "WHO report on fever", "an acronym in capitals", True),
    ("WHO report", "Report on fever", "an acronym in capitals must be there", False),
    ("to be or not to be", "To be, or not to be", "only stop words", True),
    ("to be or not to be", "Not to be found", "one of them lacking", False),
    ('"the harbour"', "Over the harbour", "a quoted stop word", True),
    ('"the harbour"', "Harbour closed", "a quoted stop word lacking", False),
    ("cafe", "Café opens", "typed without the accent", True),
    ("café", "Cafe opens", "typed with the accent", True),
    ("CAFÉ", "Café opens", "capital with accent", True),
    ("cafe\u0301", "Café opens", "decomposed", True),
    ("Łódź", "Lodz votes", "letters that do not decompose", True),
    ("lodz", "Łódź votes", "letters that do not decompose", True),
    ("strasse", "Hauptstraße gesperrt", "part of a word is no word", False),
    ("hauptstrasse", "Hauptstraße gesperrt", "sharp s", True),
    ("hauptstraße", "Hauptstrasse gesperrt", "sharp s, the other way round", True),
    ("don't", "They don’t vote", "curly apostrophe", True),
    ("don’t", "They don't vote", "straight apostrophe", True),
    ("don`t", "They donʼt vote", "other apostrophes", True),
    ("covid-19", "COVID‑19 returns", "non-breaking hyphen", True),
    ("covid 19", "COVID–19 returns", "dash", True),
    ("covid-19", "19 COVID wards", "split words stay in order", False),
    ("fire", "Wild ﬁre", "ligature", True),
    ("ﬁre", "Wild fire", "ligature typed", True),
    ("２０３１", "In 2031", "full-width digits", True),
    ("U.S.", "US votes", "dots of an acronym", True),
    ("US", "U.S. votes", "dots of an acronym", True),
    ("1000", "1,000 dockers", "thousands separator", True),
    ("1,000", "1000 dockers", "thousands separator", True),
    ("3.5", "Quake of 3.5", "decimal point", True),
    ("35", "Quake of 3.5", "decimal point matters", False),
    ("46~", "46 ships", "digits are never fuzzy: the number itself", True),
    ("46~", "47 ships", "digits are never fuzzy", False),
    ("covid19~", "covid18 wards", "digits within a word are not fuzzy either", False),
    ("harbuor~", "Harbour closed", "two letters swapped are one edit", True),
    ("harb~2", "Harbour closed", "too far", False),
    ("talk", "Talks resume", "another form", True),
    ("talking", "Talks resume", "another form", True),
    ('"talking"', "Talks resume", "quoted: as written", False),
    ('"peace talks"', "Peace talks resume", "a phrase", True),
    ('"peace talks"', "Talks on peace", "the wrong order", False),
    ('"peace talks"~2', "Peace and trade talks", "with others between", True),
    ("tal*", "Talks resume", "a beginning", True),
    ("t?lks", "Talks resume", "a shape", True),
    ("*arbour", "Harbour closed", "an ending", True),
    ("罢工", "青石港码头工人罢工结束", "two characters within a run", True),
    ("码头工人", "青石港码头工人罢工结束", "four characters in order", True),
    ("工人码头", "青石港码头工人罢工结束", "the wrong order", False),
    ("港", "青石港码头工人罢工结束", "one character in the middle", True),
    ("束", "青石港码头工人罢工结束", "the last character", True),
    ("青", "青石港码头工人罢工结束", "the first character", True),
    ("河", "青石港码头工人罢工结束", "a character that is not there", False),
    ('"码头工人"', "青石港码头工人罢工结束", "quoted", True),
    ('"头工"', "码头工人", "across words", True),
    ("工人 结束", "青石港码头工人罢工结束", "two runs anywhere", True),
    ("罢工5000人", "青石港罢工5000人参加", "characters around a number", True),
    ("5000人参加", "青石港罢工5000人参加", "a number before characters", True),
    ('"罢工5000人"', "青石港罢工5000人参加", "the same quoted", True),
    ("罢工5000人", "青石港罢工500人参加", "another number", False),
    ("港5000人", "青石港罢工5000人参加", "not side by side", False),
    ("第5号", "青石第5号码头", "one character before and after a number", True),
    ("コンテナ", "コンテナ船が入港", "kana", True),
    ("ﾃﾅ", "コンテナ船", "half-width kana", True),
    ("Грузия", "ГРУЗИЯ голосует", "Cyrillic in capitals", True),
    ("headline:halvik", "Halvik votes", "a named field", True),
    ("summary:halvik", "Halvik votes", "another field", False),
    ("don't panic", "Panic? They don’t", "punctuation around words", True),
    ("C++", "C++ at sea", "signs of a name", True),
    ("Aarvik", "Aarvik's goal", "possessive", True),
)


@pytest.mark.parametrize(("q", "headline", "why", "found"), TYPED, ids=[f"{q} | {h}" for q, h, _, _ in TYPED])
def test_what_people_type(make_article: Make, tmp_path: Path, q: str, headline: str, why: str, found: bool) -> None:
    """One article with this headline and little else, beside one that says nothing of it."""
    plain = {"summary": "", "topic": "", "contexts": (), "sources": ()}
    own = make_article(headline=headline, path="/news/2031/03/4/own", **plain)
    other = make_article(headline="Zebra quay", path="/news/2031/03/4/other", **plain)
    engine = open_over(tmp_path, own, other)
    assert headlines(engine, q) == ([headline] if found else []), why


HOSTILE = (
    "*",
    '"',
    "((((",
    ")",
    "-",
    "AND",
    "~",
    "^",
    "a" * 20_000,
    "x " * 10_000,
    "?*" * 900,
    "headline:",
    "“”",
    "\u0301",
    "date:never",
)


@pytest.mark.parametrize("q", HOSTILE, ids=lambda q: repr(q[:12]))
def test_whatever_is_typed_gets_an_answer_and_a_word_on_what_was_ignored(
    make_article: Make, tmp_path: Path, q: str
) -> None:
    """A text with nothing to search for stands for every article; the rest finds nothing here. All of it is told."""
    result = open_over(tmp_path, make_article()).search(SearchRequest(q=q))
    assert result.warnings
    assert result.total in (0, 1)


@pytest.mark.parametrize(("q", "total"), [("\x00\ud800", 1), ("[ TO ]", 0), ("   ", 1)], ids=repr)
def test_what_is_blank_or_a_plain_word_after_all_needs_no_warning(
    make_article: Make, tmp_path: Path, q: str, total: int
) -> None:
    result = open_over(tmp_path, make_article()).search(SearchRequest(q=q))
    assert (result.total, result.warnings) == (total, ())
