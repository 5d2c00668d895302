"""The result page and the front page, by what a reader sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin

import pytest
from flask.testing import FlaskClient
from index_making import publish
from web_page import Page, args, see, words

from search_app.archive.model import Article
from search_app.web.app import create_app

STRIKE = "Port Amaro harbour strike"
ELECTION = "Kestrian presidential election, 2032"


def test_the_front_page_shows_what_the_archive_holds(client: FlaskClient) -> None:
    page = see(client, "/")
    assert "13 articles, 2 November 2030 to 10 February 2032" in page.text
    assert page.hits[0] == "Le festival du film de Clairmont ouvre sous la neige."
    assert page.link("2031", page.one("ul", class_="years")) == "/news/2031/"
    assert args(page.link(STRIKE, page.one("section", aria_labelledby="topics"))) == {"topic": [STRIKE]}
    assert page.link("All articles, newest first") == "/search"


def test_a_search_shows_query_count_and_marks(client: FlaskClient) -> None:
    page = see(client, "/search", q="harbour strike")
    assert page.title.startswith("4 articles for “harbour strike”")
    assert words(page.one("h1")) == "4 articles for “harbour strike”"
    assert page.one("input", id="q").get("value") == "harbour strike"
    assert "1–4 of 4 articles" in page.text
    assert "Searched for “harbour” and “strike”." in page.text
    assert {words(mark).lower() for mark in page.all("mark")} >= {"harbour", "strike"}
    whole = page.all("ol", class_="hits")[0]
    assert len(list(whole.iter("h3"))) == 4
    assert words(page.all("h2", class_="relaxed")[0]) == "Articles with some of these words"


def test_a_hit_says_what_is_known_of_it(client: FlaskClient) -> None:
    page = see(client, "/search", q="walk out")
    (hit,) = page.hit_items
    headline = "Dockers in Port Amaro walk out over night shifts."
    assert page.link(headline, hit) == "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts.html"
    assert page.link("4 March 2031", hit) == "/news/2031/03/4/"
    assert args(page.link(STRIKE, hit)) == {"q": ["walk out"], "topic": [STRIKE]}
    assert args(page.link("Kestria", hit)) == {"q": ["walk out"], "context": ["Kestria"]}
    assert page.link("Amaro Courier", hit) == "https://courier.example/harbour/walkout"
    assert page.link("picture", hit).startswith("https://courier.example/img/quay.jpg")
    assert page.all("img") == []
    outside = [link for link in hit.iter("a") if (link.get("href") or "").startswith("https://")]
    assert len(outside) == 3


def test_foreign_hits_say_their_language(client: FlaskClient) -> None:
    page = see(client, "/search", q="码头")
    (hit,) = page.hit_items
    assert page.language(hit) == "zh"
    day = next(link for link in hit.iter("a") if words(link).endswith(" 2031"))
    assert page.language(day) == "en"


@pytest.mark.parametrize("reader", ["en", "zh"])
@pytest.mark.parametrize("asked", [{}, {"q": "walk out"}, {"q": "码头"}], ids=["several", "English", "Chinese"])
def test_every_hit_is_in_its_own_language(client: FlaskClient, asked: dict[str, str], reader: str) -> None:
    """And its date in the reader's, whether the list says what all are in or each hit by itself."""
    page = see(client, "/search", **asked, lang=reader)
    told = client.get("/api/search", query_string=asked).get_json()["hits"]
    assert [page.language(item) for item in page.hit_items] == [hit["language"] for hit in told]
    days = [list(kicker.iter("a"))[-1] for kicker in page.all("p", class_="kicker")]
    assert {page.language(day) for day in days} == {reader}


def test_facets_count_what_ticking_gives(client: FlaskClient) -> None:
    page = see(client, "/search")
    boxes = page.boxes()
    assert boxes["topic", STRIKE] == (f"{STRIKE} 3", False)
    assert boxes["missing", "topic"] == ("no topic 4", False)
    for (name, value), (label, _) in boxes.items():
        count = label.rsplit(" ", 1)[1]
        assert see(client, "/search", **{name: value}).title.startswith(f"{count} article"), label


