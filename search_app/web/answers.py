"""Results as plain dicts: the JSON that programs build on.

In: the engine's records. Out: dicts of text, numbers and lists. The command line uses this too, so nothing here needs a
web server.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..archive.model import Article
from ..engine.request import FacetRequest, SearchRequest
from ..engine.result import ArticleView, Bucket, FacetPage, Hit, RelatedArticle, SearchResult, Suggestion
from .links import Links


def query_answer(request: SearchRequest) -> dict[str, Any]:
    """Return the search as it was understood."""
    return {
        "q": request.q,
        "topic": list(request.topic),
        "context": list(request.context),
        "source": list(request.source),
        "not_topic": list(request.not_topic),
        "not_context": list(request.not_context),
        "not_source": list(request.not_source),
        "context_match": request.context_match,
        "missing": list(request.missing),
        "from": request.date_from.isoformat() if request.date_from else None,
        "to": request.date_to.isoformat() if request.date_to else None,
        "sort": request.order,
        "half_life": request.half_life,
    }


def search_answer(result: SearchResult, links: Links, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what ``/api/search`` answers. notes : what was changed in the parameters before the engine saw them."""
    request = result.request
    answer: dict[str, Any] = {
        "query": query_answer(request),
        "total": result.total,
        "page": request.page,
        "per_page": request.per_page,
        "pages": result.pages,
        "took_ms": round(result.took_ms, 3),
        "generation": result.generation,
        "relaxed": result.relaxed,
        "did_you_mean": result.did_you_mean,
        "corrected": result.corrected or None,
        "ways_on": [
            {"without": way.part, "value": way.value, "total": way.total, "url": links.api_search(way.request)}
            for way in result.ways_on
        ],
        "understood": result.understood,
        "warnings": [*notes, *result.warnings],
        "hits": [_hit(hit, links) for hit in result.hits],
        "partial": [_hit(hit, links) for hit in result.partial],
    }
    if request.facets:
        answer |= {
            "facets": {name: [_value(bucket) for bucket in facet.buckets] for name, facet in result.facets.items()},
            "facet_totals": {name: facet.total_values for name, facet in result.facets.items()},
            "missing": dict(result.missing),
        }
    if request.histogram:
        answer["histogram"] = {
            "interval": result.histogram.interval,
            "buckets": [{"start": bar.start.isoformat(), "count": bar.count} for bar in result.histogram.bars],
            "no_data": [bar.start.isoformat() for bar in result.histogram.bars if bar.no_data],
        }
    return answer


def _value(bucket: Bucket) -> dict[str, Any]:
    return {"value": bucket.value, "count": bucket.count, "selected": bucket.selected}


def facet_answer(request: FacetRequest, page: FacetPage) -> dict[str, Any]:
    """Return what ``/api/facets/<field>`` answers."""
    return {
        "query": query_answer(request.search),
        "field": page.field,
        "prefix": request.prefix,
        "order": request.sort,
        "total": page.total,
        "page": page.page,
        "per_page": request.per_page,
        "pages": page.pages,
        "values": [_value(bucket) for bucket in page.buckets],
    }


def article_answer(view: ArticleView, links: Links) -> dict[str, Any]:
    """Return what an article's ``.json`` address answers."""
    article = view.article
    return {
        "id": article.path,
        "url": links.article(article.path),
        "date": article.date.isoformat(),
        "kind": article.kind,
        "language": article.language,
        "headline": article.headline,
        "summary": article.summary,
        "topic": article.topic,
        "contexts": list(article.contexts),
        "sources": _sources(article),
        "image": article.image,
        "first_seen": instant_text(view.first_seen),
        "last_changed": instant_text(view.last_changed),
        "versions": [
            {
                "id": version.path,
                "headline": version.headline,
                "changed": version.changed,
                "note": version.note,
                "current": version.current,
            }
            for version in article.versions
        ],
        "related": [_related(related, links) for related in view.related],
        "previous": _related(view.previous, links) if view.previous else None,
        "next": _related(view.next, links) if view.next else None,
        "similar": [
            {**_related(like.article, links), "same_topic": like.same_topic, "words": list(like.words)}
            for like in view.similar
        ],
    }


def suggestions_answer(suggestions: tuple[Suggestion, ...]) -> dict[str, Any]:
    """Return what ``/api/suggest`` answers."""
    return {"suggestions": [{"text": s.text, "kind": s.kind, "count": s.count} for s in suggestions]}


def status_answer(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``/api/status`` answers: figures about the index, without the names of the server's folders."""
    shown = {name: value for name, value in status.items() if name not in ("archive", "problem")}
    return {**shown, "degraded": bool(status.get("problem"))}


def _sources(record: Article | Hit) -> list[dict[str, str]]:
    return [{"name": source.name, "url": source.url} for source in record.sources]


def instant_text(when: datetime | None) -> str | None:
    """Return an instant as JSON, XML and feeds write it: ``2031-03-04T05:06:07Z``."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def plain_hit(hit: Hit, links: Links) -> dict[str, Any]:
    """Return a hit as an export holds it: the article, without what one search made of it."""
    return {
        "id": hit.path,
        "url": links.article(hit.path),
        "date": hit.date.isoformat(),
        "kind": hit.kind,
        "language": hit.language,
        "headline": hit.headline,
        "summary": hit.summary,
        "topic": hit.topic,
        "contexts": list(hit.contexts),
        "sources": _sources(hit),
        "image": hit.image,
        "first_seen": instant_text(hit.first_seen),
        "last_changed": instant_text(hit.last_changed),
    }


def _hit(hit: Hit, links: Links) -> dict[str, Any]:
    parts = [{"kind": p.kind, "field": p.field, "text": p.text, "worth": p.worth} for p in hit.score_parts]
    return {
        **plain_hit(hit, links),
        "headline_html": hit.headline_html,
        "snippet_html": hit.snippet_html,
        "found_in": [{"field": found.field, "html": found.html} for found in hit.found_in],
        "score": hit.score,
        "partial": hit.partial,
        **({"score_parts": parts} if parts else {}),
    }


def _related(related: RelatedArticle, links: Links) -> dict[str, Any]:
    return {
        "id": related.path,
        "url": links.article(related.path) if related.known else None,
        "date": related.date.isoformat() if related.date else None,
        "headline": related.headline,
        "contexts": list(related.contexts),
        "known": related.known,
    }
