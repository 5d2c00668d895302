"""Counting over one index on a cluster: asked beside a search, and again wherever the answer leaves room for doubt.

In: what is searched, as queries. Out: facets, missing values and time, as records of the seam.
"""

from __future__ import annotations

import numpy as np

from ..facets import MAX_DAY_BARS
from ..request import SearchRequest
from ..result import Facet, Histogram
from .cluster import Cluster, Json
from .compile import both
from .counting import (
    MAX_VALUES,
    Days,
    all_values_body,
    facet_aggregations,
    histogram_interval,
    hits_aggregations,
    proven,
    read_facet,
    read_histogram,
    read_merged,
    read_span,
    spans_aggregation,
    whole_facet,
)
from .merging import Merged
from .scope import Names, Scope


class Tally:
    """Counts over one index, which never changes. Safe to use from any number of threads."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster = cluster
        self._index = index
        self._days: Days | None = None

    def aggregations(self, request: SearchRequest, scope: Scope, names: Names) -> Json:
        """Return what a search asks to be counted beside its hits."""
        found = {
            field: facet_aggregations(field, request.facet_size, names, scope.others(field)) for field in request.facets
        }
        first, last = request.date_from, request.date_to
        short = first is not None and last is not None and (last - first).days < MAX_DAY_BARS
        days = request.interval == "day" or (not request.interval and short)
        everything = list(scope.selections.values())
        return {
            **found,
            "hits": hits_aggregations(everything, histogram=request.histogram, days=days, changes=request.changes),
        }

    def facets(self, request: SearchRequest, query: Json, scope: Scope, names: Names, counts: Json) -> dict[str, Facet]:
        """Return the facets, asking for more values until each one's counts are proven exact.

        query : what is searched, filters included. counts : the answer to ``aggregations``.
        """
        answers = {field: counts[field] for field in request.facets}
        values = len(next(iter(answers.values()))["values"]["buckets"]) if answers else 0
        unproven = [field for field in answers if not proven(answers[field], request.facet_size)]
        while unproven:
            values = max(values * 8, request.facet_size * 20)
            if values > MAX_VALUES:
                for field in unproven:
                    found = self.all_values(both(query, scope.others(field)), field, names.merged)
                    answers[field] = whole_facet(found, answers[field]["missing"]["doc_count"])
                break
            aggs = {
                field: facet_aggregations(field, request.facet_size, names, scope.others(field), values)
                for field in unproven
            }
            more = self._ask({"query": query, "aggs": aggs})
            answers |= {field: more[field] for field in unproven}
            unproven = [field for field in unproven if not proven(answers[field], request.facet_size)]
        return {field: read_facet(answer, request.facet_size, names, field) for field, answer in answers.items()}

    def all_values(self, query: Json, field: str, merged: Merged) -> list[tuple[str, int]]:
        """Return the key of every value of a facet with its exact count, in the order of names."""
        answer = self._ask(all_values_body(query, field, merged, None))
        counts, groups = [], read_merged(answer)
        while True:
            found = answer["all"]
            counts += [(bucket["key"]["value"], int(bucket["doc_count"])) for bucket in found["buckets"]]
            after = found.get("after_key")
            if not after:
                return merged.settled(field, counts, groups)
            answer = self._ask(all_values_body(query, field, merged, after))

    def histogram(self, request: SearchRequest, query: Json, counts: Json) -> Histogram:
        """Return the hits over time. query : what is searched, everything included. counts : as for ``facets``."""
        if not request.histogram:
            return Histogram()
        span = read_span(counts)
        interval = histogram_interval(span, request.interval)
        if interval == "day" and "days" not in counts and span is not None:
            aggs = {"days": spans_aggregation("day", changes=request.changes)}
            counts = {**counts, **self._ask({"query": query, "aggs": aggs})}
        return read_histogram(counts, span, interval, self.archive_days)

    def archive_days(self) -> Days:
        """Return the days of which there are articles, ascending; asked for once."""
        if self._days is None:
            body = {"track_total_hits": False, "aggs": {"days": spans_aggregation("day", changes=False)}}
            self._days = np.array([int(bucket["key"]) for bucket in self._ask(body)["days"]["buckets"]], np.int64)
        return self._days

    def totals(self, queries: list[Json]) -> list[int]:
        """Return how many articles each of some queries finds. Cost: one request."""
        plain = {"size": 0, "track_total_hits": True}
        answers = self._cluster.searches(self._index, [({}, {**plain, "query": query}) for query in queries])
        return [int(answer["hits"]["total"]["value"]) for answer in answers]

    def _ask(self, body: Json) -> Json:
        answer: Json = self._cluster.searches(self._index, [({}, {"size": 0, **body})])[0]["aggregations"]
        return answer