@pytest.mark.parametrize("picked", [{"topic": STRIKE}, {"missing": "topic"}])
def test_a_second_value_adds_what_it_counts(client: FlaskClient, picked: dict[str, str]) -> None:
    """No topic is a value like the others."""
    page = see(client, "/search", **picked)
    others = [(box, label) for box, (label, ticked) in page.boxes().items() if "topic" in box and not ticked]
    assert others
    for (name, value), label in others:
        both: dict[str, list[str]] = {}
        for parameter, one in (*picked.items(), (name, value)):
            both.setdefault(parameter, []).append(one)
        more = int(see(client, "/search", **both).title.split()[0])
        assert more == int(page.title.split()[0]) + int(label.rsplit(" ", 1)[1]), label


def test_every_facet_is_a_named_group_of_the_search_form(client: FlaskClient) -> None:
    page = see(client, "/search", topic=STRIKE)
    assert [words(legend) for legend in page.all("legend")] == ["Date", "Topic, 1 selected", "Context", "Source"]
    grouped = [control for group in page.all("fieldset") for control in group.iter("input")]
    assert {control.get("type", "text") for control in grouped} == {"checkbox", "radio", "text"}
    assert set(grouped) <= set(page.one("form", id="search").iter("input"))


def test_sending_the_form_as_it_stands_changes_nothing(client: FlaskClient) -> None:
    asked = {
        "q": "strike",
        "topic": [STRIKE, "Nowhere"],
        "context": "Kestria",
        "not_source": "Le Courrier de Clairmont",
        "missing": "summary",
        "context_match": "any",
        "from": "2031-01",
        "to": "2031-06",
        "sort": "oldest",
        "per_page": "5",
    }
    page = see(client, "/search", **asked)
    again = client.get("/search", query_string=urlencode(page.form_values()), follow_redirects=True)
    assert parse_qs(again.request.query_string.decode()) == {
        name: value if isinstance(value, list) else [value] for name, value in asked.items()
    }


def test_an_untidy_address_leads_to_the_tidy_one(client: FlaskClient) -> None:
    response = client.get("/search?topic=&q=strike&from=&to=&context_match=all&page=")
    assert (response.status_code, response.headers["Location"]) == (302, "/search?q=strike")


def test_chips_name_each_filter_and_lead_out_of_it(client: FlaskClient) -> None:
    asked = {"q": "strike", "topic": STRIKE, "not_context": "Ivo Tarkan", "from": "2031", "to": "2031"}
    page = see(client, "/search", **asked)
    chips = page.one("ul", class_="chips")
    whole = {"from": ["2031"], "to": ["2031"]}
    assert args(page.link(f"Topic: {STRIKE}, remove ×", chips)) == {
        "q": ["strike"],
        "not_context": ["Ivo Tarkan"],
        **whole,
    }
    assert args(page.link("Not context: Ivo Tarkan, remove ×", chips)) == {"q": ["strike"], "topic": [STRIKE], **whole}
    without_date = args(page.link("Date: 2031, remove ×", chips))
    assert without_date == {"q": ["strike"], "topic": [STRIKE], "not_context": ["Ivo Tarkan"]}
    assert args(page.link("Remove all filters", chips)) == {"q": ["strike"]}


def test_picked_and_excluded_values_are_pinned(client: FlaskClient) -> None:
    page = see(client, "/search", q="comet", topic=ELECTION, not_source="Amaro Courier", missing="source")
    boxes = page.boxes()
    assert boxes["topic", ELECTION] == (f"{ELECTION} 0", True)
    assert boxes["not_source", "Amaro Courier"] == ("not Amaro Courier", True)
    assert boxes["missing", "source"] == ("no source 0", True)


def test_a_value_is_excluded_by_its_button(client: FlaskClient) -> None:
    page = see(client, "/search")
    button = page.one("button", name="not_topic", value=STRIKE)
    assert button in page.one("form", id="search").iter()
    assert words(button) == f"not {STRIKE}"
    assert see(client, "/search", not_topic=STRIKE).title.startswith("10 articles")


def test_contexts_match_all_or_any(client: FlaskClient) -> None:
    both = {"context": ["Ivo Tarkan", "Mirela Dosan"]}
    assert "Nothing found" in see(client, "/search", **both).text
    page = see(client, "/search", **both, context_match="any")
    assert page.title.startswith("4 articles")
    assert [radio.get("value") for radio in page.all("input", type="radio") if "checked" in radio.attrib] == ["any"]


