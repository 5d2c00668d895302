"""Feeds as feed readers see them, and what browsers and other search engines ask for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import feedparser
import pytest
from flask import Flask
from flask.testing import FlaskClient
from index_making import publish
from web_page import Page, words

from search_app.archive.model import Article, Source
from search_app.engine.request import SearchRequest
from search_app.settings import Settings
from search_app.web.app import create_app
from search_app.web.feeds import feed_title

Make = Callable[..., Article]
STRIKE = "Port Amaro harbour strike"


def read(client: FlaskClient, query: str = "", **options: object) -> feedparser.FeedParserDict:
    """Read a feed strictly: what a parser has to mend fails the test."""
    response = client.get(f"/feed.atom?{query}", **options)  # type: ignore[arg-type]
    assert response.mimetype == "application/atom+xml"
    feed = feedparser.parse(response.data)
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    return feed


# -- feeds ---------------------------------------------------------------------------------------------------------


def test_a_feed_holds_the_newest_of_a_search(client: FlaskClient) -> None:
    feed = read(client, "q=strike&sort=relevance")
    hits = client.get("/api/search?q=strike&sort=newest").get_json()["hits"]
    assert [entry.title for entry in feed.entries] == [hit["headline"] for hit in hits]
    assert [entry.link for entry in feed.entries] == [f"http://localhost{hit['url']}" for hit in hits]
    assert [entry.updated for entry in feed.entries] == [f"{hit['date']}T00:00:00Z" for hit in hits]
    assert [entry.get("summary", "") for entry in feed.entries] == [hit["summary"] for hit in hits]
    assert feed.feed.updated == feed.entries[0].updated
    assert feed.feed.opensearch_totalresults == str(len(hits))
    first = feed.entries[0]
    assert {tag.term for tag in first.tags} == {*hits[0]["contexts"], hits[0]["topic"]} - {""}
    assert feed.feed.author == "News archive"
    assert {link.rel for link in feed.feed.links} == {"self", "first", "last", "alternate", "search"}


def test_ids_are_the_same_on_every_host_and_after_every_build(
    client: FlaskClient, make_article: Make, tmp_path: Path, settings: Settings
) -> None:
    here, there = read(client, "q=strike"), read(client, "q=strike", base_url="https://host.example/archive")
    assert there.entries[0].link.startswith("https://host.example/archive/news/")
    assert [entry.id for entry in here.entries] == [entry.id for entry in there.entries]
    assert here.feed.id == there.feed.id != read(client, "q=storm").feed.id
    assert len({entry.id for entry in here.entries}) == len(here.entries)
    seen = []
    for generation in (1, 2):
        publish(tmp_path, [make_article()], generation=generation)
        seen.append(read(create_app({**settings, "index": str(tmp_path)}).test_client()).entries[0].id)
    assert seen[0] == seen[1]


def test_a_feed_is_paged(client: FlaskClient) -> None:
    first = read(client, "per_page=5")
    links = {link.rel: link.href for link in first.feed.links}
    assert links["next"] == "http://localhost/feed.atom?page=2&per_page=5"
    assert links["alternate"] == "http://localhost/search"
    ids = [entry.id for entry in first.entries]
    for page in (2, 3):
        ids += [entry.id for entry in read(client, f"per_page=5&page={page}").entries]
    assert len(ids) == len(set(ids)) == 13
    assert client.get("/feed.atom?per_page=5&page=4").status_code == 404
    assert len(read(client).entries) == 13


def test_a_feed_is_sent_once(client: FlaskClient) -> None:
    tag = client.get("/feed.atom?q=strike").headers["ETag"]
    again = client.get("/feed.atom?q=strike", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_partial_matches_are_no_news(client: FlaskClient) -> None:
    assert client.get("/api/search?q=harbour+zebra").get_json()["relaxed"]
    feed = read(client, "q=harbour+zebra")
    assert (feed.entries, feed.feed.opensearch_totalresults) == ([], "0")


TITLES = {
    "everything": (SearchRequest(), "", "News: all articles"),
    "words": (SearchRequest(q="comet -moon"), "“comet”, not “moon”", "News: “comet”, not “moon”"),
    "filters": (
        SearchRequest(topic=("Floods",), not_source=("Radio",), missing=("summary",)),
        "",
        "News: topic “Floods”, without source “Radio”, with no summary",
    ),
    "100 %": (SearchRequest(context=("100 %",)), "", "News: context “100 %”"),
}


@pytest.mark.parametrize(("search", "understood", "title"), TITLES.values(), ids=TITLES.keys())
def test_a_feed_is_titled_in_plain_words(search: SearchRequest, understood: str, title: str) -> None:
    assert feed_title(search, understood, "News") == title


def test_dates_are_in_the_title(client: FlaskClient) -> None:
    assert read(client, "from=2031-03&to=2031-03").feed.title == "News archive: March 2031"


def test_hostile_articles_make_a_sound_feed(make_article: Make, tmp_path: Path, settings: Settings) -> None:
    publish(
        tmp_path,
        [
            make_article(
                headline="<script>alert(1)</script> & \x01\x0b\uffff ]]>",
                summary="&lt; \x1b[2J",
                topic='"quoted" <topic>',
                contexts=("a\x00b",),
                sources=(Source("x", "javascript:alert(1)"), Source("y", "https://y.example/?a=1&b=<")),
            )
        ],
    )
    client = create_app({**settings, "index": str(tmp_path), "site_name": "A & <b>"}).test_client()
    feed = read(client)
    assert "javascript:" not in client.get("/feed.atom").get_data(as_text=True)
    tree = ElementTree.fromstring(client.get("/feed.atom").data)
    atom = "{http://www.w3.org/2005/Atom}"
    entry = tree.find(f"{atom}entry")
    assert entry is not None
    assert entry.findtext(f"{atom}title") == "<script>alert(1)</script> &  ]]>"
    assert len(feed.entries) == 1
    assert tree.findtext(f"{atom}title") == "A & <b>: all articles"


@pytest.mark.parametrize(
    ("address", "feed"), [("/", "/feed.atom"), ("/search?q=strike&sort=oldest", "/feed.atom?q=strike")]
)
def test_pages_lead_to_their_feed(client: FlaskClient, address: str, feed: str) -> None:
    link = Page(client.get(address)).one("link", type="application/atom+xml")
    assert (link.get("rel"), link.get("href")) == ("alternate", feed)
    read(client, feed.partition("?")[2])


def test_a_result_page_leads_to_its_files(client: FlaskClient) -> None:
    page = Page(client.get("/search?q=strike&page=1"))
    for text in ("This search as JSON", "as a feed", "as CSV"):
        assert client.get(page.link(text)).status_code == 200


def test_a_result_page_says_how_to_ask_from_a_terminal(client: FlaskClient) -> None:
    page = Page(client.get("/search?q=don't+strike&topic=Port+Amaro+harbour+strike&page=1"))
    program, address = shlex.split(words(page.one("p", class_="terminal")))
    assert (program, address.partition("/api/")[0]) == ("curl", "http://localhost")
    answer = client.get(address).get_json()["query"]
    assert (answer["q"], answer["topic"]) == ("don't strike", ["Port Amaro harbour strike"])


@pytest.mark.parametrize("base", ["http://one.example", "https://one.example", "http://two.example:8080"])
def test_what_is_typed_in_a_terminal_names_the_host_that_was_asked(client: FlaskClient, base: str) -> None:
    page = Page(client.get("/search?q=strike", base_url=base))
    assert words(page.one("p", class_="terminal")) == f"curl '{base}/api/search?q=strike'"


# -- browsers ------------------------------------------------------------------------------------------------------

OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


@pytest.fixture(scope="module")
def prefixed(settings: Settings) -> Flask:
    return create_app({**settings, "url_prefix": "/find", "site_name": "A very long name & <more>", "TESTING": True})


def test_a_browser_learns_to_search_here(client: FlaskClient) -> None:
    response = client.get("/opensearch.xml")
    assert response.mimetype == "application/opensearchdescription+xml"
    tree = ElementTree.fromstring(response.data)
    assert tree.findtext(f"{OPENSEARCH}ShortName") == "News archive"
    templates = {url.get("type"): url.get("template") or "" for url in tree.findall(f"{OPENSEARCH}Url")}
    assert templates["text/html"] == "http://localhost/search?q={searchTerms}"
    for mimetype, template in templates.items():
        filled = template.replace("{searchTerms}", "strike").replace("{startPage?}", "").replace("{count?}", "")
        answer = client.get(filled.removeprefix("http://localhost"))
        assert (answer.status_code, answer.mimetype) == (200, mimetype)
    image = tree.findtext(f"{OPENSEARCH}Image") or ""
    with client.get(image.removeprefix("http://localhost")) as answer:
        assert answer.mimetype == "image/svg+xml"


def test_a_browser_learns_it_below_a_path(prefixed: Flask) -> None:
    tree = ElementTree.fromstring(prefixed.test_client().get("/find/opensearch.xml").data)
    assert len(tree.findtext(f"{OPENSEARCH}ShortName") or "") <= 16
    for url in tree.findall(f"{OPENSEARCH}Url"):
        assert (url.get("template") or "").startswith("http://localhost/find/")
    assert (tree.findtext(f"{OPENSEARCH}Image") or "").startswith("http://localhost/find/static/")


@pytest.mark.parametrize("address", ["/", "/search?q=strike", "/search?topic=nothing", "/news/2031/03/4/", "/none",
                                     "/api/", "/search/facet/topic"])  # fmt: skip
def test_every_page_tells_browsers(client: FlaskClient, address: str) -> None:
    link = Page(client.get(address)).one("link", rel="search")
    assert (link.get("type"), link.get("href")) == ("application/opensearchdescription+xml", "/opensearch.xml")


def test_completions_in_the_form_of_browsers(client: FlaskClient) -> None:
    response = client.get("/opensearch/suggest?q=KES&limit=3")
    assert response.mimetype == "application/x-suggestions+json"
    typed, texts, descriptions, addresses = json.loads(response.data)
    assert typed == "KES"
    assert (texts[0], descriptions[0]) == ("Kestria", "Context, 5 articles")
    assert addresses[0] == "http://localhost/search?context=Kestria"
    assert len(texts) == len(set(texts)) == len(descriptions) == len(addresses) <= 3
    assert json.loads(client.get("/opensearch/suggest").data) == ["", [], [], []]


def test_a_completion_finds_what_it_counts(client: FlaskClient) -> None:
    for letter in "acdhks":
        _, _, descriptions, addresses = json.loads(client.get(f"/opensearch/suggest?q={letter}").data)
        for told, address in zip(descriptions, addresses, strict=True):
            kind, _, count = told.partition(", ")
            page = Page(client.get(address.removeprefix("http://localhost")))
            if kind != "Word":  # a word may stand elsewhere than in headlines
                assert page.title.startswith(f"{count}"), told


# -- other search engines ------------------------------------------------------------------------------------------

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def locations(client: FlaskClient, address: str) -> list[str]:
    response = client.get(address)
    assert (response.status_code, response.mimetype) == (200, "application/xml")
    return [element.text or "" for element in ElementTree.fromstring(response.data).iter(f"{SITEMAP}loc")]


def test_the_sitemaps_hold_every_article_once(client: FlaskClient) -> None:
    months = locations(client, "/sitemap.xml")
    found = [place for month in months for place in locations(client, month.removeprefix("http://localhost"))]
    every = [json.loads(line)["url"] for line in client.get("/export.jsonl").get_data(as_text=True).splitlines()]
    assert sorted(found) == sorted(every)
    for place in found:
        assert client.get(place.removeprefix("http://localhost")).status_code == 200


@pytest.mark.parametrize("month", ["2031-13", "2031-00", "0000-01", "1999-01", "2031-3", "x"])
def test_a_month_without_articles_has_no_sitemap(client: FlaskClient, month: str) -> None:
    assert client.get(f"/sitemap-{month}.xml").status_code == 404


def test_robots_are_led_to_articles(client: FlaskClient) -> None:
    lines = client.get("/robots.txt").get_data(as_text=True).splitlines()
    assert "Sitemap: http://localhost/sitemap.xml" in lines
    for path in ("/search", "/api/", "/export", "/feed.atom"):
        assert f"Disallow: {path}" in lines
