"""One command, one table: ``python benchmarks/run.py --archive FOLDER [--articles N] [--quick]``.

Builds every contender's index of the same archive, checks that answers agree, times them in turn, and prints Markdown.
Peers' indexes are kept in the work folder for the next run; this engine's is built anew each time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.contender import Contender, by_name, folder_bytes
from benchmarks.contenders import all_contenders
from benchmarks.measure import PAGE, SEARCH, Agreement, Timed, compare, time_rounds
from benchmarks.processes import FORGETFUL, memory_of, run_child, serving
from benchmarks.queries import SAME_MEANING, Question, draw_mixed, draw_typical
from benchmarks.subset import copy_articles, work_folder
from benchmarks.table import Row, markdown, megabytes, milliseconds, seconds
from search_app.archive import read_archive

FIGURES = "figures.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Rounds are times that everything is asked; ``slow_seconds`` is the most that a slow peer may take over one part.
    """

    builds: int
    rounds: int
    mixed: int
    mixed_rounds: int
    http_rounds: int
    memory_rounds: int
    slow_seconds: float


FULL = Plan(builds=3, rounds=7, mixed=300, mixed_rounds=3, http_rounds=7, memory_rounds=50, slow_seconds=120.0)
QUICK = Plan(builds=1, rounds=3, mixed=80, mixed_rounds=1, http_rounds=3, memory_rounds=5, slow_seconds=20.0)


