"""The place of an article in the results that a reader came from: what is before it, what after it, and the way back.

In: the address of an article's page, and the page whose link was followed (``Referer``). Out: a frozen record for the
template. Nothing is stored, and no address on a result page grows: the browser tells the first step, and every further
one is told by the link itself, with the parameters of the search and ``at``, the article's number among the results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from ..engine.request import SearchRequest
from ..engine.result import Engine, Hit
from ..errors import PageNotFoundError, QueryError
from ..settings import Settings
from .links import Links
from .records import Link
from .state import read_number, read_state

MOST_AT = 10**9 - 1


class Trail(NamedTuple):
    """The results that a reader came from. at : the article's number among them, 0 for one on the request's page."""

    request: SearchRequest
    at: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where an article stands among results. total : 0 where it is one of those that lack some of the words."""

    number: int
    total: int
    back: str
    previous: Link | None
    next: Link | None


def trail_of_address(args: MultiDict[str, str], today: date, settings: Settings) -> Trail | None:
    """Return what the parameters of an article's address say; None where they name no place among results.

    A search that cannot be understood is no reason to withhold the article: then there is none either.
    """
    if "at" not in args:
        return None
    try:
        return Trail(read_state(args, today, settings).request, read_number(args, "at", 1, MOST_AT, 0))
    except QueryError:
        return None


def trail_of_referrer(referrer: str | None, results: str, today: date, settings: Settings) -> Trail | None:
    """Return the results whose page led here, None where another page did.

    referrer : its address, as the browser tells it. results : the address of result pages, without parameters.
    """
    address, _, query = (referrer or "").partition("?")
    if address != results:
        return None
    args = MultiDict(parse_qsl(query.partition("#")[0], keep_blank_values=True))
    try:
        return Trail(read_state(args, today, settings).request)
    except QueryError:
        return None


def find_place(path: str, trail: Trail, engine: Engine, links: Links) -> Place | None:
    """Return the place of an article among results; None where it is not, or no more, where the trail says.

    path : the article's site path. Cost: one search without counts; two at the end of a page.
    """
    asked = replace(trail.request, facets=(), histogram=False, explain=False)
    page = (trail.at - 1) // asked.per_page + 1 if trail.at else asked.page

    def hits_of(number: int) -> tuple[Hit, ...]:
        result = engine.search(replace(asked, page=number))
        return result.hits + result.partial

    def neighbour(hit: Hit, number: int) -> Link:
        return Link(hit.headline, links.article_within(hit.path, trail.request, number))

    try:
        result = engine.search(replace(asked, page=page))
        hits = result.hits + result.partial
        at = next((n for n, hit in enumerate(hits) if hit.path == path), -1)
        if at < 0:
            return None
        number = (page - 1) * asked.per_page + at + 1
        before = hits[at - 1 : at] if at else hits_of(page - 1)[-1:] if page > 1 else ()
        after = hits[at + 1 : at + 2] or (hits_of(page + 1)[:1] if page < result.pages else ())
    except (QueryError, PageNotFoundError):
        return None
    return Place(
        number,
        result.total if number <= result.total else 0,
        links.search(replace(trail.request, page=page)),
        neighbour(before[0], number - 1) if before else None,
        neighbour(after[0], number + 1) if after else None,
    )
