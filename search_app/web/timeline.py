"""A histogram as a page shows it: bars with their heights, links and words, for a drawing and an equal table.

In: the engine's histogram, and a function from a span of days to an address. Out: frozen records for a template.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ..dates import day_words, month_end, month_words
from ..engine.result import Histogram
from .words import count_words

HEIGHT = 100
BAR_WIDTH = 10
# A single article beside a bar of ten thousand would be invisible.
LEAST_HEIGHT = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: where it is drawn (``x``, ``y``, ``height`` in the drawing's units), what it says, where it leads."""

    label: str
    count: int
    count_words: str
    href: str
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A histogram ready to be drawn. ``first_label`` and ``last_label`` stand below its ends, ``peak`` beside it."""

    interval: str
    bars: tuple[Bar, ...]
    width: int
    height: int
    bar_width: int
    first_label: str
    last_label: str
    peak: str


def bar_span(interval: str, start: date) -> tuple[date, date]:
    """Return the first and last day of the bar of ``interval`` that starts on ``start``."""
    if interval == "day":
        return start, start
    return start, month_end(start) if interval == "month" else date(start.year, 12, 31)


def bar_label(interval: str, start: date) -> str:
    """Return the words for a bar: ``2017``, ``January 2017``, ``16 January 2017``."""
    if interval == "day":
        return day_words(start)
    return month_words(start) if interval == "month" else str(start.year)


def present_timeline(histogram: Histogram, address: Callable[[date, date], str]) -> Timeline | None:
    """Return the histogram for a template, or None where it would say nothing: fewer than two bars.

    address : the link of a span of days, both included.
    """
    if len(histogram.bars) < 2:
        return None
    interval = histogram.interval
    most = max(bar.count for bar in histogram.bars)
    bars = []
    for position, bar in enumerate(histogram.bars):
        height = max(LEAST_HEIGHT, round(bar.count * HEIGHT / most)) if bar.count else 0
        bars.append(
            Bar(
                label=bar_label(interval, bar.start),
                count=bar.count,
                count_words=count_words(bar.count),
                href=address(*bar_span(interval, bar.start)),
                x=position * BAR_WIDTH,
                y=HEIGHT - height,
                height=height,
            )
        )
    preposition = "on" if interval == "day" else "in"
    return Timeline(
        interval=interval,
        bars=tuple(bars),
        width=len(bars) * BAR_WIDTH,
        height=HEIGHT,
        bar_width=BAR_WIDTH,
        first_label=bars[0].label,
        last_label=bars[-1].label,
        peak=next(f"{bar.count_words} {preposition} {bar.label}" for bar in bars if bar.count == most),
    )
