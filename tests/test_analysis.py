"""From text to tokens: what counts as one word, and what is equal however it is typed."""

from __future__ import annotations

import random
import unicodedata
from threading import Barrier, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processor_time import seconds_taken

from search_app.engine.query import MAX_SLOP
from search_app.index import analysis
from search_app.index.analysis import (
    LONGEST_WORD,
    SEPARATOR,
    STOP_WORDS,
    VALUE_GAP,
    NewsTokenizer,
    analyse,
    analyse_surface,
    find_surfaces,
    fold,
    is_dense,
    iter_surfaces,
    stem,
)


def folded(text: str, *, query: bool = False) -> list[str]:
    return [token.folded for token in analyse(text, query=query)]


WORDS: tuple[tuple[str, str, list[str]], ...] = (
    ("words", "Dockers walk out", ["dockers", "walk", "out"]),
    ("punctuation", "“Out!” (they said): now.", ["out", "they", "said", "now"]),
    ("hyphen", "re-opens", ["re", "opens"]),
    ("other hyphens", "re‐opens re‑opens re–opens", ["re", "opens"] * 3),
    ("underscore", "under_score", ["under", "score"]),
    ("slash", "and/or", ["and", "or"]),
    ("straight apostrophe", "don't", ["don't"]),
    ("curly apostrophe", "don’t", ["don't"]),
    ("other apostrophes", "donʼt don`t don´t don＇t", ["don't"] * 4),
    ("possessive", "Aarvik's", ["aarvik's"]),
    ("apostrophe at an edge", "'tis dockers'", ["tis", "dockers"]),
    ("acronym", "U.S. and U.N.", ["us", "and", "un"]),
    ("acronym in the middle", "the U.S.A. votes", ["the", "usa", "votes"]),
    ("initials before a name", "J. Smith", ["j", "smith"]),
    ("full stop without a space", "end.Start", ["end", "start"]),
    ("thousands", "1,000 and 1,234,567", ["1000", "and", "1234567"]),
    ("decimals", "3.5 of 10", ["3.5", "of", "10"]),
    ("thousands and decimals", "1,000.50", ["1000.50"]),
    ("list of numbers", "1, 2", ["1", "2"]),
    ("number at the end", "It was 5.", ["it", "was", "5"]),
    ("letters and digits", "COVID-19 A380 3rd", ["covid", "19", "a380", "3rd"]),
    ("date", "2017-01-16", ["2017", "01", "16"]),
    ("percent and currency", "46% €5 $1,000", ["46", "5", "1000"]),
    ("capitals", "HARBOUR", ["harbour"]),
    ("accents", "café Été naïve Łódź Straße", ["cafe", "ete", "naive", "lodz", "strasse"]),
    ("decomposed", unicodedata.normalize("NFD", "café Été"), ["cafe", "ete"]),
    ("letters that do not decompose", "ø đ ł ı æ œ þ", ["o", "d", "l", "i", "ae", "oe", "th"]),
    ("ligature", "ﬁre ﬀ", ["fire", "ff"]),
    ("full width", "ＡＢＣ １２", ["abc", "12"]),
    ("soft hyphen and zero width", "har\u00adbour", ["har", "bour"]),
    ("zero width joiner within a word", "a\u200db", ["ab"]),
    ("Greek final sigma", "ΟΔΟΣ οδός", ["οδοσ", "οδοσ"]),
    ("Turkish dotted capital", "İstanbul", ["istanbul"]),
    ("Cyrillic", "ГРУЗИЯ Й", ["грузия", "и"]),
    ("Arabic with marks", "كِتَاب", ["كتاب"]),
    ("Hebrew with points", "שָׁלוֹם", ["שלום"]),
    ("Hangul", "한국 정부", ["한국", "정부"]),
    ("emoji", "storm 🌪 ahead", ["storm", "ahead"]),
    ("nothing", " — … ", []),
    ("empty", "", []),
    ("a lone mark", "\u0301", []),
    ("Han", "青石港", ["青石", "石港", "港"]),
    ("one character", "港", ["港"]),
    ("Han and punctuation", "罢工，结束", ["罢工", "工", "结束", "束"]),
    ("Han beside Latin", "在Halvik罢工", ["在", "halvik", "罢工", "工"]),
    ("Han beside digits", "2031年3月", ["2031", "年", "3", "月"]),
    ("kana", "コンテナ", ["コン", "ンテ", "テナ", "ナ"]),
    ("Thai", "ไทย", ["ไท", "ทย", "ย"]),
)