@dataclass(slots=True)
class Bench:
    """One run: an archive, the contenders, a folder for their indexes, and the rows gathered so far."""

    archive: Path
    work: Path
    contenders: list[Contender]
    plan: Plan
    seed: int
    rebuild: bool
    rows: list[Row]
    notes: list[str]
    articles: int = 0

    def folder(self, contender: Contender) -> Path:
        """Return where a contender's index lies."""
        return self.work / contender.name

    @property
    def names(self) -> list[str]:
        """The contenders' names, this engine's first."""
        return [contender.name for contender in self.contenders]

    # -- building -------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Build in turn: in each round every contender once, slow ones and those kept from before only if need be."""
        figures: dict[str, list[dict[str, Any]]] = {name: [] for name in self.names}
        kept = {c.name: found for c in self.contenders[1:] if (found := self._kept(c)) and not self.rebuild}
        for turn in range(self.plan.builds):
            for contender in self.contenders:
                if contender.name in kept or (contender.slow and turn):
                    continue
                tell(f"building {contender.name}, {turn + 1} of {self.plan.builds}")
                figures[contender.name].append(self._build(contender))
        for name, found in kept.items():
            figures[name] = [found]
        self.notes.append(
            f"Each index was built {self.plan.builds} times, slow peers' once."
            if self.plan.builds > 1
            else "Each index was built once."
        )
        counts = {name: found[-1]["articles"] for name, found in figures.items()}
        if len(set(counts.values())) > 1:
            raise SystemExit(f"the contenders read different numbers of articles: {counts}")
        self.articles = counts[self.names[0]]
        medians = {
            key: {name: statistics.median(one[key] for one in found) for name, found in figures.items()}
            for key in ("seconds", "peak", "bytes")
        }
        self.rows += [
            Row("full build from the files", medians["seconds"], seconds),
            Row("memory of that build, at its peak", medians["peak"], megabytes),
            Row("index on disk", medians["bytes"], megabytes),
        ]
        if kept:
            self.notes.append(f"Built in an earlier run, not in turn: {', '.join(kept)}.")

    def _build(self, contender: Contender) -> dict[str, Any]:
        folder = self.folder(contender)
        shutil.rmtree(folder, ignore_errors=True)
        figures = run_child("build", contender.name, str(self.archive), str(folder))
        figures |= {"bytes": folder_bytes(folder), "version": contender.version, "archive": str(self.archive)}
        self._figures_file(contender).write_text(json.dumps(figures), encoding="utf-8")
        return figures

    def _figures_file(self, contender: Contender) -> Path:
        return self.work / f"{contender.name}.{FIGURES}"

    def _kept(self, contender: Contender) -> dict[str, Any] | None:
        """Return the figures of an index of the same archive and version that an earlier run left, or None."""
        try:
            figures: dict[str, Any] = json.loads(self._figures_file(contender).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        same = figures.get("version") == contender.version and figures.get("archive") == str(self.archive)
        return figures if same and self.folder(contender).is_dir() else None

    # -- searching ------------------------------------------------------------------------------------------------

    def search(self, typical: Sequence[Question], mixed: Sequence[Question]) -> dict[str, Agreement]:
        """Check that answers agree, then time them."""
        for contender in self.contenders:
            contender.open(self.folder(contender))
        try:
            tell("comparing answers")
            agreements = compare(self.contenders, [*typical, *mixed], budget=self.plan.slow_seconds)
            for door, what in ((SEARCH, "hits found, none shown"), (PAGE, "20 hits read and marked")):
                # What showing costs a peer that takes a second to search does not show beside that second.
                asked = [contender for contender in self.contenders if door == SEARCH or not contender.slow]
                timed = time_rounds(asked, typical, door, self.plan.rounds, tell=tell)
                label = f"faceted search, {what}"
                self.rows.append(
                    Row(f"{label}: mean of {len(typical)}", {k: t.mean for k, t in timed.items()}, milliseconds)
                )
                self.rows.append(Row(f"{label}: median", {k: t.median for k, t in timed.items()}, milliseconds))
            timed = time_rounds(
                self.contenders,
                mixed,
                SEARCH,
                self.plan.mixed_rounds,
                slow_budget=self.plan.slow_seconds,
                tell=tell,
            )
        finally:
            for contender in self.contenders:
                contender.close()
        self._mixed_rows(mixed, timed)
        return agreements

    def _mixed_rows(self, mixed: Sequence[Question], timed: dict[str, Timed]) -> None:
        """Add rows for those who answered everything; of the others a note says how they did on what they answered."""
        count = len(mixed)
        whole = {name: found for name, found in timed.items() if len(found.seconds) == count}
        slowest = {name: found.slowest[1] for name, found in whole.items()}
        self.rows.append(Row(f"slowest of {count} mixed", slowest, milliseconds))
        self.rows.append(Row(f"mean of {count} mixed", {k: t.mean for k, t in whole.items()}, milliseconds))
        ours = timed[self.names[0]].medians()
        for name, found in timed.items():
            if not found.seconds:
                continue
            number, took = found.slowest
            note = f"{name}: slowest mixed question `{mixed[number].text}` ({mixed[number].kind}), {milliseconds(took)}"
            if name not in whole:
                same = [ours[n] for n in found.seconds]
                note += (
                    f", of {len(found.seconds)} that it knows and had time for; their mean {milliseconds(found.mean)}, "
                    f"{self.names[0]}'s on the same {milliseconds(statistics.fmean(same))}, "
                    f"slowest {milliseconds(max(same))}"
                )
            self.notes.append(note + ".")

    # -- serving --------------------------------------------------------------------------------------------------

    def memory(self, typical: Sequence[Question]) -> None:
        """Measure a process that has answered the typical questions many times."""
        file = self.work / "questions.json"
        file.write_text(json.dumps([question.words for question in typical]), encoding="utf-8")
        resident: dict[str, float] = {}
        private: dict[str, float] = {}
        for contender in self.contenders:
            tell(f"memory of {contender.name}")
            rounds = 1 if contender.slow else self.plan.memory_rounds
            found = run_child("serve", contender.name, str(self.folder(contender)), str(file), str(rounds))
            resident[contender.name], private[contender.name] = found["resident"], found["private"]
        self.rows.append(Row("resident memory of a searching process", resident, megabytes))
        self.rows.append(Row("of it private, no file behind it", private, megabytes))

    def http(self, typical: Sequence[Question]) -> None:
        """Ask this engine over HTTP, one client, one worker process."""
        if find_spec("search_app.web") is None or find_spec("search_app.server") is None:
            self.notes.append("HTTP was not measured: the web room is not installed.")
            return
        ours = self.contenders[0]
        tell("asking over HTTP")
        with serving(self.folder(ours), variables=FORGETFUL) as server:
            for label, address in (("/api/search", "/api/search?q="), ("/search (HTML)", "/search?q=")):
                paths = [address + quote_plus(question.text) for question in typical]
                took: list[float] = []
                for turn in range(self.plan.http_rounds + 1):
                    for path in paths:
                        began = time.perf_counter()
                        server.get(path)
                        if turn:
                            took.append(time.perf_counter() - began)
                self.rows.append(
                    Row(f"{label} over HTTP, one client: median", {ours.name: statistics.median(took)}, milliseconds)
                )
            memory = [memory_of(process) for process in server.workers]
            largest = max(memory, key=lambda one: one.resident)
            self.rows.append(Row("resident memory of the serving worker", {ours.name: largest.resident}, megabytes))


def tell(text: str) -> None:
    """Say on stderr what is going on."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def report(
    bench: Bench, agreements: dict[str, Agreement], typical: Sequence[Question], mixed: Sequence[Question]
) -> str:
    """Return the run as Markdown: what was measured, the table, how far answers agree, and notes."""
    versions = ", ".join(f"{c.name} {c.version}" for c in bench.contenders)
    python = ".".join(map(str, sys.version_info[:3]))
    alike = sum(question.kind in SAME_MEANING for question in (*typical, *mixed))
    lines = [
        f"{date.today()}: {bench.articles:,} articles, {os.cpu_count()} cores, Python {python}; {versions}.",
        "Medians, contenders asked in turn; ratios to the first column are to be quoted, not the times.",
        "",
        markdown(bench.rows, bench.names),
        "",
        f"Answers that agree with {bench.names[0]}'s in total, facets and years,"
        f" of {alike} questions that mean the same to all:",
        "",
    ]
    lines += [
        f"- {name}: {found.same} of {found.asked} asked; largest difference of a total {found.largest:.1%}; "
        f"analysis: {contender.analysis}"
        for contender in bench.contenders[1:]
        for name, found in [(contender.name, agreements[contender.name])]
    ]
    lines += ["", *(f"- {note}" for note in bench.notes)]
    return "\n".join(lines)


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare this engine with its peers; prints a Markdown table.")
    parser.add_argument("--archive", type=Path, required=True, help="folder of the archive")
    parser.add_argument(
        "--articles", type=int, default=0, metavar="N", help="only about so many articles, oldest first"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and questions")
    parser.add_argument("--work", type=Path, help="folder for indexes; peers' are kept there for the next run")
    parser.add_argument(
        "--rebuild", action="store_true", help="build peers' indexes even where the work folder has them"
    )
    parser.add_argument("--only", default="", metavar="NAMES", help="contenders beside search-app, with commas")
    parser.add_argument("--builds", type=int, default=0, metavar="N", help="times that each index is built")
    parser.add_argument("--slow-seconds", type=float, default=0.0, metavar="S", help="most for a part of a slow peer's")
    parser.add_argument("--seed", type=int, default=1, help="of the questions")
    return parser.parse_args(arguments)


def run(arguments: Sequence[str]) -> str:
    """Measure what the command line asks for and return the report."""
    options = read_arguments(arguments)
    contenders = all_contenders()
    if options.only:
        contenders = by_name(contenders, [contenders[0].name, *options.only.split(",")])
    with work_folder(options.work) as work:
        archive = options.archive.resolve()
        if options.articles:
            archive = copy_articles(archive, work / f"archive-{options.articles}", options.articles)
        plan = QUICK if options.quick else FULL
        plan = replace(
            plan, builds=options.builds or plan.builds, slow_seconds=options.slow_seconds or plan.slow_seconds
        )
        bench = Bench(archive, work, contenders, plan, options.seed, options.rebuild, [], [])
        bench.build()
        tell("drawing questions")
        articles = list(read_archive(archive).articles)
        typical, mixed = draw_typical(articles, options.seed), draw_mixed(articles, options.seed, plan.mixed)
        del articles
        agreements = bench.search(typical, mixed)
        bench.memory(typical)
        bench.http(typical)
        return report(bench, agreements, typical, mixed)


if __name__ == "__main__":
    print(run(sys.argv[1:]))
