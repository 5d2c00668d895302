"""What one file says: the text of a Markdown file to a page.

In: decoded text and the file's place in the archive. Out: a ``Page``, or an ``ArticleError`` that says why there is
none. Reads no disk and knows of no other file, so it may run in any process. The structure is read line by line; the
time it takes is linear in the length of the text, whatever the text holds.
"""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import date
from functools import lru_cache

from ..errors import ArticleError
from . import labels, model
from .model import Edge, Listing, Page, Source, Version
from .paths import Place, link_language, link_path, locate, parse_day
from .render import has_markup, plain_text
from .text import MAX_NAME_CHARS, clean_line, clean_name, clean_paragraphs, safe_url, split_contexts

_CHANGED = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?")
_HEADING = re.compile(r"#{1,6}[ \t]+(.*)")
_UNDERLINE = re.compile(r"(?:=+|-{3,})[ \t]*")
_NOTHING: frozenset[str] = frozenset()
_WIKI_QUOTES = re.compile("'{2,}")


def parse_page(text: str, file: str, known: Container[str] = _NOTHING, digest: bytes = b"") -> Page:
    """Return what a file says.

    text : the file's text, decoded, with or without a byte order mark.
    file : its path relative to the archive folder, with ``/``; tells the kind of page and, where the text does not,
        the day.
    known : site paths that the archive holds a file for. Their headlines are left out of edges and listings.
    digest : hash of the file's bytes, kept in the page.
    Raises ArticleError for an article or editorial without a headline, or without a day in text or path.
    Cost: linear in the text, about 40 µs for an article of 4 KB.
    """
    place = locate(file)
    if place.kind == model.IGNORED:
        return Page(kind=model.IGNORED, path="", file=file, language=labels.DEFAULT_LANGUAGE, digest=digest)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    lines = text.removeprefix("\ufeff").split("\n")
    if place.kind == model.NEWS:
        return _article(lines, file, place, known, digest)
    if place.kind == model.OPINION:
        return _editorial(lines, file, place, digest)
    return _day_page(lines, file, place, known, digest)


def _article(lines: list[str], file: str, place: Place, known: Container[str], digest: bytes) -> Page:
    day: date | None = None
    topic = headline = language = image = section = ""
    start = len(lines)
    for number, line in enumerate(lines):
        if line[:1] != "#":
            continue
        if line[:2] == "# ":
            headline = clean_line(line[2:])
            if headline:
                start = number + 1
                break
        elif line[:6] == "##### ":
            topic = topic or clean_name(line[6:])
        elif line[:5] == "### [" and day is None:
            day, language = _date_line(line)
    if not headline:
        raise ArticleError(file, model.NO_HEADLINE)
    day = day or place.day
    if day is None:
        raise ArticleError(file, model.NO_DATE)

    summary: list[str] = []
    sources: dict[Source, None] = {}
    versions: list[Version] = []
    edges: list[Edge] = []
    spoken = ""  # the language of the first label that a language's row knows
    for line in lines[start:]:
        if line[:4] == "### ":
            known_section = labels.section_of(line[4:])
            if known_section:
                section, tag = known_section
                spoken = spoken or tag
                continue
        if not section:
            summary.append(line)
        elif not line or line.isspace():
            continue
        elif section == labels.RELATED:
            # Nearly every line leads to a file of the archive and ends in its contexts; the others take the long way.
            target, found, rest = line[line.rfind("](") + 2 :].partition(".md) _")
            if found and target in known:
                edges.append(Edge(target, contexts_of(rest)))
                continue
            edge = _edge(line, file, known)
            if edge:
                edges.append(edge)
        elif section == labels.SOURCES:
            source, picture = _source(line)
            image = image or picture
            if source:
                sources[source] = None
        else:
            version = _version(line, file)
            if version:
                versions.append(version)

    markup, plain = _summary(summary)
    return Page(
        kind=model.NEWS,
        path=place.path,
        file=file,
        language=spoken or language or place.language or labels.script_language(headline),
        date=day,
        topic=topic,
        headline=headline,
        summary=plain,
        markup=markup,
        sources=tuple(sources),
        image=image,
        versions=tuple(versions),
        edges=tuple(edges),
        digest=digest,
    )


def _date_line(line: str) -> tuple[date | None, str]:
    """Return the day of ``### [2017-01-16](/zh/news/2017/01/16/index.md)``, and the language of its link's prefix."""
    shown, found, rest = line[5:].partition("](")
    return (parse_day(shown), link_language(rest)) if found else (None, "")


def _summary(lines: list[str]) -> tuple[str, str]:
    """Return ``(markup, plain text)`` of a summary's lines; markup is ``""`` where plain text says everything."""
    raw = "\n".join(lines).strip()
    if not raw:
        return "", ""
    if has_markup(raw):
        markup = _WIKI_QUOTES.sub("", raw) if "''" in raw else raw
        return markup, plain_text(markup)
    return "", clean_paragraphs(raw.split("\n"))


def _link(line: str) -> tuple[str, str, str] | None:
    """Return ``(text, target, rest)`` of ``1. [text](target) rest``, None for a line without a link.

    The last ``](`` counts, since headlines of some files hold links themselves.
    """
    middle = line.rfind("](")
    first = line.find("[", 0, 16)
    if middle < 0 or not 0 <= first < middle:
        return None
    target, found, rest = line[middle + 2 :].partition(") _")
    if found:
        return line[first + 1 : middle], target, rest
    target, _, rest = target.rpartition(")")
    return line[first + 1 : middle], target, rest


