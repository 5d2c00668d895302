"""Verifying an index on a cluster before the alias leads to it.

In: the index, and the generation it was made from. Out: nothing, or an error. Some articles have to come back field for
field, and a few searches have to find and count what the embedded engine finds and counts in that generation.
"""

from __future__ import annotations

from datetime import date

from ...archive.model import Article
from ...errors import ClusterError
from ...index.analysis import STOP_WORDS, find_surfaces
from ...index.generation import Snapshot
from ...settings import Settings
from ..aliases import AliasFile
from ..request import SearchRequest
from ..result import SearchResult
from ..search import Searcher
from .articles import read_articles
from .cluster import Cluster, Json
from .search import ClusterSearcher

SAMPLES = 8
_TODAY = date(2000, 1, 1)


def check_index(cluster: Cluster, index: str, meta: Json, snapshot: Snapshot, settings: Settings) -> None:
    """Compare an index with the generation it was made from. Raises ClusterError for the first difference.

    Cost: about ``2 * SAMPLES`` searches.
    """
    count = int(cluster.request("GET", f"/{index}/_count")["count"])
    if count != snapshot.articles:
        raise ClusterError(cluster.name, f"{index} holds {count} articles, expected {snapshot.articles}")
    sample = list(_sample(snapshot))
    held = read_articles(cluster, index, [article.path for article in sample])
    for article in sample:
        if held.get(article.path) != article:
            raise ClusterError(cluster.name, f"{index} does not give back {article.path} as it was sent")
    reference = Searcher(snapshot, settings)
    # Names that mean the same are the reader's; what was sent has to be there without them.
    searcher = ClusterSearcher(cluster, index, meta, settings, AliasFile(""))
    for request in _requests(sample):
        ours, theirs = reference.search(request, _TODAY), searcher.search(request, _TODAY)
        if _figures(ours) != _figures(theirs):
            raise ClusterError(
                cluster.name,
                f"{index} finds {theirs.total} articles for “{request.q}” and counts them otherwise than expected, "
                f"{ours.total}",
            )


def _sample(snapshot: Snapshot) -> list[Article]:
    """Return some articles, evenly spread over the archive; always the same for the same archive."""
    found = []
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        docs = [doc for doc in range(segment.docs) if live is None or live[doc]]
        step = max(1, len(docs) // SAMPLES)
        found += [segment.article(doc) for doc in docs[::step][:SAMPLES]]
    return found[: 4 * SAMPLES]


def _requests(sample: list[Article]) -> list[SearchRequest]:
    """Return searches for what the articles hold: everything, a word, a phrase, a context, a day."""
    found = [SearchRequest(facets=("topic",), per_page=1)]
    for number, article in enumerate(sample[:SAMPLES]):
        words = [word for word in find_surfaces(article.headline) if word.isalnum() and word.lower() not in STOP_WORDS]
        if words:
            q = f'"{" ".join(words[:2])}"' if number % 3 == 2 else words[number % len(words)]
            found.append(SearchRequest(q=q, per_page=1, sort="newest", interval="year"))
        if article.contexts:
            found.append(SearchRequest(context=article.contexts[:1], facets=("source",), per_page=1))
    return found


def _figures(result: SearchResult) -> tuple[object, ...]:
    facets = {
        name: (facet.missing, [(bucket.value, bucket.count) for bucket in facet.buckets])
        for name, facet in result.facets.items()
    }
    return result.total, facets, result.missing, result.histogram
