"""Counting: how many hits have each value of a facet, and how many fall into each span of days.

In: a set of matching documents. Out: exact counts. One gather over the rows that matched and one
``bincount``; values of several segments are brought together by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.analysis import fold
from ..index.generation import Snapshot
from ..index.segment import Column, Docs, find_value
from ..index.sightings import UNKNOWN, instant
from ..index.writer import value_order
from .docset import DocSet
from .evaluate import Mask
from .result import Bucket, Facet, Histogram, HistogramBar

Array = npt.NDArray[Any]
MAX_DAY_BARS = 92
MAX_MONTH_BARS = 96
# Beyond this share of the documents, reading every row in order beats gathering the rows that matched.
_DENSE_SHARE = 0.25
# Where a facet has this many times more values than there are rows to count, sorting the rows beats an array of all.
_SPARSE_FACTOR = 8


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents have each value: ``values``, ascending, and ``counts``, all above 0, of one shape."""

    values: Array
    counts: Array

    @classmethod
    def of(cls, dense: Array) -> Counts:
        """Make counts of an array with one count a value."""
        values = np.flatnonzero(dense)
        return cls(values, dense[values])

    def of_value(self, value: int) -> int:
        """Return the count of one value, 0 where it has none."""
        at = int(np.searchsorted(self.values, value))
        return int(self.counts[at]) if at < len(self.values) and self.values[at] == value else 0


@dataclass(frozen=True)
class ValueSpace:
    """The values of one facet over all segments of a snapshot, in order of name.

    A value that only deleted documents have is not among them.

    numbers : for each segment, the number in this space of each of its values, -1 for a value left out.
    locals : for each segment, the number in it of each value of this space, -1 where it lacks the value.
    names, numbers and locals are None where one segment without deleted documents makes them superfluous.
    """

    columns: tuple[Column, ...]
    numbers: tuple[npt.NDArray[np.int64], ...] | None
    locals: tuple[npt.NDArray[np.int64], ...] | None
    names: list[str] | None
    size: int
    _decoded: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, name: str) -> ValueSpace:
        """Bring the values of all segments together. Cost: nothing for one whole segment, else a sort of all values."""
        columns = tuple(segment.columns[name] for segment in snapshot.segments)
        if len(columns) == 1 and snapshot.live[0] is None:
            return cls(columns, None, None, None, len(columns[0].values))
        values = []
        for column, live in zip(columns, snapshot.live, strict=True):
            own: list[str | None] = list(column.values.all())
            if live is not None:
                counts = count_rows(column, live, np.flatnonzero(live).astype(np.int32))
                own = [name if counts.of_value(n) else None for n, name in enumerate(own)]
            values.append(own)
        names = sorted({name for own in values for name in own if name is not None}, key=value_order)
        number: dict[str | None, int] = {name: n for n, name in enumerate(names)}
        numbers = tuple(np.fromiter((number.get(name, -1) for name in own), np.int64, len(own)) for own in values)
        places = []
        for own_numbers in numbers:
            place = np.full(len(names), -1, np.int64)
            kept = np.flatnonzero(own_numbers >= 0)
            place[own_numbers[kept]] = kept
            places.append(place)
        return cls(columns, numbers, tuple(places), names, len(names))

    def name(self, value: int) -> str:
        """Return the name of a value of this space; names asked for before are remembered."""
        if self.names is not None:
            return self.names[value]
        found = self._decoded.get(value)
        if found is None:
            found = self._decoded[value] = self.columns[0].values[value]
        return found

    def all_names(self) -> list[str]:
        """Return every name. Cost: decodes them all."""
        return self.columns[0].values.all() if self.names is None else self.names

    def find(self, name: str) -> int:
        """Return the number of a value, -1 where there is none; the rule for names that differ is ``find_value``'s."""
        return find_value(self.columns[0].values if self.names is None else self.names, name)

    def docs_of(self, segment: int, value: int) -> Docs:
        """Return the documents of a segment that have a value of this space, ascending; none for -1."""
        if value >= 0 and self.locals is not None:
            value = int(self.locals[segment][value])
        return self.columns[segment].docs_of(value) if value >= 0 else np.zeros(0, np.int32)

    def count(self, found: DocSet) -> Counts:
        """Return how many documents of a set have each value. Cost: O(rows of those documents)."""
        if self.numbers is None:
            return count_rows(self.columns[0], found.masks[0], found.docs[0])
        total = np.zeros(self.size, np.int64)
        for column, mask, docs, numbers in zip(self.columns, found.masks, found.docs, self.numbers, strict=True):
            counts = count_rows(column, mask, docs)
            known = numbers[counts.values] >= 0
            total[numbers[counts.values[known]]] += counts.counts[known]
        return Counts.of(total)


def count_rows(column: Column, mask: Mask, docs: Docs) -> Counts:
    """Return how many of some documents have each value of a column; ``mask`` and ``docs`` are the same set."""
    if len(docs) == len(mask):
        starts = column.value_starts.astype(np.int64)
        return Counts.of(starts[1:] - starts[:-1])
    if len(docs) > len(mask) * _DENSE_SHARE:
        rows = column.rows[np.repeat(mask, np.diff(column.row_starts))]
    else:
        rows = column.rows_of(docs)
    if len(rows) * _SPARSE_FACTOR < len(column.values):
        return Counts(*np.unique(rows, return_counts=True))
    return Counts.of(np.bincount(rows, minlength=len(column.values)))


