"""What one request may cost: each cap answers with a warning or an error, and no query is out of all proportion.

Costs are compared with each other, never with a clock, so that a slow machine fails nothing.
"""

from __future__ import annotations

import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from index_making import in_order, make_segment, make_snapshot, publish
from program import wait_until
from random_articles import random_articles, random_request, random_tree

from search_app.archive.model import Article
from search_app.engine import open_engine, terms
from search_app.engine.describe import render
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.expansion import expand_pattern, matches_pattern, wildcard_expression
from search_app.engine.plan import Pattern
from search_app.engine.request import FacetRequest, SearchRequest
from search_app.engine.result import SearchResult
from search_app.engine.search import Searcher
from search_app.errors import PageNotFoundError, QueryError
from search_app.index.files import FileSystem
from search_app.index.generation import prune
from search_app.index.segment import Segment
from search_app.settings import load_settings

TODAY = date(2032, 1, 1)
MakeArticle = Callable[..., Article]
FIELDS = (("headline", 1.0), ("summary", 1.0))


def cost(action: Callable[[], object], rounds: int = 5) -> float:
    """Return the least processor time of this thread that an action took."""
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        action()
        best = min(best, time.thread_time() - began)
    return best


# -- caps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "warning"),
    [
        ("harbour " * 2500, "longer than 2,048 characters"),
        ("x" * 20_000, "longer than 2,048 characters"),
        (" ".join(f"w{n}" for n in range(300)), "more than 100 words, phrases and patterns"),
        (" ".join(f"w{n}*" for n in range(17)), "more than 4 words with"),
        (" OR ".join(f"wo?d{n}x" for n in range(17)), "more than 4 words with"),
        (" ".join(f"word{'abcdefghijklmnopqrstuvwxyz'[n]}~" for n in range(17)), "more than 4 words with"),
        ("(" * 40 + "harbour" + ")" * 40, "more than 16 deep"),
        ('"harbour strike"~5000', "No more than 100 words"),
        ("harbour^99999999999999999999", "was read as"),
    ],
    ids=["long", "one long word", "clauses", "prefixes", "wildcards", "fuzzy", "nesting", "slop", "boost"],
)
def test_what_is_too_much_in_a_query_is_left_out_with_a_warning(engine: EmbeddedEngine, q: str, warning: str) -> None:
    found = engine.search(SearchRequest(q=q))
    assert any(warning in sentence for sentence in found.warnings), found.warnings


def test_signs_count_like_words(index_dir: Path) -> None:
    """Eight for each word that a query may have."""
    narrow = open_engine(index_dir, load_settings({}, max_clauses=64))
    found = narrow.search(SearchRequest(q="-" * 600 + " " + "( " * 700))
    assert any("more than 512 words and signs" in sentence for sentence in found.warnings), found.warnings


def test_a_pattern_that_stands_for_too_many_words_takes_the_most_frequent(index_dir: Path) -> None:
    narrow = open_engine(index_dir, load_settings({}, max_expansions=16))
    found = narrow.search(SearchRequest(q="*e*"))
    assert any("the 16 most frequent" in sentence for sentence in found.warnings)
    assert found.total > 0
    assert narrow.search(SearchRequest(q="harb*")).warnings == ()


@pytest.mark.parametrize("name", ["max_query_chars", "max_clauses", "max_nesting", "max_patterns", "max_expansions"])
def test_each_cap_of_a_query_is_a_setting(index_dir: Path, name: str) -> None:
    """The lowest value that is allowed already cuts this query, the highest does not."""
    q = "((((" + " OR ".join([f"{letter}*" for letter in "abcde"] + ["*e*"]) + "))))"
    most = {"max_query_chars": 20000, "max_clauses": 1024, "max_nesting": 64, "max_patterns": 1024}
    most["max_expansions"] = 65536
    least = {"max_query_chars": 16, "max_clauses": 4, "max_nesting": 2, "max_patterns": 1, "max_expansions": 16}
    wide = open_engine(index_dir, load_settings({}, **most)).search(SearchRequest(q=q))
    tight = open_engine(index_dir, load_settings({}, **{**most, name: least[name]})).search(SearchRequest(q=q))
    assert wide.warnings == ()
    assert tight.warnings != ()


