"""Ways on from a search that found nothing: smaller searches that do find something, each with its count.

In: the engine's result. Out: links. Every count is that of the list it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.request import SearchRequest
from ..engine.result import Engine, SearchResult, WayOn
from .language import _
from .links import Links
from .presenters import present_chips
from .records import Link
from .state import has_filters, replacing, without_filters
from .words import said_count


def find_ways_on(result: SearchResult, engine: Engine, links: Links) -> tuple[Link, ...]:
    """Return the searches that find something with one condition less, then those with none of several.

    Cost: the first stand in the result; one count of the engine for each of the others, two at most.
    """
    request = result.request
    found = [
        Link(_way_words(way, request, links), links.search(way.request), note=said_count(way.total))
        for way in result.ways_on
    ]
    for text, wider in _wider_searches(request, links):
        counted = engine.search(replacing(wider, per_page=0, facets=(), histogram=False, as_typed=True))
        if counted.total and not counted.relaxed:
            found.append(Link(text, links.search(replacing(wider, as_typed=True)), note=said_count(counted.total)))
    return tuple(found)


def _way_words(way: WayOn, request: SearchRequest, links: Links) -> str:
    if way.part == "date":
        return _("The same at any date")
    if way.part != "word":
        # What a smaller search lacks is what its own chips lack.
        kept = {chip.words for chip in present_chips(way.request, links)}
        gone = [chip.words for chip in present_chips(request, links) if chip.words not in kept]
        return _("The same without “{filter}”", filter=" · ".join(gone) or way.value)
    if not way.request.q:
        return _("The same without the words, filters kept")
    return _("The same without “{filter}”", filter=way.value)


def _wider_searches(request: SearchRequest, links: Links) -> Iterator[tuple[str, SearchRequest]]:
    if has_filters(request) and request.q and len(present_chips(request, links)) > 1:
        yield _("The same without any filter"), without_filters(request)
    if '"' in request.q:
        yield (
            _("The same with the words in any place, not as a phrase"),
            replacing(request, q=request.q.replace('"', " ").strip()),
        )
