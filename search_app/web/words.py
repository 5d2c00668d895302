"""Spans of days, counts and the names of fields in words, as the pages print them.

In: dates and numbers. Out: messages: English wherever they go, and another language where ``language.say`` says them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from ..dates import day_words, month_end, month_words, year_words
from ..messages import Message, message, plural
from .language import current_language, find_language, say

WEEKDAYS = (
    message("Monday"), message("Tuesday"), message("Wednesday"), message("Thursday"), message("Friday"),
    message("Saturday"), message("Sunday"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldWords:
    """What a field is called: alone, in the plural, as a filter that excludes, where an article has none.

    every : all its values. every_of : a template that takes a ``count``. count : so many of them.
    """

    one: Message
    many: Message
    excluded: Message
    none: Message
    every: Message
    every_of: Message
    count: Callable[[int], Message]


FIELD_WORDS = {
    "topic": FieldWords(
        message("Topic"),
        message("Topics"),
        message("Not topic"),
        message("no topic"),
        message("All topics"),
        message("All {count:,} topics"),
        lambda count: plural("{count:,} topic", "{count:,} topics", count),
    ),
    "context": FieldWords(
        message("Context"),
        message("Contexts"),
        message("Not context"),
        message("no context"),
        message("All contexts"),
        message("All {count:,} contexts"),
        lambda count: plural("{count:,} context", "{count:,} contexts", count),
    ),
    "source": FieldWords(
        message("Source"),
        message("Sources"),
        message("Not source"),
        message("no source"),
        message("All sources"),
        message("All {count:,} sources"),
        lambda count: plural("{count:,} source", "{count:,} sources", count),
    ),
    "summary": FieldWords(
        message("Summary"),
        message("Summaries"),
        message("Not summary"),
        message("no summary"),
        message("All summaries"),
        message("All {count:,} summaries"),
        lambda count: plural("{count:,} summary", "{count:,} summaries", count),
    ),
}


def span_words(first: date | None, last: date | None) -> str:
    """Return the shortest words for a span of days, both included: ``2017``, ``from 1 May 2016``; ``""`` for none."""
    if first is None or last is None:
        if first:
            return message("from {day}", day=day_words(first))
        return message("until {day}", day=day_words(last)) if last else ""
    if first == last:
        return day_words(first)
    starts_month, ends_month = first.day == 1, last == month_end(last)
    if starts_month and ends_month:
        if (first.month, last.month) == (1, 12):
            return year_words(first) if first.year == last.year else from_to(year_words(first), year_words(last))
        if (first.year, first.month) == (last.year, last.month):
            return month_words(first)
        return from_to(month_words(first), month_words(last))
    if first.year != last.year:
        return from_to(day_words(first), day_words(last))
    month, last_month = (month_words(day).values["month"] for day in (first, last))
    if first.month == last.month:
        return message("{first} to {last} {month} {year}", first=first.day, last=last.day, month=month, year=first.year)
    return message(
        "{first} {first_month} to {last} {last_month} {year}",
        first=first.day,
        first_month=month,
        last=last.day,
        last_month=last_month,
        year=first.year,
    )


def from_to(first: Message, last: Message) -> Message:
    """Return the words for what begins and ends so."""
    return message("{first} to {last}", first=first, last=last)


def count_words(count: int) -> Message:
    """Return ``1 article``, ``11,448 articles``."""
    return plural("{count:,} article", "{count:,} articles", count)


def said_count(count: int) -> str:
    """Return a count of articles in the language of the page. Cost: a look-up, after the first time."""
    return _said_count(current_language().code, count)


@lru_cache(maxsize=8192)
def _said_count(code: str, count: int) -> str:
    return find_language(code).say(count_words(count))


def said_day(day: date) -> str:
    """Return a day in the language of the page. Cost: a look-up, after the first time."""
    return _said_day(current_language().code, day)


@lru_cache(maxsize=8192)
def _said_day(code: str, day: date) -> str:
    return find_language(code).say(day_words(day))


def said_days(first: date, last: date) -> str:
    """Return from which day to which, in the language of the page; one day where both are the same."""
    return said_day(first) if first == last else say(from_to(day_words(first), day_words(last)))


def said_time(milliseconds: float) -> str:
    """Return how long an answer took. One that was kept takes microseconds.

    >>> said_time(5.26), said_time(0.02)
    ('5.3 ms', '< 0.1 ms')
    """
    return f"{milliseconds:.1f} ms" if milliseconds >= 0.1 else "< 0.1 ms"


def as_sentence(headline: str) -> str:
    """Return a headline with one full stop, or with the other sign that it ends in.

    >>> as_sentence("Port Amaro strikes ..."), as_sentence("码头工人罢工。")
    ('Port Amaro strikes.', '码头工人罢工。')
    """
    ended = headline.rstrip(". ")
    return ended if ended.endswith(("!", "?", "…", "。", "！", "？")) else f"{ended}."


def shortened(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters, cut between words where it can be, with an ellipsis where it was."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[limit // 2 :] else cut}…".replace(" …", "…")
