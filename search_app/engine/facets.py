"""Counting: how many hits have each value of a facet, and how many fall into each span of days.

In: a set of matching documents. Out: exact counts. One gather over the rows that matched and one count serve all
facets; values of several segments are brought together by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.analysis import fold
from ..index.facet_rows import Column, FacetRows, find_value
from ..index.generation import Snapshot
from ..index.postings import Docs
from ..index.sections import Strings
from ..index.sightings import UNKNOWN, instant
from ..index.writer import value_order
from .docset import DocSet
from .evaluate import Mask
from .result import Bucket, Facet, Histogram, HistogramBar, made_of

Array = npt.NDArray[Any]
MAX_DAY_BARS = 92
MAX_MONTH_BARS = 96
# Beyond this share of the documents, reading every row in order beats gathering the rows that matched.
_DENSE_SHARE = 0.25
# Where there are this many times more values than rows to count, sorting the rows beats an array of all values.
_SPARSE_FACTOR = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents have each value: ``values``, ascending, and ``counts``, all above 0, of one shape."""

    values: Array
    counts: Array

    @classmethod
    def of(cls, dense: Array) -> Counts:
        """Make counts of an array with one count a value."""
        # Looking for what is not 0 is ten times as slow among numbers as among truth values.
        values = (dense > 0).nonzero()[0]
        return cls(values, dense.take(values))

    def of_value(self, value: int) -> int:
        """Return the count of one value, 0 where it has none."""
        at = int(np.searchsorted(self.values, value))
        return int(self.counts[at]) if at < len(self.values) and self.values[at] == value else 0


class _Decoded(dict[int, str]):
    """Names by value, decoded when first asked for."""

    def __init__(self, values: Strings) -> None:
        self._values = values

    def __missing__(self, value: int) -> str:
        found = self[value] = self._values[value]
        return found


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

    @cached_property
    def _decoded(self) -> _Decoded:
        return _Decoded(self.columns[0].values)

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
                found = DocSet([live])
                counts = count_facets({name: cls((column,), None, None, None, len(own))}, found)[name]
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
        return self._decoded[value] if self.names is None else self.names[value]

    def names_of(self, values: list[int]) -> list[str]:
        """Return the names of some values; names asked for before are remembered."""
        names: dict[int, str] | list[str] = self._decoded if self.names is None else self.names
        return [names[value] for value in values]

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
        return self.columns[segment].docs_of(value) if value >= 0 else np.zeros(0, np.intp)

    def count(self, found: DocSet) -> Counts:
        """Return how many documents of a set have each value; see ``count_facets``."""
        return count_facets({"": self}, found)[""]

    @property
    def members(self) -> Mapping[int, tuple[int, ...]]:
        """By the value under which several are shown as one, all of these."""
        return {}

    def total(self, value: int, live: Sequence[Mask | None]) -> int:
        """Return how many live documents have a value of this space. live : by segment, None for all."""
        docs = (self.docs_of(segment, value) for segment in range(len(self.columns)))
        return sum(
            len(own) if mask is None else int(np.count_nonzero(mask[own])) for own, mask in zip(docs, live, strict=True)
        )

    def settled(self, counts: Counts, found: DocSet) -> Counts:
        """Return the counts of a set as they are shown: values that are one, counted as one."""
        return counts

    def shown_as(self, values: Array) -> Array:
        """Return the values under which some values are shown, ascending, each once."""
        return values


def count_facets(spaces: Mapping[str, ValueSpace], found: DocSet) -> dict[str, Counts]:
    """Return, for each space by its name, how many documents of a set have each value.

    Cost: O(rows of those documents in all facets), once for all spaces.
    """
    totals = {name: np.zeros(space.size, np.int64) for name, space in spaces.items() if space.numbers is not None}
    counts: dict[str, Counts] = {}
    for n, (mask, docs) in enumerate(zip(found.masks, found.docs, strict=True)):
        facets = next(iter(spaces.values())).columns[n].facets
        every = count_rows(facets, mask, docs)
        for name, space in spaces.items():
            column = space.columns[n]
            start, end = every.values.searchsorted((column.base, column.base + len(column.values))).tolist()
            values, numbers = every.values[start:end] - column.base, every.counts[start:end]
            if space.numbers is None:
                counts[name] = Counts(values, numbers)
                continue
            values = space.numbers[n][values]
            known = values >= 0
            totals[name][values[known]] += numbers[known]
    counts |= {name: Counts.of(total) for name, total in totals.items()}
    return {name: spaces[name].settled(own, found) for name, own in counts.items()}


def count_rows(facets: FacetRows, mask: Mask, docs: Docs) -> Counts:
    """Return how many of some documents have each value of any facet; ``mask`` and ``docs`` are the same set."""
    if len(docs) == len(mask):
        starts = facets.value_starts.astype(np.int64)
        return Counts.of(starts[1:] - starts[:-1])
    if len(docs) > len(mask) * _DENSE_SHARE:
        rows = facets.rows[mask.repeat(facets.sizes)]
    else:
        rows = facets.rows_of(docs)
    if len(rows) * _SPARSE_FACTOR > len(facets.value_starts):
        return Counts.of(np.bincount(rows, minlength=len(facets.value_starts) - 1))
    rows = rows.astype(np.int32)  # numpy sorts these with vector instructions, narrower ones without
    rows.sort()
    last = np.empty(len(rows), bool)
    np.not_equal(rows[1:], rows[:-1], out=last[:-1])
    last[-1:] = True
    ends = last.nonzero()[0]
    counts = ends.copy()
    counts[1:] -= ends[:-1]
    counts[:1] += 1
    return Counts(rows.take(ends), counts)


