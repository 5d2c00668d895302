"""What a result page weighs with everything it needs, before compression: a page that is light on a slow line."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from search_app.index.builder import build_index
from search_app.sample import write_sample
from search_app.settings import load_settings
from search_app.web.app import create_app

MOST_BYTES = 50 * 1024
SEARCHES = {
    "everything": "/search",
    "a word": "/search?q=harbour",
    "several words": "/search?q=harbour+strike+talks",
    "a phrase": "/search?q=%22port+amaro%22",
    "filters": "/search?topic=Port+Amaro+harbour+strike&context=Kestria&not_source=The+Halvik+Post",
    "a year": "/search?q=kestria&from=2023",
}


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
    beside = sum(len(sample.get(f"/static/{name}").data) for name in ("style.css", "app.js"))
    assert len(page.data) + beside < MOST_BYTES


def test_the_budget_is_for_whole_pages(sample: FlaskClient) -> None:
    assert sample.get("/search").get_data(as_text=True).count('class="hit"') == 20


def test_compressed_it_is_a_fraction(sample: FlaskClient) -> None:
    plain = sample.get("/search")
    packed = sample.get("/search", headers={"Accept-Encoding": "br"})
    assert len(packed.data) < len(plain.data) / 4


@pytest.mark.parametrize("path", SEARCHES.values(), ids=SEARCHES.keys())
def test_nothing_is_empty_for_nothing(sample: FlaskClient, path: str) -> None:
    """Blank lines and attributes without a value are bytes that say nothing."""
    html = sample.get(path).get_data(as_text=True)
    assert html.count("\n\n") < 30
    assert 'class=""' not in html
