"""The promises that are fuzzed: kept over every input that ever broke one, over made-up ones, and for some seconds by
coverage where Atheris is installed.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS, UNSAFE_HTML, BrokenPromiseError, _demand

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
CORPUS = sorted(path for path in (FUZZ / "corpus").glob("*/*") if path.is_file())
# FUZZ_SECONDS in the environment makes it longer.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "3"))
SCRAPS = {
    "page": """
        ### [2031-03-4](/news/2031/03/4/index.md)\n|##### Topic\n|# Headline.\n|### Sources:\n|### Related:\n
        |### Changes:\n|1. [Name](https://a.example/?a=1&amp;b=2)\n|_Context: A, B_|[](|**|<script>|&#0;|\u202e|\ufeff
        |青石港|\r\n|[Cover Image](x)|![|](javascript:x)|- |> |\n\n|-{zh:a;zh-tw:b}-|_|`|    |\t""",
    "query": """
        "|(|)| OR | AND |NOT |-|*|?|~2|^3|headline:|date:[2016 TO 2017]|before:|2016..2018|storm|青石|\\|a\u0301|\u200b
        |1,000|U.S.|don’t|[|]| TO |*:*|source:"|last week""",
    "address": """
        q=|&|topic=|context=|from=2016|to=last+week|sort=newest|page=2|per_page=0|%00|%ff|missing=topic|interval=day
        |not_source=|context_match=any|=|+|%F0%9F%9A%A2|[]|;|facet_size=""",
}


def scraps_of(name: str) -> list[str]:
    """The pieces that input of a target is made of; the breaks of the table above are not part of them."""
    return [scrap for scrap in SCRAPS[name].replace("\n        ", "").split("|") if scrap]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_promise_holds_over_the_corpus(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in CORPUS} == set(TARGETS)
    assert len(CORPUS) > 20


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_promise_holds_over_made_up_input(name: str) -> None:
    pieces = st.lists(st.sampled_from(scraps_of(name)) | st.text(max_size=8), max_size=25).map("".join).map(str.encode)
    start = st.binary(max_size=1) if name == "page" else st.just(b"")

    @settings(max_examples=150)
    @given(st.binary(max_size=400) | st.tuples(start, pieces).map(b"".join))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_some_seconds_of_fuzzing_by_coverage_find_nothing(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("Atheris is not installed; the extra fuzz installs it")
    done = subprocess.run(
        [sys.executable, str(FUZZ / "run.py"), name, "--seconds", str(SECONDS), "--work", str(tmp_path), "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_broken_promise_is_seen() -> None:
    with pytest.raises(BrokenPromiseError, match="one is two"):
        _demand(1 == 2, "one is two")
    for unsafe in ('<p onclick="x">', "<script>", '<a href="javascript:x">', '<img src="x">'):
        assert UNSAFE_HTML.search(unsafe)
    assert UNSAFE_HTML.search('<p>on click = 1 <a href="https://a.example" rel="nofollow">a</a></p>') is None
