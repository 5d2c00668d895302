"""Indexes of days gone by: one of each format is kept, and opens with the answers of its day or is refused clearly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from golden import DATA, GOLDEN, golden_answers, make_golden

from search_app.errors import IndexVersionError
from search_app.index.builder import build_index
from search_app.index.generation import open_snapshot
from search_app.index.manifest import list_generations
from search_app.index.schema import schema_fingerprint
from search_app.index.verify import check_index

FORMATS = sorted(path.name for path in GOLDEN.iterdir())


def test_there_is_one_of_the_format_of_today() -> None:
    """Whoever changes the format makes one: ``python tests/golden.py``."""
    assert schema_fingerprint() in FORMATS, "a new format: run python tests/golden.py, and commit what it makes"


@pytest.mark.parametrize("name", FORMATS)
def test_an_index_of_each_format_opens_or_is_refused_clearly(name: str, tmp_path: Path) -> None:
    index = Path(shutil.copytree(GOLDEN / name / "index", tmp_path / "index"))
    if name == schema_fingerprint():
        assert check_index(index).problems == ()
        assert open_snapshot(index).degraded == ""
        assert golden_answers(index) == json.loads((GOLDEN / name / "answers.json").read_text(encoding="utf-8"))
    else:
        with pytest.raises(IndexVersionError, match=r"built by another version.*--full"):
            open_snapshot(index)
    # Either way a build makes the index of today from it.
    report = build_index(DATA / "archive", index, jobs=1)
    assert report.generation == 3
    assert golden_answers(index) == golden_answers_of_today(tmp_path)


def golden_answers_of_today(folder: Path) -> object:
    build_index(DATA / "archive", folder / "today", jobs=1)
    return golden_answers(folder / "today")


def test_the_golden_index_can_be_made_again(tmp_path: Path) -> None:
    made = make_golden(tmp_path)
    assert made.name == schema_fingerprint()
    assert list_generations(made / "index") == [2, 1]
    kept = json.loads((GOLDEN / made.name / "answers.json").read_text(encoding="utf-8"))
    assert json.loads((made / "answers.json").read_text(encoding="utf-8")) == kept
    with pytest.raises(FileExistsError):
        make_golden(tmp_path)
