"""What changed in an archive since the last build: the files to read, and what counted before and counts now.

In: the walk, the marks of its files, the memory of the last build. Out: the memory with what was read behind it, and
two states of it. A file that did not change is not looked at, and costs no more than its place in an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..archive import FileStat, Reading, Skipped, Walk, twin_of
from ..archive.graph import duplicate, pages_in_force, placement
from .columns import Mask, Numbers, Pages, Rows
from .memory import Memory
from .sections import Array

Read = Callable[[Sequence[FileStat], Sequence[FileStat]], Reading]
"""Reads some files, given all of the archive that can be used."""


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
    skipped : files that cannot be used.
    """

    rows_before: int
    pages_before: int
    rows: Mask
    pages: Mask
    skipped: tuple[Skipped, ...]


def read_news(memory: Memory, walk: Walk, marks: Array, settled: Array, read: Read) -> News:
    """Read the files that changed into a memory, and say which rows and pages are kept.

    marks : of the walk's files. settled : the same, 0 for files in which a later change might not show.
    Cost: that of the changed files, and some sorts of marks.
    """
    files = walk.files
    place = {item.file: n for n, item in enumerate(files)}
    held: tuple[Rows, Pages] = memory.columns.rows, memory.columns.pages
    before = len(held[0]), len(held[1])
    known = np.isin(marks, np.concatenate((held[0].mark, held[1].mark, memory.others)))
    wanted = {files[n].file for n in np.flatnonzero(~known).tolist()}
    # A README.md counts only while the index.md beside it cannot be used: whoever of the two changed, look at both.
    wanted |= {twin for twin in map(twin_of, wanted) if twin in place}
    idle = (files[n].file for n in np.flatnonzero(np.isin(marks, memory.others)).tolist())
    wanted |= {file for file in idle if file.endswith("README.md") and twin_of(file) not in place}
    todo = sorted(place[file] for file in wanted)
    rows, pages = (np.isin(part.mark, marks) & ~np.isin(part.mark, marks[todo]) for part in held)
    reading = read([files[n] for n in todo], files)
    memory.take(reading.linker, {files[n].file: int(settled[n]) for n in todo})
    skipped = [*walk.skipped, *reading.skipped]
    rows, pages = _longer(rows, len(memory.columns.rows)), _longer(pages, len(memory.columns.pages))
    wanting = _wanting(memory, rows, bool(skipped))
    if len(wanting):
        # They were parsed while a path seemed to have a usable file; parsed again without it they give its headline.
        unusable = {item.file for item in skipped}
        row_of = {said.file: row for row, said in memory.said(wanting.tolist()).items()}
        again = sorted(place[file] for file in row_of)
        reading = read([files[n] for n in again], [item for item in files if item.file not in unusable])
        memory.take(reading.linker, {files[n].file: int(settled[n]) for n in again})
        rows[[row_of[file] for file in reading.linker.facts]] = False
        rows, pages = _longer(rows, len(memory.columns.rows)), _longer(pages, len(memory.columns.pages))
    return News(*before, rows, pages, tuple(skipped))


def _longer(mask: Mask, count: int) -> Mask:
    return np.concatenate((mask, np.ones(count - len(mask), bool)))


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
    chosen = set(pages_in_force(files[page] for page in np.flatnonzero(pages).tolist()))
    counting = pages.copy()
    for page in np.flatnonzero(pages).tolist():
        counting[page] = files[page] in chosen
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
