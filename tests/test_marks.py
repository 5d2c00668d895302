"""Marks: a changed file is looked at, wherever it lies, and a folder that is as it was is not."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import pytest

from search_app.archive import Folder, Walk
from search_app.archive.paths import folder_of
from search_app.index.marks import NEITHER, Files, Look, digests_of, page_code, walk_digest

SINCE = 10**9
"""Files of this time or later are new when the builds of these tests look at them."""

Stats = Mapping[str, tuple[int, int]]
"""Size and time of each file."""


def walk_of(stats: Stats) -> Walk:
    """Return what a walk of these files finds."""
    folders: dict[str, Folder] = {}
    for file in sorted(stats):
        folder = folders.setdefault(folder_of(file), Folder(folder_of(file), [], [], []))
        for column, told in zip(folder[1:], (file.rpartition("/")[2], *stats[file]), strict=True):
            column.append(told)
    return Walk(tuple(folders[path] for path in sorted(folders)), ())


def look_of(stats: Stats, before: Files) -> Look:
    walk = walk_of(stats)
    return Look(walk, digests_of(walk.folders), before, SINCE)


def told(stats: Stats, files: Files) -> dict[str, tuple[int, int]]:
    """Return mark and code of each file that a table has."""
    marks, codes = (column.tolist() for column in files.files.columns)
    names = [item.file for folder in walk_of(stats).folders for item in folder.files()]
    return dict(zip(names, zip(marks, codes, strict=True), strict=True))


def folders_looked_at(look: Look) -> list[str]:
    return [folder.path for folder in look.folders]


DAY = {"news/2031/03/4/a.md": (10, 1), "news/2031/03/4/b.md": (10, 1), "news/2031/03/5/a.md": (10, 1)}
EDITS: dict[str, Stats] = {
    "size": {**DAY, "news/2031/03/4/a.md": (11, 1)},
    "time": {**DAY, "news/2031/03/4/a.md": (10, 2)},
    "sizes and times in each other's place": {**DAY, "news/2031/03/4/a.md": (1, 10)},
    "new file": {**DAY, "news/2031/03/4/c.md": (10, 1)},
    "file gone": {file: stat for file, stat in DAY.items() if not file.endswith("4/b.md")},
    "renamed": {file.replace("4/b.md", "4/c.md"): stat for file, stat in DAY.items()},
}


@pytest.mark.parametrize("stats", EDITS.values(), ids=EDITS.keys())
def test_any_change_in_a_folder_has_it_looked_at_and_no_other(stats: Stats) -> None:
    before = look_of(DAY, Files.none()).outcome({}, ())
    assert folders_looked_at(look_of(stats, before)) == ["news/2031/03/4"]
    assert folders_looked_at(look_of(DAY, before)) == []
    walks = [walk_of(DAY), walk_of(stats)]
    assert len({walk_digest(walk, digests_of(walk.folders)) for walk in walks}) == 2


def test_a_folder_that_moved_is_looked_at_whole() -> None:
    before = look_of(DAY, Files.none()).outcome({}, ())
    moved = {file.replace("/03/5/", "/03/6/"): stat for file, stat in DAY.items()}
    look = look_of(moved, before)
    assert (folders_looked_at(look), look.held) == (["news/2031/03/6"], [None])
    walks = [walk_of(DAY), walk_of(moved)]
    assert len({walk_digest(walk, digests_of(walk.folders)) for walk in walks}) == 2


def test_a_file_that_is_unsure_has_its_folder_looked_at_and_is_not_known_again() -> None:
    """One that cannot be used, and one so new that a later change may not show."""
    stats = {**DAY, "news/2031/03/5/b.md": (10, SINCE)}
    codes = {file: n for n, file in enumerate(sorted(stats))}
    before = look_of(stats, Files.none()).outcome(codes, {"news/2031/03/4/a.md"})
    look = look_of(stats, before)
    assert folders_looked_at(look) == ["news/2031/03/4", "news/2031/03/5"]
    assert look.held == [None, 1, 2, None]


def test_times_beyond_the_range_of_64_bits_are_times() -> None:
    stats = {"news/2031/03/4/a.md": (2**70, 2**80)}
    before = look_of(stats, Files.none()).outcome({}, ())
    later = {"news/2031/03/4/a.md": (2**70, 2**80 + 1)}
    assert digests_of(walk_of(stats).folders) != digests_of(walk_of(later).folders)
    assert folders_looked_at(look_of(later, before)) == ["news/2031/03/4"]


def test_numbers_follow_their_rows_and_pages() -> None:
    codes = {"news/2031/03/4/a.md": 2, "news/2031/03/4/b.md": page_code(1)}
    files = look_of(DAY, Files.none()).outcome(codes, ())
    moved = files.renumbered(np.array([-1, -1, 7]), np.array([-1, 3]))
    assert files.codes.tolist() == [2, page_code(1), NEITHER]
    assert moved.codes.tolist() == [7, page_code(3), NEITHER]
    assert np.flatnonzero(moved.rows(9)).tolist() == [7]
    assert np.flatnonzero(moved.pages(9)).tolist() == [3]


def test_a_look_tells_what_a_table_of_all_files_would(rng: random.Random) -> None:
    """Through fifty builds, of which each knows what the last one said of every file."""
    folders = ["", "news", *(f"news/2031/03/{day}" for day in range(1, 9))]
    names = [f"{folder}/{name}.md".lstrip("/") for folder in folders for name in "abc"]
    stats: dict[str, tuple[int, int]] = {}
    files, expected, seen = Files.none(), dict[str, tuple[int, int]](), dict[str, tuple[int, int]]()
    for _ in range(50):
        for file in rng.sample(names, rng.randrange(8)):
            stats.pop(file, None)
            if rng.random() < 0.7:
                stats[file] = (rng.randrange(3), rng.choice((1, 2, SINCE)))
        look = look_of(stats, files)
        looked = {item.file: held for item, held in zip(look.files(), look.held, strict=True)}
        for file, stat in stats.items():
            known = seen.get(file) == stat and expected[file][0]
            if file in looked:
                assert looked[file] == (expected[file][1] if known else None)
            else:
                assert known
        codes = {file: rng.randrange(-5, 5) for file in looked}
        unusable = {file for file in looked if rng.random() < 0.1}
        files = look.outcome(codes, unusable)
        now = told(stats, files)
        for file in stats:
            if file in looked:
                sure = file not in unusable and stats[file][1] < SINCE
                assert (bool(now[file][0]), now[file][1]) == (sure, codes[file])
            else:
                assert now[file] == expected[file]
        expected, seen = now, dict(stats)
