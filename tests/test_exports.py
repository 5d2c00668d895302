"""Exports: every hit in the order of the pages, in files that programs and spreadsheets read without harm."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from index_making import publish
from program import assert_one_sentence, run

from search_app.archive.model import Article, Source
from search_app.engine import embedded
from search_app.engine.request import SearchRequest
from search_app.settings import Settings
from search_app.web.app import create_app
from search_app.web.exports import CSV_FIELDS, FORMULA_STARTS, csv_lines, facet_rows, safe_cell

Make = Callable[..., Article]
SEARCHES = [
    "",
    "q=strike",
    "q=harbour+zebra",
    "topic=Port+Amaro+harbour+strike&sort=oldest",
    "missing=topic",
    "q=nothing",
]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def ids_of_all_pages(client: FlaskClient, query: str) -> list[str]:
    first = client.get(f"/api/search?{query}&per_page=4").get_json()
    ids = [hit["id"] for hit in first["hits"]]
    for page in range(2, first["pages"] + 1):
        ids += [hit["id"] for hit in client.get(f"/api/search?{query}&per_page=4&page={page}").get_json()["hits"]]
    return ids


@pytest.mark.parametrize("query", SEARCHES)
def test_every_hit_in_the_order_of_the_pages(client: FlaskClient, query: str) -> None:
    expected = ids_of_all_pages(client, query)
    as_csv, as_lines = client.get(f"/export.csv?{query}"), client.get(f"/export.jsonl?{query}&page=2&per_page=1")
    assert [row["id"] for row in rows(as_csv.get_data(as_text=True))] == expected
    records = [json.loads(line) for line in as_lines.get_data(as_text=True).splitlines()]
    assert [record["id"] for record in records] == expected
    assert as_csv.headers["X-Total-Count"] == as_lines.headers["X-Total-Count"] == str(len(expected))


def test_a_line_is_an_article(client: FlaskClient) -> None:
    (record,) = map(json.loads, client.get("/export.jsonl?q=walk+out").get_data(as_text=True).splitlines())
    (hit,) = client.get("/api/search?q=walk+out").get_json()["hits"]
    assert record == {
        **{name: hit[name] for name in record if name != "url"},
        "url": f"http://localhost{hit['url']}",
    }
    assert "headline_html" not in record
    (row,) = rows(client.get("/export.csv?q=walk+out").get_data(as_text=True))
    assert tuple(row) == CSV_FIELDS
    assert row["sources"] == "Amaro Courier | Straits Radio"
    assert row["contexts"].split(" | ") == hit["contexts"]
    assert row["headline"] == hit["headline"]


def test_files_say_what_they_are(client: FlaskClient) -> None:
    response = client.get("/export.csv")
    assert response.content_type == "text/csv; charset=utf-8; header=present"
    assert response.headers["Content-Disposition"] == 'attachment; filename="articles.csv"'
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert client.get("/export.jsonl").mimetype == "application/jsonl"


@pytest.mark.parametrize("name", ["export.csv", "export.jsonl", "export/facets.csv", "export/histogram.csv"])
def test_files_are_cached_and_asked_for_alone(client: FlaskClient, name: str) -> None:
    response = client.get(f"/{name}?q=strike")
    again = client.get(f"/{name}?q=strike", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(f"/{name}?q=strike")
    assert (head.status_code, head.data) == (200, b"")
    assert client.get(f"/{name}?from=soon").status_code == 400


def test_counts_of_all_values(client: FlaskClient) -> None:
    found = rows(client.get("/export/facets.csv?q=strike").get_data(as_text=True))
    answer = client.get("/api/search?q=strike&facet_size=100").get_json()
    for field, values in answer["facets"].items():
        counted = [(row["value"], int(row["count"])) for row in found if row["field"] == field]
        assert counted == [(v["value"], v["count"]) for v in values] + [("", answer["missing"][field])]


def test_all_counts_are_of_one_generation(make_article: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is published while the counts are read changes none of them."""
    monkeypatch.setattr(embedded, "CHECK_SECONDS", 0.0)
    before, after = (
        make_article(headline="Old"),
        make_article(headline="New", topic="", contexts=("Other",), sources=()),
    )
    publish(tmp_path, [before])
    engine = embedded.EmbeddedEngine(tmp_path)
    expected = list(map(tuple, facet_rows(engine, SearchRequest())))
    reading = facet_rows(engine, SearchRequest())
    found = [tuple(next(reading)), tuple(next(reading))]
    publish(tmp_path, [before, after, make_article(headline="Newer")], generation=2)
    assert engine.search(SearchRequest()).total == 3
    assert [*found, *map(tuple, reading)] == expected


