"""The front page: what is new, the archive's years, its largest topics.

In: the result of a search for everything. Out: a frozen record for the template.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ..engine.request import SearchRequest
from ..engine.result import SearchResult
from .hits import present_hits
from .language import _
from .links import Links, Refinements
from .presenters import present_form
from .records import HitLine, Link, SearchForm
from .timeline import Timeline, present_timeline
from .words import said_count, said_days


@dataclass(frozen=True, slots=True)
class FrontPage:
    """Everything on the front page."""

    form: SearchForm
    extent: str
    newest: tuple[HitLine, ...]
    newest_link: str
    timeline: Timeline | None
    topics: tuple[Link, ...]
    all_topics: Link | None


def present_front(result: SearchResult, links: Links, span: tuple[date, date] | None) -> FrontPage:
    """Return the front page. result : newest articles, topics, years. span : the archive's first and last day."""
    everything = SearchRequest()
    refine = Refinements(links, everything)
    topics = result.facets["topic"]
    extent = said_count(result.total)
    if span:
        extent = _("{articles}, {span}", articles=extent, span=said_days(*span))

    def year_or_span(first: date, last: date) -> str:
        return links.year(first) if first.year == last.year else refine.between(first, last)

    return FrontPage(
        form=present_form(everything, links),
        extent=extent,
        newest=present_hits(result.hits, links, refine),
        newest_link=links.search(everything),
        timeline=present_timeline(result.histogram, year_or_span),
        topics=tuple(
            Link(bucket.value, refine.add("topic", bucket.value), note=f"{bucket.count:,}") for bucket in topics.buckets
        ),
        all_topics=(
            Link(_("All {count:,} topics", count=topics.total_values), links.facet_of("topic", everything))
            if topics.total_values > len(topics.buckets)
            else None
        ),
    )
