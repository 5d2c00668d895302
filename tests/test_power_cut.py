"""Power cuts at every single operation of a build: what is found afterwards is the old answers or the new, exactly.

A build is recorded once; then the power is cut after each of its operations, what was not synced is damaged, and the
index that is left is opened, read and built again. The same test is run on disks that forget one of the steps which
make a build safe, and has to notice each of them.
"""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import SEED
from power_cut import NoFileSync, NoFolderSync, Platter, RecordingDisk, RenameBeforeSync, write_out
from story_archive import assert_tidy, write_stories, write_story

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import IndexMissingError, SearchAppError
from search_app.index.builder import build_index
from search_app.index.generation import damage, open_snapshot
from search_app.index.manifest import SEGMENTS, manifest_path, read_manifest, sizes_of
from search_app.index.rollback import roll_back

ROUNDS = int(os.environ.get("POWER_CUT_ROUNDS", "1"))
"""Cuts after each operation, each with a seed of its own."""
REQUESTS = (
    SearchRequest(per_page=100),
    SearchRequest("quay opens", facet_size=100),
    SearchRequest('"nothing more" OR elev*', sort="oldest"),
    SearchRequest("known", source=("Amaro Courier",)),
)
NOTHING = "no index"


# When a build found an article: two builds of the same files may fall into different seconds.
_MOMENT = re.compile(r"(first_seen|last_changed)=(datetime\.datetime\([^()]*\)|None)")


def answers(index: Path) -> str:
    """Return what an index answers to a few searches, without what differs from run to run."""
    engine = EmbeddedEngine(index)
    try:
        results = [replace(engine.search(request), took_ms=0.0, generation=0) for request in REQUESTS]
        told = repr([*results, engine.suggest("q"), [engine.article(hit.path) for hit in results[0].hits]])
        return _MOMENT.sub("", told)
    except IndexMissingError:
        return NOTHING
    finally:
        engine.close()


@dataclass(frozen=True)
class Story:
    """A recorded build: the folder before it, its operations, and the answers before and after.

    ended : whether it came to its end; else it failed, and ``new`` is what readers may have seen for a moment.
    """

    before: Platter
    disk: RecordingDisk
    old: str
    new: str
    ended: bool = True

    @property
    def end(self) -> str:
        """The answers that must be found once the build is over."""
        return self.new if self.ended else self.old

    @property
    def safe_from(self) -> int:
        """After how many operations no power cut can change the answers any more."""
        operations = self.disk.operations
        if not self.ended:
            return len(operations)
        named = [n for n, made in enumerate(operations) if made.kind == "rename" and "manifest-" in made.target]
        synced = [n for n, made in enumerate(operations) if made.kind == "sync folder" and named and n > named[-1]]
        # A disk that never syncs the folder has said that all is well at the end all the same.
        return synced[0] + 1 if synced else len(operations)


