"""The engine room: a request to a result.

Hands out the seam (``SearchRequest``, ``SearchResult``, ``Engine``) and ``open_engine``, which opens the engine
that the settings name. Nothing above it knows how an engine works.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import SettingsError
from ..settings import Settings
from .request import FACET_FIELDS, MISSING_FIELDS, SORTS, FacetRequest, SearchRequest
from .result import (
    ArticleView,
    Bucket,
    Engine,
    Facet,
    FacetPage,
    Histogram,
    HistogramBar,
    Hit,
    HitStream,
    RelatedArticle,
    SearchResult,
    Suggestion,
)

EMBEDDED, OPENSEARCH = "embedded", "opensearch"


def open_engine(index_dir: Path, settings: Settings | None = None) -> Engine:
    """Return the engine that the settings name, the embedded one without settings; it raises until there is an index.

    index_dir : folder of the embedded engine's index, which need not exist yet; an engine on a cluster needs none.
    Raises SettingsError for an engine that does not exist or cannot be used. Cost: nothing before the first search.
    """
    if settings is None or engine_name(settings) == EMBEDDED:
        # Imported where it is wanted: a build asks for none of it.
        from .embedded import EmbeddedEngine

        return EmbeddedEngine(index_dir, settings)
    # Imported where it is wanted: the client library is no part of the default install.
    from .opensearch.engine import OpenSearchEngine

    return OpenSearchEngine(settings)


def engine_name(settings: Settings) -> str:
    """Return the name of the engine that the settings ask for. Raises SettingsError for an unknown one."""
    name = settings.text("engine").strip().lower()
    if name not in (EMBEDDED, OPENSEARCH):
        raise SettingsError(
            "engine", f"SEARCH_APP_ENGINE is “{settings.text('engine')}”; it takes {EMBEDDED} or {OPENSEARCH}."
        )
    return name


__all__ = [
    "EMBEDDED",
    "FACET_FIELDS",
    "MISSING_FIELDS",
    "OPENSEARCH",
    "SORTS",
    "ArticleView",
    "Bucket",
    "Engine",
    "Facet",
    "FacetPage",
    "FacetRequest",
    "Histogram",
    "HistogramBar",
    "Hit",
    "HitStream",
    "RelatedArticle",
    "SearchRequest",
    "SearchResult",
    "Suggestion",
    "engine_name",
    "open_engine",
]
