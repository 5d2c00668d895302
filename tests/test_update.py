"""Updates, case by case: what is read, what is published, what stays as it is."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from changing_archive import (
    HEADLINES,
    NAMES,
    PATHS,
    ChangingArchive,
    Draft,
    Line,
    fixed_articles,
)
from updating import (
    TODAY,
    Unsynced,
    articles_of,
    assert_same_index,
    assert_tidy,
    most_segments,
)

from search_app.archive import reader
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import IndexVersionError, WorkerDiedError
from search_app.index import builder, catalogue, gather, manifest, records, segment, writer
from search_app.index.builder import BuildReport, build_index
from search_app.index.generation import open_snapshot
from search_app.index.manifest import SEGMENTS, list_generations
from search_app.settings import load_settings


@pytest.fixture
def changing(tmp_path: Path) -> ChangingArchive:
    """An archive of 96 fixed articles and six files that link to each other, all untouched for years.

    Three of the six are versions of others, by their headlines.
    """
    made = ChangingArchive(tmp_path / "archive")
    for file, draft in fixed_articles().items():
        made.put(file, draft)
    for n, path in enumerate(PATHS[:6]):
        made.put(path + ".md", Draft(HEADLINES[n], related=(Line(PATHS[(n + 1) % 6], NAMES[n : n + 2]),)))
    return made


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def update(changing: ChangingArchive, index: Path, **options: Any) -> BuildReport:
    return build_index(changing.root, index, jobs=1, files=Unsynced(), **options)


def counts(report: BuildReport) -> tuple[int, int, int]:
    return report.new, report.changed, report.gone


def assert_up_to_date(changing: ChangingArchive, index: Path, tmp_path: Path) -> None:
    """The index is what a build from nothing makes."""
    full = tmp_path / "full"
    shutil.rmtree(full, ignore_errors=True)
    build_index(changing.root, full, jobs=1, files=Unsynced())
    assert_same_index(index, full, EmbeddedEngine(index, load_settings({}), today=TODAY))
    assert_tidy(index)


def files_and_bytes(index: Path) -> dict[str, bytes]:
    """What is a function of the archive alone: not when its articles were seen."""
    return {path.name: path.read_bytes() for path in (index / SEGMENTS).iterdir() if path.suffix != ".seen"}


class Counted:
    """Counts the files that a build reads, by the progress that it tells."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self, step: str, done: int, total: int) -> None:
        if step == "reading":
            self.read = total


def test_where_nothing_changed_nothing_is_published(changing: ChangingArchive, index: Path) -> None:
    update(changing, index)
    before = files_and_bytes(index)
    report = update(changing, index)
    assert (report.published, report.generation, report.articles) == (False, 1, 99)
    assert counts(report) == (0, 0, 0)
    assert list_generations(index) == [1]
    assert files_and_bytes(index) == before


def test_what_was_skipped_is_named_again_where_nothing_changed(changing: ChangingArchive, index: Path) -> None:
    changing.write("news/2031/10/9/empty.md", b"")
    first = update(changing, index)
    again = update(changing, index)
    assert not again.published
    assert [item.file for item in again.skipped] == ["news/2031/10/9/empty.md"]
    assert again.skipped == first.skipped


