"""A histogram as a page shows it: bars drawn to scale, and spans of them with links and words for drawing and table.

In: the engine's histogram, and a function from a span of days to an address. Out: frozen records for a template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from ..dates import month_end, month_start, month_words, year_words
from ..engine.result import Histogram, HistogramBar
from ..messages import message
from .language import _, say
from .words import count_words, span_words

HEIGHT = 100
BAR_WIDTH = 10
# A single article beside a bar of ten thousand would be invisible.
LEAST_HEIGHT = 2
# More bars than these are finer than a screen, more links than these longer than anybody reads, and both make a page
# heavy: neighbours are drawn, or linked, as one.
MOST_BARS = 200
MOST_SPANS = 31
FEW_BARS = 8


@dataclass(frozen=True, slots=True)
class Span:
    """One link of the drawing and one row of the table: a bar, or neighbouring bars under one link.

    x, width : what it covers, in the drawing's units. outline : its bars, as the data of an SVG path.
    """

    label: str
    count: int
    count_words: str
    href: str
    x: int
    width: int
    outline: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A histogram ready to be drawn.

    interval : what a bar covers. unit : what a span covers. ``first_label`` and ``last_label`` stand below the ends of
    the drawing, ``peak`` beside it.
    """

    interval: str
    unit: str
    spans: tuple[Span, ...]
    width: int
    height: int
    first_label: str
    last_label: str
    peak: str

    @property
    def few(self) -> bool:
        """Whether the bars would look like walls, drawn across the page."""
        return self.width < FEW_BARS * BAR_WIDTH


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


def unit_label(unit: str, first: date) -> str:
    """Return the words for the unit that starts on ``first``: ``2010s``, ``January 2017``, ``16 January 2017``."""
    if unit == "decade":
        return message("{year}s", year=first.year // 10 * 10)
    if unit == "month":
        return month_words(first)
    return year_words(first) if unit == "year" else span_words(*UNITS[unit](first))


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
    bars = [(bar.start, bar.count) for bar in histogram.bars]
    if len(bars) > MOST_BARS:
        interval, bars = _coarser(interval, histogram.bars)
    unit = _span_unit(interval, bars)
    most = max(count for _, count in bars)
    holder = UNITS[unit]
    spans = []
    x = 0
    for (first, last), held in groupby(bars, lambda bar: holder(bar[0])):
        within = list(held)
        count = sum(count for _, count in within)
        spans.append(
            Span(
                label=say(unit_label(unit, first)),
                count=count,
                count_words=say(count_words(count)),
                href=address(max(first, first_day or first), min(last, last_day or last)) if count else "",
                x=x,
                width=len(within) * BAR_WIDTH,
                outline=_outline(x, (count for _, count in within), most),
            )
        )
        x += len(within) * BAR_WIDTH
    peak = next(start for start, count in bars if count == most)
    return Timeline(
        interval=interval,
        unit=unit,
        spans=tuple(spans),
        width=x,
        height=HEIGHT,
        first_label=say(unit_label(interval, bars[0][0])),
        last_label=say(unit_label(interval, bars[-1][0])),
        peak=_peak(interval, say(count_words(most)), say(unit_label(interval, peak))),
    )


def _peak(interval: str, articles: str, span: str) -> str:
    if interval == "day":
        return _("most: {articles} on {day}", articles=articles, day=span)
    return _("most: {articles} in {span}", articles=articles, span=span)


def bar_height(count: int, most: int) -> int:
    """Return the height of a bar of ``count`` beside one of ``most``, in the drawing's units; 0 for nothing."""
    return max(LEAST_HEIGHT, round(count * HEIGHT / most)) if count else 0


def _outline(x: int, counts: Iterable[int], most: int) -> str:
    parts = []
    for position, count in enumerate(counts):
        if height := bar_height(count, most):
            parts.append(f"M{x + position * BAR_WIDTH + 1} {HEIGHT}v-{height}h{BAR_WIDTH - 2}v{height}z")
    return "".join(parts)


def _coarser(interval: str, bars: tuple[HistogramBar, ...]) -> tuple[str, list[tuple[date, int]]]:
    """Return the bars of the finest unit that has few enough of them."""
    totals: dict[date, int] = {}
    for unit in BAR_UNITS[BAR_UNITS.index(interval) + 1 :]:
        interval = unit
        totals = {}
        for bar in bars:
            first = UNITS[unit](bar.start)[0]
            totals[first] = totals.get(first, 0) + bar.count
        if len(totals) <= MOST_BARS:
            break
    return interval, list(totals.items())


def _span_unit(interval: str, bars: list[tuple[date, int]]) -> str:
    coarser = BAR_UNITS[BAR_UNITS.index(interval) :]
    units = [*SPAN_UNITS.get(interval, ()), *coarser]
    for unit in dict.fromkeys(units):
        holder = UNITS[unit]
        if len({holder(start) for start, _ in bars}) <= MOST_SPANS:
            return unit
    return units[-1]
