"""Generations: published whole or not at all, two kept, the older served where the newer is damaged; the lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from index_making import publish

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import BuildRunningError, IndexDamagedError, IndexMissingError, IndexVersionError
from search_app.index.files import FileSystem, write_whole
from search_app.index.generation import newest_generation, open_generation, open_snapshot, prune
from search_app.index.lock import LOCK_NAME, build_lock
from search_app.index.manifest import (
    SEGMENTS,
    Manifest,
    SegmentEntry,
    list_generations,
    manifest_path,
    read_manifest,
    write_manifest,
)
from search_app.index.schema import schema_fingerprint
from search_app.settings import load_settings

Make = Callable[..., Article]


@pytest.fixture
def two(make_article: Make, tmp_path: Path) -> Path:
    """Two generations: the first of one article, the second of two."""
    first, second = make_article(headline="First"), make_article(headline="Second")
    publish(tmp_path, [first], generation=1)
    publish(tmp_path, [first, second], generation=2)
    return tmp_path


# -- the manifest --------------------------------------------------------------------------------------------------


def test_a_manifest_comes_back_field_for_field(tmp_path: Path) -> None:
    manifest = Manifest(
        generation=7,
        schema=schema_fingerprint(),
        segments=(SegmentEntry("a.seg", 10, 3, (0, 2)), SegmentEntry("b.seg", 20, 4)),
        articles=5,
        archive="/archive ärchive",
        built_at="2031-03-04T05:06:07+00:00",
        seconds=1.25,
        files=9,
        skipped=(("x.md", "no headline", ""), ("y.md", "no date", "“99”")),
        catalogue=SegmentEntry("a.cat", 30, 0),
        extra={"note": [1, "two"]},
    )
    write_manifest(tmp_path, manifest, FileSystem())
    assert read_manifest(tmp_path, 7) == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["manifest-00000007.json"]


def test_every_changed_byte_and_every_truncation_of_a_manifest_is_found(two: Path) -> None:
    path = manifest_path(two, 2)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(IndexDamagedError):
            read_manifest(two, 2)
        path.write_bytes(good[:at])
        with pytest.raises(IndexDamagedError):
            read_manifest(two, 2)
    path.write_bytes(good + b"\n")
    with pytest.raises(IndexDamagedError):
        read_manifest(two, 2)


def test_a_manifest_of_another_version_says_what_to_do(two: Path) -> None:
    write_manifest(two, Manifest(3, "0.0-older", (), 0), FileSystem())
    with pytest.raises(IndexVersionError, match=r"0\.0-older.*--full"):
        read_manifest(two, 3)


def test_generations_are_listed_newest_first_and_strangers_are_no_generations(two: Path) -> None:
    for name in ("manifest-3.json", "manifest-00000003.json.tmp", "manifest-00000003.bak", "notes.txt"):
        (two / name).write_text("x", encoding="utf-8")
    (two / "manifest-100000000.json").write_text("x", encoding="utf-8")
    assert list_generations(two) == [100_000_000, 2, 1]
    assert newest_generation(two) == 100_000_000
    assert list_generations(two / "never") == []
    assert list_generations(two / "notes.txt") == []
    assert newest_generation(two / "never") == 0


def test_a_small_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """A leftover of an earlier attempt is no hindrance; a published file is replaced in one step."""
    path = tmp_path / "x.json"
    (tmp_path / "x.json.tmp").write_bytes(b"half")
    write_whole(FileSystem(), path, b"one")
    write_whole(FileSystem(), path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


# -- opening -------------------------------------------------------------------------------------------------------


def test_the_newest_generation_is_opened(two: Path) -> None:
    snapshot = open_snapshot(two)
    assert (snapshot.generation, snapshot.articles, snapshot.degraded) == (2, 2, "")
    assert open_generation(two, 1).articles == 1


@pytest.mark.parametrize("folder", ["empty", "never"])
def test_no_index_is_said_so(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexMissingError, match="search-app index"):
        open_snapshot(tmp_path / folder)


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path, Path], None]] = {
    "manifest flipped": lambda manifest, segment: _flip(manifest, 90),
    "manifest truncated": lambda manifest, segment: os.truncate(manifest, 80),
    "manifest empty": lambda manifest, segment: os.truncate(manifest, 0),
    "segment gone": lambda manifest, segment: segment.unlink(),
    "segment truncated": lambda manifest, segment: os.truncate(segment, segment.stat().st_size - 1),
    "segment empty": lambda manifest, segment: os.truncate(segment, 0),
    "segment longer": lambda manifest, segment: os.truncate(segment, segment.stat().st_size + 64),
    "segment's directory flipped": lambda manifest, segment: _flip(segment, segment.stat().st_size - 60),
    "segment of another size": lambda manifest, segment: segment.write_bytes(b"NEWSSEG1" * 99),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_newest_generation_gives_way_to_the_one_before_and_says_so(
    two: Path, damage: Callable[[Path, Path], None]
) -> None:
    damage(manifest_path(two, 2), two / SEGMENTS / "00000002-1.seg")
    snapshot = open_snapshot(two)
    assert (snapshot.generation, snapshot.articles) == (1, 1)
    assert "00000002" in snapshot.degraded and "damaged" in snapshot.degraded
    engine = EmbeddedEngine(two, load_settings({}))
    assert [hit.headline for hit in engine.search(SearchRequest()).hits] == ["First"]
    assert "00000002" in engine.status()["problem"]


def test_where_every_generation_is_damaged_the_newest_ones_error_is_told(two: Path) -> None:
    for generation in (1, 2):
        _flip(manifest_path(two, generation), 3)
    with pytest.raises(IndexDamagedError, match="00000002"):
        open_snapshot(two)


def test_a_generation_of_another_version_gives_way_too(two: Path) -> None:
    write_manifest(two, Manifest(3, "0.0-newer", (), 0), FileSystem())
    snapshot = open_snapshot(two)
    assert snapshot.generation == 2
    assert "0.0-newer" in snapshot.degraded


def test_a_manifest_that_tells_another_number_of_documents_is_damage(two: Path) -> None:
    manifest = read_manifest(two, 2)
    entry = manifest.segments[0]
    wrong = SegmentEntry(entry.name, entry.bytes, entry.docs + 1)
    write_manifest(two, Manifest(3, manifest.schema, (wrong,), 3), FileSystem())
    with pytest.raises(IndexDamagedError, match="2 documents, the manifest says 3"):
        open_generation(two, 3)


def test_an_engine_keeps_what_it_holds_when_the_disk_goes_bad(two: Path) -> None:
    """What is open keeps serving, though no generation on disk can be opened any more; the status says so."""
    engine = EmbeddedEngine(two, load_settings({}))
    assert engine.search(SearchRequest()).total == 2
    for generation in (1, 2):
        _flip(manifest_path(two, generation), 3)
    write_manifest(two, Manifest(3, "0.0-newer", (), 0), FileSystem())
    engine.refresh()
    assert engine.search(SearchRequest()).total == 2
    assert engine.status()["problem"]


def test_a_snapshot_serves_on_after_its_files_are_removed(two: Path, make_article: Make) -> None:
    """A request finishes on the generation it began with, whatever is published and pruned meanwhile."""
    snapshot = open_snapshot(two)
    for generation in (3, 4):
        publish(two, [make_article(headline="Later")], generation=generation)
    prune(two, FileSystem())
    assert not (two / SEGMENTS / "00000002-1.seg").exists()
    assert {snapshot.segments[0].article(doc).headline for doc in range(2)} == {"First", "Second"}
    assert open_snapshot(two).generation == 4


# -- removing ------------------------------------------------------------------------------------------------------


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_pruning_keeps_two_generations_and_what_they_name(two: Path, make_article: Make) -> None:
    publish(two, [make_article()], generation=3)
    (two / "manifest-00000009.json.tmp").write_text("x", encoding="utf-8")
    (two / SEGMENTS / "00000009-1.seg").write_text("x", encoding="utf-8")
    removed = prune(two, FileSystem())
    assert set(removed) == {
        "manifest-00000001.json",
        "00000001-1.seg",
        "manifest-00000009.json.tmp",
        "00000009-1.seg",
    }
    assert names(two) == {"manifest-00000002.json", "manifest-00000003.json", "00000002-1.seg", "00000003-1.seg"}
    assert prune(two, FileSystem()) == []


def test_pruning_never_counts_a_damaged_manifest_as_one_of_the_two(two: Path, make_article: Make) -> None:
    publish(two, [make_article()], generation=3)
    _flip(manifest_path(two, 3), 90)
    prune(two, FileSystem())
    assert open_snapshot(two).generation == 2
    assert open_generation(two, 1).articles == 1


def test_pruning_removes_nothing_that_an_unreadable_manifest_may_need(two: Path) -> None:
    """Only what lies above the newest generation is surely nobody's: a killed build left it."""
    for generation in (1, 2):
        _flip(manifest_path(two, generation), 90)
    (two / SEGMENTS / "00000003-1.seg").write_text("x", encoding="utf-8")
    assert prune(two, FileSystem()) == ["00000003-1.seg"]
    assert names(two / SEGMENTS) == {"00000001-1.seg", "00000002-1.seg"}


