"""The archive as tools for assistants: search, article and facet over the Model Context Protocol.

In: an engine; then calls of tools, as an assistant makes them. Out: plain dicts, short enough to be read by one. Reads
only; takes what the addresses of the API take, checked by the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field
from werkzeug.datastructures import MultiDict

from . import __version__
from .engine import open_engine
from .engine.request import FacetRequest
from .engine.result import Engine, Hit
from .errors import QueryError, SearchAppError
from .settings import Settings
from .web.answers import article_answer, query_answer
from .web.links import Links
from .web.state import SearchState, read_state, replacing

HITS, MOST_HITS = 10, 50
VALUES, MOST_VALUES = 20, 100
FACET_VALUES = 8
_NAMES = {"from": "since", "to": "until"}

Words = Annotated[
    str,
    Field(
        description='Query text: words (all must match), "a phrase", OR, NOT or -word, parentheses, word*, word~ '
        "(fuzzy), headline:word. Empty for everything."
    ),
]
Names = list[str]
Topics = Annotated[Names, Field(description="Only these topics, as facet names them; any of them.")]
Contexts = Annotated[Names, Field(description="Only with all of these contexts, as facet names them.")]
Sources = Annotated[Names, Field(description="Only from these sources, as facet names them; any of them.")]
Day = Annotated[str, Field(description="A day, month or year: 2017-01-16, 2017-01, 2017, last week. Included.")]


class Tools:
    """What an assistant can ask. Each method is a tool; its docstring is what the assistant reads."""

    def __init__(self, engine: Engine, settings: Settings, today: Callable[[], date] = date.today) -> None:
        self._engine = engine
        self._settings = settings
        self._today = today

    def search(
        self,
        q: Words = "",
        topic: Topics = [],  # noqa: B006 - never changed
        context: Contexts = [],  # noqa: B006
        source: Sources = [],  # noqa: B006
        since: Day = "",
        until: Day = "",
        sort: Annotated[
            Literal["", "relevance", "newest", "oldest"],
            Field(description="relevance where there is a q, else newest, unless told otherwise."),
        ] = "",
        page: Annotated[int, Field(description="Page of the hits, from 1.")] = 1,
        limit: Annotated[int, Field(description=f"Hits a page, up to {MOST_HITS}; 0 for the counts alone.")] = HITS,
    ) -> dict[str, Any]:
        """Search the news archive: articles, how many there are in all, and exact counts.

        Answers total, pages, the hits of one page, the most frequent topics, contexts and sources among all hits,
        and hits a year or month. relaxed means that no article has all the words and the hits have some of them.
        """
        if not 0 <= limit <= MOST_HITS:
            raise QueryError("limit", str(limit), f"It takes a whole number from 0 to {MOST_HITS}.")
        state = self._state(q, topic, context, source, since, until, sort=sort, page=str(page))
        result = self._engine.search(replacing(state.request, page=page, per_page=limit, facet_size=FACET_VALUES))
        return {
            "query": query_answer(result.request),
            "total": result.total,
            "page": page,
            "pages": result.pages,
            "relaxed": result.relaxed,
            "warnings": [*state.notes, *result.warnings],
            "hits": [_hit(hit) for hit in result.hits],
            "facets": {
                name: {bucket.value: bucket.count for bucket in facet.buckets} for name, facet in result.facets.items()
            },
            "histogram": {bar.start.isoformat(): bar.count for bar in result.histogram.bars if bar.count},
        }

    def article(
        self, path: Annotated[str, Field(description="The id of a hit: /news/2017/01/16/some-words.")]
    ) -> dict[str, Any]:
        """Read one article: headline, summary, sources with their addresses, its contexts, and related articles.

        An older version's path gives the current one.
        """
        plain = "/" + path.strip().lstrip("/").removesuffix(".html").removesuffix(".json").removesuffix(".md")
        view = self._engine.article(plain) or self._engine.article(self._engine.current_path(plain) or "")
        if view is None:
            raise QueryError("path", path, "It takes the id of a hit, as search gives it.")
        answer = article_answer(view, Links())
        for name in ("url", "image"):
            del answer[name]
        return answer

    def facet(
        self,
        field: Annotated[Literal["topic", "context", "source"], Field(description="What to count.")],
        q: Words = "",
        topic: Topics = [],  # noqa: B006
        context: Contexts = [],  # noqa: B006
        source: Sources = [],  # noqa: B006
        since: Day = "",
        until: Day = "",
        prefix: Annotated[str, Field(description="Only values with a word that begins so.")] = "",
        page: Annotated[int, Field(description="Page of the values, from 1.")] = 1,
        limit: Annotated[int, Field(description=f"Values a page, up to {MOST_VALUES}.")] = VALUES,
    ) -> dict[str, Any]:
        """Count the articles of a search by topic, context or source, the most frequent first: exact, all values."""
        if not 1 <= limit <= MOST_VALUES:
            raise QueryError("limit", str(limit), f"It takes a whole number from 1 to {MOST_VALUES}.")
        state = self._state(q, topic, context, source, since, until, page=str(page))
        found = self._engine.facet(
            FacetRequest(replacing(state.request), field, prefix=prefix, page=page, per_page=limit)
        )
        return {
            "field": field,
            "total_values": found.total,
            "page": page,
            "pages": found.pages,
            "values": {bucket.value: bucket.count for bucket in found.buckets},
            "warnings": list(state.notes),
        }

    def _state(
        self, q: str, topic: Names, context: Names, source: Names, since: str, until: str, **others: str
    ) -> SearchState:
        given = [("q", q), ("from", since), ("to", until), *others.items()]
        given += [("topic", value) for value in topic] + [("context", value) for value in context]
        given += [("source", value) for value in source]
        return read_state(MultiDict(given), self._today(), self._settings)


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.path,
        "date": hit.date.isoformat(),
        "headline": hit.headline,
        "summary": hit.summary,
        "topic": hit.topic,
        "contexts": list(hit.contexts),
        "sources": [source.name for source in hit.sources],
    }


def _told(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a tool whose troubles are sentences for the assistant. Its signature and docstring stay."""

    @wraps(tool)
    def call(*args: Any, **given: Any) -> dict[str, Any]:
        try:
            return tool(*args, **given)
        except QueryError as error:
            raise ToolError(
                str(QueryError(_NAMES.get(error.parameter, error.parameter), error.value, error.expected))
            ) from None
        except SearchAppError as error:
            raise ToolError(str(error)) from None

    return call


def make_server(engine: Engine, settings: Settings, today: Callable[[], date] = date.today) -> MCPServer[Any]:
    """Return a server with the tools. Raises IndexMissingError where there is no index."""
    status = engine.status()
    server: MCPServer[Any] = MCPServer(
        "search-app",
        title=settings.text("site_name"),
        instructions=(
            f"{settings.text('site_name')}: {status['articles']:,} news articles from {status['first_day']} to "
            f"{status['last_day']}. search finds articles, article reads one, facet counts topics, contexts and "
            "sources. Counts are exact. Cite articles by date, headline and source."
        ),
        version=__version__,
        # Anything below is told to the assistant; stderr is for what nobody foresaw.
        log_level="ERROR",
    )
    tools = Tools(engine, settings, today)
    for tool in (tools.search, tools.article, tools.facet):
        server.add_tool(_told(tool), annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
    return server


def serve_assistants(settings: Settings) -> None:
    """Answer one assistant on stdin and stdout until it closes them."""
    engine = open_engine(Path(settings.text("index")), settings)
    try:
        make_server(engine, settings).run("stdio")
    finally:
        engine.close()
