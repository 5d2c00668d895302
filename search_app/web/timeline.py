"""A histogram as a page shows it: bars drawn to scale, and spans of them with links and words for drawing and table.

In: the engine's histogram, and a function from a span of days to an address. Out: frozen records for a template.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from itertools import groupby
from typing import NamedTuple

from ..dates import month_end, month_start, month_words, year_words
from ..engine.result import Histogram, HistogramBar
from ..messages import Message, message, plural
from .language import _, current_language, find_language, say
from .words import said_count, span_words

HEIGHT = 100
BAR_WIDTH = 10
# A single article beside a bar of ten thousand would be invisible.
LEAST_HEIGHT = 2
# More bars than these are finer than a screen, more links than these longer than anybody reads, and both make a page
# heavy: neighbours are drawn, or linked, as one.
MOST_BARS = 200
MOST_SPANS = 31
FEW_BARS = 8


class Span(NamedTuple):
    """One link of the drawing and one row of the table: a bar, or neighbouring bars under one link.

    area : what it covers of the drawing, as attributes of an SVG rectangle.
    count_text : in figures.
    no_data : how many of its bars are days, months or years of which the archive has no article at all; all_no_data
        tells that there is nothing else.
    """

    label: str
    count: int  # type: ignore[assignment]  # a tuple's own count() is of no use here
    count_words: str
    href: str
    count_text: str
    area: str
    no_data: str
    all_no_data: bool


class _Place(NamedTuple):
    """Where a span lies, whatever is counted: its days, its bars from one to before another, label and area."""

    first: date
    last: date
    begin: int
    end: int
    label: str
    area: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A histogram ready to be drawn.

    interval : what a bar covers. unit : what a span covers. ``first_label`` and ``last_label`` stand below the ends of
    the drawing, ``peak`` beside it. outline : a stroke for each bar, as the data of an SVG path. gaps : what covers the
    bars without data, as the same.
    input : the type of the fields in which a range is chosen; first_text, last_text : what they hold at most.
    """

    interval: str
    unit: str
    spans: tuple[Span, ...]
    width: int
    height: int
    first_label: str
    last_label: str
    peak: str
    outline: str
    gaps: str
    input: str
    first_text: str
    last_text: str

    @property
    def few(self) -> bool:
        """Whether the bars would look like walls, drawn across the page."""
        return self.width < FEW_BARS * BAR_WIDTH


@lru_cache(maxsize=1024)
def _years(day: date, count: int) -> tuple[date, date]:
    first = day.year // count * count
    return date(max(first, date.min.year), 1, 1), date(min(first + count - 1, date.max.year), 12, 31)


def _week(day: date) -> tuple[date, date]:
    monday = day.toordinal() - day.weekday()
    return date.fromordinal(max(monday, 1)), date.fromordinal(min(monday + 6, date.max.toordinal()))


# What holds what: the first and the last day of the unit that holds a day, finest unit first.
UNITS: dict[str, Callable[[date], tuple[date, date]]] = {
    "day": lambda day: (day, day),
    "week": _week,
    "month": lambda day: (month_start(day), month_end(day)),
    "year": lambda day: _years(day, 1),
    "decade": lambda day: _years(day, 10),
    "century": lambda day: _years(day, 100),
}
# Weeks do not lie within months: bars are never weeks, and weeks are made of days alone.
BAR_UNITS = ("day", "month", "year", "decade", "century")
SPAN_UNITS = {"day": ("day", "week", "month"), "month": ("month",)}

# How a span tells that some of its bars say nothing.
NO_DATA: dict[str, Callable[[int], Message]] = {
    "day": lambda count: plural("no data for {count} day", "no data for {count} days", count),
    "month": lambda count: plural("no data for {count} month", "no data for {count} months", count),
    "year": lambda count: plural("no data for {count} year", "no data for {count} years", count),
    "decade": lambda count: plural("no data for {count} decade", "no data for {count} decades", count),
    "century": lambda count: plural("no data for {count} century", "no data for {count} centuries", count),
}


