"""Making clean text and safe addresses of what a file prints.

In: pieces of a file. Out: plain text in NFC without entities, wiki quotes, control characters or doubled spaces, and
addresses that a browser may follow. Every pattern here takes time linear in its input.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

MAX_NAME_CHARS = 300
"""A topic, context or source's name longer than this is a slip of the file, not a name."""

SAFE_SCHEMES = ("http://", "https://", "ftp://")

# Only entities that end in a semicolon are decoded: HTML's older ones without it would make "?a=1©=2" of "?a=1&copy=2".
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
_WIKI_QUOTES = re.compile("'{2,}")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# "-{zh:甲; zh-tw:乙;}-" holds one word in several scripts of a language; the first one is taken.
_VARIANTS = re.compile(r"-\{[ ]?(?:[a-z]{2,3}(?:-[a-z]{2,8})?[ ]?:)?([^;{}]{0,200})(?:;[^{}]{0,1000})?\}-")
_YEAR = re.compile(r"[12][0-9]{3}")


def decode_entities(text: str) -> str:
    """Return ``text`` with its HTML entities decoded, once: ``&amp;lt;`` becomes ``&lt;``."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda match: _entity(match[0]), text)


_entity = lru_cache(maxsize=4096)(html.unescape)


def tidy(text: str) -> str:
    """Return ``text`` on one line: no wiki quotes, no control characters, single spaces, NFC. Decodes nothing."""
    if "''" in text:
        text = _WIKI_QUOTES.sub("", text)
    if "-{" in text:
        text = _VARIANTS.sub(r"\1", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))
    return " ".join(text.split())


def clean_line(text: str) -> str:
    """Return ``text`` as plain text on one line: entities decoded once, then ``tidy``."""
    return tidy(decode_entities(text) if "&" in text else text)


def clean_name(text: str) -> str:
    """Return a topic's or context's name as plain text, ``""`` where it is too long to be one."""
    name = clean_line(text)
    return name if len(name) <= MAX_NAME_CHARS else ""


def clean_paragraphs(lines: list[str], decode: bool = True) -> str:
    """Return the paragraphs of ``lines`` as plain text with ``"\\n\\n"`` between them; an empty line parts two.

    decode : False where the lines hold no entities any more.
    """
    paragraphs: list[str] = []
    held: list[str] = []
    for line in (*lines, ""):
        if line and not line.isspace():
            held.append(line)
        elif held:
            paragraph = " ".join(held)
            cleaned = clean_line(paragraph) if decode else tidy(paragraph)
            if cleaned:
                paragraphs.append(cleaned)
            held = []
    return "\n\n".join(paragraphs)


def safe_url(text: str) -> str:
    """Return an address that is safe to follow, entities decoded; ``""`` for every scheme but http, https and ftp."""
    url = decode_entities(text.strip()).strip()
    if not url.isprintable() or " " in url:
        url = "".join(_SURROGATES.sub("\ufffd", _CONTROLS.sub("", url)).split())
    return url if url[:8].lower().startswith(SAFE_SCHEMES) else ""


def split_contexts(text: str) -> tuple[str, ...]:
    """Return the contexts that a line names, each once, in its order.

    A part that is a bare year belongs to the one before it: ``A, B election, 2016`` is ``A`` and ``B election, 2016``.
    Names too long to be one are left out.
    """
    names: list[str] = []
    for part in clean_line(text).split(", "):
        part = part.strip(" ,")
        if names and _YEAR.fullmatch(part):
            names[-1] = f"{names[-1]}, {part}"
        elif part:
            names.append(part)
    return tuple(dict.fromkeys(name for name in names if len(name) <= MAX_NAME_CHARS))
