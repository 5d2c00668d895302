"""Query tree back to text: ``render`` for a search box or a link, ``describe`` for a sentence in plain words.

In: trees as ``simplify`` yields them. Out: text; ``parse_query(render(tree)).tree == tree``.
"""

from __future__ import annotations

import re
from datetime import date

from ..dates import day_words, month_end, month_start, month_words, span_text, year_words
from ..messages import Message, message, plural
from .query import (
    QUOTES,
    Alike,
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
    "headline": message("{words} in the headline"),
    "summary": message("{words} in the summary"),
    "topic": message("{words} in the topic"),
    "context": message("{words} in a context"),
    "source": message("{words} in a source"),
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
            # Words that were typed side by side need no parentheses there.
            return " ".join(render(child) if isinstance(child, Alike) else _grouped(child) for child in children)
        case Or(children):
            return " OR ".join(map(_grouped, children))
        case Not(child):
            return f"-{_grouped(child)}"
        case Boost(child, factor):
            return f"{_grouped(child)}^{_number(factor)}"
        case Alike(typed, _):
            return render(typed)
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
    inner = tree.typed if isinstance(tree, Alike) else tree
    return f"({render(inner)})" if isinstance(inner, And | Or) else render(inner)


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


def describe(tree: Query) -> Message:
    """Return the query in plain words, a fragment of a sentence that shows every grouping.

    ``“syria” and the phrase “peace talks” in the headline, from 1 January 2016 to 31 March 2016, not “turkey”``.
    tree : simplified. Plain text, not escaped for HTML. Cost: linear.
    """
    match tree:
        case MatchAll():
            return message("every article")
        case MatchNone():
            return message("no article")
        case Not(child) if not isinstance(child, Dates):
            return message("every article but those with {words}", words=_part(child))
        case Not():
            return _excluded(tree)
        case And(children):
            return _described_and(children)
        case Or(children):
            return _between([_part(child) for child in children], _OR)
        case Boost(child, factor):
            return message("{words} (weight {factor})", words=_part(child), factor=_number(factor))
        case Alike(typed, others):
            return message(_ALSO, words=describe(typed), more=_between([describe(other) for other in others], _OR))
        case Dates(first, last):
            return describe_days(first, last)
        case Word(text, field):
            return _where(message("“{text}”", text=text), field)
        case Phrase(text, slop, field):
            return _where(_described_phrase(text, slop), field)
        case Prefix(text, field):
            return _where(message("words beginning with “{text}”", text=text), field)
        case Wildcard(pattern, field):
            return _where(message("words of the shape “{text}”", text=pattern), field)
        case Fuzzy(text, distance, field):
            return _where(
                plural(
                    "words like “{text}” ({count} letter different)",
                    "words like “{text}” (up to {count} letters different)",
                    distance,
                    text=text,
                ),
                field,
            )


# Parts side by side, as templates for the words of each pair.
_AND = message("{words} and {more}")
_OR = message("{words} or {more}")
_COMMA = message("{words}, {more}")
_ALSO = message("{words}, also {more}")


def _between(parts: list[Message], joint: Message) -> Message:
    """Return the parts in a row. Pairs of halves, so that a long row does not nest deeply."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return message(joint, words=_between(parts[:half], joint), more=_between(parts[half:], joint))


def _described_and(children: tuple[Query, ...]) -> Message:
    """First what must be there, then when, then what must not be."""
    wanted = [child for child in children if not isinstance(child, Dates | Not)]
    parts = [_between([_part(child) for child in wanted], _AND) if wanted else message("every article")]
    parts.extend(describe(child) for child in children if isinstance(child, Dates))
    parts.extend(_excluded(child) for child in children if isinstance(child, Not))
    return _between(parts, _COMMA)


def _part(tree: Query) -> Message:
    """Describe a part of something larger."""
    match tree:
        case And() | Or() | Alike():
            return message("({words})", words=describe(tree))
        case Not():
            return _excluded(tree)
    return describe(tree)


def _excluded(tree: Query) -> Message:
    return message("not {words}", words=_part(tree.child)) if isinstance(tree, Not) else _part(tree)


def _described_phrase(text: str, slop: int) -> Message:
    if " " not in text:
        return message("exactly “{text}”", text=text)
    if not slop:
        return message("the phrase “{text}”", text=text)
    return plural(
        "the phrase “{text}” with up to {count} other word in between",
        "the phrase “{text}” with up to {count} other words in between",
        slop,
        text=text,
    )


def _where(words: Message, field: str | None) -> Message:
    return message(FIELD_WORDS[field], words=words) if field else words


def describe_days(first: date | None, last: date | None) -> Message:
    """Return a span of days in words: ``in 2016``, ``in March 2016``, ``on 5 March 2016``, ``from … to …``."""
    if first is None or last is None:
        if first is not None:
            return message("since {day}", day=day_words(first))
        return message("until {day}", day=day_words(last)) if last is not None else message("on any day")
    if first == last:
        return message("on {day}", day=day_words(first))
    if span_text(first, last) is not None:
        whole_month = first == month_start(last)
        return message("in {span}", span=month_words(first) if whole_month else year_words(first))
    return message("from {first} to {last}", first=day_words(first), last=day_words(last))
