"""Reading a whole index and saying what is wrong with it: checksums first, then the logic between the arrays.

In: an index folder. Out: a list of sentences, each naming file and section; empty for a sound index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import IndexDamagedError, IndexMissingError, IndexVersionError
from .generation import live_docs
from .manifest import SEGMENTS, Manifest, SegmentEntry, list_generations, read_manifest
from .records import path_hash, unpack_path
from .schema import FACET_FIELDS, TEXT_FIELDS
from .sections import Array, SectionFile
from .segment import Segment
from .sightings import SIGHTINGS, read_sightings
from .suggestions import SUGGESTIONS, check_suggestions
from .writer import value_order


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check read (``checked`` counts generations, segments, articles, sections, bytes) and found wrong."""

    problems: tuple[str, ...]
    checked: dict[str, int] = field(default_factory=dict)


def check_index(index_dir: Path) -> CheckReport:
    """Read every generation of an index and verify it: checksums, order, offsets, counts, stored records.

    Raises IndexMissingError where there is no index. Cost: reads everything, about 4 s for 100,000 articles.
    """
    generations = list_generations(index_dir)
    if not generations:
        raise IndexMissingError(index_dir)
    check = _Check(index_dir)
    for generation in generations:
        check.generation(generation)
    return CheckReport(tuple(check.problems), check.checked)


class _Check:
    """One check of an index. Files that several generations share are read once."""

    def __init__(self, index_dir: Path) -> None:
        self._folder = index_dir
        self._segments: dict[str, Segment | None] = {}
        self.problems: list[str] = []
        self.checked = dict.fromkeys(("generations", "segments", "articles", "sections", "bytes"), 0)

    def generation(self, generation: int) -> None:
        """Check one generation."""
        try:
            manifest = read_manifest(self._folder, generation)
        except (IndexDamagedError, IndexVersionError) as error:
            self.problems.append(str(error))
            return
        self.checked["generations"] += 1
        live = 0
        for entry in manifest.segments:
            live += entry.docs - len(entry.deleted)
            if list(entry.deleted) != sorted(set(entry.deleted)) or any(not 0 <= d < entry.docs for d in entry.deleted):
                self.problems.append(f"generation {generation}: the deleted documents of {entry.name} are not in order")
            if entry.name not in self._segments:
                self._segments[entry.name] = self._segment(entry)
        if manifest.catalogue is not None:
            self._file(manifest.catalogue)
        for name, entry in manifest.companions.items():
            file = self._file(entry)
            if file is not None and name == SIGHTINGS:
                self._sightings(file, manifest)
            if file is not None and name == SUGGESTIONS:
                self.problems += check_suggestions(file)
        if live != manifest.articles:
            self.problems.append(
                f"generation {generation}: the segments hold {live} articles, the manifest says {manifest.articles}"
            )

    def _segment(self, entry: SegmentEntry) -> Segment | None:
        """Check a segment and return it where it is sound."""
        try:
            segment = Segment(self._folder / SEGMENTS / entry.name, entry.bytes)
            found = segment.file.problems() or check_segment(segment)
        except (IndexDamagedError, IndexVersionError) as error:
            self.problems.append(str(error))
            return None
        self.problems += found
        self.checked["segments"] += 1
        self.checked["articles"] += segment.docs
        self._count(segment.file)
        return None if found else segment

    def _file(self, entry: SegmentEntry) -> SectionFile | None:
        """Check the sections of another file and return it where they are sound."""
        try:
            file = SectionFile(self._folder / SEGMENTS / entry.name, entry.bytes)
        except IndexDamagedError as error:
            self.problems.append(str(error))
            return None
        found = file.problems()
        self.problems += found
        self._count(file)
        return None if found else file

    def _count(self, file: SectionFile) -> None:
        self.checked["sections"] += len(file.names())
        self.checked["bytes"] += file.size

    def _sightings(self, file: SectionFile, manifest: Manifest) -> None:
        try:
            sightings = read_sightings(file)
        except IndexDamagedError as error:
            self.problems.append(str(error))
            return
        held = [(self._segments[entry.name], live_docs(entry)) for entry in manifest.segments]
        lacking = sum(sightings.lacks(segment, live) for segment, live in held if segment is not None)
        if lacking:
            self.problems.append(
                f"{file.path.name}: {lacking} articles of generation {manifest.generation} are not in it"
            )