def test_the_histogram(client: FlaskClient) -> None:
    found = rows(client.get("/export/histogram.csv?interval=month").get_data(as_text=True))
    answer = client.get("/api/search?interval=month").get_json()
    assert [(row["first_day"], int(row["count"])) for row in found] == [
        (bucket["start"], bucket["count"]) for bucket in answer["histogram"]["buckets"]
    ]
    assert sum(int(row["count"]) for row in found) == answer["total"]
    assert all(row["first_day"][:7] == row["last_day"][:7] for row in found)


INJECTIONS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\ufeff=1", "\0=1", "＝1", "＋1", "－1",
    "＠A", '=HYPERLINK("http://evil.example","x")', "=cmd|' /C calc'!A0", "-2+3+cmd", "\"=1", "'=1", ";=1",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS, ids=ascii)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO("".join(csv_lines([[text]])), newline=""))
    assert not cell.lstrip(" \u00a0\ufeff\0").startswith(FORMULA_STARTS)
    assert cell in (text, f"'{text}")
    assert "".join(csv_lines([[text]])).startswith('"')


def test_plain_text_stays_as_it_is() -> None:
    assert [safe_cell(text) for text in ("", "1-0", "Talks", "été", "'quoted'")] == [
        "",
        "1-0",
        "Talks",
        "été",
        "'quoted'",
    ]


def test_hostile_articles_come_back_whole(make_article: Make, tmp_path: Path, settings: Settings) -> None:
    publish(
        tmp_path,
        [
            make_article(
                headline='=cmd|"x"',
                summary='two\nlines, "quoted"; and 罢工',
                sources=(Source("@x", "https://x.example/"),),
            )
        ],
    )
    client = create_app({**settings, "index": str(tmp_path), "TESTING": True}).test_client()
    (row,) = rows(client.get("/export.csv").get_data(as_text=True))
    assert (row["headline"], row["sources"]) == ('\'=cmd|"x"', "'@x")
    assert row["summary"] == 'two\nlines, "quoted"; and 罢工'
    (record,) = map(json.loads, client.get("/export.jsonl").get_data(as_text=True).split("\n")[:-1])
    assert record["headline"] == '=cmd|"x"'


def test_the_command_writes_the_same(client: FlaskClient, index_dir: Path) -> None:
    done = run("export", "strike", "--format", "jsonl", "--sort", "oldest", "--index", index_dir)
    assert (done.returncode, done.stderr) == (0, "")
    expected = client.get("/export.jsonl?q=strike&sort=oldest").get_data(as_text=True)
    assert done.stdout == expected.replace("http://localhost/", "/")
    for form in ("facets", "histogram"):
        done = run("export", "strike", "--format", form, "--index", index_dir)
        assert done.stdout == client.get(f"/export/{form}.csv?q=strike").get_data(as_text=True)
    assert len(rows(run("export", "--index", index_dir).stdout)) == 13


def test_the_command_tells_what_is_wrong(index_dir: Path, tmp_path: Path) -> None:
    assert_one_sentence(run("export", "--from", "soon", "--index", index_dir), 2, "--from", "soon")
    assert_one_sentence(run("export", "--sort", "up", "--index", index_dir), 2, "--sort")
    assert_one_sentence(run("export", "--index", tmp_path / "none"), 1, "There is no index")
