"""The page of all values of a facet, by what a reader sees."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web_page import Page, args, see, words

ELECTION = "Kestrian presidential election, 2032"


@pytest.mark.parametrize("field", ["topic", "context", "source"])
def test_a_facet_has_a_page_of_all_its_values(client: FlaskClient, field: str) -> None:
    page = see(client, f"/search/facet/{field}", q="strike")
    values = page.one("ul", class_="values")
    for item in values:
        link = next(item.iter("a"))
        count = next(words(span) for span in item.iter("span") if span.get("class") == "count")
        assert Page(client.get(link.get("href") or "")).title.startswith(f"{count} article")
    assert page.link("← Back to the results") == "/search?q=strike"


def test_a_long_facet_is_searched_ordered_and_paged(client: FlaskClient) -> None:
    def listed(**parameters: object) -> list[str]:
        page = see(client, "/search/facet/context", **parameters)
        return [words(next(item.iter("a"))) for item in page.one("ul", class_="values")]

    assert listed()[:2] == ["Kestria", "Ardenia"]
    by_name = listed(order="name")
    assert by_name[:2] == ["Ardenia", "Festival de Clairmont"]
    assert listed(prefix="kest") == ["Kestria", ELECTION]
    assert [*listed(order="name", per_page=8), *listed(order="name", per_page=8, page=2)] == by_name


def test_a_facet_page_says_of_which_search_it_is_and_what_is_not_there(client: FlaskClient) -> None:
    page = see(client, "/search/facet/context", q="strike", prefix="zzyzx")
    assert words(page.one("h1")) == "0 contexts for “strike”"
    assert page.title.startswith("0 contexts for “strike”")
    assert "None has a word that begins with “zzyzx”." in page.text
    assert "Nothing to choose from" in see(client, "/search/facet/context", q="zzyzx").text


@pytest.mark.parametrize("field", ["topic", "source"])
def test_a_facet_page_counts_what_has_no_value(client: FlaskClient, field: str) -> None:
    page = see(client, f"/search/facet/{field}", q="strike OR talks OR comet")
    (bar,) = page.all("p", class_="bar")
    count = words(bar).partition(f" no {field} ")[2].split()[0]
    found = Page(client.get(page.link(f"no {field}")))
    assert found.title.startswith(f"{count} article")
    assert args(page.link(f"no {field}"))["missing"] == [field]
    picked = see(client, f"/search/facet/{field}", missing=field)
    assert f"no {field}" not in words(picked.all("p", class_="bar")[0])


def test_selected_values_of_a_facet_page_lead_out_again(client: FlaskClient) -> None:
    page = see(client, "/search/facet/context", context="Kestria", q="strike")
    assert args(page.link("Kestria, selected, remove")) == {"q": ["strike"]}