def test_segments_that_two_generations_share_stay(two: Path) -> None:
    first = read_manifest(two, 1).segments[0]
    write_manifest(two, Manifest(3, schema_fingerprint(), (first,), 1), FileSystem())
    write_manifest(two, Manifest(4, schema_fingerprint(), (first,), 1), FileSystem())
    prune(two, FileSystem())
    assert names(two / SEGMENTS) == {"00000001-1.seg"}
    assert open_snapshot(two).articles == 1


# -- the lock ------------------------------------------------------------------------------------------------------

_HOLD = """
import os, sys, time
from pathlib import Path
from search_app.index.lock import build_lock
with build_lock(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        time.sleep(120)
        os._exit(0)
    print(os.getpid(), child, flush=True)
    time.sleep(120)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds the lock of ``tmp_path``, and the pid of its child."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    assert process.stdout is not None
    pid, child = map(int, process.stdout.readline().split())
    assert pid == process.pid
    yield process, child
    process.kill()
    os.kill(child, signal.SIGKILL)
    process.communicate()


def test_a_second_holder_is_refused_and_told_of_the_first(
    holder: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, _ = holder
    with pytest.raises(BuildRunningError) as raised, build_lock(tmp_path):
        pass
    assert process.poll() is None, "it was not waited for"
    assert f"pid {process.pid}, started 20" in raised.value.holder
    assert "Nothing was changed" in str(raised.value)


def test_the_lock_is_free_once_its_holder_is_killed_even_with_children_alive(
    holder: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, child = holder
    process.kill()
    process.wait()
    os.kill(child, 0)
    with build_lock(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / LOCK_NAME).read_text(encoding="utf-8")


def test_waiting_for_the_lock_ends_when_it_is_free(holder: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    process, _ = holder
    with pytest.raises(BuildRunningError), build_lock(tmp_path, wait_seconds=0.3):
        pass
    process.kill()
    with build_lock(tmp_path, wait_seconds=20):
        pass


def test_one_process_cannot_hold_the_lock_twice(tmp_path: Path) -> None:
    """Nor does trying free it."""
    with build_lock(tmp_path):
        for folder in (tmp_path / ".." / tmp_path.name, tmp_path):
            with pytest.raises(BuildRunningError, match=f"pid {os.getpid()}"), build_lock(folder):
                pass
    assert (tmp_path / LOCK_NAME).read_bytes() == b""


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), build_lock(tmp_path):
        raise RuntimeError
    with build_lock(tmp_path):
        pass


def test_two_folders_have_two_locks(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with build_lock(tmp_path / "a"), build_lock(tmp_path / "b"):
        pass
