"""What a build remembers of the archive: columns of what the files say, and where the texts of them lie.

In: the catalogue of the generation that serves, and its segments. Out: paths, nodes of paths, and what some rows say.
Only what is asked for is read: opening this costs nothing an article.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..archive.graph import Facts
from ..archive.linker import Linker
from ..archive.model import Version
from ..archive.packing import unpack_texts
from .columns import Columns, Numbers, columns_of
from .marks import Files, page_code
from .records import default_file, path_hash, unpack_path
from .segment import Segment


class Said(NamedTuple):
    """What a file says of its article in words; fields are those of ``Facts`` and ``Texts``."""

    file: str
    headline: str
    summary: str
    markup: str
    sources: tuple[tuple[str, str], ...]
    image: str
    versions: tuple[Version, ...]


@dataclass(slots=True)
class Places:
    """Where the article of each node lies: number of the segment (-1 for none) and document."""

    segment: Numbers
    doc: Numbers

    @classmethod
    def none(cls, nodes: int) -> Places:
        """Return the places of nodes that no segment holds."""
        return cls(np.full(nodes, -1), np.zeros(nodes, np.int64))

    def extended(self, nodes: int) -> Places:
        """Return these places with those of further nodes, that no segment holds, behind them."""
        more = Places.none(nodes - len(self.segment))
        return Places(np.concatenate((self.segment, more.segment)), np.concatenate((self.doc, more.doc)))


@dataclass
class Memory:
    """What one build knew of the archive, and what is read of it since.

    segments : those that ``places`` number, opened. paths : of the nodes without a place.
    current : for each node that of the version in force; itself where there is no other.
    labels : spelling in force, for the names whose own spelling is another. files : those that the last build saw.
    """

    columns: Columns
    segments: tuple[Segment, ...]
    places: Places
    paths: dict[int, str]
    current: Numbers
    labels: Mapping[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=Files.none)

    @classmethod
    def of(cls, linker: Linker) -> Memory:
        """Return what a linker holds, of which no segment holds anything yet."""
        columns, paths = columns_of(linker), dict(enumerate(linker.paths))
        return cls(columns, (), Places.none(len(paths)), paths, np.arange(len(paths)))

    def take(self, linker: Linker) -> dict[str, int]:
        """Add what a linker holds behind all rows and pages; what an older row says of the same file stays.

        Returns where what each file says is now, as ``Files.codes`` tells it.
        """
        rows, pages = len(self.columns.rows), len(self.columns.pages)
        unplaced = self._unplaced
        node_of = self.find(linker.paths)
        new = np.flatnonzero(node_of < 0)
        known = self.columns.nodes
        node_of[new] = known + np.arange(len(new))
        added = {known + n: linker.paths[at] for n, at in enumerate(new.tolist())}
        self.paths |= added
        unplaced.update({path: node for node, path in added.items()})
        nodes = known + len(new)
        self.columns = self.columns.joined(columns_of(linker), node_of, nodes)
        self.places = self.places.extended(nodes)
        self.current = np.concatenate((self.current, np.arange(known, nodes)))
        return codes_of(linker, rows, pages)

    def path_texts(self, nodes: Iterable[int]) -> dict[int, str]:
        """Return the site path of each of some nodes. Cost: about 25 µs for each that no other call asked for."""
        wanted = list(nodes)
        missing = [node for node in wanted if node not in self.paths]
        for node, (path, _) in self._records(missing).items():
            self.paths[node] = path
        return {node: self.paths[node] for node in wanted}

    def said(self, rows: Sequence[int]) -> dict[int, Said]:
        """Return what some rows say in words. Cost: about 25 µs each."""
        found: dict[int, Said] = {}
        held = self.columns.rows
        stored: dict[int, int] = {}
        for row in rows:
            facts = held.facts.get(row)
            if facts is not None:
                found[row] = said_of(facts)
            elif not held.full[row]:
                stored[row] = int(held.node[row])
        records = self._records(stored.values())
        for row in rows:
            if row in found:
                continue
            told: list[Any] = json.loads(held.told[row]) if row in held.told else [0]
            texts = told[1:]
            if row in stored:
                path, record = records[stored[row]]
                _, headline, summary, sources, image, markup, file = (record + _EMPTY[len(record) :])[:7]
                texts = [file or default_file(path), headline, summary, markup, sources, image]
            versions = tuple([Version(p, h, changed, note, bool(now)) for p, h, changed, note, now in told[0] or ()])
            file, headline, summary, markup, sources, image = texts
            pairs = tuple([(name, url) for name, url in sources])
            found[row] = Said(file, headline, summary, markup, pairs, image, versions)
        return found

    def find(self, paths: Sequence[str]) -> Numbers:
        """Return the node of each site path, -1 where there is none."""
        found = np.full(len(paths), -1)
        hashes = np.fromiter(map(path_hash, paths), np.uint64, len(paths))
        for segment, nodes in zip(self.segments, self._nodes_of_docs, strict=True):
            held, docs = segment.file.array("paths.hash"), segment.file.array("paths.doc")
            at = np.searchsorted(held, hashes)
            near = np.minimum(at, max(len(held) - 1, 0))
            hits = np.flatnonzero(held[near] == hashes) if len(held) else near[:0]
            lying = nodes[docs[near[hits]]]
            found[hits[lying >= 0]] = lying[lying >= 0]
        texts = self.path_texts(found[found >= 0].tolist())
        for n, path in enumerate(paths):
            node = int(found[n])
            if node < 0:
                found[n] = self._unplaced.get(path, -1)
            elif texts[node] != path:  # another path of the same hash
                found[n] = self._slowly(path)
        return found

    @cached_property
    def _unplaced(self) -> dict[str, int]:
        return {path: node for node, path in self.paths.items() if self.places.segment[node] < 0}

    @cached_property
    def _nodes_of_docs(self) -> list[Numbers]:
        """The node of each document of each segment, -1 where it does not count."""
        tables = [np.full(segment.docs, -1) for segment in self.segments]
        for number, table in enumerate(tables):
            nodes = np.flatnonzero(self.places.segment == number)
            table[self.places.doc[nodes]] = nodes
        return tables

    def _slowly(self, path: str) -> int:
        for segment, nodes in zip(self.segments, self._nodes_of_docs, strict=True):
            doc = segment.doc_of_path(path)
            if doc >= 0 and nodes[doc] >= 0:
                return int(nodes[doc])
        return self._unplaced.get(path, -1)

    def _records(self, nodes: Iterable[int]) -> dict[int, tuple[str, list[Any]]]:
        """Return path and stored row of the articles of some nodes."""
        chosen = np.unique(np.fromiter(nodes, np.int64))
        found: dict[int, tuple[str, list[Any]]] = {}
        for number, segment in enumerate(self.segments):
            own = chosen[self.places.segment[chosen] == number]
            # In the order of the documents, so that each block is opened once.
            own = own[np.argsort(self.places.doc[own])]
            docs = self.places.doc[own]
            rows = segment.stored_rows(docs.tolist())
            days = segment.days[docs].tolist()
            for node, row, day in zip(own.tolist(), rows, days, strict=True):
                found[node] = unpack_path(row, day), row
        return found


def codes_of(linker: Linker, rows: int = 0, pages: int = 0) -> dict[str, int]:
    """Return where ``columns_of`` has what each file of a linker says, as ``Files.codes`` tells it.

    rows, pages : how many there are before these.
    """
    codes = {file: rows + n for n, file in enumerate(sorted(linker.facts))}
    return codes | {file: page_code(pages + n) for n, file in enumerate(sorted(linker.listings))}


_EMPTY: list[Any] = ["", "", "", [], "", "", ""]


def said_of(facts: Facts) -> Said:
    """Return what facts say in words."""
    return Said(facts.file, facts.headline, *unpack_texts(facts.texts), facts.versions)
