"""The pages of single topics, contexts and sources, at addresses that stay.

In: an address such as ``/topic/Floods``. Out: HTML.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, abort, make_response, redirect, render_template
from werkzeug.wrappers import Response as BaseResponse

from ..engine.request import SearchRequest
from ..engine.result import Engine
from ..messages import message
from .site import site
from .state import replacing
from .value_page import present_value
from .words import shortened

blueprint = Blueprint("values", __name__)

NO_VALUE = {
    "topic": message("The archive has no topic “{name}”."),
    "context": message("The archive has no context “{name}”."),
    "source": message("The archive has no source “{name}”."),
}


@blueprint.get("/<any(topic, context, source):field>/<path:name>")
def value(field: str, name: str) -> BaseResponse:
    """Answer the page of one value. Another spelling of it leads to the archive's own (301)."""
    here = site()
    engine, links = here.engine(), here.links()
    page = here.state().request.page
    limit = here.settings.number("max_query_chars")
    result = engine.search(SearchRequest(**{field: (name[:limit],)}, page=page))  # type: ignore[arg-type]
    if not result.total:
        abort(404, message(NO_VALUE[field], name=shortened(name, 100)))
    known = next((bucket.value for bucket in result.facets[field].buckets if bucket.selected), name)
    if known != name:
        return redirect(links.value(field, known, page), 301)
    shown = present_value(field, name, result, links, _first_day(result.request, engine))
    response = make_response(render_template("value.html", page=shown, links=links))
    return here.cached(response, result.generation)


def _first_day(request: SearchRequest, engine: Engine) -> date:
    oldest = replacing(request, sort="oldest", per_page=1, facets=(), histogram=False)
    return engine.search(oldest).hits[0].date
