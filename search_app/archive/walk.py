"""Walking an archive: the files that say something, and what one ``stat`` tells of each.

In: the archive's folder. Out: its files, folder by folder, and those that cannot be used with their reason. Opens no
file.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import Any, NamedTuple

from ..errors import ArchiveError, WorkerDiedError
from ..settings import BY_NAME
from . import model
from .model import FileStat, Skipped
from .paths import INDEX_FILES, folder_of, kinds_in
from .workers import Pool, may_fork

_FILES_ALONE = 5000
"""Starting processes costs as much as looking at so many files; who finds no more than these starts none."""

MAX_FILE_BYTES = int(BY_NAME["max_file_bytes"].default)


class Folder(NamedTuple):
    """The files of one folder that say something: their names, in order, and the bytes and time of each.

    path : of the folder, with ``/``, ``""`` for the archive itself. times : in ns.
    """

    path: str
    names: list[str]
    sizes: list[int]
    times: list[int]

    def files(self) -> list[FileStat]:
        """Return the files as records of their own."""
        prefix = f"{self.path}/" if self.path else ""
        return [
            FileStat(prefix + name, size, time)
            for name, size, time in zip(self.names, self.sizes, self.times, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Walk:
    """The files of an archive that say something, by folder, and those that cannot be used, by file.

    A folder without such files is not among ``folders``.
    """

    folders: tuple[Folder, ...]
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        return sum(len(folder.names) for folder in self.folders)

    def find(self, files: Iterable[str]) -> list[FileStat]:
        """Return some files of the walk as records of their own."""
        held = {folder.path: folder for folder in self.folders}
        found = []
        for file in files:
            folder = held[folder_of(file)]
            at = folder.names.index(file.rpartition("/")[2])
            found.append(FileStat(file, folder.sizes[at], folder.times[at]))
        return found

    @property
    def files(self) -> tuple[FileStat, ...]:
        """Every file as a record of its own, sorted by file. Cost: about 1 µs a file, each time."""
        return tuple(sorted(item for folder in self.folders for item in folder.files()))


def walk_archive(root: Path | str, max_file_bytes: int = MAX_FILE_BYTES, jobs: int = 1) -> Walk:
    """Return every file of the archive.

    jobs : processes that share a large one; the result is the same for any number.

    Reads no file. Hidden files and folders, pages about the site and whatever is not Markdown are passed over; links
    that lead outside, folders behind links, unreadable folders, names that are not UTF-8 and files larger than
    ``max_file_bytes`` are skipped with their reason.
    Raises ArchiveError where ``root`` is missing, is no folder, cannot be read, or holds no article at all, and
    WorkerDiedError where a process was killed.
    Cost: one ``scandir`` a folder and one ``stat`` a file; 0.7 s of processor time for 133,000 files.
    """
    top = Path(root)
    _check_folder(top)
    walker = _Walker(top, max_file_bytes)
    waiting = [""]
    while waiting and (jobs == 1 or walker.count < _FILES_ALONE or not may_fork()):
        waiting += walker.look_into(waiting.pop())
    if waiting:
        _share(walker, waiting, jobs)
    walker.skipped.sort(key=_file_of)
    if not walker.has_article:
        raise without_article(top, walker.skipped)
    return Walk(tuple(sorted(walker.folders)), tuple(walker.skipped))


def _share(walker: _Walker, folders: Sequence[str], jobs: int) -> None:
    """Have other processes look into some folders and those below, and take what they find."""
    done = 0
    try:
        with Pool(jobs, multiprocessing.get_context("fork"), gc.disable) as pool:
            for answer in [pool.submit(_walk_below, walker.top, walker.max_file_bytes, path) for path in folders]:
                found, skipped, has_article = pool.result(answer)
                walker.folders += [Folder(*columns) for columns in found]
                walker.skipped += skipped
                walker.has_article = walker.has_article or has_article
                done += 1
    except BrokenProcessPool as error:
        raise WorkerDiedError(done, len(folders), "folders") from error


def _walk_below(top: Path, max_file_bytes: int, path: str) -> tuple[list[tuple[Any, ...]], list[Skipped], bool]:
    walker = _Walker(top, max_file_bytes)
    waiting = [path]
    while waiting:
        waiting += walker.look_into(waiting.pop())
    # Plain tuples are received in two thirds of the time.
    return [tuple(folder) for folder in walker.folders], walker.skipped, walker.has_article


class _Walker:
    """What a walk has found so far. count : files."""

    def __init__(self, top: Path, max_file_bytes: int) -> None:
        self.top = top
        self.max_file_bytes = max_file_bytes
        self._base = os.path.realpath(top)
        self.count = 0
        self.folders: list[Folder] = []
        self.skipped: list[Skipped] = []
        self.has_article = False

    def look_into(self, path: str) -> list[str]:
        """Take the files of a folder and return the folders in it."""
        try:
            # Through the open folder each stat has one name to look up, not the whole path.
            descriptor = os.open(f"{self._base}/{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with os.scandir(descriptor) as found:
                    return self._take(path, sorted(found, key=_name_of))
            finally:
                os.close(descriptor)
        except OSError as error:
            if not path:
                raise ArchiveError(self.top, f"The archive {self.top} cannot be read: {why(error)}.") from error
            self.skipped.append(Skipped(_printable(path), model.UNREADABLE, why(error)))
            return []

    def _take(self, path: str, entries: Sequence[os.DirEntry[str]]) -> list[str]:
        folder, folders = Folder(path, [], [], []), list[str]()
        _, names, sizes, times = folder
        prefix = f"{path}/" if path else ""
        # What a file is follows from its folder alone, save for the folder's own page.
        usual, own = kinds_in(path)
        plain, most = path.isascii(), self.max_file_bytes
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            try:
                if not name.endswith(".md"):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(prefix + name)
                    continue
                status = entry.stat(follow_symlinks=False)
                if not S_ISREG(status.st_mode):
                    if S_ISDIR(status.st_mode):
                        folders.append(prefix + name)
                    linked = self._behind(prefix + name) if S_ISLNK(status.st_mode) else None
                    if linked is None:
                        continue
                    status = linked
            except OSError as error:
                if name.endswith(".md"):
                    self.skipped.append(Skipped(_printable(prefix + name), model.UNREADABLE, why(error)))
                continue
            if not (plain and name.isascii()) and not _is_text(prefix + name):
                self.skipped.append(Skipped(_printable(prefix + name), model.BAD_NAME))
                continue
            kind = own if name in INDEX_FILES else usual
            if kind == model.IGNORED:
                continue
            size = status.st_size
            if size > most:
                told = f"{size:,} bytes, the limit is {most:,}"
                self.skipped.append(Skipped(prefix + name, model.TOO_LARGE, told))
                continue
            names.append(name)
            sizes.append(size)
            times.append(status.st_mtime_ns)
        if names:
            self.folders.append(folder)
            self.count += len(names)
            if not self.has_article:
                kinds = {own if name in INDEX_FILES else usual for name in names}
                self.has_article = not kinds.isdisjoint((model.NEWS, model.OPINION))
        return folders

    def _behind(self, file: str) -> os.stat_result | None:
        """Return what ``stat`` says of the file that a link leads to; None where it leads to none in the archive."""
        link = f"{self._base}/{file}"
        target = os.path.realpath(link)
        if os.path.commonpath((self._base, target)) != self._base:
            self.skipped.append(Skipped(_printable(file), model.OUTSIDE, target))
            return None
        status = Path(link).stat()
        return status if S_ISREG(status.st_mode) else None


_name_of = attrgetter("name")
_file_of = attrgetter("file")


def _check_folder(top: Path) -> None:
    try:
        mode = top.stat().st_mode
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        problem = "does not exist" if missing else f"cannot be read: {why(error)}"
        raise ArchiveError(top, f"The archive {top} {problem}. Name the folder that holds news/.") from error
    if not S_ISDIR(mode):
        raise ArchiveError(top, f"The archive {top} is not a folder. Name the folder that holds news/.")


def without_article(top: Path, skipped: Sequence[Skipped]) -> ArchiveError:
    """Return the error for an archive in which no article can be used."""
    first = f" {len(skipped):,} could not be used, first {skipped[0].file}: {skipped[0].reason}." if skipped else ""
    return ArchiveError(
        top,
        f"The archive {top} holds no article.{first} Articles lie at news/YYYY/MM/D/name.md below the folder named.",
    )


def _is_text(file: str) -> bool:
    try:
        file.encode()
    except UnicodeEncodeError:
        return False
    return True


def why(error: Exception) -> str:
    """Return the system's words for an error, without the path that the report names anyway."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _printable(name: str) -> str:
    """Return a file's name as text that any encoding can print."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
