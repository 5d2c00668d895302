"""The catalogue: what a build remembers of the archive's files, so that the next one reads only what changed.

In: a linker, the files' stats, and where each article lies in the segments. Out: one file of sections beside the
segments, and the same linker again. Texts that the segments store anyway are not written twice: they come from there.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from ..archive import FileStat, Linker, Skipped, Version
from ..archive.linker import Facts, ListingPage
from ..errors import IndexDamagedError
from .files import FileSystem
from .generation import Snapshot
from .manifest import SegmentEntry
from .records import unpack_path
from .schema import schema_fingerprint
from .sections import SectionFile, SectionWriter, narrow

LEVEL = 6
_TEXTS = ("headline", "summary", "markup", "sources", "image")


@dataclass(slots=True)
class Catalogue:
    """What one build knew of the archive.

    linker : what every usable file says. files : stat of every file that the walk saw, by file.
    digests : hash of each file's bytes. skipped : files that could not be used.
    locations : node → (segment name, document) of each article. current : node → node of its current version, for
    superseded ones. labels : spelling in force, for the names whose own spelling is another.
    walk : ``walk_digest`` of the walk, ``""`` where the next build must look at the files one by one in any case.
    """

    linker: Linker
    files: dict[str, FileStat]
    digests: dict[str, bytes]
    skipped: tuple[Skipped, ...]
    locations: dict[int, tuple[str, int]]
    current: dict[int, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    walk: str = ""


def walk_digest(files: Iterable[FileStat], skipped: Iterable[Skipped]) -> str:
    """Return a text that differs whenever any file's name, size or time does. Cost: about 1 µs a file."""
    digest = hashlib.blake2b(digest_size=16)
    rows = (f"{file}\0{size}\0{mtime_ns}\n" for file, size, mtime_ns in files)
    while block := "".join(islice(rows, 4096)):
        digest.update(block.encode())
    for file, reason in sorted((item.file, item.reason) for item in skipped):
        digest.update(f"{file}\0{reason}\n".encode())
    return digest.hexdigest()


def write_catalogue(path: Path, catalogue: Catalogue, files: FileSystem) -> SegmentEntry:
    """Write the catalogue of a generation and return what the manifest needs to know of it.

    Nodes and sets of contexts that nothing names any more are left out. Cost: about 15 µs a file.
    """
    writer = SectionWriter(path, files)
    try:
        size = _write(writer, catalogue)
    except BaseException:
        writer.abandon()
        raise
    return SegmentEntry(path.name, size, len(catalogue.files))


