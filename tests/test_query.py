"""The query tree: values, walks, and ``simplify``, which must never change what matches."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from query_trees import matches, plain_trees, trees

from search_app.engine.query import (
    And,
    Boost,
    Dates,
    Fuzzy,
    MatchAll,
    MatchNone,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Wildcard,
    Word,
    clauses,
    clean_text,
    clean_word,
    simplify,
    walk,
    wanted_leaves,
)

A, B, C = Word("a"), Word("b"), Word("c")
JAN = Dates(date(2016, 1, 1), date(2016, 1, 31))
FROM_10 = Dates(date(2016, 1, 10), None)
TO_20 = Dates(None, date(2016, 1, 20))


def test_nodes_are_values() -> None:
    """Two trees built apart are equal, hash alike, and print so that one can read them."""
    one = And((Word("a", "topic"), Not(Phrase("b c", 2))))
    other = And((Word("a", "topic"), Not(Phrase("b c", 2))))
    assert one == other
    assert len({one, other}) == 1
    assert repr(Word("a", "topic")) == "Word(text='a', field='topic')"
    with pytest.raises(FrozenInstanceError):
        one.children = ()  # type: ignore[misc]


def test_walk_goes_from_left_to_right_and_however_deep() -> None:
    """Parents come before children; a thousand negations are no problem."""
    tree = And((Or((A, B)), Not(Boost(C, 2))))
    assert list(walk(tree)) == [tree, Or((A, B)), A, B, Not(Boost(C, 2)), Boost(C, 2), C]
    deep: Query = A
    for _ in range(5000):
        deep = Not(deep)
    assert [node for node in walk(deep) if not isinstance(node, Not)] == [A]


def test_wanted_leaves() -> None:
    """What a highlighter marks is what is wanted: not what is excluded, and no dates."""
    tree = And((Or((A, Boost(Phrase("b c"), 2))), JAN, Not(C)))
    assert wanted_leaves(tree) == (A, Phrase("b c"))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [(And((A, B)), (A, B)), (Or((A, B)), (Or((A, B)),)), (A, (A,)), (MatchAll(), ()), (MatchNone(), (MatchNone(),))],
    ids=["and", "or", "word", "all", "none"],
)
def test_clauses(tree: Query, expected: tuple[Query, ...]) -> None:
    """The conditions that must all hold."""
    assert clauses(tree) == expected


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        # flattening
        (And((A, And((B, And((C,)))))), And((A, B, C))),
        (Or((A, Or((B, C)))), Or((A, B, C))),
        (And((A, Or((B, C)))), And((A, Or((B, C))))),
        (And((A,)), A),
        # repetition
        (And((A, A, B)), And((A, B))),
        (Or((A, A)), A),
        # all and none
        (And((A, MatchAll())), A),
        (And((A, MatchNone())), MatchNone()),
        (Or((A, MatchAll())), MatchAll()),
        (Or((A, MatchNone())), A),
        (And((MatchAll(), MatchAll())), MatchAll()),
        (Or((MatchNone(), MatchNone())), MatchNone()),
        (Not(MatchAll()), MatchNone()),
        (Not(MatchNone()), MatchAll()),
        # negation
        (Not(Not(A)), A),
        (Not(Not(Not(A))), Not(A)),
        (Not(Boost(A, 3)), Not(A)),
        (Not(And((Boost(A, 3), Not(Boost(B, 2))))), Not(And((A, Not(B))))),
        # factors
        (Boost(A, 1), A),
        (Boost(Boost(A, 2), 3), Boost(A, 6)),
        (Boost(Boost(A, 2), 0.5), A),
        (Boost(A, 1e9), Boost(A, 100)),
        (Boost(A, 0), Boost(A, 0.01)),
        (Boost(A, 1.23456), Boost(A, 1.2346)),
        (Boost(Not(A), 2), Not(A)),
        (Boost(JAN, 2), JAN),
        # days
        (And((FROM_10, A, TO_20)), And((Dates(date(2016, 1, 10), date(2016, 1, 20)), A))),
        (And((JAN, FROM_10)), Dates(date(2016, 1, 10), date(2016, 1, 31))),
        (And((A, And((JAN, B)), TO_20)), And((A, Dates(date(2016, 1, 1), date(2016, 1, 20)), B))),
        (Or((FROM_10, TO_20)), Or((FROM_10, TO_20))),
        (And((Dates(date(2017, 1, 1)), JAN)), MatchNone()),
        (Dates(), MatchAll()),
        (Dates(date(2016, 1, 2), date(2016, 1, 1)), MatchNone()),
        # texts
        (Word("  Syria, "), Word("Syria")),
        (Word("cafe\u0301"), Word("café")),
        (Phrase(' a "b"\n c '), Phrase("a b c")),
        (Phrase("a", 3), Phrase("a")),
        (Phrase("a b", 1000), Phrase("a b", 100)),
        (Wildcard("ab**"), Prefix("ab")),
        (Wildcard("ab"), Word("ab")),
        (Wildcard("a*b?"), Wildcard("a*b")),
        (Prefix("a*"), Prefix("a")),
        (Fuzzy("2024", 1), Word("2024")),
        (Fuzzy("covid19", 1), Word("covid19")),
        (Fuzzy("it", 1), Word("it")),
        (Fuzzy("word", 7), Fuzzy("word", 2)),
        (Fuzzy("word", 0), Word("word")),
        # nothing to search for
        (Word("!?"), MatchAll()),
        (And((A, Word("--"))), A),
        (Or((A, Word("…"))), A),
        (And((A, Not(Phrase(" ")))), A),
        (And(()), MatchAll()),
        (Or(()), MatchAll()),
    ],
    ids=repr,
)
def test_simplify(tree: Query, expected: Query) -> None:
    """The plainest tree with the same meaning."""
    assert simplify(tree) == expected


@given(plain_trees, st.frozensets(st.sampled_from("abcd")), st.integers(1, 29))
def test_simplify_keeps_what_matches(tree: Query, words: frozenset[str], day: int) -> None:
    """Held against the definition of each node, on every kind of article."""
    assert matches(simplify(tree), words, date(2016, 2, day)) == matches(tree, words, date(2016, 2, day))


@given(trees)
def test_simplify_is_done_at_once(tree: Query) -> None:
    """Simplifying a second time changes nothing, and neither time changes its input."""
    before = repr(tree)
    simple = simplify(tree)
    assert simplify(simple) == simple
    assert repr(tree) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Syria,", "Syria"),
        ("(a", "(a"),
        ("…end…", "end"),
        ("end.", "end"),
        ("end...", "end"),
        ("U.S.", "U.S."),
        ("U.S.,", "U.S."),
        ("U.S.?", "U.S."),
        ("U.S.A", "U.S.A"),
        ("3.5%", "3.5%"),
        ("C++", "C++"),
        ("+1", "1"),
        ("-x-", "x"),
        ("‘it’", "it"),
        ("don't", "don't"),
        ("[sic]", "sic"),
        ("/a/b/", "a/b"),
        ("\ufeffword\u200b", "word"),
        ("who?", "who"),
        ("a\x00b", "a b"),
        ("\ud800", ""),
    ],
)
def test_clean_word(text: str, expected: str) -> None:
    """Punctuation around a word goes, what belongs to it stays."""
    assert clean_word(text) == expected


def test_clean_text_bounds_runs_of_combining_marks() -> None:
    """Thirty marks on a letter are kept, as in Unicode's stream-safe format; the next letter starts anew."""
    assert clean_text("x" + "\u0301" * 40 + "e\u0301") == "x" + "\u0301" * 30 + "é"
