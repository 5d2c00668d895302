"""The archive for programs: one article, one day, what the index holds.

In: a path or a day. Out: JSON, in the same form as a search gives it.
"""

from __future__ import annotations

import re
from datetime import date

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from ..engine.request import SearchRequest
from ..errors import QueryError
from . import operations as ops
from .answers import article_answer, search_answer, status_answer
from .api import JSON, json_response
from .articles import find_article, split_ending
from .manners import link_pages, neighbours
from .site import conditional, site

blueprint = Blueprint("api_archive", __name__)

WHOLE_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@ops.operation(
    blueprint,
    "/api/articles/<path:path>",
    "One article with everything that the archive knows of it; an older version leads to the current one (301).",
    ops.PATH,
    answers={JSON: "Article"},
    problems=(404, 503),
)
def article(path: str) -> BaseResponse:
    """Answer an article."""
    links = site().links()
    found = find_article(split_ending(f"/{path}")[0], site().engine())
    if found.moved_to:
        return redirect(links.api_article(found.moved_to), 301)
    if found.view is None:
        abort(404)
    response = json_response(article_answer(found.view, links))
    link_pages(response, {"alternate": links.article(found.view.article.path)})
    response.add_etag()
    return conditional(response)


@ops.operation(
    blueprint,
    "/api/days/<date>",
    "The articles of one day, with the same counts as a search.",
    ops.DATE,
    ops.PAGE,
    ops.PER_PAGE_OR_COUNTS,
    ops.FACET_SIZE,
    answers={JSON: "Search"},
    problems=(400, 404, 503),
)
def day(date: str) -> Response:
    """Answer the articles of one day; a day without any is an empty answer."""
    here = site()
    links, only, asked = here.links(), read_day(date), here.state(counts_only=True).request
    search = SearchRequest(
        date_from=only, date_to=only, page=asked.page, per_page=asked.per_page, facet_size=asked.facet_size
    )
    result = here.engine().search(search)
    response = json_response(search_answer(result, links))
    kept = [(name, value) for name, value in request.args.items() if name in ("per_page", "facet_size")]
    pages = {
        name: links.paged(request.path, number, kept) for name, number in neighbours(search.page, result.pages).items()
    }
    link_pages(response, {**pages, "alternate": links.day(only)})
    return here.cached(response, result.generation)


def read_day(text: str) -> date:
    """Return a day written as ``2017-01-16``. Raises QueryError for anything else."""
    try:
        if WHOLE_DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise QueryError("date", text, "It takes a day of the calendar, written as 2017-01-16.")


@ops.operation(
    blueprint,
    "/api/status",
    "What the index holds: articles, first and last day, when it was built.",
    answers={JSON: "Status"},
    problems=(503,),
)
def status() -> Response:
    """Answer figures about the index."""
    figures = site().engine().status()
    response = json_response(status_answer(figures))
    response.add_etag()
    return conditional(response)
