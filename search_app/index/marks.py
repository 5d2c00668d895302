"""Marks: which files changed since the last build, told folder by folder without an object a file.

In: the folders of a walk, and what the last build knew of them. Out: the files that have to be looked at, and the table
that the next build compares with. A folder that did not change is compared by one number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..archive import FileStat, Folder, Walk
from .columns import Mask, Ragged, starts_of
from .sections import Array

Marks = npt.NDArray[np.uint64]
NEITHER = -1
"""In place of a row: the file is neither the row of an article nor a page."""


def page_code(page: int) -> int:
    """Return what stands in place of a row where a file is a day page or front page: its number, below ``NEITHER``."""
    return NEITHER - 1 - page


@dataclass(slots=True)
class Files:
    """The files of an archive as one build saw them.

    folders : site of each folder that has files. digests : of all that ``stat`` tells of a folder's files, 0 where the
    next build has to look at each of them. files : of each folder the mark of every file, 0 where the next build has to
    read it in any case, and its row, or ``NEITHER``, or its ``page_code``.
    """

    folders: list[str]
    digests: Marks
    files: Ragged

    @classmethod
    def none(cls) -> Files:
        """Return what a first build knows."""
        return cls(
            [], np.zeros(0, np.uint64), Ragged(np.zeros(1, np.int64), (np.zeros(0, np.uint64), np.zeros(0, np.int64)))
        )

    @property
    def codes(self) -> Array:
        """What stands of each file: the number of its row, ``NEITHER``, or its ``page_code``."""
        return self.files.columns[1]

    def rows(self, count: int) -> Mask:
        """Return which of ``count`` rows some file has."""
        return _chosen(self.codes[self.codes >= 0], count)

    def pages(self, count: int) -> Mask:
        """Return which of ``count`` pages some file has."""
        return _chosen(page_code(0) - self.codes[self.codes < NEITHER], count)

    def renumbered(self, rows: Array, pages: Array) -> Files:
        """Return the same with other numbers of rows and pages: each array has the new one at the place of the old."""
        codes = self.codes.copy()
        own, listing = codes >= 0, codes < NEITHER
        codes[own] = rows[codes[own]]
        codes[listing] = page_code(0) - pages[page_code(0) - codes[listing]]
        return Files(self.folders, self.digests, Ragged(self.files.starts, (self.files.columns[0], codes)))


def _chosen(numbers: Array, count: int) -> Mask:
    mask = np.zeros(count, bool)
    mask[numbers] = True
    return mask


def digests_of(folders: Collection[Folder]) -> Marks:
    """Return 64 bits for each folder that differ, for all practical purposes, whenever name, size or time of a file
    in it do; never 0. Cost: about 0.3 µs a file.
    """
    blake2b = hashlib.blake2b
    told = ("\0".join(names) + f"{sizes}{times}" for _, names, sizes, times in folders)
    return _numbers([blake2b(text.encode(), digest_size=8).digest() for text in told])


def marks_of(files: Iterable[FileStat]) -> Marks:
    """Return 64 bits for each file that differ whenever those of ``digests_of`` do, and for files of other folders."""
    blake2b = hashlib.blake2b
    rows = [blake2b(f"{file}\0{size}\0{time}".encode(), digest_size=8).digest() for file, size, time in files]
    return _numbers(rows)


def _numbers(rows: Collection[bytes]) -> Marks:
    marks: Marks = np.maximum(np.frombuffer(b"".join(rows), "<u8"), np.uint64(1))
    return marks


def walk_digest(walk: Walk, digests: Marks) -> str:
    """Return a text that differs whenever the digest of any folder does, or what is skipped."""
    digest = hashlib.blake2b("\0".join(folder.path for folder in walk.folders).encode(), digest_size=16)
    digest.update(digests.astype("<u8").tobytes())
    for item in walk.skipped:
        digest.update(f"{item.file}\0{item.reason}\n".encode())
    return digest.hexdigest()


class Look:
    """A walk beside the files of the build before.

    folders : those that are not as they were, in which each file has to be looked at. marks : of these files, one
    folder after another. held : what ``Files.codes`` had of each of them, None where the file is not as it was.
    """

    def __init__(self, walk: Walk, digests: Marks, before: Files, since_ns: int) -> None:
        """digests : of the walk's folders. since_ns : a file of this time or later may change again unnoticed."""
        self._walk, self._digests, self._before, self._since_ns = walk, digests, before, since_ns
        number_of = {folder: number for number, folder in enumerate(before.folders)}
        was = np.array([number_of.get(folder.path, -1) for folder in walk.folders], np.int64)
        self._same = np.append(before.digests, np.uint64(0))[was] == digests
        self._was = was[self._same]
        self.folders = [folder for folder, same in zip(walk.folders, self._same.tolist(), strict=True) if not same]
        self.marks = marks_of(self.files())
        others = before.files.kept(np.setdiff1d(np.arange(len(before.folders)), self._was))
        code_of: dict[int, int] = dict(zip(*(column.tolist() for column in others.columns), strict=True))
        code_of.pop(0, None)
        self.held = [code_of.get(mark) for mark in self.marks.tolist()]

    def files(self) -> Iterator[FileStat]:
        """Yield the files that have to be looked at."""
        return (item for folder in self.folders for item in folder.files())

    def outcome(self, codes: Mapping[str, int], unusable: Collection[str]) -> Files:
        """Return the table for the next build.

        codes : of the files that were looked at, by file; ``NEITHER`` where it is missing. unusable : files that have
        to be read again in any case.
        """
        digests, table = self._digests.copy(), self._table()
        unsure, found = np.zeros(len(self.marks), bool), np.full(len(self.marks), NEITHER)
        for n, (file, _, time) in enumerate(self.files()):
            unsure[n] = time >= self._since_ns or file in unusable
            found[n] = codes.get(file, NEITHER)
        looked = np.flatnonzero(~self._same)
        kept, fresh = self._before.files.kept(self._was).columns, (np.where(unsure, np.uint64(0), self.marks), found)
        for column, own, new in zip(table.columns, kept, fresh, strict=True):
            column[table.places(np.flatnonzero(self._same))] = own
            column[table.places(looked)] = new
        digests[np.repeat(looked, table.counts[looked])[unsure]] = 0
        return Files([folder.path for folder in self._walk.folders], digests, table)

    def _table(self) -> Ragged:
        counts = np.array([len(folder.names) for folder in self._walk.folders], np.int64)
        return Ragged(starts_of(counts), (np.zeros(counts.sum(), np.uint64), np.full(counts.sum(), NEITHER)))
