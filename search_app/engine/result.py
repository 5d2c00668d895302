"""The second half of the seam: what an engine answers, as plain frozen records, and the protocol every engine keeps.

No Whoosh object, no numpy array and no address of the web is in here. What a search makes by the dozen is a named
tuple, which is made four times as fast as a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from ..archive.model import Article, Source
from .request import FacetRequest, SearchRequest

Made = TypeVar("Made", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Found:
    """A value of a hit that holds words of the query. field : topic, context or source; html : escaped, with marks."""

    field: str
    html: str


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A part of a hit's score.

    kind : ``"word"`` (one that was typed, or of a question, one that belongs to it), ``"as typed"`` (what a word gains
    for standing so), ``"pattern"``, ``"nearness"`` of words, ``"headline"`` (it is the query), ``"agreement"`` with
    other good partial matches, or, below 0, ``"recency"`` (what age takes away, where the request asks for that).
    field, text : where and which word; ``""`` where that says nothing.
    """

    kind: str
    field: str
    text: str
    worth: float


class Hit(NamedTuple):
    """A matched document on a page.

    headline_html, snippet_html : escaped text in which only ``<mark>`` and ``</mark>`` are markup.
    score : what it was ranked by; 0.0 where the order is by date.
    found_in : where else words of the query stand, for a hit that shows none of them in headline and extract.
    score_parts : what its score is made of, greatest first; only where the request asked for it.
    partial : whether it lacks some of the words (only in a relaxed result).
    first_seen, last_changed : when a build first found it, and last found it new or changed; None where nobody saw
    that, as for whatever the first build found.
    """

    path: str
    date: date
    kind: str
    language: str
    headline: str
    summary: str
    topic: str
    contexts: tuple[str, ...]
    sources: tuple[Source, ...]
    image: str
    headline_html: str
    snippet_html: str
    score: float
    partial: bool = False
    score_parts: tuple[ScorePart, ...] = ()
    found_in: tuple[Found, ...] = ()
    first_seen: datetime | None = None
    last_changed: datetime | None = None

    @classmethod
    def of(
        cls,
        article: Article,
        headline_html: str,
        snippet_html: str,
        score: float,
        *,
        seen: tuple[datetime | None, datetime | None],
        partial: bool = False,
        found_in: tuple[Found, ...] = (),
    ) -> Hit:
        """Return an article as a hit. seen : when it was first seen and last changed; the rest as the fields say."""
        return cls(
            path=article.path,
            date=article.date,
            kind=article.kind,
            language=article.language,
            headline=article.headline,
            summary=article.summary,
            topic=article.topic,
            contexts=article.contexts,
            sources=article.sources,
            image=article.image,
            headline_html=headline_html,
            snippet_html=snippet_html,
            score=score,
            partial=partial,
            found_in=found_in,
            first_seen=seen[0],
            last_changed=seen[1],
        )


def made_of(kind: type[Made], *columns: Iterable[Any]) -> tuple[Made, ...]:
    """Return named tuples of the values of their columns, all given. A third of the time of calling the class."""
    return tuple(map(partial(tuple.__new__, kind), zip(*columns)))  # noqa: B905  # a column may repeat without end


