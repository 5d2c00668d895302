"""Facet values that are one: the labels of a group of aliases, counted and filtered under one of them.

In: the values of a facet and groups of names. Out: the same, with each group's labels in the place of one. Nothing on
disk changes, and an article keeps the label that it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..index.analysis import fold
from ..index.postings import Docs
from .docset import DocSet
from .facets import Array, Counts, ValueSpace


@dataclass(frozen=True)
class MergedSpace(ValueSpace):
    """The values of one facet, some of which are one.

    groups : by the value under which a group is shown, all its values, at least two, ascending.
    shown_for : by the folded name of any alias, known to the archive or not, the value under which it is shown.
    """

    groups: dict[int, tuple[int, ...]]
    shown_for: dict[str, int]

    @property
    def members(self) -> Mapping[int, tuple[int, ...]]:
        """By the value under which several are shown as one, all of these."""
        return self.groups

    @classmethod
    def merge(cls, space: ValueSpace, groups: Sequence[tuple[str, ...]]) -> ValueSpace:
        """Return a space in which the names of each group are one value: the last of them that the archive has.

        Cost: a search for each name.
        """
        members: dict[int, tuple[int, ...]] = {}
        shown_for: dict[str, int] = {}
        for names in groups:
            found = [value for value in map(space.find, names) if value >= 0]
            if found:
                shown_for |= dict.fromkeys(map(fold, names), found[-1])
                if len(set(found)) > 1:
                    members[found[-1]] = tuple(sorted(set(found)))
        if not shown_for:
            return space
        plain = {part.name: getattr(space, part.name) for part in fields(ValueSpace)}
        return cls(**plain, groups=members, shown_for=shown_for)

    @cached_property
    def _flat(self) -> tuple[Array, Array, Array]:
        """All values of groups, ascending, the number of each one's group, and by group the value that is shown."""
        pairs = sorted((value, n) for n, values in enumerate(self.members.values()) for value in values)
        values, groups = np.array(pairs, np.int64).reshape(-1, 2).T
        return values, groups, np.array(list(self.members), np.int64)

    @cached_property
    def _shown(self) -> dict[int, int]:
        return {value: shown for shown, values in self.members.items() for value in values}

    @cached_property
    def _twice(self) -> tuple[tuple[Docs, npt.NDArray[np.int64]], ...]:
        """By segment, the documents with several values of a group, once for each but the first, and the groups.

        What a sum over the values of a group counts too much.
        """
        found = []
        for segment in range(len(self.columns)):
            docs, groups = [np.zeros(0, np.intp)], [np.zeros(0, np.int64)]
            for n, values in enumerate(self.members.values()):
                own = np.sort(np.concatenate([super(MergedSpace, self).docs_of(segment, v) for v in values]))
                docs.append(own[1:][own[1:] == own[:-1]])
                groups.append(np.full(len(docs[-1]), n))
            found.append((np.concatenate(docs), np.concatenate(groups)))
        return tuple(found)

    def find(self, name: str) -> int:
        """Return the number of the value under which a name is shown, -1 where there is none."""
        value = super().find(name)
        return self.shown_for.get(fold(name), -1) if value < 0 else self._shown.get(value, value)

    def docs_of(self, segment: int, value: int) -> Docs:
        """Return the documents of a segment that have a value or one that is the same, ascending."""
        values = self.members.get(value, (value,))
        docs = [super(MergedSpace, self).docs_of(segment, own) for own in values]
        return docs[0] if len(docs) == 1 else np.unique(np.concatenate(docs))

    def settled(self, counts: Counts, found: DocSet) -> Counts:
        """Return counts in which each group has one, of the documents with any of its values. Cost: O(values)."""
        if not self.members:
            return counts
        wanted, groups, shown = self._flat
        at = counts.values.searchsorted(wanted)
        there = at < len(counts.values)
        there[there] = counts.values[at[there]] == wanted[there]
        if not there.any():
            return counts
        at, groups = at[there], groups[there]
        sums = np.bincount(groups, weights=counts.counts[at], minlength=len(shown)).astype(np.int64)
        for mask, (docs, own) in zip(found.masks, self._twice, strict=True):
            sums -= np.bincount(own[mask.take(docs)], minlength=len(shown))
        values, numbers = np.delete(counts.values, at), np.delete(counts.counts, at)
        order = np.argsort(shown)
        order = order[sums[order] > 0]
        places = values.searchsorted(shown[order])
        return Counts(np.insert(values, places, shown[order]), np.insert(numbers, places, sums[order]))

    def shown_as(self, values: Array) -> Array:
        """Return the values under which some values are shown, ascending, each once."""
        return np.array(sorted({self._shown.get(value, value) for value in values.tolist()}), np.int64)
