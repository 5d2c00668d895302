"""The words by which files in each language name their parts: one row a language.

In: a heading, a link's text or a remark as printed. Out: the part of a file that it announces. Another language is one
more row in ``LANGUAGES``; nothing else changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

SOURCES = "sources"
CHANGES = "changes"
RELATED = "related"


@dataclass(frozen=True, slots=True)
class Language:
    """A row of the table: what files in one language print. Case and the colon behind a word do not matter.

    tag : primary language tag, also the first folder of the site's addresses in that language (``/zh/news/…``).
    sources, changes, related : headings of the three sections.
    context : the word before shared contexts.
    image : link texts that mark an article's picture among its sources.
    current : remarks that mark the version in force.
    script : characters that only text in this language would hold; ``""`` for none.
    """

    tag: str
    sources: tuple[str, ...]
    changes: tuple[str, ...]
    related: tuple[str, ...]
    context: tuple[str, ...]
    image: tuple[str, ...]
    current: tuple[str, ...]
    script: str = ""


# The first row is what a file without any sign of its language counts as. "Source" stands in files of the older format
# with one source, "Sources" in all others. Chinese files of both scripts occur; only the simplified headings do so far.
LANGUAGES: tuple[Language, ...] = (
    Language(
        tag="en",
        sources=("Sources", "Source"),
        changes=("Changes", "Change"),
        related=("Related",),
        context=("Context", "Contexts"),
        image=("Cover Image", "IMG"),
        current=("Current version", "Current"),
    ),
    Language(
        tag="zh",
        sources=("信息来源", "信息來源", "来源", "來源"),
        changes=("变更", "變更", "更改", "修改"),
        related=("有关", "有關", "相关", "相關"),
        context=("消息",),
        image=("封面图片", "封面圖片"),
        current=("当前版本", "當前版本", "目前版本"),
        script="\u3400-\u4dbf\u4e00-\u9fff",
    ),
)
DEFAULT_LANGUAGE = LANGUAGES[0].tag


def _key(label: str) -> str:
    return label.strip().rstrip(":：").strip().casefold()


SECTIONS: dict[str, tuple[str, str]] = {
    _key(label): (section, row.tag)
    for row in LANGUAGES
    for section, printed in ((SOURCES, row.sources), (CHANGES, row.changes), (RELATED, row.related))
    for label in printed
}
"""Heading, in lower case without its colon → the section it opens, and its language."""

CONTEXTS: dict[str, str] = {_key(label): row.tag for row in LANGUAGES for label in row.context}
"""Word before shared contexts, in lower case → its language."""

IMAGES: frozenset[str] = frozenset(_key(label) for row in LANGUAGES for label in row.image)
CURRENT: frozenset[str] = frozenset(_key(label) for row in LANGUAGES for label in row.current)

_SCRIPTS = tuple((re.compile(f"[{row.script}]"), row.tag) for row in LANGUAGES if row.script)


@lru_cache(maxsize=256)
def section_of(heading: str) -> tuple[str, str] | None:
    """Return ``(section, language)`` for a heading such as ``Sources:``, or None where it opens no known section."""
    return SECTIONS.get(_key(heading)) if len(heading) <= 64 else None


def context_language(label: str) -> str:
    """Return the language whose word for shared contexts this is, ``""`` where it is no such word."""
    return CONTEXTS.get(_key(label), "") if len(label) <= 64 else ""


def is_image(label: str) -> bool:
    """Tell whether a link's text marks the article's picture."""
    return len(label) <= 64 and _key(label) in IMAGES


def is_current(note: str) -> bool:
    """Tell whether a remark marks the version in force."""
    return len(note) <= 64 and _key(note) in CURRENT


def script_language(text: str) -> str:
    """Return the language that the characters of ``text`` belong to, the default one where they tell nothing.

    Reads the first 400 characters, so its cost is bounded.
    """
    if not text.isascii():
        for pattern, tag in _SCRIPTS:
            if pattern.search(text, 0, 400):
                return tag
    return DEFAULT_LANGUAGE
