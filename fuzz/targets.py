"""What is fuzzed: three functions from bytes to nothing, which raise where a promise is broken.

In: any bytes. Out: nothing, or an exception that says which promise. ``run.py`` calls them by coverage, the tests with
their corpora and with Hypothesis.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from search_app.archive.parser import parse_page
from search_app.archive.render import plain_text, render_markdown
from search_app.engine.describe import describe, render
from search_app.engine.syntax import QueryLimits, parse_query
from search_app.errors import ArticleError, QueryError
from search_app.settings import load_settings
from search_app.web.links import query_string
from search_app.web.state import args_from_request, read_state

TODAY = date(2031, 3, 12)
# The first byte of a page chooses where its file lies, and with that its kind.
FILES = (
    "news/2031/03/4/dockers-walk-out.md",
    "news/2031/03/4/index.md",
    "opinion/2031/03/4/on-quays.md",
    "zh/news/2031/03/4/港口.md",
    "index.md",
    "news/dateless.md",
)
UNSAFE_HTML = re.compile(
    r"(?i)<\s*(?:script|style|iframe|img|svg|object)|<[^>]*\s(?:on\w+|style|src)\s*=|href=\"(?!https?:)"
)
WIDE = QueryLimits(max_chars=1_000_000, max_clauses=100_000, max_nesting=1_000)
SETTINGS = load_settings({})
MOST_PAGE_BYTES = 32_768


class BrokenPromiseError(AssertionError):
    """A promise that does not hold; the message says which, and of what."""


def _demand(holds: bool, promise: str, *about: object) -> None:
    if not holds:
        raise BrokenPromiseError(f"{promise}: {about!r}")


def fuzz_page(data: bytes) -> None:
    """A file of the archive is a page or an ArticleError, the same each time, and nothing in it becomes a program."""
    file = FILES[data[0] % len(FILES)] if data else FILES[0]
    text = data[1:MOST_PAGE_BYTES].decode("utf-8", "replace")
    try:
        page = parse_page(text, file)
    except ArticleError as error:
        _demand(bool(error.reason), "a refusal has its reason", text)
        return
    _demand(page == parse_page(text, file), "the same text is the same page", text)
    _demand(bool(page.language), "a page has a language", text)
    for name, value in (("headline", page.headline), ("topic", page.topic), ("summary", page.summary)):
        _demand("\0" not in value and "\r" not in value, f"{name} has no control characters", value)
        _demand(value == value.strip(), f"{name} has no space around it", value)
    _demand("\n" not in page.headline + page.topic, "headline and topic are one line", page.headline, page.topic)
    for source in page.sources:
        _demand(bool(source.name or source.url), "a source has a name or an address", source)
    html = render_markdown(page.markup or text)
    _demand(UNSAFE_HTML.search(html) is None, "what is rendered does nothing but show", html)
    plain_text(page.markup or text)


def fuzz_query(data: bytes) -> None:
    """Whatever is typed has a tree, can be said in words, and is read as the same tree when it is written out."""
    text = data.decode("utf-8", "replace")
    parsed = parse_query(text, today=TODAY)
    _demand(parse_query(text, today=TODAY) == parsed, "the same text is the same tree", text)
    _demand(bool(str(describe(parsed.tree))), "a tree can be said in words", text)
    written = render(parsed.tree)
    again = parse_query(written, today=TODAY, limits=WIDE)
    _demand(again.tree == parsed.tree, "a tree that is written out is read as itself", text, written)


def fuzz_address(data: bytes) -> None:
    """The parameters of an address are a search or a QueryError, and a search has one address."""
    pairs = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=None)
    try:
        request = read_state(MultiDict(pairs), TODAY, SETTINGS).request
    except QueryError as error:
        _demand(bool(error.parameter and error.expected), "a refusal names parameter and what it takes", pairs)
        return
    written = query_string(args_from_request(request))
    _demand(written.isascii() and " " not in written, "an address is ASCII without spaces", written)
    again = read_state(MultiDict(parse_qsl(written, keep_blank_values=True)), TODAY, SETTINGS)
    _demand(again.request == request, "an address and its search are the same thing", pairs, written)
    _demand(query_string(args_from_request(again.request)) == written, "a search has one address", pairs, written)


TARGETS: dict[str, Callable[[bytes], None]] = {"page": fuzz_page, "query": fuzz_query, "address": fuzz_address}
