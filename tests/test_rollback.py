"""Rollback and prune: the generation before serves again under a new number, and what nobody needs goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from index_making import extents
from program import run, run_process
from story_archive import assert_tidy, found, write_stories, write_story

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import BuildRunningError, IndexMissingError, RollbackError
from search_app.index.builder import build_index
from search_app.index.files import FileSystem
from search_app.index.generation import open_snapshot
from search_app.index.lock import build_lock
from search_app.index.manifest import SEGMENTS, list_generations, manifest_path, read_manifest
from search_app.index.rollback import prune_index, roll_back


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """An archive of eleven articles, the last of which came later."""
    return write_stories(tmp_path / "stories")


@pytest.fixture
def index(stories: Path, tmp_path: Path) -> Path:
    """An index of two generations: ten articles, then eleven."""
    folder = tmp_path / "index"
    build_index(stories, folder, jobs=1)
    write_story(stories, 11, "Eleventh")
    build_index(stories, folder, jobs=1)
    return folder


def test_a_rollback_brings_the_answers_of_before_under_a_new_number(index: Path) -> None:
    """A server notices it as it notices a build, and what was left behind is not fallen back to."""
    engine = EmbeddedEngine(index)
    assert engine.search(SearchRequest("eleventh")).total == 1
    built_at = read_manifest(index, 1).built_at
    report = roll_back(index)
    assert (report.left, report.back_to, report.generation, report.articles) == (2, 1, 3, 10)
    assert report.built_at == built_at
    engine.refresh()
    assert (engine.search(SearchRequest("eleventh")).total, engine.status()["generation"]) == (0, 3)
    assert list_generations(index) == [3, 1]
    assert_tidy(index)
    engine.close()


def test_the_next_run_goes_on_from_there(stories: Path, index: Path) -> None:
    roll_back(index)
    write_story(stories, 12, "Twelfth")
    report = build_index(stories, index, jobs=1)
    assert (report.generation, report.new, report.changed, report.gone) == (4, 2, 0, 0)
    assert found(index)[:3] == ["Twelfth", "Eleventh", "Quay 10 opens"]
    assert list_generations(index) == [4, 3]
    assert_tidy(index)
    # And back from there: the generation of before, which is that of the first rollback.
    assert roll_back(index).back_to == 3
    assert len(found(index)) == 10
    assert_tidy(index)


def test_an_archive_that_is_as_it_was_has_nothing_to_do_after_a_rollback(stories: Path, index: Path) -> None:
    (stories / "news/2031/10/11/story-11.md").unlink()
    for path in stories.rglob("*.md"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    build_index(stories, index, jobs=1)
    write_story(stories, 12, "Twelfth")
    build_index(stories, index, jobs=1)
    roll_back(index)
    (stories / "news/2031/10/12/story-12.md").unlink()
    report = build_index(stories, index, jobs=1)
    assert (report.published, report.generation, report.articles) == (False, 5, 10)


def test_there_is_one_way_back_and_then_none(index: Path) -> None:
    roll_back(index)
    with pytest.raises(RollbackError, match=r"no earlier generation.*Nothing was changed"):
        roll_back(index)
    assert list_generations(index) == [3, 1]
    assert_tidy(index)


def test_a_first_build_has_no_way_back(stories: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        roll_back(tmp_path / "never")
    assert not (tmp_path / "never").exists()
    build_index(stories, tmp_path / "first", jobs=1)
    with pytest.raises(RollbackError):
        roll_back(tmp_path / "first")
    assert_tidy(tmp_path / "first")


def test_a_damaged_generation_is_not_gone_back_to(index: Path) -> None:
    """Every byte is read before, not only what opening reads."""
    path = index / SEGMENTS / "00000001-1.seg"
    data = bytearray(path.read_bytes())
    data[extents(path)["headline.docs"][0]] ^= 1
    path.write_bytes(data)
    with pytest.raises(RollbackError):
        roll_back(index)
    assert open_snapshot(index).generation == 2


def test_from_a_damaged_generation_there_is_a_way_back(index: Path) -> None:
    manifest_path(index, 2).write_bytes(b"")
    assert roll_back(index).generation == 3
    assert open_snapshot(index).degraded == ""
    assert len(found(index)) == 10
    assert_tidy(index)


class StoppingDisk(FileSystem):
    """A disk on which nothing is removed any more: the process has gone."""

    def remove(self, path: Path) -> None:
        if path.suffix != ".tmp":
            raise KeyboardInterrupt


def test_a_rollback_that_is_stopped_once_published_is_finished_by_the_next_run(stories: Path, index: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        roll_back(index, files=StoppingDisk())
    assert list_generations(index) == [3, 2, 1]
    assert len(found(index)) == 10
    with pytest.raises(RollbackError):  # What was left behind is no way back.
        roll_back(index)
    build_index(stories, index, jobs=1)
    assert list_generations(index) == [4, 3]
    assert_tidy(index)


def test_pruning_removes_what_nobody_names_and_says_what(index: Path) -> None:
    (index / SEGMENTS / "00000009-1.seg").write_bytes(b"half")
    (index / "manifest-00000009.json.tmp").write_bytes(b"{")
    expected = [("manifest-00000009.json.tmp", 1), ("00000009-1.seg", 4)]
    assert prune_index(index, dry_run=True) == expected
    assert (index / SEGMENTS / "00000009-1.seg").exists()
    assert prune_index(index) == expected
    assert prune_index(index) == []
    assert_tidy(index)
    with pytest.raises(IndexMissingError):
        prune_index(index / "never")


def test_neither_meets_a_build(index: Path) -> None:
    """What a running build has written is named by nobody yet."""
    with build_lock(index):
        for call in (roll_back, prune_index):
            with pytest.raises(BuildRunningError):
                call(index)


def test_the_commands(index: Path) -> None:
    (index / SEGMENTS / "00000009-1.seg").write_bytes(b"half")
    done = run("prune", "--dry-run", "--index", index)
    assert (done.returncode, done.stdout, done.stderr) == (0, "00000009-1.seg\n1 file to remove, 4 bytes.\n", "")
    done = run("prune", "--index", index)
    assert done.stdout == "00000009-1.seg\n1 file removed, 4 bytes.\n"
    done = run("rollback", "--index", index)
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 articles: generation 1 serves again, as generation 3; generation 2 is left behind." in done.stdout
    done = run("rollback", "--index", index)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "no earlier generation" in done.stderr
    with build_lock(index):
        done = run_process("rollback", "--index", index)
        assert (done.returncode, f"pid {os.getpid()}" in done.stderr) == (75, True)
    for name in ("rollback", "prune"):
        done = run(name, "--index", index / "never")
        assert (done.returncode, "There is no index in" in done.stderr) == (1, True)
