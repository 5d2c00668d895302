"""When articles were first seen: through updates, builds from nothing, losses, damage and other versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from index_making import make_segment
from test_builder import write_story

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import IndexDamagedError
from search_app.index import builder, catalogue, manifest, segment, sightings, writer
from search_app.index.builder import build_index
from search_app.index.files import FileSystem
from search_app.index.generation import open_generation, open_snapshot
from search_app.index.manifest import SEGMENTS
from search_app.index.records import path_hash
from search_app.index.rollback import roll_back
from search_app.index.sections import SectionFile
from search_app.index.sightings import (
    NO_SIGHTINGS,
    UNKNOWN,
    Contents,
    Sightings,
    last_sightings,
    read_sightings,
    see_again,
    write_sightings,
)
from search_app.index.verify import check_index
from search_app.settings import load_settings

Make = Callable[..., Article]
START = datetime(2031, 5, 1, 12, tzinfo=UTC)
Dates = dict[str, tuple[datetime | None, datetime | None]]


def contents(**prints: int) -> Contents:
    """Articles named by one letter, each with its fingerprint."""
    names = sorted(prints, key=path_hash)
    return Contents(
        np.array([path_hash(name) for name in names], np.uint64), np.array([prints[name] for name in names], np.uint64)
    )


def told(seen: Sightings, names: str) -> dict[str, tuple[int, int]]:
    place = {int(number): at for at, number in enumerate(seen.hashes)}
    return {
        name: (int(seen.first[place[path_hash(name)]]), int(seen.changed[place[path_hash(name)]])) for name in names
    }


def test_nobody_knows_when_the_articles_of_a_first_build_came() -> None:
    first = see_again(None, None, contents(a=1, b=2), 100)
    assert told(first, "ab") == {"a": (UNKNOWN, UNKNOWN), "b": (UNKNOWN, UNKNOWN)}


def test_what_a_build_finds_new_or_changed_has_its_instant() -> None:
    first = see_again(None, None, contents(a=1, b=2), 100)
    second = see_again(first, contents(a=1, b=2), contents(a=1, b=3, c=4), 200)
    assert told(second, "abc") == {"a": (UNKNOWN, UNKNOWN), "b": (UNKNOWN, 200), "c": (200, 200)}
    third = see_again(second, contents(a=1, b=3, c=4), contents(a=1, c=4), 300)
    assert told(third, "abc") == told(second, "abc"), "what is gone is remembered"
    fourth = see_again(third, contents(a=1, c=4), contents(a=1, b=3, c=5), 400)
    assert told(fourth, "abc") == {"a": (UNKNOWN, UNKNOWN), "b": (UNKNOWN, 200), "c": (200, 400)}


def test_an_index_of_before_there_were_sightings_tells_what_was_there() -> None:
    seen = see_again(None, contents(a=1), contents(a=1, b=2), 100)
    assert told(seen, "ab") == {"a": (UNKNOWN, UNKNOWN), "b": (100, 100)}


def test_segments_that_cannot_be_read_make_nothing_new() -> None:
    before = see_again(None, contents(a=1), contents(a=1, b=2), 100)
    seen = see_again(before, None, contents(a=7, b=8, c=9), 200)
    assert told(seen, "abc") == {"a": (UNKNOWN, UNKNOWN), "b": (100, 100), "c": (200, 200)}


def test_sightings_come_back_as_they_were_written(tmp_path: Path) -> None:
    seen = see_again(see_again(None, None, contents(a=1, b=2), 1), contents(a=1, b=2), contents(b=3, c=4), 2**33)
    for name, written in {"some": seen, "none": NO_SIGHTINGS}.items():
        entry = write_sightings(tmp_path / name, written, FileSystem())
        assert (entry.name, entry.docs) == (name, len(written))
        read = read_sightings(SectionFile(tmp_path / name, entry.bytes))
        for column in ("hashes", "first", "changed"):
            np.testing.assert_array_equal(getattr(read, column), getattr(written, column))


def test_documents_have_the_dates_of_their_paths(make_article: Make, tmp_path: Path) -> None:
    articles = [make_article(headline=f"Story {n}") for n in range(5)]
    made = make_segment(tmp_path / "a.seg", articles)
    rising = np.sort(np.array([path_hash(article.path) for article in articles[1:]], np.uint64))
    seen = Sightings(rising, np.arange(10, 14), np.arange(20, 24))
    first = {int(number): int(at) for number, at in zip(seen.hashes, seen.first, strict=True)}
    dates = seen.of_docs(made)
    assert dates.first.tolist() == [first.get(path_hash(made.path_of(doc)), UNKNOWN) for doc in range(5)]
    assert [change - 10 for change in dates.changed.tolist()].count(UNKNOWN - 10) == 1
    assert (seen.lacks(made, None), NO_SIGHTINGS.lacks(made, None)) == (1, 5)
    assert not NO_SIGHTINGS.of_docs(made).first.any()


# -- through builds ------------------------------------------------------------------------------------------------


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    for day, headline in enumerate(["First", "Second", "Third"], 1):
        write_story(folder, day, headline)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def build(stories: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Dates]:
    """Build ``hours`` after the start and return when each headline was seen and changed."""

    def at(hours: int, *, full: bool = False) -> Dates:
        monkeypatch.setattr(builder, "_now", lambda: START + timedelta(hours=hours))
        build_index(stories, index, settings=load_settings({}), jobs=1, full=full, force=True)
        return dates_of(index)

    return at


def dates_of(index: Path) -> Dates:
    snapshot = open_snapshot(index)
    found: Dates = {}
    for part, dates, live in zip(snapshot.segments, snapshot.dates, snapshot.live, strict=True):
        for doc in range(part.docs):
            if live is None or live[doc]:
                found[part.article(doc).headline] = dates.first_seen(doc), dates.last_changed(doc)
    return found


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def test_dates_survive_updates_and_builds_from_nothing(build: Callable[..., Dates], stories: Path, index: Path) -> None:
    assert set(build(0).values()) == {(None, None)}
    write_story(stories, 4, "Fourth")
    file = write_story(stories, 1, "First", "Now more is known.")
    expected = {"First": (None, hour(1)), "Second": (None, None), "Third": (None, None), "Fourth": (hour(1), hour(1))}
    assert build(1) == expected
    assert build(2, full=True) == expected
    assert build(3, full=True) == expected
    file.unlink()
    without = {name: dates for name, dates in expected.items() if name != "First"}
    assert build(4) == without
    assert build(5, full=True) == without
    write_story(stories, 1, "First", "Now more is known.")
    assert build(6) == expected, "what was gone for a while is not new"
    assert check_index(index).problems == ()


def test_dates_survive_another_version_of_the_segments(
    build: Callable[..., Dates], stories: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(0)
    write_story(stories, 4, "Fourth")
    with monkeypatch.context() as other:
        for module in (manifest, segment, writer, catalogue, builder):
            other.setattr(module, "schema_fingerprint", lambda: "0-of-another-version")
        build(1, full=True)
    write_story(stories, 5, "Fifth")
    dates = build(2)
    assert (dates["First"], dates["Fourth"][0], dates["Fifth"][0]) == ((None, None), hour(1), hour(2))


def test_dates_survive_a_rollback(build: Callable[..., Dates], stories: Path, index: Path) -> None:
    build(0)
    write_story(stories, 4, "Fourth")
    expected = build(1)
    roll_back(index)
    assert set(dates_of(index)) == {"First", "Second", "Third"}
    assert check_index(index).problems == ()
    assert build(2) == expected, "what came before the rollback is not new after it"


def test_dates_survive_damage(build: Callable[..., Dates], stories: Path, index: Path) -> None:
    build(0)
    write_story(stories, 4, "Fourth")
    build(1)
    write_story(stories, 5, "Fifth")
    assert build(2)["Fifth"] == (hour(2), hour(2))
    [newest] = (index / SEGMENTS).glob("*3-1.seen")
    newest.write_bytes(newest.read_bytes().replace(b"NEWSSEG1", b"NEWSSEG2"))
    assert any("3-1.seen" in problem for problem in check_index(index).problems)
    assert set(dates_of(index).values()) == {(None, None)}
    engine = EmbeddedEngine(index, load_settings({}))
    assert engine.search(SearchRequest()).total == 5, "an index without its dates answers"
    dates = build(3, full=True)
    assert (dates["First"][0], dates["Fourth"][0]) == (None, hour(1)), "the generation before still knows"
    assert dates["Fifth"] == (None, None), "what it lacks is not new"
    build(4, full=True)
    assert check_index(index).problems == ()


def test_an_index_of_before_there_were_sightings_opens(build: Callable[..., Dates], stories: Path, index: Path) -> None:
    build(0)
    found = manifest.read_manifest(index, 1)
    found.companions.clear()
    manifest.write_manifest(index, found, FileSystem())
    [*(path.unlink() for path in (index / SEGMENTS).glob("*.seen"))]
    assert check_index(index).problems == ()
    assert set(dates_of(index).values()) == {(None, None)}
    write_story(stories, 4, "Fourth")
    assert build(1)["Fourth"][0] == hour(1)
    assert open_generation(index, 1).companions == {}


def test_every_file_of_a_generation_counts_in_its_size(build: Callable[..., Dates], index: Path) -> None:
    build(0)
    on_disk = [path.stat().st_size for path in (index / SEGMENTS).iterdir()]
    assert len(on_disk) == 4
    assert EmbeddedEngine(index, load_settings({})).status()["bytes"] == sum(on_disk)


# -- files that cannot be right ------------------------------------------------------------------------------------

FAULTS = {
    "articles out of order": {"hash": np.array([5, 3], np.uint64)},
    "columns of two lengths": {"first": np.array([0], np.uint8)},
    "an instant that is none": {"changed": np.array([0, 9], np.uint8)},
}


def write_by_hand(path: Path, form: str = sightings.FORMAT, **changes: np.ndarray) -> SectionFile:
    made = sightings.SectionWriter(path, FileSystem())
    plain = {
        "hash": np.array([3, 5], np.uint64),
        "first": np.zeros(2, np.uint8),
        "changed": np.zeros(2, np.uint8),
        "instant": np.array([7]),
    }
    for name, array in {**plain, **changes}.items():
        made.add(name, array)
    return SectionFile(path, made.finish({"format": form}))


@pytest.mark.parametrize("changes", FAULTS.values(), ids=FAULTS.keys())
def test_sightings_that_make_no_sense_are_damage(tmp_path: Path, changes: dict[str, np.ndarray]) -> None:
    assert read_sightings(write_by_hand(tmp_path / "sound")).first.tolist() == [7, 7]
    with pytest.raises(IndexDamagedError):
        read_sightings(write_by_hand(tmp_path / "faulty", **changes))


def test_sightings_of_another_form_are_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(IndexDamagedError, match="not in the form"):
        read_sightings(write_by_hand(tmp_path / "other", "sightings 99"))


def test_sightings_that_lack_an_article_are_named(build: Callable[..., Dates], index: Path) -> None:
    build(0)
    [path] = (index / SEGMENTS).glob("*.seen")
    path.unlink()
    entry = write_sightings(path, NO_SIGHTINGS, FileSystem())
    found = manifest.read_manifest(index, 1)
    found.companions[sightings.SIGHTINGS] = entry
    manifest.write_manifest(index, found, FileSystem())
    assert check_index(index).problems == ("00000001-1.seen: 3 articles of generation 1 are not in it",)


def test_an_index_without_any_has_no_sightings(tmp_path: Path) -> None:
    assert last_sightings(tmp_path) is None
    (tmp_path / "manifest-00000001.json").write_bytes(b"x\n[]\n")
    assert last_sightings(tmp_path) is None