def test_orders_keep_the_set(client: FlaskClient) -> None:
    page = see(client, "/search", q="strike")
    sorts = page.one("span", class_="sorts")
    newest = Page(client.get(page.link("Newest first", sorts)))
    oldest = Page(client.get(page.link("Oldest first", sorts)))
    assert newest.hits == oldest.hits[::-1]
    assert sorted(newest.hits) == sorted(page.hits)
    assert args(oldest.link("Best match", oldest.one("span", class_="sorts"))) == {"q": ["strike"]}


def test_every_page_is_reachable_and_no_hit_is_on_two(client: FlaskClient) -> None:
    first = see(client, "/search", per_page=2)
    assert "1–2 of 13 articles" in first.text
    pager = first.one("nav", aria_label="Pages of results")
    assert first.link("7", pager) == "/search?page=7&per_page=2"
    assert [link.get("aria-label") for link in pager.iter("a")][-2] == "Page 7"
    seen, page = list(first.hits), first
    while nexts := [href for text, href in page.links if text == "Next →"]:
        page = Page(client.get(nexts[0]))
        seen += page.hits
    assert len(seen) == len(set(seen)) == 13
    assert "13–13 of 13 articles" in page.text


def test_the_timeline_is_a_drawing_and_an_equal_table(client: FlaskClient) -> None:
    page = see(client, "/search")
    figure = page.one("figure", class_="timeline")
    drawn = {words(next(link.iter("title"))): page.address(link) for link in next(figure.iter("svg")).iter("a")}
    rows = [[words(cell) for cell in row] for row in next(figure.iter("tbody"))]
    assert args(page.link("as CSV", figure)) == {}
    csv = client.get(page.link("as CSV", figure)).get_data(as_text=True)
    assert len(csv.splitlines()) == 1 + len(rows)
    counted = {label: int(count) for label, count in rows if count != "no data"}
    assert sum(counted.values()) == 13
    assert ["December 2030", "no data"] in rows
    assert {f"{label}: {count} article{'s' if count != 1 else ''}" for label, count in counted.items()} == set(drawn)
    march = drawn["March 2031: 3 articles"]
    assert args(march) == {"from": ["2031-03"], "to": ["2031-03"]}
    assert Page(client.get(march)).title.startswith("3 articles")


def test_partial_matches_are_set_apart(client: FlaskClient) -> None:
    page = see(client, "/search", q="harbour zebra")
    assert "No article has all of these words." in words(page.one("h2", class_="relaxed"))
    assert words(page.one("h1")) == "5 close matches for “harbour zebra”"
    assert page.title.startswith("5 close matches for “harbour zebra”")
    assert "1–5 of 5 close matches" in page.text
    assert len(page.hits) == 5


def test_among_partial_matches_nothing_is_counted_that_would_not_hold(client: FlaskClient) -> None:
    """Where a filter leaves fewer articles, others are the closest to the words."""
    page = see(client, "/search", q="harbour zebra")
    assert page.boxes()["topic", STRIKE] == (STRIKE, False)
    assert page.boxes()["missing", "topic"] == ("no topic", False)
    assert page.all("svg") == page.all("small") == []
    narrowed = see(client, "/search", q="harbour zebra", topic=STRIKE)
    assert narrowed.boxes()["topic", STRIKE] == (STRIKE, True)
    assert narrowed.hits


def test_a_page_of_a_corrected_query_is_headed_by_it_and_leads_back(client: FlaskClient) -> None:
    page = see(client, "/search", q="harbour stirke")
    assert words(page.one("h1")) == "4 articles for “harbour strike”"
    assert page.title.startswith("4 articles for “harbour strike”")
    assert page.one("input", id="q").get("value") == "harbour stirke"
    note = page.one("p", class_="note")
    told = "Nothing was found for “harbour stirke”. These are the results for harbour strike."
    assert words(note) == f"{told} Search for the words as typed"
    assert args(page.link("harbour strike", note)) == {"q": ["harbour strike"]}
    typed = see(client, page.link("Search for the words as typed", note))
    assert words(typed.one("h1")) == "5 close matches for “harbour stirke”"


def test_what_was_ignored_is_said(client: FlaskClient) -> None:
    page = see(client, "/search", q="colour:red strike")
    assert any("There is no field “colour:”" in words(note) for note in page.all("p", class_="note"))


