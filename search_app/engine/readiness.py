"""Whether an engine answers as it should: a check that cannot say yes while the index is hollow.

In: an engine. Out: sentences about what is wrong, none where all is well. Asks the engine as a visitor would, so that
it holds for every engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..errors import ClusterError, SearchAppError
from ..index.analysis import STEMMER
from ..settings import Settings
from .request import SearchRequest
from .result import Engine, Hit

ATTEMPTS = 3
CANARY_HITS = 20
CANARY_WORDS = 3
# Words that every analysis leaves whole: letters alone, with nothing attached.
_WORD = re.compile(r"(?<![\w'’.-])[^\W\d_]{4,40}(?![\w'’-])")


def find_troubles(engine: Callable[[], Engine], settings: Settings, now: datetime | None = None) -> tuple[str, ...]:
    """Return what keeps an engine from answering as it should, a sentence each; empty where nothing does.

    There is an index; as many articles are served as its manifest names; the newest article is found by its own words,
    where the stems are those of this process; the index is not older than ``max_index_age_hours``.
    now : the clock's time where None. Names no folder: visitors may read it. Cost: two searches.
    """
    troubles: tuple[str, ...] = ()
    try:
        for _ in range(ATTEMPTS):
            opened = engine()
            status = opened.status()
            troubles = _troubles(opened, status, settings, now)
            # A new generation between one question and the next makes answers differ that are both right.
            if not troubles or opened.status().get("generation") == status.get("generation"):
                break
    except ClusterError:
        return ("The search cluster does not answer.",)
    except SearchAppError:
        return ("There is no index that can be read.",)
    return troubles


def _troubles(opened: Engine, status: Mapping[str, Any], settings: Settings, now: datetime | None) -> tuple[str, ...]:
    served = opened.search(SearchRequest(per_page=1, facets=(), sort="newest", anew=True))
    troubles = [
        _count_trouble(served.total, status),
        # Where stems are others, a word of the headline may be one of the few that differ: no reason to answer nobody.
        *(canary_trouble(opened, hit, settings) for hit in served.hits if status.get("stemmer", STEMMER) == STEMMER),
        _age_trouble(status, settings.number("max_index_age_hours"), now),
    ]
    return tuple(trouble for trouble in troubles if trouble)


def index_age_seconds(status: Mapping[str, Any], now: datetime | None = None) -> float:
    """Return how long ago a build last found the index in step with the archive; 0 where an engine does not say."""
    stamp = status.get("checked_at") or status.get("built_at")
    if not stamp:
        return 0.0
    return max(((now or datetime.now(UTC)) - datetime.fromisoformat(str(stamp))).total_seconds(), 0.0)


def _count_trouble(served: int, status: Mapping[str, Any]) -> str:
    named = int(status.get("articles", 0))
    return "" if served == named else f"A search for everything finds {served:,} articles, the index names {named:,}."


def canary_trouble(engine: Engine, article: Hit, settings: Settings) -> str:
    """Search for an article by the longest words of its headline, on its day; return what is wrong, ``""`` if found.

    A headline without long words proves nothing, and neither does one that more share than fit on a page.
    """
    words = sorted(set(_WORD.findall(article.headline)), key=lambda word: (-len(word), word))
    # Analysis parts a run of letters where the script changes, and asks for the parts elsewhere than it stores them.
    words = [word for word in words if word.isascii() or not any(letter.isascii() for letter in word)]
    if not words:
        return ""
    per_page = min(CANARY_HITS, settings.number("max_per_page"))
    text = " ".join(f'headline:"{word}"' for word in words[:CANARY_WORDS])
    found = engine.search(
        SearchRequest(q=text, date_from=article.date, date_to=article.date, facets=(), per_page=per_page, anew=True)
    )
    if any(hit.path == article.path for hit in found.hits) or (found.total > per_page and not found.relaxed):
        return ""
    return "The newest article is not found by the words of its own headline."


def _age_trouble(status: Mapping[str, Any], most_hours: int, now: datetime | None) -> str:
    hours = index_age_seconds(status, now) / 3600
    if not most_hours or hours <= most_hours:
        return ""
    return f"No build has succeeded for {hours:,.0f} hours; {most_hours:,} are allowed."
