"""The dates within a query: what stands behind ``date:``, ``before:`` and the like becomes a span of days.

In: a name of ``DATE_NAMES`` and the text behind its colon. Out: one node of the query tree.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from ..dates import parse_day_span, parse_range
from .query import MATCH_ALL, MATCH_NONE, QUOTES, And, Dates, Query, clean_text

DATE_NAMES = {
    "date": "on",
    "on": "on",
    "before": "before",
    "after": "after",
    "since": "since",
    "until": "until",
}
"""What people write before the colon, and what it means. ``before`` and ``after`` leave the named day, month or year
out; ``since`` and ``until`` include it."""

_SURPLUS = re.compile(rf"[\\{QUOTES}]")
_COMPARED = re.compile(r"([<>]=?)(.+)")
_COMPARISONS = {">": "after", ">=": "since", "<": "before", "<=": "until"}
_BOUNDS = re.compile(r"([\[{])(.+?) to (.+)([\]}])", re.IGNORECASE)


def read_date_term(name: str, text: str, today: date) -> tuple[Query, bool]:
    """Return the days that ``name:text`` stands for, and whether the two ends of a range had to be swapped.

    text : a date text; after ``>``, ``>=``, ``<`` or ``<=`` too; for ``date`` and ``on`` also ``2016..2018``, open at
        either end, and ``[2016 TO 2018]``, where ``{`` and ``}`` leave that end out and ``*`` leaves it open.
    Returns Dates, And of two of them, MatchAll for ``..``, or MatchNone for what lies outside the calendar.
    Raises DateTextError for an unreadable date.
    """
    meaning = DATE_NAMES[name]
    text = clean_text(_SURPLUS.sub("", text))
    compared = _COMPARED.fullmatch(text)
    if compared:
        meaning, text = _COMPARISONS[compared[1]], compared[2]
    elif meaning == "on" and (bounds := _BOUNDS.fullmatch(text)):
        return _read_bounds(bounds, today)
    elif meaning == "on" and ".." in text:
        start, _, end = text.partition("..")
        return _read_range(start, end, today)
    first, last = parse_day_span(text, today)
    match meaning:
        case "before":
            return _up_to(first), False
        case "after":
            return _from(last), False
        case "since":
            return Dates(first, None), False
        case "until":
            return Dates(None, last), False
    return Dates(first, last), False


def _read_range(start: str, end: str, today: date) -> tuple[Query, bool]:
    start, end = ("" if bound.strip() == "*" else bound.strip() for bound in (start, end))
    if not start and not end:
        return MATCH_ALL, False
    days = parse_range(start, end, today)
    return Dates(days.first, days.last), days.swapped


def _read_bounds(bounds: re.Match[str], today: date) -> tuple[Query, bool]:
    left, start, end, right = (part.strip() for part in bounds.groups())
    if left == "[" and right == "]":
        return _read_range(start, end, today)
    parts: list[Query] = []
    if start != "*":
        first, last = parse_day_span(start, today)
        parts.append(Dates(first, None) if left == "[" else _from(last))
    if end != "*":
        first, last = parse_day_span(end, today)
        parts.append(Dates(None, last) if right == "]" else _up_to(first))
    return And(tuple(parts)), False


def _up_to(day: date) -> Query:
    return Dates(None, day - timedelta(days=1)) if day > date.min else MATCH_NONE


def _from(day: date) -> Query:
    return Dates(day + timedelta(days=1), None) if day < date.max else MATCH_NONE
