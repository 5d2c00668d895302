"""Our segments as Whoosh sees them: a codec to read, so that its own searcher answers any ``whoosh.query`` on them.

In: an index folder. Out: a ``whoosh.index.FileIndex``. The engine does not go through here: this is the door for span
queries, for Whoosh's tools, and for checking that the fast evaluator says what Whoosh would say. Writing is
``writer``'s business; the manifest takes the place of the pickled table of contents.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import fields
from whoosh.codec import base
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, FileIndex
from whoosh.matching import LeafMatcher, ReadTooFar
from whoosh.reading import TermInfo, TermNotFound

from .generation import Snapshot, open_snapshot
from .postings import Docs
from .schema import EXACT, FACET_FIELDS, KEY, TEXT_FIELDS, build_schema
from .sections import Array
from .segment import Segment

Postings = tuple[Docs, Array, Array | None]
"""Documents, frequencies, and the positions of all of them one after another (None without positions)."""


class TermList:
    """The terms of one Whoosh field, sorted, and the postings of each."""

    def __init__(self, terms: list[bytes], postings: Callable[[int], Postings]) -> None:
        self.terms = terms
        self.postings = postings

    def find(self, text: bytes) -> int:
        """Return the position of a term. Raises TermNotFound."""
        at = bisect_left(self.terms, text)
        if at == len(self.terms) or self.terms[at] != text:
            raise TermNotFound(text)
        return at


def _stem_terms(segment: Segment, name: str) -> TermList:
    field = segment.fields[name]

    def postings(at: int) -> Postings:
        run = field.run_at(at)
        return field.docs(run), field.frequencies(run), field.positions(run)

    return TermList([segment.terms.raw(int(term)) for term in field.terms], postings)


def _exact_terms(segment: Segment, name: str) -> TermList:
    field = segment.fields[name]
    ranks_of: dict[bytes, tuple[int, list[int]]] = {}
    at_of = {int(term): at for at, term in enumerate(field.terms)}
    used = {at: set(np.unique(field.locals(field.run_at(at))).tolist()) for at in at_of.values()}
    for form in range(len(segment.forms)):
        at = at_of.get(int(segment.form_terms[form]), -1)
        rank = int(segment.form_locals[form])
        if at >= 0 and rank in used[at]:
            ranks_of.setdefault(segment.forms.raw(form), (at, []))[1].append(rank)
    terms = sorted(ranks_of)

    def postings(number: int) -> Postings:
        at, ranks = ranks_of[terms[number]]
        run = field.run_at(at)
        docs, frequencies = field.docs(run), field.frequencies(run)
        taken = np.isin(field.locals(run), ranks)
        counts = np.bincount(np.repeat(np.arange(len(docs)), frequencies)[taken], minlength=len(docs))
        return docs[counts > 0], counts[counts > 0], field.positions(run)[taken]

    return TermList(terms, postings)


def _listed(docs_of: dict[bytes, Docs]) -> TermList:
    terms = sorted(docs_of)
    return TermList(terms, lambda at: (docs_of[terms[at]], np.ones(len(docs_of[terms[at]]), np.int64), None))


def _key_terms(segment: Segment, name: str) -> TermList:
    column = segment.columns[name]
    return _listed({column.values.raw(value): column.docs_of(value) for value in range(len(column.values))})


def _date_terms(segment: Segment) -> TermList:
    days = np.unique(segment.days)
    spans = ((int(day), segment.docs_between(int(day), int(day))) for day in days)
    return _listed({date.fromordinal(d).isoformat().encode(): np.arange(*span, dtype=np.intp) for d, span in spans})


def _path_terms(segment: Segment) -> TermList:
    return _listed({segment.path_of(doc).encode(): np.array([doc], np.intp) for doc in range(segment.docs)})


class ArrayMatcher(LeafMatcher):  # type: ignore[misc]
    """Walks the postings of one term. A cursor of its own, so that two matchers never disturb each other."""

    def __init__(self, term: tuple[str, bytes], postings: Postings, format_: Any, scorer: Any) -> None:
        self._term = term
        self.format = format_
        self.scorer = scorer
        self._postings = postings
        self._docs, self._frequencies, self._positions = postings
        self._ends = np.cumsum(self._frequencies, dtype=np.int64)
        self._at = 0

    def is_active(self) -> bool:
        """Whether the matcher stands on a document."""
        return self._at < len(self._docs)

    def reset(self) -> None:
        """Go back to the first document."""
        self._at = 0

    def copy(self) -> ArrayMatcher:
        """Return another matcher at the same place."""
        other = ArrayMatcher(self._term, self._postings, self.format, self.scorer)
        other._at = self._at
        return other

    def id(self) -> int:
        """Return the document."""
        return int(self._docs[self._at])

    def all_ids(self) -> Iterator[int]:
        """Yield every document from here on."""
        return iter(self._docs[self._at :].tolist())

    def next(self) -> None:
        """Go to the next document."""
        if not self.is_active():
            raise ReadTooFar
        self._at += 1

    def skip_to(self, id: int) -> None:
        """Go to the first document that is not below ``id``."""
        if not self.is_active():
            raise ReadTooFar
        self._at = max(self._at, int(np.searchsorted(self._docs, id)))

    def skip_to_quality(self, minquality: float) -> int:
        """Skip nothing: blocks have no quality here."""
        return 0

    def supports_block_quality(self) -> bool:
        """Say that blocks have no quality."""
        return False

    def weight(self) -> float:
        """Return how often the term stands in the document."""
        return float(self._frequencies[self._at])

    def supports(self, astype: str) -> bool:
        """Say what ``value_as`` can give."""
        return astype in ("frequency", "weight") or (astype == "positions" and self._positions is not None)

    def value_as(self, astype: str) -> Any:
        """Return the document's positions, frequency or weight."""
        if astype == "positions" and self._positions is not None:
            end = int(self._ends[self._at])
            return self._positions[end - int(self._frequencies[self._at]) : end].tolist()
        return self.weight() if astype == "weight" else int(self._frequencies[self._at])

    def value(self) -> bytes:
        """Return the posting's value as Whoosh encodes it."""
        return b"" if self._positions is None else bytes(self.format.encode(self.value_as("positions")))

    def score(self) -> float:
        """Return the score of the document, its weight where there is no scorer."""
        return float(self.scorer.score(self)) if self.scorer else self.weight()

    def replace(self, minquality: float = 0) -> ArrayMatcher:
        """Return this matcher: there is nothing simpler."""
        return self


