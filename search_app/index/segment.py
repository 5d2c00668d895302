"""One segment opened for reading: terms to postings, documents to columns and records.

In: a file of sections. Out: arrays over the shared map. Everything is immutable and lazily verified; any number of
threads may read, since nothing keeps a position.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import zstandard

from ..archive.model import Article, Related
from ..errors import IndexDamagedError, IndexVersionError
from .analysis import fold
from .gather import HAS_SUMMARY
from .records import BLOCK_DOCS, Blocks, path_hash, unpack_article, unpack_path
from .schema import FACET_FIELDS, TEXT_FIELDS, schema_fingerprint
from .sections import Array, SectionFile, Strings, expand
from .writer import value_order

Docs = npt.NDArray[np.int32]


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
        docs = self.low[start:end].astype(np.int32)
        for n in range(len(self.planes)):
            docs |= self.bits(start, end, n).astype(np.int32) << (16 + n)
        return docs

    def bits(self, start: int, end: int, plane: int) -> Array:
        """Return one further bit of documents ``start`` to ``end``."""
        first = start & 7
        return np.unpackbits(self.planes[plane][start >> 3 : (end + 7) >> 3])[first : first + end - start]

    def take(self, positions: Array) -> Docs:
        """Return the documents at ``positions``."""
        docs = self.low[positions].astype(np.int32)
        for n, plane in enumerate(self.planes, 16):
            bits = (plane[positions >> 3] >> (7 - (positions & 7)).astype(np.uint8)) & 1
            docs |= bits.astype(np.int32) << n
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

    def all_docs(self) -> Docs:
        """Return the documents of all postings, term by term."""
        return self._docs.all()

    @cached_property
    def _frequencies(self) -> Array:
        return self._file.array(f"{self.name}.tf")

    @cached_property
    def _positions(self) -> Array:
        return self._file.array(f"{self.name}.positions")

    @cached_property
    def _locals(self) -> Array:
        return self._file.array(f"{self.name}.locals")

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
        postings, tokens = self._posting_starts, self._token_starts
        return Run(int(postings[at]), int(postings[at + 1]), int(tokens[at]), int(tokens[at + 1]))

    def docs(self, run: Run) -> Docs:
        """Return the documents of a run, ascending."""
        return self._docs.slice(run.posting_start, run.posting_end)

    def frequencies(self, run: Run) -> Array:
        """Return how often the term stands in each document of the run."""
        return self._frequencies[run.posting_start : run.posting_end]

    def positions(self, run: Run) -> Array:
        """Return the token positions of a run, document by document, ascending within each."""
        return self._positions[run.token_start : run.token_end]

    def locals(self, run: Run) -> Array:
        """Return, a token, the rank of its spelling among the spellings of its term."""
        return self._locals[run.token_start : run.token_end]

    def posting_ranges(self, ats: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first and last (excluded) posting of the field's ``ats``-th terms."""
        starts = self._posting_starts
        return starts[ats].astype(np.int64), starts[ats + 1].astype(np.int64)

    def docs_with_spelling(self, ats: Array, allowed: npt.NDArray[np.bool_]) -> Docs:
        """Return the documents, ascending and each once, with any of some spellings of some terms.

        ats : the field's ``ats``-th terms, ascending. allowed : shape (n_ats, n_ranks), which spellings count.
        Cost: O(tokens of those terms).
        """
        starts, ends = self.posting_ranges(ats)
        postings = expand(starts, ends - starts)
        docs = self._docs.take(postings)
        token_starts, token_ends = self._token_starts[ats], self._token_starts[ats + 1]
        counts = token_ends.astype(np.int64) - token_starts.astype(np.int64)
        ranks = self._locals[expand(token_starts, counts)]
        taken = allowed[np.repeat(np.arange(len(ats)), counts), ranks]
        mask = np.zeros(len(self.lengths), bool)
        mask[np.repeat(docs, self._frequencies[postings])[taken]] = True
        return np.flatnonzero(mask).astype(np.int32)


def find_number(numbers: Array, number: int) -> int:
    """Return where a number stands in an ascending array of unsigned ones, -1 where it does not.

    The array's type may be too narrow for the number. Cost: O(log n).
    """
    if number < 0 or not len(numbers) or number > numbers[-1]:
        return -1
    # A number of another type would have numpy convert the whole array first.
    at = int(numbers.searchsorted(numbers.dtype.type(number)))
    return at if numbers[at] == number else -1


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


def docs_of_runs(runs: Sequence[tuple[Field, Run]]) -> Docs:
    """Return the documents of several runs, one after another. One decoding of all costs less than one for each."""
    docs = np.concatenate([field.low_docs(run) for field, run in runs]).astype(np.int32)
    for plane in range(runs[0][0].doc_planes):
        bits = np.concatenate([field.doc_bits(run, plane) for field, run in runs])
        docs |= bits.astype(np.int32) << (16 + plane)
    return docs


