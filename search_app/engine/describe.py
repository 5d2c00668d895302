"""Query tree back to text: ``render`` for a search box or a link, ``describe`` for a sentence in plain words.

In: trees as ``simplify`` yields them. Out: text; ``parse_query(render(tree)).tree == tree``.
"""

from __future__ import annotations

import re
from datetime import date

from ..dates import day_words, month_end, month_start, month_words, span_text
from .query import (
    QUOTES,
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

FIELD_WORDS = {
    "headline": "in the headline",
    "summary": "in the summary",
    "topic": "in the topic",
    "context": "in a context",
    "source": "in a source",
}
"""How ``describe`` says where a word must stand."""

_SPECIAL = re.compile(rf"[\s()（）\\~^*?{QUOTES}]")
_SPECIAL_IN_PATTERN = re.compile(rf"[\s()（）\\~^{QUOTES}]")
_NAME = re.compile(r"([A-Za-z_]{1,32})([:：])(?!//)")
_OPERATORS = ("AND", "OR", "NOT")


def render(tree: Query) -> str:
    """Return query text that parses to exactly this tree; ``""`` for MatchAll.

    tree : simplified. Cost: linear.
    """
    match tree:
        case MatchAll():
            return ""
        case MatchNone():
            return "-*:*"
        case And(children):
            return " ".join(map(_grouped, children))
        case Or(children):
            return " OR ".join(map(_grouped, children))
        case Not(child):
            return f"-{_grouped(child)}"
        case Boost(child, factor):
            return f"{_grouped(child)}^{_number(factor)}"
        case Dates(first, last):
            return _dates_text(first, last)
        case Word(text, field):
            return _in_field(field, _escape(text, _SPECIAL, field))
        case Phrase(text, slop, field):
            return _in_field(field, f'"{text}"{f"~{slop}" if slop else ""}')
        case Prefix(text, field):
            return _in_field(field, f"{_escape(text, _SPECIAL, field)}*")
        case Wildcard(pattern, field):
            return _in_field(field, _escape(pattern, _SPECIAL_IN_PATTERN, field))
        case Fuzzy(text, distance, field):
            return _in_field(field, f"{_escape(text, _SPECIAL, field)}~{distance if distance != 1 else ''}")


def _grouped(tree: Query) -> str:
    return f"({render(tree)})" if isinstance(tree, And | Or) else render(tree)


def _in_field(field: str | None, text: str) -> str:
    return f"{field}:{text}" if field else text


def _escape(text: str, special: re.Pattern[str], field: str | None) -> str:
    text = special.sub(r"\\\g<0>", text)
    if field is not None:
        return text
    # Without a backslash these would be read as an operator, or as a field.
    return f"\\{text}" if text in _OPERATORS else _NAME.sub(r"\1\\\2", text, count=1) if _NAME.match(text) else text


def _number(factor: float) -> str:
    return f"{factor:.4f}".rstrip("0").rstrip(".")


def _dates_text(first: date | None, last: date | None) -> str:
    if last is None:
        return f"since:{_from_text(first)}" if first else ""
    if first is None:
        return f"until:{_until_text(last)}"
    short = span_text(first, last)
    return f"date:{short or f'{_from_text(first)}..{_until_text(last)}'}"


def _from_text(day: date) -> str:
    """Return the shortest date text that begins with this day."""
    if day.day > 1:
        return day.isoformat()
    return f"{day.year:04d}" if day.month == 1 else f"{day.year:04d}-{day.month:02d}"


def _until_text(day: date) -> str:
    """Return the shortest date text that ends with this day."""
    if day != month_end(day):
        return day.isoformat()
    return f"{day.year:04d}" if day.month == 12 else f"{day.year:04d}-{day.month:02d}"


def describe(tree: Query) -> str:
    """Return the query in plain words, a fragment of a sentence that shows every grouping.

    ``“syria” and the phrase “peace talks” in the headline, from 1 January 2016 to 31 March 2016, not “turkey”``.
    tree : simplified. Plain text, not escaped for HTML. Cost: linear.
    """
    match tree:
        case MatchAll():
            return "every article"
        case MatchNone():
            return "no article"
        case Not(child):
            return f"every article but those with {_part(child)}" if not isinstance(child, Dates) else _excluded(tree)
        case And(children):
            return _described_and(children)
        case Or(children):
            return " or ".join(map(_part, children))
        case Boost(child, factor):
            return f"{_part(child)} (weight {_number(factor)})"
        case Dates(first, last):
            return describe_days(first, last)
        case Word(text, field):
            return _where(f"“{text}”", field)
        case Phrase(text, slop, field):
            return _where(_described_phrase(text, slop), field)
        case Prefix(text, field):
            return _where(f"words beginning with “{text}”", field)
        case Wildcard(pattern, field):
            return _where(f"words of the shape “{pattern}”", field)
        case Fuzzy(text, distance, field):
            letters = "1 letter" if distance == 1 else f"up to {distance} letters"
            return _where(f"words like “{text}” ({letters} different)", field)


def _described_and(children: tuple[Query, ...]) -> str:
    """First what must be there, then when, then what must not be."""
    wanted = [child for child in children if not isinstance(child, Dates | Not)]
    parts = [" and ".join(map(_part, wanted))] if wanted else []
    parts.extend(describe(child) for child in children if isinstance(child, Dates))
    parts.extend(_excluded(child) for child in children if isinstance(child, Not))
    return ", ".join(parts if wanted else ["every article", *parts])


def _part(tree: Query) -> str:
    """Describe a part of something larger."""
    match tree:
        case And() | Or():
            return f"({describe(tree)})"
        case Not():
            return _excluded(tree)
    return describe(tree)


def _excluded(tree: Query) -> str:
    return f"not {_part(tree.child)}" if isinstance(tree, Not) else _part(tree)


def _described_phrase(text: str, slop: int) -> str:
    if " " not in text:
        return f"exactly “{text}”"
    if not slop:
        return f"the phrase “{text}”"
    return f"the phrase “{text}” with up to {slop} other {'word' if slop == 1 else 'words'} in between"


def _where(text: str, field: str | None) -> str:
    return f"{text} {FIELD_WORDS[field]}" if field else text


def describe_days(first: date | None, last: date | None) -> str:
    """Return a span of days in words: ``in 2016``, ``in March 2016``, ``on 5 March 2016``, ``from … to …``."""
    if first is None or last is None:
        if first is not None:
            return f"since {day_words(first)}"
        return f"until {day_words(last)}" if last is not None else "on any day"
    if first == last:
        return f"on {day_words(first)}"
    if span_text(first, last) is not None:
        whole_month = first == month_start(last)
        return f"in {month_words(first)}" if whole_month else f"in {first.year}"
    return f"from {day_words(first)} to {day_words(last)}"
