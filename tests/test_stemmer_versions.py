"""Another version of the stemmer: the index is built anew, readers are answered meanwhile, and nothing is mixed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from program import run
from story_archive import assert_tidy, found, write_stories, write_story

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import BuildRefusedError, GenerationGoneError, RollbackError
from search_app.index.analysis import STEMMER
from search_app.index.builder import build_index
from search_app.index.canaries import draw_canaries
from search_app.index.files import FileSystem
from search_app.index.generation import open_snapshot
from search_app.index.manifest import SEGMENTS, read_manifest, write_manifest
from search_app.index.rollback import roll_back
from search_app.index.sections import SectionFile, SectionWriter, Strings
from search_app.web.app import create_app

OTHER = "PyStemmer 0.0"


def stem_otherwise(index: Path, generation: int) -> None:
    """Make a generation that of another version of the stemmer, which puts an ``x`` before every word.

    What was made is whole: the terms stay in order, since digits come before letters, and other scripts after them.
    """
    manifest = read_manifest(index, generation)
    entries = []
    for entry in manifest.segments:
        path = index / SEGMENTS / entry.name
        file = SectionFile(path)
        stems = Strings(file, "terms").all()
        made = SectionWriter(path.with_suffix(".new"), FileSystem())
        for name in file.names():
            if not name.startswith("terms."):
                made.add(name, file.array(name))
        made.add_strings("terms", [f"x{stem}" if stem[0].isascii() and stem[0].isalpha() else stem for stem in stems])
        size = made.finish(file.meta)
        shutil.move(path.with_suffix(".new"), path)
        entries.append(replace(entry, bytes=size))
    write_manifest(index, replace(manifest, segments=tuple(entries), stemmer=OTHER), FileSystem())


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """An archive of ten articles that nobody has written to for long."""
    archive = write_stories(tmp_path / "stories")
    for path in archive.rglob("*.md"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return archive


@pytest.fixture
def index(stories: Path, tmp_path: Path) -> Path:
    """An index of ten articles that another version of the stemmer made."""
    build_index(stories, tmp_path / "index", jobs=1)
    stem_otherwise(tmp_path / "index", 1)
    assert_tidy(tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def engine(index: Path) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine(index)
    yield opened
    opened.close()


def total(engine: EmbeddedEngine, q: str) -> int:
    engine.refresh()
    return engine.search(SearchRequest(q)).total


def test_a_build_names_the_stemmer(stories: Path, tmp_path: Path) -> None:
    build_index(stories, tmp_path / "index", jobs=1)
    assert open_snapshot(tmp_path / "index").manifest.stemmer == STEMMER
    assert open_snapshot(tmp_path / "index").problem == ""


def test_an_update_builds_everything_anew(stories: Path, index: Path) -> None:
    """Though nothing has changed in the archive, and then it has nothing to do again; what is new is still counted."""
    report = build_index(stories, index, jobs=1)
    assert (report.published, report.generation, report.articles) == (True, 2, 10)
    assert (report.new, report.changed, report.gone) == (0, 0, 0)
    assert not build_index(stories, index, jobs=1).published
    snapshot = open_snapshot(index)
    assert (snapshot.manifest.stemmer, snapshot.problem) == (STEMMER, "")
    assert [segment.name for segment in snapshot.segments] == ["00000002-1.seg"]
    assert_tidy(index)


def test_an_update_with_changes_keeps_no_segment_of_before(stories: Path, index: Path) -> None:
    write_story(stories, 11, "Eleventh quay opens")
    (stories / "news/2031/10/1/story-1.md").unlink()
    report = build_index(stories, index, jobs=1)
    assert (report.new, report.changed, report.gone) == (1, 0, 1)
    fresh = index.parent / "fresh"
    build_index(stories, fresh, jobs=1)
    (updated,), (made,) = open_snapshot(index).segments, open_snapshot(fresh).segments
    assert updated.path.read_bytes() == made.path.read_bytes()


def test_canaries_ask_for_no_word_whose_stem_is_another(stories: Path, index: Path) -> None:
    """But for articles and values: a generation without them is refused as ever."""
    drawn = draw_canaries(open_snapshot(index))
    assert drawn.words == () and drawn.paths and drawn.values
    build_index(stories, index, jobs=1)
    assert ("quay", 10) in draw_canaries(open_snapshot(index)).words


def test_a_loss_of_articles_is_refused_as_ever(stories: Path, index: Path) -> None:
    for day in range(1, 9):
        (stories / f"news/2031/10/{day}/story-{day}.md").unlink()
    with pytest.raises(BuildRefusedError, match="has 2 articles; the index that serves has 10"):
        build_index(stories, index, jobs=1)
    assert len(found(index)) == 10


def test_what_starts_before_the_build_answers_and_tells(stories: Path, index: Path, engine: EmbeddedEngine) -> None:
    """Every article is there, by its filters too; words with another stem are not, and that is told at every door."""
    assert engine.search(SearchRequest(topic=("Harbour",))).total == 10
    assert total(engine, "10") == 1
    assert total(engine, '"quay"') == 0
    problem = engine.status()["problem"]
    assert OTHER in problem and STEMMER in problem and "search-app index" in problem
    client = create_app({"TESTING": True, "index": str(index)}).test_client()
    assert client.get("/search?topic=Harbour").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["degraded"]) == (200, True)
    told = run("status", "--index", index)
    assert OTHER in told.stdout

    build_index(stories, index, jobs=1)
    assert total(engine, '"quay"') == 10
    assert engine.status()["problem"] == ""


def test_what_serves_keeps_the_generation_with_stems_of_its_own(stories: Path, index: Path) -> None:
    """As where the newest is of another version of this code; it takes up the next one with stems of its own."""
    build_index(stories, index, jobs=1)
    engine = EmbeddedEngine(index)
    assert total(engine, '"quay"') == 10
    write_story(stories, 11, "Eleventh quay opens")
    build_index(stories, index, jobs=1)
    stem_otherwise(index, 3)
    assert total(engine, '"quay"') == 10
    assert OTHER in engine.status()["problem"] and engine.status()["generation"] == 2
    with pytest.raises(GenerationGoneError):
        engine.search(SearchRequest(generation=3))
    build_index(stories, index, jobs=1)
    assert total(engine, '"quay"') == 11
    assert (engine.status()["problem"], engine.status()["generation"]) == ("", 4)
    with pytest.raises(GenerationGoneError):
        engine.search(SearchRequest(generation=3))
    engine.close()


def test_nothing_goes_back_to_other_stems(stories: Path, index: Path) -> None:
    """What serves would not follow. Between two generations of one stemmer there is a way back, whichever it is."""
    build_index(stories, index, jobs=1)
    with pytest.raises(RollbackError, match="another version built it"):
        roll_back(index)
    write_story(stories, 11, "Eleventh")
    build_index(stories, index, jobs=1)
    for generation in (2, 3):
        write_manifest(index, replace(read_manifest(index, generation), stemmer=OTHER), FileSystem())
    assert roll_back(index).back_to == 2
    assert open_snapshot(index).manifest.stemmer == OTHER
    assert build_index(stories, index, jobs=1).articles == 11
    assert open_snapshot(index).manifest.stemmer == STEMMER
