"""The parser: files written for one case each, what text can do to it, and that nothing but ArticleError comes out."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processor_time import seconds_taken

from search_app.archive import parse_page
from search_app.archive.model import (
    DAY,
    FRONT,
    IGNORED,
    NEWS,
    NO_DATE,
    NO_HEADLINE,
    OPINION,
    Edge,
    Listing,
    Page,
    Source,
    Version,
)
from search_app.errors import ArticleError

PAGES = Path(__file__).parent / "data" / "pages"
ARTICLE = "news/2031/03/4/case.md"
DAY_PAGE = "news/2031/03/4/index.md"
EDITORIAL = "opinion/2031/03/12/what-for/index.md"


def parse(name: str, file: str = ARTICLE, known: Container[str] = ()) -> Page:
    return parse_page((PAGES / f"{name}.md").read_text("utf-8"), file, known)


def at(rest: str) -> str:
    return f"/news/2031/03/{rest}"


CASES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "article_new_format",
        ARTICLE,
        {
            "kind": NEWS,
            "path": at("4/case"),
            "file": ARTICLE,
            "language": "en",
            "date": date(2031, 3, 4),
            "topic": "Port Amaro harbour strike",
            "headline": "Dockers in Port Amaro walk out over night shifts.",
            "summary": "Cranes stood still on all nine quays, and the ferry to Halvik waited.",
            "markup": "",
            "sources": (
                Source("Amaro Courier", "https://courier.example/walkout?page=1&part=2"),
                Source("Halvik Post", "http://post.example/dockers_(strike)"),
            ),
            "image": "https://pictures.example/quay.jpg?w=1200&h=630&crop=faces%2Centropy",
            "versions": (
                Version(
                    at("4/port-amaro-harbour-strike-dockers-walk-out"),
                    "Port Amaro harbour strike: Dockers in Port Amaro walk out over night shifts.",
                    "2031-09-20 03:47:37",
                    "First version",
                    False,
                ),
                Version(
                    at("4/dockers-walk-out"),
                    "Dockers in Port Amaro walk out over night shifts.",
                    "",
                    "Current version",
                    True,
                ),
            ),
            "edges": (
                Edge(
                    at("9/talks-begin"),
                    ("Kestria", "Port Amaro", "Port Amaro harbour strike"),
                    "Talks between dockers and harbour begin.",
                ),
                Edge(
                    at("10/a-minister-calls-the-strike-untimely"),
                    ("Kestrian general election, 2031", "Port Amaro"),
                    'A minister calls the strike "untimely".',
                ),
            ),
            "listings": (),
        },
    ),
    (
        "article_old_format",
        "news/1999/01/2/snow.md",
        {
            "path": "/news/1999/01/2/snow",
            "date": date(1999, 1, 2),
            "topic": "",
            "headline": "Snow closes the pass at Sel.",
            "summary": "Drivers were told to wait until the ploughs had been through, which may take two days.",
            "sources": (Source("Sel Gazette", "http://gazette.example/snow"),),
        },
    ),
    ("summary_missing", ARTICLE, {"summary": "", "markup": "", "headline": "A headline and nothing else."}),
    (
        "summary_several_paragraphs",
        ARTICLE,
        {
            "summary": "The first runs over two lines.\n\nThe second has doubled spaces.",
            "markup": "",
            "sources": (),
        },
    ),
    (
        "summary_dirty",
        ARTICLE,
        {
            "headline": 'The Ocean Lark reports "67 C"… &lt;',
            "summary": "The Ocean Lark saw [?]67 C’s, 5 * 4 * 3 boats_and_nets and AT&T [http:--lark.example-a] today.",
            "markup": "",
            "sources": (Source("Amaro Courier & Sons", "https://courier.example/?a=1&copy=2"),),
        },
    ),
    (
        "summary_with_markdown",
        ARTICLE,
        {
            "summary": "The Lark and Heron sailed, says the harbour:\n\ntwo masts\n\none cook",
            "markup": "The *Lark* and Heron sailed, [says the harbour](https://harbour.example/log?a=1&amp;b=2):"
            "\n\n- two masts\n- one cook",
        },
    ),
    (
        "image_behind_source",
        ARTICLE,
        {
            "sources": (
                Source("Sel Gazette", "https://gazette.example/a"),
                Source("Halvik Post", "https://post.example/b"),
            ),
            "image": "https://gazette.example/a.png",
        },
    ),
    (
        "sources_odd",
        ARTICLE,
        {
            "sources": (
                Source("Twice", "https://twice.example/"),
                Source("Script", ""),
                Source("Data", ""),
                Source("Told by telephone", ""),
                Source("nameless.example", "https://nameless.example/page"),
                Source("Star [with brackets]", "ftp://star.example/file"),
                Source("Upper", "HTTPS://UPPER.EXAMPLE/"),
            ),
            "image": "",
        },
    ),
    (
        "labels_chinese",
        "news/2031/04/2/青石港.md",
        {
            "path": "/news/2031/04/2/青石港",
            "language": "zh",
            "date": date(2031, 4, 2),
            "topic": "青石港",
            "headline": "青石港码头工人罢工结束。",
            "sources": (Source("青石日报", "http://qingshi.example/a"),),
            "image": "http://qingshi.example/a.png",
            "edges": (
                Edge(at("4/港口"), ("青石港", "罢工"), "港口 [http:--qingshi.example-1 青石]date=2031年"),
                Edge(at("9/没有共同点"), (), "没有共同点"),
            ),
        },
    ),
    (
        "labels_unknown_language",
        "news/2032/02/10/festival.md",
        {
            "language": "fr",
            "date": date(2032, 2, 10),
            "summary": "Quellen:\n\nUne source",
            "sources": (),
        },
    ),
    ("variants_chinese", ARTICLE, {"headline": "搭载望远镜的火箭升空。", "language": "zh", "date": date(2031, 4, 2)}),
    (
        "related_links_odd",
        ARTICLE,
        {
            "edges": (
                Edge(at("9/padded"), ("A",), "Zero-padded day"),
                Edge(at("9/relative"), ("B",), "Without its room"),
                Edge(at("4/beside"), ("C",), "Beside"),
                Edge(at("5/next"), ("D",), "Next day"),
                Edge(at("9/café"), ("E",), "Percent"),
                Edge("", ("F",)),
                Edge("", ("G",)),
                Edge("", ("H",)),
                Edge(at("9/lingua"), ("I",), "Language"),
                Edge(at("9/bare"), (), "No context"),
                Edge(at("9/remark"), (), "Other remark"),
                Edge("/opinion/2031/03/12/what-for", ("J",), "Editorial"),
                Edge(at("9/entity"), ("K & L", "M", "N, 2031, 2032", "O_P"), "Entity quoted & more"),
                Edge(at("9/brackets"), ("Q",), "Brackets ](http://x.example) inside"),
            )
        },
    ),
    ("date_impossible", ARTICLE, {"date": date(2031, 3, 4)}),
    ("date_missing", ARTICLE, {"date": date(2031, 3, 4), "headline": "No date line at all."}),
    ("headline_empty_then_given", ARTICLE, {"headline": "The third one counts.", "summary": ""}),
    (
        "context_commas",
        ARTICLE,
        {
            "edges": (
                Edge(at("9/x"), ("Kestrian presidential election, 2016", "Astara", "Kazan Bay"), "x"),
                Edge(at("9/y"), ("2016", "Sel"), "y"),
                Edge(at("9/z"), ("1,000 Islands", "Sel", "20161"), "z"),
            )
        },
    ),
    (
        "headings_inside_summary",
        ARTICLE,
        {
            "topic": "First topic",
            "summary": "Text before.\n\nNot a label\n\nText after.",
            "markup": "Text before.\n\n### Not a label\n\nText after.",
            "sources": (Source("A", "https://a.example/"), Source("B", "https://b.example/")),
        },
    ),
    (
        "day_page",
        DAY_PAGE,
        {
            "kind": DAY,
            "path": at("4"),
            "language": "en",
            "date": date(2031, 3, 4),
            "headline": "",
            "listings": (
                Listing(
                    at("4/dockers-walk-out"),
                    "Port Amaro harbour strike",
                    (),
                    "Dockers walk out.",
                    "Cranes & quays stood still.",
                ),
                Listing(at("4/snow-at-sel"), "", ("Sel", "Kestrian general election, 2031"), "Snow at Sel.", ""),
                Listing(at("4/a-probe-lands"), "Comet Ferrow", (), "A probe lands.", ""),
                Listing(at("4/behind"), "", (), "Behind the end", ""),
            ),
        },
    ),
    (
        "day_page_chinese",
        "news/2031/04/2/index.md",
        {
            "kind": DAY,
            "language": "zh",
            "listings": (Listing("/news/2031/04/2/罢工结束", "青石港", ("青石港", "罢工"), "罢工结束。", ""),),
        },
    ),
    (
        "front_page",
        "index.md",
        {
            "kind": FRONT,
            "path": "/",
            "date": None,
            "listings": (
                Listing(at("4/dockers-walk-out"), "", ("Port Amaro",), "Dockers walk out.", ""),
                Listing(at("3/fog"), "", (), "Fog.", ""),
            ),
        },
    ),
    (
        "editorial",
        EDITORIAL,
        {
            "kind": OPINION,
            "path": "/opinion/2031/03/12/what-for",
            "date": date(2031, 3, 12),
            "headline": "What a harbour is for",
            "summary": "A harbour keeps ships & promises.\n\nIt is not a wall.\n\nSources\n\none\n\ntwo",
            "markup": "A harbour [keeps](https://keeps.example/) ships &amp; promises.\n\n> It is not a wall."
            "\n\n### Sources\n\n1. one\n2. two",
            "sources": (),
        },
    ),
    (
        "editorial_underlined",
        "opinion/2031/03/12/wall/README.md",
        {"headline": "What a wall is for", "summary": "It keeps the sea out.", "date": date(2031, 3, 12)},
    ),
    ("article_new_format", "faq/index.md", {"kind": IGNORED, "path": "", "headline": "", "edges": ()}),
]


@pytest.mark.parametrize(("name", "file", "expected"), CASES, ids=[f"{name}-{file[:4]}" for name, file, _ in CASES])
def test_a_file_says(name: str, file: str, expected: dict[str, Any]) -> None:
    page = parse(name, file)
    assert {field: getattr(page, field) for field in expected} == expected


def test_every_page_written_for_a_case_is_used() -> None:
    used = {name for name, _, _ in CASES} | {"headline_missing"}
    assert used == {file.stem for file in PAGES.iterdir()}


@pytest.mark.parametrize(
    ("text", "file", "reason"),
    [
        pytest.param((PAGES / "headline_missing.md").read_text("utf-8"), ARTICLE, NO_HEADLINE, id="no headline"),
        pytest.param("", ARTICLE, NO_HEADLINE, id="empty"),
        pytest.param("\n\n\n", EDITORIAL, NO_HEADLINE, id="blank editorial"),
        pytest.param("#\n", ARTICLE, NO_HEADLINE, id="bare hash"),
        pytest.param("# A", "news/2031/02/30/a.md", NO_DATE, id="impossible day in the path"),
        pytest.param("### [soon](x)\n# A", "news/a.md", NO_DATE, id="no day in line or path"),
        pytest.param("# A", "opinion/2031/13/1/a/index.md", NO_DATE, id="editorial in month 13"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, file: str, reason: str) -> None:
    with pytest.raises(ArticleError) as caught:
        parse_page(text, file)
    assert (caught.value.path, caught.value.reason) == (file, reason)


@pytest.mark.parametrize("file", ["news/2031/02/30/a.md", "news/a.md"])
def test_the_date_line_helps_where_the_path_names_no_day(file: str) -> None:
    assert parse_page("### [2031-3-1](x)\n# A", file).date == date(2031, 3, 1)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
@pytest.mark.parametrize("name", ["article_new_format", "day_page"])
def test_line_endings_of_other_systems_change_nothing(name: str, ending: str) -> None:
    file = DAY_PAGE if name == "day_page" else ARTICLE
    text = (PAGES / f"{name}.md").read_text("utf-8")
    assert parse_page("\ufeff" + text.replace("\n", ending), file) == parse_page(text, file)


def test_headlines_of_known_articles_are_left_out() -> None:
    known = {at("9/talks-begin"), at("4/snow-at-sel")}
    assert [bool(edge.headline) for edge in parse("article_new_format", known=known).edges] == [False, True]
    listings = parse("day_page", DAY_PAGE, known=known).listings
    assert [bool(item.headline) for item in listings] == [True, False, True, True]
    assert [edge.contexts for edge in parse("article_new_format", known=known).edges] == [
        edge.contexts for edge in parse("article_new_format").edges
    ]


# What a hostile file holds; each of these is read, and nothing of it does anything.
HEAD = "### [2031-03-04](/news/2031/03/4/index.md)\n\n# A\n\n"
HOSTILE = {
    "script in headline": ("# <script>alert(1)</script>", "headline", "<script>alert(1)</script>"),
    "script in summary": (HEAD + "<script>alert(1)</script>", "summary", "<script>alert(1)</script>"),
    "entities upon entities": ("# &amp;amp;lt;b&amp;gt;", "headline", "&amp;lt;b&gt;"),
    "script by entities": ("# &lt;img src=x onerror=alert(1)&gt;", "headline", "<img src=x onerror=alert(1)>"),
    "entity of nothing": ("# a &#0; &#xD800; &nosuch; &#99999999; b", "headline", "a � � &nosuch; � b"),
    "null bytes": ("# a\0b\0\n\nc\0", "headline", "ab"),
    "control characters": ("# a\x01b\x1b[31m\x7f\x85c", "headline", "ab[31m c"),
    "lone surrogate": ("# a\ud800b", "headline", "a\ufffdb"),
    "right-to-left marks": ("# a\u202eb\u202c", "headline", "a\u202eb\u202c"),
    "decomposed letters": ("# cafe\u0301", "headline", "café"),
    "line separators": ("# a\u2028b\x0bc\x0cd", "headline", "a b c d"),
    "formula": ("# =HYPERLINK(1)", "headline", "=HYPERLINK(1)"),
    "script source": (
        HEAD + "### Sources:\n\n1. [x](JaVaScRiPt:alert(1))\n1. [y](java\tscript:alert(1))\n1. [z](&#106;avascript:1)",
        "sources",
        (Source("x"), Source("y"), Source("z")),
    ),
    "script image": (HEAD + "### Sources:\n\n1. [Cover Image](javascript:alert(1))", "image", ""),
    "space in address": (
        HEAD + "### Sources:\n1. [x](https://a.example/ b\0)",
        "sources",
        (Source("x", "https://a.example/b"),),
    ),
    "topic without end": (f"##### {'t' * 9999}\n# A", "topic", ""),
    "context without end": (
        HEAD + f"### Related:\n1. [x](/news/a.md) _Context: {'c' * 9999}, B_",
        "edges",
        (Edge("/news/a", ("B",), "x"),),
    ),
    "link without end": (
        HEAD + f"### Related:\n1. [x](/news/{'a' * 9999}.md) _Context: B_",
        "edges",
        (Edge("", ("B",)),),
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_is_only_text(case: str) -> None:
    text, field, expected = HOSTILE[case]
    assert getattr(parse_page(text, ARTICLE), field) == expected


def test_a_thousand_related_lines_are_a_thousand_edges() -> None:
    lines = "".join(f"{n}. [x](/news/2031/03/9/a{n}.md) _Context: C{n}_\n" for n in range(1000))
    assert len(parse_page(HEAD + "### Related:\n\n" + lines, ARTICLE).edges) == 1000


HUGE = 5_000_000
UNITS = [
    "a", " ", "#", "*", "_", "`", "[", "]", "(", "](", "](/", "[a](b)", "'", "&", "&amp;", "-{", "<", "a, ", "# ", ". ",
    "- a\n", "### \n", "\n# ", "\n", "1. [", "*a ", "_a ", "`a ", "> ", "&#x20;", "**a", "__", "é", "e\u0301", "%",
    "../", "\r", "zh:", "2016, ", "\0", "; ", "<a ", "![", "*_", "[a]: b\n", "\t", "1. a\n\n", "a\n---\n", "|a",
    "```\n",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS, ids=[repr(unit) for unit in UNITS])
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("# {}", id="headline"),
        pytest.param("##### {}\n# A", id="topic"),
        pytest.param(HEAD + "{}", id="summary"),
        pytest.param(HEAD + "### Sources:\n\n1. [a](https://{})", id="source"),
        pytest.param(HEAD + "### Sources:\n\n{}", id="sources"),
        pytest.param(HEAD + "### Related:\n\n1. [{}](/news/a.md) _Context: A_", id="edge"),
        pytest.param(HEAD + "### Related:\n\n1. [a](/news/{}.md) _Context: A_", id="target"),
        pytest.param(HEAD + "### Related:\n\n1. [a](/news/a.md) _Context: {}_", id="contexts"),
        pytest.param(HEAD + "### Changes:\n\n1. [a](/news/a.md) _{}_", id="changes"),
    ],
)
def test_two_hundred_kilobytes_of_anything_is_read_quickly(frame: str, unit: str) -> None:
    text = frame.replace("{}", unit * (HUGE // 25 // len(unit)))

    def read() -> None:
        with suppress(ArticleError):
            parse_page(text, ARTICLE)

    assert seconds_taken(read, 2) < 2


@pytest.mark.parametrize("file", [ARTICLE, DAY_PAGE, EDITORIAL])
@pytest.mark.parametrize("unit", ["a", "word ", "*a ", "[", "&amp; ", "](/news/"])
def test_a_line_of_five_megabytes_is_read_within_two_seconds(file: str, unit: str) -> None:
    text = HEAD + unit * (HUGE // len(unit))
    pages: list[Page] = []
    assert seconds_taken(lambda: pages.append(parse_page(text, file)), 2) < 2
    assert pages[0].kind in (NEWS, DAY, OPINION)


PIECES = st.sampled_from(
    [
        "### [2031-03-4](/news/2031/03/4/index.md)", "# A headline", "##### Topic", "### Sources:", "### Source:",
        "### Changes:", "### Related:", "### 有关:", "1. [x](/news/2031/03/9/y.md) _Context: A, 2016, B_",
        "1. [y](https://y.example/?a&amp;b) [IMG](https://y.example/i.png)", "1. [Cover Image](https://i.example)",
        "1. [o](/news/2031/03/4/o.md) _2031-04-01 03:47:37 (First version)_", "## [2031-03-4](x)",
        "### [l](/news/a.md)",
        "_Context: C, D_", "_消息: 甲_", "](", ") _", "[", "*a*", "> q", "- a", "```", "&#x110000;",
        "-{zh:a;}-", "''", "\0", "/zh/", "%ff", "====", "<a href='javascript:1'>", "[a]: http://b", "![i](http://i.example)",
    ]
)  # fmt: skip
FILES = st.sampled_from(
    [
        ARTICLE,
        DAY_PAGE,
        EDITORIAL,
        "index.md",
        "README.md",
        "news/a.md",
        "news/2031/02/31/x.md",
        "zh/news/2031/03/4/x.md",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=30), st.just("\n")), max_size=40).map(
    lambda parts: "".join(part + ("\n" if number % 3 else "") for number, part in enumerate(parts))
)


@given(text=st.one_of(TEXTS, st.text(max_size=300)), file=FILES)
def test_no_text_raises_anything_but_article_errors(text: str, file: str) -> None:
    try:
        page = parse_page(text, file)
    except ArticleError:
        return
    if page.kind in (NEWS, OPINION):
        assert page.headline
        assert isinstance(page.date, date)
    shown = [page.headline, page.topic, page.summary, *[edge.headline for edge in page.edges]]
    shown += [name for edge in page.edges for name in edge.contexts] + [source.name for source in page.sources]
    for text in shown:
        text.encode()
        assert text == text.strip()
        assert "\0" not in text
        assert "''" not in text
    for source in page.sources:
        assert source.url == "" or source.url.lower().startswith(("http://", "https://", "ftp://"))
    for edge in page.edges:
        assert edge.path == "" or edge.path.startswith(("/news/", "/opinion/"))
