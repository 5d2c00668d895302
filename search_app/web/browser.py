"""What browsers and other search engines ask for: this search as one of theirs, completions, lists of all addresses.

In: an address. Out: OpenSearch descriptions, suggestions in the form that browsers read, sitemaps.
"""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, SubElement, tostring

from flask import Blueprint, Response, abort, request

from ..dates import month_end
from ..engine.request import FACET_FIELDS, SearchRequest
from ..engine.result import Suggestion
from . import operations as ops
from .answers import instant_text
from .api import json_response
from .feeds import ATOM, clean_text
from .links import Links
from .site import conditional, site
from .state import adding
from .words import count_words

blueprint = Blueprint("browser", __name__)

DESCRIPTION = "application/opensearchdescription+xml"
SUGGESTIONS = "application/x-suggestions+json"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
SHORT_NAME_CHARS, LONG_NAME_CHARS = 16, 48
"""The most that OpenSearch 1.1 allows."""
TERMS = "{searchTerms}"
MAX_SITEMAP_URLS = 50_000
"""The most that sitemaps.org allows in one file."""
MONTH = re.compile("([0-9]{4})-(0[1-9]|1[0-2])")


@blueprint.get("/opensearch.xml")
def description() -> Response:
    """Answer how a browser searches here."""
    here = site()
    body = description_xml(Links(request.url_root), here.settings.text("site_name"), here.links().icon)
    response = Response(body, mimetype=DESCRIPTION)
    response.add_etag()
    return conditional(response)


def description_xml(links: Links, site_name: str, icon: str) -> bytes:
    """Return the OpenSearch description. links : addresses with scheme and host. icon : address below the host."""
    name = clean_text(site_name)
    root = Element("OpenSearchDescription", {"xmlns": "http://a9.com/-/spec/opensearch/1.1/"})
    SubElement(root, "ShortName").text = name[:SHORT_NAME_CHARS].strip()
    SubElement(root, "LongName").text = name[:LONG_NAME_CHARS].strip()
    SubElement(root, "Description").text = f"Search {name}"
    SubElement(root, "InputEncoding").text = "UTF-8"
    SubElement(root, "Image", {"type": "image/svg+xml"}).text = urljoin(links.home, icon)
    paged = "&page={startPage?}&per_page={count?}"
    templates = (
        ("results", "text/html", f"{links.search_form}?q={TERMS}"),
        ("suggestions", SUGGESTIONS, f"{links.root}/opensearch/suggest?q={TERMS}"),
        ("results", ATOM, f"{links.root}/feed.atom?q={TERMS}{paged}"),
        ("results", "application/json", f"{links.root}/api/search?q={TERMS}{paged}"),
        ("self", DESCRIPTION, links.opensearch),
    )
    for relation, mimetype, template in templates:
        SubElement(root, "Url", {"rel": relation, "type": mimetype, "template": template})
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


@ops.operation(
    blueprint,
    "/opensearch/suggest",
    "Completions in the form that browsers read: what was typed, texts, descriptions, addresses.",
    (*ops.TYPED, *ops.LIMIT),
    answers={SUGGESTIONS: "BrowserSuggestions"},
)
def browser_suggest() -> Response:
    """Answer completions for a browser's address bar."""
    typed = request.args.get("q", "")
    limit = ops.read_limit(request.args)
    links = Links(request.url_root)
    # A text that is a topic and a context as well is one line in a browser: its most frequent kind.
    found: dict[str, Suggestion] = {}
    for suggestion in site().engine().suggest(typed, 2 * limit):
        found.setdefault(suggestion.text, suggestion)
    shown = list(found.values())[:limit]
    response = json_response(
        [
            typed,
            [suggestion.text for suggestion in shown],
            [f"{suggestion.kind.capitalize()}, {count_words(suggestion.count)}" for suggestion in shown],
            [links.search(_search_for(suggestion)) for suggestion in shown],
        ]
    )
    response.mimetype = SUGGESTIONS
    response.add_etag()
    return conditional(response)


def _search_for(suggestion: Suggestion) -> SearchRequest:
    if suggestion.kind in FACET_FIELDS:
        return adding(SearchRequest(), suggestion.kind, suggestion.text)
    return SearchRequest(q=suggestion.text)


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """Answer the list of sitemaps, one a month that has articles."""
    here = site()
    result = here.engine().search(SearchRequest(per_page=0, facets=(), interval="month", changes=True))
    links = Links(request.url_root)
    root = Element("sitemapindex", {"xmlns": SITEMAP})
    for bar in result.histogram.bars:
        if bar.count:
            entry = SubElement(root, "sitemap")
            SubElement(entry, "loc").text = f"{links.root}/sitemap-{bar.start.isoformat()[:7]}.xml"
            if bar.last_changed:
                SubElement(entry, "lastmod").text = instant_text(bar.last_changed)
    return here.cached(_xml(root), result.generation)


@blueprint.get("/sitemap-<month>.xml")
def month_sitemap(month: str) -> Response:
    """Answer the addresses of one month's articles."""
    match = MONTH.fullmatch(month)
    if match is None or match[1] == "0000":
        abort(404)
    first = date(int(match[1]), int(match[2]), 1)
    here = site()
    found = here.engine().stream(SearchRequest(date_from=first, date_to=month_end(first)))
    if not found.total:
        abort(404)
    links = Links(request.url_root)
    root = Element("urlset", {"xmlns": SITEMAP})
    for number, hit in enumerate(found.hits):
        if number == MAX_SITEMAP_URLS:
            break
        entry = SubElement(root, "url")
        SubElement(entry, "loc").text = links.article(hit.path)
        # As it was when it was first indexed: no later, as far as anybody knows, than its own date.
        SubElement(entry, "lastmod").text = instant_text(hit.last_changed) or hit.date.isoformat()
    return here.cached(_xml(root), found.generation)


def _xml(root: Element) -> Response:
    return Response(tostring(root, encoding="utf-8", xml_declaration=True), mimetype="application/xml")
