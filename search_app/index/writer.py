"""Articles to one segment file.

In: linked articles, newest first. Out: a file of sections (``sections``) with postings, facet columns, dates, lookups by
path and stored records. The same articles give the same bytes. Nothing is published here: that is ``generation``'s.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..archive.model import OPINION, Article
from .analysis import find_surfaces, fold
from .files import FileSystem
from .inversion import Array, Surfaces, Units, Vocabulary, invert
from .records import BlockPacker, encode_row, fingerprint, pack_article, pack_related, path_hash
from .schema import FACET_FIELDS, schema_fingerprint
from .sections import SectionWriter, narrow

HAS_SUMMARY = 1
IS_OPINION = 2


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """What a manifest says of a segment: name of its file, size, documents."""

    name: str
    bytes: int
    docs: int


@dataclass(frozen=True, slots=True)
class _Column:
    """A facet: its values in order of name, and the rows of value numbers, document by document, in the article's order."""

    values: list[str]
    row_starts: Array
    row_values: Array


def document_order(article: Article) -> tuple[int, str]:
    """Return the sort key of documents in a segment: newest first, then by path. Equal scores rank in this order."""
    return -article.date.toordinal(), article.path


def value_order(value: str) -> tuple[str, str]:
    """Return the sort key of facet values: by name, accents and case apart, then exactly."""
    return fold(value), value


def write_segment(path: Path, articles: Iterable[Article], paths: Sequence[str], files: FileSystem) -> SegmentInfo:
    """Write one segment file and return what the manifest needs to know of it.

    articles : sorted by ``document_order``, each path once; gone through once, so they may be made on the way.
    paths : their site paths, in the same order. Raises ValueError where the two or the order do not hold; the file is
    then incomplete and the caller's to remove.
    Cost: about 60 µs an article, and the memory of their tokens.
    """
    writer = SectionWriter(path, files)
    try:
        size = _write_sections(writer, articles, paths)
    except BaseException:
        writer.abandon()
        raise
    return SegmentInfo(path.name, size, len(paths))


class _Texts:
    """The texts of one field, a document each, cut into surfaces as they come."""

    def __init__(self, surfaces: Surfaces) -> None:
        self._number_of = surfaces.__getitem__
        self._numbers = array("I")
        self._starts = array("Q", [0])

    def add(self, text: str) -> None:
        if text:
            self._numbers.extend(map(self._number_of, find_surfaces(text)))
        self._starts.append(len(self._numbers))

    def units(self) -> Units:
        return Units(np.frombuffer(self._numbers, np.uint32), np.frombuffer(self._starts, np.uint64).astype(np.int64))


