"""A disk that can lose its power: it records what a build does to it, and says what a cut at any moment may leave.

In: a build on a folder. Out: the operations, and for a cut after any of them one of the folders that may be found
afterwards. What was synced is there as written. Of a file that was not, the cut may leave nothing, blanks, half, a
turned bit, an empty file, or all: the six ways in which Lucene's tests damage files. Of names that were made, changed
or removed since their folder was last synced, it may leave any part.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from search_app.index.files import FileSystem, NewFile


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of the disk. path, target : relative to the recorded folder."""

    kind: str
    path: str
    target: str = ""
    data: bytes = b""


class RecordingDisk(FileSystem):
    """Writes to the real folder, without waiting for the real disk, and records every operation on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.operations: list[Operation] = []

    def record(self, kind: str, path: Path, target: Path | None = None, data: bytes = b"") -> None:
        """Note an operation. Variants that forget some override this."""
        names = [str(given.relative_to(self.root)) if given else "" for given in (path, target)]
        self.operations.append(Operation(kind, *names, data))

    def create(self, path: Path) -> NewFile:
        file = RecordedFile(self, path)
        try:
            self.record("create", path)
        except BaseException:
            file.close()
            raise
        return file

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.record("rename", source, target)

    def remove(self, path: Path) -> None:
        if path.exists():
            super().remove(path)
            self.record("remove", path)

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self.record("make folder", path)

    def sync_folder(self, path: Path) -> None:
        self.record("sync folder", path)


class RecordedFile:
    """A file on such a disk."""

    def __init__(self, disk: RecordingDisk, path: Path) -> None:
        self._disk = disk
        self._path = path
        self._file = path.open("xb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._disk.record("write", self._path, data=bytes(data))

    def sync(self) -> None:
        self._disk.record("sync", self._path)

    def close(self) -> None:
        self._file.close()


@dataclass(slots=True)
class Held:
    """A file's content as programs see it, and whether all of it is on the disk."""

    content: bytes
    synced: bool


@dataclass(slots=True)
class Platter:
    """What is on the disk for certain, and what is under way.

    names, folders : what programs see. safe, safe_folders : what survives a cut for certain. pending : changes of names
    by folder, since it was last synced.
    """

    names: dict[str, Held] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    safe: dict[str, Held] = field(default_factory=dict)
    safe_folders: set[str] = field(default_factory=set)
    pending: dict[str, list[Operation]] = field(default_factory=dict)
    held: dict[int, Held] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Platter:
        """Read a folder that has been at rest for long."""
        found = cls(folders={"."}, safe_folders={"."})
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_dir():
                found.folders.add(name)
                found.safe_folders.add(name)
            else:
                found.names[name] = found.safe[name] = Held(path.read_bytes(), True)
        return found

    def copy(self) -> Platter:
        """Return the same state again, which can go another way. Only for one at rest."""
        return Platter(dict(self.names), set(self.folders), dict(self.safe), set(self.safe_folders))

    def apply(self, operation: Operation) -> None:
        """Bring the state to what it is after one more operation."""
        name = operation.path
        match operation.kind:
            case "create":
                self.names[name] = Held(b"", False)
                self._pend(operation, self.names[name])
            case "write":
                held = self.names[name]
                held.content += operation.data
                held.synced = False
            case "sync":
                self.names[name].synced = True
            case "rename":
                self.names[operation.target] = self.names.pop(name)
                self._pend(operation, self.names[operation.target])
            case "remove":
                self._pend(operation, self.names.pop(name))
            case "make folder":
                self.folders.add(name)
                self._pend(operation, None)
            case "sync folder":
                for change in self.pending.pop(name, []):
                    self._make_safe(change, self.safe, self.safe_folders)

    def _pend(self, change: Operation, held: Held | None) -> None:
        self.pending.setdefault(str(Path(change.path).parent), []).append(change)
        if held is not None:
            self.held[id(change)] = held

    def _make_safe(self, change: Operation, files: dict[str, Held], folders: set[str]) -> None:
        if change.kind == "make folder":
            folders.add(change.path)
            return
        files.pop(change.path, None)
        if change.kind != "remove":
            files[change.target or change.path] = self.held[id(change)]

    def at_rest(self) -> dict[str, bytes | None]:
        """Return what programs see now: content by name, None for a folder."""
        return dict.fromkeys(self.folders) | {name: held.content for name, held in self.names.items()}

    def cut(self, rng: random.Random) -> dict[str, bytes | None]:
        """Return what a cut of the power may leave now: content by name, None for a folder."""
        files, folders = dict(self.safe), set(self.safe_folders)
        for changes in self.pending.values():
            for change in _survivors(changes, rng):
                self._make_safe(change, files, folders)
        left: dict[str, bytes | None] = dict.fromkeys(name for name in folders if _reachable(name, folders))
        for name, held in files.items():
            content = held.content if held.synced else damaged(held.content, rng)
            if content is not None and str(Path(name).parent) in left:
                left[name] = content
        return left


def _survivors(changes: list[Operation], rng: random.Random) -> Iterator[Operation]:
    """Yield the changes of one folder's names that reached the disk: all, none, the first few, or any."""
    way = rng.randrange(4)
    kept = (len(changes), 0, rng.randint(0, len(changes)), len(changes))[way]
    for change in changes[:kept]:
        if way < 3 or rng.random() < 0.5:
            yield change


def _reachable(name: str, folders: set[str]) -> bool:
    return name == "." or (str(Path(name).parent) in folders and _reachable(str(Path(name).parent), folders))


def damaged(content: bytes, rng: random.Random) -> bytes | None:
    """Return what may be found of a file that was never synced, None for nothing."""
    way = rng.randrange(6)
    if way == 0:
        return None
    if way == 1:
        return bytes(len(content))
    if way == 2:
        return content[: len(content) // 2]
    if way == 3 and content:
        at = rng.randrange(len(content))
        return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    return b"" if way == 4 else content


def write_out(root: Path, left: dict[str, bytes | None]) -> None:
    """Make a folder what a cut has left."""
    shutil.rmtree(root, ignore_errors=True)
    for name, content in sorted(left.items()):
        if content is None:
            (root / name).mkdir(parents=True, exist_ok=True)
        else:
            (root / name).write_bytes(content)


# -- variants that forget something, which the test has to notice --------------------------------------------------


class NoFileSync(RecordingDisk):
    """Never waits for files of one ending (``""`` for any) to be on the disk."""

    ending = ""

    def record(self, kind: str, path: Path, target: Path | None = None, data: bytes = b"") -> None:
        if not (kind == "sync" and path.name.endswith(self.ending)):
            super().record(kind, path, target, data)


class NoFolderSync(RecordingDisk):
    """Never waits for names to be on the disk, in a folder of one name (``""`` for any)."""

    folder = ""

    def record(self, kind: str, path: Path, target: Path | None = None, data: bytes = b"") -> None:
        if not (kind == "sync folder" and path.name.endswith(self.folder)):
            super().record(kind, path, target, data)


class RenameBeforeSync(RecordingDisk):
    """Puts a manifest in its place first, and waits for it to be on the disk afterwards."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._late: set[Path] = set()

    def record(self, kind: str, path: Path, target: Path | None = None, data: bytes = b"") -> None:
        if kind == "sync" and path.suffix == ".tmp":
            self._late.add(path)
            return
        super().record(kind, path, target, data)
        if kind == "rename" and target is not None and path in self._late:
            super().record("sync", target)
