"""The filters of a request as queries, and the names in them as the archive spells them.

In: a request. Out: queries for what it filters by. A facet value is looked up by its exact name, or else by one that
differs only in accents and case, as everywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..dead_ends import Condition
from ..plan import Plan
from ..request import FACET_FIELDS, SearchRequest
from ..result import Bucket
from .cluster import Json
from .mapping import KEY, KEY_JOINT, key_order, value_key, value_of_key
from .merging import Merged, Spellings

_SPECIAL = frozenset('.?+*|{}[]()"\\#@&<>~^$-:')


@dataclass(frozen=True, slots=True)
class Names:
    """The names in a request as the archive has them.

    shown : by filter, each name asked for and the label under which it is shown, ``""`` for an unknown one.
    merged : the labels that are one.
    """

    shown: Mapping[str, Mapping[str, str]]
    merged: Merged

    def __getitem__(self, name: str) -> Mapping[str, str]:
        """Return each name of a filter and the label under which it is shown."""
        return self.shown[name]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request asks for beside its words, as queries.

    filters : hold for whatever is counted. selections : by facet, what its own selected values allow; counted without
    for that facet. everything : all of them.
    """

    filters: list[Json]
    selections: dict[str, Json]

    @property
    def everything(self) -> list[Json]:
        """Every condition on a hit."""
        return [*self.filters, *self.selections.values()]

    def others(self, field: str) -> list[Json]:
        """Return the selections that narrow what a facet counts: all for contexts, else those of other facets."""
        return [query for name, query in self.selections.items() if field == "context" or name != field]


def scope_of(request: SearchRequest, names: Names) -> Scope:
    """Return what a request asks for beside its words."""
    filters: list[Json] = []
    span: Json = {}
    if request.date_from:
        span["gte"] = request.date_from.toordinal()
    if request.date_to:
        span["lte"] = request.date_to.toordinal()
    if span:
        filters.append({"range": {"day": span}})
    for field in FACET_FIELDS:
        barred = [name for name in names["not_" + field].values() if name]
        if barred:
            filters.append({"bool": {"must_not": [names.merged.query(field, barred)]}})
    filters += [_lacking(name) for name in request.missing if not request.takes_any(name)]
    selections: dict[str, Json] = {}
    for field in FACET_FIELDS:
        known = [name for name in names[field].values() if name]
        if request.takes_any(field):
            if names[field] or field in request.missing:
                selections[field] = _any_of(field, known, names, or_lacking=field in request.missing)
        elif names[field]:
            each = [names.merged.query(field, [name]) for name in known]
            unknown = len(known) < len(names[field])
            selections[field] = {"match_none": {}} if unknown else {"bool": {"filter": each}}
    if selections.keys() == {"context"}:
        # Contexts narrow every count: nothing has to be counted without them.
        filters.append(selections.pop("context"))
    return Scope(filters, selections)


def _lacking(field: str) -> Json:
    return {"term": {"lacks": field}}


def _any_of(field: str, shown: Iterable[str], names: Names, *, or_lacking: bool) -> Json:
    """Return the query for documents with any of some values of a facet. or_lacking : or with none at all."""
    having = names.merged.query(field, shown)
    return {"bool": {"should": [having, _lacking(field)], "minimum_should_match": 1}} if or_lacking else having


def named_values(request: SearchRequest) -> list[tuple[str, str]]:
    """Return each facet value that a request names, with its field, once."""
    names = [(field, name) for field in FACET_FIELDS for name in (field, "not_" + field)]
    return list(dict.fromkeys((field, value) for field, name in names for value in getattr(request, name)))


def resolved(request: SearchRequest, spellings: Spellings, merged: Merged) -> Names:
    """Return the names of a request as the archive has them. spellings : of each of them, looked up before."""
    shown = {
        name: {value: merged.find(field, value, spellings[field, value]) for value in getattr(request, name)}
        for field in FACET_FIELDS
        for name in (field, "not_" + field)
    }
    return Names(shown, merged)


def names_body(field: str, value: str) -> Json:
    """Return the search for all values of a facet that equal a name but for accents and case."""
    folded = value_key(value).partition(KEY_JOINT)[0] + KEY_JOINT
    include = "".join("\\" + sign if sign in _SPECIAL else sign for sign in folded) + ".*"
    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"prefix": {field + KEY: {"value": folded}}},
        "aggs": {"names": {"terms": {"field": field + KEY, "include": include, "size": 1000, "shard_size": 1000}}},
    }


def read_spelling(answer: Json, value: str) -> str:
    """Return the archive's spelling of a name from the answer to ``names_body``, ``""`` where it has none."""
    keys = sorted((bucket["key"] for bucket in answer["aggregations"]["names"]["buckets"]), key=key_order)
    at = bisect_left(keys, key_order(value_key(value)), key=key_order)
    return value_of_key(keys[min(at, len(keys) - 1)]) if keys else ""


def condition_query(condition: Condition, names: Names, compiled: Callable[[Plan], Json]) -> Json:
    """Return the query of one condition of a request. compiled : gives the query of a plan."""
    if condition.plan is not None:
        return compiled(condition.plan)
    if condition.field == "missing":
        return _lacking(condition.values[0])
    shown = names["not_" + condition.field if condition.excluded else condition.field]
    known = [shown[name] for name in condition.values if shown[name]]
    having = _any_of(condition.field, known, names, or_lacking=condition.or_lacking)
    return {"bool": {"must_not": [having]}} if condition.excluded else having


def without_filters(request: SearchRequest) -> SearchRequest:
    """Return a request without its filters, which every candidate satisfies.

    Among candidates a name may be missing that the archive has, and one like it would be taken for it.
    """
    nothing: dict[str, Any] = {name: () for field in FACET_FIELDS for name in (field, "not_" + field)}
    plain = replace(request, **nothing, missing=(), date_from=None, date_to=None, facets=(), changes=False)
    # Candidates are too few to say how a word should have been spelled.
    return replace(plain, after="", generation=0, as_typed=True)


def flagged(buckets: tuple[Bucket, ...], names: Names, field: str) -> tuple[Bucket, ...]:
    """Return buckets that say whether the request selects or excludes their value."""
    held, barred = set(names[field].values()), set(names["not_" + field].values())
    return tuple(Bucket(b.value, b.count, b.value in held, b.value in barred) for b in buckets)


def shown_anyway(names: Names, field: str) -> list[str]:
    """Return the values of a facet that are shown whatever their count."""
    found = (*names[field].values(), *names["not_" + field].values())
    return [name for name in dict.fromkeys(found) if name]
