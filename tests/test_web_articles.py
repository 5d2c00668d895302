"""Article pages in their formats, the calendar's pages, and who may read which file."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from web_page import Page, words

from search_app.archive.model import Article, Version
from search_app.engine.result import ArticleView
from search_app.web.app import create_app

WALKOUT = "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"
TALKS = "/news/2031/03/9/talks-between-dockers-and-the-kestrian-government-begin-in-port-amaro"
OLD_TALKS = "/news/2031/03/9/port-amaro-harbour-strike-talks-begin"
END = "/news/2031/04/1/the-harbour-strike-in-port-amaro-ends-after-four-weeks"
CHINESE = "/news/2031/04/2/青石港码头工人罢工结束-航运恢复正常"
EDITORIAL = "/opinion/2031/03/12/what-a-harbour-is-for"


@pytest.mark.parametrize("ending", ["", ".html"])
def test_an_article_shows_everything_known_of_it(client: FlaskClient, ending: str) -> None:
    page = Page(client.get(TALKS + ending))
    assert page.status == 200
    assert words(page.one("h1")) == "Talks between dockers and the Kestrian government begin in Port Amaro."
    assert page.link("9 March 2031") == "/news/2031/03/9/"
    assert page.link("Port Amaro harbour strike") == "/topic/Port%20Amaro%20harbour%20strike"
    assert (
        words(page.one("div", class_="body")) == 'Labour minister Ivo Tarkan calls the first meeting "short but civil"…'
    )
    assert page.link("The Halvik Post") == "https://halvikpost.example/talks"
    assert page.link("all articles from The Halvik Post") == "/source/The%20Halvik%20Post"
    assert "halvikpost.example" in page.text
    contexts = page.one("ul", class_="contexts")
    assert page.link("Ivo Tarkan", contexts) == "/context/Ivo%20Tarkan"
    assert page.one("link", rel="canonical").get("href") == f"{TALKS}.html"


def test_an_article_shows_its_history(client: FlaskClient) -> None:
    history = Page(client.get(TALKS)).one("ol", class_="history")
    first, current = [words(item) for item in history]
    assert first.startswith("First version 2031-03-10 03:47:37")
    assert "talks begin" in first
    assert current.startswith("Current version")


def test_an_article_leads_on_along_its_topic(client: FlaskClient) -> None:
    page = Page(client.get(TALKS))
    story = page.one("dl", class_="story")
    assert [href for _, href in _links(story)] == [f"{WALKOUT}.html", f"{END}.html"]
    related = page.one("ul", class_="related")
    shared = {text for text, _ in _links(related)}
    assert {"Harbour Workers' Union", "Kestria", "Ivo Tarkan"} <= shared


def _links(element) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    return [(words(link), link.get("href") or "") for link in element.iter("a")]


def test_an_article_can_be_cited(client: FlaskClient) -> None:
    page = Page(client.get(WALKOUT, base_url="https://host.example/archive"))
    assert words(page.one("p", class_="cite")) == (
        "“Dockers in Port Amaro walk out over night shifts.” News archive, 4 March 2031. "
        f"https://host.example/archive{WALKOUT}.html"
    )


def test_an_editorial_is_rendered(client: FlaskClient) -> None:
    page = Page(client.get(f"{EDITORIAL}.html"))
    body = page.one("div", class_="body")
    assert [words(element) for element in body.iter("strong")] == ["Port Amaro"]
    assert [words(element) for element in body.iter("li")] == ["Nine quays", "Four hundred dockers"]
    assert words(next(body.iter("blockquote"))) == "The night shift is the only shift that nobody sees."
    assert client.get(f"{EDITORIAL}/index.html").headers["Location"] == f"{EDITORIAL}.html"


def test_a_foreign_article_says_its_language(client: FlaskClient) -> None:
    page = Page(client.get(CHINESE))
    assert page.one("article").get("lang") == "zh"
    assert page.one("html").get("lang") == "en"


def test_the_json_says_what_the_page_says(client: FlaskClient) -> None:
    answer = client.get(f"{TALKS}.json").get_json()
    assert answer["id"] == TALKS
    assert answer["url"] == f"{TALKS}.html"
    assert (answer["date"], answer["kind"], answer["language"]) == ("2031-03-09", "news", "en")
    assert answer["sources"] == [{"name": "The Halvik Post", "url": "https://halvikpost.example/talks"}]
    assert [version["id"] for version in answer["versions"]] == [OLD_TALKS, TALKS]
    assert (answer["previous"]["id"], answer["next"]["id"]) == (WALKOUT, END)
    page = Page(client.get(f"{TALKS}.html"))
    assert words(page.one("h1")) == answer["headline"]
    assert [text for text, _ in _links(page.one("ul", class_="contexts"))] == answer["contexts"]
    related = [item["url"] for item in answer["related"]]
    assert [href for _, href in _links(page.one("ul", class_="related")) if href.startswith("/news/")] == related


def test_the_markdown_is_the_file_on_disk(client: FlaskClient, archive: Path) -> None:
    response = client.get(f"{TALKS}.md")
    assert response.mimetype == "text/markdown"
    assert response.data == (archive / f"{TALKS[1:]}.md").read_bytes()
    assert Page(client.get(TALKS)).link("Markdown") == f"{TALKS}.md"


def test_without_an_archive_there_is_no_markdown(index_dir: Path) -> None:
    client = create_app({"index": str(index_dir)}).test_client()
    assert client.get(f"{TALKS}.md").status_code == 404
    assert "Markdown" not in [text for text, _ in Page(client.get(TALKS)).links]


def test_a_file_that_has_gone_is_a_404(index_dir: Path, archive: Path) -> None:
    client = create_app({"index": str(index_dir), "archive": str(archive)}).test_client()
    (archive / f"{TALKS[1:]}.md").unlink()
    assert client.get(f"{TALKS}.md").status_code == 404
    assert client.get(f"{TALKS}.html").status_code == 200


MOVED = {
    "a superseded version": (f"{OLD_TALKS}.html", f"{TALKS}.html"),
    "without an ending": (OLD_TALKS, f"{TALKS}.html"),
    "as JSON": (f"{OLD_TALKS}.json", f"{TALKS}.json"),
    "as Markdown": (f"{OLD_TALKS}.md", f"{TALKS}.md"),
    "a day with a leading zero": (f"{WALKOUT.replace('/4/', '/04/')}.html", f"{WALKOUT}.html"),
    "an old version on such a day": (f"{OLD_TALKS.replace('/9/', '/09/')}.html", f"{TALKS}.html"),
    "below a language": (f"/zh{WALKOUT}.html", f"{WALKOUT}.html"),
    "such a day": ("/news/2031/03/04/", "/news/2031/03/4/"),
    "its index": ("/news/2031/03/04/index.json", "/news/2031/03/4/index.json"),
    "a day without its slash": ("/news/2031/03/4", "/news/2031/03/4/"),
    "a month without its zero": ("/news/2031/3/", "/news/2031/03/"),
    "a year without its slash": ("/news/2031", "/news/2031/"),
}


@pytest.mark.parametrize(("asked", "right"), MOVED.values(), ids=MOVED.keys())
def test_other_spellings_lead_to_the_one_address(client: FlaskClient, asked: str, right: str) -> None:
    response = client.get(asked)
    assert (response.status_code, response.headers["Location"]) == (301, right)
    assert client.get(right).status_code == 200


OUTSIDE = [
    "/news/../../../etc/passwd",
    "/news/..%2f..%2f..%2fetc%2fpasswd",
    "/news/%2e%2e/%2e%2e/secret.md",
    "/news/2031/03/4/../../../../../secret.md",
    "/news/2031/03/4/....//....//secret.md",
    "/news//etc/passwd",
    "/opinion/..%5c..%5csecret.md",
    "/static/../app.py",
    "/static/..%2fapp.py",
    "/news/2031/03/4/%00.md",
    "/news/" + "a/" * 2000 + "x.md",
    "/secret.md",
    "/faq/index.md",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_address_leads_out_of_the_archive(client: FlaskClient, path: str) -> None:
    response = client.get(path, follow_redirects=True)
    assert response.status_code == 404
    assert b"root:" not in response.data


class OneArticle:
    """An engine that holds one article, whatever its record says."""

    def __init__(self, article: Article) -> None:
        self.held = article

    def article(self, path: str) -> ArticleView | None:
        return ArticleView(self.held, ()) if path == self.held.path else None

    def current_path(self, path: str) -> str | None:
        return None


@pytest.mark.parametrize("file", ["../secret.md", "/etc/passwd", "news/../../secret.md", "link.md", "", "news"])
def test_no_record_leads_out_of_the_archive(tmp_path: Path, make_article, file: str) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "archive"
    (archive / "news").mkdir(parents=True)
    (tmp_path / "secret.md").write_text("secret")
    (archive / "link.md").symlink_to(tmp_path / "secret.md")
    article = replace(make_article(), file=file)
    app = create_app({"archive": str(archive)}, engine=OneArticle(article))  # type: ignore[arg-type]
    response = app.test_client().get(f"{article.path}.md")
    assert response.status_code == 404
    assert b"secret" not in response.data


def test_the_history_marks_what_changed(make_article) -> None:  # type: ignore[no-untyped-def]
    headlines = ("Two ships wait", "Forty ships wait", "Forty ships wait")
    versions = tuple(Version(f"/news/2031/03/4/{n}", headline) for n, headline in enumerate(headlines))
    article = make_article(headline=headlines[-1], versions=versions)
    client = create_app(engine=OneArticle(article)).test_client()  # type: ignore[arg-type]
    history = Page(client.get(article.path)).one("ol", class_="history")
    assert [[words(mark) for mark in history.iter(tag)] for tag in ("del", "ins")] == [["Two"], ["Forty"]]
    assert words(list(history)[2]) == "The headline stayed the same."


@pytest.mark.parametrize(("length", "long"), [(160, False), (161, True)])
def test_a_headline_that_is_a_paragraph_is_set_as_one(make_article, length: int, long: bool) -> None:  # type: ignore[no-untyped-def]
    article = make_article(headline="x" * length, path="/news/2031/03/4/x")
    client = create_app(engine=OneArticle(article)).test_client()  # type: ignore[arg-type]
    assert (Page(client.get(article.path)).one("h1").get("class") == "long") == long


def test_a_day_lists_its_articles(client: FlaskClient) -> None:
    page = Page(client.get("/news/2031/03/4/"))
    assert words(page.one("h1")) == "Tuesday, 4 March 2031"
    assert page.hits == ["Dockers in Port Amaro walk out over night shifts."]
    assert [(text, href) for text, href in _links(page.one("nav", aria_label="Calendar"))] == [
        ("All years", "/"),
        ("2031", "/news/2031/"),
        ("March", "/news/2031/03/"),
    ]
    assert page.link("← 3 March 2031") == "/news/2031/03/3/"
    assert page.link("5 March 2031 →") == "/news/2031/03/5/"
    assert page.link("search within") == "/search?from=2031-03-04&to=2031-03-04"


def test_a_month_shows_its_days(client: FlaskClient) -> None:
    page = Page(client.get("/news/2031/03/"))
    assert words(page.one("h1")) == "March 2031"
    assert len(page.hits) == 3
    drawn = [link.get("href") for link in next(page.one("figure").iter("svg")).iter("a")]
    assert drawn == ["/news/2031/03/4/", "/news/2031/03/9/", "/news/2031/03/12/"]
    told = [(words(link), page.address(link)) for link in page.one("tbody").iter("a")]
    assert told == [(f"{href.split('/')[-2]} March 2031", href) for href in drawn]


def test_a_year_shows_its_months(client: FlaskClient) -> None:
    page = Page(client.get("/news/2031/index.html"))
    assert words(page.one("h1")) == "2031"
    assert page.link("March", page.one("ul", class_="years")) == "/news/2031/03/"
    assert "8 articles" in page.text
    assert page.link("2032 →") == "/news/2032/"
    assert page.link("← 2030") == "/news/2030/"


@pytest.mark.parametrize("path", ["/news/2031/03/4/", "/news/2031/03/", "/news/2031/"])
def test_a_time_is_listed_newest_first_and_has_a_feed(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path))
    found = [re.search(r"/(\d{4})/(\d\d)/(\d\d?)/", page.link(headline)) for headline in page.hits]
    days = [date(*map(int, parts.groups())) for parts in found if parts]
    assert len(days) == len(page.hits)
    assert days == sorted(days, reverse=True)
    entries = ElementTree.fromstring(client.get(page.link("as a feed")).data).iter("{http://www.w3.org/2005/Atom}entry")
    assert sum(1 for _ in entries) == len(page.hits)


def test_the_calendar_ends_with_the_archive(client: FlaskClient) -> None:
    assert not [text for text, _ in Page(client.get("/news/2032/")).links if "2033" in text]
    assert not [text for text, _ in Page(client.get("/news/2030/11/")).links if "October" in text]
    months = Page(client.get("/news/2030/")).one("ul", class_="years")
    assert [text for text, _ in _links(months)] == ["November", "December"]


def test_a_day_answers_json_too(client: FlaskClient) -> None:
    answer = client.get("/news/2031/03/4/index.json").get_json()
    assert (answer["query"]["from"], answer["query"]["to"]) == ("2031-03-04", "2031-03-04")
    assert [hit["id"] for hit in answer["hits"]] == [WALKOUT]


NOTHING = ["/news/2031/02/30/", "/news/2031/13/", "/news/0000/", "/news/2031/03/5/", "/news/2031/03/5/index.json"]


@pytest.mark.parametrize("path", NOTHING)
def test_days_without_articles_are_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_an_empty_day_still_leads_on(client: FlaskClient) -> None:
    page = Page(client.get("/news/2031/03/5/"))
    assert "The archive has no article of 5 March 2031." in page.text
    assert page.link("← 4 March 2031") == "/news/2031/03/4/"


def test_the_oldest_and_the_youngest_day_of_the_calendar_answer(client: FlaskClient) -> None:
    for day in (date.min, date.max):
        assert client.get(f"/news/{day.year:04d}/{day.month:02d}/{day.day}/").status_code == 404
