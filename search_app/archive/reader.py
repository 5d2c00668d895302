"""From files to pages, and from a folder to a linked archive: the bytes, and the processes that share the parsing.

In: the archive's folder and its files. Out: a page or a reason for each file, in the order of the files whatever the
number of processes. One file that cannot be used never stops the others.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import unicodedata
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArticleError, WorkerDiedError
from . import model
from .linker import Linker
from .model import FileStat, LinkedArchive, Page, Skipped
from .packing import Batch, Packer, dumps, loads, unpack
from .parser import parse_page
from .paths import INDEX_FILES, folder_of, is_plain_folder, locate
from .walk import MAX_FILE_BYTES, Folder, Walk, walk_archive, why, without_article
from .workers import Pool, may_fork

CHUNK_FILES = 256
"""Files that a process reads before it answers: about 1 MB of text and 15 ms of work."""

_FILES_A_PROCESS = 1500
"""Starting a process costs as much as reading some hundred files; for fewer than these another one does not pay."""

_BAD_PERCENT = 2
_BAD_FREE = 3
"""A file may hold this share of characters that are not UTF-8, and these few in any case; they become ``U+FFFD``."""

Progress = Callable[[int, int], None]
Chunk = tuple[list[tuple[Any, ...]], list[tuple[str, ...]]]


def read_archive(
    root: Path | str, *, jobs: int = 0, max_file_bytes: int = MAX_FILE_BYTES, progress: Progress | None = None
) -> LinkedArchive:
    """Return a whole archive, walked, read and linked.

    root : the folder that holds ``news/``; for jobs and progress see ``read_pages``.
    Raises ArchiveError where the folder cannot be used or holds no article; WorkerDiedError as ``read_pages`` does.
    Cost: 544 MB in 133,000 files take about 10 s on two cores and 300 MB of memory.
    """
    walk = walk_archive(root, max_file_bytes)
    reading = read_all(root, walk, jobs=jobs, max_file_bytes=max_file_bytes, progress=progress)
    with no_collector():
        linked = reading.linker.link()
    skipped = sorted((*reading.skipped, *linked.skipped), key=lambda item: item.file)
    if not linked.articles:
        raise without_article(Path(root), skipped)
    return replace(linked, skipped=tuple(skipped), files=walk.files)


class Reading(NamedTuple):
    """What files of an archive say: a linker that holds it, and the files that cannot be used."""

    linker: Linker
    skipped: list[Skipped]


def read_all(
    root: Path | str,
    walk: Walk,
    *,
    jobs: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
    progress: Progress | None = None,
) -> Reading:
    """Read every file that a walk found; for jobs, progress and errors see ``read_pages``."""
    skipped = list(walk.skipped)
    with no_collector():
        files = walk.files
        numbers = _numbers(item.file for item in files)
        batches = _Batches(root, files, numbers, numbers, max_file_bytes)
        linker = Linker(list(numbers))
        for batch in batches.read(jobs, progress):
            skipped += linker.add_batch(batch)
        unusable = {item.file for item in skipped}
        if unusable:
            again, usable = walk.find(linker.wanting()), KnownPaths(walk.folders, unusable)
            for page in read_pages(root, again, known=usable, jobs=jobs, max_file_bytes=max_file_bytes):
                if isinstance(page, Page):
                    linker.add(page)
    return Reading(linker, skipped)


def read_some(
    root: Path | str,
    files: Sequence[FileStat],
    *,
    known: Container[str],
    jobs: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
    progress: Progress | None = None,
) -> Reading:
    """Read some files of an archive into a linker of their own; for the arguments see ``read_pages``."""
    linker, skipped = Linker(), list[Skipped]()
    if not files:
        return Reading(linker, skipped)
    for page in read_pages(root, files, known=known, jobs=jobs, max_file_bytes=max_file_bytes, progress=progress):
        if isinstance(page, Skipped):
            skipped.append(page)
        else:
            linker.add(page)
    return Reading(linker, skipped)


def twin_of(file: str) -> str:
    """Return the README.md beside an index.md, or the other way round; ``""`` for any other file.

    The two are one page: README.md counts while the index.md beside it is missing or cannot be used.
    """
    folder, slash, name = file.rpartition("/")
    return folder + slash + _TWINS[name] if name in _TWINS else ""


_TWINS = {"index.md": "README.md", "README.md": "index.md"}


@contextmanager
def no_collector() -> Iterator[None]:
    """Hold Python's cycle collector back while millions of records are made that hold no cycle.

    A process that is forked meanwhile goes on without it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_pages(
    root: Path | str,
    files: Sequence[FileStat],
    *,
    known: Container[str] | None = None,
    jobs: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
    progress: Progress | None = None,
) -> Iterator[Page | Skipped]:
    """Yield what each of ``files`` says, in their order: a page, or why there is none.

    known : site paths of articles of the archive that can be used, by default those of ``files``; headlines of links to
    them are left out.
    jobs : processes; 0 is one a core, 1 reads in this process. The result is the same for any number.
    progress : called with files done and files in all, after every chunk.
    A README.md beside an index.md that can be used is the same page again: it is not read, and yields nothing.
    Raises WorkerDiedError where a process was killed: files are never lost in silence.
    Cost: 544 MB in 133,000 files take about 7 s on two cores.
    """
    if known is None:
        known = frozenset(_numbers(item.file for item in files))
    batches = _Batches(root, files, known, {}, max_file_bytes)
    for batch in batches.read(jobs, progress):
        for file, result in zip(batch.files, batch.results, strict=True):
            yield unpack(file, result, (), batch.sets)


