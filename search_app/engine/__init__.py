"""The engine room: a request to a result.

Hands out the seam (``SearchRequest``, ``SearchResult``, ``Engine``) and ``open_engine``, which opens the engine
that the settings name. Nothing above it knows how an engine works.
"""

from __future__ import annotations

from pathlib import Path

from ..settings import Settings
from .embedded import EmbeddedEngine
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


def open_engine(index_dir: Path, settings: Settings | None = None) -> Engine:
    """Return an engine on the index in a folder, which need not exist yet: searching raises until it does.

    Cost: nothing before the first search.
    """
    return EmbeddedEngine(index_dir, settings)


__all__ = [
    "FACET_FIELDS",
    "MISSING_FIELDS",
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
    "open_engine",
]
