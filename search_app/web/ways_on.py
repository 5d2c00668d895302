"""Ways on from a search that found nothing: smaller searches that do find something, each with its count.

In: the search and an engine. Out: links. Every count is that of the list it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..engine.request import SearchRequest
from ..engine.result import Engine
from .language import _
from .links import Links
from .presenters import Link, present_chips
from .state import VALUE_FIELDS, adding, has_filters, removing, replacing, without_filters
from .words import said_count

# Each way costs a count: enough of them to help, few enough to stay quick.
MOST_TRIED = 12
MOST_SHOWN = 6
PLAIN_WORDS = re.compile(r"[\w'’-]+(?: +[\w'’-]+){1,7}")


def find_ways_on(request: SearchRequest, engine: Engine, links: Links) -> tuple[Link, ...]:
    """Return the searches with one thing less that find something, best first in the order in which they are tried.

    Cost: one count of the engine for each way tried, ``MOST_TRIED`` at most.
    """
    found: list[Link] = []
    for tried, (text, smaller) in enumerate(_smaller_searches(request, links)):
        if tried == MOST_TRIED or len(found) == MOST_SHOWN:
            break
        result = engine.search(replacing(smaller, per_page=0, facets=(), histogram=False))
        if result.total and not result.relaxed:
            found.append(Link(text, links.search(smaller), note=said_count(result.total)))
    return tuple(found)


def _smaller_searches(request: SearchRequest, links: Links) -> Iterator[tuple[str, SearchRequest]]:
    chips = present_chips(request, links)
    filters = [(name, value) for name in VALUE_FIELDS for value in getattr(request, name)]
    # The chips stand in the order of the filters, the dates last.
    for chip, (name, value) in zip(chips, filters, strict=False):
        yield _("The same without “{filter}”", filter=chip.words), removing(request, name, value)
    if request.date_from or request.date_to:
        yield _("The same at any date"), replacing(request, date_from=None, date_to=None)
    if len(chips) > 2:
        for chip, (name, value) in zip(chips, filters, strict=False):
            yield (
                _("The same with no filter but “{filter}”", filter=chip.words),
                adding(without_filters(request), name, value),
            )
    if has_filters(request) and request.q:
        if len(chips) > 1:
            yield _("The same without any filter"), without_filters(request)
        yield _("The same without the words, filters kept"), replacing(request, q="")
    if '"' in request.q:
        yield (
            _("The same with the words in any place, not as a phrase"),
            replacing(request, q=request.q.replace('"', " ").strip()),
        )
    elif PLAIN_WORDS.fullmatch(request.q):
        words = request.q.split()
        for position, word in enumerate(words):
            yield (
                _("The same without “{filter}”", filter=word),
                replacing(request, q=" ".join(words[:position] + words[position + 1 :])),
            )
