"""The table of completions on disk: made with each generation, mapped by readers, made again where it is missing."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from index_making import make_snapshot
from random_articles import random_articles
from test_builder import write_story

from search_app.archive.model import Article
from search_app.engine import suggest
from search_app.engine.embedded import EmbeddedEngine
from search_app.errors import IndexDamagedError
from search_app.index import builder, suggestions
from search_app.index.builder import build_index
from search_app.index.files import FileSystem
from search_app.index.generation import Snapshot, open_snapshot
from search_app.index.manifest import SEGMENTS
from search_app.index.sections import SectionFile, SectionWriter
from search_app.index.suggesting import difference, update_suggestions
from search_app.index.suggestions import (
    BLOCK_ENTRIES,
    SUGGESTIONS,
    Suggestions,
    check_suggestions,
    make_suggestions,
    write_suggestions,
)
from search_app.index.verify import check_index
from search_app.settings import load_settings

Make = Callable[..., Article]


def parts(snapshot: Snapshot) -> list[suggestions.Part]:
    return list(zip(snapshot.segments, snapshot.live, strict=True))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    articles = random_articles(random.Random(f"{SEED} suggestions"), 120)
    deleted = {(0, article.path) for article in articles[:70:9]}
    return make_snapshot(tmp_path_factory.mktemp("index"), articles[:70], articles[70:], deleted=deleted)


@pytest.fixture
def table(snapshot: Snapshot, tmp_path: Path) -> SectionFile:
    entry = write_suggestions(tmp_path / "a.sug", parts(snapshot), FileSystem())
    return SectionFile(tmp_path / entry.name, entry.bytes)


def test_a_table_on_disk_is_the_one_in_memory(snapshot: Snapshot, table: SectionFile) -> None:
    mapped, made = Suggestions(table), make_suggestions(parts(snapshot))
    assert len(mapped) == len(made) > BLOCK_ENTRIES
    assert mapped.all() == made.all()
    counts = [count for _, _, count in mapped.all()]
    assert counts == sorted(counts, reverse=True)
    assert min(counts) > 0
    for prefix in ("", "a", "s", "st", "工", "zzz"):
        assert sorted(mapped.beginning(prefix)) == sorted(made.beginning(prefix))
    assert set(mapped.beginning("").tolist()) == set(range(len(mapped))), "every entry is filed somewhere"
    assert mapped.read([3, 0, BLOCK_ENTRIES, 3]) == [mapped.all()[n] for n in (3, 0, BLOCK_ENTRIES, 3)]


def test_the_same_articles_give_the_same_bytes(snapshot: Snapshot, table: SectionFile, tmp_path: Path) -> None:
    write_suggestions(tmp_path / "b.sug", parts(snapshot), FileSystem())
    assert (tmp_path / "b.sug").read_bytes() == table.path.read_bytes()


@pytest.mark.parametrize("part", range(6))
def test_a_table_made_by_difference_has_the_bytes_of_one_made_from_nothing(
    rng: random.Random, tmp_path: Path, part: int
) -> None:
    articles = random_articles(rng, 150)
    segments = make_snapshot(tmp_path / "index", articles[:70], articles[70:110], articles[110:]).segments

    def some(share: float) -> list[suggestions.Part]:
        chosen = [segment for segment in segments if rng.random() < 0.8]
        masks = (np.array([rng.random() < share for _ in range(segment.docs)]) for segment in chosen)
        return [(one, None if mask.all() else mask) for one, mask in zip(chosen, masks, strict=True)]

    before, now = some(rng.choice((0.0, 0.7, 0.95, 1.0))), some(rng.choice((0.0, 0.7, 0.95, 1.0)))
    files = FileSystem()
    first = write_suggestions(tmp_path / "first.sug", before, files)
    wanted = write_suggestions(tmp_path / "wanted.sug", now, files)
    table = Suggestions(SectionFile(tmp_path / first.name, first.bytes))
    made = update_suggestions(tmp_path / "made.sug", table, *difference(before, now), files)
    assert (made.bytes, made.docs) == (wanted.bytes, wanted.docs)
    assert (tmp_path / made.name).read_bytes() == (tmp_path / wanted.name).read_bytes()


def test_an_update_makes_the_table_by_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, index, full = tmp_path / "archive", tmp_path / "index", tmp_path / "full"
    for day in range(1, 11):
        write_story(archive, day, f"Quay {day} opens")
    build_index(archive, index, jobs=1)
    write_story(archive, 11, "Eleventh café opens")
    with monkeypatch.context() as by_difference_alone:
        by_difference_alone.delattr(builder, "write_suggestions")
        build_index(archive, index, jobs=1)
    build_index(archive, full, jobs=1)
    [made], [wanted] = (index / SEGMENTS).glob("00000002-*.sug"), (full / SEGMENTS).glob("*.sug")
    assert made.read_bytes() == wanted.read_bytes()


def test_a_table_of_nothing_is_a_table(tmp_path: Path) -> None:
    entry = write_suggestions(tmp_path / "a.sug", [], FileSystem())
    empty = Suggestions(SectionFile(tmp_path / "a.sug", entry.bytes))
    assert (len(empty), empty.all(), empty.beginning("a").tolist(), empty.problems()) == (0, [], [], [])


# -- with a generation ---------------------------------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index after two updates: two segments or more may be in it, and a deleted document."""
    for day, headline in enumerate(["First storm", "Second storm", "Third calm", "Fourth storm", "Fifth calm"], 1):
        write_story(tmp_path / "archive", day, headline)
    build_index(tmp_path / "archive", tmp_path / "index", settings=load_settings({}), jobs=1)
    write_story(tmp_path / "archive", 1, "First flood")
    build_index(tmp_path / "archive", tmp_path / "index", settings=load_settings({}), jobs=1)
    return tmp_path / "index"


