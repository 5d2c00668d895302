"""What an update costs: ``python benchmarks/update.py --archive FOLDER [--work WORK]``.

Builds an index from nothing, then brings it up to date with nothing, one file and a hundred files changed, in turn,
each time in a process of its own, and prints a Markdown table with ratios to the full build. Beside the time of the
clock stands processor time, which other work on the machine disturbs least. The program is compiled once, as it is
where it is installed. The archive itself is not touched: its files are linked into a folder of the benchmark's own, and
what changes there is written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processes import ROOT
from benchmarks.subset import copy_articles, work_folder
from benchmarks.table import Row, markdown

FULL = "full build"
ROUNDS = 3
SETTLED_SECONDS = 10
"""Files that changed less than two seconds ago are looked at again by the next build; these seem older."""


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--archive", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--articles", type=int, default=0, metavar="N", help="about N of the oldest; all otherwise")
    parser.add_argument("--work", type=Path, help="folder for archive and index; a temporary one otherwise")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="times that each build is run")
    parser.add_argument("--seed", type=int, default=1, help="of the files that change")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, change, update, print."""
    options = read_options(arguments)
    with work_folder(options.work) as work:
        folder = work / (f"archive-{options.articles}" if options.articles else "archive")
        archive = copy_articles(options.archive, folder, options.articles or sys.maxsize)
        print(report(archive, work / "index", options.rounds, options.seed))


def report(archive: Path, index: Path, rounds: int, seed: int) -> str:
    """Return the table. archive : its files are changed, and written back as they were."""
    drawn = random.Random(seed)
    files = [path for path in sorted(archive.glob("news/*/*/*/*.md")) if path.stem not in ("index", "README")]
    counts = (0, 1, min(100, len(files)))
    names = [FULL, *(f"{count} changed" for count in counts)]
    clock: dict[str, list[float]] = {name: [] for name in names}
    processor: dict[str, list[float]] = {name: [] for name in names}
    told: dict[str, dict[str, int]] = {}
    for number in range(rounds):
        for name, count in zip(names, (None, *counts), strict=True):
            chosen = drawn.sample(files, count or 0)
            kept = [(path, path.read_bytes()) for path in chosen]
            for path, text in kept:
                _write(path, text.replace(b"\n# ", f"\n# Edited {number} ".encode(), 1))
            try:
                told[name] = _run(archive, index, clock[name], processor[name], full=count is None)
            finally:
                for path, text in kept:
                    _write(path, text)
            if kept:
                # Back to what it was, so that the next round changes as much as this one.
                _run(archive, index, [], [], full=False)
    rows = [
        Row("time, median", {name: statistics.median(values) for name, values in clock.items()}, _seconds),
        Row(
            "processor time, median", {name: statistics.median(values) for name, values in processor.items()}, _seconds
        ),
        Row(
            "articles new, changed or gone",
            {name: float(_differing(found)) for name, found in told.items()},
            "{:,.0f}".format,
        ),
    ]
    return f"{told[FULL]['articles']:,} articles, {rounds} rounds.\n\n{markdown(rows, names)}"


def _run(archive: Path, index: Path, clock: list[float], processor: list[float], *, full: bool) -> dict[str, int]:
    """Run one build, add its times, and return what it says of itself."""
    command = [sys.executable, "-m", "search_app", "index", str(archive), "--index", str(index), "--log", "json"]
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(index.with_name("compiled"))}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **compiled}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command + ["--full"] * full, capture_output=True, text=True, env=environment, check=False)
    clock.append(time.perf_counter() - began)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def _write(path: Path, text: bytes) -> None:
    """Put a new file in the place of one that may be linked from elsewhere, with a time that no build doubts."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(text)
    stamp = time.time_ns() - SETTLED_SECONDS * 10**9
    os.utime(fresh, ns=(stamp, stamp))
    fresh.replace(path)


def _differing(told: dict[str, int]) -> int:
    return told["new"] + told["changed"] + told["gone"]


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


if __name__ == "__main__":
    main()
