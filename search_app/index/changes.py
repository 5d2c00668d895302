"""What changed in an archive since the last build: the files to read, and what counted before and counts now.

In: the walk, what of it is not as it was, the memory of the last build. Out: the memory with what was read behind it,
and two states of it. A file that did not change is not looked at, and costs no more than its place in an array.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..archive import FileStat, KnownPaths, Reading, Skipped, Walk, twin_of
from ..archive.graph import duplicate, pages_in_force, placement
from .columns import Mask, Numbers
from .marks import NEITHER, Files, Look
from .memory import Memory

Read = Callable[[Sequence[FileStat], Container[str]], Reading]
"""Reads some files, given the site paths of all articles of the archive that can be used."""


@dataclass(slots=True)
class State:
    """What counts of a memory at one moment.

    rows, pages : those in force. row_of : the row in force of each node, -1 for none.
    current, labels : as in ``Memory``.
    """

    rows: Mask
    pages: Mask
    row_of: Numbers
    current: Numbers
    labels: Mapping[str, str]

    @property
    def documents(self) -> Mask:
        """Whether each node is an article."""
        documents: Mask = (self.row_of >= 0) & (self.current == np.arange(len(self.current)))
        return documents


@dataclass(frozen=True, slots=True)
class News:
    """What a build found when it looked at the files again.

    rows, pages : how many there were before, and which are kept now, in force or not.
    files : those of the archive now. skipped : files that cannot be used.
    """

    rows_before: int
    pages_before: int
    rows: Mask
    pages: Mask
    files: Files
    skipped: tuple[Skipped, ...]


def read_news(memory: Memory, walk: Walk, look: Look, read: Read) -> News:
    """Read the files that changed into a memory, and say which rows and pages are kept.

    look : at the walk, beside the files of the memory. Cost: that of the changed files and of those beside them.
    """
    before = len(memory.columns.rows), len(memory.columns.pages)
    items = {item.file: item for item in look.files()}
    codes = {file: code for file, code in zip(items, look.held, strict=True) if code is not None}
    wanted = items.keys() - codes.keys()
    # A README.md counts only while the index.md beside it cannot be used: whoever of the two changed, look at both.
    wanted |= {twin for twin in map(twin_of, wanted) if twin in items}
    idle = [file for file, code in codes.items() if code == NEITHER and file.endswith("README.md")]
    wanted |= {file for file in idle if twin_of(file) not in items}
    reading = read([items[file] for file in sorted(wanted)], KnownPaths(walk.folders))
    codes = {file: code for file, code in codes.items() if file not in wanted} | memory.take(reading.linker)
    unusable = {item.file for item in reading.skipped}
    files = look.outcome(codes, unusable)
    skipped = [*walk.skipped, *reading.skipped]
    rows = files.rows(len(memory.columns.rows))
    wanting = _wanting(memory, rows, bool(skipped))
    if len(wanting):
        # They were parsed while a path seemed to have a usable file; parsed again without it they give its headline.
        row_of = {said.file: row for row, said in memory.said(wanting.tolist()).items()}
        reading = read(walk.find(sorted(row_of)), KnownPaths(walk.folders, unusable))
        numbers = np.arange(len(rows))
        for file, code in memory.take(reading.linker).items():
            numbers[row_of[file]] = code
        files = files.renumbered(numbers, np.arange(len(memory.columns.pages)))
    rows, pages = files.rows(len(memory.columns.rows)), files.pages(len(memory.columns.pages))
    return News(*before, rows, pages, files, tuple(skipped))


def _wanting(memory: Memory, kept: Mask, unusable: bool) -> Numbers:
    """Return the rows that link to a node without a file and gave no headline for it.

    Looked for where some file is unusable, or some node had a file and has none now: else there is none.
    """
    columns = memory.columns
    rows = columns.rows
    has_file, had_file = np.zeros((2, columns.nodes + 1), bool)
    has_file[rows.node[kept]] = True
    had_file[rows.node] = True
    if not unusable and bool((has_file == had_file).all()):
        return np.zeros(0, np.int64)
    has_file[-1] = True  # of an edge that leads nowhere
    owners = rows.edges.owners()
    targets = rows.edges.columns[0]
    missing = np.flatnonzero(~has_file[targets] & kept[owners])
    given = np.isin(
        owners[missing] * columns.nodes + targets[missing],
        rows.headlines.owners() * columns.nodes + rows.headlines.columns[0],
    )
    return np.unique(owners[missing[~given]])


def state_of(memory: Memory, rows: Mask, pages: Mask) -> tuple[State, list[Skipped]]:
    """Return what counts of some rows and pages, and the files whose address is another one's.

    Versions and spellings are left as the memory has them: those of the last build.
    """
    in_force, skipped = _in_force(memory, rows)
    files = memory.columns.pages.files
    kept = np.flatnonzero(pages)
    held = [files[page] for page in kept.tolist()]
    chosen = set(pages_in_force(held))
    counting = pages.copy()
    counting[kept] = [file in chosen for file in held]
    row_of = np.full(memory.columns.nodes, -1)
    numbers = np.flatnonzero(in_force)
    row_of[memory.columns.rows.node[numbers]] = numbers
    return State(in_force, counting, row_of, memory.current, memory.labels), skipped


def _in_force(memory: Memory, kept: Mask) -> tuple[Mask, list[Skipped]]:
    """Of the rows with one address leave the one whose file lies where that says, and tell of the others."""
    rows = memory.columns.rows
    often = np.bincount(rows.node[kept], minlength=memory.columns.nodes) > 1
    rivals: dict[int, list[int]] = {}
    for row in np.flatnonzero(kept & often[rows.node]).tolist():
        rivals.setdefault(int(rows.node[row]), []).append(row)
    said = memory.said([row for group in rivals.values() for row in group])
    paths = memory.path_texts(rivals)
    in_force = kept.copy()
    skipped: list[Skipped] = []
    for node, group in rivals.items():
        path = paths[node]
        first, *others = sorted(group, key=lambda row: placement(said[row].file, path))
        in_force[others] = False
        kinds = (memory.columns.names.texts[rows.kind[row]] for row in others)
        told = (duplicate(said[row].file, kind, said[first].file) for row, kind in zip(others, kinds, strict=True))
        skipped += filter(None, told)
    return in_force, sorted(skipped, key=lambda item: item.file)
