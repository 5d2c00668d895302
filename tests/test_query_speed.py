"""Query text that is long or strange on purpose is parsed at once: nothing typed keeps a server busy."""

from __future__ import annotations

import random
from datetime import date

import pytest
from processor_time import seconds_taken

from search_app.engine.syntax import QueryLimits, parse_query

TODAY = date(2024, 2, 29)
LONG = {
    "quotes": '"',
    "open": "(",
    "closed": ")",
    "empty groups": "()",
    "nested words": "(a ",
    "minus": "-",
    "lone minus": "- ",
    "minus groups": "-(",
    "colons": ":",
    "fields": "a:",
    "lone fields": "headline: ",
    "unknown fields": "nosuch:foo ",
    "stars": "*",
    "lone stars": "* ",
    "wildcards": "a*b?",
    "tildes": "~",
    "numbered tildes": "~1x",
    "weights": "a^9",
    "backslashes": "\\",
    "one word": "x",
    "digits": "1",
    "dots": ".",
    "words": "a ",
    "ors": "a OR ",
    "nots": "NOT ",
    "brackets": "date:[",
    "lone brackets": "date:[ ",
    "dates": "date:2017-01-01 ",
    "phrases": '"a b"~5 ',
    "chinese": "中",
    "marks in the wrong order": "\u0301\u0323",
    "jamo": "\u1100\u1161\u11a8",
    "negated equals": "=\u0338",
    "spaces": " ",
}
# Above any default, so that it is the parser that is measured and not its limits.
NO_LIMITS = QueryLimits(max_chars=10**6, max_clauses=10**6, max_nesting=64)


def parse(text: str, limits: QueryLimits) -> None:
    parse_query(text, today=TODAY, limits=limits)


@pytest.mark.slow
@pytest.mark.parametrize("piece", LONG.values(), ids=LONG.keys())
def test_parsing_is_linear(piece: str) -> None:
    """Four times the text takes about four times as long, not sixteen."""
    short = (piece * 10_000)[:5_000]
    enough = 9 * max(seconds_taken(lambda: parse(short, NO_LIMITS)), 0.002)
    assert seconds_taken(lambda: parse(short * 4, NO_LIMITS), enough) < enough


@pytest.mark.slow
@pytest.mark.parametrize("piece", LONG.values(), ids=LONG.keys())
def test_twenty_thousand_characters_are_parsed_at_once(piece: str) -> None:
    """50 ms is the aim; three times that is allowed for a slow machine."""
    text = (piece * 20_000)[:20_000]
    assert seconds_taken(lambda: parse(text, QueryLimits(max_chars=20_000)), 0.15) < 0.15


@pytest.mark.slow
def test_random_unicode_is_parsed_at_once(rng: random.Random) -> None:
    """All of Unicode, broken code points included."""
    text = "".join(chr(rng.randrange(0x110000)) for _ in range(20_000))
    assert seconds_taken(lambda: parse(text, QueryLimits(max_chars=20_000)), 0.15) < 0.15
