"""Spans of days and counts in words, as the pages print them.

In: dates and numbers. Out: text, in English whatever the locale of the server.
"""

from __future__ import annotations

from datetime import date

from ..dates import day_words, month_end, month_words

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIELD_WORDS = {
    "topic": ("Topic", "topics"),
    "context": ("Context", "contexts"),
    "source": ("Source", "sources"),
    "summary": ("Summary", "summaries"),
}


def span_words(first: date | None, last: date | None) -> str:
    """Return the shortest words for a span of days, both included: ``2017``, ``from 1 May 2016``; ``""`` for none."""
    if first is None or last is None:
        if first:
            return f"from {day_words(first)}"
        return f"until {day_words(last)}" if last else ""
    if first == last:
        return day_words(first)
    starts_month, ends_month = first.day == 1, last == month_end(last)
    if starts_month and ends_month:
        if (first.month, last.month) == (1, 12):
            return str(first.year) if first.year == last.year else f"{first.year} to {last.year}"
        if (first.year, first.month) == (last.year, last.month):
            return month_words(first)
        return f"{month_words(first)} to {month_words(last)}"
    if first.year != last.year:
        return f"{day_words(first)} to {day_words(last)}"
    same_month = first.month == last.month
    return f"{first.day if same_month else day_words(first).removesuffix(f' {first.year}')} to {day_words(last)}"


def count_words(count: int, one: str = "article", many: str = "") -> str:
    """Return ``1 article``, ``11,448 articles``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shortened(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters, cut between words where it can be, with an ellipsis where it was."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[limit // 2 :] else cut}…".replace(" …", "…")
