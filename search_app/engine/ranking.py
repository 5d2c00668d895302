"""Choosing the hits of a page: a total order over the matches of all segments, and only as much sorting as it takes.

In: matching documents a segment, with scores where the order is by relevance. Out: the page's (segment, document,
score). The same index and request give the same page, and no document is on two pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..index.generation import Snapshot
from ..index.postings import Docs
from .evaluate import Scores
from .result import made_of

_PLACE = re.compile(r"([0-9]{1,6}):([0-9]{1,9}):(-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4})")


class Ranked(NamedTuple):
    """One hit: number of its segment, document in it, score."""

    segment: int
    doc: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hits in order, as arrays of one shape: number of the segment, document in it, score. 18 bytes a hit."""

    segments: npt.NDArray[np.uint16]
    docs: Docs
    scores: Scores

    def hits(self, start: int, end: int) -> list[Ranked]:
        """Return hits ``start`` to ``end`` (excluded) as records."""
        columns = (self.segments[start:end].tolist(), self.docs[start:end].tolist(), self.scores[start:end].tolist())
        return list(made_of(Ranked, *columns))


def place_of(hit: Ranked) -> str:
    """Return text that names a hit of one snapshot, with its score, for ``find_place``."""
    return f"{hit.segment}:{hit.doc}:{hit.score.hex()}"


def find_place(snapshot: Snapshot, place: str) -> Ranked | None:
    """Return the hit that ``place_of`` named, None for a text that names no document of the snapshot."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return None
    segment, doc = int(match[1]), int(match[2])
    if segment >= len(snapshot.segments) or doc >= snapshot.segments[segment].docs:
        return None
    try:
        return Ranked(segment, doc, float.fromhex(match[3]))
    except OverflowError:
        return None


def hits_after(
    snapshot: Snapshot, docs: list[Docs], scores: list[Scores] | None, order: str, last: Ranked
) -> tuple[list[Docs], list[Scores] | None]:
    """Return those of some hits that rank after ``last``, in the form they came in; see ``rank_hits``.

    Cost: O(matches), however deep ``last`` is, and one stored record for each hit of other segments that ties with it.
    """
    last_day = int(snapshot.segments[last.segment].days[last.doc])
    path = ""
    chosen = []
    for number, (segment, found) in enumerate(zip(snapshot.segments, docs, strict=True)):
        # Documents lie newest first, so those of one day are a range of them.
        start, end = segment.docs_between(last_day, last_day)
        after = found < start if order == "oldest" else found >= end
        same = (found >= start) & (found < end)
        if scores is not None:
            equal = scores[number] == last.score
            after = (scores[number] < last.score) | (equal & after)
            same &= equal
        ties = np.flatnonzero(same)
        if number == last.segment:
            after[ties] = found[ties] > last.doc
        elif len(ties):
            path = path or snapshot.segments[last.segment].path_of(last.doc)
            after[ties] = [segment.path_of(int(doc)) > path for doc in found[ties]]
        chosen.append(after)
    kept = [found[after] for found, after in zip(docs, chosen, strict=True)]
    return kept, scores and [own[after] for own, after in zip(scores, chosen, strict=True)]


def rank_page(
    snapshot: Snapshot, docs: list[Docs], scores: list[Scores] | None, order: str, start: int, end: int
) -> list[Ranked]:
    """Return hits ``start`` to ``end`` (excluded) of an order, as records; see ``rank_hits``."""
    ranking = rank_hits(snapshot, docs, scores, order, start, end)
    return ranking.hits(0, len(ranking.docs))


def rank_hits(
    snapshot: Snapshot, docs: list[Docs], scores: list[Scores] | None, order: str, start: int, end: int
) -> Ranking:
    """Return hits ``start`` to ``end`` (excluded) of an order.

    docs : for each segment its matching documents, ascending (which is newest first, then by path).
    scores : of those documents; None unless ``order`` is ``relevance``.
    order : ``relevance`` (score, then newest, then path), ``newest`` or ``oldest`` (then path).
    Cost: O(matches), plus sorting the first ``end`` and whatever ties with the last of them.
    """
    sizes = [len(found) for found in docs]
    total = sum(sizes)
    end = min(end, total)
    if start >= end:
        return Ranking(np.zeros(0, np.uint16), np.zeros(0, np.intp), np.zeros(0))
    if scores is None and order == "newest" and len(docs) == 1:
        return Ranking(np.zeros(end - start, np.uint16), docs[0][start:end], np.zeros(end - start))
    if scores is not None and len(docs) == 1:
        return _rank_scored(docs[0], scores[0], start, end)
    segments = np.repeat(np.arange(len(docs)), sizes)
    local = np.concatenate(docs)
    days = np.concatenate(
        [seg.days[found].astype(np.int64) for seg, found in zip(snapshot.segments, docs, strict=True)]
    )
    value = np.concatenate(scores) if scores is not None else np.zeros(total)
    primary = -value
    if scores is not None and total > end:
        # Only what scores at least as much as the last hit asked for can be on the page.
        least = np.partition(primary, end - 1)[end - 1]
        kept = np.flatnonzero(primary <= least)
        segments, local, days, value, primary = segments[kept], local[kept], days[kept], value[kept], primary[kept]
    secondary = days if order == "oldest" else -days
    # Within a segment documents of one day lie in order of path, and the sort is stable.
    ranking = np.lexsort((secondary, primary))
    if len(docs) > 1:
        ranking = _order_ties(snapshot, ranking, primary, days, segments, local, start, end)
    chosen = ranking[start:end]
    return Ranking(segments[chosen].astype(np.uint16), local[chosen], value[chosen])


def _rank_scored(docs: Docs, scores: Scores, start: int, end: int) -> Ranking:
    """Rank the hits of one segment by relevance: there, documents are numbered newest first, then by path."""
    falling = -scores
    if len(docs) > end:
        kept = (falling <= np.partition(falling, end - 1)[end - 1]).nonzero()[0]
        docs, falling = docs.take(kept), falling.take(kept)
    chosen = falling.argsort(kind="stable")[start:end]
    return Ranking(np.zeros(len(chosen), np.uint16), docs.take(chosen), -falling.take(chosen))


def _order_ties(
    snapshot: Snapshot,
    ranking: npt.NDArray[np.int64],
    primary: Scores,
    days: npt.NDArray[np.int64],
    segments: npt.NDArray[np.int64],
    local: Docs,
    start: int,
    end: int,
) -> npt.NDArray[np.int64]:
    """Bring hits of equal score and day from several segments into order of path, where they touch the page."""
    same = (primary[ranking[1:]] == primary[ranking[:-1]]) & (days[ranking[1:]] == days[ranking[:-1]])
    heads = np.flatnonzero(np.concatenate(([True], ~same, [True])))
    first = int(np.searchsorted(heads, start, side="right")) - 1
    for head, following in zip(heads[first:], heads[first + 1 :], strict=False):
        if head >= end:
            break
        group = ranking[head:following]
        if len(group) > 1 and len(set(segments[group].tolist())) > 1:
            paths = [snapshot.segments[int(segments[n])].path_of(int(local[n])) for n in group]
            ranking[head:following] = group[sorted(range(len(group)), key=paths.__getitem__)]
    return ranking