class ArrayTermsReader(base.TermsReader):  # type: ignore[misc]
    """The terms of a segment, by Whoosh field."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._lists: dict[str, TermList] = {}

    def list_of(self, name: str) -> TermList:
        """Return the terms of a field; an unknown field has none."""
        if name not in self._lists:
            self._lists[name] = self._make(name)
        return self._lists[name]

    def _make(self, name: str) -> TermList:
        if name in TEXT_FIELDS:
            return _stem_terms(self._segment, name)
        if name.endswith(EXACT):
            return _exact_terms(self._segment, name.removesuffix(EXACT))
        if name.endswith(KEY):
            return _key_terms(self._segment, name.removesuffix(KEY))
        return _date_terms(self._segment) if name == "date" else _path_terms(self._segment)

    def __contains__(self, term: tuple[str, bytes]) -> bool:
        try:
            return self.list_of(term[0]).find(term[1]) >= 0
        except TermNotFound:
            return False

    def indexed_field_names(self) -> list[str]:
        """Return the names of all fields."""
        names = [*TEXT_FIELDS, *(name + EXACT for name in TEXT_FIELDS), *(name + KEY for name in FACET_FIELDS)]
        return sorted([*names, "date", "path"])

    def terms(self) -> Iterator[tuple[str, bytes]]:
        """Yield every (field, term), sorted."""
        return ((name, text) for name in self.indexed_field_names() for text in self.list_of(name).terms)

    def terms_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield every (field, term) from a term on, sorted."""
        for name in self.indexed_field_names():
            if name >= fieldname:
                terms = self.list_of(name).terms
                start = bisect_left(terms, prefix) if name == fieldname else 0
                yield from ((name, text) for text in terms[start:])

    def items(self) -> Iterator[tuple[tuple[str, bytes], TermInfo]]:
        """Yield every term with its statistics."""
        return ((term, self.term_info(*term)) for term in self.terms())

    def items_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[tuple[str, bytes], TermInfo]]:
        """Yield terms from a term on, with their statistics."""
        return ((term, self.term_info(*term)) for term in self.terms_from(fieldname, prefix))

    def term_info(self, fieldname: str, text: bytes) -> TermInfo:
        """Return the statistics of a term. Raises TermNotFound."""
        terms = self.list_of(fieldname)
        docs, frequencies, _ = terms.postings(terms.find(text))
        lengths = _lengths(self._segment, fieldname)
        own = lengths[docs] if lengths is not None else np.ones(len(docs), np.int64)
        return TermInfo(
            weight=float(frequencies.sum()),
            df=len(docs),
            minlength=int(own.min()),
            maxlength=int(own.max()),
            maxweight=float(frequencies.max()),
            minid=int(docs[0]),
            maxid=int(docs[-1]),
        )

    def frequency(self, fieldname: str, text: bytes) -> float:
        """Return how often a term stands in the segment, 0.0 where it does not."""
        if (fieldname, text) not in self:
            return 0.0
        return float(self.term_info(fieldname, text).weight())

    def doc_frequency(self, fieldname: str, text: bytes) -> int:
        """Return in how many documents a term stands, deleted ones included, as Whoosh counts; 0 for none."""
        if (fieldname, text) not in self:
            return 0
        return int(self.term_info(fieldname, text).doc_frequency())

    def matcher(self, fieldname: str, text: bytes, format_: Any, scorer: Any = None) -> ArrayMatcher:
        """Return a matcher over a term's postings. Raises TermNotFound."""
        terms = self.list_of(fieldname)
        return ArrayMatcher((fieldname, text), terms.postings(terms.find(text)), format_, scorer)

    def cursor(self, fieldname: str, fieldobj: fields.FieldType) -> ArrayCursor:
        """Return a cursor over a field's terms."""
        return ArrayCursor(self, fieldname, fieldobj)


