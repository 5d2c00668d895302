"""An article reached from a result page: its place among the results, the ones beside it, the way back."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from prefixed import HERE, PREFIX, PrefixedClient
from web_page import Page, words


def results(client: FlaskClient, address: str) -> list[str]:
    """Return where the hits of a result page lead, in order."""
    page = Page(client.get(address))
    return [page.address(link) for heading in page.all("h3") for link in heading.iter("a")]


def came_from(client: FlaskClient, address: str) -> dict[str, str]:
    """Return what a browser sends that follows a link of a page."""
    return {"Referer": f"{HERE}{PREFIX if isinstance(client, PrefixedClient) else ''}{address}"}


def walk(client: FlaskClient, address: str, words_of_link: str) -> tuple[list[str], list[str]]:
    """Return the articles that one link after another leads to, and what each says of its place."""
    seen, said = [], []
    response = client.get(address)
    while True:
        page = Page(response)
        nav = page.one("nav", class_="steps")
        seen.append(response.request.path)
        said.append(words(page.one("a", class_="back")))
        onward = [link for link in nav.iter("a") if words_of_link in words(link)]
        if not onward:
            return seen, said
        response = client.get(page.address(onward[0]))


@pytest.mark.parametrize(
    "search",
    [
        "/search?q=harbour&per_page=2",
        "/search?per_page=3&sort=oldest",
        "/search?topic=Port+Amaro+harbour+strike&to=2031-03&per_page=1",
        "/search?q=dockers+OR+council&not_source=The+Halvik+Post",
    ],
)
def test_links_lead_through_all_results_in_their_order(client: FlaskClient, search: str) -> None:
    expected: list[str] = []
    turn = [search]
    while turn:
        expected += results(client, turn[0])
        page = Page(client.get(turn[0]))
        turn = [page.address(link) for link in page.all("a", rel="next")]
    assert len(expected) > 1
    # The browser tells the first step: the links of a result page say nothing of it.
    opened = client.get(expected[0], headers=came_from(client, search))
    page = Page(opened)
    assert not page.all("a", rel="prev")
    first = page.address(page.one("a", rel="next"))
    seen, said = walk(client, first, "Next result")
    assert [opened.request.path, *seen] == expected
    assert said == [f"Result {n} of {len(expected)}" for n in range(2, len(expected) + 1)]
    back, _ = walk(client, _last_address(client, first), "Previous result")
    assert back == expected[::-1]


def _last_address(client: FlaskClient, address: str) -> str:
    """Return the address of the last result, with its place."""
    while True:
        page = Page(client.get(address))
        onward = page.all("a", rel="next")
        if not onward:
            return address
        address = page.address(onward[0])


def test_the_way_back_leads_to_the_page_that_holds_it(client: FlaskClient) -> None:
    second_page = results(client, "/search?q=harbour&per_page=2&page=2")
    page = Page(client.get(f"{second_page[0]}?q=harbour&per_page=2&at=3"))
    back = page.address(page.one("a", class_="back"))
    assert back == "/search?q=harbour&page=2&per_page=2"
    assert page.search_field("q").get("value") == "harbour"
    assert results(client, back) == second_page


def test_partial_matches_follow_and_are_in_no_total(client: FlaskClient) -> None:
    search = "/search?q=dockers+shifts"
    hits = results(client, search)
    full = len(Page(client.get(search)).all("ol", class_="hits")[0])
    assert 0 < full < len(hits)
    for at, hit in enumerate(hits, 1):
        said = words(Page(client.get(hit, headers=came_from(client, search))).one("a", class_="back"))
        assert said == (f"Result {at} of {full}" if at <= full else f"Result {at}")


def test_the_language_of_the_address_stays(client: FlaskClient) -> None:
    search = "/search?q=harbour&lang=zh"
    page = Page(client.get(results(client, search)[0], headers=came_from(client, search)))
    assert "lang=zh" in page.address(page.all("a", rel="next")[0])
    assert words(page.one("a", class_="back")).startswith("第 1 条结果")


@pytest.mark.parametrize(
    "place",
    [
        "?q=harbour&at=0",
        "?q=harbour&at=x",
        "?q=harbour&at=9999999",
        "?q=harbour&at=999999999999",
        "?q=lighthouse+keeper&at=1",
        "?q=harbour&from=someday&at=1",
        "?q=harbour&per_page=100000&at=1",
        "?q=harbour",
    ],
)
def test_a_place_where_the_article_is_not_is_not_shown(client: FlaskClient, place: str) -> None:
    hits = results(client, "/search?q=harbour&sort=oldest")
    answer = client.get(hits[1].partition("?")[0] + place)
    page = Page(answer)
    assert page.status == 200
    assert not page.all("nav", class_="steps")


@pytest.mark.parametrize(
    "referrer",
    [
        "https://elsewhere.example/search?q=harbour",
        f"{HERE}/news/2031/03/4/?q=harbour",
        f"{HERE}/searches?q=harbour",
        f"{HERE}{PREFIX}/search/facet/topic?q=harbour",
        "http://[::1/search?q=harbour",
        "about:blank",
        "?q=harbour",
        "",
    ],
)
def test_a_reader_from_elsewhere_gets_the_article_alone(client: FlaskClient, referrer: str) -> None:
    address = results(client, "/search?q=harbour")[0]
    answer = client.get(address, headers={"Referer": referrer})
    assert answer.get_data() == client.get(address).get_data()
    assert answer.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "query", ["?q=harbour&from=someday", "?q=lighthouse+keeper+nobody", "?page=99999999", "?page=x"]
)
def test_results_that_do_not_hold_the_article_say_nothing(client: FlaskClient, query: str) -> None:
    address = results(client, "/search?q=harbour")[0]
    page = Page(client.get(address, headers=came_from(client, f"/search{query}")))
    assert page.status == 200
    assert not page.all("nav", class_="steps")


def test_a_mangled_address_of_results_does_no_harm(client: FlaskClient) -> None:
    address = results(client, "/search?q=harbour")[0]
    for query in ("?q=%ff%fe&&&=&%", "?q=harbour#top", "??q=harbour", "?at=5&at=0", "?q=" + "a" * 4000):
        assert client.get(address, headers=came_from(client, f"/search{query}")).status_code == 200


def test_no_cache_keeps_for_others_what_one_reader_came_from(client: FlaskClient) -> None:
    search = "/search?q=harbour"
    hits = results(client, search)
    plain = client.get(hits[0])
    told = client.get(hits[0], headers=came_from(client, search))
    assert plain.headers["Cache-Control"] == "public, max-age=60"
    assert told.headers["Cache-Control"] == "private, no-cache"
    assert told.headers["ETag"] != plain.headers["ETag"]
    again = client.get(hits[0], headers={**came_from(client, search), "If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 200
    named = client.get(f"{hits[1]}?q=harbour&at=2")
    assert named.headers["Cache-Control"] == "public, max-age=60"
    assert Page(named).one("link", rel="canonical").get("href") == hits[1]
