"""The hardest queries, made of an index's commonest words: ``python benchmarks/hardest.py --index INDEX``.

Nobody asks so but to see what happens. Prints a Markdown table with the time of each; the caps of a query (its length,
words, patterns) are what keeps these times down.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.table import Row, markdown, milliseconds
from search_app.engine import SearchRequest, open_engine
from search_app.index.generation import Snapshot, open_snapshot
from search_app.settings import load_settings

WORDS = 300
MEDIAN, FIRST = "median", "the first time"


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--index", type=Path, required=True, help="folder of a built index")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the queries, ask them, print."""
    options = read_options(arguments)
    print(report(options.index, options.rounds))


def commonest(snapshot: Snapshot, count: int) -> list[str]:
    """Return the words that stand in most articles of the first segment, the commonest first."""
    segment = snapshot.segments[0]
    postings = np.zeros(len(segment.terms), np.int64)
    for field in segment.fields.values():
        starts, ends = field.posting_ranges(np.arange(len(field.terms)))
        postings[field.terms.astype(np.int64)] += ends - starts
    return [segment.terms[term] for term in np.argsort(-postings, kind="stable")[:count].tolist()]


def hardest(words: Sequence[str]) -> dict[str, str]:
    """Return queries by what makes them hard. words : the commonest first."""
    pairs = list(zip(words, words[1:], strict=False))
    longest = [word for word in words if word.isascii() and word.isalpha() and len(word) > 6][:8]
    return {
        "all of the commonest words": " ".join(words),
        "any of the commonest words": " OR ".join(words),
        "none of the commonest words": "-" + " -".join(words),
        "the commonest words as written": " ".join(f'"{word}"' for word in words),
        "phrases of the commonest words": " OR ".join(f'"{one} {other}"' for one, other in pairs),
        "common words near each other": " OR ".join(f'"{one} {other}"~50' for one, other in pairs),
        "one phrase of a hundred words": '"' + " ".join(words[:100]) + '"',
        "groups of common words": " ".join(f"({one} OR {other} OR -{one}s)" for one, other in pairs),
        "letters that every other word has": " OR ".join(f"*{letter}*" for letter in "aeiostnr"),
        "shapes that every other word has": " OR ".join(f"?{letter}*{letter}?" for letter in "aeiostnr"),
        "long words with two slips": " OR ".join(f"{word}~2" for word in longest),
        "words that nobody wrote": " ".join(f"zq{n}xz" for n in range(WORDS)),
        "unknown and common words": " ".join(f"zq{n}xz {word}" for n, word in enumerate(words)),
        "a text of 20,000 characters": "x " * 10_000,
        "parentheses upon parentheses": "(" * 500 + " ".join(words) + ")" * 500,
    }


def report(index: Path, rounds: int) -> str:
    """Return the table."""
    engine = open_engine(index, load_settings({}, remembered_answers=0))
    snapshot = open_snapshot(index)
    # A process that has answered once is what any query meets but the very first.
    engine.search(SearchRequest("ordinary words"))
    rows = []
    for name, query in hardest(commonest(snapshot, WORDS)).items():
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            engine.search(SearchRequest(query))
            took.append(time.perf_counter() - began)
        rows.append(Row(name, {MEDIAN: statistics.median(took), FIRST: took[0]}, milliseconds))
    slowest = max(row.values[MEDIAN] for row in rows)
    return (
        markdown(rows, [MEDIAN, FIRST])
        + f"\n\n{snapshot.articles:,} articles; the slowest median is {milliseconds(slowest)}."
    )


if __name__ == "__main__":
    main()
