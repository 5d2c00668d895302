"""Articles and days as JSON, XML and Markdown: each says the same, the XML keeps to its schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from web_page import Page

from search_app.web import xml_answers
from search_app.web.app import PACKAGE_FOLDER, create_app

etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")

TALKS = "/news/2031/03/9/talks-between-dockers-and-the-kestrian-government-begin-in-port-amaro"
PATHS = {
    "an article with a history": TALKS,
    "an article of no topic": "/news/2031/09/30/floods-cut-off-the-railway-between-halvik-and-sel",
    "a foreign article": "/news/2031/04/2/青石港码头工人罢工结束-航运恢复正常",
    "an editorial": "/opinion/2031/03/12/what-a-harbour-is-for",
    "a day": "/news/2031/03/4/index",
    "a month": "/news/2031/03/index",
    "a year": "/news/2031/index",
}


@pytest.fixture(scope="module")
def schema():  # type: ignore[no-untyped-def]
    """The schema that the server hands out."""
    return etree.RelaxNG(etree.parse(PACKAGE_FOLDER / "web" / "static" / "archive.rng"))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_the_xml_keeps_to_its_schema(client: FlaskClient, schema, path: str) -> None:  # type: ignore[no-untyped-def]
    response = client.get(f"{path}.xml")
    assert (response.status_code, response.mimetype) == (200, "application/xml")
    schema.assertValid(etree.fromstring(response.data))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_the_xml_says_what_the_json_says(client: FlaskClient, path: str) -> None:
    root = etree.fromstring(client.get(f"{path}.xml").data)
    answer = client.get(f"{path}.json").get_json()
    articles = root.findall("article") if root.tag == "articles" else [root]
    hits = answer.get("hits", [answer])
    assert len(articles) == len(hits)
    for article, hit in zip(articles, hits, strict=True):
        assert (article.get("id"), article.get("url"), article.get("date")) == (hit["id"], hit["url"], hit["date"])
        for name in ("headline", "topic", "summary", "image"):
            assert (article.findtext(name) or "") == hit[name]
        assert [context.text for context in article.findall("context")] == hit["contexts"]
        assert [{"name": source.text, "url": source.get("url", "")} for source in article.findall("source")] == hit[
            "sources"
        ]
        assert [version.text for version in article.findall("version")] == [
            version["headline"] for version in hit.get("versions", ())
        ]
        assert [other.get("id") for other in article.findall("related")] == [
            other["id"] for other in hit.get("related", ())
        ]
        for name in ("previous", "next"):
            other = article.find(name)
            assert (other is None) == (not hit.get(name))


def test_what_xml_cannot_hold_is_replaced(schema) -> None:  # type: ignore[no-untyped-def]
    answer = {
        "id": "/news/2031/03/4/a\x00b",
        "url": "/news/2031/03/4/a%00b.html",
        "date": "2031-03-04",
        "kind": "news",
        "language": "en",
        "headline": "bell \x07, half a pair \ud83d, not a character \uffff, <b>&amp;</b> ]]>",
        "topic": "",
        "summary": "One.\n\nTwo. 😀",
        "image": "",
        "contexts": [],
        "sources": [],
    }
    root = etree.fromstring(xml_answers.article_xml(answer))
    schema.assertValid(root)
    assert root.findtext("headline") == "bell \ufffd, half a pair \ufffd, not a character \ufffd, <b>&amp;</b> ]]>"
    assert root.findtext("summary") == "One.\n\nTwo. 😀"


def test_a_list_says_what_it_covers(client: FlaskClient) -> None:
    root = etree.fromstring(client.get("/news/2031/03/index.xml").data)
    assert dict(root.attrib) == {"from": "2031-03-01", "to": "2031-03-31", "total": "3", "page": "1", "pages": "1"}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_every_format_that_a_page_names_answers(client: FlaskClient, path: str) -> None:
    page = Page(client.get(f"{path}.html"))
    named = {link.get("type"): link.get("href") or "" for link in page.all("link", rel="alternate")}
    named = {kind: href for kind, href in named.items() if kind and "atom" not in kind}
    assert {"application/json", "application/xml"} <= set(named)
    for kind, href in named.items():
        response = client.get(href)
        assert (response.status_code, response.mimetype) == (200, kind)
    shown = {text for text, _ in page.links}
    assert {"JSON", "XML"} <= shown
    assert ("Markdown" in shown) == ("text/markdown" in named)


@pytest.mark.parametrize("name", ["index.md", "README.md"])
def test_the_markdown_of_a_day_is_its_file(client: FlaskClient, archive: Path, name: str) -> None:
    response = client.get(f"/news/2031/03/4/{name}")
    assert response.mimetype == "text/markdown"
    assert response.data == (archive / "news/2031/03/4/index.md").read_bytes()
    assert client.get(f"/news/2031/03/04/{name}").headers["Location"] == f"/news/2031/03/4/{name}"


def test_a_day_that_has_only_a_readme_answers_that(index_dir: Path, archive: Path) -> None:
    client = create_app({"index": str(index_dir), "archive": str(archive)}).test_client()
    (archive / "news/2031/03/4/index.md").unlink()
    assert client.get("/news/2031/03/4/index.md").data == (archive / "news/2031/03/4/README.md").read_bytes()
    (archive / "news/2031/03/4/README.md").unlink()
    assert client.get("/news/2031/03/4/index.md").status_code == 404


def test_no_file_of_a_day_leads_out_of_the_archive(index_dir: Path, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    day = archive / "news/2031/03/4"
    for name in ("index.md", "README.md"):
        (day / name).unlink()
        (day / name).symlink_to(tmp_path / "secret.md")
    client = create_app({"index": str(index_dir), "archive": str(archive)}).test_client()
    assert client.get("/news/2031/03/4/index.md").status_code == 404


WITHOUT_FILE = [
    "/news/2031/03/index.md",
    "/news/2031/index.md",
    "/news/2031/03/5/index.md",
    "/news/2031/03/5/index.xml",
]


@pytest.mark.parametrize("path", WITHOUT_FILE)
def test_what_has_no_file_is_a_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
