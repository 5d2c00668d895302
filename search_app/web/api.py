"""Searching for programs: hits, values of facets, completions.

In: the same parameters as the pages. Out: JSON. What the answers hold is written in ``answers``, what they take in
``operations``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from ..engine.request import FACET_FIELDS, SearchRequest
from . import operations as ops
from .answers import facet_answer, search_answer, suggestions_answer
from .cursors import going_on, read_cursor, way_on
from .manners import link_pages, neighbours
from .pages import read_facet_request
from .site import conditional, site
from .state import replacing

blueprint = Blueprint("api", __name__)

JSON = "application/json"


def json_response(body: dict[str, Any] | list[Any]) -> Response:
    """Return a dict or a list as JSON, in the order of its keys and with text as it is."""
    # What was just made of plain parts holds nothing that holds itself: not to look is a tenth of the time.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), check_circular=False)
    return Response(text, mimetype=JSON)


@ops.operation(
    blueprint,
    "/api/search",
    "Search: a page of hits, exact counts of topics, contexts and sources, a histogram.",
    (*ops.QUERY, *ops.FILTERS, *ops.SORT, *ops.PAGE, *ops.PER_PAGE_OR_COUNTS, *ops.FACET_SIZE, *ops.INTERVAL),
    (*ops.INCLUDE, *ops.CURSOR),
    answers={JSON: "Search"},
    problems=(400, 404, 410, 503),
)
def search() -> Response:
    """Answer a search: a numbered page, or where a cursor goes on."""
    here = site()
    links, state = here.links(), here.state(counts_only=True)
    parts = ops.read_include(request.args)
    asked = replace(state.request, facets=FACET_FIELDS if "facets" in parts else (), histogram="histogram" in parts)
    at = request.args.get("cursor", "").strip()
    cursor = read_cursor(at, asked) if at else None
    result = here.engine().search(going_on(asked, cursor) if cursor else asked)
    seen = cursor.seen if cursor else (asked.page - 1) * asked.per_page
    kept = [("include", value) for value in request.args.getlist("include") if value.strip()]
    answer = search_answer(result, links, state.notes)
    answer |= {"page": seen // max(asked.per_page, 1) + 1, **way_on(result, asked, seen, links, kept)}
    if cursor:
        pages = {"first": links.api_search(replacing(asked), kept)}
        pages |= {"next": answer["next"]} if answer["next"] else {}
    else:
        pages = {
            name: links.api_search(replacing(asked, page=number), kept)
            for name, number in neighbours(asked.page, result.pages).items()
        }
    response = json_response(answer)
    link_pages(response, {**pages, "alternate": links.search(_with_hits(asked))})
    return here.cached(response, result.generation)


def _with_hits(asked: SearchRequest) -> SearchRequest:
    """Return a search as a page for people shows it: never without hits."""
    return replacing(asked, page=asked.page, per_page=asked.per_page or SearchRequest().per_page)


@ops.operation(
    blueprint,
    "/api/facets/<field>",
    "All values of one facet for a search, paged.",
    (*ops.FIELD, *ops.QUERY, *ops.FILTERS, *ops.VALUES),
    answers={JSON: "Facet"},
    problems=(400, 404, 503),
)
def facet(field: str) -> Response:
    """Answer all values of one facet for a search, paged."""
    links, asked = site().links(), read_facet_request(field)
    page = site().engine().facet(asked)
    response = json_response(facet_answer(asked, page))
    pages = neighbours(asked.page, page.pages)
    link_pages(response, {name: links.api_facet(replace(asked, page=number)) for name, number in pages.items()})
    response.add_etag()
    return conditional(response)


@ops.operation(
    blueprint,
    "/api/suggest",
    "Completions of typed text: topics, contexts, sources, words of headlines, the most frequent first.",
    (*ops.TYPED, *ops.LIMIT),
    answers={JSON: "Suggestions"},
)
def suggest() -> Response:
    """Answer completions of typed text."""
    limit = ops.read_limit(request.args)
    response = json_response(suggestions_answer(site().engine().suggest(request.args.get("q", ""), limit)))
    response.add_etag()
    return conditional(response)


@blueprint.get("/search.json")
def search_page() -> BaseResponse:
    """Lead from the address of a result page with an ending to the same as data."""
    here = site()
    return redirect(here.links().api_search(here.state(counts_only=True).request), 301)


@blueprint.get("/search/facet/<field>.json")
def facet_page(field: str) -> BaseResponse:
    """Lead from the address of a page of all values with an ending to the same as data."""
    return redirect(site().links().api_facet(read_facet_request(field)), 301)
