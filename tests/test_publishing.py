"""Publishing: what is looked at before a generation serves, and that nothing is published where it does not hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from index_making import extents, make_snapshot
from story_archive import assert_tidy, found, write_stories, write_story

from search_app.archive.model import Article, Source
from search_app.errors import BuildRefusedError, SearchAppError
from search_app.index import gather, plan
from search_app.index.builder import build_index
from search_app.index.canaries import ARTICLES, draw_canaries, wrong_answers
from search_app.index.files import FileSystem, NewFile
from search_app.index.generation import open_snapshot
from search_app.index.manifest import SEGMENTS, list_generations, manifest_path, read_manifest, sizes_of
from search_app.index.relink import Changes
from search_app.index.verify import check_index

Make = Callable[..., Article]


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """An archive of ten articles."""
    return write_stories(tmp_path / "stories")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


# -- canaries ------------------------------------------------------------------------------------------------------


@pytest.fixture
def articles(make_article: Make) -> list[Article]:
    """Forty articles of two topics, three contexts and two sources."""
    return [
        make_article(
            headline=f"Quay {n} opens {'again' if n % 2 else 'late'}",
            topic=f"Harbour {n % 2}",
            contexts=("Kestria", f"Pier {n % 3}"),
            sources=(Source(f"Courier {n % 2}", f"https://courier.example/{n}"),),
        )
        for n in range(40)
    ]


def asked(
    before: list[Article], after: list[Article], linked: list[Article], folder: Path, differing: int
) -> list[str]:
    """Return what canaries of one index say about another one that should hold what was linked."""
    by_path = {article.path: article for article in linked}
    old, new = make_snapshot(folder / "old", before), make_snapshot(folder / "new", after)
    return wrong_answers(draw_canaries(old), new, by_path.get, differing)


def test_canaries_are_spread_over_all_articles_and_the_same_each_time(articles: list[Article], tmp_path: Path) -> None:
    snapshot = make_snapshot(tmp_path, articles[:30], articles[30:], deleted={(0, articles[3].path)})
    canaries = draw_canaries(snapshot)
    assert canaries == draw_canaries(open_snapshot(tmp_path))
    live = {article.path for article in articles} - {articles[3].path}
    assert ARTICLES <= len(canaries.paths) <= ARTICLES + 2
    assert set(canaries.paths) <= live
    assert set(canaries.paths) & {article.path for article in articles[30:]}
    assert ("context", "Kestria", 39) in canaries.values
    assert ("quay", 39) in canaries.words


def test_canaries_of_a_sound_generation_are_content(articles: list[Article], tmp_path: Path) -> None:
    changed = [replace(articles[0], topic="Harbour 7"), *articles[2:], replace(articles[1], path="/news/2031/3/4/new")]
    assert asked(articles, articles, articles, tmp_path / "same", 0) == []
    assert asked(articles, changed, changed, tmp_path / "changed", 3) == []
    assert asked([], articles, articles, tmp_path / "first", 40) == []


def wrongs(articles: list[Article]) -> dict[str, tuple[list[Article], str]]:
    """Return generations that do not hold the articles that were linked, and what is said about each."""
    first = articles[0]
    return {
        "one lost": (articles[1:], f"{first.path} is in the archive, and not found"),
        "another text": ([replace(first, summary="Nobody."), *articles[1:]], "not as the archive has it"),
        "another headline": (
            [replace(first, headline="Gates close"), *articles[1:]],
            f"{first.path} is not found by “quay” of its headline",
        ),
        "another topic": (
            [replace(first, topic="Harbour 1"), *articles[1:]],
            f"{first.path} is not found by its topic “Harbour 0”",
        ),
        "no contexts": (
            [replace(article, contexts=()) for article in articles],
            "context “Kestria” has 0 articles, had 40, and only 0 articles differ",
        ),
        "no headlines": (
            [replace(article, headline="Gates close") for article in articles],
            "the headline word “quay” has 0 articles, had 40",
        ),
    }


@pytest.mark.parametrize(
    "fault", ["one lost", "another text", "another headline", "another topic", "no contexts", "no headlines"]
)
def test_canaries_notice_what_is_wrong(fault: str, articles: list[Article], tmp_path: Path) -> None:
    held, sentence = wrongs(articles)[fault]
    told = asked(articles, held, articles, tmp_path, 0)
    assert any(sentence in line for line in told), told


def test_canaries_notice_what_should_be_gone(articles: list[Article], tmp_path: Path) -> None:
    told = asked(articles, articles, articles[1:], tmp_path, 1)
    assert told == [f"{articles[0].path} is found, and not in the archive"]


# -- builds that would publish something wrong ---------------------------------------------------------------------


def assert_refused(stories: Path, index: Path, *parts: str, **options: Any) -> None:
    """A build is refused with a sentence, publishes nothing and leaves nothing behind."""
    before = found(index), list_generations(index)
    with pytest.raises(BuildRefusedError) as raised:
        build_index(stories, index, jobs=1, **options)
    for part in (*parts, "Nothing was published; the index that served before still does."):
        assert part in str(raised.value)
    assert (found(index), list_generations(index)) == before
    assert_tidy(index)


class LyingDisk(FileSystem):
    """A disk that keeps something else than what it was given, once, in files of one ending, and says nothing."""

    def __init__(self, ending: str) -> None:
        self.ending = ending

    def create(self, path: Path) -> NewFile:
        file = super().create(path)
        return LyingFile(file) if path.name.endswith(self.ending) else file


class LyingFile:
    def __init__(self, inner: NewFile) -> None:
        self._inner = inner
        self._lied = False

    def write(self, data: bytes | memoryview) -> None:
        kept = bytes(data)
        if len(kept) > 30 and not self._lied:
            kept = kept[:20] + bytes([kept[20] ^ 1]) + kept[21:]
            self._lied = True
        self._inner.write(kept)

    def sync(self) -> None:
        self._inner.sync()

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize("full", [False, True], ids=["update", "full"])
@pytest.mark.parametrize("ending", [".seg", ".cat", ".seen", ".sug"])
def test_what_cannot_be_read_back_is_not_published(stories: Path, index: Path, ending: str, full: bool) -> None:
    build_index(stories, index, jobs=1)
    write_story(stories, 11, "Eleventh")
    assert_refused(stories, index, "cannot be read back", ending, full=full, files=LyingDisk(ending))
    assert build_index(stories, index, jobs=1).new == 1


def test_an_update_that_overlooks_changes_is_not_published(
    stories: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(stories, index, jobs=1)
    for day in range(1, 11):
        write_story(stories, day, f"Quay {day} closes")
    nothing: frozenset[int] = frozenset()
    monkeypatch.setattr(plan, "find_changes", lambda *given: Changes(nothing, nothing, nothing))
    assert_refused(stories, index, "not as the archive has it", "Run again with --full.")
    monkeypatch.undo()
    assert build_index(stories, index, jobs=1).changed == 10


def test_an_update_that_keeps_what_is_gone_is_not_published(
    stories: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(stories, index, jobs=1)
    (stories / "news/2031/10/5/story-5.md").unlink()
    nothing: frozenset[int] = frozenset()
    monkeypatch.setattr(plan, "find_changes", lambda *given: Changes(nothing, nothing, nothing))
    assert_refused(stories, index, "it holds 10 articles, the archive has 9")


def test_a_first_build_is_asked_too(stories: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing served before, the articles of the new generation itself are compared with the archive."""
    pack = gather.pack_article
    monkeypatch.setattr(gather, "pack_article", lambda article: pack(replace(article, summary="Lost.")))
    with pytest.raises(BuildRefusedError, match="not as the archive has it"):
        build_index(stories, index, jobs=1)
    assert list_generations(index) == []
    assert list((index / SEGMENTS).iterdir()) == []
    monkeypatch.undo()
    assert build_index(stories, index, jobs=1).articles == 10


