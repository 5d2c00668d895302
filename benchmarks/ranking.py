"""How well searches are ranked, beside the peers: one command, one Markdown table.

    python benchmarks/ranking.py --judged FOLDER [--english ARCHIVE] [--chinese ARCHIVE] [--work WORK]
    python benchmarks/ranking.py --english ARCHIVE --articles 10000 --work WORK     # where a peer is slow

``--judged`` holds ``judged-NAME.json.xz``; the archives are folders of Markdown. ``--tune`` reports what one setting,
chosen on two of the judged collections, gives on the third.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from math import log2
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.judged import JUDGED, Questions, chinese_items, known_items, read_judged, renumbered
from benchmarks.rankers import BEST, Ours, Ranker, Sqlite, Tantivy, Whoosh
from benchmarks.subset import copy_articles, work_folder
from search_app.archive import Article, read_archive
from search_app.engine.scoring import RANKING, Bm25f


class Figures(NamedTuple):
    """Means over questions: the gain of the ten best, 1 over the place of the first answer, how often that is 1."""

    ndcg: float
    mrr: float
    first: float


def ndcg(ranked: Sequence[str], answers: Collection[str]) -> float:
    """Return the normalised discounted cumulative gain of the ten best, every answer being worth the same.

    Source: K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002, with base 2.
    """
    gains = sum(1 / log2(place + 2) for place, path in enumerate(ranked[:BEST]) if path in answers)
    ideal = sum(1 / log2(place + 2) for place in range(min(BEST, len(answers))))
    return gains / ideal if ideal else 0.0


def reciprocal_rank(ranked: Sequence[str], answers: Collection[str]) -> float:
    """Return 1 / the place of the first answer among the ten best, 0 where there is none."""
    return next((1 / place for place, path in enumerate(ranked[:BEST], 1) if path in answers), 0.0)


def judge(ranker: Ranker, questions: Questions) -> Figures:
    """Ask a ranker all questions of a kind."""
    gains, ranks, first = 0.0, 0.0, 0
    for question in questions.wanted:
        ranked = ranker.rank(question.text, whole=questions.whole)
        gains += ndcg(ranked, question.answers)
        rank = reciprocal_rank(ranked, question.answers)
        ranks += rank
        first += rank == 1.0
    count = len(questions.wanted) or 1
    return Figures(gains / count, ranks / count, first / count)


def all_rankers(only: Sequence[str] = ()) -> list[Ranker]:
    """Return one of each, this engine first; tantivy where it is installed. ``only`` : the peers wanted, () for all."""
    rankers: list[Ranker] = [Ours(), Whoosh(), Sqlite()]
    if find_spec("tantivy") is not None:
        rankers.append(Tantivy())
    return [ranker for n, ranker in enumerate(rankers) if not n or not only or ranker.name in only]


def table(rows: Sequence[tuple[str, Sequence[Figures]]], names: Sequence[str]) -> str:
    """Return a Markdown table: a row a kind of question, nDCG@10 · MRR@10 · success@1 of each ranker."""
    lines = [f"| nDCG@10 · MRR@10 · success@1 | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for label, cells in rows:
        written = (" · ".join(f"{figure:.3f}" for figure in cell) for cell in cells)
        lines.append(f"| {label} | {' | '.join(written)} |")
    return "\n".join(lines)


def settings_tried() -> list[Bm25f]:
    """Return the settings that are tried where one is chosen."""
    tried = product((1.2, 1.4, 1.8), (0.75, 0.85, 1.0), (0.3, 0.6))
    return [replace(RANKING, k1=k1, burstiness=burst, nearness=near) for k1, burst, near in tried]


def cross_validated(judged: Path, work: Path) -> list[str]:
    """Return, a collection each, a line on what the setting chosen on the other two gives on it."""
    gains: dict[str, list[float]] = {}
    for name in JUDGED:
        articles, questions = read_judged(judged, name)
        gains[name] = []
        for scorer in settings_tried():
            ranker = Ours(scorer)
            ranker.index(articles, work / f"{name}-{ranker.name}")
            gains[name].append(judge(ranker, questions).ndcg)
    lines = ["| tested on | chosen on the other two | nDCG@10 | with the setting in use |", "| --- | --- | --- | --- |"]
    for name in JUDGED:
        others = [gains[other] for other in JUDGED if other != name]
        best = max(range(len(gains[name])), key=lambda n: sum(other[n] / max(other) for other in others))
        chosen = settings_tried()[best]
        said = f"k1 {chosen.k1}, burstiness {chosen.burstiness}, nearness {chosen.nearness}"
        used = gains[name][settings_tried().index(RANKING)]
        lines.append(f"| {name} | {said} | {gains[name][best]:.3f} | {used:.3f} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judged", type=Path, help="folder of the judged collections")
    parser.add_argument("--english", type=Path, help="an English archive, for questions about known articles")
    parser.add_argument("--chinese", type=Path, help="a Chinese archive, the same")
    parser.add_argument("--work", type=Path, help="folder for the indexes, kept for the next run")
    parser.add_argument("--articles", type=int, default=0, help="the oldest of the English archive alone; 0 for all")
    parser.add_argument("--count", type=int, default=200, help="questions a kind about known articles")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="peers wanted, such as whoosh,tantivy")
    parser.add_argument("--tune", action="store_true", help="cross-validate the setting instead")
    chosen = parser.parse_args(arguments)
    with work_folder(chosen.work) as work:
        if chosen.tune:
            print("\n".join(cross_validated(chosen.judged, work)))
            return 0
        rankers = all_rankers(tuple(filter(None, chosen.only.split(","))))
        rows: list[tuple[str, list[Figures]]] = []
        sets: list[tuple[str, Sequence[Article], list[Questions]]] = []
        for name in JUDGED if chosen.judged else ():
            articles, questions = read_judged(chosen.judged, name)
            meant = renumbered(questions)
            sets.append((name, articles, [questions, meant] if meant else [questions]))
        if chosen.english:
            archive = chosen.english
            if chosen.articles:
                archive = copy_articles(archive, work / f"archive-{chosen.articles}", chosen.articles)
            english = list(read_archive(archive).articles)
            label = f"English, {len(english):,}" if chosen.articles else "English"
            sets.append((label, english, known_items(english, chosen.seed, chosen.count)))
        if chosen.chinese:
            chinese = [article for article in read_archive(chosen.chinese).articles if article.language == "zh"]
            sets.append(("Chinese", chinese, [chinese_items(chinese, chosen.seed, chosen.count)]))
        for label, articles, kinds in sets:
            for ranker in rankers:
                ranker.index(articles, work / f"{label}-{ranker.name}")
            for questions in kinds:
                named = label if label == questions.name else f"{label}, {questions.name}"
                rows.append((named, [judge(ranker, questions) for ranker in rankers]))
                print(named, "done", file=sys.stderr)
        print(table(rows, [ranker.name for ranker in rankers]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
