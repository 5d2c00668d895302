"""Reading all of a search by cursor: every hit once, in order, from one generation, or a clear word."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import SEED
from flask.testing import FlaskClient
from index_making import publish
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine import embedded
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import GenerationGoneError, QueryError
from search_app.index.files import FileSystem
from search_app.index.generation import prune
from search_app.settings import load_settings
from search_app.web.app import create_app
from search_app.web.cursors import Cursor, cursor_text, read_cursor

Make = Callable[..., Article]
SEARCHES = {
    "everything": "",
    "words": "q=strike",
    "oldest": "sort=oldest",
    "words by date": "q=strike&sort=newest",
    "a filter": "context=Kestria",
    "partial matches": "q=harbour+zebra",
    "nothing": "q=zzz",
}


def walk(client: FlaskClient, query: str) -> Iterator[dict[str, Any]]:
    """Follow ``next`` from answer to answer."""
    address = f"/api/search?{query}"
    for _ in range(200):
        response = client.get(address)
        assert response.status_code == 200, address
        yield response.get_json()
        address = response.get_json()["next"]
        if address is None:
            return
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize("per_page", [1, 3, 100])
@pytest.mark.parametrize("query", SEARCHES.values(), ids=SEARCHES.keys())
def test_a_walk_finds_every_hit_once_in_order(client: FlaskClient, query: str, per_page: int) -> None:
    lines = client.get(f"/export.jsonl?{query}")
    answers = list(walk(client, f"{query}&per_page={per_page}"))
    assert [hit["id"] for answer in answers for hit in answer["hits"]] == [
        line.split('"', 4)[3] for line in lines.get_data(as_text=True).splitlines()
    ]
    assert [answer["page"] for answer in answers] == list(range(1, len(answers) + 1))
    assert len({(answer["total"], answer["pages"], answer["relaxed"], answer["generation"]) for answer in answers}) == 1
    assert len(answers) == max(answers[0]["pages"], 1)
    assert [bool(answer["next_cursor"]) for answer in answers] == [True] * (len(answers) - 1) + [False]


def test_a_walk_is_the_same_over_several_segments(tmp_path: Path) -> None:
    """Days and scores tie, within a segment and between them; deleted documents lie in between."""
    rng = random.Random(f"{SEED} cursors")
    articles = random_articles(rng, 90)
    deleted = {(0, article.path) for article in articles[:40:7]}
    publish(tmp_path, articles[:40], articles[40:75], articles[75:], deleted=deleted)
    engine = EmbeddedEngine(tmp_path)
    for q, sort in (("", "newest"), ("", "oldest"), ("storm OR harbour OR talks", ""), ("storm*", "oldest")):
        expected = [hit.path for hit in engine.stream(SearchRequest(q=q, sort=sort)).hits]
        found: list[str] = []
        request = SearchRequest(q=q, sort=sort, per_page=7)
        while True:
            result = engine.search(request)
            assert result.total == len(expected)
            found += [hit.path for hit in result.hits]
            if not result.next:
                break
            request = replace(request, after=result.next, generation=result.generation)
        assert found == expected, (q, sort)
        assert len(expected) > request.per_page, "several pages"


def test_a_walk_may_begin_at_any_page(client: FlaskClient) -> None:
    first = client.get("/api/search?per_page=4&page=2").get_json()
    second = client.get(first["next"]).get_json()
    assert (second["page"], second["hits"]) == (3, client.get("/api/search?per_page=4&page=3").get_json()["hits"])


def test_links_go_on_by_cursor(client: FlaskClient) -> None:
    first = client.get("/api/search?q=strike&per_page=1&include=nothing&facet_size=5")
    numbered = "/api/search?q=strike&page=2&per_page=1&facet_size=5&include=nothing"
    assert f'<{numbered}>; rel="next"' in first.headers["Link"]
    second = client.get(first.get_json()["next"])
    assert f'<{second.get_json()["next"]}>; rel="next"' in second.headers["Link"]
    assert '</api/search?q=strike&per_page=1&facet_size=5&include=nothing>; rel="first"' in second.headers["Link"]
    assert "facets" not in second.get_json()


def test_the_size_of_pages_may_change_on_the_way(client: FlaskClient) -> None:
    every = [hit["id"] for hit in client.get("/api/search").get_json()["hits"]]
    cursor = client.get("/api/search?per_page=2").get_json()["next_cursor"]
    rest = client.get(f"/api/search?per_page=50&interval=year&cursor={cursor}").get_json()
    assert [hit["id"] for hit in rest["hits"]] == every[2:]
    assert rest["next_cursor"] is rest["next"] is None


# -- generations ---------------------------------------------------------------------------------------------------


@pytest.fixture
def moving(make_article: Make, tmp_path: Path) -> Callable[[int], None]:
    """Publish a generation whose articles all came since the one before."""

    def publish_next(generation: int) -> None:
        publish(
            tmp_path,
            [make_article(headline=f"Storm {n} of {generation}") for n in range(6)],
            generation=generation,
        )
        prune(tmp_path, FileSystem())

    publish_next(1)
    return publish_next


def test_a_walk_stays_in_its_generation_while_that_is_kept(
    moving: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "CHECK_SECONDS", 0.0)
    engine = EmbeddedEngine(tmp_path, load_settings({}))
    client = create_app({"TESTING": True}, engine).test_client()
    first = client.get("/api/search?per_page=3").get_json()
    moving(2)
    assert client.get("/api/search").get_json()["generation"] == 2
    for reader in (client, create_app({"TESTING": True, "index": str(tmp_path)}).test_client()):
        second = reader.get(first["next"]).get_json()
        assert (second["generation"], second["total"], second["next"]) == (1, 6, None)
        assert {hit["headline"][-1] for hit in (*first["hits"], *second["hits"])} == {"1"}
        assert len({hit["id"] for hit in (*first["hits"], *second["hits"])}) == 6
    moving(3)
    gone = create_app({"TESTING": True, "index": str(tmp_path)}).test_client().get(first["next"])
    assert (gone.status_code, gone.mimetype) == (410, "application/problem+json")
    assert (gone.get_json()["parameter"], gone.get_json()["generation"]) == ("cursor", 1)
    assert "Begin again without cursor" in gone.get_json()["detail"]


def test_an_older_generation_is_let_go_of(
    moving: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "CHECK_SECONDS", 0.0)
    engine = EmbeddedEngine(tmp_path, load_settings({}))
    request = replace(SearchRequest(per_page=2), generation=1, after=engine.search(SearchRequest(per_page=2)).next)
    moving(2)
    moving(3)
    with pytest.raises(GenerationGoneError):
        engine.search(request)
    moving(4)
    request = replace(request, generation=3)
    assert engine.search(request).generation == 3
    moving(5)
    assert engine.search(request).generation == 3, "what is open stays open while somebody reads"
    monkeypatch.setattr(embedded, "OLDER_SECONDS", -1.0)
    engine.search(SearchRequest())
    with pytest.raises(GenerationGoneError):
        engine.search(request)


# -- what is no cursor ---------------------------------------------------------------------------------------------

GOOD = cursor_text(SearchRequest(q="strike"), Cursor(1, 1, "0:1:0x1.8p+1"))
BAD = {
    "a word": "next",
    "not of its alphabet": "ä/+ %",
    "cut": GOOD[:-2],
    "longer": GOOD + "AA",
    "changed": GOOD[:-4] + ("AAAA" if GOOD[-4:] != "AAAA" else "BBBB"),
    "of another search": cursor_text(SearchRequest(q="storm"), Cursor(1, 1, "0:1:0x1.8p+1")),
    "in another order": cursor_text(SearchRequest(q="strike", sort="oldest"), Cursor(1, 1, "0:1:0x1.8p+1")),
    "huge": "A" * 10_000,
    "a star": "*",
}


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD.keys())
def test_what_is_no_cursor_of_this_search_is_refused(client: FlaskClient, cursor: str) -> None:
    response = client.get("/api/search", query_string={"q": "strike", "cursor": cursor})
    assert response.status_code == 400
    problem = response.get_json()
    assert (problem["parameter"], problem["value"]) == ("cursor", cursor)
    assert "next_cursor" in problem["expected"]


PLACES = ["0:1", "9:0:0x0.0p+0", "0:99999:0x0.0p+0", "0:0:nan", "0:0:inf", "x", "-1:0:0x0.0p+0", "0:0:0x1.8p+9999"]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_no_answer_gave_is_refused(client: FlaskClient, index_dir: Path, place: str) -> None:
    """Somebody may work out the check; nothing that is then made up does harm."""
    made_up = cursor_text(SearchRequest(q="strike"), Cursor(1, 1, place))
    assert client.get(f"/api/search?q=strike&cursor={made_up}").status_code == 400
    with pytest.raises(QueryError):
        EmbeddedEngine(index_dir).search(SearchRequest(after=place))


def test_a_cursor_comes_back_as_it_was_made() -> None:
    request = SearchRequest(q="ströme & 罢工", topic=("a", "b"))
    for cursor in (Cursor(1, 0, ""), Cursor(2**32 - 1, 2**32 - 1, "12:345678:0x1.921fb54442d18p+1")):
        text = cursor_text(request, cursor)
        assert read_cursor(text, request) == cursor
        assert text.replace("-", "").replace("_", "").isalnum()
        assert len(text) < 100


def test_a_page_beside_a_cursor_is_refused(client: FlaskClient) -> None:
    following = client.get("/api/search?per_page=2").get_json()["next"]
    problem = client.get(f"{following}&page=3").get_json()
    assert (problem["status"], problem["parameter"]) == (400, "page")


# -- parts of an answer --------------------------------------------------------------------------------------------

PARTS = {"facets": ("facets", "facet_totals", "missing"), "histogram": ("histogram",)}
INCLUDES = {
    "": ["facets", "histogram"],
    "include=": ["facets", "histogram"],
    "include=facets": ["facets"],
    "include=histogram": ["histogram"],
    "include=histogram&include=facets": ["facets", "histogram"],
    "include=nothing": [],
    "include=nothing&include=facets": ["facets"],
}


@pytest.mark.parametrize(("query", "expected"), INCLUDES.items())
def test_an_answer_has_the_parts_that_were_asked_for(client: FlaskClient, query: str, expected: list[str]) -> None:
    whole = client.get("/api/search?q=strike").get_json()
    answer = client.get(f"/api/search?q=strike&{query}").get_json()
    left_out = {key for part, keys in PARTS.items() if part not in expected for key in keys}
    assert set(answer) == set(whole) - left_out
    for key in ("hits", "next_cursor", *(key for part in expected for key in PARTS[part])):
        assert answer[key] == whole[key]


def test_a_part_that_there_is_not_is_refused(client: FlaskClient) -> None:
    problem = client.get("/api/search?include=facets,histogram").get_json()
    assert (problem["status"], problem["parameter"], problem["value"]) == (400, "include", "facets,histogram")
    assert problem["expected"] == "It takes facets, histogram or nothing."


@pytest.mark.parametrize("address", ["/api/search?q=strike", "/api/days/2031-03-04?"])
def test_counts_come_without_hits(client: FlaskClient, address: str) -> None:
    whole, counts = client.get(address).get_json(), client.get(f"{address}&per_page=0").get_json()
    assert (counts["hits"], counts["pages"], counts["per_page"], counts["page"]) == ([], 0, 0, 1)
    assert whole["hits"]
    for key in ("total", "facets", "missing", "histogram"):
        assert counts[key] == whole[key]


@pytest.mark.parametrize(("address", "least"), [("/api/search", 0), ("/api/days/2031-03-04", 0), ("/feed.atom", 1)])
def test_how_many_hits_a_page_has_is_bounded(client: FlaskClient, address: str, least: int) -> None:
    for value in (str(least - 1), "101", "ten"):
        problem = client.get(f"{address}?per_page={value}").get_json()
        assert (problem["status"], problem["parameter"], problem["value"]) == (400, "per_page", value)
        assert problem["expected"] == f"It takes a whole number from {least} to 100."
    assert client.get("/search?per_page=0").status_code == 400
