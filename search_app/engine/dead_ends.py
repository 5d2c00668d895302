"""Ways on from a search that finds nothing: the same with one condition less, for whatever condition that helps most.

In: a request, its query tree, the evaluators of a snapshot. Out: smaller requests with their hits, as set operations
count them: one mask a condition, and for each condition the intersection of all others, in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .evaluate import Mask, Statistics
from .facets import ValueSpace
from .matching import Spaces
from .plan import Days, make_plan
from .query import MATCH_ALL, And, Query, simplify
from .request import FACET_FIELDS, SearchRequest

MOST_WAYS = 3
"""Ways that are offered: the ones with the most hits."""
MOST_CONDITIONS = 32
"""Conditions that are looked at; of a longer query its first ones."""


class SmallerSearch(NamedTuple):
    """A search with one condition less. ``request`` has its query text yet to be written where ``tree`` is not None.

    part : ``"word"`` for a part of the query (then ``dropped`` is that part), else the field of the request that gave
    way. value : what stood there.
    """

    request: SearchRequest
    tree: Query | None
    part: str
    value: str
    dropped: Query | None = None


class _Condition(NamedTuple):
    smaller: SmallerSearch
    masks: list[Mask]


def smaller_searches(
    request: SearchRequest, tree: Query, statistics: Statistics, spaces: Spaces
) -> list[tuple[int, SmallerSearch]]:
    """Return the searches with one condition less that find something, with their hits: most first, then in order.

    Cost: one evaluation of each condition, and three operations on whole masks for each.
    """
    conditions = list(_conditions(request, tree, statistics, spaces))[:MOST_CONDITIONS]
    if len(conditions) < 2:
        return []
    counts = [0] * len(conditions)
    for number, evaluator in enumerate(statistics.evaluators):
        masks = [condition.masks[number] for condition in conditions]
        live = evaluator.live
        # What all conditions after the n-th leave, then from the left what all before it leave.
        after: list[Mask] = [np.ones(evaluator.segment.docs, bool) if live is None else live.copy()]
        for mask in reversed(masks[1:]):
            after.append(after[-1] & mask)
        before = np.ones(evaluator.segment.docs, bool)
        for n, mask in enumerate(masks):
            counts[n] += int(np.count_nonzero(before & after[-1 - n]))
            before &= mask
    found = [(count, condition.smaller) for count, condition in zip(counts, conditions, strict=True) if count]
    return sorted(found, key=lambda pair: -pair[0])


def _conditions(request: SearchRequest, tree: Query, statistics: Statistics, spaces: Spaces) -> Iterator[_Condition]:
    children = tree.children if isinstance(tree, And) else (tree,) if tree != MATCH_ALL else ()
    for n, child in enumerate(children):
        plan, _ = make_plan(child)
        rest = simplify(And(children[:n] + children[n + 1 :]))
        smaller = SmallerSearch(request, rest, "word", "", child)
        yield _Condition(smaller, [evaluator.match(plan) for evaluator in statistics.evaluators])
    if request.date_from or request.date_to:
        days = Days(request.date_from, request.date_to)
        smaller = SmallerSearch(replace(request, date_from=None, date_to=None), None, "date", "")
        yield _Condition(smaller, [evaluator.match(days) for evaluator in statistics.evaluators])
    for name in request.missing:
        rest_missing = tuple(other for other in request.missing if other != name)
        smaller = SmallerSearch(replace(request, missing=rest_missing), None, "missing", name)
        lacking = [segment.lacking(name) for segment in statistics.snapshot.segments]
        yield _Condition(smaller, lacking)
    for field in FACET_FIELDS:
        space = spaces[field]
        for value in getattr(request, "not_" + field):
            masks = [~mask for mask in _having(space, (value,), statistics)]
            yield _Condition(_dropping(request, "not_" + field, value), masks)
        values: tuple[str, ...] = getattr(request, field)
        if field == "context" and request.context_match == "all":
            for value in values:
                yield _Condition(_dropping(request, field, value), _having(space, (value,), statistics))
        elif values:
            # Any of several will do, so that one less would find less.
            nothing: dict[str, Any] = {field: ()}
            smaller = SmallerSearch(replace(request, **nothing), None, field, values[0])
            yield _Condition(smaller, _having(space, values, statistics))


def _dropping(request: SearchRequest, name: str, value: str) -> SmallerSearch:
    kept: dict[str, Any] = {name: tuple(other for other in getattr(request, name) if other != value)}
    return SmallerSearch(replace(request, **kept), None, name, value)


def _having(space: ValueSpace, values: Sequence[str], statistics: Statistics) -> list[Mask]:
    """Return which documents have any of some values of a facet."""
    masks = []
    for number, segment in enumerate(statistics.snapshot.segments):
        mask = np.zeros(segment.docs, bool)
        for value in values:
            mask[space.docs_of(number, space.find(value))] = True
        masks.append(mask)
    return masks