def test_nothing_found_offers_ways_on_with_their_counts(client: FlaskClient) -> None:
    page = see(client, "/search", q="comet", topic=ELECTION, source="Straits Radio")
    assert words(page.one("h1")) == "Nothing found for “comet”"
    ways = page.one("ul", class_="ways")
    for item in ways:
        count = words(item).rsplit(" ", 2)[1]
        href = page.address(next(item.iter("a")))
        assert see(client, href).title.startswith(f"{count} article")
    assert any("without any filter" in words(item) for item in ways)


def test_nothing_at_all_still_leads_on(client: FlaskClient) -> None:
    page = see(client, "/search", q="zzyzx")
    assert page.link("start from the front page") == "/"


def test_swapped_dates_are_said(client: FlaskClient) -> None:
    page = see(client, "/search", **{"from": "2032", "to": "2031"})
    assert "have been swapped" in page.text
    assert page.search_field("from").get("value") == "2031"
    assert page.search_field("to").get("value") == "2032"


def test_only_what_makes_a_difference_is_offered(client: FlaskClient) -> None:
    """Without words no order is better than another, and of no context neither all nor any."""
    assert "Best match" not in see(client, "/search").text
    assert "Best match" in see(client, "/search", sort="relevance").text
    nothing = see(client, "/search", q="zzyzx")
    assert nothing.all("input", type="radio") == []
    assert len(see(client, "/search").all("input", type="radio")) == 2


def test_an_archive_of_a_day_is_said_to_be_of_that_day(tmp_path: Path, make_article: Callable[..., Article]) -> None:
    publish(tmp_path, [make_article(), make_article(headline="Talks")])
    page = see(create_app({"index": str(tmp_path)}).test_client(), "/")
    assert words(page.one("p", class_="extent")) == "2 articles, 4 March 2031"


def test_links_of_the_result_page_carry_no_path_twice(client: FlaskClient) -> None:
    (hit,) = Page(client.get("/search?q=walk+out")).hit_items
    contexts = [link.get("href") or "" for line in hit.iter("p") if line.get("class") == "contexts" for link in line]
    assert contexts
    assert all(href.startswith("?q=walk+out&context=") for href in contexts)


def test_no_bar_leads_past_what_it_counts(client: FlaskClient) -> None:
    page = see(client, "/search", **{"from": "2031-03-05", "to": "2031-06-20"})
    bars = list(next(page.one("figure").iter("svg")).iter("a"))
    assert bars
    for bar in bars:
        title = words(next(bar.iter("title")))
        assert Page(client.get(page.address(bar))).title.startswith(title.rpartition(": ")[2]), title


def test_spans_without_data_are_told_from_spans_without_hits(client: FlaskClient) -> None:
    page = see(client, "/search", q="harbour", interval="month")
    rows = [[words(cell) for cell in row] for row in next(page.one("figure").iter("tbody"))]
    told = client.get("/api/search?q=harbour&interval=month").get_json()["histogram"]
    every = client.get("/api/search?interval=month").get_json()["histogram"]["buckets"]
    held = {bucket["start"] for bucket in every if bucket["count"]}
    for (label, count), bucket in zip(rows, told["buckets"], strict=True):
        assert (count == "no data") == (bucket["start"] not in held) == (bucket["start"] in told["no_data"]), label
    assert "hatched" in words(page.one("figcaption"))
    assert len(page.all("path", class_="gaps")) == 1


def test_a_range_is_chosen_without_script(client: FlaskClient) -> None:
    page = see(client, "/search", q="strike", topic=STRIKE, sort="oldest")
    fields = list(page.one("form", class_="range").iter("input"))
    sent = {field.get("name"): field.get("value") for field in fields}
    assert list(sent.items())[2:] == [("q", "strike"), ("topic", STRIKE), ("sort", "oldest")]
    # As they stand the fields hold the ends of the drawing, and take nothing outside of them.
    assert [field.get("type") for field in fields[:2]] == ["date", "date"]
    assert {(field.get("min"), field.get("max")) for field in fields[:2]} == {(sent["from"], sent["to"])}
    assert see(client, "/search", **sent).hits == page.hits
    chosen = see(client, "/search", **{**sent, "to": sent["from"]})
    first_bar = words(next(page.one("figure").iter("title")))
    assert chosen.title.startswith(first_bar.rpartition(": ")[2])


