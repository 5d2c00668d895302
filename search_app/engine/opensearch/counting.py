"""Counting on the cluster: facets, missing values and time, asked for beside a search and read from its answer.

In: what is searched, as queries. Out: aggregations; then, of their answers, the records of the seam.

Counts are exact. A terms aggregation asks each shard for its highest values only, so that a value which is high in one
shard and low in another may be counted short: an answer is taken only where the error bounds in it prove that its first
values are the highest and counted whole (``proven``). Where they do not, more values are asked for, and at last all.
How many values there are in all is exact where a shard names them all; else it is an estimate by their hashes, off by
one or two in some thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from ...index.sightings import instant
from ..facets import choose_interval
from ..result import Bucket, Facet, Histogram, HistogramBar
from .mapping import KEY, key_order, value_key, value_of_key
from .merging import Merged
from .scope import Names, shown_anyway

Json = dict[str, Any]
Days = npt.NDArray[np.int64]
EXACT_CARDINALITY = 40_000
"""The highest precision of a cardinality aggregation."""
MAX_VALUES = 50_000
"""Values of one terms aggregation; a cluster refuses more than 65,535 buckets in one answer."""
FIRST_VALUES = 300


def facet_aggregations(
    field: str, size: int, names: Names, scope: Sequence[Json], shard_values: int = FIRST_VALUES
) -> Json:
    """Return the aggregations of one facet over the documents that satisfy ``scope``.

    size : values to show. names : of the request; theirs are shown whatever their count, and those that are one are
    counted as one, each group by itself. shard_values : how many values each shard names.
    """
    wanted = max(shard_values, size + 1)
    chosen = shown_anyway(names, field)
    parts: Json = {
        "values": {
            "terms": {
                "field": field + KEY,
                "size": wanted,
                "shard_size": wanted,
                "show_term_doc_count_error": True,
            }
        },
        "distinct": {"cardinality": {"field": field + KEY, "precision_threshold": EXACT_CARDINALITY}},
        "missing": {"filter": {"term": {"lacks": field}}},
    }
    if chosen:
        parts["chosen"] = _these(field, map(value_key, chosen))
    if names.merged.groups[field]:
        labels = list(map(value_key, names.merged.shown[field]))
        parts["values"]["terms"]["exclude"] = labels
        parts |= {"labels": _these(field, labels), "merged": merged_aggregation(names.merged, field)}
    return {"filter": {"bool": {"filter": list(scope)}}, "aggs": parts}


def _these(field: str, keys: Iterable[str]) -> Json:
    """Return the aggregation that counts certain values."""
    wanted = list(keys)
    return {"terms": {"field": field + KEY, "include": wanted, "size": len(wanted), "shard_size": len(wanted)}}


def merged_aggregation(merged: Merged, field: str) -> Json:
    """Return the aggregation that counts the documents with any label of a group, for each group of a facet."""
    return {"filters": {"filters": [merged.query(field, [name]) for name in merged.groups[field]]}}


def read_merged(answer: Json) -> list[int]:
    """Return the count of each group from an answer to ``merged_aggregation``, if that was asked for."""
    return [int(bucket["doc_count"]) for bucket in answer.get("merged", {}).get("buckets", ())]


def proven(answer: Json, size: int) -> bool:
    """Tell whether the ``size`` highest values of a facet's answer are the highest, and counted whole.

    Every returned value has its own bound for what other shards may add to it. What was not returned can have no more
    than the last value that was, and what the shards left out besides.
    """
    found = answer["values"]
    buckets = found["buckets"]
    bound = int(found["doc_count_error_upper_bound"])
    if bound < 0:
        return False
    top, rest = buckets[:size], buckets[size:]
    if any(bucket["doc_count_error_upper_bound"] for bucket in top):
        return False
    if not found["sum_other_doc_count"] and not bound:
        return True
    least = top[-1]["doc_count"] if top else 0
    if len(top) < size or not size:
        return not size
    if any(
        bucket["doc_count_error_upper_bound"] and bucket["doc_count"] + bucket["doc_count_error_upper_bound"] >= least
        for bucket in rest
    ):
        return False
    return bool(buckets[-1]["doc_count"] + bound < least or (not bound and buckets[-1]["doc_count"] <= least))


def read_facet(answer: Json, size: int, names: Names, field: str) -> Facet:
    """Return the facet to show: the ``size`` highest values and every selected or excluded one, by count, then name."""
    found, selected, excluded = answer["values"], names[field], names["not_" + field]
    merged = read_merged(answer)
    groups = [(value_key(name), count) for name, count in zip(names.merged.groups[field], merged, strict=False)]
    groups = [(key, count) for key, count in groups if count]
    highest = [(bucket["key"], int(bucket["doc_count"])) for bucket in found["buckets"][:size]] + groups
    highest.sort(key=lambda pair: (-pair[1], key_order(pair[0])))
    counts = dict(highest[:size])
    chosen = {bucket["key"]: int(bucket["doc_count"]) for bucket in answer.get("chosen", {}).get("buckets", ())}
    chosen |= groups
    picked = {value_key(name) for name in (*selected.values(), *excluded.values()) if name}
    counts |= {key: chosen.get(key, 0) for key in picked}
    held, barred = set(selected.values()), set(excluded.values())
    buckets = [
        Bucket(name, count, name in held, name in barred)
        for name, count in ((value_of_key(key), count) for key, count in counts.items())
    ]
    unknown = dict.fromkeys(
        name for names in (selected, excluded) for name, canonical in names.items() if not canonical
    )
    buckets += [Bucket(name, 0, name in selected, name in excluded) for name in unknown]
    buckets.sort(key=lambda bucket: (-bucket.count, key_order(value_key(bucket.value))))
    whole = not found["sum_other_doc_count"] and not found["doc_count_error_upper_bound"]
    # Where not every value is named, labels of groups are among those that were counted by their hashes.
    labels = len(answer.get("labels", {}).get("buckets", ()))
    total = len(found["buckets"]) if whole else int(answer["distinct"]["value"]) - labels
    total += len(groups)
    return Facet(tuple(buckets), int(answer["missing"]["doc_count"]), total)


def whole_facet(counts: Sequence[tuple[str, int]], missing: int) -> Json:
    """Return the answer that would have been if a facet's every value had been asked for.

    counts : key and count of each value, in the order of names; groups among them.
    """
    ranked = sorted(counts, key=lambda pair: -pair[1])
    buckets = [{"key": key, "doc_count": count, "doc_count_error_upper_bound": 0} for key, count in ranked]
    values = {"buckets": buckets, "sum_other_doc_count": 0, "doc_count_error_upper_bound": 0}
    chosen = {"buckets": buckets}
    return {"values": values, "chosen": chosen, "missing": {"doc_count": missing}}


def hits_aggregations(scope: Sequence[Json], *, histogram: bool, days: bool, changes: bool) -> Json:
    """Return what is counted over the hits: what they lack, and where in time they are.

    days : count day by day and not only month by month. changes : tell also when the last of each span changed.
    """
    parts: Json = {"lacks": {"terms": {"field": "lacks", "size": 10}}}
    if histogram:
        parts |= {"first": {"min": {"field": "day"}}, "last": {"max": {"field": "day"}}}
        parts["months"] = spans_aggregation("month", changes=changes)
        if days:
            parts["days"] = spans_aggregation("day", changes=changes)
    return {"filter": {"bool": {"filter": list(scope)}}, "aggs": parts}


def spans_aggregation(field: str, *, changes: bool) -> Json:
    """Return the aggregation that counts each day or month which has any hit."""
    spans: Json = {"histogram": {"field": field, "interval": 1, "min_doc_count": 1}}
    return {**spans, "aggs": {"changed": {"max": {"field": "changed"}}}} if changes else spans


def read_lacking(answer: Json, fields: Sequence[str]) -> dict[str, int]:
    """Return how many hits lack each field."""
    counts = {bucket["key"]: int(bucket["doc_count"]) for bucket in answer["lacks"]["buckets"]}
    return {field: counts.get(field, 0) for field in fields}


def read_span(answer: Json) -> tuple[date, date] | None:
    """Return the first and the last day of the hits, None where there are none."""
    first, last = answer["first"]["value"], answer["last"]["value"]
    return None if first is None else (date.fromordinal(int(first)), date.fromordinal(int(last)))


def histogram_interval(span: tuple[date, date] | None, asked: str) -> str:
    """Return the interval of a histogram: as asked, or what suits the span of the hits."""
    return asked or (choose_interval(*span) if span else "year")


def read_histogram(
    answer: Json, span: tuple[date, date] | None, interval: str, archive_days: Callable[[], Days]
) -> Histogram:
    """Return hits over time, every span between first and last hit included, at 0 too.

    archive_days : gives the days of which the archive has articles, ascending; asked where a span has no hit.
    """
    if span is None:
        return Histogram(interval, ())
    first, last = span
    if interval == "day":
        days = _spans(answer["days"])
        ordinals = range(first.toordinal(), last.toordinal() + 1)
        bars = [_bar(date.fromordinal(n), *days.get(n, (0, 0))) for n in ordinals]
        return _with_gaps(Histogram("day", tuple(bars)), last, archive_days)
    months = _spans(answer["months"])
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    if interval == "month":
        bars = [_bar(date(n // 12, n % 12 + 1, 1), *months.get(n, (0, 0))) for n in numbers]
        return _with_gaps(Histogram("month", tuple(bars)), last, archive_days)
    years = dict.fromkeys(range(first.year, last.year + 1), (0, 0))
    for month, (count, changed) in months.items():
        total, latest = years[month // 12]
        years[month // 12] = total + count, max(latest, changed)
    bars = [_bar(date(year, 1, 1), *found) for year, found in years.items()]
    return _with_gaps(Histogram("year", tuple(bars)), last, archive_days)


def _with_gaps(histogram: Histogram, last: date, archive_days: Callable[[], Days]) -> Histogram:
    """Return a histogram that tells spans of which the archive has no article from others without a hit."""
    if all(bar.count for bar in histogram.bars):
        return histogram
    edges = np.array([*(bar.start.toordinal() for bar in histogram.bars), last.toordinal() + 1])
    before = np.searchsorted(archive_days(), edges)
    bars = zip(histogram.bars, (before[1:] == before[:-1]).tolist(), strict=True)
    return replace(histogram, bars=tuple(bar._replace(no_data=gap) for bar, gap in bars))


def _bar(start: date, count: int, changed: int) -> HistogramBar:
    return HistogramBar(start, count, instant(changed))


def _spans(answer: Json) -> dict[int, tuple[int, int]]:
    """Return the count of each span, and when the last in it changed, 0 where nobody asked or knows."""
    return {
        int(bucket["key"]): (int(bucket["doc_count"]), int((bucket.get("changed") or {}).get("value") or 0))
        for bucket in answer["buckets"]
    }


def all_values_body(query: Json, field: str, merged: Merged, after: Json | None) -> Json:
    """Return the search for one batch of all values of a facet, in order of their keys; with the first, all groups."""
    composite: Json = {"size": 10_000, "sources": [{"value": {"terms": {"field": field + KEY}}}]}
    aggs: Json = {"all": {"composite": composite}}
    if after:
        composite["after"] = after
    elif merged.groups[field]:
        aggs["merged"] = merged_aggregation(merged, field)
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggs}
