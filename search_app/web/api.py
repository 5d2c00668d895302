"""Searching for programs: hits, values of facets, completions.

In: the same parameters as the pages. Out: JSON. What the answers hold is written in ``answers``, what they take in
``operations``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from . import operations as ops
from .answers import facet_answer, search_answer, suggestions_answer
from .manners import link_pages, neighbours
from .pages import read_facet_request
from .site import conditional, site
from .state import replacing

blueprint = Blueprint("api", __name__)

JSON = "application/json"


def json_response(body: dict[str, Any] | list[Any]) -> Response:
    """Return a dict or a list as JSON, in the order of its keys and with text as it is."""
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), mimetype=JSON)


@ops.operation(
    blueprint,
    "/api/search",
    "Search: a page of hits, exact counts of topics, contexts and sources, a histogram.",
    (*ops.QUERY, *ops.FILTERS, *ops.SORT, *ops.PAGE, *ops.PER_PAGE, *ops.FACET_SIZE, *ops.INTERVAL),
    answers={JSON: "Search"},
    problems=(400, 404, 503),
)
def search() -> Response:
    """Answer a search."""
    here = site()
    links, state = here.links(), here.state()
    result = here.engine().search(state.request)
    response = json_response(search_answer(result, links, state.notes))
    pages = {
        name: links.api_search(replacing(state.request, page=number))
        for name, number in neighbours(state.request.page, result.pages).items()
    }
    link_pages(response, {**pages, "alternate": links.search(state.request)})
    return here.cached(response, result.generation)


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
