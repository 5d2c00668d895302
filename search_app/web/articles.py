"""Article pages: one article in its formats, at the archive's own addresses.

In: a site path. Out: HTML, JSON, XML or the Markdown file as it lies on disk. No part of an address ever reaches the
file system: the file's place comes from the engine's record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from ..engine.request import SearchRequest
from ..engine.result import ArticleView, Engine
from .answers import article_answer
from .api import json_response
from .archive_files import article_file, file_response
from .article_page import present_article
from .links import Links
from .presenters import present_form
from .site import conditional, site
from .within_results import find_place, trail_of_address, trail_of_referrer
from .xml_answers import article_xml

blueprint = Blueprint("articles", __name__)

ENDINGS = (".html", ".json", ".xml", ".md")
PADDED_DAY = re.compile(r"^(/(?:news|opinion)/[0-9]{4}/[0-9]{2}/)0([1-9]/)")


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a site path: an article, or the path of the article that one should be sent to."""

    view: ArticleView | None = None
    moved_to: str = ""


@blueprint.get("/opinion/<path:rest>")
def opinion(rest: str) -> BaseResponse:
    """Answer an editorial."""
    return answer_article(f"/opinion/{rest}")


def answer_article(path: str) -> BaseResponse:
    """Answer the article at a site path with or without ending, in the format that the ending names.

    A superseded path, a day with a leading zero and an editorial's ``index`` lead to the article's own address (301).
    Aborts with 404 where there is none.
    """
    path, ending = split_ending(path)
    found = find_article(path, site().engine())
    links = site().links()
    if found.moved_to:
        return redirect(links.article(found.moved_to, ending or ".html"), 301)
    if found.view is None:
        abort(404)
    if ending == ".json":
        response = json_response(article_answer(found.view, links))
    elif ending == ".xml":
        response = Response(article_xml(article_answer(found.view, links)), mimetype="application/xml")
    elif ending == ".md":
        return file_response(article_file(found.view.article))
    else:
        response = _article_page(found.view, links)
    response.add_etag()
    return conditional(response)


def split_ending(path: str) -> tuple[str, str]:
    """Return a site path without its ending, and the ending, ``""`` for none."""
    for ending in ENDINGS:
        if path.endswith(ending):
            return path.removesuffix(ending), ending
    return path.rstrip("/"), ""


def find_article(path: str, engine: Engine) -> Found:
    """Return what lies at a site path without ending. ``Found()`` for nothing."""
    view = engine.article(path)
    if view:
        return Found(view)
    for known in (path, PADDED_DAY.sub(r"\1\2", path), re.sub(r"/(index|README)$", "", path)):
        current = known if known != path and engine.article(known) else engine.current_path(known)
        if current:
            return Found(moved_to=current)
    return Found()


def _article_page(view: ArticleView, links: Links) -> Response:
    here = site()
    has_file = article_file(view.article) is not None
    page = present_article(view, links, here.settings.text("site_name"), request.url_root.rstrip("/"), has_file)
    trail = trail_of_address(request.args, here.today(), here.settings)
    told_by_browser = None
    if trail is None:
        results = request.url_root.rstrip("/") + "/search"
        trail = told_by_browser = trail_of_referrer(request.referrer, results, here.today(), here.settings)
    place = find_place(view.article.path, trail, here.engine(), links) if trail else None
    form = present_form(SearchRequest(q=trail.request.q if trail and place else ""), links)
    response = make_response(render_template("article.html", page=page, place=place, form=form, links=links))
    if told_by_browser:
        # What another reader gets at this address, who comes from elsewhere, is another page.
        response.headers["Cache-Control"] = "private, no-cache"
    return response