def unit_label(unit: str, first: date) -> str:
    """Return the words for the unit that starts on ``first``: ``2010s``, ``January 2017``, ``16 January 2017``."""
    if unit == "decade":
        return message("{year}s", year=first.year // 10 * 10)
    if unit == "month":
        return month_words(first)
    return year_words(first) if unit == "year" else span_words(*UNITS[unit](first))


def said_label(unit: str, first: date) -> str:
    """Return ``unit_label`` in the language of the page. Cost: a look-up, after the first time."""
    return _said_label(current_language().code, unit, first)


@lru_cache(maxsize=8192)
def _said_label(code: str, unit: str, first: date) -> str:
    return find_language(code).say(unit_label(unit, first))


def present_timeline(
    histogram: Histogram,
    address: Callable[[date, date], str],
    first_day: date | None = None,
    last_day: date | None = None,
) -> Timeline | None:
    """Return the histogram for a template, or None where it would say nothing: fewer than two bars.

    address : the link of a span of days, both included.
    first_day, last_day : what the search is limited to; no link leads past them, so that each leads to what it counts.
    """
    if len(histogram.bars) < 2:
        return None
    interval = histogram.interval
    bars = list(histogram.bars)
    if len(bars) > MOST_BARS:
        interval, bars = _coarser(interval, histogram.bars)
    starts, counts, _changed, empty = zip(*bars, strict=True)
    most = max(counts)
    holes = True in empty
    unit, places = _layout(current_language().code, interval, starts)
    spans = []
    for first, last, begin, after, label, area in places:
        start = max(first, first_day) if first_day else first
        end = min(last, last_day) if last_day else last
        count = sum(counts[begin:after])
        gaps = empty[begin:after].count(True) if holes else 0
        spans.append(
            Span(
                label,
                count,
                said_count(count) if count else "",
                address(start, end) if count else "",
                f"{count:,}",
                area,
                say(NO_DATA[interval](gaps)) if gaps else "",
                gaps == after - begin,
            )
        )
    opens = max(places[0].first, first_day or places[0].first)
    field = _range_field(unit, opens, end)
    return Timeline(
        interval=interval,
        unit=unit,
        spans=tuple(spans),
        width=len(bars) * BAR_WIDTH,
        height=HEIGHT,
        first_label=said_label(interval, starts[0]),
        last_label=said_label(interval, starts[-1]),
        outline=_outline(counts, most),
        gaps="".join(
            f"M{place * BAR_WIDTH} 0h{BAR_WIDTH}v{HEIGHT}h-{BAR_WIDTH}z" for place, hole in enumerate(empty) if hole
        ),
        peak=_peak(interval, said_count(most), said_label(interval, starts[counts.index(most)])),
        input=field,
        first_text=_range_text(field, opens),
        last_text=_range_text(field, end),
    )


@lru_cache(maxsize=256)
def _layout(code: str, interval: str, starts: tuple[date, ...]) -> tuple[str, tuple[_Place, ...]]:
    """Return the unit of the spans over bars that start so, and the place of each span, in the language of a code.

    Remembered, since most searches find something from the archive's first years to its last ones.
    """
    unit = _span_unit(interval, starts)
    places = []
    begin = 0
    for (first, last), held in groupby(starts, UNITS[unit]):
        end = begin + len(list(held))
        places.append(_Place(first, last, begin, end, _said_label(code, unit, first), _area(begin, end)))
        begin = end
    return unit, tuple(places)


def _peak(interval: str, articles: str, span: str) -> str:
    if interval == "day":
        return _("most: {articles} on {day}", articles=articles, day=span)
    return _("most: {articles} in {span}", articles=articles, span=span)


def _range_field(unit: str, first: date, last: date) -> str:
    """Return the type of field that takes spans of a unit: whole years or months where both ends are whole."""
    if unit in ("day", "week") or first.day != 1 or last != month_end(last):
        return "date"
    return "month" if unit == "month" or first.month != 1 or last.month != 12 else "number"


def _range_text(field: str, day: date) -> str:
    return day.isoformat()[: {"date": 10, "month": 7, "number": 4}[field]]


def bar_height(count: int, most: int) -> int:
    """Return the height of a bar of ``count`` beside one of ``most``, in the drawing's units; 0 for nothing."""
    return max(LEAST_HEIGHT, round(count * HEIGHT / most)) if count else 0


def _area(begin: int, end: int) -> str:
    """Return the attributes that a rectangle over some bars needs beside what the style sheet says of each."""
    left, bars = begin * BAR_WIDTH, end - begin
    return (f" x={left}" if left else "") + (f" width={bars * BAR_WIDTH}" if bars > 1 else "")


def _outline(counts: Sequence[int], most: int) -> str:
    # Half as long as the bars' outlines would be; the style sheet says how wide it is drawn.
    return "".join(
        [f"{foot}{bar_height(count, most)}" for foot, count in zip(_feet(len(counts)), counts, strict=True) if count]
    )


@lru_cache(maxsize=64)
def _feet(bars: int) -> tuple[str, ...]:
    return tuple(f"M{place * BAR_WIDTH + BAR_WIDTH // 2} {HEIGHT}v-" for place in range(bars))


def _coarser(interval: str, bars: tuple[HistogramBar, ...]) -> tuple[str, list[HistogramBar]]:
    """Return the bars of the finest unit that has few enough of them."""
    made: list[HistogramBar] = []
    for unit in BAR_UNITS[BAR_UNITS.index(interval) + 1 :]:
        interval, made = unit, []
        for (first, _last), held in groupby(bars, partial(_held_by, UNITS[unit])):
            within = list(held)
            count = sum(bar.count for bar in within)
            made.append(HistogramBar(first, count, no_data=all(bar.no_data for bar in within)))
        if len(made) <= MOST_BARS:
            break
    return interval, made


def _held_by(holder: Callable[[date], tuple[date, date]], bar: HistogramBar) -> tuple[date, date]:
    return holder(bar.start)


def _span_unit(interval: str, starts: tuple[date, ...]) -> str:
    if len(starts) <= MOST_SPANS:
        return interval
    coarser = BAR_UNITS[BAR_UNITS.index(interval) :]
    units = [*SPAN_UNITS.get(interval, ()), *coarser]
    for unit in dict.fromkeys(units):
        if len(set(map(UNITS[unit], starts))) <= MOST_SPANS:
            return unit
    return units[-1]
