"""Builders and their workers killed at any moment while others search: nobody notices but who is told.

``KILL_ROUNDS=200`` makes a long run of it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from editions import articles_of, edition_of, write_edition
from program import PATIENCE_SECONDS, TESTS, children_of, environment, needs_proc, runs, wait_until
from story_archive import assert_tidy

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.index.generation import newest_generation, open_snapshot
from search_app.index.lock import build_lock
from search_app.index.manifest import SEGMENTS

ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))
READERS = 2
MOMENTS = ("any", "a worker", "writing", "published")

pytestmark = needs_proc


def program(*arguments: object) -> subprocess.Popen[str]:
    """Start ``editions.py``."""
    return subprocess.Popen(
        [sys.executable, str(TESTS / "editions.py"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def build(archive: Path, index: Path, *options: str) -> subprocess.Popen[str]:
    """Start a build with two workers, and return once it is about to begin."""
    process = program("build", "index", archive, "--index", index, "--jobs", "2", *options)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def kill_a_worker(pid: int) -> bool:
    """Kill the first worker that a builder starts; return whether it had one while it ran."""
    late = time.monotonic() + PATIENCE_SECONDS
    while runs(pid):
        assert time.monotonic() < late
        for child in children_of(pid):
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
            return True
        time.sleep(0.001)
    return False


def wait_for(moment: str, index: Path, before: int, pid: int) -> None:
    """Wait until a builder has begun to write, or has published; or until it has ended."""
    late = time.monotonic() + PATIENCE_SECONDS
    while runs(pid):
        assert time.monotonic() < late
        if moment == "writing" and any((index / SEGMENTS).glob(f"{before + 1:08d}-*")):
            return
        if moment == "published" and newest_generation(index) > before:
            return
        time.sleep(0.001)


def edition_in(index: Path) -> int:
    """Return the edition that an index holds, read by a program that has just been started."""
    engine = EmbeddedEngine(index)
    try:
        return edition_of(engine.search(SearchRequest(per_page=100)))
    finally:
        engine.close()


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that search all the time; a test starts them itself by ``readers.append``."""
    started: list[subprocess.Popen[str]] = []
    yield started
    (tmp_path / "stop").touch()
    for process in started:
        process.kill()
        process.communicate()


def test_kill_9_of_builders_and_workers_while_others_search(
    tmp_path: Path, readers: list[subprocess.Popen[str]], rng: random.Random
) -> None:
    """Each round publishes an edition whole or not at all; the lock is free within a second, whoever still lives."""
    archive, index = tmp_path / "archive", tmp_path / "index"
    write_edition(archive, 0)
    first = build(archive, index)
    began = time.monotonic()
    assert first.wait(PATIENCE_SECONDS) == 0
    typical = time.monotonic() - began
    first.communicate()
    readers += [program("read", index, tmp_path / "stop") for _ in range(READERS)]
    held, outcomes, orphans = 0, Counter[str](), set()
    for edition in range(1, ROUNDS + 1):
        write_edition(archive, edition)
        before = newest_generation(index)
        process = build(archive, index, *(["--full"] if rng.random() < 0.5 else []))
        moment = MOMENTS[edition % len(MOMENTS)]
        if moment in ("writing", "published"):
            wait_for(moment, index, before, process.pid)
            time.sleep(rng.uniform(0, 0.02))
        elif edition > len(MOMENTS):
            # Before that at the first moment that there is, when nothing can be published yet.
            time.sleep(rng.uniform(0, typical * (0.3 if moment == "a worker" else 1.5)))
        orphans |= set(children_of(process.pid))
        hit = moment == "a worker" and kill_a_worker(process.pid)
        if moment != "a worker":
            process.kill()
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        with build_lock(index, wait_seconds=1.0):
            pass
        held_before, held = held, edition_in(index)
        assert held in (held_before, edition), (edition, outcomes)
        assert open_snapshot(index).degraded == ""
        if process.returncode == 0:
            assert held == edition
        elif process.returncode == 1:
            # A worker that dies is told, and nothing is published; no build fails for another reason.
            assert hit
            assert "A process that worked on the archive died after" in told
            assert (held, newest_generation(index)) == (held_before, before)
        else:
            assert process.returncode == -signal.SIGKILL
        outcomes[f"{'worker' if hit else 'builder'} {process.returncode} {'new' if held == edition else 'old'}"] += 1
    (tmp_path / "stop").touch()
    for reader in readers:
        told = json.loads(reader.communicate(timeout=PATIENCE_SECONDS)[0])
        assert told["errors"] == []
        assert told["searches"] > ROUNDS
        assert told["seen"] == sorted(told["seen"])
        print(f"a reader searched {told['searches']} times and saw {len(told['seen'])} editions")
    print(f"{ROUNDS} rounds: {dict(outcomes)}")
    assert outcomes.total() == ROUNDS
    assert {outcome.split()[-1] for outcome in outcomes} == {"old", "new"}
    last = build(archive, index)
    last.communicate(timeout=PATIENCE_SECONDS)
    assert (last.returncode, edition_in(index)) == (0, ROUNDS)
    assert open_snapshot(index).articles == articles_of(ROUNDS)
    assert_tidy(index)
    # Workers whose builder was killed do not live on.
    wait_until(lambda: not any(map(runs, orphans)))


def test_a_worker_that_dies_stops_the_build_with_a_sentence_and_publishes_nothing(tmp_path: Path) -> None:
    """However often: the exit code is 1, one line on stderr says so, and the lock is free for the next."""
    archive, index = tmp_path / "archive", tmp_path / "index"
    write_edition(archive, 1)
    for options in ((), ("--quiet",)):
        process = build(archive, index, *options)
        hit = kill_a_worker(process.pid)
        out, told = process.communicate(timeout=PATIENCE_SECONDS)
        assert hit
        assert (process.returncode, out, told.count("\n")) == (1, "", 1)
        assert "died after" in told
        assert newest_generation(index) == 0
    with build_lock(index, wait_seconds=1.0):
        pass
    process = build(archive, index)
    assert process.communicate(timeout=PATIENCE_SECONDS)[1] == ""
    assert edition_in(index) == 1