class ArrayCursor(base.FieldCursor):  # type: ignore[misc]
    """Walks the terms of one field."""

    def __init__(self, reader: ArrayTermsReader, name: str, fieldobj: fields.FieldType) -> None:
        self._reader = reader
        self._name = name
        self._field = fieldobj
        self._terms = reader.list_of(name).terms
        self._at = 0

    def first(self) -> str | None:
        """Go to the first term and return it."""
        self._at = 0
        return self.text()

    def find(self, term: str | bytes) -> str | None:
        """Go to the first term not below ``term`` and return it."""
        self._at = bisect_left(self._terms, term if isinstance(term, bytes) else self._field.to_bytes(term))
        return self.text()

    def next(self) -> str | None:
        """Go to the next term and return it."""
        self._at += 1
        return self.text()

    def text(self) -> str | None:
        """Return the term, None past the last."""
        return str(self._field.from_bytes(self._terms[self._at])) if self.is_valid() else None

    def term_info(self) -> TermInfo | None:
        """Return the term's statistics, None past the last."""
        return self._reader.term_info(self._name, self._terms[self._at]) if self.is_valid() else None

    def is_valid(self) -> bool:
        """Whether the cursor stands on a term."""
        return self._at < len(self._terms)


def _lengths(segment: Segment, name: str) -> Array | None:
    base_name = name.removesuffix(EXACT)
    return segment.fields[base_name].lengths if base_name in segment.fields else None


class ArrayDocReader(base.PerDocumentReader):  # type: ignore[misc]
    """The documents of a segment: lengths, deletions, stored fields."""

    def __init__(self, segment: Segment, deleted: frozenset[int]) -> None:
        self._segment = segment
        self._deleted = deleted

    def doc_count(self) -> int:
        """Return how many documents are not deleted."""
        return self._segment.docs - len(self._deleted)

    def doc_count_all(self) -> int:
        """Return how many documents there are."""
        return self._segment.docs

    def has_deletions(self) -> bool:
        """Whether any document is deleted."""
        return bool(self._deleted)

    def is_deleted(self, docnum: int) -> bool:
        """Whether a document is deleted."""
        return docnum in self._deleted

    def deleted_docs(self) -> frozenset[int]:
        """Return the deleted documents."""
        return self._deleted

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int:
        """Return how many tokens a document has in a field: exact, where stock Whoosh rounds."""
        lengths = _lengths(self._segment, fieldname)
        return default if lengths is None else int(lengths[docnum])

    def field_length(self, fieldname: str) -> int:
        """Return how many tokens a field has."""
        lengths = _lengths(self._segment, fieldname)
        return 0 if lengths is None else int(lengths.sum(dtype=np.int64))

    def min_field_length(self, fieldname: str) -> int:
        """Return the least tokens that a document has in a field."""
        lengths = _lengths(self._segment, fieldname)
        return 0 if lengths is None else int(lengths.min(initial=2**31))

    def max_field_length(self, fieldname: str) -> int:
        """Return the most tokens that a document has in a field."""
        lengths = _lengths(self._segment, fieldname)
        return 0 if lengths is None else int(lengths.max(initial=0))

    def stored_fields(self, docnum: int) -> dict[str, Any]:
        """Return the stored fields of a document."""
        article = self._segment.article(docnum, related=False)
        return {
            "path": article.path,
            "date": article.date.isoformat(),
            "headline": article.headline,
            "summary": article.summary,
            "topic": article.topic,
            "context": list(article.contexts),
            "source": [source.name for source in article.sources],
        }