def _doubles(files: Sequence[FileStat]) -> dict[str, str]:
    """Return ``{index.md: the README.md beside it}``."""
    indexes = {folder_of(item.file): item.file for item in files if item.file.endswith("index.md")}
    indexes = {folder: file for folder, file in indexes.items() if file.rpartition("/")[2] == "index.md"}
    return {
        indexes[folder_of(item.file)]: item.file
        for item in files
        if item.file.rpartition("/")[2] == "README.md" and folder_of(item.file) in indexes
    }


def _numbers(files: Iterable[str]) -> dict[str, int]:
    """Return the site paths of articles that have a file, numbered in the order of the files."""
    numbers: dict[str, int] = {}
    for file in files:
        kind, path, _, _ = locate(file)
        if kind in (model.NEWS, model.OPINION):
            numbers.setdefault(path, len(numbers))
    return numbers


class KnownPaths(Container[str]):
    """The site paths of articles that have a file, without a table of them: most are the name of their file."""

    def __init__(self, folders: Iterable[Folder], unusable: Container[str] = ()) -> None:
        """unusable : files that count as if they were not there."""
        self._plain: dict[str, Folder] = {}
        others: list[str] = []
        for folder in folders:
            if is_plain_folder(folder.path):
                self._plain[f"/{folder.path}"] = folder
            else:
                others += [item.file for item in folder.files() if item.file not in unusable]
        self._others = _numbers(others)
        self._unusable = unusable
        self._names: dict[str, frozenset[str]] = {}

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str):
            return False
        folder, _, name = path.rpartition("/")
        return (folder in self._plain and name in self._named(folder)) or path in self._others

    def _named(self, folder: str) -> frozenset[str]:
        """Return the last parts of the site paths of the files in a plain folder."""
        names = self._names.get(folder)
        if names is None:
            held = self._plain[folder]
            names = self._names[folder] = frozenset(
                unicodedata.normalize("NFC", name).removesuffix(".md")
                for name in held.names
                if name not in INDEX_FILES and f"{held.path}/{name}" not in self._unusable
            )
        return names