# -- repair --------------------------------------------------------------------------------------------------------


def flip(path: Path, at: int) -> None:
    """Turn one bit of a file round in its place."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def in_section(path: Path, name: str) -> int:
    """Return where a section of a file begins."""
    return extents(path)[name][0]


ROT = {
    "segment": lambda folder: flip(folder("seg"), in_section(folder("seg"), "headline.docs")),
    "stored text": lambda folder: flip(folder("seg"), in_section(folder("seg"), "stored.blob") + 30),
    "catalogue": lambda folder: flip(folder("cat"), in_section(folder("cat"), "edge.target") + 20),
    "sightings": lambda folder: flip(folder("seen"), in_section(folder("seen"), "hash")),
    "segment gone": lambda folder: folder("seg").unlink(),
    "catalogue cut": lambda folder: os.truncate(folder("cat"), 100),
    "sightings gone": lambda folder: folder("seen").unlink(),
    "manifest": lambda folder: flip(manifest_path(folder("seg").parent.parent, 2), 200),
}


@pytest.mark.parametrize("rot", ROT.values(), ids=ROT)
def test_the_next_run_mends_what_rots_though_nothing_changed(
    stories: Path, index: Path, rot: Callable[[Callable[[str], Path]], None]
) -> None:
    """Afterwards the index verifies, and the next run has nothing to do."""
    build_index(stories, index, jobs=1)
    write_story(stories, 11, "Eleventh")
    for path in stories.rglob("*.md"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    build_index(stories, index, jobs=1, full=True)
    assert not build_index(stories, index, jobs=1).published
    old = found(index)
    rot(lambda ending: index / SEGMENTS / f"00000002-1.{ending}")
    report = build_index(stories, index, jobs=1)
    assert (report.published, report.articles) == (True, 11)
    assert found(index) == old
    assert open_snapshot(index).degraded == ""
    assert check_index(index).problems == ()
    assert not build_index(stories, index, jobs=1).published


def test_a_loss_is_refused_even_where_the_index_has_to_be_mended(stories: Path, index: Path) -> None:
    build_index(stories, index, jobs=1)
    ROT["stored text"](lambda ending: index / SEGMENTS / f"00000001-1.{ending}")
    for day in range(1, 6):
        (stories / f"news/2031/10/{day}/story-{day}.md").unlink()
    with pytest.raises(BuildRefusedError, match="now has 5 articles; the index that serves has 10"):
        build_index(stories, index, jobs=1)
    assert build_index(stories, index, jobs=1, force=True).articles == 5


# -- numbers -------------------------------------------------------------------------------------------------------


class UnsureDisk(FileSystem):
    """A disk that puts a manifest in its place and then cannot say whether it will stay there."""

    def __init__(self, index: Path) -> None:
        self.index = index
        self.seen: list[int] = []

    def sync_folder(self, path: Path) -> None:
        if path == self.index and list_generations(path)[:1] == [2] and not self.seen:
            self.seen.append(open_snapshot(path).generation)
            raise OSError(5, "Input/output error")
        super().sync_folder(path)


def test_the_number_of_a_generation_that_was_taken_back_is_not_given_again(stories: Path, index: Path) -> None:
    """A reader may have opened it in that moment, and would take another generation of its number for the same."""
    build_index(stories, index, jobs=1)
    write_story(stories, 11, "Eleventh")
    disk = UnsureDisk(index)
    with pytest.raises(SearchAppError, match="Input/output error"):
        build_index(stories, index, jobs=1, files=disk)
    assert disk.seen == [2]
    assert list_generations(index) == [1]
    assert_tidy(index)
    write_story(stories, 12, "Twelfth")
    assert build_index(stories, index, jobs=1).generation == 3
    assert build_index(stories, index, jobs=1, full=True).generation == 4
    assert_tidy(index)


def test_a_generation_names_all_its_files(stories: Path, index: Path) -> None:
    build_index(stories, index, jobs=1)
    sizes = sizes_of(read_manifest(index, 1))
    assert sizes == {path.name: path.stat().st_size for path in (index / SEGMENTS).iterdir()}
    assert {name.rpartition(".")[2] for name in sizes} == {"seg", "cat", "seen", "sug"}
