"""Pages as the parser gives them to the linker, made by a few words each."""

from __future__ import annotations

from datetime import date
from typing import Any

from search_app.archive.model import (
    DAY,
    NEWS,
    Article,
    Edge,
    LinkedArchive,
    Listing,
    Page,
    Version,
)

DAY_ONE = date(2031, 3, 4)


def news(slug: str, day: int = 4, **fields: Any) -> Page:
    path = f"/news/2031/03/{day}/{slug}"
    plain: dict[str, Any] = {
        "kind": NEWS,
        "path": path,
        "file": path[1:] + ".md",
        "language": "en",
        "date": date(2031, 3, day),
        "headline": f"Headline {slug}",
    }
    return Page(**(plain | fields))


def listing(day: int, *items: Listing, name: str = "index.md") -> Page:
    folder = f"news/2031/03/{day}"
    return Page(DAY, f"/{folder}", f"{folder}/{name}", "en", date(2031, 3, day), listings=items)


def path(slug: str, day: int = 4) -> str:
    return f"/news/2031/03/{day}/{slug}"


def edge(slug: str, *contexts: str, day: int = 4, headline: str = "") -> Edge:
    return Edge(path(slug, day), contexts, headline)


def version(slug: str, changed: str = "", note: str = "", current: bool = False) -> Version:
    return Version(path(slug), f"Headline {slug}", changed, note, current)


def by_slug(linked: LinkedArchive) -> dict[str, Article]:
    return {article.path.rpartition("/")[2]: article for article in linked.articles}