class Bucket(NamedTuple):
    """One value of a facet: how many articles ticking it leads to (a context: how many hits have it)."""

    value: str
    count: int  # type: ignore[assignment]  # a tuple's own count() is of no use here
    selected: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one facet, by count, then name; selected ones always among them.

    missing : hits without any value. total_values : how many values have a count above 0.
    """

    buckets: tuple[Bucket, ...] = ()
    missing: int = 0
    total_values: int = 0


class HistogramBar(NamedTuple):
    """One span of days: its first day and how many hits fall into it.

    last_changed : when the last of them changed, where the request asked for it and somebody saw it.
    no_data : whether the archive has no article of these days at all, so that the count says nothing.
    """

    start: date
    count: int  # type: ignore[assignment]  # as above
    last_changed: datetime | None = None
    no_data: bool = False


@dataclass(frozen=True, slots=True)
class Histogram:
    """Hits over time, every span between first and last hit included, at 0 too; the counts add up to the total."""

    interval: str = "year"
    bars: tuple[HistogramBar, ...] = ()


@dataclass(frozen=True, slots=True)
class WayOn:
    """A search with one condition less than one that found nothing.

    total : its hits, exactly. part : what gave way, ``"word"`` for a part of the query, ``"date"``, ``"missing"``, or a
    facet (``"topic"``, ``"not_topic"``, …). value : the part or value itself; of several that any would do, the first.
    """

    request: SearchRequest
    total: int
    part: str
    value: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """An engine's answer.

    total : all matches, not those shown. pages : how many pages they fill, 0 for none.
    relaxed : no article has all the words; the hits are the best partial matches.
    partial : the best partial matches beside a first page of too few hits; in no total, facet or page.
    did_you_mean : a query with words of the archive for words that it does not hold, where that finds more.
    corrected : the query that was answered in place of the one typed, since that one finds nothing; ``""`` for none.
    ways_on : where nothing was found, the three searches with one condition less that find most.
    understood : the query in plain words, ``""`` without one. warnings : what was ignored or guessed, a sentence each.
    missing : hits without topic, context, source, summary, by field.
    next : the place after the last of ``hits``, for ``SearchRequest.after``; ``""`` where no hit follows.
    """

    request: SearchRequest
    total: int
    pages: int
    hits: tuple[Hit, ...]
    facets: dict[str, Facet] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    histogram: Histogram = Histogram()
    partial: tuple[Hit, ...] = ()
    relaxed: bool = False
    did_you_mean: str | None = None
    corrected: str = ""
    ways_on: tuple[WayOn, ...] = ()
    understood: str = ""
    warnings: tuple[str, ...] = ()
    generation: int = 0
    took_ms: float = 0.0
    next: str = ""


@dataclass(frozen=True, slots=True)
class HitStream:
    """Every hit of a search, in the order of its pages, from one generation. ``hits`` can be walked through once; their
    ``headline_html`` and ``snippet_html`` are without marks.

    total, relaxed, understood, warnings, generation : as in ``SearchResult``.
    """

    request: SearchRequest
    total: int
    hits: Iterator[Hit]
    relaxed: bool = False
    understood: str = ""
    warnings: tuple[str, ...] = ()
    generation: int = 0


@dataclass(frozen=True, slots=True)
class FacetPage:
    """A page of all values of one facet."""

    field: str
    buckets: tuple[Bucket, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion of what was typed. kind : ``topic``, ``context``, ``source`` or ``word``; count : its articles."""

    text: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class RelatedArticle:
    """A related article as it can be shown; ``known`` tells whether the archive holds it."""

    path: str
    headline: str
    date: date | None
    contexts: tuple[str, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class SimilarArticle:
    """An article like another. ``article.contexts`` are those that both have, the rarest first.

    same_topic : whether the topic is the same too. words : what both headlines have, the rarest first.
    """

    article: RelatedArticle
    same_topic: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArticleView:
    """One article with what is needed to show it.

    previous, next : the articles before and after it in time within its topic; None at the ends or without a topic.
    first_seen, last_changed : as of a ``Hit``.
    similar : the articles that share most with it, best first, none of those above among them.
    """

    article: Article
    related: tuple[RelatedArticle, ...]
    previous: RelatedArticle | None = None
    next: RelatedArticle | None = None
    first_seen: datetime | None = None
    last_changed: datetime | None = None
    similar: tuple[SimilarArticle, ...] = ()


class Engine(Protocol):
    """What everything above the index speaks to. Every method is safe to call from any thread.

    Raises QueryError for a request that cannot be answered, PageNotFoundError for a page past the last,
    IndexMissingError while there is no index.
    """

    def search(self, request: SearchRequest) -> SearchResult:
        """Answer one search."""
        ...

    def stream(self, request: SearchRequest) -> HitStream:
        """Answer every hit of a search, whatever its page, in memory that does not grow with their number."""
        ...

    def facet(self, request: FacetRequest) -> FacetPage:
        """Answer all values of one facet, paged."""
        ...

    def suggest(self, prefix: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """Return what typed text may become, the most frequent first."""
        ...

    def article(self, path: str) -> ArticleView | None:
        """Return the article of a site path without ending, or None. Does not follow superseded paths."""
        ...

    def current_path(self, path: str) -> str | None:
        """Return the path of the current version of a superseded path, or None."""
        ...

    def status(self) -> dict[str, Any]:
        """Return figures about the index served: articles, first and last day, generation, when built, bytes."""
        ...

    def close(self) -> None:
        """Give back what the engine holds. Searching afterwards is a programming mistake."""
        ...


def hold(engine: Engine) -> Engine:
    """Return an engine that answers several questions from one generation, where an engine can; else itself.

    Raises IndexMissingError where an engine that can has no index.
    """
    # Asked of the class: what merely hands its calls on to an engine must not be left out.
    held = getattr(type(engine), "held", None)
    return cast(Engine, held(engine)) if held else engine
