"""How costs grow with the archive: ``python benchmarks/growth.py --archive SMALL --archive LARGE … [--work WORK]``.

Builds an index of each archive in a process of its own, opens it in another, asks the same questions of all, and prints
a Markdown table with each figure's ratio to the smallest archive's. Beside the time of the clock stands processor time,
which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.contender import folder_bytes
from benchmarks.ours import Ours
from benchmarks.processes import run_child
from benchmarks.queries import draw_typical
from benchmarks.subset import copy_articles, work_folder
from benchmarks.table import Row, markdown, megabytes, milliseconds, seconds
from search_app.archive import read_archive

ROUNDS = 15


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--archive", type=Path, action="append", required=True, metavar="FOLDER", help="an archive; give several"
    )
    parser.add_argument(
        "--articles",
        type=int,
        default=0,
        metavar="N",
        help="also about N of the oldest articles of the first",
    )
    parser.add_argument("--work", type=Path, help="folder for the indexes; a temporary one otherwise")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="times that each question is asked")
    parser.add_argument("--seed", type=int, default=1, help="of the questions, which are drawn from the first archive")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, ask, print."""
    options = read_options(arguments)
    with work_folder(options.work) as work:
        archives = [archive.resolve() for archive in options.archive]
        questions = work / "questions.json"
        drawn = draw_typical(list(read_archive(archives[0]).articles), options.seed)
        questions.write_text(json.dumps([question.words for question in drawn]), encoding="utf-8")
        if options.articles:
            archives.insert(0, copy_articles(archives[0], work / f"archive-{options.articles}", options.articles))
        print(report(archives, work, questions, options.rounds))


def report(archives: Sequence[Path], work: Path, questions: Path, rounds: int) -> str:
    """Return the table. questions : a JSON file of lists of words."""
    figures: dict[str, dict[str, float]] = {}
    for number, archive in enumerate(archives):
        folder = work / f"growth-{number}"
        built = run_child("build", Ours.name, str(archive), str(folder))
        asked = run_child("ask", Ours.name, str(folder), str(questions), str(rounds))
        name = f"{built['articles']:,} articles"
        if name in figures:
            raise SystemExit(f"Two of the archives have {name}; give archives of different sizes.")
        figures[name] = {**asked, **built, "bytes": folder_bytes(folder)}

    def row(label: str, key: str, write: Callable[[float], str]) -> Row:
        return Row(label, {name: found[key] for name, found in figures.items()}, write)

    rows = [
        row("full build from the files", "seconds", seconds),
        row("processor time of it, all processes", "processor", seconds),
        row("memory of it, all processes together", "peak", megabytes),
        row("memory of it, main process", "own", megabytes),
        row("index on disk", "bytes", megabytes),
        row("from opening to the first answer", "first", milliseconds),
        row("faceted search, none shown: mean of 20 medians", "search", milliseconds),
        row("processor time of it", "search_processor", milliseconds),
        row("faceted search, 20 hits read and marked: mean of 20 medians", "page", milliseconds),
        row("processor time of it", "page_processor", milliseconds),
        row("resident memory of a searching process", "resident", megabytes),
        row("of it private, no file behind it", "private", megabytes),
    ]
    return markdown(rows, list(figures))


if __name__ == "__main__":
    main()
