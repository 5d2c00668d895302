"""The pages of the search itself: front page, results, all values of a facet, and the small files beside them.

In: an address. Out: HTML. Each view reads the address, asks the engine, presents, and renders.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from ..engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from ..errors import QueryError
from ..messages import message
from .facet_page import present_facet_page
from .front import present_front
from .presenters import present_search
from .site import conditional, site
from .state import read_number, replacing
from .ways_on import find_ways_on

blueprint = Blueprint("pages", __name__)

FRONT_HITS = 8
FRONT_TOPICS = 24
FACET_ORDERS = ("count", "name")
PREFIX_CHARS = 100
ROBOTS = """User-agent: *
Disallow: {root}/search
Disallow: {root}/api/
Disallow: {root}/export
Disallow: {root}/feed.atom
Disallow: {root}/opensearch/
Allow: {root}/

Sitemap: {base}/sitemap.xml
"""


@blueprint.get("/")
def front() -> Response:
    """Answer the front page."""
    here = site()
    result = here.engine().search(
        SearchRequest(per_page=FRONT_HITS, facet_size=FRONT_TOPICS, facets=("topic",), interval="year")
    )
    page = present_front(result, here.links(), here.span())
    return here.cached(make_response(render_template("front.html", page=page, links=here.links())), result.generation)


@blueprint.get("/search")
def search() -> BaseResponse:
    """Answer a result page. An address with empty parameters, as forms send it, leads to the one without them."""
    here = site()
    links, state = here.links(), here.state()
    if not state.tidy and not state.notes:
        return redirect(links.search(state.request))
    engine = here.engine()
    result = engine.search(state.request)
    coverage = here.coverage(result.generation)
    ways_on = find_ways_on(result, engine, links) if not result.total else ()
    page = present_search(result, links, state.notes, ways_on, coverage.last_day, coverage.built)
    response = Response(render_template("search.html", page=page, links=links))
    # To let go of all that was shown takes a while; the reader need not wait for it.
    response.call_on_close([result, page].clear)
    return here.cached(response, result.generation)


def read_facet_request(field: str) -> FacetRequest:
    """Return the values of a facet that the current address asks for. Aborts with 404 for a field that has no facet."""
    if field not in FACET_FIELDS:
        abort(404)
    here = site()
    order = request.args.get("order", "").strip() or "count"
    if order not in FACET_ORDERS:
        raise QueryError("order", order, message("It takes {choices}.", choices="count or name"))
    prefix = request.args.get("prefix", "").strip()
    if len(prefix) > PREFIX_CHARS:
        raise QueryError("prefix", prefix, message("It takes up to {count} characters.", count=PREFIX_CHARS))
    state = here.state()
    return FacetRequest(
        search=state.request,
        field=field,
        prefix=prefix,
        sort=order,
        page=state.request.page,
        per_page=read_number(request.args, "per_page", 1, here.settings.number("max_per_page"), 100),
    )


@blueprint.get("/search/facet/<field>")
def facet(field: str) -> Response:
    """Answer the page of all values of one facet."""
    here = site()
    asked = read_facet_request(field)
    engine = here.engine()
    values = engine.facet(asked)
    missing = 0
    if asked.page == 1 and not asked.prefix:
        counts = replacing(asked.search, per_page=0, facet_size=0, facets=(field,), histogram=False)
        missing = engine.search(counts).facets[field].missing
    page = present_facet_page(asked, values, missing, here.links())
    response = make_response(render_template("facet.html", page=page, links=here.links()))
    response.add_etag()
    return conditional(response)


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Answer what crawlers may read: articles and days, not the countless combinations of filters."""
    return Response(ROBOTS.format(root=request.script_root, base=request.url_root.rstrip("/")), mimetype="text/plain")


@blueprint.get("/favicon.ico")
def favicon() -> BaseResponse:
    """Lead browsers that guess the icon's address to the icon."""
    return redirect(site().links().icon, 301)
