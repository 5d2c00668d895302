"""What goes wrong, and what both a reader and a program are told of it: every row of the table of errors."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_page import Page, words

from search_app.engine.request import FacetRequest, SearchRequest
from search_app.engine.result import ArticleView, FacetPage, SearchResult
from search_app.errors import SettingsError
from search_app.web.app import create_app, templates_folder

# What is asked, the status, the parameter that is named, and words that both answers hold.
TABLE = {
    "a bad date in from": ({"from": "2031-13"}, 400, "from", "does not exist in the calendar"),
    "a bad date in to": ({"to": "soon"}, 400, "to", "cannot be read as a date"),
    "page zero": ({"page": "0"}, 400, "page", "a whole number from 1"),
    "page in words": ({"page": "two"}, 400, "page", "a whole number from 1"),
    "too many values": ({"facet_size": "1000"}, 400, "facet_size", "a whole number from 1 to 100"),
    "an unknown order": ({"sort": "foo"}, 400, "sort", "relevance, newest or oldest"),
    "an unknown field": ({"missing": "headline"}, 400, "missing", "topic, context, source or summary"),
    "a page past the end": ({"q": "strike", "page": "9"}, 404, None, "The last page is 1."),
    "a page past nothing": ({"q": "zzyzx", "page": "2"}, 404, None, "There are no results."),
}


@pytest.mark.parametrize(("asked", "status", "parameter", "said"), TABLE.values(), ids=TABLE.keys())
def test_page_and_json_agree(
    client: FlaskClient, asked: dict[str, str], status: int, parameter: str | None, said: str
) -> None:
    page = Page(client.get("/search", query_string=asked))
    answer = client.get("/api/search", query_string=asked)
    assert page.status == answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert said in problem["detail"]
    assert words(page.one("p", class_="problem")) == problem["detail"]
    assert problem.get("parameter") == parameter
    if parameter:
        assert problem["value"] == asked[parameter]
        assert said in problem["expected"]


# Whatever a person types gets an answer: a page with hits or a page without, never an error.
ANSWERED = {
    "from after to": {"from": "2032", "to": "2031"},
    "20,000 characters": {"q": "strike " * 2858},
    "one word of 20,000 characters": {"q": "x" * 20_000},
    "an open quotation mark": {"q": 'harbour "strike'},
    "a lone star": {"q": "*"},
    "open parentheses": {"q": "(" * 300 + "strike"},
    "operators alone": {"q": "AND OR NOT"},
    "an unknown field": {"q": "nosuch:strike"},
    "a bad date in the query": {"q": "date:2031-13-45"},
    "markup": {"q": "<script>alert(1)</script>"},
    "a null and other controls": {"q": "a\0b\x1b\x7f"},
    "half a surrogate's place": {"q": "\ufffd\U0010ffff\u202e"},
    "an unknown topic": {"topic": "Nowhere"},
    "a topic of control characters": {"topic": "\x01\x02"},
    "an unknown parameter": {"utm_source": "x"},
}


@pytest.mark.parametrize("asked", ANSWERED.values(), ids=ANSWERED.keys())
def test_whatever_is_typed_gets_an_answer(client: FlaskClient, asked: dict[str, str]) -> None:
    response = client.get("/search", query_string=asked)
    answer = client.get("/api/search", query_string=asked)
    assert response.status_code == answer.status_code == 200
    html = response.get_data(as_text=True)
    assert html.count("<script") == html.count('<script src="/static/app.js?v=') == 1
    assert len(html) < 500_000
    total, relaxed = (answer.get_json()[name] for name in ("total", "relaxed"))
    said = f"{total:,} {'close match' if relaxed else 'article'}" if total else "Nothing found"
    assert f"<h1>{said}" in html


def test_bytes_that_are_no_text_get_an_answer(client: FlaskClient) -> None:
    assert client.get("/search?q=%ff%fe%c3&topic=%80").status_code == 200
    assert client.get("/news/2031/03/4/%ff%fe").status_code == 404


def test_a_long_query_says_what_was_read(client: FlaskClient) -> None:
    asked = {"q": "strike " * 2858}
    assert "only the first 2,048 were read" in Page(client.get("/search", query_string=asked)).text
    assert "only the first 2,048 were read" in client.get("/api/search", query_string=asked).get_json()["warnings"][0]


def test_a_slip_can_be_mended_where_it_was_made(client: FlaskClient) -> None:
    asked = {"q": "strike & more", "from": "2031-13", "to": "2032", "topic": "A <b>"}
    page = Page(client.get("/search", query_string=asked))
    assert sorted(page.form_values()) == sorted(asked.items())


def test_a_page_past_the_end_leads_to_the_last_one(client: FlaskClient) -> None:
    page = Page(client.get("/search?q=strike&per_page=2&page=40"))
    assert page.status == 404
    last = Page(client.get(page.link("Go to the last page, 2")))
    assert last.status == 200
    assert "of 4 articles" in last.text


@pytest.mark.parametrize("path", ["/nowhere", "/api/nowhere", "/search/facet/headline", "/api/facets/headline"])
def test_unknown_addresses_are_404(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.mimetype == ("application/problem+json" if path.startswith("/api/") else "text/html")


def test_other_methods_are_405(client: FlaskClient) -> None:
    response = client.post("/search", data={"q": "x"})
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert client.delete("/api/search").get_json()["status"] == 405


def test_programs_are_answered_in_their_language(client: FlaskClient) -> None:
    response = client.get("/search?page=0", headers={"Accept": "application/json"})
    assert response.mimetype == "application/problem+json"
    assert client.get("/search?page=0", headers={"Accept": "*/*"}).mimetype == "text/html"


def test_without_an_index_it_says_when_to_come_back(tmp_path: Path) -> None:
    client = create_app({"index": str(tmp_path / "none")}).test_client()
    for path in ("/", "/search?q=x", "/news/2031/03/4/x", "/news/2031/", "/search/facet/topic"):
        page = client.get(path)
        assert page.status_code == 503, path
        assert int(page.headers["Retry-After"]) > 0
        assert str(tmp_path) not in page.get_data(as_text=True)
        assert Page(page).link("Try again") == path.partition("?")[0]
    answer = client.get("/api/search")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (503, "not ready")
    assert int(ready.headers["Retry-After"]) > 0


def test_a_missing_index_is_told_once_not_for_every_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = create_app({"index": str(tmp_path / "none")}).test_client()
    for _ in range(5):
        assert client.get("/api/search").status_code == 503
    assert [record.message.startswith("There is no index") for record in caplog.records] == [True]
    other = create_app({"index": str(tmp_path / "other")}).test_client()
    assert other.get("/search").status_code == 503
    assert len(caplog.records) == 2


def test_a_server_started_before_its_index_begins_to_answer(tmp_path: Path, index_dir: Path) -> None:
    folder = tmp_path / "later"
    client = create_app({"index": str(folder)}).test_client()
    assert client.get("/search").status_code == 503
    folder.symlink_to(index_dir)
    ready = client.get("/readyz").get_json()
    assert (ready["status"], ready["articles"], ready["generation"]) == ("ok", 13, 1)
    assert client.get("/search").status_code == 200


class BrokenEngine:
    """An engine in which everything fails, with a secret in its words."""

    def _fail(self) -> RuntimeError:
        return RuntimeError("the secret of line 42")

    def search(self, request: SearchRequest) -> SearchResult:
        raise self._fail()

    def facet(self, request: FacetRequest) -> FacetPage:
        raise self._fail()

    def article(self, path: str) -> ArticleView | None:
        raise self._fail()

    def current_path(self, path: str) -> str | None:
        raise self._fail()

    def status(self) -> dict[str, object]:
        raise self._fail()

    def close(self) -> None:
        raise self._fail()


@pytest.mark.parametrize("testing", [True, False])
@pytest.mark.parametrize("path", ["/", "/search", "/api/search", "/news/2031/03/4/x", "/api/facets/topic"])
def test_no_failure_shows_its_inside(path: str, testing: bool, caplog: pytest.LogCaptureFixture) -> None:
    client = create_app({"TESTING": testing}, engine=BrokenEngine()).test_client()
    response = client.get(path)
    assert response.status_code == 500
    text = response.get_data(as_text=True)
    assert "secret" not in text
    assert "Traceback" not in text
    assert "the secret of line 42" in caplog.text
    assert response.headers["Cache-Control"] == "no-store"


EVERYWHERE = ["/", "/search?q=strike", "/api/search", "/search?page=0", "/nowhere", "/healthz", "/robots.txt"]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("style", "img", "script", "connect")} == {"'self'"}
    assert policy["form-action"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Set-Cookie" not in headers


CACHED = [
    "/",
    "/search?q=strike",
    "/api/search?q=strike",
    "/news/2031/03/4/",
    "/news/2031/03/12/index.json",
    "/api/facets/topic",
]
CACHED += ["/search/facet/topic", "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts.md"]


@pytest.mark.parametrize("path", CACHED)
def test_what_has_not_changed_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    assert first.status_code == 200
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "Content-Security-Policy" in again.headers


def test_relative_dates_do_not_outlive_their_day(settings, engine) -> None:  # type: ignore[no-untyped-def]
    tags = set()
    for day in (date(2031, 3, 12), date(2031, 3, 13)):
        app = create_app({**settings, "TODAY": lambda day=day: day}, engine=engine)
        tags.add(app.test_client().get("/search?from=yesterday").headers["ETag"])
    assert len(tags) == 2


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="colour is not a setting"):
        create_app({"colour": "red"})


def test_the_templates_are_found_beside_the_package() -> None:
    assert (templates_folder() / "search.html").is_file()


def test_crawlers_are_kept_from_the_combinations(app: Flask) -> None:
    text = app.test_client().get("/robots.txt", base_url="http://host.example/archive").get_data(as_text=True)
    assert "Disallow: /archive/search\n" in text
    filtered = Page(app.test_client().get("/search?" + urlencode({"topic": "Four Straits Cup"})))
    assert filtered.one("meta", name="robots").get("content") == "noindex"
