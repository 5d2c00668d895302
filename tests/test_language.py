"""The interface in several languages: every text translated, the language chosen and kept, data always in English."""

from __future__ import annotations

import ast
import re
import string
from datetime import date
from gettext import GNUTranslations

import pytest
from babel.dates import format_date
from catalogues import LOCALE, REPOSITORY, collect, po_file, read_catalogue, untranslated
from flask.testing import FlaskClient
from markupsafe import Markup
from web_page import Page, words

from search_app.dates import day_words
from search_app.engine.describe import describe
from search_app.engine.syntax import parse_query
from search_app.errors import QueryError
from search_app.messages import Message, message, plural
from search_app.settings import load_settings
from search_app.web.app import create_app
from search_app.web.language import LANGUAGES, around, find_language, markup, speaking
from search_app.web.links import Links
from search_app.web.reader_language import SCRIPT_TEXTS, _usual_language
from search_app.web.words import span_words

TODAY = date(2031, 5, 1)
PAGES = (
    "/",
    "/search?q=strike",
    "/search?q=zzyzx",
    "/search/facet/context",
    "/news/2031/03/4/",
    "/news/2031/",
    "/topic/Port%20Amaro%20harbour%20strike",
    "/nothing/here",
)


def places(text: str) -> set[str]:
    """Return the names that a template leaves to be filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


# -- catalogues -----------------------------------------------------------------------------------------------------


def test_the_languages_are_those_that_have_a_catalogue() -> None:
    assert {path.name for path in LOCALE.iterdir() if path.is_dir()} == set(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_of_the_code_is_translated(code: str) -> None:
    catalogue = read_catalogue(code)
    assert {text.id for text in catalogue if text.id} == {text.id for text in collect() if text.id}
    assert untranslated(catalogue) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_is_served_is_what_people_edit(code: str) -> None:
    with po_file(code).with_suffix(".mo").open("rb") as file:
        served = GNUTranslations(file)
    for text in read_catalogue(code):
        if isinstance(text.id, tuple):
            forms = {served.ngettext(*text.id, count) for count in range(1, 20)}
            assert forms == set(text.string)
        elif text.id:
            assert served.gettext(text.id) == text.string


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_translation_leaves_the_same_places(code: str) -> None:
    for text in read_catalogue(code):
        for form in text.string if isinstance(text.string, tuple) else [text.string]:
            template = text.id[-1] if isinstance(text.id, tuple) else text.id
            assert places(form) == places(template), text.id


def test_the_script_says_what_the_catalogues_hold() -> None:
    script = (REPOSITORY / "search_app" / "web" / "static" / "app.js").read_text()
    said = {
        text
        for call in re.findall(r"\bsay\(([^)]*)\)", script)
        for text in re.findall(r'"([^"]+)"', call)
        if text != "en"
    }
    assert said | {"topic", "context", "source"} == set(SCRIPT_TEXTS)


# -- messages -------------------------------------------------------------------------------------------------------


def test_a_message_is_english_text_that_can_be_said_otherwise() -> None:
    made = message("until {day}", day=day_words(date(2031, 3, 4)))
    assert made == "until 4 March 2031"
    assert find_language("zh").say(made) == "截至2031年3月4日"
    assert find_language("zh").say("just text {with} braces") == "just text {with} braces"
    counted = plural("{count:,} article", "{count:,} articles", 11_448)
    assert (counted, find_language("zh").say(counted)) == ("11,448 articles", "11,448 篇文章")


def test_braces_of_others_are_only_text() -> None:
    made = message("“{text}”", text="{0.__class__} {year}")
    assert find_language("zh").say(made) == "“{0.__class__} {year}”"
    with speaking("zh") as language:
        assert language.markup("for “{query}”", query="<b>{x}</b>") == "搜索“&lt;b&gt;{x}&lt;/b&gt;”"
        assert language.markup("for “{query}”", query=Markup("<b>&amp;</b>")) == "搜索“<b>&amp;</b>”"
        assert language.markup("All {count:,} topics", count=1234) == "全部 1,234 个主题"


@pytest.mark.parametrize(("code", "form"), [("en", "d MMMM y"), ("zh", "long")])
def test_dates_are_those_of_the_locale(code: str, form: str) -> None:
    for day in (date(2031, month, 9 + month) for month in range(1, 13)):
        assert find_language(code).say(day_words(day)) == format_date(day, form, locale=code)


QUERIES = {
    "every article": ("", "所有文章"),
    "words": ("harbour strike", "“harbour”和“strike”"),
    "a group": ("storm OR (flood -rain)", "“storm”或（“flood”，不含“rain”）"),
    "a field and dates": ("headline:strike date:2031-03", "“strike”（标题中），2031年3月"),
    "a phrase": ('"night shifts"~1', "短语“night shifts”（中间最多隔 1 个词）"),
    "a range": ("strike since:2030", "“strike”，2030年1月1日以来"),
}


@pytest.mark.parametrize(("text", "said"), QUERIES.values(), ids=QUERIES.keys())
def test_a_query_in_plain_words(text: str, said: str) -> None:
    assert find_language("zh").say(describe(parse_query(text, today=TODAY).tree)) == said


def test_errors_and_warnings_can_be_said() -> None:
    error = QueryError("page", "x", message("It takes a whole number from 1."))
    assert str(error) == error.told == "page: “x” cannot be used. It takes a whole number from 1."
    assert find_language("zh").say(error.told) == "page：“x”无法使用。应为从 1 开始的整数。"
    for text in ("nosuch:word", "NOT", "AND a", "()", '""', "word^x", "*~", "ab~", "date:31.2.2031", 'a "b c"~99'):
        for warning in parse_query(text, today=TODAY).warnings:
            assert isinstance(warning, Message), warning


def test_whatever_people_are_told_is_a_message() -> None:
    """Notes, warnings and what a parameter takes are written as messages, so that pages can translate them."""
    package = REPOSITORY / "search_app"
    plain = []
    for path in [
        *sorted((package / "engine").glob("*.py")),
        package / "web" / "state.py",
        package / "web" / "pages.py",
    ]:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if re.search(r"QueryError$|(notes|warnings)\.(add|append)$", ast.unparse(call.func)):
                told = [arg for arg in call.args[-1:] if isinstance(arg, ast.Constant | ast.JoinedStr)]
                plain += [f"{path.name}: {ast.unparse(arg)}" for arg in told]
    assert plain == []


SPANS = {
    "days of a month": (date(2031, 3, 1), date(2031, 3, 4), "2031年3月1日至4日"),
    "days of two months": (date(2031, 3, 31), date(2031, 4, 6), "2031年3月31日至4月6日"),
    "years": (date(2030, 1, 1), date(2031, 12, 31), "2030年至2031年"),
    "open": (date(2031, 3, 4), None, "2031年3月4日起"),
}


@pytest.mark.parametrize(("first", "last", "said"), SPANS.values(), ids=SPANS.keys())
def test_spans(first: date, last: date | None, said: str) -> None:
    assert find_language("zh").say(span_words(first, last)) == said


# -- which language -------------------------------------------------------------------------------------------------

CHOICES = {
    "nothing said": ({}, {}, "en"),
    "the browser's": ({}, {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}, "zh"),
    "the browser's order": ({}, {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.5"}, "en"),
    "one that there is not": ({}, {"Accept-Language": "fr,de;q=0.5"}, "en"),
    "the address": ({"lang": "zh"}, {}, "zh"),
    "the address before the browser": ({"lang": "en"}, {"Accept-Language": "zh"}, "en"),
    "the address with a region": ({"lang": "zh-Hans-CN"}, {}, "zh"),
    "an address that names none": ({"lang": "<script>"}, {"Accept-Language": "zh"}, "zh"),
    "a header longer than browsers send": ({}, {"Accept-Language": "fr," * 100 + "zh"}, "zh"),
    "a header that is none": ({}, {"Accept-Language": ";;q=x,,\x01"}, "en"),
}


@pytest.mark.parametrize(("args", "headers", "code"), CHOICES.values(), ids=CHOICES.keys())
def test_the_language_of_a_page(client: FlaskClient, args: dict[str, str], headers: dict[str, str], code: str) -> None:
    response = client.get("/search", query_string={"q": "strike", **args}, headers=headers)
    page = Page(response)
    assert page.one("html").get("lang") == code
    assert ("“strike”" in page.title) and ("篇文章" in page.title) == (code == "zh")
    named = args.get("lang", "")[:2] in LANGUAGES
    assert ("Accept-Language" in response.headers.get("Vary", "")) is not named


def test_what_browsers_ask_for_is_remembered_unless_it_is_long(client: FlaskClient) -> None:
    """A cache that keeps whatever is sent would be filled by who sends most."""
    _usual_language.cache_clear()
    for header in ("zh;q=0.7", "zh;q=0.7", "zh," + "fr," * 100):
        assert Page(client.get("/", headers={"Accept-Language": header})).one("html").get("lang") == "zh"
    assert _usual_language.cache_info().currsize == 1


@pytest.mark.parametrize("text", ["not {value}", "<{value}>"])
@pytest.mark.parametrize("code", LANGUAGES)
def test_what_stands_around_a_value(code: str, text: str) -> None:
    with speaking(code):
        before, after = around(text)
        assert f"{before}one{after}" == markup(text, value="one")
        assert (type(before), type(after)) == (Markup, Markup)


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_no_english_left(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path, headers={"Accept-Language": "zh"}))
    english = [str(text.id) for text in read_catalogue("zh") if isinstance(text.id, str) and text.id != text.string]
    shown = {words(element) for element in page.one("body").iter() if element.tag not in ("bdi", "h3", "article")}
    assert shown & {text for text in english if len(text) > 3 and "{" not in text} == set()


def test_articles_keep_their_own_language(client: FlaskClient) -> None:
    page = Page(client.get("/search?q=strike&lang=zh"))
    assert {page.language(hit) for hit in page.hit_items} == {"en"}
    days = [list(kicker.iter("a"))[-1] for kicker in page.all("p", class_="kicker")]
    assert {page.language(day) for day in days} == {"zh"}
    article = Page(client.get(page.link(page.hits[0])))
    assert article.one("article").get("lang") == "en"
    assert article.one("html").get("lang") == "zh"


def test_the_switch_keeps_the_search(client: FlaskClient) -> None:
    page = Page(client.get("/search?q=strike&topic=Port+Amaro+harbour+strike&sort=oldest"))
    other = page.link("中文")
    assert other == "/search?q=strike&topic=Port+Amaro+harbour+strike&sort=oldest&lang=zh"
    chinese = Page(client.get(other))
    assert chinese.hits == page.hits
    back = chinese.link("English")
    assert back.endswith("&lang=en")
    assert Page(client.get(back)).title == page.title


@pytest.mark.parametrize("path", PAGES)
def test_a_language_of_the_address_stays_in_every_link(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path + ("&" if "?" in path else "?") + "lang=zh"))
    inside = [address for text, address in page.links if address.startswith("/") and text != "English"]
    data = [address for address in inside if re.match(r"/(api/|feed\.atom|export)|.*/index\.\w+", address)]
    assert [address for address in data if "lang=" in address] == []
    assert [address for address in inside if "lang=zh" not in address and address not in data] == []
    assert ("lang", "zh") in page.form_values()
    unnamed = Page(client.get(path, headers={"Accept-Language": "zh"}))
    assert not [
        address
        for text, address in unnamed.links
        if address.startswith("/") and "lang=" in address and text != "English"
    ]


def test_a_form_that_is_tidied_keeps_the_language(client: FlaskClient) -> None:
    assert client.get("/search?q=strike&topic=&lang=zh").headers["Location"] == "/search?q=strike&lang=zh"
    assert client.get("/news/2031/03/04/?lang=zh").headers["Location"] == "/news/2031/03/4/?lang=zh"


def test_a_switch_never_leads_off_the_site(client: FlaskClient) -> None:
    page = Page(client.get("//elsewhere.example/"))
    assert page.one("a", class_="speak").get("href") == "?lang=zh"


def test_each_language_has_its_own_validator(client: FlaskClient) -> None:
    english = client.get("/search?q=strike")
    chinese = client.get("/search?q=strike", headers={"Accept-Language": "zh"})
    assert english.headers["ETag"] != chinese.headers["ETag"]
    again = {"If-None-Match": english.headers["ETag"]}
    kept = client.get("/search?q=strike", headers=again)
    assert (kept.status_code, "Accept-Language" in kept.headers["Vary"]) == (304, True)
    assert client.get("/search?q=strike", headers={**again, "Accept-Language": "zh"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/search?q=strike+NOT", "/api/search?page=x", "/api/suggest?q=st", "/feed.atom?q=strike&from=2031-03",
        "/opensearch/suggest?q=st", "/news/2031/03/4/index.json", "/news/2031/03/4/index.xml", "/export.csv?q=strike",
        "/api/nothing",
    ],
)  # fmt: skip
def test_data_is_in_english_whatever_is_asked(client: FlaskClient, path: str) -> None:
    plain = client.get(path)
    asked = client.get(path + ("&" if "?" in path else "?") + "lang=zh", headers={"Accept-Language": "zh"})
    assert "Accept-Language" not in asked.headers.get("Vary", "")

    def told(text: str) -> str:
        return re.sub(r'"took_ms":[0-9.]+|<updated>[^<]*|[?&](amp;)?lang=zh', "", text)

    assert told(asked.get_data(as_text=True)) == told(plain.get_data(as_text=True))


def test_problems_are_said_in_the_language_of_the_page(client: FlaskClient) -> None:
    page = Page(client.get("/search?from=31.2.2031&lang=zh"))
    assert page.status == 400
    assert "在日历中不存在" in page.text
    assert ("lang", "zh") in page.form_values()
    past = Page(client.get("/search?q=strike&page=99&lang=zh"))
    assert past.link("前往最后一页，第 1 页") == "/search?q=strike&lang=zh"


def test_without_an_index_it_says_so(tmp_path: object) -> None:
    app = create_app({**load_settings({}, index=str(tmp_path)), "TESTING": True})
    assert "档案正在准备中" in app.test_client().get("/", headers={"Accept-Language": "zh"}).get_data(as_text=True)


def test_links_for_programs_have_no_language() -> None:
    links = Links("/sub", "v", "zh")
    assert links.home == "/sub/?lang=zh"
    assert links.article("/news/2031/03/4/x", ".json") == "/sub/news/2031/03/4/x.json"
    assert links.article("/news/2031/03/4/x") == "/sub/news/2031/03/4/x.html?lang=zh"
