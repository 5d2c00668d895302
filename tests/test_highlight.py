"""Marks and extracts: a mark stands where a match stood, and nothing but marks is markup."""

from __future__ import annotations

import random
import re
from datetime import date
from html import escape, unescape

import pytest
from conftest import SEED
from hypothesis import assume, example, given
from hypothesis import strategies as st
from plain_engine import PlainEngine
from random_articles import random_articles, random_leaf

from search_app.engine.highlight import Highlighter, beginning
from search_app.engine.plan import Term, make_plan, scorable_leaves
from search_app.engine.query import And, Boost, Fuzzy, Not, Or, Phrase, Prefix, Wildcard, Word
from search_app.engine.syntax import parse_query
from search_app.index.analysis import analyse, analyse_surface, is_dense, iter_surfaces

TODAY = date(2032, 3, 1)


def highlighter(q: str) -> Highlighter:
    """Return a highlighter for a query text."""
    return Highlighter(make_plan(parse_query(q, today=TODAY).tree)[0])


def marked(q: str, text: str, field: str = "headline") -> str:
    """Return a text with stars where its marks stand."""
    return unescape(highlighter(q).mark(field, text).replace("<mark>", "*").replace("</mark>", "*"))


MARKS: tuple[tuple[str, str, str, str], ...] = (
    ("a word", "storm", "A storm nears", "A *storm* nears"),
    ("every time", "storm", "Storm after storm", "*Storm* after *storm*"),
    ("in any form", "talk", "Talks resume, talking ends", "*Talks* resume, *talking* ends"),
    ("an exact word", '"talks"', "Talks resume, talking ends", "*Talks* resume, talking ends"),
    ("accents", "cafe", "The CAFÉ closes", "The *CAFÉ* closes"),
    ("a decomposed text", "café", "The cafe\u0301 closes", "The *cafe\u0301* closes"),
    ("an apostrophe", "don't", "They don’t vote", "They *don’t* vote"),
    ("an acronym", "US", "The U.S. votes", "The *U.S*. votes"),
    ("a number", "1000", "Some 1,000 dockers", "Some *1,000* dockers"),
    ("several words", "storm sel", "Sel after the storm", "*Sel* after the *storm*"),
    ("a phrase", '"peace talks"', "Peace talks on peace", "*Peace* *talks* on *peace*"),
    ("a beginning", "har*", "Harbour hard by", "*Harbour* *hard* by"),
    ("a shape", "st?rm", "Storm and strum", "*Storm* and strum"),
    ("a fuzzy word", "harbuor~", "Harbour closed", "*Harbour* closed"),
    ("not what is excluded", "storm -sel", "Storm over Sel", "*Storm* over Sel"),
    ("not a part of a word", "arm", "Harm and arm", "Harm and *arm*"),
    ("another field", "summary:storm", "Storm nears", "Storm nears"),
    ("its own field", "headline:storm", "Storm nears", "*Storm* nears"),
    ("a stop word that was left out", "the storm", "The storm nears", "The *storm* nears"),
    ("a stop word that was meant", "the", "The storm nears", "*The* storm nears"),
    ("Chinese", "罢工", "码头工人罢工结束", "码头工人*罢工*结束"),
    ("a longer run", "码头工人", "码头工人罢工结束", "*码头工人*罢工结束"),
    ("one character", "港", "青石港口港", "青石*港*口*港*"),
    ("nothing", "zeppelin", "Storm nears", "Storm nears"),
    ("no query", "", "Storm nears", "Storm nears"),
)


@pytest.mark.parametrize(("q", "text", "expected"), [row[1:] for row in MARKS], ids=[row[0] for row in MARKS])
def test_marks(q: str, text: str, expected: str) -> None:
    assert marked(q, text) == expected


PIECES = st.sampled_from(
    "us U.S. u s unesco U.N.E.S.C.O. o ' \u2019 ` brien 1 , . 000 - _ caf é e\u0301 Ö İ ﬁ dying die skies sky early"
    " ability able news Ski running run agencies \u200b \u200d 港口 罢 \u05d0".split(" ")
    + [" "] * 3
)
TRICKY = st.lists(PIECES, max_size=14).map("".join)


