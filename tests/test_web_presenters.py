"""Small pieces of the pages: page numbers, spans in words, bars."""

from __future__ import annotations

from datetime import date

import pytest

from search_app.engine.result import Histogram, HistogramBar
from search_app.web.presenters import page_numbers
from search_app.web.timeline import HEIGHT, LEAST_HEIGHT, bar_span, present_timeline
from search_app.web.words import count_words, shortened, span_words

PAGERS = {
    "none": (1, 0, []),
    "one": (1, 1, []),
    "two": (1, 2, [1, 2]),
    "a few": (3, 6, [1, 2, 3, 4, 5, 6]),
    "at the start": (1, 573, [1, 2, 3, 0, 573]),
    "in the middle": (287, 573, [1, 0, 285, 286, 287, 288, 289, 0, 573]),
    "at the end": (573, 573, [1, 0, 571, 572, 573]),
    "a gap of one is filled": (5, 9, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
}


@pytest.mark.parametrize(("page", "pages", "numbers"), PAGERS.values(), ids=PAGERS.keys())
def test_page_numbers(page: int, pages: int, numbers: list[int]) -> None:
    assert page_numbers(page, pages) == numbers


SPANS = {
    "nothing": (None, None, ""),
    "open at the end": (date(2031, 3, 4), None, "from 4 March 2031"),
    "open at the start": (None, date(2031, 3, 4), "until 4 March 2031"),
    "a day": (date(2031, 3, 4), date(2031, 3, 4), "4 March 2031"),
    "a month": (date(2028, 2, 1), date(2028, 2, 29), "February 2028"),
    "not quite a month": (date(2028, 2, 1), date(2028, 2, 28), "1 February 2028 to 28 February 2028"),
    "a year": (date(2031, 1, 1), date(2031, 12, 31), "2031"),
    "years": (date(2030, 1, 1), date(2031, 12, 31), "2030 to 2031"),
    "months": (date(2030, 11, 1), date(2031, 2, 28), "November 2030 to February 2031"),
}


@pytest.mark.parametrize(("first", "last", "said"), SPANS.values(), ids=SPANS.keys())
def test_spans_in_words(first: date | None, last: date | None, said: str) -> None:
    assert span_words(first, last) == said


def test_counts_in_words() -> None:
    assert [count_words(count) for count in (0, 1, 11_448)] == ["0 articles", "1 article", "11,448 articles"]


def test_long_text_is_cut_between_words() -> None:
    assert shortened("one two three", 13) == "one two three"
    assert shortened("one two three", 12) == "one two…"
    assert len(shortened("x" * 100, 20)) == 20


def test_bars_are_drawn_to_scale() -> None:
    bars = tuple(HistogramBar(date(year, 1, 1), count) for year, count in ((2029, 500), (2030, 0), (2031, 1)))
    timeline = present_timeline(Histogram("year", bars), lambda first, last: f"{first}/{last}")
    assert timeline is not None
    assert [(bar.x, bar.y, bar.height) for bar in timeline.bars] == [
        (0, 0, HEIGHT),
        (10, HEIGHT, 0),
        (20, HEIGHT - LEAST_HEIGHT, LEAST_HEIGHT),
    ]
    assert timeline.bars[0].href == "2029-01-01/2029-12-31"
    assert timeline.peak == "500 articles in 2029"


def test_a_single_bar_says_nothing() -> None:
    assert present_timeline(Histogram("day", (HistogramBar(date(2031, 1, 1), 3),)), lambda first, last: "") is None


def test_a_bar_covers_its_span() -> None:
    assert bar_span("day", date(2028, 2, 3)) == (date(2028, 2, 3), date(2028, 2, 3))
    assert bar_span("month", date(2028, 2, 1)) == (date(2028, 2, 1), date(2028, 2, 29))
    assert bar_span("year", date(2028, 1, 1)) == (date(2028, 1, 1), date(2028, 12, 31))
