"""The JSON addresses, key by key, and that they say what the pages say."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web_page import Page, words

STRIKE = "Port Amaro harbour strike"


def test_a_search_answers_what_is_promised(client: FlaskClient) -> None:
    answer = client.get(f"/api/search?q=walk+out&context=Kestria&topic={STRIKE}&from=2031&to=2031-06").get_json()
    assert answer["query"] == {
        "q": "walk out",
        "topic": [STRIKE],
        "context": ["Kestria"],
        "source": [],
        "not_topic": [],
        "not_context": [],
        "not_source": [],
        "context_match": "all",
        "missing": [],
        "from": "2031-01-01",
        "to": "2031-06-30",
        "sort": "relevance",
        "half_life": 0,
    }
    assert {key: answer[key] for key in ("total", "page", "per_page", "pages", "relaxed", "did_you_mean")} == {
        "total": 1,
        "page": 1,
        "per_page": 20,
        "pages": 1,
        "relaxed": False,
        "did_you_mean": None,
    }
    assert answer["warnings"] == []
    assert 0 <= answer["took_ms"] < 10_000
    (hit,) = answer["hits"]
    path = "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"
    marked = hit.pop("headline_html"), hit.pop("snippet_html")
    assert "<mark>walk</mark>" in marked[0]
    assert marked[0].replace("<mark>", "").replace("</mark>", "") == hit["headline"]
    assert isinstance(marked[1], str)
    assert hit.pop("score") > 0
    assert hit.pop("found_in") == []
    assert hit.pop("summary").startswith("Cranes stood still on all nine quays after midnight; the Harbour")
    assert hit == {
        "id": path,
        "url": f"{path}.html",
        "date": "2031-03-04",
        "kind": "news",
        "language": "en",
        "headline": "Dockers in Port Amaro walk out over night shifts.",
        "topic": STRIKE,
        "contexts": [STRIKE, "Harbour Workers' Union", "Kestria"],
        "sources": [
            {"name": "Amaro Courier", "url": "https://courier.example/harbour/walkout"},
            {"name": "Straits Radio", "url": "https://straits-radio.example/news?id=77&lang=en"},
        ],
        "image": "https://courier.example/img/quay.jpg?w=1200&h=630",
        "partial": False,
        "first_seen": None,
        "last_changed": None,
    }
    assert answer["facets"]["topic"] == [{"value": STRIKE, "count": 1, "selected": True}]
    assert {"value": "Kestria", "count": 1, "selected": True} in answer["facets"]["context"]
    assert answer["facets"]["source"][0] == {"value": "Amaro Courier", "count": 1, "selected": False}
    assert answer["missing"].items() >= {"topic": 0, "context": 0, "source": 0}.items()
    assert sum(bucket["count"] for bucket in answer["histogram"]["buckets"]) == 1
    assert answer["histogram"]["interval"] in ("day", "month", "year")


def test_open_ends_are_null(client: FlaskClient) -> None:
    query = client.get("/api/search").get_json()["query"]
    assert (query["from"], query["to"], query["sort"]) == (None, None, "newest")


SEARCHES = {
    "everything": "",
    "words": "q=strike",
    "a filter": f"topic={STRIKE}",
    "an exclusion": "not_source=Straits+Radio&sort=oldest",
    "a span": "from=2031-03&to=2031-04&per_page=2",
    "without a topic": "missing=topic",
}


def test_page_and_json_agree_on_close_matches(client: FlaskClient) -> None:
    """Where no article has all the words, the page shows neither counts nor a histogram: they would be of a part."""
    page = Page(client.get("/search?q=harbour+zebra"))
    answer = client.get("/api/search?q=harbour+zebra").get_json()
    assert answer["relaxed"] and answer["total"] > 1
    assert page.title.startswith(f"{answer['total']:,} close matches")
    assert page.hits == [" ".join(hit["headline"].split()) for hit in answer["hits"]]
    assert not page.all("tbody")
    # Values to filter by stay, by name alone.
    boxes = page.boxes()
    assert boxes
    for (name, value), (label, _) in boxes.items():
        assert label == (f"no {value}" if name == "missing" else value)


@pytest.mark.parametrize("query", SEARCHES.values(), ids=SEARCHES.keys())
def test_page_and_json_agree(client: FlaskClient, query: str) -> None:
    # The page shows fewer values than the answer holds, unless it is asked for more.
    query = f"{query}&facet_size=50"
    page = Page(client.get(f"/search?{query}"))
    answer = client.get(f"/api/search?{query}").get_json()
    assert page.title.startswith(f"{answer['total']:,} article")
    assert page.hits == [" ".join(hit["headline"].split()) for hit in answer["hits"]]
    shown = page.boxes()
    for field, buckets in answer["facets"].items():
        for bucket in buckets:
            if bucket["value"] in answer["query"][f"not_{field}"]:
                assert shown[f"not_{field}", bucket["value"]] == (f"not {bucket['value']}", True)
                continue
            label = f"{' '.join(bucket['value'].split())} {bucket['count']:,}"
            assert shown[field, bucket["value"]] == (label, bucket["selected"])
        if answer["missing"][field] and f"missing={field}" not in query:
            assert shown["missing", field][0] == f"no {field} {answer['missing'][field]:,}"
    rows = [[words(cell) for cell in row] for table in page.all("tbody") for row in table]
    histogram = answer["histogram"]
    counts = [
        "no data" if bucket["start"] in histogram["no_data"] else f"{bucket['count']:,}"
        for bucket in histogram["buckets"]
    ]
    assert [count for _, count in rows] == (counts if len(counts) > 1 else [])
    assert page.link("This search as JSON").startswith("/api/search")


ENDINGS = {
    "/search.json?q=strike&sort=oldest&page=2&per_page=2": "/api/search?q=strike&sort=oldest&page=2&per_page=2",
    "/search.json?from=2031-01-01&per_page=0": "/api/search?from=2031&per_page=0",
    "/search/facet/topic.json?q=strike&prefix=por": "/api/facets/topic?q=strike&prefix=por",
}


@pytest.mark.parametrize(("address", "target"), ENDINGS.items())
def test_an_ending_makes_a_page_data(client: FlaskClient, address: str, target: str) -> None:
    response = client.get(address)
    assert (response.status_code, response.headers["Location"]) == (301, target)
    assert client.get(target).mimetype == "application/json"


@pytest.mark.parametrize(("address", "status"), [("/search.json?from=soon", 400), ("/search/facet/author.json", 404)])
def test_an_ending_makes_a_problem_data(client: FlaskClient, address: str, status: int) -> None:
    response = client.get(address)
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")


def test_counts_partition_the_total(client: FlaskClient) -> None:
    answer = client.get("/api/search?q=strike").get_json()
    assert sum(bucket["count"] for bucket in answer["histogram"]["buckets"]) == answer["total"]
    topics = sum(bucket["count"] for bucket in answer["facets"]["topic"])
    assert topics + answer["missing"]["topic"] == answer["total"]


def test_facet_sizes_are_obeyed(client: FlaskClient) -> None:
    answer = client.get("/api/search?facet_size=2").get_json()
    assert {field: len(buckets) for field, buckets in answer["facets"].items()} == {
        "topic": 2,
        "context": 2,
        "source": 2,
    }
    assert answer["facet_totals"] == {"topic": 6, "context": 15, "source": 5}


def test_all_values_of_a_facet(client: FlaskClient) -> None:
    answer = client.get("/api/facets/context?q=strike&prefix=ki&order=name").get_json()
    assert answer["values"] == []
    answer = client.get("/api/facets/context?q=strike&prefix=kes").get_json()
    assert answer["values"] == [{"value": "Kestria", "count": 3, "selected": False}]
    assert {key: answer[key] for key in ("field", "prefix", "order", "total", "page", "per_page", "pages")} == {
        "field": "context",
        "prefix": "kes",
        "order": "count",
        "total": 1,
        "page": 1,
        "per_page": 100,
        "pages": 1,
    }
    assert answer["query"]["q"] == "strike"


def test_facet_values_are_paged(client: FlaskClient) -> None:
    whole = [value["value"] for value in client.get("/api/facets/context").get_json()["values"]]
    pages = [
        value["value"]
        for page in (1, 2, 3)
        for value in client.get(f"/api/facets/context?per_page=6&page={page}").get_json()["values"]
    ]
    assert pages == whole
    assert client.get("/api/facets/context?per_page=6&page=4").status_code == 404


REFUSED = {
    "order": "/api/facets/topic?order=size",
    "prefix": "/api/facets/topic?prefix=" + "x" * 101,
    "per_page": "/api/facets/topic?per_page=101",
    "page": "/api/facets/topic?page=0",
}


@pytest.mark.parametrize(("parameter", "path"), REFUSED.items(), ids=REFUSED.keys())
def test_bad_facet_parameters_are_named(client: FlaskClient, parameter: str, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert response.get_json()["parameter"] == parameter


def test_text_is_sent_as_it_is(client: FlaskClient) -> None:
    response = client.get("/api/search?q=码头")
    assert response.mimetype == "application/json"
    assert "青石港码头" in response.get_data(as_text=True)


def test_head_answers_without_a_body(client: FlaskClient) -> None:
    response = client.head("/api/search?q=strike")
    assert (response.status_code, response.data) == (200, b"")
