"""Articles to one segment file.

In: linked articles, newest first. Out: a file of sections (``sections``) with postings, facet columns, dates,
lookups by path and stored records. The same articles give the same bytes, whatever the number of processes. Nothing is
published here: that is ``builder``'s.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..archive.model import Article
from .analysis import fold
from .files import FileSystem
from .gather import Part, Rows, gather, learn_dictionary
from .inversion import Array, Surfaces, Units, Vocabulary, invert
from .records import path_hash
from .schema import FACET_FIELDS, schema_fingerprint
from .sections import SectionWriter, narrow


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """What a manifest says of a segment: name of its file, size, documents."""

    name: str
    bytes: int
    docs: int


@dataclass(frozen=True, slots=True)
class _Column:
    """A facet: its values in order of name, and each document's value numbers, in the article's order."""

    values: list[str]
    row_starts: Array
    row_values: Array


def value_order(value: str) -> tuple[str, str]:
    """Return the sort key of facet values: by name, accents and case apart, then exactly."""
    return fold(value), value


def write_segment(
    path: Path,
    articles: Sequence[Article],
    paths: Sequence[str],
    files: FileSystem,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> SegmentInfo:
    """Write one segment file and return what the manifest needs to know of it.

    articles : sorted by ``document_order``, each path once; may make each article when it is asked for.
    paths : their site paths, in the same order. Raises ValueError where the two or the order do not hold; the file is
    then incomplete and the caller's to remove. jobs : processes that go through the articles.
    progress : called with articles done and articles in all.
    Cost: about 60 µs an article, and the memory of their tokens.
    """
    if len(articles) != len(paths):
        raise ValueError(f"{len(paths)} paths were given, but {len(articles)} articles")
    writer = SectionWriter(path, files)
    try:
        gathered = _Gathered()
        dictionary = learn_dictionary(articles)
        writer.add_bytes("stored.dictionary", dictionary)
        for part in gather(articles, paths, jobs, dictionary):
            gathered.add(part, paths)
            if progress:
                progress(len(gathered.flags), len(paths))
        size = _write_sections(writer, gathered, paths)
    except BaseException:
        writer.abandon()
        raise
    return SegmentInfo(path.name, size, len(paths))


class _Gathered:
    """Parts joined: their surfaces and values numbered anew, their arrays one after another."""

    def __init__(self) -> None:
        self.surfaces = Surfaces()
        self.values = {name: Surfaces() for name in FACET_FIELDS}
        self.texts = {name: _Joined() for name in ("headline", "summary")}
        self.rows = {name: _Joined() for name in FACET_FIELDS}
        self.last_key: tuple[int, str] | None = None
        self.days = array("I")
        self.flags = array("B")
        self.old_paths: list[tuple[int, int]] = []
        self.fingerprints = array("Q")
        self.stored: list[bytes] = []
        self.related: list[bytes] = []

    def add(self, part: Part, paths: Sequence[str]) -> None:
        """Join one part. Raises ValueError where the articles are not in order, or not those of ``paths``."""
        keys = part.keys if self.last_key is None else [self.last_key, *part.keys]
        if any(a >= b for a, b in pairwise(keys)):
            raise ValueError("articles must be sorted by document_order, each path once")
        if [path for _, path in part.keys] != list(paths[part.start : part.start + len(part.keys)]):
            raise ValueError("articles and paths must be in the same order")
        self.last_key = part.keys[-1] if part.keys else self.last_key
        self.days.extend([-day for day, _ in part.keys])
        _join(self.texts, part.texts, _numbers(self.surfaces, part.surfaces))
        for name in FACET_FIELDS:
            _join({name: self.rows[name]}, {name: part.rows[name]}, _numbers(self.values[name], part.values[name]))
        self.flags.extend(part.flags)
        self.old_paths += part.old_paths
        self.fingerprints.extend(part.fingerprints)
        self.stored += part.stored
        self.related += part.related


class _Joined:
    """Rows of several parts, one after another."""

    def __init__(self) -> None:
        self._numbers: list[Array] = []
        self._counts: list[Array] = []

    def add(self, rows: Rows, numbers: Array) -> None:
        self._numbers.append(numbers[np.frombuffer(rows.numbers, np.uint32)])
        self._counts.append(np.frombuffer(rows.counts, np.uint32).copy())

    def units(self) -> Units:
        numbers = np.concatenate(self._numbers) if self._numbers else np.zeros(0, np.uint32)
        counts = np.concatenate(self._counts) if self._counts else np.zeros(0, np.uint32)
        return Units(numbers, np.concatenate(([0], np.cumsum(counts, dtype=np.int64))))


def _numbers(table: Surfaces, names: list[str]) -> Array:
    return np.fromiter(map(table.__getitem__, names), np.uint32, len(names))


def _join(into: dict[str, _Joined], rows: dict[str, Rows], numbers: Array) -> None:
    for name, joined in into.items():
        joined.add(rows[name], numbers)


def _write_sections(writer: SectionWriter, gathered: _Gathered, paths: Sequence[str]) -> int:
    count = len(paths)
    for name, blocks in (("stored", gathered.stored), ("related", gathered.related)):
        writer.add_bytes(f"{name}.blob", b"".join(blocks))
        writer.add(f"{name}.off", narrow(np.concatenate(([0], np.cumsum([len(b) for b in blocks], dtype=np.int64)))))
        blocks.clear()
    writer.add("fingerprints", np.frombuffer(gathered.fingerprints, np.uint64))
    writer.add("day", np.frombuffer(gathered.days, np.uint32))
    writer.add("flags", np.frombuffer(gathered.flags, np.uint8))
    _write_lookups(writer, paths, gathered.old_paths)
    totals = _write_columns_and_fields(writer, gathered, count)
    return writer.finish({"docs": count, "schema": schema_fingerprint(), "lengths": totals})


def _write_columns_and_fields(writer: SectionWriter, gathered: _Gathered, count: int) -> dict[str, int]:
    single = np.arange(count + 1)
    fields = {name: (joined.units(), single, single[:-1]) for name, joined in gathered.texts.items()}
    gathered.texts.clear()
    columns = {}
    for name in FACET_FIELDS:
        column = columns[name] = _column(list(gathered.values.pop(name)), gathered.rows.pop(name).units())
        fields[name] = (Units.read(column.values, gathered.surfaces), column.row_starts, column.row_values)
        writer.add_strings(f"{name}.values", column.values)
    _write_facets(writer, list(columns.values()), count)
    vocabulary = Vocabulary(gathered.surfaces)
    _write_vocabulary(writer, vocabulary)
    # The highest number of the type stands for a posting with several spellings, so no rank may reach it.
    kind = narrow(np.array([int(vocabulary.form_locals.max(initial=0)) + 1])).dtype
    return {name: _write_field(writer, name, kind, vocabulary, *fields.pop(name)) for name in list(fields)}


def _column(names: list[str], rows: Units) -> _Column:
    """Return the column of rows whose numbers mean ``names``: values in order of name, numbers to match."""
    order = sorted(range(len(names)), key=lambda n: value_order(names[n]))
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return _Column([names[n] for n in order], rows.starts, rank[rows.surfaces])


def _write_vocabulary(writer: SectionWriter, vocabulary: Vocabulary) -> None:
    writer.add_strings("terms", vocabulary.terms)
    writer.add_strings("forms", [folded for folded, _ in vocabulary.forms])
    writer.add("forms.term", narrow(vocabulary.form_terms))
    writer.add("forms.local", narrow(vocabulary.form_locals))
    accented = [n for n, (folded, spelled) in enumerate(vocabulary.forms) if folded != spelled]
    writer.add("accents.form", narrow(np.array(accented, np.int64)))
    writer.add_strings("accents", [vocabulary.forms[n][1] for n in accented])


def _write_field(
    writer: SectionWriter,
    name: str,
    rank_kind: np.dtype[Any],
    vocabulary: Vocabulary,
    units: Units,
    row_starts: Array,
    row_units: Array,
) -> int:
    postings = invert(vocabulary, units, row_starts, row_units)
    writer.add(f"{name}.terms", narrow(postings.terms))
    writer.add(f"{name}.posting_starts", narrow(postings.posting_starts))
    write_docs(writer, f"{name}.docs", postings.docs, len(postings.lengths))
    writer.add(f"{name}.tf", narrow(postings.frequencies))
    writer.add(f"{name}.token_starts", narrow(postings.token_starts))
    writer.add(f"{name}.positions", narrow(postings.positions))
    ranks = postings.ranks.astype(rank_kind)
    ranks[postings.mixed] = np.iinfo(rank_kind).max
    writer.add(f"{name}.ranks", ranks)
    mixed_counts = postings.frequencies[postings.mixed]
    writer.add(f"{name}.mixed", narrow(postings.mixed))
    writer.add(f"{name}.mixed_starts", narrow(np.concatenate(([0], np.cumsum(mixed_counts)))))
    writer.add(f"{name}.mixed_ranks", postings.mixed_ranks.astype(rank_kind))
    writer.add(f"{name}.lengths", narrow(postings.lengths))
    return int(postings.lengths.sum())


def write_docs(writer: SectionWriter, name: str, docs: Array, count: int) -> None:
    """Write document numbers as 16 low bits, and a plane of single bits for each further bit that ``count`` needs.

    Two bytes and a bit each up to 131,072 documents, two and a half bytes up to a million.
    """
    writer.add(name, docs.astype(np.uint16))
    for bit in range(16, max(count - 1, 0).bit_length()):
        writer.add(f"{name}.bit{bit}", np.packbits((docs >> bit) & 1 == 1))


def _write_facets(writer: SectionWriter, columns: list[_Column], count: int) -> None:
    """Write the values of all facets as one column: numbered through, a document's side by side in the order of facets.

    One gather then serves every facet, and the offsets are kept once.
    """
    sizes = [len(column.values) for column in columns]
    bases = np.cumsum(sizes) - sizes
    docs = np.concatenate(
        [np.repeat(np.arange(count, dtype=np.uint32), np.diff(column.row_starts)) for column in columns]
    )
    values = np.concatenate([column.row_values + base for column, base in zip(columns, bases, strict=True)])
    order = np.argsort(docs, kind="stable")
    docs, values = docs[order], values[order]
    writer.add("facets.row_starts", narrow(np.concatenate(([0], np.cumsum(np.bincount(docs, minlength=count))))))
    writer.add("facets.rows", narrow(values))
    counts = np.bincount(values, minlength=sum(sizes))
    writer.add("facets.value_starts", narrow(np.concatenate(([0], np.cumsum(counts)))))
    write_docs(writer, "facets.value_docs", docs[np.argsort(values, kind="stable")], count)


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
