"""Articles to one segment file.

In: linked articles, newest first. Out: a file of sections (``sections``) with postings, facet columns, dates, lookups by
path and stored records. The same articles give the same bytes. Nothing is published here: that is ``generation``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..archive.model import OPINION, Article
from .analysis import fold
from .files import FileSystem
from .inversion import Array, Surfaces, Units, Vocabulary, invert
from .records import encode_row, fingerprint, pack_article, pack_blocks, pack_related, path_hash
from .schema import schema_fingerprint
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


def write_segment(path: Path, articles: Sequence[Article], files: FileSystem) -> SegmentInfo:
    """Write one segment file and return what the manifest needs to know of it.

    articles : sorted by ``document_order``, each path once. Raises ValueError otherwise, before anything is written.
    Cost: about 45 µs an article.
    """
    keys = [document_order(article) for article in articles]
    if any(a >= b for a, b in zip(keys, keys[1:], strict=False)):
        raise ValueError("articles must be sorted by document_order, each path once")
    writer = SectionWriter(path, files)
    try:
        size = _write_sections(writer, articles)
    except BaseException:
        writer.abandon()
        raise
    return SegmentInfo(path.name, size, len(articles))


def _write_sections(writer: SectionWriter, articles: Sequence[Article]) -> int:
    count = len(articles)
    columns = {
        "topic": _column([(article.topic,) if article.topic else () for article in articles]),
        "context": _column([article.contexts for article in articles]),
        "source": _column([tuple(dict.fromkeys(s.name for s in article.sources)) for article in articles]),
    }
    surfaces = Surfaces()
    single = np.arange(count + 1)
    fields = {
        "headline": (Units.read((article.headline for article in articles), surfaces), single, single[:-1]),
        "summary": (Units.read((article.summary for article in articles), surfaces), single, single[:-1]),
    }
    for name, column in columns.items():
        fields[name] = (Units.read(column.values, surfaces), column.row_starts, column.row_values)
    vocabulary = Vocabulary(surfaces)
    del surfaces
    _write_vocabulary(writer, vocabulary)
    totals = {name: _write_field(writer, name, vocabulary, *parts) for name, parts in fields.items()}
    del fields, vocabulary
    for name, column in columns.items():
        _write_column(writer, name, column, count)
    writer.add("day", np.fromiter((article.date.toordinal() for article in articles), np.uint32, count))
    writer.add("flags", np.fromiter((_flags(article) for article in articles), np.uint8, count))
    _write_lookups(writer, articles)
    _write_records(writer, articles)
    return writer.finish({"docs": count, "schema": schema_fingerprint(), "lengths": totals})


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
    """Write document numbers as 16 low bits and, in segments of more than 65,536 documents, the rest: 3 bytes each."""
    writer.add(name, docs.astype(np.uint16))
    if count > 1 << 16:
        writer.add(f"{name}.high", narrow(docs >> 16))


def _write_column(writer: SectionWriter, name: str, column: _Column, count: int) -> None:
    writer.add_strings(f"{name}.values", column.values)
    writer.add(f"{name}.row_starts", narrow(column.row_starts))
    writer.add(f"{name}.rows", narrow(column.row_values))
    docs = np.repeat(np.arange(count, dtype=np.uint32), np.diff(column.row_starts))
    order = np.argsort(column.row_values, kind="stable")
    counts = np.bincount(column.row_values, minlength=len(column.values))
    writer.add(f"{name}.value_starts", narrow(np.concatenate(([0], np.cumsum(counts)))))
    _write_docs(writer, f"{name}.value_docs", docs[order], count)


def _write_lookups(writer: SectionWriter, articles: Sequence[Article]) -> None:
    hashes = np.fromiter((path_hash(article.path) for article in articles), np.uint64, len(articles))
    _write_lookup(writer, "paths", hashes, np.arange(len(articles)))
    old = [(path_hash(v.path), n) for n, article in enumerate(articles) for v in article.versions if v.path != article.path]
    pairs = sorted(set(old))
    _write_lookup(writer, "old_paths", np.array([h for h, _ in pairs], np.uint64), np.array([n for _, n in pairs], np.int64))


def _write_lookup(writer: SectionWriter, name: str, hashes: Array, docs: Array) -> None:
    order = np.argsort(hashes, kind="stable")
    writer.add(f"{name}.hash", hashes[order])
    writer.add(f"{name}.doc", narrow(docs[order]))


def _write_records(writer: SectionWriter, articles: Sequence[Article]) -> None:
    fingerprints = np.empty(len(articles), np.uint64)

    def stored_rows() -> Iterator[str]:
        for n, article in enumerate(articles):
            row = encode_row(pack_article(article))
            fingerprints[n] = fingerprint(article, row)
            yield row

    def related_rows() -> Iterator[str]:
        doc_of = {article.path: n for n, article in enumerate(articles)}
        for article in articles:
            number = {context: n for n, context in enumerate(article.contexts)}
            yield encode_row(pack_related(article, doc_of, number))

    for name, rows in (("stored", stored_rows()), ("related", related_rows())):
        blob, offsets = pack_blocks(rows)
        writer.add_bytes(f"{name}.blob", blob)
        writer.add(f"{name}.off", narrow(offsets))
    writer.add("fingerprints", fingerprints)
