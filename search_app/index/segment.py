"""One segment opened for reading: terms to postings, documents to columns and records.

In: a file of sections. Out: arrays over the shared map. Everything is immutable and lazily verified; any number of
threads may read, since nothing keeps a position.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from ..archive.model import Article, Related
from ..errors import IndexDamagedError, IndexVersionError
from .facet_rows import Column, FacetRows
from .gather import HAS_SUMMARY, HAS_VALUE
from .postings import Field, Run, find_number
from .records import (
    RELATED_DOCS,
    STORED_DOCS,
    Blocks,
    Listed,
    parse_row,
    path_hash,
    related_by_path,
    unpack_article,
    unpack_listed,
    unpack_path,
    unpack_related,
)
from .schema import FACET_FIELDS, TEXT_FIELDS, schema_fingerprint
from .sections import Array, SectionFile, Strings, narrow

LACKING_BITS = {**HAS_VALUE, "summary": HAS_SUMMARY}
"""The flag that a document without a value, or without a summary, does not have."""


_NO_RUNS: tuple[Run | None, ...] = (None,) * len(TEXT_FIELDS)


class Segment:
    """A segment file opened for reading."""

    def __init__(self, path: Path, expected_bytes: int | None = None, *, data: bytes | None = None) -> None:
        """Open a segment. data : what the file holds, where that is in memory and not on the disk."""
        self.file = SectionFile(path, expected_bytes, data=data)
        found = str(self.file.meta.get("schema"))
        if found != schema_fingerprint():
            raise IndexVersionError(path.parent, found, schema_fingerprint())
        self.path = path
        self.name = path.name
        self.docs = int(self.file.meta["docs"])
        self.fields = {name: Field(self.file, name) for name in TEXT_FIELDS}
        self.facets = FacetRows(self.file)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The facets, in the order of ``FACET_FIELDS``."""
        columns, base = {}, 0
        for name in FACET_FIELDS:
            columns[name] = Column(name, Strings(self.file, f"{name}.values"), base, self.facets)
            base += len(columns[name].values)
        return columns

    @cached_property
    def length_codes(self) -> Array:
        """Tokens of every document in every field, field after field in the order of ``TEXT_FIELDS``.

        A code is ``field * (longest + 1) + tokens``, so that it leads straight into a table by field and length.
        """
        fields = [self.fields[name].lengths.astype(np.int64) for name in TEXT_FIELDS]
        return narrow(np.concatenate([n * (self.longest + 1) + lengths for n, lengths in enumerate(fields)]))

    @cached_property
    def longest(self) -> int:
        """The most tokens that any document has in any field."""
        return max(int(self.fields[name].lengths.max(initial=0)) for name in TEXT_FIELDS)

    @cached_property
    def _places(self) -> npt.NDArray[np.int32]:
        """Where a term stands among the terms of each field, -1 where it is not in it. Shape (n_terms, n_fields)."""
        places = np.full((len(self.terms), len(TEXT_FIELDS)), -1, np.int32)
        for n, name in enumerate(TEXT_FIELDS):
            terms = self.fields[name].terms
            places[terms, n] = np.arange(len(terms), dtype=np.int32)
        return places

    def runs(self, term: int) -> tuple[Run | None, ...]:
        """Return where the postings of a term lie in each of ``TEXT_FIELDS``, None where it has none; -1 has none."""
        if term < 0:
            return _NO_RUNS
        return tuple(
            field.run_at(at) if at >= 0 else None
            for field, at in zip(self.fields.values(), self._places[term].tolist(), strict=True)
        )

    @cached_property
    def mixed_rank(self) -> int:
        """What stands in place of the rank of a posting with several spellings; no rank is as high."""
        return self.fields[TEXT_FIELDS[0]].mixed_rank

    @cached_property
    def spellings(self) -> Array:
        """How many forms each term has. Shape (n_terms,)."""
        return narrow(np.bincount(self.form_terms, minlength=len(self.terms)))

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
        return self.spelled(np.arange(len(self.forms)))

    def spelled(self, numbers: Array) -> list[str]:
        """Return some forms as they are spelled, accents kept. Cost: O(those forms)."""
        found = self.forms.some(numbers)
        if len(self._accented):
            near = np.minimum(np.searchsorted(self._accented, numbers), len(self._accented) - 1)
            own = np.flatnonzero(self._accented[near] == numbers)
            for place, text in zip(own.tolist(), self._accents.some(near[own]), strict=True):
                found[place] = text
        return found

    def live_forms(self, live: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which forms any document of ``live`` holds. Shape (n_forms,). Cost: O(tokens of those documents)."""
        # Forms by term, then by rank among its forms: what a token says of itself.
        ordered = np.lexsort((self.form_locals, self.form_terms))
        starts = np.concatenate(([0], np.cumsum(self.spellings, dtype=np.int64)))
        there = np.zeros(len(self.forms), bool)
        for field in self.fields.values():
            for terms, ranks in field.live_spellings(live):
                there[ordered[starts[terms] + ranks]] = True
        return there

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
    def flags(self) -> Array:
        """Bits that say what a document has: ``HAS_SUMMARY``, ``IS_OPINION``, ``HAS_VALUE``. Shape (n_docs,)."""
        return self.file.array("flags")

    def lacking(self, field: str) -> npt.NDArray[np.bool_]:
        """Return, a document, whether it has no value in a facet, or no summary."""
        lacking: npt.NDArray[np.bool_] = (self.flags & LACKING_BITS[field]) == 0
        return lacking

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
        dictionary = self.file.array("stored.dictionary").tobytes()
        return Blocks(self.file.unverified("stored.blob"), self.file.array("stored.off"), STORED_DOCS, dictionary)

    @cached_property
    def _related(self) -> Blocks:
        return Blocks(self.file.unverified("related.blob"), self.file.array("related.off"), RELATED_DOCS)

    def _row(self, blocks: Blocks, section: str, doc: int) -> list[Any]:
        try:
            return blocks.row(doc)
        except (zstandard.ZstdError, ValueError, IndexError) as error:
            raise IndexDamagedError(
                self.path, f"block {doc // blocks.docs} cannot be read ({error})", section
            ) from error

    def stored_rows(self, docs: list[int]) -> list[list[Any]]:
        """Return the stored rows of some documents, opening each block once."""
        return self._rows(self._stored, "stored", docs)

    def related_rows(self, docs: list[int]) -> list[list[Any]]:
        """Return the related links of some documents as they are stored, opening each block once."""
        return self._rows(self._related, "related", docs)

    def _rows(self, blocks: Blocks, section: str, docs: list[int]) -> list[list[Any]]:
        opened: dict[int, bytes] = {}
        rows = []
        for doc in docs:
            block, place = divmod(doc, blocks.docs)
            try:
                if block not in opened:
                    opened[block] = blocks.opened(block)
                rows.append(parse_row(opened[block], place))
            except (zstandard.ZstdError, ValueError, IndexError) as error:
                raise IndexDamagedError(self.path, f"block {block} cannot be read ({error})", section) from error
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
            links = unpack_related(related_by_path(self._row(self._related, "related", doc), self.path_of), contexts)
        topic = self.columns["topic"].values_of(doc)
        return self.unpack(row, doc, topic[0] if topic else "", contexts, links)

    def unpack(
        self, row: list[Any], doc: int, topic: str, contexts: tuple[str, ...], links: tuple[Related, ...] = ()
    ) -> Article:
        """Return the article of a stored row."""
        return unpack_article(row, self.days.item(doc), topic, contexts, links)

    def listed(self, row: list[Any], doc: int) -> Listed:
        """Return what a list shows of the article of a stored row."""
        return unpack_listed(row, self.days.item(doc))

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
