"""One article from a cluster, with its surroundings.

In: an index and a path. Out: an ``ArticleView``, as the embedded engine gives it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...archive.model import Article
from ...index.sightings import instant
from ..article_view import day_of_path
from ..result import ArticleView, RelatedArticle
from .cluster import Cluster, Json
from .mapping import KEY, document_id, unpack_record, value_key
from .similar import find_similar


def read_articles(cluster: Cluster, index: str, paths: Iterable[str]) -> dict[str, Article]:
    """Return the articles of some site paths, by path; paths without one are left out. Cost: one request."""
    wanted = list(dict.fromkeys(paths))
    if not wanted:
        return {}
    ids = [document_id(path) for path in wanted]

    def ask(seconds: float) -> list[Json]:
        answers: list[Json] = cluster.request("POST", f"/{index}/_mget", {"ids": ids}, seconds=seconds)["docs"]
        # A document whose shard was lost is no document that is missing.
        return [cluster.checked(answer) for answer in answers]

    found = cluster.patiently(ask)
    articles = (unpack_record(document["_source"]["record"]) for document in found if document.get("found"))
    return {article.path: article for article in articles}


def find_article(cluster: Cluster, index: str, articles: int, path: str) -> ArticleView | None:
    """Return the article of a site path with what is needed to show it, or None. Cost: five requests.

    articles : how many the index holds.
    """
    found = cluster.read("GET", f"/{index}/_doc/{document_id(path)}", missing_ok=True)
    if not found.get("found"):
        # The index itself may be gone, which also is a 404.
        cluster.read("GET", f"/{index}/_settings", local="true")
        return None
    record = found["_source"]["record"]
    article = unpack_record(record)
    others = read_articles(cluster, index, [link.path for link in article.related])
    related = tuple(
        _related(others.get(link.path), link.path, link.headline, link.contexts) for link in article.related
    )
    before, after = _neighbours(cluster, index, article)
    listed = {link.path for link in (*related, before, after) if link} | {version.path for version in article.versions}
    return ArticleView(
        article=article,
        related=related,
        previous=before,
        next=after,
        first_seen=instant(record["seen"][0]),
        last_changed=instant(record["seen"][1]),
        similar=find_similar(cluster, index, articles, article, listed),
    )


def find_current_path(cluster: Cluster, index: str, path: str) -> str | None:
    """Return the path of the current version of a superseded path, or None."""
    body: Json = {
        "size": 1,
        "query": {"term": {"old_paths": document_id(path)}},
        "sort": [{"day": "desc"}, {"path": "asc"}],
    }
    hits = cluster.search(index, body)["hits"]["hits"]
    return unpack_record(hits[0]["_source"]["record"]).path if hits else None


def _related(article: Article | None, path: str, headline: str, contexts: tuple[str, ...]) -> RelatedArticle:
    if article is None:
        return RelatedArticle(path, headline, day_of_path(path), contexts, False)
    return RelatedArticle(path, article.headline, article.date, contexts, True)


def _neighbours(cluster: Cluster, index: str, article: Article) -> tuple[RelatedArticle | None, RelatedArticle | None]:
    """Return the articles of the same topic just before and just after this one, by day, then by path."""
    if not article.topic:
        return None, None
    bodies: list[tuple[Json, Json]] = [({}, _neighbour_body(article, past=past)) for past in (True, False)]
    found = [answer["hits"]["hits"] for answer in cluster.searches(index, bodies)]
    before, after = (unpack_record(hits[0]["_source"]["record"]) if hits else None for hits in found)
    return (
        _related(before, before.path, "", ()) if before else None,
        _related(after, after.path, "", ()) if after else None,
    )


def _neighbour_body(article: Article, *, past: bool) -> Json:
    beyond, order = ("lt", "desc") if past else ("gt", "asc")
    day = article.date.toordinal()
    same_day = {"bool": {"filter": [{"term": {"day": day}}, {"range": {"path": {beyond: article.path}}}]}}
    near = {"bool": {"should": [{"range": {"day": {beyond: day}}}, same_day], "minimum_should_match": 1}}
    return {
        "size": 1,
        "query": {"bool": {"filter": [{"term": {"topic" + KEY: value_key(article.topic)}}, near]}},
        "sort": [{"day": order}, {"path": order}],
    }