class ArraySegment(base.Segment):  # type: ignore[misc]
    """A segment of the manifest as Whoosh's readers want it."""

    def __init__(self, segment: Segment, deleted: frozenset[int]) -> None:
        super().__init__("MAIN")
        self.opened = segment
        self._deleted = deleted

    def codec(self) -> ArrayCodec:
        """Return the codec that reads this segment."""
        return ArrayCodec()

    def segment_id(self) -> str:
        """Return the name of the segment's file."""
        return self.opened.name

    def doc_count_all(self) -> int:
        """Return how many documents there are, deleted ones included."""
        return self.opened.docs

    def deleted_count(self) -> int:
        """Return how many documents are deleted."""
        return len(self._deleted)

    def deleted_docs(self) -> frozenset[int]:
        """Return the deleted documents."""
        return self._deleted

    def is_deleted(self, docnum: int) -> bool:
        """Whether a document is deleted."""
        return docnum in self._deleted

    def should_assemble(self) -> bool:
        """Never pack the file into a compound one."""
        return False


class ArrayCodec(base.Codec):  # type: ignore[misc]
    """Reads our segments. Whoosh never writes them, so there is no writing side."""

    length_stats = False

    def terms_reader(self, storage: Any, segment: ArraySegment) -> ArrayTermsReader:
        """Return a reader of the segment's terms."""
        return ArrayTermsReader(segment.opened)

    def per_document_reader(self, storage: Any, segment: ArraySegment) -> ArrayDocReader:
        """Return a reader of the segment's documents."""
        return ArrayDocReader(segment.opened, segment.deleted_docs())


class ArrayIndex(FileIndex):  # type: ignore[misc]
    """A Whoosh index whose table of contents is the manifest. Reads one generation; ``builder`` writes."""

    def __init__(self, index_dir: Path) -> None:
        self.snapshot: Snapshot = open_snapshot(index_dir)
        self.storage = FileStorage(str(index_dir))
        self.indexname = "MAIN"
        self._schema = build_schema()

    def _read_toc(self) -> TOC:
        return self._toc

    @cached_property
    def _toc(self) -> TOC:
        snapshot = self.snapshot
        segments = [
            ArraySegment(segment, frozenset(entry.deleted))
            for segment, entry in zip(snapshot.segments, snapshot.manifest.segments, strict=True)
        ]
        return TOC(self._schema, segments, snapshot.generation)

    def latest_generation(self) -> int:
        """Return the generation that this index reads."""
        return self.snapshot.generation

    def last_modified(self) -> float:
        """Return when the generation's manifest was written, in seconds since 1970."""
        return float((self.snapshot.index_dir / f"manifest-{self.snapshot.generation:08d}.json").stat().st_mtime)

    def writer(self, procs: int = 1, **kwargs: Any) -> Any:
        """Refuse: an index is written by ``build_index``. Raises ValueError."""
        raise ValueError("this index is written by search_app.index.build_index, not by a Whoosh writer")


def open_whoosh_index(index_dir: Path) -> ArrayIndex:
    """Return the newest generation of an index as a Whoosh index; raises as ``open_snapshot`` does.

    Cost: the first query on a field decodes its terms. For speed use the engine.
    """
    return ArrayIndex(index_dir)
