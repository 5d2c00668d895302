"""Pages as the parser gives them to the linker, made by a few words each."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

from search_app.archive.model import (
    DAY,
    FRONT,
    NEWS,
    Article,
    Edge,
    LinkedArchive,
    Listing,
    Page,
    Source,
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


def random_pages(rng: random.Random) -> list[Page]:
    """A small archive with all the disorder that the rules speak of."""
    slugs = "abcdefgh"[: rng.randint(1, 8)]
    days = (4, 5)
    names = ("Kestria", "kestria", "KESTRIA", "Ardenia", "Sel", "sel", "Halvik", "Port strike", "2031")

    def contexts() -> tuple[str, ...]:
        return tuple(dict.fromkeys(rng.choice(names) for _ in range(rng.randint(0, 3))))

    def anywhere() -> str:
        return path(rng.choice(slugs + "xyz"), rng.choice(days)) if rng.random() < 0.95 else ""

    def versions() -> tuple[Version, ...]:
        times = ("", "2031-05-01 10:00:00", "2031-06-01 10:00:00", "2031-07-01 10:00:00")
        return tuple(
            Version(
                anywhere() or path("a"),
                rng.choice("HIJ"),
                rng.choice(times),
                rng.choice(("", "First version")),
                rng.random() < 0.4,
            )
            for _ in range(rng.choice((0, 0, 0, 0, 1, 2, 3)))
        )

    pages = []
    for slug in slugs:
        for day in days:
            if rng.random() < 0.25:
                continue
            headline = rng.choice(("", "", "", "T: ", "T. ", "U: T: ")) + rng.choice(
                ("Cranes", "Floods", "Snow", "Ash")
            )
            edges = tuple(
                Edge(target, contexts(), f"Of {target[-4:]}" if target else "")
                for target in (anywhere() for _ in range(rng.randint(0, 4)))
            )
            fields: dict[str, Any] = {"headline": headline, "edges": edges, "versions": versions()}
            fields["topic"] = rng.choice(("", "", "Port strike", "port strike", "Kestria"))
            fields["sources"] = (Source("Courier", f"https://courier.example/{slug}"),)
            pages.append(news(slug, day, **fields))
            if rng.random() < 0.05:
                pages.append(
                    news(slug, day, **(fields | {"file": f"news/2031/3/{day}/{slug}.md", "headline": "Stray"}))
                )
    for day in days:
        items = tuple(
            Listing(anywhere() or path("a"), rng.choice(("", "Sel")), contexts()) for _ in range(rng.randint(0, 3))
        )
        pages += [listing(day, *items)] if rng.random() < 0.8 else []
        pages += [listing(day, *items, name="README.md")] if rng.random() < 0.8 else []
    if rng.random() < 0.5:
        pages.append(Page(FRONT, "/", "index.md", "en", listings=(Listing(path("a"), "Front", contexts()),)))
    return pages