class Column:
    """One facet of a segment: values in order of name, documents to values and values to documents."""

    def __init__(self, file: SectionFile, name: str) -> None:
        self.name = name
        self._file = file

    @cached_property
    def values(self) -> Strings:
        """The distinct values, in order of name."""
        return Strings(self._file, f"{self.name}.values")

    @cached_property
    def row_starts(self) -> Array:
        """Offsets into ``rows``. Shape (n_docs + 1,)."""
        return self._file.array(f"{self.name}.row_starts")

    @cached_property
    def rows(self) -> Array:
        """Value numbers, document by document, in the order of the article."""
        return self._file.array(f"{self.name}.rows")

    @cached_property
    def value_starts(self) -> Array:
        """Offsets of the documents of each value. Shape (n_values + 1,)."""
        return self._file.array(f"{self.name}.value_starts")

    @cached_property
    def _value_docs(self) -> DocColumn:
        return DocColumn(self._file, f"{self.name}.value_docs")

    def find(self, value: str) -> int:
        """Return the number of a value, -1 where there is none; see ``find_value``."""
        return find_value(self.values, value)

    def docs_of(self, value: int) -> Docs:
        """Return the documents that have a value, ascending."""
        return self._value_docs.slice(int(self.value_starts[value]), int(self.value_starts[value + 1]))

    def values_of(self, doc: int) -> list[str]:
        """Return the values of one document, in the order of the article."""
        numbers = self.rows[int(self.row_starts[doc]) : int(self.row_starts[doc + 1])]
        return [self.values[int(number)] for number in numbers]

    def rows_of(self, docs: Docs) -> Array:
        """Return the value numbers of many documents, one after another. Cost: O(documents + values)."""
        starts = self.row_starts[docs]
        return self.rows[expand(starts, self.row_starts[docs + 1] - starts)]

    @cached_property
    def lacking(self) -> npt.NDArray[np.bool_]:
        """Whether a document has no value. Shape (n_docs,)."""
        starts = self.row_starts
        lacking: npt.NDArray[np.bool_] = starts[1:] == starts[:-1]
        return lacking