@pytest.mark.parametrize("edited", [False, True], ids=["full build", "update"])
def test_segments_and_catalogue_have_the_same_bytes_for_any_number_of_processes(
    tmp_path: Path, edited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And for building twice. The bounds below which one process does all are lowered so that there are two."""
    monkeypatch.setattr(reader, "_FILES_A_PROCESS", 40)
    monkeypatch.setattr(reader, "CHUNK_FILES", 7)
    monkeypatch.setattr(gather, "PART_DOCS", 2 * records.RELATED_DOCS)
    monkeypatch.setattr(gather, "_DOCS_A_PROCESS", 40)
    archive = ChangingArchive(tmp_path / "archive")
    made = []
    for name, jobs in (("one", 1), ("two", 2), ("again", 2)):
        shutil.rmtree(archive.root, ignore_errors=True)
        archive = ChangingArchive(tmp_path / "archive")
        for file, draft in fixed_articles().items():
            archive.put(file, draft)
        build_index(archive.root, tmp_path / name, jobs=jobs)
        if edited:
            for n in range(60):
                archive.put(f"news/2031/09/{n % 28 + 1}/fixed-{n}.md", Draft(f"Edited story {n}"))
            report = build_index(archive.root, tmp_path / name, jobs=jobs)
            assert report.changed >= 60
        made.append(files_and_bytes(tmp_path / name))
    assert made[0] == made[1] == made[2]
    assert len(made[0]) >= 2


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "empty"])
def test_a_catalogue_that_cannot_be_read_leads_to_a_full_build(
    changing: ChangingArchive, index: Path, tmp_path: Path, damage: str
) -> None:
    update(changing, index)
    [path] = (index / SEGMENTS).glob("*.cat")
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        spoiled = {"cut": data[: len(data) // 2], "flipped": flipped(data), "empty": b""}[damage]
        path.write_bytes(spoiled)
    changing.put(PATHS[0] + ".md", Draft("Another headline"))
    counted = Counted()
    report = update(changing, index, progress=counted)
    assert report.published
    assert counted.read == len(changing.files())
    # The damaged generation is kept as the one before until the next build.
    assert update(changing, index, full=True).published
    assert_up_to_date(changing, index, tmp_path)


@pytest.mark.parametrize("edited", [False, True], ids=["nothing changed", "edited"])
def test_a_catalogue_of_another_form_leads_to_a_full_build(
    changing: ChangingArchive, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: bool
) -> None:
    with monkeypatch.context() as other:
        other.setattr(catalogue, "FORMAT", "catalogue 1")
        update(changing, index)
    if edited:
        changing.put(PATHS[5] + ".md", Draft("Another headline"))
    counted = Counted()
    report = update(changing, index, progress=counted)
    assert counted.read == len(changing.files())
    assert (report.published, counts(report)[0]) == (True, 0)
    assert not update(changing, index).published
    update(changing, index, full=True)
    assert_up_to_date(changing, index, tmp_path)


def flipped(data: bytes) -> bytes:
    """Return data with one bit of every 64th byte the other way round."""
    return bytes(byte ^ 1 if n % 64 == 40 else byte for n, byte in enumerate(data))


def test_an_index_of_another_version_is_refused_by_readers_and_built_anew(
    changing: ChangingArchive, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        for module in (manifest, segment, writer, catalogue, builder):
            other.setattr(module, "schema_fingerprint", lambda: "0-of-another-version")
        update(changing, index)
    with pytest.raises(IndexVersionError) as raised:
        EmbeddedEngine(index, load_settings({})).search(SearchRequest())
    assert raised.value.found == "0-of-another-version"
    assert "--full" in str(raised.value)
    report = update(changing, index)
    assert (report.published, report.generation, report.articles) == (True, 2, 99)
    assert EmbeddedEngine(index, load_settings({})).search(SearchRequest()).total == 99
    update(changing, index, full=True)
    update(changing, index, full=True)
    assert_up_to_date(changing, index, tmp_path)


def test_an_archive_that_moved_is_read_whole_and_changes_no_article(
    changing: ChangingArchive, index: Path, tmp_path: Path
) -> None:
    update(changing, index)
    changing.root = changing.root.rename(tmp_path / "moved")
    counted = Counted()
    report = update(changing, index, progress=counted)
    assert counted.read == len(changing.files())
    assert counts(report) == (0, 0, 0)
    assert open_snapshot(index).manifest.archive == str((tmp_path / "moved").resolve())
    assert_up_to_date(changing, index, tmp_path)


def test_touching_every_file_changes_no_article(changing: ChangingArchive, index: Path, tmp_path: Path) -> None:
    update(changing, index)
    before = [entry.name for entry in open_snapshot(index).manifest.segments]
    for file in changing.files():
        changing.settle(file)
    assert counts(update(changing, index)) == (0, 0, 0)
    assert [entry.name for entry in open_snapshot(index).manifest.segments] == before
    assert_up_to_date(changing, index, tmp_path)


def test_only_what_changed_is_read(changing: ChangingArchive, index: Path) -> None:
    update(changing, index)
    file = PATHS[5] + ".md"
    changing.put(file, replace(changing.drafts[file], summary="Nobody was hurt."))
    counted = Counted()
    report = update(changing, index, progress=counted)
    assert (counted.read, counts(report)) == (1, (0, 1, 0))


def test_a_file_just_written_is_read_again_even_where_its_stat_stays(changing: ChangingArchive, index: Path) -> None:
    """A second write within one tick of the disk's clock leaves size and time as they were."""
    file = PATHS[0] + ".md"
    changing.put(file, Draft("First wording"), settled=False)
    stamp = (changing.root / file).stat().st_mtime_ns
    update(changing, index)
    changing.put(file, Draft("Other wording"))
    os.utime(changing.root / file, ns=(stamp, stamp))
    assert counts(update(changing, index)) == (0, 1, 0)
    assert articles_of(index)["/" + PATHS[0]].headline == "Other wording"


def test_a_readme_counts_while_the_index_beside_it_cannot_be_used(
    changing: ChangingArchive, index: Path, tmp_path: Path
) -> None:
    """Each of the two that comes, goes or is spoiled changes what the other is worth."""
    day = "news/2031/10/3/"
    here, there = Line(PATHS[0], ("Named by index",)), Line(PATHS[0], ("Named by readme",))
    changing.list(day + "index.md", (here,))
    changing.list(day + "README.md", (there,))

    def names() -> set[str]:
        update(changing, index)
        assert_up_to_date(changing, index, tmp_path)
        return {name for name in articles_of(index)["/" + PATHS[0]].contexts if name.startswith("Named")}

    assert names() == {"Named by index"}
    changing.write(day + "index.md", b"\xe9" * 300)
    assert names() == {"Named by readme"}
    changing.list(day + "README.md", (replace(there, names=("Named anew",)),))
    assert names() == {"Named anew"}
    changing.list(day + "index.md", (here,))
    assert names() == {"Named by index"}
    changing.remove(day + "index.md")
    assert names() == {"Named anew"}
    changing.list(day + "index.md", ())
    assert names() == set()
    changing.remove(day + "README.md")
    assert names() == set()


def test_a_file_that_could_not_be_read_is_tried_again(
    changing: ChangingArchive, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails leaves size and time of the file as they are."""
    file = PATHS[5] + ".md"
    read = reader._read_bytes

    def failing(path: str, limit: int) -> bytes:
        if path.endswith(file):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(path, limit)

    with monkeypatch.context() as failed:
        failed.setattr(reader, "_read_bytes", failing)
        assert [item.file for item in update(changing, index).skipped] == [file]
        assert [item.file for item in update(changing, index).skipped] == [file]
    report = update(changing, index)
    assert (report.new, report.skipped) == (1, ())
    assert_up_to_date(changing, index, tmp_path)


def test_a_file_that_another_limit_takes_or_leaves_comes_and_goes(changing: ChangingArchive, index: Path) -> None:
    """The file itself stays as it is."""
    changing.put("news/2031/10/9/long.md", Draft("A long story", "and so on " * 300))
    small = load_settings({}, max_file_bytes=2048)
    update(changing, index)
    assert (update(changing, index, settings=small).gone, len(articles_of(index))) == (1, 99)
    assert (update(changing, index).new, len(articles_of(index))) == (1, 100)


def test_fifty_updates_leave_few_segments_and_no_more_bytes_than_twice_a_full_build(
    changing: ChangingArchive, index: Path, tmp_path: Path
) -> None:
    update(changing, index)
    sizes, numbers = [], []
    for n in range(50):
        changing.put(f"news/2031/11/{n % 28 + 1}/late-{n}.md", Draft(f"Late story {n}", related=(Line(PATHS[n % 15]),)))
        changing.put(PATHS[n % 6] + ".md", Draft(f"Edited {n}"))
        if n % 3 == 0:
            changing.remove(f"news/2031/09/{n % 28 + 1}/fixed-{n}.md")
        update(changing, index)
        newest = open_snapshot(index).manifest
        numbers.append(len(newest.segments))
        sizes.append(sum(entry.bytes for entry in newest.segments))
        assert all(len(entry.deleted) * 4 <= entry.docs for entry in newest.segments)
        assert numbers[-1] <= most_segments(newest.articles)
    assert_up_to_date(changing, index, tmp_path)
    alone = sum(entry.bytes for entry in open_snapshot(tmp_path / "full").manifest.segments)
    # A small segment has its share of directory and padding, about 10 kB, whatever it holds.
    assert max(sizes) <= 2 * alone + 10_000 * max(numbers)
    # Rewriting is what keeps them few: it must have happened, but not each time.
    assert 1 < max(numbers) < 10
    assert any(a > b for a, b in pairwise(numbers))


@pytest.mark.parametrize("step", ["reading", "indexing"])
def test_a_worker_that_is_killed_stops_the_build_and_nothing_is_published(
    changing: ChangingArchive, index: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    update(changing, index)
    before = files_and_bytes(index)
    for n in range(60):
        changing.put(f"news/2031/09/{n % 28 + 1}/fixed-{n}.md", Draft(f"Edited story {n}"))
    monkeypatch.setattr(reader, "_FILES_A_PROCESS", 10 if step == "reading" else 1500)
    monkeypatch.setattr(reader, "CHUNK_FILES", 7)
    monkeypatch.setattr(gather, "PART_DOCS", records.RELATED_DOCS)
    monkeypatch.setattr(gather, "_DOCS_A_PROCESS", 10)
    parent = os.getpid()
    name, owner = ("parse_page", reader) if step == "reading" else ("pack_article", gather)
    work = getattr(owner, name)

    def killed(*arguments: Any) -> Any:
        if os.getpid() != parent and "story 40" in str(arguments[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*arguments)

    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(WorkerDiedError):
        build_index(changing.root, index, jobs=2)
    monkeypatch.setattr(owner, name, work)
    assert list_generations(index) == [1]
    assert files_and_bytes(index) == before
    report = build_index(changing.root, index, jobs=2)
    assert (report.generation, report.changed >= 60) == (2, True)
    assert_tidy(index)
