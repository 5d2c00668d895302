"""What a build is to write and to keep: everything of an archive that was read, or what changed in it.

In: the files, as a linker or as the memory of the last build. Out: a ``Plan``, of which ``builder`` makes a generation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..archive import Article, Reading, Skipped
from .catalogue import Outcome
from .changes import News, state_of
from .columns import Mask, Numbers
from .generation import Snapshot
from .manifest import SegmentEntry
from .marks import Files, Look
from .memory import Memory, Places, codes_of
from .relink import Changes, Chosen, Part, Whole, find_changes
from .update import affected, current_now, segments_to_rewrite, spellings

Refuse = Callable[[int, Sequence[Skipped]], None]
"""Raises where so few articles and such skipped files look like a mistake."""


class Remembered(NamedTuple):
    """A memory, which rows and pages of it the next build has to know, and the files that have them."""

    memory: Memory
    rows: Numbers
    pages: Numbers
    files: Files


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build is to make of an archive.

    remember : gives the memory of it. current, labels : as in ``Memory``, for now.
    articles : how many there are. skipped : files that cannot be used, and those whose address is another one's.
    chosen : the articles to write. kept : the segments of the generation before that stay, each with its deleted
    documents. changes : to the generation before, None where nothing is known of it.
    linked : gives the articles of some site paths; paths that lead to none are missing.
    """

    remember: Callable[[], Remembered]
    current: Numbers
    labels: Mapping[str, str]
    articles: int
    skipped: tuple[Skipped, ...]
    chosen: Whole | Chosen
    kept: Mapping[str, tuple[int, ...]]
    changes: Changes | None
    linked: Callable[[Sequence[str]], Mapping[str, Article]]

    def outcome(self, entries: Sequence[SegmentEntry], walk: str) -> tuple[Memory, Outcome]:
        """Return what the next build has to know.

        entries : segments of the new generation; what was chosen lies in the first. walk : as in ``Outcome``.
        """
        memory, rows, pages, files = self.remember()
        names = [entry.name for entry in entries]
        number_of = [names.index(segment.name) if segment.name in self.kept else -1 for segment in memory.segments]
        segment = np.array([*number_of, -1])[memory.places.segment]
        doc = memory.places.doc.copy()
        if self.changes is not None:
            segment[sorted(self.changes.changed | self.changes.gone)] = -1
        segment[self.chosen.nodes] = 0
        doc[self.chosen.nodes] = np.arange(len(self.chosen))
        places = Places(segment, doc)
        return memory, Outcome(rows, pages, files, names, places, self.current, self.labels, walk)


def plan_whole(reading: Reading, look: Callable[[], Look], refuse: Refuse) -> Plan:
    """Plan a build from nothing. look : gives the files beside none."""
    linker, graph = reading.linker, reading.linker.graph()
    refuse(len(graph.documents), reading.skipped)
    documents = frozenset(graph.documents)

    def remember() -> Remembered:
        memory = Memory.of(linker)
        rows, pages = len(memory.columns.rows), len(memory.columns.pages)
        files = look().outcome(codes_of(linker), {item.file for item in reading.skipped})
        return Remembered(memory, np.arange(rows), np.arange(pages), files)

    def linked(paths: Sequence[str]) -> Mapping[str, Article]:
        nodes = ((path, linker.nodes.get(path, -1)) for path in paths)
        return {path: graph.article(node) for path, node in nodes if node in documents}

    return Plan(
        remember,
        np.array(graph.current, np.int64),
        {name: label for name, label in graph.labels.items() if name != label},
        len(graph.documents),
        _sorted([*reading.skipped, *graph.skipped]),
        Whole(graph),
        {},
        None,
        linked,
    )


def plan_update(memory: Memory, news: News, previous: Snapshot, refuse: Refuse) -> Plan:
    """Plan an update. previous : the generation that the memory is of."""
    was, _ = state_of(memory, _first(news.rows, news.rows_before), _first(news.pages, news.pages_before))
    now, duplicates = state_of(memory, news.rows, news.pages)
    now.current = current_now(memory, was, now)
    now.labels = spellings(memory, now)
    documents = now.documents
    refuse(int(documents.sum()), news.skipped)
    near = affected(memory, was, now) & documents
    part = Part(memory, now, np.flatnonzero(near))
    changes = find_changes(memory, now, near, part)
    stale = np.array(sorted(changes.changed | changes.gone), np.int64)
    dead = {entry.name: set(entry.deleted) for entry in previous.manifest.segments}
    for number, doc in zip(memory.places.segment[stale].tolist(), memory.places.doc[stale].tolist(), strict=True):
        dead[memory.segments[number].name].add(doc)
    docs = {entry.name: entry.docs for entry in previous.manifest.segments}
    live = {name: count - len(dead[name]) for name, count in docs.items()}
    written = changes.new | changes.changed
    rewritten = segments_to_rewrite(live, docs, len(written)) if changes else set()
    going = [number for number, segment in enumerate(memory.segments) if segment.name in rewritten]
    copied = frozenset(np.flatnonzero(np.isin(memory.places.segment, going)).tolist()) - changes.changed - changes.gone

    def linked(paths: Sequence[str]) -> Mapping[str, Article]:
        nodes = dict(zip(paths, memory.find(paths).tolist(), strict=True))
        nodes = {path: node for path, node in nodes.items() if node >= 0 and documents[node]}
        asked = Part(memory, now, np.array(sorted(nodes.values()), np.int64))
        return {path: asked.graph.article(asked.local(node)) for path, node in nodes.items()}

    return Plan(
        lambda: Remembered(memory, np.flatnonzero(news.rows), np.flatnonzero(news.pages), news.files),
        now.current,
        now.labels,
        int(documents.sum()),
        _sorted([*news.skipped, *duplicates]),
        Chosen(memory, now, part, written, copied),
        {name: tuple(sorted(dead[name])) for name in docs if name not in rewritten},
        changes,
        linked,
    )


def _first(mask: Mask, count: int) -> Mask:
    return np.arange(len(mask)) < count


def _sorted(skipped: Sequence[Skipped]) -> tuple[Skipped, ...]:
    return tuple(sorted(skipped, key=lambda item: item.file))
