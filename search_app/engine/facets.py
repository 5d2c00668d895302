"""Counting: how many hits have each value of a facet, and how many fall into each span of days.

In: a boolean array of matching documents a segment. Out: exact counts. One gather over the rows that matched and one
``bincount``; values of several segments are brought together by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.analysis import fold
from ..index.generation import Snapshot
from ..index.segment import Column
from ..index.writer import value_order
from .evaluate import Mask
from .result import Bucket, Facet, Histogram, HistogramBar

Counts = npt.NDArray[np.int64]
MAX_DAY_BARS = 92
MAX_MONTH_BARS = 96
# Beyond this share of the documents, reading every row in order beats gathering the rows that matched.
_DENSE_SHARE = 0.25


@dataclass(frozen=True)
class ValueSpace:
    """The values of one facet over all segments of a snapshot, in order of name.

    numbers : for each segment, the number in this space of each of its values; None where there is one segment.
    """

    columns: tuple[Column, ...]
    numbers: tuple[npt.NDArray[np.int64], ...] | None
    names: list[str] | None
    size: int

    @classmethod
    def of(cls, snapshot: Snapshot, field: str) -> ValueSpace:
        """Bring the values of all segments together. Cost: nothing for one segment, else a sort of all values."""
        columns = tuple(segment.columns[field] for segment in snapshot.segments)
        if len(columns) == 1:
            return cls(columns, None, None, len(columns[0].values))
        values = [column.values.all() for column in columns]
        names = sorted(set().union(*values), key=value_order) if values else []
        number = {name: n for n, name in enumerate(names)}
        numbers = tuple(np.fromiter((number[v] for v in own), np.int64, len(own)) for own in values)
        return cls(columns, numbers, names, len(names))

    def name(self, value: int) -> str:
        """Return the name of a value of this space."""
        return self.columns[0].values[value] if self.names is None else self.names[value]

    def all_names(self) -> list[str]:
        """Return every name. Cost: decodes them all."""
        return self.columns[0].values.all() if self.names is None else self.names

    def find(self, name: str) -> int:
        """Return the number of a value, -1 where no segment has it."""
        for n, column in enumerate(self.columns):
            found = column.find(name)
            if found >= 0:
                return found if self.numbers is None else int(self.numbers[n][found])
        return -1

    def count(self, masks: list[Mask]) -> Counts:
        """Return how many matching documents have each value. Shape (size,). Cost: O(rows of those documents)."""
        total = np.zeros(self.size, np.int64)
        for n, (column, mask) in enumerate(zip(self.columns, masks, strict=True)):
            counts = count_rows(column, mask)
            if self.numbers is None:
                return counts
            total[self.numbers[n]] += counts
        return total


def count_rows(column: Column, mask: Mask) -> Counts:
    """Return how many documents of ``mask`` have each value of a segment's column."""
    docs = np.flatnonzero(mask)
    if len(docs) == len(mask):
        starts = column.value_starts.astype(np.int64)
        return starts[1:] - starts[:-1]
    if len(docs) > len(mask) * _DENSE_SHARE:
        rows = column.rows[np.repeat(mask, np.diff(column.row_starts))]
    else:
        rows = column.rows_of(docs.astype(np.int32))
    return np.bincount(rows, minlength=len(column.values))


def count_missing(snapshot: Snapshot, field: str, masks: list[Mask]) -> int:
    """Return how many documents of ``masks`` have no value in a facet, or no summary."""
    return sum(
        int(np.count_nonzero(mask & segment.lacking(field)))
        for segment, mask in zip(snapshot.segments, masks, strict=True)
    )


def top_values(counts: Counts, size: int) -> npt.NDArray[np.int64]:
    """Return the values with the highest counts above 0, by count, then by name (values are numbered by name).

    Shape (min(size, values above 0),). Cost: O(values), plus sorting those that count as much as the last of them.
    """
    above = np.flatnonzero(counts)
    if len(above) > size > 0:
        least = np.partition(counts[above], len(above) - size)[len(above) - size]
        above = above[counts[above] >= least]
    order = np.argsort(-counts[above], kind="stable")[:size]
    return above[order]


def make_facet(
    space: ValueSpace, counts: Counts, size: int, selected: tuple[str, ...], excluded: tuple[str, ...], missing: int
) -> Facet:
    """Return the facet to show: the ``size`` highest values, and every selected or excluded one, at 0 too.

    Values sort by count, then by name; a selected value that the archive does not know counts 0.
    """
    numbers = {int(value): space.name(int(value)) for value in top_values(counts, size)}
    picked: dict[str, int] = {}
    for name in (*selected, *excluded):
        value = space.find(name)
        if value >= 0:
            numbers[value] = space.name(value)
            picked[name] = value
    chosen = {picked.get(name) for name in selected}
    barred = {picked.get(name) for name in excluded}
    buckets = [Bucket(name, int(counts[value]), value in chosen, value in barred) for value, name in numbers.items()]
    unknown = [name for name in dict.fromkeys((*selected, *excluded)) if name not in picked]
    buckets += [Bucket(name, 0, name in selected, name in excluded) for name in unknown]
    buckets.sort(key=lambda bucket: (-bucket.count, value_order(bucket.value)))
    return Facet(tuple(buckets), missing, int(np.count_nonzero(counts)))


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


def make_histogram(days: npt.NDArray[Any], interval: str = "") -> Histogram:
    """Return hits over time.

    days : day ordinals of the hits, any order, each hit once. interval : ``day``, ``month``, ``year``, or ``""`` to
    follow the span. Spans without a hit between first and last are there at 0; the counts add up to ``len(days)``.
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
    return Histogram(interval, tuple(HistogramBar(s, int(c)) for s, c in zip(starts, counts, strict=True)))


def _span_starts(first: date, last: date, interval: str) -> list[date]:
    if interval == "day":
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if interval == "month":
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    return [date(year, 1, 1) for year in range(first.year, last.year + 1)]
