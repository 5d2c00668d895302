"""What the result page shows, worked out before a template sees it.

In: an engine's result and the links of one request. Out: frozen records of text and addresses; a template only loops
over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from ..archive.model import Source
from ..dates import month_end
from ..engine.request import FACET_FIELDS, SearchRequest
from ..engine.result import Facet, Hit, SearchResult
from ..messages import message
from .language import _, current_language, markup, say
from .links import Links, Refinements, safe_url, url_host
from .state import (
    VALUE_FIELDS,
    args_from_request,
    first_day_text,
    has_filters,
    last_day_text,
    removing,
    replacing,
    without_filters,
)
from .timeline import Timeline, present_timeline
from .words import FIELD_WORDS, said_count, said_day, shortened, span_words

# A facet shows so many values where nobody asked for more; the page of all its values has the rest. Each of them costs
# a page of three facets half a kilobyte.
VALUES_SHOWN = 6
CONTEXTS_A_HIT = 3
LONG_HEADLINE = 160
SORT_WORDS = {
    "relevance": message("Best match"),
    "newest": message("Newest first"),
    "oldest": message("Oldest first"),
}
PRESETS = ((message("Latest week"), 7), (message("Latest month"), 30), (message("Latest year"), 365))
FOUND_IN = {
    "topic": message("In the topic: {text}"),
    "context": message("In a context: {text}"),
    "source": message("In a source: {text}"),
}
FORMATS = (
    (".json", "JSON", "application/json"),
    (".xml", "XML", "application/xml"),
    (".md", "Markdown", "text/markdown"),
)
# What the search form's own controls hold; everything else travels in hidden fields.
FORM_CONTROLS = {"q", *VALUE_FIELDS, "context_match", "from", "to", "page", "interval"}


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads somewhere. ``current`` marks the place where the reader is; ``note`` stands beside the text."""

    text: str
    href: str = ""
    current: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force: ``Topic: Floods`` and the address of the search without it."""

    label: str
    value: str
    href: str
    negative: bool = False

    @property
    def words(self) -> str:
        """Label and value."""
        return _("{label}: {value}", label=self.label, value=self.value)


@dataclass(frozen=True, slots=True)
class Box:
    """A checkbox of a facet: ``name=value`` is what it sends.

    exclude : the parameter that leaves the value out, ``""`` where that makes no sense; exclude_label says so in words.
    negative : it is left out.
    """

    name: str
    value: str
    text: str
    count: str
    checked: bool = False
    negative: bool = False
    exclude: str = ""
    exclude_label: str = ""


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """One facet: its boxes, picked ones first, and the page with all values.

    picked : how many boxes are ticked. match : ``"all"`` or ``"any"`` where the choice exists, else ``""``.
    """

    field: str
    title: str
    picked: int
    boxes: tuple[Box, ...]
    all_link: Link | None
    match: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source of an article: ``url`` leads outside and may be empty."""

    name: str
    url: str
    host: str


@dataclass(frozen=True, slots=True)
class HitLine:
    """A hit on the page.

    language : ``""`` where it is the page's own. long : whether the headline is a paragraph, as old articles have them.
    """

    href: str
    headline: Markup
    long: bool
    snippet: Markup
    found_in: tuple[Markup, ...]
    date: Link
    iso_date: str
    topic: Link | None
    sources: tuple[SourceLine, ...]
    contexts: tuple[Link, ...]
    more_contexts: str
    image: str
    language: str
    opinion: bool


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The controls of the search form as they stand. hidden : what they do not hold but the next search keeps."""

    action: str
    q: str
    date_from: str
    date_to: str
    hidden: tuple[tuple[str, str], ...]
    presets: tuple[Link, ...] = ()


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
    indexable: bool
    ways_on: tuple[Link, ...] = ()


def present_search(
    result: SearchResult,
    links: Links,
    notes: tuple[str, ...] = (),
    ways_on: tuple[Link, ...] = (),
    last_day: date | None = None,
) -> ResultPage:
    """Return a result page. last_day : the archive's newest day; the presets of the date filter count back from it."""
    request = result.request
    refine = Refinements(links, request, within=True)
    total = said_count(result.total)
    first = (request.page - 1) * request.per_page
    pages = page_numbers(request.page, result.pages)
    return ResultPage(
        title=_title(request, total),
        shown=f"{first + 1:,}–{first + len(result.hits):,}" if result.hits else "",
        total=total,
        took=f"{result.took_ms:.1f} ms",
        form=present_form(request, links, last_day),
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
        clear=links.search(without_filters(request)),
        sorts=tuple(
            Link(say(words), links.search(_sorted_by(request, sort)), current=request.order == sort)
            for sort, words in SORT_WORDS.items()
        ),
        hits=tuple(present_hit(hit, links, refine) for hit in result.hits),
        partial=tuple(present_hit(hit, links, refine) for hit in result.partial),
        pager=tuple(
            Link(f"{page:,}", refine.at_page(page), current=page == request.page) if page else Link("…")
            for page in pages
        ),
        previous=refine.at_page(request.page - 1) if request.page > 1 else "",
        next=refine.at_page(request.page + 1) if request.page < result.pages else "",
        facets=tuple(
            present_facet(name, result.facets[name], request, links) for name in FACET_FIELDS if name in result.facets
        ),
        timeline=present_timeline(result.histogram, refine.between, request.date_from, request.date_to),
        range=_range_form(request, links),
        canonical=links.search(request),
        json=links.api_search(request),
        feed=links.feed(replacing(request, per_page=20)),
        csv=links.export(replacing(request), ".csv"),
        indexable=not has_filters(request) and request.page == 1,
        ways_on=ways_on,
    )