class Segment:
    """A segment file opened for reading."""

    def __init__(self, path: Path, expected_bytes: int | None = None) -> None:
        self.file = SectionFile(path, expected_bytes)
        found = str(self.file.meta.get("schema"))
        if found != schema_fingerprint():
            raise IndexVersionError(path.parent, found, schema_fingerprint())
        self.path = path
        self.name = path.name
        self.docs = int(self.file.meta["docs"])
        self.fields = {name: Field(self.file, name) for name in TEXT_FIELDS}
        self.columns = {name: Column(self.file, name) for name in FACET_FIELDS}

    @cached_property
    def field_lengths(self) -> Array:
        """Tokens of every document in every field, field after field in the order of ``TEXT_FIELDS``."""
        return np.concatenate([self.fields[name].lengths for name in TEXT_FIELDS])

    @cached_property
    def longest(self) -> int:
        """The most tokens that any document has in any field."""
        return int(self.field_lengths.max(initial=0))

    @cached_property
    def terms(self) -> Strings:
        """All stems, sorted."""
        return Strings(self.file, "terms")

    @cached_property
    def forms(self) -> Strings:
        """The folded spelling of all forms, sorted; a folding with several accentuations stands several times."""
        return Strings(self.file, "forms")

    @cached_property
    def form_terms(self) -> Array:
        """The term of each form."""
        return self.file.array("forms.term")

    @cached_property
    def form_locals(self) -> Array:
        """The rank of each form among the forms of its term."""
        return self.file.array("forms.local")

    def forms_folded(self, folded: str) -> list[tuple[int, str]]:
        """Return number and spelling of the forms that are equal to ``folded`` but for accents."""
        wanted = folded.encode()
        at = self.forms.lower_bound(wanted)
        found = []
        while at < len(self.forms) and self.forms.raw(at) == wanted:
            accented = find_number(self._accented, at)
            found.append((at, self._accents[accented] if accented >= 0 else folded))
            at += 1
        return found

    def spelled_forms(self) -> list[str]:
        """Return all forms as they are spelled, accents kept, in the order of ``forms``. Cost: decodes the table."""
        spelled = self.forms.all()
        for form, own in zip(self._accented.tolist(), self._accents.all(), strict=True):
            spelled[form] = own
        return spelled

    @cached_property
    def _accented(self) -> Array:
        return self.file.array("accents.form")

    @cached_property
    def _accents(self) -> Strings:
        return Strings(self.file, "accents")

    @cached_property
    def days(self) -> Array:
        """Day ordinals (``date.toordinal()``), newest first. Shape (n_docs,)."""
        return self.file.array("day")

    @cached_property
    def summary_lacking(self) -> npt.NDArray[np.bool_]:
        """Whether a document has no summary."""
        lacking: npt.NDArray[np.bool_] = (self.file.array("flags") & HAS_SUMMARY) == 0
        return lacking

    def lacking(self, field: str) -> npt.NDArray[np.bool_]:
        """Return, a document, whether it has no value in a facet, or no summary."""
        return self.summary_lacking if field == "summary" else self.columns[field].lacking

    @cached_property
    def fingerprints(self) -> Array:
        """64 bits a document that differ whenever the article differs."""
        return self.file.array("fingerprints")

    def docs_between(self, first: int, last: int) -> tuple[int, int]:
        """Return the half-open range of documents dated from ``first`` to ``last`` (day ordinals, both included)."""
        ascending = self.days[::-1]
        below = int(np.searchsorted(ascending, first, "left"))
        upto = int(np.searchsorted(ascending, last, "right"))
        return self.docs - upto, max(self.docs - below, self.docs - upto)

    @cached_property
    def _stored(self) -> Blocks:
        return Blocks(self.file.unverified("stored.blob"), self.file.array("stored.off"))

    @cached_property
    def _related(self) -> Blocks:
        return Blocks(self.file.unverified("related.blob"), self.file.array("related.off"))

    def _row(self, blocks: Blocks, section: str, doc: int) -> list[Any]:
        try:
            return blocks.row(doc)
        except (zstandard.ZstdError, ValueError, IndexError) as error:
            raise IndexDamagedError(
                self.path, f"block {doc // BLOCK_DOCS} cannot be read ({error})", section
            ) from error

    def stored_rows(self, docs: list[int]) -> list[list[Any]]:
        """Return the stored rows of some documents, opening each block once."""
        opened: dict[int, list[str]] = {}
        rows = []
        for doc in docs:
            block = doc // BLOCK_DOCS
            try:
                if block not in opened:
                    opened[block] = self._stored.rows(block)
                rows.append(json.loads(opened[block][doc % BLOCK_DOCS]))
            except (zstandard.ZstdError, ValueError, IndexError) as error:
                raise IndexDamagedError(self.path, f"block {block} cannot be read ({error})", "stored") from error
        return rows

    def path_of(self, doc: int) -> str:
        """Return the site path of a document."""
        return unpack_path(self._row(self._stored, "stored", doc), int(self.days[doc]))

    def article(self, doc: int, *, related: bool = True) -> Article:
        """Return a document as the article it was made from; without its related links unless asked for."""
        row = self._row(self._stored, "stored", doc)
        links: tuple[Related, ...] = ()
        contexts = tuple(self.columns["context"].values_of(doc))
        if related:
            links = tuple(self._link(packed, contexts) for packed in self._row(self._related, "related", doc))
        return self.unpack(row, doc, contexts, links)

    def unpack(self, row: list[Any], doc: int, contexts: tuple[str, ...], links: tuple[Related, ...] = ()) -> Article:
        """Return the article of a stored row."""
        topic = self.columns["topic"].values_of(doc)
        return unpack_article(row, int(self.days[doc]), topic[0] if topic else "", contexts, links)

    def _link(self, packed: list[Any], contexts: tuple[str, ...]) -> Related:
        target, shared = packed[0], packed[1]
        path = target if isinstance(target, str) else self.path_of(target)
        names = tuple(context if isinstance(context, str) else contexts[context] for context in shared)
        return Related(path, packed[2] if len(packed) > 2 else "", names)

    def doc_of_path(self, path: str) -> int:
        """Return the document of a site path, -1 where there is none."""
        hashes = self.file.array("paths.hash")
        wanted = path_hash(path)
        at = int(np.searchsorted(hashes, np.uint64(wanted)))
        while at < len(hashes) and int(hashes[at]) == wanted:
            doc = int(self.file.array("paths.doc")[at])
            if self.path_of(doc) == path:
                return doc
            at += 1
        return -1

    def doc_of_old_path(self, path: str, live: npt.NDArray[np.bool_] | None = None) -> int:
        """Return the first document of ``live`` (None for all) that a superseded path leads to, -1 for none."""
        hashes = self.file.array("old_paths.hash")
        wanted = path_hash(path)
        at = int(np.searchsorted(hashes, np.uint64(wanted)))
        while at < len(hashes) and int(hashes[at]) == wanted:
            doc = int(self.file.array("old_paths.doc")[at])
            if (live is None or live[doc]) and any(
                version.path == path for version in self.article(doc, related=False).versions
            ):
                return doc
            at += 1
        return -1
