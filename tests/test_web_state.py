"""Addresses to requests and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from urllib.parse import parse_qsl

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from search_app.engine.request import FACET_FIELDS, MISSING_FIELDS, SORTS, SearchRequest
from search_app.errors import QueryError
from search_app.settings import load_settings
from search_app.web.links import Links, Refinements, query_string, safe_url, url_host
from search_app.web.state import (
    ALIASES,
    MAX_VALUES,
    PARAMETER_ORDER,
    VALUE_FIELDS,
    adding,
    args_from_request,
    has_filters,
    read_state,
    removing,
    replacing,
    request_from_args,
    without_filters,
)

TODAY = date(2031, 3, 12)
SETTINGS = load_settings({})

few = settings(max_examples=40)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
values = st.lists(texts, unique=True, max_size=3).map(tuple)
days = st.none() | st.dates()


@st.composite
def requests(draw: st.DrawFn) -> SearchRequest:
    """Any request that an address can hold."""
    ends = [draw(days), draw(days)]
    if None not in ends:
        ends.sort()
    return SearchRequest(
        q=draw(st.just("") | texts),
        **{name: draw(values) for name in VALUE_FIELDS if name != "missing"},
        missing=tuple(draw(st.lists(st.sampled_from(MISSING_FIELDS), unique=True))),
        context_match=draw(st.sampled_from(["all", "any"])),
        date_from=ends[0],
        date_to=ends[1],
        sort=draw(st.sampled_from(["", *SORTS])),
        page=draw(st.integers(1, 10**6)),
        per_page=draw(st.integers(1, 100)),
        facet_size=draw(st.integers(1, 100)),
        interval=draw(st.sampled_from(["", "day", "month", "year"])),
        as_typed=draw(st.booleans()),
        explain=draw(st.booleans()),
    )


def read(query: str) -> SearchRequest:
    return request_from_args(MultiDict(parse_qsl(query, keep_blank_values=True)), TODAY, SETTINGS)


@few
@given(requests())
def test_a_request_survives_its_address(request_: SearchRequest) -> None:
    assert read(query_string(args_from_request(request_))) == request_


@few
@given(requests())
def test_addresses_are_canonical(request_: SearchRequest) -> None:
    pairs = args_from_request(request_)
    backwards = args_from_request(read(query_string(pairs[::-1])))
    assert [name for name, _ in backwards] == [name for name, _ in pairs]


@few
@given(requests(), st.sampled_from([*FACET_FIELDS, *(f"not_{field}" for field in FACET_FIELDS)]), texts)
def test_adding_then_removing_a_filter_restores_the_address(request_: SearchRequest, name: str, value: str) -> None:
    opposite = name.removeprefix("not_") if name.startswith("not_") else f"not_{name}"
    before = replace(removing(removing(request_, name, value), opposite, value), page=1)
    added = adding(before, name, value)
    assert value in getattr(added, name)
    assert removing(added, name, value) == before


@few
@given(requests(), st.sampled_from(FACET_FIELDS), texts)
def test_a_value_is_never_both_selected_and_excluded(request_: SearchRequest, field: str, value: str) -> None:
    assert value not in getattr(adding(request_, f"not_{field}", value), field)
    assert value not in getattr(adding(request_, field, value), f"not_{field}")


@few
@given(requests(), st.sampled_from([*FACET_FIELDS, *(f"not_{field}" for field in FACET_FIELDS)]), texts)
def test_quick_links_equal_slow_ones(request_: SearchRequest, name: str, value: str) -> None:
    links = Links("/below")
    assert Refinements(links, request_).add(name, value) == links.search(adding(request_, name, value))
    for page in (1, 2, 19):
        assert Refinements(links, request_).at_page(page) == links.search(replacing(request_, page=page))
    for taken in getattr(request_, name):
        assert Refinements(links, request_).add(name, taken) == links.search(adding(request_, name, taken))


@few
@given(requests())
def test_every_change_leads_to_the_first_page(request_: SearchRequest) -> None:
    assert replacing(request_, q="other").page == 1
    assert adding(request_, "topic", "x").page == removing(request_, "topic", "x").page == 1
    assert without_filters(request_).page == 1
    assert not has_filters(without_filters(request_))


READ = {
    "nothing": ("", SearchRequest()),
    "words": ("q=harbour+strike", SearchRequest(q="harbour strike")),
    "outer spaces": ("q=+harbour++", SearchRequest(q="harbour")),
    "several values": ("topic=A&topic=B", SearchRequest(topic=("A", "B"))),
    "the same value twice": ("topic=A&topic=A", SearchRequest(topic=("A",))),
    "empty values": ("q=&topic=&from=&sort=&page=&context_match=", SearchRequest()),
    "an unknown parameter": ("utm_source=x&q=a&Q=b", SearchRequest(q="a")),
    "the last of two": ("page=2&page=3", SearchRequest(page=3)),
    "a year covers its span": (
        "from=2031&to=2031",
        SearchRequest(date_from=date(2031, 1, 1), date_to=date(2031, 12, 31)),
    ),
    "a leap month": ("to=2028-02", SearchRequest(date_to=date(2028, 2, 29))),
    "a month by name": ("from=jan+2031", SearchRequest(date_from=date(2031, 1, 1))),
    "last week": (
        "from=last+week&to=last+week",
        SearchRequest(date_from=date(2031, 3, 3), date_to=date(2031, 3, 9)),
    ),
    "any of the contexts": ("context=A&context_match=any", SearchRequest(context=("A",), context_match="any")),
    "all is the default": ("context_match=all", SearchRequest()),
    "without a topic": ("missing=topic&missing=source", SearchRequest(missing=("topic", "source"))),
    "the largest page size": ("per_page=100", SearchRequest(per_page=100)),
}


@pytest.mark.parametrize(("query", "expected"), READ.values(), ids=READ.keys())
def test_parameters_are_read(query: str, expected: SearchRequest) -> None:
    assert read(query) == expected


REFUSED = {
    "page zero": ("page=0", "page", "0"),
    "page below zero": ("page=-1", "page", "-1"),
    "page in words": ("page=two", "page", "two"),
    "page in other digits": ("page=٣", "page", "٣"),
    "page with a fraction": ("page=1.0", "page", "1.0"),
    "page of a thousand digits": ("page=" + "9" * 1000, "page", "9" * 1000),
    "too many a page": ("per_page=1000", "per_page", "1000"),
    "none a page": ("per_page=0", "per_page", "0"),
    "a long facet": ("facet_size=101", "facet_size", "101"),
    "an unknown order": ("sort=foo", "sort", "foo"),
    "an unknown match": ("context_match=some", "context_match", "some"),
    "an unknown interval": ("interval=week", "interval", "week"),
    "an unknown field": ("missing=headline", "missing", "headline"),
    "an impossible day": ("from=2031-02-30", "from", "2031-02-30"),
    "no date": ("to=soon", "to", "soon"),
    "two readings": ("from=01/02/2031", "from", "01/02/2031"),
    "too many values": ("&".join(f"topic={n}" for n in range(MAX_VALUES + 1)), "topic", "41 values"),
    "an endless value": ("source=" + "x" * 3000, "source", "x" * 3000),
}


@pytest.mark.parametrize(("query", "parameter", "value"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_values_are_named(query: str, parameter: str, value: str) -> None:
    with pytest.raises(QueryError) as caught:
        read(query)
    assert (caught.value.parameter, caught.value.value) == (parameter, value)
    assert caught.value.expected.endswith((".", "…"))


def test_dates_the_wrong_way_round_are_swapped_with_a_note() -> None:
    state = read_state(MultiDict({"from": "2032", "to": "2030-05"}), TODAY, SETTINGS)
    assert (state.request.date_from, state.request.date_to) == (date(2030, 5, 1), date(2032, 12, 31))
    assert len(state.notes) == 1
    assert "swapped" in state.notes[0]


def test_a_long_query_is_cut_with_a_note() -> None:
    state = read_state(MultiDict({"q": "word " * 4000}), TODAY, SETTINGS)
    assert len(state.request.q) <= SETTINGS.number("max_query_chars")
    assert "only the first 2,048" in state.notes[0]


TIDY = {
    "a full address": ("q=a&page=2", True),
    "an unknown empty one": ("q=a&x=", True),
    "a form's empty field": ("q=a&from=", False),
    "a form's default": ("q=a&context_match=all", False),
}


@pytest.mark.parametrize(("query", "tidy"), TIDY.values(), ids=TIDY.keys())
def test_what_a_form_sends_needs_tidying(query: str, tidy: bool) -> None:
    assert read_state(MultiDict(parse_qsl(query, keep_blank_values=True)), TODAY, SETTINGS).tidy is tidy


OUTSIDE = {
    "https": ("https://courier.example/a?b=1", True),
    "http": ("HTTP://courier.example/", True),
    "script": ("javascript:alert(1)", False),
    "script in disguise": (" javascript:alert(1)", False),
    "data": ("data:text/html,x", False),
    "relative": ("/news/", False),
    "any scheme": ("//evil.example/", False),
    "no host": ("https:///x", False),
    "broken host": ("https://[::1", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("url", "safe"), OUTSIDE.values(), ids=OUTSIDE.keys())
def test_only_web_addresses_lead_outside(url: str, safe: bool) -> None:
    assert safe_url(url) == (url if safe else "")


def test_hosts_are_shown_without_www() -> None:
    assert url_host("https://www.Courier.example:8080/x") == "courier.example"
    assert url_host("https://[") == ""


def test_links_stand_below_their_prefix() -> None:
    links = Links("/below/")
    day = date(2031, 3, 4)
    assert links.search(SearchRequest(q="a b", topic=("C & D",))) == "/below/search?q=a+b&topic=C+%26+D"
    assert links.article("/news/2031/03/4/a-b_c.d") == "/below/news/2031/03/4/a-b_c.d.html"
    assert links.article("/news/2031/03/4/é?#x") == "/below/news/2031/03/4/%C3%A9%3F%23x.html"
    assert links.article("/news/2031/03/4/a\n") == "/below/news/2031/03/4/a%0A.html"
    assert [links.day(day), links.month(day), links.year(day)] == [
        "/below/news/2031/03/4/",
        "/below/news/2031/03/",
        "/below/news/2031/",
    ]


ALIASED = {
    "query=comet&begin_date=2031&end_date=2032-02": "q=comet&from=2031-01&to=2032-02",
    "from-date=2031-03&to-date=2031-04&page-size=5": "from=2031-03&to=2031-04&per_page=5",
    "topic[]=Floods&topic[]=Storms&context%5B%5D=Kestria": "topic=Floods&topic=Storms&context=Kestria",
    "f[topic][]=Floods&topic=Storms&source.not=Radio": "topic=Floods&topic=Storms&not_source=Radio",
}


@pytest.mark.parametrize(("other", "ours"), ALIASED.items())
def test_names_of_other_services_lead_to_ours(client: FlaskClient, other: str, ours: str) -> None:
    response = client.get(f"/search?{other}")
    assert (response.status_code, response.headers["Location"]) == (302, f"/search?{ours}")
    assert client.get(f"/search?{ours}").status_code == 200
    assert (
        client.get(f"/api/search?{other}").get_json()["query"] == client.get(f"/api/search?{ours}").get_json()["query"]
    )


def test_no_name_of_another_service_is_one_of_ours() -> None:
    assert ALIASES.keys().isdisjoint(PARAMETER_ORDER)
    assert set(ALIASES.values()) <= set(PARAMETER_ORDER)
