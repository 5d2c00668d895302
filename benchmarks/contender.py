"""What a contender is, and what it answers: the seam between the runner and each engine compared.

Every contender indexes the same linked articles and answers the same questions in the same form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from search_app.archive import Article
from search_app.index.writer import value_order

from .queries import Question

BEST = 20
"""Hits of a page, and values of a facet."""
FACETS = ("topic", "context", "source")
WEIGHTS = {"headline": 3.0, "topic": 2.0, "summary": 1.0, "context": 0.8, "source": 0.5}
"""What a match in each field is worth, to every contender alike."""
SNIPPET_CHARS = 260

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contender answers to a question.

    total : all matches. best : how many of the best were found, at most ``BEST``.
    facets : for topic, context and source, counts by value: the ``BEST`` highest, or more.
    years : matches by year. shown : headline and snippet of each hit with the matches marked, only where asked for.
    """

    total: int
    best: int
    facets: dict[str, Counts]
    years: dict[int, int]
    shown: tuple[tuple[str, str], ...] = field(default=())


class Contender(Protocol):
    """An engine to be compared.

    name : short, unique. version : of its library. analysis : of its text, in a few words.
    same_analysis : whether words mean exactly what they mean to this engine, so that counts must be equal.
    slow : whether a search takes so long that rounds are saved on it.
    """

    name: str
    version: str
    analysis: str
    same_analysis: bool
    slow: bool

    def build(self, archive: Path, folder: Path) -> int:
        """Read an archive and index it in a folder that does not exist yet. Returns the articles."""
        ...

    def open(self, folder: Path) -> None:
        """Open what ``build`` wrote."""
        ...

    def search(self, question: Question) -> Answer | None:
        """Answer with the best hits found and everything counted, nothing shown. None for a kind it does not know."""
        ...

    def page(self, question: Question) -> Answer | None:
        """Answer as ``search`` does, with the hits' stored texts read and their matches marked."""
        ...

    def close(self) -> None:
        """Give back what ``open`` took."""
        ...


def source_names(article: Article) -> list[str]:
    """Return the names of an article's sources, each once, in its order."""
    return list(dict.fromkeys(source.name for source in article.sources))


def facet_values(article: Article) -> dict[str, list[str]]:
    """Return an article's values of each facet."""
    return {
        "topic": [article.topic] if article.topic else [],
        "context": list(article.contexts),
        "source": source_names(article),
    }


def highest(counts: Counts) -> list[tuple[str, int]]:
    """Return the ``BEST`` highest counts, by count, then by name.

    Of values that count as much as the last of a full list, contenders may show different ones: those names are left
    out.
    """
    best = sorted(counts.items(), key=lambda item: (-item[1], value_order(item[0])))[:BEST]
    if len(best) < BEST:
        return best
    return [(name if count > best[-1][1] else "", count) for name, count in best]


def agree(one: Answer, other: Answer) -> bool:
    """Return whether two answers have the same total, facets and years."""
    return (
        one.total == other.total
        and one.years == other.years
        and all(highest(one.facets[name]) == highest(other.facets[name]) for name in FACETS)
    )


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def by_name(contenders: Iterable[Contender], names: Sequence[str]) -> list[Contender]:
    """Return the contenders of these names, in the order of the names. Raises ValueError for an unknown name."""
    known = {contender.name: contender for contender in contenders}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no contender is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names]
