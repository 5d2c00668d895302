"""The check: silent on a sound index, and a sentence that names file and section for everything that is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from index_making import make_segment, publish
from random_articles import random_articles

from search_app.errors import IndexMissingError
from search_app.index.files import FileSystem
from search_app.index.manifest import SEGMENTS, Manifest, SegmentEntry, manifest_path, write_manifest
from search_app.index.schema import schema_fingerprint
from search_app.index.sections import Array, SectionFile, SectionWriter
from search_app.index.segment import Segment
from search_app.index.verify import check_index, check_segment

Change = Callable[[Array], Array]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound segment file."""
    path = tmp_path_factory.mktemp("sound") / "x.seg"
    make_segment(path, random_articles(random.Random(f"{SEED} verify"), 60))
    return path


def rewritten(sound: Path, path: Path, section: str, change: Change) -> Segment:
    """Copy a segment with one section changed and every checksum right."""
    file = SectionFile(sound)
    writer = SectionWriter(path, FileSystem())
    for name in file.names():
        array = file.array(name)
        writer.add(name, change(array.copy()) if name == section else array)
    writer.finish(file.meta)
    return Segment(path)


def _swapped(array: Array) -> Array:
    """Swap the first two neighbours that differ."""
    at = int(np.flatnonzero(array[1:] != array[:-1])[0])
    array[at], array[at + 1] = array[at + 1], array[at]
    return array


def _first(value: int) -> Change:
    def change(array: Array) -> Array:
        array[0] = value
        return array

    return change


def _last_plus(array: Array) -> Array:
    array = array.astype(np.uint32)
    array[-1] += 1
    return array


def _doubled_first(array: Array) -> Array:
    array[0] += 1
    return array


def _short(array: Array) -> Array:
    return array[:-1]


def _mirrored(array: Array) -> Array:
    """Turn letters round in the alphabet, which turns the order of names round."""
    letters = (array >= ord("A")) & (array <= ord("Z"))
    array[letters] = ord("A") + ord("Z") - array[letters]
    return array


def _turned(array: Array) -> Array:
    return array[::-1].copy()


FAULTS: tuple[tuple[str, str, Change], ...] = (
    ("headline.terms", "not in order", _swapped),
    ("headline.terms", "points past the terms", lambda a: np.append(a[:-1].astype(np.uint32), 10**6)),
    ("headline.posting_starts", "does not fit the postings", _last_plus),
    ("headline.posting_starts", "does not fit the postings", _first(1)),
    ("summary.token_starts", "does not fit the tokens", _last_plus),
    ("headline.tf", "does not add up to the tokens", _doubled_first),
    ("headline.tf", "does not agree with the lengths", _swapped),
    ("headline.ranks", "not one for each posting", _short),
    ("headline.ranks", "points past the spellings", _first(254)),
    ("headline.ranks", "does not agree with the ranks", _first(255)),
    ("summary.mixed", "does not agree with the ranks", _short),
    ("summary.mixed_starts", "does not fit the ranks", _last_plus),
    ("summary.mixed_starts", "does not agree with the tokens", lambda a: np.delete(a, 1)),
    ("summary.mixed_ranks", "points past the spellings", _first(200)),
    ("headline.lengths", "not one for each document", _short),
    ("summary.lengths", "does not add up to the tokens", _doubled_first),
    ("headline.docs", "points past the documents", _first(60_000)),
    ("context.docs", "not in order within a term", _turned),
    ("forms.term", "not one for each form", _short),
    ("forms.term", "points past the terms", lambda a: _first(10**6)(a.astype(np.uint32))),
    ("facets.row_starts", "does not fit the rows", _last_plus),
    ("facets.rows", "points past the values", lambda a: _first(60_000)(a.astype(np.uint16))),
    ("facets.rows", "does not agree with the rows", _turned),
    ("facets.value_starts", "does not fit the documents", _last_plus),
    ("facets.value_docs", "does not agree with the rows", _swapped),
    ("flags", "does not agree on topic", _turned),
    ("day", "not newest first", _first(1)),
    ("paths.hash", "not in order", _swapped),
    ("paths.doc", "does not lead to the stored paths", _swapped),
    ("terms.blob", "makes no sense", _turned),
    ("terms.sizes", "do not add up to the texts", _doubled_first),
    ("topic.values.sizes", "do not add up to the texts", _short),
    ("stored.off", "does not fit the texts", _last_plus),
    ("topic.values.blob", "not in order", _mirrored),
)


