"""Answers that are kept: the same as new ones, never older than their index, and never too many."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from index_making import publish
from random_articles import random_articles, random_request, random_tree

from search_app.archive.model import Article
from search_app.engine.describe import render
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.readiness import find_troubles
from search_app.engine.remembered import MOST_HITS, Remembered
from search_app.engine.request import SearchRequest
from search_app.engine.result import SearchResult
from search_app.errors import PageNotFoundError, QueryError
from search_app.settings import load_settings

TODAY = date(2032, 3, 1)
Make = Callable[..., Article]


def open_over(folder: Path, *articles: Article, **settings: int | str) -> EmbeddedEngine:
    publish(folder, articles)
    return EmbeddedEngine(folder, load_settings({}, **settings), TODAY)


def answer(name: str, hits: int = 0) -> SearchResult:
    """Return an answer that can be told from others by its query, with so many hits."""
    return SearchResult(SearchRequest(name), hits, 1, hits=(None,) * hits)  # type: ignore[arg-type]


def test_what_is_kept_is_what_would_be_found_anew(rng: random.Random, tmp_path: Path) -> None:
    """Random requests, each asked three times, of an engine that keeps answers and one that does not."""
    articles = random_articles(rng, 60)
    keeping = open_over(tmp_path / "keeping", *articles, remembered_answers=20)
    forgetful = open_over(tmp_path / "forgetful", *articles, remembered_answers=0)
    requests = []
    while len(requests) < 30:
        request = random_request(rng, render(random_tree(rng, 2)))
        try:
            forgetful.search(request)
        except (PageNotFoundError, QueryError):
            continue
        requests.append(request)
    asked = [request for request in requests for _ in range(3)]
    rng.shuffle(asked)
    for request in asked:
        again, anew = keeping.search(request), forgetful.search(request)
        assert replace(again, took_ms=0.0) == replace(anew, took_ms=0.0)


def test_the_second_answer_is_the_first_one_and_tells_its_own_time(make_article: Make, tmp_path: Path) -> None:
    engine = open_over(tmp_path, make_article(), make_article(headline="Storm off Sel"))
    first, second, other = (engine.search(SearchRequest(q)) for q in ("storm", "storm", "storms"))
    assert second.hits is first.hits
    assert other.hits is not first.hits
    assert second.took_ms != first.took_ms
    forgetful = open_over(tmp_path / "forgetful", make_article(), remembered_answers=0)
    assert forgetful.search(SearchRequest()).hits is not forgetful.search(SearchRequest()).hits


def test_a_held_engine_and_the_one_that_holds_it_keep_answers_together(make_article: Make, tmp_path: Path) -> None:
    engine = open_over(tmp_path, make_article())
    first = engine.held().search(SearchRequest())
    assert engine.held().search(SearchRequest()).hits is first.hits
    assert engine.search(SearchRequest()).hits is first.hits


def test_who_asks_whether_it_can_be_answered_gets_no_kept_answer(make_article: Make, tmp_path: Path) -> None:
    """As readiness does: each of its questions goes to the index, and takes no place among what is kept."""
    engine = open_over(tmp_path, make_article(), remembered_answers=1)
    kept = engine.search(SearchRequest())
    answers = [engine.search(SearchRequest(anew=True)) for _ in range(2)]
    assert answers[0].hits == kept.hits
    assert answers[0].hits is not kept.hits
    assert answers[1].hits is not answers[0].hits
    assert engine.search(SearchRequest()).hits is kept.hits
    asked = []

    class Asked(EmbeddedEngine):
        def search(self, request: SearchRequest) -> SearchResult:
            asked.append(request)
            return super().search(request)

    watched = Asked(tmp_path, load_settings({}), TODAY)
    assert find_troubles(lambda: watched, load_settings({})) == ()
    assert len(asked) == 2
    assert all(request.anew for request in asked)


def test_each_generation_answers_for_itself(make_article: Make, tmp_path: Path) -> None:
    engine = open_over(tmp_path, make_article())
    assert engine.search(SearchRequest()).total == 1
    publish(tmp_path, [make_article(), make_article(path="/news/2031/01/2/other")], generation=2)
    engine.refresh()
    assert [engine.search(SearchRequest()).total for _ in range(2)] == [2, 2]
    # Who walks on through the generation before is answered from it.
    assert [engine.search(SearchRequest(generation=1)).total for _ in range(2)] == [1, 1]


def test_other_aliases_are_other_answers(make_article: Make, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("gale = storm\n", encoding="utf-8")
    engine = open_over(tmp_path / "index", make_article(headline="Storm off Sel"), aliases=str(names))
    assert engine.search(SearchRequest("gale", as_typed=True)).total == 1
    names.write_text("gale = breeze\n", encoding="utf-8")
    engine.refresh()
    found = engine.search(SearchRequest("gale", as_typed=True))
    assert found.total == 0


def test_what_is_asked_on_another_day_is_another_question() -> None:
    kept = Remembered(10)
    kept.keep(SearchRequest("date:yesterday"), TODAY, answer("then"))
    assert kept.find(SearchRequest("date:yesterday"), TODAY) == answer("then")
    assert kept.find(SearchRequest("date:yesterday"), date(2032, 3, 2)) is None
    assert kept.find(SearchRequest("date:yesterday", page=2), TODAY) is None


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept = Remembered(2)
    for name in ("a", "b"):
        kept.keep(SearchRequest(name), TODAY, answer(name))
    assert kept.find(SearchRequest("a"), TODAY)
    kept.keep(SearchRequest("c"), TODAY, answer("c"))
    assert [kept.find(SearchRequest(name), TODAY) for name in "abc"] == [answer("a"), None, answer("c")]


@pytest.mark.parametrize("partial", [0, 1])
def test_long_answers_are_not_kept(partial: int) -> None:
    kept = Remembered(2)
    for hits in (MOST_HITS - partial, MOST_HITS - partial + 1):
        kept.keep(SearchRequest(page=hits), TODAY, replace(answer("", hits), partial=(None,) * partial))  # type: ignore[arg-type]
    assert kept.find(SearchRequest(page=MOST_HITS - partial), TODAY)
    assert kept.find(SearchRequest(page=MOST_HITS - partial + 1), TODAY) is None


def test_many_threads_keep_no_more_than_was_said_and_mix_nothing_up() -> None:
    kept = Remembered(8)
    wrong = []

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(500):
            name = str(rng.randrange(20))
            found = kept.find(SearchRequest(name), TODAY)
            if found is None:
                kept.keep(SearchRequest(name), TODAY, answer(name))
            elif found.request.q != name:
                wrong.append(found)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    assert not wrong
    assert sum(kept.find(SearchRequest(str(name)), TODAY) is not None for name in range(20)) == 8


@pytest.mark.parametrize("address", ["/search?q=strike", "/api/search?q=strike", "/export.csv?q=strike", "/"])
def test_no_page_changes_what_is_kept(client: FlaskClient, address: str) -> None:
    """A page, other forms of it, and the page again, byte for byte but for the time that it took."""

    def told() -> str:
        return re.sub(r"(&lt; )?[0-9.]+ ms|\"took_ms\": ?[0-9.e-]+", "", client.get(address).get_data(as_text=True))

    first = told()
    for other in ("/search?q=strike", "/api/search?q=strike", "/search?q=strike&explain=1", "/feed.atom?q=strike"):
        assert client.get(other).status_code == 200
    assert told() == first
