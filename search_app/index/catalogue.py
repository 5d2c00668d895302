"""The catalogue: what a build remembers of the archive's files, so that the next one reads only what changed.

In: columns of what the files say, how the files looked, and where each article lies in the segments. Out: one file of
sections beside the segments, and the same columns again. Texts that the segments store anyway are not written twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from ..errors import IndexDamagedError
from .columns import Columns, Mask, Names, Numbers, Pages, Ragged, Rows, starts_of
from .files import FileSystem
from .generation import Snapshot
from .manifest import SegmentEntry
from .marks import Files
from .memory import Memory, Places, Said
from .schema import schema_fingerprint
from .sections import Array, SectionFile, SectionWriter

FORMAT = "catalogue 3"
LEVEL = 3
"""Of compression: 6 makes the file 5 % smaller, and takes three times as long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the next build has to know, beside what a ``Memory`` holds; arrays are by node.

    rows, pages : those that are kept. files : those that the walk saw, which have them. segments : names of those that
    ``places`` number. walk : what ``read_walk`` gives the next build. The rest is as in ``Memory``.
    """

    rows: Numbers
    pages: Numbers
    files: Files
    segments: Sequence[str]
    places: Places
    current: Numbers
    labels: Mapping[str, str]
    walk: str


def write_catalogue(path: Path, memory: Memory, outcome: Outcome, files: FileSystem) -> SegmentEntry:
    """Write the catalogue of a generation and return what the manifest needs to know of it.

    memory : in which the rows and nodes of ``outcome`` are numbered. What nothing names any more is left out.
    Cost: about 5 µs a file.
    """
    writer = SectionWriter(path, files)
    try:
        size = _write(writer, memory, outcome)
    except BaseException:
        writer.abandon()
        raise
    return SegmentEntry(path.name, size, len(outcome.files.codes))


def _write(writer: SectionWriter, memory: Memory, outcome: Outcome) -> int:
    older = np.flatnonzero(outcome.current != np.arange(len(outcome.current)))
    also = np.concatenate((older, outcome.current[older]))
    columns, nodes = memory.columns.compact(outcome.rows, outcome.pages, also)
    rows, pages, names = columns.rows, columns.pages, columns.names
    segment, doc = outcome.places.segment[nodes], outcome.places.doc[nodes]
    # Of two files with one address only one is the article that the segments hold.
    full = (segment[rows.node] < 0) | (np.bincount(rows.node, minlength=len(nodes))[rows.node] > 1)
    told = _told(memory, outcome.rows, full)
    for name in ("node", "day", "topic", "kind", "language"):
        _add_steps(writer, f"row.{name}", getattr(rows, name))
    _add_packed(writer, "row.full", np.packbits(full).tobytes())
    _add_lists(writer, "edge", rows.edges, ("target", "set"))
    _add_lists(writer, "version", rows.versions, ("node",))
    _add_lists(writer, "headline", rows.headlines, ("node",))
    _add_steps(writer, "told.row", list(told))
    _add_packed(writer, "told.text", b"\n".join(told.values()))
    _add_lists(writer, "listed", pages.listed, ("node", "topic", "set"))
    _add_lists(writer, "set", names.sets, ("name",))
    _add_steps(writer, "node.segment", segment)
    _add_steps(writer, "node.doc", doc)
    number_of = np.full(len(outcome.current), -1)
    number_of[nodes] = np.arange(len(nodes))
    _add_steps(writer, "older.node", number_of[older])
    _add_steps(writer, "older.current", number_of[outcome.current[older]])
    seen = outcome.files.renumbered(
        _places(outcome.rows, memory.columns.rows), _places(outcome.pages, memory.columns.pages)
    )
    _add_packed(writer, "file.counts", seen.files.counts.astype("<i4").tobytes())
    writer.add("file.mark", seen.files.columns[0])
    _add_steps(writer, "file.code", seen.codes)
    writer.add("folder.digest", seen.digests)
    unplaced = memory.path_texts(nodes[segment < 0].tolist())
    about = {
        "headlines": rows.headline_texts,
        "pages": [pages.kinds, pages.files, pages.days],
        "names": names.texts,
        "paths": list(unplaced.values()),
        "segments": list(outcome.segments),
        "folders": seen.folders,
        "labels": dict(sorted(outcome.labels.items())),
    }
    for name, value in about.items():
        _add_packed(writer, name, _encode(value).encode())
    meta = {"format": FORMAT, "schema": schema_fingerprint(), "nodes": len(nodes), "walk": outcome.walk}
    return writer.finish(meta)


def _places(kept: Numbers, among: Sized) -> Numbers:
    """Return for each of some things its place among those that are kept, -1 for none."""
    places = np.full(len(among), -1)
    places[kept] = np.arange(len(kept))
    return places


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _told(memory: Memory, kept: Numbers, full: Mask) -> dict[int, bytes]:
    """Return, by number among the rows that are kept, what no segment stores of a row: JSON on one line.

    That is the versions that its file names, 0 for none, and for rows that are ``full`` the texts as well.
    """
    rows = memory.columns.rows
    told: dict[int, bytes] = {}
    wanted: dict[int, int] = {}
    for n in np.flatnonzero(full | rows.full[kept] | (rows.versions.counts[kept] > 0)).tolist():
        row = int(kept[n])
        if row in rows.told and bool(rows.full[row]) == bool(full[n]):
            told[n] = rows.told[row]
        else:
            wanted[n] = row
    said = memory.said(list(wanted.values()))
    for n, row in wanted.items():
        if full[n] or said[row].versions:
            told[n] = _encode(_told_row(said[row], bool(full[n]))).encode()
    return dict(sorted(told.items()))


def _told_row(said: Said, full: bool) -> list[Any]:
    versions = [[v.path, v.headline, v.changed, v.note, int(v.current)] for v in said.versions]
    texts = [said.file, said.headline, said.summary, said.markup, said.sources, said.image]
    return [versions or 0, *(texts if full else ())]


def _add_packed(writer: SectionWriter, name: str, data: bytes) -> None:
    writer.add_bytes(name, zstandard.ZstdCompressor(level=LEVEL).compress(data))


def _add_lists(writer: SectionWriter, name: str, lists: Ragged, columns: Sequence[str]) -> None:
    _add_packed(writer, f"{name}.counts", lists.counts.astype("<i4").tobytes())
    for column, numbers in zip(columns, lists.columns, strict=True):
        _add_packed(writer, f"{name}.{column}", numbers.astype("<i4").tobytes())


def _add_steps(writer: SectionWriter, name: str, numbers: npt.ArrayLike) -> None:
    """Write numbers as the steps from one to the next, which for what is nearly in order are mostly the same."""
    steps = np.diff(np.asarray(numbers, np.int64), prepend=0)
    _add_packed(writer, name, steps.astype("<i4").tobytes())


def read_walk(path: Path, entry: SegmentEntry) -> str:
    """Return the ``walk_digest`` that a catalogue was made after, without reading the rest; ``""`` where the next
    build must look at the files one by one in any case. Raises IndexDamagedError.
    """
    return str(_open(path, entry).meta.get("walk", ""))


def _open(path: Path, entry: SegmentEntry) -> SectionFile:
    file = SectionFile(path, entry.bytes)
    if file.meta.get("schema") != schema_fingerprint() or file.meta.get("format") != FORMAT:
        raise IndexDamagedError(path, "it was written by another version")
    return file


def read_catalogue(path: Path, entry: SegmentEntry, snapshot: Snapshot) -> Memory:
    """Read a catalogue back.

    snapshot : the generation that the catalogue belongs to; its segments hold the texts.
    Raises IndexDamagedError where it does not hold what was written. Cost: about 1 µs a file.
    """
    return _Reader(_open(path, entry), snapshot).read()


class _Reader:
    def __init__(self, file: SectionFile, snapshot: Snapshot) -> None:
        self._file = file
        self._snapshot = snapshot

    def _packed(self, name: str) -> bytes:
        data: bytes = zstandard.decompress(self._file.array(name).tobytes())
        return data

    def _numbers(self, name: str) -> Array:
        return np.frombuffer(self._packed(name), "<i4")

    def _steps(self, name: str) -> Numbers:
        return np.cumsum(np.frombuffer(self._packed(name), "<i4"), dtype=np.int64)

    def _lists(self, name: str, *columns: str) -> Ragged:
        return Ragged.of(self._numbers(f"{name}.counts"), *(self._numbers(f"{name}.{column}") for column in columns))

    def _json(self, name: str) -> Any:
        return json.loads(self._packed(name))

    def read(self) -> Memory:
        """Return what the file holds."""
        nodes = int(self._file.meta["nodes"])
        node = self._steps("row.node")
        raw = np.frombuffer(self._packed("row.full"), np.uint8)
        told = zip(self._steps("told.row").tolist(), self._packed("told.text").split(b"\n"), strict=False)
        rows = Rows(
            node,
            self._steps("row.day"),
            self._steps("row.topic"),
            self._steps("row.kind"),
            self._steps("row.language"),
            self._lists("edge", "target", "set"),
            self._lists("version", "node"),
            self._lists("headline", "node"),
            self._json("headlines"),
            np.unpackbits(raw, count=len(node)).astype(bool),
            told=dict(told),
        )
        kinds, files, days = self._json("pages")
        pages = Pages(kinds, files, days, self._lists("listed", "node", "topic", "set"))
        columns = Columns(rows, pages, Names(self._json("names"), self._lists("set", "name")), nodes)
        places = self._places()
        unplaced = np.flatnonzero(places.segment < 0).tolist()
        current = np.arange(nodes)
        current[self._steps("older.node")] = self._steps("older.current")
        return Memory(
            columns,
            self._snapshot.segments,
            places,
            dict(zip(unplaced, self._json("paths"), strict=True)),
            current,
            self._json("labels"),
            self._files(),
        )

    def _files(self) -> Files:
        counts, marks = self._numbers("file.counts"), self._file.array("file.mark")
        table = Ragged(starts_of(counts), (marks, self._steps("file.code")))
        return Files(self._json("folders"), self._file.array("folder.digest"), table)

    def _places(self) -> Places:
        """Return where the articles lie, the segments numbered as in the snapshot."""
        number_of = {segment.name: number for number, segment in enumerate(self._snapshot.segments)}
        told = np.array([*(number_of[name] for name in self._json("segments")), -1], np.int64)
        segment: Array = told[self._steps("node.segment")]
        return Places(segment, self._steps("node.doc"))
