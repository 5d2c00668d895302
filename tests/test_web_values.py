"""The page of a topic, a context or a source."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask.testing import FlaskClient
from web_page import Page, words

from search_app.web.links import Links

STRIKE = "Port Amaro harbour strike"
VALUES = {"topic": STRIKE, "context": "Kestria", "source": "Amaro Courier"}


def beside(page: Page, name: str) -> dict[str, str]:
    """Return the values of a list beside the articles, with their counts."""
    items = page.one("section", aria_labelledby=name).iter("li")
    return {words(next(item.iter("a"))): words(next(item.iter("span"))) for item in items}


@pytest.mark.parametrize(("field", "name"), VALUES.items(), ids=VALUES.keys())
def test_the_page_of_a_value_lists_what_its_search_finds(client: FlaskClient, field: str, name: str) -> None:
    page = Page(client.get(f"/{field}/{quote(name)}"))
    assert words(page.one("h1")) == f"{field.capitalize()}: {name}"
    found = Page(client.get(page.link("search within")))
    assert found.hits == page.hits != []
    assert found.title.startswith(f"{len(page.hits)} articles")
    assert page.one("link", rel="canonical").get("href") == f"/{field}/{quote(name)}"


def test_it_tells_when_and_with_what(client: FlaskClient) -> None:
    page = Page(client.get(f"/topic/{quote(STRIKE)}"))
    assert "3 articles, 4 March 2031 to 1 April 2031" in page.text
    assert page.one("figure", class_="timeline") is not None
    assert STRIKE not in beside(page, "context")
    assert not page.all("section", aria_labelledby="topic")
    for name, count in beside(page, "context").items():
        found = Page(client.get(page.link(name, page.one("section", aria_labelledby="context"))))
        assert found.title.startswith(f"{count} article")


def test_another_spelling_leads_to_the_archives_own(client: FlaskClient) -> None:
    response = client.get("/context/kestria?page=1")
    assert (response.status_code, response.headers["Location"]) == (301, "/context/Kestria")


@pytest.mark.parametrize(
    "path", ["/topic/Nowhere", "/context/..", "/source/%00", "/topic/", "/headline/x", "/topic/a//b"]
)
def test_what_is_no_value_is_a_404(client: FlaskClient, path: str) -> None:
    assert client.get(path, follow_redirects=True).status_code == 404


def test_an_unknown_value_is_named(client: FlaskClient) -> None:
    assert "The archive has no topic “<b>”." in Page(client.get("/topic/%3Cb%3E")).text


def test_a_page_past_the_last_leads_back(client: FlaskClient) -> None:
    page = Page(client.get("/context/Kestria?page=9"))
    assert page.status == 404
    assert page.link("Go to the last page, 1") == "/context/Kestria"


NAMES = ["Floods", "a/b", "a b+c", "50 % more?", "#1", "Q&A: “x”", "München 青石港", "a.b", "..a", "-"]
UNFIT = ["..", ".", "a/../b", "/a", "a/", "a//b", "a\\b", "a\nb", "..."]


@pytest.mark.parametrize("name", NAMES)
def test_the_address_of_a_value_names_it(client: FlaskClient, name: str) -> None:
    address = Links().value("topic", name)
    assert address.startswith("/topic/")
    assert f"The archive has no topic “{name}”." in Page(client.get(address)).text


@pytest.mark.parametrize("name", UNFIT)
def test_a_name_that_is_no_path_leads_to_its_search(name: str) -> None:
    address = urlsplit(Links("/archive").value("topic", name))
    assert (address.path, parse_qs(address.query)) == ("/archive/search", {"topic": [name]})


def test_articles_lead_to_the_pages_of_their_values(client: FlaskClient) -> None:
    page = Page(client.get("/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts.html"))
    assert page.link(STRIKE) == f"/topic/{quote(STRIKE)}"
    for link in page.one("ul", class_="contexts").iter("a"):
        assert client.get(page.address(link)).status_code == 200
