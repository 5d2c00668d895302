"""What a result page weighs with everything it needs, before compression: a page that is light on a slow line."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from index_making import publish
from web_page import Page

from search_app.archive.model import Article, Source
from search_app.index.builder import build_index
from search_app.sample import write_sample
from search_app.settings import load_settings
from search_app.web.app import create_app

MOST_BYTES = 50_000
# What a browser loads for a result page, the page itself aside.
BESIDE = ("style.css", "app.js", "icon.svg")
SEARCHES = {
    "everything": "/search",
    "a word": "/search?q=harbour",
    "several words": "/search?q=harbour+strike+talks",
    "a phrase": "/search?q=%22port+amaro%22",
    "filters": "/search?topic=Port+Amaro+harbour+strike&context=Kestria&not_source=The+Halvik+Post",
    "a year": "/search?q=kestria&from=2023",
    "Chinese": "/search?q=harbour&lang=zh",
}
# Every link of a page that narrows its search further holds all of what it is narrowed by already.
NARROW = (
    "/search?q=kestria+OR+halvik+OR+harbour+OR+port+OR+river&context_match=any&from=2019&to=2025&sort=newest"
    + "".join(
        f"&{name}={value.replace(' ', '+')}"
        for name, value in [
            *(("context", value) for value in ("Kestria", "Port Amaro", "Halvik", "Sel Valley", "Ardenia")),
            *(
                ("source", value)
                for value in ("The Halvik Post", "Amaro Courier", "Kestrian Radio", "The Sel Observer")
            ),
            *(("not_topic", value) for value in ("Kestrian presidential election", "Halvik light railway extension")),
        ]
    )
)


NAMES = [
    f"{first}{last}" for first in ("Nor", "Sud", "West", "Ost", "Alt") for last in ("sel", "mark", "haven", "brück")
]


def beside(client: FlaskClient) -> int:
    """Return the bytes of what a browser loads for a result page, the page itself aside."""
    return sum(len(client.get(f"/static/{name}").data) for name in BESIDE)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client over the sample archive."""
    folder = tmp_path_factory.mktemp("sample")
    archive, index = folder / "archive", folder / "index"
    write_sample(archive)
    build_index(archive, index, settings=load_settings({}), jobs=1)
    return create_app({"index": str(index), "archive": str(archive), "TESTING": True}).test_client()


@pytest.mark.parametrize("path", SEARCHES.values(), ids=SEARCHES.keys())
def test_a_result_page_is_light(sample: FlaskClient, path: str) -> None:
    page = sample.get(path)
    assert page.status_code == 200
    assert len(page.data) + beside(sample) < MOST_BYTES


def test_a_page_loads_what_is_weighed(sample: FlaskClient) -> None:
    page = Page(sample.get("/search"))
    loaded = [link.get("href") for rel in ("stylesheet", "icon") for link in page.all("link", rel=rel)]
    loaded += [script.get("src") for script in page.all("script")]
    assert sorted((path or "").partition("?")[0] for path in loaded) == sorted(f"/static/{name}" for name in BESIDE)


@pytest.fixture(scope="module")
def wordy(tmp_path_factory: pytest.TempPathFactory, make_article: Callable[..., Article]) -> FlaskClient:
    """A client over articles that are as long as those on the heaviest pages of a large archive."""
    ground = "The government of Kestria and the union of dockers agree after nights of talks"
    slug = ground.lower().replace(" ", "-")
    articles = [
        make_article(
            path=f"/news/{2000 + number}/03/4/{slug}-on-a-new-rota-for-the-{name.lower()}-quay",
            date=date(2000 + number, 3, 4),
            headline=f"{ground} on a new rota for the {name} quay, and say that the harbour strike, which has kept "
            f'{20 + number} ships from unloading, "will be over before the week is".',
            summary=f"The {name} quay opens first; cranes stand still at the others." if number % 2 else "",
            topic=f"Port Amaro strike of {2000 + number}" if number % 3 else "",
            contexts=(name, "Harbour Workers' Union of Kestria", "Port Amaro", "Kestria", "Ivo Tarkan"),
            sources=tuple(
                Source(paper, f"https://{paper.lower()}.example/wiki/current-events/2031-{number}")
                for paper in ("Courier", "Observer")
            ),
            image=f"https://courier.example/quay-{number}?image=1&w=1200&h=630" if number % 2 else "",
        )
        for number, name in enumerate(NAMES)
    ]
    index = tmp_path_factory.mktemp("wordy")
    publish(index, articles)
    return create_app({"index": str(index), "TESTING": True}).test_client()


