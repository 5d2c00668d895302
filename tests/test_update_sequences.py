"""Updates: after any sequence of edits an updated index is the one that a full build makes, and answers the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
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
from updating import (
    TODAY,
    Unsynced,
    assert_same_index,
    assert_tidy,
)

from search_app.engine.embedded import EmbeddedEngine
from search_app.index.builder import build_index
from search_app.settings import load_settings

ROUNDS = int(os.environ.get("UPDATE_ROUNDS") or 8)
"""Sequences of edits that the random test tries."""

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


Edits.TestCase.settings = settings(max_examples=ROUNDS, stateful_step_count=30, suppress_health_check=list(HealthCheck))
test_updates_lead_where_full_builds_lead = Edits.TestCase