def _processes(jobs: int, files: int) -> int:
    return max(1, min(jobs or len(os.sched_getaffinity(0)), files // _FILES_A_PROCESS + 1))


class _Batches:
    """The files of one run, in batches: what each of them says, from this process or from others."""

    def __init__(
        self,
        root: Path | str,
        files: Sequence[FileStat],
        known: Container[str],
        numbers: Mapping[str, int],
        max_file_bytes: int,
    ) -> None:
        self._doubles = _doubles(files)
        twice = set(self._doubles.values())
        self._todo = [item.file for item in files if item.file not in twice]
        self._library = _Library(os.path.realpath(root), self._todo, known, numbers, max_file_bytes)

    def read(self, jobs: int, progress: Progress | None) -> Iterator[Batch]:
        """Yield the batches in the order of the files."""
        done, total = 0, len(self._todo)
        for results, sets in _chunks(self._library, _processes(jobs, total)):
            files = self._todo[done : done + len(results)]
            done += len(results)
            yield Batch(files, results, sets)
            spare = [
                self._doubles[file]
                for file, result in zip(files, results, strict=True)
                if len(result) == 2 and file in self._doubles
            ]
            if spare:
                yield Batch(spare, *self._library.read_files(spare))
            if progress:
                progress(done, total)


class _Library:
    """What every process knows: where the archive lies, which files are to be read, and which paths have a file.

    numbers : of the paths that answers name by number.
    """

    def __init__(
        self, base: str, todo: list[str], known: Container[str], numbers: Mapping[str, int], max_file_bytes: int
    ) -> None:
        self._base = base
        self.todo = todo
        self._known = known
        self._numbers = numbers
        self._max_file_bytes = max_file_bytes

    def read_chunk(self, start: int) -> Chunk:
        """Return what the files of one chunk say, packed, and the sets of contexts that they name."""
        return self.read_files(self.todo[start : start + CHUNK_FILES])

    def read_files(self, files: Sequence[str]) -> Chunk:
        """Return what some files say, packed, and the sets of contexts that they name."""
        packer = Packer(self._numbers)
        return [packer.pack(self._read(file)) for file in files], packer.sets

    def _read(self, file: str) -> Page | Skipped:
        """Return what one file says, or why nothing."""
        try:
            data = _read_bytes(f"{self._base}/{file}", self._max_file_bytes)
            if len(data) > self._max_file_bytes:
                return Skipped(file, model.TOO_LARGE, f"over {self._max_file_bytes:,} bytes")
            text = decode(data)
            if text is None:
                return Skipped(file, model.NOT_UTF8)
            return parse_page(text, file, self._known)
        except OSError as error:
            return Skipped(file, model.UNREADABLE, why(error))
        except ArticleError as error:
            return Skipped(file, error.reason, error.detail)
        except Exception as error:  # a slip of the parser must cost one file, not the build; the report names it
            return Skipped(file, model.FAILED, f"{type(error).__name__}: {error}"[:200])


def _read_bytes(path: str, limit: int) -> bytes:
    """Return a file's bytes, at least one more than ``limit`` where it is longer."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        data = os.read(handle, 1 << 16)
        if len(data) < 1 << 16:
            return data
        parts = [data]
        size = len(data)
        while data and size <= limit:
            data = os.read(handle, 1 << 20)
            parts.append(data)
            size += len(data)
        return b"".join(parts)
    finally:
        os.close(handle)


def decode(data: bytes) -> str | None:
    """Return a file's text, or None where it is not UTF-8 beyond repair.

    A byte order mark goes; a small share of bytes that are not UTF-8 becomes ``U+FFFD``.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return None
        text = data.decode("utf-8", "replace")
        bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
        if bad > max(_BAD_FREE, len(text) * _BAD_PERCENT // 100):
            return None
    return None if text.count("\0") * 4 > len(text) else text.removeprefix("\ufeff")


def _chunks(library: _Library, jobs: int) -> Iterator[Chunk]:
    starts = range(0, len(library.todo), CHUNK_FILES)
    if jobs == 1:
        yield from map(library.read_chunk, starts)
        return
    # A forked process shares the tables of this one.
    context = multiprocessing.get_context("fork" if may_fork() else "spawn")
    waiting: deque[Future[bytes]] = deque()
    done = 0
    try:
        with Pool(jobs, context, _start_worker, (library,)) as pool:
            for start in starts:
                waiting.append(pool.submit(_work, start))
                if len(waiting) > 3 * jobs:
                    chunk: Chunk = loads(pool.result(waiting.popleft()))
                    done += len(chunk[0])
                    yield chunk
            while waiting:
                chunk = loads(pool.result(waiting.popleft()))
                done += len(chunk[0])
                yield chunk
    except BrokenProcessPool as error:
        raise WorkerDiedError(done, len(library.todo)) from error


_worker: list[_Library] = []
"""In a worker process: the library that it was started with; empty in any other."""


def _start_worker(library: _Library) -> None:
    _worker.append(library)
    gc.disable()


def _work(start: int) -> bytes:
    return dumps(_worker[0].read_chunk(start))
