"""Damage on the disk: a turned bit, a blank page or a cut anywhere is found and named, and never answered from."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import SEED
from index_making import extents
from story_archive import write_story

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import IndexDamagedError
from search_app.index.builder import build_index
from search_app.index.files import FileSystem
from search_app.index.generation import damage, open_snapshot, prune
from search_app.index.manifest import SEGMENTS, list_generations, read_manifest, sizes_of
from search_app.index.verify import check_index

PAGE = 4096
FLIPS = 400
FOOTER = 24
REQUESTS = (
    SearchRequest(per_page=100),
    SearchRequest("quay known", facet_size=100, interval="day"),
    SearchRequest('"quay 7" OR clos* OR storn~', sort="oldest"),
    SearchRequest("headline:opens -closes", source=("Amaro Courier",), facets=()),
)


class Answers(NamedTuple):
    """What an index answers, and when it first saw and last found changed what it shows."""

    text: str
    dates: tuple[tuple[datetime | None, datetime | None], ...]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of one generation in two segments, with deleted documents: there is nothing to fall back to."""
    folder = tmp_path_factory.mktemp("damage")
    for day in range(1, 31):
        write_story(folder / "stories", day, f"Quay {day} opens", "Nobody knows why." if day % 3 else "")
    build_index(folder / "stories", folder / "index", jobs=1)
    for day in (7, 9):
        write_story(folder / "stories", day, f"Quay {day} closes", "A storm is known to come.")
    build_index(folder / "stories", folder / "index", jobs=1)
    prune(folder / "index", FileSystem(), keep=1)
    assert list_generations(folder / "index") == [2]
    assert len(read_manifest(folder / "index", 2).segments) == 2
    return folder / "index"


@pytest.fixture(scope="module")
def sound(index: Path) -> Answers:
    """What the index answers while nothing is wrong with it."""
    return answers(index)


def answers(index: Path) -> Answers:
    """Return what an index answers to searches that read all of it, articles included."""
    engine = EmbeddedEngine(index)
    try:
        results = [replace(engine.search(request), took_ms=0.0) for request in REQUESTS]
        dates = tuple((hit.first_seen, hit.last_changed) for hit in results[0].hits)
        undated = [
            replace(result, hits=tuple(hit._replace(first_seen=None, last_changed=None) for hit in result.hits))
            for result in results
        ]
        records = [engine.record(hit.path) for hit in results[0].hits]
        return Answers(repr([undated, records, engine.suggest("q"), engine.suggest("am")]), dates)
    finally:
        engine.close()


def refusal(index: Path, sound: Answers) -> str:
    """Return why an index does not answer; ``""`` where it does, and as it should.

    Dates of first sight stand in a file that an index does without where it must: they are then unknown, all of them.
    """
    try:
        found = answers(index)
    except IndexDamagedError as error:
        return str(error)
    assert found.text == sound.text
    assert found.dates in (sound.dates, ((None, None),) * len(sound.dates))
    return ""


def files(index: Path) -> list[Path]:
    """Return the files of the generation."""
    return sorted(index / SEGMENTS / name for name in sizes_of(read_manifest(index, 2)))


def parts(path: Path) -> dict[str, tuple[int, int]]:
    """Return what a file consists of: its sections, its directory and its footer; first byte and number of bytes."""
    size = path.stat().st_size
    start, length, _, _ = struct.unpack("<QII8s", path.read_bytes()[-FOOTER:])
    return extents(path) | {"directory": (start, length), "footer": (size - FOOTER, FOOTER)}


def part_at(path: Path, at: int) -> str:
    """Return the part of a file that a byte belongs to, of the padding before a part the part itself."""
    inside = {name: (first, count) for name, (first, count) in parts(path).items() if first + count > at}
    return min(inside, key=lambda name: inside[name]) if at >= 8 else "footer"


class Changed:
    """A file with other bytes for the length of a ``with`` block."""

    def __init__(self, path: Path, change: Callable[[Path, bytes], None]) -> None:
        self._path = path
        self._change = change

    def __enter__(self) -> None:
        self._data = self._path.read_bytes()
        self._change(self._path, self._data)

    def __exit__(self, *error: object) -> None:
        self._path.write_bytes(self._data)


