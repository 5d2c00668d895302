"""What programs get beside searches: completions, articles, days, figures; and the manners of all of them."""

from __future__ import annotations

import gzip

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from search_app.settings import Settings
from search_app.web.app import create_app

ARTICLE = "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"
OLD = "/news/2031/03/9/port-amaro-harbour-strike-talks-begin"


def links_of(header: str) -> dict[str, str]:
    """Read a Link header: relation to address."""
    found = {}
    for part in header.split(", "):
        address, _, relation = part.partition("; rel=")
        found[relation.strip('"')] = address.strip("<>")
    return found


# -- completions ---------------------------------------------------------------------------------------------------


def test_typed_text_is_completed(client: FlaskClient) -> None:
    answer = client.get("/api/suggest?q=KES").get_json()
    assert answer["suggestions"][0] == {"text": "Kestria", "kind": "context", "count": 5}
    assert {entry["kind"] for entry in client.get("/api/suggest?q=s&limit=50").get_json()["suggestions"]} >= {
        "source", "word",
    }  # fmt: skip


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=%00", "q=%FF", f"q={'x' * 5000}"])
def test_nothing_to_complete(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/suggest?{query}").get_json() == {"suggestions": []}


def test_the_number_of_completions(client: FlaskClient) -> None:
    assert len(client.get("/api/suggest?q=a&limit=2").get_json()["suggestions"]) == 2
    problem = client.get("/api/suggest?q=a&limit=51")
    assert problem.status_code == 400
    assert problem.get_json()["parameter"] == "limit"


# -- articles, days, figures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".html", ".json"])
def test_an_article_is_the_one_at_its_own_address(client: FlaskClient, ending: str) -> None:
    response = client.get(f"/api/articles{ARTICLE}{ending}")
    assert response.get_json() == client.get(f"{ARTICLE}.json").get_json()
    assert links_of(response.headers["Link"]) == {"alternate": f"{ARTICLE}.html"}


def test_an_older_version_leads_to_the_current_one(client: FlaskClient) -> None:
    response = client.get(f"/api/articles{OLD}")
    assert response.status_code == 301
    current = client.get(response.headers["Location"]).get_json()
    assert OLD in {version["id"] for version in current["versions"]}


@pytest.mark.parametrize("path", ["/", "/news/2031/03/4/nothing", "/../etc/passwd", "/%00", "//", "/" + "x" * 3000])
def test_no_such_article(client: FlaskClient, path: str) -> None:
    response = client.get(f"/api/articles{path}")
    assert response.status_code in (404, 308)
    if response.status_code == 404:
        assert response.get_json()["status"] == 404


def test_a_day(client: FlaskClient) -> None:
    answer = client.get("/api/days/2031-03-04").get_json()
    assert answer["total"] == len(answer["hits"]) > 0
    assert {hit["date"] for hit in answer["hits"]} == {"2031-03-04"}
    assert (answer["query"]["from"], answer["query"]["to"]) == ("2031-03-04", "2031-03-04")


def test_a_day_without_articles_is_empty(client: FlaskClient) -> None:
    answer = client.get("/api/days/2031-03-05").get_json()
    assert (answer["total"], answer["hits"]) == (0, [])


@pytest.mark.parametrize(
    "day", ["2031-3-4", "2031-02-30", "today", "20310304", "2031-W10-2", "0000-01-01", "٢٠٣١-٠٣-٠٤"]
)
def test_a_day_that_is_none(client: FlaskClient, day: str) -> None:
    problem = client.get(f"/api/days/{day}")
    assert problem.status_code == 400
    assert (problem.get_json()["parameter"], problem.get_json()["value"]) == ("date", day)


def test_figures_without_the_servers_folders(client: FlaskClient, settings: Settings) -> None:
    response = client.get("/api/status")
    figures = response.get_json()
    assert (figures["articles"], figures["degraded"]) == (13, False)
    assert figures["first_day"] < figures["last_day"]
    assert settings.text("archive") not in response.get_data(as_text=True)
    assert settings.text("index") not in response.get_data(as_text=True)


# -- manners -------------------------------------------------------------------------------------------------------

DATA = ["/api/search?q=strike", "/api/facets/topic", "/api/suggest?q=s", f"/api/articles{ARTICLE}",
        "/api/days/2031-03-04", "/api/status"]  # fmt: skip


@pytest.mark.parametrize("address", DATA)
def test_data_is_open_and_cached(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "public, max-age=60"
    again = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(address)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Type"] == response.headers["Content-Type"] == "application/json"
    assert client.options(address).headers["Access-Control-Allow-Origin"] == "*"
    assert client.post(address).status_code == 405


def test_pages_are_not_open(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/search?q=strike").headers


def test_links_lead_through_the_pages(client: FlaskClient) -> None:
    seen, address = [], "/api/search?per_page=5&q="
    while address:
        response = client.get(address)
        seen += [hit["id"] for hit in response.get_json()["hits"]]
        links = links_of(response.headers["Link"])
        address = links.get("next", "")
    assert len(seen) == len(set(seen)) == 13
    assert links["first"] == "/api/search?per_page=5"
    assert links["prev"] == "/api/search?page=2&per_page=5"
    assert links["last"] == "/api/search?page=3&per_page=5"
    assert links["alternate"] == "/search?page=3&per_page=5"


@pytest.mark.parametrize("address", ["/api/facets/context?q=strike&per_page=2", "/api/days/2031-03-04?per_page=1"])
def test_other_pages_are_linked_too(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    links = links_of(response.headers["Link"])
    if response.get_json()["pages"] > 1:
        assert client.get(links["next"]).get_json()["page"] == 2
    assert client.get(links["last"]).get_json()["page"] == response.get_json()["pages"]


def test_no_link_holds_what_a_header_cannot(client: FlaskClient) -> None:
    response = client.get("/api/search", query_string={"topic": "a>, b\r\nX: y", "q": "caf\u00e9 \u7f62"})
    assert response.headers["Link"].isascii()
    assert "\n" not in response.headers["Link"]
    assert response.headers["Link"].count("<") == response.headers["Link"].count("; rel=")


COMPRESSIBLE = ["/search?q=strike", "/search/facet/context", f"{ARTICLE}.html", "/export.csv", "/export.jsonl",
                "/feed.atom", "/openapi.json", "/sitemap.xml", "/api/search"]  # fmt: skip


@pytest.mark.parametrize("address", COMPRESSIBLE)
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_answers_are_compressed_for_those_who_take_it(client: FlaskClient, address: str, coding: str) -> None:
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": coding})
    assert packed.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in packed.headers["Vary"]
    unpacked = brotli.decompress(packed.data) if coding == "br" else gzip.decompress(packed.data)
    if not address.endswith("q=strike") and "/api/search" not in address:  # these tell how long they took
        assert unpacked == plain.data
    assert "Content-Encoding" not in plain.headers
    again = client.get(address, headers={"Accept-Encoding": coding, "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


# -- below a path, behind proxies ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prefixed(settings: Settings) -> Flask:
    return create_app({**settings, "url_prefix": "/find/", "TESTING": True})


@pytest.mark.parametrize("address", ["/find/api/search?per_page=5", "/api/search?per_page=5"])
def test_links_below_a_path(prefixed: Flask, address: str) -> None:
    """Whether or not the proxy in front takes the path off."""
    response = prefixed.test_client().get(address)
    assert links_of(response.headers["Link"])["next"] == "/find/api/search?page=2&per_page=5"
    assert response.get_json()["hits"][0]["url"].startswith("/find/news/")


def test_pages_below_a_path(prefixed: Flask) -> None:
    client = prefixed.test_client()
    assert client.get("/find").status_code == 200
    assert 'href="/find/static/pages.css' in client.get("/find/").get_data(as_text=True)
    assert client.get("/find/search?q=").headers["Location"] == "/find/search"


def test_a_path_that_only_looks_alike(prefixed: Flask) -> None:
    assert prefixed.test_client().get("/finder").status_code == 404


FORWARDED = {"X-Forwarded-Host": "news.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/archive"}


def test_forwarded_headers_count_where_a_proxy_is_told_of(settings: Settings) -> None:
    client = create_app({**settings, "proxies": 1, "TESTING": True}).test_client()
    page = client.get(f"{ARTICLE}.html", headers=FORWARDED).get_data(as_text=True)
    assert f"https://news.example/archive{ARTICLE}.html" in page


def test_forwarded_headers_are_not_believed_otherwise(client: FlaskClient) -> None:
    page = client.get(f"{ARTICLE}.html", headers=FORWARDED).get_data(as_text=True)
    assert "news.example" not in page
    assert "/archive/news" not in page
