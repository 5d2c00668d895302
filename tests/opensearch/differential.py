"""Two engines over the same archive, asked the same questions: where they agree, and how far their rankings do.

python -m tests.opensearch.differential INDEX CLUSTER_URL       compares a local index with a cluster that holds it
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.queries import draw_mixed
from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.request import SearchRequest
from search_app.engine.result import Engine
from search_app.settings import load_settings

TOP = 10
ALIKE = ("total", "missing", "histogram", "relaxed", "understood", "warnings", "did_you_mean", "corrected", "ways_on")


@dataclass(slots=True)
class Comparison:
    """What came of some questions. overlaps : share of the first ten hits that both have, a question each.

    differing : what differs other than the order of hits, a line each.
    """

    asked: int = 0
    found: int = 0
    overlaps: list[float] = field(default_factory=list)
    same_first: int = 0
    differing: list[str] = field(default_factory=list)

    @property
    def overlap(self) -> float:
        """The mean share of the first ten hits that both engines have."""
        return sum(self.overlaps) / len(self.overlaps) if self.overlaps else 1.0


def requests_for(articles: Sequence[Article], rng: random.Random, count: int) -> Iterator[SearchRequest]:
    """Yield the mixed questions of the benchmarks, plain and filtered by what some article has."""
    for question in draw_mixed(articles, rng.randrange(2**31), count):
        plain = SearchRequest(q=question.text, per_page=TOP)
        yield plain
        article = rng.choice(articles)
        chosen: dict[str, object] = {}
        if article.topic and rng.random() < 0.4:
            chosen["topic"] = (article.topic, rng.choice(articles).topic or article.topic)
        if article.contexts and rng.random() < 0.4:
            chosen["context"] = article.contexts[:1]
        if article.sources and rng.random() < 0.3:
            chosen["not_source"] = (article.sources[0].name,)
        if rng.random() < 0.3:
            chosen["date_from"] = article.date
        if chosen:
            yield replace(plain, sort=rng.choice(("", "newest", "oldest")), **chosen)  # type: ignore[arg-type]


def compare(reference: Engine, other: Engine, requests: Iterable[SearchRequest]) -> Comparison:
    """Ask both engines every request and compare totals, counts, warnings, ways on and hits."""
    result = Comparison()
    for request in requests:
        ours, theirs = reference.search(request), other.search(request)
        result.asked += 1
        result.found += bool(ours.total)
        for name in ALIKE:
            if getattr(ours, name) != getattr(theirs, name):
                result.differing.append(f"{request.q!r} {name}: {getattr(ours, name)} ≠ {getattr(theirs, name)}"[:600])
        for name, facet in ours.facets.items():
            found = theirs.facets[name]
            # How many values there are in all is the one estimate.
            near = abs(facet.total_values - found.total_values) <= max(2, facet.total_values // 500)
            if not near or replace(facet, total_values=0) != replace(found, total_values=0):
                result.differing.append(f"{request.q!r} {name}: {facet} ≠ {found}"[:600])
        mine, others = [hit.path for hit in ours.hits], [hit.path for hit in theirs.hits]
        if request.order == "relevance":
            result.overlaps.append(len(set(mine) & set(others)) / max(len(mine), 1) if mine else 1.0)
            result.same_first += mine[:1] == others[:1]
        elif mine != others:
            result.differing.append(f"{request.q!r} order by {request.order}: {mine} ≠ {others}"[:600])
    return result


def main(index_dir: str, url: str, count: int = 300) -> int:
    """Compare a local index with the index “full” of a cluster, print what came of it."""
    settings = load_settings({}, opensearch_index="full")
    reference = EmbeddedEngine(Path(index_dir), settings)
    cluster = load_settings({}, **{**dict(settings), "engine": "opensearch", "opensearch_url": url})
    snapshot = reference._current().snapshot
    rng = random.Random(1)
    segment = max(snapshot.segments, key=lambda one: one.docs)
    articles = [segment.article(doc) for doc in sorted(rng.sample(range(segment.docs), min(2000, segment.docs)))]
    found = compare(reference, OpenSearchEngine(cluster), requests_for(articles, rng, count))
    print(f"{found.asked} searches, {found.found} with hits; {len(found.differing)} differences in counts")
    print(f"top {TOP}: overlap {found.overlap:.2%}, the same first hit in {found.same_first} of {len(found.overlaps)}")
    print("\n".join(found.differing[:20]))
    return 1 if found.differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
