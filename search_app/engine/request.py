"""The first half of the seam: what is asked of an engine, as plain frozen records.

Knows nothing of addresses, parameters or arrays: ``web`` and ``cli`` make these, an engine answers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

FACET_FIELDS = ("topic", "context", "source")
MISSING_FIELDS = ("topic", "context", "source", "summary")
SORTS = ("relevance", "newest", "oldest")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search.

    q : query text as typed, ``""`` for none; its language is that of ``engine.query``.
    topic, source : selected facet values; several are *any of*.
    context : selected facet values; several are *all of*, or *any of* with ``context_match="any"``.
    not_topic, not_context, not_source : excluded facet values; a document with any of them is out.
    missing : fields of ``MISSING_FIELDS`` that a document must lack; of a facet whose values are *any of*, none is one
    value more.
    date_from, date_to : calendar days, both included; None leaves that end open.
    sort : one of ``SORTS``; ``""`` takes relevance where there is a ``q``, else newest.
    page : from 1. per_page : 0 asks for counts only.
    facet_size : values a facet. facets : which facets to count; ``()`` counts none.
    explain : also tell what the score of each hit is made of.
    as_typed : never search for words other than those typed.
    interval : ``"day"``, ``"month"``, ``"year"``, or ``""`` to follow the span of the hits.
    after : go on after the hit that a result's ``next`` names, instead of at ``page``; ``""`` does not.
    generation : the one to search in, which may be gone; 0 for the newest.
    half_life : in the order of relevance, days in which the part of a score that fades with age halves; 0: age does not
    matter.
    anew : work the answer out though it was given before: for those who ask whether it can be.
    changes : also tell, for each bar of the histogram, when the last of its articles changed.
    """

    q: str = ""
    topic: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    not_topic: tuple[str, ...] = ()
    not_context: tuple[str, ...] = ()
    not_source: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    context_match: str = "all"
    date_from: date | None = None
    date_to: date | None = None
    sort: str = ""
    page: int = 1
    per_page: int = 20
    facet_size: int = 20
    facets: tuple[str, ...] = FACET_FIELDS
    histogram: bool = True
    as_typed: bool = False
    explain: bool = False
    interval: str = ""
    changes: bool = False
    half_life: int = 0
    after: str = ""
    generation: int = 0
    anew: bool = False

    @property
    def order(self) -> str:
        """The sort in force: ``sort``, or its default."""
        return self.sort or self.usual_order

    def takes_any(self, field: str) -> bool:
        """Tell whether one of the selected values of a facet will do: then its lack is one of them, if asked for."""
        return field in FACET_FIELDS and not (field == "context" and self.context_match == "all")

    @property
    def usual_order(self) -> str:
        """The sort in force where none is asked for."""
        return "relevance" if self.q.strip() else "newest"


@dataclass(frozen=True, slots=True)
class FacetRequest:
    """All values of one facet for one search, paged.

    search : the search whose hits are counted (its page, sort and facets do not matter).
    field : one of ``FACET_FIELDS``.
    prefix : only values with a word that begins so, accents and case apart; ``""`` for all.
    sort : ``"count"`` (then name) or ``"name"``.
    """

    search: SearchRequest
    field: str
    prefix: str = ""
    sort: str = "count"
    page: int = 1
    per_page: int = 100