@pytest.mark.parametrize(("text", "tokens"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_words(text: str, tokens: list[str]) -> None:
    """The folded spellings that a text is indexed under."""
    assert folded(text) == tokens


QUERIES: tuple[tuple[str, list[str]], ...] = (
    ("青石港", ["青石", "石港"]),
    ("港", ["港"]),
    ("罢工 结束", ["罢工", "工", "结束"]),
    ("青石5000人", ["青石", "石", "5000", "人"]),
    ("don’t", ["don't"]),
)


@pytest.mark.parametrize(("text", "tokens"), QUERIES)
def test_a_query_of_a_run_without_spaces_is_its_bigrams_alone(text: str, tokens: list[str]) -> None:
    """So that it is found anywhere within a longer run, unless something follows that ends the run there.

    Each is among those that the text itself is filed under.
    """
    assert folded(text, query=True) == tokens
    assert set(tokens) <= set(folded(text))


FORMS = (
    ("talks", "talking", True),
    ("running", "runs", True),
    ("elections", "election", True),
    ("Ferries", "ferry", True),
    ("striking", "strike", True),
    ("harbour", "harbours", True),
    ("Aarvik's", "Aarvik", True),
    ("news", "new", False),
    ("2031", "203", False),
    ("café", "cafe", True),
    ("Грузия", "Грузии", False),
    ("university", "universities", True),
    ("university", "universe", False),
    ("international", "intern", False),
    ("organizing", "organizations", True),
    ("organization", "organ", False),
    ("emergency", "emerge", False),
    ("evenings", "even", False),
    ("adding", "ad", False),
    ("biologists", "biology", True),
    ("don't", "don’t", True),
    ("O'Brien's", "o’brien", True),
    ("3rd", "3rds", False),
)


@pytest.mark.parametrize(("one", "other", "same"), FORMS)
def test_forms_of_a_word_share_a_stem(one: str, other: str, same: bool) -> None:
    assert (analyse(one)[0].stem == analyse(other)[0].stem) is same


@pytest.mark.parametrize(
    "word",
    [
        "",
        "'",
        "'s'",
        "s",
        "y",
        "don't",
        "1990s",
        "a380",
        "café",
        "ГРУЗИЯ",
        "港",
        "\x00",
        "a\x00s",
        "\ud800s",
        "a" * 10_000,
    ],
)
def test_any_word_has_a_stem(word: str) -> None:
    """What ends in no letter or has others than English ones is its own."""
    found = stem(word)
    assert bool(found) is bool(word) and len(found) <= len(word)
    if not word.isascii() or not word[-1:].isalpha():
        assert found == word


def test_threads_stem_as_one_does() -> None:
    """A stemmer is for one thread; each has its own."""
    rng = random.Random("threads stem")
    words = ["".join(rng.choices("aeioustnylg", k=rng.randint(3, 9))) + "ings" for _ in range(4000)]
    alone = {word: stem(word) for word in words}
    together = Barrier(4)
    found: list[dict[str, str]] = []
    stemmers = [analysis._stemmers.english]

    def stem_all(own: list[str]) -> None:
        together.wait(60)
        stemmers.append(analysis._stemmers.english)
        found.append({word: stem(word) for word in own})

    threads = [Thread(target=stem_all, args=(words[n:] + words[:n],)) for n in range(0, 4000, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4
    assert len(set(map(id, stemmers))) == 5


def test_spellings_keep_their_accents_and_nothing_else() -> None:
    token = analyse("CAFÉ")[0]
    assert (token.stem, token.folded, token.spelled) == ("cafe", "cafe", "café")
    assert analyse("ﬁre")[0].spelled == "fire"


def test_stop_words_are_tokens_like_others() -> None:
    assert folded("To be, or not to be") == ["to", "be", "or", "not", "to", "be"]
    assert {"the", "who", "to", "be", "or", "not"} <= STOP_WORDS
    assert all(word == fold(word) for word in STOP_WORDS)


def test_a_word_that_nobody_types_is_cut() -> None:
    token = analyse("x" * 100_000)[0]
    assert len(token.folded) == LONGEST_WORD
    assert analyse("x" * 100_000 + "y") == analyse("x" * 100_000)


texts = st.text(max_size=40)


@given(text=texts)
def test_composed_and_decomposed_text_give_the_same_tokens(text: str) -> None:
    assert analyse(unicodedata.normalize("NFD", text)) == analyse(unicodedata.normalize("NFC", text))


@given(text=texts)
def test_tokens_are_what_they_look_like(text: str) -> None:
    """Never empty, folded once for all, without what holds values apart; stems are decided by foldings."""
    for token in analyse(text):
        assert token.stem and token.folded and token.spelled
        assert SEPARATOR not in token.spelled and "\n" not in token.spelled
        assert token.stem == (token.stem if is_dense(token.folded) else stem(token.folded))


@given(text=st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(text=texts)
def test_surfaces_are_cut_the_same_way_with_their_places_and_without(text: str) -> None:
    matches = list(iter_surfaces(text))
    assert [match.group() for match in matches] == find_surfaces(text)
    assert all(text[match.start() : match.end()] == match.group() for match in matches)


@given(one=texts, other=texts)
def test_a_text_is_analysed_as_its_parts(one: str, other: str) -> None:
    """What stands before a space has no influence on what stands behind it."""
    one, other = unicodedata.normalize("NFC", one), unicodedata.normalize("NFC", other)
    assert analyse(one + " . " + other) == analyse(one) + analyse(other)


HOSTILE = ("'" * 50_000, "a'" * 25_000, "1," * 25_000, "a." * 25_000, "\u0301" * 50_000, "港" * 50_000, "a港" * 25_000)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:2]))
def test_no_text_takes_long(text: str) -> None:
    """Linear in the length of the text: 50,000 characters of anything in well under a second."""
    assert seconds_taken(lambda: (find_surfaces(text), analyse_surface(text)), 1.0) < 1.0


# -- as a Whoosh tokenizer -----------------------------------------------------------------------------------------


def test_the_tokenizer_gives_stems_or_spellings_with_places() -> None:
    text = "The dockers’ talks"
    tokens = [(t.text, t.pos, text[t.startchar : t.endchar]) for t in NewsTokenizer()(text, positions=True, chars=True)]
    assert tokens == [("the", 0, "The"), ("docker", 1, "dockers"), ("talk", 2, "talks")]
    assert [token.text for token in NewsTokenizer(exact=True)(text)] == ["the", "dockers", "talks"]


def test_values_are_kept_apart_by_more_than_any_slop() -> None:
    text = SEPARATOR.join(("Port Amaro", "", "Kestria"))
    tokens = [(t.text, t.pos, t.startchar) for t in NewsTokenizer()(text, positions=True, chars=True)]
    assert tokens == [("port", 0, 0), ("amaro", 1, 5), ("kestria", 2 + 2 * VALUE_GAP, 12)]
    assert VALUE_GAP > MAX_SLOP


def test_a_tokenizer_for_queries_leaves_out_the_single_last_character() -> None:
    assert [token.text for token in NewsTokenizer()("罢工结束", mode="query")] == ["罢工", "工结", "结束"]
    assert [token.text for token in NewsTokenizer()("罢工结束", mode="index")] == ["罢工", "工结", "结束", "束"]


def test_tokenizers_are_values() -> None:
    assert NewsTokenizer() == NewsTokenizer() != NewsTokenizer(exact=True)
    assert len({NewsTokenizer(), NewsTokenizer(), NewsTokenizer(exact=True)}) == 2


@settings(max_examples=60)
@given(text=texts)
def test_the_tokenizer_gives_what_analysis_gives(text: str) -> None:
    text = unicodedata.normalize("NFC", text.replace(SEPARATOR, " "))
    assert [token.text for token in NewsTokenizer()(text)] == [token.stem for token in analyse(text)]
