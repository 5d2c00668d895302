"""When articles were first seen, as feeds, sitemaps, exports, programs and cron mails tell it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import feedparser
import pytest
from conftest import DATA
from flask.testing import FlaskClient
from program import run
from test_builder import write_story

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.index import builder
from search_app.index.builder import build_index
from search_app.settings import load_settings
from search_app.web.app import create_app

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
BEFORE, LATER = datetime(2032, 12, 1, 6, tzinfo=UTC), datetime(2032, 12, 2, 18, 30, 5, tzinfo=UTC)
SEEN = "2032-12-02T18:30:05Z"
STORM = "/news/2031/10/9/story-9"
CHANGED = "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small archive, indexed; then one article came in late, and one was rewritten; then all was built anew."""
    folder = tmp_path_factory.mktemp("seen")
    archive = Path(shutil.copytree(DATA / "archive", folder / "archive"))
    settings = load_settings({})
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(builder, "_now", lambda: BEFORE)
        build_index(archive, folder / "index", settings=settings, jobs=1)
        clock.setattr(builder, "_now", lambda: LATER)
        write_story(archive, 9, "Storm comes in late")
        file = archive / f"{CHANGED[1:]}.md"
        file.write_text(file.read_text(encoding="utf-8").replace("Cranes stood", "All cranes stood"), encoding="utf-8")
        build_index(archive, folder / "index", settings=settings, jobs=1)
    build_index(archive, folder / "index", settings=settings, jobs=1, full=True)
    return folder / "index"


@pytest.fixture(scope="module")
def seen(index: Path) -> FlaskClient:
    return create_app({"index": str(index), "TESTING": True}).test_client()


def test_programs_are_told(seen: FlaskClient) -> None:
    dates = {hit["id"]: (hit["first_seen"], hit["last_changed"]) for hit in seen.get("/api/search").get_json()["hits"]}
    assert (dates[STORM], dates[CHANGED]) == ((SEEN, SEEN), (None, SEEN))
    assert list(dates.values()).count((None, None)) >= 8
    for path in (STORM, CHANGED):
        for address in (f"/api/articles{path}", f"{path}.json"):
            article = seen.get(address).get_json()
            assert (article["first_seen"], article["last_changed"]) == dates[path]
    lines = map(json.loads, seen.get("/export.jsonl").get_data(as_text=True).splitlines())
    assert {line["id"]: (line["first_seen"], line["last_changed"]) for line in lines} == dates
    rows = csv.DictReader(io.StringIO(seen.get("/export.csv").get_data(as_text=True), newline=""))
    assert {row["id"]: (row["first_seen"] or None, row["last_changed"] or None) for row in rows} == dates


def test_a_feed_dates_its_entries_by_when_they_came(seen: FlaskClient) -> None:
    feed = feedparser.parse(seen.get("/feed.atom").data)
    dates = {entry.link.removeprefix("http://localhost"): (entry.published, entry.updated) for entry in feed.entries}
    assert dates[f"{STORM}.html"] == (SEEN, SEEN)
    assert dates[f"{CHANGED}.html"] == ("2031-03-04T00:00:00Z",) * 2, "its date, since nobody saw it come"
    assert feed.feed.updated == max(updated for _, updated in dates.values()) == SEEN


def test_sitemaps_say_what_changed(seen: FlaskClient) -> None:
    months = ElementTree.fromstring(seen.get("/sitemap.xml").data)
    told = {entry.findtext(f"{SITEMAP}loc"): entry.findtext(f"{SITEMAP}lastmod") for entry in months}
    assert told["http://localhost/sitemap-2031-10.xml"] == told["http://localhost/sitemap-2031-03.xml"] == SEEN
    assert list(told.values()).count(None) == len(told) - 2 > 0
    month = ElementTree.fromstring(seen.get("/sitemap-2031-03.xml").data)
    pages = {entry.findtext(f"{SITEMAP}loc"): entry.findtext(f"{SITEMAP}lastmod") for entry in month}
    assert pages.pop(f"http://localhost{CHANGED}.html") == SEEN
    assert all(
        page and date.fromisoformat(lastmod or "") and lastmod[:7] == "2031-03" for page, lastmod in pages.items()
    )


def test_sitemaps_keep_to_their_schema(seen: FlaskClient) -> None:
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
    schema = etree.RelaxNG(etree.parse(str(DATA / "sitemap.rng")))
    months = etree.fromstring(seen.get("/sitemap.xml").data)
    schema.assertValid(months)
    for place in months.iter(f"{SITEMAP}loc"):
        schema.assertValid(etree.fromstring(seen.get(place.text.removeprefix("http://localhost")).data))
    for fault in ("<lastmod>yesterday</lastmod>", "<loc>http://localhost/second</loc>", "<other/>"):
        text = f'<urlset xmlns="{SITEMAP[1:-1]}"><url><loc>http://localhost/</loc>{fault}</url></urlset>'
        assert not schema.validate(etree.fromstring(text)), fault


def test_a_histogram_tells_it_only_where_asked(index: Path) -> None:
    engine = EmbeddedEngine(index, load_settings({}))
    plain = engine.search(SearchRequest(interval="month")).histogram
    asked = engine.search(SearchRequest(interval="month", changes=True)).histogram
    assert [(bar.start, bar.count) for bar in plain.bars] == [(bar.start, bar.count) for bar in asked.bars]
    assert {bar.last_changed for bar in plain.bars} == {None}
    changed = {bar.start: bar.last_changed for bar in asked.bars if bar.last_changed}
    assert changed == {date(2031, 3, 1): LATER, date(2031, 10, 1): LATER}
    assert engine.search(SearchRequest(q="zzz", changes=True)).histogram.bars == ()


def test_a_cron_mail_says_when_news_came(index: Path, tmp_path: Path) -> None:
    file = tmp_path / "state"
    arguments = ("watch", "storm", "--since", file, "--index", index)
    assert run(*arguments).returncode == 0
    body = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**body, "seen": []}), encoding="utf-8")
    lines = run(*arguments).stdout.splitlines()
    assert f"  2031-10-09 · Harbour · first seen 2032-12-02 18:30 UTC · {STORM}" in lines
