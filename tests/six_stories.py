"""Six articles whose filters and counts can be told by looking at them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from search_app.archive.model import Article, Source

Make = Callable[..., Article]


def six_stories(make_article: Make) -> tuple[Article, ...]:
    """Return six articles, oldest first: topics A, A, B, B, C and none; contexts and sources across them."""

    def story(n: int, topic: str, contexts: str, sources: str, summary: str = "") -> Article:
        return make_article(
            headline=f"Story {n}",
            date=date(2031, 3, n),
            topic=topic,
            contexts=tuple(contexts),
            sources=tuple(Source(name) for name in sources),
            summary=summary,
        )

    return (
        story(1, "A", "XY", "P", "quay"),
        story(2, "A", "X", "Q"),
        story(3, "B", "XY", "PQ", "quay"),
        story(4, "B", "", "P"),
        story(5, "C", "Y", ""),
        story(6, "", "X", "R", "quay"),
    )