def test_the_order_is_explained_where_it_is_asked_for(client: FlaskClient) -> None:
    page = see(client, "/search", q="harbour strike", topic=STRIKE)
    assert "Why here?" not in page.text
    why = Page(client.get(page.link("Why this order?")))
    assert why.hits == page.hits
    told = client.get("/api/search", query_string={"q": "harbour strike", "topic": STRIKE, "explain": "1"}).get_json()
    for item, hit in zip(why.one("ol", class_="hits").iter("li"), told["hits"], strict=True):
        said = next(words(line) for line in item.iter("p") if words(line).startswith("Why here?"))
        reasons = said.removeprefix("Why here? ").split(" · ")
        worths = [float(reason.rpartition(": ")[2]) for reason in reasons]
        assert sum(worths) == pytest.approx(hit["score"], abs=0.05 * len(worths) + 0.01)
        assert any(reason.startswith("“strike” in the topic: ") for reason in reasons), reasons
    assert args(why.link("Hide the reasons")) == {"q": ["harbour strike"], "topic": [STRIKE]}
    assert "explain" not in args(why.link("as a feed")) | args(why.link("as CSV"))


def test_what_age_takes_away_is_among_the_reasons(client: FlaskClient) -> None:
    page = see(client, "/search", q="harbour strike", half_life=30, explain="1")
    said = [words(line) for line in page.all("p", class_="told") if words(line).startswith("Why here?")]
    assert len(said) == len(list(page.all("ol", class_="hits")[0]))
    assert all("its age: -" in line for line in said), said


@pytest.mark.parametrize("asked", [{}, {"q": "strike", "sort": "newest"}], ids=["no words", "by date"])
def test_an_order_by_date_has_no_reasons(client: FlaskClient, asked: dict[str, str]) -> None:
    page = see(client, "/search", **asked, explain="1")
    assert "Why" not in page.text
    assert page.hits


def test_a_result_page_says_when_its_index_was_built(client: FlaskClient) -> None:
    built = date.fromisoformat(client.get("/api/status").get_json()["built_at"][:10])
    assert f"Index of {built.day} {built:%B %Y}" in see(client, "/search", q="strike").text


def test_what_a_search_has_already_is_no_link(client: FlaskClient) -> None:
    """And a context that all hits must have is not said of each."""
    asked = {"topic": STRIKE, "context": "Kestria", "q": "walk out"}
    (hit,) = see(client, "/search", **asked).hit_items
    assert [words(line) for line in hit.iter("bdi")] == [STRIKE]
    assert not {STRIKE, "Kestria"} & {words(link) for link in hit.iter("a")}
    (hit,) = see(client, "/search", **asked, context_match="any").hit_items
    assert [words(line) for line in hit.iter("bdi")] == [STRIKE, "Kestria"]


def test_links_of_a_result_page_are_written_in_letters(client: FlaskClient) -> None:
    """A third of the bytes for Chinese; what programs take, and what is no letter, stays encoded."""
    page = see(client, "/search", q="码头\u3000\u202eé", context_match="any", context="码头 & “罢工”")
    written = [link.get("href") or "" for link in page.one("ul", class_="chips").iter("a")]
    assert written == ["?q=码头%E3%80%80%E2%80%AEé&context_match=any"]
    (form,) = [pair for pair in page.form_values() if pair[0] == "context"]
    assert form == ("context", "码头 & “罢工”")
    assert page.one("link", rel="canonical").get("href", "").isascii()
    assert all(page.link(text).isascii() for text in ("This search as JSON", "as a feed", "as CSV"))
    (hit,) = see(client, "/search", q="码头").hit_items
    for link in hit.iter("a"):
        href = link.get("href") or ""
        if not href.startswith("http"):
            assert client.get(urljoin("/search", href) if href.startswith("?") else href).status_code == 200, href


def test_words_marked_side_by_side_are_marked_as_one(client: FlaskClient) -> None:
    page = see(client, "/search", q="walk out over night")
    assert "walk out over night" in {words(mark) for mark in page.all("mark")}


ENDS = {
    "years": ("2030", "2031", "2030", "2031"),
    "a month": ("2031-01", "2031-01", "2031-01", "2031-01"),
    "from a new year": ("2031-01-01", "2031-03", "2031-01", "2031-03"),
    "to the end of a year": ("2031-03-04", "2031-12", "2031-03-04", "2031-12"),
    "open": ("2031-01", "", "2031", ""),
}