def _write(writer: SectionWriter, catalogue: Catalogue) -> int:
    linker = catalogue.linker
    facts = sorted(linker.facts.values(), key=lambda fact: fact.file)
    listings = sorted(linker.listings.values(), key=lambda page: page.file)
    halves = [len(fact.edges) // 2 for fact in facts]
    targets = _joined([fact.edges[:half] for fact, half in zip(facts, halves, strict=True)])
    sets = _joined([fact.edges[half:] for fact, half in zip(facts, halves, strict=True)])
    node_of, nodes = _renumber(_all_nodes(facts, listings, targets, catalogue), len(linker.paths))
    set_of, kept_sets = _renumber(
        np.concatenate(([0], sets, [number for page in listings for _, _, number in page.listed])).astype(np.int64),
        len(linker.sets),
    )
    segments = sorted({name for name, _ in catalogue.locations.values()})
    segment_number = {name: n for n, name in enumerate(segments)}
    places = [catalogue.locations.get(fact.node) for fact in facts]
    _add_steps(writer, "fact.node", node_of[[fact.node for fact in facts]] if facts else [])
    _add_steps(writer, "fact.segment", [segment_number[p[0]] if p else -1 for p in places])
    _add_steps(writer, "fact.doc", [p[1] if p else 0 for p in places])
    _add_steps(writer, "fact.day", [fact.ordinal for fact in facts])
    writer.add("fact.edges", narrow(np.array(halves, np.int64)))
    _add_packed(writer, "edge.target", np.where(targets >= 0, node_of[targets], -1).astype("<i4").tobytes())
    _add_packed(writer, "edge.set", set_of[sets].astype("<i4").tobytes() if len(sets) else b"")
    named = {node for fact, place in zip(facts, places, strict=True) if place for node in (fact.node,)}
    # Of two files with one address only one is the article that the segments hold.
    times = Counter(fact.node for fact in facts)
    about = {
        "segments": segments,
        "facts": [
            _fact_row(fact, place is None or times[fact.node] > 1, node_of)
            for fact, place in zip(facts, places, strict=True)
        ],
        "listings": [
            [page.kind, page.file, page.ordinal, [[int(node_of[n]), t, int(set_of[s])] for n, t, s in page.listed]]
            for page in listings
        ],
        "paths": [None if node in named else linker.paths[node] for node in nodes],
        "sets": [linker.sets[number] for number in kept_sets],
        "skipped": [[item.file, item.reason, item.detail] for item in catalogue.skipped],
        "current": [[int(node_of[a]), int(node_of[b])] for a, b in sorted(catalogue.current.items())],
        "labels": dict(sorted(catalogue.labels.items())),
    }
    told = [fact.file for fact in facts] + [page.file for page in listings]
    others = sorted(catalogue.files.keys() - set(told))
    about["others"] = others
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for name, value in about.items():
        _add_packed(writer, name, encode(value).encode())
    stats = [catalogue.files.get(file, FileStat(file, 0, 0)) for file in told + others]
    writer.add("stat.size", narrow(np.array([stat.size for stat in stats], np.int64)))
    _add_packed(writer, "stat.time", np.array([stat.mtime_ns for stat in stats], "<i8").tobytes())
    writer.add_bytes("digests", b"".join(catalogue.digests.get(stat.file, bytes(8))[:8] for stat in stats))
    return writer.finish({"schema": schema_fingerprint(), "files": len(stats), "walk": catalogue.walk})


def _all_nodes(
    facts: Sequence[Facts], listings: Sequence[ListingPage], targets: npt.NDArray[np.int32], catalogue: Catalogue
) -> npt.NDArray[np.int64]:
    nodes = [fact.node for fact in facts]
    nodes += [node for fact in facts for node in fact.headlines]
    nodes += [catalogue.linker.nodes[version.path] for fact in facts for version in fact.versions]
    nodes += [node for page in listings for node, _, _ in page.listed]
    nodes += [node for pair in catalogue.current.items() for node in pair]
    return np.concatenate((np.array(nodes, np.int64), targets[targets >= 0]))


def _renumber(used: npt.NDArray[np.int64], size: int) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Return the new number of each old one (-1 for those not used), and the old ones in their new order."""
    kept = np.unique(used)
    numbers = np.full(size + 1, -1, np.int64)
    numbers[kept] = np.arange(len(kept))
    return numbers, kept.tolist()


def _joined(parts: Sequence[array[int]]) -> npt.NDArray[np.int32]:
    whole = array("i")
    for part in parts:
        whole.extend(part)
    return np.array(whole, np.int32)


def _fact_row(fact: Facts, with_text: bool, node_of: npt.NDArray[np.int64]) -> list[Any]:
    versions = [[v.path, v.headline, v.changed, v.note, int(v.current)] for v in fact.versions]
    headlines = [[int(node_of[node]), headline] for node, headline in sorted(fact.headlines.items())]
    row: list[Any] = [
        fact.topic,
        "" if fact.kind == "news" else fact.kind,
        "" if fact.language == "en" else fact.language,
    ]
    row += [versions or 0, headlines or 0]
    if with_text:
        row += [fact.file, *(getattr(fact, name) for name in _TEXTS)]
    return row


def _add_packed(writer: SectionWriter, name: str, data: bytes) -> None:
    writer.add_bytes(name, zstandard.ZstdCompressor(level=LEVEL).compress(data))


def _add_steps(writer: SectionWriter, name: str, numbers: npt.ArrayLike) -> None:
    """Write numbers as the steps from one to the next, which for what is nearly in order are mostly the same."""
    steps = np.diff(np.asarray(numbers, np.int64), prepend=0)
    _add_packed(writer, name, steps.astype("<i4").tobytes())


def read_walk(path: Path, entry: SegmentEntry) -> str:
    """Return the walk that a catalogue was made after, without reading the rest. Raises IndexDamagedError."""
    return str(SectionFile(path, entry.bytes).meta.get("walk", ""))


def read_catalogue(path: Path, entry: SegmentEntry, snapshot: Snapshot) -> Catalogue:
    """Read a catalogue back, linker and all.

    snapshot : the generation that the catalogue belongs to; its segments hold the texts.
    Raises IndexDamagedError where it does not hold what was written. Cost: about 30 µs a file.
    """
    file = SectionFile(path, entry.bytes)
    if file.meta.get("schema") != schema_fingerprint():
        raise IndexDamagedError(path, "it was written by another version")
    return _Reader(file, snapshot).read()


class _Reader:
    def __init__(self, file: SectionFile, snapshot: Snapshot) -> None:
        self._file = file
        self._snapshot = snapshot

    def _packed(self, name: str) -> bytes:
        data: bytes = zstandard.decompress(self._file.array(name).tobytes())
        return data

    def _steps(self, name: str) -> list[int]:
        numbers: list[int] = np.cumsum(np.frombuffer(self._packed(name), "<i4"), dtype=np.int64).tolist()
        return numbers

    def _json(self, name: str) -> Any:
        return json.loads(self._packed(name))

    def read(self) -> Catalogue:
        paths: list[str] = self._json("paths")
        sets = [tuple(names) for names in self._json("sets")]
        rows = self._json("facts")
        nodes = self._steps("fact.node")
        places = self._places()
        texts = self._texts(places)
        for node, text in zip(nodes, texts, strict=True):
            if text is not None:
                paths[node] = text[0]
        linker = Linker(paths)
        linker.adopt_sets(sets)
        days = self._steps("fact.day")
        edge_counts = self._file.array("fact.edges").tolist()
        targets, numbers = array("i", self._packed("edge.target")), array("i", self._packed("edge.set"))
        share = linker.share
        at = 0
        for row, node, day, count, text in zip(rows, nodes, days, edge_counts, texts, strict=True):
            topic, kind, language, versions, headlines = row[:5]
            file, *told = row[5:] if len(row) > 5 or text is None else text[1:]
            headline, summary, markup, sources, image = told
            edges = targets[at : at + count] + numbers[at : at + count]
            at += count
            linker.adopt(
                Facts(
                    node,
                    file,
                    kind or "news",
                    share(language) or "en",
                    day,
                    headline,
                    summary,
                    markup,
                    share(topic),
                    tuple([(share(name), url) for name, url in sources]),
                    image,
                    tuple([Version(p, h, changed, note, bool(now)) for p, h, changed, note, now in versions or ()]),
                    edges,
                    dict(map(tuple, headlines or ())),
                )
            )
        for kind, file, day, listed in self._json("listings"):
            linker.adopt_listing(ListingPage(kind, file, day, tuple([(n, share(t), s) for n, t, s in listed])))
        stats, digests = self._stats([*linker.facts, *linker.listings, *self._json("others")])
        return Catalogue(
            linker,
            stats,
            digests,
            tuple(Skipped(*item) for item in self._json("skipped")),
            {node: place for node, place in zip(nodes, places, strict=True) if place},
            dict(map(tuple, self._json("current"))),
            self._json("labels"),
            str(self._file.meta.get("walk", "")),
        )

    def _places(self) -> list[tuple[str, int] | None]:
        names = self._json("segments")
        numbers, docs = self._steps("fact.segment"), self._steps("fact.doc")
        return [(names[n], doc) if n >= 0 else None for n, doc in zip(numbers, docs, strict=True)]

    def _texts(self, places: Sequence[tuple[str, int] | None]) -> list[list[Any] | None]:
        """Return path, file and texts of the facts that are articles, from the segments' records."""
        told: dict[str, list[list[Any]]] = {}
        for segment in self._snapshot.segments:
            rows = segment.stored_rows(list(range(segment.docs)))
            days = segment.days.tolist()
            told[segment.name] = [_text(row, unpack_path(row, day)) for row, day in zip(rows, days, strict=True)]
        return [told[place[0]][place[1]] if place else None for place in places]

    def _stats(self, names: Sequence[str]) -> tuple[dict[str, FileStat], dict[str, bytes]]:
        sizes = self._file.array("stat.size").tolist()
        times = np.frombuffer(self._packed("stat.time"), "<i8").tolist()
        digests = self._file.array("digests").tobytes()
        stats = {name: FileStat(name, *stat) for name, *stat in zip(names, sizes, times, strict=True)}
        return stats, {name: digests[8 * n : 8 * n + 8] for n, name in enumerate(names)}


def _text(row: list[Any], path: str) -> list[Any]:
    _, headline, summary, sources, image, markup, file = (row + ["", "", "", [], "", "", ""][len(row) :])[:7]
    return [path, file or path[1:] + ".md", headline, summary, markup, sources, image]