@pytest.mark.parametrize(
    "changes",
    [{"per_page": 101}, {"per_page": -1}, {"page": 0}, {"page": -5}, {"facet_size": 101}, {"sort": "random"}],
    ids=str,
)
def test_a_request_past_its_bounds_is_an_error_that_names_them(
    engine: EmbeddedEngine, changes: dict[str, int | str]
) -> None:
    with pytest.raises(QueryError, match="It takes"):
        engine.search(replace(SearchRequest(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("page", [3, 10**6, 10**18, 10**30])
def test_a_page_past_the_last_is_told_so_however_far(engine: EmbeddedEngine, page: int) -> None:
    with pytest.raises(PageNotFoundError, match="The last page is 1"):
        engine.search(SearchRequest(page=page))
    with pytest.raises(PageNotFoundError):
        engine.facet(FacetRequest(SearchRequest(), "topic", page=page))


# -- proportion ----------------------------------------------------------------------------------------------------


def long_words(length: int) -> list[str]:
    """Return words in which the same letters come again and again, which is what tempts a pattern to go back."""
    return ["a" * length, "ab" * (length // 2), "abc" * (length // 3), "a" * (length - 1) + "b", "b" + "a" * length]


def lexicon(folder: Path, make_article: MakeArticle, length: int) -> Segment:
    articles = [make_article(headline=f"story {n} {word}") for n, word in enumerate(long_words(length))]
    return make_segment(folder / f"{length}.seg", articles)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*b*c*",
        "*" + "a*" * 10 + "z",
        "*" + "a*" * 10 + "z*",
        "*" + "ab*" * 12 + "x",
        "?*" * 12 + "z",
        "*?" * 12 + "z",
        "a" + "*a" * 12 + "?z",
        "*" + "a?" * 8 + "*" + "?a" * 8 + "*z",
    ],
)
def test_a_wildcard_costs_no_more_than_the_square_of_a_words_length(
    tmp_path: Path, make_article: MakeArticle, pattern: str
) -> None:
    """Twice the length, four times the cost; ten stars that go back would make it a thousand times."""
    plan = Pattern("wildcard", pattern, 0, FIELDS)
    costs = []
    for length in (50, 100):
        segment = lexicon(tmp_path, make_article, length)
        words = long_words(length) * 20
        expand_pattern(segment, plan)
        costs.append(
            cost(lambda: (expand_pattern(segment, plan), [matches_pattern(plan, word) for word in words]))  # noqa: B023
        )
    assert costs[1] < 4 * 2 * costs[0], costs


@pytest.mark.parametrize("pattern", ["a*b", "*a*b*", "?a*", "*a?b*c", "a?*?b", "*ab", "*", "??", "a**b", "*.*", "?*"])
def test_a_wildcard_takes_the_words_that_a_plain_reading_takes(pattern: str, rng: random.Random) -> None:
    """The expression without groups says the same, only slower."""
    plain = "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    for _ in range(400):
        word = "".join(rng.choices("abc.", k=rng.randrange(9)))
        taken = re.fullmatch(wildcard_expression(pattern), word) is not None
        assert taken == (re.fullmatch(plain, word) is not None), word


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedEngine:
    """An engine over 1,500 random articles."""
    folder = tmp_path_factory.mktemp("crowd") / "index"
    make_snapshot(folder, random_articles(random.Random(7), 1500))
    return EmbeddedEngine(folder, load_settings({}), today=TODAY)


def search_cost(engine: EmbeddedEngine, q: str) -> float:
    request = SearchRequest(q=q, per_page=0, facets=(), histogram=False)
    engine.search(request)
    return cost(lambda: engine.search(request))


@pytest.mark.parametrize(
    ("many", "one", "most"),
    [
        (" ".join(["a*"] * 64), "a*", 16),
        (" OR ".join(f"*{letter}*" for letter in "aeiourstlnmpcdfg"), "*e*", 16),
        (" OR ".join(f"?*?*{letter}" for letter in "aeiourstlnmpcdfg"), "?*?*e", 16),
        (" OR ".join(f"striking{letter}~2" for letter in "aeiourstlnmpcdfg"), "striking~2", 16),
        ("the " * 60, "harbour the talks", 64),
        ('"' + "the " * 500 + '"', '"the the"', 10),
        ('"' + "of the " * 250 + '"~100', '"of the"~100', 10),
        (
            " OR ".join(f'"of the {word}"' for word in ["harbour", "strike", "talks", "ferry"] * 16),
            '"of the harbour"',
            16,
        ),
        ("NOT (" + " OR ".join("abcdefgh") + ")", "NOT a", 8),
        ("s" * 2000 + "~2", "ss~2", 4),
        ("(" * 1000 + "harbour", "harbour", 10),
    ],
    ids=["prefixes", "infixes", "shapes", "fuzzy", "stop words", "phrase", "slop", "phrases", "not", "long", "nested"],
)
def test_a_query_costs_no_more_than_its_parts(crowd: EmbeddedEngine, many: str, one: str, most: int) -> None:
    """``most`` parts cost at most as often what one costs, and what it takes to read a query of two thousand signs."""
    reading = search_cost(crowd, "zzzz " * 400)
    assert search_cost(crowd, many) < 3 * (most * search_cost(crowd, one) + reading)


# -- many threads, many generations --------------------------------------------------------------------------------


def answers(engine: EmbeddedEngine, requests: list[SearchRequest]) -> list[SearchResult]:
    return [plain(engine.search(request)) for request in requests]


def plain(answer: SearchResult) -> SearchResult:
    """Return an answer without what depends on the clock, and on how the index is cut into segments."""
    return replace(answer, generation=0, took_ms=0, next="")


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Have Python switch threads a hundred times as often as it does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def publish_next(index: Path, generation: int, *groups: list[Article]) -> None:
    publish(index, *groups, generation=generation)
    prune(index, FileSystem())


@pytest.mark.usefixtures("hasty_threads")
def test_threads_get_single_thread_answers_while_generations_are_swapped(tmp_path: Path, rng: random.Random) -> None:
    """Eight threads and a publisher; each answer is the one that its generation gives to a thread alone."""
    index = tmp_path / "index"
    contents = [random_articles(rng, 120), random_articles(rng, 90)]
    requests = [
        replace(random_request(rng, render(random_tree(rng)) if n % 3 else ""), page=1, per_page=20) for n in range(40)
    ]
    expected = []
    for number, articles in enumerate(contents):
        publish(tmp_path / f"alone{number}", articles)
        alone = EmbeddedEngine(tmp_path / f"alone{number}", load_settings({}), today=TODAY)
        expected.append(answers(alone, requests))
    assert expected[0] != expected[1]

    publish_next(index, 2, *thirds(contents[0]))
    engine = EmbeddedEngine(index, load_settings({}), today=TODAY)
    done = threading.Event()
    wrong: list[object] = []
    seen: set[int] = set()
    counted = [0] * 8

    def ask(number: int) -> None:
        order = random.Random(number)
        try:
            while not done.is_set() or counted[number] < 60:
                n = order.randrange(len(requests))
                engine.refresh()
                answer = engine.search(requests[n])
                seen.add(answer.generation)
                counted[number] += 1
                if plain(answer) != expected[answer.generation % 2][n]:
                    wrong.append((requests[n], answer.generation))
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for generation in range(3, 23):
            publish_next(index, generation, *thirds(contents[generation % 2]))
            wait_until(lambda generation=generation: wrong or generation in seen)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen >= set(range(3, 23))
    assert min(counted) >= 60


def thirds(articles: list[Article]) -> list[list[Article]]:
    """Return the articles in three groups, so that there are three segments."""
    return [in_order(articles[n::3]) for n in range(3)]


def held(index: Path) -> tuple[int, int, int]:
    """Return how many descriptors, maps of files in the index, and threads this process has."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    return len(list(Path("/proc/self/fd").iterdir())), maps.count(str(index)), threading.active_count()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not tell what a process holds")
def test_what_a_server_holds_stays_the_same_over_fifty_generations(tmp_path: Path, rng: random.Random) -> None:
    """Descriptors, maps and threads are those of one generation, after each of fifty."""
    index = tmp_path / "index"
    articles = random_articles(rng, 60)
    engine = EmbeddedEngine(index, load_settings({}), today=TODAY)
    first = None
    for generation in range(1, 51):
        publish_next(index, generation, *thirds(articles))
        engine.refresh()
        for q in ("harbour", "*ri*", "strik~", '"of the"', ""):
            assert engine.search(SearchRequest(q=q)).generation == generation
        engine.article(articles[0].path)
        first = first or held(index)
        assert held(index) == first, generation
    assert first is not None and first[1] == 3
    engine.close()
    assert held(index)[1] == 0


def test_what_is_remembered_of_terms_stays_bounded_and_changes_no_answer(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is there than the bound and what one request adds; a searcher that remembers nothing says the same."""
    most = 30
    snapshot = make_snapshot(tmp_path / "index", *thirds(random_articles(rng, 90)))
    forgetful, mindful = (Searcher(snapshot, load_settings({})) for _ in range(2))
    sizes = []
    for _ in range(100):
        request = random_request(rng, render(random_tree(rng)))
        monkeypatch.setattr(terms, "MOST_REMEMBERED", -1)
        expected = plain(forgetful.search(request, TODAY))
        monkeypatch.setattr(terms, "MOST_REMEMBERED", most)
        assert plain(mindful.search(request, TODAY)) == expected, request
        sizes.append(len(mindful.known))
        assert sizes[-1] <= most + len(forgetful.known)
    assert any(before < after for before, after in pairwise(sizes))
    assert any(before > after for before, after in pairwise(sizes))
