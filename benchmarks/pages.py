"""Result pages over HTTP beside Datasette's: ``python benchmarks/pages.py --archive FOLDER [--articles N]``.

Serves the same articles with both, asks both the same questions in turn, and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_plus

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import peer_datasette
from benchmarks.processes import FORGETFUL, Server, serving
from benchmarks.queries import Question, draw_typical
from benchmarks.subset import copy_articles, work_folder
from benchmarks.table import Row, markdown, milliseconds, seconds
from search_app.archive import read_archive
from search_app.index.builder import build_index
from search_app.settings import load_settings

OURS = "search-app"
KEPT = "search-app, answers kept"
"""The same server as people have it: what it was asked lately it does not work out anew."""


class Size(NamedTuple):
    """Bytes before compression: of a page, and of it with the style sheets, scripts and icons that it names."""

    page: int
    whole: int


class Loaded(HTMLParser):
    """Finds what a browser loads for a page from the same server. paths : where that lies."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        given = dict(attrs)
        path = given.get("src") if tag in ("script", "img") else ""
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            path = given.get("href")
        if path and path.startswith("/"):
            self.paths.append(path)


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--archive", type=Path, required=True, help="folder of the archive")
    parser.add_argument("--articles", type=int, help="only so many of its oldest articles")
    parser.add_argument("--work", type=Path, help="folder for what is built; a temporary one by default")
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Build, serve, ask, print."""
    options = read_options(arguments)
    with work_folder(options.work) as work:
        archive = options.archive
        if options.articles:
            archive = copy_articles(archive, work / f"archive-{options.articles}", options.articles)
        articles = read_archive(archive).articles
        questions = draw_typical(articles, seed=options.seed, count=options.questions)
        print(report(archive, work, questions, options.rounds, len(articles)))


def report(archive: Path, work: Path, questions: list[Question], rounds: int, articles: int) -> str:
    """Return the table and the lines under it."""
    index, database = work / "pages-index", work / "pages-datasette"
    built = {OURS: timed(lambda: build_index(archive, index, settings=load_settings({}), full=True))}
    if not database.is_dir():
        built[peer_datasette.NAME] = timed(lambda: peer_datasette.build(archive, database))
    with (
        serving(index, variables=FORGETFUL) as ours,
        serving(index) as keeping,
        peer_datasette.serving(database) as theirs,
    ):
        asked = [f"/search?q={quote_plus(question.text)}" for question in questions]
        paths = {
            OURS: asked,
            KEPT: asked,
            peer_datasette.NAME: [peer_datasette.page_path(question) for question in questions],
        }
        servers = {OURS: ours, KEPT: keeping, peer_datasette.NAME: theirs}
        took, sizes = ask_in_turn(servers, paths, rounds)
        same = sum(_total(ours, question) == peer_datasette.total(theirs, question) for question in questions)
    whole = {name: [size.whole for size in sizes[name]] for name in sizes}
    rows = [
        Row("build (once each)", built, seconds),
        Row("result page, one client: median", {name: statistics.median(took[name]) for name in took}, milliseconds),
        Row("result page, one client: mean", {name: statistics.fmean(took[name]) for name in took}, milliseconds),
        Row("result page, one client: slowest question", {name: max(took[name]) for name in took}, milliseconds),
        Row(
            "a page: median", {name: statistics.median(size.page for size in sizes[name]) for name in sizes}, kilobytes
        ),
        Row("a page and all it loads: median", {name: statistics.median(whole[name]) for name in whole}, kilobytes),
        Row("a page and all it loads: most", {name: max(whole[name]) for name in whole}, kilobytes),
    ]
    return (
        f"{markdown(rows, [OURS, KEPT, peer_datasette.NAME])}\n\n"
        f"{articles:,} articles, {len(questions)} questions, medians of {rounds} rounds, Datasette "
        f"{peer_datasette.installed()}; the totals of {same} questions are equal (stemmers differ)."
    )


def ask_in_turn(
    servers: dict[str, Server], paths: dict[str, list[str]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[Size]]]:
    """Return for each server the median seconds and the bytes of every page.

    Every question goes to each server before the next one does, and who begins changes; a first round warms up.
    """
    times: dict[str, list[list[float]]] = {name: [[] for _ in paths[name]] for name in servers}
    sizes: dict[str, list[Size]] = {name: [] for name in servers}
    weights: dict[str, dict[str, int]] = {name: {} for name in servers}
    for turn in range(rounds + 1):
        for number in range(len(next(iter(paths.values())))):
            names = list(servers) if (turn + number) % 2 else list(servers)[::-1]
            for name in names:
                # While one server answers slowly, the other may give up waiting for the next question.
                servers[name].connect()
                began = time.perf_counter()
                body = servers[name].get(paths[name][number])
                if turn:
                    times[name][number].append(time.perf_counter() - began)
                else:
                    sizes[name].append(weigh(servers[name], body, weights[name]))
    return {name: [statistics.median(asked) for asked in times[name]] for name in servers}, sizes


def weigh(server: Server, body: bytes, known: dict[str, int]) -> Size:
    """Return the bytes of a page. known : those of what pages of this server load, by path; what is new is added."""
    paths = Loaded(body.decode()).paths
    for path in paths:
        if path not in known:
            known[path] = len(server.get(path))
    return Size(len(body), len(body) + sum(known[path] for path in paths))


def kilobytes(size: float) -> str:
    """Write bytes as thousands of them."""
    return f"{size / 1000:.1f} KB"


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _total(server: Server, question: Question) -> int:
    return int(json.loads(server.get(f"/api/search?per_page=1&q={quote_plus(question.text)}"))["total"])


if __name__ == "__main__":
    main()
