"""What the result page shows, worked out before a template sees it.

In: an engine's result and the links of one request. Out: frozen records of text and addresses; a template only loops
over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from ..dates import month_end
from ..engine.request import FACET_FIELDS, SearchRequest
from ..engine.result import Facet, SearchResult
from ..messages import message, plural
from .hits import MOST_VALUE, present_hits
from .language import _, say
from .links import Links, Refinements
from .records import Box, Chip, FacetGroup, HitLine, Link, SearchForm
from .state import (
    VALUE_FIELDS,
    args_from_request,
    args_without,
    has_filters,
    removing,
    replacing,
    span_texts,
    without_filters,
)
from .timeline import Timeline, present_timeline
from .words import FIELD_WORDS, said_count, said_day, said_time, shortened, span_words

# A facet shows so many values where nobody asked for more; the page of all its values has the rest. Each of them costs
# a page of three facets half a kilobyte.
VALUES_SHOWN = 5
USUAL = SearchRequest()
SORT_WORDS = {
    "relevance": message("Best match"),
    "newest": message("Newest first"),
    "oldest": message("Oldest first"),
}
PRESETS = ((message("Latest week"), 7), (message("Latest month"), 30), (message("Latest year"), 365))
FORMATS = (
    (".json", "JSON", "application/json"),
    (".xml", "XML", "application/xml"),
    (".md", "Markdown", "text/markdown"),
)
# What the search form's own controls hold; everything else travels in hidden fields.
FORM_CONTROLS = {"q", *VALUE_FIELDS, "context_match", "from", "to", "page", "interval"}


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Everything on a result page."""

    title: str
    shown: str
    total: str
    took: str
    form: SearchForm
    understood: str
    notes: tuple[str, ...]
    relaxed: bool
    did_you_mean: Link | None
    corrected: Link | None
    as_typed: Link | None
    chips: tuple[Chip, ...]
    clear: str
    sorts: tuple[Link, ...]
    why: Link | None
    hits: tuple[HitLine, ...]
    partial: tuple[HitLine, ...]
    pager: tuple[Link, ...]
    previous: str
    next: str
    facets: tuple[FacetGroup, ...]
    timeline: Timeline | None
    range: SearchForm
    canonical: str
    json: str
    feed: str
    csv: str
    histogram_csv: str
    built: str
    indexable: bool
    ways_on: tuple[Link, ...] = ()


def present_search(
    result: SearchResult,
    links: Links,
    notes: tuple[str, ...] = (),
    ways_on: tuple[Link, ...] = (),
    last_day: date | None = None,
    built: date | None = None,
) -> ResultPage:
    """Return a result page.

    last_day : the archive's newest day; the presets of the date filter count back from it. built : when the index was.
    """
    request = result.request
    whole = links
    links = links.within_results()
    refine = Refinements(links, request)
    total = said_total(result)
    first = (request.page - 1) * request.per_page
    pages = page_numbers(request.page, result.pages)
    all_values = links.facets_of(request)
    return ResultPage(
        title=_title(request, result.corrected or request.q, total),
        shown=f"{first + 1:,}–{first + len(result.hits):,}" if result.hits else "",
        total=total,
        took=said_time(result.took_ms),
        form=present_form(request, links, _presets(request, refine, last_day) if last_day else ()),
        understood=say(result.understood),
        notes=tuple(map(say, (*notes, *result.warnings))),
        relaxed=result.relaxed,
        did_you_mean=(
            Link(result.did_you_mean, links.search(replacing(request, q=result.did_you_mean)))
            if result.did_you_mean
            else None
        ),
        corrected=(
            Link(result.corrected, links.search(replacing(request, q=result.corrected))) if result.corrected else None
        ),
        as_typed=Link(request.q, links.search(replacing(request, as_typed=True))) if result.corrected else None,
        chips=present_chips(request, links),
        clear=links.search(without_filters(request)) if has_filters(request) else "",
        sorts=tuple(
            Link(say(words), refine.ordered("" if sort == request.usual_order else sort), current=request.order == sort)
            for sort, words in SORT_WORDS.items()
            if sort != "relevance" or request.q or request.order == sort
        ),
        why=_why(request, links),
        hits=present_hits(result.hits, links, refine),
        partial=present_hits(result.partial, links, refine),
        pager=tuple(
            Link(f"{page:,}", refine.at_page(page), current=page == request.page) if page else Link("…")
            for page in pages
        ),
        previous=refine.at_page(request.page - 1) if request.page > 1 else "",
        next=refine.at_page(request.page + 1) if request.page < result.pages else "",
        facets=tuple(
            present_facet(name, result.facets[name], request, all_values[name], counted=not result.relaxed)
            for name in FACET_FIELDS
            if name in result.facets
        ),
        timeline=(
            None
            if result.relaxed
            else present_timeline(result.histogram, refine.between, request.date_from, request.date_to)
        ),
        range=_range_form(request, links),
        canonical=whole.search(request),
        json=whole.api_search(request),
        feed=whole.feed(request, "page", "per_page"),
        csv=whole.export(request, ".csv"),
        histogram_csv=whole.export(request, "/histogram.csv"),
        built=_("Index of {day}", day=said_day(built)) if built else "",
        indexable=not has_filters(request) and request.page == 1,
        ways_on=ways_on,
    )