@lru_cache(maxsize=1 << 16)
def contexts_of(text: str) -> tuple[str, ...]:
    """Return the contexts that ``Context: A, B_`` names, none where the text does not begin with such a label."""
    label, colon, names = text.partition(":")
    if not colon or len(label) > 64:
        label, colon, names = text.partition("：")
    if not colon or not labels.context_language(label):
        return ()
    return split_contexts(names.rstrip().removesuffix("_"))


def _edge(line: str, file: str, known: Container[str]) -> Edge | None:
    link = _link(line)
    if link is None:
        return None
    headline, target, rest = link
    contexts = contexts_of(rest) if rest else ()
    path = link_path(target, file)
    if path and path in known:
        return Edge(path, contexts)
    if path:
        return Edge(path, contexts, clean_line(headline))
    return Edge("", contexts) if contexts else None


def _version(line: str, file: str) -> Version | None:
    link = _link(line)
    if link is None:
        return None
    headline, target, rest = link
    path = link_path(target, file)
    if not path:
        return None
    rest = rest.strip().removesuffix("_")
    changed, _, note = rest.partition("(")
    stamp = _CHANGED.match(changed.strip()) if len(rest) <= 200 else None
    note = clean_line(note.rpartition(")")[0]) if len(rest) <= 200 else ""
    return Version(path, clean_line(headline), stamp[0] if stamp else "", note, labels.is_current(note))


def _source(line: str) -> tuple[Source | None, str]:
    """Return ``(source, picture's address)`` of a line under *Sources*; either may be missing."""
    picture = ""
    middle = line.rfind("](")
    if middle > 0:
        opening = line.rfind("[", 0, middle)
        if labels.is_image(line[opening + 1 : middle]):
            picture = safe_url(line[middle + 2 :].rpartition(")")[0])
            line = line[:opening]
            middle = line.rfind("](")
    first = line.find("[", 0, 16)
    if middle > 0 and 0 <= first < middle:
        name = clean_line(line[first + 1 : middle])
        url = safe_url(line[middle + 2 :].rpartition(")")[0])
        name = name or url.partition("://")[2].partition("/")[0]
    else:
        name, url = clean_line(re.sub(r"^\s*(?:\d{1,9}[.)]|[-*+])\s+|^\s*\d{1,9}[.)]\s*$", "", line)), ""
    if len(name) > MAX_NAME_CHARS:
        name = name[: MAX_NAME_CHARS - 1] + "…"
    return (Source(name, url) if name else None), picture


def _editorial(lines: list[str], file: str, place: Place, digest: bytes) -> Page:
    day: date | None = None
    language = headline = ""
    start = len(lines)
    for number, line in enumerate(lines):
        if line[:5] == "### [" and day is None:
            day, language = _date_line(line)
            if day:
                continue
        heading = _HEADING.match(line) if line[:1] == "#" else None
        if heading:
            title, start = heading[1].rstrip("# \t"), number + 1
        elif line.strip() and number + 1 < len(lines) and _UNDERLINE.fullmatch(lines[number + 1]):
            title, start = line, number + 2
        else:
            continue
        headline = " ".join(plain_text(title).split()) if has_markup(title) else clean_line(title)
        if headline:
            break
    if not headline:
        raise ArticleError(file, model.NO_HEADLINE)
    day = day or place.day
    if day is None:
        raise ArticleError(file, model.NO_DATE)
    markup = "\n".join(lines[start:]).strip()
    return Page(
        kind=model.OPINION,
        path=place.path,
        file=file,
        language=language or place.language or labels.script_language(headline),
        date=day,
        headline=headline,
        summary=plain_text(markup) if markup else "",
        markup=markup,
        digest=digest,
    )


def _day_page(lines: list[str], file: str, place: Place, known: Container[str], digest: bytes) -> Page:
    listings: list[Listing] = []
    topic = path = headline = language = ""
    contexts: tuple[str, ...] = ()
    summary: list[str] = []

    def close() -> None:
        if path:
            shown = path not in known
            listings.append(
                Listing(path, topic, contexts, headline if shown else "", clean_paragraphs(summary) if shown else "")
            )

    pending = ""  # the topic printed above the next headline
    for line in lines:
        if line[:1] == "#":
            if line[:5] == "### [":
                close()
                link = _link(line)
                path = link_path(link[1], file) if link else ""
                if link and not listings:
                    language = language or link_language(link[1])
                headline = clean_line(link[0]) if link and path not in known else ""
                topic, pending, contexts, summary = pending, "", (), []
                continue
            if line[:6] == "##### ":
                close()
                path, pending = "", clean_name(line[6:])
                continue
            if line[:3] == "## ":
                close()
                path = pending = ""
                language = language or _date_line("##" + line[1:])[1]
                continue
        if path and line:
            named = contexts_of(line[1:]) if line[0] == "_" and line.rstrip().endswith("_") else ()
            if named:
                contexts = tuple(dict.fromkeys((*contexts, *named)))
                continue
        if path:
            summary.append(line)
    close()
    return Page(
        kind=place.kind,
        path=place.path,
        file=file,
        language=language or place.language or labels.script_language("".join(item.headline for item in listings[:5])),
        date=place.day,
        listings=tuple(listings),
        digest=digest,
    )