@pytest.mark.parametrize(("first", "last", "first_shown", "last_shown"), ENDS.values(), ids=ENDS.keys())
def test_days_are_shown_as_short_as_both_ends_allow(
    client: FlaskClient, first: str, last: str, first_shown: str, last_shown: str
) -> None:
    page = see(client, "/search", **{"from": first, "to": last})
    shown = dict(page.form_values())
    assert (shown["from"], shown["to"]) == (first_shown, last_shown)


BEFORE = {
    "days": ("2031-03-05", "2031-06-20", {"from": ["2030-03-05"], "to": ["2030-06-20"]}),
    "a month that is a day longer": ("2029-02", "2029-02", {"from": ["2028-02"], "to": ["2028-02"]}),
    "a leap day": ("2028-02-29", "2028-03-02", {"from": ["2027-02-28"], "to": ["2027-03-02"]}),
    "a year": ("2031", "2031", {"from": ["2030"], "to": ["2030"]}),
}


@pytest.mark.parametrize(("first", "last", "expected"), BEFORE.values(), ids=BEFORE.keys())
def test_the_same_time_a_year_before(
    client: FlaskClient, first: str, last: str, expected: dict[str, list[str]]
) -> None:
    page = see(client, "/search", **{"from": first, "to": last})
    assert args(page.link("The same time a year before")) == expected


def test_no_year_comes_before_the_first(client: FlaskClient) -> None:
    page = see(client, "/search", **{"from": "0001-03", "to": "0001-04"})
    assert "The same time a year before" not in page.text


def test_pages_are_light(client: FlaskClient) -> None:
    with client.get("/static/style.css") as response:
        style = len(response.data)
    for path in ("/search", "/search?interval=day", "/", "/news/2031/", "/search/facet/context"):
        assert len(client.get(path).data) + style < 50_000, path


LAYOUT = ["/", "/search?q=strike", "/search/facet/topic", "/news/2031/", "/news/2031/03/4/", "/search?page=99"]


@pytest.mark.parametrize("path", LAYOUT)
def test_pages_have_landmarks_and_headings_in_order(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path))
    assert page.one("html").get("lang") == "en"
    assert page.one("main").get("id") == "main"
    assert page.link("Skip to the content") == "#main"
    levels = [int(element.tag[1]) for element in page.root.iter() if element.tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", LAYOUT)
def test_nothing_is_loaded_from_elsewhere(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path))
    (script,) = page.all("script")
    assert "defer" in script.attrib
    assert not "".join(script.itertext()).strip()
    assert page.all("style") == []
    assert not [element for element in page.root.iter() if element.get("style") or element.get("onclick")]
    loaded = [link.get("href") or "" for link in page.all("link") if link.get("rel") in ("stylesheet", "icon")]
    assert len(loaded) == 2
    for address in (*loaded, script.get("src") or ""):
        with client.get(address) as response:
            assert response.status_code == 200
            assert "immutable" in response.headers["Cache-Control"]


def test_below_a_prefix_every_link_stays_below_it(app) -> None:  # type: ignore[no-untyped-def]
    client = app.test_client()
    for path in LAYOUT:
        page = Page(client.get(path, base_url="http://host.example/archive"))
        inner = [href for _, href in page.links if not href.startswith(("https://", "http://", "#"))]
        assert inner
        assert all(href.startswith("/archive/") for href in inner), path
        assert all((form.get("action") or "").startswith("/archive/") for form in page.all("form"))


def test_a_hit_that_shows_no_word_says_where_it_stands(client: FlaskClient) -> None:
    for query, told in (("context:kestria strike", "strike"), ("source:courier", "In a source: Amaro Courier")):
        answer = client.get("/api/search", query_string={"q": query}).get_json()
        page = see(client, "/search", q=query)
        items = page.hit_items
        assert len(items) == len(answer["hits"]) > 0
        assert any(told in words(item) for item in items)
        for item, hit in zip(items, answer["hits"], strict=True):
            shown = "<mark>" in hit["headline_html"] + hit["snippet_html"]
            assert shown != bool(hit["found_in"])
            assert bool(list(item.iter("mark")))
            for found in hit["found_in"]:
                assert found["html"].replace("<mark>", "").replace("</mark>", "") in words(item)
