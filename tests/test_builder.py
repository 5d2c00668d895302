"""Builds: what they report, what they refuse, and that nothing stops one so that the index no longer answers."""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from story_archive import assert_tidy, found, write_stories, write_story

from search_app.errors import ArchiveError, BuildRefusedError, BuildRunningError, SearchAppError
from search_app.index.builder import BuildReport, build_index
from search_app.index.generation import open_snapshot
from search_app.index.lock import build_lock
from search_app.index.manifest import SEGMENTS, list_generations, read_manifest
from search_app.settings import load_settings


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """An archive of ten articles."""
    return write_stories(tmp_path / "stories")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def summary(report: BuildReport) -> tuple[int, int, int, int, int]:
    return report.articles, report.new, report.changed, report.gone, len(report.skipped)


def test_a_build_reports_what_is_new_changed_and_gone(stories: Path, index: Path) -> None:
    assert summary(build_index(stories, index, jobs=1)) == (10, 10, 0, 0, 0)
    write_story(stories, 11, "A new one")
    write_story(stories, 12, "Another new one")
    write_story(stories, 3, "Quay 3 opens", "Now more is known.")
    (stories / "news/2031/10/5/story-5.md").unlink()
    (stories / "news/2031/10/6/bad.md").write_text("no headline here\n", encoding="utf-8")
    report = build_index(stories, index, jobs=1)
    assert summary(report) == (11, 2, 1, 1, 1)
    assert (report.generation, report.published) == (2, True)
    assert found(index)[:2] == ["Another new one", "A new one"]
    manifest = read_manifest(index, 2)
    assert (manifest.articles, manifest.archive, len(manifest.skipped)) == (11, str(stories.resolve()), 1)
    assert_tidy(index)


def test_building_twice_from_the_same_files_changes_nothing_that_is_found(stories: Path, index: Path) -> None:
    """And the segments have the same bytes, for any number of processes."""
    build_index(stories, index, jobs=1)
    first = (index / SEGMENTS / read_manifest(index, 1).segments[0].name).read_bytes()
    report = build_index(stories, index, jobs=2, full=True)
    assert summary(report) == (10, 0, 0, 0, 0)
    newest = open_snapshot(index)
    assert newest.segments[0].path.read_bytes() == first
    assert_tidy(index)


def test_two_generations_are_kept(stories: Path, index: Path) -> None:
    for day in range(11, 15):
        write_story(stories, day, "More")
        build_index(stories, index, jobs=1)
    assert list_generations(index) == [4, 3]
    assert_tidy(index)


def test_a_great_loss_is_refused_unless_forced(stories: Path, index: Path) -> None:
    """Two of ten may go, three may not; the index that served before stands."""
    build_index(stories, index, jobs=1)
    for day in (1, 2):
        shutil.rmtree(stories / f"news/2031/10/{day}")
    assert build_index(stories, index, jobs=1).gone == 2
    for day in (3, 4):
        shutil.rmtree(stories / f"news/2031/10/{day}")
    with pytest.raises(BuildRefusedError, match=r"now has 6 articles; the index that serves has 8.*--force"):
        build_index(stories, index, jobs=1)
    assert len(found(index)) == 8
    assert_tidy(index)
    assert build_index(stories, index, jobs=1, force=True).gone == 2
    assert len(found(index)) == 6
    assert_tidy(index)


def test_how_much_may_be_lost_is_a_setting(stories: Path, index: Path) -> None:
    build_index(stories, index, jobs=1)
    shutil.rmtree(stories / "news/2031/10/1")
    with pytest.raises(BuildRefusedError):
        build_index(stories, index, jobs=1, settings=load_settings({}, max_lost_percent=5))
    assert build_index(stories, index, jobs=1, settings=load_settings({}, max_lost_percent=10)).articles == 9


@pytest.mark.parametrize("kind", ["missing", "empty", "a file"])
def test_an_archive_that_cannot_be_read_leaves_the_index_as_it_was(stories: Path, index: Path, kind: str) -> None:
    build_index(stories, index, jobs=1)
    archive = stories.parent / "other"
    if kind == "empty":
        archive.mkdir()
    elif kind == "a file":
        archive.write_text("x", encoding="utf-8")
    for force in (False, True):
        with pytest.raises(ArchiveError):
            build_index(archive, index, jobs=1, force=force)
    assert len(found(index)) == 10
    assert_tidy(index)


def test_an_index_folder_that_is_a_file_is_refused_in_a_sentence(stories: Path, index: Path) -> None:
    index.write_text("x", encoding="utf-8")
    with pytest.raises(SearchAppError, match="is not a folder"):
        build_index(stories, index, jobs=1)
    assert index.read_text(encoding="utf-8") == "x"


def test_progress_is_told_by_step(stories: Path, index: Path) -> None:
    """Each step ends at its full count."""
    told: dict[str, tuple[int, int]] = {}
    build_index(stories, index, jobs=1, progress=lambda step, done, total: told.update({step: (done, total)}))
    assert set(told) >= {"reading", "indexing", "verifying"}
    assert all(done == total for done, total in told.values())


def test_cycles_are_not_looked_for_while_a_build_runs_but_are_afterwards(stories: Path, index: Path) -> None:
    seen = []
    build_index(stories, index, progress=lambda step, done, total: seen.append((step, gc.isenabled())))
    assert ("indexing", False) in seen
    assert not any(enabled for _, enabled in seen)
    assert gc.isenabled()
    shutil.rmtree(stories / "news")
    with pytest.raises(ArchiveError):
        build_index(stories, index)
    assert gc.isenabled()


def test_a_build_while_another_runs_is_refused(stories: Path, index: Path) -> None:
    build_index(stories, index, jobs=1)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(index)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(BuildRunningError) as raised:
            build_index(stories, index, jobs=1)
        assert f"pid {holder.pid}" in raised.value.holder
    finally:
        holder.kill()
        holder.communicate()
    assert build_index(stories, index, jobs=1, full=True).articles == 10


_HOLD = """
import sys, time
from pathlib import Path
from search_app.index.lock import build_lock
with build_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


# -- killed ----------------------------------------------------------------------------------------------------------


def test_builds_killed_at_any_moment_leave_an_index_that_answers(stories: Path, index: Path) -> None:
    """``kill -9`` at ten moments: each time the index answers; at the end a build works and leaves nothing behind."""
    build_index(stories, index, jobs=1)
    write_story(stories, 11, "Eleventh")
    for moment in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", _BUILD, str(stories), str(index)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        try:
            assert child.stdout is not None and child.stdout.readline() == "building\n"
            try:
                child.wait(moment * 0.005)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        finally:
            child.kill()
            child.communicate()
        assert len(found(index)) in (10, 11)
        assert open_snapshot(index).degraded == ""
    assert build_index(stories, index, jobs=1).articles == 11
    assert_tidy(index)
    with build_lock(index):
        assert len(found(index)) == 11


_BUILD = """
import sys
from pathlib import Path
from search_app.index.builder import build_index
print("building", flush=True)
build_index(Path(sys.argv[1]), Path(sys.argv[2]), jobs=1)
"""