class Bench:
    """A folder with an archive and an index, builds of it that are recorded, and what a cut leaves of them."""

    def __init__(self, folder: Path) -> None:
        self.stories = write_stories(folder / "stories")
        self.root = folder / "disk"
        self.index = self.root / "index"
        self.root.mkdir()
        self._known: dict[tuple[tuple[str, bytes], ...], str] = {}

    def build(self, disk: RecordingDisk | None = None, full: bool = False) -> None:
        """Build as ever, or on a given disk."""
        build_index(self.stories, self.index, jobs=1, full=full, files=disk or RecordingDisk(self.root))

    def record(self, kind: type[RecordingDisk], act: Callable[[RecordingDisk], object], new: str = "") -> Story:
        """Record what something does to the index; the index is afterwards as it was before.

        new : answers that it would lead to if it did not fail.
        """
        (self.index / "build.lock").unlink(missing_ok=True)
        before, kept, old = Platter.of(self.root), self.root.with_name("kept"), answers(self.index)
        shutil.copytree(self.root, kept)
        disk, ended = kind(self.root), True
        try:
            act(disk)
        except SearchAppError:
            ended = False
        found = answers(self.index)
        shutil.rmtree(self.root)
        kept.rename(self.root)
        story = Story(before, disk, old, found if ended else new, ended)
        assert found == story.end
        return story

    def cuts(self, story: Story, rounds: int = 1, salt: object = "", start: int = 0) -> Iterator[tuple[int, str]]:
        """Cut the power after every operation; yield after which one, and what is wrong afterwards, ``""`` for nothing.

        start : operations after which the first cut comes. When it is yielded, the folder is what the cut has left; at
        the end it is what it was before the build.
        """
        for turn in range(rounds):
            platter = story.before.copy()
            for done in range(len(story.disk.operations) + 1):
                if done:
                    platter.apply(story.disk.operations[done - 1])
                if done < start:
                    continue
                write_out(self.root, platter.cut(random.Random(f"{SEED} {salt} {turn} {done}")))
                yield done, self.wrong(story, done)
        write_out(self.root, story.before.at_rest())

    def wrong(self, story: Story, done: int) -> str:
        """Return what is wrong with the index in the folder, ``""`` for nothing."""
        try:
            found = self.answers()
        except SearchAppError as error:
            return f"it cannot be opened: {error}"
        if found not in (story.old, story.new):
            return "it answers neither as before nor as after"
        if done >= story.safe_from and found != story.end:
            return "the build was over, and its answers are lost"
        if found == NOTHING:
            return ""
        snapshot = open_snapshot(self.index)
        problems = damage(self.index, sizes_of(snapshot.manifest))
        return snapshot.degraded or "; ".join(problems)

    def answers(self) -> str:
        """Return what the index in the folder answers; the same bytes are asked once."""
        try:
            manifest = open_snapshot(self.index).manifest
        except IndexMissingError:
            return NOTHING
        files = sorted(sizes_of(manifest))
        paths = [self.index / SEGMENTS / name for name in files]
        key = tuple((path.name, path.read_bytes() if path.exists() else b"") for path in paths)
        if key not in self._known:
            self._known[key] = answers(self.index)
        return self._known[key]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def two_builds(bench: Bench) -> None:
    """Let two generations be there, as after any second build; what comes next has something to remove."""
    bench.build()
    write_story(bench.stories, 11, "Eleventh")
    bench.build()
    write_story(bench.stories, 12, "Twelfth")
    write_story(bench.stories, 3, "Quay 3 closes")
    (bench.stories / "news/2031/10/5/story-5.md").unlink()


ACTS: dict[str, Callable[[Bench, RecordingDisk], object]] = {
    "a full build": lambda bench, disk: bench.build(disk, full=True),
    "an update": lambda bench, disk: bench.build(disk),
    "a rollback": lambda bench, disk: roll_back(bench.index, files=disk),
}


def assert_survives(bench: Bench, story: Story, rounds: int = 1, salt: object = "") -> None:
    """After a cut at any operation the index answers as before or after, and the next build works and tidies up."""
    operations = story.disk.operations
    seen = set()
    for done, wrong in bench.cuts(story, rounds, salt):
        assert wrong == "", (done, operations[done - 1])
        seen.add(bench.answers())
        # Most operations are writes to the file that was just being written: for the next build they are one.
        if done % 25 == 0 or operations[min(done, len(operations) - 1)].kind != "write":
            bench.build()
            assert_tidy(bench.index)
            assert open_snapshot(bench.index).articles == len(list(bench.stories.rglob("*.md")))
    assert seen == {story.old, story.new}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_power_cut_at_any_operation_leaves_the_old_answers_or_the_new(
    bench: Bench, act: Callable[[Bench, RecordingDisk], object]
) -> None:
    two_builds(bench)
    story = bench.record(RecordingDisk, lambda disk: act(bench, disk))
    assert story.ended
    assert story.old != story.new
    assert_survives(bench, story, ROUNDS)


def test_a_power_cut_at_any_operation_of_a_first_build_leaves_nothing_or_all(bench: Bench) -> None:
    """The folder of the index, and its own name in its parent, included."""
    story = bench.record(RecordingDisk, bench.build)
    assert story.old == NOTHING
    assert_survives(bench, story, ROUNDS)


