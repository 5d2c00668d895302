"""Going through many hits: at one point in time, from the last hit of one batch to the first of the next.

In: a search's body. Out: batches of hits. Where a cluster loses the point in time, with a node perhaps, a new one is
taken: the index never changes, so the walk goes on behind the same hit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from ...errors import ClusterError, QueryError
from .cluster import Cluster, Json, Missing

DEEPEST = 10_000
"""Hits that a cluster reaches by number; beyond, it has to be walked."""
KEEP_ALIVE = "2m"


class Walk:
    """One walk through the hits of a search on one index."""

    def __init__(self, cluster: Cluster, index: str, body: Json, params: Json) -> None:
        self._cluster = cluster
        self._index = index
        self._body = {name: value for name, value in body.items() if name not in ("from", "aggs")}
        self._body["track_total_hits"] = False
        self._params = params
        self._point = ""

    def batches(self, after: list[Any] | None, most: int) -> Iterator[list[Json]]:
        """Yield up to ``most`` hits behind the one whose sort values are ``after``, a batch at a time.

        Raises ClusterError where the index is removed meanwhile, as the second build after it does.
        """
        try:
            while most > 0:
                found = self._cluster.patiently(partial(self._batch, after))
                if not found:
                    return
                after, found = found[-1]["sort"], found[:most]
                most -= len(found)
                yield found
        finally:
            self._close()

    def page(self, first: int, size: int) -> list[Json]:
        """Return ``size`` hits from number ``first`` on. Cost: walks there, one request for each 10,000 hits."""
        body = self._body
        after: list[Any] | None = None
        if first:
            self._body = {**body, "size": DEEPEST, "_source": False}
            for batch in self.batches(None, first):
                after = batch[-1]["sort"]
        self._body = {**body, "size": size}
        return [hit for batch in self.batches(after, size) for hit in batch]

    def _batch(self, after: list[Any] | None, seconds: float) -> list[Json]:
        try:
            self._point = self._point or self._open()
            body = {**self._body, "pit": {"id": self._point, "keep_alive": KEEP_ALIVE}}
            if after is not None:
                body["search_after"] = after
            answer = self._cluster.search("", body, seconds=seconds, search_type="dfs_query_then_fetch")
            found: list[Json] = answer["hits"]["hits"]
            return found
        except Missing:
            raise ClusterError(
                self._cluster.name, "the index that was being read has been replaced. Ask again"
            ) from None
        except ClusterError as error:
            # A point in time is lost with any node that holds a part of it; the next try takes a new one.
            if error.passing:
                self._close()
            raise

    def _open(self) -> str:
        answer = self._cluster.request(
            "POST",
            f"/{self._index}/_search/point_in_time",
            keep_alive=KEEP_ALIVE,
            preference=self._params.get("preference", "_local"),
        )
        return str(answer["pit_id"])

    def _close(self) -> None:
        point, self._point = self._point, ""
        if not point:
            return
        try:
            self._cluster.request("DELETE", "/_search/point_in_time", {"pit_id": [point]})
        except (ClusterError, Missing):
            pass  # It ends by itself.


def write_place(number: int, last: list[Any]) -> str:
    """Return text that names a place in the hits: how many come before it, and the sort values of the last of these."""
    return json.dumps([number, *last], ensure_ascii=False, separators=(",", ":"))


def read_place(text: str) -> tuple[int, list[Any]]:
    """Return what ``write_place`` was given. Raises QueryError for any other text."""
    try:
        number, *last = json.loads(text)
        good = type(number) is int and 0 <= number < 2**40 and len(last) in (0, 2, 3)
    except (ValueError, TypeError, RecursionError):
        good = False
    if not good or any(type(value) not in (int, float, str) for value in last):
        raise QueryError("after", text, "It takes what next of a result gave.")
    return number, last
