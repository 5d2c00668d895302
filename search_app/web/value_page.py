"""What the page of a topic, a context or a source shows: its articles, when they were, what it occurs with.

In: the result of searching the value. Out: frozen records for the template.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ..engine.request import FACET_FIELDS, SearchRequest
from ..engine.result import SearchResult
from .hits import present_hits
from .language import say
from .links import Links, Refinements
from .presenters import page_numbers, present_form
from .records import HitLine, Link, SearchForm
from .timeline import Timeline, present_timeline
from .words import FIELD_WORDS, said_count, said_days

BESIDE = 12


@dataclass(frozen=True, slots=True)
class Beside:
    """What occurs with the value: the values of one facet, most frequent first."""

    field: str
    title: str
    values: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ValuePage:
    """Everything on the page."""

    kind: str
    name: str
    total: str
    span: str
    form: SearchForm
    timeline: Timeline | None
    hits: tuple[HitLine, ...]
    beside: tuple[Beside, ...]
    search: str
    all_values: Link
    json: str
    feed: str
    canonical: str
    pager: tuple[Link, ...]
    previous: str
    next: str


def present_value(field: str, name: str, result: SearchResult, links: Links, first_day: date) -> ValuePage:
    """Return the page of one value.

    result : of a search for it alone, newest first. first_day : the day of its oldest article.
    """
    request = SearchRequest(**{field: (name,)})  # type: ignore[arg-type]
    refine = Refinements(links, request)
    words = FIELD_WORDS[field]
    page = result.request.page
    last_day = max(first_day, max((hit.date for hit in result.hits), default=first_day)) if page == 1 else None
    return ValuePage(
        kind=say(words.one),
        name=name,
        total=said_count(result.total),
        span=said_days(first_day, last_day) if last_day else "",
        form=present_form(SearchRequest(), links),
        timeline=present_timeline(result.histogram, refine.between),
        hits=present_hits(result.hits, links, refine),
        beside=tuple(_beside(other, name, result, refine) for other in FACET_FIELDS if _stands_beside(other, field)),
        search=links.search(request),
        all_values=Link(say(words.every), links.facet_of(field, SearchRequest())),
        json=links.api_search(request),
        feed=links.feed(request),
        canonical=links.value(field, name, page),
        pager=tuple(
            Link(f"{number:,}", links.value(field, name, number), current=number == page) if number else Link("…")
            for number in page_numbers(page, result.pages)
        ),
        previous=links.value(field, name, page - 1) if page > 1 else "",
        next=links.value(field, name, page + 1) if page < result.pages else "",
    )


def _stands_beside(other: str, field: str) -> bool:
    # An article has one topic: no other stands beside it. Counts of sources ignore the source that is chosen.
    return other == "context" or other != field


def _beside(field: str, name: str, result: SearchResult, refine: Refinements) -> Beside:
    values = [bucket for bucket in result.facets[field].buckets if bucket.value != name and not bucket.selected]
    return Beside(
        field=field,
        title=say(FIELD_WORDS[field].many),
        values=tuple(
            Link(bucket.value, refine.add(field, bucket.value), note=f"{bucket.count:,}") for bucket in values[:BESIDE]
        ),
    )
