"""Builds with too little memory, and copies of an index taken while builds replace it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from editions import articles_of, edition_of, write_edition
from program import PATIENCE_SECONDS, TESTS, environment
from story_archive import assert_tidy

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import IndexDamagedError
from search_app.index.builder import build_index
from search_app.index.generation import newest_generation, open_snapshot
from search_app.index.manifest import SEGMENTS, list_generations, manifest_path, read_manifest, sizes_of
from search_app.index.verify import check_index


def edition_in(index: Path) -> int:
    """Return the edition that an index holds."""
    engine = EmbeddedEngine(index)
    try:
        return edition_of(engine.search(SearchRequest(per_page=100)))
    finally:
        engine.close()


# -- too little memory ---------------------------------------------------------------------------------------------

_SMALLER_AND_SMALLER = """
import json, os, re, resource, sys
from pathlib import Path
from editions import share_work
from search_app.cli import main
from search_app.index import builder  # So that only the build itself asks for memory below.
import zstandard
share_work()
archive, index, jobs, rooms = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
used = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
codes = []
for room in rooms:
    pid = os.fork()
    if not pid:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        resource.setrlimit(resource.RLIMIT_AS, (used + room * 1024, used + room * 1024))
        code = 99
        try:
            code = main(["index", archive, "--index", index, "--jobs", jobs, "--full"])
        finally:
            os._exit(code)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print(code := codes[-1], flush=True)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS holds back address space on Linux")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_build_with_too_little_memory_ends_with_an_error_or_well(tmp_path: Path, jobs: str) -> None:
    """From plenty down to nothing: exit code 0 or 1, one sentence for each failure, the old index untouched by it."""
    archive, index = tmp_path / "archive", tmp_path / "index"
    write_edition(archive, 1)
    build_index(archive, index, jobs=1)
    write_edition(archive, 2)
    rooms = [1 << 20, *range(30_000, 1_000, -3_000), 1_000, 500, 250, 100, 0]
    done = subprocess.run(
        [sys.executable, "-c", _SMALLER_AND_SMALLER, str(archive), str(index), jobs, json.dumps(rooms)],
        capture_output=True,
        text=True,
        env=environment(OPENBLAS_NUM_THREADS="1"),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes = Counter(int(code) for code in done.stdout.split())
    print(f"jobs {jobs}: {dict(codes)}")
    assert set(codes) == {0, 1}, (codes, done.stderr)
    told = done.stderr.splitlines()
    assert len(told) == codes[1], done.stderr
    assert all(line.startswith("search-app: ") for line in told), done.stderr
    assert newest_generation(index) == 1 + codes[0]
    assert edition_in(index) == 2
    assert build_index(archive, index, jobs=1, full=True).articles == articles_of(2)
    assert_tidy(index)


# -- copies --------------------------------------------------------------------------------------------------------


def linked_copy(index: Path, copy: Path) -> bool:
    """Copy the newest generation by hard links; return False where it was replaced meanwhile."""
    generation = newest_generation(index)
    try:
        manifest = read_manifest(index, generation)
        (copy / SEGMENTS).mkdir(parents=True)
        for name in sizes_of(manifest):
            os.link(index / SEGMENTS / name, copy / SEGMENTS / name)
        os.link(manifest_path(index, generation), manifest_path(copy, generation))
    except (FileNotFoundError, IndexDamagedError):
        shutil.rmtree(copy, ignore_errors=True)
        return False
    return True


def copied_by_the_readme(index: Path, copy: Path) -> bool:
    """Copy an index as the README says; return whether its check is content."""
    subprocess.run(["cp", "-al", str(index), str(copy)], capture_output=True, check=False)
    return check_index(copy).problems == () if list_generations(copy) else False


@pytest.mark.parametrize("take", [linked_copy, copied_by_the_readme])
def test_a_copy_taken_while_builds_go_on_opens_and_verifies(tmp_path: Path, take: object) -> None:
    """By hard links, which cost nothing: no published file is ever written to again."""
    assert callable(take)
    archive, index, stop = tmp_path / "archive", tmp_path / "index", tmp_path / "stop"
    write_edition(archive, 0)
    build_index(archive, index, jobs=1)
    builder = subprocess.Popen(
        [sys.executable, str(TESTS / "editions.py"), "rebuild", str(archive), str(index), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    copies: list[Path] = []
    try:
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while newest_generation(index) < 8 or len({newest_generation(copy) for copy in copies}) < 2:
            assert time.monotonic() < deadline
            copy = tmp_path / f"copy{len(copies)}"
            if take(index, copy):
                copies.append(copy)
                time.sleep(0.1)
            else:
                shutil.rmtree(copy, ignore_errors=True)
    finally:
        stop.touch()
        out, trouble = builder.communicate(timeout=PATIENCE_SECONDS)
    assert (builder.returncode, trouble) == (0, "")
    assert json.loads(out)["editions"] > 5
    assert len({newest_generation(copy) for copy in copies}) > 1
    for copy in copies:
        assert check_index(copy).problems == ()
        assert open_snapshot(copy).degraded == ""
        edition_in(copy)
    # A copy is an index like any other.
    assert build_index(archive, copies[0], jobs=1).articles == articles_of(json.loads(out)["editions"])
    assert check_index(copies[1]).problems == ()
