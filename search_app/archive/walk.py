"""Walking an archive: the files that say something, and what one ``stat`` tells of each.

In: the archive's folder. Out: its files in order, and those that cannot be used with their reason. Opens no file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from ..errors import ArchiveError
from ..settings import BY_NAME
from . import model
from .model import FileStat, Skipped
from .paths import INDEX_FILES, locate

MAX_FILE_BYTES = int(BY_NAME["max_file_bytes"].default)


class Walk(NamedTuple):
    """The files of an archive that say something, by file, and those that cannot be used."""

    files: tuple[FileStat, ...]
    skipped: tuple[Skipped, ...]


def walk_archive(root: Path | str, max_file_bytes: int = MAX_FILE_BYTES) -> Walk:
    """Return every file of the archive, sorted by file.

    Reads no file. Hidden files and folders, pages about the site and whatever is not Markdown are passed over; links
    that lead outside, folders behind links, unreadable folders, names that are not UTF-8 and files larger than
    ``max_file_bytes`` are skipped with their reason.
    Raises ArchiveError where ``root`` is missing, is no folder, cannot be read, or holds no article at all.
    Cost: one ``scandir`` a folder and one ``stat`` a file; 0.7 s for 133,000 files.
    """
    top = Path(root)
    _check_folder(top)
    base = os.path.realpath(top)
    files: list[FileStat] = []
    skipped: list[Skipped] = []
    has_article = False
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(f"{base}/{folder}")
        except OSError as error:
            if not folder:
                raise ArchiveError(top, f"The archive {top} cannot be read: {why(error)}.") from error
            skipped.append(Skipped(_printable(folder), model.UNREADABLE, why(error)))
            continue
        prefix = f"{folder}/" if folder else ""
        # What a file is follows from its folder alone, save for the folder's own page.
        usual, own = locate(f"{prefix}a.md").kind, locate(f"{prefix}index.md").kind
        with entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                file = prefix + name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(file)
                        continue
                    if not name.endswith(".md") and not entry.is_symlink():
                        continue
                    found = _stat(entry, base, file)
                except OSError as error:
                    if name.endswith(".md"):
                        skipped.append(Skipped(_printable(file), model.UNREADABLE, why(error)))
                    continue
                if found is None:
                    continue
                if isinstance(found, Skipped):
                    skipped.append(found)
                    continue
                kind = own if name in INDEX_FILES else usual if name.endswith(".md") else model.IGNORED
                if kind == model.IGNORED:
                    continue
                if found.size > max_file_bytes:
                    skipped.append(
                        Skipped(file, model.TOO_LARGE, f"{found.size:,} bytes, the limit is {max_file_bytes:,}")
                    )
                    continue
                has_article = has_article or kind in (model.NEWS, model.OPINION)
                files.append(found)
    files.sort(key=itemgetter(0))
    skipped.sort(key=lambda item: item.file)
    if not has_article:
        raise without_article(top, skipped)
    return Walk(tuple(files), tuple(skipped))


def _check_folder(top: Path) -> None:
    try:
        mode = top.stat().st_mode
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        problem = "does not exist" if missing else f"cannot be read: {why(error)}"
        raise ArchiveError(top, f"The archive {top} {problem}. Name the folder that holds news/.") from error
    if not stat.S_ISDIR(mode):
        raise ArchiveError(top, f"The archive {top} is not a folder. Name the folder that holds news/.")


def without_article(top: Path, skipped: Sequence[Skipped]) -> ArchiveError:
    """Return the error for an archive in which no article can be used."""
    first = f" {len(skipped):,} could not be used, first {skipped[0].file}: {skipped[0].reason}." if skipped else ""
    return ArchiveError(
        top,
        f"The archive {top} holds no article.{first} Articles lie at news/YYYY/MM/D/name.md below the folder named.",
    )


def _stat(entry: os.DirEntry[str], base: str, file: str) -> FileStat | Skipped | None:
    """Return what one ``stat`` says of an entry that is no folder; None for what is no file."""
    if entry.is_symlink():
        target = os.path.realpath(entry.path)
        if os.path.commonpath((base, target)) != base:
            return Skipped(_printable(file), model.OUTSIDE, target) if file.endswith(".md") else None
        if not file.endswith(".md") or target == base:
            return None
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        return None
    if not file.isascii():
        try:
            file.encode()
        except UnicodeEncodeError:
            return Skipped(_printable(file), model.BAD_NAME)
    return FileStat(file, status.st_size, status.st_mtime_ns)


def why(error: Exception) -> str:
    """Return the system's words for an error, without the path that the report names anyway."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _printable(name: str) -> str:
    """Return a file's name as text that any encoding can print."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