def said_total(result: SearchResult) -> str:
    """Return how much was found, in the language of the page: ``1,187 articles``, ``100 close matches``."""
    if result.relaxed:
        return say(plural("{count:,} close match", "{count:,} close matches", result.total))
    return said_count(result.total)


def present_form(request: SearchRequest, links: Links, presets: tuple[Link, ...] = ()) -> SearchForm:
    """Return the search form with what is asked filled in."""
    first, last = span_texts(request.date_from, request.date_to)
    return SearchForm(
        action=links.search_form,
        q=request.q,
        date_from=first,
        date_to=last,
        hidden=tuple(
            (name, value)
            for name, value in args_from_request(request)
            if name not in FORM_CONTROLS or (name == "missing" and value not in FACET_FIELDS)
        )
        + tuple(links.language_args),
        presets=presets,
    )


def _presets(request: SearchRequest, refine: Refinements, last_day: date) -> tuple[Link, ...]:
    """Return the same search over times that are often asked for."""
    presets = []
    for words, days in PRESETS:
        start = last_day - timedelta(days=days - 1)
        chosen = (request.date_from, request.date_to) == (start, last_day)
        presets.append(Link(say(words), refine.between(start, last_day), current=chosen))
    if request.date_from and request.date_to and (before := _year_before(request.date_from, request.date_to)):
        presets.append(Link(_("The same time a year before"), refine.between(*before)))
    return tuple(presets)


def _why(request: SearchRequest, links: Links) -> Link | None:
    """Return the way to the same page with reasons for its order, or without them; None for an order without any."""
    if not request.q or request.order != "relevance":
        return None
    words = _("Hide the reasons") if request.explain else _("Why this order?")
    # In the canonical order this parameter is the last one.
    pairs = args_without(request, "explain") + ([] if request.explain else [("explain", "1")])
    return Link(words, links.search_of(pairs), current=request.explain)


def _range_form(request: SearchRequest, links: Links) -> SearchForm:
    """Return the form that takes other days for the same search."""
    kept = args_without(request, "page", "from", "to", "interval")
    return SearchForm(links.search_form, "", "", "", (*kept, *links.language_args))


def _year_before(first: date, last: date) -> tuple[date, date] | None:
    """Return the same days of the year before, whole months as whole months; None before the calendar begins."""
    if first.year == date.min.year:
        return None
    a_year = relativedelta(years=1)
    end = last - a_year
    return first - a_year, month_end(end) if last == month_end(last) else end


