"""Hostile text in the archive does nothing but show, on every kind of page."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from flask.testing import FlaskClient
from web_page import Page, words

from search_app.index.builder import build_index
from search_app.settings import load_settings
from search_app.web.app import create_app

TAG = '<script>alert("headline")</script>'
TOPIC = "\"><img src=x onerror='alert(1)'>"
CONTEXT = "O'Neil & <i>sons</i>?a=1&b=2#x"
SOURCE = "The </a><b>Mirror</b>"
MIRRORED = "\u202eevitaN\u202c"

ARTICLE = f"""### [2031-05-{{day}}](/news/2031/05/{{day}}/index.md)

##### {TOPIC}
# {TAG} in a headline &amp;lt;b&amp;gt; {{day}} {MIRRORED}

</p><iframe src="https://evil.example"></iframe> **bold** [press](javascript:alert(1)) <svg onload=alert(1)>

### Sources:

1. [{SOURCE}](javascript:alert(1))
1. [Data](data:text/html,<script>alert(1)</script>)
1. [Fine](https://fine.example/"onmouseover="alert(1))
1. [Cover Image](javascript:alert(2))

### Related:

1. [{TAG} elsewhere](/news/2031/05/{{other}}/a-hostile-piece.md) _Context: {CONTEXT}_
1. [{TAG} gone](/news/2031/05/9/never-was.md) _Context: {CONTEXT}_
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client over an archive in which everything is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    archive, index = folder / "archive", folder / "index"
    for day, other in (("1", "2"), ("2", "1")):
        file = archive / "news/2031/05" / day / "a-hostile-piece.md"
        file.parent.mkdir(parents=True)
        file.write_text(ARTICLE.format(day=day, other=other), encoding="utf-8")
    build_index(archive, index, settings=load_settings({}), jobs=1)
    app = create_app({"index": str(index), "archive": str(archive), "site_name": "<b>Archive</b>"})
    return app.test_client()


PAGES = [
    "/",
    "/search",
    "/search?q=" + quote(TAG),
    "/search?topic=" + quote(TOPIC),
    "/search?not_topic=" + quote(TOPIC),
    "/search?q=nothing-here&context=" + quote(CONTEXT),
    "/search?from=" + quote(TAG),
    "/search?sort=" + quote(TAG),
    "/search/facet/topic",
    "/search/facet/context?prefix=" + quote(TAG),
    "/news/2031/",
    "/news/2031/05/1/",
    "/news/2031/05/1/a-hostile-piece.html",
    "/" + quote(TAG),
]
ALLOWED_TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "body",
        "header",
        "main",
        "footer",
        "section",
        "article",
        "aside",
        "nav",
    ),
    *("h1", "h2", "h3", "p", "a", "div", "span", "bdi", "mark", "time", "b", "strong", "small", "kbd", "i"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"),
    *("form", "fieldset", "legend", "label", "input", "button", "select", "option", "details", "summary"),
    *("figure", "figcaption", "svg", "path", "rect", "pattern", "ins", "del"),
}


@pytest.mark.parametrize("path", PAGES)
def test_hostile_text_does_nothing_but_show(hostile: FlaskClient, path: str) -> None:
    page = Page(hostile.get(path))
    assert page.status in (200, 400, 404)
    own = page.one("script")
    assert (own.get("src") or "").startswith(("/static/app.js?v=", "/static/article.js?v="))
    assert own.text is None
    for element in page.root.iter():
        assert element is own or element.tag in ALLOWED_TAGS
        assert not [name for name in element.attrib if name.startswith("on") or name in ("style", "srcdoc")]
        for name in ("href", "src", "action"):
            if name in element.attrib:
                assert urlsplit(element.attrib[name]).scheme in ("", "http", "https"), element.attrib
    assert hostile.get(path).headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_hostile_headline_reads_as_it_was_written(hostile: FlaskClient) -> None:
    page = Page(hostile.get("/search?q=headline"))
    assert any(TAG in hit for hit in page.hits)
    assert TOPIC in page.text
    assert SOURCE in page.text
    assert words(page.one("a", class_="name")) == "<b>Archive</b>"


def test_a_hostile_value_survives_its_links(hostile: FlaskClient) -> None:
    page = Page(hostile.get("/search"))
    hit = page.hit_items[0]
    by_topic = Page(hostile.get(page.link(TOPIC, hit)))
    assert by_topic.title.startswith("2 articles")
    assert by_topic.boxes()["topic", TOPIC] == (f"{TOPIC} 2", True)
    by_context = Page(hostile.get(page.link(CONTEXT, hit)))
    assert by_context.title.startswith("2 articles")
    assert by_context.boxes()["context", CONTEXT] == (f"{CONTEXT} 2", True)


def test_hostile_sources_lead_nowhere(hostile: FlaskClient) -> None:
    page = Page(hostile.get("/news/2031/05/1/a-hostile-piece.html"))
    assert not [href for _, href in page.links if "javascript" in href or href.startswith("data:")]
    assert "See the picture" not in page.text


def test_json_holds_the_text_itself(hostile: FlaskClient) -> None:
    hit = hostile.get("/api/search").get_json()["hits"][0]
    assert TAG in hit["headline"]
    assert "<script" not in hit["headline_html"]
    assert hostile.get("/api/search").mimetype == "application/json"


def test_the_markdown_is_never_taken_for_a_page(hostile: FlaskClient) -> None:
    response = hostile.get("/news/2031/05/1/a-hostile-piece.md")
    assert response.mimetype == "text/markdown"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
