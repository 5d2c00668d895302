"""Every change that a build makes to the disk goes through one small object, in the order that survives a power cut.

In: bytes and paths. Out: files. Tests put another object in its place that fails, or stops, at any operation.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol


class NewFile(Protocol):
    """A file being written. ``sync`` returns once its bytes are on the disk."""

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``."""
        ...

    def sync(self) -> None:
        """Flush to the device."""
        ...

    def close(self) -> None:
        """Give the handle back."""
        ...


class _RealFile:
    def __init__(self, path: Path) -> None:
        # "x": a published file is never opened for writing again.
        self._file = open(path, "xb", buffering=1024 * 1024)

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class FileSystem:
    """The real disk."""

    def create(self, path: Path) -> NewFile:
        """Open a file that does not exist yet. Raises FileExistsError if it does."""
        return _RealFile(path)

    def rename(self, source: Path, target: Path) -> None:
        """Put ``source`` in the place of ``target``, in one step."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is no error."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """Create a folder, whose parent exists, unless it is there."""
        path.mkdir(exist_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder survive a power cut."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class MemoryFiles(FileSystem):
    """Holds what is written to it, by name, and leaves the disk alone."""

    def __init__(self) -> None:
        self.held: dict[str, bytearray] = {}

    def create(self, path: Path) -> NewFile:
        """Begin to hold a file."""
        return _HeldFile(self.held.setdefault(path.name, bytearray()))


class _HeldFile:
    def __init__(self, held: bytearray) -> None:
        self._held = held

    def write(self, data: bytes | memoryview) -> None:
        self._held += data

    def sync(self) -> None:
        return

    def close(self) -> None:
        return


def write_whole(files: FileSystem, path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all: temporary name, sync, rename, sync of the folder."""
    temporary = path.with_name(path.name + ".tmp")
    files.remove(temporary)
    handle = files.create(temporary)
    try:
        try:
            handle.write(data)
            handle.sync()
        finally:
            handle.close()
        files.rename(temporary, path)
    except OSError:
        with suppress(OSError):
            files.remove(temporary)
        raise
    files.sync_folder(path.parent)


def make_folders(files: FileSystem, path: Path) -> None:
    """Create a folder and its parents where they are missing, so that a power cut does not take them away again."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        files.make_folder(folder)
        files.sync_folder(folder.parent)
    if not path.is_dir():
        raise NotADirectoryError(path)
