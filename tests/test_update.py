"""Updates: after any sequence of edits an updated index is the one that a full build makes, and answers the same."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

from changing_archive import (
    ARTICLE_FILES,
    DATE_LINES,
    HEADLINES,
    LISTING_FILES,
    NAMES,
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

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from search_app.index.builder import build_index
from search_app.index.files import FileSystem, NewFile
from search_app.index.generation import open_snapshot
from search_app.index.lock import LOCK_NAME
from search_app.index.manifest import SEGMENTS, files_of, list_generations, manifest_path, read_manifest
from search_app.index.verify import check_index
from search_app.settings import load_settings

ROUNDS = int(os.environ.get("UPDATE_ROUNDS") or 12)
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
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        for doc in range(segment.docs):
            if live is None or live[doc]:
                article = segment.article(doc)
                assert article.path not in found
                found[article.path] = article
    assert len(found) == snapshot.articles
    return found


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
        assert replace(answer, generation=0, took_ms=0) == replace(wanted, generation=0, took_ms=0)
    for field in FACET_FIELDS:
        for search in REQUESTS[:3]:
            request = FacetRequest(search, field, sort="name")
            assert engine.facet(request) == plain.facet(request)
    for path in TARGETS:
        assert engine.current_path("/" + path) == plain.current_path("/" + path)
        assert engine.article("/" + path) == plain.article("/" + path)


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
