"""Query text to tree: the whole language as a table, then hostile text, then text at random."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from query_trees import awkward

from search_app.engine.date_terms import DATE_NAMES
from search_app.engine.describe import render
from search_app.engine.lexer import FIELD_NAMES, KNOWN_NAMES, MAX_NOTES
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
    TextLeaf,
    Wildcard,
    Word,
    simplify,
    walk,
)
from search_app.engine.syntax import QueryLimits, parse_query
from search_app.settings import BY_NAME

TODAY = date(2024, 2, 29)
A, B, C, D = Word("a"), Word("b"), Word("c"), Word("d")
YEAR_2017 = Dates(date(2017, 1, 1), date(2017, 12, 31))


def _leaves(tree: Query) -> list[Query]:
    """Return every word, phrase, pattern and span of days, excluded ones too."""
    return [node for node in walk(tree) if isinstance(node, TextLeaf | Dates)]


def parse(text: str, **limits: int) -> Query:
    """The tree of a text that must give no warning."""
    parsed = parse_query(text, today=TODAY, limits=QueryLimits(**limits))
    assert parsed.warnings == ()
    return parsed.tree


LANGUAGE: list[tuple[str, Query]] = [
    # words
    ("", MatchAll()),
    ("  \t\n ", MatchAll()),
    ("syria", Word("syria")),
    ("Syria  talks", And((Word("Syria"), Word("talks")))),
    ("a and b or not c", And((A, Word("and"), B, Word("or"), Word("not"), C))),
    ("And Or Not", And((Word("And"), Word("Or"), Word("Not")))),
    ("a a", A),
    # one word in spite of signs within it
    ("COVID-19", Word("COVID-19")),
    ("don't", Word("don't")),
    ("don’t", Word("don’t")),
    ("U.S.", Word("U.S.")),
    ("AT&T", Word("AT&T")),
    ("3.5%", Word("3.5%")),
    ("C++", Word("C++")),
    ("#metoo @who $5", And((Word("#metoo"), Word("@who"), Word("$5")))),
    ("e.g.", Word("e.g.")),
    ("café", Word("café")),
    ("cafe\u0301", Word("café")),
    # scripts without spaces
    ("习近平访问俄罗斯", Word("习近平访问俄罗斯")),
    ("习近平 俄罗斯", And((Word("习近平"), Word("俄罗斯")))),
    ("习近平\u3000俄罗斯。", And((Word("习近平"), Word("俄罗斯")))),
    ("「和平 谈判」（a OR b）", And((Phrase("和平 谈判"), Or((A, B))))),
    # running text
    ("Syria, talks; (peace)!", And((Word("Syria"), Word("talks"), Word("peace")))),
    ("who won?", And((Word("who"), Word("won")))),
    ("qui a gagné ?", And((Word("qui"), A, Word("gagné")))),
    ("war & peace", And((Word("war"), Word("peace")))),
    ("war – peace — now …", And((Word("war"), Word("peace"), Word("now")))),
    ("--verbose", Word("verbose")),
    ("note: something", And((Word("note"), Word("something")))),
    ("before: the storm", And((Word("before"), Word("the"), Word("storm")))),
    ("10:30", Word("10:30")),
    ("http://example.org/a?b=c*d e", And((Word("http://example.org/a?b=c*d"), Word("e")))),
    ("https://example.org/a:b", Word("https://example.org/a:b")),
    ("‘it’ 'was'", And((Word("it"), Word("was")))),
    ("a_b", Word("a_b")),
    # phrases
    ('"peace talks"', Phrase("peace talks")),
    ('"peace"', Phrase("peace")),
    ('"  peace \n talks "', Phrase("peace talks")),
    ("“peace talks”", Phrase("peace talks")),
    ("„peace talks“", Phrase("peace talks")),
    ("«peace talks»", Phrase("peace talks")),
    ("»peace talks«", Phrase("peace talks")),
    ('“peace talks"', Phrase("peace talks")),
    ('"a b" c', And((Phrase("a b"), C))),
    ('c"a b"d', And((C, Phrase("a b"), D))),
    ('"a OR (b) -c*"', Phrase("a OR (b) -c*")),
    ('"don\'t"', Phrase("don't")),
    # proximity
    ('"peace talks"~5', Phrase("peace talks", 5)),
    ('"peace talks"~0', Phrase("peace talks")),
    ('"peace talks"~5^2', Boost(Phrase("peace talks", 5), 2)),
    ('"peace talks"^2~5', Boost(Phrase("peace talks", 5), 2)),
    # and, or, not
    ("a AND b", And((A, B))),
    ("a && b", And((A, B))),
    ("a OR b", Or((A, B))),
    ("a || b | c", Or((A, B, C))),
    ("a NOT b", And((A, Not(B)))),
    ("a AND NOT b", And((A, Not(B)))),
    ("a -b", And((A, Not(B)))),
    ("a - b -c"[:2] + "-b -c", And((A, Not(B), Not(C)))),
    ('a -"b c"', And((A, Not(Phrase("b c"))))),
    ("a -(b c)", And((A, Not(And((B, C)))))),
    ("a -topic:b", And((A, Not(Word("b", "topic"))))),
    ("a topic:-b", And((A, Not(Word("b", "topic"))))),
    ("NOT NOT a", A),
    ("-x", Not(Word("x"))),
    ("-a -b", And((Not(A), Not(B)))),
    ("+a +b", And((A, B))),
    ('+"a b" +(c d)', And((Phrase("a b"), C, D))),
    ("*:*", MatchAll()),
    ("-*:*", MatchNone()),
    # what binds how tightly: NOT, AND, OR, a space
    ("a b OR c", And((A, Or((B, C))))),
    ("a OR b c", And((Or((A, B)), C))),
    ("a OR b OR c d", And((Or((A, B, C)), D))),
    ("a AND b OR c", Or((And((A, B)), C))),
    ("a OR b AND c", Or((A, And((B, C))))),
    ("a AND b OR c d", And((Or((And((A, B)), C)), D))),
    ("NOT a OR b", Or((Not(A), B))),
    ("a OR -b c", And((Or((A, Not(B))), C))),
    # parentheses
    ("(a)", A),
    ("((a b))", And((A, B))),
    ("(a b) OR c", Or((And((A, B)), C))),
    ("a AND (b OR c)", And((A, Or((B, C))))),
    ("a(b)c", And((A, B, C))),
    # patterns
    ("syr*", Prefix("syr")),
    ("syr**", Prefix("syr")),
    ("s*", Prefix("s")),
    ("wom?n", Wildcard("wom?n")),
    ("*burg", Wildcard("*burg")),
    ("?urg", Wildcard("?urg")),
    ("s*ia", Wildcard("s*ia")),
    ("s*i?a*", Wildcard("s*i?a*")),
    ("习*", Prefix("习")),
    ("20*", Prefix("20")),
    ("-syr*", Not(Prefix("syr"))),
    # fuzzy
    ("astana~", Fuzzy("astana", 1)),
    ("astana~1", Fuzzy("astana", 1)),
    ("astana~2", Fuzzy("astana", 2)),
    ("astana~0", Word("astana")),
    # fields
    ("headline:syria", Word("syria", "headline")),
    ("Headline:syria", Word("syria", "headline")),
    ("title:syria", Word("syria", "headline")),
    ("intitle:syria", Word("syria", "headline")),
    ("summary:syria", Word("syria", "summary")),
    ("text:syria", Word("syria", "summary")),
    ("topic:syria", Word("syria", "topic")),
    ("context:syria", Word("syria", "context")),
    ("source:reuters", Word("reuters", "source")),
    ("site:bbc.co.uk", Word("bbc.co.uk", "source")),
    ('headline:"peace talks"~2', Phrase("peace talks", 2, "headline")),
    ("headline:syr*", Prefix("syr", "headline")),
    ("headline:wom?n", Wildcard("wom?n", "headline")),
    ("headline:astana~2", Fuzzy("astana", 2, "headline")),
    ("headline:(a OR b) c", And((Or((Word("a", "headline"), Word("b", "headline"))), C))),
    ("headline:(a topic:b)", And((Word("a", "headline"), Word("b", "topic")))),
    ("headline:a:b", Word("a:b", "headline")),
    ("headline:AND", Word("AND", "headline")),
    ("headline:/a/", Word("a", "headline")),
    ("headline：a", Word("a", "headline")),
    ("a OR headline:b", Or((A, Word("b", "headline")))),
    # dates
    ("date:2017", YEAR_2017),
    ("on:2017", YEAR_2017),
    ("DATE:2017", YEAR_2017),
    ("date:2017-02", Dates(date(2017, 2, 1), date(2017, 2, 28))),
    ("date:2017-01-16", Dates(date(2017, 1, 16), date(2017, 1, 16))),
    ('date:"16 jan 2017"', Dates(date(2017, 1, 16), date(2017, 1, 16))),
    ("date:yesterday", Dates(date(2024, 2, 28), date(2024, 2, 28))),
    ("date:last-month", Dates(date(2024, 1, 1), date(2024, 1, 31))),
    ('date:"last month"', Dates(date(2024, 1, 1), date(2024, 1, 31))),
    ("date:2016..2018", Dates(date(2016, 1, 1), date(2018, 12, 31))),
    ("date:2016-2018", Dates(date(2016, 1, 1), date(2018, 12, 31))),
    ("date:2016..", Dates(date(2016, 1, 1), None)),
    ("date:..2016", Dates(None, date(2016, 12, 31))),
    ("date:..", MatchAll()),
    ("date:[2016 TO 2017]", Dates(date(2016, 1, 1), date(2017, 12, 31))),
    ("date:[2016 to 2017]", Dates(date(2016, 1, 1), date(2017, 12, 31))),
    ("date:[jan 2016 TO 16 feb 2016]", Dates(date(2016, 1, 1), date(2016, 2, 16))),
    ("date:[* TO 2017]", Dates(None, date(2017, 12, 31))),
    ("date:[2016 TO *]", Dates(date(2016, 1, 1), None)),
    ("date:{2016 TO 2018}", YEAR_2017),
    ("date:[2017 TO 2018}", YEAR_2017),
    ("date:{2016 TO 2017]", YEAR_2017),
    ("date:{* TO 2017}", Dates(None, date(2016, 12, 31))),
    ("date:>2016", Dates(date(2017, 1, 1), None)),
    ("date:>=2016", Dates(date(2016, 1, 1), None)),
    ("date:<2016", Dates(None, date(2015, 12, 31))),
    ("date:<=2016", Dates(None, date(2016, 12, 31))),
    ("after:2016", Dates(date(2017, 1, 1), None)),
    ("since:2016", Dates(date(2016, 1, 1), None)),
    ("before:2016", Dates(None, date(2015, 12, 31))),
    ("until:2016", Dates(None, date(2016, 12, 31))),
    ("before:2016-03-01", Dates(None, date(2016, 2, 29))),
    ("a after:2016 before:2018", And((A, YEAR_2017))),
    ("a -date:2017", And((A, Not(YEAR_2017)))),
    ("date:2017 OR a", Or((YEAR_2017, A))),
    ("headline:(a date:2017)", And((Word("a", "headline"), YEAR_2017))),
    # weights
    ("a^2", Boost(A, 2)),
    ("a^.5 b", And((Boost(A, 0.5), B))),
    ('"a b"^1.5', Boost(Phrase("a b"), 1.5)),
    ("(a b)^2 c", And((Boost(And((A, B)), 2), C))),
    ("a^1", A),
    ("syr*^2", Boost(Prefix("syr"), 2)),
    ("astana~2^3", Boost(Fuzzy("astana", 2), 3)),
    ("-a^2", Not(A)),
    # a backslash makes a sign plain
    ("a\\*b", Word("a*b")),
    ("\\AND", Word("AND")),
    ("title\\:a", Word("title:a")),
    ("a\\ b", Word("a b")),
    ("a\\~2", Word("a~2")),
    ('5\\" a', And((Word('5"'), A))),
    ("a\\b", Word("a\\b")),
    ("wom?n\\*", Wildcard("wom?n")),
]


@pytest.mark.parametrize(("text", "tree"), LANGUAGE, ids=[repr(text) for text, _ in LANGUAGE])
def test_language(text: str, tree: Query) -> None:
    """Each text has one reading, and nothing in it is worth a warning."""
    assert parse(text) == tree


HOSTILE: list[tuple[str, Query, tuple[str, ...]]] = [
    # nothing left: everything, and said so
    ("*", MatchAll(), ("“*” was ignored", "every article")),
    ("-", MatchAll(), ("“-” stands alone", "every article")),
    ("+", MatchAll(), ("“+” stands alone", "every article")),
    ("AND", MatchAll(), ("AND has nothing to join before", "every article")),
    ("OR", MatchAll(), ("OR has nothing", "every article")),
    ("NOT", MatchAll(), ("NOT or “-” has nothing", "every article")),
    ("^", MatchAll(), ("“^” was ignored", "every article")),
    ("~", MatchAll(), ("“~” was ignored", "every article")),
    ("\\", MatchAll(), ("“\\” was ignored", "every article")),
    ("()", MatchAll(), ("Empty parentheses", "every article")),
    ('""', MatchAll(), ("Empty quotation marks", "every article")),
    ('"', MatchAll(), ("single quotation mark", "every article")),
    ('"?!"', MatchAll(), ("no letter or digit", "every article")),
    ("\U0001f600", MatchAll(), ("no letter or digit", "every article")),
    ("?!", MatchAll(), ("every article",)),
    ("*?*", MatchAll(), ("“*?*” was ignored", "every article")),
    # lone signs among words
    ("a * b", And((A, B)), ("“*” was ignored",)),
    ("a - b", And((A, B)), ("“-” stands alone",)),
    ("a ^2 b", And((A, B)), ("“^2” was ignored",)),
    ("a () b", And((A, B)), ("Empty parentheses",)),
    # operators without operands
    ("OR a", A, ("OR has nothing to join before",)),
    ("a OR", A, ("OR has nothing to join after",)),
    ("a AND OR b", And((A, B)), ("OR has nothing to join before",)),
    ("(a OR) b", And((A, B)), ("OR has nothing to join after",)),
    ("(AND a) b", And((A, B)), ("AND has nothing to join before",)),
    ("a OR * b", And((A, B)), ("“*” was ignored",)),
    ("a NOT", A, ("NOT or “-” has nothing",)),
    ("(a -) b", And((A, B)), ("NOT or “-” has nothing",)),
    ("NOT AND a", A, ("NOT or “-” has nothing",)),
    # unbalanced
    ('"a b', Phrase("a b"), ("not closed; the phrase was read up to the end",)),
    ('a "b" "c d', And((A, Phrase("b"), Phrase("c d"))), ("not closed",)),
    ('a"', A, ("single quotation mark",)),
    ('12" vinyl', And((Word("12"), Phrase("vinyl"))), ("not closed",)),
    ("(a", A, ("closed at the end",)),
    ("a)", A, ("without an opening",)),
    (")a(", A, ("without an opening", "closed at the end", "Empty")),
    ("a :) b", And((A, B)), ("without an opening",)),
    ("1) a", And((Word("1"), A)), ("without an opening",)),
    ("headline:(a OR b", Or((Word("a", "headline"), Word("b", "headline"))), ("closed at the end",)),
    # unknown fields
    ("nosuch:foo", And((Word("nosuch"), Word("foo"))), ("no field “nosuch:”",)),
    ("-nosuch:foo", Not(And((Word("nosuch"), Word("foo")))), ("no field “nosuch:”",)),
    ("a OR nosuch:foo", Or((A, And((Word("nosuch"), Word("foo"))))), ("no field “nosuch:”",)),
    ('nosuch:"foo bar"', And((Word("nosuch"), Phrase("foo bar"))), ("no field “nosuch:”",)),
    ("nosuch:(a OR b)", And((Word("nosuch"), Or((A, B)))), ("no field “nosuch:”",)),
    ("headlin:a", And((Word("headlin"), A)), ("Did you mean headline:?",)),
    ("headline:(nosuch:a)", And((Word("nosuch", "headline"), Word("a", "headline"))), ("no field “nosuch:”",)),
    # fields without a value, or behind a space
    ("headline:", Word("headline"), ("“headline:” has nothing behind it",)),
    ("(a headline:) b", And((A, Word("headline"), B)), ("“headline:” has nothing behind it",)),
    ("headline: OR a", Or((Word("headline"), A)), ("“headline:” has nothing behind it",)),
    ("headline:!", MatchAll(), ("“!” was ignored", "every article")),
    ("topic: Syria war", And((Word("Syria", "topic"), Word("war"))), ("“topic:” was applied to “Syria”",)),
    ("before: 2017", Dates(None, date(2016, 12, 31)), ("“before:” was applied to “2017”",)),
    ("topic: source: a", And((Word("topic"), Word("a", "source"))), ("“source:” was applied",)),
    # dates that are none
    ("date:2017-02-30 a", A, ("“date:” was ignored: “2017-02-30” does not exist in the calendar",)),
    ("date:01/02/2017 a", A, ("Write 2017-02-01 or 2017-01-02",)),
    ("before:soon a", A, ("“soon” cannot be read as a date",)),
    ("date:may a", A, ("needs a year",)),
    ('date:"" a', A, ("is no date",)),
    ("date:[2016 TO a", And((Word("TO"), A)), ("“date:” was ignored",)),
    ("a OR date:nope b", And((A, B)), ("“date:” was ignored",)),
    ("date:nope", MatchAll(), ("“date:” was ignored", "every article")),
    ("date:2018..2016", Dates(date(2016, 1, 1), date(2018, 12, 31)), ("swapped",)),
    ("date:[2018 TO 2016]", Dates(date(2016, 1, 1), date(2018, 12, 31)), ("swapped",)),
    ("date:{2016 TO 2017}", MatchNone(), ("No day meets all the dates",)),
    ("after:2017 before:2016", MatchNone(), ("No day meets all the dates",)),
    ("after:9999", MatchNone(), ("No day meets all the dates",)),
    ("before:0001", MatchNone(), ("No day meets all the dates",)),
    ("date:2017^2", YEAR_2017, ("“^2” behind a date was ignored",)),
    # fuzzy
    ("2024~", Word("2024"), ("digits are never matched loosely",)),
    ("covid19~2", Word("covid19"), ("digits are never matched loosely",)),
    ("it~", Word("it"), ("under 3 letters are never matched loosely",)),
    ("astana~3", Fuzzy("astana", 2), ("“astana~3” was read as “astana~2”",)),
    ("astana~0.8", Fuzzy("astana", 1), ("“astana~0.8” was read as “astana~1”",)),
    ("astana~1.2.3", Fuzzy("astana", 1), ("was read as “astana~1”",)),
    ("syr*~", Prefix("syr"), ("behind the pattern “syr*” was ignored",)),
    # slop and weights
    ('"a b"~', Phrase("a b"), ("“~” behind “a b” was ignored",)),
    ('"a b"~1.5', Phrase("a b"), ("“~1.5” behind “a b” was ignored",)),
    ('"a"~3', Phrase("a"), ("“~3” behind “a” was ignored",)),
    ('"a b"~1000', Phrase("a b", 100), ("No more than 100 words",)),
    ("(a b)~3", And((A, B)), ("behind parentheses was ignored",)),
    ("a^", A, ("“^” takes a number",)),
    ("a^1.2.3", A, ("“^” takes a number",)),
    ("a^0", Boost(A, 0.01), ("was read as ^0.01",)),
    ("a^1000", Boost(A, 100), ("was read as ^100",)),
    # question marks
    ("Iraq? Iran", And((Word("Iraq"), Word("Iran"))), ("question mark behind “Iraq”",)),
]


@pytest.mark.parametrize(("text", "tree", "warnings"), HOSTILE, ids=[repr(text) for text, _, _ in HOSTILE])
def test_whatever_is_ignored_or_guessed_is_named(text: str, tree: Query, warnings: tuple[str, ...]) -> None:
    """There is a tree all the same, and one sentence for each thing."""
    parsed = parse_query(text, today=TODAY)
    assert parsed.tree == tree
    assert len(parsed.warnings) == len(warnings)
    for sentence, part in zip(parsed.warnings, warnings, strict=True):
        assert part in sentence


def test_unknown_field_names_the_known_ones() -> None:
    """And every field that it names is one."""
    (warning,) = parse_query("nosuch:foo", today=TODAY).warnings
    assert KNOWN_NAMES in warning
    named = [name.strip(" :,") for name in KNOWN_NAMES.replace(" and ", ",").split(",")]
    assert set(named) <= {*FIELD_NAMES, *DATE_NAMES}
    assert set(FIELDS) <= set(named)


@pytest.mark.parametrize(("name", "field"), FIELD_NAMES.items())
def test_every_alias_of_a_field_is_read(name: str, field: str) -> None:
    """Aliases stand in saved links."""
    assert parse(f"{name}:syria") == Word("syria", field)


class TestLimits:
    """What is too long, too much or too deep is cut, and the warning names the limit."""

    def test_defaults_are_those_of_the_settings(self) -> None:
        limits = QueryLimits()
        assert limits.max_chars == BY_NAME["max_query_chars"].default
        assert limits.max_clauses == BY_NAME["max_clauses"].default
        assert limits.max_nesting == BY_NAME["max_nesting"].default

    def test_too_long_is_cut_behind_a_whole_word(self) -> None:
        parsed = parse_query("peace talks tomorrow", today=TODAY, limits=QueryLimits(max_chars=14))
        assert parsed.tree == And((Word("peace"), Word("talks")))
        assert "longer than 14 characters" in parsed.warnings[0]

    def test_one_endless_word_is_cut_within(self) -> None:
        parsed = parse_query("x" * 5000, today=TODAY, limits=QueryLimits(max_chars=100))
        assert parsed.tree == Word("x" * 100)
        assert "longer than 100 characters" in parsed.warnings[0]

    def test_just_long_enough_is_not_cut(self) -> None:
        assert parse("peace talks", max_chars=11) == And((Word("peace"), Word("talks")))

    def test_too_many_clauses(self) -> None:
        parsed = parse_query("a OR (b OR c) d e", today=TODAY, limits=QueryLimits(max_clauses=3))
        assert parsed.tree == Or((A, B, C))
        assert parsed.warnings == ("The query has more than 3 words, phrases and patterns; the rest was left out.",)

    def test_a_phrase_counts_as_five_words(self) -> None:
        parsed = parse_query('"a b" "c d" "e f"', today=TODAY, limits=QueryLimits(max_clauses=14))
        assert parsed.tree == parse('"a b" "c d"')
        assert "more than 14 words" in " ".join(parsed.warnings)
        assert not parse_query('"a b" "c d" "e f"', today=TODAY, limits=QueryLimits(max_clauses=15)).warnings

    def test_as_many_clauses_as_allowed(self) -> None:
        assert len(_leaves(parse("a b c d date:2017", max_clauses=5))) == 5

    @pytest.mark.parametrize(
        "text", ["a b (c d", "a b -(c", "a b nosuch:c", "a b headline: c OR", "a b (c) (d)", "a b (headline:)"]
    )
    def test_too_many_clauses_anywhere(self, text: str) -> None:
        parsed = parse_query(text, today=TODAY, limits=QueryLimits(max_clauses=2))
        assert parsed.tree == And((A, B))
        assert "more than 2 words" in " ".join(parsed.warnings)

    def test_too_many_signs(self) -> None:
        parsed = parse_query("* " * 5000 + "a", today=TODAY, limits=QueryLimits(max_chars=20000))
        assert parsed.tree == MatchAll()
        assert "words and signs; the rest was left out" in " ".join(parsed.warnings)

    def test_too_deep_is_read_as_flat(self) -> None:
        parsed = parse_query("(a (b OR (c d)))", today=TODAY, limits=QueryLimits(max_nesting=2))
        assert parsed.tree == And((A, Or((B, C)), D))
        assert "more than 2 deep" in parsed.warnings[0]

    def test_as_deep_as_the_settings_ever_allow(self) -> None:
        deepest = BY_NAME["max_nesting"].maximum
        text = "-(a OR b AND (" * (deepest // 2) + "c" + "))^2" * (deepest // 2)
        tree = parse_query(text, today=TODAY, limits=QueryLimits(20000, 1024, deepest)).tree
        assert Word("c") in _leaves(tree)

    def test_warnings_are_bounded(self) -> None:
        text = " ".join(f"nosuch{chr(97 + at)}:x" for at in range(20))
        warnings = parse_query(text, today=TODAY).warnings
        assert len(warnings) == MAX_NOTES
        assert warnings[-1] == "13 more parts of the query were ignored or guessed."

    def test_long_words_are_shortened_in_warnings(self) -> None:
        (warning,) = parse_query(f"{'x' * 300}:y", today=TODAY).warnings or ("",)
        assert len(warning) < 300


def test_signs_that_nobody_sees_do_no_harm() -> None:
    """Control characters separate, broken code points vanish, and what is left is well-formed text."""
    parsed = parse_query("a\x00b \ud800c\udfff", today=TODAY)
    assert parsed.tree == And((A, B, C))
    render(parsed.tree).encode()


SAID = ("and", "OR", "or", "AND", "NOT", "not", "topic", "peace", "Peace", "the", "a")


@given(words=st.lists(st.one_of(st.from_regex("[A-Za-z]{1,8}", fullmatch=True), st.sampled_from(SAID)), min_size=1))
@settings(max_examples=300)
def test_plain_words_mean_what_the_grammar_says(words: list[str]) -> None:
    """Text of plain words does not go through the grammar; with a space more at its end it does."""
    text = " ".join(words)
    quick, slow = parse_query(text, today=TODAY), parse_query(text + " ", today=TODAY)
    assert (quick.tree, quick.warnings) == (slow.tree, slow.warnings)


@given(
    st.one_of(
        st.text(),
        awkward,
        st.lists(st.one_of(awkward, st.sampled_from([row[0] for row in LANGUAGE]))).map(" ".join),
    )
)
def test_any_text_gets_a_simple_tree(text: str) -> None:
    """Nothing raises, the tree is simplified, its texts can be searched for, and reading twice gives the same."""
    parsed = parse_query(text, today=TODAY)
    assert simplify(parsed.tree) == parsed.tree
    assert parse_query(text, today=TODAY) == parsed
    assert len(_leaves(parsed.tree)) <= QueryLimits().max_clauses
    for leaf in _leaves(parsed.tree):
        if not isinstance(leaf, Dates):
            text = leaf.pattern if isinstance(leaf, Wildcard) else leaf.text
            assert any(map(str.isalnum, text))
            text.encode()
            assert leaf.field in (None, *FIELDS)
