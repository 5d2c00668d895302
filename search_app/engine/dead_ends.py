"""Ways on from a search that finds nothing: the same with one condition less, for whatever condition that helps most.

In: a request, its query tree, the evaluators of a snapshot. Out: smaller requests with their hits, as set operations
count them: one mask a condition, and for each condition the intersection of all others, in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from .describe import render
from .evaluate import Mask, Statistics
from .facets import ValueSpace
from .matching import Spaces
from .plan import Days, Plan, make_plan
from .query import MATCH_ALL, And, Query, simplify
from .request import FACET_FIELDS, SearchRequest
from .result import WayOn

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


class Condition(NamedTuple):
    """One condition of a search. smaller : the search without it.

    plan : of a part of the query, or of days. field, values, excluded : else, of a facet any of these values, or none;
    with ``"missing"``, the field that is lacked. or_lacking : the lack of any value will do as well.
    """

    smaller: SmallerSearch
    plan: Plan | None = None
    field: str = ""
    values: tuple[str, ...] = ()
    excluded: bool = False
    or_lacking: bool = False


def smaller_searches(
    request: SearchRequest, tree: Query, statistics: Statistics, spaces: Spaces
) -> list[tuple[int, SmallerSearch]]:
    """Return the searches with one condition less that find something, with their hits: most first, then in order.

    Cost: one evaluation of each condition, and three operations on whole masks for each.
    """
    conditions = find_conditions(request, tree)
    masks_of = [_masks(condition, statistics, spaces) for condition in conditions]
    counts = [0] * len(conditions)
    for number, evaluator in enumerate(statistics.evaluators if conditions else ()):
        masks = [own[number] for own in masks_of]
        live = evaluator.live
        # What all conditions after the n-th leave, then from the left what all before it leave.
        after: list[Mask] = [np.ones(evaluator.segment.docs, bool) if live is None else live.copy()]
        for mask in reversed(masks[1:]):
            after.append(after[-1] & mask)
        before = np.ones(evaluator.segment.docs, bool)
        for n, mask in enumerate(masks):
            counts[n] += int(np.count_nonzero(before & after[-1 - n]))
            before &= mask
    return most_first(conditions, counts)


def most_first(conditions: Sequence[Condition], counts: Sequence[int]) -> list[tuple[int, SmallerSearch]]:
    """Return the searches that find something, with their hits: most first, then in the order of the conditions.

    counts : what is left without each condition.
    """
    found = [(count, condition.smaller) for count, condition in zip(counts, conditions, strict=True) if count]
    return sorted(found, key=lambda pair: -pair[0])


def choose_ways(found: Sequence[tuple[int, SmallerSearch]], count: Callable[[SearchRequest], int]) -> tuple[WayOn, ...]:
    """Return the best ways on of some smaller searches, each with the hits of the list that it leads to.

    found : as ``smaller_searches`` gives them. count : how many articles a request finds, partial matches apart.
    """
    ways: list[WayOn] = []
    for _, smaller in found:
        if len(ways) == MOST_WAYS:
            break
        wanted = replace(smaller.request, page=1, after="", as_typed=True)
        if smaller.tree is not None:
            wanted = replace(wanted, q=render(smaller.tree))
        # Common words are left out beside others alone, so what is left may be read in another way: count it again.
        total = count(wanted)
        if total:
            value = smaller.value or (render(smaller.dropped) if smaller.dropped else "")
            ways.append(WayOn(wanted, total, smaller.part, value))
    return tuple(sorted(ways, key=lambda way: -way.total))


def find_conditions(request: SearchRequest, tree: Query) -> list[Condition]:
    """Return the conditions of a search, the first ``MOST_CONDITIONS``; none where it has only one."""
    found = list(islice(_conditions(request, tree), MOST_CONDITIONS))
    return found if len(found) > 1 else []


def _conditions(request: SearchRequest, tree: Query) -> Iterator[Condition]:
    children = tree.children if isinstance(tree, And) else (tree,) if tree != MATCH_ALL else ()
    for n, child in enumerate(children):
        rest = simplify(And(children[:n] + children[n + 1 :]))
        yield Condition(SmallerSearch(request, rest, "word", "", child), make_plan(child)[0])
    if request.date_from or request.date_to:
        smaller = SmallerSearch(replace(request, date_from=None, date_to=None), None, "date", "")
        yield Condition(smaller, Days(request.date_from, request.date_to))
    for name in request.missing:
        if not (request.takes_any(name) and getattr(request, name)):
            yield Condition(_dropping(request, "missing", name), None, "missing", (name,))
    for field in FACET_FIELDS:
        for value in getattr(request, "not_" + field):
            yield Condition(_dropping(request, "not_" + field, value), None, field, (value,), True)
        values: tuple[str, ...] = getattr(request, field)
        if not request.takes_any(field):
            for value in values:
                yield Condition(_dropping(request, field, value), None, field, (value,))
        elif values:
            # Any of several will do, so that one less would find less.
            nothing: dict[str, Any] = {field: (), "missing": tuple(name for name in request.missing if name != field)}
            smaller = SmallerSearch(replace(request, **nothing), None, field, values[0])
            yield Condition(smaller, None, field, values, or_lacking=field in request.missing)


def _dropping(request: SearchRequest, name: str, value: str) -> SmallerSearch:
    kept: dict[str, Any] = {name: tuple(other for other in getattr(request, name) if other != value)}
    return SmallerSearch(replace(request, **kept), None, name, value)


def _masks(condition: Condition, statistics: Statistics, spaces: Spaces) -> list[Mask]:
    """Return which documents of each segment satisfy a condition."""
    if condition.plan is not None:
        return [evaluator.match(condition.plan) for evaluator in statistics.evaluators]
    if condition.field == "missing":
        return [segment.lacking(condition.values[0]) for segment in statistics.snapshot.segments]
    masks = _having(spaces[condition.field], condition.values, statistics)
    if condition.or_lacking:
        segments = statistics.snapshot.segments
        masks = [mask | segment.lacking(condition.field) for mask, segment in zip(masks, segments, strict=True)]
    return [~mask for mask in masks] if condition.excluded else masks


def _having(space: ValueSpace, values: Sequence[str], statistics: Statistics) -> list[Mask]:
    """Return which documents have any of some values of a facet."""
    masks = []
    for number, segment in enumerate(statistics.snapshot.segments):
        mask = np.zeros(segment.docs, bool)
        for value in values:
            mask[space.docs_of(number, space.find(value))] = True
        masks.append(mask)
    return masks