def check_segment(segment: Segment) -> list[str]:
    """Return what is wrong between the arrays of one segment whose checksums hold."""
    problems: list[str] = []

    def expect(holds: bool | np.bool_, section: str, problem: str) -> None:
        if not holds:
            problems.append(f"{segment.name}, section {section}: {problem}")

    parts: list[tuple[str, Callable[[], None]]] = [("terms", lambda: _check_vocabulary(segment, expect))]
    parts += [(name, partial(_check_field, segment, name, expect)) for name in TEXT_FIELDS]
    parts += [(name, partial(_check_column, segment, name, expect)) for name in FACET_FIELDS]
    parts.append(("facets", lambda: _check_facets(segment, expect)))
    parts.append(("stored", lambda: _check_records(segment, expect)))
    for name, check in parts:
        try:
            check()
        except IndexDamagedError as error:
            problems.append(f"{segment.name}, section {error.section or name}: {error.problem}")
        except (ValueError, IndexError, TypeError) as error:
            # Numbers that lead outside an array, bytes that are no text.
            problems.append(f"{segment.name}, section {name}: makes no sense ({error})")
    return problems


def _check_vocabulary(segment: Segment, expect: Any) -> None:
    for name in segment.file.names():
        if name.endswith(".off"):
            offsets = segment.file.array(name)
            end = len(segment.file.unverified(name.removesuffix(".off") + ".blob"))
            expect(_offsets_fit(offsets.astype(np.int64), len(offsets) - 1, end), name, "does not fit the texts")
    terms = segment.terms.all()
    expect(_strictly_sorted(terms), "terms", "not in order")
    forms = segment.forms.all()
    expect(all(a <= b for a, b in pairwise(forms)), "forms", "not in order")
    expect(len(segment.form_terms) == len(forms), "forms.term", "not one for each form")
    expect(not len(forms) or int(segment.form_terms.max()) < len(terms), "forms.term", "points past the terms")


def _check_records(segment: Segment, expect: Any) -> None:
    days = segment.days.astype(np.int64)
    expect(len(days) == segment.docs and bool(np.all(np.diff(days) <= 0)), "day", "not newest first")
    hashes = segment.file.array("paths.hash")
    expect(
        len(hashes) == segment.docs and _ascending(hashes), "paths.hash", "not in order, or not one for each document"
    )
    rows = segment.stored_rows(list(range(segment.docs)))
    paths = [unpack_path(row, int(day)) for row, day in zip(rows, days, strict=True)]
    path_docs = segment.file.array("paths.doc")
    by_doc = np.empty(segment.docs, np.uint64)
    by_doc[path_docs] = hashes
    expect(
        all(path_hash(path) == int(by_doc[n]) for n, path in enumerate(paths)),
        "paths.doc",
        "does not lead to the stored paths",
    )
    in_order = all((-days[n], paths[n]) < (-days[n + 1], paths[n + 1]) for n in range(len(paths) - 1))
    expect(in_order, "stored", "documents of one day are not in order of path")
    for doc in range(0, segment.docs, 997):
        segment.article(doc)