@pytest.mark.parametrize(("language", "given"), [("en", ""), ("zh", ""), ("en", "&lang=zh")])
def test_a_page_of_long_articles_is_light(wordy: FlaskClient, language: str, given: str) -> None:
    """In a language that the address names, every link of the page names it too."""
    answer = wordy.get(f"/search?q=harbour+strike{given}", headers={"Accept-Language": language})
    page = Page(answer)
    assert len(page.hits) == 20
    assert statistics.fmean(map(len, page.hits)) > 200
    assert len(answer.data) + beside(wordy) < MOST_BYTES


def test_names_and_headlines_of_whole_paragraphs_are_shown_in_part(
    tmp_path: Path, make_article: Callable[..., Article]
) -> None:
    name = "A strike of which more will be said below than any name of a topic ought to say"
    told = "Ships wait, crews go home and the cranes stand still. " * 6
    publish(tmp_path, [make_article(headline=f"{told}Talks resume.", topic=name)])
    page = Page(create_app({"index": str(tmp_path), "TESTING": True}).test_client().get("/search?q=ships"))
    begun = "A strike of which more will be said below than any name of…"
    assert page.boxes()["topic", name][0].startswith(begun)
    assert parse_qs(urlsplit(page.link(begun)).query)["topic"] == [name]
    assert page.hits[0] == f"{told[:199].rpartition(' ')[0]}…"


def test_the_budget_is_for_whole_pages(sample: FlaskClient) -> None:
    assert len(Page(sample.get("/search")).hits) == 20


def test_compressed_it_is_a_fraction(sample: FlaskClient) -> None:
    paths = ("/search", *(f"/static/{name}" for name in BESIDE))
    packed = [sample.get(path, headers={"Accept-Encoding": "br"}) for path in paths]
    assert sum(len(answer.data) for answer in packed) < MOST_BYTES / 4


@pytest.mark.parametrize("path", SEARCHES.values(), ids=SEARCHES.keys())
def test_nothing_is_empty_for_nothing(sample: FlaskClient, path: str) -> None:
    """Blank lines and attributes without a value are bytes that say nothing."""
    html = sample.get(path).get_data(as_text=True)
    assert html.count("\n\n") < 30
    assert 'class=""' not in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_search_by_many_filters_is_light(sample: FlaskClient, language: str) -> None:
    """A page alone: its style and script are kept by the browser for a year."""
    page = sample.get(f"{NARROW}&lang={language}")
    assert len(page.data) < MOST_BYTES
    assert len(Page(page).hits) == 20


def test_hits_of_a_long_search_narrow_it_by_buttons_of_its_form(sample: FlaskClient) -> None:
    """And what is pressed is added to the search as it stands."""
    page = Page(sample.get(NARROW))
    hits = page.all("ol", class_="hits")[0]
    buttons = [button for button in hits.iter("button") if button.get("name") == "context"]
    assert buttons
    assert not any("context=" in (link.get("href") or "") for link in hits.iter("a"))
    assert all(button.get("form") == "search" for button in buttons)
    pressed = (buttons[0].get("name") or "", buttons[0].get("value") or "")
    answer = sample.get("/search", query_string=urlencode([*page.form_values(), pressed]), follow_redirects=True)
    asked = parse_qs(urlsplit(NARROW).query)
    asked["context"].append(pressed[1])
    got = parse_qs(answer.request.query_string.decode())
    assert {name: sorted(values) for name, values in got.items()} == {n: sorted(values) for n, values in asked.items()}
