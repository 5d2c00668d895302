"""Small pieces of the pages: page numbers, spans in words, bars."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from search_app.engine.result import Histogram, HistogramBar
from search_app.web.changes import word_changes
from search_app.web.hits import cut_marked
from search_app.web.presenters import page_numbers
from search_app.web.timeline import UNITS, Timeline, bar_height, present_timeline, unit_label
from search_app.web.words import as_sentence, count_words, shortened, span_words

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
    "not quite a month": (date(2028, 2, 1), date(2028, 2, 28), "1 to 28 February 2028"),
    "days of two months": (date(2031, 3, 31), date(2031, 4, 6), "31 March to 6 April 2031"),
    "days of two years": (date(2030, 12, 30), date(2031, 1, 5), "30 December 2030 to 5 January 2031"),
    "a year": (date(2031, 1, 1), date(2031, 12, 31), "2031"),
    "years": (date(2030, 1, 1), date(2031, 12, 31), "2030 to 2031"),
    "months": (date(2030, 11, 1), date(2031, 2, 28), "November 2030 to February 2031"),
}


@pytest.mark.parametrize(("first", "last", "said"), SPANS.values(), ids=SPANS.keys())
def test_spans_in_words(first: date | None, last: date | None, said: str) -> None:
    assert span_words(first, last) == said


def test_counts_in_words() -> None:
    assert [count_words(count) for count in (0, 1, 11_448)] == ["0 articles", "1 article", "11,448 articles"]


SENTENCES = {
    "none": ("Fog over Halvik", "Fog over Halvik."),
    "one": ("Fog over Halvik.", "Fog over Halvik."),
    "several": ("Fog over Halvik ...", "Fog over Halvik."),
    "a question": ("Fog again?", "Fog again?"),
    "Chinese": ("哈尔维克大雾。", "哈尔维克大雾。"),
}


@pytest.mark.parametrize(("headline", "sentence"), SENTENCES.values(), ids=SENTENCES.keys())
def test_a_headline_ends_once(headline: str, sentence: str) -> None:
    assert as_sentence(headline) == sentence


def test_long_text_is_cut_between_words() -> None:
    assert shortened("one two three", 13) == "one two three"
    assert shortened("one two three", 12) == "one two…"
    assert len(shortened("x" * 100, 20)) == 20


CUT = {
    "short": ("fog over town", 20, "fog over town"),
    "between words": ("fog over the town", 12, "fog over the…"),
    "with marks": ("<mark>fog</mark> over <mark>the</mark> town", 8, "<mark>fog</mark> over…"),
    "after a mark": ("<mark>fog</mark> over <mark>the</mark> town", 9, "<mark>fog</mark> over <mark>the</mark>…"),
    "never in a mark": ("a <mark>dense fog</mark> over town", 6, "a <mark>dense fog</mark>…"),
    "never in an entity": ("fog &amp; rain &amp; hail", 15, "fog &amp; rain…"),
    "after a first mark": ("fog over the <mark>old</mark> town of", 5, "fog over the <mark>old</mark>…"),
    "a first mark at the end": ("fog over the old <mark>town</mark>", 5, "fog over the old <mark>town</mark>"),
    "one long word": ("fog" * 9, 5, "fog" * 9),
    "a long word first": ("fogfogfog over", 5, "fogfogfog…"),
}


@pytest.mark.parametrize(("html", "most", "cut"), CUT.values(), ids=CUT.keys())
def test_marked_text_is_cut_between_words(html: str, most: int, cut: str) -> None:
    assert cut_marked(html, most) == cut


def drawn(interval: str, *counts: tuple[date, int], **limits: date) -> Timeline:
    bars = tuple(HistogramBar(start, count) for start, count in counts)
    timeline = present_timeline(Histogram(interval, bars), lambda first, last: f"{first}/{last}", **limits)
    assert timeline is not None
    assert sum(span.count for span in timeline.spans) == sum(count for _, count in counts)
    return timeline


def days(count: int, start: date = date(2031, 1, 1)) -> list[tuple[date, int]]:
    return [(start + timedelta(number), number % 5) for number in range(count)]


def months(count: int) -> list[tuple[date, int]]:
    return [(date(2001 + number // 12, number % 12 + 1, 1), number) for number in range(count)]


def test_bars_are_drawn_to_scale() -> None:
    timeline = drawn("year", (date(2029, 1, 1), 500), (date(2030, 1, 1), 0), (date(2031, 1, 1), 1))
    assert [span.area for span in timeline.spans] == ["", " x=10", " x=20"]
    assert timeline.outline == "M5 100v-100M25 100v-2"
    assert [span.href for span in timeline.spans] == ["2029-01-01/2029-12-31", "", "2031-01-01/2031-12-31"]
    assert timeline.peak == "most: 500 articles in 2029"
    assert bar_height(0, 7) == 0


def test_a_single_bar_says_nothing() -> None:
    assert present_timeline(Histogram("day", (HistogramBar(date(2031, 1, 1), 3),)), lambda first, last: "") is None


def test_links_stay_within_what_the_search_is_limited_to() -> None:
    first, last = date(2031, 1, 20), date(2031, 3, 3)
    timeline = drawn("month", *((date(2031, month, 1), 1) for month in (1, 2, 3)), first_day=first, last_day=last)
    assert [span.href for span in timeline.spans] == [
        "2031-01-20/2031-01-31",
        "2031-02-01/2031-02-28",
        "2031-03-01/2031-03-03",
    ]


FOLDED = {
    "a month of days": ("day", days(31), "day", "day", 31),
    "days under weeks": ("day", days(90), "day", "week", 14),
    "many days are months": ("day", days(900), "month", "month", 30),
    "months under years": ("month", months(84), "month", "year", 7),
    "many months are years": (
        "month",
        months(300),
        "year",
        "year",
        25,
    ),
    "years under decades": ("year", [(date(1901 + n, 1, 1), n) for n in range(131)], "year", "decade", 14),
    "all there are": ("year", [(date(year, 1, 1), 1) for year in range(1, 10_000)], "century", "century", 100),
}


@pytest.mark.parametrize(("given", "counts", "interval", "unit", "spans"), FOLDED.values(), ids=FOLDED.keys())
def test_long_histograms_are_folded(
    given: str, counts: list[tuple[date, int]], interval: str, unit: str, spans: int
) -> None:
    timeline = drawn(given, *counts)
    assert (timeline.interval, timeline.unit, len(timeline.spans)) == (interval, unit, spans)
    areas = [dict(pair.split("=") for pair in span.area.split()) for span in timeline.spans]
    widths = [int(area.get("width", 10)) for area in areas]
    assert [int(area.get("x", 0)) for area in areas] == [sum(widths[:number]) for number in range(spans)]
    assert sum(widths) == timeline.width


UNITS_OF_DAYS = {
    "a week": ("week", date(2028, 3, 1), date(2028, 2, 28), date(2028, 3, 5), "28 February to 5 March 2028"),
    "the first": ("week", date.min, date.min, date(1, 1, 7), "1 to 7 January 1"),
    "the last": ("week", date.max, date(9999, 12, 27), date.max, "27 to 31 December 9999"),
    "a leap month": ("month", date(2028, 2, 3), date(2028, 2, 1), date(2028, 2, 29), "February 2028"),
    "a year": ("year", date(2028, 2, 3), date(2028, 1, 1), date(2028, 12, 31), "2028"),
    "a decade": ("decade", date(2028, 2, 3), date(2020, 1, 1), date(2029, 12, 31), "2020s"),
    "a century": ("century", date(1999, 2, 3), date(1900, 1, 1), date(1999, 12, 31), "1900 to 1999"),
}


@pytest.mark.parametrize(("unit", "day", "first", "last", "said"), UNITS_OF_DAYS.values(), ids=UNITS_OF_DAYS.keys())
def test_units_of_time(unit: str, day: date, first: date, last: date, said: str) -> None:
    assert UNITS[unit](day) == (first, last)
    assert unit_label(unit, first) == said


CHANGES = {
    "nothing": ("One two three", "One two three", "One two three"),
    "a word more": ("One three", "One two three", "One <ins>two</ins> three"),
    "a word less": ("One two three", "One three", "One <del>two</del> three"),
    "another word": ("Talks begin today", "Talks end today", "Talks <del>begin</del> <ins>end</ins> today"),
    "at the end": ("Talks begin", "Talks begin again.", "Talks begin <ins>again.</ins>"),
    "no word in common": ("One two three", "Four five six", "Four five six"),
    "no spaces": ("港口罢工开始", "港口罢工结束", "港口罢工<del>开始</del> <ins>结束</ins>"),
    "markup": ("<b>&amp; two", "<b>&amp; <i>", "&lt;b&gt;&amp;amp; <del>two</del> <ins>&lt;i&gt;</ins>"),
    "far too long": ("a " * 5000, "b " * 5000, "b " * 5000),
}


@pytest.mark.parametrize(("before", "after", "shown"), CHANGES.values(), ids=CHANGES.keys())
def test_changes_of_a_headline(before: str, after: str, shown: str) -> None:
    assert word_changes(before, after).strip() == shown.strip()


def test_spans_tell_how_much_of_them_has_no_data() -> None:
    bars = [HistogramBar(date(2031, 1, 1) + timedelta(number), 0, no_data=True) for number in range(60)]
    bars = [
        HistogramBar(date(2030, 12, 30), 1),
        HistogramBar(date(2030, 12, 31), 0),
        *bars,
        HistogramBar(date(2031, 3, 2), 2),
    ]
    timeline = present_timeline(Histogram("day", tuple(bars)), lambda first, last: "")
    assert timeline is not None
    told = [(span.label, span.no_data, span.all_no_data) for span in timeline.spans]
    assert told[0] == ("30 December 2030 to 5 January 2031", "no data for 5 days", False)
    assert told[1] == ("6 to 12 January 2031", "no data for 7 days", True)
    assert timeline.gaps.count("z") == 60
    assert (timeline.input, timeline.first_text, timeline.last_text) == ("date", "2030-12-30", "2031-03-02")


RANGES = {
    "days": ("day", [date(2031, 1, 5), date(2031, 1, 9)], {}, ("date", "2031-01-05", "2031-01-09")),
    "months": ("month", [date(2031, 1, 1), date(2031, 3, 1)], {}, ("month", "2031-01", "2031-03")),
    "years": ("year", [date(2029, 1, 1), date(2031, 1, 1)], {}, ("number", "2029", "2031")),
    "months that are not whole": (
        "month",
        [date(2031, 1, 1), date(2031, 3, 1)],
        {"first_day": date(2031, 1, 7)},
        ("date", "2031-01-07", "2031-03-31"),
    ),
    "years of whole months": (
        "year",
        [date(2029, 1, 1), date(2031, 1, 1)],
        {"last_day": date(2031, 6, 30)},
        ("month", "2029-01", "2031-06"),
    ),
}


@pytest.mark.parametrize(("unit", "starts", "limits", "ends"), RANGES.values(), ids=RANGES.keys())
def test_a_range_is_chosen_between_the_ends(
    unit: str, starts: list[date], limits: dict[str, date], ends: tuple[str, str, str]
) -> None:
    timeline = drawn(unit, *((start, 1) for start in starts), **limits)
    assert (timeline.input, timeline.first_text, timeline.last_text) == ends


def test_years_without_data_make_a_decade_without() -> None:
    bars = [
        HistogramBar(date(year, 1, 1), int(year % 50 == 0), no_data=1600 <= year < 1640) for year in range(1500, 1951)
    ]
    timeline = present_timeline(Histogram("year", tuple(bars)), lambda first, last: "")
    assert timeline is not None
    assert timeline.interval == "decade"
    assert timeline.gaps.count("z") == 4
