"""Trees back to text: what ``render`` writes parses to the same tree, and ``describe`` says what was understood."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from query_trees import trees

from search_app.engine.describe import describe, describe_days, render
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
    simplify,
)
from search_app.engine.syntax import QueryLimits, parse_query

TODAY = date(2024, 2, 29)
WIDE = QueryLimits(max_chars=100_000, max_clauses=10_000, max_nesting=100)
A, B, C = Word("a"), Word("b"), Word("c")


@given(trees)
def test_rendered_tree_parses_to_itself(tree: Query) -> None:
    """For any tree that ``simplify`` yields, and without a word of complaint."""
    simple = simplify(tree)
    parsed = parse_query(render(simple), today=TODAY, limits=WIDE)
    assert parsed.tree == simple
    assert parsed.warnings == ()


@given(trees)
def test_every_tree_can_be_described(tree: Query) -> None:
    """In words, with every parenthesis closed that the description itself opened."""
    simple = simplify(tree)
    assert describe(simple)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        # leaves
        (MatchAll(), ""),
        (MatchNone(), "-*:*"),
        (A, "a"),
        (Word("a", "headline"), "headline:a"),
        (Phrase("peace talks"), '"peace talks"'),
        (Phrase("peace talks", 5, "summary"), 'summary:"peace talks"~5'),
        (Prefix("syr"), "syr*"),
        (Wildcard("wom?n", "topic"), "topic:wom?n"),
        (Fuzzy("astana", 1), "astana~"),
        (Fuzzy("astana", 2), "astana~2"),
        # groups
        (And((A, Or((B, C)))), "a (b OR c)"),
        (Or((And((A, B)), C)), "(a b) OR c"),
        (And((A, Not(B))), "a -b"),
        (Not(Or((A, B))), "-(a OR b)"),
        (Boost(A, 1.5), "a^1.5"),
        (Boost(And((A, B)), 2.0), "(a b)^2"),
        # days
        (Dates(date(2016, 1, 1), date(2016, 12, 31)), "date:2016"),
        (Dates(date(2016, 2, 1), date(2016, 2, 29)), "date:2016-02"),
        (Dates(date(2016, 2, 3), date(2016, 2, 3)), "date:2016-02-03"),
        (Dates(date(2016, 1, 1), date(2018, 12, 31)), "date:2016..2018"),
        (Dates(date(2016, 3, 1), date(2016, 4, 15)), "date:2016-03..2016-04-15"),
        (Dates(date(2016, 3, 1), None), "since:2016-03"),
        (Dates(None, date(2016, 12, 31)), "until:2016"),
        (Dates(None, date(2016, 12, 30)), "until:2016-12-30"),
        # what only looks like syntax
        (Word("AND"), "\\AND"),
        (Word("a*b"), "a\\*b"),
        (Word("title:x"), "title\\:x"),
        (Word("http://a.b"), "http://a.b"),
        (Word("10:30"), "10:30"),
        (Word("title:x", "topic"), "topic:title:x"),
        (Word('5"'), '5\\"'),
    ],
    ids=repr,
)
def test_render(tree: Query, text: str) -> None:
    """The text is what a person would have typed."""
    assert simplify(tree) == tree
    assert render(tree) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "every article"),
        ("-*:*", "no article"),
        ("syria", "“syria”"),
        ("syria talks", "“syria” and “talks”"),
        ('"peace talks"', "the phrase “peace talks”"),
        ('"peace"', "exactly “peace”"),
        ('"peace talks"~5', "the phrase “peace talks” with up to 5 other words in between"),
        ('"peace talks"~1', "the phrase “peace talks” with up to 1 other word in between"),
        ("syr*", "words beginning with “syr”"),
        ("wom?n", "words of the shape “wom?n”"),
        ("astana~", "words like “astana” (1 letter different)"),
        ("astana~2", "words like “astana” (up to 2 letters different)"),
        ("source:x context:y", "“x” in a source and “y” in a context"),
        ("a OR b", "“a” or “b”"),
        ("a b OR c", "“a” and (“b” or “c”)"),
        ("a AND b OR c", "(“a” and “b”) or “c”"),
        ("a OR -b", "“a” or not “b”"),
        ("a^2 b", "“a” (weight 2) and “b”"),
        ("-x", "every article but those with “x”"),
        ("-x -y", "every article, not “x”, not “y”"),
        ("-date:2017", "not in 2017"),
        ("date:2017", "in 2017"),
        (
            'syria headline:"peace talks" date:2016-01..2016-03 -turkey',
            "“syria” and the phrase “peace talks” in the headline, from 1 January 2016 to 31 March 2016, not “turkey”",
        ),
        ("a -(b OR c d) on:yesterday", "“a”, on 28 February 2024, not ((“b” or “c”) and “d”)"),
    ],
)
def test_describe(text: str, words: str) -> None:
    """Every grouping shows; what is excluded comes last."""
    assert describe(parse_query(text, today=TODAY).tree) == words


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2016, 1, 1), date(2016, 12, 31), "in 2016"),
        (date(2016, 2, 1), date(2016, 2, 29), "in February 2016"),
        (date(2016, 2, 1), date(2016, 2, 28), "from 1 February 2016 to 28 February 2016"),
        (date(2016, 9, 5), date(2016, 9, 5), "on 5 September 2016"),
        (date(2016, 9, 5), None, "since 5 September 2016"),
        (None, date(2016, 9, 5), "until 5 September 2016"),
        (None, None, "on any day"),
    ],
)
def test_describe_days(first: date | None, last: date | None, words: str) -> None:
    """Absolute dates, both ends included, whatever was typed."""
    assert describe_days(first, last) == words
