"""Day, month and year pages: the archive by the calendar, each a search over its span.

In: an address below ``/news/``. Out: HTML, JSON, XML, or the file of a day. Addresses of articles are handed on to
``articles``.
"""

from __future__ import annotations

import re
from datetime import date

from flask import Blueprint, Response, abort, make_response, redirect, render_template
from werkzeug.wrappers import Response as BaseResponse

from ..engine.request import SearchRequest
from ..messages import message
from .answers import search_answer
from .api import json_response
from .archive_files import day_file, file_response
from .articles import answer_article
from .period_page import Period, present_period
from .site import site
from .state import replacing
from .xml_answers import list_xml

blueprint = Blueprint("periods", __name__)

PERIOD_PATH = re.compile(
    r"(?P<year>[0-9]{4})(?:/(?P<month>[0-9]{1,2})(?:/(?P<day>[0-9]{1,2}))?)?"
    r"(?P<end>/?|/(?:index|README)(?P<ending>\.html|\.json|\.xml|\.md)?)"
)
PERIOD_HITS = 20


@blueprint.get("/news/")
def news() -> BaseResponse:
    """Lead to the front page, which shows the archive's years."""
    return redirect(site().links().home)


@blueprint.get("/<string(length=2):language>/<any(news, opinion):kind>/<path:rest>")
def translated(language: str, kind: str, rest: str) -> BaseResponse:
    """Lead from an address below a language prefix, as links in the archive's files have it, to the one without."""
    return redirect(site().links().article(f"/{kind}/{rest}", ""), 301)


@blueprint.get("/news/<path:rest>")
def news_path(rest: str) -> BaseResponse:
    """Answer a day, a month, a year, or an article."""
    match = PERIOD_PATH.fullmatch(rest)
    if match is None:
        return answer_article(f"/news/{rest}")
    try:
        period = Period.of(int(match["year"]), int(match["month"] or 0), int(match["day"] or 0))
    except ValueError:
        abort(404, message("There is no such day in the calendar."))
    links = site().links()
    tidy = period.path.removeprefix("/news/")
    if not rest.startswith(tidy):
        # A day with a leading zero, a month without, a missing slash at the end.
        return redirect(links.paged(f"{period.path}{match['end'].lstrip('/')}", 1), 301)
    if match["ending"] == ".md":
        return file_response(day_file(period))
    return _answer_period(period, match["ending"] or ".html")


def _answer_period(period: Period, ending: str) -> Response:
    here = site()
    engine, links = here.engine(), here.links()
    asked = here.state().request
    search = SearchRequest(
        date_from=period.first,
        date_to=period.last,
        sort="newest",
        page=asked.page,
        per_page=PERIOD_HITS,
        interval={"year": "month", "month": "day", "day": "day"}[period.kind],
    )
    as_data = ending != ".html"
    if as_data:
        search = replacing(search, page=asked.page, per_page=here.settings.number("max_per_page"))
    result = engine.search(search)
    if as_data:
        if not result.total:
            abort(404, message("The archive has no article of {period}.", period=period.words))
        answer = search_answer(result, links)
        if ending == ".json":
            return here.cached(json_response(answer), result.generation)
        body = list_xml(answer, period.first.isoformat(), period.last.isoformat())
        return here.cached(Response(body, mimetype="application/xml"), result.generation)
    page = present_period(period, result, links, here.span() or (date.min, date.max), day_file(period) is not None)
    response = make_response(render_template("period.html", page=page, links=links))
    if not result.total:
        response.status_code = 404
        return response
    return here.cached(response, result.generation)