class _Gathered:
    """What one pass over the articles leaves behind: everything that a segment is made of, in flat arrays."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.surfaces = Surfaces()
        self.headlines = _Texts(self.surfaces)
        self.summaries = _Texts(self.surfaces)
        self.rows: dict[str, list[tuple[str, ...]]] = {name: [] for name in FACET_FIELDS}
        self.days = array("I")
        self.flags = array("B")
        self.old_paths: list[tuple[int, int]] = []
        self.fingerprints = array("Q")
        self.stored = BlockPacker()
        self.related = BlockPacker()
        self._doc_of = {path: n for n, path in enumerate(paths)}

    def add(self, doc: int, article: Article) -> None:
        self.headlines.add(article.headline)
        self.summaries.add(article.summary)
        self.rows["topic"].append((article.topic,) if article.topic else ())
        self.rows["context"].append(article.contexts)
        self.rows["source"].append(tuple(dict.fromkeys([source.name for source in article.sources])))
        self.days.append(article.date.toordinal())
        self.flags.append(_flags(article))
        self.old_paths += [(path_hash(v.path), doc) for v in article.versions if v.path != article.path]
        row = encode_row(pack_article(article))
        self.stored.add(row)
        self.fingerprints.append(fingerprint(article, row))
        number = {context: n for n, context in enumerate(article.contexts)}
        self.related.add(encode_row(pack_related(article, self._doc_of, number)))


def _write_sections(writer: SectionWriter, articles: Iterable[Article], paths: Sequence[str]) -> int:
    gathered = _Gathered(paths)
    previous: tuple[int, str] | None = None
    count = 0
    for article in articles:
        key = document_order(article)
        if previous is not None and previous >= key or count >= len(paths) or paths[count] != article.path:
            raise ValueError(f"{article.path} is not where document_order and the list of paths put it")
        gathered.add(count, article)
        previous = key
        count += 1
    if count != len(paths):
        raise ValueError(f"{len(paths)} paths were given, but {count} articles")
    for name, packer in (("stored", gathered.stored), ("related", gathered.related)):
        blob, offsets = packer.finish()
        writer.add_bytes(f"{name}.blob", blob)
        writer.add(f"{name}.off", narrow(offsets))
        del blob
    writer.add("fingerprints", np.frombuffer(gathered.fingerprints, np.uint64))
    writer.add("day", np.frombuffer(gathered.days, np.uint32))
    writer.add("flags", np.frombuffer(gathered.flags, np.uint8))
    _write_lookups(writer, paths, gathered.old_paths)
    totals = _write_columns_and_fields(writer, gathered, count)
    return writer.finish({"docs": count, "schema": schema_fingerprint(), "lengths": totals})


def _write_columns_and_fields(writer: SectionWriter, gathered: _Gathered, count: int) -> dict[str, int]:
    columns = {name: _column(gathered.rows.pop(name)) for name in FACET_FIELDS}
    single = np.arange(count + 1)
    fields = {
        "headline": (gathered.headlines.units(), single, single[:-1]),
        "summary": (gathered.summaries.units(), single, single[:-1]),
    }
    for name, column in columns.items():
        fields[name] = (Units.read(column.values, gathered.surfaces), column.row_starts, column.row_values)
        _write_column(writer, name, column, count)
    vocabulary = Vocabulary(gathered.surfaces)
    _write_vocabulary(writer, vocabulary)
    return {name: _write_field(writer, name, vocabulary, *parts) for name, parts in fields.items()}


def _flags(article: Article) -> int:
    return (HAS_SUMMARY if article.summary else 0) | (IS_OPINION if article.kind == OPINION else 0)


def _column(rows: list[tuple[str, ...]]) -> _Column:
    values = sorted({value for row in rows for value in row}, key=value_order)
    number = {value: n for n, value in enumerate(values)}
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    numbers = np.fromiter((number[value] for row in rows for value in row), np.int64, int(starts[-1]))
    return _Column(values, starts, numbers)


def _write_vocabulary(writer: SectionWriter, vocabulary: Vocabulary) -> None:
    writer.add_strings("terms", vocabulary.terms)
    writer.add_strings("forms", [folded for folded, _ in vocabulary.forms])
    writer.add("forms.term", narrow(vocabulary.form_terms))
    writer.add("forms.local", narrow(vocabulary.form_locals))
    accented = [n for n, (folded, spelled) in enumerate(vocabulary.forms) if folded != spelled]
    writer.add("accents.form", narrow(np.array(accented, np.int64)))
    writer.add_strings("accents", [vocabulary.forms[n][1] for n in accented])


def _write_field(
    writer: SectionWriter, name: str, vocabulary: Vocabulary, units: Units, row_starts: Array, row_units: Array
) -> int:
    postings = invert(vocabulary, units, row_starts, row_units)
    writer.add(f"{name}.terms", narrow(postings.terms))
    writer.add(f"{name}.posting_starts", narrow(postings.posting_starts))
    _write_docs(writer, f"{name}.docs", postings.docs, len(postings.lengths))
    writer.add(f"{name}.tf", narrow(postings.frequencies))
    writer.add(f"{name}.token_starts", narrow(postings.token_starts))
    writer.add(f"{name}.positions", narrow(postings.positions))
    writer.add(f"{name}.locals", narrow(postings.locals))
    writer.add(f"{name}.lengths", narrow(postings.lengths))
    return int(postings.lengths.sum())


def _write_docs(writer: SectionWriter, name: str, docs: Array, count: int) -> None:
    """Write document numbers as 16 low bits, and a plane of single bits for each further bit that ``count`` needs.

    Two bytes and a bit each up to 131,072 documents, two and a half bytes up to a million.
    """
    writer.add(name, docs.astype(np.uint16))
    for bit in range(16, max(count - 1, 0).bit_length()):
        writer.add(f"{name}.bit{bit}", np.packbits((docs >> bit) & 1 == 1))


def _write_column(writer: SectionWriter, name: str, column: _Column, count: int) -> None:
    writer.add_strings(f"{name}.values", column.values)
    writer.add(f"{name}.row_starts", narrow(column.row_starts))
    writer.add(f"{name}.rows", narrow(column.row_values))
    docs = np.repeat(np.arange(count, dtype=np.uint32), np.diff(column.row_starts))
    order = np.argsort(column.row_values, kind="stable")
    counts = np.bincount(column.row_values, minlength=len(column.values))
    writer.add(f"{name}.value_starts", narrow(np.concatenate(([0], np.cumsum(counts)))))
    _write_docs(writer, f"{name}.value_docs", docs[order], count)


def _write_lookups(writer: SectionWriter, paths: Sequence[str], old_paths: list[tuple[int, int]]) -> None:
    hashes = np.fromiter(map(path_hash, paths), np.uint64, len(paths))
    _write_lookup(writer, "paths", hashes, np.arange(len(paths)))
    pairs = sorted(set(old_paths))
    _write_lookup(
        writer, "old_paths", np.array([h for h, _ in pairs], np.uint64), np.array([n for _, n in pairs], np.int64)
    )


def _write_lookup(writer: SectionWriter, name: str, hashes: Array, docs: Array) -> None:
    order = np.argsort(hashes, kind="stable")
    writer.add(f"{name}.hash", hashes[order])
    writer.add(f"{name}.doc", narrow(docs[order]))
