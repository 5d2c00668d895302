"""What a day's, month's or year's page shows.

In: a span of the calendar and the result of searching it. Out: frozen records for the template.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from ..dates import MONTH_NAMES, month_end, year_words
from ..engine.request import SearchRequest
from ..engine.result import SearchResult
from .hits import present_hits
from .language import _, say
from .links import Links, Refinements, day_path
from .presenters import page_numbers, present_form, present_formats
from .records import HitLine, Link, SearchForm
from .timeline import Timeline, present_timeline
from .words import WEEKDAYS, said_count, span_words


@dataclass(frozen=True, slots=True)
class Period:
    """A day, a month or a year of the calendar, first and last day included."""

    kind: str
    first: date
    last: date

    @classmethod
    def of(cls, year: int, month: int = 0, day: int = 0) -> Self:
        """Return the period; 0 stands for the whole. Raises ValueError for what the calendar does not have."""
        if day:
            only = date(year, month, day)
            return cls("day", only, only)
        if month:
            first = date(year, month, 1)
            return cls("month", first, month_end(first))
        return cls("year", date(year, 1, 1), date(year, 12, 31))

    @property
    def path(self) -> str:
        """The site path, with a slash at its end."""
        parts = day_path(self.first).split("/")
        return "/".join(parts[: {"year": 3, "month": 4, "day": 5}[self.kind]]) + "/"

    @property
    def words(self) -> str:
        """``2017``, ``January 2017``, ``16 January 2017``."""
        return span_words(self.first, self.last)

    def containing(self, day: date) -> Period:
        """Return the period of the same kind that holds ``day``."""
        return Period.of(day.year, *((day.month, day.day)[: {"year": 0, "month": 1, "day": 2}[self.kind]]))


@dataclass(frozen=True, slots=True)
class PeriodPage:
    """Everything on the page of a day, a month or a year."""

    title: str
    weekday: str
    total: str
    form: SearchForm
    trail: tuple[Link, ...]
    before: Link | None
    after: Link | None
    timeline: Timeline | None
    months: tuple[Link, ...]
    topics: tuple[Link, ...]
    contexts: tuple[Link, ...]
    hits: tuple[HitLine, ...]
    search: str
    feed: str
    formats: tuple[Link, ...]
    canonical: str
    pager: tuple[Link, ...]
    previous: str
    next: str


def present_period(
    period: Period, result: SearchResult, links: Links, span: tuple[date, date], has_file: bool
) -> PeriodPage:
    """Return the page.

    span : the first and the last day of the archive, past which there is nothing to turn to.
    has_file : whether the ``.md`` address answers.
    """
    request = SearchRequest(date_from=period.first, date_to=period.last)
    refine = Refinements(links, request)
    address = links.root + period.path
    by_page = {number: links.paged(period.path, number) for number in range(1, result.pages + 1)}
    page = result.request.page
    bar_link = links.month if period.kind == "year" else links.day
    return PeriodPage(
        title=say(period.words),
        weekday=say(WEEKDAYS[period.first.weekday()]) if period.kind == "day" else "",
        total=said_count(result.total) if result.total else _("No articles"),
        form=present_form(SearchRequest(), links),
        trail=_trail(period, links),
        before=_neighbour(period, -1, links, span),
        after=_neighbour(period, 1, links, span),
        timeline=present_timeline(result.histogram, lambda start, end: bar_link(start)),
        months=_months(period, result, links, span),
        topics=_values("topic", result, refine),
        contexts=_values("context", result, refine),
        hits=present_hits(result.hits, links, refine),
        search=links.search(request),
        feed=links.feed(request),
        formats=present_formats(f"{address}index", has_file) if result.hits else (),
        canonical=by_page.get(page, links.paged(period.path, 1)),
        pager=tuple(
            Link(f"{number:,}", by_page[number], current=number == page) if number else Link("…")
            for number in page_numbers(page, result.pages)
        ),
        previous=by_page[page - 1] if page > 1 else "",
        next=by_page[page + 1] if page < result.pages else "",
    )


def _values(field: str, result: SearchResult, refine: Refinements) -> tuple[Link, ...]:
    return tuple(
        Link(bucket.value, refine.add(field, bucket.value), note=f"{bucket.count:,}")
        for bucket in result.facets[field].buckets[:12]
    )


def _trail(period: Period, links: Links) -> tuple[Link, ...]:
    trail = [Link(_("All years"), links.home)]
    if period.kind != "year":
        trail.append(Link(say(year_words(period.first)), links.year(period.first)))
    if period.kind == "day":
        trail.append(Link(say(MONTH_NAMES[period.first.month - 1]), links.month(period.first)))
    return tuple(trail)


def _neighbour(period: Period, step: int, links: Links, span: tuple[date, date]) -> Link | None:
    edge = period.last if step > 0 else period.first
    try:
        other = period.containing(edge + timedelta(days=step))
    except (OverflowError, ValueError):
        return None
    if other.last < span[0] or other.first > span[1]:
        return None
    return Link(say(other.words), links.paged(other.path, 1))


def _months(period: Period, result: SearchResult, links: Links, span: tuple[date, date]) -> tuple[Link, ...]:
    if period.kind != "year":
        return ()
    counts = {bar.start: f"{bar.count:,}" for bar in result.histogram.bars if bar.count}
    firsts = [date(period.first.year, month, 1) for month in range(1, 13)]
    return tuple(
        Link(
            say(MONTH_NAMES[first.month - 1]),
            links.month(first) if span[0] <= month_end(first) and first <= span[1] else "",
            note=counts.get(first, ""),
        )
        for first in firsts
    )