class TroubledDisk(RecordingDisk):
    """A disk on which one operation fails that has to do with a manifest or a name; its power goes a little later."""

    fails_at = 0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._count = 0

    def record(self, kind: str, path: Path, target: Path | None = None, data: bytes = b"") -> None:
        super().record(kind, path, target, data)
        if kind in ("sync folder", "rename", "remove") or path.suffix == ".tmp":
            self._count += 1
            if self._count == self.fails_at:
                raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_power_cut_after_a_build_that_failed_leaves_the_old_answers(bench: Bench) -> None:
    """What a failed build takes back stays taken back. Each operation around publishing fails once."""
    two_builds(bench)
    new = bench.record(RecordingDisk, bench.build).new
    failed = seen_for_a_moment = 0
    for at in range(1, 14):
        story = bench.record(type("Troubled", (TroubledDisk,), {"fails_at": at}), bench.build, new)
        if story.ended:
            # What fails once a build has published is only the removal of what nobody needs.
            continue
        failed += 1
        operations = story.disk.operations
        for done, wrong in bench.cuts(story, rounds=2, salt=at, start=len(operations) - 12):
            assert wrong == "", (at, done, operations[done - 1])
            seen_for_a_moment += bench.answers() == new
    assert failed >= 5
    assert seen_for_a_moment


FORGETFUL: dict[str, type[RecordingDisk]] = {
    "no file is synced": NoFileSync,
    "no folder is synced": NoFolderSync,
    "a manifest is renamed before it is synced": RenameBeforeSync,
} | {
    f"no {ending} is synced": type("Variant", (NoFileSync,), {"ending": ending})
    for ending in (".seg", ".cat", ".seen", ".sug", ".tmp")
}
FORGETFUL |= {
    f"the folder {folder} is not synced": type("Variant", (NoFolderSync,), {"folder": folder})
    for folder in ("index", "segments")
}


@pytest.mark.parametrize("kind", FORGETFUL.values(), ids=FORGETFUL)
def test_a_disk_that_forgets_a_step_is_caught(bench: Bench, kind: type[RecordingDisk]) -> None:
    """A test of survival that cannot fail proves nothing: each step that is left out must make the same test fail."""
    two_builds(bench)
    story = bench.record(kind, lambda disk: bench.build(disk))
    # What is forgotten shows late in a build: a cut before anything is published harms nobody.
    start = len(story.disk.operations) - 15
    assert any(wrong for _, wrong in bench.cuts(story, rounds=20, salt="forgets", start=start))


def test_a_first_build_whose_folder_is_not_synced_is_caught(bench: Bench) -> None:
    kind = type("Variant", (NoFolderSync,), {"folder": "disk"})
    story = bench.record(kind, bench.build)
    start = len(story.disk.operations) - 3
    assert any(wrong for _, wrong in bench.cuts(story, rounds=20, salt="forgets", start=start))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to name the files that are synced")
def test_the_real_disk_is_asked_in_that_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of a generation whole, their folder, the manifest, its rename, its folder: by the system's calls."""
    two_builds(bench)
    told: list[tuple[str, int]] = []
    sync, rename = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        sync(descriptor)
        told.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), os.fstat(descriptor).st_size))

    def renamed(source: Path, target: Path) -> None:
        assert told[-1] == (str(source), source.stat().st_size)
        rename(source, target)
        told.append((str(target), -1))

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    build_index(bench.stories, bench.index, jobs=1)
    manifest = read_manifest(bench.index, 3)
    at = told.index((str(manifest_path(bench.index, 3)), -1))
    folders = [n for n, (name, _) in enumerate(told) if name == str(bench.index / SEGMENTS)]
    made = {(name, size) for name, size in sizes_of(manifest).items() if name.startswith("00000003")}
    assert {(Path(name).name, size) for name, size in told[: folders[-1]]} >= made
    assert len(made) == 4
    assert folders[-1] < at
    assert told[at + 1][0] == str(bench.index)
