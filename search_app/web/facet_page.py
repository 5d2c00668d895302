"""The page of all values of one facet: narrowed by a prefix, in the order of counts or names, paged.

In: the engine's page of values. Out: a frozen record for the template.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..engine.request import FacetRequest, SearchRequest
from ..engine.result import FacetPage
from .language import _, say
from .links import Links, Refinements
from .presenters import page_numbers, present_chips
from .records import Chip, Link, SearchForm
from .state import args_from_request, removing, replacing
from .words import FIELD_WORDS


@dataclass(frozen=True, slots=True)
class ValueLine:
    """A value: ``href`` adds it to the search (or takes it out where it is ``selected``), ``exclude`` leaves it out."""

    value: str
    count: str
    href: str
    exclude: str
    selected: bool


@dataclass(frozen=True, slots=True)
class FacetValuesPage:
    """Everything on the page."""

    field: str
    form: SearchForm
    total: str
    search: Link
    chips: tuple[Chip, ...]
    action: str
    prefix: str
    hidden: tuple[tuple[str, str], ...]
    orders: tuple[Link, ...]
    values: tuple[ValueLine, ...]
    none: Link | None
    pager: tuple[Link, ...]
    previous: str
    next: str


def present_facet_page(asked: FacetRequest, answer: FacetPage, missing: int, links: Links) -> FacetValuesPage:
    """Return the page for a template.

    missing : articles without any value, of those that the values are counted over; 0 where nobody wants to know.
    """
    search = replacing(asked.search, per_page=20)
    refine = Refinements(links, search)
    words = FIELD_WORDS[asked.field]
    hidden = args_from_request(search) + links.language_args
    if asked.sort != "count":
        hidden.append(("order", asked.sort))
    orders = {"count": _("Most articles first"), "name": _("A to Z")}
    return FacetValuesPage(
        field=asked.field,
        form=_whole_form(search, links),
        total=say(words.count(answer.total)),
        search=Link(_("Back to the results"), links.search(search)),
        chips=present_chips(search, links),
        action=links.facet(FacetRequest(search=SearchRequest(), field=asked.field)),
        prefix=asked.prefix,
        hidden=tuple(hidden),
        orders=tuple(
            Link(text, links.facet(replace(asked, sort=order, page=1)), current=asked.sort == order)
            for order, text in orders.items()
        ),
        values=tuple(
            ValueLine(
                value=bucket.value,
                count=f"{bucket.count:,}",
                href=(
                    links.search(removing(search, asked.field, bucket.value))
                    if bucket.selected
                    else refine.add(asked.field, bucket.value)
                ),
                exclude="" if bucket.selected else refine.add(f"not_{asked.field}", bucket.value),
                selected=bucket.selected,
            )
            for bucket in answer.buckets
        ),
        none=(
            Link(say(words.none), refine.add("missing", asked.field), note=f"{missing:,}")
            if missing and asked.field not in search.missing
            else None
        ),
        pager=tuple(
            Link(f"{page:,}", links.facet(replace(asked, page=page)), current=page == answer.page)
            if page
            else Link("…")
            for page in page_numbers(answer.page, answer.pages)
        ),
        previous=links.facet(replace(asked, page=answer.page - 1)) if answer.page > 1 else "",
        next=links.facet(replace(asked, page=answer.page + 1)) if answer.page < answer.pages else "",
    )


def _whole_form(search: SearchRequest, links: Links) -> SearchForm:
    """Return the search form of a page without filter controls: every filter travels in a hidden field."""
    kept = args_from_request(replacing(search, q="")) + links.language_args
    return SearchForm(links.search_form, search.q, "", "", tuple(kept))
