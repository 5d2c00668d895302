"""Markdown to safe HTML and to plain text, and which text counts as Markdown at all."""

from __future__ import annotations

import html.parser
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processor_time import seconds_taken

from search_app.archive import plain_text, render_markdown, render_plain
from search_app.archive.render import MAX_MARKUP_CHARS, MAX_MARKUP_LINES, has_markup


@pytest.mark.parametrize(
    "text",
    [
        "a [link](https://a.example)",
        "a [link](/news/a.md)",
        "*emphasis*",
        "an **important** word",
        "an _old_ word",
        "`code`",
        "- one\n- two",
        "1. one\n2. two",
        "* one\n\n* two",
        "# heading",
        "> quotation",
        "text\n\n## heading",
    ],
)
def test_markdown_that_says_more(text: str) -> None:
    assert has_markup(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "5 * 4 * 3",
        "a * b",
        "* a lone star",
        "snake_case_name and _",
        "2*3*4",
        "a [bracket] and [http:--a.example-b]",
        "[?]67 C",
        "(a)",
        '"New York Times"',
        "- Told our reporter",
        "1. only one",
        "#hashtag",
        "a > b",
        "it`s",
        "two\n\nparagraphs",
        r"\*escaped\*",
    ],
)
def test_plain_text_that_only_looks_like_markdown(text: str) -> None:
    assert not has_markup(text)


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("a *b* **c**", "<p>a <em>b</em> <strong>c</strong></p>"),
        (
            "[a](https://a.example/?x=1&y=2)",
            '<p><a href="https://a.example/?x=1&amp;y=2" rel="nofollow noopener">a</a></p>',
        ),
        ("[a](javascript:alert(1))", '<p><a rel="nofollow noopener">a</a></p>'),
        ("[a](JaVaScRiPt:alert(1))", '<p><a rel="nofollow noopener">a</a></p>'),
        ("[a](&#106;avascript:alert)", '<p><a rel="nofollow noopener">a</a></p>'),
        ("[a](data:text/html,x)", '<p><a rel="nofollow noopener">a</a></p>'),
        ("[a](//a.example)", '<p><a rel="nofollow noopener">a</a></p>'),
        ("[a](/news/a.md)", '<p><a rel="nofollow noopener">a</a></p>'),
        ("![a](https://a.example/a.png) b", "<p> b</p>"),
        ("<script>alert(1)</script>b", "<p>b</p>"),
        ("<style>*{}</style>b", "<p>b</p>"),
        ("<iframe src=https://a.example></iframe>b", "<p>b</p>"),
        ("a <b onclick=alert(1) style='x' class=y id=z>b</b>", "<p>a <b>b</b></p>"),
        ("<svg onload=alert(1)>b", "<p></p>"),
        ("a <!-- hidden --> b", "<p>a  b</p>"),
        ("`<b>`", "<p><code>&lt;b&gt;</code></p>"),
        ("a & b < c", "<p>a &amp; b &lt; c</p>"),
        ("", ""),
    ],
)
def test_rendered_markdown_is_safe(markup: str, shown: str) -> None:
    assert render_markdown(markup) == shown


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


PIECES = [
    "<script>",
    "</script>",
    "<a href='",
    "javascript:",
    "'>",
    "[",
    "](",
    ")",
    "![",
    "<img src=x onerror=1>",
    "*",
    "\n",
    "> ",
    "- ",
]
PIECES += [
    "<svg/onload=1>",
    "&lt;",
    "<b ",
    "style=",
    '"',
    "`",
    "<!--",
    "-->",
    "[a]: javascript:1",
    "[a]",
    "x",
    " ",
    "<math>",
    "<style>",
    "\0",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30).map("".join))
def test_nothing_dangerous_survives(markup: str) -> None:
    shown = render_markdown(markup)
    reader = _Reader()
    reader.feed(shown)
    for tag, attributes in reader.tags:
        assert tag not in ("script", "style", "img", "svg", "iframe", "math", "form", "input", "link", "meta")
        assert set(attributes) <= {"href", "rel"}
        assert re.match("https?://", attributes.get("href") or "http://", re.IGNORECASE)
    assert "<" not in re.sub("<[^>]*>", "", shown)
    plain_text(markup).encode()
    assert render_markdown(markup) == shown


def test_a_text_does_not_remember_the_links_of_another() -> None:
    assert "a.example" in render_markdown("[a]\n\n[a]: https://a.example")
    assert "a.example" not in render_markdown("[a]")


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("*a* [b](https://b.example) &amp; c", "a b & c"),
        ("a\n\nb\nc", "a\n\nb c"),
        ("- a\n- b", "a\n\nb"),
        ("# a\nb", "a\n\nb"),
        ("> a", "a"),
        ("a <script>b</script> c", "a c"),
        ("`&lt;` &lt;b&gt;", "&lt; <b>"),
        ("![picture](https://a.example) b", "b"),
        ("", ""),
    ],
)
def test_plain_text_of_markdown(markup: str, plain: str) -> None:
    assert plain_text(markup) == plain


def test_plain_paragraphs_are_only_escaped() -> None:
    assert render_plain("a *b* <script>\n\nc & d") == "<p>a *b* &lt;script&gt;</p>\n<p>c &amp; d</p>"
    assert render_plain("") == ""


@pytest.mark.parametrize(
    "markup",
    [
        pytest.param("*a* " * (MAX_MARKUP_CHARS // 4 + 1), id="too long"),
        pytest.param("*a*\n" * (MAX_MARKUP_LINES + 2), id="too many lines"),
        pytest.param("*a*" * 1001, id="too many signs"),
        pytest.param("*a* " + "[" * 21, id="too many open brackets"),
        pytest.param("> " * 20 + "*a*", id="too deep"),
    ],
)
def test_what_nobody_writes_is_shown_as_plain_paragraphs(markup: str) -> None:
    shown = render_markdown(markup)
    assert "*a*" in shown
    assert "<em>" not in shown


UNITS = [
    "[",
    "](",
    "![",
    "![a](",
    "[a](<",
    "1. [",
    "<a ",
    "<",
    "<![CDATA[",
    "*_",
    "*a*",
    "`a ",
    "> ",
    "- a\n",
    "- a\n\n",
    "a\n---\n",
]
UNITS += [
    "[a](b)",
    "[a][b]",
    "[a]: b\n",
    "\\",
    "<b>",
    "<!--",
    "&",
    "**a",
    "_a ",
    "> a\n",
    "| a ",
    "    a\n",
    "<div>\n",
    "a  \n",
]
UNITS += ["> " * 19 + "a\n", ">   " * 19 + "a\n", "[[" + " " * 50, "\x02klzzwxh:1\x03"]


@pytest.mark.parametrize("unit", UNITS, ids=[repr(unit)[:20] for unit in UNITS])
def test_hostile_markdown_takes_no_time(unit: str) -> None:
    markup = (unit * MAX_MARKUP_CHARS)[:MAX_MARKUP_CHARS]
    assert seconds_taken(lambda: (has_markup(markup), render_markdown(markup)), 2) < 2
