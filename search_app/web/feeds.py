"""Any search as a feed: what is newest in it, for programs that look again and again.

In: the parameters of a search. Out: Atom (RFC 4287), paged by RFC 5005 and counted by OpenSearch.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from xml.etree.ElementTree import Element, SubElement, tostring

from flask import Blueprint, Response, request

from ..engine.request import FACET_FIELDS, SearchRequest
from ..engine.result import Hit, SearchResult
from . import operations as ops
from .answers import instant_text, plain_hit
from .links import Links, query_string, safe_url
from .manners import neighbours
from .site import site
from .state import args_from_request, replacing
from .words import span_words
from .xml_answers import UNWRITABLE

blueprint = Blueprint("feeds", __name__)

ATOM = "application/atom+xml"
FEED_HITS = 50
"""Entries of a feed unless its address says otherwise: several days of news, so that no look misses any."""
NAMESPACES = {
    "xmlns": "http://www.w3.org/2005/Atom",
    "xmlns:opensearch": "http://a9.com/-/spec/opensearch/1.1/",
}
_FILTER_WORDS = {
    **{field: f"{field} “%s”" for field in FACET_FIELDS},
    **{f"not_{field}": f"without {field} “%s”" for field in FACET_FIELDS},
    "missing": "with no %s",
}


@ops.operation(
    blueprint,
    "/feed.atom",
    "A search as an Atom feed, newest first. Partial matches are not news: a feed holds none.",
    (*ops.QUERY, *ops.FILTERS, *ops.PAGE, *ops.FEED_SIZE),
    answers={ATOM: ""},
    problems=(400, 404, 503),
)
def feed() -> Response:
    """Answer a search as a feed."""
    here = site()
    asked = here.state().request
    given = any(value.strip() for value in request.args.getlist("per_page"))
    search = replacing(
        asked,
        sort="newest",
        page=asked.page,
        per_page=asked.per_page if given else min(FEED_HITS, here.settings.number("max_per_page")),
        facets=(),
        histogram=False,
    )
    result = here.engine().search(search)
    body = feed_xml(result, Links(request.url_root), here.settings.text("site_name"), here.span())
    return here.cached(Response(body, mimetype=ATOM), result.generation)


def feed_title(search: SearchRequest, understood: str, site_name: str) -> str:
    """Return a search in plain words, as a list of feeds shows it.

    understood : the query in the engine's words.
    """
    parts = [understood or search.q] if search.q else []
    parts += [words % value for name, words in _FILTER_WORDS.items() for value in getattr(search, name)]
    if search.date_from or search.date_to:
        parts.append(span_words(search.date_from, search.date_to))
    return f"{site_name}: {', '.join(parts) or 'all articles'}"


def feed_xml(result: SearchResult, links: Links, site_name: str, span: tuple[date, date] | None) -> bytes:
    """Return a page of a search as an Atom document.

    links : addresses with scheme and host. span : the archive's first and last day; an empty feed is as old as that.
    """
    search = result.request
    # Whoever follows a search waits for its own words, not for what comes near them.
    other = result.relaxed or bool(result.corrected)
    hits = () if other else result.hits
    total = 0 if other else result.total
    newest = max(map(_published, hits), default=_day_instant(span[1] if span else date(1970, 1, 1)))
    plain = replacing(search, sort="", facets=FACET_FIELDS, histogram=True)
    root = Element("feed", NAMESPACES)
    _add(root, "id", stable_id(query_string(args_from_request(replacing(plain, per_page=20)))))
    _add(root, "title", feed_title(search, result.understood, site_name))
    _add(root, "updated", newest)
    SubElement(_add(root, "author"), "name").text = clean_text(site_name)
    for relation, page in {"self": search.page, **neighbours(search.page, result.pages if total else 0)}.items():
        _link(root, {"prev": "previous"}.get(relation, relation), links.feed(replacing(plain, page=page)), ATOM)
    _link(root, "alternate", links.search(replacing(plain, per_page=20)), "text/html")
    _link(root, "search", links.opensearch, "application/opensearchdescription+xml")
    _add(root, "opensearch:totalResults", str(total))
    _add(root, "opensearch:startIndex", str((search.page - 1) * search.per_page + 1))
    _add(root, "opensearch:itemsPerPage", str(search.per_page))
    for hit in hits:
        _add_entry(root, hit, links)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def stable_id(name: str) -> str:
    """Return an identifier that is the same on every host, behind every proxy, and after every rebuild."""
    return uuid.uuid5(uuid.NAMESPACE_URL, name.encode("utf-8", "replace").decode()).urn


def _add_entry(root: Element, hit: Hit, links: Links) -> None:
    plain = plain_hit(hit, links)
    entry = SubElement(root, "entry")
    _add(entry, "id", stable_id(hit.path))
    _add(entry, "title", hit.headline)
    # Not when it last changed: links to later articles change it again and again, and none of that is news.
    _add(entry, "published", _published(hit))
    _add(entry, "updated", _published(hit))
    _link(entry, "alternate", plain["url"], "text/html")
    _link(entry, "alternate", links.article(hit.path, ".json"), "application/json")
    for source in hit.sources:
        if address := safe_url(source.url):
            _link(entry, "via", address, title=source.name)
    for name in dict.fromkeys([*([hit.topic] if hit.topic else []), *hit.contexts]):
        _add(entry, "category", attributes={"term": name})
    _add(entry, "summary", hit.summary)


def clean_text(text: str) -> str:
    """Return text without the characters that no XML document can hold."""
    return UNWRITABLE.sub("", text)


def _published(hit: Hit) -> str:
    """Return when an article came into the archive, as near as anybody saw: else the midnight of its date."""
    return instant_text(hit.first_seen) or _day_instant(hit.date)


def _day_instant(day: date) -> str:
    # News dates are calendar dates; Atom wants an instant.
    return f"{day.isoformat()}T00:00:00Z"


def _add(parent: Element, name: str, text: str = "", attributes: Mapping[str, str] | None = None) -> Element:
    cleaned = {key: clean_text(value) for key, value in (attributes or {}).items()}
    element = SubElement(parent, name, cleaned)
    element.text = clean_text(text) or None
    return element


def _link(parent: Element, relation: str, address: str, mimetype: str = "", title: str = "") -> None:
    given = {"rel": relation, "type": mimetype, "href": address, "title": title}
    _add(parent, "link", attributes={name: value for name, value in given.items() if value})