def flipped(at: int, bit: int) -> Callable[[Path, bytes], None]:
    """Return a change that turns one bit round."""
    return lambda path, data: put(path, data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])


def put(path: Path, data: bytes) -> None:
    """Write a file's bytes."""
    path.write_bytes(data)


def places(index: Path) -> Iterator[tuple[Path, int]]:
    """Yield places to damage: one in every part of every file, and others anywhere, ``FLIPS`` or more."""
    rng = random.Random(f"{SEED} places")
    count = 0
    for path in files(index):
        for first, length in parts(path).values():
            if length:
                yield path, first + rng.randrange(length)
                count += 1
    for _ in range(max(FLIPS - count, 60)):
        path = rng.choice(files(index))
        yield path, rng.randrange(path.stat().st_size)


def test_every_turned_bit_is_found_and_never_answered_from(index: Path, sound: Answers) -> None:
    """The check names file and part, and every answer is right or refused with a sentence that names the file."""
    sizes = sizes_of(read_manifest(index, 2))
    flips, refused, hit = 0, 0, set()
    for path, at in places(index):
        part = part_at(path, at)
        with Changed(path, flipped(at, (at * 7) % 8)):
            problems, told = damage(index, sizes), refusal(index, sound)
        assert len(problems) == 1, problems
        assert path.name in problems[0]
        # The directory's checksum stands in the footer: either may be the one that is wrong.
        held = parts(path)
        # An empty section begins where the next one does: either may be named for what is wrong before it.
        same = tuple(name for name, (first, _) in held.items() if first == held[part][0])
        named = ("footer", "directory") if part == "footer" else same
        assert any(f"section {name}" in problems[0] for name in named), (part, problems)
        assert not told or path.name in told
        flips += 1
        refused += told != ""
        hit.add((path.name, part))
    assert flips >= FLIPS
    assert hit >= {(path.name, part) for path in files(index) for part, (_, length) in parts(path).items() if length}
    assert refused > 100
    assert answers(index) == sound


def test_every_blank_page_is_found_and_never_answered_from(index: Path, sound: Answers) -> None:
    """What a disk gives back for a page that it has lost."""
    for path in files(index):
        for at in range(0, path.stat().st_size, PAGE):
            blank = min(PAGE, path.stat().st_size - at)
            with Changed(path, lambda path, data, at=at, n=blank: put(path, data[:at] + bytes(n) + data[at + n :])):
                assert damage(index, sizes_of(read_manifest(index, 2)))
                assert path.name in refusal(index, sound) or path.suffix != ".seg"


def test_every_cut_is_found_when_a_file_is_opened(index: Path, sound: Answers) -> None:
    """At every 4 KiB, one byte around its ends, and grown instead of cut. A companion that is cut is done without."""
    for path in files(index):
        size = path.stat().st_size
        for length in (*range(0, size, PAGE), 1, size - 1, size + 1, size + PAGE):
            with Changed(path, lambda path, data, length=length: os.truncate(path, length)):
                problems = damage(index, sizes_of(read_manifest(index, 2)))
                assert len(problems) == 1
                assert path.name in problems[0]
                if path.suffix == ".seg":
                    with pytest.raises(IndexDamagedError, match=path.name):
                        open_snapshot(index)
                else:
                    assert refusal(index, sound) == ""


@pytest.mark.parametrize("ending", [".seg", ".cat", ".seen", ".sug"])
def test_the_check_names_file_and_section(index: Path, ending: str) -> None:
    """The whole check, as a person runs it, for a section in the middle of each kind of file."""
    path = next(path for path in files(index) if path.suffix == ending)
    sections = sorted((place, name) for name, place in extents(path).items() if place[1])
    (first, _), name = sections[len(sections) // 2]
    assert check_index(index).problems == ()
    with Changed(path, flipped(first, 3)):
        problems = check_index(index).problems
    assert len(problems) == 1
    assert problems[0].startswith(f"{path.name}, section {name}: the checksum does not hold")


def test_damage_that_keeps_every_checksum_of_the_file_but_not_the_manifests_size_is_found(index: Path) -> None:
    """A file of another generation under the name of this one."""
    one, other = (path for path in files(index) if path.suffix == ".seg")
    with Changed(one, lambda path, data: put(path, other.read_bytes())), pytest.raises(IndexDamagedError):
        open_snapshot(index)