def present_form(request: SearchRequest, links: Links, last_day: date | None = None) -> SearchForm:
    """Return the search form with what is asked filled in."""
    presets = []
    if last_day:
        for words, days in PRESETS:
            start = last_day - timedelta(days=days - 1)
            chosen = (request.date_from, request.date_to) == (start, last_day)
            href = links.search(replacing(request, date_from=start, date_to=last_day))
            presets.append(Link(say(words), href, current=chosen))
        if request.date_from and request.date_to and (before := _year_before(request.date_from, request.date_to)):
            href = links.search(replacing(request, date_from=before[0], date_to=before[1]))
            presets.append(Link(_("The same time a year before"), href))
    return SearchForm(
        action=links.search_form,
        q=request.q,
        date_from=first_day_text(request.date_from),
        date_to=last_day_text(request.date_to),
        hidden=tuple(
            (name, value)
            for name, value in args_from_request(request)
            if name not in FORM_CONTROLS or (name == "missing" and value not in FACET_FIELDS)
        )
        + tuple(links.language_args),
        presets=tuple(presets),
    )


def _range_form(request: SearchRequest, links: Links) -> SearchForm:
    """Return the form that takes other days for the same search."""
    kept = args_from_request(replacing(request, date_from=None, date_to=None, interval=""))
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


def present_facet(name: str, facet: Facet, request: SearchRequest, links: Links) -> FacetGroup:
    """Return one facet for the form: what is picked or excluded first, then the most frequent values, then "none"."""
    words = FIELD_WORDS[name]
    picked = [
        Box(name, bucket.value, bucket.value, f"{bucket.count:,}", checked=True)
        for bucket in facet.buckets
        if bucket.selected
    ]
    picked += [
        Box(f"not_{name}", value, _("not {value}", value=value), "", checked=True, negative=True)
        for value in getattr(request, f"not_{name}")
    ]
    none_picked = name in request.missing
    none_box = Box("missing", name, say(words.none), f"{facet.missing:,}", checked=none_picked)
    if none_picked:
        picked.append(none_box)
    others = [
        Box(
            name,
            bucket.value,
            bucket.value,
            f"{bucket.count:,}",
            exclude=f"not_{name}",
            exclude_label=_("not {value}", value=bucket.value),
        )
        for bucket in facet.buckets
        if not bucket.selected and not bucket.excluded
    ]
    last = [none_box] if facet.missing and not none_picked else []
    if request.facet_size == SearchRequest().facet_size:
        others = others[:VALUES_SHOWN]
    has_more = facet.total_values > len(others) + sum(bucket.selected for bucket in facet.buckets)
    return FacetGroup(
        field=name,
        title=say(words.one),
        picked=len(picked),
        boxes=tuple(picked + others + last),
        all_link=(
            Link(_(words.every_of, count=facet.total_values), links.facet_of(name, request)) if has_more else None
        ),
        match=request.context_match if name == "context" else "",
    )


def present_hit(hit: Hit, links: Links, refine: Refinements) -> HitLine:
    """Return a hit for the page. Its contexts lead to the same search with that context added."""
    # A context that is the topic again would only repeat the line above it.
    contexts = [context for context in hit.contexts if context != hit.topic]
    more = len(contexts) - CONTEXTS_A_HIT
    return HitLine(
        href=links.article(hit.path),
        long=len(hit.headline) > LONG_HEADLINE,
        headline=Markup(hit.headline_html),  # noqa: S704 - the engine has escaped all but its marks
        snippet=Markup(hit.snippet_html),  # noqa: S704 - as above
        found_in=tuple(
            # The engine has escaped all but its marks.
            markup(FOUND_IN[found.field], text=Markup(found.html))  # noqa: S704
            for found in hit.found_in
        ),
        date=Link(said_day(hit.date), links.day(hit.date)),
        iso_date=hit.date.isoformat(),
        topic=Link(hit.topic, refine.add("topic", hit.topic)) if hit.topic else None,
        sources=present_sources(hit.sources),
        contexts=tuple(Link(context, refine.add("context", context)) for context in contexts[:CONTEXTS_A_HIT]),
        more_contexts=_("and {count} more", count=more) if more > 0 else "",
        image=safe_url(hit.image),
        language=hit.language if hit.language != current_language().code else "",
        opinion=hit.kind != "news",
    )


def present_sources(sources: tuple[Source, ...]) -> tuple[SourceLine, ...]:
    """Return sources with their hosts; an address that may not stand in a link is left out."""
    return tuple(SourceLine(source.name, safe_url(source.url), url_host(source.url)) for source in sources)


def present_formats(address: str, has_file: bool) -> tuple[Link, ...]:
    """Return the other formats of the page at ``address`` (without ending); ``note`` is the type of each.

    has_file : whether the archive's own file can be had.
    """
    return tuple(
        Link(text, address + ending, note=mimetype) for ending, text, mimetype in FORMATS if has_file or ending != ".md"
    )


def page_numbers(page: int, pages: int) -> list[int]:
    """Return the page numbers that a pager shows, 0 where it leaves some out; the first and the last are always there.

    >>> page_numbers(5, 573)
    [1, 0, 3, 4, 5, 6, 7, 0, 573]
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


def _sorted_by(request: SearchRequest, sort: str) -> SearchRequest:
    default = replacing(request, sort="")
    return default if default.order == sort else replacing(request, sort=sort)


def _title(request: SearchRequest, total: str) -> str:
    title = _("{articles} for “{query}”", articles=total, query=shortened(request.q, 60)) if request.q else total
    return _("{title}, page {page:,}", title=title, page=request.page) if request.page > 1 else title
