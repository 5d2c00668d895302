"""Ranking: the best hits of the cluster, ranked again exactly as the embedded engine ranks.

In: the articles that the cluster puts first, and what scoring needs to know of the archive. Out: the same articles,
scored. The articles become a small segment in memory, and the embedded engine's own code scores it with the archive's
frequencies and lengths in place of the segment's: whatever that code weighs, both engines weigh alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...archive.model import Article
from ...index.files import MemoryFiles
from ...index.gather import document_order
from ...index.generation import Snapshot
from ...index.manifest import Manifest, SegmentEntry
from ...index.schema import schema_fingerprint
from ...index.segment import Segment
from ...index.sightings import DocDates, instant
from ...index.writer import write_segment
from ...settings import Settings
from ..aliases import NO_ALIASES, Aliases
from ..evaluate import Statistics
from ..fielded import TermCounts
from ..highlight import Highlighter
from ..plan import All, Near, Pattern, Plan, Term, scorable_leaves
from ..ranking import Ranked
from ..result import Hit
from ..search import Searcher
from .cluster import Json
from .mapping import unpack_record

Days = npt.NDArray[np.int64]
_NO_MARKS = Highlighter(All())
Counts = Mapping[Term, TermCounts]


class Known(NamedTuple):
    """What is known of the archive of a plan's words.

    cut : of patterns that stand for too many words, those taken. related : of words of a question, those that belong to
    them, as far as partial matches are to be had.
    """

    counts: Counts
    cut: Mapping[Pattern, Set[str]]
    related: Mapping[Term, tuple[Term, ...]]


NOTHING_KNOWN = Known({}, {}, {})


def make_snapshot(
    records: Sequence[Json], generation: int, total_articles: int, average_lengths: Mapping[str, float]
) -> Snapshot:
    """Return a snapshot that holds the articles of some records and says of the archive what is true of all of it.

    Cost: about 0.3 ms an article.
    """
    held = sorted(((unpack_record(record), record["seen"]) for record in records), key=_order)
    ordered = [article for article, _ in held]
    if not ordered:
        return Snapshot(Manifest(generation, schema_fingerprint(), (), total_articles), (), (), ())
    files, path = MemoryFiles(), Path("candidates")
    written = write_segment(path, ordered, [article.path for article in ordered], files)
    segment = Segment(path, data=bytes(files.held[path.name]))
    entry = SegmentEntry(written.name, written.bytes, written.docs)
    snapshot = Snapshot(Manifest(generation, schema_fingerprint(), (entry,), total_articles), (segment,), (0,), (None,))
    # What a generation works out of its files is known here already.
    snapshot.__dict__["average_lengths"] = dict(average_lengths)
    first, changed = (np.array([seen[n] for _, seen in held], np.uint32) for n in (0, 1))
    snapshot.__dict__["dates"] = (DocDates(first, changed),)
    return snapshot


def _order(held: tuple[Article, Any]) -> tuple[int, str]:
    return document_order(held[0])


def scored_terms(plan: Plan) -> list[Term]:
    """Return every term whose counts in the archive scoring a plan needs."""
    found: dict[Term, None] = {}
    for leaf in scorable_leaves(plan):
        tokens = leaf.tokens if isinstance(leaf, Near) else (leaf.token,) if isinstance(leaf, Term) else ()
        found |= dict.fromkeys(Term(token, leaf.fields) for token in tokens)
    return list(found)


class CandidateSearcher(Searcher):
    """The embedded engine's searcher over candidates; what it weighs is weighed by the archive's frequencies.

    Values that are one are counted by whoever knows which of their labels the archive has, not among the candidates.
    """

    merges_values = False

    def __init__(
        self,
        snapshot: Snapshot,
        settings: Settings,
        known: Known,
        archive_days: Callable[[], Days],
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        super().__init__(snapshot, settings, aliases=aliases)
        self._archive = known
        self._days_of_archive = archive_days

    @cached_property
    def _archive_days(self) -> Days:
        return self._days_of_archive()

    def statistics(self) -> Statistics:
        """Return the statistics of one request."""
        return self._statistics()

    def _statistics(self) -> Statistics:
        found = super()._statistics()
        found.counted, found.cut, found.related = self._archive
        found.truncated = {pattern.text for pattern in found.cut}
        return found

    def hit(self, record: Json, score: float) -> Hit:
        """Return the article of a record as a hit of a stream, without marks."""
        article, (first, changed) = unpack_record(record), record["seen"]
        limit = self._settings.number("snippet_chars")
        headline = _NO_MARKS.mark("headline", article.headline)
        snippet = _NO_MARKS.snippet("summary", article.summary, limit) if article.summary else ""
        return Hit.of(article, headline, snippet, score, seen=(instant(first), instant(changed)))

    def ranked(self, paths: Sequence[str], scores: Sequence[float]) -> list[Ranked]:
        """Return candidates in the order given, as hits that ``show`` takes."""
        segment = self.snapshot.segments[0]
        return [Ranked(0, segment.doc_of_path(path), score) for path, score in zip(paths, scores, strict=True)]