def present_chips(request: SearchRequest, links: Links) -> tuple[Chip, ...]:
    """Return a chip for every filter in force, each with the search that lacks it."""
    chips = []
    for name in VALUE_FIELDS:
        for value in getattr(request, name):
            href = links.search(removing(request, name, value))
            if name == "missing":
                chips.append(Chip(_("Missing"), say(FIELD_WORDS[value].one), href))
            elif name.startswith("not_"):
                chips.append(Chip(say(FIELD_WORDS[name.removeprefix("not_")].excluded), value, href, negative=True))
            else:
                chips.append(Chip(say(FIELD_WORDS[name].one), value, href))
    if request.date_from or request.date_to:
        href = links.search(replacing(request, date_from=None, date_to=None))
        chips.append(Chip(_("Date"), say(span_words(request.date_from, request.date_to)), href))
    return tuple(chips)


def present_facet(
    name: str, facet: Facet, request: SearchRequest, all_values: str, *, counted: bool = True
) -> FacetGroup:
    """Return one facet for the form: what is picked or excluded first, then the most frequent values, then "none".

    all_values : the address of the page of all of them. counted : whether counts say what ticking gives. Among the
    closest matches they do not: of a smaller archive others are the closest.
    """
    words = FIELD_WORDS[name]

    def said(count: int) -> str:
        return f"{count:,}" if counted else ""

    picked = [
        Box(name, bucket.value, bucket.value, said(bucket.count), checked=True)
        for bucket in facet.buckets
        if bucket.selected
    ]
    picked += [
        Box(f"not_{name}", value, _("not {value}", value=value), "", checked=True, negative=True)
        for value in getattr(request, f"not_{name}")
    ]
    none_picked = name in request.missing
    none_box = Box("missing", name, say(words.none), said(facet.missing), checked=none_picked)
    if none_picked:
        picked.append(none_box)
    open_buckets = [bucket for bucket in facet.buckets if not bucket.selected and not bucket.excluded]
    if request.facet_size == USUAL.facet_size:
        open_buckets = open_buckets[:VALUES_SHOWN]
    exclude = f"not_{name}"
    others = [
        Box(name, value, shortened(value, MOST_VALUE), said(count), exclude=exclude)
        for value, count, _selected, _excluded in open_buckets
    ]
    last = [none_box] if facet.missing and not none_picked else []
    has_more = counted and facet.total_values > len(others) + sum(bucket.selected for bucket in facet.buckets)
    return FacetGroup(
        field=name,
        title=say(words.one),
        picked=len(picked),
        boxes=tuple(picked + others + last),
        all_link=(Link(_(words.every_of, count=facet.total_values), all_values) if has_more else None),
        match=request.context_match if name == "context" else "",
    )


def present_formats(address: str, has_file: bool) -> tuple[Link, ...]:
    """Return the other formats of the page at ``address`` (without ending); ``note`` is the type of each.

    has_file : whether the archive's own file can be had.
    """
    return tuple(
        Link(text, address + ending, note=mimetype) for ending, text, mimetype in FORMATS if has_file or ending != ".md"
    )


def page_numbers(page: int, pages: int) -> list[int]:
    """Return the page numbers that a pager shows, 0 where it leaves some out; the first and the last are always there.

    >>> page_numbers(6, 573)
    [1, 0, 4, 5, 6, 7, 8, 0, 573]

    One page alone is not left out.

    >>> page_numbers(5, 573)
    [1, 2, 3, 4, 5, 6, 7, 0, 573]
    """
    if pages < 2:
        return []
    shown = sorted({1, pages, *range(max(1, page - 2), min(pages, page + 2) + 1)})
    numbers: list[int] = []
    for number in shown:
        if numbers and number == numbers[-1] + 2:
            numbers.append(number - 1)
        elif numbers and number > numbers[-1] + 1:
            numbers.append(0)
        numbers.append(number)
    return numbers


def _title(request: SearchRequest, searched: str, total: str) -> str:
    title = _("{articles} for “{query}”", articles=total, query=shortened(searched, 60)) if searched else total
    return _("{title}, page {page:,}", title=title, page=request.page) if request.page > 1 else title
