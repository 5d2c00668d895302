"""The postings of a segment's fields: terms to documents, places and spellings.

In: the sections of one field. Out: arrays over the shared map, a run of them for each term.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .sections import Array, SectionFile, expand

Docs = npt.NDArray[np.intp]
"""Document numbers of a segment, in numpy's own index type: any other is converted at every use."""
POSTINGS_AT_ONCE = 2**18
"""Postings whose tokens are looked at in one step: keeps that below some 20 MB whatever an index holds."""


class Run(NamedTuple):
    """Where the postings and tokens of one term lie in a field: half-open ranges."""

    posting_start: int
    posting_end: int
    token_start: int
    token_end: int

    @property
    def df(self) -> int:
        """In how many documents of the segment the term occurs, deleted ones included."""
        return self.posting_end - self.posting_start


class DocColumn:
    """A section of document numbers: 16 bits each, and where a segment has more documents, planes of further bits."""

    def __init__(self, file: SectionFile, name: str) -> None:
        self.low = file.array(name)
        self.planes: list[Array] = []
        while f"{name}.bit{16 + len(self.planes)}" in file:
            self.planes.append(file.array(f"{name}.bit{16 + len(self.planes)}"))

    def slice(self, start: int, end: int) -> Docs:
        """Return documents ``start`` to ``end`` of the section. Cost: O(end - start)."""
        docs = self.low[start:end].astype(np.intp)
        for n in range(len(self.planes)):
            docs |= self.bits(start, end, n).astype(np.intp) << (16 + n)
        return docs

    def bits(self, start: int, end: int, plane: int) -> Array:
        """Return one further bit of documents ``start`` to ``end``."""
        first = start & 7
        return np.unpackbits(self.planes[plane][start >> 3 : (end + 7) >> 3])[first : first + end - start]

    def ones(self, start: int, end: int, plane: int) -> int:
        """Return how many of documents ``start`` to ``end`` have one further bit. Cost: O(end - start) / 64."""
        bits = int.from_bytes(self.planes[plane][start >> 3 : (end + 7) >> 3].tobytes(), "big")
        return ((bits >> (-end & 7)) & ((1 << (end - start)) - 1)).bit_count()

    def where(self, start: int, taken: npt.NDArray[np.bool_]) -> Docs:
        """Return those documents from ``start`` on, a multiple of 8, of which ``taken`` is true."""
        end = start + len(taken)
        docs = self.low[start:end][taken].astype(np.intp)
        for n in range(len(self.planes)):
            docs |= self.bits(start, end, n)[taken].astype(np.intp) << (16 + n)
        return docs

    def take(self, positions: Array) -> Docs:
        """Return the documents at ``positions``."""
        docs = self.low[positions].astype(np.intp)
        for n, plane in enumerate(self.planes, 16):
            bits = (plane[positions >> 3] >> (7 - (positions & 7)).astype(np.uint8)) & 1
            docs |= bits.astype(np.intp) << n
        return docs

    def all(self) -> Docs:
        """Return every document of the section."""
        return self.slice(0, len(self.low))


