"""Clean text, safe addresses, contexts, the table of languages, and where things lie."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_app.archive import labels
from search_app.archive.model import DAY, FRONT, IGNORED, NEWS, OPINION
from search_app.archive.paths import Place, link_language, link_path, locate, parse_day
from search_app.archive.text import clean_line, clean_paragraphs, safe_url, split_contexts


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a &amp; b", "a & b"),
        ("&amp;amp;", "&amp;"),
        ("AT&T, R&D; x &copy 2", "AT&T, R&D; x &copy 2"),
        ("&quot;a&hellip;&#8217;&#x2019;", '"a…’’'),
        ("one&#x20;two&nbsp;three\u3000four\tfive", "one two three four five"),
        ("''ACX'' '''bold''' d'or", "ACX bold d'or"),
        ("-{zh:甲; zh-tw:乙;}-丙-{丁}-", "甲丙丁"),
        ("-{", "-{"),
        ("Å", "Å"),
        ("soft\u00adhyphen", "soft\u00adhyphen"),
        ("", ""),
    ],
)
def test_clean_line(text: str, clean: str) -> None:
    assert clean_line(text) == clean


@given(st.text())
def test_clean_text_has_no_loose_space_and_no_controls(text: str) -> None:
    clean = clean_line(text)
    assert clean == " ".join(clean.split())
    assert not any(ord(character) < 32 for character in clean)
    clean.encode()


def test_clean_paragraphs_are_parted_by_one_empty_line() -> None:
    assert clean_paragraphs(["", "a", "b ", " ", "", "''''", "", "&lt;c"]) == "a b\n\n<c"
    assert clean_paragraphs(["&lt;c"], decode=False) == "&lt;c"
    assert clean_paragraphs([]) == ""


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example/?x=1&amp;y=2", "https://a.example/?x=1&y=2"),
        (" http://a.example ", "http://a.example"),
        ("FTP://a.example/f", "FTP://a.example/f"),
        ("https://a.example/a\tb\nc", "https://a.example/abc"),
        ("javascript:alert(1)", ""),
        ("java\tscript:alert(1)", ""),
        ("&#106;avascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//a.example", ""),
        ("/news/a.md", ""),
        ("https:/a.example", ""),
        ("", ""),
    ],
)
def test_only_addresses_that_are_safe_to_follow_are_kept(text: str, url: str) -> None:
    assert safe_url(text) == url


@pytest.mark.parametrize(
    ("text", "contexts"),
    [
        ("Astana, Kazakhstan", ("Astana", "Kazakhstan")),
        ("Kestrian election, 2016", ("Kestrian election, 2016",)),
        ("Kestrian election, 2016, 2017, Sel", ("Kestrian election, 2016, 2017", "Sel")),
        ("2016, Sel", ("2016", "Sel")),
        ("Sel, 20161, 0999", ("Sel", "20161", "0999")),
        ("''Ocean Lark'', Sel &amp; Co", ("Ocean Lark", "Sel & Co")),
        ("a, , b,, a,", ("a", "b")),
        ("President, president", ("President", "president")),
        (f"{'x' * 300}, {'y' * 301}", ("x" * 300,)),
        ("", ()),
    ],
)
def test_split_contexts(text: str, contexts: tuple[str, ...]) -> None:
    assert split_contexts(text) == contexts


@pytest.mark.parametrize("row", labels.LANGUAGES, ids=lambda row: row.tag)
def test_every_label_of_every_language_is_known_in_any_case_with_any_colon(row: labels.Language) -> None:
    for section, printed in (("sources", row.sources), ("changes", row.changes), ("related", row.related)):
        for label in printed:
            for shown in (label, f"{label}:", f" {label.upper()}： "):
                assert labels.section_of(shown) == (section, row.tag)
    assert all(labels.context_language(label) == row.tag for label in row.context)
    assert all(labels.is_image(label) for label in row.image)
    assert all(labels.is_current(label) for label in row.current)


def test_no_label_means_two_things() -> None:
    printed = [
        (label.casefold(), section)
        for row in labels.LANGUAGES
        for section in ("sources", "changes", "related")
        for label in getattr(row, section)
    ]
    assert len(printed) == len({label for label, _ in printed})


@pytest.mark.parametrize("label", ["", "Sauces", "Sources of trouble", "s" * 65])
def test_other_words_are_no_labels(label: str) -> None:
    assert labels.section_of(label) is None
    assert labels.context_language(label) == ""
    assert not labels.is_image(label)
    assert not labels.is_current(label)


@pytest.mark.parametrize(("text", "tag"), [("Snow", "en"), ("Été", "en"), ("青石港", "zh"), ("", "en")])
def test_script_tells_the_language(text: str, tag: str) -> None:
    assert labels.script_language(text) == tag


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("news/2031/03/4/a.md", Place(NEWS, "/news/2031/03/4/a", date(2031, 3, 4), "")),
        ("news/2031/03/04/a.md", Place(NEWS, "/news/2031/03/4/a", date(2031, 3, 4), "")),
        ("news/2031/3/4/a.md", Place(NEWS, "/news/2031/03/4/a", date(2031, 3, 4), "")),
        ("news/2031/03/4/a.html.md", Place(NEWS, "/news/2031/03/4/a.html", date(2031, 3, 4), "")),
        ("news/2031/03/4/cafe\u0301.md", Place(NEWS, "/news/2031/03/4/café", date(2031, 3, 4), "")),
        ("news/2031/02/30/a.md", Place(NEWS, "/news/2031/02/30/a", None, "")),
        ("news/a.md", Place(NEWS, "/news/a", None, "")),
        ("zh/news/2031/03/4/a.md", Place(NEWS, "/news/2031/03/4/a", date(2031, 3, 4), "zh")),
        ("news/2031/03/4/index.md", Place(DAY, "/news/2031/03/4", date(2031, 3, 4), "")),
        ("news/2031/03/04/README.md", Place(DAY, "/news/2031/03/4", date(2031, 3, 4), "")),
        ("opinion/2031/03/4/a/index.md", Place(OPINION, "/opinion/2031/03/4/a", date(2031, 3, 4), "")),
        ("opinion/2031/03/4/a/README.md", Place(OPINION, "/opinion/2031/03/4/a", date(2031, 3, 4), "")),
        ("index.md", Place(FRONT, "/", None, "")),
        ("README.md", Place(FRONT, "/", None, "")),
        *[
            (file, Place(IGNORED, "", None, ""))
            for file in (
                "faq/index.md",
                "api/news/2031/03/4/a.md",
                "news/index.md",
                "news/2031/03/index.md",
                "news/2031/02/30/index.md",
                "opinion/index.md",
                "opinion/2031/03/4/index.md",
                "notes.md",
                "news/2031/03/4/a.txt",
                "news.md",
            )
        ],
    ],
)
def test_the_place_of_a_file(file: str, place: Place) -> None:
    assert locate(file) == place


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/news/2031/03/9/a.md", "/news/2031/03/9/a"),
        ("/news/2031/03/9/a.html", "/news/2031/03/9/a"),
        ("/news/2031/03/9/a.json", "/news/2031/03/9/a"),
        ("/news/2031/03/9/a.xml", "/news/2031/03/9/a"),
        ("/news/2031/03/9/a", "/news/2031/03/9/a"),
        ("/news/2031/03/09/a.md", "/news/2031/03/9/a"),
        ("/news/2031/3/9/a.md", "/news/2031/03/9/a"),
        ("/zh/news/2031/03/9/青石.md", "/news/2031/03/9/青石"),
        ("/zh/news/2031/03/9/%E9%9D%92.md", "/news/2031/03/9/青"),
        ("/news/2031/03/9/%FF.md", "/news/2031/03/9/%FF"),
        ("/news/2031/03/9/a.md?x=1#y", "/news/2031/03/9/a"),
        ("/news/2031/03/9/a&amp;b.md", "/news/2031/03/9/a&b"),
        ("1999/01/7/a.html", "/news/1999/01/7/a"),
        ("news/2031/03/9/a.md", "/news/2031/03/9/a"),
        ("b.md", "/news/2031/03/4/b"),
        ("../5/b.md", "/news/2031/03/5/b"),
        ("./b.md", "/news/2031/03/4/b"),
        ("/opinion/2031/03/9/a/index.md", "/opinion/2031/03/9/a"),
        ("/opinion/2031/03/9/a", "/opinion/2031/03/9/a"),
        ("/news/2031/03/9/../9/a.md", "/news/2031/03/9/a"),
        ("1999/01/7/index.html", ""),
        ("/news/2031/03/9/index.md", ""),
        ("/news/2031/03/9/README.md", ""),
        ("/news/2031/03/9", ""),
        ("/news/", ""),
        ("/faq/index.md", ""),
        ("/api/news/2031/03/9/a.md", ""),
        ("https://a.example/news/2031/03/9/a.md", ""),
        ("//a.example/news/2031/03/9/a.md", ""),
        ("javascript:alert(1)", ""),
        ("../../../../../../etc/passwd", ""),
        ("..\\..\\x.md", ""),
        ("#top", ""),
        (".md", ""),
        ("/opinion/a/index.md", ""),
        ("...md", ""),
        ("/news/.md", ""),
        ("", ""),
        ("/news/2031/03/9/" + "a" * 5000 + ".md", ""),
    ],
)
def test_where_a_link_leads(link: str, path: str) -> None:
    assert link_path(link, "news/2031/03/4/a.md") == path


@given(st.text(alphabet="/.%news2031opi\\#?:zh-README.md", max_size=60))
def test_a_link_leads_to_a_proper_path_or_nowhere(link: str) -> None:
    path = link_path(link, "news/2031/03/4/a.md")
    if path:
        assert path.startswith(("/news/", "/opinion/"))
        assert set("%#?") & set(path) or link_path(path + ".md") == path
        assert not {"", ".", ".."} & set(path.split("/")[1:])


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2017-01-16", date(2017, 1, 16)),
        ("1999-01-2", date(1999, 1, 2)),
        ("2017-1-02", date(2017, 1, 2)),
        (" 2017/01/16 ", date(2017, 1, 16)),
        ("2017-02-29", None),
        ("2016-02-29", date(2016, 2, 29)),
        ("0000-01-01", None),
        ("2017-13-01", None),
        ("2017-01", None),
        ("16 January 2017", None),
        ("", None),
        ("2" * 9999, None),
    ],
)
def test_parse_day(text: str, day: date | None) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize(
    ("link", "tag"), [("/zh/news/a.md", "zh"), ("/pt-br/news/a", "pt"), ("/news/a.md", ""), ("/faq/", ""), ("zh/a", "")]
)
def test_the_language_of_a_link(link: str, tag: str) -> None:
    assert link_language(link) == tag