def _check_field(segment: Segment, name: str, expect: Any) -> None:
    field_ = segment.fields[name]
    file = segment.file
    terms = field_.terms.astype(np.int64)
    expect(bool(np.all(np.diff(terms) > 0)), f"{name}.terms", "not in order")
    expect(not len(terms) or int(terms[-1]) < len(segment.terms), f"{name}.terms", "points past the terms")
    postings = file.array(f"{name}.posting_starts").astype(np.int64)
    tokens = file.array(f"{name}.token_starts").astype(np.int64)
    frequencies = file.array(f"{name}.tf").astype(np.int64)
    positions = file.array(f"{name}.positions")
    expect(_offsets_fit(postings, len(terms), len(frequencies)), f"{name}.posting_starts", "does not fit the postings")
    expect(_offsets_fit(tokens, len(terms), len(positions)), f"{name}.token_starts", "does not fit the tokens")
    expect(int(frequencies.sum()) == len(positions), f"{name}.tf", "does not add up to the tokens")
    ranks, mixed = file.array(f"{name}.ranks"), file.array(f"{name}.mixed").astype(np.int64)
    expect(len(ranks) == len(frequencies), f"{name}.ranks", "not one for each posting")
    several = np.flatnonzero(ranks == field_.mixed_rank)
    expect(bool(np.array_equal(several, mixed)), f"{name}.mixed", "does not agree with the ranks")
    mixed_ranks = file.array(f"{name}.mixed_ranks")
    mixed_starts = file.array(f"{name}.mixed_starts").astype(np.int64)
    expect(_offsets_fit(mixed_starts, len(mixed), len(mixed_ranks)), f"{name}.mixed_starts", "does not fit the ranks")
    expect(
        bool(np.array_equal(np.diff(mixed_starts), frequencies[mixed])),
        f"{name}.mixed_starts",
        "does not agree with the tokens",
    )
    owners = np.repeat(terms, np.diff(postings))
    single = ranks != field_.mixed_rank
    known = segment.spellings
    expect(bool(np.all(ranks[single] < known[owners[single]])), f"{name}.ranks", "points past the spellings")
    expect(
        bool(np.all(mixed_ranks < known[np.repeat(owners[mixed], np.diff(mixed_starts))])),
        f"{name}.mixed_ranks",
        "points past the spellings",
    )
    lengths = field_.lengths.astype(np.int64)
    expect(len(lengths) == segment.docs, f"{name}.lengths", "not one for each document")
    expect(
        int(lengths.sum()) == field_.total_length == len(positions), f"{name}.lengths", "does not add up to the tokens"
    )
    docs = field_.all_docs().astype(np.int64)
    expect(not len(docs) or int(docs.max()) < segment.docs, f"{name}.docs", "points past the documents")
    rising = np.diff(docs) > 0
    rising[postings[1:-1] - 1] = True
    expect(bool(rising.all()), f"{name}.docs", "not in order within a term")
    counted = np.bincount(docs, weights=frequencies, minlength=segment.docs) if len(docs) else np.zeros(segment.docs)
    expect(bool(np.array_equal(counted.astype(np.int64), lengths)), f"{name}.tf", "does not agree with the lengths")


def _check_column(segment: Segment, name: str, expect: Any) -> None:
    values = segment.columns[name].values.all()
    expect(all(value_order(a) < value_order(b) for a, b in pairwise(values)), f"{name}.values", "not in order")


def _check_facets(segment: Segment, expect: Any) -> None:
    facets, columns = segment.facets, segment.columns.values()
    sizes = [len(column.values) for column in columns]
    total = sum(sizes)
    starts, rows = facets.starts.astype(np.int64), facets.rows.astype(np.int64)
    expect(_offsets_fit(starts, segment.docs, len(rows)), "facets.row_starts", "does not fit the rows")
    expect(not len(rows) or int(rows.max()) < total, "facets.rows", "points past the values")
    value_starts = facets.value_starts.astype(np.int64)
    expect(_offsets_fit(value_starts, total, len(rows)), "facets.value_starts", "does not fit the documents")
    docs = np.repeat(np.arange(segment.docs), np.diff(starts))
    order = np.argsort(rows, kind="stable")
    listed = [facets.docs_of(value) for value in range(total)]
    flat = np.concatenate(listed) if listed else np.zeros(0, np.intp)
    expect(bool(np.array_equal(docs[order], flat)), "facets.value_docs", "does not agree with the rows")
    for column, size in zip(columns, sizes, strict=True):
        own = docs[(rows >= column.base) & (rows < column.base + size)]
        has = np.bincount(own, minlength=segment.docs) > 0
        expect(bool(np.array_equal(has, ~segment.lacking(column.name))), "flags", f"does not agree on {column.name}")


def _offsets_fit(offsets: Array, rows: int, end: int) -> bool:
    return (
        len(offsets) == rows + 1
        and int(offsets[0]) == 0
        and int(offsets[-1]) == end
        and bool(np.all(np.diff(offsets) >= 0))
    )


def _ascending(values: Array) -> bool:
    return bool(np.all(values[1:] >= values[:-1]))


def _strictly_sorted(texts: list[str]) -> bool:
    return all(a < b for a, b in zip(texts, texts[1:], strict=False))
