"""Generations on disk: opening the newest that is whole, and removing what no manifest names.

In: an index folder. Out: a ``Snapshot``, one generation opened for reading, which never changes while it is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import IndexDamagedError, IndexMissingError, IndexVersionError, SearchAppError
from .analysis import STEMMER
from .files import FileSystem
from .manifest import (
    SEGMENTS,
    Manifest,
    SegmentEntry,
    files_of,
    list_generations,
    manifest_path,
    read_manifest,
    sizes_of,
)
from .schema import TEXT_FIELDS, stems_problem
from .sections import SectionFile
from .segment import Segment
from .sightings import NO_SIGHTINGS, SIGHTINGS, DocDates, read_sightings

KEPT_GENERATIONS = 2


@dataclass(frozen=True)
class Snapshot:
    """One generation opened for reading.

    bases : the document number, in this snapshot, of each segment's first document.
    live : a segment's documents that count, as a boolean array; None where all do.
    degraded : why a newer generation is not served, ``""`` where this is the newest.
    companions : what comes with the generation beside its segments; one that cannot be opened is left out.
    """

    manifest: Manifest
    segments: tuple[Segment, ...]
    bases: tuple[int, ...]
    live: tuple[npt.NDArray[np.bool_] | None, ...]
    degraded: str = ""
    index_dir: Path = field(default_factory=Path)
    companions: dict[str, SectionFile] = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """The number of the generation."""
        return self.manifest.generation

    @property
    def articles(self) -> int:
        """How many documents count."""
        return self.manifest.articles

    @property
    def stemmed_otherwise(self) -> bool:
        """Whether another version of the stemmer made its stems than the one that stems questions here."""
        return self.manifest.stemmer != STEMMER

    @property
    def problem(self) -> str:
        """What is wrong with answers from it, in sentences; ``""`` where nothing is."""
        return f"{self.degraded} {stems_problem(self.manifest.stemmer)}".strip()

    @cached_property
    def average_lengths(self) -> dict[str, float]:
        """Tokens a live document, by field; documents without the field included. 0.0 for an empty index."""
        totals = dict.fromkeys(TEXT_FIELDS, 0)
        for segment, live in zip(self.segments, self.live, strict=True):
            for name, text_field in segment.fields.items():
                totals[name] += text_field.total_length if live is None else int(text_field.lengths[live].sum())
        return {name: total / self.articles if self.articles else 0.0 for name, total in totals.items()}

    @cached_property
    def dates(self) -> tuple[DocDates, ...]:
        """When each document was first seen and last changed, a segment each; unknown where no file tells."""
        file = self.companions.get(SIGHTINGS)
        try:
            sightings = read_sightings(file) if file else NO_SIGHTINGS
        except IndexDamagedError:
            sightings = NO_SIGHTINGS  # The articles can be searched all the same; ``search-app check`` tells.
        return tuple(map(sightings.of_docs, self.segments))

    def find(self, path: str) -> tuple[Segment, int] | None:
        """Return segment and document of a site path, None where no live document has it."""
        for segment, live in zip(self.segments, self.live, strict=True):
            doc = segment.doc_of_path(path)
            if doc >= 0 and (live is None or live[doc]):
                return segment, doc
        return None

    def find_old(self, path: str) -> tuple[Segment, int] | None:
        """Return segment and document that a superseded path leads to, None where no live document has it."""
        for segment, live in zip(self.segments, self.live, strict=True):
            doc = segment.doc_of_old_path(path, live)
            if doc >= 0:
                return segment, doc
        return None


def open_generation(index_dir: Path, generation: int, degraded: str = "") -> Snapshot:
    """Open one generation. Raises IndexDamagedError or IndexVersionError where it cannot be served."""
    return open_manifest(index_dir, read_manifest(index_dir, generation), degraded)


def open_manifest(index_dir: Path, manifest: Manifest, degraded: str = "") -> Snapshot:
    """Open what a manifest names, published or not. Raises as ``open_generation``."""
    segments = tuple(Segment(index_dir / SEGMENTS / entry.name, entry.bytes) for entry in manifest.segments)
    bases, live, total = [], [], 0
    for entry, segment in zip(manifest.segments, segments, strict=True):
        if segment.docs != entry.docs:
            raise IndexDamagedError(segment.path, f"it holds {segment.docs} documents, the manifest says {entry.docs}")
        bases.append(total)
        total += segment.docs
        live.append(live_docs(entry))
    companions = _open_companions(index_dir, manifest)
    return Snapshot(manifest, segments, tuple(bases), tuple(live), degraded, index_dir, companions)


def live_docs(entry: SegmentEntry) -> npt.NDArray[np.bool_] | None:
    """Return which documents of a segment count, as a boolean array; None where all do."""
    if not entry.deleted:
        return None
    mask = np.ones(entry.docs, bool)
    mask[list(entry.deleted)] = False
    return mask


def _open_companions(index_dir: Path, manifest: Manifest) -> dict[str, SectionFile]:
    opened = {}
    for name, entry in manifest.companions.items():
        try:
            opened[name] = SectionFile(index_dir / SEGMENTS / entry.name, entry.bytes)
        except (OSError, IndexDamagedError):
            # The generation answers without it; ``search-app check`` tells.
            continue
    return opened


def damage(index_dir: Path, sizes: Mapping[str, int]) -> list[str]:
    """Read every byte of some files and return what is wrong, a sentence each that names file and section.

    sizes : bytes of each file, by its name below ``segments/``; ``sizes_of`` gives those of a generation.
    Cost: about 30 ms for 100,000 articles in the system's cache, else the time that the disk takes to read them.
    """
    problems: list[str] = []
    for name, size in sizes.items():
        try:
            problems += SectionFile(index_dir / SEGMENTS / name, size).problems()
        except IndexDamagedError as error:
            problems.append(str(error))
    return problems


def open_snapshot(index_dir: Path) -> Snapshot:
    """Open the newest generation that is whole.

    A damaged newest generation gives way to the one before, and the snapshot says so (``degraded``).
    Raises IndexMissingError where there is none at all, the newest one's error where none can be served.
    Cost: reads the manifest and each segment's directory; sections are verified when first used.
    """
    seen: list[int] = []
    while True:
        generations = list_generations(index_dir)
        if not generations:
            raise IndexMissingError(index_dir)
        first_error: SearchAppError | None = None
        for generation in generations:
            try:
                return open_generation(index_dir, generation, str(first_error) if first_error else "")
            except (IndexDamagedError, IndexVersionError) as error:
                first_error = first_error or error
        # A publish may have removed what was being opened: look again, but only while the newest generation moves on.
        if generations == seen and first_error is not None:
            raise first_error
        seen = generations


def newest_generation(index_dir: Path) -> int:
    """Return the number of the newest manifest, 0 for none. Cost: one listing of the folder."""
    return next(iter(list_generations(index_dir)), 0)


def unneeded(index_dir: Path, keep: int = KEPT_GENERATIONS, *, thorough: bool = False) -> list[Path]:
    """Return what may be removed: all but the newest ``keep`` generations that open, and files that none of them names.

    Manifests come first, in the order in which they must go: none may ever name a file that is gone. Generations that a
    rollback has left behind are not kept, nor, where ``thorough``, those with a checksum that does not hold.
    Only to be called by the holder of the build lock.
    """
    kept: list[Manifest] = []
    removed: list[Path] = []
    withdrawn = range(0)
    for generation in list_generations(index_dir):
        manifest = None
        if generation not in withdrawn and len(kept) < keep:
            manifest = _opened(index_dir, generation)
        if manifest is not None and not (thorough and damage(index_dir, sizes_of(manifest))):
            withdrawn = left_behind(manifest) if not kept else withdrawn
            kept.append(manifest)
        elif kept:
            removed.append(manifest_path(index_dir, generation))
    needed = set().union(*(files_of(manifest) for manifest in kept)) if kept else set()
    removed += sorted(index_dir.glob("*.tmp"))
    newest = newest_generation(index_dir)
    whole = bool(kept) and kept[0].generation == newest
    for path in sorted((index_dir / SEGMENTS).glob("*")):
        # Where the newest does not open, only what a killed build left above it is surely nobody's.
        if path.name not in needed and (whole or _generation_of(path.name) > newest):
            removed.append(path)
    return removed


def _opened(index_dir: Path, generation: int) -> Manifest | None:
    try:
        return open_generation(index_dir, generation).manifest
    except (IndexDamagedError, IndexVersionError):
        return None


def prune(index_dir: Path, files: FileSystem, keep: int = KEPT_GENERATIONS, *, thorough: bool = False) -> list[str]:
    """Remove what ``unneeded`` names, and return the names. Only to be called by the holder of the build lock."""
    removed = unneeded(index_dir, keep, thorough=thorough)
    for path in removed:
        files.remove(path)
    return [path.name for path in removed]


def left_behind(manifest: Manifest) -> range:
    """Return the generations that a rollback has left behind; none where a manifest is not that of one."""
    told = manifest.extra.get("rollback", {})
    return range(int(told.get("to", 0)) + 1, manifest.generation) if told else range(0)


def _generation_of(name: str) -> int:
    """Return the generation that a file below ``segments/`` was written for, 0 where its name tells none."""
    number = name.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() else 0
