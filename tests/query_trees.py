"""Random query trees for property tests: every node, awkward texts, and a plain evaluator to hold them against."""

from __future__ import annotations

from collections.abc import Set
from datetime import date

from hypothesis import strategies as st

from search_app.engine.query import (
    FIELDS,
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
)

fields = st.sampled_from((None, *FIELDS))
# Signs of the query language, letters, digits, accents both ways, Chinese, odd spaces, quotes, broken code points.
awkward = st.text(
    st.one_of(
        st.sampled_from(
            "aBé0 9\"“«「()（）[]{}*?~^:：+-–\\/|&.,;!'’#@_\u0301\u0338=<>中文\u3000\u200b\ufeff\ud800\x00\n"
        ),
        st.characters(),
    ),
    max_size=12,
)
known_words = st.sampled_from(
    ("AND", "OR", "NOT", "date:2017", "title:x", "http://a.b/c", "10:30", "U.S.", "COVID-19", "C++")
)
texts = st.one_of(awkward, known_words, st.text("abc", min_size=1, max_size=5))
days = st.one_of(st.none(), st.dates(), st.sampled_from((date(2016, 1, 1), date(2016, 2, 29), date(2016, 12, 31))))

leaves = st.one_of(
    st.builds(Word, texts, fields),
    st.builds(Phrase, texts, st.integers(-1, 120), fields),
    st.builds(Phrase, st.lists(texts, max_size=4).map(" ".join), st.integers(0, 9), fields),
    st.builds(Prefix, texts, fields),
    st.builds(Wildcard, texts, fields),
    st.builds(Wildcard, st.text("ab?*", min_size=1, max_size=6), fields),
    st.builds(Fuzzy, texts, st.integers(0, 3), fields),
    st.builds(Dates, days, days),
    st.just(MatchAll()),
    st.just(MatchNone()),
)


def _wider(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    children = st.lists(inner, max_size=4).map(tuple)
    factors = st.one_of(st.floats(0.001, 200), st.sampled_from((0.5, 1.0, 2.0)))
    return st.one_of(
        st.builds(And, children), st.builds(Or, children), st.builds(Not, inner), st.builds(Boost, inner, factors)
    )


trees = st.recursive(leaves, _wider, max_leaves=12)

plain_leaves = st.one_of(
    st.builds(Word, st.sampled_from("abcd")),
    st.builds(Dates, st.one_of(st.none(), st.integers(1, 28).map(lambda day: date(2016, 2, day)))),
    st.builds(Dates, st.none(), st.integers(1, 28).map(lambda day: date(2016, 2, day))),
    st.just(MatchAll()),
    st.just(MatchNone()),
)


def _wider_never_empty(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    children = st.lists(inner, min_size=1, max_size=4).map(tuple)
    return st.one_of(
        st.builds(And, children), st.builds(Or, children), st.builds(Not, inner), st.builds(Boost, inner, st.just(2.0))
    )


plain_trees = st.recursive(plain_leaves, _wider_never_empty, max_leaves=14)


def matches(tree: Query, words: Set[str], day: date) -> bool:
    """Tell from the definition of each node whether an article of these words and this day matches a plain tree."""
    match tree:
        case MatchAll():
            return True
        case MatchNone():
            return False
        case Word(text, _):
            return text in words
        case Dates(first, last):
            return (first is None or first <= day) and (last is None or day <= last)
        case And(children):
            return all(matches(child, words, day) for child in children)
        case Or(children):
            return any(matches(child, words, day) for child in children)
        case Not(child):
            return not matches(child, words, day)
        case Boost(child, _):
            return matches(child, words, day)
    raise TypeError(tree)