@given(TRICKY, TRICKY)
@example("o'brien brien", "o'brien")
@example("U.S. us", "us")
@example("1,000 000", "000")
def test_every_word_of_the_query_and_no_other_is_marked(text: str, query: str) -> None:
    """Against the plain way: cut the text into all its words, analyse each, look whether the query has it."""
    leaves = list(scorable_leaves(make_plan(parse_query(query, today=TODAY).tree)[0]))
    assume(all(isinstance(leaf, Term) and leaf.token.exact is None for leaf in leaves))
    terms = {leaf.token.stem for leaf in leaves if isinstance(leaf, Term)}
    expected = [
        match.span()
        for match in iter_surfaces(text)
        if not is_dense(match.group()) and any(token.stem in terms for token in analyse_surface(match.group()))
    ]
    found = highlighter(query).spans("headline", text)
    assert [span for span in found if not is_dense(text[slice(*span)])] == expected


@given(
    st.sampled_from(
        ["", "h", "d", "v", "sk", "sen", "poss", "agen", "luxur", "nation", "ration", "communi", "arsen", "y", "sa"]
    ),
    st.lists(
        st.sampled_from(
            "s es ies ied ing ed er y ly al ational tional ization izer ousli ousness iveness fulness biliti ability"
            " ible able ment ement icate ative alize ity ful ness ance ence ion ism ate iti ous ive ize ying yed eed"
            " eedly edly ingly ll tt e i a".split()
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_word_begins_as_its_stem_does(root: str, endings: list[str]) -> None:
    """What marking relies on to pass over most words without analysing them."""
    word = root + "".join(endings)
    for token in analyse_surface(word):
        assert word.startswith(beginning(token.stem))


# The words that Snowball English has of its own, up to version 3.1, with forms of them and words that look like them.
EXCEPTIONS = """
    andes atlas bias cosmos news howe skis ski skies sky dying die dies died lying lie tying tie vying vie dyed dye
    idly gently ugly early only singly inning innings outing outings canning cannings herring herrings earring earrings
    evening evenings proceed proceeds proceeding exceed succeed succeeded succeeding pasted pasting paste past
    added adding ebbing egged erring erred odds inns ably agency ability abilities
    generate generous communism community arsenal arson past paste universal universe university international intern
    internal lateral later emergence emerge organ organic organism organize organization interval interment interstate
    skating skiing eying eyed hopping hoping luxuriate conflated troubled sized falling hissing fizzed failing filing
    yes youth boyish boy toy sayings cry cries by say
""".split()


@pytest.mark.parametrize("word", EXCEPTIONS)
def test_a_word_with_a_stem_of_its_own_begins_as_it_does(word: str) -> None:
    for typed in (word, f"{word}'s", f"{word}s", word.upper()):
        (token,) = analyse_surface(typed)
        assert typed.lower().startswith(beginning(token.stem))


HOSTILE = (
    '<script>alert("storm")</script>',
    "<mark>storm</mark> & storm",
    "storm' onmouseover='x",
    'a < storm > b && "c"',
    "</mark>storm<mark>",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("q", ["storm", "script OR mark OR alert OR storm", "s*"])
def test_nothing_but_marks_is_markup(q: str, text: str) -> None:
    """What looks like markup in the text is text; without the marks the text is what it was."""
    for html in (highlighter(q).mark("headline", text), highlighter(q).snippet("headline", text, 200)):
        plain = re.sub("</?mark>", "", html)
        assert not re.search("[<>\"']", plain)
        assert unescape(plain) == text
        assert re.fullmatch("(?:[^<]*<mark>[^<]+</mark>)*[^<]*", html)


texts = st.text(
    st.one_of(st.sampled_from("storm sel <&>\"' 港罢工\n"), st.characters(exclude_categories=["Cs"])), max_size=80
)


@given(text=texts)
def test_any_text_keeps_its_characters(text: str) -> None:
    marker = Highlighter(make_plan(Or((Word("storm"), Prefix("s"), Word("港"), Word("罢工"), Fuzzy("sell"))))[0])
    assert unescape(re.sub("</?mark>", "", marker.mark("summary", text))) == unescape(escape(text))
    spans = marker.spans("summary", text)
    assert all(0 <= first < last <= len(text) for first, last in spans)
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))


@given(word=st.from_regex("[a-z][a-z']{0,12}", fullmatch=True))
def test_a_stem_begins_as_its_word_does(word: str) -> None:
    """What lets most words of a text be passed over by their first letter."""
    for token in analyse(word):
        assert token.stem[:1] == token.folded[:1]


def test_an_article_is_marked_where_and_only_where_it_matches() -> None:
    """For random conditions: an article has a mark in a field if one of the condition's words stands in it."""
    rng = random.Random(f"{SEED} highlight")
    articles = random_articles(rng, 40)
    plain = PlainEngine(articles)
    checked = 0
    for _ in range(150):
        leaf = random_leaf(rng)
        if not isinstance(leaf, Word | Prefix | Wildcard | Fuzzy):
            continue
        # Of words that must stand together each is marked wherever it stands.
        if not isinstance(leaf, Wildcard) and len(analyse(leaf.text, query=True)) != 1:
            continue
        marker = Highlighter(make_plan(leaf)[0])
        found = plain.evaluate(leaf).keys()
        for article in articles:
            texts = {
                "headline": [article.headline],
                "summary": [article.summary],
                "topic": [article.topic],
                "context": article.contexts,
                "source": [source.name for source in article.sources],
            }
            spans = [span for field, values in texts.items() for value in values for span in marker.spans(field, value)]
            assert bool(spans) is (article.path in found), (leaf, article.path)
            checked += bool(spans)
    assert checked > 100


# -- extracts ------------------------------------------------------------------------------------------------------

LONG = " ".join(f"word{n}" for n in range(200))


def test_a_text_that_fits_is_given_whole() -> None:
    assert highlighter("nears").snippet("summary", "A storm\n\nnears", 100) == "A storm  <mark>nears</mark>"
    assert highlighter("x").snippet("summary", "", 100) == ""


def test_an_extract_holds_the_match_and_shows_its_cuts() -> None:
    html = highlighter("word150").snippet("summary", LONG, 120)
    assert html.startswith("…") and html.endswith("…")
    assert "<mark>word150</mark>" in html
    words = re.sub("</?mark>|…", "", html).split()
    assert all(word in LONG.split() for word in words)
    assert 60 < len(" ".join(words)) <= 120


def test_without_a_match_the_extract_is_the_beginning() -> None:
    html = highlighter("zeppelin").snippet("summary", LONG, 120)
    assert html.startswith("word0 word1") and html.endswith("…")


def test_the_extract_with_most_matches_is_chosen() -> None:
    text = LONG.replace("word20 ", "storm ").replace("word120 ", "storm ").replace("word123 ", "sel ")
    html = highlighter("storm OR sel").snippet("summary", text, 150)
    assert html.count("<mark>") == 2 and "word122" in html


def test_a_match_at_the_very_end_is_shown() -> None:
    html = highlighter("word199").snippet("summary", LONG, 120)
    assert html.endswith("<mark>word199</mark>") and html.startswith("…")


@given(at=st.integers(0, 199), limit=st.integers(60, 400))
@example(at=23, limit=157)
def test_any_match_is_in_its_extract(at: int, limit: int) -> None:
    """Cut between words, never much longer than asked for."""
    html = highlighter(f"word{at}").snippet("summary", LONG, limit)
    assert f"<mark>word{at}</mark>" in html
    plain = re.sub("</?mark>", "", html)
    assert len(plain) <= limit + 2
    assert all(word in LONG.split() for word in plain.strip("…").split())


@given(at=st.integers(0, 400), limit=st.integers(60, 200))
def test_a_match_in_text_without_spaces_is_in_its_extract(at: int, limit: int) -> None:
    text = "云" * at + "罢工" + "云" * (400 - at)
    html = highlighter("罢工").snippet("summary", text, limit)
    assert "<mark>罢工</mark>" in html
    assert len(re.sub("</?mark>", "", html)) <= limit + 2


def test_groups_and_factors_are_looked_through() -> None:
    tree = And((Boost(Or((Word("storm"), Phrase("sel"))), 2.0), Not(Word("ferry"))))
    html = Highlighter(make_plan(tree)[0]).mark("headline", "Storm, ferry, Sel")
    assert html == "<mark>Storm</mark>, ferry, <mark>Sel</mark>"
