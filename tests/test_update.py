"""Updates: after any sequence of edits an updated index is the one that a full build makes, and answers the same."""

from __future__ import annotations

import errno
import math
import os
import shutil
import signal
import tempfile
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from changing_archive import (
    ARTICLE_FILES,
    DATE_LINES,
    HEADLINES,
    LISTING_FILES,
    NAMES,
    PATHS,
    SOURCES,
    SUMMARIES,
    TARGETS,
    TIMES,
    TOPICS,
    ChangingArchive,
    Draft,
    Line,
    fixed_articles,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from search_app.archive import reader
from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from search_app.engine.result import ArticleView, SearchResult
from search_app.errors import IndexVersionError, WorkerDiedError
from search_app.index import builder, catalogue, gather, manifest, records, segment, writer
from search_app.index.builder import BuildReport, build_index
from search_app.index.files import FileSystem, NewFile
from search_app.index.generation import open_snapshot
from search_app.index.lock import LOCK_NAME
from search_app.index.manifest import SEGMENTS, files_of, list_generations, manifest_path, read_manifest
from search_app.index.verify import check_index
from search_app.settings import load_settings

ROUNDS = int(os.environ.get("UPDATE_ROUNDS") or 8)
"""Sequences of edits that the random test tries."""

TODAY = date(2032, 1, 1)
REQUESTS = (
    SearchRequest(per_page=100, facet_size=100),
    SearchRequest(q="ferry harbour strike", per_page=100),
    SearchRequest(q="harbour OR talks -halvik", per_page=20, sort="oldest"),
    SearchRequest(q='"harbour strike" OR "nobody was"~2'),
    SearchRequest(q="str* OR *rry OR cafe OR 罢工 OR harbor~", per_page=50),
    SearchRequest(q="the in of to"),
    SearchRequest(q="dockers zebra quay", per_page=30),
    SearchRequest(q="context:president topic:strike^2 OR source:courier"),
    SearchRequest(q="date:2031-10 NOT ferry", interval="day", facet_size=3),
    SearchRequest(topic=("Harbour strike", "president"), context=("Halvik",), per_page=100),
    SearchRequest(context=("President", "Mount Ysk"), context_match="any", not_source=("Straits Radio",), per_page=100),
    SearchRequest(missing=("topic",), date_to=date(2031, 10, 31), per_page=100),
    SearchRequest(missing=("summary", "source"), per_page=3, page=1),
)


class _Unsynced(NewFile):
    def __init__(self, inner: NewFile) -> None:
        self.write, self.close = inner.write, inner.close

    def sync(self) -> None:
        """Return at once."""


class Unsynced(FileSystem):
    """The disk without its waits: no power is cut here, and hundreds of builds would do little else than wait."""

    def create(self, path: Path) -> NewFile:
        return _Unsynced(super().create(path))

    def sync_folder(self, path: Path) -> None:
        return


def articles_of(index: Path) -> dict[str, Article]:
    """Return every article of an index, by path; none stands in it twice."""
    snapshot = open_snapshot(index)
    found: dict[str, Article] = {}
    for part, live in zip(snapshot.segments, snapshot.live, strict=True):
        for doc in range(part.docs):
            if live is None or live[doc]:
                article = part.article(doc)
                assert article.path not in found
                found[article.path] = article
    assert len(found) == snapshot.articles
    return found


def without_moment(answer: SearchResult) -> SearchResult:
    """Return an answer without what depends on the moment of a build: its number, and when it first saw an article."""
    hits, partial = (
        tuple(hit._replace(first_seen=None, last_changed=None) for hit in hits)
        for hits in (answer.hits, answer.partial)
    )
    return replace(answer, hits=hits, partial=partial, next="", generation=0, took_ms=0)


def unseen(view: ArticleView | None) -> ArticleView | None:
    """Return an article's view without when it was first seen and when it changed."""
    return replace(view, first_seen=None, last_changed=None) if view else None


def assert_tidy(index: Path) -> None:
    """Nothing lies in the index but the files of at most two generations and the lock; and it verifies."""
    generations = list_generations(index)
    assert 1 <= len(generations) <= 2
    needed = set().union(*(files_of(read_manifest(index, number)) for number in generations))
    assert {path.name for path in (index / SEGMENTS).iterdir()} == needed
    manifests = {manifest_path(index, number).name for number in generations}
    assert {path.name for path in index.iterdir()} == manifests | {SEGMENTS, LOCK_NAME}
    assert check_index(index).problems == ()


def most_segments(articles: int) -> int:
    """Return how many segments an index may have: each is at least twice as large as the one after it."""
    return int(math.log2(max(articles, 1))) + 2


def assert_same_index(updated: Path, full: Path, engine: EmbeddedEngine) -> None:
    """An updated index holds and answers what a full build's does. ``engine`` serves the updated one."""
    expected = articles_of(full)
    assert articles_of(updated) == expected
    one, other = open_snapshot(updated).manifest, open_snapshot(full).manifest
    assert one.skipped == other.skipped
    assert (one.articles, one.files) == (other.articles, other.files)
    assert len(one.segments) <= most_segments(one.articles)
    plain = EmbeddedEngine(full, load_settings({}), today=TODAY)
    engine.refresh()
    for request in REQUESTS:
        answer, wanted = engine.search(request), plain.search(request)
        assert without_moment(answer) == without_moment(wanted)
    for field in FACET_FIELDS:
        for search in REQUESTS[:3]:
            request = FacetRequest(search, field, sort="name")
            assert engine.facet(request) == plain.facet(request)
    for path in TARGETS:
        assert engine.current_path("/" + path) == plain.current_path("/" + path)
        assert unseen(engine.article("/" + path)) == unseen(plain.article("/" + path))


# -- any sequence of edits -----------------------------------------------------------------------------------------

names = st.lists(st.sampled_from(NAMES), max_size=3).map(tuple)
targets = st.sampled_from(TARGETS)
related = st.builds(Line, targets, names, st.sampled_from(("As the link says", "Another wording")))
versions = st.builds(
    Line, targets, headline=st.sampled_from(HEADLINES), changed=st.sampled_from(TIMES), current=st.booleans()
)
listed = st.builds(Line, targets, names, topic=st.sampled_from(TOPICS))


def some(strategy: st.SearchStrategy[Line], most: int) -> st.SearchStrategy[tuple[Line, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


field_values: dict[str, st.SearchStrategy[object]] = {
    "headline": st.sampled_from(HEADLINES),
    "summary": st.sampled_from(SUMMARIES),
    "topic": st.sampled_from(TOPICS),
    "date_line": st.sampled_from(DATE_LINES),
    "sources": st.lists(st.sampled_from(SOURCES), max_size=3).map(tuple),
    "changes": some(versions, 3),
    "related": some(related, 4),
}
drafts = st.builds(Draft, **field_values)
edits = st.sampled_from(sorted(field_values)).flatmap(lambda name: st.tuples(st.just(name), field_values[name]))
settled = st.sampled_from((True, True, True, False))


class Edits(RuleBasedStateMachine):
    """Edits an archive at random and builds now and then, updating one index and making another from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="search-app-update-"))
        self.archive = ChangingArchive(self.folder / "archive")
        self.index = self.folder / "index"
        self.engine = EmbeddedEngine(self.index, load_settings({}), today=TODAY)
        self.edited = True

    @initialize(first=st.dictionaries(st.sampled_from(ARTICLE_FILES), drafts, min_size=4, max_size=10))
    def begin(self, first: dict[str, Draft]) -> None:
        for file, draft in fixed_articles().items():
            self.archive.write(file, draft.text(file).encode())
        for file, draft in first.items():
            self.archive.put(file, draft)
        self.compare()

    @rule(file=st.sampled_from(ARTICLE_FILES), draft=drafts, settled=settled)
    def write_article(self, file: str, draft: Draft, settled: bool) -> None:
        self.archive.put(file, draft, settled)
        self.edited = True

    @precondition(lambda self: self.archive.drafts)
    @rule(data=st.data(), edit=edits, settled=settled)
    def edit_article(self, data: st.DataObject, edit: tuple[str, object], settled: bool) -> None:
        file = data.draw(st.sampled_from(sorted(self.archive.drafts)))
        self.archive.put(file, replace(self.archive.drafts[file], **{edit[0]: edit[1]}), settled)
        self.edited = True

    @rule(name=st.sampled_from(("President", "president", "Harbour strike", "harbour strike")), files=st.integers(1, 4))
    def spell(self, name: str, files: int) -> None:
        """Have several articles use one spelling, so that it may become the one in force."""
        for file in sorted(self.archive.drafts)[:files]:
            self.archive.put(file, replace(self.archive.drafts[file], topic=name))
        self.edited = True

    @rule(file=st.sampled_from(LISTING_FILES), lines=some(listed, 4), settled=settled)
    def write_listing(self, file: str, lines: tuple[Line, ...], settled: bool) -> None:
        self.archive.list(file, lines, settled)
        self.edited = True

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.archive.remove(data.draw(st.sampled_from(self.archive.files())))
        self.edited = True

    @precondition(lambda self: self.archive.drafts)
    @rule(data=st.data(), new=st.sampled_from(ARTICLE_FILES))
    def rename(self, data: st.DataObject, new: str) -> None:
        file = data.draw(st.sampled_from(sorted(self.archive.drafts)))
        if file != new:
            self.archive.rename(file, new)
            self.edited = True

    @rule(
        file=st.sampled_from((*ARTICLE_FILES, *LISTING_FILES)),
        data=st.sampled_from((b"", b"\xff\xfe\x00#", b"\xe9" * 300, b"no headline\n", b"# \n")),
        settled=settled,
    )
    def spoil(self, file: str, data: bytes, settled: bool) -> None:
        """Put something there that is no article."""
        self.archive.write(file, data, settled)
        self.edited = True

    @precondition(lambda self: self.archive.drafts)
    @rule(data=st.data())
    def mend(self, data: st.DataObject) -> None:
        """Write a file again as it was before it was spoiled; or touch one that was not."""
        file = data.draw(st.sampled_from(sorted(self.archive.drafts)))
        self.archive.put(file, self.archive.drafts[file])
        self.edited = True

    @precondition(lambda self: self.edited)
    @rule(again=st.booleans())
    def compare(self, again: bool = False) -> None:
        """Update one index, make the other from nothing, compare."""
        self.edited = False
        full = self.folder / "full"
        shutil.rmtree(full, ignore_errors=True)
        wanted = build_index(self.archive.root, full, jobs=1, files=Unsynced())
        report = build_index(self.archive.root, self.index, jobs=1, force=True, files=Unsynced())
        assert (report.articles, report.skipped) == (wanted.articles, wanted.skipped)
        assert_same_index(self.index, full, self.engine)
        assert_tidy(self.index)
        if again:
            quiet = build_index(self.archive.root, self.index, jobs=1, files=Unsynced())
            assert (quiet.new, quiet.changed, quiet.gone, quiet.skipped) == (0, 0, 0, report.skipped)

    def teardown(self) -> None:
        try:
            if self.edited and self.archive.root.exists():
                self.compare()
        finally:
            shutil.rmtree(self.folder)


Edits.TestCase.settings = settings(
    max_examples=ROUNDS, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
test_updates_lead_where_full_builds_lead = Edits.TestCase


# -- single cases --------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(gather, "PART_DOCS", 2 * records.BLOCK_DOCS)
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
    monkeypatch.setattr(gather, "PART_DOCS", records.BLOCK_DOCS)
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
