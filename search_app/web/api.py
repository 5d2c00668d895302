"""The JSON addresses.

In: the same parameters as the pages. Out: JSON. What the answers hold is written in ``answers``.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response

from .answers import facet_answer, search_answer
from .pages import read_facet_request
from .site import conditional, site

blueprint = Blueprint("api", __name__)


def json_response(body: dict[str, Any]) -> Response:
    """Return a dict as JSON, in the order of its keys and with text as it is."""
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), mimetype="application/json")


@blueprint.get("/api/search")
def search() -> Response:
    """Answer a search."""
    here = site()
    state = here.state()
    result = here.engine().search(state.request)
    return here.cached(json_response(search_answer(result, here.links(), state.notes)), result.generation)


@blueprint.get("/api/facets/<field>")
def facet(field: str) -> Response:
    """Answer all values of one facet for a search, paged."""
    asked = read_facet_request(field)
    response = json_response(facet_answer(asked, site().engine().facet(asked)))
    response.add_etag()
    return conditional(response)
