"""The facets of a segment: values in order of name, documents to values and values to documents.

In: the sections of all facets. Out: arrays over the shared map.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .analysis import fold
from .postings import DocColumn, Docs
from .sections import Array, SectionFile, Strings, expand, narrow
from .writer import value_order


class Names(Protocol):
    """Facet values in order of name."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> str: ...


def find_value(values: Names, value: str) -> int:
    """Return the position of a value, -1 where there is none.

    Where the exact value does not exist, one that differs only in accents and case is taken.
    """
    low, high = 0, len(values)
    key = value_order(value)
    while low < high:
        middle = (low + high) // 2
        if value_order(values[middle]) < key:
            low = middle + 1
        else:
            high = middle
    if low < len(values) and values[low] == value:
        return low
    for near in (low, low - 1):
        if 0 <= near < len(values) and fold(values[near]) == key[0]:
            return near
    return -1


class FacetRows:
    """The values of all facets of a segment: documents to values and values to documents.

    Values are numbered through the facets in the order of ``FACET_FIELDS``, within a facet in order of name.
    """

    def __init__(self, file: SectionFile) -> None:
        self._file = file

    @cached_property
    def starts(self) -> Array:
        """Offsets into ``rows``. Shape (n_docs + 1,)."""
        return self._file.array("facets.row_starts")

    @cached_property
    def rows(self) -> Array:
        """Value numbers, document by document: topic, contexts, sources, each in the order of the article."""
        return self._file.array("facets.rows")

    @cached_property
    def sizes(self) -> Array:
        """How many values each document has. Shape (n_docs,), unsigned, narrow."""
        return narrow(np.diff(self.starts))

    @cached_property
    def value_starts(self) -> Array:
        """Offsets of the documents of each value. Shape (n_values + 1,)."""
        return self._file.array("facets.value_starts")

    @cached_property
    def _value_docs(self) -> DocColumn:
        return DocColumn(self._file, "facets.value_docs")

    def row(self, doc: int) -> list[int]:
        """Return the value numbers of one document."""
        numbers: list[int] = self.rows[self.starts.item(doc) : self.starts.item(doc + 1)].tolist()
        return numbers

    def rows_of(self, docs: Docs) -> Array:
        """Return the value numbers of many documents, one after another. Cost: O(documents + values)."""
        return self.rows.take(expand(self.starts.take(docs), self.sizes.take(docs)))

    def docs_of(self, number: int) -> Docs:
        """Return the documents that have a value, ascending."""
        return self._value_docs.slice(self.value_starts.item(number), self.value_starts.item(number + 1))


class Column:
    """One facet of a segment: its values, in order of name, and which documents have them.

    base : the number of its first value among those of all facets. facets : the rows of all facets.
    """

    def __init__(self, name: str, values: Strings, base: int, facets: FacetRows) -> None:
        self.name = name
        self.values = values
        self.base = base
        self.facets = facets

    def find(self, value: str) -> int:
        """Return the number of a value, -1 where there is none; see ``find_value``."""
        return find_value(self.values, value)

    def docs_of(self, value: int) -> Docs:
        """Return the documents that have a value, ascending."""
        return self.facets.docs_of(self.base + value)

    def counts(self) -> npt.NDArray[np.int64]:
        """Return how many documents have each value, deleted ones included. Shape (n_values,)."""
        starts = self.facets.value_starts[self.base : self.base + len(self.values) + 1].astype(np.int64)
        counts: npt.NDArray[np.int64] = starts[1:] - starts[:-1]
        return counts

    def numbers_of(self, doc: int) -> list[int]:
        """Return the numbers of the values of one document, in the order of the article."""
        end = self.base + len(self.values)
        return [number - self.base for number in self.facets.row(doc) if self.base <= number < end]

    def values_of(self, doc: int) -> list[str]:
        """Return the values of one document, in the order of the article."""
        return [self.values[number] for number in self.numbers_of(doc)]