class Field:
    """One text field of a segment: postings by term, token positions, lengths."""

    def __init__(self, file: SectionFile, name: str) -> None:
        self.name = name
        self._file = file
        self.total_length = int(file.meta["lengths"][name])

    @cached_property
    def terms(self) -> Array:
        """The terms that occur, ascending. Shape (n_terms_of_field,)."""
        return self._file.array(f"{self.name}.terms")

    @cached_property
    def _posting_starts(self) -> Array:
        return self._file.array(f"{self.name}.posting_starts")

    @cached_property
    def _token_starts(self) -> Array:
        return self._file.array(f"{self.name}.token_starts")

    @cached_property
    def _docs(self) -> DocColumn:
        return DocColumn(self._file, f"{self.name}.docs")

    def low_docs(self, run: Run) -> Array:
        """Return the low 16 bits of the documents of a run."""
        return self._docs.low[run.posting_start : run.posting_end]

    @property
    def doc_planes(self) -> int:
        """How many further bits a document number has; the same for all fields of a segment."""
        return len(self._docs.planes)

    def doc_bits(self, run: Run, plane: int) -> Array:
        """Return one further bit of the documents of a run, as 0 and 1."""
        return self._docs.bits(run.posting_start, run.posting_end, plane)

    def high_docs(self, run: Run) -> int:
        """Return how many documents of a run have the first of the further bits."""
        return self._docs.ones(run.posting_start, run.posting_end, 0)

    def all_docs(self) -> Docs:
        """Return the documents of all postings, term by term."""
        return self._docs.all()

    def docs_where(self, taken: npt.NDArray[np.bool_]) -> Docs:
        """Return the documents, ascending and each once, of some postings. taken : shape (n_postings,)."""
        mask = np.zeros(len(self.lengths), bool)
        for start in range(0, len(taken), POSTINGS_AT_ONCE):
            mask[self._docs.where(start, taken[start : start + POSTINGS_AT_ONCE])] = True
        return mask.nonzero()[0]

    @cached_property
    def _frequencies(self) -> Array:
        return self._file.array(f"{self.name}.tf")

    @cached_property
    def _positions(self) -> Array:
        return self._file.array(f"{self.name}.positions")

    @cached_property
    def _ranks(self) -> Array:
        return self._file.array(f"{self.name}.ranks")

    @cached_property
    def _mixed(self) -> Array:
        return self._file.array(f"{self.name}.mixed")

    @cached_property
    def _mixed_starts(self) -> Array:
        return self._file.array(f"{self.name}.mixed_starts")

    @cached_property
    def _mixed_ranks(self) -> Array:
        return self._file.array(f"{self.name}.mixed_ranks")

    @cached_property
    def lengths(self) -> Array:
        """Tokens a document. Shape (n_docs,), unsigned, narrow."""
        return self._file.array(f"{self.name}.lengths")

    def run(self, term: int) -> Run | None:
        """Return where a term's postings lie, None where it does not occur in this field."""
        at = find_number(self.terms, term)
        return self.run_at(at) if at >= 0 else None

    def run_at(self, at: int) -> Run:
        """Return where the postings of the field's ``at``-th term lie."""
        posting, token = self._posting_starts.item, self._token_starts.item
        return Run(posting(at), posting(at + 1), token(at), token(at + 1))

    def docs(self, run: Run) -> Docs:
        """Return the documents of a run, ascending; or of those of several terms in a row, ascending for each."""
        return self._docs.slice(run.posting_start, run.posting_end)

    def frequencies(self, run: Run) -> Array:
        """Return how often the term stands in each document of the run."""
        return self._frequencies[run.posting_start : run.posting_end]

    def positions(self, run: Run) -> Array:
        """Return the token positions of a run, document by document, ascending within each."""
        return self._positions[run.token_start : run.token_end]

    @property
    def mixed_rank(self) -> int:
        """What stands in place of a rank where the tokens of a posting are not all spelled alike."""
        return int(np.iinfo(self._ranks.dtype).max)

    def ranks(self, run: Run) -> Array:
        """Return, a posting, the rank of its spelling among the spellings of its term, or ``mixed_rank``."""
        return self._ranks[run.posting_start : run.posting_end]

    def mixed_tokens(self, postings: Array) -> tuple[npt.NDArray[np.int64], Array]:
        """Return how many tokens each of some mixed postings has, and the ranks of all these tokens, in order."""
        # Numbers of another type would have numpy convert the whole array.
        at = self._mixed.searchsorted(postings.astype(self._mixed.dtype))
        starts = self._mixed_starts[at].astype(np.int64)
        counts = self._mixed_starts[at + 1] - starts
        return counts, self._mixed_ranks[expand(starts, counts)]

    def token_ranks(self, postings: Array) -> Array:
        """Return the ranks of all tokens of some postings (their numbers in the field), posting by posting."""
        ranks, frequencies = self._ranks[postings], self._frequencies[postings].astype(np.int64)
        tokens = np.repeat(ranks, frequencies)
        mixed = np.flatnonzero(ranks == self.mixed_rank)
        if len(mixed):
            starts = np.cumsum(frequencies) - frequencies
            counts, own = self.mixed_tokens(postings[mixed])
            tokens[expand(starts[mixed], counts)] = own
        return tokens

    def locals(self, run: Run) -> Array:
        """Return, a token, the rank of its spelling among the spellings of its term."""
        return self.token_ranks(np.arange(run.posting_start, run.posting_end))

    def count_spelled(self, run: Run, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return how many tokens of each posting of a run have one of some spellings.

        allowed : by rank, up to ``mixed_rank``, of which it says no.
        """
        ranks = self.ranks(run)
        counts: npt.NDArray[np.int64] = self.frequencies(run) * allowed[ranks].astype(np.int64)
        mixed = np.flatnonzero(ranks == self.mixed_rank)
        if len(mixed):
            sizes, own = self.mixed_tokens(mixed + run.posting_start)
            counts[mixed] = np.add.reduceat(allowed[own], np.cumsum(sizes) - sizes, dtype=np.int64)
        return counts

    def posting_ranges(self, ats: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first and last (excluded) posting of the field's ``ats``-th terms."""
        starts = self._posting_starts
        return starts[ats].astype(np.int64), starts[ats + 1].astype(np.int64)

    def live_counts(
        self, live: npt.NDArray[np.bool_] | None, first: int = 0, last: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return how many documents of ``live`` (None for all) hold each of the field's terms.

        first, last : only the terms from the ``first``-th up to the ``last``-th, excluded; None for the end.
        """
        starts, ends = self.posting_ranges(np.arange(first, len(self.terms) if last is None else last))
        if live is not None and len(starts):
            begin = int(starts[0])
            upto = np.concatenate(([0], np.cumsum(live[self._docs.slice(begin, int(ends[-1]))])))
            starts, ends = upto[starts - begin], upto[ends - begin]
        return ends - starts

    def live_spellings(self, live: npt.NDArray[np.bool_]) -> Iterator[tuple[Array, Array]]:
        """Yield the tokens of the documents of ``live``, a part at a time: term and rank of the spelling of each."""
        postings = np.flatnonzero(live[self.all_docs()])
        _, ends = self.posting_ranges(np.arange(len(self.terms)))
        for start in range(0, len(postings), POSTINGS_AT_ONCE):
            part = postings[start : start + POSTINGS_AT_ONCE]
            terms = self.terms[np.searchsorted(ends, part, "right")]
            yield np.repeat(terms, self._frequencies[part]), self.token_ranks(part)

    def docs_with_spelling(self, ats: Array, allowed: npt.NDArray[np.bool_]) -> Docs:
        """Return the documents, ascending and each once, with any of some spellings of some terms.

        ats : the field's ``ats``-th terms, ascending. allowed : shape (n_ats, mixed_rank + 1), which spellings count;
        ``mixed_rank`` does not. Cost: O(postings of those terms).
        """
        starts, ends = self.posting_ranges(ats)
        postings = expand(starts, ends - starts)
        rows = np.repeat(np.arange(len(ats)), ends - starts)
        ranks = self._ranks[postings]
        taken = allowed[rows, ranks]
        mixed = np.flatnonzero(ranks == self.mixed_rank)
        if len(mixed):
            counts, own = self.mixed_tokens(postings[mixed])
            spelled = allowed[np.repeat(rows[mixed], counts), own]
            taken[mixed] = np.logical_or.reduceat(spelled, np.cumsum(counts) - counts)
        mask = np.zeros(len(self.lengths), bool)
        mask[self._docs.take(postings[taken])] = True
        return np.flatnonzero(mask)


def find_number(numbers: Array, number: int) -> int:
    """Return where a number stands in an ascending array of unsigned ones, -1 where it does not.

    The array's type may be too narrow for the number. Cost: O(log n).
    """
    if number < 0 or not len(numbers) or number > numbers[-1]:
        return -1
    # A number of another type would have numpy convert the whole array first.
    at = int(numbers.searchsorted(numbers.dtype.type(number)))
    return at if numbers[at] == number else -1


def docs_of_runs(runs: Sequence[tuple[Field, Run]]) -> Docs:
    """Return the documents of several runs, each of one term. One decoding of all costs less than one for each."""
    docs = np.concatenate([field.low_docs(run) for field, run in runs], dtype=np.intp)
    planes = runs[0][0].doc_planes
    if planes == 1:
        # Documents ascend within a run, so of its further bits the first are 0 and all others 1.
        end = 0
        for field, run in runs:
            end += run.df
            docs[end - field.high_docs(run) : end] += 1 << 16
        return docs
    for plane in range(planes):
        bits = np.concatenate([field.doc_bits(run, plane) for field, run in runs])
        docs |= bits.astype(np.intp) << (16 + plane)
    return docs
