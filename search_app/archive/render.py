"""The Markdown that people wrote, made safe to show and to search: HTML that holds nothing but text, and plain text.

In: the Markdown of a summary or an editorial, from anybody. Out: HTML with a dozen harmless tags, or plain text.
Python-Markdown reads it, nh3 makes it safe; nothing else in this project turns archive text into HTML.
"""

from __future__ import annotations

import html
import re

import markdown
import nh3

from .text import clean_paragraphs

MAX_MARKUP_CHARS = 40_000
MAX_MARKUP_LINES = 2_000
MAX_MARKUP_MARKS = 2_000
MAX_UNCLOSED = 20
"""Beyond this many characters, lines, signs, or brackets of one kind open at once, text is shown as plain paragraphs.

Nobody writes that, and Python-Markdown looks for the end of every open bracket and emphasis anew: 12 KB of ``![`` took
it 22 s, 40 KB of ``*a*`` 3 s.
"""

_TAGS = frozenset(
    {"p", "br", "hr", "a", "em", "strong", "b", "i", "code", "pre", "blockquote", "ul", "ol", "li", "del", "sub", "sup"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
)
_DROPPED = frozenset(
    {"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math", "title", "textarea"}
    | {"noembed", "noframes", "xmp", "select"}
)
_BLOCK_ENDS = re.compile(r"</(?:p|li|h[1-6]|blockquote|pre|ul|ol|table|tr|div)>|<hr[^>]{0,8}>")
_CELL_ENDS = re.compile(r"</t[hd]>|<br[^>]{0,8}>")

# What makes Markdown of a text, as against a star, an underscore or a bracket that a plain sentence happens to hold.
_MARKUP = re.compile(
    r"""
    \]\((?:https?://|/)                                                         # a link
    | (?<![\w*\\])\*{1,3}(?=[^\s*])[^*\n]{0,200}(?<=[^\s*\\])\*{1,3}(?![\w*])   # *emphasis*, **strong**
    | (?<![\w\\])_{1,3}(?=[^\s_])[^_\n]{0,200}(?<=[^\s_\\])_{1,3}(?!\w)         # _emphasis_, __strong__
    | (?<![`\\])`[^`\n]{1,200}`(?!`)                                            # `code`
    | ^[ ]{0,3}[-*+][ ]+\S[^\n]*\n(?:[ \t]*\n)?[ ]{0,3}[-*+][ ]+\S              # two items of a list
    | ^[ ]{0,3}\d{1,3}[.][ ]+\S[^\n]*\n(?:[ \t]*\n)?[ ]{0,3}\d{1,3}[.][ ]+\S
    | ^\#{1,6}[ ]+\S                                                            # a heading
    | ^>[ ]?\S                                                                  # a quotation
    """,
    re.VERBOSE | re.MULTILINE,
)
_NESTED = re.compile(r"^[ \t]*(?:[>*+-][ \t]*){20}|^[ \t]{80}", re.MULTILINE)
_BRACKETS = ((re.compile(r"[\[\]]"), "["), (re.compile("[()]"), "("), (re.compile("[<>]"), "<"))


def has_markup(text: str) -> bool:
    """Tell whether Markdown says more than the words of ``text``: a link, emphasis, a list, a heading, a quotation.

    A lone star, underscore or bracket says nothing, and neither does text too long to be rendered. Cost: linear.
    """
    if len(text) > MAX_MARKUP_CHARS:
        return False
    # Few texts hold any of these; looking for them first makes this a hundred times cheaper for the others.
    suspicious = "*" in text or "_" in text or "`" in text or "](" in text or "\n" in text or text[:1] in ("#", ">")
    return suspicious and _MARKUP.search(text) is not None


def render_markdown(markup: str) -> str:
    """Return Markdown as safe HTML.

    Links lead to http and https alone and carry ``rel="nofollow noopener"``; images, scripts, styles, classes, ids and
    every other tag and attribute are gone. The same input gives the same bytes. Never raises.
    """
    shown = _rendered(markup)
    return render_plain(clean_paragraphs(markup.split("\n"))) if shown is None else shown


def render_plain(text: str) -> str:
    """Return plain text, paragraphs parted by an empty line, as HTML paragraphs with nothing but text in them."""
    return "\n".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n") if part)


def plain_text(markup: str) -> str:
    """Return the words of Markdown as plain text, ``"\\n\\n"`` between paragraphs, items and headings."""
    shown = _rendered(markup)
    if shown is None:
        return clean_paragraphs(markup.split("\n"))
    parted = _BLOCK_ENDS.sub("\n\n", _CELL_ENDS.sub(" ", shown))
    return clean_paragraphs(html.unescape(nh3.clean(parted, tags=set())).split("\n"), decode=False)


def _rendered(markup: str) -> str | None:
    """Return Markdown as safe HTML, None where it is better shown as plain paragraphs."""
    try:
        if _readable(markup):
            # A new converter each time: one that is kept remembers the last text's link references.
            return _safe(markdown.markdown(markup, extensions=["sane_lists"], output_format="html")).strip()
    except (RecursionError, ValueError, AttributeError, IndexError, AssertionError):
        pass  # Python-Markdown's own slips on hostile input; the words are worth showing all the same
    return None


def _readable(markup: str) -> bool:
    """Tell whether Python-Markdown will be done with a text soon, and without recursing deeply."""
    if len(markup) > MAX_MARKUP_CHARS or markup.count("\n") > MAX_MARKUP_LINES or _NESTED.search(markup):
        return False
    if sum(map(markup.count, "*_`\\")) > MAX_MARKUP_MARKS:
        return False
    for pattern, opening in _BRACKETS:
        unclosed = 0
        for bracket in pattern.findall(markup):
            unclosed = unclosed + 1 if bracket == opening else max(0, unclosed - 1)
            if unclosed > MAX_UNCLOSED:
                return False
    return True


def _safe(dirty: str) -> str:
    return nh3.clean(
        dirty,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED),
        attributes={"a": {"href"}},
        attribute_filter=_kept_attribute,
        url_schemes={"http", "https"},
        link_rel="nofollow noopener",
        strip_comments=True,
    )


def _kept_attribute(tag: str, attribute: str, value: str) -> str | None:
    # The filter sees the rel that nh3 adds, too; one that the text brought is not allowed in the first place.
    return value if attribute == "rel" or value[:8].lower().startswith(("http://", "https://")) else None
