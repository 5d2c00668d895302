"""A disk that fails: whatever operation of a build it is, the old answers stand, people are told, the next build works.

Every change of the disk fails once in turn, with a full disk's error and a broken one's; then from some change on,
everything that needs room, or everything.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from story_archive import assert_tidy, found, write_stories, write_story

from search_app.errors import SearchAppError
from search_app.index.builder import build_index
from search_app.index.files import FileSystem, NewFile
from search_app.index.generation import open_snapshot
from search_app.index.lock import LOCK_NAME

ONCE, FULL, DEAD, KILLED = "once", "full", "dead", "killed"
NEVER = 1 << 40


class FailingFiles(FileSystem):
    """A disk on which the ``at``-th change fails, and which never waits for the real one.

    mode : ``ONCE``, that change alone; ``FULL``, from then on whatever needs room; ``DEAD``, everything from then on;
    ``KILLED``, as dead, but by an error that no one handles, as if the process were gone.
    kinds : what each change was.
    """

    def __init__(self, at: int, mode: str, number: int = errno.ENOSPC) -> None:
        self.at = at
        self.mode = mode
        self.number = number
        self.kinds: list[str] = []

    def step(self, kind: str) -> None:
        """Count a change; raise where it is to fail."""
        self.kinds.append(kind)
        count = len(self.kinds)
        due = count == self.at if self.mode == ONCE else count >= self.at
        if due and (self.mode != FULL or kind != "remove"):
            if self.mode == KILLED:
                raise KeyboardInterrupt
            raise OSError(self.number, os.strerror(self.number))

    def create(self, path: Path) -> NewFile:
        self.step("create")
        return FailingFile(path, self)

    def rename(self, source: Path, target: Path) -> None:
        self.step("rename")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self.step("remove")
        super().remove(path)

    def make_folder(self, path: Path) -> None:
        self.step("make folder")
        super().make_folder(path)

    def sync_folder(self, path: Path) -> None:
        self.step("sync folder")


class FailingFile:
    """A file on such a disk. A write that fails has written half."""

    def __init__(self, path: Path, disk: FailingFiles) -> None:
        self._file = path.open("xb", buffering=0)
        self._disk = disk

    def write(self, data: bytes | memoryview) -> None:
        try:
            self._disk.step("write")
        except BaseException:
            self._file.write(bytes(data)[: len(data) // 2])
            raise
        self._file.write(data)

    def sync(self) -> None:
        self._disk.step("sync")

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """An archive of ten articles."""
    return write_stories(tmp_path / "stories")


@pytest.fixture
def index(stories: Path, tmp_path: Path) -> Path:
    """An index of two generations; the archive has an article more since."""
    folder = tmp_path / "index"
    build_index(stories, folder, jobs=1, files=FailingFiles(NEVER, ONCE))
    write_story(stories, 11, "Eleventh")
    build_index(stories, folder, jobs=1, files=FailingFiles(NEVER, ONCE))
    write_story(stories, 12, "Twelfth")
    return folder


def contents(index: Path) -> dict[str, bytes]:
    """Return every file of an index but the lock."""
    paths = [path for path in index.rglob("*") if path.is_file() and path.name != LOCK_NAME]
    return {str(path.relative_to(index)): path.read_bytes() for path in paths}


def changes(stories: Path, index: Path, full: bool = False) -> list[str]:
    """Return the changes that a build makes when nothing fails; the index stays as it is."""
    disk = FailingFiles(NEVER, ONCE)
    copy = index.with_name("counted")
    shutil.copytree(index, copy)
    build_index(stories, copy, jobs=1, files=disk, full=full)
    shutil.rmtree(copy)
    return disk.kinds


def edges(kinds: list[str]) -> set[int]:
    """Return the changes, counted from 1, that are no writes, and the first and the last write of each file."""
    return {n for n in range(1, len(kinds) + 1) if {"write"} != set(kinds[max(n - 2, 0) : n + 1])}


def build_on(disk: FailingFiles, stories: Path, index: Path, full: bool = False) -> bool:
    """Build on a failing disk; return whether the build came to its end. Its error is a sentence for people."""
    try:
        build_index(stories, index, jobs=1, files=disk, full=full)
    except KeyboardInterrupt:
        return False
    except SearchAppError as error:
        told = str(error)
    else:
        return True
    assert os.strerror(disk.number) in told
    assert str(index) in told
    return False


@pytest.mark.parametrize("full", [False, True], ids=["update", "full"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_any_change_that_fails_leaves_the_index_byte_for_byte(
    stories: Path, index: Path, full: bool, number: int
) -> None:
    """Each create, write, sync, rename, removal and sync of a folder fails once; the two errors share the writes.

    A build that fails takes back what it made. One whose tidying up fails has published, and the next one tidies.
    """
    kinds = changes(stories, index, full)
    before, old = contents(index), found(index)
    every = edges(kinds) | set(range(1 + (number == errno.EIO), len(kinds) + 1, 2))
    assert {kinds[at - 1] for at in every} == {"create", "write", "sync", "rename", "remove", "sync folder"}
    kept = index.with_name("kept")
    shutil.copytree(index, kept)
    stopped = 0
    for at in sorted(every):
        if build_on(FailingFiles(at, ONCE, number), stories, index, full):
            assert kinds[at - 1] == "remove", at
            assert found(index) == ["Twelfth", *old]
        else:
            stopped += 1
            assert contents(index) == before, (at, kinds[at - 1])
            if kinds[at - 1] == "write":
                continue
            assert found(index) == old
        assert build_index(stories, index, jobs=1, files=FailingFiles(NEVER, ONCE)).articles == 12
        assert found(index) == ["Twelfth", *old]
        assert_tidy(index)
        shutil.rmtree(index)
        shutil.copytree(kept, index)
    assert stopped > len(kinds) // 3


@pytest.mark.parametrize("mode", [FULL, DEAD, KILLED])
def test_a_disk_that_fails_from_any_change_on_leaves_the_old_answers(stories: Path, index: Path, mode: str) -> None:
    """Where nothing can be taken back any more, the next build does it."""
    kinds = changes(stories, index)
    old = found(index)
    kept = index.with_name("kept")
    shutil.copytree(index, kept)
    for at in sorted(edges(kinds)):
        shutil.rmtree(index)
        shutil.copytree(kept, index)
        published = build_on(FailingFiles(at, mode), stories, index)
        new = ["Twelfth", *old]
        # A manifest that is in place and cannot be taken back has published its generation, whole.
        allowed = [new] if published else [old, new] if mode in (DEAD, KILLED) else [old]
        assert found(index) in allowed, at
        assert open_snapshot(index).degraded == "", at
        assert build_index(stories, index, jobs=1, files=FailingFiles(NEVER, ONCE)).articles == 12
        assert found(index) == new
        assert_tidy(index)


@pytest.mark.parametrize("mode", [ONCE, FULL, DEAD, KILLED])
def test_a_first_build_that_any_change_of_the_disk_stops_can_be_repeated(
    stories: Path, tmp_path: Path, mode: str
) -> None:
    """Where nothing served before, the next build finds nothing in its way."""
    disk = FailingFiles(NEVER, ONCE)
    build_index(stories, tmp_path / "counted", jobs=1, files=disk)
    assert disk.kinds[:4] == ["make folder", "sync folder"] * 2
    index = tmp_path / "first"
    for at in sorted(edges(disk.kinds)):
        shutil.rmtree(index, ignore_errors=True)
        build_on(FailingFiles(at, mode), stories, index)
        report = build_index(stories, index, jobs=1, files=FailingFiles(NEVER, ONCE))
        assert report.articles == len(found(index)) == 10, at
        assert_tidy(index)
