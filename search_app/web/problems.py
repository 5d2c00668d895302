"""Everything that is not a plain answer: one table from errors to status codes, as a page or as problem details.

In: an exception. Out: HTML for people; ``application/problem+json`` (RFC 9457) for programs, saying the same. A
traceback goes to the log and nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from ..errors import (
    ClusterError,
    GenerationGoneError,
    IndexDamagedError,
    IndexMissingError,
    IndexUnreadableError,
    IndexVersionError,
    PageNotFoundError,
    QueryError,
    SearchAppError,
)
from ..messages import message
from .language import _
from .links import Links
from .reader_language import is_page
from .records import Link, SearchForm
from .site import site
from .state import MAX_VALUES, PARAMETER_ORDER

KEPT_CHARS = 2048
HEADINGS = {
    400: message("This search has a slip in it"),
    404: message("There is no such page"),
    429: message("A little slower, please"),
    500: message("Something went wrong"),
    503: message("The archive is being prepared"),
}
DETAILS = {
    404: message(
        "There is nothing at this address. It may have been mistyped, or the article is no longer in the archive."
    ),
    405: message("This address cannot be used that way; it answers GET requests."),
    413: message("This request carries more than anybody here reads: requests have no body."),
    429: message("This is more than one address may ask here in a minute: too many requests. Please wait a little."),
    500: message("Something went wrong on our side. The search may work if you try again."),
    503: message("The index is not ready yet. Please try again in half a minute."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for people and for programs. extra : members of the problem details beside the standard ones."""

    status: int
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)
    ways_on: tuple[Link, ...] = ()

    @property
    def about_dates(self) -> bool:
        """Whether the culprit is one of the two dates, so that the page offers them again."""
        return self.extra.get("parameter") in ("from", "to")

    @property
    def passes(self) -> bool:
        """Whether the same address may answer later, so that the page leads to itself."""
        return self.status in (429, 500, 503)

    @property
    def title(self) -> str:
        """The status in the words of HTTP, as RFC 9457 wants it."""
        return HTTPStatus(self.status).phrase

    @property
    def heading(self) -> str:
        """The status in words for people."""
        return HEADINGS.get(self.status, self.title)


def register_problems(app: Flask) -> None:
    """Make the application answer every exception through ``problem_response``."""
    app.register_error_handler(Exception, _answer)


def find_problem(error: Exception, links: Links) -> Problem:
    """Return the row of the table for an exception; what is not in it is a 500."""
    match error:
        case QueryError():
            extra = {"parameter": error.parameter, "value": error.value, "expected": error.expected}
            return Problem(400, error.told, extra)
        case PageNotFoundError():
            return Problem(404, error.told, {"page": error.page, "pages": error.pages}, _last_page(error, links))
        case GenerationGoneError():
            return Problem(410, str(error), {"parameter": "cursor", "generation": error.generation})
        case IndexMissingError() | IndexVersionError() | IndexDamagedError() | IndexUnreadableError() | ClusterError():
            # The message names folders and machines of the service: that is for its log, not for its visitors.
            return Problem(503, DETAILS[503])
        case HTTPException(code=int(code)) if code >= 400:
            told = error.description if error.description != type(error).description else None
            return Problem(code, told or DETAILS.get(code) or error.description or HTTPStatus(code).phrase)
    return Problem(500, DETAILS[500])


def problem_response(problem: Problem) -> Response:
    """Return a problem as problem details to a program, as a page to everybody else."""
    if wants_json():
        body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
        response = Response(
            json.dumps({**body, **problem.extra}, ensure_ascii=False), mimetype="application/problem+json"
        )
        response.status_code = problem.status
    else:
        links = site().links()
        page = render_template("problem.html", problem=problem, form=_form_as_typed(problem, links), links=links)
        response = make_response(page, problem.status)
    response.headers["Cache-Control"] = "no-store"
    if problem.status == 503:
        response.headers["Retry-After"] = str(site().retry_seconds)
    return response


def wants_json() -> bool:
    """Tell whether the current address, or the client, asks for JSON rather than for a page."""
    if not is_page(request.path) and not request.path.endswith((".xml", ".md")):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best != "text/html"


def _answer(error: Exception) -> Response:
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return make_response(error.get_response())
    problem = find_problem(error, site().links())
    if problem.status >= 500:
        if isinstance(error, SearchAppError):
            if site().worth_telling(str(error)):
                current_app.logger.error("%s", error)
        elif not isinstance(error, HTTPException):
            current_app.logger.exception("Unexpected error at %s", request.path)
    response = problem_response(problem)
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
    return response


def _form_as_typed(problem: Problem, links: Links) -> SearchForm:
    """Return the form with everything that was asked still in it, so that a slip can be mended where it was made."""
    typed = {name: request.args.get(name, "")[:KEPT_CHARS] for name in ("q", "from", "to")}
    dropped = {"page", problem.extra.get("parameter"), *typed}
    hidden = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if name in PARAMETER_ORDER and name not in dropped and 0 < len(value) <= KEPT_CHARS
    ]
    if not problem.about_dates:
        hidden += [(name, typed[name]) for name in ("from", "to") if typed[name]]
    kept = (*hidden[:MAX_VALUES], *links.language_args)
    return SearchForm(links.search_form, typed["q"], typed["from"], typed["to"], kept)


def _last_page(error: PageNotFoundError, links: Links) -> tuple[Link, ...]:
    text = _("Go to the last page, {page:,}", page=error.pages) if error.pages else _("Go to the first page")
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in ("page", "lang")]
    return (Link(text, links.paged(request.path, error.pages, kept)),)