def top_values(counts: Counts, size: int) -> Array:
    """Return positions in ``counts`` of the highest, by count, then by name (values are numbered by name).

    Shape (min(size, values),). Cost: O(values), plus sorting those that count as much as the last of them.
    """
    falling: Array = -counts.counts
    if len(falling) <= size or not size:
        order: Array = falling.argsort(kind="stable")[:size]
        return order
    above = (falling <= np.partition(falling, size - 1)[size - 1]).nonzero()[0]
    best: Array = above.take(falling.take(above).argsort(kind="stable")[:size])
    return best


def make_facet(
    space: ValueSpace, counts: Counts, size: int, selected: tuple[str, ...], excluded: tuple[str, ...], missing: int
) -> Facet:
    """Return the facet to show: the ``size`` highest values, and every selected or excluded one, at 0 too.

    Values sort by count, then by name; a selected value that the archive does not know counts 0.
    """
    top = top_values(counts, size)
    values, numbers = counts.values.take(top).tolist(), counts.counts.take(top).tolist()
    if not selected and not excluded:
        shown = made_of(Bucket, space.names_of(values), numbers, repeat(False), repeat(False))
        return Facet(shown, missing, len(counts.values))
    of_value = dict(zip(values, numbers, strict=True))
    chosen = {name: space.find(name) for name in selected}
    barred = {name: space.find(name) for name in excluded}
    picked = {value for value in (*chosen.values(), *barred.values()) if value >= 0}
    if not picked.issubset(of_value):
        # Values are numbered by name, so this is the order of the facet.
        of_value |= {value: counts.of_value(value) for value in picked}
        of_value = dict(sorted(of_value.items(), key=lambda item: (-item[1], item[0])))
    ticked, held = set(chosen.values()), set(barred.values())
    buckets = [Bucket(space.name(v), count, v in ticked, v in held) for v, count in of_value.items()]
    unknown = {name for name, value in (*chosen.items(), *barred.items()) if value < 0}
    if unknown:
        buckets += [Bucket(name, 0, name in chosen, name in barred) for name in unknown]
        buckets.sort(key=lambda bucket: (-bucket.count, value_order(bucket.value)))
    return Facet(tuple(buckets), missing, len(counts.values))


def values_with_prefix(space: ValueSpace, prefix: str) -> npt.NDArray[np.int64]:
    """Return the values that hold a word which begins so, accents and case apart. Cost: O(values)."""
    wanted = fold(prefix.strip())
    names = space.all_names()
    found = [n for n, name in enumerate(names) if has_word(fold(name), wanted)]
    return space.shown_as(np.array(found, np.int64))


def has_word(folded: str, wanted: str) -> bool:
    """Tell whether a folded text holds a word that begins with ``wanted``."""
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
    days: Sequence[npt.NDArray[Any]],
    interval: str = "",
    changed: Sequence[Array] | None = None,
    archive_days: Array | None = None,
) -> Histogram:
    """Return hits over time.

    days : day ordinals of the hits, each hit once, in one or more arrays, each newest first as segments have them.
    interval : ``day``, ``month``, ``year``, or ``""`` to follow the span.
    changed : when each hit last changed, as ``DocDates`` holds it, in arrays like ``days``; None where nobody asks.
    archive_days : the days of which the archive has articles, ascending; None where nobody asks.
    Spans without a hit between first and last are there at 0; the counts add up to the hits.
    Cost: a search in each array for each span; with ``changed`` one for each hit.
    """
    filled = [own for own in days if len(own)]
    if not filled:
        return Histogram(interval or "year", ())
    first = date.fromordinal(min(own.item(-1) for own in filled))
    last = date.fromordinal(max(own.item(0) for own in filled))
    interval = interval or choose_interval(first, last)
    starts, edges = _spans(first, last, interval)
    below = np.zeros(len(edges), np.int64)
    for own in filled:
        # How many hits lie before each edge; an edge of another type would have numpy convert all the days.
        below += own[::-1].searchsorted(edges.astype(own.dtype))
    counts = (below[1:] - below[:-1]).tolist()
    latest: list[datetime | None] = [None] * len(starts)
    if changed is not None:
        newest = np.full(len(starts), UNKNOWN)
        for own, when in zip(days, changed, strict=True):
            np.maximum.at(newest, edges.searchsorted(own.astype(np.int64), "right") - 1, when.astype(np.int64))
        latest = list(map(instant, newest.tolist()))
    gaps = _gaps(edges, archive_days) if archive_days is not None and 0 in counts else [False] * len(starts)
    return Histogram(interval, made_of(HistogramBar, starts, counts, latest, gaps))


def _gaps(edges: Array, archive_days: Array) -> list[bool]:
    """Return for each span whether the archive has no article of it. edges : as ``_spans`` gives them."""
    # What comes after the last hit does not matter: the last span has one.
    before = archive_days.searchsorted(edges.astype(archive_days.dtype))
    gaps: list[bool] = (before[1:] == before[:-1]).tolist()
    return gaps


@lru_cache(maxsize=256)
def _spans(first: date, last: date, interval: str) -> tuple[tuple[date, ...], npt.NDArray[np.int64]]:
    """Return the first day of each span, and as ordinals the same and the day after the last span with a hit."""
    starts = tuple(_span_starts(first, last, interval))
    edges = np.fromiter((start.toordinal() for start in starts), np.int64, len(starts))
    return starts, np.append(edges, last.toordinal() + 1)


def _span_starts(first: date, last: date, interval: str) -> list[date]:
    if interval == "day":
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if interval == "month":
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    return [date(year, 1, 1) for year in range(first.year, last.year + 1)]