def top_values(counts: Counts, size: int) -> Array:
    """Return positions in ``counts`` of the highest, by count, then by name (values are numbered by name).

    Shape (min(size, values),). Cost: O(values), plus sorting those that count as much as the last of them.
    """
    high = counts.counts
    above = np.arange(len(high))
    if len(high) > size > 0:
        least = np.partition(high, len(high) - size)[len(high) - size]
        above = np.flatnonzero(high >= least)
    order = np.argsort(-high[above].astype(np.int64), kind="stable")[:size]
    return above[order]


def make_facet(
    space: ValueSpace, counts: Counts, size: int, selected: tuple[str, ...], excluded: tuple[str, ...], missing: int
) -> Facet:
    """Return the facet to show: the ``size`` highest values, and every selected or excluded one, at 0 too.

    Values sort by count, then by name; a selected value that the archive does not know counts 0.
    """
    top = top_values(counts, size)
    of_value = dict(zip(counts.values[top].tolist(), counts.counts[top].tolist(), strict=True))
    chosen = {name: space.find(name) for name in selected}
    barred = {name: space.find(name) for name in excluded}
    picked = {value for value in (*chosen.values(), *barred.values()) if value >= 0}
    if not picked.issubset(of_value):
        # Values are numbered by name, so this is the order of the facet.
        of_value |= {value: counts.of_value(value) for value in picked}
        of_value = dict(sorted(of_value.items(), key=lambda item: (-item[1], item[0])))
    numbers, held = set(chosen.values()), set(barred.values())
    buckets = [Bucket(space.name(v), count, v in numbers, v in held) for v, count in of_value.items()]
    unknown = {name for name, value in (*chosen.items(), *barred.items()) if value < 0}
    if unknown:
        buckets += [Bucket(name, 0, name in chosen, name in barred) for name in unknown]
        buckets.sort(key=lambda bucket: (-bucket.count, value_order(bucket.value)))
    return Facet(tuple(buckets), missing, len(counts.values))


def values_with_prefix(space: ValueSpace, prefix: str) -> npt.NDArray[np.int64]:
    """Return the values that hold a word which begins so, accents and case apart. Cost: O(values)."""
    wanted = fold(prefix.strip())
    names = space.all_names()
    found = [n for n, name in enumerate(names) if _has_word(fold(name), wanted)]
    return np.array(found, np.int64)


def _has_word(folded: str, wanted: str) -> bool:
    at = folded.find(wanted)
    while at > 0 and folded[at - 1].isalnum():
        at = folded.find(wanted, at + 1)
    return at >= 0


def choose_interval(first: date, last: date) -> str:
    """Return the span of a bar for hits from ``first`` to ``last``: the finest that gives a readable number of bars."""
    if (last - first).days < MAX_DAY_BARS:
        return "day"
    months = (last.year - first.year) * 12 + last.month - first.month
    return "month" if months < MAX_MONTH_BARS else "year"


def make_histogram(
    days: npt.NDArray[Any], interval: str = "", changed: Array | None = None, archive_days: Array | None = None
) -> Histogram:
    """Return hits over time.

    days : day ordinals of the hits, any order, each hit once. interval : ``day``, ``month``, ``year``, or ``""`` to
    follow the span. changed : when each hit last changed, as ``DocDates`` holds it; None where nobody asks.
    archive_days : the days of which the archive has articles, ascending; None where nobody asks.
    Spans without a hit between first and last are there at 0; the counts add up to ``len(days)``.
    """
    if not len(days):
        return Histogram(interval or "year", ())
    first, last = date.fromordinal(int(days.min())), date.fromordinal(int(days.max()))
    interval = interval or choose_interval(first, last)
    starts = _span_starts(first, last, interval)
    edges = np.array([start.toordinal() for start in starts], np.int64)
    # Narrow days count fast: one bin a day, then sums of bins.
    daily = np.bincount(days.astype(np.int64) - edges[0], minlength=last.toordinal() - int(edges[0]) + 1)
    counts = np.add.reduceat(daily, edges - edges[0])
    latest = np.full(len(starts), UNKNOWN)
    if changed is not None:
        np.maximum.at(latest, np.searchsorted(edges, days.astype(np.int64), "right") - 1, changed.astype(np.int64))
    bars = zip(starts, counts.tolist(), latest.tolist(), _gaps(edges, last, archive_days), strict=True)
    return Histogram(
        interval, tuple(HistogramBar(start, count, instant(when), gap) for start, count, when, gap in bars)
    )


def _gaps(edges: Array, last: date, archive_days: Array | None) -> list[bool]:
    """Return for each span whether the archive has no article of it. edges : the first day of each, ascending."""
    if archive_days is None:
        return [False] * len(edges)
    # What comes after the last hit does not matter: the last span has one.
    before = np.searchsorted(archive_days, [*edges, last.toordinal() + 1])
    gaps: list[bool] = (before[1:] == before[:-1]).tolist()
    return gaps


def _span_starts(first: date, last: date, interval: str) -> list[date]:
    if interval == "day":
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if interval == "month":
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    return [date(year, 1, 1) for year in range(first.year, last.year + 1)]
