"""This engine as a contender, through the doors that everybody uses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import search_app
from search_app.engine import SearchRequest, SearchResult, open_engine
from search_app.engine.plan import Plan
from search_app.engine.ranking import Ranked
from search_app.engine.result import Engine, Hit
from search_app.engine.search import Searcher
from search_app.index.builder import build_index
from search_app.index.generation import open_snapshot
from search_app.settings import load_settings

from .contender import BEST, FACETS, Answer
from .queries import Question


class _WithoutShowing(Searcher):
    """Finds, ranks and counts, but reads and marks no hit."""

    ranked = 0

    def show(self, ranked: list[Ranked], plan: Plan, *, partial: bool = False) -> tuple[Hit, ...]:
        # Partial matches beside the hits are an extra of this engine, as they are where there is no hit.
        if not partial:
            self.ranked = len(ranked)
        return ()


class Ours:
    """The embedded engine: ``build_index`` and ``open_engine``."""

    name = "search-app"
    version = search_app.__version__
    analysis = "its own: Snowball English, accents folded"
    same_analysis = True
    slow = False

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._searcher: _WithoutShowing | None = None

    def build(self, archive: Path, folder: Path) -> int:
        return build_index(archive, folder, settings=load_settings({}), full=True).articles

    def open(self, folder: Path) -> None:
        # Questions are asked several times to be timed.
        self._engine = open_engine(folder, load_settings({}, remembered_answers=0))
        # Partial matches below a short page are an extra that no peer looks for; with the hits shown they are there.
        alike = load_settings({}, relaxed_hits=0)
        self._searcher = _WithoutShowing(open_snapshot(folder), alike)

    def search(self, question: Question) -> Answer | None:
        if self._searcher is None:
            raise ValueError("open an index first")
        self._searcher.ranked = 0
        result = self._searcher.search(_request(question), date.today())
        return _answer(result, self._searcher.ranked)

    def page(self, question: Question) -> Answer | None:
        if self._engine is None:
            raise ValueError("open an index first")
        result = self._engine.search(_request(question))
        return _answer(result, len(result.hits))

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = self._searcher = None


def _request(question: Question) -> SearchRequest:
    return SearchRequest(q=question.text, interval="year", per_page=BEST, facet_size=BEST)


def _answer(result: SearchResult, best: int) -> Answer:
    return Answer(
        # Best partial matches are an extra of this engine: to its peers, no article with all the words is no hit.
        total=0 if result.relaxed else result.total,
        best=best,
        facets={name: {b.value: b.count for b in result.facets[name].buckets} for name in FACETS},
        years={bar.start.year: bar.count for bar in result.histogram.bars if bar.count},
        shown=tuple((hit.headline_html, hit.snippet_html) for hit in result.hits),
    )
