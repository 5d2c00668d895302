"""One article with its surroundings: related articles, its neighbours in time within the topic, articles like it.

In: a snapshot and a path. Out: an ``ArticleView``.
"""

from __future__ import annotations

import re
from datetime import date

import numpy as np

from ..archive.model import Article
from ..index.generation import Snapshot
from .result import ArticleView, RelatedArticle
from .similar import find_similar

_DAY_IN_PATH = re.compile(r"/(\d{4})/(\d{1,2})/(\d{1,2})/")


def view_article(snapshot: Snapshot, path: str) -> ArticleView | None:
    """Return the article of a site path with everything needed to show it, or None where no live document has it.

    Cost: one stored block for each article beside it, and that of ``find_similar``.
    """
    found = snapshot.find(path)
    if found is None:
        return None
    article = found[0].article(found[1])
    related = tuple(_related(snapshot, link.path, link.headline, link.contexts) for link in article.related)
    before, after = _neighbours(snapshot, article)
    dates = snapshot.dates[snapshot.segments.index(found[0])]
    listed = {link.path for link in (*related, before, after) if link} | {version.path for version in article.versions}
    return ArticleView(
        article=article,
        related=related,
        previous=before,
        next=after,
        first_seen=dates.first_seen(found[1]),
        last_changed=dates.last_changed(found[1]),
        similar=find_similar(snapshot, article, listed),
    )


def _related(snapshot: Snapshot, path: str, headline: str, contexts: tuple[str, ...]) -> RelatedArticle:
    found = snapshot.find(path)
    if found is None:
        return RelatedArticle(path, headline, day_of_path(path), contexts, False)
    other = found[0].article(found[1], related=False)
    return RelatedArticle(path, other.headline, other.date, contexts, True)


def day_of_path(path: str) -> date | None:
    """Return the day that a site path names, None where it names none."""
    match = _DAY_IN_PATH.search(path + "/")
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _neighbours(snapshot: Snapshot, article: Article) -> tuple[RelatedArticle | None, RelatedArticle | None]:
    """Return the articles of the same topic just before and just after this one, by day, then by path."""
    if not article.topic:
        return None, None
    own = (article.date.toordinal(), article.path)
    before: tuple[int, str] | None = None
    after: tuple[int, str] | None = None
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        value = segment.columns["topic"].find(article.topic)
        if value < 0 or segment.columns["topic"].values[value] != article.topic:
            continue
        docs = segment.columns["topic"].docs_of(value)
        docs = docs if live is None else docs[live[docs]]
        days = segment.days[docs].astype(np.int64)
        # Newest first, and by path within a day: only the day itself and the nearest days around it can matter.
        same = docs[days == own[0]]
        newer, older = docs[days > own[0]], docs[days < own[0]]
        near = list(same)
        if len(newer):
            near += list(newer[segment.days[newer] == segment.days[newer[-1]]])
        if len(older):
            near += list(older[segment.days[older] == segment.days[older[0]]])
        for doc in near:
            key = int(segment.days[doc]), segment.path_of(int(doc))
            if key < own and (before is None or key > before):
                before = key
            if key > own and (after is None or key < after):
                after = key
    return _neighbour(snapshot, before), _neighbour(snapshot, after)


def _neighbour(snapshot: Snapshot, key: tuple[int, str] | None) -> RelatedArticle | None:
    return _related(snapshot, key[1], "", ()) if key else None