@pytest.mark.parametrize(
    ("section", "problem", "change"), FAULTS, ids=[f"{section} {problem}" for section, problem, _ in FAULTS]
)
def test_faults_between_arrays_are_found_though_every_checksum_holds(
    sound: Path, tmp_path: Path, section: str, problem: str, change: Change
) -> None:
    """The checksums say that nothing changed since writing; the logic says whether what was written makes sense."""
    segment = rewritten(sound, tmp_path / "x.seg", section, change)
    assert segment.file.problems() == []
    found = check_segment(segment)
    assert any(problem in sentence for sentence in found), found
    assert all(sentence.startswith("x.seg, section ") for sentence in found)


def test_a_sound_segment_has_no_faults(sound: Path, tmp_path: Path) -> None:
    assert check_segment(rewritten(sound, tmp_path / "x.seg", "day", lambda array: array)) == []


def test_a_sound_index_is_counted_and_silent(tmp_path: Path) -> None:
    articles = random_articles(random.Random(1), 30)
    publish(tmp_path, articles[:20], articles[20:], deleted={(0, articles[3].path)})
    publish(tmp_path, articles, generation=2)
    report = check_index(tmp_path)
    assert report.problems == ()
    assert (report.checked["generations"], report.checked["segments"], report.checked["articles"]) == (2, 3, 60)
    assert report.checked["bytes"] == sum(path.stat().st_size for path in (tmp_path / SEGMENTS).iterdir())


def test_no_index_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        check_index(tmp_path)


def test_damage_anywhere_in_the_index_is_named(tmp_path: Path, rng: random.Random) -> None:
    """Any flipped bit of any file of the index, found and told in a sentence; and the check itself never falls over."""
    publish(tmp_path, random_articles(random.Random(2), 12), generation=1)
    files = [manifest_path(tmp_path, 1), tmp_path / SEGMENTS / "00000001-1.seg"]
    for n in range(120):
        path = files[min(n % 8, 1)]
        good = path.read_bytes()
        damaged = bytearray(good)
        damaged[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        problems = check_index(tmp_path).problems
        assert problems and path.name in problems[0], problems
        path.write_bytes(good)
    assert check_index(tmp_path).problems == ()


def test_a_missing_or_truncated_file_is_named(tmp_path: Path) -> None:
    publish(tmp_path, random_articles(random.Random(3), 5), generation=1)
    publish(tmp_path, random_articles(random.Random(4), 5), generation=2)
    (tmp_path / SEGMENTS / "00000001-1.seg").unlink()
    path = tmp_path / SEGMENTS / "00000002-1.seg"
    path.write_bytes(path.read_bytes()[:-5])
    problems = check_index(tmp_path).problems
    assert len(problems) == 2
    assert "00000002-1.seg" in problems[0] and "bytes, expected" in problems[0]
    assert "00000001-1.seg" in problems[1] and "missing" in problems[1]


def test_a_manifest_that_contradicts_its_segments_is_named(tmp_path: Path) -> None:
    manifest = publish(tmp_path, random_articles(random.Random(5), 5))
    entry = manifest.segments[0]
    for number, (deleted, articles) in enumerate([((3, 1), 3), ((1, 1), 3), ((7,), 4), ((-1,), 4), ((), 4)], start=2):
        wrong = SegmentEntry(entry.name, entry.bytes, entry.docs, deleted)
        write_manifest(tmp_path, Manifest(number, schema_fingerprint(), (wrong,), articles), FileSystem())
    problems = check_index(tmp_path).problems
    for number, sentence in ((2, "not in order"), (3, "not in order"), (4, "not in order"), (5, "not in order")):
        assert any(f"generation {number}:" in p and sentence in p for p in problems)
    assert "generation 6: the segments hold 5 articles, the manifest says 4" in problems
    assert len(problems) == 5


def test_an_index_of_another_version_is_named(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(1, "0.0-other", (), 0), FileSystem())
    assert "0.0-other" in check_index(tmp_path).problems[0]