def test_a_build_brings_the_table_and_nobody_makes_it_again(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: object) -> Suggestions:
        raise AssertionError("the table was made by a reader")

    monkeypatch.setattr(suggest, "make_suggestions", never)
    found = EmbeddedEngine(index, load_settings({})).suggest("st")
    assert [(s.text, s.kind, s.count) for s in found] == [("storm", "word", 2)]
    newest = open_snapshot(index)
    assert Suggestions(newest.companions[SUGGESTIONS]).all() == make_suggestions(parts(newest)).all()


def test_a_table_that_is_damaged_is_made_again_and_told_of(index: Path) -> None:
    assert check_index(index).problems == ()
    [path] = (index / SEGMENTS).glob("*2-1.sug")
    data = path.read_bytes()
    for at in (70, len(data) // 2, len(data) - 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert [s.text for s in EmbeddedEngine(index, load_settings({})).suggest("st")] == ["storm"]
        assert [problem for problem in check_index(index).problems if path.name in problem]
    path.unlink()
    assert [s.text for s in EmbeddedEngine(index, load_settings({})).suggest("st")] == ["storm"]
    assert [problem for problem in check_index(index).problems if path.name in problem]


# -- tables that cannot be right -----------------------------------------------------------------------------------

Change = Callable[[np.ndarray], np.ndarray]
FAULTS: dict[str, tuple[str, Change, str]] = {
    "keys that are no text": ("keys.blob", lambda array: array | np.uint8(0x80), "makes no sense"),
    "keys out of order": ("keys.blob", lambda array: np.full_like(array, 97), "keys are not in order"),
    "keys cut short": ("keys.sizes", lambda array: array[:-1], "do not add up to the texts"),
    "offsets that end early": ("starts", lambda array: array[:-1], "do not fit"),
    "an entry that is none": ("filed", lambda array: array | np.uint16(0x8000), "past the entries"),
    "a block that is none": ("blocks.blob", lambda array: array[::-1], "cannot be read"),
}


def rewritten(table: SectionFile, path: Path, section: str, change: Change, **meta: object) -> SectionFile:
    writer = SectionWriter(path, FileSystem())
    for name in table.names():
        writer.add(name, change(table.array(name)) if name == section else table.array(name))
    return SectionFile(path, writer.finish({**table.meta, **meta}))


@pytest.mark.parametrize(("section", "change", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_found_though_every_checksum_holds(
    table: SectionFile, tmp_path: Path, section: str, change: Change, told: str
) -> None:
    assert check_suggestions(table) == []
    problems = check_suggestions(rewritten(table, tmp_path / "faulty.sug", section, change))
    assert any(problem.startswith("faulty.sug: ") and told in problem for problem in problems)


@pytest.mark.parametrize("meta", [{"format": "suggestions 0"}, {"schema": "0-of-another-version"}])
def test_a_table_of_another_version_is_not_read(table: SectionFile, tmp_path: Path, meta: dict[str, str]) -> None:
    other = rewritten(table, tmp_path / "other.sug", "", lambda array: array, **meta)
    with pytest.raises(IndexDamagedError):
        Suggestions(other)
    assert len(check_suggestions(other)) == 1
